"""The ordinal log-likelihood in PyTensor: the compiled kernels as one operation, and the plain graph beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType, grad_not_implemented
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch import basic as numba_basic
from pytensor.tensor.variable import TensorVariable

from bayesgov.survey.kernels.compiling import entry_point, sources_checksum
from bayesgov.survey.kernels.general import FAMILIES, ordinal
from bayesgov.survey.kernels.logit import cumulative_logit
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
        evaluate = _evaluate_logit if self.fast else _evaluate_general
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
            return [grad_not_implemented(self, i, value) for i, value in enumerate(inputs)]
        first = _OFFSET if self.moving_offset else _N_DATA
        nothing = [DisconnectedType()() for _ in range(first)]
        return nothing + [cotangents[0] * derivative for derivative in outputs[1 + first - _OFFSET :]]


@entry_point
def _evaluate_logit(
    family: int,
    link: int,
    moving_offset: bool,
    x: np.ndarray,
    starts: np.ndarray,
    weights: np.ndarray,
    group: np.ndarray,
    nominal: np.ndarray,
    scale_x: np.ndarray,
    offset: np.ndarray,
    beta: np.ndarray,
    threshold: np.ndarray,
    group_effect: np.ndarray,
    departure: np.ndarray,
    log_scale: np.ndarray,
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Value and derivatives by the fast path."""
    d_beta, d_threshold, d_group = np.empty(beta.size), np.empty(threshold.size), np.empty(group_effect.size)
    d_offset = np.empty(offset.size if moving_offset else 0)
    value = cumulative_logit(
        x, starts, weights, offset, group, beta, threshold, group_effect, d_beta, d_threshold, d_group, d_offset
    )
    return value, d_offset, d_beta, d_threshold, d_group, np.empty(departure.shape), np.empty(log_scale.size)


@entry_point
def _evaluate_general(
    family: int,
    link: int,
    moving_offset: bool,
    x: np.ndarray,
    starts: np.ndarray,
    weights: np.ndarray,
    group: np.ndarray,
    nominal: np.ndarray,
    scale_x: np.ndarray,
    offset: np.ndarray,
    beta: np.ndarray,
    threshold: np.ndarray,
    group_effect: np.ndarray,
    departure: np.ndarray,
    log_scale: np.ndarray,
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Value and derivatives of any model."""
    d_beta, d_threshold, d_group = np.empty(beta.size), np.empty(threshold.size), np.empty(group_effect.size)
    d_departure, d_log_scale = np.empty(departure.shape), np.empty(log_scale.size)
    d_offset = np.empty(offset.size if moving_offset else 0)
    value = ordinal(
        family, link, x, starts, weights, offset, group, nominal, scale_x,
        beta, threshold, group_effect, departure, log_scale,
        d_beta, d_threshold, d_group, d_departure, d_log_scale, d_offset,
    )  # fmt: skip
    return value, d_offset, d_beta, d_threshold, d_group, d_departure, d_log_scale


@numba.extending.register_jitable
def _contiguous(array: np.ndarray) -> np.ndarray:
    """The array itself in C order, which PyTensor's compiled code does not promise in its types."""
    return np.ascontiguousarray(array)


@numba_basic.register_funcify_and_cache_key(OrdinalLogLikelihood)
def _compiled(op: OrdinalLogLikelihood, node: Apply, **_: Any) -> tuple[Any, str]:
    """The operation inside compiled graphs."""
    evaluate = _evaluate_logit if op.fast else _evaluate_general
    family, link, moving = op.family, op.link, op.moving_offset

    @numba_basic.numba_njit
    def ordinal_log_likelihood(
        x, starts, weights, group, nominal, scale_x, offset, beta, threshold, group_effect, departure, log_scale
    ):  # type: ignore[no-untyped-def]
        value, d_offset, d_beta, d_threshold, d_group, d_departure, d_log_scale = evaluate(
            family, link, moving, x, starts, weights, group, nominal, scale_x, offset,
            beta, threshold, group_effect, departure, log_scale,
        )  # fmt: skip
        return np.asarray(value), d_offset, d_beta, d_threshold, d_group, d_departure, d_log_scale

    return ordinal_log_likelihood, f"bayesgov-{sources_checksum()}-{op._props_dict()}"
