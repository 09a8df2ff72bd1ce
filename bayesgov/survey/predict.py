"""Predicted probabilities of every level from the parameters of either school: draws, or a point that is one draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from bayesgov.survey.design import Design
from bayesgov.survey.margins import Coefficients, probabilities
from bayesgov.survey.predictive import block_of_draws
from bayesgov.survey.response import Response
from bayesgov.survey.spec import Family, Link

_NODES = 15  # of Gauss-Hermite quadrature over an unknown group's effect: exact to about 1e-6 for sds below 2


@dataclass(frozen=True, slots=True)
class RowPredictor:
    """What turns parameters into predictions for rows; the ``predictor`` of a Fit on survey rows.

    Attributes
    ----------
    family : {"cumulative", "adjacent", "continuation"}
    link : str
    """

    family: Family
    link: Link

    def __call__(self, design: Design, parameters: xr.Dataset) -> xr.DataArray:
        return predict_rows(design, parameters, self)


def predict_rows(design: Design, parameters: xr.Dataset, response: Response) -> xr.DataArray:
    """Probability of every level for every row and draw.

    Parameters
    ----------
    design : Design
        Complete; of the fit itself, or new rows under its encoding (:func:`bayesgov.survey.build.redesign`). Outcome
        and weights are not used. A row of a group that the fit has not seen gets the average over the population of
        groups, Normal(0, ``group_sd``), by Gauss-Hermite quadrature.
    parameters : xarray.Dataset
        As in :func:`bayesgov.survey.predictive.block_of_draws`, group effects labelled by group.
    response : Response

    Returns
    -------
    xarray.DataArray
        Dims chain, draw, ``obs`` (the Design's ``row``) and ``category`` (its levels); 8 bytes a number.

    Raises
    ------
    ValueError
        If the Design has other terms or levels than the parameters, or missing cells.
    """
    _require_same(design, parameters)
    if missing := int(np.isnan(design.x).any(axis=1).sum()):
        raise ValueError(f"a prediction needs every predictor; {missing} rows lack one: predict for complete rows")
    known, unknown = _split(design, parameters)
    values = block_of_draws(known, design)
    drawn = np.empty((values.threshold.shape[0], design.n_obs, design.n_categories))
    seen = ~np.isin(design.group, unknown) if unknown.size else np.ones(design.n_obs, dtype=bool)
    drawn[:, seen] = probabilities(design.take(seen), values, response)
    if not seen.all():
        drawn[:, ~seen] = _averaged(design.take(~seen), values, _deviation(parameters), response)
    sizes = (parameters.sizes["chain"], parameters.sizes["draw"])
    return xr.DataArray(
        drawn.reshape(*sizes, design.n_obs, design.n_categories),
        {
            "chain": parameters["chain"].values,
            "draw": parameters["draw"].values,
            "obs": design.row,
            "category": list(design.levels),
        },
        ("chain", "draw", "obs", "category"),
        name="probability",
    )


def point_parameters(design: Design, estimate: np.ndarray, group: Mapping[str, float] | None = None) -> xr.Dataset:
    """A vector of estimates as one draw under the names of a posterior.

    Parameters
    ----------
    design : Design
    estimate : ndarray
        Thresholds, coefficients, departures (term by threshold), log scales and, with groups, their standard
        deviation.
    group : mapping of str to float, optional
        Effect of each group.
    """
    cuts, nominal = list(design.thresholds), [design.terms[column] for column in design.nominal]
    blocks: list[tuple[str, dict[str, list[str]]]] = [
        ("threshold", {"cut": cuts}),
        ("beta", {"term": list(design.terms)}),
        ("departure", {"nominal_term": nominal, "cut": cuts}),
        ("log_scale", {"scale_term": list(design.scale_terms)}),
    ]
    variables, first = {}, 0
    for name, coords in blocks:
        shape = tuple(len(labels) for labels in coords.values())
        size = int(np.prod(shape))
        if size:
            values = estimate[first : first + size].reshape(1, 1, *shape)
            variables[name] = xr.DataArray(values, {"chain": [0], "draw": [0], **coords}, ("chain", "draw", *coords))
        first += size
    if group is not None:
        variables["group_sd"] = xr.DataArray(np.full((1, 1), estimate[first]), dims=("chain", "draw"))
        effects = np.array(list(group.values())).reshape(1, 1, -1)
        variables["group_effect"] = xr.DataArray(effects, {"group": list(group)}, ("chain", "draw", "group"))
    return xr.Dataset(variables, {"chain": [0], "draw": [0]})


def _require_same(design: Design, parameters: xr.Dataset) -> None:
    fitted = tuple(map(str, parameters["term"].values)) if "beta" in parameters else ()
    if fitted != design.terms:
        raise ValueError(
            f"a prediction needs the terms of the fit, {', '.join(fitted) or 'none'}; the Design has "
            f"{', '.join(design.terms) or 'none'}: make it with redesign() from the fit's encoding"
        )
    if (number := parameters["threshold"].transpose("chain", "draw", ...).shape[-1]) != design.n_categories - 1:
        raise ValueError(
            f"a prediction needs the {number + 1} levels of the fit; the Design has {design.n_categories}: make it "
            "with redesign() from the fit's encoding"
        )


def _split(design: Design, parameters: xr.Dataset) -> tuple[xr.Dataset, np.ndarray]:
    """The parameters with group effects in the Design's order, and the codes of groups that they do not know."""
    if "group_effect" not in parameters or not design.groups:
        return parameters.drop_vars("group_effect", errors="ignore"), np.zeros(0, dtype=np.int64)
    effects = parameters["group_effect"]
    fitted = set(map(str, effects["group"].values))
    unknown = np.array([code for code, name in enumerate(design.groups) if name not in fitted], dtype=np.int64)
    aligned = effects.assign_coords(group=effects["group"].astype(str)).reindex(group=list(design.groups), fill_value=0)
    return parameters.drop_dims("group").assign(group_effect=aligned), unknown


def _deviation(parameters: xr.Dataset) -> np.ndarray:
    return np.asarray(parameters["group_sd"].transpose("chain", "draw").values.ravel(), dtype=float)


def _averaged(design: Design, values: Coefficients, deviation: np.ndarray, response: Response) -> np.ndarray:
    """Probabilities averaged over v ~ Normal(0, deviation²): sum_q w_q P(y = k | v = deviation x_q)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    alone = replace(design, group=np.zeros(design.n_obs, dtype=np.int64), groups=("new",))
    total = np.zeros((deviation.size, design.n_obs, design.n_categories))
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        moved = replace(values, group_effect=(deviation * node)[:, None])
        total += weight * probabilities(alone, moved, response)
    return total
