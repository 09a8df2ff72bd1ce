"""Figures as SVG that many can stand in one HTML page, and as files."""

from __future__ import annotations

import io
import re
from pathlib import Path

from markupsafe import Markup, escape
from matplotlib.figure import Figure

from bayesgov.report.style import drawing_style

_PNG_DPI = 160
_ID = re.compile(r'\s+id="([^"]+)"')
_HREF = re.compile(r'\bxlink:href="#([^"]+)"')
_URL = re.compile(r"url\(#([^)]+)\)")
_COMMENT = re.compile(r"<!--.*?-->\s*", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>\s*", re.DOTALL)
# Matplotlib's style element would hold for every drawing on the page; the root carries the same rules instead.
_STYLE = re.compile(r"<defs>\s*<style[^>]*>.*?</style>\s*</defs>\s*", re.DOTALL)
_OPENING = re.compile(r"<svg\b[^>]*?viewBox=\"([^\"]+)\"[^>]*>")
_SPACE = re.compile(r"\s*\n\s*([<\"MLQCz]|$)")  # line breaks before a tag, a path command or a closing quote
_LONG_NUMBER = re.compile(r"(\d+\.\d{2})\d+")
_PATH_DATA = re.compile(r' d="([^"]*)"')


def svg_text(figure: Figure) -> str:
    """The figure as an SVG file's text; the same figure gives the same text."""
    stream = io.StringIO()
    with drawing_style():
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()


def inline_svg(text: str, key: str, title: str, description: str) -> Markup:
    """An SVG file's text as an element for an HTML page, with a text alternative and ids of its own.

    Parameters
    ----------
    text : str
        What :func:`svg_text` returned.
    key : str
        Prefix of every id; Matplotlib repeats ids from figure to figure.
    title, description : str
        Name and long description, read out in place of the picture.
    """
    opening = _OPENING.search(text)
    if opening is None:
        raise ValueError(f"figure {key!r}: no <svg> element with a viewBox")
    body = _STYLE.sub("", _METADATA.sub("", _COMMENT.sub("", text[opening.end() :])))
    body = _PATH_DATA.sub(lambda match: f' d="{_LONG_NUMBER.sub(r"\1", match[1])}"', body)
    body = _SPACE.sub(r"\1", _own_ids(body, key))
    width, height = opening[1].split()[2:]
    head = Markup(
        '<svg role="img" style="stroke-linejoin: round; stroke-linecap: butt" '
        'aria-labelledby="{key}--title {key}--desc" viewBox="{box}" width="{width}pt" height="{height}pt">'
        '<title id="{key}--title">{title}</title><desc id="{key}--desc">{description}</desc>'
    ).format(key=key, box=opening[1], width=width, height=height, title=escape(title), description=escape(description))
    return head + Markup(body)


def _own_ids(body: str, key: str) -> str:
    """Ids that something refers to become ``key--1``, ``key--2``, ...; the others go."""
    used = dict.fromkeys([*_HREF.findall(body), *_URL.findall(body)])
    own = {name: f"{key}--{number}" for number, name in enumerate(used, start=1)}
    body = _ID.sub(lambda match: f' id="{own[match[1]]}"' if match[1] in own else "", body)
    # plain href: HTML parsers know it without the xlink namespace
    body = _HREF.sub(lambda match: f'href="#{own[match[1]]}"', body)
    return _URL.sub(lambda match: f"url(#{own[match[1]]})", body)


def write_figure(figure: Figure, folder: Path, stem: str) -> None:
    """Write ``stem.svg`` and ``stem.png``, free of dates and versions."""
    (folder / f"{stem}.svg").write_text(svg_text(figure), encoding="utf-8")
    with drawing_style():
        figure.savefig(folder / f"{stem}.png", format="png", dpi=_PNG_DPI, metadata={"Software": None})
