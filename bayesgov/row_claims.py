"""Claims about rows: found wrong before anything is sampled where that can be, and judged on an analysis.

A claim on rows names result tables by their names in the analysis ("screening", "regions") and fits by their labels
("bayesian", "latent").
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

from bayesgov.claims import Claim, PosteriorEvidence, TableEvidence, read_claims_file
from bayesgov.errors import InputError
from bayesgov.fits import Fit
from bayesgov.flips import flip_table
from bayesgov.verdicts import ClaimVerdict, judge


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What the analyses call their result tables. Which of them there are depends on spec and rows.
SURVEY_TABLES = _names(
    """average_probabilities binary_logits brant calibration codebook condition convergence correlations departures dial
    dial_path effects fit_statistics flow frequentist_estimates groups gvif held_out_differences held_out_pit
    held_out_scores lasso_chosen lasso_errors lasso_path lasso_selected likelihood_tests missing_codes models
    parallel_change parallel_lines pooled_missing posterior_average posterior_coefficients posterior_curves
    posterior_effects power_scaling prior_shares probability_curves profile_intervals projection replicated_shares
    row_loss scores screening selection_chosen selection_curves selection_frequency selection_order vif"""
)
PANEL_TABLES = _names(
    """attenuation convergence flow future_scores gmm gmm_tests held_out_scores impulse_responses index_components
    index_weights initial_conditions interpolation latent_items linear long_run_gmm long_run_posterior mean_effects
    multiverse panel persistence priors region_scores regions residual_checks variation"""
)


class Analysis(Protocol):
    """Both schools on the same rows, as ``survey.analysis`` and ``panel.analysis`` find it."""

    @property
    def fits(self) -> Mapping[str, Fit]: ...

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]: ...


@dataclass(frozen=True, slots=True, eq=False)
class RowVerdicts:
    """Claims put to rows.

    Attributes
    ----------
    verdicts : tuple of ClaimVerdict
    flips : DataFrame
        As :func:`bayesgov.flips.flip_table` returns it.
    problems : tuple of str
        One line for each claim that names what the analysis does not have.
    """

    verdicts: tuple[ClaimVerdict, ...]
    flips: pd.DataFrame
    problems: tuple[str, ...]


def claims_beside(spec: Path, given: Path | None = None) -> Path | None:
    """The file of claims for a spec: the one given, else ``NAME.claims.toml`` beside ``NAME.toml``, if there is one."""
    if given is not None:
        return given
    beside = spec.with_suffix(".claims.toml")
    return beside if beside.is_file() else None


def read_row_claims(path: Path, *, tables: Collection[str], fits: Collection[str]) -> tuple[Claim, ...]:
    """Read claims about rows, and find what no analysis is needed to find wrong with them.

    Parameters
    ----------
    path : Path
    tables : collection of str
        Names that result tables can have: :data:`SURVEY_TABLES` or :data:`PANEL_TABLES`.
    fits : collection of str
        Labels that fits can have.

    Raises
    ------
    InputError
        If the file is not as it should be, or a claim names printed numbers, or a table or a fit that cannot be.
    """
    claims = read_claims_file(path)
    for claim in claims:
        where = f"{path}: claim {claim.id!r}"
        if claim.printed.cells or claim.printed.audit:
            raise InputError(f"{where}: rows have no printed table: leave printed out")
        for evidence in (claim.frequentist, claim.posterior):
            if isinstance(evidence, PosteriorEvidence):
                for label in filter(None, (evidence.fit, *evidence.robust)):
                    _require(label, fits, f"{where}: fit")
            elif evidence.table:
                _require(evidence.table, tables, f"{where}: result table")
    return claims


def judge_rows(claims: Sequence[Claim], found: Analysis) -> RowVerdicts:
    """Rule on claims from an analysis of rows.

    A table or fit that this analysis did not make leaves its source not checkable, and the ruling says so; so does a
    column, variable or level that is not there, which is a problem as well: an hour of sampling is not thrown away
    for it.

    Parameters
    ----------
    claims : sequence of Claim
        As :func:`read_row_claims` returns them.
    found : Analysis
    """
    possible: list[Claim] = []
    problems: list[str] = []
    for claim in claims:
        usable, wrong = _usable(_possible(claim, found), found)
        possible.append(usable)
        problems += [f"{line}; this source is left open" for line in wrong]
    verdicts = tuple(_judged(claim, found) for claim in possible)
    flips = flip_table(possible, verdicts, study=None, tables=found.tables, fits=found.fits)
    return RowVerdicts(verdicts, flips, tuple(problems))


def _judged(claim: Claim, found: Analysis) -> ClaimVerdict:
    return judge(claim, None, audit_verdicts={}, tables=found.tables, fits=found.fits)


def _possible(claim: Claim, found: Analysis) -> Claim:
    """The claim with evidence that this analysis does not have replaced by the reason."""
    changes: dict[str, TableEvidence | PosteriorEvidence] = {}
    for source, evidence in (("frequentist", claim.frequentist), ("posterior", claim.posterior)):
        if isinstance(evidence, TableEvidence):
            if evidence.table and evidence.table not in found.tables:
                changes[source] = TableEvidence(reason=f"this analysis made no table {evidence.table}")
        elif evidence.fit and evidence.fit not in found.fits:
            changes[source] = PosteriorEvidence(reason=f"there is no fit {evidence.fit} in this analysis")
        elif set(evidence.robust) - set(found.fits):
            kept = tuple(label for label in evidence.robust if label in found.fits)
            changes[source] = evidence.model_copy(update={"robust": kept})
    return claim.model_copy(update=changes)


def _usable(claim: Claim, found: Analysis) -> tuple[Claim, list[str]]:
    """The claim without a source that names what is not there, and what that is."""
    wrong: dict[str, str] = {}
    for source, other in (("frequentist", "posterior"), ("posterior", "frequentist")):
        alone = claim.model_copy(update={other: TableEvidence(reason="not asked")})
        try:
            _judged(alone, found)
        except InputError as error:
            wrong[source] = str(error)
    left_open = {source: TableEvidence(reason=reason) for source, reason in wrong.items()}
    return claim.model_copy(update=left_open), list(wrong.values())


def _require(name: str, known: Collection[str], what: str) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        meant = f" (did you mean {near[0]!r}?)" if near else ""
        raise InputError(
            f"{what} {name!r} is none that the analysis makes{meant}; there can be: {', '.join(sorted(known))}"
        )
