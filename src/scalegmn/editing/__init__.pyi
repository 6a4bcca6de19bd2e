from ._applying import Pictures, TrainedEditor, edit_population
from ._contact_sheets import SHEET, ContactSheets
from ._drawing import draw
from ._files import FilesEdited, edit_files
from ._image_error import ImageTargets, decibels, squared_errors
from ._refit import LEARNING_RATE, start_refit
from ._report import PICTURES, SHOWN
from ._task import EditingConfig, InrEditing

__all__ = [
    "LEARNING_RATE",
    "PICTURES",
    "SHEET",
    "SHOWN",
    "ContactSheets",
    "EditingConfig",
    "FilesEdited",
    "ImageTargets",
    "InrEditing",
    "Pictures",
    "TrainedEditor",
    "decibels",
    "draw",
    "edit_files",
    "edit_population",
    "squared_errors",
    "start_refit",
]
