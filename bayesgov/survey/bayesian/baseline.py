"""Level probabilities and the thresholds that give them at a zero linear predictor."""

from __future__ import annotations

import numpy as np

from bayesgov.survey import links
from bayesgov.survey.kernels.general import FAMILIES
from bayesgov.survey.kernels.information import expected_information
from bayesgov.survey.spec import LINKS, Family, Link


def thresholds_from_probabilities(probability: np.ndarray, family: Family, link: Link) -> np.ndarray:
    """The thresholds at which eta = 0 gives these level probabilities.

    Parameters
    ----------
    probability : ndarray, shape (..., n_categories)
        Positive, summing to one.

    Returns
    -------
    ndarray, shape (..., n_categories - 1)
    """
    own, above = probability[..., :-1], probability[..., ::-1].cumsum(axis=-1)[..., ::-1]
    match family:
        case "cumulative":
            share, rest = probability.cumsum(axis=-1)[..., :-1], above[..., 1:]
        case "adjacent":  # F(c_k) = p_k / (p_k + p_{k+1})
            share, rest = own, probability[..., 1:]
        case "continuation":  # F(c_k) = p_k / (p_k + ... + p_K)
            share, rest = own, above[..., 1:]
    total = share + rest
    # the smaller of the two shares keeps its digits: F^-1(p) = -Fm^-1(1 - p) with the mirrored link
    lower = links.quantile(link, share / total)
    upper = -links.quantile(links.mirrored(link), rest / total)
    return np.where(share <= rest, lower, upper)


def null_information(probability: np.ndarray, family: Family, link: Link) -> float:
    """Expected information of one observation on eta, at eta = 0 and these level probabilities.

    Parameters
    ----------
    probability : ndarray, shape (n_categories,)
    """
    n_cuts = probability.size - 1
    shared, none = np.empty((n_cuts, n_cuts)), np.empty(0)
    expected_information(
        FAMILIES.index(family), LINKS.index(link), np.empty((0, 1)), np.ones(1), np.zeros(1),
        np.zeros(1, dtype=np.int64), none, thresholds_from_probabilities(probability, family, link), none,
        shared, np.empty((n_cuts, 0)), none,
    )  # fmt: skip
    # eta shifts every threshold by the same amount
    return float(shared.sum())


def draw_induced_dirichlet(
    concentration: float, n_cuts: int, family: Family, link: Link, *, rng: np.random.Generator, size: tuple[int, ...]
) -> np.ndarray:
    """Thresholds from Dirichlet level probabilities, shape (*size, n_cuts)."""
    probability = rng.dirichlet(np.full(n_cuts + 1, concentration), size=size)
    return thresholds_from_probabilities(probability, family, link)
