"""How often 90% intervals of persistence cover the truth, by initial condition.

Run: OPENBLAS_NUM_THREADS=1 python tests/benchmarks/panel_coverage.py [panels]
Simulated panels of 286 units; the truth is one persistence for all, the model the default one or the naive one.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from panel.panel_samples import sample_spec, simulate

from bayesgov.panel.bayesian.fit import sample_collapsed
from bayesgov.panel.design import panel_design
from bayesgov.panel.spec import Initial
from bayesgov.sampling import SamplingOptions

LEVEL = 0.9


@dataclass(frozen=True, slots=True)
class Coverage:
    """Results over simulated panels.

    Attributes
    ----------
    covered : ndarray of bool, shape (n_panels,)
    estimate, width : ndarray, shape (n_panels,)
        Posterior median and width of the interval.
    """

    covered: np.ndarray
    estimate: np.ndarray
    width: np.ndarray


def coverage(
    alpha: float, n_times: int, initial: Initial, n_panels: int, *, n_units: int = 286, seed: int = 1
) -> Coverage:
    """Fit ``n_panels`` simulated panels of ``n_times`` periods, the first of which is the initial value."""
    spec = sample_spec(1, region="", initial=initial)
    found = []
    for index in range(n_panels):
        frame = simulate(n_units, n_times, 1, seed=seed * 100_000 + index, alpha=alpha, n_predictors=1, region_sd=0.0)
        options = SamplingOptions(seed=index, chains=2, draws=300, tune=300, prior_draws=1, cores=2)
        tree = sample_collapsed(panel_design(frame, spec), spec, options)
        draws = tree["posterior"]["alpha"].values.ravel()
        found.append(np.quantile(draws, [0.5 - LEVEL / 2, 0.5, 0.5 + LEVEL / 2]))
    lower, median, upper = np.array(found).T
    return Coverage((lower < alpha) & (alpha < upper), median, upper - lower)


if __name__ == "__main__":
    panels = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(f"{'alpha':>5} {'T':>3} {'initial':>12} {'coverage':>9} {'mean estimate':>14} {'width':>7}")
    for alpha in (0.5, 0.8):
        for n_times in (5, 10):
            for initial in ("conditional", "naive"):
                result = coverage(alpha, n_times, initial, panels)
                print(
                    f"{alpha:5.1f} {n_times:3d} {initial:>12} {result.covered.mean():9.3f} "
                    f"{result.estimate.mean():14.4f} {result.width.mean():7.4f}",
                    flush=True,
                )
