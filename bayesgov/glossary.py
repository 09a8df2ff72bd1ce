"""The glossary of diagnostics: for the name of every Check a title, what it measures, how to read it, its source."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from bayesgov.fits import Check

School = Literal["Bayesian", "frequentist", "either"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a reader needs to understand one diagnostic.

    Attributes
    ----------
    title : str
        In place of the check's name.
    school : {"Bayesian", "frequentist", "either"}
    measures : str
    reading : str
        What good and bad look like, and why the threshold is where it is.
    source : str
        Of the diagnostic or of its threshold, with DOI; empty for an account of what was done.
    """

    title: str
    school: School
    measures: str
    reading: str
    source: str = ""


ENTRIES: Mapping[str, Entry] = {
    name: Entry(**fields)
    for name, fields in tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8")).items()
}
_STEP = Entry(
    "", "either", "a step of the analysis", "Not applicable to these rows or this spec: the reason stands beside it."
)

# "hansen_p [north]", "solution_found (LSDV) [north]", "lasso_minimum_inside (gaussian: GCV)", "binary_model[1|2]",
# "effects free between thresholds: temp", "residuals: autocorrelation, order 1", "Bayes factor > 10", "ar2_p"
_PART = re.compile(r"\s*(\[.*\]|\(.*\)|: .*| > .*)$")
_ORDER = re.compile(r"^ar(?P<order>\d+)_p$")


def describe(check: Check) -> Entry:
    """What a check is about.

    Parameters
    ----------
    check : Check
        Its name may end with what it is of: "hansen_p [north]", "lasso_minimum_inside (gaussian: GCV)".

    Returns
    -------
    Entry
        A check that only says that a step of the analysis does not apply is described as one.

    Raises
    ------
    KeyError
        If the glossary lacks the name.
    """
    name = stem(check.name)
    if order := _ORDER.match(name):
        entry = ENTRIES["ar_p"]
        return replace(entry, title=f"{entry.title}, order {order['order']}")
    if name not in ENTRIES and check.value is None and check.status == "not applicable":
        return replace(_STEP, title=name[:1].upper() + name[1:])
    return ENTRIES[name]


def stem(name: str) -> str:
    """The name without what the check is of: a region, a model, a threshold, a term."""
    while (shorter := _PART.sub("", name)) != name:
        name = shorter
    return name
