"""One-way screening: every predictor, as categories, against the outcome by a chi-square test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats.contingency import expected_freq

from bayesgov.association import Association, associate
from bayesgov.fits import Check
from bayesgov.multiplicity import adjust

_EXPECTED_MIN = 5.0
_SMALL_CELLS_MAX = 0.2  # Cochran (1954, doi:10.2307/3001616): at most a fifth of the cells below 5, none below 1

_COLUMNS = (
    *("item", "n", "chi2", "df", "p_value", "p_holm", "p_bh", "g2", "p_g2"),
    *("cramers_v", "v_lower", "v_upper", "v_corrected", "smallest_expected", "small_cells"),
)


@dataclass(frozen=True, slots=True)
class ItemScreen:
    """The table of one predictor by the outcome.

    Attributes
    ----------
    item : str
    table : ndarray, shape (n_categories_of_item, n_levels)
        Weighted counts of complete rows; categories and levels that nobody holds are left out.
    association : Association or None
        None where item or outcome has one category only.
    smallest_expected : float
        NaN without an association.
    small_cells : float
        Share of cells with an expected count below 5.
    """

    item: str
    table: np.ndarray
    association: Association | None
    smallest_expected: float
    small_cells: float

    @property
    def doubtful(self) -> bool:
        """Whether Cochran's rule doubts the chi-square approximation."""
        return self.smallest_expected < 1 or self.small_cells > _SMALL_CELLS_MAX


@dataclass(frozen=True, slots=True)
class ScreeningTable:
    """Screening of all predictors, each by itself.

    Attributes
    ----------
    items : tuple of ItemScreen
    """

    items: tuple[ItemScreen, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row an item.

        Columns: item, n, chi2, df, p_value, p_holm, p_bh, g2, p_g2, cramers_v, v_lower, v_upper, v_corrected
        (Bergsma's correction of its bias), smallest_expected, small_cells. NaN where there was nothing to test; such
        items do not count in the adjustments.
        """
        names = ("chi2", "df", "p_chi2", "g2", "p_g2", "cramers_v", "v_lower", "v_upper", "v_corrected")
        frame = pd.DataFrame(
            [
                {"item": screen.item, "n": screen.table.sum()}
                | {name: np.nan if screen.association is None else getattr(screen.association, name) for name in names}
                | {"smallest_expected": screen.smallest_expected, "small_cells": screen.small_cells}
                for screen in self.items
            ]
        ).rename(columns={"p_chi2": "p_value"})
        tested = frame["p_value"].notna().to_numpy()
        for method in ("holm", "bh"):
            frame[f"p_{method}"] = np.nan
            frame.loc[tested, f"p_{method}"] = adjust(frame.loc[tested, "p_value"].to_numpy(), method)
        return frame[list(_COLUMNS)]

    def checks(self) -> tuple[Check, ...]:
        """Whether every item could be tested, and whether the chi-square approximation holds."""
        single = [screen.item for screen in self.items if screen.association is None]
        tested = [screen for screen in self.items if screen.association is not None]
        doubtful = [screen.item for screen in tested if screen.doubtful]
        smallest = min((screen.smallest_expected for screen in tested), default=np.nan)
        return (
            Check(
                "screening_untested_items",
                len(single),
                0,
                "warn" if single else "pass",
                f"{', '.join(single)}: one category only, nothing to test" if single else "",
            ),
            Check(
                "screening_smallest_expected_count",
                float(smallest) if tested else None,
                _EXPECTED_MIN,
                "not applicable" if not tested else "warn" if doubtful else "pass",
                f"{', '.join(doubtful)}: the chi-square approximation may be poor: merge rare categories"
                if doubtful
                else "",
            ),
        )


def screen(
    outcome: np.ndarray, items: Mapping[str, np.ndarray], weights: np.ndarray | None = None, level: float = 0.95
) -> ScreeningTable:
    """Test every item, as unordered categories, against the outcome.

    Parameters
    ----------
    outcome : ndarray of int, shape (n_obs,)
        Level codes; negative for missing.
    items : mapping of str to ndarray of int, shape (n_obs,)
        Category codes; negative for missing. Each item uses the rows that have both it and the outcome.
    weights : ndarray, shape (n_obs,), optional
        Frequency weights.
    level : float
        Of the confidence interval of Cramér's V.

    Raises
    ------
    ValueError
        If codes are no whole numbers, lengths differ or no row is left.
    """
    weight = np.ones(outcome.size) if weights is None else np.asarray(weights, dtype=float)
    return ScreeningTable(tuple(_screen(name, codes, outcome, weight, level) for name, codes in items.items()))


def _screen(name: str, codes: np.ndarray, outcome: np.ndarray, weight: np.ndarray, level: float) -> ItemScreen:
    table = cross_table(codes, outcome, weight)
    if not table.size:
        raise ValueError(f"{name}: no row has both it and the outcome: drop it from the screening")
    table = table[table.any(axis=1)][:, table.any(axis=0)]
    if min(table.shape) < 2:
        return ItemScreen(name, table, None, np.nan, np.nan)
    expected = expected_freq(table)
    small = float(np.mean(expected < _EXPECTED_MIN))
    return ItemScreen(name, table, associate(table, level), float(expected.min()), small)


def cross_table(rows: np.ndarray, columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted counts of code pairs, shape (highest row code + 1, highest column code + 1); negative codes left out."""
    if not rows.shape == columns.shape == weights.shape:
        raise ValueError(f"codes and weights must have one length; got {rows.size}, {columns.size}, {weights.size}")
    if not (np.issubdtype(rows.dtype, np.integer) and np.issubdtype(columns.dtype, np.integer)):
        raise ValueError(f"categories must come as whole-number codes; got {rows.dtype} and {columns.dtype}")
    kept = (rows >= 0) & (columns >= 0) & (weights > 0)
    if not kept.any():
        return np.zeros((0, 0))
    shape = (int(rows[kept].max()) + 1, int(columns[kept].max()) + 1)
    flat = np.ravel_multi_index((rows[kept], columns[kept]), shape)
    return np.bincount(flat, weights[kept], minlength=shape[0] * shape[1]).reshape(shape)
