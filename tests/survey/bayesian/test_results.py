"""Tables of a posterior: against direct computation from the draws, and for what a reader concludes from them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from survey.ordinal_draws import asymptotic_draws

from bayesgov.survey.bayesian.results import posterior_summary, probability_curve
from bayesgov.survey.design import MissingColumn, design_from_arrays
from bayesgov.survey.predictive import thinned
from bayesgov.survey.simulate import benchmark_design
from bayesgov.survey.spec import CumulativeSpec, RopeSpec

SPEC = CumulativeSpec(formula="y ~ x", rope=RopeSpec(probability=0.02))


@pytest.fixture(scope="module")
def grouped():
    """Of four predictors the first and the third matter."""
    design = benchmark_design(3000, 4, 4, 6, seed=3).design
    return design, asymptotic_draws(design, seed=4, draws=200)


@pytest.fixture(scope="module")
def summary(grouped):
    return posterior_summary(*grouped, SPEC, draws=400)


def _average(design, posterior, change):
    """Average probabilities of the levels by hand, shape (n_draws, n_levels)."""
    threshold, beta, effect = (
        posterior[name].values.reshape(-1, posterior[name].shape[-1]) for name in ("threshold", "beta", "group_effect")
    )
    shares = []
    for cuts, slope, village in zip(threshold, beta, effect, strict=True):
        below = expit(cuts - (change(design.x) @ slope + village[design.group])[:, None])
        shares.append(np.diff(below, axis=1, prepend=0, append=1).mean(axis=0))
    return np.array(shares)


def test_coefficients(grouped, summary):
    _, posterior = grouped
    table, beta = summary.coefficients, posterior["beta"].values.reshape(-1, 4)
    np.testing.assert_allclose(table["estimate"], np.median(beta, axis=0))
    np.testing.assert_allclose(table["lower"], np.quantile(beta, 0.025, axis=0))
    np.testing.assert_allclose(table["ratio"], np.exp(np.median(beta, axis=0)))
    np.testing.assert_allclose(table[["ratio_lower", "ratio_upper"]], np.exp(table[["lower", "upper"]]))
    assert set(table["ratio_name"]) == {"odds ratio of a higher level"}
    assert set(table["interval"]) == {"95% equal-tailed credible"}
    positive = (beta > 0).mean(axis=0)
    np.testing.assert_allclose(table["probability_of_direction"], np.maximum(positive, 1 - positive))


def test_effects_and_probabilities_by_hand(grouped, summary):
    design, posterior = grouped
    kept = thinned(posterior, 400)
    plain = _average(design, kept, lambda x: x)
    np.testing.assert_allclose(summary.probabilities["estimate"], np.median(plain, axis=0), atol=1e-12)
    # one step up of the third score, the top coming up to it from the step below
    low = np.minimum(design.x[:, 2], 4)

    def at(values):
        return lambda x: np.column_stack([x[:, :2], values, x[:, 3:]])

    step = _average(design, kept, at(low + 1)) - _average(design, kept, at(low))
    table = summary.effects[summary.effects["term"] == "x3"]
    np.testing.assert_allclose(table["estimate"], np.median(step, axis=0), atol=1e-12)
    np.testing.assert_allclose(table["upper"], np.quantile(step, 0.975, axis=0), atol=1e-12)
    largest = np.abs(step).max(axis=1)
    row = summary.coefficients.set_index("term").loc["x3"]
    assert row["largest_change"] == pytest.approx(np.median(largest))
    assert row["probability_negligible"] == pytest.approx((largest < 0.02).mean())
    # independent draws: the error of a median is sqrt(pi / 2) standard errors of a mean
    expected = np.sqrt(np.pi / 2) * table["std_error"] / np.sqrt(400)
    np.testing.assert_allclose(table["mc_error"], expected, rtol=0.5)


def test_what_a_reader_concludes(summary):
    table = summary.coefficients.set_index("term")
    assert (table.loc[["x1", "x3"], "probability_of_direction"] > 0.999).all()
    assert (table.loc[["x1", "x3"], "probability_negligible"] < 0.05).all()
    assert (table.loc[["x2", "x4"], "probability_negligible"] > 0.95).all()
    assert summary.draws == 400
    assert summary.left_out == 0
    sums = summary.effects.groupby("term")["estimate"].sum()
    np.testing.assert_allclose(sums, 0, atol=1e-3)  # medians of parts that sum to zero draw by draw
    assert (summary.probabilities["observed"].sum(), summary.effects["change"].unique()) == (1, ["step"])


@pytest.mark.parametrize(
    ("family", "link", "name", "sign"),
    [
        ("cumulative", "cloglog", "hazard ratio of stopping at a level", -1),
        ("cumulative", "loglog", "reversed hazard ratio", 1),
        ("adjacent", "logit", "odds ratio of the next higher level", 1),
        ("continuation", "logit", "odds ratio of passing a level", 1),
    ],
)
def test_ratios_mean_what_their_names_say(family, link, name, sign):
    """The named ratio, from the probabilities of the model at x = 0 and x = 1."""
    from bayesgov.survey.response import probabilities

    design = design_from_arrays(
        np.array([0, 1, 2, 0, 1, 2]), np.array([[0.0], [1], [0], [1], [0], [1]]), levels="abc", terms=("x",)
    )
    posterior = asymptotic_draws(design, seed=1, draws=20)
    spec = CumulativeSpec(formula="y ~ x", family=family, link=link)
    table = posterior_summary(design, posterior, spec).coefficients
    assert table.loc[0, "ratio_name"] == name
    assert table.loc[0, "ratio"] == pytest.approx(np.exp(sign * table.loc[0, "estimate"]), rel=1e-12)
    assert table.loc[0, "ratio_lower"] < table.loc[0, "ratio"] < table.loc[0, "ratio_upper"]
    cuts, slope = np.array([-0.5, 0.8]), table.loc[0, "estimate"]
    p = probabilities(spec, cuts[:, None] - slope * np.array([0.0, 1.0]))
    at_most, above = p.cumsum(axis=0)[:-1], p[::-1].cumsum(axis=0)[::-1][1:]
    quantity = {
        "hazard ratio of stopping at a level": -np.log(above),  # cumulative hazard of stopping
        "reversed hazard ratio": -np.log(at_most),
        "odds ratio of the next higher level": p[1:] / p[:-1],
        "odds ratio of passing a level": above / p[:-1],
    }[name]
    np.testing.assert_allclose(quantity[:, 1] / quantity[:, 0], table.loc[0, "ratio"], rtol=1e-10)


def test_links_without_a_ratio_have_none(grouped):
    design, posterior = grouped
    spec = CumulativeSpec(formula="y ~ x", link="probit")
    table = posterior_summary(design, posterior, spec, draws=8).coefficients
    assert table["ratio"].isna().all()
    assert set(table["ratio_name"]) == {""}


def test_interactions_have_no_change_of_their_own():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 2))
    x = np.column_stack([x, x[:, 0] * x[:, 1]])
    y = np.digitize(x @ [1.0, -0.5, 0.3] + rng.logistic(size=200), [-1.0, 1.0])
    design = design_from_arrays(y, x, levels="abc", terms=("u", "v", "u:v"))
    found = posterior_summary(design, asymptotic_draws(design, seed=1, draws=20), SPEC)
    assert found.coefficients["change"].isna().tolist() == [False, False, True]
    assert set(found.effects["term"]) == {"u", "v"}
    assert set(found.effects["change"]) == {"derivative"}


def test_rows_with_modelled_cells_are_left_out_and_counted(grouped):
    design, posterior = grouped
    x = design.x.copy()
    x[[3, 5], 1] = np.nan
    holes = replace(design, x=x, missing=(MissingColumn(1, np.array([3, 5]), "ordinal", (1.0, 2.0, 3.0, 4.0, 5.0)),))
    found = posterior_summary(holes, posterior, SPEC, draws=40)
    assert found.left_out == 2
    without = posterior_summary(design.take(~np.isin(np.arange(3000), [3, 5])), posterior, SPEC, draws=40)
    pd.testing.assert_frame_equal(found.effects, without.effects)


def test_curve(grouped):
    design, posterior = grouped
    table = probability_curve(design, posterior, SPEC, "x1", draws=100)
    assert table["value"].unique().tolist() == [1, 2, 3, 4, 5]
    lowest = table[table["level"] == design.levels[0]]["estimate"]
    assert lowest.is_monotonic_decreasing  # a positive effect
    mean = design.x.mean(axis=0)
    mean[0] = 2
    kept = thinned(posterior, 100)
    below = expit(kept["threshold"].values - (kept["beta"].values @ mean)[..., None])
    by_hand = np.median(np.diff(below, axis=-1, prepend=0, append=1), axis=(0, 1))
    np.testing.assert_allclose(table[table["value"] == 2]["estimate"], by_hand, atol=1e-12)
    with pytest.raises(ValueError, match="term must be one of x1, x2, x3, x4; got z"):
        probability_curve(design, posterior, SPEC, "z")


def test_level_is_checked(grouped):
    with pytest.raises(ValueError, match="level must lie between 0 and 1"):
        posterior_summary(*grouped, SPEC, level=95)
