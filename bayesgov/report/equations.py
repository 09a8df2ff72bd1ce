"""Equations as pictures that need no script and no network: Matplotlib's mathtext, drawn as one SVG path."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from markupsafe import Markup, escape
from matplotlib.path import Path
from matplotlib.textpath import TextPath

_SIZE = 12.0  # points
_MARGIN = 1.5
# SVG letter and number of vertices of each of Matplotlib's path codes.
_COMMANDS = {Path.MOVETO: ("M", 1), Path.LINETO: ("L", 1), Path.CURVE3: ("Q", 2), Path.CURVE4: ("C", 3)}


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
    low, high = outline.vertices.min(axis=0) - _MARGIN, outline.vertices.max(axis=0) + _MARGIN
    width, height = high - low
    return Markup(
        '<svg class="equation" role="img" viewBox="0 0 {width:.2f} {height:.2f}" width="{width:.2f}pt" height="{height:.2f}pt">'
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
    points = np.column_stack([outline.vertices[:, 0] - left, top - outline.vertices[:, 1]])
    parts: list[str] = []
    index = 0
    while index < len(points):
        code = outline.codes[index]  # type: ignore[index]  a TextPath always has codes
        if code == Path.CLOSEPOLY:
            parts.append("Z")
            index += 1
            continue
        letter, count = _COMMANDS[code]
        numbers = points[index : index + count].ravel()
        parts.append(letter + " ".join(f"{value:.2f}" for value in numbers))
        index += count
    return "".join(parts)
