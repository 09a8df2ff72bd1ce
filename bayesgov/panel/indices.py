"""Indicators of towns and countryside to indices: two levels, composites by principal components, differentiation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesgov.errors import InputError
from bayesgov.panel.composite import Composite, principal_composite
from bayesgov.panel.index_spec import Differentiation, IndexSpec

URBAN, RURAL = "urban", "rural"


@dataclass(frozen=True, slots=True, eq=False)
class Indices:
    """Indices of every row.

    Attributes
    ----------
    frame : pandas.DataFrame
        Index of the input; ``level_urban, level_rural, level``; the same rescaled to positive values together
        (``positive_urban, positive_rural, positive``); ``differentiation``; and ``<dimension>_urban``,
        ``<dimension>_rural``. NaN where an indicator is missing.
    composites : mapping of str to Composite
        "level" (or "level, urban" and "level, rural") and the dimensions' by name. A dimension of one indicator has
        none: its index is the standardised indicator.
    differentiation : {"difference", "ratio", "log_ratio"}
    """

    frame: pd.DataFrame
    composites: Mapping[str, Composite]
    differentiation: Differentiation

    def loadings(self) -> pd.DataFrame:
        """Weight of every indicator in every index: ``index, indicator, weight, explained, kmo, bartlett_p``."""
        rows = [
            (name, indicator, weight, found.explained, found.kmo, found.bartlett_p)
            for name, found in self.composites.items()
            for indicator, weight in zip(found.indicators, found.indicator_weights, strict=True)
        ]
        return pd.DataFrame(rows, columns=["index", "indicator", "weight", "explained", "kmo", "bartlett_p"])


def compute_indices(frame: pd.DataFrame, spec: IndexSpec) -> Indices:
    """Indices of two levels from indicators.

    Parameters
    ----------
    frame : DataFrame
        One row for each unit and period.
    spec : IndexSpec

    Raises
    ------
    InputError
        If a column is missing or has text, an indicator is constant, or too few rows are complete.
    """
    values = np.concatenate([_columns(frame, spec, area) for area in (URBAN, RURAL)])
    urban = np.arange(len(values)) < len(frame)
    composites: dict[str, Composite] = {}
    scores: dict[str, np.ndarray] = {}
    wanted = {"level": spec.indicators, **spec.dimensions}
    for name, indicators in wanted.items():
        part = values[:, [spec.indicators.index(indicator) for indicator in indicators]]
        scores[name], found = _index(part, name, indicators, spec, urban)
        composites |= found
    result = pd.DataFrame(index=frame.index)
    weight = _urban_share(frame, spec)
    low, high = np.nanmin(scores["level"]), np.nanmax(scores["level"])
    positive = spec.low + (spec.high - spec.low) * (scores["level"] - low) / (high - low)
    for name, index in {"level": scores["level"], "positive": positive}.items():
        result[f"{name}_{URBAN}"], result[f"{name}_{RURAL}"] = index[urban], index[~urban]
        result[name] = weight * index[urban] + (1 - weight) * index[~urban]
    result["differentiation"] = _differentiation(scores["level"], positive, urban, spec)
    for name in spec.dimensions:
        result[f"{name}_{URBAN}"], result[f"{name}_{RURAL}"] = scores[name][urban], scores[name][~urban]
    return Indices(result, composites, spec.differentiation)


def _differentiation(level: np.ndarray, positive: np.ndarray, urban: np.ndarray, spec: IndexSpec) -> np.ndarray:
    if spec.differentiation == "difference":
        difference: np.ndarray = level[urban] - level[~urban]
        return difference
    ratio: np.ndarray = positive[urban] / positive[~urban]
    if spec.differentiation == "log_ratio":
        np.log(ratio, out=ratio)
    return ratio


def _columns(frame: pd.DataFrame, spec: IndexSpec, area: str) -> np.ndarray:
    """Indicators of one area, shape (n_rows, n_indicators)."""
    columns = []
    for indicator in spec.indicators:
        name = f"{indicator}_{area}"
        if name not in frame:
            raise InputError(f"the indices need the column {name!r}; the data have: {', '.join(map(str, frame))}")
        columns.append(_numbers(frame[name], name))
    return np.column_stack(columns)


def _numbers(column: pd.Series, name: str) -> np.ndarray:
    numbers = pd.to_numeric(column, errors="coerce")
    wrong = numbers.isna() & column.notna()
    if wrong.any():
        raise InputError(f"{name}: numbers are wanted; got {column[wrong].iloc[0]!r}")
    return numbers.to_numpy(dtype=float)


def _urban_share(frame: pd.DataFrame, spec: IndexSpec) -> np.ndarray:
    if not spec.urban_share:
        return np.full(len(frame), 0.5)
    if spec.urban_share not in frame:
        raise InputError(f"urban_share names {spec.urban_share!r}; the data have: {', '.join(map(str, frame))}")
    share = _numbers(frame[spec.urban_share], spec.urban_share)
    if ((share < 0) | (share > 1)).any():
        raise InputError(f"{spec.urban_share}: shares between 0 and 1 are wanted; got {np.nanmax(share):g}")
    return share


def _index(
    values: np.ndarray, name: str, indicators: tuple[str, ...], spec: IndexSpec, urban: np.ndarray
) -> tuple[np.ndarray, dict[str, Composite]]:
    """One index for the rows of town and country, and the composites behind it."""
    directions = np.where(np.isin(indicators, spec.negative), -1.0, 1.0)
    bases = {"shared": (None,), "urban": (urban,), "separate": (urban, ~urban)}[spec.loadings]
    if len(indicators) == 1:
        return _standardised(values[:, 0] * directions[0], bases, indicators[0]), {}
    found = []
    for base in bases:
        try:
            found.append(
                principal_composite(
                    values,
                    indicators,
                    directions=directions,
                    retention=spec.retention,
                    share=spec.share,
                    scores=spec.scores,
                    base=base,
                )
            )
        except ValueError as error:
            raise InputError(f"index {name}: {error}") from None
    if len(found) == 1:
        return found[0].index, {name: found[0]}
    index = np.where(urban, found[0].index, found[1].index)
    return index, {f"{name}, {URBAN}": found[0], f"{name}, {RURAL}": found[1]}


def _standardised(values: np.ndarray, bases: tuple[np.ndarray | None, ...], indicator: str) -> np.ndarray:
    """An indicator in standard deviations (divisor n) of its base."""
    result = np.full(values.size, np.nan)
    for base in bases:
        known = values[~np.isnan(values) & (True if base is None else base)]
        if not known.size or np.ptp(known) == 0:
            raise InputError(f"{indicator} is constant: leave it out of the indices")
        where = np.ones(values.size, dtype=bool) if len(bases) == 1 or base is None else base
        result[where] = (values[where] - known.mean()) / known.std()
    return result
