"""From data to the rows that a model uses: columns checked, codebook applied, every lost row accounted for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from pandas.api import types

from bayesgov.data import Table, as_frame
from bayesgov.errors import InputError
from bayesgov.survey.codebook import CodedData, MissingCode, apply_codebook, require_columns
from bayesgov.survey.design import RowStep
from bayesgov.survey.formula import Formula, parse_formula, parse_scale_formula
from bayesgov.survey.spec import CumulativeSpec, VariableSpec

Kind = Literal["continuous", "binary", "ordinal", "nominal"]


@dataclass(frozen=True, slots=True, eq=False)
class PreparedData:
    """The columns that a spec needs, recoded, and which rows enter.

    Attributes
    ----------
    spec : CumulativeSpec
    formula : Formula
    scale : Formula or None
    frame : pandas.DataFrame
        Every row of the data. Ordinal variables (the outcome among them) are ordered categories, nominal ones
        unordered categories with the reference first, numbers floats; what means missing is NaN.
    kinds : dict of str to {"continuous", "binary", "ordinal", "nominal"}
        Of every predictor of the formula and of the scale model, in their order. "binary" is a category or a number
        with two distinct values.
    kept : ndarray of bool, shape (n_rows,)
        Rows that enter the Design under ``spec.missing``.
    complete : ndarray of bool, shape (n_rows,)
        Rows that listwise deletion would keep.
    flow : tuple of RowStep
    missing_codes : tuple of MissingCode
        How often each code for missing occurs: the codebook's, then those that an SPSS or Stata file declares.
    """

    spec: CumulativeSpec
    formula: Formula
    scale: Formula | None
    frame: pd.DataFrame
    kinds: dict[str, Kind]
    kept: np.ndarray
    complete: np.ndarray
    flow: tuple[RowStep, ...]
    missing_codes: tuple[MissingCode, ...]

    @property
    def used(self) -> pd.DataFrame:
        """The rows that enter; predictors have NaN only where ``spec.missing`` is not "listwise"."""
        return self.frame.loc[self.kept]

    @property
    def row(self) -> np.ndarray:
        """Position of each used row in the data."""
        return np.flatnonzero(self.kept)


def prepare(spec: CumulativeSpec, data: Any) -> PreparedData:
    """Read a spec's formula, apply its codebook and decide which rows enter.

    Rows are lost in this order: outcome missing, weight missing, weight zero, group, cluster and offset missing;
    then, under listwise deletion, each predictor missing, in the order of the formula and of the scale model.

    Parameters
    ----------
    spec : CumulativeSpec
    data : pandas.DataFrame, Table or anything that speaks Arrow

    Raises
    ------
    InputError
        If the formula, the codebook and the data do not fit one another, or no row is left.
    """
    formula = parse_formula(spec.formula)
    scale = parse_scale_formula(spec.scale) if spec.scale else None
    predictors = predictors_of(formula, scale)
    table = as_frame(data)
    require_columns(spec.variables, table, "the codebook")
    others = [name for name in (spec.weights, formula.group, spec.cluster, spec.offset, *formula.offsets) if name]
    labels = data.value_labels if isinstance(data, Table) else {}
    coded = recode(table, [formula.outcome, *predictors, *others], predictors, entries_of(spec, formula), labels)
    frame = coded.frame
    _require_values(frame, predictors)
    losses = required_losses(spec, formula, frame)
    possible = [(f"{name} missing", frame[name].isna().to_numpy()) for name in predictors]
    complete, listwise = row_flow(len(frame), [*losses, *possible])
    kept, flow = (complete, listwise) if spec.missing == "listwise" else row_flow(len(frame), losses)
    require_rows(flow)
    kinds = {name: _kind(frame[name]) for name in predictors}
    codes = _with_file_codes(coded.missing, data, frame) if isinstance(data, Table) else coded.missing
    prepared = PreparedData(spec, formula, scale, frame, kinds, kept, complete, flow, codes)
    if spec.missing == "model":
        _require_modelled(prepared)
    return prepared


def predictors_of(formula: Formula, scale: Formula | None) -> tuple[str, ...]:
    """Columns of the predictors: those of the formula, then those of the scale model alone."""
    return tuple(dict.fromkeys([*formula.predictors, *(scale.predictors if scale else ())]))


def entries_of(spec: CumulativeSpec, formula: Formula) -> dict[str, VariableSpec]:
    """The codebook, with the kinds that a variable's place in the model settles."""
    settled: dict[str, dict[str, object]] = {
        name: {"kind": "ordinal"} for name in (formula.outcome, *formula.monotonic)
    }
    if spec.levels:
        settled[formula.outcome]["levels"] = spec.levels
    for name in filter(None, (spec.weights, spec.offset, *formula.offsets)):
        if name in settled:
            raise InputError(f"{name} cannot be weight or offset and, at the same time, the outcome or inside mo()")
        settled[name] = {"kind": "continuous"}
    changed = {
        name: spec.variables.get(name, VariableSpec()).model_copy(update=change) for name, change in settled.items()
    }
    return {**spec.variables, **changed}


def recode(
    table: pd.DataFrame,
    needed: Iterable[str],
    predictors: Iterable[str],
    entries: Mapping[str, VariableSpec],
    value_labels: Mapping[str, Mapping[str, str]],
) -> CodedData:
    """The needed columns with the codebook applied: predictors are then floats or categories.

    Raises
    ------
    InputError
        For a column that is not there, values outside a variable's levels, or an infinite number.
    """
    names = list(dict.fromkeys(needed))
    require_columns(names, table, "the model")
    listed = {name: entries[name] for name in names if name in entries}
    coded = apply_codebook(table[names], listed, value_labels)
    numeric = [name for name in predictors if types.is_numeric_dtype(coded.frame[name])]
    words = [name for name in predictors if name not in numeric and listed.get(name, VariableSpec()).kind != "ordinal"]
    frame = apply_codebook(coded.frame, {name: VariableSpec(kind="nominal") for name in words}).frame
    frame = frame.assign(**{name: frame[name].astype(float) for name in numeric})
    for name in frame.columns[[types.is_float_dtype(kind) for kind in frame.dtypes]]:
        if np.isinf(frame[name].to_numpy(dtype=float, na_value=np.nan)).any():
            raise InputError(f"variable {name} holds an infinite value; correct it or declare it missing")
    return CodedData(frame, coded.missing)


def required_losses(spec: CumulativeSpec, formula: Formula, frame: pd.DataFrame) -> list[tuple[str, np.ndarray]]:
    """Reasons, other than predictors, to lose a row, and the rows that each concerns; columns may be absent."""
    roles = {
        "outcome": formula.outcome,
        "weight": spec.weights,
        "group": formula.group,
        "cluster": spec.cluster,
        "offset": spec.offset,
    }
    losses = []
    for role, name in [*roles.items(), *(("offset", name) for name in formula.offsets)]:
        if name and name in frame:
            called = name if name == role else f"{role} {name}"
            losses.append((f"{called} missing", frame[name].isna().to_numpy()))
            if role == "weight":
                weights = frame[name].to_numpy(dtype=float)
                if np.any(weights < 0):
                    raise InputError(f"weights should not be negative; {int(np.sum(weights < 0))} rows of {name} are")
                losses.append((f"{called} zero", weights == 0))
    return losses


def row_flow(n_rows: int, losses: Iterable[tuple[str, np.ndarray]]) -> tuple[np.ndarray, tuple[RowStep, ...]]:
    """The rows that survive every reason, and the account of it: one step for each reason that costs a row."""
    kept = np.ones(n_rows, dtype=bool)
    steps = [RowStep("rows in the data", 0, n_rows)]
    for reason, rows in losses:
        lost = int(np.sum(kept & rows))
        kept &= ~rows
        if lost:
            steps.append(RowStep(reason, lost, int(kept.sum())))
    return kept, tuple(steps)


def require_rows(flow: tuple[RowStep, ...]) -> None:
    """InputError, with the account of where they went, if no row is left."""
    if flow[-1].left == 0:
        account = "; ".join(f"{step.reason}: {step.lost}" for step in flow[1:])
        raise InputError(f"none of the {flow[0].left} rows can be used ({account})")


def _with_file_codes(counts: tuple[MissingCode, ...], table: Table, frame: pd.DataFrame) -> tuple[MissingCode, ...]:
    """The codebook's counts of missing codes with those that the file itself declares missing."""
    found = {(count.variable, count.code): count.rows for count in counts}
    for name, rows_by_code in table.missing.items():
        for code, rows in rows_by_code.items() if name in frame else ():
            label = table.value_labels.get(name, {}).get(code, code)
            key = next((key for key in ((name, code), (name, label)) if key in found), (name, label))
            found[key] = found.get(key, 0) + rows
    return tuple(MissingCode(variable, code, rows) for (variable, code), rows in found.items())


def _kind(column: pd.Series) -> Kind:
    if isinstance(column.dtype, pd.CategoricalDtype):
        if column.cat.ordered:
            return "ordinal"
        return "binary" if column.nunique() == 2 else "nominal"
    return "binary" if column.nunique() == 2 else "continuous"


def _require_values(frame: pd.DataFrame, predictors: Iterable[str]) -> None:
    for name in predictors:
        if frame[name].isna().all():
            raise InputError(f"predictor {name} has no values at all: leave it out, or correct its codes for missing")


def _require_modelled(prepared: PreparedData) -> None:
    """InputError where a missing cell would not be one number in one column."""
    used, formula = prepared.used, prepared.formula
    scale = prepared.scale.predictors if prepared.scale else ()
    for name, kind in prepared.kinds.items():
        if not used[name].isna().any():
            continue
        why = (
            "stands in the scale model"
            if name in scale
            else "is wrapped in a function or enters an interaction"
            if name not in formula.single
            else "is a category of more than two levels"
            if kind == "nominal"
            else ""
        )
        if why:
            raise InputError(f"missing cells of {name} cannot be modelled because it {why}; use missing = 'impute'")
