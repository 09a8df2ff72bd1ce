"""What regional coefficients are drawn from: correlations under the LKJ prior, persistence truncated to (-1, 1)."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytensor.tensor as pt

_QUANTILE_EDGE = 1e-12


def pairs(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions i > j of every pair, those of j = 0 first."""
    earlier, later = np.triu_indices(n, 1)
    return later, earlier


def correlation_root(n: int, concentration: float) -> pt.TensorVariable:
    """Cholesky factor of a correlation matrix under the LKJ prior, from canonical partial correlations.

    The one of variables i > j given those before j is 2 B - 1, B ~ Beta(b, b), b = concentration + (n - 2 - j) / 2
    (Lewandowski, Kurowicka & Joe 2009, section 2.4, doi:10.1016/j.jmva.2009.04.008).
    """
    _, before = pairs(n)
    shape = concentration + (n - 2 - before) / 2
    partial = 2 * pm.Beta("region_partial", shape, shape, dims="pair") - 1
    left, columns, at = pt.ones(n), [], 0  # variance of each variable not explained by those before
    for j in range(n - 1):
        own = pt.concatenate([pt.zeros(j), pt.ones(1), partial[at : at + n - 1 - j]])
        columns.append(own * pt.sqrt(left))
        left = left * pt.concatenate([pt.ones(j + 1), 1 - own[j + 1 :] ** 2])
        at += n - 1 - j
    columns.append(pt.concatenate([pt.zeros(n - 1), pt.sqrt(left[n - 1 :])]))
    return pt.stack(columns, axis=1)


def truncated_quantile(
    mean: pt.TensorVariable, sd: pt.TensorVariable, standard: pt.TensorVariable
) -> pt.TensorVariable:
    """The quantile of ``standard`` in N(0, 1), taken in N(mean, sd^2) truncated to (-1, 1)."""
    low, high = _normal_cdf((-1 - mean) / sd), _normal_cdf((1 - mean) / sd)
    quantile = low + _normal_cdf(standard) * (high - low)
    return mean + sd * np.sqrt(2.0) * pt.erfinv(2 * pt.clip(quantile, _QUANTILE_EDGE, 1 - _QUANTILE_EDGE) - 1)


def _normal_cdf(value: pt.TensorVariable) -> pt.TensorVariable:
    return 0.5 * pt.erfc(-value / np.sqrt(2.0))
