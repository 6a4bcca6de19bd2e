"""What ``scalegmn make`` can make: one file per kind of network."""
