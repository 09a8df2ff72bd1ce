"""The ordinal Lasso: glmnet's binomial path with two levels, its conditions of optimality and the MLE with more."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from survey.frequentist import lasso_data

from bayesgov.survey.design import design_from_arrays
from bayesgov.survey.frequentist.lasso import gaussian_path
from bayesgov.survey.frequentist.lasso_ordinal import ordinal_cross_validation, ordinal_path
from bayesgov.survey.frequentist.lasso_path import make_folds
from bayesgov.survey.frequentist.proximal_newton import Loss, minimise_penalised, positive_definite
from bayesgov.survey.likelihood import log_likelihood
from bayesgov.survey.mode import find_mode
from bayesgov.survey.ordinal import ordinal_problem
from bayesgov.survey.spec import LINKS

ROOT = Path(__file__).parents[3]
REFERENCE = json.loads((ROOT / "tests" / "reference" / "lasso.json").read_text(encoding="utf-8"))
SURVEY_TERMS = tuple(f"item {j}" for j in range(1, 15))
# glmnet's own distance from the optimum at a threshold of 1e-22, and twelve printed digits
COEFFICIENT = 5e-9
KKT = 1e-7


def _survey_design(n, *, binary=False, weighted=False, offset=None):
    x, y, weights, folds = lasso_data.survey(n)
    codes = (y > 3).astype(int) if binary else y.astype(int) - 1
    design = design_from_arrays(
        codes,
        x,
        levels=("low", "high") if binary else tuple("123456"),
        terms=SURVEY_TERMS,
        weights=weights if weighted else None,
        offset=None if offset is None else offset * x[:, 13],
    )
    return design, folds


@pytest.fixture(scope="module")
def wine():
    rows = pd.read_csv(ROOT / "models" / "survey" / "data" / "wine.csv")
    return design_from_arrays(
        rows["rating"].to_numpy() - 1,
        np.column_stack([rows["temp"] == "warm", rows["contact"] == "yes", np.sqrt(np.arange(72.0))]),
        levels=tuple("12345"),
        terms=("warm", "contact", "other"),
        group=rows["judge"].to_numpy() - 1,
        groups=tuple("123456789"),
    )


def _assert_binomial(path, expected):
    assert path.lambdas.size == expected["n_lambda"]
    np.testing.assert_allclose(path.lambdas, expected["lambda"], rtol=1e-10)
    np.testing.assert_array_equal(path.df, expected["df"])
    np.testing.assert_allclose(path.dev_ratio, expected["dev_ratio"], atol=1e-9)
    np.testing.assert_allclose(path.coefficients[expected["rows"]], expected["coefficients"], atol=COEFFICIENT)
    # P(y <= low) = F(threshold - eta), so glmnet's intercept is minus the threshold
    np.testing.assert_allclose(-path.intercepts[expected["rows"], 0], expected["intercepts"], atol=COEFFICIENT)


def test_two_levels_equal_glmnet_binomial():
    design, folds = _survey_design(10808, binary=True)
    path = ordinal_path(design)
    _assert_binomial(path, REFERENCE["binary"])
    assert path.null_deviance == pytest.approx(REFERENCE["binary"]["null_deviance"], rel=1e-11)
    expected = REFERENCE["binary_cv"]
    given = ordinal_path(design, lambdas=np.array(expected["lambda"]))
    curve = ordinal_cross_validation(design, folds, given)
    np.testing.assert_allclose(curve.mean, expected["mean"], rtol=1e-9)
    np.testing.assert_allclose(curve.se, expected["se"], rtol=1e-7)
    assert (curve.min_index, curve.one_se_index) == (expected["min_index"], expected["one_se_index"])


def test_weights_and_offset_equal_glmnet_binomial():
    design, _ = _survey_design(10808, binary=True, weighted=True, offset=0.1)
    _assert_binomial(ordinal_path(design), REFERENCE["binary_weights"])


def _one_hot(design):
    return np.eye(design.n_categories)[design.y] * design.weights[:, None]


def _logit_kkt(design, path, index):
    """Violation of the conditions, with the grouped likelihood of another module, in the predictors' own units."""
    found = log_likelihood(
        _one_hot(design), design.offset + design.x @ path.coefficients[index], path.intercepts[index]
    )
    n, b, penalty = path.n_obs, path.coefficients[index], path.lambdas[index]
    gradient = -(design.x.T @ found.d_eta) / n / path.deviation
    violation = np.where(b != 0, np.abs(gradient + penalty * np.sign(b)), np.abs(gradient) - penalty)
    return max(violation.max(), np.abs(found.d_cutpoints.sum(axis=0)).max() / n)


@pytest.mark.parametrize("weighted", [False, True])
def test_conditions_of_optimality_over_the_whole_path(weighted):
    design, _ = _survey_design(3000, weighted=weighted)
    path = ordinal_path(design)
    assert path.lambdas.size > 30
    assert max(_logit_kkt(design, path, index) for index in range(path.lambdas.size)) <= KKT
    assert path.kkt.max() <= KKT
    assert path.df[0] == 0
    assert path.df[1] == 1
    assert path.checks()[0].status == "pass"
    assert np.all(np.diff(path.dev_ratio) > 0)


def test_the_largest_penalty_is_exact():
    design, _ = _survey_design(2000)
    largest = ordinal_path(design).lambdas[0]
    around = ordinal_path(design, lambdas=largest * np.array([1 + 1e-7, 1 - 1e-7]))
    assert around.df.tolist() == [0, 1]
    share = np.bincount(design.y) / design.n_obs
    np.testing.assert_allclose(1 / (1 + np.exp(-around.intercepts[0])), np.cumsum(share)[:-1], rtol=1e-8)


def test_without_penalty_it_is_maximum_likelihood(wine):
    mode = find_mode(_one_hot(wine), wine.x)
    path = ordinal_path(wine, lambdas=np.array([0.1, 1e-4, 0.0]))
    np.testing.assert_allclose(path.coefficients[-1], mode.coefficients, atol=1e-8)
    np.testing.assert_allclose(path.intercepts[-1], mode.cutpoints, atol=1e-8)
    assert path.null_deviance * (1 - path.dev_ratio[-1]) == pytest.approx(-2 * mode.log_likelihood, rel=1e-12)
    assert np.abs(path.coefficients[1] - mode.coefficients).max() < 0.01


@pytest.mark.parametrize(
    ("family", "link", "thresholds"),
    [
        *(("cumulative", link, "flexible") for link in LINKS),
        ("cumulative", "logit", "equidistant"),
        ("cumulative", "probit", "symmetric"),
        ("adjacent", "logit", "flexible"),
        ("continuation", "cloglog", "flexible"),
    ],
)
def test_every_family_and_link_meets_its_conditions(wine, family, link, thresholds):
    """By differences of the pointwise log-likelihood of rows in their own units."""
    lambdas = np.array([0.15, 0.05, 0.005])
    path = ordinal_path(wine, family=family, link=link, thresholds=thresholds, lambdas=lambdas)
    problem = ordinal_problem(wine, family=family, link=link)
    assert path.model == f"{family} {link}"
    step = 1e-5
    for b, theta, penalty in zip(path.coefficients, path.intercepts, lambdas, strict=True):
        at = np.concatenate([theta, b])
        slopes = [
            (problem.pointwise(at - move).mean() - problem.pointwise(at + move).mean()) / (2 * step)
            for move in step * np.eye(at.size)
        ]
        gradient = np.array(slopes)[theta.size :] / path.deviation
        violation = np.where(b != 0, np.abs(gradient + penalty * np.sign(b)), np.abs(gradient) - penalty)
        # differences of a step h leave an error of h² and of rounding / h
        assert violation.max() < 1e-8
        assert abs(sum(slopes[: theta.size])) < 1e-8
        gaps = np.diff(theta)
        if thresholds == "equidistant":
            np.testing.assert_allclose(gaps, gaps[0], rtol=1e-9)
        elif thresholds == "symmetric":
            np.testing.assert_allclose(gaps, gaps[::-1], rtol=1e-9)
        else:
            assert np.abs(slopes[: theta.size]).max() < 1e-8


def test_cauchit_where_the_hessian_is_indefinite():
    rng = np.random.default_rng(2)
    x = rng.standard_t(2, size=(150, 4))
    y = np.digitize(x[:, 0] + 0.3 * rng.standard_cauchy(150), [-1, 0, 2])
    design = design_from_arrays(y, x, levels=tuple("abcd"), terms=tuple("wxyz"))
    path = ordinal_path(design, link="cauchit")
    assert path.kkt.max() <= KKT
    assert "w" in path.selected(1)
    np.testing.assert_array_equal(np.sign(np.linalg.eigvalsh(positive_definite(np.diag([-2.0, 1.0])))), [1, 1])


def test_a_loss_without_descent_reports_its_residual():
    def stuck(parameters):
        return Loss(0.0 if not parameters.any() else np.inf, np.ones(2), np.eye(2))

    found = minimise_penalised(stuck, np.zeros(2), stuck(np.zeros(2)), np.array([0.25, 2.0]), 1e-10)
    assert found.kkt == 0.75
    np.testing.assert_array_equal(found.parameters, 0)


def test_units_weights_and_rows_do_not_matter(wine):
    counts = np.arange(72) % 4
    weighted = ordinal_path(replace(wine, weights=counts.astype(float)))
    repeated = ordinal_path(wine.take(np.repeat(np.arange(72), counts)))
    np.testing.assert_allclose(weighted.coefficients, repeated.coefficients, atol=1e-8)
    assert weighted.n_obs == repeated.n_obs
    moved = ordinal_path(replace(wine, x=wine.x * [2, 10, 0.1] + [5, -3, 1000], weights=counts.astype(float)))
    np.testing.assert_allclose(moved.lambdas, weighted.lambdas, rtol=1e-8)
    np.testing.assert_allclose(moved.coefficients * [2, 10, 0.1], weighted.coefficients, atol=1e-7)
    # thresholds carry the shift of the predictors
    expected = weighted.intercepts + (moved.coefficients @ [5, -3, 1000])[:, None]
    np.testing.assert_allclose(moved.intercepts, expected, atol=1e-6)


def test_only_location_effects_of_observed_levels_take_part(wine):
    plain = ordinal_path(wine)
    rich = replace(
        wine,
        y=2 * wine.y,
        levels=tuple("abcdefghi"),
        nominal=(0,),
        scale_x=wine.x[:, :1],
        scale_terms=("warm",),
        x=np.column_stack([wine.x, np.ones(72)]),
        terms=(*wine.terms, "constant"),
        factors=(*wine.factors, "constant"),
    )
    path = ordinal_path(rich)
    np.testing.assert_allclose(path.coefficients[:, :3], plain.coefficients, atol=1e-9)
    assert (path.coefficients[:, 3] == 0).all()
    assert path.intercept_names == ("a|c", "c|e", "e|g", "g|i")
    assert path.checks()[1].advice.startswith("constant: no variation")


def test_separated_rows_end_the_path_where_everything_is_explained():
    x = np.linspace(-1, 1, 60)
    y = np.digitize(x, [-0.4, 0.3])
    noise = np.random.default_rng(4).normal(size=60)
    design = design_from_arrays(y, np.column_stack([x, noise]), levels=tuple("abc"), terms=("x", "noise"))
    path = ordinal_path(design)
    assert np.isfinite(path.coefficients).all()
    assert path.kkt.max() <= KKT
    assert path.dev_ratio[-1] > 0.99
    assert path.entry().set_index("term").loc["x", "rank"] == 1


def test_repeated_predictors_share(wine):
    """The likelihood has no curvature in their difference."""
    lambdas = np.array([0.1, 0.01])
    single = ordinal_path(wine, lambdas=lambdas)
    design = replace(
        wine,
        x=np.column_stack([wine.x, 3 - 2 * wine.x[:, 0]]),
        terms=(*wine.terms, "again"),
        factors=(*wine.factors, "again"),
    )
    double = ordinal_path(design, lambdas=lambdas)
    assert double.kkt.max() <= KKT
    np.testing.assert_allclose(double.coefficients[:, 1:3], single.coefficients[:, 1:], atol=1e-6)
    total = double.coefficients[:, 0] - 2 * double.coefficients[:, 3]
    np.testing.assert_allclose(total, single.coefficients[:, 0], atol=1e-6)


def test_fewer_rows_than_predictors():
    x, y = lasso_data.wide(50, 70)
    design = design_from_arrays(
        np.digitize(y, np.quantile(y, [0.3, 0.6])), x, levels=tuple("abc"), terms=[str(j) for j in range(70)]
    )
    path = ordinal_path(design, n_lambda=30)
    assert path.lambdas[1] / path.lambdas[0] == pytest.approx(0.01 ** (1 / 29))
    assert path.kkt.max() <= KKT
    assert path.df.max() < 50


def test_nearly_identical_predictors():
    rng = np.random.default_rng(6)
    base = rng.normal(size=(400, 1))
    x = base + 1e-4 * rng.normal(size=(400, 6))
    y = np.digitize(base[:, 0] + rng.logistic(size=400), [-1, 1])
    path = ordinal_path(design_from_arrays(y, x, levels=tuple("abc"), terms=tuple("uvwxyz")))
    assert path.kkt.max() <= KKT
    assert path.checks()[0].status == "pass"


def test_cross_validation_by_hand(wine):
    path = ordinal_path(wine, lambdas=np.array([0.1, 0.02]))
    village = wine.group
    folds = make_folds(72, 3, seed=1, cluster=village)
    curve = ordinal_cross_validation(wine, folds, path)
    total = np.zeros(2)
    for fold in range(3):
        inside, outside = wine.take(folds != fold), wine.take(folds == fold)
        kept = ordinal_path(inside, lambdas=path.lambdas)
        for index in range(2):
            values = np.concatenate([kept.intercepts[index], kept.coefficients[index]])
            chance = ordinal_problem(outside).probabilities(values)[np.arange(outside.n_obs), outside.y]
            total[index] -= 2 * np.log(chance).sum()
    np.testing.assert_allclose(curve.mean, total / 72, rtol=1e-9)
    assert curve.criterion == "3-fold deviance"


def test_rows_without_weight_are_left_out_of_cross_validation(wine):
    weights = (np.arange(72) % 5 > 0).astype(float)
    folds = np.arange(72) % 4
    some = wine.take(weights > 0)
    path = ordinal_path(some, lambdas=np.array([0.1, 0.01]))
    one = ordinal_cross_validation(replace(wine, weights=weights), folds, path)
    other = ordinal_cross_validation(some, folds[weights > 0], path)
    np.testing.assert_allclose(one.mean, other.mean, rtol=1e-12)


def test_ordinal_and_gaussian_agree_on_what_matters():
    design, _ = _survey_design(10808)
    ordinal, gaussian = ordinal_path(design), gaussian_path(design.x, design.y + 1.0, terms=design.terms)
    first = [set(path.entry().query("rank <= 5")["term"]) for path in (ordinal, gaussian)]
    assert first[0] == first[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.full((72, 3), np.nan)}, "complete rows"),
        ({"y": np.zeros(72, dtype=int)}, "two or more levels with rows; got 1"),
        ({"x": np.ones((72, 3))}, "a predictor that varies"),
    ],
)
def test_unusable_designs(wine, change, message):
    with pytest.raises(ValueError, match=message):
        ordinal_path(replace(wine, **change))


def test_a_fold_with_all_rows_of_a_level_is_named(wine):
    folds = np.where(wine.y == 4, 1, 2 * (np.arange(72) % 2))
    with pytest.raises(ValueError, match="fold 1 holds all rows of '5'"):
        ordinal_cross_validation(wine, folds, ordinal_path(wine))


@pytest.mark.slow
def test_speed_of_a_survey():
    """10,808 x 14 x 6, path and ten folds: seconds, on whatever machine; a limit ten times what was measured."""
    import time

    design, folds = _survey_design(10808)
    start = time.perf_counter()
    ordinal_cross_validation(design, folds, ordinal_path(design))
    assert time.perf_counter() - start < 30
