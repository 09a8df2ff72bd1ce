"""Both approaches on the printed contingency tables of an ordinal outcome: the entry point of this part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from bayesgov.fits import Fit, PosteriorFit
from bayesgov.published.contingency import bayesian, frequentist, saturated, tables
from bayesgov.published.contingency.design import ContingencyDesign, assumptions, read_design
from bayesgov.sampling import SamplingOptions
from bayesgov.spec import ContingencySpec, ShrinkagePrior
from bayesgov.study import Study


@dataclass(frozen=True, slots=True, eq=False)
class ContingencyReanalysis:
    """What the reanalysis of the contingency tables returns.

    Attributes
    ----------
    fits : tuple of Fit
        Maximum likelihood; one posterior a prior at weight 1; one posterior for every further composite weight; the
        model-free posterior under Jeffreys' and under a uniform prior.
    tables : dict of str to pandas.DataFrame
        "screening", "proportional_odds", "convergence" (frequentist); "option_effects", "association",
        "proportionality" (both); "apart_together", "weight_sensitivity", "prior_comparison", "prior_sensitivity",
        "priors" (Bayesian); "margins". The functions of :mod:`bayesgov.published.contingency.tables` document the
        columns.
    assumptions : tuple of str
        In plain sentences.
    """

    fits: tuple[Fit, ...]
    tables: dict[str, pd.DataFrame]
    assumptions: tuple[str, ...]


def reanalyse(
    study: Study, spec: ContingencySpec, options: SamplingOptions, progress: Callable[[str], None]
) -> ContingencyReanalysis:
    """Reanalyse printed contingency tables under both approaches.

    Parameters
    ----------
    study : Study
    spec : ContingencySpec
    options : SamplingOptions
        The same for every fit.
    progress : callable
        Called with one line before each step.

    Raises
    ------
    InputError
        If a table cannot be used (see :func:`bayesgov.published.contingency.design.read_design`).
    """
    design = read_design(study, spec)
    progress("contingency: maximum likelihood and profile intervals")
    likelihood = frequentist.fit(design)
    quoted = spec.priors[0]
    # the fit of the items apart is the normal one, whether or not the spec lists it
    names: tuple[ShrinkagePrior, ...] = spec.priors if "normal" in spec.priors else (*spec.priors, "normal")
    ready = {}
    for prior in names:
        progress(f"contingency: preparing the {prior} model")
        ready[prior] = bayesian.prepare(design, spec, prior)
    by_prior = {}
    for prior in names:
        progress(f"contingency: sampling, {prior} prior")
        by_prior[prior] = bayesian.fit(ready[prior], options)
    weighted = []
    for weight in spec.composite_weights:
        if weight != 1:
            progress(f"contingency: sampling, {quoted} prior, composite weight {weight:g}")
            weighted.append(bayesian.fit(ready[quoted], options, weight=weight))
    posteriors = (*by_prior.values(), *weighted)
    progress("contingency: association and tables")
    screening = frequentist.screening_table(design)
    free = saturated.fit(design, options.seed)
    jeffreys = saturated.fit(design, options.seed, concentration=saturated.JEFFREYS)
    return ContingencyReanalysis(
        fits=(likelihood, *posteriors, jeffreys, free),
        tables={
            "screening": screening,
            "proportional_odds": frequentist.proportional_odds_table(design),
            "convergence": frequentist.convergence_table(design),
            "option_effects": tables.option_effects_table(likelihood, posteriors, design),
            "association": tables.association_table(design, screening, spec, by_prior[quoted], free),
            "proportionality": tables.proportionality_table(design, spec, free),
            "apart_together": tables.apart_together_table(by_prior["normal"], _together(by_prior, names), design, spec),
            "weight_sensitivity": tables.comparison_table((by_prior[quoted], *weighted), spec),
            "prior_comparison": tables.comparison_table(tuple(by_prior.values()), spec),
            "prior_sensitivity": tables.prior_sensitivity_table(posteriors),
            "priors": tables.priors_table((*by_prior.values(), jeffreys, free), spec),
            "margins": design.margins,
        },
        assumptions=_assumptions(design, spec, names),
    )


def _together(by_prior: dict[ShrinkagePrior, PosteriorFit], names: tuple[ShrinkagePrior, ...]) -> PosteriorFit:
    """The first fit whose items share hyperparameters; the normal one if there is none other."""
    return next((by_prior[name] for name in names if name != "normal"), by_prior["normal"])


def _assumptions(
    design: ContingencyDesign, spec: ContingencySpec, names: tuple[ShrinkagePrior, ...]
) -> tuple[str, ...]:
    priors: dict[ShrinkagePrior, str] = {
        "horseshoe": (
            f"regularised horseshoe with {spec.expected_nonzero_items:g} of {len(spec.items)} items expected to "
            f"matter, slab scale {spec.slab_scale:g} logits and {spec.slab_df:g} slab degrees of freedom"
        ),
        "r2d2": (
            f"R2D2 with mean latent R² {spec.r2_mean:g} (prior sample size {spec.r2_concentration:g}) of an average "
            "item"
        ),
        "normal": (
            f"normal with standard deviation {spec.normal_scale:g} logits, under which the posterior is a product over "
            "items (items apart)"
        ),
    }
    return (
        *assumptions(design),
        f"Priors: level probabilities at zero effect uniform; {'; '.join(priors[name] for name in names)}. "
        "Apart and together therefore differ in the form of the prior as well as in what items share.",
        "Model-free posterior: uniform Dirichlet prior over the cells of each table; refitted under Jeffreys' prior, "
        "Dirichlet(1/2, ...).",
        "Cramér's V is reported twice: free of any model, and as the proportional-odds model implies it. The second is "
        "smaller where an option's effect differs between cutpoints.",
        "Bayes factors compare dependence with independence under uniform priors, for the total fixed (joint "
        "multinomial) and for the outcome totals fixed (independent multinomial), Gunel & Dickey 1974.",
        f"An association counts as relevant above Cramér's V = {spec.relevant_v:g}, a departure from proportional odds "
        f"above {spec.relevant_departure:g} logits.",
    )
