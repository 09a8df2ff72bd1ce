"""The parts of the linear predictor that are no known number times a coefficient: monotonic effects, missing cells.

Their columns of ``x`` stand at zero, and what they add to eta is added to the offset.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytensor.tensor as pt

from bayesgov.errors import InputError
from bayesgov.survey.design import Design
from bayesgov.survey.kernels.data import KernelData
from bayesgov.survey.missing import Tensor, declare_predictors, marginal_log_likelihood
from bayesgov.survey.missing_plan import plan_missing
from bayesgov.survey.monotonic import declare_monotonic, has_simplex
from bayesgov.survey.spec import CumulativeSpec


def require_supported(design: Design, spec: CumulativeSpec) -> None:
    """Refuse what has no likelihood here.

    Raises
    ------
    InputError
        For modelled missing cells beside nominal effects or a scale model, and for monotonic nominal effects.
    """
    if design.missing and (design.nominal or design.scale_terms):
        other = "nominal effects" if design.nominal else "a scale model"
        raise InputError(f'missing = "model" does not go with {other}: set missing = "impute" or "listwise"')
    shared = set(design.nominal) & {term.column for term in design.monotonic}
    if shared:
        raise InputError(
            f"{design.factors[min(shared)]} cannot be both monotonic and nominal: leave one of the two out"
        )


def known_x(design: Design, data: KernelData) -> np.ndarray:
    """Predictors with zeros in missing cells and in monotonic columns, shape (n_terms, n_rows)."""
    x: np.ndarray = np.nan_to_num(data.x)
    x[[term.column for term in design.monotonic if has_simplex(term)]] = 0.0
    return x


def add_monotonic(design: Design, data: KernelData, offset: Tensor, beta: Tensor) -> tuple[Tensor, bool]:
    """The offset with monotonic effects added, and whether there are any."""
    values = declare_monotonic(design)
    for column, value in values.items():
        offset = offset + beta[column] * value[data.row]
    return offset, bool(values)


def incomplete_log_likelihood(
    design: Design,
    spec: CumulativeSpec,
    data: KernelData,
    rows: Mapping[str, Tensor],
    offset: Tensor,
    beta: Tensor,
    threshold: Tensor,
    group_effect: Tensor,
) -> Tensor:
    """Declare the predictor model, and return the log-likelihood of outcome and predictors.

    Parameters
    ----------
    rows : mapping
        The model's data, sorted as ``data`` is.
    offset : TensorVariable, shape (n_rows,)
        With monotonic effects.
    """
    if data.n_rows < design.n_obs:
        raise ValueError("rows of weight zero cannot be in a Design with missing cells: drop them first")
    plan = plan_missing(design)
    predictors = declare_predictors(design, plan)
    eta = offset + beta @ rows["x"]
    if design.groups:
        eta = eta + group_effect[rows["group_code"]]
    eta = eta[np.argsort(data.row)]  # from the kernel's order of rows to the Design's
    for column, values in predictors.values.items():
        holes = np.flatnonzero(np.isnan(design.x[:, column]))
        eta = pt.inc_subtensor(eta[holes], beta[column] * values)
    return marginal_log_likelihood(
        plan,
        predictors,
        family=spec.family,
        link=spec.link,
        eta=eta,
        threshold=threshold,
        beta=beta,
        y=pt.as_tensor(design.y),
        weights=pt.as_tensor(design.weights),
        shift=np.zeros(design.n_terms),
    )
