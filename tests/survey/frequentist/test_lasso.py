"""The gaussian Lasso against glmnet (tests/reference/lasso.R), its conditions of optimality, and closed forms."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from survey.frequentist import lasso_data

from bayesgov.survey.frequentist.lasso import (
    gaussian_cross_validation,
    gaussian_path,
    generalised_cross_validation,
)
from bayesgov.survey.frequentist.lasso_path import (
    KKT_MAX,
    make_folds,
    penalty_sequence,
    smallest_ratio,
)
from bayesgov.survey.frequentist.penalised_quadratic import kkt_residual, minimise_penalised_quadratic

ROOT = Path(__file__).parents[3]
REFERENCE = json.loads((ROOT / "tests" / "reference" / "lasso.json").read_text(encoding="utf-8"))
SURVEY_TERMS = tuple(f"item {j}" for j in range(1, 15))
# glmnet ran to a threshold of 1e-22, which leaves it within 1e-9 of the optimum; it prints 12 digits
COEFFICIENT = 2e-9


@pytest.fixture(scope="module")
def survey():
    x, y, weights, folds = lasso_data.survey(10808)
    sums = [*x.sum(axis=0), y.sum(), (x[:, 2] * y).sum(), weights.sum()]
    np.testing.assert_array_equal(sums, REFERENCE["survey_sums"])
    return x, y, weights, folds


@pytest.fixture(scope="module")
def wine():
    rows = pd.read_csv(ROOT / "models" / "survey" / "data" / "wine.csv")
    x = np.column_stack([rows["temp"] == "warm", rows["contact"] == "yes", rows["bottle"]]).astype(float)
    return x, rows["rating"].to_numpy(float)


def _assert_path(path, expected, *, coefficient=COEFFICIENT, dev_ratio=1e-10):
    assert path.lambdas.size == expected["n_lambda"]
    np.testing.assert_allclose(path.lambdas, expected["lambda"], rtol=1e-10)
    np.testing.assert_array_equal(path.df, expected["df"])
    np.testing.assert_allclose(path.dev_ratio, expected["dev_ratio"], atol=dev_ratio)
    np.testing.assert_allclose(path.coefficients[expected["rows"]], expected["coefficients"], atol=coefficient)
    np.testing.assert_allclose(path.intercepts[expected["rows"], 0], expected["intercepts"], atol=coefficient)


def _assert_curve(curve, expected):
    np.testing.assert_allclose(curve.mean, expected["mean"], rtol=1e-9)
    np.testing.assert_allclose(curve.se, expected["se"], rtol=1e-8)
    assert (curve.min_index, curve.one_se_index) == (expected["min_index"], expected["one_se_index"])
    assert curve.lambda_min == pytest.approx(expected["lambda_min"], rel=1e-10)
    assert curve.lambda_1se == pytest.approx(expected["lambda_1se"], rel=1e-10)


def test_survey_path_equals_glmnet(survey):
    x, y, _, _ = survey
    _assert_path(gaussian_path(x, y, terms=SURVEY_TERMS), REFERENCE["survey"])


def test_weighted_path_equals_glmnet(survey):
    x, y, weights, _ = survey
    _assert_path(gaussian_path(x, y, terms=SURVEY_TERMS, weights=weights), REFERENCE["survey_weights"])


def test_given_penalties_equal_glmnet(survey):
    x, y, _, folds = survey
    given_lambdas = np.array([0.01, 0.3, 0.0, 0.1, 0.03])
    path = gaussian_path(x, y, terms=SURVEY_TERMS, lambdas=given_lambdas)
    _assert_path(path, REFERENCE["survey_given"])
    assert path.to_frame()["log_lambda"].iloc[-1] == -np.inf
    curve = gaussian_cross_validation(x, y, folds, path, lambdas=given_lambdas)
    _assert_curve(curve, REFERENCE["survey_given_cv"])


def test_cross_validation_equals_cv_glmnet(survey):
    x, y, weights, folds = survey
    path = gaussian_path(x, y, terms=SURVEY_TERMS)
    _assert_curve(gaussian_cross_validation(x, y, folds, path), REFERENCE["survey_cv"])
    weighted = gaussian_path(x, y, terms=SURVEY_TERMS, weights=weights)
    curve = gaussian_cross_validation(x, y, folds, weighted, weights=weights)
    _assert_curve(curve, REFERENCE["survey_weights_cv"])


def test_nearly_identical_predictors_and_a_constant_equal_glmnet():
    x, y = lasso_data.near(500)
    path = gaussian_path(x, y, terms="abcde")
    # glmnet adds its explained share up sweep by sweep, which costs it digits here
    _assert_path(path, REFERENCE["near"], dev_ratio=1e-7)
    assert (path.coefficients[:, 4] == 0).all()
    constant = path.checks()[1]
    assert (constant.status, constant.value) == ("warn", 1)
    assert constant.advice.startswith("e: no variation")


def test_fewer_rows_than_predictors_equal_glmnet():
    x, y = lasso_data.wide(60, 90)
    path = gaussian_path(x, y, terms=[str(j) for j in range(90)])
    _assert_path(path, REFERENCE["wide"], coefficient=1e-8)
    assert smallest_ratio(60, 90) == 0.01
    assert smallest_ratio(90, 90) == 1e-4


def test_wine_equals_glmnet_one_row_a_fold(wine):
    x, y = wine
    path = gaussian_path(x, y, terms=("warm", "contact", "bottle"))
    _assert_path(path, REFERENCE["wine"])
    # cv.glmnet takes every row by itself with fewer than three a fold
    _assert_curve(gaussian_cross_validation(x, y, np.arange(72), path), REFERENCE["wine_cv"])


def test_every_path_is_optimal(survey, wine):
    x, y, weights, _ = survey
    wide_x, wide_y = lasso_data.wide(60, 90)
    for path in (
        gaussian_path(x, y, terms=SURVEY_TERMS, weights=weights),
        gaussian_path(*wine, terms="abc"),
        gaussian_path(wide_x, wide_y, terms=[str(j) for j in range(90)]),
    ):
        assert path.kkt.max() < 1e-12
        assert path.checks()[0].status == "pass"
    assert KKT_MAX == 1e-7


def test_kkt_residual_sees_what_is_wrong():
    gradient, b = np.array([-0.5, 0.5, 0.2, -0.5]), np.array([1.0, -2.0, 0.0, 0.0])
    assert kkt_residual(gradient, b, np.full(4, 0.5)) == 0
    assert kkt_residual(gradient, -b, np.full(4, 0.5)) == 1.0
    assert kkt_residual(gradient, b, np.full(4, 0.4)) == pytest.approx(0.1)


def test_without_penalty_it_is_least_squares(survey):
    x, y, weights, _ = survey
    path = gaussian_path(x, y, terms=SURVEY_TERMS, weights=weights, lambdas=np.array([0.0]))
    root = np.sqrt(weights)
    design = np.column_stack([np.ones(y.size), x])
    expected = np.linalg.lstsq(design * root[:, None], y * root, rcond=None)[0]
    np.testing.assert_allclose(np.append(path.intercepts, path.coefficients), expected, atol=1e-11)
    residual = y - design @ expected
    explained = 1 - (weights @ residual**2) / path.null_deviance
    assert path.dev_ratio[0] == pytest.approx(explained, rel=1e-11)


def test_uncorrelated_predictors_are_soft_thresholded():
    x = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)], dtype=float)
    y = x @ [2.0, -0.5, 0.1] + 3
    path = gaussian_path(x, y, terms="abc", lambdas=np.array([0.3]))
    np.testing.assert_allclose(path.coefficients[0], [1.7, -0.2, 0.0], atol=1e-12)
    assert path.intercepts[0, 0] == pytest.approx(3)
    assert path.selected(0) == ("a", "b")


def test_weights_are_repeated_rows_and_scale_does_not_matter(wine):
    x, y = wine
    counts = np.arange(72) % 4
    one = gaussian_path(x, y, terms="abc", weights=counts.astype(float))
    other = gaussian_path(np.repeat(x, counts, axis=0), np.repeat(y, counts), terms="abc")
    np.testing.assert_allclose(one.coefficients, other.coefficients, atol=1e-12)
    assert one.n_obs == other.n_obs == counts.sum()
    assert one.null_deviance == pytest.approx(other.null_deviance)
    scaled = gaussian_path(x * [10, 0.1, 3] + 5, y, terms="abc", weights=counts / 7)
    np.testing.assert_allclose(scaled.coefficients * [10, 0.1, 3], one.coefficients, atol=1e-11)


def test_generalised_cross_validation(survey):
    x, y, weights, _ = survey
    path = gaussian_path(x, y, terms=SURVEY_TERMS, weights=weights)
    curve = generalised_cross_validation(path)
    index = 20
    residual = y - x @ path.coefficients[index] - path.intercepts[index]
    n = weights.sum()
    assert curve.mean[index] == pytest.approx(n * (weights @ residual**2) / (n - path.df[index]) ** 2, rel=1e-11)
    assert curve.min_index == int(np.argmin(curve.mean))
    assert curve.one_se_index is None
    assert curve.lambda_1se is None
    assert curve.chosen()["rule"].tolist() == ["λ.min"]
    assert np.isnan(curve.se).all()
    saturated = gaussian_path(np.eye(4)[:, :3] + 0.1, np.arange(4.0), terms="abc", lambdas=np.array([0.5, 1e-9]))
    assert np.isfinite(generalised_cross_validation(saturated).mean).all()


def test_frames_are_what_the_figures_draw(survey):
    x, y, _, folds = survey
    path = gaussian_path(x, y, terms=SURVEY_TERMS)
    frame = path.to_frame()
    assert len(frame) == path.lambdas.size * 14
    row = frame[(frame["term"] == "item 3") & (frame["lambda"] == path.lambdas[30])].iloc[0]
    assert row["coefficient"] == path.coefficients[30, 2]
    assert row["standardised"] == pytest.approx(path.coefficients[30, 2] * x[:, 2].std())
    assert row["n_variables"] == path.df[30]
    curve = gaussian_cross_validation(x, y, folds, path)
    table = curve.to_frame()
    np.testing.assert_allclose(table["upper"] - table["error"], curve.se)
    chosen = curve.chosen()
    assert chosen["rule"].tolist() == ["λ.min", "λ.1se"]
    np.testing.assert_allclose(chosen["log_lambda"], np.log([curve.lambda_min, curve.lambda_1se]))
    sizes = curve.by_size()
    np.testing.assert_array_equal(sizes["size"], np.unique(path.df))
    np.testing.assert_allclose(sizes["estimate"], [curve.mean[path.df == size].min() for size in sizes["size"]])
    entry = path.entry()
    assert entry["rank"].min() == 1
    first = entry.loc[entry["rank"] == 1, "term"].tolist()
    assert first == list(path.selected(int(np.argmax(path.df > 0))))


def test_the_end_of_the_path_is_no_minimum():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(300, 3))
    y = x @ [3.0, 2.0, 1.0] + 0.01 * rng.normal(size=300)
    path = gaussian_path(x, y, terms="abc")
    curve = gaussian_cross_validation(x, y, make_folds(300, 5, seed=1), path)
    assert curve.min_index == path.lambdas.size - 1
    assert path.dev_ratio[-1] > 0.999 > path.dev_ratio[-2]
    assert curve.checks()[0].status == "warn"
    noise = gaussian_path(x, rng.normal(size=300), terms="abc", lambdas=penalty_sequence(1.0, 5, 0.9))
    flat = gaussian_cross_validation(x, rng.normal(size=300), make_folds(300, 5, seed=1), noise)
    assert flat.min_index == 0
    assert flat.checks()[0].status == "pass"


def test_folds():
    folds = make_folds(103, 10, seed=4)
    assert np.ptp(np.bincount(folds)) <= 1
    assert not np.array_equal(folds, make_folds(103, 10, seed=5))
    np.testing.assert_array_equal(folds, make_folds(103, 10, seed=4))
    village = np.repeat(np.arange(100, 120), 7)
    clustered = make_folds(140, 5, seed=4, cluster=village)
    assert all(np.ptp(clustered[village == v]) == 0 for v in np.unique(village))
    assert np.ptp(np.bincount(clustered)) == 0
    strata = np.repeat([0, 1, 2], [2, 50, 51])
    spread = make_folds(103, 10, seed=4, strata=strata)
    assert np.ptp(np.bincount(spread)) <= 1
    assert np.ptp(np.bincount(10 * strata + spread, minlength=30).reshape(3, 10), axis=1).max() <= 1
    with pytest.raises(ValueError, match="not both"):
        make_folds(140, 5, seed=4, cluster=village, strata=village)
    with pytest.raises(ValueError, match="between 2 and the number of clusters, 20; got 21"):
        make_folds(140, 21, seed=4, cluster=village)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": np.full((4, 1), np.nan)}, "complete rows"),
        ({"x": np.zeros((3, 1))}, "rows by terms"),
        ({"y": np.ones(4)}, "one value only"),
        ({"x": np.ones((4, 1))}, "a predictor that varies"),
        ({"weights": np.array([1, 1, -1, 1.0])}, "not negative"),
        ({"lambdas": np.array([-0.1])}, "finite and not negative"),
    ],
)
def test_unusable_input(changes, message):
    arguments = {"x": np.arange(4.0)[:, None], "y": np.arange(4.0), "terms": ("a",)} | changes
    with pytest.raises(ValueError, match=message):
        gaussian_path(arguments.pop("x"), arguments.pop("y"), **arguments)


def test_a_fold_without_weight_is_named(wine):
    x, y = wine
    path = gaussian_path(x, y, terms="abc")
    folds = np.arange(72) % 3
    with pytest.raises(ValueError, match="fold 2 has not"):
        gaussian_cross_validation(x, y, folds, path, weights=(folds != 2).astype(float))


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(2, 12), size=st.integers(1, 8), free=st.integers(0, 2))
def test_quadratic_meets_its_conditions(seed, rows, size, free):
    """Also with fewer rows than coefficients, where the Hessian is singular, and from any start."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(rows, size)) * np.exp(rng.normal(size=size))
    hessian, linear = root.T @ root, root.T @ rng.normal(size=rows)
    penalty = np.where(np.arange(size) < min(free, rows - 1), 0.0, np.exp(rng.normal(size=size)))
    b = minimise_penalised_quadratic(hessian, linear, penalty, rng.normal(size=size) * rng.integers(0, 2, size))
    scale = np.sqrt(np.diag(hessian))
    assert kkt_residual((hessian @ b - linear) / scale, b, penalty / scale) < 1e-9


def test_repeated_columns_share_without_harm():
    rng = np.random.default_rng(8)
    x = rng.normal(size=(50, 3))
    y = x @ [1.0, 0.5, 0.0] + rng.normal(size=50)
    single = gaussian_path(x, y, terms="abc", lambdas=np.array([0.2, 0.05]))
    double = gaussian_path(x[:, [0, 0, 1, 2]], y, terms="aAbc", lambdas=np.array([0.2, 0.05]))
    np.testing.assert_allclose(double.coefficients[:, :2].sum(axis=1), single.coefficients[:, 0], atol=1e-9)
    np.testing.assert_allclose(double.coefficients[:, 2:], single.coefficients[:, 1:], atol=1e-9)
