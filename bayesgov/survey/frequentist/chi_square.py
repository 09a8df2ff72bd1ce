"""Tests with a chi-square reference distribution, and their table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from scipy import stats


@dataclass(frozen=True, slots=True)
class ChiSquareTest:
    """A test with a chi-square reference distribution.

    Attributes
    ----------
    name : str
        What is tested: "all terms", a term or a factor.
    statistic : float
        NaN where it cannot be computed.
    df : int
    """

    name: str
    statistic: float
    df: int

    @property
    def p_value(self) -> float:
        return float(stats.chi2.sf(self.statistic, self.df))


def chi_square_table(tests: Mapping[str, Sequence[ChiSquareTest]]) -> pd.DataFrame:
    """One row a test: scope (the key), name, statistic, df, p_value."""
    return pd.DataFrame(
        [(scope, test.name, test.statistic, test.df, test.p_value) for scope, group in tests.items() for test in group],
        columns=["scope", "name", "statistic", "df", "p_value"],
    )
