__all__: list[str] = []

# For other rooms of the house; no promise is made about these.
from ._program_layout import program_layout as program_layout
