"""The instrument multiverse: one equation under every defensible set of instruments."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bayesgov.panel.frequentist.estimate import fit_gmm_by_region
from bayesgov.panel.frequentist.regions import gmm_foot
from bayesgov.panel.gmm import GmmFit
from bayesgov.panel.regional import RegionalPanel
from bayesgov.panel.spec import DynamicPanelSpec, LagLimits, first_instrument_lags

DEPTHS: tuple[int | None, ...] = (1, 2, 3, None)


def instrument_multiverse(
    data: RegionalPanel,
    spec: DynamicPanelSpec,
    *,
    effects: Sequence[str] = (),
    depths: Sequence[int | None] = DEPTHS,
    systems: Sequence[bool] = (False, True),
) -> pd.DataFrame:
    """Estimates and Hansen's p-value over lag windows, collapsing, equation and region.

    The window of a variable starts at the first lag that is valid for it under the spec and has a given depth.

    Parameters
    ----------
    data : RegionalPanel
    spec : DynamicPanelSpec
    effects : sequence of str
        Terms beside the outcome's lags, such as ("digital", "L1.digital"); all by default.
    depths : sequence of int or None
        Lags in a window; None for as many as there are.
    systems : sequence of bool
        Whether the level equation is added.

    Returns
    -------
    pandas.DataFrame
        One row for each region, choice and term: ``region, equation`` ("difference", "system"), ``depth`` ("1",
        ..., "all"), ``collapse, term, estimate, std_error, sargan_p, hansen_p, ar1_p, ar2_p, n_instruments, n_units,
        n_obs, many`` (more instruments than units)``, chosen`` (the spec's own choice)``, reason`` (why there is no
        estimate).
    """
    rows = []
    for system in systems:
        for collapse in (False, True):
            for depth in depths:
                variant = with_window(spec, depth, collapse=collapse, system=system)
                choice = {
                    "equation": "system" if system else "difference",
                    "depth": "all" if depth is None else str(depth),
                    "collapse": collapse,
                    "chosen": variant.gmm == with_explicit_windows(spec).gmm,
                }
                for region, fit in fit_gmm_by_region(data, variant).items():
                    rows += [{"region": region} | choice | row for row in _rows(fit, effects)]
    return pd.DataFrame(rows)


def with_window(spec: DynamicPanelSpec, depth: int | None, *, collapse: bool, system: bool) -> DynamicPanelSpec:
    """The spec with lag windows of one depth for every instrumented variable."""
    limits = {
        name: LagLimits(first=first, last=None if depth is None else first + depth - 1, collapse=collapse)
        for name, first in first_instrument_lags(spec).items()
    }
    gmm = spec.gmm.model_copy(update={"limits": limits, "collapse": collapse, "system": system})
    return spec.model_copy(update={"gmm": gmm})


def with_explicit_windows(spec: DynamicPanelSpec) -> DynamicPanelSpec:
    """The spec with the windows that it implies written out, so that equal choices compare equal."""
    limits = {}
    for name, first in first_instrument_lags(spec).items():
        limit = spec.gmm.limits.get(name, LagLimits(first=first))
        collapse = spec.gmm.collapse if limit.collapse is None else limit.collapse
        limits[name] = LagLimits(first=first, last=limit.last, collapse=collapse)
    return spec.model_copy(update={"gmm": spec.gmm.model_copy(update={"limits": limits})})


def _rows(fit: GmmFit | str, effects: Sequence[str]) -> list[dict[str, object]]:
    if isinstance(fit, str):
        return [{"term": "", "estimate": float("nan"), "std_error": float("nan"), "reason": fit, "many": False}]
    shown = [
        name
        for name in fit.names
        if name in fit.lags_of_outcome
        or (name in effects if effects else name != "constant" and not name.startswith("time["))
    ]
    foot: dict[str, object] = {**gmm_foot(fit), "many": fit.n_instruments > fit.n_units}
    return [
        {
            "term": name,
            "estimate": fit.coefficients[fit.names.index(name)],
            "std_error": fit.std_errors[fit.names.index(name)],
        }
        | foot
        for name in shown
    ]
