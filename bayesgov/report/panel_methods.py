"""Methods and references of a panel's report: only of what was run."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from bayesgov.panel.spec import DynamicPanelSpec
from bayesgov.report.content import Paragraph, Section
from bayesgov.report.methods import INTERVALS, SAMPLING, SAMPLING_REFERENCES

STEPS = {"one": "one-step", "two": "two-step", "iterated": "iterated"}
_INITIAL = {
    "conditional": "The first outcome is taken as given: unit effects are regressed on the unit's first values and its "
    "means, and what is left of them is normal.",
    "stationary": "The first outcome is drawn from the stationary distribution that the coefficients imply.",
    "naive": "The first outcome is taken as unrelated to the unit effects, which is wrong in a short panel; the model "
    "is there for the comparison.",
}
_POOLING = {
    "partial": "Regional coefficients are drawn from a common normal distribution whose standard deviations are "
    "estimated",
    "complete": "All regions have the same coefficients",
    "none": "Every region has coefficients of its own",
}

_REFERENCES = {
    "gmm": ("Arellano1991", "Hansen1982", "Roodman2009a", "Roodman2009b", "Sargan1958"),
    "system": ("Blundell1998",),
    "deviation": ("Arellano1995",),
    "windmeijer": ("Windmeijer2005",),
    "linear": ("Anderson1981", "Bond2002", "Breitung2022", "Nickell1981"),
    "long_run_gmm": ("Fieller1954",),
    "multiverse": ("Steegen2016",),
    "composites": ("Bartlett1951", "Kaiser1974"),
    "variation": ("Cameron2015", "Pitman1939", "Rubin1981"),
    "posterior": SAMPLING_REFERENCES,
    "conditional": ("Wooldridge2005", "RabeHesketh2013"),
    "future_scores": ("Burkner2020",),
    "residual_checks": ("Gelman1996", "Pesaran2015"),
}


def sections(spec: DynamicPanelSpec, tables: Collection[str], fits: Collection[str]) -> tuple[Section, ...]:
    """Methods of what was run.

    Parameters
    ----------
    spec : DynamicPanelSpec
    tables : collection of str
        Names of the tables that there are.
    fits : collection of {"frequentist", "bayesian"}
    """
    ran = _ran(spec, tables, fits)
    drafts = (
        ("methods-indices", "Indices", list(_index_words(spec, ran))),
        ("methods-gmm", "Generalised method of moments", list(_gmm_words(spec, ran))),
        ("methods-bayesian", "Hierarchical Bayesian model", list(_bayesian_words(spec, ran))),
    )
    return tuple(
        Section(key, title, (Paragraph(" ".join(sentences)),)) for key, title, sentences in drafts if sentences
    )


def references(spec: DynamicPanelSpec, tables: Collection[str], fits: Collection[str]) -> tuple[str, ...]:
    """Keys of the references of what was run, by author; parameters as of :func:`sections`."""
    ran = _ran(spec, tables, fits)
    return tuple(sorted({entry for name in ran for entry in _REFERENCES.get(name, ())}))


def _ran(spec: DynamicPanelSpec, tables: Collection[str], fits: Collection[str]) -> frozenset[str]:
    """Names of what has methods or references of its own."""
    ran = set(tables)
    if "index_weights" in tables:
        ran.add("composites")
    if "gmm" in tables:
        ran |= {name for name, used in _gmm_options(spec).items() if used}
    if "bayesian" in fits:
        ran |= {"posterior", spec.initial}
    if "initial_conditions" in tables:
        ran.add("conditional")
    return frozenset(ran)


def _gmm_options(spec: DynamicPanelSpec) -> dict[str, bool]:
    return {
        "system": spec.gmm.system,
        "deviation": spec.gmm.transformation == "deviation",
        "windmeijer": spec.gmm.robust and spec.gmm.steps != "one",
    }


def _index_words(spec: DynamicPanelSpec, ran: Collection[str]) -> Iterator[str]:
    if "interpolation" in ran:
        yield "Missing cells are filled on the straight line between a unit's neighbouring known values."
    if "composites" in ran and spec.indices is not None:
        rule = {
            "eigenvalue": "with an eigenvalue above one",
            "share": f"that explain {spec.indices.share:.0%} of the variance",
            "all": "all of them",
        }[spec.indices.retention]
        yield (
            "Indices are scores of principal components of the standardised indicators, those kept being "
            f"{rule}, weighted by the variance that each explains; their suitability is judged by the "
            "Kaiser-Meyer-Olkin measure and Bartlett's test."
        )
    if "variation" in ran:
        yield (
            "Coefficients of variation are resampled by whole units, with counts (bootstrap) and with Dirichlet "
            "weights (Bayesian bootstrap)."
        )


def _gmm_words(spec: DynamicPanelSpec, ran: Collection[str]) -> Iterator[str]:
    if "gmm" in ran:
        kind = "system GMM (differences and levels)" if spec.gmm.system else "difference GMM"
        transformed = "forward orthogonal deviations" if "deviation" in ran else "first differences"
        columns = "one column for each lag (collapsed)" if spec.gmm.collapse else "one column for each lag and period"
        yield (
            f"{STEPS[spec.gmm.steps].capitalize()} {kind} in {transformed}, instruments in {columns}, to the "
            "conventions of xtabond2."
        )
        if "windmeijer" in ran:
            yield "Standard errors are robust, with Windmeijer's correction for the estimated weights."
        yield (
            "Tests: Sargan's and Hansen's of the instruments together, differences in Hansen's statistic by group, "
            "Arellano and Bond's of autocorrelation."
        )
    if "linear" in ran:
        yield (
            "Beside it pooled least squares, the within estimator, Anderson and Hsiao's estimator and the "
            "bias-corrected method of moments of Breitung, Kripfganz and Hayakawa."
        )
    if "long_run_gmm" in ran:
        yield "Long-run effects have delta-method intervals and Fieller's sets."
    if "multiverse" in ran:
        yield "The equation is estimated again under every combination of equation, collapsing and lag window."


def _bayesian_words(spec: DynamicPanelSpec, ran: Collection[str]) -> Iterator[str]:
    if "posterior" not in ran:
        return
    if spec.region:
        yield f"{_POOLING[spec.pooling]}."
    yield _INITIAL[spec.initial]
    errors = "Student-t" if spec.errors == "student_t" else "normal"
    scale = ", with a scale for each region" if spec.error_scale == "by_region" and spec.region else ""
    yield f"Errors are {errors}{scale}." + (" Period effects sum to zero." if spec.time_effects else "")
    yield SAMPLING
    if {"region_scores", "future_scores"} & set(ran):
        yield (
            "Regions and periods left out are scored by the marginal density of their rows, coefficients and effects "
            "integrated out, averaged over the posterior of the rows kept."
        )
    if "residual_checks" in ran:
        yield "Residuals are checked against replications at the same parameters (realised discrepancies)."
    if "attenuation" in ran:
        yield (
            "The latent factor is estimated jointly with its dynamics from the indicators, whose missing cells are "
            "not filled but left out of the likelihood."
        )
    yield INTERVALS
