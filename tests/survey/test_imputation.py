"""Multiple imputation: donors, admissible values, Rubin's rules, and unbiasedness where deletion is biased."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bayesgov.errors import InputError
from bayesgov.survey.imputation import _initial_intercept, _nearest, _predictions, impute, imputed_designs
from bayesgov.survey.pooling import enough_imputations, pool, pooled_fit
from bayesgov.survey.prepare import prepare
from bayesgov.survey.spec import CumulativeSpec

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "rubin.json").read_text(encoding="utf-8"))


def _survey(n, seed):
    rng = np.random.default_rng(seed)
    village = rng.integers(8, size=n)
    latent = rng.multivariate_normal(np.zeros(3), 0.4 + 0.6 * np.eye(3), size=n) + rng.normal(size=(8, 3))[village]
    frame = pd.DataFrame(
        {
            "village": pd.Categorical.from_codes(village, [f"v{i}" for i in range(8)]),
            "income": 1e6 + 1e5 * latent[:, 0],
            "item": pd.Categorical.from_codes(
                np.digitize(latent[:, 1], [-0.5, 0.5]), ["no", "some", "yes"], ordered=True
            ),
            "member": pd.array((latent[:, 2] > 0).astype(int), dtype="Int64"),
            "trade": pd.Categorical.from_codes(np.digitize(latent[:, 0], [-0.7, 0.7]), ["crafts", "farming", "office"]),
            "outcome": np.digitize(latent.sum(axis=1), [-1.0, 1.0]),
        }
    )
    for name in ("income", "item", "member", "trade"):
        frame.loc[rng.random(n) < 0.1, name] = None
    return frame


KINDS = {"income": "continuous", "item": "ordinal", "member": "binary", "trade": "nominal", "outcome": "ordinal"}


@pytest.fixture(scope="module")
def survey():
    return _survey(600, 1)


@pytest.fixture(scope="module")
def imputed(survey):
    return impute(survey, KINDS, 3, 7, group="village")


def test_only_missing_cells_change_and_values_are_admissible(survey, imputed):
    for frame in imputed.frames:
        assert not frame.isna().any().any()
        pd.testing.assert_series_equal(frame.dtypes, survey.dtypes)
        for name in survey:
            seen = survey[name].notna()
            pd.testing.assert_series_equal(frame.loc[seen, name], survey.loc[seen, name])
            assert set(frame.loc[~seen, name]) <= set(survey.loc[seen, name])
    assert imputed.missing == {name: int(survey[name].isna().sum()) for name in imputed.missing}
    assert list(imputed.missing.values()) == sorted(imputed.missing.values())


def test_imputations_differ_and_a_seed_repeats_them(survey, imputed):
    first, second = imputed.frames[:2]
    assert not first.equals(second)
    again = impute(survey, KINDS, 3, 7, group="village")
    pd.testing.assert_frame_equal(again.frames[2], imputed.frames[2])
    np.testing.assert_array_equal(again.trace, imputed.trace)


def test_row_labels_are_kept(survey):
    frame = survey.set_index(pd.Index(np.arange(len(survey))[::-1] * 3))
    completed = impute(frame, KINDS, 2, 7, group="village", cycles=1).frames[0]
    seen = frame["income"].notna()
    assert completed.index.equals(frame.index)
    pd.testing.assert_series_equal(completed.loc[seen, "income"], frame.loc[seen, "income"])


def test_imputed_values_follow_village_and_covariates():
    complete = _survey(4000, 3).dropna().reset_index(drop=True)
    rng = np.random.default_rng(2)
    holes = complete.copy()
    hidden = rng.random(len(complete)) < 0.3
    holes.loc[hidden, "income"] = np.nan
    hidden_trade = rng.random(len(complete)) < 0.3
    holes.loc[hidden_trade, "trade"] = None
    filled = impute(holes, KINDS, 2, 5, group="village").frames[0]
    true_mean = complete.loc[hidden].groupby("village", observed=True)["income"].mean()
    mean = filled.loc[hidden].groupby("village", observed=True)["income"].mean()
    # some 100 hidden rows a village: standard error of a mean about 1e4, village means spread over some 1e5
    assert np.abs(mean - true_mean).max() < 5e4
    assert np.corrcoef(mean, true_mean)[0, 1] > 0.95
    # a category of the same latent as income: random guesses would agree in little more than a third
    agreement = np.mean(filled.loc[hidden_trade, "trade"] == complete.loc[hidden_trade, "trade"])
    assert agreement > 0.5


@pytest.mark.parametrize("n_responses", [1, 2])
def test_donors_are_among_the_nearest(n_responses):
    rng = np.random.default_rng(4)
    observed = rng.normal(size=(300, n_responses)).round(1)  # rounded: many ties
    wanted = rng.normal(scale=1.5, size=(200, n_responses))
    chosen = _nearest(observed, wanted, 5, rng)
    distance = np.linalg.norm(observed[None] - wanted[:, None], axis=2)
    limit = np.sort(distance, axis=1)[:, 4]
    # a tie with the fifth nearest is as good as the fifth nearest; noise of 1e-9 breaks ties
    assert np.all(distance[np.arange(200), chosen] <= limit + 1e-7)


def test_ties_are_broken_at_random():
    chosen = _nearest(np.zeros((50, 1)), np.zeros((2000, 1)), 5, np.random.default_rng(0))
    assert np.unique(chosen).size == 50


def test_few_donors_are_shared():
    chosen = _nearest(np.array([[0.0], [1.0], [2.0]]), np.array([[5.0], [-5.0]]), 5, np.random.default_rng(0))
    assert set(chosen) <= {0, 1, 2}


def test_rubins_rules_against_the_formulas_in_r():
    std_error = np.array(REFERENCE["std_errors"])
    covariances = np.array([np.diag(row**2) for row in std_error])
    pooled = pool(np.array(REFERENCE["estimates"]), covariances, REFERENCE["complete_df"])
    # R printed 12 digits
    for name, value in {
        "between": np.diag(pooled.between),
        "within": np.diag(pooled.within),
        "total": pooled.std_error**2,
        "r": pooled.increase,
        "new": pooled.df,
        "fraction": pooled.missing_information,
        "efficiency": pooled.efficiency,
    }.items():
        np.testing.assert_allclose(value, REFERENCE[name], rtol=1e-10, err_msg=name)
    np.testing.assert_allclose(pool(REFERENCE["estimates"], covariances).df, REFERENCE["old"], rtol=1e-10)


def test_pooling_without_missing_values_gives_the_complete_analysis_back():
    covariances = np.tile(np.diag([0.04, 0.09]), (5, 1, 1))
    pooled = pool(np.tile([1.0, 2.0], (5, 1)), covariances)
    np.testing.assert_allclose(pooled.std_error, [0.2, 0.3])
    assert np.all(np.isinf(pooled.df))
    np.testing.assert_array_equal(pooled.missing_information, 0)
    # Barnard & Rubin: nu (nu + 1) / (nu + 3) where nothing is missing
    np.testing.assert_allclose(pool(np.tile([1.0, 2.0], (5, 1)), covariances, 30).df, 30 * 31 / 33)


def test_pooled_fit_has_t_intervals_and_says_how_many_imputations_it_takes():
    std_error = np.array(REFERENCE["std_errors"])
    pooled = pool(REFERENCE["estimates"], np.array([np.diag(row**2) for row in std_error]), 30)
    fit = pooled_fit(pooled, ("oxygen", "runtime", "pulse"), "imputed")
    table = fit.estimates(0.9)
    reach = stats.t.ppf(0.95, pooled.df) * pooled.std_error
    np.testing.assert_allclose(table["upper"] - table["estimate"], reach)
    check = enough_imputations(pooled)
    # von Hippel: 1 + (0.134 / 0.05)² / 2 = 4.6, so five are enough for that precision, not for one percent
    assert (check.value, check.threshold, check.status) == (5, 5, "pass")
    strict = enough_imputations(pooled, 0.01)
    assert strict.status == "warn"
    assert "imputations = 91" in strict.advice


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.assign(income=np.nan), "income has 0 different observed values"),
        (lambda f: f.assign(income=f["item"].astype(str)), "income must be numeric or categorical"),
        (lambda f: f.drop(columns="income"), "income is not a column"),
        (lambda f: f.assign(village=f["village"].where(f.index > 4)), "village has 5 missing values"),
        (lambda f: f.head(8), "cannot be regressed"),
    ],
)
def test_bad_input_is_named(survey, change, message):
    with pytest.raises(ValueError, match=message):
        impute(change(survey), KINDS, 2, 1, group="village")


def test_one_imputation_is_not_multiple(survey):
    with pytest.raises(ValueError, match="m of 2 or more; got 1"):
        impute(survey, KINDS, 1, 1)
    with pytest.raises(ValueError, match="m of 2 or more"):
        pool(np.ones((1, 2)), np.ones((1, 2, 2)))


def test_regression_parameters_are_drawn_with_their_uncertainty():
    rng = np.random.default_rng(3)
    n, codes = 40, np.arange(50) % 5
    x = np.column_stack([np.ones(50), rng.normal(size=50)])
    response = (x @ [1.0, 2.0] + rng.normal(size=50))[:, None]
    missing = np.arange(50) >= n
    draws = [_predictions(x, response, missing, None, None, rng).missing[:, 0] for _ in range(4000)]
    # whitened by the drawn residual scale: E[x b / sigma] and its variance x (X'X)^-1 x' + (x b)² Var(1 / sigma)
    estimate = np.linalg.lstsq(x[:n], response[:n], rcond=None)[0]
    residual = (response[:n] - x[:n] @ estimate)[:, 0]
    degrees = n - 2
    precision = stats.chi(degrees).mean() / np.sqrt(residual @ residual)
    mean = (x[missing] @ estimate)[:, 0] * precision
    leverage = np.einsum("ij,jk,ik->i", x[missing], np.linalg.inv(x[:n].T @ x[:n]), x[missing])
    variance = leverage + (mean / precision) ** 2 * stats.chi(degrees).var() / (residual @ residual)
    error = np.sqrt(variance / 4000)
    assert np.all(np.abs(np.mean(draws, axis=0) - mean) < 4 * error)
    np.testing.assert_allclose(np.var(draws, axis=0), variance, rtol=4 * np.sqrt(2 / 4000))
    intercept = _predictions(x, response, missing, codes, _initial_intercept(codes, 1), rng).intercept
    assert intercept.effect.shape == (5, 1)
    assert intercept.variance > 0


def test_designs_of_a_spec(survey):
    spec = CumulativeSpec(
        formula="outcome ~ income + item + member + trade + (1|village)", missing="impute", imputations=3
    )
    frame = survey.assign(income=survey["income"] / 1e6, weight=2.0)
    designs, imputations = imputed_designs(prepare(spec, frame), seed=4)
    assert len(designs) == 3
    first, second = designs[:2]
    assert first.n_obs == len(frame)
    assert first.terms == second.terms
    assert np.isfinite(first.x).all()
    changed = np.flatnonzero((first.x != second.x).any(axis=1))
    incomplete = np.flatnonzero(frame[["income", "item", "member", "trade"]].isna().any(axis=1))
    assert changed.size > 0
    assert set(changed) <= set(incomplete)
    assert set(imputations.missing) == {"income", "item", "member", "trade"}
    with pytest.raises(InputError, match="repeat rows by weight"):
        imputed_designs(prepare(spec.model_copy(update={"weights": "weight"}), frame), seed=4)


def test_what_cannot_be_imputed_is_named_at_the_border(survey):
    spec = CumulativeSpec(formula="outcome ~ item", missing="impute")
    prepared = prepare(spec, survey.head(4).assign(outcome=[0, 1, 2, 1], item=["no", None, "yes", "some"]))
    with pytest.raises(InputError, match="cannot be regressed"):
        imputed_designs(prepared, seed=1)


def _regression(x, y):
    design = np.column_stack([np.ones(y.size), x])
    inverse = np.linalg.inv(design.T @ design)
    estimate = inverse @ design.T @ y
    residual = y - design @ estimate
    return estimate, inverse * (residual @ residual) / (y.size - design.shape[1])


@pytest.mark.slow
def test_unbiased_and_calibrated_where_deletion_is_biased():
    # x1 goes missing where the outcome is high: at random given y, so deletion is biased and imputation is not
    truth, n, repetitions = np.array([0.0, 0.7, 0.5]), 1000, 300
    pooled_error, listwise_error, covered = [], [], []
    for repetition in range(repetitions):
        rng = np.random.default_rng(repetition)
        x = rng.multivariate_normal([0, 0], [[1, 0.4], [0.4, 1]], size=n)
        y = x @ truth[1:] + rng.normal(size=n)
        frame = pd.DataFrame({"x1": x[:, 0], "x2": x[:, 1], "y": y})
        frame.loc[rng.random(n) < 1 / (1 + np.exp(0.5 - 0.6 * y)), "x1"] = np.nan
        kept = frame.dropna()
        listwise_error.append(_regression(kept[["x1", "x2"]], kept["y"].to_numpy())[0] - truth)
        result = impute(frame, dict.fromkeys(frame, "continuous"), 10, repetition, cycles=5)
        fits = [_regression(f[["x1", "x2"]], f["y"].to_numpy()) for f in result.frames]
        pooled = pool(np.array([e for e, _ in fits]), np.array([c for _, c in fits]), n - 3)
        reach = stats.t.ppf(0.975, pooled.df) * pooled.std_error
        covered.append(np.abs(pooled.estimate - truth) < reach)
        pooled_error.append(pooled.estimate - truth)
    bias, spread = np.mean(pooled_error, axis=0), np.std(pooled_error, axis=0)
    # five donors are not infinitely near: 0.015 of bias is granted, a third of a standard error; deletion has 0.05
    # in the slope and 0.2 in the intercept
    assert np.all(np.abs(bias) < 3 * spread / np.sqrt(repetitions) + 0.015)
    assert np.all(np.abs(np.mean(listwise_error, axis=0))[:2] > [0.18, 0.045])
    # 95 % intervals; binomial standard error over 300 repetitions is 1.3 points
    assert np.all(np.abs(np.mean(covered, axis=0) - 0.95) < 0.045)
