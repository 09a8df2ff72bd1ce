"""Model formulas: ``outcome ~ terms + mo(x) + (1|g)``, parsed and turned into columns by the library formulae.

formulae reads what comes after a complete formula as nothing, prints on failure and gives a missing category the
last level's contrasts; what this module adds is the checks that keep those from happening, and the limits of an
ordinal regression: no intercept beside the thresholds, one random intercept, monotonic terms that stand alone.
"""

from __future__ import annotations

import contextlib
import difflib
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from formulae.categorical import ENCODINGS
from formulae.environment import Environment
from formulae.model_description import model_description
from formulae.parser import Parser
from formulae.scanner import Scanner
from formulae.terms import Call, Intercept, Variable
from formulae.terms.call_resolver import LazyCall, LazyOperator, LazyVariable
from formulae.transforms import TRANSFORMS

from bayesgov.errors import InputError

LEVELS_OF = "levels of "  # prefix of the columns that hold an ordinal variable's levels beside its scores

_NUMERIC = {name: getattr(np, name) for name in ("abs", "exp", "expm1", "log", "log10", "log1p", "log2", "sqrt")}
_WITH_LEVELS = ("C", "S", "T", "mo")  # functions of a variable's levels; the others are functions of its scores
_RESPONSE_ONLY = ("B", "binary", "p", "prop", "proportion")
_FUNCTIONS = sorted({*TRANSFORMS, *ENCODINGS, *_NUMERIC, "mo"} - set(_RESPONSE_ONLY))


@dataclass(frozen=True, slots=True)
class Formula:
    """A parsed formula.

    Attributes
    ----------
    text : str
    outcome : str
        Empty for the formula of a scale model, which has no left-hand side.
    predictors : tuple of str
        Columns in the order of the formula.
    single : tuple of str
        Columns that are a term by themselves and enter no other: the ones whose missing cells can be modelled.
    monotonic : tuple of str
        Columns inside ``mo()``.
    by_level : tuple of str
        Columns inside ``mo()``, ``C()``, ``S()`` or ``T()``.
    offsets : tuple of str
        Columns inside ``offset()``.
    group : str
        Column of the random intercept; empty for none.
    """

    text: str
    outcome: str
    predictors: tuple[str, ...]
    single: tuple[str, ...]
    monotonic: tuple[str, ...]
    by_level: tuple[str, ...]
    offsets: tuple[str, ...]
    group: str


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What a formula makes of data.

    Attributes
    ----------
    x : ndarray, shape (n_obs, n_terms)
        No intercept.
    terms, factors : tuple of str, length n_terms
        As in :class:`bayesgov.survey.design.Design`.
    offset : ndarray, shape (n_obs,)
        Sum of the formula's ``offset()`` terms.
    """

    x: np.ndarray
    terms: tuple[str, ...]
    factors: tuple[str, ...]
    offset: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class FittedFormula:
    """A formula with what it learnt from data: contrasts, means and knots of its transformations.

    Attributes
    ----------
    formula : Formula
    model : formulae.terms.Model
        Its terms hold no rows.
    columns : Columns
        Of the data that it learnt from.
    """

    formula: Formula
    model: Any
    columns: Columns

    def without_rows(self) -> FittedFormula:
        """The same without the data's columns, which new data do not need."""
        n_terms = len(self.columns.terms)
        return replace(self, columns=replace(self.columns, x=np.zeros((0, n_terms)), offset=np.zeros(0)))


def parse_formula(text: str) -> Formula:
    """Read ``outcome ~ terms + mo(x) + offset(w) + (1|g)``.

    Raises
    ------
    InputError
        If the text is no formula, or asks for what an ordinal regression here cannot have: no intercept, random
        slopes, more than one grouping variable, a function that is not known, a monotonic term in an interaction.
    """
    if text.count("~") != 1:
        raise InputError(f"formula should read outcome ~ terms; got {text!r}")
    model = _description(text)
    outcome = model.response.term.components[0] if model.response else None
    if not isinstance(outcome, Variable) or outcome.reference is not None:
        raise InputError(f"the outcome of a formula should be one column, written plainly; got {text!r}")
    formula = _checked(text, model, str(outcome.name), _group(model, text))
    if formula.outcome in (*formula.predictors, *formula.offsets, formula.group):
        raise InputError(f"the outcome {formula.outcome!r} stands on both sides of the formula {text!r}")
    return formula


def parse_scale_formula(text: str) -> Formula:
    """Read the right-hand side of a scale model, such as ``temp + contact``.

    Raises
    ------
    InputError
        As in :func:`parse_formula`, and with ``mo()``, ``offset()`` or ``(1|g)``.
    """
    if "~" in text:
        raise InputError(f"scale is a right-hand side without ~, such as 'temp + contact'; got {text!r}")
    model = _description(text)
    formula = _checked(text, model, "", "")
    if model.group_terms or formula.monotonic or formula.offsets:
        raise InputError(f"scale takes terms without mo(), offset() or (1|group); got {text!r}")
    return formula


def monotonic_scores(levels: pd.Series) -> np.ndarray:
    """Scores 0, 1, ... of a column of categories, NaN where missing."""
    codes = levels.cat.codes.to_numpy(dtype=float)
    return np.where(codes < 0, np.nan, codes)


_NAMESPACE = {**_NUMERIC, "np": SimpleNamespace(**_NUMERIC), "mo": monotonic_scores}


def fit_formula(formula: Formula, mask: pd.DataFrame) -> FittedFormula:
    """Evaluate a formula on data.

    Parameters
    ----------
    formula : Formula
    mask : pandas.DataFrame
        Numbers as floats; nominal variables as ordered categories; ordinal ones as scores, with their levels in a
        column :data:`LEVELS_OF` + name.

    Raises
    ------
    InputError
        If a term cannot be computed.
    """
    model = _description(formula.text)
    model.response, model.group_terms = None, []  # formulae would expand groups to rows x groups
    for component in (c for term in model.common_terms for c in getattr(term, "components", ()) if isinstance(c, Call)):
        first = component.call.args[0] if component.call.args else None
        if component.call.callee in _WITH_LEVELS and isinstance(first, LazyVariable) and LEVELS_OF + first.name in mask:
            first.name = LEVELS_OF + first.name
    with _readable(formula.text):
        model.eval(mask, Environment([_NAMESPACE]))
        columns = _columns(model, [term.data for term in model.common_terms], len(mask))
    _forget_rows(model)
    return FittedFormula(formula, model, columns)


def apply_formula(fitted: FittedFormula, mask: pd.DataFrame) -> Columns:
    """Evaluate a fitted formula on new data, with what it learnt; the mask is as in :func:`fit_formula`.

    Raises
    ------
    InputError
        If a term cannot be computed, such as for a level that the formula has not seen.
    """
    with _readable(fitted.formula.text):
        data = [term.eval_new_data(mask) for term in fitted.model.common_terms]
    x, offset = _stacked(fitted.model, data, len(mask))
    return Columns(x, fitted.columns.terms, fitted.columns.factors, offset)


def _description(text: str) -> Any:
    with _readable(text):
        parser = Parser(Scanner(text).scan())
        parser.parse()
        if not parser.at_end():
            raise InputError(f"formula {text!r} makes no sense from {parser.peek().lexeme!r} on")
        return model_description(text)


def _forget_rows(model: Any) -> None:
    """Drop the data that formulae keeps in its terms, which new data do not need."""
    for term in model.common_terms:
        term.data = None
        for component in getattr(term, "components", ()):
            component.value = None
            if component.kind == "offset":
                component._intermediate_data.x = None
            else:
                component._intermediate_data = None


@contextlib.contextmanager
def _readable(text: str) -> Iterator[None]:
    """formulae raises whatever Python raised inside it, and prints; its user gets one line.

    The logarithm of zero is no error here: whoever looks at the columns says which rows they are infinite in.
    """
    try:
        with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
            yield
    except InputError:
        raise
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise InputError(f"formula {text!r} cannot be used: {' '.join(reason.split())}") from error


def _group(model: Any, text: str) -> str:
    """The column of the one random intercept that a formula may have."""
    for term in model.group_terms:
        if not isinstance(term.expr, Intercept):
            raise InputError(
                f"({term.name}) is a random slope; only random intercepts (1|group) can be fitted: {text!r}"
            )
        components = term.factor.components
        if len(components) > 1 or not isinstance(components[0], Variable):
            raise InputError(f"({term.name}): what follows the bar should be one column; make it before: {text!r}")
    names = [str(term.factor.name) for term in model.group_terms]
    if len(names) > 1:
        raise InputError(f"one random intercept can be fitted; got {', '.join(f'(1|{name})' for name in names)}")
    return names[0] if names else ""


def _checked(text: str, model: Any, outcome: str, group: str) -> Formula:
    if Intercept() not in model.common_terms:
        raise InputError(
            f"the thresholds take the intercept's place, so it cannot be left out of {text!r}: drop 0 or -1"
        )
    uses = [use for term in model.common_terms if not isinstance(term, Intercept) for use in _uses(term, text)]
    by_role: dict[str, set[str]] = {}
    for role, column in uses:
        by_role.setdefault(role, set()).add(column)
    elsewhere = set().union(*(columns for role, columns in by_role.items() if role != "plain"))

    def having(*roles: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(column for role, column in uses if role in roles))

    return Formula(
        text=text,
        outcome=outcome,
        predictors=having("plain", "mo", "levels", "function", "interaction"),
        single=tuple(column for column in having("plain") if column not in elsewhere),
        monotonic=having("mo"),
        by_level=having("mo", "levels"),
        offsets=having("offset"),
        group=group,
    )


def _uses(term: Any, text: str) -> Iterator[tuple[str, str]]:
    """Role and column of everything that a term uses; InputError for what no model here can have."""
    alone = len(term.components) == 1
    for component in term.components:
        if isinstance(component, Variable):
            if not isinstance(component.name, str) or component.reference is not None:
                raise InputError(f"a term should be a column or a function of one; got {component.name!r} in {text!r}")
            yield "plain" if alone else "interaction", component.name
            continue
        called = component.call.callee
        _require_functions(component.call, text)
        if called in ("mo", "offset") and not alone:
            raise InputError(f"{component.name} cannot enter an interaction, as in {term.name!r}")
        if called == "mo" and not (len(component.call.args) == 1 and isinstance(component.call.args[0], LazyVariable)):
            raise InputError(f"mo() takes one column, such as mo(education); got {component.name!r}")
        columns = _columns_in(component.call)
        if called in _WITH_LEVELS and columns:
            yield "mo" if called == "mo" else "levels", columns[0]
            columns = columns[1:]
        for column in columns:
            yield "offset" if called == "offset" else "function", column


def _require_functions(call: Any, text: str) -> None:
    """InputError for a call of a function that formulas do not have, or that has no place inside another."""
    for depth, nested in enumerate(_calls_in(call)):
        name = nested.callee.removeprefix("np.")
        if name not in _FUNCTIONS:
            near = difflib.get_close_matches(name, _FUNCTIONS, n=3) or _FUNCTIONS
            raise InputError(f"formulas have no function {nested.callee!r}; there is {', '.join(near)}: {text!r}")
        if depth and name in (*_WITH_LEVELS, "offset"):
            raise InputError(f"{name}() cannot stand inside another function, as in {call}")


def _calls_in(node: Any) -> Iterator[Any]:
    """A call and the calls among its arguments, outermost first."""
    if isinstance(node, LazyCall):
        yield node
        for argument in (*node.args, *node.kwargs.values()):
            yield from _calls_in(argument)
    elif isinstance(node, LazyOperator):
        for argument in node.args:
            yield from _calls_in(argument)


def _columns_in(node: Any) -> list[str]:
    """Columns that a call uses, in order; names of contrasts are none."""
    if isinstance(node, LazyVariable):
        return [] if node.name in ENCODINGS else [node.name]
    arguments = [*getattr(node, "args", ()), *getattr(node, "kwargs", {}).values()]
    return [column for argument in arguments for column in _columns_in(argument)]


def _columns(model: Any, data: list[Any], n_rows: int) -> Columns:
    terms: list[str] = []
    factors: list[str] = []
    for term in model.common_terms:
        if term.kind not in ("intercept", "offset"):
            if not term.labels:  # a category with one level has no contrasts
                raise InputError(f"{term.name} is constant in the {n_rows} rows used: leave it out")
            terms += term.labels
            factors += [term.name] * len(term.labels)
    x, offset = _stacked(model, data, n_rows)
    return Columns(x, tuple(terms), tuple(factors), offset)


def _stacked(model: Any, data: list[Any], n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The columns of all terms side by side, and the sum of the offsets."""
    offset = np.zeros(n_rows)
    blocks = [np.zeros((n_rows, 0))]
    for term, values in zip(model.common_terms, data, strict=True):
        if term.kind == "offset":
            offset = offset + np.asarray(values, dtype=float).ravel()
        elif term.kind != "intercept":
            blocks.append(np.asarray(values).reshape(n_rows, -1))
    return np.column_stack(blocks).astype(float), offset
