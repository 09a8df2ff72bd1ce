"""Monotonic effects of ordinal predictors (Bürkner & Charpentier 2020, doi:10.1111/bmsp.12195).

A predictor with levels 0..D enters as mo(x) = D sum_{i <= x} zeta_i with a simplex zeta, equation 2 there: its
coefficient is the average effect of one step and zeta_i the share of step i, as in brms. With equal shares mo(x) is the
score x, which is what the frequentist approach takes. The simplex has a uniform Dirichlet(1, ..., 1) prior.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from bayesgov.survey.design import Design, MonotonicTerm

type Tensor = TensorVariable[Any, Any]


def monotonic_values(simplex: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """mo(x) of level codes.

    Parameters
    ----------
    simplex : ndarray, shape (..., n_steps)
        Leading axes are draws.
    codes : ndarray of int, shape (n_obs,)
        Levels 0..n_steps.

    Returns
    -------
    ndarray, shape (..., n_obs)
    """
    simplex = np.asarray(simplex, dtype=float)
    reached = np.concatenate([np.zeros((*simplex.shape[:-1], 1)), simplex.cumsum(axis=-1)], axis=-1)
    # mo(x) = D sum_{i <= x} zeta_i
    values: np.ndarray = simplex.shape[-1] * reached[..., np.asarray(codes, dtype=np.int64)]
    return values


def monotonic_graph(simplex: Tensor, codes: np.ndarray, n_steps: int) -> Tensor:
    """mo(x) as a graph: ``simplex`` of shape (n_steps,), ``codes`` of shape (n_obs,)."""
    reached = pt.concatenate([pt.zeros(1), pt.cumsum(simplex)])
    values: Tensor = n_steps * reached[np.asarray(codes, dtype=np.int64)]
    return values


def declare_monotonic(design: Design) -> dict[int, Tensor]:
    """Declare the simplexes of a Design in the PyMC model in whose context this is called.

    Variables ``simplex_<factor>`` with dim ``<factor>_step``, whose labels are such as "low|high".

    Returns
    -------
    dict of int to TensorVariable
        mo(x) of every monotonic column of ``design.x``, shape (n_obs,).
    """
    model = pm.modelcontext(None)
    values: dict[int, Tensor] = {}
    for term in design.monotonic:
        name, n_steps = variable_name(design, term), len(term.levels) - 1
        if not has_simplex(term):
            continue
        steps = [f"{low}|{high}" for low, high in zip(term.levels[:-1], term.levels[1:], strict=True)]
        model.add_coord(f"{name}_step", steps)
        simplex = pm.Dirichlet(f"simplex_{name}", a=np.ones(n_steps), dims=f"{name}_step")
        values[term.column] = monotonic_graph(simplex, design.x[:, term.column], n_steps)
    return values


def replace_monotonic(design: Design, draw: Mapping[str, np.ndarray]) -> np.ndarray:
    """A copy of ``design.x`` with mo(x) under one draw of the simplexes in place of the codes."""
    x = design.x.copy()
    for term in design.monotonic:
        if not has_simplex(term):
            continue
        simplex = np.asarray(draw[f"simplex_{variable_name(design, term)}"])
        x[:, term.column] = monotonic_values(simplex, design.x[:, term.column])
    return x


def variable_name(design: Design, term: MonotonicTerm) -> str:
    """The factor's name as it stands in names of posterior variables."""
    return design.factors[term.column]


def has_simplex(term: MonotonicTerm) -> bool:
    """Whether there are shares to estimate; with two levels the one step is the whole effect."""
    return len(term.levels) > 2
