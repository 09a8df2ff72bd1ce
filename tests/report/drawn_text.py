"""What a figure really draws as text, and where; for tests that look for overlaps."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from unittest import mock

from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

# Glyph boxes include the white around the letters; boxes that only touch by less than this do not overlap on paper.
SLACK_POINTS = 1.0


@dataclass(frozen=True)
class DrawnText:
    text: str
    size: float
    box: Bbox


@functools.lru_cache(maxsize=2)  # one drawing serves all questions about a finished figure
def drawn_texts(figure: Figure) -> list[DrawnText]:
    """Every non-empty text that drawing the figure draws (tick labels out of view are not drawn)."""
    found: list[DrawnText] = []
    draw = Text.draw

    def recording(self: Text, renderer: RendererBase, *args: object, **kwargs: object) -> None:
        if self.get_visible() and self.get_text().strip():
            found.append(DrawnText(self.get_text(), float(self.get_fontsize()), Text.get_window_extent(self, renderer)))
        draw(self, renderer, *args, **kwargs)

    canvas = FigureCanvasAgg(figure)
    with mock.patch.object(Text, "draw", recording):
        canvas.draw()
    return found


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts whose boxes overlap."""
    slack = SLACK_POINTS * figure.dpi / 72
    pairs = []
    for one, other in itertools.combinations(drawn_texts(figure), 2):
        width = min(one.box.x1, other.box.x1) - max(one.box.x0, other.box.x0)
        height = min(one.box.y1, other.box.y1) - max(one.box.y0, other.box.y0)
        if width > slack and height > slack:
            pairs.append((one.text, other.text))
    return pairs


def outside(figure: Figure) -> list[str]:
    """Texts that leave the canvas."""
    canvas = figure.bbox.padded(SLACK_POINTS * figure.dpi / 72)
    return [
        entry.text
        for entry in drawn_texts(figure)
        if not (
            canvas.x0 <= entry.box.x0
            and entry.box.x1 <= canvas.x1
            and canvas.y0 <= entry.box.y0
            and entry.box.y1 <= canvas.y1
        )
    ]
