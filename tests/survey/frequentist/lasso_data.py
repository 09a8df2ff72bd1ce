"""Data that NumPy and R make alike, for the references of tests/reference/lasso.R."""

import numpy as np

PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53)


def uniform(n, stream):
    """(i² sqrt(stream)) mod 1 for i = 1..n: the same doubles in R and here."""
    return (np.arange(1, n + 1, dtype=float) ** 2 * np.sqrt(stream)) % 1


def survey(n):
    """14 correlated scores 1..5 and an outcome of 6 levels; x, y (1..6), weights (0..3), folds (1..10)."""
    common = uniform(n, PRIMES[0])
    x = np.column_stack([np.floor(5 * (0.45 * common + 0.55 * uniform(n, prime))) + 1 for prime in PRIMES[1:15]])
    effect = np.array([0.6, -0.5, 0.4, 0.3, -0.2, 0.15, 0.1, 0.05, 0, 0, 0, 0, 0, 0])
    centred = 2 * uniform(n, PRIMES[15]) - 1
    latent = x @ effect + 3 * centred / (1.02 - centred**2)
    y = np.searchsorted([-1, 1, 2, 3.2, 5], latent, side="right") + 1.0
    return x, y, np.floor(4 * uniform(n, 59)), np.arange(n) % 10 + 1


def near(n):
    """Three predictors that nearly repeat one another, one apart and a constant."""
    base = uniform(n, 2)
    x = np.column_stack(
        [base, base + 1e-3 * uniform(n, 3), base + 1e-3 * uniform(n, 5), uniform(n, 7), np.full(n, 4.0)]
    )
    return x, base + 0.5 * x[:, 3] + 0.3 * uniform(n, 11)


def wide(n, p):
    """Fewer rows than predictors."""
    x = np.column_stack([uniform(n, 2 + j * np.sqrt(3)) for j in range(1, p + 1)])
    return x, 2 * x[:, 0] - 3 * x[:, 4] + 0.1 * uniform(n, 2)
