"""The parts of survey_speed.py: each is run in a process of its own, as ``python survey_parts.py NAME FOLDER``."""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

# numpy and the package load inside the parts: the driver imports this file for its names, and stays small, since Linux
# counts the memory of the process that starts another towards the peak of the started one

SEED = 20260101
TERMS = [f"x{number}" for number in range(1, 15)]
FIXED = f"y ~ {' + '.join(TERMS)}"
MIXED = f"{FIXED} + (1|village)"
COMPARED = ["beta", "threshold", "group_sd"]
MARK = "RESULT"

type Numbers = dict[str, Any]


def rows(folder: Path) -> Numbers:
    """Write the rows that all programs read."""
    from bayesgov.survey.simulate import benchmark_design

    design = benchmark_design(seed=SEED).design
    _frame(design).to_csv(folder / "rows.csv", index=False)
    return {"rows": design.n_obs}


def gradient(_folder: Path) -> Numbers:
    """Value and gradient against the two products that no gradient can do without, in turns."""
    import numpy as np

    from bayesgov.survey.bayesian.density import fused_density
    from bayesgov.survey.kernels.data import kernel_data
    from bayesgov.survey.kernels.likelihood import evaluate_logit
    from bayesgov.survey.simulate import benchmark_design
    from bayesgov.survey.spec import CumulativeSpec

    made = benchmark_design(seed=SEED)
    design, data = made.design, kernel_data(made.design)
    rng = np.random.default_rng(SEED)
    residual, theta = rng.normal(size=design.n_obs), None
    by_row, by_column = np.ascontiguousarray(design.x), np.asfortranarray(design.x)
    density = fused_density(design, CumulativeSpec(formula=MIXED))
    theta = density.initial
    none = (np.empty(0, dtype=np.int64), np.empty((0, data.n_rows)))
    no_more = (np.empty((0, made.thresholds.size)), np.empty(0))
    timed = {
        "kernel": lambda: evaluate_logit(
            0, 0, False, data.x, data.starts, data.weights, data.group, *none, data.offset,
            made.beta, made.thresholds, made.group_effect, *no_more,
        ),
        "posterior": lambda: density.log_density(theta),
        "products_by_row": lambda: (by_row @ made.beta, by_row.T @ residual),
        "products_by_column": lambda: (by_column @ made.beta, by_column.T @ residual),
    }  # fmt: skip
    seconds = _alternating(timed, repetitions=400, inner=5)
    bare = min(seconds["products_by_row"], seconds["products_by_column"])
    return {name: 1000 * value for name, value in seconds.items()} | {
        "ratio": seconds["kernel"] / bare,
        "posterior_ratio": seconds["posterior"] / bare,
    }


def horseshoe(folder: Path) -> Numbers:
    """Horseshoe and village effects, 4 chains of 1,000 + 1,000, from a file to a checked Fit; the draws are kept."""
    from bayesgov.survey.spec import CoefficientPrior

    fit, numbers = _sampled(folder, CoefficientPrior(kind="horseshoe"))
    fit.tree["posterior"].to_dataset().to_zarr(folder / "posterior.zarr", mode="w")
    return numbers


def normal(folder: Path) -> Numbers:
    """The model that Bambi has too: normal coefficients of standardised predictors, ordered normal thresholds."""
    from bayesgov.survey.spec import CoefficientPrior, ThresholdPrior

    thresholds = ThresholdPrior(kind="ordered_normal", scale=3.0)
    return _sampled(folder, CoefficientPrior(kind="normal", scale=1.0), threshold_prior=thresholds)[1]


def mle(folder: Path) -> Numbers:
    """Maximum likelihood from a data frame, and of arrays alone; with village intercepts likewise."""
    import numpy as np
    import pandas as pd

    from bayesgov.fitting import fit
    from bayesgov.survey.frequentist.mixed import fit_mixed
    from bayesgov.survey.frequentist.ordered import fit_ordered
    from bayesgov.survey.simulate import benchmark_design
    from bayesgov.survey.spec import CumulativeSpec

    frame = pd.read_csv(folder / "rows.csv")
    design, spec = benchmark_design(seed=SEED).design, CumulativeSpec(formula=FIXED)
    found = fit(spec, frame, "frequentist")
    timed = {"seconds": lambda: fit(spec, frame, "frequentist"), "arrays_seconds": lambda: fit_ordered(design, spec)}
    seconds = _alternating(timed, repetitions=7, inner=1)
    start = time.perf_counter()
    fit(MIXED, frame, "frequentist")
    seconds["mixed_seconds"] = time.perf_counter() - start
    start = time.perf_counter()
    laplace = fit_mixed(design, CumulativeSpec(formula=MIXED), n_nodes=1)
    seconds["mixed_laplace_seconds"] = time.perf_counter() - start
    return seconds | {
        "estimates": found.tree["estimates"]["estimate"].values.tolist(),
        "log_likelihood": float(found.tree["fit"]["log_likelihood"]),
        "mixed_estimates": np.append(laplace.parameters, laplace.group_sd).tolist(),
        "mixed_log_likelihood": laplace.log_likelihood,
    }


def selection(folder: Path) -> Numbers:
    """Lasso paths with cross-validation, leave-one-out scores and projection, on what ``horseshoe`` has drawn."""
    import xarray as xr

    from bayesgov.survey.bayesian.loo import loo
    from bayesgov.survey.frequentist.penalised import fit_lasso
    from bayesgov.survey.projection import select
    from bayesgov.survey.simulate import benchmark_design
    from bayesgov.survey.spec import CumulativeSpec

    design, spec = benchmark_design(seed=SEED).design, CumulativeSpec(formula=MIXED)
    posterior = xr.open_zarr(folder / "posterior.zarr").load()
    steps: dict[str, Callable[[], object]] = {
        "lasso_gaussian_seconds": lambda: fit_lasso(design, spec.model_copy(update={"lasso": "gaussian"}), seed=SEED),
        "lasso_ordinal_seconds": lambda: fit_lasso(design, spec.model_copy(update={"lasso": "ordinal"}), seed=SEED),
        "loo_seconds": lambda: loo(design, posterior, spec),
        "projection_seconds": lambda: select(design, posterior, spec),
    }
    numbers: Numbers = {}
    for name, step in steps.items():
        start = time.perf_counter()
        step()
        numbers[name] = time.perf_counter() - start
        numbers[name.replace("seconds", "peak_gib")] = _peak_gib()
    return numbers


def million_mle(_folder: Path) -> Numbers:
    """A million raw rows by maximum likelihood, from a data frame."""
    return _million(FIXED, "frequentist")


def million_sampling(_folder: Path) -> Numbers:
    """A million raw rows with village effects, sampled briefly: memory does not depend on the number of draws."""
    return _million(MIXED, "bayesian")


def bambi(folder: Path, noncentred: bool) -> Numbers:
    """Bambi's model on nutpie; standardised predictors, the priors of ``normal``."""
    import arviz as az
    import bambi as bmb
    import numpy as np
    import nutpie
    import pandas as pd
    from pymc.distributions.transforms import ordered

    frame = pd.read_csv(folder / "rows.csv")
    frame[TERMS] = (frame[TERMS] - frame[TERMS].mean()) / frame[TERMS].std(ddof=0)
    frame["y"] = pd.Categorical(frame["y"], ordered=True)
    deviation = bmb.Prior("HalfNormal", sigma=1)
    priors = {term: bmb.Prior("Normal", mu=0, sigma=1) for term in TERMS} | {
        "threshold": bmb.Prior("Normal", mu=np.linspace(-2, 2, 5), sigma=3, transform=ordered),
        "1|village": bmb.Prior("Normal", mu=0, sigma=deviation),
    }
    formula = MIXED.replace("~", "~ 0 +")
    model = bmb.Model(formula, frame, family="cumulative", priors=priors, noncentered=noncentred)
    model.build()
    start = time.perf_counter()
    compiled = nutpie.compile_pymc_model(model.backend.model)
    middle = time.perf_counter()
    drawn = nutpie.sample(compiled, draws=600, tune=600, chains=2, cores=2, seed=1, progress_bar=False)
    end = time.perf_counter()
    posterior = drawn["posterior"].to_dataset()[[*TERMS, "threshold", "1|village_sigma"]]
    return {
        "sampling_seconds": end - middle,
        "fit_seconds": end - start,
        "total_seconds": _since_start(),
        "ess": _extreme(az.ess(posterior, method="bulk"), min),
        "divergences": int(drawn["sample_stats"]["diverging"].sum()),
        "version": importlib.metadata.version("bambi"),
    }


def bambi_default(folder: Path) -> Numbers:
    return bambi(folder, noncentred=True)


def bambi_centred(folder: Path) -> Numbers:
    return bambi(folder, noncentred=False)


PARTS: dict[str, Callable[[Path], Numbers]] = {
    part.__name__: part
    for part in (
        rows, gradient, horseshoe, normal, mle, selection, million_mle, million_sampling, bambi_default, bambi_centred,
    )
}  # fmt: skip


def _frame(design: Any) -> Any:
    import numpy as np
    import pandas as pd

    villages = np.array([name.replace(" ", "") for name in design.groups])
    columns = pd.DataFrame(design.x.astype(np.int64), columns=list(design.terms))
    return columns.assign(y=design.y + 1, village=villages[design.group])


def _sampled(folder: Path, prior: Any, **other: Any) -> tuple[Any, Numbers]:
    import arviz as az
    import pandas as pd

    from bayesgov.fitting import fit
    from bayesgov.survey.spec import CumulativeSpec

    spec = CumulativeSpec(formula=MIXED, prior=prior, **other)
    found = fit(spec, pd.read_csv(folder / "rows.csv"), "bayesian", seed=SEED)
    total, processor = _since_start(), time.process_time()
    posterior, attributes = found.tree["posterior"].to_dataset(), found.tree.attrs
    bulk, tail = (az.ess(posterior, method=method) for method in ("bulk", "tail"))
    return found, {
        "total_seconds": total,
        "processor_seconds": processor,
        "compile_seconds": attributes["compile_seconds"],
        "sampling_seconds": attributes["sampling_seconds"],
        "fit_seconds": attributes["compile_seconds"] + attributes["sampling_seconds"],
        "rhat_max": _extreme(az.rhat(posterior), max),
        "divergences": int(found.tree["sample_stats"]["diverging"].sum()),
        "ess_bulk_min": _extreme(bulk, min),
        "ess_tail_min": _extreme(tail, min),
        "ess": _extreme(bulk[COMPARED], min),
        "steps_per_draw": float(found.tree["sample_stats"]["n_steps"].mean()),
        "peak_gib": _peak_gib(),
    }


def _million(formula: str, approach: Any) -> Numbers:
    from bayesgov.fitting import fit
    from bayesgov.spec import SamplingSpec
    from bayesgov.survey.simulate import benchmark_design
    from bayesgov.survey.spec import CumulativeSpec

    frame = _frame(benchmark_design(1_000_000, seed=SEED).design)
    before, start = _peak_gib(), time.perf_counter()
    # below what a Spec calls enough draws, on purpose
    brief = SamplingSpec.model_construct(chains=2, draws=50, tune=50, target_accept=0.9, seed=SEED)
    fit(CumulativeSpec(formula=formula).model_copy(update={"sampling": brief}), frame, approach)
    return {"seconds": time.perf_counter() - start, "peak_before_gib": before, "peak_gib": _peak_gib()}


def _alternating(timed: dict[str, Callable[[], object]], repetitions: int, inner: int) -> dict[str, float]:
    """Median seconds of each of several functions, taking turns so that a busy moment hits all."""
    samples: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(repetitions):
        for name, function in timed.items():
            start = time.perf_counter()
            for _ in range(inner):
                function()
            samples[name].append((time.perf_counter() - start) / inner)
    return {name: median(values) for name, values in samples.items()}


def _extreme(values: Any, which: Callable[[Sequence[float]], float]) -> float:
    """The smallest or largest over all elements of all variables; NaN if any is."""
    flat = [float(value) for variable in values.data_vars.values() for value in variable.values.ravel()]
    return math.nan if any(map(math.isnan, flat)) else which(flat)


def _peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _since_start() -> float:
    return time.time() - float(os.environ["BENCHMARK_START"])


if __name__ == "__main__":
    print(MARK + json.dumps(PARTS[sys.argv[1]](Path(sys.argv[2]))))
