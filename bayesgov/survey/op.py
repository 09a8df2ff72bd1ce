"""The ordinal log-likelihood in PyTensor: the compiled kernels as one operation, and the plain graph beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pymc.distributions.dist_math import normal_lcdf
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch import basic as numba_basic
from pytensor.tensor.variable import TensorVariable

from bayesgov.survey.kernels.compiling import sources_checksum
from bayesgov.survey.kernels.general import FAMILIES
from bayesgov.survey.kernels.likelihood import evaluate_general, evaluate_logit
from bayesgov.survey.links import mirrored
from bayesgov.survey.spec import LINKS, Family, Link

type Tensor = TensorVariable[Any, Any]

_N_DATA = 7  # x, starts, weights, group, nominal, scale_x, and the offset, which may move
_OFFSET = 6


class OrdinalLogLikelihood(Op):  # type: ignore[misc]  # PyTensor ships no types
    """Log-likelihood over rows sorted by category, with its derivatives as further outputs of the same pass.

    Inputs: x, starts, weights, group, nominal, scale_x, offset; beta, threshold, group_effect, departure, log_scale.
    Outputs: the value and the derivatives in offset, beta, threshold, group_effect, departure, log_scale. Shapes as in
    :func:`bayesgov.survey.kernels.general.ordinal`. There are no derivatives in the data x and scale_x.

    Parameters
    ----------
    family, link : int
        Positions in ``FAMILIES`` and ``LINKS``.
    moving_offset : bool
        Whether the derivative in the offset is computed; otherwise that output is empty.
    plain : bool
        No nominal effects and no scale model, which the fast path of the cumulative logit needs.
    """

    __props__ = ("family", "link", "moving_offset", "plain")

    def __init__(self, family: int, link: int, moving_offset: bool, plain: bool) -> None:
        self.family = family
        self.link = link
        self.moving_offset = moving_offset
        self.plain = plain

    @property
    def fast(self) -> bool:
        return self.plain and self.family == 0 and self.link == 0

    def make_node(self, *inputs: Any) -> Apply:
        """Inputs as tensors; the number of them is fixed."""
        tensors = [pt.as_tensor(value) for value in inputs]
        derivatives = [pt.TensorType("float64", shape=(None,) * tensors[i].ndim)() for i in range(_OFFSET, 12)]
        return Apply(self, tensors, [pt.dscalar(), *derivatives])

    def perform(self, node: Apply, inputs: Sequence[np.ndarray], output_storage: list[list[Any]]) -> None:
        """Evaluate outside of compiled code."""
        arrays = [np.ascontiguousarray(value) for value in inputs]
        evaluate = evaluate_logit if self.fast else evaluate_general
        results = evaluate(self.family, self.link, self.moving_offset, *arrays)
        output_storage[0][0] = np.asarray(results[0])
        for storage, result in zip(output_storage[1:], results[1:], strict=True):
            storage[0] = result

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only parameters and a moving offset have derivatives; data have none."""
        first = _OFFSET if self.moving_offset else _N_DATA
        return [[i >= first] * 7 for i in range(len(node.inputs))]

    def pullback(
        self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]
    ) -> list[Variable]:
        """The derivatives that the forward pass has left."""
        if any(not isinstance(cotangent.type, DisconnectedType) for cotangent in cotangents[1:]):
            raise NotImplementedError("second derivatives of the ordinal log-likelihood are not available")
        first = _OFFSET if self.moving_offset else _N_DATA
        nothing = [DisconnectedType()() for _ in range(first)]
        return nothing + [cotangents[0] * derivative for derivative in outputs[1 + first - _OFFSET :]]


@numba_basic.register_funcify_default_op_cache_key(OrdinalLogLikelihood)
def _compiled(op: OrdinalLogLikelihood, **_: Any) -> tuple[Any, int]:
    """The operation inside compiled graphs."""
    evaluate = evaluate_logit if op.fast else evaluate_general
    family, link, moving = op.family, op.link, op.moving_offset

    @numba_basic.numba_njit
    def ordinal_log_likelihood(  # type: ignore[no-untyped-def]
        x, starts, weights, group, nominal, scale_x, offset, beta, threshold, group_effect, departure, log_scale
    ):
        value, d_offset, d_beta, d_threshold, d_group, d_departure, d_log_scale = evaluate(
            family, link, moving, np.ascontiguousarray(x), starts, weights, group, nominal, scale_x, offset,
            beta, threshold, group_effect, departure, log_scale,
        )  # fmt: skip
        return np.asarray(value), d_offset, d_beta, d_threshold, d_group, d_departure, d_log_scale

    return ordinal_log_likelihood, int(sources_checksum()[:12], 16)


def log_likelihood(
    family: Family,
    link: Link,
    data: Sequence[Tensor],
    offset: Tensor,
    parameters: Sequence[Tensor],
    *,
    moving_offset: bool,
    plain: bool,
) -> Tensor:
    """The log-likelihood through the compiled kernel.

    Parameters
    ----------
    data : x, starts, weights, group, nominal, scale_x
    offset : TensorVariable, shape (n_rows,)
    parameters : beta, threshold, group_effect, departure, log_scale
    moving_offset : bool
        Whether the offset depends on parameters.
    plain : bool
        No nominal effects and no scale model.
    """
    op = OrdinalLogLikelihood(FAMILIES.index(family), LINKS.index(link), moving_offset, plain)
    value: Tensor = op(*data, offset, *parameters)[0]
    return value


def log_likelihood_graph(
    family: Family, link: Link, data: Sequence[Tensor], offset: Tensor, parameters: Sequence[Tensor], y: Tensor
) -> Tensor:
    """The same as a plain graph, for other backends; ``y`` holds the level codes of the rows.

    The shapes of all arrays must be known by their values: empty ones say that a part is absent.
    """
    x, _, weights, group, nominal, scale_x = data
    beta, threshold, group_effect, departure, log_scale = parameters
    eta = offset + beta @ x + pt.concatenate([group_effect, pt.zeros(1)])[group]
    # u_k = (threshold_k - eta - z' departure_k) / s
    u = (threshold - eta[:, None] - x[nominal].T @ departure) * pt.exp(-(log_scale @ scale_x))[:, None]
    mass = pt.switch(
        pt.eq(weights.size, 0), pt.ones_like(eta), pt.concatenate([weights, pt.zeros_like(eta)])[: eta.size]
    )
    value: Tensor = (mass * _log_probability(family, link, y, u)).sum()
    return value


def _log_probability(family: Family, link: Link, y: Tensor, u: Tensor) -> Tensor:
    """log P(y = y_i) of every row from ``u`` of shape (n_rows, n_categories - 1)."""
    n_cuts = u.shape[1]
    code = pt.arange(n_cuts)[None, :]
    if family == "cumulative":
        row = pt.arange(y.size)
        upper, lower = u[row, pt.minimum(y, n_cuts - 1)], u[row, pt.maximum(y - 1, 0)]
        middle = log_interval(link, lower, pt.switch(pt.gt(upper, lower), upper, lower + 1))
        ends = pt.switch(pt.eq(y, 0), log_below(link, upper), log_above(link, lower))
        ordered = pt.switch(pt.gt(upper, lower), middle, -np.inf)
        result: Tensor = pt.switch(pt.eq(y, 0) | pt.eq(y, n_cuts), ends, ordered)
        return result
    below, above = log_below(link, u), log_above(link, u)
    if family == "continuation":
        passed = pt.switch(code < y[:, None], above, 0.0).sum(axis=1)
        stopped = pt.switch(pt.eq(code, y[:, None]), below, 0.0).sum(axis=1)
        return passed + stopped
    # adjacent: log P(y = k) = sum_{j < k} t_j - log sum_m exp(sum_{j < m} t_j)
    height = pt.concatenate([pt.zeros((y.size, 1)), pt.cumsum(above - below, axis=1)], axis=1)
    own: Tensor = height[pt.arange(y.size), y]
    return own - pt.logsumexp(height, axis=1)


def log_below(link: Link, e: Tensor) -> Tensor:
    """log F(e), elementwise."""
    match link:
        case "logit":
            return -pt.softplus(-e)
        case "probit":
            return normal_lcdf(0.0, 1.0, e)
        case "cloglog":
            return pt.log1mexp(-pt.exp(e))
        case "loglog":
            return -pt.exp(-e)
        case "cauchit":
            return pt.log(pt.arctan2(pt.ones_like(e), -e) / np.pi)


def log_above(link: Link, e: Tensor) -> Tensor:
    """log(1 - F(e)), elementwise."""
    return log_below(mirrored(link), -e)


def log_interval(link: Link, lower: Tensor, upper: Tensor) -> Tensor:
    """log(F(upper) - F(lower)), as :func:`bayesgov.survey.kernels.links.log_interval` takes it."""
    match link:
        case "logit":
            return -pt.softplus(-upper) - pt.softplus(lower) + pt.log1mexp(lower - upper)
        case "cloglog":
            return -pt.exp(lower) + pt.log1mexp(-pt.exp(lower) * pt.expm1(upper - lower))
        case "loglog":
            return log_interval("cloglog", -upper, -lower)
        case "cauchit":
            return pt.log(pt.arctan2(upper - lower, 1 + lower * upper) / np.pi)
        case "probit":
            flip = lower + upper > 0
            low, high = pt.switch(flip, -upper, lower), pt.switch(flip, -lower, upper)
            near = log_below("probit", high)
            return near + pt.log1mexp(log_below("probit", low) - near)
