r"""Rank-normalised R-hat and effective sample sizes of many parameters at once.

Definitions and numbers are ArviZ's (Vehtari et al. 2021, doi:10.1214/20-BA1221; tests hold them equal). They stand here
because loading ArviZ takes longer than sampling a small model, and because one call for all parameters is much faster
than one call each.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

_BLOCK = 64  # parameters at a time, so that many need no more memory than few
_TAIL = (0.05, 0.95)  # Vehtari et al.; ArviZ's default is the ends of its 89 % interval


@dataclass(frozen=True, slots=True, eq=False)
class Convergence:
    """Diagnostics of every parameter; NaN where one cannot be computed.

    Attributes
    ----------
    rhat, ess_bulk, ess_tail : ndarray, shape (n_parameters,)
        R-hat is the larger one of the draws and of their distances from the median; the tail's ESS the smaller one of
        the 5 % and 95 % quantiles.
    """

    rhat: np.ndarray
    ess_bulk: np.ndarray
    ess_tail: np.ndarray


def convergence(draws: np.ndarray) -> Convergence:
    """R-hat, bulk and tail ESS, every chain split in two.

    Parameters
    ----------
    draws : ndarray, shape (n_parameters, n_chains, n_draws)

    Returns
    -------
    Convergence
        NaN for parameters with a NaN among their draws, and with fewer than four draws a chain; R-hat is NaN for
        constants, and for a single chain.
    """
    draws = np.asarray(draws, dtype=float)
    n_parameters, n_chains, n_draws = draws.shape
    found = np.full((3, n_parameters), np.nan)
    if n_draws >= 4 and n_chains:
        half = n_draws // 2
        scores = _rank_scores(2 * n_chains * half)
        for start in range(0, n_parameters, _BLOCK):
            block = slice(start, min(start + _BLOCK, n_parameters))
            found[:, block] = _of_block(draws[block], scores)
        if n_chains < 2:
            found[0] = np.nan
    return Convergence(*found)


def _of_block(draws: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """R-hat, bulk and tail ESS, shape (3, n_parameters)."""
    known = ~np.isnan(draws).any(axis=(1, 2))
    draws = np.where(known[:, None, None], draws, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        halves = _halves(draws)
        ranked = _normalised(halves, scores)
        folded = np.abs(halves - np.median(halves, axis=(1, 2), keepdims=True))
        centre, spread = _rhat(ranked), _rhat(_normalised(folded, scores))
        rhat = np.where(spread > centre, spread, centre)  # distances that are all equal have none, and are left out
        limits = np.quantile(draws, _TAIL, axis=(1, 2))
        tails = [_ess(_halves((draws <= limit[:, None, None]).astype(float))) for limit in limits]
        found = np.stack([rhat, _ess(ranked), np.minimum(*tails)])
    return np.where(known, found, np.nan)


def _halves(draws: np.ndarray) -> np.ndarray:
    """First and last halves of the chains as chains of their own; an odd draw in the middle is left out."""
    half = draws.shape[2] // 2
    return np.concatenate([draws[..., :half], draws[..., -half:]], axis=1)


def _rank_scores(size: int) -> np.ndarray:
    """Normal scores of ranks 1, 1.5, ..., size: Phi^-1((rank - 3/8) / (size + 1/4))."""
    inverse = NormalDist().inv_cdf
    return np.array([inverse((0.5 * twice - 0.375) / (size + 0.25)) for twice in range(2, 2 * size + 1)])


def _normalised(draws: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Draws replaced by the scores of their ranks over all chains; ties have the mean of their ranks."""
    flat = draws.reshape(draws.shape[0], -1)
    order = np.argsort(flat, axis=1)
    ordered = np.take_along_axis(flat, order, axis=1)
    position = np.arange(flat.shape[1])
    new = np.ones(flat.shape, dtype=bool)
    np.not_equal(ordered[:, 1:], ordered[:, :-1], out=new[:, 1:])
    last = np.ones_like(new)
    last[:, :-1] = new[:, 1:]
    first_of = np.maximum.accumulate(np.where(new, position, 0), axis=1)
    last_of = np.minimum.accumulate(np.where(last, position, position[-1])[:, ::-1], axis=1)[:, ::-1]
    found = np.empty_like(flat)
    np.put_along_axis(found, order, scores[first_of + last_of], axis=1)
    return found.reshape(draws.shape)


def _rhat(chains: np.ndarray) -> np.ndarray:
    """sqrt((B / W + n - 1) / n), shape (n_parameters,)."""
    n_draws = chains.shape[2]
    between = n_draws * chains.mean(axis=2).var(axis=1, ddof=1)
    within = chains.var(axis=2, ddof=1).mean(axis=1)
    found: np.ndarray = np.sqrt((between / within + n_draws - 1) / n_draws)
    return found


def _ess(chains: np.ndarray) -> np.ndarray:
    """Draws over the integrated autocorrelation time, shape (n_parameters,); constants have the number of draws."""
    _, n_chains, n_draws = chains.shape
    size = n_chains * n_draws
    centre = chains.mean(axis=2)
    covariance = _autocovariance(chains - centre[..., None])
    within = covariance[:, 0] * n_draws / (n_draws - 1.0)
    total = covariance[:, 0] + (centre.var(axis=1, ddof=1) if n_chains > 1 else 0.0)
    correlation = 1.0 - (within[:, None] - covariance) / total[:, None]
    correlation[:, 0] = 1.0
    time = np.maximum(_correlation_time(correlation), 1 / np.log10(size))
    constant = np.ptp(chains, axis=(1, 2)) < np.finfo(float).resolution
    found: np.ndarray = np.where(constant, size, size / time)
    return found


def _autocovariance(centred: np.ndarray) -> np.ndarray:
    """Of every lag, the mean over chains, shape (n_parameters, n_draws)."""
    n_draws = centred.shape[2]
    padded = 1 << (2 * n_draws - 1).bit_length()
    transform = np.fft.rfft(centred, padded, axis=2)
    power = (transform.real**2 + transform.imag**2).mean(axis=1)
    found: np.ndarray = np.fft.irfft(power, padded, axis=1)[:, :n_draws] / n_draws
    return found


def _correlation_time(correlation: np.ndarray) -> np.ndarray:
    """Geyer's initial monotone sequence: pairs of lags up to the first that is not positive, none above the one before.

    Of the pair that ends the sequence the even lag still counts if it is positive (Vehtari et al. 2021, section 3.2).
    """
    n_pairs = max((correlation.shape[1] - 1) // 2, 1)
    even = correlation[:, : 2 * n_pairs : 2]
    pairs = even + correlation[:, 1 : 2 * n_pairs : 2]
    ended = pairs <= 0
    end = np.where(ended.any(axis=1), ended.argmax(axis=1), n_pairs - 1)
    before = np.arange(n_pairs) < end[:, None]
    summed = np.where(before, np.minimum.accumulate(pairs, axis=1), 0.0).sum(axis=1)
    rows = np.arange(end.size)
    final, pair = even[rows, end], pairs[rows, end]
    time: np.ndarray = -1.0 + 2.0 * summed + np.where((final > 0) | (pair >= 0), final, 0.0)
    return time
