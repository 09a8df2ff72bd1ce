"""How every figure looks: colours, markers, sizes and the drawing settings that make files reproducible.

Colours are from the palette of Okabe & Ito (2008, https://jfly.uni-koeln.de/color/), which readers with the common
colour-vision deficiencies can tell apart; each also has its own marker, line style and hatch, so that nothing is told
by colour alone and a grey print still reads.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

import matplotlib as mpl

MAX_WIDTH = 6.5  # inches: the text width of A4 and Letter pages with 1 inch margins
FONT_SIZE = 8.0  # points, the smallest text in any figure

_BREAKS = re.compile(r"(\s+|(?<=[_.])(?=\S))")

INK = "#1a1a1a"
MUTED = "#595959"
RULE = "#d9d9d9"


@dataclass(frozen=True, slots=True)
class SeriesStyle:
    """How one series is drawn.

    Attributes
    ----------
    color, marker : str
        Matplotlib names.
    line : str or dash pattern
    filled : bool
        Whether the marker's face carries the colour (a hollow marker has a white face).
    """

    color: str
    marker: str
    line: str | tuple[int, tuple[int, ...]]
    filled: bool

    @property
    def face(self) -> str:
        return self.color if self.filled else "white"


# Each reaches 3:1 against white, green and purple darkened for it; the palette's light colours serve as bar fills.
_SERIES = (
    SeriesStyle("#0072B2", "o", "-", True),
    SeriesStyle("#D55E00", "s", "--", False),
    SeriesStyle("#1a1a1a", "D", "-.", True),
    SeriesStyle("#00795A", "^", ":", False),
    SeriesStyle("#A8467F", "v", (0, (6, 1, 1, 1, 1, 1)), True),
    SeriesStyle("#595959", "P", (0, (1, 3)), False),
)


@dataclass(frozen=True, slots=True)
class WordStyle:
    """How a verdict word is drawn as a bar."""

    fill: str
    hatch: str
    ink: str


# Fills differ in lightness as well as in hue, hatches differ too, and the word itself stands in the legend.
VERDICTS: Mapping[str, WordStyle] = {
    "consistent": WordStyle("#56B4E9", "", "#1a1a1a"),
    "inconsistent": WordStyle("#D55E00", "////", "#1a1a1a"),
    "impossible": WordStyle("#1a1a1a", "", "#ffffff"),
    "undetermined": WordStyle("#F0E442", "\\\\\\\\", "#1a1a1a"),
    "not checkable": WordStyle("#ffffff", "", "#1a1a1a"),
}

_RC = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # ships with Matplotlib, so every machine draws the same
    "font.size": FONT_SIZE,
    "axes.titlesize": FONT_SIZE + 0.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": FONT_SIZE,
    "xtick.labelsize": FONT_SIZE,
    "ytick.labelsize": FONT_SIZE,
    "legend.fontsize": FONT_SIZE,
    "legend.frameon": False,
    "figure.titlesize": FONT_SIZE + 1,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.6,
    "axes.labelcolor": INK,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.3,
    "lines.markersize": 4.5,
    "hatch.linewidth": 0.5,
    "hatch.color": INK,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "mathtext.fontset": "dejavusans",
    # Outlines instead of font names: the layout was computed with DejaVu Sans, and a reader's machine may lack it.
    "svg.fonttype": "path",
    "svg.hashsalt": "bayesgov",
    "figure.constrained_layout.use": False,
}


def drawing_style() -> AbstractContextManager[None]:
    """A context in which figures are made and saved with the house settings."""
    return mpl.rc_context(_RC)


def series_styles(names: Iterable[str]) -> dict[str, SeriesStyle]:
    """One style for each series, in order of first appearance.

    Raises
    ------
    ValueError
        If there are more series than styles that stay distinct.
    """
    unique = list(dict.fromkeys(names))
    if len(unique) > len(_SERIES):
        raise ValueError(f"a figure tells {len(_SERIES)} series apart; got {len(unique)}: split it into panels")
    return dict(zip(unique, _SERIES, strict=False))


def wrapped(text: str, width: int) -> str:
    """The text broken into lines of at most ``width`` characters, long words kept whole."""
    return "\n".join(textwrap.wrap(text, width, break_long_words=False)) or text


def broken(text: str, width: int) -> str:
    """The text in lines of at most ``width`` characters; a longer word is broken, after "_" or "." if it has one."""
    wrapper = textwrap.TextWrapper(width, break_on_hyphens=False)
    wrapper.wordsep_simple_re = _BREAKS
    return "\n".join(wrapper.wrap(text)) or text
