"""Cumulative-logit maximum likelihood of printed contingency tables, item by item, with tests and intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy import optimize, stats

from bayesgov.association import Association, associate
from bayesgov.fits import Check, EstimatorFit, estimator_tree
from bayesgov.multiplicity import adjust
from bayesgov.published.contingency.design import ContingencyDesign, zero_sum_basis
from bayesgov.survey.likelihood import log_probabilities
from bayesgov.survey.mode import CumulativeMode, find_mode

_CONDITION_MAX = 1e8
_DECIMALS_MIN = 6


@dataclass(frozen=True, slots=True)
class ParallelLines:
    """Likelihood-ratio test of the proportional-odds model against its departures.

    Attributes
    ----------
    statistic : float
    df : int
        p (K - 2): effects of the p contrasts that may differ between the K - 1 cutpoints.
    p_value : float
    largest_change : float
        Largest difference between a cell probability of the proportional-odds fit and the observed share.
    mean_change : float
        Mean absolute difference, weighted by option size: what the departure amounts to.
    """

    statistic: float
    df: int
    p_value: float
    largest_change: float
    mean_change: float


def fit(design: ContingencyDesign, level: float = 0.95) -> EstimatorFit:
    """Fit every item apart by maximum likelihood.

    Returns
    -------
    EstimatorFit
        Terms ``option_effect[item, option]`` with Wald intervals; groups ``profile`` (limits and likelihood-ratio
        p-value of each effect = 0), ``association``, ``parallel_lines`` and ``convergence`` by item.
    """
    effects = np.einsum("ioj,ij->io", design.basis, design.mode)
    # the curvature is diagonal in an item's own basis
    std_error = np.sqrt(np.einsum("ioj,ij->io", design.basis**2, 1 / design.curvature))
    profile = [
        _profile_effect(design, i, o, level) for i in range(len(design.items)) for o in range(len(design.options))
    ]
    terms = [f"option_effect[{item}, {option}]" for item in design.items for option in design.options]
    names = ("lower", "upper", "lr_statistic", "p_value")
    groups = {
        "profile": xr.Dataset(
            {name: ("term", column) for name, column in zip(names, np.array(profile).T, strict=True)}, {"term": terms}
        ),
        "association": _by_item(screening_table(design, level)),
        "parallel_lines": _by_item(parallel_lines_table(design)),
        "convergence": _by_item(convergence_table(design)),
    }
    tree = estimator_tree(terms, effects.ravel(), std_error.ravel(), groups=groups)
    tree.attrs.update(estimator="maximum likelihood, cumulative logit", coding="zero-sum", level=level)
    return EstimatorFit("contingency-maximum-likelihood", tree, _checks(design))


def screening_table(design: ContingencyDesign, level: float = 0.95) -> pd.DataFrame:
    """chi², G², Cramér's V and adjusted p-values, one row an item.

    Columns: item, label, n, chi2, df, p_value, p_holm, p_bh, g2, p_g2, cramers_v, v_lower, v_upper, v_corrected.
    """
    results = [associate(table, level) for table in design.counts]
    p_values = np.array([result.p_chi2 for result in results])
    return pd.DataFrame(
        {
            "item": design.items,
            "label": design.item_labels,
            "n": design.counts.sum(axis=(1, 2)),
            "chi2": _values(results, "chi2"),
            "df": _values(results, "df"),
            "p_value": p_values,
            "p_holm": adjust(p_values, "holm"),
            "p_bh": adjust(p_values, "bh"),
            "g2": _values(results, "g2"),
            "p_g2": _values(results, "p_g2"),
            "cramers_v": _values(results, "cramers_v"),
            "v_lower": _values(results, "v_lower"),
            "v_upper": _values(results, "v_upper"),
            "v_corrected": _values(results, "v_corrected"),
        }
    )


def parallel_lines(table: np.ndarray, mode: CumulativeMode, basis: np.ndarray) -> ParallelLines:
    """Likelihood-ratio test of parallel lines in one table.

    With one categorical predictor the model whose effects differ between cutpoints is saturated: its maximum has the
    observed shares, whose cumulative logits are always in order.

    Parameters
    ----------
    table : ndarray, shape (n_options, n_levels)
    mode : CumulativeMode
        The proportional-odds fit with ``basis``, shape (n_options, n_options - 1).
    """
    share = table / table.sum(axis=1, keepdims=True)
    saturated = float(np.sum(table[table > 0] * np.log(share[table > 0])))
    statistic = max(0.0, 2 * (saturated - mode.log_likelihood))
    df = basis.shape[1] * (table.shape[1] - 2)
    change = np.abs(share - np.exp(log_probabilities(basis @ mode.coefficients, mode.cutpoints)))
    weight = table.sum(axis=1) / table.sum()
    return ParallelLines(
        statistic, df, float(stats.chi2.sf(statistic, df)), float(change.max()), float(weight @ change.mean(axis=1))
    )


def parallel_lines_table(design: ContingencyDesign) -> pd.DataFrame:
    """Parallel-lines tests: item, label, statistic, df, p_value, p_holm, largest_change, mean_change."""
    results = [
        parallel_lines(table, mode, basis)
        for table, mode, basis in zip(design.counts, design.maxima, design.basis, strict=True)
    ]
    p_values = _values(results, "p_value")
    return pd.DataFrame(
        {
            "item": design.items,
            "label": design.item_labels,
            "statistic": _values(results, "statistic"),
            "df": _values(results, "df"),
            "p_value": p_values,
            "p_holm": adjust(p_values, "holm"),
            "largest_change": _values(results, "largest_change"),
            "mean_change": _values(results, "mean_change"),
        }
    )


def proportional_odds_table(design: ContingencyDesign) -> pd.DataFrame:
    """Likelihood-ratio test that all options have the same outcome: item, label, lr_statistic, df, p_value."""
    rows = []
    for item, label, table, mode in zip(design.items, design.item_labels, design.counts, design.maxima, strict=True):
        totals = table.sum(axis=0)
        statistic = 2 * (mode.log_likelihood - float(totals @ np.log(totals / totals.sum())))
        df = table.shape[0] - 1
        rows.append((item, label, statistic, df, float(stats.chi2.sf(statistic, df))))
    return pd.DataFrame(rows, columns=["item", "label", "lr_statistic", "df", "p_value"])


def convergence_table(design: ContingencyDesign) -> pd.DataFrame:
    """How well each maximum was found: item, gradient_norm, condition, correct_decimals, iterations."""
    names = ("gradient_norm", "condition", "correct_decimals", "iterations")
    rows = [[getattr(mode, name) for name in names] for mode in design.maxima]
    return pd.DataFrame(rows, columns=list(names)).assign(item=design.items)[["item", *names]]


def effects_table(result: EstimatorFit, design: ContingencyDesign, level: float = 0.95) -> pd.DataFrame:
    """Option effects with both intervals.

    Columns: item, option, label, estimate, std_error, lower, upper (Wald), profile_lower, profile_upper, p_value
    (Wald), p_lr.
    """
    wald = result.estimates(level)
    profile = result.tree["profile"].to_dataset()
    return pd.DataFrame(
        {
            "item": np.repeat(design.items, len(design.options)),
            "option": np.tile(design.options, len(design.items)),
            "label": [label for labels in design.option_labels for label in labels],
            "estimate": wald["estimate"],
            "std_error": wald["std_error"],
            "lower": wald["lower"],
            "upper": wald["upper"],
            "profile_lower": profile["lower"].to_numpy(),
            "profile_upper": profile["upper"].to_numpy(),
            "p_value": wald["p_value"],
            "p_lr": profile["p_value"].to_numpy(),
        }
    )


def _profile_effect(design: ContingencyDesign, i: int, o: int, level: float) -> tuple[float, float, float, float]:
    """Profile limits, LR statistic and p-value of one zero-sum effect, the other effects and cutpoints maximised."""
    table, best = design.counts[i], design.maxima[i]
    estimate = float(design.basis[i, o] @ design.mode[i])
    std_error = float(np.sqrt(design.basis[i, o] ** 2 @ (1 / design.curvature[i])))
    others = np.arange(len(design.options)) != o
    # effect o fixed at v: the others share -v evenly, plus a zero-sum rest
    direction = np.where(others, -1 / others.sum(), 1.0)
    rest = np.zeros((len(design.options), len(design.options) - 2))
    rest[others] = zero_sum_basis(int(others.sum()))

    def deviance(value: float) -> float:
        return 2 * (best.log_likelihood - find_mode(table, rest, value * direction).log_likelihood)

    critical = float(stats.chi2.ppf(level, 1))
    reach = 1.5 * np.sqrt(critical) * std_error
    limits = []
    for side in (-1.0, 1.0):
        far = reach
        while deviance(estimate + side * far) < critical:
            far *= 2
        limits.append(
            optimize.brentq(lambda v: deviance(v) - critical, estimate, estimate + side * far, xtol=1e-6 * std_error)
        )
    statistic = max(0.0, deviance(0.0))
    return float(limits[0]), float(limits[1]), statistic, float(stats.chi2.sf(statistic, 1))


def _checks(design: ContingencyDesign) -> tuple[Check, ...]:
    norm = max(mode.gradient_norm for mode in design.maxima)
    condition = max(mode.condition for mode in design.maxima)
    decimals = min(mode.correct_decimals for mode in design.maxima)
    smallest = float(min((table.sum(1, keepdims=True) * table.sum(0) / table.sum()).min() for table in design.counts))
    return (
        _check("gradient_norm", norm, 1e-9, norm < 1e-9, "the optimiser did not reach the maximum"),
        _check(
            "hessian_condition", condition, _CONDITION_MAX, condition < _CONDITION_MAX, "a parameter is not identified"
        ),
        _check("correct_decimals", decimals, _DECIMALS_MIN, decimals >= _DECIMALS_MIN, "the optimiser stopped early"),
        Check(
            "smallest_expected_count",
            smallest,
            5.0,
            *(("pass", "") if smallest >= 5 else ("warn", "the chi-square approximation may be poor")),
        ),
    )


def _check(name: str, value: float, threshold: float, passed: bool, advice: str) -> Check:
    return Check(name, float(value), float(threshold), "pass" if passed else "fail", "" if passed else advice)


def _values(results: list[Association] | list[ParallelLines], name: str) -> np.ndarray:
    return np.array([getattr(result, name) for result in results])


def _by_item(frame: pd.DataFrame) -> xr.Dataset:
    return xr.Dataset.from_dataframe(frame.drop(columns="label", errors="ignore").set_index("item"))
