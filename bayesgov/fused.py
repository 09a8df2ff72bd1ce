"""Sampling a PyMC model through a hand-written log-density instead of its compiled graph.

The result is a :class:`bayesgov.sampling.CompiledModel` like any other: the PyMC model gives the prior draws and the
log prior, the function gives the posterior. Tests hold the two equal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from bayesgov.sampling import CompiledModel, SamplingOptions

if TYPE_CHECKING:
    import pymc as pm

type LogDensity = Callable[..., tuple[float, np.ndarray]]
type Expand = Callable[..., dict[str, np.ndarray]]


@dataclass(frozen=True, slots=True)
class FusedDensity:
    """A log-density over one unconstrained vector, and the way back to named variables.

    Attributes
    ----------
    n_dim : int
    log_density : callable
        (theta, **data) -> (value, gradient of shape (n_dim,)), Jacobians included.
    expand : callable
        (theta, rng, **data) -> named variables; ``rng`` serves variables that were integrated out and are drawn again.
    dims : mapping of str to tuple of str
        Every named variable with its dims.
    data : mapping
        Values by the names of the model's ``pm.Data`` that a refit may replace.
    initial : ndarray, shape (n_dim,)
        Chains start here, jittered by ``jitter`` standard normals.
    """

    n_dim: int
    log_density: LogDensity
    expand: Expand
    dims: Mapping[str, tuple[str, ...]]
    data: Mapping[str, np.ndarray]
    initial: np.ndarray
    jitter: float = 0.3


def compile_fused(model: pm.Model, density: FusedDensity) -> CompiledModel:
    """Make a model ready for :func:`bayesgov.sampling.sample` from its fused log-density."""
    coords = {name: values for name, values in model.coords.items() if values is not None}
    return compile_density(density, coords, model=model)


def compile_density(
    density: FusedDensity,
    coords: Mapping[str, Sequence[Any]],
    *,
    model: pm.Model | None = None,
    prior: Callable[[SamplingOptions], xr.Dataset] | None = None,
) -> CompiledModel:
    """Make a fused log-density ready for :func:`bayesgov.sampling.sample`; give the model or draws from its prior.

    Parameters
    ----------
    density : FusedDensity
    coords : mapping of str to sequence
        Labels of every dim of ``density.dims``.
    model : pm.Model, optional
    prior : callable, optional
        Draws from the prior, for a density that is sampled without building the model.
    """
    from nutpie.compiled_pyfunc import from_pyfunc  # here, so that nutpie loads by way of sampling

    start = time.perf_counter()
    coords = {name: [str(value) for value in values] for name, values in coords.items()}
    names = list(density.dims)
    shapes = [tuple(len(coords[dim]) for dim in density.dims[name]) for name in names]
    density.log_density(density.initial, **density.data)  # compiles the kernel here, so that its time is counted here

    def make_log_density() -> LogDensity:
        return density.log_density

    def make_expand(seed: int, _second: int, chain: int) -> Expand:
        rng = np.random.default_rng((abs(seed), chain))

        def expand(theta: np.ndarray, **data: Any) -> dict[str, np.ndarray]:
            # early warm-up points may lie where a scale overflows; they are not kept
            with np.errstate(all="ignore"):
                values = density.expand(theta, rng, **data)
            return {name: np.asarray(values[name], dtype=float) for name in names}

        return expand

    def initial_point(seed: int) -> np.ndarray:
        return density.initial + density.jitter * np.random.default_rng(abs(seed)).standard_normal(density.n_dim)

    compiled = from_pyfunc(
        density.n_dim,
        make_log_density,
        make_expand,
        [np.dtype(float)] * len(names),
        shapes,
        names,
        coords=coords,
        dims=dict(density.dims),
        shared_data=dict(density.data),
        make_initial_point_fn=initial_point,
    )
    return CompiledModel(model, compiled, time.perf_counter() - start, prior)
