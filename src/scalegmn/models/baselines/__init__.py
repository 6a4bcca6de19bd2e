"""What ScaleGMN is compared with, one baseline per file."""
