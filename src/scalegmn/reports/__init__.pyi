from ._before_after import BeforeAfter, draw_before_after
from ._confusion import draw_confusion
from ._contact_sheet import ContactSheetError, contact_sheet
from ._curves import CurvePanel, draw_curves
from ._difference_sheet import draw_differences
from ._embedding_picture import draw_embedding
from ._figures import save_figure
from ._kept_picture import draw_function_kept
from ._line_picture import LineCurve, draw_lines
from ._lineage_picture import LineagePictureError, TreeRow, draw_lineage, tree_order
from ._measured_picture import MeasuredLine, draw_measured
from ._metrics import Metrics, read_metrics
from ._overview import Overview, draw_overview
from ._roc import draw_roc
from ._scatter import ScatterPanel, draw_scatter
from ._symmetry_animation import animate_symmetry
from ._symmetry_sheet import draw_symmetries
from ._tables import ResultTable
from ._twin_picture import draw_symmetric_twin

__all__ = [
    "BeforeAfter",
    "ContactSheetError",
    "CurvePanel",
    "LineCurve",
    "LineagePictureError",
    "MeasuredLine",
    "Metrics",
    "Overview",
    "ResultTable",
    "ScatterPanel",
    "TreeRow",
    "animate_symmetry",
    "contact_sheet",
    "draw_before_after",
    "draw_confusion",
    "draw_curves",
    "draw_differences",
    "draw_embedding",
    "draw_function_kept",
    "draw_lineage",
    "draw_lines",
    "draw_measured",
    "draw_overview",
    "draw_roc",
    "draw_scatter",
    "draw_symmetric_twin",
    "draw_symmetries",
    "read_metrics",
    "save_figure",
    "tree_order",
]

# For other rooms of the house; no promise is made about these.
from ._contact_sheet import sheet_pixels as sheet_pixels
from ._figures import SMALL as SMALL
from ._figures import TEXT as TEXT
from ._figures import new_figure as new_figure
from ._figures import tidy as tidy
from ._palette import BLUE as BLUE
from ._palette import COLORS as COLORS
from ._palette import GRAY as GRAY
from ._palette import GREEN as GREEN
from ._palette import INK as INK
from ._palette import ORANGE as ORANGE
from ._palette import SKY as SKY
from ._palette import YELLOW as YELLOW
from ._tables import percent as percent
from ._tables import seconds as seconds
from ._words import in_words as in_words
