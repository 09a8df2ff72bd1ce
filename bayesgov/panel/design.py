"""The Design of a dynamic panel: rows with their lags, initial values and unit means, and the account of every row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bayesgov.errors import InputError
from bayesgov.panel.cube import Panel, lagged, panel_from_frame
from bayesgov.panel.spec import INTERCEPT, DynamicPanelSpec

_ALL = "all"
_COLLINEAR = 1e-8  # share of a standardised column's length left after the columns before it


@dataclass(frozen=True, slots=True)
class FlowStep:
    """One step of the flow of rows.

    Attributes
    ----------
    reason : str
    lost, left : int
        Rows.
    units_left : int
        Units that still have a row.
    """

    reason: str
    lost: int
    left: int
    units_left: int


@dataclass(frozen=True, slots=True, eq=False)
class PanelDesign:
    """Rows of a dynamic panel, sorted by unit and period; every unit's rows are consecutive periods.

    Attributes
    ----------
    outcome : str
    terms : tuple of str, length n_terms
        Columns of ``x``: lags of the outcome (``L1.y``), then predictors with their lags.
    n_lags : int
        The first ``n_lags`` terms are the outcome's.
    units, regions, times : tuple of str, str, int
        ``times`` are the periods of ``y``, all consecutive ones from the first to the last.
    y : ndarray, shape (n_obs,)
    x : ndarray, shape (n_obs, n_terms)
    unit, time : ndarray of int, shape (n_obs,)
        Codes into ``units`` and ``times``.
    unit_region : ndarray of int, shape (n_units,)
    covariates : ndarray, shape (n_units, n_covariates)
        Initial values and unit means on which unit effects are regressed.
    covariate_names : tuple of str
        ``initial[y]``, ``mean[x]``; ``initial[y] in north`` for a region's departure from the coefficient of
        ``initial[y]``.
    departs : ndarray of int, shape (n_covariates,)
        For a region's departure the position of the covariate that it departs from, otherwise its own.
    varying : ndarray of bool, shape (n_terms,)
        Terms whose coefficients may differ between regions.
    intercept_varies, time_effects : bool
    flow : tuple of FlowStep
    left_out : tuple of str
        Unit covariates left out because others say the same.
    row : ndarray of int, shape (n_obs,)
        Position in the grid of units and periods, unit by unit.
    """

    outcome: str
    terms: tuple[str, ...]
    n_lags: int
    units: tuple[str, ...]
    regions: tuple[str, ...]
    times: tuple[int, ...]
    y: np.ndarray
    x: np.ndarray
    unit: np.ndarray
    time: np.ndarray
    unit_region: np.ndarray
    covariates: np.ndarray
    covariate_names: tuple[str, ...]
    departs: np.ndarray
    varying: np.ndarray
    intercept_varies: bool
    time_effects: bool
    flow: tuple[FlowStep, ...]
    left_out: tuple[str, ...]
    row: np.ndarray

    @property
    def n_obs(self) -> int:
        return self.y.size

    @property
    def region(self) -> np.ndarray:
        """Region codes of the rows, shape (n_obs,)."""
        region: np.ndarray = self.unit_region[self.unit]
        return region

    @property
    def starts(self) -> np.ndarray:
        """First row of every unit, shape (n_units,)."""
        return np.searchsorted(self.unit, np.arange(len(self.units)))

    @property
    def unit_rows(self) -> np.ndarray:
        """Rows of every unit, shape (n_units,)."""
        return np.bincount(self.unit, minlength=len(self.units))


def panel_design(frame: pd.DataFrame, spec: DynamicPanelSpec) -> PanelDesign:
    """Rows of a long panel as a Design.

    Parameters
    ----------
    frame : DataFrame
        One row for each unit and period.
    spec : DynamicPanelSpec

    Raises
    ------
    InputError
        As :func:`bayesgov.panel.cube.panel_from_frame`; if a variable to be logged is not positive, a unit has no
        region or two, nothing is left, or no unit has two rows.
    """
    panel = panel_from_frame(with_logs(frame, spec), spec.unit, spec.time, spec.variables)
    regions, unit_region = region_codes(frame, spec, panel.units)
    return design_from_panel(panel, regions, unit_region, spec)


def design_from_panel(
    panel: Panel, regions: Sequence[str], unit_region: np.ndarray, spec: DynamicPanelSpec
) -> PanelDesign:
    """Rows of a panel that is a cube already; logarithms are taken.

    Parameters
    ----------
    panel : Panel
    regions : sequence of str
    unit_region : ndarray of int, shape (n_units,)
        Codes into ``regions``.
    spec : DynamicPanelSpec

    Raises
    ------
    InputError
        If nothing is left, or no unit has two rows.
    """
    regressors = spec.regressors()
    cubes = np.stack([lagged(panel.values[entry.variable], entry.lag) for entry in regressors], axis=-1)
    outcome = panel.values[spec.outcome]
    used, flow = _used_rows(panel, outcome, cubes, max(entry.lag for entry in regressors))
    kept = np.flatnonzero(used.any(axis=1))
    unit, time = np.nonzero(used[kept])
    first = int(time.min())
    covariates, names, left_out = _unit_covariates(panel, used, kept, spec)
    present, codes = np.unique(unit_region[kept], return_inverse=True)
    named = [str(regions[index]) for index in present]
    departures, departing, departs = _departures(covariates, names, named, codes, spec)
    return PanelDesign(
        outcome=spec.outcome,
        terms=tuple(entry.name for entry in regressors),
        n_lags=spec.outcome_lags,
        units=tuple(panel.units[index] for index in kept),
        regions=tuple(named),
        times=panel.times[first : int(time.max()) + 1],
        y=outcome[kept][unit, time],
        x=cubes[kept][unit, time],
        unit=unit,
        time=time - first,
        unit_region=codes,
        covariates=np.column_stack([covariates, departures]),
        covariate_names=(*names, *departing),
        departs=np.append(np.arange(len(names)), departs),
        varying=np.array([spec.varies(entry.variable) for entry in regressors]),
        intercept_varies=spec.varies(INTERCEPT),
        time_effects=spec.time_effects,
        flow=flow,
        left_out=left_out,
        row=np.flatnonzero(used.ravel()),
    )


def select_rows(design: PanelDesign, kept: np.ndarray) -> PanelDesign:
    """Some rows of a Design, a mask of shape (n_obs,), with the units that they have; regions and periods stay."""
    units, unit = np.unique(design.unit[kept], return_inverse=True)
    return replace(
        design,
        units=tuple(design.units[index] for index in units),
        y=design.y[kept],
        x=design.x[kept],
        unit=unit,
        time=design.time[kept],
        unit_region=design.unit_region[units],
        covariates=design.covariates[units],
        row=design.row[kept],
    )


def with_logs(frame: pd.DataFrame, spec: DynamicPanelSpec) -> pd.DataFrame:
    """Rows with the logarithms that the spec asks for; InputError where a value is not positive."""
    logs = {}
    for name in spec.log:
        if name not in frame:
            continue  # the cube says so
        values = pd.to_numeric(frame[name], errors="coerce")
        if (values <= 0).any():
            raise InputError(
                f"{name}: log wants positive values; got {values[values <= 0].iloc[0]:g} "
                f"in {int((values <= 0).sum())} rows: take {name} out of log, or drop the rows"
            )
        if (values.isna() & frame[name].notna()).any():
            continue
        logs[name] = np.log(values)
    return frame.assign(**logs)


def region_codes(
    frame: pd.DataFrame, spec: DynamicPanelSpec, units: Sequence[str]
) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of the regions and each unit's code, units in the cube's order."""
    if not spec.region:
        return (_ALL,), np.zeros(len(units), dtype=np.int64)
    if spec.region not in frame:
        raise InputError(f"the panel needs the column {spec.region!r}; the data have: {', '.join(map(str, frame))}")
    by_unit = frame[spec.region].groupby(frame[spec.unit], sort=True)  # an index may have the unit's name
    several = by_unit.nunique()
    if (several != 1).any():
        name = several.index[several != 1][0]
        raise InputError(
            f"{spec.region}: every unit wants one region; {name} has {several[name]}: correct or drop its rows"
        )
    codes, found = pd.factorize(by_unit.first(), sort=True)
    regions = tuple(map(str, found))
    if len(regions) > 1 and _ALL in regions:
        raise InputError(
            f"{spec.region}: {_ALL!r} is what tables call all units together: give that region another name"
        )
    return regions, codes.astype(np.int64)


def _used_rows(
    panel: Panel, outcome: np.ndarray, cubes: np.ndarray, depth: int
) -> tuple[np.ndarray, tuple[FlowStep, ...]]:
    """Rows of every unit's longest run of complete periods, and how the others were lost.

    Rows after a gap would need the distribution of the outcome at which they start again; with the unit effect
    unknown it is not theirs to condition on, so one run of each unit is used.
    """
    with_lags = panel.present.copy()
    for lag in range(1, depth + 1):
        with_lags[:, lag:] &= panel.present[:, :-lag]
        with_lags[:, :lag] = False
    complete = with_lags & ~np.isnan(outcome) & ~np.isnan(cubes).any(axis=-1)
    used = _longest_runs(complete)
    steps = (
        ("rows in the data", panel.present),
        ("no row for a lag: first periods and periods after a gap", with_lags),
        ("a missing value", complete),
        ("outside the unit's longest run of periods", used),
    )
    flow, before = [], int(panel.present.sum())
    for reason, mask in steps:
        left = int(mask.sum())
        flow.append(FlowStep(reason, before - left, left, int(mask.any(axis=1).sum())))
        before = left
    if not used.any():
        raise InputError(
            f"no row has its outcome, predictors and {depth} earlier periods: fewer lags, or fill the missing values"
        )
    if used.sum(axis=1).max() < 2:
        raise InputError("no unit has two rows in a row, so unit effects and errors cannot be told apart: fewer lags")
    return used, tuple(flow)


def _longest_runs(complete: np.ndarray) -> np.ndarray:
    """The longest run of True in every row, the first of equally long ones; shape as given."""
    length = np.zeros(complete.shape, dtype=np.int64)
    length[:, 0] = complete[:, 0]
    for period in range(1, complete.shape[1]):
        length[:, period] = np.where(complete[:, period], 1 + length[:, period - 1], 0)
    end = length.argmax(axis=1)
    start = end - length.max(axis=1) + 1
    position = np.arange(complete.shape[1])
    run: np.ndarray = complete & (position >= start[:, None]) & (position <= end[:, None])
    return run


def _unit_covariates(
    panel: Panel, used: np.ndarray, kept: np.ndarray, spec: DynamicPanelSpec
) -> tuple[np.ndarray, tuple[str, ...], tuple[str, ...]]:
    """Initial values and means over the periods used, without columns that others determine."""
    rows, start = used[kept], np.argmax(used[kept], axis=1)
    each = np.arange(kept.size)
    columns: dict[str, np.ndarray] = {}
    if spec.initial == "conditional":
        for lag in range(1, spec.outcome_lags + 1):
            columns[_initial_name(spec.outcome, lag)] = panel.values[spec.outcome][kept][each, start - lag]
    left_out = []
    for variable in spec.predictors if spec.initial != "naive" else ():
        cube = panel.values[variable][kept]
        mean = np.where(rows, cube, 0.0).sum(axis=1) / rows.sum(axis=1)
        within = np.where(rows, cube - mean[:, None], 0.0)
        if np.abs(within).max() <= _COLLINEAR * np.ptp(mean):
            left_out.append(f"mean[{variable}]")  # constant over time: the predictor is its own mean
            continue
        before = cube[each, start - 1]
        if not np.isnan(before).any():
            columns[f"initial[{variable}]"] = before
        columns[f"mean[{variable}]"] = mean
    values = np.column_stack([*columns.values()]) if columns else np.zeros((kept.size, 0))
    independent = _independent(values)
    names = np.array(list(columns), dtype=object)
    left_out += list(names[~independent])
    return values[:, independent], tuple(names[independent]), tuple(left_out)


def _initial_name(outcome: str, lag: int) -> str:
    return f"initial[{outcome}]" if lag == 1 else f"initial[L{lag}.{outcome}]"


def _departures(
    covariates: np.ndarray,
    names: Sequence[str],
    regions: Sequence[str],
    unit_region: np.ndarray,
    spec: DynamicPanelSpec,
) -> tuple[np.ndarray, tuple[str, ...], np.ndarray]:
    """Initial outcomes by region, where persistence differs between regions.

    What an initial outcome tells of the unit effect depends on persistence: from y_0 = u / (1 - alpha) + noise, the
    coefficient of y_0 in E(u | y_0) is (1 - alpha) times a reliability. One coefficient for all regions would pull
    their persistences together.

    Returns
    -------
    ndarray, shape (n_units, n_departures); their names; positions of the covariates that they depart from
    """
    initial = {_initial_name(spec.outcome, lag) for lag in range(1, spec.outcome_lags + 1)}
    varies = len(regions) > 1 and spec.varies(spec.outcome)
    own = [at for at, name in enumerate(names) if varies and name in initial]
    centred = covariates - covariates.mean(axis=0)
    columns = [np.where(unit_region == r, centred[:, at], 0.0) for at in own for r in range(len(regions))]
    return (
        np.column_stack(columns) if columns else np.zeros((covariates.shape[0], 0)),
        tuple(f"{names[at]} in {region}" for at in own for region in regions),
        np.repeat(np.array(own, dtype=np.int64), len(regions)),
    )


def _independent(columns: np.ndarray) -> np.ndarray:
    """Which columns are no combination of a constant and the columns before them, shape (n_columns,)."""
    kept = np.zeros(columns.shape[1], dtype=bool)
    basis = np.zeros((columns.shape[0], 0))
    for index in range(columns.shape[1]):
        column = columns[:, index] - columns[:, index].mean()
        length = np.linalg.norm(column)
        if length <= _COLLINEAR * max(1e-300, np.abs(columns[:, index]).max()):
            continue
        column = column / length
        left = column - basis @ (basis.T @ column)
        left -= basis @ (basis.T @ left)
        if np.linalg.norm(left) > _COLLINEAR:
            kept[index] = True
            basis = np.column_stack([basis, left / np.linalg.norm(left)])
    return kept
