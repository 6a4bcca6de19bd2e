"""What fitted baselines read of a network: one set of numbers per file."""
