"""The run folder: everything a reanalysis leaves behind, written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd
import xarray as xr

from bayesgov.errors import InputError
from bayesgov.report.bibliography import bibtex, cited, reference_list
from bayesgov.report.checklist import checklist_table, filled_checklists, guideline_keys
from bayesgov.report.content import Block, Document, ReportFigure, ReportTable, StudyPart
from bayesgov.report.manuscript import methods_markdown
from bayesgov.report.page import render_page, slug
from bayesgov.report.stored import StoredRun, read_run, write_content
from bayesgov.report.svg import write_figure
from bayesgov.report.tables import with_index, write_table
from bayesgov.runs import PROVENANCE

# What a disk refuses with; any other error on the way is a defect and keeps its traceback.
_DISK_ERRORS = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def check_writable(folder: Path) -> None:
    """Make sure that a run can be written to ``folder``, before any work; nothing is left behind.

    Raises
    ------
    InputError
        If the folder holds something that is no former run, or its place cannot be written to.
    """
    if folder.is_symlink() or folder.exists():
        if not folder.is_dir():
            raise InputError(f"{folder}: a folder for the run was wanted; this is a file: choose another name")
        try:
            foreign = any(folder.iterdir()) and not (folder / PROVENANCE).is_file()
        except OSError as error:
            raise InputError(f"{folder}: cannot be read ({error.strerror})") from None
        if foreign:
            raise InputError(
                f"{folder}: holds files that are no former run ({PROVENANCE} is missing): choose an empty folder"
            )
    place = next(parent for parent in folder.absolute().parents if parent.exists())
    try:
        os.rmdir(tempfile.mkdtemp(prefix=".bayesgov-", dir=place))
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({place}: {error.strerror}): choose another folder") from None


def write_run(folder: Path, document: Document, trees: Mapping[str, xr.DataTree], spec_text: Mapping[str, str]) -> Path:
    """Write report, figures, tables, trees, audits, verdicts, specs and provenance.

    Everything goes to a hidden folder beside ``folder`` and is renamed at the end, so a failure on the way leaves
    neither a half-written run nor a damaged former one.

    Parameters
    ----------
    folder : Path
        New, empty, or a former run, which is replaced.
    trees : mapping of str to xarray.DataTree
        Fit's label -> tree, written to ``trees/<label>.zarr``.
    spec_text : mapping of str to str
        File name -> text, written to ``spec/``.

    Returns
    -------
    Path
        The report, ``folder / "report.html"``.

    Raises
    ------
    InputError
        As :func:`check_writable`, and if the disk refuses on the way.
    ValueError
        If two figures, tables or trees share a key.
    """
    check_writable(folder)
    target = folder.absolute()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _staging(target) as draft:
            _write_all(draft, document, trees, spec_text)
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        raise InputError(f"{folder}: cannot be written ({error.strerror})") from error
    return folder / "report.html"


@contextlib.contextmanager
def _staging(target: Path) -> Iterator[Path]:
    """A hidden sibling that takes the target's place on success and vanishes on failure."""
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    draft, former = work / "new", work / "former"
    try:
        draft.mkdir()
        yield draft
        if target.exists():
            target.rename(former)
        try:
            draft.rename(target)
        except OSError:
            if former.exists():
                former.rename(target)
            raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _write_all(
    folder: Path, document: Document, trees: Mapping[str, xr.DataTree], spec_text: Mapping[str, str]
) -> None:
    _write_figures(folder / "figures", document.blocks)
    _write_tables(folder / "tables", document.blocks)
    for part in document.parts:
        if part.judged:
            verdict_frame(part).to_csv(folder / f"verdicts-{part.key}.csv", index=False, lineterminator="\n")
    names = _write_trees(folder / "trees", trees), _write_specs(folder / "spec", spec_text)
    write_content(folder, document, *names)
    # the page is written from the files, so that the same files give the same page whenever it is asked for
    run = read_run(folder)
    _write_for_authors(folder, run)
    (folder / "report.html").write_text(render_page([run]), encoding="utf-8")


def _write_for_authors(folder: Path, run: StoredRun) -> None:
    """The checklist as a table, the references as BibTeX, the methods as text."""
    filled = filled_checklists(run)
    if filled:
        write_table(checklist_table(filled), folder / "tables")
    guidelines = guideline_keys(filled)
    (folder / "references.bib").write_text(bibtex(cited(run.document, guidelines)), encoding="utf-8")
    methods = methods_markdown(run.document, reference_list(run.document))
    (folder / "methods.md").write_text(methods, encoding="utf-8")


def _write_figures(folder: Path, blocks: Sequence[Block]) -> None:
    folder.mkdir()
    written: set[str] = set()
    for block in (block for block in blocks if isinstance(block, ReportFigure)):
        if block.key in written:
            raise ValueError(f"two figures have the key {block.key!r}; each needs its own")
        write_figure(block.figure, folder, block.key)
        with_index(block.data).to_csv(folder / f"{block.key}.csv", index=False, lineterminator="\n")
        written.add(block.key)


def _write_tables(folder: Path, blocks: Sequence[Block]) -> None:
    folder.mkdir()
    written: set[str] = set()
    for block in (block for block in blocks if isinstance(block, ReportTable)):
        if block.key in written:
            raise ValueError(f"two tables have the key {block.key!r}; each needs its own")
        write_table(block, folder)
        written.add(block.key)


def _write_trees(folder: Path, trees: Mapping[str, xr.DataTree]) -> tuple[str, ...]:
    folder.mkdir()
    names: dict[str, str] = {}
    for label, tree in trees.items():
        name = f"{slug(label)}.zarr"
        if name in names:
            raise ValueError(f"trees {names[name]!r} and {label!r} would share the name {name!r}")
        # consolidated metadata is no part of the zarr 3 specification
        tree.to_zarr(folder / name, consolidated=False)
        names[name] = label
    return tuple(names)


def _write_specs(folder: Path, spec_text: Mapping[str, str]) -> tuple[str, ...]:
    folder.mkdir()
    for name, text in spec_text.items():
        (folder / name).write_text(text, encoding="utf-8")
    return tuple(spec_text)


def verdict_frame(part: StudyPart) -> pd.DataFrame:
    """The verdict table as data: one row for each claim."""
    return pd.DataFrame(
        [
            {
                "claim": verdict.claim_id,
                "sentence": verdict.sentence,
                "place": verdict.place,
                "estimand": verdict.estimand,
                "rule": verdict.rule,
                "printed": verdict.printed.answer,
                "printed_text": verdict.printed.text,
                "frequentist": verdict.frequentist.answer,
                "frequentist_text": verdict.frequentist.text,
                "posterior": verdict.posterior.answer,
                "posterior_probability": verdict.posterior.probability,
                "posterior_text": verdict.posterior.text,
                "robustness": verdict.robustness,
            }
            for verdict in part.verdicts
        ]
    )
