"""Both schools judged by the last period of a panel, held out of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import xarray as xr

from bayesgov.errors import InputError
from bayesgov.fits import Approach, Check
from bayesgov.panel.bayesian import forecast as posterior
from bayesgov.panel.bayesian.collapsed import is_collapsible
from bayesgov.panel.bayesian.pooling import GAUSSIAN, collapsible_version
from bayesgov.panel.forecast import Forecast
from bayesgov.panel.frequentist import forecast as plug_in
from bayesgov.panel.prepare import PreparedPanel
from bayesgov.panel.spec import DynamicPanelSpec
from bayesgov.sampling import SamplingOptions
from bayesgov.steps import Progress

POSTERIOR = "posterior predictive"
_SCORES = ("rows", "log_score", "crps", "rmse")


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutPeriod:
    """Forecasts of one period for the same units.

    Attributes
    ----------
    time : int
    forecasts : mapping of str to mapping of str to Forecast
        By approach, then by the way of forecasting.
    checks : tuple of Check
    """

    time: int
    forecasts: Mapping[str, Mapping[str, Forecast]]
    checks: tuple[Check, ...] = ()

    def scores(self) -> pd.DataFrame:
        """Columns ``approach``, ``forecast`` and ``time``, then those of a forecast's scores."""
        parts = []
        for approach, ways in self.forecasts.items():
            for way, forecast in ways.items():
                frame = forecast.scores()
                frame.insert(0, "approach", approach)
                frame.insert(1, "forecast", way)
                frame.insert(2, "time", self.time)
                parts.append(frame)
        return pd.concat(parts, ignore_index=True)

    def group(self, approach: str) -> xr.Dataset:
        """The approach's scores, dims forecast and region, for the group ``scores`` of its Fit's tree."""
        scores = {way: forecast.scores().set_index("region") for way, forecast in self.forecasts[approach].items()}
        regions = list(next(iter(scores.values())).index)
        values = {
            name: (("forecast", "region"), [frame[name].to_numpy(dtype=float) for frame in scores.values()])
            for name in _SCORES
        }
        return xr.Dataset(values, coords={"forecast": list(scores), "region": regions})


def hold_out_last_period(
    prepared: PreparedPanel,
    spec: DynamicPanelSpec,
    approaches: tuple[Approach, ...],
    *,
    options: SamplingOptions,
    progress: Progress = lambda _message: None,
) -> HeldOutPeriod:
    """Forecast the last period from those before it, by every approach and for the units that all can forecast.

    The forecasts share the last period's shock, so that scores of one period compare models of the shock as well. Cells
    that were interpolated between earlier values and the last period's know something of it, for every approach alike.

    Parameters
    ----------
    prepared : PreparedPanel
    spec : DynamicPanelSpec
        A model without a collapsed density is forecast by its Gaussian version, and a check says so.
    approaches : tuple of {"frequentist", "bayesian"}
    options : SamplingOptions
        Of the posterior of the earlier periods.
    progress : callable

    Raises
    ------
    InputError
        If there are fewer than three periods, or no unit that all approaches can forecast.
    """
    times = prepared.design.times
    if len(times) < 3:
        raise InputError(f"a forecast needs two earlier periods; the rows used have {len(times)} periods")
    forecasts: dict[str, Mapping[str, Forecast]] = {}
    checks: list[Check] = []
    if "frequentist" in approaches:
        progress(f"GMM of the periods before {times[-1]}")
        forecasts["frequentist"], failed = plug_in.forecast_last_period(prepared.panel, spec, times[-1])
        checks += [Check(f"forecast [{region}]", None, None, "warn", reason) for region, reason in failed.items()]
    if "bayesian" in approaches:
        progress(f"posterior of the periods before {times[-1]}")
        found = posterior.forecast_last_period(prepared.frame, collapsible_version(spec), options)
        forecasts["bayesian"] = {POSTERIOR: found}
        if not is_collapsible(spec):
            checks.append(Check("forecast of the model itself", None, None, "not applicable", f"forecast {GAUSSIAN}"))
    every = [forecast for ways in forecasts.values() for forecast in ways.values()]
    shared = set(every[0].units).intersection(*(other.units for other in every[1:]))
    common = tuple(unit for unit in every[0].units if unit in shared)
    if not common:
        raise InputError(f"no unit has a forecast of {times[-1]} by every approach")
    lost = max(len(forecast.units) for forecast in every) - len(common)
    if lost:
        reason = f"{lost} units lack a forecast by one approach, and are left out of all"
        checks.append(Check("units_forecast", float(len(common)), None, "warn", reason))
    return HeldOutPeriod(
        times[-1],
        {name: {way: found.of(common) for way, found in ways.items()} for name, ways in forecasts.items()},
        tuple(checks),
    )
