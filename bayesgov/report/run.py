"""From studies to a run folder: reanalyse with a progress display, assemble the report, write it, say what came out."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from bayesgov import __version__
from bayesgov.report.document import check_writable, write_run
from bayesgov.spec import PublishedSpec
from bayesgov.study import Study

if TYPE_CHECKING:
    from bayesgov.published.reanalysis import StudyReanalysis

_LIBRARIES = (
    "pymc",
    "pytensor",
    "nutpie",
    "numba",
    "arviz",
    "numpy",
    "scipy",
    "pandas",
    "xarray",
    "zarr",
    "matplotlib",
)


def reanalyse_and_write(jobs: Sequence[tuple[Study, PublishedSpec]], folder: Path, command: str) -> int:
    """Run everything and write the run folder.

    Parameters
    ----------
    jobs : sequence of (Study, PublishedSpec)
    folder : Path
    command : str
        The command line, for provenance.

    Returns
    -------
    int
        Exit code: 0, or 1 if a step crashed (the report says which).

    Raises
    ------
    InputError
        If the folder cannot be written or a study's claims cannot be judged.
    """
    check_writable(folder)
    start, console = time.perf_counter(), Console(stderr=True)
    with progress_display(console) as display:
        steps = _Steps(display, jobs)
        # loaded here: the samplers and Matplotlib take seconds, and the display already runs
        from bayesgov.published.reanalysis import reanalyse_all
        from bayesgov.report.assemble import document, trees

        results = reanalyse_all(jobs, progress=steps.block, workers=os.cpu_count() or 1)
        steps.overall("drawing the report")
        content = document(results, provenance(command, start) | _job_facts(jobs))
        specs = {f"{study.key}.toml": (study.folder / "published.toml").read_text("utf-8") for study, _ in jobs}
        specs |= {f"{study.key}-used.json": spec.model_dump_json(indent=2) for study, spec in jobs}
        report = write_run(folder, content, trees(results), specs)
    _summary(console, results, report, time.perf_counter() - start)
    return 1 if any(result.problems for result in results) else 0


def progress_display(console: Console) -> Progress:
    """A display of what runs and for how long; silent where the output is no terminal."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        TextColumn("{task.fields[step]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,  # the summary replaces it; a refusal stays one line
        disable=not console.is_terminal,  # a log gets lines instead of bars
    )


class _Steps:
    """Progress lines: one for each block of each study, one for the whole."""

    def __init__(self, display: Progress, jobs: Sequence[tuple[Study, PublishedSpec]]) -> None:
        blocks = [f"{study.key}/{block}" for study, spec in jobs for block in spec.blocks]
        self._display = display
        self._all = display.add_task("reanalysis", total=len(blocks) + 1, step="reading the printed tables")
        self._tasks: dict[str, TaskID] = {
            name: display.add_task(name, total=None, start=False, step="waiting") for name in blocks
        }

    def block(self, name: str, message: str) -> None:
        task = self._tasks[name]
        # a block's own messages start with its name, which the line already shows
        step = message.partition(": ")[2] or message
        self._display.start_task(task)
        if self._display.disable:
            self._display.console.print(f"{name}: {step}", highlight=False)
        if message in ("done", "crashed"):
            self._display.update(task, total=1, completed=1, step=step)
            self._display.stop_task(task)
            self._display.advance(self._all)
        else:
            self._display.update(task, step=step)
        self._display.update(self._all, step="fitting both schools")

    def overall(self, step: str) -> None:
        self._display.update(self._all, step=step)


def provenance(command: str, start: float) -> dict[str, str]:
    """What made a run: command, versions, machine and time; ``start`` is of ``time.perf_counter``."""
    return {
        "command": command,
        "bayesgov": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        **{library: importlib.metadata.version(library) for library in _LIBRARIES},
        "written (UTC)": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "wall time until the report was drawn (s)": f"{time.perf_counter() - start:.1f}",
    }


def _job_facts(jobs: Sequence[tuple[Study, PublishedSpec]]) -> dict[str, str]:
    return {
        **{f"seed, {study.key}": str(spec.sampling.seed) for study, spec in jobs},
        **{f"checksum of the study's files, {study.key} (SHA-256)": study.checksum for study, _ in jobs},
    }


def _summary(console: Console, results: Sequence[StudyReanalysis], report: Path, seconds: float) -> None:
    for result in results:
        failed = [
            f"{fit.label}: {check.name}"
            for fit in result.fits.values()
            for check in fit.checks()
            if check.status == "fail"
        ]
        flags = sum(row.verdict in ("inconsistent", "impossible") for row in result.audit.rows)
        console.print(
            f"{result.study.key}: {len(result.verdicts)} claims judged, {flags} of {len(result.audit.rows)} audit "
            "checks "
            f"flagged, {len(result.fits)} fits, "
            + (f"failed diagnostics: {', '.join(failed)}" if failed else "no diagnostic failed"),
            highlight=False,
            soft_wrap=True,
        )
        for problem in result.problems:
            console.print(problem, style="bold", highlight=False, soft_wrap=True)
    console.print(f"{seconds:.0f} s", highlight=False, soft_wrap=True)
    print(report, file=sys.stdout)
