"""What ``scalegmn info`` says about each kind of thing: one file per kind."""
