"""The glossary of result columns: the heading that a reader sees and what it means; the CSV keeps the key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's heading and its meaning.

    Attributes
    ----------
    text : str
    meaning : str
        Empty where the heading says all.
    """

    text: str
    meaning: str = ""


_RELEVANT = "posterior probability that V exceeds the study spec's limit of a relevant association"
_SHARE = "share of the variation of the estimates that is not sampling error"
_MODEL_FREE = "independent Dirichlet posteriors of the shares, no model of the outcome"

# A pair of columns "…lower…", "…upper…" is shown as one, whose key has "limits" in their stead.
GLOSSARY = {
    "approach": Heading("School"),
    "correlation_alpha": Heading("Correlation with lag", "assumed, of the sum of effects with the lagged outcome's"),
    "correlation_effects": Heading("Correlation of effects", "assumed, of the current with the lagged effect"),
    "cramers_v": Heading("V", "Cramér's V of the printed counts: 0 no association, 1 the strongest"),
    "departure": Heading("Departure", "posterior mean of the largest departure from parallel lines, logits"),
    "departure_limits": Heading("Departure, 95% credible"),
    "df": Heading("df", "degrees of freedom"),
    "estimate": Heading("Estimate"),
    "fit": Heading("Fit", "name of the fit in the run folder"),
    "g": Heading("Fieller's g", "below 1 the confidence set is an interval"),
    "h2": Heading("H²", "Q over its degrees of freedom; 1 where regions do not differ"),
    "i2": Heading("I²", _SHARE),
    "i2_credible_limits": Heading("I², 95% credible"),
    "i2_limits": Heading("I², 95% confidence"),
    "i2_median": Heading("I², posterior median", _SHARE),
    "included": Heading("Included"),
    "interval": Heading("Kind of interval"),
    "item": Heading("Item"),
    "items_relevant": Heading("Items relevant"),
    "james_stein": Heading("James-Stein", "the estimates shrunk by one common factor"),
    "label": Heading("Label"),
    "largest_change": Heading("Largest change", "of a cell's probability when parallel lines is given up"),
    "largest_probability_change": Heading("Largest change of a probability"),
    "largest_shift": Heading("Largest shift", "of a posterior mean of an effect, in posterior standard deviations"),
    "likelihood": Heading("Likelihood", "distance per unit of log2 power of the likelihood"),
    "limits": Heading("95% limits"),
    "limits_stationary": Heading("95% limits if stationary", "given that the lagged coefficient is below 1 in size"),
    "log10_bf_independent": Heading(
        "log₁₀ BF, grades fixed", "Bayes factor of dependence against independence; totals of the outcome grades fixed"
    ),
    "log10_bf_joint": Heading(
        "log₁₀ BF, total fixed", "Bayes factor of dependence against independence; only the table's total fixed"
    ),
    "mean_change": Heading("Mean change", "of a cell's probability when parallel lines is given up"),
    "mean_sd_ratio": Heading("Mean ratio of sds", "posterior standard deviations against those of the first row"),
    "median": Heading("Posterior median"),
    "median_stationary": Heading("Median if stationary", "given that the lagged coefficient is below 1 in size"),
    "note": Heading("Note"),
    "option": Heading("Option"),
    "p_bh": Heading("p (BH)", "adjusted for the false discovery rate, Benjamini-Hochberg"),
    "p_holm": Heading("p (Holm)", "adjusted for the family-wise error rate, Holm"),
    "p_lr": Heading("p (LR)", "of the likelihood-ratio test"),
    "p_value": Heading("p", "not adjusted"),
    "printed_estimate": Heading("Printed estimate"),
    "printed_t": Heading("Printed t"),
    "prior": Heading("Prior", "its name; in power-scaling the distance per unit of log2 power of the prior"),
    "p_value_greater": Heading("p (one-sided)", "against an effect of zero or less"),
    "posterior_limits": Heading("Posterior, 95% credible"),
    "posterior_median": Heading("Posterior median"),
    "posterior_probability_relevant": Heading("Pr(V relevant), posterior", _RELEVANT),
    "prior_limits": Heading("Prior, central 95%"),
    "prior_median": Heading("Prior median"),
    "prior_probability_relevant": Heading("Pr(V relevant), prior", "the same probability before the counts"),
    "probability_departure": Heading("Pr(relevant departure)", "posterior; the limit stands in the caption"),
    "probability_near_unit_root": Heading("Pr(α > 0.95)", "posterior; α: coefficient of the lagged outcome"),
    "probability_positive": Heading("Pr(> 0)", "posterior probability of a positive value"),
    "probability_relevant_apart": Heading("Pr(V relevant), apart", _RELEVANT),
    "probability_relevant_dirichlet": Heading("Pr(V relevant), model-free", _RELEVANT),
    "probability_relevant_model": Heading("Pr(V relevant), model", _RELEVANT),
    "probability_relevant_together": Heading("Pr(V relevant), together", _RELEVANT),
    "probability_stationary": Heading("Pr(|α| < 1)", "posterior; α: coefficient of the lagged outcome"),
    "probability_unit_root": Heading("Pr(α ≥ 1)", "posterior; α: coefficient of the lagged outcome"),
    "profile_limits": Heading("95% confidence, profile likelihood"),
    "q": Heading("Q", "Cochran's, of equal effects in all regions"),
    "quantity": Heading("Quantity"),
    "rank_apart": Heading("Rank, apart", "of V among the items"),
    "rank_correlation": Heading("Rank correlation", "Kendall's tau of V over the items, against the first row"),
    "rank_together": Heading("Rank, together", "of V among the items"),
    "reading": Heading("Reading", "which printed number decides where printed numbers do not agree"),
    "region": Heading("Region"),
    "row": Heading("Row"),
    "sd_ratio": Heading("Ratio of sds", "posterior standard deviations, together over apart"),
    "series": Heading("Estimator"),
    "set_kind": Heading("Form of the set"),
    "set_limits": Heading("Ends of the set", "of Fieller's confidence set; a complement lies outside them"),
    "set_text": Heading("Confidence set", "Fieller's"),
    "shrinkage_factor": Heading("Share shrunk", "share of the estimate that the prior takes away"),
    "shrunken": Heading("Posterior median"),
    "shrunken_sd": Heading("Posterior sd"),
    "signs_settled": Heading("Signs settled"),
    "soft_threshold": Heading("Soft threshold", "universal threshold, SE √(2 log n)"),
    "statistic": Heading("LR χ²", "likelihood-ratio statistic of parallel lines"),
    "std_error": Heading("SE", "standard error; in posterior rows the standard deviation"),
    "tau2_dl": Heading("τ², DL", "between-region variance, DerSimonian-Laird"),
    "tau2_limits": Heading("τ², 95% confidence", "Q-profile"),
    "tau2_pm": Heading("τ², PM", "between-region variance, Paule-Mandel"),
    "tau2_reml": Heading("τ², REML", "between-region variance, restricted maximum likelihood"),
    "tau_limits": Heading("τ, 95% credible"),
    "tau_median": Heading("τ, posterior median", "between-region standard deviation"),
    "term": Heading("Term"),
    "v_apart": Heading("V, apart", "posterior median"),
    "v_confidence_limits": Heading("V, 95% confidence"),
    "v_corrected": Heading("V, bias-corrected"),
    "v_dirichlet": Heading("V, model-free", f"posterior median; {_MODEL_FREE}"),
    "v_dirichlet_limits": Heading("V, model-free, 95% credible"),
    "v_model": Heading("V, model", "posterior median of V that the proportional-odds model implies"),
    "v_model_limits": Heading("V, model, 95% credible"),
    "v_together": Heading("V, together", "posterior median"),
    "valid": Heading("Valid"),
    "verdict": Heading("Verdict"),
    "weight": Heading("Weight", "power to which the composite likelihood is raised"),
    "z": Heading("z", "estimate over standard error"),
}

# What a column "quantity" holds where its values are names of model variables.
QUANTITIES = {
    "cramers_v": "Cramér's V",
    "mu": "μ, mean over regions",
    "option_effect": "option effect",
    "tau": "τ, between-region sd",
    "theta_new": "effect in a new region",
}


def heading(name: str) -> Heading:
    """The heading of a column; a name that the glossary lacks is shown with spaces for underscores."""
    return GLOSSARY.get(name) or Heading(name.replace("_", " "))


def legend(names: Iterable[str]) -> tuple[Heading, ...]:
    """The headings of these columns that need more words than they have."""
    return tuple(entry for entry in map(heading, names) if entry.meaning)
