"""Is every network of a fixed list captured, and are the symmetries that are found true?"""
