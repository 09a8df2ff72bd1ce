r"""Sandwich covariance of a maximum-likelihood estimate.

With :math:`s_i` the gradient of row i, :math:`w_i` its frequency weight and :math:`I` the observed information,

.. math:: V = c \, I^{-1} M I^{-1}, \quad M = \sum_i w_i s_i s_i' \quad\text{or}\quad M = \sum_g u_g u_g',
          \; u_g = \sum_{i \in g} w_i s_i .

The factor :math:`c` is Stata's for maximum likelihood: N / (N - 1) with N the sum of the weights, or G / (G - 1) with
G the number of clusters; R's sandwich package leaves it out (White 1982, doi:10.2307/1912526; Liang & Zeger 1986,
doi:10.1093/biomet/73.1.13).
"""

from __future__ import annotations

import numpy as np

from bayesgov.survey.ordinal import OrdinalProblem


def robust_covariance(problem: OrdinalProblem, parameters: np.ndarray, inverse_information: np.ndarray) -> np.ndarray:
    """Covariance that stands when rows are independent but the model may be wrong.

    Parameters
    ----------
    problem : OrdinalProblem
    parameters : ndarray, shape (n_parameters,)
        The estimate.
    inverse_information : ndarray, shape (n_parameters, n_parameters)

    Returns
    -------
    ndarray, shape (n_parameters, n_parameters)
    """
    meat = np.zeros_like(inverse_information)
    for rows, scores in problem.scores(parameters):
        meat += scores.T @ (problem.design.weights[rows, None] * scores)
    n = problem.n_observations
    return _sandwich(inverse_information, meat, n / (n - 1))


def clustered_covariance(
    problem: OrdinalProblem, parameters: np.ndarray, inverse_information: np.ndarray, cluster: np.ndarray
) -> np.ndarray:
    """Covariance that stands when clusters are independent; arguments as in :func:`robust_covariance`.

    Parameters
    ----------
    cluster : ndarray of int, shape (n_obs,)
        Codes in the Design's order.

    Raises
    ------
    ValueError
        With fewer than two clusters.
    """
    codes = np.unique(cluster, return_inverse=True)[1]
    n_clusters = int(codes.max()) + 1
    if n_clusters < 2:
        raise ValueError("a clustered covariance needs two or more clusters; got 1: use covariance = 'robust'")
    totals = np.zeros((n_clusters, parameters.size))
    for rows, scores in problem.scores(parameters):
        np.add.at(totals, codes[rows], problem.design.weights[rows, None] * scores)
    return _sandwich(inverse_information, totals.T @ totals, n_clusters / (n_clusters - 1))


def _sandwich(bread: np.ndarray, meat: np.ndarray, factor: float) -> np.ndarray:
    return np.asarray(factor * bread @ meat @ bread)
