"""Forecasts of single outcomes as mixtures of normals, and their scores."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import logsumexp

ALL = "all"  # the row of a table that is about every region


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """Predictions of outcomes, each an even mixture of normals.

    Attributes
    ----------
    units, regions : tuple of str, length n_rows
    y : ndarray, shape (n_rows,)
        What happened.
    mean, deviation : ndarray, shape (n_parts, n_rows)
        One part for a plug-in forecast, one for each draw of a posterior.
    """

    units: tuple[str, ...]
    regions: tuple[str, ...]
    y: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray

    def of(self, units: tuple[str, ...]) -> Forecast:
        """The forecast of some units, in their order."""
        place = {unit: position for position, unit in enumerate(self.units)}
        chosen = [place[unit] for unit in units]
        return replace(
            self,
            units=units,
            regions=tuple(self.regions[index] for index in chosen),
            y=self.y[chosen],
            mean=self.mean[:, chosen],
            deviation=self.deviation[:, chosen],
        )

    def scores(self) -> pd.DataFrame:
        """Columns ``region`` ("all" last where there are several), ``rows``, ``log_score``, ``crps``, ``rmse``.

        Means over rows: of the log predictive density (higher is better), of the continuous ranked probability score
        and the root of the mean squared error of predictive means (lower is better).
        """
        log_score, crps, error = self.log_score(), self.crps(), (self.y - self.mean.mean(axis=0)) ** 2
        region = np.array(self.regions)
        names = list(dict.fromkeys(sorted(self.regions)))
        parts = [(name, region == name) for name in names]
        parts += [(ALL, np.ones(region.size, dtype=bool))] * (names != [ALL])
        rows = [
            {
                "region": name,
                "rows": int(here.sum()),
                "log_score": float(log_score[here].mean()),
                "crps": float(crps[here].mean()),
                "rmse": float(np.sqrt(error[here].mean())),
            }
            for name, here in parts
        ]
        return pd.DataFrame(rows)

    def log_score(self) -> np.ndarray:
        """Log predictive density of every outcome, shape (n_rows,)."""
        density = stats.norm.logpdf(self.y, self.mean, self.deviation)
        return np.asarray(logsumexp(density, axis=0) - np.log(len(self.mean)))

    def crps(self, most: int = 200) -> np.ndarray:
        """Continuous ranked probability score of every outcome, shape (n_rows,).

        In closed form for a mixture of normals (Grimit et al. 2006, doi:10.1256/qj.05.235, equation 5), from ``most``
        evenly spaced parts: with A(m, s) = E|X|, X ~ Normal(m, s²),
        crps = mean_k A(y - m_k, s_k) - 1/2 mean_kl A(m_k - m_l, sqrt(s_k² + s_l²)).
        """
        parts = np.linspace(0, len(self.mean) - 1, min(most, len(self.mean))).astype(int)
        mean, deviation = self.mean[parts], self.deviation[parts]
        apart = np.zeros(self.y.size)
        for centre, spread in zip(mean, deviation, strict=True):
            apart += _absolute(mean - centre, np.hypot(deviation, spread)).mean(axis=0)
        return np.asarray(_absolute(self.y - mean, deviation).mean(axis=0) - 0.5 * apart / parts.size)


def _absolute(mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """E|X| of a normal: 2 s phi(m / s) + m (2 Phi(m / s) - 1)."""
    z = mean / deviation
    return np.asarray(2 * deviation * stats.norm.pdf(z) + mean * (2 * stats.norm.cdf(z) - 1))
