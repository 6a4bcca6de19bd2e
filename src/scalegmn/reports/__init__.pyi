from ._confusion import draw_confusion
from ._contact_sheet import ContactSheetError, contact_sheet, sheet_pixels
from ._curves import Panel, draw_curves
from ._embedding_picture import draw_embedding
from ._figures import (
    BLUE,
    COLOURS,
    GREEN,
    GREY,
    INK,
    ORANGE,
    SKY,
    SMALL,
    TEXT,
    YELLOW,
    new_figure,
    save_figure,
    tidy,
)
from ._metrics import Metrics, read_metrics
from ._overview import Overview, draw_overview
from ._roc import draw_roc
from ._scatter import ScatterPanel, draw_scatter
from ._tables import ResultTable, percent, seconds

__all__ = [
    "BLUE",
    "COLOURS",
    "GREEN",
    "GREY",
    "INK",
    "ORANGE",
    "SKY",
    "SMALL",
    "TEXT",
    "YELLOW",
    "ContactSheetError",
    "Metrics",
    "Overview",
    "Panel",
    "ResultTable",
    "ScatterPanel",
    "contact_sheet",
    "draw_confusion",
    "draw_curves",
    "draw_embedding",
    "draw_overview",
    "draw_roc",
    "draw_scatter",
    "new_figure",
    "percent",
    "read_metrics",
    "save_figure",
    "seconds",
    "sheet_pixels",
    "tidy",
]
