"""The kernel of :mod:`bayesgov.survey.kernels.missing` as a PyTensor operation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch import basic as numba_basic

from bayesgov.survey.kernels.compiling import sources_checksum
from bayesgov.survey.kernels.missing import MissingArrays, marginal_log_likelihood

_N_PARAMETERS = 5  # eta, threshold, slope, phi, cells


class MarginalLikelihood(Op):  # type: ignore[misc]  # PyTensor ships no types
    """Log-likelihood with its derivatives as further outputs, so that one pass gives both.

    Inputs: eta, threshold, slope, phi, cells; y, frequency; the arrays of ``MissingArrays``. Outputs: the value and the
    derivatives with respect to the first five inputs.

    Parameters
    ----------
    family, link : int
        As the kernel numbers them.
    n_nodes : int
        Most combinations of any row's missing cells.
    """

    __props__ = ("family", "link", "n_nodes")

    def __init__(self, family: int, link: int, n_nodes: int) -> None:
        self.family = family
        self.link = link
        self.n_nodes = n_nodes

    def make_node(self, *inputs: Any) -> Apply:
        """Inputs as tensors; the number of them is fixed."""
        tensors = [pt.as_tensor(value) for value in inputs]
        return Apply(self, tensors, [pt.dscalar(), *(tensors[i].type() for i in range(_N_PARAMETERS))])

    def perform(self, node: Apply, inputs: Sequence[np.ndarray], output_storage: list[list[Any]]) -> None:
        """Evaluate outside of compiled code."""
        eta, threshold, slope, phi, cells, y, frequency, *fixed = (np.ascontiguousarray(value) for value in inputs)
        x, code, n_levels, support, value, start, cell = fixed
        arrays = MissingArrays(x, code, n_levels, support, value, start, cell, self.n_nodes)
        results = marginal_log_likelihood(
            self.family, self.link, eta, threshold, slope, phi, cells, y, frequency, arrays
        )
        output_storage[0][0] = np.asarray(results[0])
        for storage, result in zip(output_storage[1:], results[1:], strict=True):
            storage[0] = result

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[Any]:
        """Derivatives have the shapes of what they are taken of."""
        return [(), *shapes[:_N_PARAMETERS]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only parameters have derivatives; data have none."""
        return [[i < _N_PARAMETERS] * (1 + _N_PARAMETERS) for i in range(len(node.inputs))]

    def pullback(
        self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]
    ) -> list[Variable]:
        """The derivatives that the forward pass has left."""
        if any(not isinstance(cotangent.type, DisconnectedType) for cotangent in cotangents[1:]):
            raise NotImplementedError("second derivatives of the marginal likelihood are not available")
        nothing = [DisconnectedType()() for _ in inputs[_N_PARAMETERS:]]
        return [cotangents[0] * derivative for derivative in outputs[1:]] + nothing


@numba_basic.register_funcify_and_cache_key(MarginalLikelihood)
def _compiled(op: MarginalLikelihood, node: Apply, **_: Any) -> tuple[Any, str]:
    """The operation inside compiled graphs."""
    family, link, n_nodes = op.family, op.link, op.n_nodes

    @numba_basic.numba_njit
    def marginal(eta, threshold, slope, phi, cells, y, frequency, x, code, n_levels, support, value, start, cell):  # type: ignore[no-untyped-def]
        arrays = MissingArrays(x, code, n_levels, support, value, start, cell, n_nodes)
        density, d_eta, d_threshold, d_slope, d_phi, d_cells = marginal_log_likelihood(
            family, link, eta, threshold, slope, phi, cells, y, frequency, arrays
        )
        return np.asarray(density), d_eta, d_threshold, d_slope, d_phi, d_cells

    return marginal, f"bayesgov-{sources_checksum()}-marginal-{family}-{link}-{n_nodes}"
