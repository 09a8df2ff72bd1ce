"""From a spec and rows to a run folder: fit both schools with a progress display, write the report."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict
from rich.console import Console

from bayesgov.claims import Claim
from bayesgov.data import Table, read_table
from bayesgov.errors import InputError
from bayesgov.fits import Approach
from bayesgov.panel.spec import DynamicPanelSpec, read_dynamic_panel_spec
from bayesgov.report.document import check_writable, write_run
from bayesgov.report.run import progress_display, provenance
from bayesgov.row_claims import PANEL_TABLES, SURVEY_TABLES, claims_beside, judge_rows, read_row_claims
from bayesgov.spec import with_sampling
from bayesgov.study import read_toml
from bayesgov.survey.spec import CumulativeSpec, read_cumulative_spec

if TYPE_CHECKING:
    from bayesgov.panel.analysis import PanelAnalysis
    from bayesgov.report.content import Document
    from bayesgov.survey.analysis import SurveyAnalysis

type RowSpec = CumulativeSpec | DynamicPanelSpec


def fit_and_write(
    spec_path: Path,
    data_path: Path | None,
    folder: Path,
    *,
    approach: Literal["both", "bayesian", "frequentist"],
    sampling: Mapping[str, int | None],
    command: str,
    claims_path: Path | None = None,
) -> int:
    """Fit and write the run folder.

    Parameters
    ----------
    spec_path, data_path : Path
        The spec is of an ordinal regression (it has a formula) or of a panel (it has a unit and a time); ``data_path``
        None takes the file that it names.
    folder : Path
    approach : {"both", "bayesian", "frequentist"}
    sampling : mapping
        Sampling options that replace the spec's; None leaves one as it is.
    command : str
        The command line, for provenance.
    claims_path : Path, optional
        Claims to rule on; by default ``NAME.claims.toml`` beside ``NAME.toml``, if there is one.

    Returns
    -------
    int
        Exit code: 0, or 1 if a step crashed (the report says which).

    Raises
    ------
    InputError
        If spec, data or folder cannot be used.
    """
    start, console = time.perf_counter(), Console(stderr=True)
    given, texts = _read_spec(spec_path)
    spec = with_sampling(given, **sampling)
    path = _data_path(spec, spec_path, data_path)
    check_writable(folder)
    claims = _read_claims(spec, claims_beside(spec_path, claims_path), texts)
    table = read_table(path)
    approaches: tuple[Approach, ...] = ("frequentist", "bayesian") if approach == "both" else (approach,)
    with progress_display(console) as display:
        task = display.add_task(spec_path.stem, total=None, step="loading the samplers")

        said: set[str] = set()

        def step(message: str) -> None:
            words = re.split(r"\d", message, maxsplit=1)[0]  # "sampling: 16 of 8,000 draws" is said once
            if display.disable and words not in said:
                said.add(words)
                line = words.rstrip(": ") if ":" in words else message
                console.print(f"{spec_path.stem}: {line}", highlight=False, markup=False, soft_wrap=True)
            display.update(task, step=message)

        found = _analyse(spec, table, approaches, step)
        step("drawing the report")
        from bayesgov.report.flip_map import with_claims  # Matplotlib loads here, when the fits are done

        facts = provenance(command, start) | {
            "seed": str(spec.sampling.seed),
            f"checksum of {table.name} (SHA-256)": table.checksum,
            **{f"wall time, {name} (s)": f"{value:.1f}" for name, value in found.seconds.items()},
        }
        content = with_claims(document(found, _source(path), facts), judge_rows(claims, found))
        trees = {name: fit.tree for name, fit in found.fits.items()}
        report = write_run(folder, content, trees, texts | {"used.json": spec.model_dump_json(indent=2)})
    for line in content.parts[0].summary:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    for problem in content.problems:
        console.print(problem, style="bold", highlight=False, markup=False, soft_wrap=True)
    console.print(f"{time.perf_counter() - start:.0f} s", highlight=False)
    print(report)
    return 1 if content.problems else 0


def document(found: SurveyAnalysis | PanelAnalysis, source: str, provenance: Mapping[str, str]) -> Document:
    """The report of one analysis, of either kind.

    Parameters
    ----------
    found : SurveyAnalysis or PanelAnalysis
    source : str
        Which kind of data the rows are.
    provenance : mapping of str to str
    """
    # Matplotlib loads here, when the fits are done
    from bayesgov.report.panel_document import panel_document
    from bayesgov.report.row_document import row_document
    from bayesgov.survey.analysis import SurveyAnalysis

    if isinstance(found, SurveyAnalysis):
        return row_document(found, source, provenance)
    return panel_document(found, source, provenance)


def _analyse(
    spec: RowSpec, table: Table, approaches: tuple[Approach, ...], progress: Callable[[str], None]
) -> SurveyAnalysis | PanelAnalysis:
    # loaded here: the samplers take seconds, and the display already runs
    if isinstance(spec, DynamicPanelSpec):
        from bayesgov.panel.analysis import analyse as analyse_panel

        return analyse_panel(spec, table, approaches, seed=spec.sampling.seed, progress=progress)
    from bayesgov.survey.analysis import analyse as analyse_survey

    return analyse_survey(spec, table, approaches, seed=spec.sampling.seed, progress=progress)


class _Fields(BaseModel):
    """Any TOML file: what tells the kinds of specs apart."""

    model_config = ConfigDict(extra="allow")


def _read_spec(path: Path) -> tuple[RowSpec, dict[str, str]]:
    """The spec, and the texts of its files by name."""
    fields: dict[str, Any] = read_toml(path, _Fields).model_extra or {}
    spec: RowSpec
    if "formula" in fields:
        spec = read_cumulative_spec(path)
    elif "unit" in fields or "time" in fields:
        spec = read_dynamic_panel_spec(path)
    else:
        raise InputError(
            f"{path}: a formula (ordinal regression) or unit and time (panel) were wanted; got "
            f"{', '.join(fields) or 'an empty file'}: see models/survey/wine.toml and models/panel/produc.toml"
        )
    texts = {path.name: path.read_text("utf-8")}
    if isinstance(named := fields.get("indices"), str):
        beside = path.parent / named
        name = beside.name if beside.name not in (path.name, "used.json") else f"indices-{beside.name}"
        texts[name] = beside.read_text("utf-8")
    return spec, texts


def _read_claims(spec: RowSpec, path: Path | None, texts: dict[str, str]) -> tuple[Claim, ...]:
    """The claims to rule on, none without a file of them; its text goes beside the spec's."""
    if path is None:
        return ()
    if isinstance(spec, DynamicPanelSpec):
        claims = read_row_claims(path, tables=PANEL_TABLES, fits=("bayesian", "latent"))
    else:
        claims = read_row_claims(path, tables=SURVEY_TABLES, fits=("bayesian",))
    texts[path.name if path.name not in texts else f"claims-{path.name}"] = path.read_text("utf-8")
    return claims


def _data_path(spec: RowSpec, spec_path: Path, given: Path | None) -> Path:
    if given is not None:
        return given
    if not spec.data:
        raise InputError(f"{spec_path}: the spec names no data file: give one with --data FILE")
    return spec_path.parent / spec.data


def _source(path: Path) -> str:
    """Which kind of data the rows are."""
    if (path.parent / "truth.json").is_file():
        return f"simulated rows: {path.name}, made by bayesgov simulate; the truth stands beside it in truth.json"
    if path.parent.name == "data" and path.parent.parent.parent.name == "models":
        return f"bundled real data: {path.name}; its source stands in models/{path.parent.parent.name}/data/README.md"
    return f"rows of your own: {path.name}"
