"""Missing predictors as unknowns of the Bayesian model, beside the outcome.

The predictors are modelled as a sequence: complete columns as they stand; each incomplete continuous column as a normal
regression on the columns before it; each incomplete binary or ordinal column as a cumulative-logit regression on all
columns before it (Lipsitz & Ibrahim 1996, doi:10.1093/biomet/83.4.916). Every row informs these regressions, and
the outcome informs the missing cells, so nothing is imputed once and for all.

- Missing binary and ordinal cells are summed out exactly (:mod:`bayesgov.survey.kernels.missing`): no discrete unknown
  is left for the sampler, and none is approximated by a continuous one.
- Missing continuous cells are parameters, sampled as standardised innovations of their regression.

Assumptions: cells are missing at random given the observed columns and the outcome, and, given the columns before it,
a cell does not depend on the group. Columns are standardised by their observed cells; regression slopes have
N(0, 2.5²) priors, first thresholds and intercepts N(0, 5²), log gaps between thresholds N(0, 1.5²) and log residual
standard deviations N(0, 1): weak where a column has a few dozen observed cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.logprob.transforms import Transform
from pytensor.tensor.variable import TensorVariable

from bayesgov.survey.design import Design
from bayesgov.survey.kernels.general import FAMILIES
from bayesgov.survey.kernels.missing import fill_rows
from bayesgov.survey.missing_op import MarginalLikelihood
from bayesgov.survey.missing_plan import MissingPlan
from bayesgov.survey.monotonic import replace_monotonic
from bayesgov.survey.spec import LINKS

type Tensor = TensorVariable[Any, Any]


@dataclass(frozen=True, slots=True)
class PredictorModel:
    """Variables of the predictor model inside a PyMC model.

    Attributes
    ----------
    parameters : TensorVariable, shape (n_parameters,)
    cells : TensorVariable, shape (n_cells,)
        Missing continuous cells on the standardised scale, in the order of ``MissingArrays.cell``.
    values : dict of int to TensorVariable
        Missing cells of each continuous column of the Design, own units, in the order of its rows.
    """

    parameters: Tensor
    cells: Tensor
    values: dict[int, Tensor]


def declare_predictors(design: Design, plan: MissingPlan) -> PredictorModel:
    """Declare the predictor model in the PyMC model in whose context this is called.

    Variables: ``predictor_parameter`` and, for each incomplete continuous column, ``missing_<factor>`` with dim
    ``<factor>_cell``. The observed continuous cells enter as the potential ``continuous_predictors``.
    """
    model = pm.modelcontext(None)
    model.add_coord("predictor_parameter_name", plan.names)
    parameters = pm.Normal(
        "predictor_parameter",
        0.0,
        plan.prior_sd,
        dims="predictor_parameter_name",
        default_transform=Whitened(plan.centre, plan.factor),
    )
    values: dict[int, Tensor] = {}
    if not plan.continuous:
        return PredictorModel(parameters, pt.zeros(0), values)
    z = pt.as_tensor(plan.arrays.x)
    start, potentials, standardised = 0, [], []
    for c, column in enumerate(plan.continuous):
        position = plan.n_complete + c
        name, stop = design.factors[column.column], start + position + 2
        own = parameters[start:stop]
        mean, log_sd = own[0] + z[:, :position] @ own[1:-1], own[-1]
        seen = np.setdiff1d(np.arange(design.n_obs), column.rows)
        residual = (z[seen, position] - mean[seen]) * pt.exp(-log_sd)
        weight = design.weights[seen]
        potentials.append(-0.5 * (weight * residual**2).sum() - weight.sum() * log_sd)
        model.add_coord(f"{name}_cell", [str(row) for row in design.row[column.rows]])
        innovation = pm.Normal(f"innovation_{name}", 0.0, 1.0, dims=f"{name}_cell")
        cell = mean[column.rows] + pt.exp(log_sd) * innovation
        z = pt.set_subtensor(z[column.rows, position], cell)
        values[column.column] = pm.Deterministic(
            f"missing_{name}", plan.location[position] + plan.spread[position] * cell, dims=f"{name}_cell"
        )
        standardised.append(cell)
        start = stop
    pm.Potential("continuous_predictors", pt.add(*potentials) if len(potentials) > 1 else potentials[0])
    return PredictorModel(parameters, pt.concatenate(standardised)[_cell_order(plan)], values)


def marginal_log_likelihood(
    plan: MissingPlan,
    predictors: PredictorModel,
    *,
    family: str,
    link: str,
    eta: Tensor,
    threshold: Tensor,
    beta: Tensor,
    y: Tensor,
    weights: Tensor,
    shift: np.ndarray,
) -> Tensor:
    """Log-likelihood of outcome and discrete predictors, the missing discrete cells summed out, as a scalar.

    Parameters
    ----------
    plan : MissingPlan
    predictors : PredictorModel
    family, link : str
    eta : TensorVariable, shape (n_obs,)
        Linear predictor of the outcome in which missing discrete cells stand at zero and missing continuous ones at
        their values.
    threshold : TensorVariable, shape (n_categories - 1,)
    beta : TensorVariable, shape (n_terms,)
    y, weights : TensorVariable, shape (n_obs,)
    shift : ndarray, shape (n_terms,)
        What was subtracted from the columns in ``eta``: a missing cell of column j counts value - shift[j].
    """
    arrays = plan.arrays
    columns = np.array([column.column for column in plan.discrete], dtype=np.int64)
    n_continuous = plan.centre.size - int(arrays.start[-1])
    operation = MarginalLikelihood(FAMILIES.index(family), LINKS.index(link), arrays.n_nodes)
    outputs = operation(
        eta,
        threshold,
        beta[columns],
        predictors.parameters[n_continuous:],
        predictors.cells,
        y,
        weights,
        *(arrays._replace(outcome_value=arrays.outcome_value - shift[columns][:, None])[:-1]),
    )
    value: Tensor = outputs[0]
    return value


def completed_x(
    plan: MissingPlan, design: Design, draw: Mapping[str, np.ndarray], family: str, link: str, rng: np.random.Generator
) -> np.ndarray:
    """The predictors under one posterior draw: missing cells drawn from their posterior, monotonic columns evaluated.

    Parameters
    ----------
    plan : MissingPlan
    design : Design
    draw : mapping
        ``beta``, ``threshold``, ``predictor_parameter`` and, where the model has them, ``group_effect``,
        ``missing_<factor>`` and ``simplex_<factor>`` of one draw.
    family, link : str
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (n_obs, n_terms)
    """
    x, _, codes = _rows(plan, design, draw, family, link, rng.random(design.n_obs))
    for d, column in enumerate(plan.discrete):
        x[column.rows, column.column] = np.asarray(column.support)[codes[column.rows, d]]
    return x


def pointwise_log_likelihood(
    plan: MissingPlan, design: Design, draw: Mapping[str, np.ndarray], family: str, link: str
) -> np.ndarray:
    """Log P(y | observed predictors) of every row under one draw, missing discrete cells summed out.

    A missing continuous cell stands at its drawn value, so its row's entry is conditional on that.

    Returns
    -------
    ndarray, shape (n_obs,)
        Without frequency weights.
    """
    return _rows(plan, design, draw, family, link, np.zeros(design.n_obs))[1]


class Whitened(Transform):  # type: ignore[misc]  # PyMC ships no types
    """Coordinates z of a vector v = centre + factor @ z: nearly standard normal where centre and factor fit.

    Only coordinates change; the prior stays as declared.
    """

    name = "whitened"
    ndim_supp = 1

    def __init__(self, centre: np.ndarray, factor: np.ndarray) -> None:
        self.centre = centre
        self.factor = factor
        self.inverse = np.linalg.inv(factor)
        self.log_determinant = float(np.log(np.diag(factor)).sum())

    def forward(self, value: Tensor, *inputs: Any) -> Tensor:
        """Coordinates of a value."""
        result: Tensor = pt.as_tensor(self.inverse) @ (value - self.centre)
        return result

    def backward(self, value: Tensor, *inputs: Any) -> Tensor:
        """Value at coordinates."""
        result: Tensor = self.centre + pt.as_tensor(self.factor) @ value
        return result

    def log_jac_det(self, value: Tensor, *inputs: Any) -> Tensor:
        """Logarithm of the volume of one unit cube of coordinates."""
        return pt.as_tensor(np.float64(self.log_determinant))


def _rows(
    plan: MissingPlan, design: Design, draw: Mapping[str, np.ndarray], family: str, link: str, uniform: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictors with zeros in missing discrete cells, pointwise log-likelihood, drawn level codes."""
    x = replace_monotonic(design, draw)
    standardised = []
    for c, column in enumerate(plan.continuous):
        values = np.asarray(draw[f"missing_{design.factors[column.column]}"])
        x[column.rows, column.column] = values
        position = plan.n_complete + c
        standardised.append((values - plan.location[position]) / plan.spread[position])
    for column in plan.discrete:
        x[column.rows, column.column] = 0.0
    beta = np.asarray(draw["beta"])
    eta = design.offset + x @ beta
    if "group_effect" in draw:
        eta = eta + np.asarray(draw["group_effect"])[design.group]
    parameters = np.asarray(draw["predictor_parameter"])
    log_density, codes = fill_rows(
        FAMILIES.index(family),
        LINKS.index(link),
        eta,
        np.asarray(draw["threshold"]),
        beta[[column.column for column in plan.discrete]],
        parameters[plan.centre.size - int(plan.arrays.start[-1]) :],
        np.concatenate(standardised)[_cell_order(plan)] if standardised else np.zeros(0),
        design.y,
        uniform,
        plan.arrays,
    )
    return x, log_density, codes


def _cell_order(plan: MissingPlan) -> np.ndarray:
    """Positions that bring cells listed column by column into the kernel's order, row by row."""
    rows = np.concatenate([column.rows for column in plan.continuous])
    return np.argsort(rows, kind="stable")
