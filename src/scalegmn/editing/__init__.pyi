from ._applying import TrainedEditor, edit_population
from ._drawing import draw
from ._files import EditedFiles, edit_files
from ._image_error import ImageTargets
from ._task import EditingConfig, InrEditing

__all__ = [
    "EditedFiles",
    "EditingConfig",
    "ImageTargets",
    "InrEditing",
    "TrainedEditor",
    "draw",
    "edit_files",
    "edit_population",
]

# For other rooms of the house; no promise is made about these.
from ._applying import Pictures as Pictures
from ._contact_sheets import ContactSheets as ContactSheets
from ._image_error import decibels as decibels
from ._image_error import squared_errors as squared_errors
from ._refit import LEARNING_RATE as LEARNING_RATE
from ._refit import start_refit as start_refit
from ._report import PICTURES as PICTURES
from ._report import SHEET as SHEET
from ._report import SHOWN as SHOWN
