"""A printed table of coefficients as normal estimates, with the standard error read in up to three ways."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from bayesgov.spec import CoefficientsSpec, StandardErrorReading
from bayesgov.study import Study


@dataclass(frozen=True, slots=True, eq=False)
class CoefficientReading:
    """Estimates with standard errors under one reading of the table.

    Attributes
    ----------
    reading : {"printed", "interval", "wald"}
    rows, labels : tuple of str
        Every row of the table, read or not.
    estimate : ndarray, shape (n_rows,)
        As printed.
    std_error : ndarray, shape (n_rows,)
        NaN where the reading gives none.
    included : ndarray of bool, shape (n_rows,)
    notes : tuple of str
        By row: why it is excluded, or what does not fit; empty if nothing.
    """

    reading: StandardErrorReading
    rows: tuple[str, ...]
    labels: tuple[str, ...]
    estimate: np.ndarray
    std_error: np.ndarray
    included: np.ndarray
    notes: tuple[str, ...]

    @property
    def included_rows(self) -> tuple[str, ...]:
        return tuple(row for row, kept in zip(self.rows, self.included, strict=True) if kept)

    @property
    def typical_standard_error(self) -> float:
        """Standard error of an estimate of average information, over the included rows."""
        return float(np.mean(self.std_error[self.included] ** -2) ** -0.5)


@dataclass(frozen=True, slots=True)
class _RowError:
    std_error: float
    note: str = ""


def read_readings(study: Study, spec: CoefficientsSpec) -> tuple[CoefficientReading, ...]:
    """The table under every reading that the spec names.

    Raises
    ------
    InputError
        If a cell that a reading needs is missing or is no number.
    """
    return tuple(read_one(study, spec, reading) for reading in spec.readings)


def read_one(study: Study, spec: CoefficientsSpec, reading: StandardErrorReading) -> CoefficientReading:
    """The table under one reading; see :func:`read_readings`."""
    cell = {
        name: np.array([float(study.number(f"{spec.table}/{row}/{name}")) for row in spec.rows])
        for name in {
            "printed": ("estimate", "se"),
            "interval": ("estimate", "lower", "upper"),
            "wald": ("estimate", "wald"),
        }[reading]
    }
    estimate = cell["estimate"]
    if reading == "printed":
        found = [_printed(se) for se in cell["se"]]
    elif reading == "wald":
        found = [_from_wald(b, wald) for b, wald in zip(estimate, cell["wald"], strict=True)]
    else:
        limits = zip(estimate, cell["lower"], cell["upper"], strict=True)
        found = [_from_interval(b, low, high, spec.level) for b, low, high in limits]
    std_error = np.array([row.std_error for row in found])
    return CoefficientReading(
        reading=reading,
        rows=spec.rows,
        labels=tuple(study.label(row) for row in spec.rows),
        estimate=estimate,
        std_error=std_error,
        included=np.isfinite(std_error),
        notes=tuple(row.note for row in found),
    )


def _printed(std_error: float) -> _RowError:
    if std_error > 0:
        return _RowError(std_error)
    return _RowError(np.nan, f"excluded, the printed standard error is {std_error:g}")


def _from_wald(estimate: float, wald: float) -> _RowError:
    """SE = |b| / sqrt(Wald)."""
    if wald > 0 and estimate != 0:
        return _RowError(abs(estimate) / np.sqrt(wald))
    return _RowError(np.nan, f"excluded, estimate {estimate:g} and Wald statistic {wald:g} give no standard error")


def _from_interval(estimate: float, lower: float, upper: float, level: float) -> _RowError:
    """SE = (upper - lower) / (2 z); reversed limits give none: more than one correction would put them right."""
    width = 2 * float(stats.norm.ppf(0.5 * (1 + level)))
    if lower < upper:
        middle = 0.5 * (lower + upper)
        std_error = (upper - lower) / width
        apart = abs(estimate - middle) / std_error
        note = f"the estimate is {apart:.2f} standard errors from the middle of the interval" if apart > 0.05 else ""
        return _RowError(std_error, note)
    exchanged, signed = (lower - upper) / width, (upper + lower) / width
    return _RowError(
        np.nan,
        f"excluded, the limits are reversed; exchanging them would give a standard error of {exchanged:.3g}, a minus "
        f"sign before the lower limit {signed:.3g}",
    )
