"""What ``scalegmn doctor`` looks at."""
