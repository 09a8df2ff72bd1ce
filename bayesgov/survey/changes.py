"""Changes of a predictor whose effect on probabilities a report shows, and rows at chosen values.

A change of one column of x moves every column made from it: interactions, whose names join their parts by a colon, and
scale terms of the same name.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

import numpy as np

from bayesgov.survey.design import Design

Kind = Literal["derivative", "step", "contrast"]

_MOST_STEPS = 20  # a whole-numbered predictor with more distinct values than this is a quantity, not a score


@dataclass(frozen=True, slots=True)
class Effect:
    """One change of a predictor.

    Attributes
    ----------
    term, factor : str
        As in :class:`bayesgov.survey.design.Design`.
    kind : {"derivative", "step", "contrast"}
        Per unit of a quantity; one step up of a score, where rows on the top step come up to it from the one below;
        from the reference level of a factor, or from 0, to this level, or to 1.
    column : int
    top : float
        The highest step of a score; not used otherwise.
    """

    term: str
    factor: str
    kind: Kind
    column: int
    top: float = np.inf


def effects_of(design: Design, kinds: Mapping[str, Kind] | None = None) -> tuple[Effect, ...]:
    """The changes that a report shows: one for each column of x that stands for a predictor by itself.

    Columns of zeros and ones are contrasts, whole numbers with at most 20 distinct values are scores, and other
    columns are quantities. An interaction is no change of its own: it moves with its parts. A column that is a
    function of a variable, such as ``log(age)``, is changed as it stands.

    Parameters
    ----------
    design : Design
    kinds : mapping of str to {"derivative", "step", "contrast"}, optional
        By term, where the rule above guesses wrong.

    Raises
    ------
    ValueError
        If ``kinds`` names what is no term.
    """
    chosen = dict(kinds or {})
    if unknown := set(chosen) - set(design.terms):
        raise ValueError(f"kinds takes terms of the model, {', '.join(design.terms)}; got {', '.join(sorted(unknown))}")
    tops = {monotonic.column: float(len(monotonic.levels) - 1) for monotonic in design.monotonic}
    unusable = left_out(design)
    found = []
    for column, (term, factor) in enumerate(zip(design.terms, design.factors, strict=True)):
        if term in unusable or len(_parts(term)) > 1:
            continue
        values = np.unique(design.x[:, column])
        kind = chosen.get(term) or ("step" if column in tops else _kind(values))
        found.append(Effect(term, factor, kind, column, tops.get(column, float(values[-1]))))
    return tuple(found)


def left_out(design: Design) -> tuple[str, ...]:
    """Terms whose average effect these arrays cannot give, because what moves together is not known from them.

    These are interactions with a part that is no column of x, and its other parts; columns that share a variable with
    another term (``age`` beside ``I(age ** 2)``); and contrasts that are no zeros and ones (a polynomial, a spline,
    sum coding).
    """
    parts = {term: set(_parts(term)) for term in design.terms}
    broken = {term for term, own in parts.items() if not own <= set(design.terms)}
    incomplete = broken.union(*(parts[term] for term in broken))
    single = {term: factor for term, factor in zip(design.terms, design.factors, strict=True) if len(parts[term]) == 1}
    users = Counter(variable for factor in set(single.values()) for variable in _variables(factor))
    shared = {term for term, factor in single.items() if any(users[variable] > 1 for variable in _variables(factor))}
    coded = {
        term
        for term, factor in single.items()
        if (term.endswith("]") or design.factors.count(factor) > 1)
        and not _is_coded_by_dummies(design.x[:, [other == factor for other in design.factors]])
    }
    return tuple(term for term in design.terms if term in incomplete | shared | coded)


def at_means(design: Design) -> Design:
    """One row with every predictor at its weighted mean (a contrast at its level's share), without a group."""
    weights = design.weights / design.weights.sum()
    row = replace(
        design.take(np.array([0])),
        x=weights @ design.x[None, :, :],
        scale_x=weights @ design.scale_x[None, :, :],
        offset=np.array([weights @ design.offset]),
        weights=np.ones(1),
        group=np.array([-1]),
    )
    return _set(row, {})


def on_grid(design: Design, grid: Mapping[str, Sequence[float]]) -> Design:
    """Rows at all combinations of some terms' values, everything else at its weighted mean; the last term runs fastest.

    Parameters
    ----------
    design : Design
    grid : mapping of str to sequence of float
        Values of columns of x, by term. For levels of a factor with several contrasts, set each contrast, or build the
        Design of a frame that holds them.

    Raises
    ------
    ValueError
        If the grid names what is no term, or an interaction, which follows from its parts.
    """
    usable = [term for term in design.terms if len(_parts(term)) == 1]
    if unknown := [term for term in grid if term not in usable]:
        raise ValueError(f"a grid takes terms of the model, {', '.join(usable)}; got {', '.join(unknown)}")
    combinations = np.array(list(product(*grid.values())), dtype=float).reshape(-1, len(grid))
    rows = at_means(design).take(np.zeros(len(combinations), dtype=np.int64))
    columns = {design.terms.index(term): combinations[:, index] for index, term in enumerate(grid)}
    return _set(rows, columns)


def ends(part: Design, change: Effect) -> tuple[Design, Design]:
    """The rows before a change and after it."""
    column = change.column
    if change.kind == "contrast":
        # the other contrasts of the same factor are at the reference level on both ends
        others = [c for c, factor in enumerate(part.factors) if factor == change.factor]
        zero = dict.fromkeys(others, np.zeros(part.n_obs))
        return _set(part, zero), _set(part, {**zero, column: np.ones(part.n_obs)})
    low = np.minimum(part.x[:, column], change.top - 1)
    return _set(part, {column: low}), _set(part, {column: low + 1})


def slopes(part: Design, names: Sequence[str], column: int) -> np.ndarray:
    """d (columns called ``names``) / d (the changed column), shape (n_rows, len(names))."""
    result = np.zeros((part.n_obs, len(names)))
    for index, name in enumerate(names):
        parts = _parts(name)
        if part.terms[column] in parts:
            others = [part.terms.index(each) for each in parts if each != part.terms[column]]
            result[:, index] = np.prod(part.x[:, others], axis=1)
    return result


def _set(part: Design, columns: Mapping[int, np.ndarray]) -> Design:
    """The rows with some columns replaced; interactions, and scale terms of the same names, follow."""
    x, scale_x = part.x.copy(), part.scale_x.copy()
    for column, values in columns.items():
        x[:, column] = values
    for names, target in ((part.terms, x), (part.scale_terms, scale_x)):
        for index, name in enumerate(names):
            parts = _parts(name)
            if set(parts) <= set(part.terms) and (len(parts) > 1 or target is scale_x):
                target[:, index] = np.prod(x[:, [part.terms.index(each) for each in parts]], axis=1)
    return replace(part, x=x, scale_x=scale_x)


def _parts(term: str) -> list[str]:
    """The parts of an interaction; a colon within brackets belongs to a level's label."""
    return re.split(r":(?![^\[]*\])", term)


def _variables(factor: str) -> frozenset[str]:
    """Variables in a term of a formula: ``np.log(age + 10)`` has one, age; a name that is no expression is itself."""
    try:
        tree = ast.parse(factor, mode="eval")
    except SyntaxError:
        return frozenset([factor])
    functions = {id(name) for call in ast.walk(tree) if isinstance(call, ast.Call) for name in ast.walk(call.func)}
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in functions)


def _kind(values: np.ndarray) -> Kind:
    if set(values) <= {0.0, 1.0}:
        return "contrast"
    return "step" if values.size <= _MOST_STEPS and np.array_equal(values, np.round(values)) else "derivative"


def _is_coded_by_dummies(x: np.ndarray) -> bool:
    return bool(np.all((x == 0) | (x == 1)) and np.all(x.sum(axis=1) <= 1))
