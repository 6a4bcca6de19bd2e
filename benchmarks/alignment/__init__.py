"""How high is the barrier between networks of different seeds, before and after alignment?"""
