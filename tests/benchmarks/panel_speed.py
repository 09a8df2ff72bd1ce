"""Speed of the hierarchical dynamic panel: 286 units, 10 periods, 7 regions.

Run as

    uv run python tests/benchmarks/panel_speed.py             # this package alone: a minute
    uv run python tests/benchmarks/panel_speed.py explicit    # with explicit unit effects in PyMC
    uv run python tests/benchmarks/panel_speed.py --peers     # that, and R's brms (many minutes)

Times of processes count from the start of the program: imports, simulation of the data (0.03 s), fit and checks. The
first process finds no compiled code, as on a machine that never ran it, and the next process what the first left.
Both have the bytecode that ``uv sync`` leaves (``compile-bytecode`` in pyproject.toml). Effective draws a second are
the smallest bulk ESS of regional coefficients and standard deviations over the time of sampling, without compilation
and with the chains side by side. Without R or brms that part is left out. The exit status is 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

if TYPE_CHECKING:
    from bayesgov.panel.design import PanelDesign
    from bayesgov.panel.spec import DynamicPanelSpec

FIRST_SECONDS, NEXT_SECONDS = 12.0, 4.0
EXPLICIT_TIMES, BRMS_TIMES = 10.0, 300.0
GRADIENT_RATIO = 1.2
ESS_MIN, RHAT_MAX = 1000.0, 1.01
BRMS_CHAINS, BRMS_ITERATIONS, BRMS_SECONDS = 2, 600, 3600

_FRESH = """
import time; start = time.perf_counter()
import json, sys; sys.path.insert(0, {tests!r})
from panel.panel_samples import sample_spec, simulate
from bayesgov.panel.bayesian import fit_bayesian
from bayesgov.panel.design import panel_design
imported = time.perf_counter()
spec = sample_spec(3)
fit = fit_bayesian(panel_design(simulate(286, 10, 7, seed=1, n_predictors=3), spec), spec, seed=1)
end = time.perf_counter()
parts = {{"imports": imported - start, "compile": fit.tree.attrs["compile_seconds"],
         "sampling": fit.tree.attrs["sampling_seconds"], "all": end - start}}
print(json.dumps(parts | {{check.name: check.value for check in fit.checks()}}))
"""


def verdict(what: str, value: float, limit: float, *, at_least: bool = False) -> bool:
    """Print a number beside its target; whether it is met."""
    met = value >= limit if at_least else value <= limit
    print(f"{what}: {value:.3g} {'>=' if at_least else '<='} {limit:g}: {'met' if met else 'MISSED'}", flush=True)
    return met


def fresh_processes() -> list[bool]:
    """A whole fit in a new process, twice."""
    code = _FRESH.format(tests=str(HERE.parent))
    met = []
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"NUMBA_CACHE_DIR": cache, "PYTHONDONTWRITEBYTECODE": "1"}
        for name, limit in (("first process", FIRST_SECONDS), ("next process", NEXT_SECONDS)):
            done = subprocess.run(
                [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
            )
            found = json.loads(done.stdout)
            print(name, {key: round(value, 4) for key, value in found.items()})
            met.append(verdict(f"{name}, seconds", found["all"], limit))
    met.append(verdict("largest R-hat", found["rhat_max"], RHAT_MAX))
    met.append(verdict("divergences", found["divergences"], 0))
    met += [
        verdict(f"smallest {name} ESS", found[f"ess_{name}_min"], ESS_MIN, at_least=True) for name in ("bulk", "tail")
    ]
    return met


def sample_design(n_units: int) -> tuple[PanelDesign, DynamicPanelSpec]:
    """The simulated panel and its spec."""
    from panel.panel_samples import sample_spec, simulate

    from bayesgov.panel.design import panel_design

    spec = sample_spec(3)
    return panel_design(simulate(n_units, 10, 7, seed=1, n_predictors=3), spec), spec


def gradient_microseconds(n_units: int) -> float:
    """The best of many timings of one gradient."""
    from bayesgov.panel.bayesian.collapsed import collapsed_density, collapsed_model

    density = collapsed_density(collapsed_model(*sample_design(n_units)))
    density.log_density(density.initial)
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

    from bayesgov import sampling
    from bayesgov.panel.bayesian.fit import sample_collapsed
    from bayesgov.panel.bayesian.model import build_model
    from bayesgov.sampling import SamplingOptions

    design, spec = sample_design(286)
    options = SamplingOptions(seed=1, prior_draws=1)
    tree = (
        sampling.sample(build_model(design, spec, "explicit", coordinates="plain"), options)
        if explicit
        else sample_collapsed(design, spec, options)
    )
    names = ["alpha", "beta", "level", "region_sd", "year_sd", "unit_sd", "error_sd"]
    smallest = arviz_stats.ess(tree["posterior"].to_dataset()[names], method="bulk").to_array().min()
    return float(smallest) / float(tree.attrs["sampling_seconds"])


def brms_per_second() -> float | str:
    """The same for brms, or why it is left out."""
    import pandas as pd

    if not shutil.which("Rscript"):
        return "Rscript is not installed"
    design, _ = sample_design(286)
    covariates = (design.covariates / design.covariates.std(axis=0))[design.unit]
    frame = pd.DataFrame(design.x, columns=[f"x{j}" for j in range(design.x.shape[1])]).assign(
        y=design.y, unit=design.unit, region=design.region, time=design.time
    )
    frame = frame.join(pd.DataFrame(covariates, columns=[f"w{j}" for j in range(covariates.shape[1])]))
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.csv"
        frame.to_csv(rows, index=False)
        command = ["Rscript", str(HERE / "panel_speed.R"), str(rows), str(BRMS_CHAINS), str(BRMS_ITERATIONS)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=BRMS_SECONDS)
        except subprocess.TimeoutExpired:
            return f"not done after {BRMS_SECONDS} seconds"
    if done.returncode:
        return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit status {done.returncode}"
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return float(found["ess"]) / float(found["seconds"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("with_explicit", nargs="?", choices=["explicit"], help="also explicit unit effects in PyMC")
    parser.add_argument("--peers", action="store_true", help="also explicit unit effects and brms")
    arguments = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}")
    met = fresh_processes()
    gradients = [gradient_microseconds(n) for n in (286, 28_600)]
    print(f"gradient: {gradients[0]:.1f} microseconds at 286 units, {gradients[1]:.1f} at 28,600")
    met.append(verdict("gradient at 28,600 units over that at 286", gradients[1] / gradients[0], GRADIENT_RATIO))
    ours = ess_per_second(explicit=False)
    print(f"collapsed: {ours:.0f} effective draws a second", flush=True)
    if arguments.with_explicit or arguments.peers:
        theirs = ess_per_second(explicit=True)
        print(f"explicit unit effects: {theirs:.1f} effective draws a second")
        met.append(verdict("times as fast as explicit unit effects", ours / theirs, EXPLICIT_TIMES, at_least=True))
    if arguments.peers:
        brms = brms_per_second()
        if isinstance(brms, str):
            print(f"brms: left out ({brms})")
        else:
            print(f"brms: {brms:.3g} effective draws a second")
            met.append(verdict("times as fast as brms", ours / brms, BRMS_TIMES, at_least=True))
    return int(not all(met))


if __name__ == "__main__":
    sys.exit(main())
