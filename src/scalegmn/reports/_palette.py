"""The colors of pictures and pages, as text, for those who draw without matplotlib too."""

from __future__ import annotations

from typing import Final

# Okabe and Ito: tell apart with every common kind of color vision.
BLUE: Final = "#0072B2"
ORANGE: Final = "#D55E00"
GREEN: Final = "#009E73"
PURPLE: Final = "#CC79A7"
YELLOW: Final = "#E69F00"
SKY: Final = "#56B4E9"
COLORS: Final = (BLUE, ORANGE, GREEN, PURPLE, YELLOW, SKY)
INK: Final = "#222222"
GRAY: Final = "#767676"
PALE: Final = "#DDDDDD"
