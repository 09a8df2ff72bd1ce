"""The command line: ``bayesgov reanalyse`` and ``bayesgov audit``.

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


if __name__ == "__main__":
    sys.exit(main())
