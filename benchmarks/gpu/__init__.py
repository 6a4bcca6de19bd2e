"""Everything that is asked of a GPU, in eight minutes: see `gpu.sh`."""
