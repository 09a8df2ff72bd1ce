"""Sampling a PyMC model through a hand-written log-density instead of its compiled graph.

The result is a :class:`bayesgov.sampling.CompiledModel` like any other: the PyMC model gives the prior draws and the
log prior, the function gives the posterior. Tests hold the two equal.

A density that is machine code from end to end (:class:`NativeDensity`) is handed over as an address. Chains then never
enter Python, whose lock they would wait for: on two cores such chains run twice as fast as they do one after the other,
while chains that call Python functions of some microseconds run no faster than that.
"""

# mypy: disallow-untyped-decorators=False
# (numba ships no types)

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
import xarray as xr

from bayesgov.sampling import CompiledModel, SamplingOptions

if TYPE_CHECKING:
    import pymc as pm

type LogDensity = Callable[..., tuple[float, np.ndarray]]
type Expand = Callable[..., dict[str, np.ndarray]]


# int (n_dim, *theta, *gradient, *value, *data): 0, or above 0 where value or gradient is not finite
LOG_DENSITY = numba.types.int64(numba.types.uint64, *[numba.types.CPointer(numba.types.float64)] * 4)
_EXPAND = numba.types.int64(*[numba.types.uint64] * 2, *[numba.types.CPointer(numba.types.float64)] * 3)


@dataclass(frozen=True, slots=True, eq=False)
class NativeDensity:
    """A log-density as machine code.

    Attributes
    ----------
    compiled : callable
        () -> what ``numba.cfunc`` makes of a function with the signature ``LOG_DENSITY``; called when it is wanted.
    data : ndarray of float
        One block of numbers, which the function is given the address of.
    """

    compiled: Callable[[], Any]
    data: np.ndarray


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
    native : NativeDensity, optional
        The same log-density as machine code. Its one named variable is ``theta`` itself, and no data is replaced.
    """

    n_dim: int
    log_density: LogDensity
    expand: Expand
    dims: Mapping[str, tuple[str, ...]]
    data: Mapping[str, np.ndarray]
    initial: np.ndarray
    jitter: float = 0.3
    native: NativeDensity | None = None

    def __post_init__(self) -> None:
        if self.native is not None and (len(self.dims) != 1 or self.data):
            raise ValueError("a native density names one variable and takes no data")


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
    start = time.perf_counter()
    labels = {name: [str(value) for value in values] for name, values in coords.items()}
    compiled = (_by_address if density.native else _by_function)(density, labels)
    return CompiledModel(model, compiled, time.perf_counter() - start, prior)


def _starting_point(density: FusedDensity) -> Callable[[int], np.ndarray]:
    def point(seed: int) -> np.ndarray:
        return density.initial + density.jitter * np.random.default_rng(abs(seed)).standard_normal(density.n_dim)

    return point


def _by_function(density: FusedDensity, coords: dict[str, list[str]]) -> Any:
    """A model of nutpie's whose chains call Python functions."""
    from nutpie.compiled_pyfunc import from_pyfunc  # here, so that nutpie loads by way of sampling

    names = list(density.dims)
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

    return from_pyfunc(
        density.n_dim,
        make_log_density,
        make_expand,
        [np.dtype(float)] * len(names),
        [tuple(len(coords[dim]) for dim in density.dims[name]) for name in names],
        names,
        coords=coords,
        dims=dict(density.dims),
        shared_data=dict(density.data),
        make_initial_point_fn=_starting_point(density),
    )


def _by_address(density: FusedDensity, coords: dict[str, list[str]]) -> Any:
    """A model of nutpie's whose chains call machine code."""
    from nutpie.compile_pymc import CompiledPyMCModel  # what it takes functions by address with

    native, (name,) = density.native, density.dims
    assert native is not None
    n_dim, shape = density.n_dim, (density.n_dim,)
    return CompiledPyMCModel(
        dims=dict(density.dims),
        compiled_logp_func=native.compiled(),
        compiled_expand_func=_copy(),
        initial_point_func=_starting_point(density),
        shared_data={},
        shared_var_keys={},
        user_data=native.data,
        n_expanded=n_dim,
        shape_info=([name], [slice(0, n_dim)], [shape]),
        logp_func=None,
        expand_func=None,
        _n_dim=n_dim,
        _shapes={name: shape},
        _coords=coords,
    )


@cache
def _copy() -> Any:
    """The variable theta of a native density: theta."""

    @numba.cfunc(_EXPAND, cache=True)
    def copy(n_dim, n_expanded, theta, expanded, data):  # type: ignore[no-untyped-def]
        for j in range(n_expanded):
            expanded[j] = theta[j]
        return 0

    return copy
