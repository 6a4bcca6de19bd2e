"""Families of networks whose ancestors are known, and what tells them."""
