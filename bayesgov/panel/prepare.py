"""From rows to a panel that can be modelled: missing cells filled, indices computed, the cube and its Design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesgov.errors import InputError
from bayesgov.panel.composite import Composite
from bayesgov.panel.design import PanelDesign, design_from_panel
from bayesgov.panel.indices import RURAL, URBAN, Indices, compute_indices
from bayesgov.panel.interpolation import Interpolation, interpolate
from bayesgov.panel.regional import RegionalPanel, regional_panel
from bayesgov.panel.spec import INDEX_COLUMNS, DynamicPanelSpec


@dataclass(frozen=True, slots=True, eq=False)
class PreparedPanel:
    """A panel ready for both schools.

    Attributes
    ----------
    frame : pandas.DataFrame
        The rows with missing cells filled and with the indices that the spec's equation uses.
    panel : RegionalPanel
        Logarithms taken.
    design : PanelDesign
    interpolation : Interpolation or None
        None where the spec asks for none.
    indices : Indices or None
    """

    frame: pd.DataFrame
    panel: RegionalPanel
    design: PanelDesign
    interpolation: Interpolation | None = None
    indices: Indices | None = None


def prepare_panel(frame: pd.DataFrame, spec: DynamicPanelSpec) -> PreparedPanel:
    """Fill missing cells, compute indices, put the rows on their grid; what the spec does not ask for is left out.

    Parameters
    ----------
    frame : DataFrame
        One row for each unit and period.
    spec : DynamicPanelSpec

    Raises
    ------
    InputError
        If a column is missing or holds text, a unit has two rows of one period or two regions, an index cannot be
        computed or would replace a column of the data, or no row is left.
    """
    absent = [name for name in INDEX_COLUMNS if name in spec.variables and name not in frame]
    if spec.indices is None and absent:
        raise InputError(
            f"the data have no column {absent[0]!r}, which is the name of an index: add indices to the spec"
        )
    filled = _interpolated(frame, spec)
    rows = frame if filled is None else filled.frame
    made = None if spec.indices is None else compute_indices(rows, spec.indices)
    if made is not None:
        rows = _with_indices(rows, made, spec)
    panel = regional_panel(rows, spec)
    design = design_from_panel(panel.panel, panel.regions, panel.unit_region, spec)
    return PreparedPanel(rows, panel, design, filled, made)


def _interpolated(frame: pd.DataFrame, spec: DynamicPanelSpec) -> Interpolation | None:
    if spec.interpolate is None:
        return None
    columns = spec.interpolate.columns or _columns_to_fill(spec)
    return interpolate(frame, spec.unit, spec.time, columns, ends=spec.interpolate.ends, limit=spec.interpolate.limit)


def _columns_to_fill(spec: DynamicPanelSpec) -> tuple[str, ...]:
    """The indicators behind the indices, or the equation's variables."""
    if spec.indices is None:
        return spec.variables
    return tuple(f"{name}_{area}" for name in spec.indices.indicators for area in (URBAN, RURAL))


def _with_indices(rows: pd.DataFrame, made: Indices, spec: DynamicPanelSpec) -> pd.DataFrame:
    used = [name for name in spec.variables if name in INDEX_COLUMNS]
    taken = [name for name in used if name in rows]
    if taken:
        raise InputError(
            f"the data have a column {taken[0]!r}, which the index of that name would replace: rename the column, or "
            "take indices out of the spec"
        )
    return rows.assign(**{name: made.frame[name] for name in used})


def panel_tables(prepared: PreparedPanel) -> dict[str, pd.DataFrame]:
    """How rows became a panel: "flow", "panel", "interpolation", "index_components", "index_weights".

    Tables that do not apply are absent.
    """
    flow = [(step.reason, step.lost, step.left, step.units_left) for step in prepared.design.flow]
    tables = {
        "flow": pd.DataFrame(flow, columns=["reason", "lost", "left", "units_left"]),
        "panel": _panel_table(prepared.panel),
    }
    if prepared.interpolation is not None:
        tables["interpolation"] = prepared.interpolation.account
    if prepared.indices is not None:
        tables["index_components"] = _components(prepared.indices.composites)
        tables["index_weights"] = prepared.indices.loadings()[["index", "indicator", "weight"]]
    return tables


def _panel_table(data: RegionalPanel) -> pd.DataFrame:
    """Units, periods, rows and gaps of every region, and of all of them in the row "all"."""
    parts = dict(data.parts())
    if len(parts) > 1:
        parts["all"] = data.panel
    rows = []
    for region, part in parts.items():
        present = part.present
        periods = np.flatnonzero(present.any(axis=0))
        first, last = present.argmax(axis=1), present.shape[1] - 1 - present[:, ::-1].argmax(axis=1)
        rows.append(
            {
                "region": region,
                "units": len(part.units),
                "periods_first": part.times[periods[0]],
                "periods_last": part.times[periods[-1]],
                "rows": int(present.sum()),
                "balanced_units": int(present.all(axis=1).sum()),
                "units_with_gaps": int((present.sum(axis=1) < last - first + 1).sum()),
            }
        )
    return pd.DataFrame(rows)


def _components(composites: Mapping[str, Composite]) -> pd.DataFrame:
    """Eigenvalues of every index with the sampling adequacy of its indicators."""
    return pd.DataFrame(
        [
            {
                "index": name,
                "component": number,
                "eigenvalue": value,
                "share": value / found.eigenvalues.sum(),
                "kept": number <= found.weights.size,
                "kmo": found.kmo,
                "bartlett": found.bartlett,
                "bartlett_df": found.bartlett_df,
                "bartlett_p": found.bartlett_p,
            }
            for name, found in composites.items()
            for number, value in enumerate(found.eigenvalues, start=1)
        ]
    )
