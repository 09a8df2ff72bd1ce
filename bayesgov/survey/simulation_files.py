"""A simulated survey as files: the questionnaires, the same before non-response, the truth, and what it all is."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from bayesgov import __version__
from bayesgov.study import Study, load_study
from bayesgov.survey.simulate import DONT_KNOW, REFUSED, Distance, SimulatedSurvey, SurveyDesign, simulate_survey
from bayesgov.text_files import write_texts

ROWS, ANSWERS, TRUTH, README = "survey.csv", "answers.csv", "truth.json", "README.md"

_README = f"""# Simulated questionnaires (not data of any survey)

{{options.n_questionnaires:,}} questionnaires from {{options.villages}} villages, {{options.complete:,}} of them
complete, made by bayesgov {{version}} (seed {{options.seed}}) at the design of
{{source}}.
That study published no rows; what it printed was matched, the rest is assumed and said below.

| file | what it holds |
|---|---|
| {ROWS} | one row a questionnaire, {DONT_KNOW} = "don't know", {REFUSED} = "refused" |
| {ANSWERS} | the same before any answer was lost |
| {TRUTH} | coefficients, thresholds, village effects, latent correlations, non-response, every option |

Columns: `respondent`; `village`; `outcome`, from the lowest level ({{scale}});
`item_<id>`, options 1 to {{n_options}} in the study's order (labels in {TRUTH}).

## How near to the print

{{fidelity}}
{{notes}}
## Assumed

- Items are ordinal, their joint distribution a Gaussian copula; the printed correlations are taken as Pearson's of the
  logarithms of the scores, as the paper says. The items without any ({{uncorrelated}}) get the mean of the others'.
- The outcome is a cumulative logit of the items' scores, with effects of items {{present}}, and of
  villages (standard deviation {{options.village_sd:g}}, centred). Levels twice as many as the grades split each in two.
- Villages differ in size: log-normal weights, standard deviation {{options.village_size_spread:g}} of the logarithm.
- {{loss.random_share:.0%}} of the incomplete questionnaires are so by chance, {{loss.outcome_share:.0%}} lack the
  outcome, the rest lack items only. Log odds of loss, but for the first kind, change by {{loss.item_effect:+g}} for one
  option of the first item, which is never missing, and have standard deviation {{loss.village_sd:g}} between villages;
  where only items are lost, they also change by {{loss.outcome_effect:+g}} for one standard deviation of the outcome.
- Later items are skipped more often. A complete questionnaire lacks none of the {{n_items}} items.
"""


def run(options: SurveyDesign, folder: Path, study: str | Path = "survey") -> tuple[Path, ...]:
    """Simulate a study's survey and write it; returns the files.

    Raises
    ------
    InputError
        If an option cannot be met, the study lacks a table, or the folder cannot be written.
    """
    found = load_study(study)
    return write_simulation(simulate_survey(found, options), folder, found)


def write_simulation(simulation: SimulatedSurvey, folder: Path, study: Study) -> tuple[Path, ...]:
    """Write ``survey.csv``, ``answers.csv``, ``truth.json`` and ``README.md``; the same seed gives the same bytes.

    Parameters
    ----------
    simulation : SimulatedSurvey
    folder : Path
        Made if it does not exist; files of these names in it are replaced.
    study : Study
        The study at whose design the rows were simulated: its name and labels go into the texts.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    texts = {
        ROWS: simulation.frame.to_csv(index=False, lineterminator="\n"),
        ANSWERS: simulation.answers.to_csv(index=False, lineterminator="\n"),
        TRUTH: json.dumps(truth_record(simulation, study), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        README: _readme(simulation, study),
    }
    return write_texts(folder, texts)


def truth_record(simulation: SimulatedSurvey, study: Study) -> dict[str, Any]:
    """Everything that made the rows, as plain numbers and words for JSON."""
    truth, targets = simulation.truth, simulation.targets
    columns = [f"item_{item}" for item in targets.items]
    villages = sorted(simulation.answers["village"].unique())
    level_codes = [str(level) for level in range(1, len(targets.level_labels) + 1)]
    thresholds = [f"{low}|{high}" for low, high in pairwise(level_codes)]
    return {
        "study": study.key,
        "study_checksum": study.checksum,
        "bayesgov": __version__,
        "options": asdict(simulation.options),
        "levels": [
            {"code": code, "label": label, "expected_share": float(share)}
            for code, label, share in zip(level_codes, targets.level_labels, targets.level_shares, strict=True)
        ],
        "labels": {column: study.label(item) for column, item in zip(columns, targets.items, strict=True)},
        "coefficients": dict(zip(columns, truth.coefficients.tolist(), strict=True)),
        "thresholds": dict(zip(thresholds, truth.thresholds.tolist(), strict=True)),
        "village_effect": dict(zip(villages, truth.village_effect.tolist(), strict=True)),
        "latent_cuts": dict(zip(columns, truth.copula.cuts.tolist(), strict=True)),
        "latent_correlation": truth.copula.latent_correlation.tolist(),
        "nonresponse": {
            "village_effect": dict(zip(villages, truth.missing.village_effect.tolist(), strict=True)),
            "outcome_intercept": _finite(truth.missing.outcome_intercept),
            "answers_intercept": _finite(truth.missing.answers_intercept),
        },
        "fidelity": asdict(simulation.fidelity),
        "notes": list(targets.notes),
    }


def _finite(value: float) -> float | None:
    """JSON has no infinity: the intercept of a loss that happens to nobody."""
    return value if np.isfinite(value) else None


def _readme(simulation: SimulatedSurvey, study: Study) -> str:
    options, targets = simulation.options, simulation.targets
    effects = zip(targets.items, simulation.truth.coefficients, strict=True)
    return _README.format(
        options=options,
        loss=options.nonresponse,
        version=__version__,
        source=_source(study),
        scale="; ".join(f"{code} = {label}" for code, label in enumerate(targets.level_labels, start=1)),
        n_options=targets.shares.shape[1],
        n_items=len(targets.items),
        fidelity=_fidelity_table(simulation),
        notes="".join(f"\n{note[0].upper()}{note[1:]}.\n" for note in targets.notes),
        uncorrelated=", ".join(targets.items[len(targets.correlation) :]) or "none",
        present=", ".join(item for item, effect in effects if effect) or "none",
    )


def _source(study: Study) -> str:
    citation = study.citation
    year = f" ({citation.year})" if citation.year else ""
    doi = f", doi:{citation.doi}" if citation.doi else ""
    return f"{' and '.join(citation.authors)}{year}, {citation.title}{doi}"


def _fidelity_table(simulation: SimulatedSurvey) -> str:
    fidelity = simulation.fidelity

    def both(distance: Distance) -> str:
        return f"{distance.largest:.3f} / {distance.root_mean_square:.3f}"

    rows = [
        ("share of an option, largest difference (all questionnaires)", f"{fidelity.option_distance:.4f}"),
        ("share of an outcome level, largest difference", f"{fidelity.outcome_distance:.4f}"),
        (
            "printed correlations to the nearest matrix (by squares) that data can have, largest / RMS",
            both(fidelity.any_data),
        ),
        ("printed correlations to those of items with these margins, largest / RMS", both(fidelity.these_items)),
        ("printed correlations to those of these rows, largest / RMS", both(fidelity.these_rows)),
        (
            "questionnaires in the smallest / largest village",
            f"{fidelity.smallest_village} / {fidelity.largest_village}",
        ),
    ]
    return "\n".join(["| quantity | value |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])
