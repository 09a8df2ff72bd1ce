"""The glossary of diagnostics: for the name of every Check a title, what it measures, how to read it, its source."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from bayesgov.fits import Check

School = Literal["Bayesian", "frequentist", "either"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a reader needs to understand one diagnostic.

    Attributes
    ----------
    title : str
        In place of the check's name.
    school : {"Bayesian", "frequentist", "either"}
    measures : str
    reading : str
        What good and bad look like, and why the threshold is where it is.
    source : str
        Of the diagnostic or of its threshold, with DOI; empty for an account of what was done.
    """

    title: str
    school: School
    measures: str
    reading: str
    source: str = ""


_VEHTARI_2021 = "Vehtari, Gelman, Simpson, Carpenter & Bürkner 2021, doi:10.1214/20-BA1221"
_VEHTARI_2024 = "Vehtari, Simpson, Gelman, Yao & Gabry 2024, doi:10.48550/arXiv.1507.02646"
_BETANCOURT = "Betancourt 2017, doi:10.48550/arXiv.1701.02434"
_CHRISTENSEN = "Christensen, R package ordinal: convergence, doi:10.32614/CRAN.package.ordinal"
_ROODMAN = "Roodman 2009, doi:10.1111/j.1468-0084.2008.00542.x"
_COCHRAN = "Cochran 1954, doi:10.2307/3001616"
_TIBSHIRANI = "Friedman, Hastie & Tibshirani 2010, doi:10.18637/jss.v033.i01"
_PREDICTIVE = "Gelman, Meng & Stern 1996, Statistica Sinica 6, 733-807"
_MORE_DRAWS = "Above the threshold the chains have not mixed and what rests on their draws is not to be relied on."

ENTRIES: dict[str, Entry] = {
    # posterior draws
    "rhat_max": Entry(
        "R-hat, largest",
        "Bayesian",
        "disagreement between chains, rank-normalised: the worst of all parameters",
        f"1 says that chains agree. {_MORE_DRAWS}",
        _VEHTARI_2021,
    ),
    "ess_bulk_min": Entry(
        "Effective sample size, bulk",
        "Bayesian",
        "how many independent draws the middle of a posterior is worth: the least of all parameters",
        "400, a hundred for each of four chains, make medians and R-hat itself reliable.",
        _VEHTARI_2021,
    ),
    "ess_tail_min": Entry(
        "Effective sample size, tails",
        "Bayesian",
        "how many independent draws the 5% and 95% quantiles are worth: the least of all parameters",
        "Below 400 the limits of intervals are uncertain.",
        _VEHTARI_2021,
    ),
    "divergences": Entry(
        "Divergent transitions",
        "Bayesian",
        "steps of the sampler whose energy ran away",
        "Any at all says that a region of the posterior was not explored, so that estimates may be biased.",
        _BETANCOURT,
    ),
    "max_tree_depth_hits": Entry(
        "Trajectories cut short",
        "Bayesian",
        "transitions that reached the longest trajectory allowed",
        "A matter of efficiency, not of bias: the draws that there are depend more on one another.",
        "Hoffman & Gelman 2014, doi:10.48550/arXiv.1111.4246",
    ),
    "ebfmi_min": Entry(
        "E-BFMI, least",
        "Bayesian",
        "how fast the sampler moves between energies: the worst chain",
        "Below 0.3 heavy tails are explored too slowly.",
        "Betancourt 2016, doi:10.48550/arXiv.1604.00695",
    ),
    "prior_sensitivity_max": Entry(
        "Sensitivity to the prior",
        "Bayesian",
        "how far the posterior moves when the prior is raised to a power near one: the most of all estimands",
        "Above 0.05 the conclusion depends on the prior: other priors should be tried.",
        "Kallioinen, Paananen, Bürkner & Vehtari 2024, doi:10.1007/s11222-023-10366-5",
    ),
    "pareto_k_max": Entry(
        "Pareto k of leave-one-out",
        "Bayesian",
        "how much one observation moves the posterior: tail of the importance weights, worst observation",
        "Above the threshold (0.7, less with few draws) that observation's score is unreliable unless refitted.",
        _VEHTARI_2024,
    ),
    "projection_pareto_k_max": Entry(
        "Pareto k of the projections",
        "Bayesian",
        "as for leave-one-out, of the weights that score the projected submodels",
        "Above the threshold the differences between submodels are uncertain.",
        _VEHTARI_2024,
    ),
    "projections_not_converged": Entry(
        "Projections not converged",
        "Bayesian",
        "projections of posterior draws to a submodel whose optimiser did not converge",
        "Any at all makes the search among submodels doubtful.",
        "Weber, Glass & Vehtari 2025, doi:10.1007/s00180-024-01506-0",
    ),
    "dial_rhat_max": Entry(
        "R-hat along the dial of penalties",
        "Bayesian",
        "disagreement between chains of the posteriors at the Lasso's penalties: the worst",
        f"1 says that chains agree. {_MORE_DRAWS}",
        _VEHTARI_2021,
    ),
    "held_out_rhat_max": Entry(
        "R-hat of the refits",
        "Bayesian",
        "disagreement between chains of the posteriors without a fold of the rows: the worst",
        f"1 says that chains agree. {_MORE_DRAWS}",
        _VEHTARI_2021,
    ),
    "residuals": Entry(
        "Predictive check of residuals",
        "Bayesian",
        "share of replicated panels whose residuals show more of something than the real ones; the smaller of this and "
        "its complement",
        "Below 0.02 the model's errors do not produce what the residuals show.",
        _PREDICTIVE,
    ),
    "Bayes factor": Entry(
        "Bayes factor against zero",
        "Bayesian",
        "density of the prior over that of the posterior at zero (Savage-Dickey)",
        "Not applicable where the prior has no density at zero, or is not the model's alone.",
        "Dickey 1971, doi:10.1214/aoms/1177693507",
    ),
    # convergence and information of likelihoods
    "gradient_norm": Entry(
        "Gradient at the maximum",
        "frequentist",
        "slope of the log-likelihood where the optimiser stopped: the largest",
        "Zero at a maximum; above the threshold the estimates are not the maximum-likelihood estimates.",
        _CHRISTENSEN,
    ),
    "hessian_condition": Entry(
        "Condition of the information",
        "frequentist",
        "largest over smallest eigenvalue of the negative Hessian",
        "A large number says that some combination of parameters is not identified by the data.",
        _CHRISTENSEN,
    ),
    "condition_number": Entry(
        "Condition of the information",
        "frequentist",
        "largest over smallest eigenvalue of the information, predictors on a common scale",
        "Above a million the data hardly tell some combination of parameters.",
        _CHRISTENSEN,
    ),
    "correct_decimals": Entry(
        "Correct decimals",
        "frequentist",
        "decimals of the estimates that a further step of the optimiser would not change: the least",
        "Fewer than 6 say that the optimiser stopped early.",
        _CHRISTENSEN,
    ),
    "newton_decrement": Entry(
        "Newton decrement",
        "frequentist",
        "how far the estimates are from the maximum: the next step in standard errors, or what it would still gain",
        "Above the threshold the optimiser did not converge.",
        "Boyd & Vandenberghe 2004, section 9.5.1, doi:10.1017/CBO9780511804441",
    ),
    "separation": Entry(
        "Separation",
        "frequentist",
        "parameters that run off to infinity because a predictor divides the levels of the outcome",
        "Any at all: the maximum-likelihood estimate does not exist; a prior or a penalty keeps it finite.",
        "Albert & Anderson 1984, doi:10.1093/biomet/71.1.1",
    ),
    "smallest_information": Entry(
        "Least information",
        "frequentist",
        "information on the least known logit over its predictor's range",
        "Near zero where levels of the outcome are separated: the estimate runs off to infinity.",
        "Albert & Anderson 1984, doi:10.1093/biomet/71.1.1",
    ),
    "unidentified_parameters": Entry(
        "Parameters not identified",
        "frequentist",
        "parameters along which the likelihood is flat",
        "Any at all: these parameters have no estimate of their own.",
        "Rothenberg 1971, doi:10.2307/1913267",
    ),
    "thresholds_crossed": Entry(
        "Crossed thresholds",
        "frequentist",
        "observations whose cumulative probabilities do not increase with the level",
        "Any at all: the model gives them negative probabilities.",
        "Peterson & Harrell 1990, doi:10.2307/2347760",
    ),
    "effects free between thresholds": Entry(
        "Effects free between thresholds",
        "frequentist",
        "share of rows at which the model with effects of each threshold gives negative probabilities",
        "Above one in a hundred the test against it means little.",
        "Peterson & Harrell 1990, doi:10.2307/2347760",
    ),
    "binary_model": Entry(
        "Binary model of one threshold",
        "frequentist",
        "whether the logit of levels up to a threshold against those above could be estimated",
        "A failure takes this threshold out of Brant's test.",
        "Brant 1990, doi:10.2307/2532457",
    ),
    "random_intercepts": Entry(
        "Intercepts of groups",
        "frequentist",
        "whether the estimator has the intercepts of groups that the spec asks for",
        "A warning: it was fitted without them, and says so.",
    ),
    "group_sd_at_zero": Entry(
        "Standard deviation of groups",
        "frequentist",
        "estimated standard deviation of the groups' intercepts",
        "An estimate of zero lies on the boundary: it says that the data show no difference, not that there is none.",
        "Self & Liang 1987, doi:10.1080/01621459.1987.10478472",
    ),
    "groups": Entry(
        "Groups",
        "frequentist",
        "number of groups",
        "Fewer than five hardly say how much groups vary.",
        "Gelman & Hill 2007, section 12.9, doi:10.1017/CBO9780511790942",
    ),
    "multinomial": Entry(
        "Multinomial logit",
        "frequentist",
        "whether the unordered model could be set beside the ordered one",
        "Not applicable: the reason stands beside it.",
    ),
    "profile intervals": Entry(
        "Profile likelihood intervals",
        "frequentist",
        "whether intervals could be read off the profile of the likelihood",
        "Not applicable: the reason stands beside it; the symmetric intervals still are there.",
    ),
    "effects_left_out": Entry(
        "Effects left out",
        "frequentist",
        "effects on probabilities that could not be computed",
        "A warning names them: the table of effects is not complete.",
    ),
    # items and predictors
    "smallest_expected_count": Entry(
        "Smallest expected count",
        "frequentist",
        "least count that independence would lead one to expect in a cell of the tables",
        "Below 5 the chi-square distribution of the test may be a poor approximation.",
        _COCHRAN,
    ),
    "screening_smallest_expected_count": Entry(
        "Smallest expected count, screening",
        "frequentist",
        "least count that independence would lead one to expect in a cell of the items' tables",
        "Below 5 the chi-square distribution of the test may be a poor approximation.",
        _COCHRAN,
    ),
    "small_expected_counts": Entry(
        "Small expected counts",
        "frequentist",
        "share of covariate patterns' cells with an expected count below 5",
        "Above a fifth Pearson's and the deviance statistic of fit cannot be read against chi-square.",
        _COCHRAN,
    ),
    "screening_untested_items": Entry(
        "Items not tested",
        "frequentist",
        "items with one category only, which no test can be made of",
        "A warning names them.",
    ),
    "exact_collinearity": Entry(
        "Exact collinearity",
        "frequentist",
        "predictors that are linear combinations of others",
        "Any at all: their coefficients are not identified.",
        "Belsley, Kuh & Welsch 1980, doi:10.1002/0471725153",
    ),
    "vif_max": Entry(
        "Variance inflation, largest",
        "frequentist",
        "by how much correlation with the other predictors inflates a coefficient's variance: the most",
        "10 is a convention: that coefficient's standard error is more than three times what it could be.",
        "Marquardt 1970, doi:10.2307/1267205",
    ),
    "condition_index_max": Entry(
        "Condition index, largest",
        "frequentist",
        "largest over each singular value of the scaled predictors: the most",
        "Above 30 some combination of predictors is nearly constant.",
        "Belsley, Kuh & Welsch 1980, doi:10.1002/0471725153",
    ),
    "imputations": Entry(
        "Imputations",
        "either",
        "number of completed data sets, against the number that makes standard errors repeatable or that the spec asks",
        "Fewer: another seed would give other standard errors.",
        "von Hippel 2020, doi:10.1177/0049124117747303",
    ),
    # the Lasso
    "lasso_kkt": Entry(
        "Lasso: conditions of the minimum",
        "frequentist",
        "largest violation of the Karush-Kuhn-Tucker conditions along the path",
        "Above the threshold some coefficients of the path are not those of the minimum.",
        _TIBSHIRANI,
    ),
    "lasso_constant_predictors": Entry(
        "Lasso: constant predictors",
        "frequentist",
        "predictors without variation, which the Lasso cannot take",
        "A warning names them: they are left out.",
        _TIBSHIRANI,
    ),
    "lasso_minimum_inside": Entry(
        "Lasso: minimum inside the path",
        "frequentist",
        "position of the penalty of least error on the path",
        "At the end of the path the least error may lie at a smaller penalty still.",
        _TIBSHIRANI,
    ),
    "lasso_cross_validation": Entry(
        "Lasso: cross-validation",
        "frequentist",
        "whether the path could be cross-validated",
        "A failure: there is no penalty of least error for this model.",
        _TIBSHIRANI,
    ),
    # dynamic panels
    "estimated": Entry(
        "Estimated",
        "frequentist",
        "whether GMM could be computed for the region",
        "A failure says why not.",
        _ROODMAN,
    ),
    "instruments": Entry(
        "Instruments",
        "frequentist",
        "number of instruments against the number of units",
        "More instruments than units overfit the endogenous variables and weaken Hansen's test.",
        _ROODMAN,
    ),
    "hansen_p": Entry(
        "Hansen's test",
        "frequentist",
        "p-value of the overidentifying restrictions, robust to unequal variances",
        "Below 0.05 the instruments are not valid together; near 1 there are too many for the test to say anything.",
        "Hansen 1982, doi:10.2307/1912775",
    ),
    "sargan_p": Entry(
        "Sargan's test",
        "frequentist",
        "p-value of the overidentifying restrictions for errors of one variance",
        "Below 0.05 the instruments or the equal variances are in doubt: never a failure by itself.",
        "Sargan 1958, doi:10.2307/1907619",
    ),
    "difference_hansen_p_min": Entry(
        "Difference-in-Hansen, least",
        "frequentist",
        "p-value of the group of instruments that the data speak against most",
        "Below the threshold, divided by the number of groups, these are not valid beside the others.",
        _ROODMAN,
    ),
    "ar_p": Entry(
        "Autocorrelation test",
        "frequentist",
        "p-value of no autocorrelation, of the order named, in the differenced residuals",
        "First order is expected; second order below 0.05 says that lags used as instruments are not valid.",
        "Arellano & Bond 1991, doi:10.2307/2297968",
    ),
    "two_step_weight_regular": Entry(
        "Weights of the second step",
        "frequentist",
        "whether the matrix of weights could be inverted (1) or not (0)",
        "0: a generalised inverse stands in, as where instruments exceed units.",
        _ROODMAN,
    ),
    "iterations_converged": Entry(
        "Iterations",
        "frequentist",
        "iterations of iterated GMM until the estimates stood still",
        "A warning: they did not, within the number allowed.",
        "Hansen, Heaton & Yaron 1996, doi:10.2307/1392442",
    ),
    "variances_positive": Entry(
        "Positive variances",
        "frequentist",
        "coefficients whose corrected variance is negative, counted below zero",
        "Any at all: these have no standard error; there are too many instruments for the units.",
        "Windmeijer 2005, doi:10.1016/j.jeconom.2004.02.005",
    ),
    "alpha_bracket": Entry(
        "Bracket of α",
        "frequentist",
        "whether the estimate lies between the within estimate, biased downwards, and least squares, biased upwards",
        "Outside of it the instruments or the model are in doubt.",
        "Bond 2002, doi:10.1007/s10258-002-0009-9",
    ),
    "solution_found": Entry(
        "Solution found",
        "frequentist",
        "whether the estimating equation of the bias-corrected estimator has a root (1) or not (0)",
        "0: the panel says too little about persistence for this correction.",
        "Breitung, Kripfganz & Hayakawa 2022, doi:10.1016/j.ecosta.2021.07.001",
    ),
    "delta_method_g": Entry(
        "Fieller's g, largest",
        "frequentist",
        "squared relative error of the divisor 1 - α of long-run effects",
        "Above 0.05 the symmetric intervals of long-run effects mislead: read Fieller's sets.",
        "Fieller 1954, doi:10.1111/j.2517-6161.1954.tb00159.x",
    ),
    "clusters": Entry(
        "Clusters",
        "frequentist",
        "units against coefficients",
        "With no more units than coefficients clustered standard errors say little.",
        "Cameron & Miller 2015, doi:10.3368/jhr.50.2.317",
    ),
    "kmo": Entry(
        "Kaiser-Meyer-Olkin measure",
        "either",
        "how much of the indicators' correlation is shared by all and not by pairs",
        "Kaiser calls below 0.5 unacceptable, 0.6 mediocre: a composite of them is no index of one thing.",
        "Kaiser 1974, doi:10.1007/BF02291575",
    ),
    "units_forecast": Entry(
        "Units with a forecast",
        "either",
        "units that both schools' forecasts of the last periods are scored on",
        "Those without enough earlier periods are left out of both.",
    ),
    "forecast": Entry(
        "Forecast",
        "frequentist",
        "whether GMM could forecast the last period of the region",
        "A warning says why not.",
    ),
    # printed tables
    "std_error_unbounded": Entry(
        "Standard errors without an upper bound",
        "frequentist",
        "cells whose t-value is printed as zero, so that rounding bounds the standard error from below only",
        "Any at all: what rests on these standard errors is one reading among others.",
    ),
    "rows_excluded": Entry(
        "Rows left out",
        "frequentist",
        "rows of the printed table that this reading cannot use",
        "A warning: see the table of readings.",
    ),
    "cochran_q_p_min": Entry(
        "Cochran's Q, least p-value",
        "frequentist",
        "p-value of equal effects in all regions: the least of all terms",
        "Below 0.05 a common effect is not enough.",
        "Cochran 1954, doi:10.2307/3001666",
    ),
    "reml_slope_max": Entry(
        "Slope of the restricted likelihood",
        "frequentist",
        "derivative in the between-region variance where the optimiser stopped: the largest",
        "Zero at a maximum; above the threshold that variance is not the REML estimate.",
        "Viechtbauer 2005, doi:10.3102/10769986030003261",
    ),
    "knapp_hartung_ratio_min": Entry(
        "Knapp-Hartung over plain standard error",
        "frequentist",
        "the adjusted standard error of a mean effect over the plain one: the least",
        "Below 1 the adjustment makes the result look more certain: read the truncated form too.",
        "Röver, Knapp & Friede 2015, doi:10.1186/s12874-015-0091-1",
    ),
    # comparisons
    "same_observations": Entry(
        "Same observations",
        "either",
        "whether the compared fits are of the same data and number of rows",
        "A warning: not only the approach differs between them.",
    ),
    "terms_compared": Entry(
        "Terms compared",
        "either",
        "number of terms that two or more fits have",
        "What one fit alone has is named beside it.",
    ),
    "held_out_estimates": Entry(
        "Refits without a fold",
        "frequentist",
        "refits without a fold of the rows whose estimates are not to be trusted",
        "Any at all: the scores of these folds are not reliable.",
    ),
}

_STEP = Entry(
    "", "either", "a step of the analysis", "Not applicable to these rows or this spec: the reason stands beside it."
)

# "hansen_p [north]", "solution_found (LSDV) [north]", "lasso_minimum_inside (gaussian: GCV)", "binary_model[1|2]",
# "effects free between thresholds: temp", "residuals: autocorrelation, order 1", "Bayes factor > 10", "ar2_p"
_PART = re.compile(r"\s*(\[.*\]|\(.*\)|: .*| > .*)$")
_ORDER = re.compile(r"^ar(?P<order>\d+)_p$")


def describe(check: Check) -> Entry:
    """What a check is about.

    Parameters
    ----------
    check : Check
        Its name may end with what it is of: "hansen_p [north]", "lasso_minimum_inside (gaussian: GCV)".

    Returns
    -------
    Entry
        A check that only says that a step of the analysis does not apply is described as one.

    Raises
    ------
    KeyError
        If the glossary lacks the name.
    """
    name = stem(check.name)
    if order := _ORDER.match(name):
        entry = ENTRIES["ar_p"]
        return replace(entry, title=f"{entry.title}, order {order['order']}")
    if name not in ENTRIES and check.value is None and check.status == "not applicable":
        return replace(_STEP, title=name[:1].upper() + name[1:])
    return ENTRIES[name]


def stem(name: str) -> str:
    """The name without what the check is of: a region, a model, a threshold, a term."""
    while (shorter := _PART.sub("", name)) != name:
        name = shorter
    return name
