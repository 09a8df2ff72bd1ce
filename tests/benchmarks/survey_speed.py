"""Speed of the Bayesian ordinal regression at the survey study's size: ratios from one run.

Run with ``OPENBLAS_NUM_THREADS=1 uv run python tests/benchmarks/survey_speed.py``; run it twice to see a cold and a
warm start, as the first run leaves compiled code on disk. ``brms`` below is 0.18 effective draws a second, measured on
this problem on two cores (design note).
"""

from __future__ import annotations

import time

START = time.perf_counter()

import arviz as az
import numpy as np

from bayesgov.spec import SamplingSpec
from bayesgov.survey.bayesian.fit import fit_bayesian
from bayesgov.survey.kernels.data import kernel_data
from bayesgov.survey.kernels.likelihood import evaluate_logit
from bayesgov.survey.simulate import benchmark_design
from bayesgov.survey.spec import CumulativeSpec

BRMS = 0.18


def best_of(function, repeats=20, calls=20):
    """Seconds of one call, the best of several rounds."""
    rounds = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(calls):
            function()
        rounds.append((time.perf_counter() - start) / calls)
    return min(rounds)


def gradient_ratio(simulated):
    """Print the time of one likelihood gradient over that of X @ beta and X.T @ r."""
    design, data = simulated.design, kernel_data(simulated.design)
    n_cuts = design.n_categories - 1
    arguments = (
        0, 0, False, data.x, data.starts, data.weights, data.group, np.empty(0, dtype=np.int64), data.scale_x,
        data.offset, simulated.beta, simulated.thresholds, simulated.group_effect, np.empty((0, n_cuts)), np.empty(0),
    )  # fmt: skip
    residual = np.random.default_rng(0).normal(size=design.n_obs)
    evaluate_logit(*arguments)
    gradient = best_of(lambda: evaluate_logit(*arguments))
    bare = best_of(lambda: (design.x @ simulated.beta, design.x.T @ residual))
    print(f"gradient {1e6 * gradient:.0f} µs, bare products {1e6 * bare:.0f} µs: ratio {gradient / bare:.2f} (limit 3)")


def main():
    simulated = benchmark_design(seed=1)
    start = time.perf_counter()
    spec = CumulativeSpec(formula="y ~ x", sampling=SamplingSpec(target_accept=0.8))
    fit = fit_bayesian(simulated.design, spec, "horseshoe", 1)
    end = time.perf_counter()
    draws, sampling = fit.tree["posterior"].to_dataset(), fit.tree.attrs["sampling_seconds"]
    print(f"horseshoe, 105 villages, 4 x (1000 + 1000): process {end - START:.1f} s (limits 40 cold, 20 warm)")
    print(
        f"  of it importing {start - START:.1f} s, preparing {end - start - sampling:.1f} s, sampling {sampling:.1f} s"
    )
    for check in fit.checks():
        print(f"  {check.name} {check.value:.4g} {check.status}")
    bulk, tail = az.ess(draws, method="bulk"), az.ess(draws, method="tail")
    for name in draws.data_vars:
        print(f"  least ESS of {name}: bulk {float(bulk[name].min()):.0f}, tail {float(tail[name].min()):.0f}")
    rate = min(float(bulk[name].min()) for name in ("beta", "threshold", "group_sd")) / sampling
    print(f"  least ESS a second over coefficients, thresholds, village sd: {rate:.0f} = {rate / BRMS:.0f} x brms")
    gradient_ratio(simulated)


if __name__ == "__main__":
    main()
