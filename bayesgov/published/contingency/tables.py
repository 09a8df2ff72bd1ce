"""Tidy result tables of the contingency reanalysis; p-values and posterior probabilities in columns of their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from bayesgov.fits import EstimatorFit, Fit, PosteriorFit
from bayesgov.published.contingency import conjugate, frequentist
from bayesgov.published.contingency.design import ContingencyDesign
from bayesgov.spec import ContingencySpec

_TAILS = (2.5, 50.0, 97.5)


def option_effects_table(
    likelihood: EstimatorFit, posteriors: Sequence[PosteriorFit], design: ContingencyDesign
) -> pd.DataFrame:
    """Option effects of every fit, long.

    Columns: fit, approach, item, option, label, estimate, std_error, lower, upper, interval, p_value, p_lr,
    profile_lower, profile_upper (frequentist only), probability_positive (Bayesian only). Effects are in logits, sum to
    zero within an item, and are positive where an option goes with higher levels.
    """
    n_effects = len(design.items) * len(design.options)
    keys = pd.DataFrame(
        {
            "item": np.repeat(design.items, len(design.options)),
            "option": np.tile(design.options, len(design.items)),
            "label": [label for labels in design.option_labels for label in labels],
        }
    )
    parts = []
    every: list[Fit] = [likelihood, *posteriors]
    for fit in every:
        estimates = fit.estimates().head(n_effects).drop(columns="term").reset_index(drop=True)
        parts.append(pd.concat([keys.assign(fit=fit.label, approach=fit.approach), estimates], axis=1))
    both = frequentist.effects_table(likelihood, design)
    parts[0] = parts[0].assign(
        p_lr=both["p_lr"], profile_lower=both["profile_lower"], profile_upper=both["profile_upper"]
    )
    result: pd.DataFrame = pd.concat(parts, ignore_index=True)
    first = ["fit", "approach", "item", "option", "label"]
    return result[[*first, *(name for name in result.columns if name not in first)]]


def association_table(
    design: ContingencyDesign,
    screening: pd.DataFrame,
    spec: ContingencySpec,
    quoted: PosteriorFit,
    saturated: PosteriorFit,
) -> pd.DataFrame:
    """Cramér's V and the evidence for dependence, one row an item, both approaches.

    Columns: item, label; cramers_v, v_confidence_lower, v_confidence_upper, v_corrected, p_value, p_holm, p_bh
    (frequentist); v_dirichlet, v_dirichlet_lower, v_dirichlet_upper, probability_relevant_dirichlet (model-free
    Dirichlet posterior); v_model, v_model_lower, v_model_upper, probability_relevant_model (implied by the quoted
    proportional-odds posterior); log10_bf_joint, log10_bf_independent (Bayes factor of dependence against independence
    under both sampling schemes). Relevant means V above the spec's ``relevant_v``; all intervals are 95%, equal-tailed.
    """
    free = _flat(saturated, "cramers_v")
    model = _flat(quoted, "cramers_v")
    factors = {
        name: [conjugate.log_bayes_factor(table, scheme) / np.log(10) for table in design.counts]
        for name, scheme in (
            ("log10_bf_joint", conjugate.JOINT_MULTINOMIAL),
            ("log10_bf_independent", conjugate.INDEPENDENT_MULTINOMIAL),
        )
    }
    low, middle, high = np.percentile(free, _TAILS, axis=0)
    model_low, model_middle, model_high = np.percentile(model, _TAILS, axis=0)
    return pd.DataFrame(
        {
            "item": design.items,
            "label": design.item_labels,
            "cramers_v": screening["cramers_v"],
            "v_confidence_lower": screening["v_lower"],
            "v_confidence_upper": screening["v_upper"],
            "v_corrected": screening["v_corrected"],
            "p_value": screening["p_value"],
            "p_holm": screening["p_holm"],
            "p_bh": screening["p_bh"],
            "v_dirichlet": middle,
            "v_dirichlet_lower": low,
            "v_dirichlet_upper": high,
            "probability_relevant_dirichlet": (free > spec.relevant_v).mean(axis=0),
            "v_model": model_middle,
            "v_model_lower": model_low,
            "v_model_upper": model_high,
            "probability_relevant_model": (model > spec.relevant_v).mean(axis=0),
            **factors,
        }
    )


def proportionality_table(design: ContingencyDesign, spec: ContingencySpec, saturated: PosteriorFit) -> pd.DataFrame:
    """Parallel lines under both approaches, one row an item.

    Columns: item, label, statistic, df, p_value, p_holm (likelihood-ratio test); largest_change, mean_change (in cell
    probabilities, what the departure amounts to); departure (posterior mean of the largest departure over options and
    pairs of cutpoints, logits), departure_lower, departure_upper, probability_departure (that the largest departure
    exceeds the spec's ``relevant_departure``), all from the model-free Dirichlet posterior.
    """
    largest = _flat(saturated, "departure")
    lower, upper = np.percentile(largest, (_TAILS[0], _TAILS[2]), axis=0)
    posterior = pd.DataFrame(
        {
            "departure": largest.mean(axis=0),
            "departure_lower": lower,
            "departure_upper": upper,
            "probability_departure": (largest > spec.relevant_departure).mean(axis=0),
        }
    )
    return pd.concat([frequentist.parallel_lines_table(design), posterior], axis=1)


def apart_together_table(
    apart: PosteriorFit, together: PosteriorFit, design: ContingencyDesign, spec: ContingencySpec
) -> pd.DataFrame:
    """Items fitted apart (normal prior, posterior a product over items) against together, one row an item.

    Columns: item, label, largest_shift (of a posterior mean of the item's effects, in posterior standard deviations of
    the fit apart), sd_ratio (together / apart, mean over options), v_apart, v_together (posterior medians),
    probability_relevant_apart, probability_relevant_together, rank_apart, rank_together (1 = largest V).
    """
    effects = {name: _flat(fit, "option_effect") for name, fit in (("apart", apart), ("together", together))}
    v = {name: _flat(fit, "cramers_v") for name, fit in (("apart", apart), ("together", together))}
    medians = {name: np.median(draws, axis=0) for name, draws in v.items()}
    sd = {name: draws.std(axis=0, ddof=1) for name, draws in effects.items()}
    shift = np.abs(effects["together"].mean(axis=0) - effects["apart"].mean(axis=0)) / sd["apart"]
    return pd.DataFrame(
        {
            "item": design.items,
            "label": design.item_labels,
            "largest_shift": shift.max(axis=1),
            "sd_ratio": (sd["together"] / sd["apart"]).mean(axis=1),
            "v_apart": medians["apart"],
            "v_together": medians["together"],
            "probability_relevant_apart": (v["apart"] > spec.relevant_v).mean(axis=0),
            "probability_relevant_together": (v["together"] > spec.relevant_v).mean(axis=0),
            "rank_apart": stats.rankdata(-medians["apart"], method="min").astype(int),
            "rank_together": stats.rankdata(-medians["together"], method="min").astype(int),
        }
    )


def comparison_table(fits: Sequence[PosteriorFit], spec: ContingencySpec) -> pd.DataFrame:
    """How far conclusions move from the first fit to each of the others (weights, or priors).

    Columns: fit, prior, weight, largest_shift (of a posterior mean of an option effect, in posterior standard
    deviations of the first fit), mean_sd_ratio (posterior sd against the first fit), largest_probability_change (of
    Pr(V > relevant_v)), items_relevant (with that probability above 0.95), signs_settled (effects with Pr(sign) above
    0.975), rank_correlation (Kendall's tau of the median V).
    """
    base_effect, base_v = _flat(fits[0], "option_effect"), _flat(fits[0], "cramers_v")
    rows = []
    for fit in fits:
        effect, v = _flat(fit, "option_effect"), _flat(fit, "cramers_v")
        relevant = (v > spec.relevant_v).mean(axis=0)
        positive = (effect > 0).mean(axis=0)
        rows.append(
            {
                "fit": fit.label,
                "prior": fit.tree.attrs["prior"],
                "weight": fit.tree.attrs["composite_weight"],
                "largest_shift": np.max(
                    np.abs(effect.mean(axis=0) - base_effect.mean(axis=0)) / base_effect.std(axis=0)
                ),
                "mean_sd_ratio": np.mean(effect.std(axis=0) / base_effect.std(axis=0)),
                "largest_probability_change": np.max(np.abs(relevant - (base_v > spec.relevant_v).mean(axis=0))),
                "items_relevant": int((relevant > 0.95).sum()),
                "signs_settled": int((np.maximum(positive, 1 - positive) > 0.975).sum()),
                "rank_correlation": stats.kendalltau(np.median(v, axis=0), np.median(base_v, axis=0)).statistic,
            }
        )
    return pd.DataFrame(rows)


def priors_table(fits: Sequence[PosteriorFit], spec: ContingencySpec) -> pd.DataFrame:
    """What each prior says before any count is seen, beside what the counts leave of it.

    Columns: fit, quantity ("option_effect" in logits, "cramers_v"), prior_lower, prior_median, prior_upper (central
    95% of the prior draws of all items), prior_probability_relevant and posterior_probability_relevant (of V above the
    spec's ``relevant_v``, mean over items; NaN for effects), posterior_lower, posterior_median, posterior_upper
    (posterior draws of all items pooled).
    """
    rows = []
    for fit in fits:
        groups = {name: fit.tree[name].to_dataset() for name in ("prior", "posterior")}
        for quantity in ("option_effect", "cramers_v"):
            if quantity not in groups["posterior"]:
                continue  # the model-free posterior has no effects
            row: dict[str, str | float] = {"fit": fit.label, "quantity": quantity}
            for name, group in groups.items():
                draws = group[quantity].to_numpy()
                summary = np.percentile(draws, _TAILS)
                row |= dict(zip((f"{name}_lower", f"{name}_median", f"{name}_upper"), summary, strict=True))
                relevant = float((draws > spec.relevant_v).mean()) if quantity == "cramers_v" else np.nan
                row[f"{name}_probability_relevant"] = relevant
            rows.append(row)
    return pd.DataFrame(rows)


def prior_sensitivity_table(fits: Sequence[PosteriorFit]) -> pd.DataFrame:
    """Power-scaling sensitivity of every option effect: fit, item, option, prior, likelihood."""
    parts = []
    for fit in fits:
        values = fit.tree["power_scaling"]["option_effect"].transpose("component", "item", "option")
        frame = pd.DataFrame(
            {name: values.sel(component=name).to_numpy().ravel() for name in ("prior", "likelihood")},
            index=pd.MultiIndex.from_product(
                [values["item"].to_numpy(), values["option"].to_numpy()], names=["item", "option"]
            ),
        ).reset_index()
        parts.append(frame.assign(fit=fit.label)[["fit", "item", "option", "prior", "likelihood"]])
    return pd.concat(parts, ignore_index=True)


def _flat(fit: PosteriorFit, name: str) -> np.ndarray:
    """Draws with chains joined, shape (n_samples, ...)."""
    values: np.ndarray = fit.tree["posterior"].to_dataset()[name].to_numpy()
    return values.reshape(-1, *values.shape[2:])
