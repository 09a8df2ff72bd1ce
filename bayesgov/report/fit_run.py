"""From a spec and rows to a run folder: fit both schools with a progress display, write the report."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd
from rich.console import Console

from bayesgov.data import read_table
from bayesgov.errors import InputError
from bayesgov.fits import Approach
from bayesgov.report.document import check_writable, write_run
from bayesgov.report.run import progress_display, provenance
from bayesgov.spec import with_sampling
from bayesgov.survey.spec import CumulativeSpec, read_cumulative_spec

if TYPE_CHECKING:
    from bayesgov.report.content import Document
    from bayesgov.survey.analysis import SurveyAnalysis

_LEAD = (
    "What do the two schools of inference conclude from the same rows? Maximum likelihood with its tests and a "
    "Bayesian posterior, side by side, from one specification."
)


def fit_and_write(
    spec_path: Path,
    data_path: Path | None,
    folder: Path,
    *,
    approach: Literal["both", "bayesian", "frequentist"],
    sampling: Mapping[str, int | None],
    command: str,
) -> int:
    """Fit and write the run folder.

    Parameters
    ----------
    spec_path, data_path : Path
        ``data_path`` None takes the file that the spec names.
    folder : Path
    approach : {"both", "bayesian", "frequentist"}
    sampling : mapping
        Sampling options that replace the spec's; None leaves one as it is.
    command : str
        The command line, for provenance.

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
    spec = with_sampling(read_cumulative_spec(spec_path), **sampling)
    path = _data_path(spec, spec_path, data_path)
    check_writable(folder)
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
                console.print(f"{spec_path.stem}: {line}", highlight=False, soft_wrap=True)
            display.update(task, step=message)

        # loaded here: the samplers and Matplotlib take seconds, and the display already runs
        from bayesgov.survey.analysis import analyse

        found = analyse(spec, table, approaches, seed=spec.sampling.seed, progress=step)
        step("drawing the report")
        facts = provenance(command, start) | {
            "seed": str(spec.sampling.seed),
            f"checksum of {table.name} (SHA-256)": table.checksum,
            **{f"wall time, {name} (s)": f"{value:.1f}" for name, value in found.seconds.items()},
        }
        content = document(found, _source(path), facts)
        texts = {spec_path.name: spec_path.read_text("utf-8"), "used.json": spec.model_dump_json(indent=2)}
        trees = {name: fit.tree for name, fit in found.fits.items()}
        report = write_run(folder, content, trees, texts)
    for line in content.parts[0].summary:
        console.print(line, highlight=False, soft_wrap=True)
    for problem in content.problems:
        console.print(problem, style="bold", highlight=False, soft_wrap=True)
    console.print(f"{time.perf_counter() - start:.0f} s", highlight=False)
    print(report)
    return 1 if content.problems else 0


def document(found: SurveyAnalysis, source: str, provenance: Mapping[str, str]) -> Document:
    """The report of one analysis."""
    from bayesgov.report import methods
    from bayesgov.report.content import Document, FitDiagnostics, StudyPart
    from bayesgov.report.rows import forest_rows, sections

    spec = found.spec
    labels = {name: entry.label for name, entry in spec.variables.items() if entry.label}
    shown = {name: fit.estimates() for name, fit in found.fits.items()}
    coefficients = {name: frame[frame["term"].str.startswith("beta[")] for name, frame in shown.items()}
    plain = {name: frame.assign(term=frame["term"].str[len("beta[") : -1]) for name, frame in coefficients.items()}
    tables = dict(found.tables)
    tables["forest"] = forest_rows(plain.get("frequentist"), plain.get("bayesian"), labels)
    diagnostics = [FitDiagnostics("rows", name, fit.approach, fit.checks()) for name, fit in found.fits.items()]
    diagnostics += [
        FitDiagnostics("rows", name, "bayesian" if name == "posterior" else "frequentist", checks)
        for name, checks in found.checks.items()
    ]
    title = spec.label or spec.formula
    part = StudyPart(
        key="rows",
        title=title,
        citation=f"{found.table.name}: {spec.formula}",
        source=source,
        verdicts=(),
        audit=None,
        sections=sections(tables, labels, found.assumptions, rope=spec.rope.probability, family=spec.family),
        diagnostics=tuple(diagnostics),
        summary=_summary(found, plain),
    )
    return Document(
        title=title,
        lead=_LEAD,
        parts=(part,),
        methods=methods.rows_methods(),
        references=methods.rows_references(),
        provenance=provenance,
        problems=found.problems,
    )


def _summary(found: SurveyAnalysis, coefficients: Mapping[str, pd.DataFrame]) -> tuple[str, ...]:
    """What came out, as counts over the tables."""
    first, last = found.tables["flow"]["left"].iloc[0], found.tables["flow"]["left"].iloc[-1]
    weighted = f" ({found.design.weights.sum():,.0f} observations)" if found.spec.weights else ""
    lines = [f"{last:,} of {first:,} rows are in the model{weighted}; {found.design.n_terms} coefficients."]
    if found.spec.missing != "listwise" and found.design.n_obs < last:
        lines.append(f"Tests, selection and predictive checks use the {found.design.n_obs:,} complete ones among them.")
    likelihood, posterior = coefficients.get("frequentist"), coefficients.get("bayesian")
    if likelihood is not None:
        clear = int((likelihood["p_value"] < 0.05).sum())
        lines.append(f"Maximum likelihood: {clear} of {len(likelihood)} coefficients have a p-value below 0.05.")
    if posterior is not None:
        settled = int(((posterior["lower"] > 0) | (posterior["upper"] < 0)).sum())
        lines.append(f"Posterior: {settled} of {len(posterior)} 95% credible intervals leave zero out.")
    if likelihood is not None and posterior is not None:
        both = likelihood.merge(posterior, on="term", suffixes=("_likelihood", "_posterior"))
        alike = int((both["estimate_likelihood"] * both["estimate_posterior"] > 0).sum())
        lines.append(f"The two schools' estimates have the same sign for {alike} of {len(both)} coefficients.")
    if "projection" in found.tables:
        size = int(found.tables["projection"].query("suggested")["size"].iloc[0])
        lines.append(f"Projection of the posterior suggests {size} of {len(set(found.design.factors))} predictors.")
    checks = [check for fit in found.fits.values() for check in fit.checks()]
    checks += [check for several in found.checks.values() for check in several]
    failed = list(dict.fromkeys(check.name.replace("_", " ") for check in checks if check.status == "fail"))
    lines.append(f"Failed diagnostics: {', '.join(failed)}." if failed else "No diagnostic failed.")
    return tuple(lines)


def _data_path(spec: CumulativeSpec, spec_path: Path, given: Path | None) -> Path:
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
