"""Repairs of trojaned networks that are not learned by a metanetwork, and the figures they are judged by."""
