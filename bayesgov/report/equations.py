"""Equations as pictures that need no script and no network: Matplotlib's mathtext, drawn as one SVG path."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from markupsafe import Markup, escape
from matplotlib.path import Path
from matplotlib.textpath import TextPath

_SIZE = 14.0  # points
_MARGIN = 1.5
# SVG letter and number of vertices of each of Matplotlib's path codes.
_COMMANDS = {
    int(Path.MOVETO): ("M", 1),
    int(Path.LINETO): ("L", 1),
    int(Path.CURVE3): ("Q", 2),
    int(Path.CURVE4): ("C", 3),
}


def equation_svg(latex: str, words: str) -> Markup:
    """One equation as an inline SVG in the colour of the surrounding text.

    Parameters
    ----------
    latex : str
        The equation in mathtext's subset of LaTeX, without dollar signs.
    words : str
        The equation in words: the text alternative.

    Raises
    ------
    ValueError
        If mathtext cannot parse it; the message holds the equation.
    """
    outline = _outline(latex)
    vertices = np.asarray(outline.vertices, dtype=float)
    low, high = vertices.min(axis=0) - _MARGIN, vertices.max(axis=0) + _MARGIN
    width, height = high - low
    return Markup(
        '<svg class="equation" role="img" viewBox="0 0 {width:.2f} {height:.2f}" '
        'width="{width:.2f}pt" height="{height:.2f}pt">'
        '<title>{words}</title><path fill="currentColor" d="{path}"/></svg>'
    ).format(width=width, height=height, words=escape(words), path=_path_data(outline, low[0], high[1]))


def _outline(latex: str) -> Path:
    with mpl.rc_context({"mathtext.fontset": "stix", "text.usetex": False}):
        try:
            return TextPath((0, 0), f"${latex}$", size=_SIZE)
        except ValueError as error:
            raise ValueError(f"equation {latex!r} is not valid mathtext: {error}") from None


def _path_data(outline: Path, left: float, top: float) -> str:
    """SVG path data, with y pointing down from the top."""
    points = np.asarray(outline.vertices, dtype=float) * (1, -1) + (-left, top)
    codes = np.asarray(outline.codes, dtype=int)
    parts: list[str] = []
    index = 0
    while index < len(points):
        if codes[index] == Path.CLOSEPOLY:
            parts.append("Z")
            index += 1
            continue
        letter, count = _COMMANDS[int(codes[index])]
        numbers = points[index : index + count].ravel()
        parts.append(letter + " ".join(f"{value:.2f}" for value in numbers))
        index += count
    return "".join(parts)
