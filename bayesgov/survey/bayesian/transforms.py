"""Likelihood-conditioned coordinates as PyMC transforms.

The model stays declared as a statistician writes it; geometry is a transform, which reads the prior's scale from the
variable's own inputs. The formulas stand in :mod:`bayesgov.survey.bayesian.conditioning`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pymc.distributions.transforms import ZeroSumTransform
from pymc.logprob.transforms import Transform
from pytensor.tensor.variable import TensorVariable

type Tensor = TensorVariable[Any, Any]


class ConditionedNormal(Transform):  # type: ignore[misc]  # PyMC ships no types
    """Coordinates of ``pm.Normal(name, 0, sigma)``: beta = P^-1 pull + L^-T z, L L' = P = precision + diag(1 / sigma²).

    Parameters
    ----------
    precision : ndarray, shape (n, n)
        Precision that the likelihood gives the variable.
    pull : ndarray, shape (n,)
        That precision times the likelihood's mode.
    """

    name = "conditioned"
    ndim_supp = 1

    def __init__(self, precision: np.ndarray, pull: np.ndarray) -> None:
        self.precision = precision
        self.pull = pull

    def _root(self, inputs: tuple[Any, ...]) -> Tensor:
        sigma = pt.broadcast_to(inputs[-1], self.pull.shape)
        return pt.linalg.cholesky(self.precision + pt.diag(sigma**-2))

    def backward(self, value: Tensor, *inputs: Any) -> Tensor:
        root = self._root(inputs)
        inner = pt.linalg.solve_triangular(root, self.pull, lower=True) + value
        return pt.linalg.solve_triangular(root.T, inner, lower=False)

    def forward(self, value: Tensor, *inputs: Any) -> Tensor:
        root = self._root(inputs)
        return root.T @ value - pt.linalg.solve_triangular(root, self.pull, lower=True)

    def log_jac_det(self, value: Tensor, *inputs: Any) -> Tensor:
        return -pt.log(pt.diagonal(self._root(inputs))).sum()


class ConditionedZeroSum(Transform):  # type: ignore[misc]
    """Coordinates of ``pm.ZeroSumNormal(name, sigma)``: the free values v are pull / p + z / sqrt(p).

    p = precision + 1 / sigma².

    Parameters
    ----------
    precision, pull : ndarray, shape (n - 1,)
        As in :class:`ConditionedNormal`, one direction apart from the others.
    """

    name = "conditioned"
    ndim_supp = 1

    def __init__(self, precision: np.ndarray, pull: np.ndarray) -> None:
        self.precision = precision
        self.pull = pull
        self._zero_sum = ZeroSumTransform((-1,))

    def _total(self, inputs: tuple[Any, ...]) -> Tensor:
        sigma = inputs[2]  # of (rng, size, sigma, support shape), with one axis for the sum
        return self.precision + sigma[0] ** -2

    def backward(self, value: Tensor, *inputs: Any) -> Tensor:
        total = self._total(inputs)
        return self._zero_sum.backward(self.pull / total + value / pt.sqrt(total))

    def forward(self, value: Tensor, *inputs: Any) -> Tensor:
        total = self._total(inputs)
        return (self._zero_sum.forward(value) - self.pull / total) * pt.sqrt(total)

    def log_jac_det(self, value: Tensor, *inputs: Any) -> Tensor:
        return -0.5 * pt.log(self._total(inputs)).sum()


class ConditionedThresholds(Transform):  # type: ignore[misc]
    """Coordinates of thresholds: mode + root z, as they are or as the first of them and the logarithms of the gaps.

    Parameters
    ----------
    mode : ndarray, shape (n,)
    root : ndarray, shape (n, n)
        Upper triangular.
    ordered : bool
        Whether ``mode`` holds the first threshold and the logarithms of the gaps.
    """

    name = "conditioned"
    ndim_supp = 1

    def __init__(self, mode: np.ndarray, root: np.ndarray, ordered: bool) -> None:
        self.mode = mode
        self.root = root
        self.ordered = ordered

    def backward(self, value: Tensor, *inputs: Any) -> Tensor:
        free = self.mode + self.root @ value
        if not self.ordered:
            return free
        return pt.cumsum(pt.concatenate([free[:1], pt.exp(free[1:])]))

    def forward(self, value: Tensor, *inputs: Any) -> Tensor:
        free = pt.concatenate([value[:1], pt.log(value[1:] - value[:-1])]) if self.ordered else value
        return np.linalg.inv(self.root) @ (free - self.mode)

    def log_jac_det(self, value: Tensor, *inputs: Any) -> Tensor:
        constant = float(np.log(np.diag(self.root)).sum())
        return constant + (self.mode + self.root @ value)[1:].sum() if self.ordered else pt.as_tensor(constant)
