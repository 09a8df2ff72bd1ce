"""Replicated outcomes: exact where there is an exact answer, alarmed where the model is wrong, quiet where right."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from scipy.special import logit
from survey.ordinal_draws import asymptotic_draws

from bayesgov.survey.design import design_from_arrays
from bayesgov.survey.predictive import block_of_draws, thinned
from bayesgov.survey.replication import (
    ReplicatedShares,
    calibration,
    parts_of,
    pit_histogram,
    predicted_shares,
    replicated_shares,
)
from bayesgov.survey.response import probabilities
from bayesgov.survey.simulate import benchmark_design
from bayesgov.survey.spec import CumulativeSpec

LOGIT = CumulativeSpec(formula="y ~ x")
SHARES = np.array([0.2, 0.5, 0.3])


def _known(n_draws, beta=(), shares=SHARES):
    """Draws that all say the same."""
    cuts = logit(shares.cumsum()[:-1])
    return xr.Dataset(
        {
            "threshold": (("chain", "draw", "cut"), np.tile(cuts, (1, n_draws, 1))),
            "beta": (("chain", "draw", "term"), np.tile(np.asarray(beta, dtype=float), (1, n_draws, 1))),
        }
    )


@pytest.fixture(scope="module")
def grouped():
    design = benchmark_design(1200, 3, 4, 6, seed=3).design
    return design, asymptotic_draws(design, seed=4, draws=100)


@pytest.mark.parametrize("weighted", [False, True])
def test_replicates_have_the_models_distribution(weighted):
    """Parameters known: a category's count in a part is binomial, whether rows are single or merged."""
    n_obs = 60
    y = np.repeat([0, 1, 2], 20)
    if weighted:
        design = design_from_arrays(np.arange(3), np.zeros((3, 0)), levels="abc", terms=(), weights=np.full(3, 20.0))
    else:
        design = design_from_arrays(y, np.zeros((n_obs, 0)), levels="abc", terms=())
    (found,) = replicated_shares(design, _known(4000), LOGIT, seed=1, draws=4000)
    assert found.n_obs.tolist() == [60]
    np.testing.assert_allclose(found.observed, [[1 / 3] * 3])
    np.testing.assert_allclose(found.replicated.sum(axis=2), 1)
    sd = np.sqrt(SHARES * (1 - SHARES) / n_obs)
    np.testing.assert_allclose(found.replicated.mean(axis=0)[0], SHARES, atol=4 * sd.max() / np.sqrt(4000))
    # relative error of a standard deviation from 4,000 draws: 1 / sqrt(8000); four of them
    np.testing.assert_allclose(found.replicated.std(axis=0)[0], sd, rtol=0.045)
    # P(X < 20) + P(X = 20) / 2
    binomial = stats.binom(n_obs, SHARES)
    np.testing.assert_allclose(found.tail_area[0], binomial.cdf(19) + 0.5 * binomial.pmf(20), atol=0.032)


def test_ties_count_half():
    shares = ReplicatedShares(
        "all", ("all",), ("a", "b"), np.array([4.0]), np.array([[0.5, 0.5]]), np.array([[[0.25, 0.75]], [[0.5, 0.5]]])
    )
    np.testing.assert_allclose(shares.tail_area, [[0.75, 0.25]])
    assert list(shares.frame()["part"]) == ["all", "all"]


def test_fractional_weights_carry_their_rows():
    design = design_from_arrays(
        np.array([0, 1, 2, 1]), np.zeros((4, 0)), levels="abc", terms=(), weights=np.array([0.5, 1.5, 1.0, 2.25])
    )
    (found,) = replicated_shares(design, _known(50), LOGIT, seed=1)
    assert found.n_obs.tolist() == [5.25]
    np.testing.assert_allclose(found.replicated.sum(axis=2), 1)
    np.testing.assert_allclose(found.observed, [[0.5 / 5.25, 3.75 / 5.25, 1 / 5.25]])


def test_a_right_model_is_not_accused(grouped):
    design, posterior = grouped
    for shares in replicated_shares(design, posterior, LOGIT, seed=1):
        table = shares.frame()
        inside = (table["observed"] >= table["lower"]) & (table["observed"] <= table["upper"])
        assert inside.mean() > 0.85
        assert shares.n_obs.sum() == pytest.approx(1200)
    names = [shares.variable for shares in replicated_shares(design, posterior, LOGIT, seed=1, draws=8)]
    assert names == ["all", "village", "x1", "x2", "x3"]


def test_a_wrong_model_is_accused(grouped):
    """The reversed effect of x1 shows where x1 splits the rows, and not in the total."""
    design, posterior = grouped
    wrong = posterior.assign(beta=posterior["beta"] * np.array([-1.0, 1, 1]))
    shift = 2 * (posterior["beta"].values @ np.diag([1.0, 0, 0]) @ design.x.mean(axis=0))[..., None]
    wrong["threshold"] = posterior["threshold"] - shift
    by_name = {shares.variable: shares for shares in replicated_shares(design, wrong, LOGIT, seed=1)}
    assert np.abs(by_name["x1"].tail_area - 0.5).max() > 0.499
    assert np.abs(by_name["x1"].observed - by_name["x1"].replicated.mean(axis=0)).max() > 0.1


def test_parts_follow_the_coding():
    x = np.array([[0, 0, 3, 0.1], [1, 0, 1, 0.2], [0, 1, 3, 0.3], [0, 0, 1, 0.4]])
    many = np.vstack([np.c_[x[:, :3], np.linspace(0, 1, 4) + shift] for shift in np.arange(7) / 10])
    design = design_from_arrays(
        np.zeros(28, dtype=int), many, levels="ab", terms=("f[b]", "f[c]", "s", "q"), factors=("f", "f", "s", "q")
    )
    parts = parts_of(design)
    assert set(parts) == {"all", "f", "s", "q"}
    assert parts["f"][0] == ("reference level", "f[c]", "f[b]")
    assert parts["f"][1][:4].tolist() == [0, 2, 1, 0]
    assert parts["s"][0] == ("1", "3")
    assert np.bincount(parts["q"][1]).tolist() == [7, 7, 7, 7]
    with pytest.raises(ValueError, match="parts are made of factors of the model, f, s, q; got z"):
        parts_of(design, ("z",))


def test_calibration_compares_like_with_like(grouped):
    design, posterior = grouped
    table = calibration(design, posterior, LOGIT, seed=1, bins=5, draws=200)
    assert table.groupby("level")["n_obs"].sum().tolist() == [1200.0] * 4
    # bins hold increasing predictions, and the model that made them predicts them on average
    assert table.groupby("level")["predicted"].apply(lambda column: column.is_monotonic_increasing).all()
    assert ((table["observed"] >= table["lower"]) & (table["observed"] <= table["upper"])).mean() > 0.8
    whole = (table["predicted"] * table["n_obs"]).groupby(table["level"]).sum() / 1200
    values = block_of_draws(thinned(posterior, 200), design)
    eta = design.x @ values.beta.T + values.group_effect.T[design.group]
    average = probabilities(LOGIT, values.threshold.T[:, None, :] - eta).mean(axis=(1, 2))
    np.testing.assert_allclose(whole, average, atol=1e-12)


def test_pit_histogram():
    rng = np.random.default_rng(2)
    at_most = np.sort(rng.uniform(size=(3, 4000)), axis=0)
    y = (rng.uniform(size=4000) >= at_most).sum(axis=0)
    flat = pit_histogram(at_most, y, np.ones(4000))
    assert flat["height"].sum() == pytest.approx(10)
    np.testing.assert_allclose(flat["height"], 1, atol=4 * flat["std_error"].max())
    # one row, by hand: y = 1 of 3 with P(y < 1) = .25, P(y <= 1) = .75 spreads its mass over [.25, .75]
    one = pit_histogram(np.array([[0.25], [0.75]]), np.array([1]), np.array([2.0]), bins=4)
    np.testing.assert_allclose(one["height"], [0, 2, 2, 0])
    # predictions that are too wide make a hump in the middle
    spread = rng.uniform(0.4, 0.6, size=4000)
    wide = pit_histogram(np.array([spread - 0.3, spread + 0.3]), np.ones(4000, dtype=int), np.ones(4000))
    assert wide["height"].iloc[4:6].min() > wide["height"].iloc[[0, -1]].max() + 1


def test_predicted_shares_serve_prior_and_posterior(grouped):
    design, posterior = grouped
    prior = posterior.copy(deep=True)
    prior["threshold"] = prior["threshold"] * 0 + logit(np.array([0.25, 0.5, 0.75]))
    prior["beta"], prior["group_effect"] = prior["beta"] * 0, prior["group_effect"] * 0
    table = predicted_shares(design, prior, LOGIT)
    np.testing.assert_allclose(table[["mean", "median", "lower", "upper"]], 0.25, atol=1e-12)
    fitted = predicted_shares(design, posterior, LOGIT)
    # at the maximum the average prediction equals the observed shares (Pratt 1981); draws scatter around it
    np.testing.assert_allclose(fitted["mean"], fitted["observed"], atol=0.01)
    assert np.all((fitted["lower"] < fitted["observed"]) & (fitted["observed"] < fitted["upper"]))
