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
    "aic": Heading("AIC", "Akaike's information criterion"),
    "approach": Heading("School"),
    "better": Heading("Better"),
    "between_std_error": Heading("SE between", "completed data sets"),
    "bic": Heading("BIC", "Schwarz's information criterion"),
    "change": Heading("Change", "of the predictor: a step or unit up, or a level against the reference level"),
    "chi2": Heading("χ²", "test statistic with a chi-square reference distribution"),
    "code": Heading("Code"),
    "coefficient": Heading("Coefficient"),
    "complete": Heading("Complete rows", "mean of a number or score, share of a level"),
    "condition_index": Heading("Condition index", "above 30 the columns are nearly collinear"),
    "correct_decimals": Heading("Correct decimals", "of the estimate, from the Newton step that would come next"),
    "correlation_alpha": Heading("Correlation with lag", "assumed, of the sum of effects with the lagged outcome's"),
    "correlation_effects": Heading("Correlation of effects", "assumed, of the current with the lagged effect"),
    "cramers_v": Heading("V", "Cramér's V of the counts: 0 no association, 1 the strongest"),
    "criterion": Heading("Criterion"),
    "departure": Heading("Departure", "posterior mean of the largest departure from parallel lines, logits"),
    "departure_limits": Heading("Departure, 95% credible"),
    "df": Heading("df", "degrees of freedom"),
    "difference": Heading("Difference"),
    "elpd": Heading("elpd", "expected log predictive density by leave-one-out; higher is better"),
    "elpd_difference": Heading("elpd difference", "from the full model"),
    "elpd_difference_se": Heading("SE of elpd difference"),
    "elpd_se": Heading("SE of elpd"),
    "estimate": Heading("Estimate"),
    "factor": Heading("Term of the formula"),
    "first": Heading("Variable"),
    "fit": Heading("Fit", "name of the fit in the run folder"),
    "frequency": Heading("Share selected", "of the bootstrap samples"),
    "g": Heading("Fieller's g", "below 1 the confidence set is an interval"),
    "g2": Heading("G²", "likelihood-ratio statistic of independence"),
    "group": Heading("Grouped by"),
    "groups": Heading("Groups", "their number"),
    "gvif": Heading("GVIF", "generalised variance inflation factor"),
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
    "kind": Heading("Kind"),
    "kl": Heading("KL divergence", "Kullback-Leibler, from the full model, per observation"),
    "known_complete": Heading("Known, complete", "rows with this variable known, among complete rows"),
    "known_lost": Heading("Known, lost", "rows with this variable known, among lost rows"),
    "label": Heading("Label"),
    "lambda": Heading("λ", "penalty"),
    "largest_change": Heading("Largest change", "of a cell's probability when parallel lines is given up"),
    "largest_probability_change": Heading("Largest change of a probability"),
    "largest_shift": Heading("Largest shift", "of a posterior mean of an effect, in posterior standard deviations"),
    "largest_effect": Heading("Largest change of a probability", "over the levels; posterior median"),
    "left": Heading("Rows left"),
    "level": Heading("Level"),
    "levels": Heading("Levels or range"),
    "likelihood": Heading("Likelihood", "distance per unit of log2 power of the likelihood"),
    "likelihood_ratio": Heading("LR χ²", "likelihood-ratio statistic"),
    "limits": Heading("95% limits"),
    "limits_stationary": Heading("95% limits if stationary", "given that the lagged coefficient is below 1 in size"),
    "log10_bf_independent": Heading(
        "log₁₀ BF, grades fixed", "Bayes factor of dependence against independence; totals of the outcome grades fixed"
    ),
    "log10_bf_joint": Heading(
        "log₁₀ BF, total fixed", "Bayes factor of dependence against independence; only the table's total fixed"
    ),
    "log_likelihood": Heading("Log-likelihood"),
    "lost": Heading("Lost rows", "mean of a number or score, share of a level"),
    "lr_statistic": Heading("LR χ²", "likelihood-ratio statistic of leaving the term out"),
    "mcse": Heading("MCSE", "Monte Carlo standard error of the posterior median"),
    "mean": Heading("Mean"),
    "mean_change": Heading("Mean change", "of a cell's probability when parallel lines is given up"),
    "mean_sd_ratio": Heading("Mean ratio of sds", "posterior standard deviations against those of the first row"),
    "median": Heading("Posterior median"),
    "median_stationary": Heading("Median if stationary", "given that the lagged coefficient is below 1 in size"),
    "method": Heading("Method"),
    "minus2ll": Heading("−2 log-likelihood"),
    "missing_information": Heading("Missing information", "fraction of it, by Rubin's rules"),
    "missing_rows": Heading("Rows missing", "before any row is dropped"),
    "model": Heading("Model"),
    "monte_carlo_error": Heading("Its Monte Carlo SE", "of the share, from so many bootstrap samples"),
    "n": Heading("n", "observations"),
    "n_variables": Heading("Variables", "their number"),
    "note": Heading("Note"),
    "observed": Heading("Observed"),
    "option": Heading("Option"),
    "p_bh": Heading("p (BH)", "adjusted for the false discovery rate, Benjamini-Hochberg"),
    "p_g2": Heading("p (G²)", "not adjusted"),
    "p_holm": Heading("p (Holm)", "adjusted for the family-wise error rate, Holm"),
    "p_lr": Heading("p (LR)", "of the likelihood-ratio test"),
    "p_value": Heading("p", "not adjusted"),
    "p_value_greater": Heading("p (one-sided)", "against an effect of zero or less"),
    "p_wald": Heading("p (Wald)", "not adjusted"),
    "parameter": Heading("Parameter"),
    "part": Heading("Part of the data"),
    "positive": Heading("Share positive", "of the bootstrap samples"),
    "posterior_limits": Heading("Posterior, 95% credible"),
    "posterior_median": Heading("Posterior median"),
    "posterior_probability_relevant": Heading("Pr(V relevant), posterior", _RELEVANT),
    "printed_estimate": Heading("Printed estimate"),
    "printed_t": Heading("Printed t"),
    "prior": Heading("Prior", "its name; in power-scaling the distance per unit of log2 power of the prior"),
    "prior_limits": Heading("Prior, central 95%"),
    "prior_median": Heading("Prior median"),
    "prior_probability_relevant": Heading("Pr(V relevant), prior", "the same probability before the counts"),
    "probability_departure": Heading("Pr(relevant departure)", "posterior; the limit stands in the caption"),
    "probability_near_unit_root": Heading("Pr(α > 0.95)", "posterior; α: coefficient of the lagged outcome"),
    "probability_negligible": Heading("Pr(negligible)", "posterior; the limit stands in the caption"),
    "probability_of_direction": Heading("Pr(direction)", "posterior probability of the more probable sign"),
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
    "ratio": Heading("Ratio"),
    "ratio_limits": Heading("Ratio, 95% credible"),
    "reading": Heading("Reading", "which printed number decides where printed numbers do not agree"),
    "reason": Heading("Reason"),
    "region": Heading("Region"),
    "relative_efficiency": Heading("Efficiency", "of so many imputations relative to infinitely many"),
    "relative_increase": Heading("Increase in variance", "relative, due to missing values"),
    "remarks": Heading("Remarks"),
    "replicates": Heading("Bootstrap samples"),
    "row": Heading("Row"),
    "rows": Heading("Rows"),
    "rps": Heading("RPS", "ranked probability score, mean over observations; lower is better"),
    "rps_difference": Heading("RPS difference", "from the full model"),
    "rps_difference_se": Heading("SE of RPS difference"),
    "rule": Heading("Rule", "λ.min: least error; λ.1se: largest λ within a standard error of it"),
    "scaled_gvif": Heading("Scaled GVIF", "GVIF to the power 1 / (2 df), comparable over terms"),
    "score": Heading("Score"),
    "sd_ratio": Heading("Ratio of sds", "posterior standard deviations, together over apart"),
    "second": Heading("With"),
    "selected": Heading("Selected"),
    "series": Heading("Estimator"),
    "set_kind": Heading("Form of the set"),
    "set_limits": Heading("Ends of the set", "of Fieller's confidence set; a complement lies outside them"),
    "set_text": Heading("Confidence set", "Fieller's"),
    "shrinkage_factor": Heading("Share shrunk", "share of the estimate that the prior takes away"),
    "shrunken": Heading("Posterior median"),
    "shrunken_sd": Heading("Posterior sd"),
    "signs_settled": Heading("Signs settled"),
    "size": Heading("Variables", "their number"),
    "small_cells": Heading("Small cells", "share of expected counts below 5"),
    "smallest_expected": Heading("Smallest expected count"),
    "soft_threshold": Heading("Soft threshold", "universal threshold, SE √(2 log n)"),
    "standardised_difference": Heading("Standardised difference", "in standard deviations"),
    "stars": Heading("", "** p < 0.01, * p < 0.05"),
    "statistic": Heading("LR χ²", "likelihood-ratio statistic of parallel lines"),
    "std_error": Heading("SE", "standard error; in posterior rows the standard deviation"),
    "suggested": Heading("Suggested"),
    "tau2_dl": Heading("τ², DL", "between-region variance, DerSimonian-Laird"),
    "tau2_limits": Heading("τ², 95% confidence", "Q-profile"),
    "tau2_pm": Heading("τ², PM", "between-region variance, Paule-Mandel"),
    "tau2_reml": Heading("τ², REML", "between-region variance, restricted maximum likelihood"),
    "tau_limits": Heading("τ, 95% credible"),
    "tau_median": Heading("τ, posterior median", "between-region standard deviation"),
    "term": Heading("Term"),
    "test": Heading("Test"),
    "tested": Heading("Terms tested"),
    "threshold": Heading("Threshold", "1|2 lies between levels 1 and 2"),
    "tolerance": Heading("Tolerance", "reciprocal of the variance inflation factor"),
    "total": Heading("Total"),
    "v_limits": Heading("V, 95% confidence"),
    "v_apart": Heading("V, apart", "posterior median"),
    "v_confidence_limits": Heading("V, 95% confidence"),
    "v_corrected": Heading("V, bias-corrected"),
    "v_dirichlet": Heading("V, model-free", f"posterior median; {_MODEL_FREE}"),
    "v_dirichlet_limits": Heading("V, model-free, 95% credible"),
    "v_model": Heading("V, model", "posterior median of V that the proportional-odds model implies"),
    "v_model_limits": Heading("V, model, 95% credible"),
    "v_together": Heading("V, together", "posterior median"),
    "valid": Heading("Valid"),
    "value": Heading("Value"),
    "variable": Heading("Variable"),
    "verdict": Heading("Verdict"),
    "vif": Heading("VIF", "variance inflation factor"),
    "wald_statistic": Heading("Wald χ²"),
    "weight": Heading("Weight", "power to which the composite likelihood is raised"),
    "within_std_error": Heading("SE within", "completed data sets"),
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
