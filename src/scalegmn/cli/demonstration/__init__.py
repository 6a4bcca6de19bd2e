"""The stages of ``scalegmn demo``."""
