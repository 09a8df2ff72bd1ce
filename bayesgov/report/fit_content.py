"""What the report of any fit to rows is made from, and the parts that surveys and panels share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import pandas as pd

from bayesgov.data import Table
from bayesgov.fits import Approach, Check, Fit
from bayesgov.report.check_view import check_title
from bayesgov.report.content import FitDiagnostics

_OF_A_PART = re.compile(r"^(?P<name>[^\[]+) \[(?P<part>.+)\]$")


class Analysis(Protocol):
    """Both schools on the same rows, as ``survey.analysis`` and ``panel.analysis`` find it."""

    @property
    def table(self) -> Table: ...

    @property
    def fits(self) -> Mapping[str, Fit]: ...

    @property
    def checks(self) -> Mapping[str, tuple[Check, ...]]: ...

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]: ...

    @property
    def assumptions(self) -> tuple[str, ...]: ...

    @property
    def problems(self) -> tuple[str, ...]: ...

    @property
    def seconds(self) -> Mapping[str, float]: ...


def diagnostics(found: Analysis, study: str, schools: Mapping[str, Approach]) -> tuple[FitDiagnostics, ...]:
    """The checks of every fit, then those of the other steps.

    Parameters
    ----------
    found : Analysis
    study : str
        Key of the report's part.
    schools : mapping of str to {"bayesian", "frequentist"}
        Step -> school; a step that is not named is frequentist.
    """
    fits = [FitDiagnostics(study, name, fit.approach, fit.checks()) for name, fit in found.fits.items()]
    steps = [
        FitDiagnostics(study, name, schools.get(name, "frequentist"), checks) for name, checks in found.checks.items()
    ]
    return (*fits, *steps)


def failure_line(found: Analysis) -> str:
    """Which diagnostics failed: "Failed diagnostics: R-hat, largest; Hansen's test [north; south]."."""
    checks = [check for fit in found.fits.values() for check in fit.checks()]
    checks += [check for several in found.checks.values() for check in several]
    failed: dict[str, list[str]] = {}
    for check in checks:
        if check.status == "fail":
            name, part = parted_name(check.name)
            failed.setdefault(check_title(replace(check, name=name)), []).append(part)
    words = [f"{name} [{'; '.join(filter(None, parts))}]" if any(parts) else name for name, parts in failed.items()]
    return f"Failed diagnostics: {'; '.join(words)}." if failed else "No diagnostic failed."


def parted_name(check: str) -> tuple[str, str]:
    """A check's name and the region, or other part of the data, that it is of: "hansen_p [north]"; "" for all."""
    match = _OF_A_PART.match(check)
    return (match["name"], match["part"]) if match else (check, "")
