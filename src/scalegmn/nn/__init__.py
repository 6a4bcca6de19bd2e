"""Building blocks of metanetworks; each states its law."""
