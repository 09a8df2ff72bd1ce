"""The only place that samples: seeds, field names, provenance.

nutpie does the sampling and ArviZ reads the result, but the two name some sampler statistics differently, and ArviZ
skips a check whose field it does not find; the names are therefore translated here, once.
"""

from __future__ import annotations

import logging
import os
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import arviz_base
import numpy as np
import xarray as xr

# nutpie takes two functions of ArviZ, which arviz_base has; the whole of ArviZ would load its figures' libraries too
_whole = sys.modules.get("arviz")
sys.modules["arviz"] = _whole or arviz_base
import nutpie  # noqa: E402

if _whole is None:
    del sys.modules["arviz"]

if TYPE_CHECKING:
    # a log-density of one's own is sampled without it, and it takes a second to load
    import pymc as pm

# nutpie's names of sampler statistics -> the ArviZ schema's (``az.diagnose`` looks for the latter)
_ARVIZ_NAMES = {"maxdepth_reached": "reached_max_treedepth", "depth": "tree_depth", "logp": "lp"}
# starting points and prior draws alone go through PyTensor's C code; matrices there are small
_NO_BLAS = "PyTensor could not link to a BLAS"
_KEPT_STATISTICS = ("diverging", "energy", "n_steps", "step_size", *_ARVIZ_NAMES)


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """How to sample; every field is written into the tree's attributes.

    Attributes
    ----------
    chains, draws, tune : int
        ``draws`` and ``tune`` count per chain.
    target_accept : float
        NUTS target acceptance rate, in (0, 1).
    seed : int
    cores : int or None
        Chains run side by side; None takes every core of the machine, up to ``chains``.
    prior_draws : int
        Draws from the prior, for prior predictive and prior-posterior figures.
    """

    seed: int
    chains: int = 4
    draws: int = 1000
    tune: int = 1000
    target_accept: float = 0.9
    cores: int | None = None
    prior_draws: int = 1000

    def __post_init__(self) -> None:
        for name in ("chains", "draws", "tune", "prior_draws"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more; got {getattr(self, name)}")
        if not 0 < self.target_accept < 1:
            raise ValueError(f"target_accept must lie between 0 and 1; got {self.target_accept}")


@dataclass(frozen=True, slots=True)
class CompiledModel:
    """A PyMC model with its compiled density, to be sampled once or many times.

    Attributes
    ----------
    model : pm.Model or None
        The definition; None where ``prior`` is all that sampling needs of it.
    compiled : nutpie.CompiledModel
    compile_seconds : float
    prior : callable or None
        Draws from the prior, if not from the model.
    """

    model: pm.Model | None
    compiled: Any
    compile_seconds: float
    prior: Callable[[SamplingOptions], xr.Dataset] | None = None


def compile_model(model: pm.Model) -> CompiledModel:
    """Compile the log-density and its gradient (seconds; the dearest step of a small model)."""
    from pytensor.configdefaults import config as pytensor_config

    start = time.perf_counter()
    # without fastmath, code from a cold and from a warm compilation cache rounds alike: same seed, same draws
    with pytensor_config.change_flags(numba__fastmath=False), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=_NO_BLAS)
        compiled = nutpie.compile_pymc_model(model, backend="numba")
    return CompiledModel(model, compiled, time.perf_counter() - start)


def sample(
    model: pm.Model | CompiledModel,
    options: SamplingOptions,
    *,
    data: Mapping[str, np.ndarray] | None = None,
    progress: Callable[[str], None] | None = None,
) -> xr.DataTree:
    """Draw from the posterior and the prior.

    Parameters
    ----------
    model : pm.Model or CompiledModel
        A compiled model is sampled without compiling again.
    options : SamplingOptions
    data : mapping, optional
        New values of ``pm.Data`` variables of the same shape, for a refit of a compiled model.
    progress : callable, optional
        Told how far sampling is, ten times a second, from another thread.

    Returns
    -------
    xarray.DataTree
        Groups ``posterior``, ``sample_stats`` and ``prior`` in the ArviZ schema; root attributes hold the options,
        versions and times.
    """
    ready = model if isinstance(model, CompiledModel) else compile_model(model)
    if data and ready.model is not None:
        for name, value in data.items():
            ready.model.set_data(name, value)
    compiled = ready.compiled.with_data(**data) if data else ready.compiled
    start = time.perf_counter()
    drawn = nutpie.sample(
        compiled,
        draws=options.draws,
        tune=options.tune,
        chains=options.chains,
        cores=min(options.chains, options.cores or os.cpu_count() or 1),
        seed=options.seed,
        target_accept=options.target_accept,
        progress_bar=False,
        progress_callback=None if progress is None else lambda chains: progress(_progress_line(chains)),
        save_warmup=False,
    )
    seconds = time.perf_counter() - start
    tree = xr.DataTree.from_dict(
        {
            "posterior": drawn["posterior"].to_dataset(),
            "sample_stats": _arviz_statistics(drawn["sample_stats"].to_dataset()),
            "prior": ready.prior(options) if ready.prior else _prior_draws(ready.model, options),
        }
    )
    tree.attrs.update(
        asdict(options)
        | {
            "sampler": "nutpie",
            "sampler_version": nutpie.__version__,
            "pymc_version": version("pymc"),
            "sampling_seconds": seconds,
            "compile_seconds": ready.compile_seconds,
            "bayesgov_kind": "mcmc",
        }
    )
    return tree


def log_prior(model: pm.Model, tree: xr.DataTree, variables: Sequence[str]) -> xr.Dataset:
    """Log prior density of top-level variables at every posterior draw, for power-scaling.

    Only variables whose prior has no random parents belong here: power-scaling a whole hierarchical prior would
    scale the model, not the prior choice (Kallioinen et al. 2024, doi:10.1007/s11222-023-10366-5).

    Parameters
    ----------
    model : pm.Model
    tree : xarray.DataTree
        With a ``posterior`` group that holds the variables.
    variables : sequence of str
        Names of free random variables of the model.

    Returns
    -------
    xarray.Dataset
        One variable each, dims (chain, draw, ...) as in the posterior.
    """
    import pymc as pm

    posterior = tree["posterior"].to_dataset()
    densities = {}
    for name in variables:
        values = posterior[name]
        density = pm.logp(model[name], values.values).eval(mode="FAST_COMPILE")
        # multivariate priors have one density for the whole vector: fewer trailing dims than the draws
        densities[name] = (values.dims[: density.ndim], density)
    return xr.Dataset(densities, coords={name: posterior.coords[name] for name in ("chain", "draw")})


def _prior_draws(model: pm.Model | None, options: SamplingOptions) -> xr.Dataset:
    import pymc as pm

    if model is None:
        raise ValueError("a compiled model wants its definition or draws from its prior; it has neither")
    logging.getLogger("pymc").setLevel(logging.WARNING)  # PyMC announces every variable that it samples
    names = [variable.name for variable in (*model.free_RVs, *model.deterministics)]
    with warnings.catch_warnings():
        # the potentials here are likelihoods of printed tables, which prior draws of parameters ignore rightly
        warnings.filterwarnings("ignore", message=_NO_BLAS)
        warnings.filterwarnings("ignore", message="The effect of Potentials on other parameters is ignored")
        # FAST_COMPILE: drawing a few thousand prior values once does not repay a compilation
        drawn = pm.sample_prior_predictive(
            draws=options.prior_draws,
            model=model,
            var_names=names,
            random_seed=options.seed,
            compile_kwargs={"mode": "FAST_COMPILE"},
        )
    prior: xr.Dataset = drawn["prior"].to_dataset()
    return prior


def _progress_line(chains: Sequence[Any]) -> str:
    finished, total = (sum(getattr(chain, name) for chain in chains) for name in ("finished_draws", "total_draws"))
    divergences = sum(chain.divergences for chain in chains)
    return f"sampling: {finished:,} of {total:,} draws" + (f", {divergences} divergences" if divergences else "")


def _arviz_statistics(statistics: xr.Dataset) -> xr.Dataset:
    kept: xr.Dataset = statistics[list(_KEPT_STATISTICS)].rename(_ARVIZ_NAMES)
    return kept
