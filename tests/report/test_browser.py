"""The page in a real browser: no horizontal overflow at any width, and something to see."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDTHS = (360, 768, 1440)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the PATH to open the page")


def _browse(tmp_path: Path, *arguments: str) -> str:
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def _measured(page: str, tmp_path: Path) -> dict[int, int]:
    """Scroll width of the page at each width."""
    # A frame in a page of our own takes each width in turn: the report itself runs no script.
    frame = html.escape(page.replace("<head>", "<head><base target=_self>", 1), quote=True)
    script = (
        "const f=document.querySelector('iframe');f.onload=()=>{const out={};"
        f"for(const w of {list(WIDTHS)}){{f.style.width=w+'px';"
        "out[w]=f.contentDocument.documentElement.scrollWidth}"
        "document.querySelector('pre').textContent=JSON.stringify(out)}"
    )
    wrapper = tmp_path / "wrapper.html"
    wrapper.write_text(
        f'<!doctype html><pre></pre><iframe style="height:800px;border:0"></iframe><script>{script}</script>'
        f'<template>{frame}</template><script>f.srcdoc=document.querySelector("template").content.textContent</script>',
        encoding="utf-8",
    )
    shown = _browse(tmp_path, "--virtual-time-budget=10000", "--dump-dom", wrapper.as_uri())
    match = re.search(r"<pre>(\{.+?\})</pre>", shown)
    assert match, "the browser measured nothing"
    return {int(width): found for width, found in json.loads(match[1]).items()}


def test_no_horizontal_overflow(page: str, tmp_path: Path) -> None:
    assert _measured(page, tmp_path) == {width: width for width in WIDTHS}


def test_no_horizontal_overflow_of_a_fit_to_rows(rows_page: str, tmp_path: Path) -> None:
    assert _measured(rows_page, tmp_path) == {width: width for width in WIDTHS}


def test_the_page_shows_something(run_folder: Path, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    _browse(tmp_path, "--window-size=1200,1600", f"--screenshot={picture}", (run_folder / "report.html").as_uri())
    pixels = matplotlib.image.imread(picture)
    assert pixels.shape[:2] == (1600, 1200)
    # text covers a few per cent of a page; a blank or broken one has a single colour
    assert 0.01 < np.mean(pixels[..., :3].min(axis=-1) < 0.7) < 0.5
