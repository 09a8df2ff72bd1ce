"""What an analysis of survey rows rests on, in sentences."""

from __future__ import annotations

from bayesgov.fits import Approach
from bayesgov.survey.design import Design
from bayesgov.survey.spec import CumulativeSpec


def assumptions_of(spec: CumulativeSpec, design: Design, approaches: tuple[Approach, ...]) -> tuple[str, ...]:
    """What the analysis rests on, in sentences."""
    family = {
        "cumulative": "Level k or below is modelled (cumulative family)",
        "adjacent": "Each level is modelled against the next (adjacent-category family)",
        "continuation": "Stopping at a level is modelled among those who reach it (continuation-ratio family)",
    }[spec.family]
    sentences = [f"{family} with the {spec.link} link and {spec.thresholds} thresholds."]
    if design.n_terms:
        free = sorted({design.factors[column] for column in design.nominal})
        sentences.append(
            f"Effects are the same at every threshold, except those of {', '.join(free)}."
            if free
            else "Every effect is the same at every threshold (proportional odds); its tests are reported."
        )
    sentences.append(
        f"Rows of one {design.group_name} share an intercept; given it, rows are independent."
        if design.group_name
        else "Rows are independent."
    )
    sentences.append(
        {
            "listwise": "Rows with a missing predictor are deleted: that is harmless only if being complete does not "
            "depend on the outcome beyond the predictors.",
            "impute": f"Missing predictors are imputed {spec.imputations} times by chained equations, assuming that "
            "missingness depends on observed values only: estimates are pooled by Rubin's rules, posteriors mixed. "
            "Tests, selection and predictive checks use complete rows.",
            "model": "Missing predictors are parameters of the posterior, assuming that missingness depends on what is "
            "observed; the frequentist fit deletes their rows.",
        }[spec.missing]
    )
    if "bayesian" in approaches:
        scaled = " of predictors scaled to standard deviation one" if spec.prior.standardise else ""
        sentences.append(
            f"Prior of the coefficients{scaled}: {_prior_words(spec)}; of the thresholds: "
            f"{spec.threshold_prior.kind.replace('_', ' ')}."
        )
    return tuple(sentences)


def _prior_words(spec: CumulativeSpec) -> str:
    prior = spec.prior
    return {
        "normal": f"normal with standard deviation {prior.scale:g}",
        "laplace": f"Laplace with scale {prior.scale:g}, the Lasso's counterpart",
        "horseshoe": f"regularised horseshoe with a Student-t slab of scale {prior.slab_scale:g} and {prior.slab_df:g} "
        "degrees of freedom",
        "r2d2": f"R2D2 with prior mean {prior.r2_mean:g} of the latent R²",
    }[prior.kind]
