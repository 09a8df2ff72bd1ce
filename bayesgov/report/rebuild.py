"""The report of stored runs: one run's page again, or one page of several with their fits compared."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from urllib.parse import quote

from bayesgov import __version__
from bayesgov.errors import InputError
from bayesgov.report.compared_runs import comparison_document
from bayesgov.report.content import Document
from bayesgov.report.document import write_run
from bayesgov.report.page import render_page, slug
from bayesgov.report.stored import CONTENT, StoredRun, read_run
from bayesgov.runs import load_fits


def report_runs(
    folders: Sequence[Path], output: Path | None = None, say: Callable[[str], None] = lambda _message: None
) -> Path:
    """Write one page for all runs; the same runs give the same bytes.

    Parameters
    ----------
    folders : sequence of Path
        Run folders; each once.
    output : Path, optional
        An ``.html`` file, or a folder that gets ``report.html``. By default a single run's own page is written again,
        and that of several goes to ``runs/NAME+NAME``. Links lead to the run folders, and so hold while page and
        folders stay where they are to one another.
    say : callable
        Called with the reason where several runs cannot be compared.

    Returns
    -------
    Path
        The page. With several runs whose fits share terms, a run folder ``STEM-comparison`` beside it has the tables
        and figures that compare them.

    Raises
    ------
    InputError
        If a folder is no run or named twice, or the page cannot be written.
    """
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise InputError(f"each run should be named once; got {' '.join(map(str, folders))}")
    runs = [read_run(folder) for folder in folders]
    page = _page_path(folders, output)
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        placed = _placed(runs, folders, page)
        if len(runs) > 1 and (document := _comparison(folders, say)):
            place = page.parent / f"{page.stem}-comparison"
            write_run(place, document, {}, {})
            placed.insert(0, replace(read_run(place), anchor="comparison-", base=f"{quote(place.name)}/"))
        _replace_file(page, render_page(placed))
    except OSError as error:
        raise InputError(f"{page}: cannot be written ({error.strerror}): choose another place") from None
    return page


def _page_path(folders: Sequence[Path], output: Path | None) -> Path:
    if output is None:
        if len(folders) == 1:
            return folders[0] / "report.html"
        output = Path("runs") / "+".join(folder.resolve().name for folder in folders)
    if output.suffix.lower() in (".html", ".htm") and not output.is_dir():
        return output
    foreign = (output / CONTENT).is_file() and [output.resolve()] != [folder.resolve() for folder in folders]
    if foreign:
        raise InputError(f"{output}: this is a run with a report of its own: choose another folder or file")
    return output / "report.html"


def _placed(runs: Sequence[StoredRun], folders: Sequence[Path], page: Path) -> list[StoredRun]:
    """Every run with its way from the page and, where there are several, an anchor and titles of its own."""
    bases = ["" if way == "." else f"{quote(way)}/" for way in (_way(folder, page) for folder in folders)]
    placed = [replace(run, base=base) for run, base in zip(runs, bases, strict=True)]
    if len(runs) == 1:
        return placed
    titles = Counter(part.title for run in runs for part in run.document.parts)
    return [
        replace(run, anchor=f"{name}-", document=_told_apart(run, name, titles))
        for run, name in zip(placed, _names(folders), strict=True)
    ]


def _way(folder: Path, page: Path) -> str:
    return Path(os.path.relpath(folder.resolve(), page.parent.resolve())).as_posix()


def _names(folders: Sequence[Path]) -> list[str]:
    """A short name for each run: its folder's, numbered where two are alike."""
    names = [slug(folder.resolve().name) or "run" for folder in folders]
    counts = Counter(names)
    numbers = {name: count(1) for name in counts}
    return [f"{name}.{next(numbers[name])}" if counts[name] > 1 else name for name in names]


def _told_apart(run: StoredRun, name: str, titles: Counter[str]) -> Document:
    document = run.document
    parts = tuple(
        replace(part, title=f"{part.title} ({name})") if titles[part.title] > 1 else part for part in document.parts
    )
    return replace(document, title=f"{document.title} ({name})", parts=parts)


def _comparison(folders: Sequence[Path], say: Callable[[str], None]) -> Document | None:
    """What compares the runs' fits, or None with the reason said."""
    try:
        fits = iter(load_fits(folders))
        document = comparison_document([list(islice(fits, _number_of_fits(folder))) for folder in folders])
    except InputError as error:
        say(f"no comparison on the page: {error}")
        return None
    return replace(document, provenance={"runs": ", ".join(_names(folders)), "bayesgov": __version__})


def _number_of_fits(folder: Path) -> int:
    return len(list((folder / "trees").glob("*.zarr")))


def _replace_file(path: Path, text: str) -> None:
    """Write the whole file or leave it as it was."""
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.chmod(draft, 0o644)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
