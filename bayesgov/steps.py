"""Steps of an analysis that stand by themselves: one that crashes is reported, and the others still run."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from bayesgov.errors import InputError
from bayesgov.fits import Check

type Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Found:
    """What steps found.

    Attributes
    ----------
    tables : mapping of str to pandas.DataFrame
        By the names that the report shows.
    checks : tuple of Check
        A step that the data or the spec rule out is "not applicable", with the reason.
    problems : tuple of str
        One line for each step that crashed.
    seconds : mapping of str to float
        Wall time by step.
    """

    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    problems: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    def __or__(self, other: Found) -> Found:
        return Found(
            {**self.tables, **other.tables},
            self.checks + other.checks,
            self.problems + other.problems,
            {**self.seconds, **other.seconds},
        )


def run_steps(steps: Sequence[tuple[str, Callable[[], Found]]], progress: Progress, *, refuse: bool = False) -> Found:
    """Run named steps one after the other.

    Parameters
    ----------
    steps : sequence of (str, callable)
        A step that depends on another belongs into the same callable.
    progress : callable
        Told the name of each step before it runs.
    refuse : bool
        As in :func:`run_step`.
    """
    result = Found()
    for name, step in steps:
        progress(name)
        result = result | run_step(name, step, refuse=refuse)
    return result


def run_step(name: str, step: Callable[[], Found], *, refuse: bool = False) -> Found:
    """One step; an InputError of it says that it does not apply, any other error that it crashed.

    With ``refuse`` an InputError goes on to the caller: the step is what was asked for, and its reader can mend it.
    """
    start = time.perf_counter()
    try:
        found = step()
    except InputError as error:
        if refuse:
            raise
        found = Found(checks=(Check(name, None, None, "not applicable", str(error)),))
    except Exception as error:  # a crash is a state of the report, not the end of the other steps
        traceback.print_exc()
        found = Found(problems=(f"{name} crashed: {type(error).__name__}: {error}",))
    return found | Found(seconds={name: time.perf_counter() - start})
