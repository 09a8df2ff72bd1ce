"""A printed table of estimates and t-values, terms by regions, as arrays with what rounding leaves open."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bayesgov.errors import InputError
from bayesgov.printed import Interval, PrintedNumber
from bayesgov.spec import RegionsSpec, SignReading
from bayesgov.study import Study


@dataclass(frozen=True, slots=True, eq=False)
class RegionTable:
    """Estimates of every term in every region, with the standard errors that their t-values imply.

    SE = |b / t|. Rounding of b and t leaves SE in an interval; where t prints as zero the interval has no upper end.

    Attributes
    ----------
    terms, regions : tuple of str
    term_labels, region_labels : tuple of str
    estimate : ndarray, shape (n_terms, n_regions)
        In the units of the published regression.
    estimate_half_width : ndarray, shape (n_terms, n_regions)
        Half a unit of the last printed decimal.
    t : ndarray, shape (n_terms, n_regions)
        As printed.
    std_error : ndarray, shape (n_terms, n_regions)
        |b| / |t| at the printed t, or at the middle of what t's rounding allows where t prints as zero.
    std_error_low, std_error_high : ndarray, shape (n_terms, n_regions)
        Certified limits; infinite where t prints as zero.
    sign_conflict : ndarray of bool, shape (n_terms, n_regions)
        The estimate and its t-value have opposite signs whatever the rounding.
    sign_reading : {"estimate", "t"}
        Whose sign the conflicting cells carry.
    """

    terms: tuple[str, ...]
    regions: tuple[str, ...]
    term_labels: tuple[str, ...]
    region_labels: tuple[str, ...]
    estimate: np.ndarray
    estimate_half_width: np.ndarray
    t: np.ndarray
    std_error: np.ndarray
    std_error_low: np.ndarray
    std_error_high: np.ndarray
    sign_conflict: np.ndarray
    sign_reading: SignReading

    @property
    def typical_std_error(self) -> np.ndarray:
        """Root harmonic mean of a term's squared standard errors, shape (n_terms,).

        In the manner of the unit-information standard deviation of Röver et al. (2021, doi:10.1002/jrsm.1475); it sets
        prior scales and does not look at the estimates beyond SE = |b / t|.
        """
        return 1.0 / np.sqrt(np.mean(self.std_error**-2.0, axis=1))

    def read_signs(self, reading: SignReading) -> RegionTable:
        """The same table with the conflicting cells under another reading."""
        if reading == self.sign_reading:
            return self
        return replace(self, estimate=np.where(self.sign_conflict, -self.estimate, self.estimate), sign_reading=reading)

    def term_index(self, term: str) -> int:
        return self.terms.index(term)


@dataclass(frozen=True, slots=True)
class _Cell:
    estimate: float
    half_width: float
    t: float
    std_error: float
    std_error_bounds: Interval
    sign_conflict: bool


def read_region_table(study: Study, spec: RegionsSpec) -> RegionTable:
    """The table that a spec names, signs as the estimates print them.

    Raises
    ------
    InputError
        If a cell is missing or no number, if an estimate gives no standard error because it prints as zero, or if
        the long-run terms are not among the terms.
    """
    for role in ("lagged_outcome", "effect", "effect_lag"):
        if getattr(spec, role) not in spec.terms:
            raise InputError(f"regions.{role} must be one of {', '.join(spec.terms)}; got {getattr(spec, role)!r}")
    cells = [[_read_cell(study, spec.table, term, region) for region in spec.regions] for term in spec.terms]

    def grid(attribute: str) -> np.ndarray:
        return np.array([[getattr(cell, attribute) for cell in row] for row in cells])

    return RegionTable(
        terms=spec.terms,
        regions=spec.regions,
        term_labels=tuple(study.label(term) for term in spec.terms),
        region_labels=tuple(study.label(region) for region in spec.regions),
        estimate=grid("estimate"),
        estimate_half_width=grid("half_width"),
        t=grid("t"),
        std_error=grid("std_error"),
        std_error_low=np.array([[cell.std_error_bounds.low for cell in row] for row in cells]),
        std_error_high=np.array([[cell.std_error_bounds.high for cell in row] for row in cells]),
        sign_conflict=grid("sign_conflict"),
        sign_reading="estimate",
    )


def _read_cell(study: Study, table: str, term: str, region: str) -> _Cell:
    estimate = study.number(f"{table}/{term}.estimate/{region}")
    t = study.number(f"{table}/{term}.t/{region}")
    bounds = standard_error_bounds(estimate, t)
    if bounds.low <= 0 or float(estimate) == 0:
        raise InputError(
            f"{study.folder}: {table}/{term}/{region}: estimate {estimate} with t {t} gives no standard error |b/t|;"
            " leave the term out of regions.terms"
        )
    t_size = abs(float(t)) or abs(t.bounds).midpoint
    return _Cell(
        estimate=float(estimate),
        half_width=0.5 * 10.0**-estimate.decimals,
        t=float(t),
        std_error=abs(float(estimate)) / t_size,
        std_error_bounds=bounds,
        sign_conflict=_certain_sign(estimate) * _certain_sign(t) < 0,
    )


def _certain_sign(number: PrintedNumber) -> int:
    """-1 or 1 where everything that rounds to the number has that sign, 0 where rounding leaves it open."""
    return int(number.bounds.low > 0) - int(number.bounds.high < 0)


def standard_error_bounds(estimate: PrintedNumber, t: PrintedNumber) -> Interval:
    """Certified limits of SE = |b| / |t| over everything that rounds to the printed b and t.

    Returns
    -------
    Interval
        The upper limit is infinite where t may be zero: a t printed as 0.00 bounds the standard error from below only.
    """
    return abs(estimate.bounds) / abs(t.bounds)
