"""The command line: ``bayesgov reanalyse``, ``audit``, ``fit``, ``compare``, ``report`` and ``simulate``.

Heavy libraries load inside the commands, so that ``bayesgov --help`` answers at once. Input that cannot be used ends
with one line on standard error and exit code 2; a step that crashes ends with exit code 1.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bayesgov import __version__
from bayesgov.errors import InputError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    try:
        return int(options.run(options))
    except InputError as error:
        print(f"bayesgov: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of a pipe (head, less) went away; nothing is wrong
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("bayesgov: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bayesgov",
        description="What would this study have concluded under the other school of inference? "
        "Reanalyses published studies from their printed tables and reports both schools side by side.",
    )
    parser.add_argument("--version", action="version", version=f"bayesgov {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    reanalyse = commands.add_parser(
        "reanalyse",
        help="audit the printed tables, fit both schools, write a report",
        description="Audit the printed tables, fit both schools of inference to them and write a run folder with "
        "report.html, figures, tables, posterior draws and provenance.",
    )
    reanalyse.add_argument(
        "studies", nargs="*", metavar="STUDY", help="survey, panel or the folder of a study (default: survey panel)"
    )
    reanalyse.add_argument(
        "-o", "--output", type=Path, default=None, help="run folder to write (default: runs/STUDY or runs/survey+panel)"
    )
    reanalyse.add_argument("--seed", type=int, default=None, help="seed of every sampler (default: the study's own)")
    reanalyse.add_argument(
        "--draws", type=int, default=None, help="draws per chain after tuning (default: the study's own)"
    )
    reanalyse.set_defaults(run=_reanalyse)

    audit = commands.add_parser(
        "audit",
        help="check whether the printed numbers agree with one another",
        description="Check whether the printed numbers of a study agree with one another. Tolerances come from the "
        "printed decimals. Exit code 0 whatever the verdicts are.",
    )
    audit.add_argument("study", metavar="STUDY", help="survey, panel or the folder of a study")
    audit.add_argument("--format", choices=("table", "json", "csv", "md"), default="table", help="default: table")
    audit.set_defaults(run=_audit)

    fit = commands.add_parser(
        "fit",
        help="fit both schools to rows, write a report",
        description="Fit a specification to rows with both schools of inference, an ordinal regression or a dynamic "
        "panel, and write a run folder with report.html, figures, tables, posterior draws and provenance.",
    )
    fit.add_argument(
        "spec",
        type=Path,
        metavar="SPEC.toml",
        help="specification, such as models/survey/wine.toml or models/panel/produc.toml",
    )
    fit.add_argument(
        "--data", type=Path, default=None, help="rows: .csv, .tsv, .parquet, .dta or .sav (default: the file in SPEC)"
    )
    fit.add_argument("-o", "--output", type=Path, default=None, help="run folder to write (default: runs/NAME)")
    fit.add_argument(
        "--approach", choices=("both", "bayesian", "frequentist"), default="both", help="schools to fit (default: both)"
    )
    fit.add_argument(
        "--claims",
        type=Path,
        default=None,
        metavar="FILE",
        help="claims to rule on (default: NAME.claims.toml beside NAME.toml, if there is one)",
    )
    fit.add_argument("--seed", type=int, default=None, help="seed of samplers and folds (default: the spec's)")
    fit.add_argument("--draws", type=int, default=None, help="draws per chain after tuning (default: the spec's)")
    fit.set_defaults(run=_fit)

    compare = commands.add_parser(
        "compare",
        help="set the fits of runs side by side",
        description="Align the fits of run folders by estimand: estimates, what each school's rules decide, and the "
        "diagnostics that did not pass. The fits' order is that of the runs; earlier ones are the first of a pair.",
    )
    compare.add_argument(
        "runs", nargs="+", metavar="RUN", help="run folder, or one fit of it: RUN/trees/NAME.zarr", type=Path
    )
    compare.add_argument("--level", type=float, default=0.95, help="level of the intervals (default: 0.95)")
    compare.add_argument(
        "--rope", type=float, default=None, help="effects within ±ROPE, in their own units, count as none"
    )
    compare.add_argument(
        "-o", "--output", type=Path, default=None, help="folder for the tables as CSV, Markdown and LaTeX"
    )
    compare.set_defaults(run=_compare)

    report = commands.add_parser(
        "report",
        help="write the report of runs again, or one report of several",
        description="Write the report of run folders from their files. One run: its report.html, byte for byte. "
        "Several: one page with everything, and a comparison of the fits that have terms in common.",
    )
    report.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder that fit or reanalyse wrote")
    report.add_argument(
        "-o",
        "--output",
        type=Path,
        default=None,
        metavar="FILE_OR_FOLDER",
        help="page.html, or a folder for report.html (default: the run's own; of several runs/NAME+NAME)",
    )
    report.set_defaults(run=_report)

    simulate = commands.add_parser(
        "simulate",
        help="rows at a study's design, with the truth that made them",
        description="Simulate microdata at a study's design and save them with the parameters that made them.",
    )
    designs = simulate.add_subparsers(dest="design", metavar="DESIGN", required=True)
    survey = designs.add_parser("survey", help="questionnaires of the survey study")
    survey.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("simulated/survey"),
        help="folder to write (default: simulated/survey)",
    )
    survey.add_argument("--seed", type=int, default=20260101, help="default: 20260101")
    survey.add_argument("--levels", type=int, choices=(3, 6), default=6, help="outcome levels (default: 6)")
    survey.add_argument(
        "--questionnaires", type=int, default=None, help="rows of the file (default: the study's 23928)"
    )
    survey.add_argument("--complete", type=int, default=None, help="complete rows among them (default: 10808)")
    survey.set_defaults(run=_simulate_survey)
    panel = designs.add_parser("panel", help="cities, years, regions and indicators of the panel study")
    panel.add_argument(
        "-o", "--output", type=Path, default=Path("simulated/panel"), help="folder to write (default: simulated/panel)"
    )
    panel.add_argument("--seed", type=int, default=20260101, help="default: 20260101")
    panel.set_defaults(run=_simulate_panel)
    return parser


def _audit(options: argparse.Namespace) -> int:
    from bayesgov.published.audit import audit
    from bayesgov.study import load_study

    report = audit(load_study(options.study))
    if options.format == "table":
        from rich.console import Console

        Console().print(report.to_rich())
        return 0
    text = {"json": report.to_json, "csv": report.to_csv, "md": report.to_markdown}[options.format]()
    print(text.rstrip("\n"))
    return 0


def _reanalyse(options: argparse.Namespace) -> int:
    from bayesgov.spec import read_published_spec, with_sampling
    from bayesgov.study import load_study

    studies = [load_study(name) for name in options.studies or ("survey", "panel")]
    keys = [study.key for study in studies]
    if len(set(keys)) < len(keys):
        raise InputError(f"each study should be named once; got {' '.join(keys)}")
    output = options.output or Path("runs") / "+".join(keys)
    jobs = [
        (study, with_sampling(read_published_spec(study.folder), seed=options.seed, draws=options.draws))
        for study in studies
    ]

    from bayesgov.report.run import reanalyse_and_write

    return reanalyse_and_write(jobs, output, command=" ".join(["bayesgov", *sys.argv[1:]]))


def _fit(options: argparse.Namespace) -> int:
    from bayesgov.report.fit_run import fit_and_write

    return fit_and_write(
        options.spec,
        options.data,
        options.output or Path("runs") / options.spec.stem,
        approach=options.approach,
        sampling={"seed": options.seed, "draws": options.draws},
        command=" ".join(["bayesgov", *sys.argv[1:]]),
        claims_path=options.claims,
    )


def _compare(options: argparse.Namespace) -> int:
    if not 0 < options.level < 1:
        raise InputError(f"--level must lie between 0 and 1, such as 0.95; got {options.level:g}")
    from rich.console import Console

    from bayesgov.comparison import compare, without_twins
    from bayesgov.report.comparison_tables import print_comparison, write_comparison
    from bayesgov.runs import load_fits

    fits, twins = without_twins(load_fits(options.runs))
    for label, same in twins.items():
        print(f"{label}: the same estimates as {same}, not compared twice", file=sys.stderr)
    found = compare(*fits, level=options.level, rope=options.rope)
    print_comparison(found, Console())
    if options.output is not None:
        for path in write_comparison(found, options.output):
            print(path)
    return 0


def _report(options: argparse.Namespace) -> int:
    from bayesgov.report.rebuild import report_runs

    print(report_runs(options.runs, options.output, say=lambda message: print(message, file=sys.stderr)))
    return 0


def _simulate_survey(options: argparse.Namespace) -> int:
    from bayesgov.survey.simulate import SurveyDesign
    from bayesgov.survey.simulation_files import run

    sizes = {"n_questionnaires": options.questionnaires, "complete": options.complete}
    given = {name: value for name, value in sizes.items() if value is not None}
    for path in run(SurveyDesign(seed=options.seed, levels=options.levels, **given), options.output):
        print(path)
    return 0


def _simulate_panel(options: argparse.Namespace) -> int:
    from bayesgov.panel.simulate import PanelSimulation
    from bayesgov.panel.simulation_files import run

    for path in run(PanelSimulation(seed=options.seed), options.output):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
