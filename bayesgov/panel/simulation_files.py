"""A simulated panel as files: its rows, the truth, and what it all is."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from bayesgov import __version__
from bayesgov.panel.simulate import AREAS, INDICATORS, PanelSimulation, SimulatedPanel, simulate_panel
from bayesgov.study import Study, load_study
from bayesgov.text_files import write_texts

PANEL, COMPLETE, LATENT, TRUTH, README = "panel.csv", "complete.csv", "latent.csv", "truth.json", "README.md"

_README = """# Simulated panel of cities (not data of any city)

{n_cities} cities in {n_regions} regions, {options.first_year} to {options.last_year}, made by bayesgov {version} (seed
{options.seed}) at the design of
{source}.
That study published no rows; its sizes were matched, the rest is assumed and said below.

| file | what it holds |
|---|---|
| {PANEL} | by city and year `<indicator>_urban`, `<indicator>_rural` (cells missing), `digital`, `industry`, `gdp` |
| {COMPLETE} | the same before any cell was lost |
| {LATENT} | in place of the indicators the levels that they follow: `services`, `differentiation` |
| {TRUTH} | coefficients by region, city and year effects, every option |

{n_missing:,} of {n_cells:,} indicator cells are missing. `bayesgov fit models/panel/digital.toml --data {PANEL}` fills
them, computes the indices of `models/panel/indices.toml` and fits the equation of the level; `equalisation.toml` that
of the differentiation.

## Assumed

- services(t) = alpha services(t-1) + b0 digital(t) + b1 digital(t-1) + controls + city + year + error, with
{coefficients}
- differentiation follows the same equation with the same alpha, {options.gap_beta[0]:g} and {options.gap_beta[1]:g} for
  digital and its lag, and a long-run mean of {options.gap_mean:g} at average digital government.
- Controls: industry {options.controls[0]:g} and lagged {options.controls[1]:g}, gdp {options.controls[2]:g} and lagged
  {options.controls[3]:g}. All three predictors are autoregressions around a city's mean and a common trend, in units
  of the standard deviation of these means; they stand for indices, not for yuan or shares.
- City effects have standard deviation {options.unit_sd:g} and correlation {options.selection:g} with the cities' mean
  digital government; year effects {options.year_sd:g}, errors {options.error_sd:g}. Last year's level moves digital
  government by {options.feedback:g}.
- The coefficients are for the latent levels. Composites of the indicators measure these on another scale and with
  error, of which {options.yearly_noise:.0%} is new every year: estimates from {PANEL} are attenuated, those from
  {LATENT} are not.
"""


def run(options: PanelSimulation, folder: Path, study: str | Path = "panel") -> tuple[Path, ...]:
    """Simulate a panel at a study's design and write it; returns the files.

    Raises
    ------
    InputError
        If an option cannot be met, the study cannot be read, or the folder cannot be written.
    """
    found = load_study(study)
    return write_simulation(simulate_panel(options), folder, found)


def write_simulation(simulation: SimulatedPanel, folder: Path, study: Study) -> tuple[Path, ...]:
    """Write the files; the same seed gives the same bytes.

    Parameters
    ----------
    simulation : SimulatedPanel
    folder : Path
        Made if it does not exist; files of these names in it are replaced.
    study : Study
        At whose design the rows were simulated.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    texts = {
        PANEL: _csv(simulation.frame),
        COMPLETE: _csv(simulation.complete),
        LATENT: _csv(simulation.latent),
        TRUTH: json.dumps(truth_record(simulation), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        README: _readme(simulation, study),
    }
    return write_texts(folder, texts)


def _csv(frame: pd.DataFrame) -> str:
    return frame.to_csv(index=False, lineterminator="\n")


def truth_record(simulation: SimulatedPanel) -> dict[str, Any]:
    """Everything that made the rows, as plain numbers and words for JSON."""
    options, truth = simulation.options, simulation.truth
    cities = simulation.frame["city"].unique().tolist()
    years = [str(year) for year in options.years]
    mappings = {name: dict(getattr(options, name)) for name in ("cities", "alpha", "beta")}
    plain = {name: getattr(options, name) for name in options.__dataclass_fields__ if name not in mappings}
    return {
        "bayesgov": __version__,
        "options": plain | mappings,
        "long_run_effect_of_digital": {
            region: sum(options.beta[region]) / (1 - options.alpha[region]) for region in options.cities
        },
        "city_effect": dict(zip(cities, truth.unit_effect.tolist(), strict=True)),
        "city_effect_of_differentiation": dict(zip(cities, truth.gap_unit_effect.tolist(), strict=True)),
        "year_effect": dict(zip(years, truth.year_effect.tolist(), strict=True)),
        "year_effect_of_differentiation": dict(zip(years, truth.gap_year_effect.tolist(), strict=True)),
        "level_mean": truth.level_mean,
        "level_sd": truth.level_sd,
        "indicators": {name: asdict(indicator) for name, indicator in INDICATORS.items()},
    }


def _readme(simulation: SimulatedPanel, study: Study) -> str:
    options = simulation.options
    cells = simulation.frame[[f"{name}_{area}" for name in INDICATORS for area in AREAS]]
    coefficients = [
        f"  - {region}: alpha {options.alpha[region]:g}, b0 {options.beta[region][0]:g}, b1 {options.beta[region][1]:g}"
        for region in options.cities
    ]
    return _README.format(
        options=options,
        version=__version__,
        source=_source(study),
        n_cities=sum(options.cities.values()),
        n_regions=len(options.cities),
        n_missing=int(cells.isna().to_numpy().sum()),
        n_cells=cells.size,
        coefficients="\n".join(coefficients),
        PANEL=PANEL,
        COMPLETE=COMPLETE,
        LATENT=LATENT,
        TRUTH=TRUTH,
    )


def _source(study: Study) -> str:
    citation = study.citation
    year = f" ({citation.year})" if citation.year else ""
    doi = f", doi:{citation.doi}" if citation.doi else ""
    return f"{' and '.join(citation.authors)}{year}, {citation.title}{doi}"
