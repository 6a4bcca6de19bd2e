"""Several models, several seeds, the same networks: training them all, and what came of it."""
