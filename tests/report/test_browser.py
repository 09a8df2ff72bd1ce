"""The page in a real browser: no horizontal overflow at any width, something to see, and nothing that axe objects to.

``BAYESGOV_AXE`` names axe-core's ``axe.min.js`` (``npm pack axe-core``), which is no part of this repository.
"""

from __future__ import annotations

import html
import json
import os
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

AXE = Path(os.environ.get("BAYESGOV_AXE", "axe.min.js"))
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
SCHEMES = {"dark": "0", "light": "1"}  # Blink's numbers of the colour schemes

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


def _objections(page: str, tmp_path: Path, scheme: str) -> list[str]:
    """Rules of WCAG and good practice that the page breaks, with everything unfolded; serious and critical ones."""
    check = (
        "document.querySelectorAll('details').forEach(d=>d.open=true);"
        "const dark=matchMedia('(prefers-color-scheme: dark)').matches;"
        "axe.run(document,{resultTypes:['violations']}).then(found=>{const out={dark,passes:found.passes.length,"
        "violations:found.violations.map(v=>[v.impact,v.id,v.nodes[0].html].join(' '))};"
        "document.body.innerHTML='<pre></pre>';document.querySelector('pre').textContent=JSON.stringify(out)})"
    )
    # the policy of the page forbids every script, this one too
    scripts = f"<script>{AXE.read_text('utf-8')}</script><script>{check}</script></body>"
    copy = tmp_path / "checked.html"
    copy.write_text(POLICY.sub("", page).replace("</body>", scripts), encoding="utf-8")
    flags = (f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}", "--virtual-time-budget=60000", "--dump-dom")
    match = re.search(r"<pre>(\{.+?\})</pre>", _browse(tmp_path, *flags, copy.as_uri()), re.DOTALL)
    assert match, "axe found nothing to say"
    found = json.loads(html.unescape(match[1]))
    assert found["dark"] == (scheme == "dark")
    assert found["passes"] > 5
    return [text for text in found["violations"] if text.startswith(("serious", "critical"))]


needs_axe = pytest.mark.skipif(not AXE.is_file(), reason="needs axe-core: BAYESGOV_AXE names its axe.min.js")


@needs_axe
@pytest.mark.parametrize(
    ("kind", "scheme"),
    [
        ("printed", "light"),
        ("rows", "dark"),
        pytest.param("printed", "dark", marks=pytest.mark.slow),
        pytest.param("rows", "light", marks=pytest.mark.slow),
    ],
)
def test_the_page_is_accessible(page: str, rows_page: str, tmp_path: Path, kind: str, scheme: str) -> None:
    assert _objections({"printed": page, "rows": rows_page}[kind], tmp_path, scheme) == []


@needs_axe
def test_the_check_of_accessibility_notices(tmp_path: Path) -> None:
    faint = '<!doctype html><html lang="en"><head><title>Faint</title></head><body><main><h1>One</h1>'
    faint += '<details><summary>Open</summary><p style="color: #ddd; background: #fff">Hardly there.</p></details>'
    assert [text.split()[1] for text in _objections(faint + "</main></body>", tmp_path, "light")] == ["color-contrast"]
