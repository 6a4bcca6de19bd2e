from ._reading import program_from_json
from ._storing import load_program, save_program
from ._writing import fingerprint, program_to_json

__all__ = ["fingerprint", "load_program", "program_from_json", "program_to_json", "save_program"]

# For other rooms of the house; no promise is made about these.
from ._reading import program_from_plain as program_from_plain
from ._writing import program_to_plain as program_to_plain
