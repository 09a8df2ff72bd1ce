"""A specification curve: one question under every combination of defensible choices of analysis.

Steegen et al. 2016, doi:10.1177/1745691616658637; Simonsohn, Simmons & Nelson 2020, doi:10.1038/s41562-020-0912-z.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pydantic import BaseModel, ValidationError

from bayesgov.errors import InputError
from bayesgov.fits import Approach
from bayesgov.fitting import fit
from bayesgov.panel.spec import DynamicPanelSpec
from bayesgov.survey.spec import CumulativeSpec

type Spec = CumulativeSpec | DynamicPanelSpec
type Choices = Mapping[str, Sequence[Any]]

_ESTIMATES = ("estimate", "std_error", "lower", "upper", "interval")
_TESTS = {"frequentist": "p_value", "bayesian": "probability_positive"}


@dataclass(frozen=True, slots=True, eq=False)
class Multiverse:
    """Estimates of the same terms under every combination of choices.

    Attributes
    ----------
    approach : {"bayesian", "frequentist"}
    fields : tuple of str
        Dotted fields of the spec that were varied.
    estimates : pandas.DataFrame
        One row for each combination and term: ``universe``, the fields, ``term``, ``estimate``, ``std_error``,
        ``lower``, ``upper``, ``interval``, and ``p_value`` or ``probability_positive``.
    universes : pandas.DataFrame
        One row for each combination: ``universe`` (1, 2, ...), the fields, ``status`` ("fitted", "doubtful" where a
        check of the fit failed, "invalid" where spec and data refuse the combination, "failed" where fitting broke
        off) and ``reason``.
    """

    approach: Approach
    fields: tuple[str, ...]
    estimates: pd.DataFrame
    universes: pd.DataFrame

    def summary(self) -> pd.DataFrame:
        """How far each term depends on the choices.

        Columns ``term``, ``universes``, ``median``, ``lowest`` and ``highest`` of the estimates, ``share_positive`` and
        ``share_excluding_zero``, of the intervals. Doubtful fits are among them.
        """
        return _summarised(self.estimates, ["term"])

    def by_choice(self) -> pd.DataFrame:
        """The same for every value of every field over all values of the others; ``field`` and ``choice`` first."""
        parts = []
        for field in self.fields:
            found = _summarised(self.estimates, [field, "term"]).rename(columns={field: "choice"})
            found.insert(0, "field", field)
            parts.append(found)
        return pd.concat(parts, ignore_index=True)


def multiverse(
    spec: Spec,
    data: Any,
    choices: Choices,
    approach: Approach = "bayesian",
    *,
    terms: Sequence[str] | None = None,
    level: float = 0.95,
    seed: int | None = None,
    progress: Callable[[str], None] = lambda _message: None,
) -> Multiverse:
    """Fit every combination of choices.

    Parameters
    ----------
    spec : CumulativeSpec or DynamicPanelSpec
        What the fields that are not varied are.
    data : pandas.DataFrame, bayesgov.data.Table or anything that speaks Arrow
    choices : mapping of str to sequence
        Values by dotted field: ``{"prior.kind": ["normal", "horseshoe"], "link": ["logit", "probit"]}``. Links put
        effects on different scales: compare signs and intervals across them, not sizes.
    approach : {"bayesian", "frequentist"}
        A field that the approach does not read, such as the prior of an estimator, changes nothing.
    terms : sequence of str, optional
        As in ``Fit.estimates``, such as ``beta[temp[warm]]``; by default every term whose name starts with ``beta`` or
        ``alpha``.
    level : float
        Of the intervals.
    seed : int, optional
        Of every fit; by default the specs'.
    progress : callable

    Returns
    -------
    Multiverse

    Raises
    ------
    InputError
        If a field is not of the spec or has no values, no combination can be fitted, or none has a term asked for.
    """
    for name, values in choices.items():
        _require_field(spec, name)
        if isinstance(values, str) or not isinstance(values, Collection) or not len(values):
            raise InputError(f"choices: {name} needs one value or more in a list; got {values!r}")
    if not choices:
        raise InputError("choices needs a field to vary, such as {'link': ['logit', 'probit']}")
    combinations = list(itertools.product(*choices.values()))
    estimates, universes = [], []
    for number, values in enumerate(combinations, start=1):
        progress(f"specification {number} of {len(combinations)}")
        chosen = dict(zip(choices, values, strict=True))
        shown = {"universe": number} | {name: _plain(value) for name, value in chosen.items()}
        frame, status, reason = _try(spec, data, chosen, approach, level, seed)
        universes.append(shown | {"status": status, "reason": reason})
        if frame is not None:
            kept = frame[_wanted(frame["term"], terms)]
            for position, (name, value) in enumerate(shown.items()):
                kept.insert(position, name, value)
            estimates.append(kept)
    if not estimates:
        raise InputError(f"no combination of the choices can be fitted; the first: {universes[0]['reason']}")
    every = pd.concat(estimates, ignore_index=True)
    if every.empty:
        raise InputError(f"no fit has a term {terms[0] if terms else 'beta[...]'!r}: name terms as estimates() does")
    columns = ["universe", *choices, "term", *_ESTIMATES, _TESTS[approach]]
    return Multiverse(approach, tuple(choices), every[columns], pd.DataFrame(universes))


def _try(
    spec: Spec, data: Any, chosen: Mapping[str, Any], approach: Approach, level: float, seed: int | None
) -> tuple[pd.DataFrame | None, str, str]:
    """Estimates with the state of the fit, and why there are none."""
    try:
        found = fit(with_fields(spec, chosen), data, approach, seed=seed)
    except InputError as error:
        return None, "invalid", str(error)
    except Exception as error:  # one combination that breaks does not end the others
        return None, "failed", f"{type(error).__name__}: {error}"
    wrong = [f"{check.name}: {check.advice}" for check in found.checks() if check.status == "fail"]
    return found.estimates(level), "doubtful" if wrong else "fitted", "; ".join(wrong)


def with_fields[Model: BaseModel](spec: Model, changes: Mapping[str, Any]) -> Model:
    """The spec with some fields replaced, by their dotted names, and validated again.

    Raises
    ------
    InputError
        If the fields do not go together.
    """
    values = spec.model_dump()
    for name, value in changes.items():
        *outer, last = name.split(".")
        place = values
        for part in outer:
            place[part] = dict(place[part] or {})
            place = place[part]
        place[last] = value
    try:
        return type(spec).model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"{where + ': ' if where else ''}{first['msg'].removeprefix('Value error, ')}") from None


def _require_field(spec: BaseModel, name: str) -> None:
    """InputError for a dotted name that no field of the spec has."""
    place: Any = spec.model_dump()
    for depth, part in enumerate(name.split(".")):
        known = sorted(place) if isinstance(place, dict) else []
        if part not in known:
            above = f"{'.'.join(name.split('.')[:depth])} has" if depth else "the spec has"
            raise InputError(f"choices: no field {name!r}; {above}: {', '.join(known) or 'no fields'}")
        place = place[part]


def _wanted(terms: pd.Series, chosen: Sequence[str] | None) -> pd.Series:
    return terms.str.startswith(("beta", "alpha")) if chosen is None else terms.isin(list(chosen))


def _plain(value: Any) -> Any:
    """A value as a cell of a table: lists and the like as text."""
    return value if isinstance(value, str | int | float | bool) else str(value)


def _summarised(estimates: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    excluded = (estimates["lower"] > 0) | (estimates["upper"] < 0)
    marked = estimates.assign(positive=estimates["estimate"] > 0, excluded=excluded)
    found = marked.groupby(by, sort=False, dropna=False).agg(
        universes=("universe", "nunique"),
        median=("estimate", "median"),
        lowest=("estimate", "min"),
        highest=("estimate", "max"),
        share_positive=("positive", "mean"),
        share_excluding_zero=("excluded", "mean"),
    )
    return found.reset_index()
