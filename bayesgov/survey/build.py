"""The Design of a spec and data, and of new data under what the first Design learnt."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from bayesgov.data import Table, as_frame, categorical, code_text
from bayesgov.errors import InputError
from bayesgov.survey.aliasing import require_informative
from bayesgov.survey.codebook import sorted_values
from bayesgov.survey.design import Design, MissingColumn, MonotonicTerm, design_from_arrays
from bayesgov.survey.formula import LEVELS_OF, Columns, FittedFormula, Formula, apply_formula, fit_formula
from bayesgov.survey.prepare import (
    PreparedData,
    entries_of,
    predictors_of,
    prepare,
    recode,
    require_rows,
    required_losses,
    row_flow,
)
from bayesgov.survey.spec import CumulativeSpec, VariableSpec

NEW_GROUP = "(new)"


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """What turns new data into columns that mean the same as those of the fitted Design.

    Attributes
    ----------
    spec : CumulativeSpec
    formula : FittedFormula
    scale : FittedFormula or None
    entries : dict of str to VariableSpec
        The codebook with the kind and levels that the data settled.
    groups : tuple of str
        Of the random intercept.
    """

    spec: CumulativeSpec
    formula: FittedFormula
    scale: FittedFormula | None
    entries: dict[str, VariableSpec]
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class EncodedDesign:
    """A Design and the encoding that made it."""

    design: Design
    encoding: Encoding


def build_design(spec: CumulativeSpec, data: Any) -> Design:
    """The Design of a spec and data: :func:`prepare`, then :func:`encode`.

    Parameters
    ----------
    spec : CumulativeSpec
    data : pandas.DataFrame, Table or anything that speaks Arrow

    Raises
    ------
    InputError
        If formula, codebook and data do not fit one another, the outcome has fewer than three levels or one without
        rows, or a column of ``x`` is constant or a combination of others.
    """
    return encode(prepare(spec, data)).design


def encode(prepared: PreparedData, completed: pd.DataFrame | None = None) -> EncodedDesign:
    """The Design of prepared data.

    Parameters
    ----------
    prepared : PreparedData
    completed : pandas.DataFrame, optional
        ``prepared.used`` with its missing cells filled in: the same rows, columns and types.

    Raises
    ------
    InputError
        As in :func:`build_design`; and if a predictor still has missing cells that ``spec.missing`` does not model.
    """
    spec, formula = prepared.spec, prepared.formula
    used = prepared.used if completed is None else _checked_completion(prepared, completed)
    modelled = _modelled(prepared, used)
    entries = _settled_entries(prepared, used)
    fitted = fit_formula(formula, _mask(used, formula, entries))
    scale = fit_formula(prepared.scale, _mask(used, prepared.scale, entries)) if prepared.scale else None
    x = _with_missing_cells(fitted.columns, used, modelled)
    require_informative(x, fitted.columns.terms, [fitted.columns.factors.index(name) for name in modelled])
    if scale:
        require_informative(scale.columns.x, scale.columns.terms)
    groups = _codes(used[formula.group])[1] if formula.group else ()
    if formula.group and len(groups) < 2:
        raise InputError(f"a random intercept needs 2 or more groups; {formula.group} has {len(groups)}")
    encoding = Encoding(spec, fitted, scale, entries, groups)
    design = replace(
        _assembled(encoding, used, fitted.columns, scale.columns if scale else None),
        x=x,
        cluster=_codes(used[spec.cluster])[0] if spec.cluster else None,
        missing=tuple(_missing_column(name, used[name], fitted.columns) for name in modelled),
        flow=prepared.flow,
        row=prepared.row,
    )
    _require_levels(design)
    return EncodedDesign(design, replace(encoding, formula=fitted.without_rows(), scale=scale and scale.without_rows()))


def redesign(encoding: Encoding, data: Any) -> Design:
    """The Design of new data under the encoding of a fitted one, for prediction.

    The columns of outcome, weights, group and cluster may be absent. Rows with a missing predictor are lost, and
    ``flow`` says so; ``row`` gives each row's position in the data.

    Parameters
    ----------
    encoding : Encoding
    data : pandas.DataFrame, Table or anything that speaks Arrow

    Returns
    -------
    Design
        ``y`` is -1 where the outcome is not known. Groups that the fit has not seen come after the fitted ones in
        ``groups``, so that their codes are out of range of the fitted effects rather than somebody else's effect;
        without a group column every row belongs to one new group, :data:`NEW_GROUP`.

    Raises
    ------
    InputError
        If a column of a predictor or offset is absent, or holds a level that the fitted data did not.
    """
    spec, formula = encoding.spec, encoding.formula.formula
    predictors = predictors_of(formula, encoding.scale.formula if encoding.scale else None)
    table = as_frame(data)
    optional = [name for name in (formula.outcome, spec.weights, formula.group) if name in table]
    needed = [*optional, *predictors, *(name for name in (spec.offset, *formula.offsets) if name)]
    labels = data.value_labels if isinstance(data, Table) else {}
    frame = recode(table, needed, predictors, encoding.entries, labels).frame
    losses = required_losses(spec, formula, frame.drop(columns=formula.outcome, errors="ignore"))
    losses += [(f"{name} missing", frame[name].isna().to_numpy()) for name in predictors]
    kept, flow = row_flow(len(frame), losses)
    require_rows(flow)
    used = frame.loc[kept]
    columns = apply_formula(encoding.formula, _mask(used, formula, encoding.entries))
    scale = (
        apply_formula(encoding.scale, _mask(used, encoding.scale.formula, encoding.entries)) if encoding.scale else None
    )
    return replace(_assembled(encoding, used, columns, scale), flow=flow, row=np.flatnonzero(kept))


def _assembled(encoding: Encoding, used: pd.DataFrame, columns: Columns, scale: Columns | None) -> Design:
    """The Design of rows whose columns are computed; flow and positions are the caller's to add."""
    spec, formula, n_rows = encoding.spec, encoding.formula.formula, len(used)
    group, groups = _group_codes(used, formula.group, encoding.groups)
    y = used[formula.outcome].cat.codes.to_numpy() if formula.outcome in used else np.full(n_rows, -1)
    return design_from_arrays(
        y,
        columns.x,
        levels=encoding.entries[formula.outcome].levels,
        terms=columns.terms,
        factors=columns.factors,
        outcome=formula.outcome,
        weights=used[spec.weights].to_numpy(dtype=float) if spec.weights in used else None,
        offset=columns.offset + (used[spec.offset].to_numpy(dtype=float) if spec.offset else 0.0),
        nominal=_nominal_columns(spec, columns),
        scale_x=scale.x if scale else None,
        scale_terms=scale.terms if scale else (),
        group=group,
        groups=groups,
        group_name=formula.group,
        monotonic=[
            MonotonicTerm(columns.factors.index(f"mo({name})"), encoding.entries[name].levels)
            for name in formula.monotonic
        ],
    )


def _mask(used: pd.DataFrame, formula: Formula, entries: Mapping[str, VariableSpec]) -> pd.DataFrame:
    """The columns that a formula is evaluated on, as :func:`fit_formula` wants them."""
    columns: dict[str, pd.Series] = {}
    for name in (*formula.predictors, *formula.offsets):
        column = used[name].reset_index(drop=True)
        if not isinstance(column.dtype, pd.CategoricalDtype):
            columns[name] = column
            if name in formula.by_level and (column % 1 == 0).all():
                columns[LEVELS_OF + name] = column.astype(np.int64)  # so that C(year) names its levels 2019, not 2019.0
            continue
        levels = list(entries[name].levels)
        places = np.append([levels.index(level) if level in levels else -1 for level in column.cat.categories], -1)
        codes = places[column.cat.codes]
        by_level = categorical(codes, levels, ordered=True)
        columns[name] = pd.Series(np.where(codes < 0, np.nan, codes + 1.0)) if column.cat.ordered else by_level
        if name in formula.by_level:
            # formulae wants a row of every level that C() has; a monotonic effect has its steps all the same
            columns[LEVELS_OF + name] = (
                by_level if name in formula.monotonic else by_level.cat.remove_unused_categories()
            )
    return pd.DataFrame(columns, index=pd.RangeIndex(len(used)))


def _settled_entries(prepared: PreparedData, used: pd.DataFrame) -> dict[str, VariableSpec]:
    """The codebook with kinds and levels as the used rows have them; nominal levels without rows go, as in R."""
    entries = entries_of(prepared.spec, prepared.formula)
    for name in (prepared.formula.outcome, *prepared.kinds):
        column, entry = used[name], entries.get(name, VariableSpec())
        if not isinstance(column.dtype, pd.CategoricalDtype):
            entries[name] = entry.model_copy(update={"kind": "continuous"})
            continue
        levels = column.cat.categories if column.cat.ordered else column.cat.remove_unused_categories().cat.categories
        if len(levels) < 2 and name in prepared.kinds:
            raise InputError(f"{name} is constant in the {len(used)} rows used: leave it out")
        if not column.cat.ordered and entry.levels and levels[0] != entry.levels[0]:
            raise InputError(
                f"the reference level {entry.levels[0]!r} of {name} has no rows among the {len(used)} used; "
                "put another level first"
            )
        kind = "ordinal" if column.cat.ordered else "nominal"
        entries[name] = entry.model_copy(update={"kind": kind, "levels": tuple(levels)})
    return entries


def _require_levels(design: Design) -> None:
    if design.n_categories < 3:
        raise InputError(
            f"an ordinal regression needs an outcome of 3 or more levels; {design.outcome} has {design.n_categories} "
            f"({', '.join(design.levels)}): use a binary regression"
        )
    rows = np.bincount(design.y, minlength=design.n_categories)
    empty = [level for level, count in zip(design.levels, rows, strict=True) if count == 0]
    if empty:
        raise InputError(
            f"no row among the {design.n_obs} used has {design.outcome} = {', '.join(empty)}: merge it with a "
            "neighbouring level through values, or leave it out of levels"
        )


def _modelled(prepared: PreparedData, used: pd.DataFrame) -> tuple[str, ...]:
    """Predictors with missing cells; InputError unless the spec asks to model them."""
    incomplete = tuple(name for name in prepared.kinds if used[name].isna().any())
    if incomplete and prepared.spec.missing != "model":
        cells = ", ".join(f"{name} ({int(used[name].isna().sum())})" for name in incomplete)
        raise InputError(f"predictors with missing cells: {cells}; impute them before building the Design")
    return incomplete


def _missing_column(name: str, column: pd.Series, columns: Columns) -> MissingColumn:
    position = columns.factors.index(name)
    kind: Literal["continuous", "binary", "ordinal"] = "continuous"
    support: tuple[float, ...] = ()
    if isinstance(column.dtype, pd.CategoricalDtype) and column.cat.ordered:
        kind, support = "ordinal", tuple(np.arange(1.0, len(column.cat.categories) + 1).tolist())
    elif column.nunique() == 2:
        kind = "binary"
        support = tuple(np.unique(columns.x[column.notna().to_numpy(), position]).tolist())
    return MissingColumn(position, np.flatnonzero(column.isna().to_numpy()), kind, support)


def _with_missing_cells(columns: Columns, used: pd.DataFrame, modelled: tuple[str, ...]) -> np.ndarray:
    """``columns.x`` with NaN in missing cells; formulae gives a missing category the contrasts of the last level."""
    x = columns.x
    for name in modelled:
        x[used[name].isna().to_numpy(), columns.factors.index(name)] = np.nan
    return x


def _nominal_columns(spec: CumulativeSpec, columns: Columns) -> list[int]:
    """Columns of x that the spec lets differ between thresholds: named by factor or by term."""
    found: set[int] = set()
    for name in spec.nominal:
        hits = [j for j in range(len(columns.terms)) if name in (columns.factors[j], columns.terms[j])]
        if not hits or name.startswith("mo("):
            known = [factor for factor in dict.fromkeys(columns.factors) if not factor.startswith("mo(")]
            near = difflib.get_close_matches(name, known, n=3) or known
            raise InputError(
                f"nominal should name terms of the formula without mo(); got {name!r}; there is {', '.join(near)}"
            )
        found.update(hits)
    return sorted(found)


def _group_codes(used: pd.DataFrame, name: str, fitted: tuple[str, ...]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Codes into the fitted groups, with groups that the fit has not seen after them."""
    if not name:
        return None, ()
    if name not in used:
        return np.full(len(used), len(fitted)), (*fitted, NEW_GROUP)
    codes, names = _codes(used[name])
    groups = (*fitted, *(group for group in names if group not in set(fitted)))
    position = {group: place for place, group in enumerate(groups)}
    return np.array([position[group] for group in names])[codes], groups


def _codes(column: pd.Series) -> tuple[np.ndarray, tuple[str, ...]]:
    """Codes of a column without missing values, and what they stand for: in the order of categories or of values."""
    codes, uniques = pd.factorize(column)
    texts = [code_text(value) for value in uniques]
    if isinstance(column.dtype, pd.CategoricalDtype):
        names = [text for value in column.cat.categories if (text := code_text(value)) in set(texts)]
    else:
        names = [str(value) for value in sorted_values(set(texts))]
    position = {name: place for place, name in enumerate(names)}
    return np.array([position[text] for text in texts])[codes], tuple(names)


def _checked_completion(prepared: PreparedData, completed: pd.DataFrame) -> pd.DataFrame:
    used = prepared.used
    if len(completed) != len(used) or not completed.dtypes.equals(used.dtypes):
        raise InputError("a completed frame should have the rows, columns and types of the prepared one")
    return completed
