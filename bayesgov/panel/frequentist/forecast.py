"""What GMM estimates of a panel's earlier periods say about the last, estimates put in as if they were known.

GMM removes unit effects and leaves no prediction of its own. Two plug-in forecasts bring them back: the last outcome
plus the change that the equation implies, whose error is that of two periods,

    y_T = y_{T-1} + alpha (y_{T-1} - y_{T-2}) + beta (x_T - x_{T-1}) + e,

and the equation in levels with the unit's average residual as its effect. Errors are normal, of the variance that the
same forecast has over the periods fitted; a region's average change, or level, stands for the period's effect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from bayesgov.panel.cube import Panel, differenced, lagged
from bayesgov.panel.forecast import Forecast
from bayesgov.panel.frequentist.estimate import fit_gmm_by_region
from bayesgov.panel.gmm import GmmFit
from bayesgov.panel.regional import RegionalPanel
from bayesgov.panel.spec import DynamicPanelSpec

type Prediction = tuple[np.ndarray, np.ndarray]
CHANGE, LEVEL = "change since the last period", "level with the unit's mean residual"


def forecast_last_period(
    data: RegionalPanel, spec: DynamicPanelSpec, last: int
) -> tuple[dict[str, Forecast], dict[str, str]]:
    """Both forecasts of one period from GMM of the periods before it.

    Parameters
    ----------
    data : RegionalPanel
    spec : DynamicPanelSpec
    last : int
        The period to forecast; later ones are not used.

    Returns
    -------
    dict of str to Forecast
        By :data:`CHANGE` and :data:`LEVEL`; units whose forecast the data allow.
    dict of str to str
        Regions that could not be estimated, and why.
    """
    end = data.panel.times.index(last)
    earlier = RegionalPanel(_until(data.panel, end), data.regions, data.unit_region)
    fits = fit_gmm_by_region(earlier, spec)
    failed = {region: fit for region, fit in fits.items() if isinstance(fit, str)}
    ways: Mapping[str, Callable[[np.ndarray, np.ndarray], Prediction]] = {CHANGE: _change, LEVEL: _level}
    y = data.panel.values[spec.outcome][:, : end + 1]
    found = {}
    for name, predict in ways.items():
        mean, deviation = np.full(len(y), np.nan), np.full(len(y), np.nan)
        for code, region in enumerate(data.regions):
            fit = fits.get(region, fits.get("all"))
            own = data.unit_region == code
            if isinstance(fit, GmmFit):
                mean[own], deviation[own] = predict(y[own], _explained(data.panel, spec, fit, end + 1)[own])
        usable = np.flatnonzero(np.isfinite(mean + deviation + y[:, -1]))
        found[name] = Forecast(
            units=tuple(data.panel.units[index] for index in usable),
            regions=tuple(data.regions[data.unit_region[index]] for index in usable),
            y=y[usable, -1],
            mean=mean[None, usable],
            deviation=deviation[None, usable],
        )
    return found, failed


def _until(panel: Panel, end: int) -> Panel:
    values = {name: cube[:, :end] for name, cube in panel.values.items()}
    return Panel(panel.units, panel.times[:end], values, panel.present[:, :end])


def _explained(panel: Panel, spec: DynamicPanelSpec, fit: GmmFit, n_times: int) -> np.ndarray:
    """What the regressors explain of every outcome, shape (n_units, n_times); NaN where one is missing."""
    coefficient = dict(zip(fit.names, fit.coefficients.tolist(), strict=True))
    parts = [
        coefficient[entry.name] * lagged(panel.values[entry.variable], entry.lag)[:, :n_times]
        for entry in spec.regressors()
    ]
    return np.asarray(np.sum(parts, axis=0))


def _change(y: np.ndarray, explained: np.ndarray) -> Prediction:
    """The last outcome plus the change explained and the average of what was not."""
    rest = differenced(y) - differenced(explained)
    fitted = rest[:, :-1][np.isfinite(rest[:, :-1])]
    mean = y[:, -2] + differenced(explained)[:, -1] + (fitted.mean() if fitted.size else np.nan)
    return mean, np.full(len(y), fitted.std(ddof=1) if fitted.size > 1 else np.nan)


def _level(y: np.ndarray, explained: np.ndarray) -> Prediction:
    """What is explained plus the unit's average residual over the T periods fitted: variance sigma² (1 + 1 / T)."""
    rest = (y - explained)[:, :-1]
    count = np.isfinite(rest).sum(axis=1)
    average = np.nansum(rest, axis=1) / np.where(count > 0, count, np.nan)
    squares, freedom = np.nansum((rest - average[:, None]) ** 2), np.sum(np.maximum(count - 1, 0))
    variance = squares / freedom if freedom else np.nan
    return explained[:, -1] + average, np.sqrt(variance * (1 + 1 / np.where(count > 0, count, np.nan)))
