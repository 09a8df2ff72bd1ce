"""A panel with the region of every unit, from rows and a spec."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesgov.panel.cube import Panel, panel_from_frame
from bayesgov.panel.design import region_codes, with_logs
from bayesgov.panel.spec import DynamicPanelSpec


@dataclass(frozen=True, slots=True, eq=False)
class RegionalPanel:
    """A panel and its regions.

    Attributes
    ----------
    panel : Panel
        Logarithms taken where the spec asks for them.
    regions : tuple of str
        One region "all" where the spec names none.
    unit_region : ndarray of int, shape (n_units,)
        Codes into ``regions``.
    """

    panel: Panel
    regions: tuple[str, ...]
    unit_region: np.ndarray

    def parts(self) -> Iterator[tuple[str, Panel]]:
        """Every region with its part of the panel."""
        for code, region in enumerate(self.regions):
            yield region, select_units(self.panel, self.unit_region == code)


def regional_panel(frame: pd.DataFrame, spec: DynamicPanelSpec) -> RegionalPanel:
    """Rows of a long panel as a cube with regions.

    Raises
    ------
    InputError
        As :func:`bayesgov.panel.design.panel_design`.
    """
    panel = panel_from_frame(with_logs(frame, spec), spec.unit, spec.time, spec.variables)
    regions, unit_region = region_codes(frame, spec, panel.units)
    return RegionalPanel(panel, regions, unit_region)


def select_units(panel: Panel, chosen: np.ndarray) -> Panel:
    """The units of a mask of shape (n_units,)."""
    return Panel(
        units=tuple(unit for unit, keep in zip(panel.units, chosen, strict=True) if keep),
        times=panel.times,
        values={name: cube[chosen] for name, cube in panel.values.items()},
        present=panel.present[chosen],
    )
