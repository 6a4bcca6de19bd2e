"""Tables and pictures of results.

Pictures are drawn on figures of their own; the global state of pyplot is never touched, so this can run
beside a program that plots.
"""
