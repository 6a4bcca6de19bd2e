from ._program_layout import program_layout

__all__ = ["program_layout"]
