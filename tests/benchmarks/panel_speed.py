"""Speed of the hierarchical dynamic panel: 286 units, 10 periods, 7 regions.

Run: OPENBLAS_NUM_THREADS=1 python tests/benchmarks/panel_speed.py [explicit]
``explicit`` also samples the declared model with explicit unit effects (minutes). Fresh processes run with an empty and
then a filled cache of compiled code; times include every import.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

_FRESH = """
import time; start = time.perf_counter()
import sys; sys.path.insert(0, {tests!r})
from panel.panel_samples import sample_spec, simulate
from bayesgov.panel.bayesian import fit_bayesian
from bayesgov.panel.design import panel_design
imported = time.perf_counter()
spec = sample_spec(3)
fit = fit_bayesian(panel_design(simulate(286, 10, 7, seed=1, n_predictors=3), spec), spec, seed=1)
end = time.perf_counter()
checks = {{check.name: round(check.value, 4) for check in fit.checks()}}
print(f"imports {{imported - start:.1f}} s, in all {{end - start:.1f}} s", checks)
"""


def fresh_processes() -> None:
    """A whole fit in a new process, twice."""
    code = _FRESH.format(tests=str(Path(__file__).resolve().parents[1]))
    with tempfile.TemporaryDirectory() as cache:
        for name in ("first process", "next process"):
            environment = os.environ | {"NUMBA_CACHE_DIR": cache}
            done = subprocess.run(
                [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
            )
            print(f"{name}: {done.stdout.strip()}", flush=True)


def gradient_microseconds(n_units: int) -> float:
    """The best of many timings of one gradient."""
    from panel.panel_samples import sample_spec, simulate

    from bayesgov.panel.bayesian.collapsed import collapsed_density, collapsed_model
    from bayesgov.panel.design import panel_design

    spec = sample_spec(3)
    design = panel_design(simulate(n_units, 10, 7, seed=1, n_predictors=3), spec)
    density = collapsed_density(collapsed_model(design, spec))
    best = float("inf")
    for _ in range(30):
        start = time.perf_counter()
        for _ in range(200):
            density.log_density(density.initial)
        best = min(best, (time.perf_counter() - start) / 200)
    return 1e6 * best


def ess_per_second(*, explicit: bool) -> float:
    """Smallest bulk ESS over regional coefficients and standard deviations, per second of sampling."""
    import arviz_stats
    from panel.panel_samples import sample_spec, simulate

    from bayesgov import sampling
    from bayesgov.panel.bayesian.fit import sample_collapsed
    from bayesgov.panel.bayesian.model import build_model
    from bayesgov.panel.design import panel_design
    from bayesgov.sampling import SamplingOptions

    spec = sample_spec(3)
    design = panel_design(simulate(286, 10, 7, seed=1, n_predictors=3), spec)
    options = SamplingOptions(seed=1, prior_draws=1)
    tree = (
        sampling.sample(build_model(design, spec, "explicit"), options)
        if explicit
        else sample_collapsed(design, spec, options)
    )
    names = ["alpha", "beta", "level", "region_sd", "year_sd", "unit_sd", "error_sd"]
    smallest = arviz_stats.ess(tree["posterior"].to_dataset()[names], method="bulk").to_array().min()
    return float(smallest) / float(tree.attrs["sampling_seconds"])


if __name__ == "__main__":
    fresh_processes()
    print({n: f"{gradient_microseconds(n):.1f} microseconds" for n in (286, 28_600)})
    print(f"collapsed: {ess_per_second(explicit=False):.0f} effective draws a second", flush=True)
    if "explicit" in sys.argv[1:]:
        print(f"explicit unit effects: {ess_per_second(explicit=True):.1f} effective draws a second")
