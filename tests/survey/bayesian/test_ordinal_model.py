"""The declared model: its dims, its prior, what it refuses."""

import warnings
from dataclasses import replace

import numpy as np
import pymc as pm
import pytest

from bayesgov.errors import InputError
from bayesgov.survey.bayesian.model import build_model
from bayesgov.survey.bayesian.parts import model_parts
from bayesgov.survey.links import cdf
from bayesgov.survey.simulate import benchmark_design
from bayesgov.survey.spec import CoefficientPrior, CumulativeSpec, ThresholdPrior

SPEC = CumulativeSpec(formula="y ~ x")


@pytest.fixture(scope="module")
def design():
    return replace(benchmark_design(300, 4, 4, 6, seed=1).design, factors=("a", "a", "b", "c"))


def _prior(model, names, draws=4000):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The effect of Potentials")
        drawn = pm.sample_prior_predictive(
            draws, model=model, var_names=names, random_seed=1, compile_kwargs={"mode": "FAST_COMPILE"}
        )
    return {name: drawn["prior"][name].values[0] for name in names}


def test_dims_and_data_have_names(design):
    rng = np.random.default_rng(0)
    full = replace(design, nominal=(1,), scale_x=rng.normal(size=(300, 1)), scale_terms=("s",))
    model = build_model(full, SPEC)
    dims = {name: model.named_vars_to_dims[name] for name in ("beta", "threshold", "group_effect", "departure")}
    assert dims == {
        "beta": ("term",),
        "threshold": ("cut",),
        "group_effect": ("group",),
        "departure": ("nominal_term", "cut"),
    }
    assert model.named_vars_to_dims["log_scale"] == ("scale_term",)
    assert model.named_vars_to_dims["lambda"] == ("factor",)
    assert model.coords["factor"] == ("a", "b", "c")
    assert model.coords["cut"] == design.thresholds
    assert {"x", "y", "starts", "weights", "group_code", "offset", "scale_x"} == {v.name for v in model.data_vars}
    assert np.isfinite(model.compile_logp(mode="FAST_COMPILE")(model.initial_point()))


@pytest.mark.parametrize(
    ("family", "link"), [("cumulative", "logit"), ("cumulative", "cloglog"), ("adjacent", "probit")]
)
def test_induced_dirichlet_prior_predicts_uniform_levels(design, family, link):
    spec = CumulativeSpec(formula="y ~ x", family=family, link=link, prior=CoefficientPrior(kind="normal"))
    threshold = _prior(build_model(design, spec), ["threshold_at_mean"])["threshold_at_mean"]
    below = cdf(link, threshold)
    if family == "cumulative":
        probability = np.diff(below, axis=1, prepend=0, append=1)
        assert np.all(np.diff(threshold, axis=1) > 0)
    else:
        height = np.concatenate([np.ones((len(below), 1)), np.cumprod((1 - below) / below, axis=1)], axis=1)
        probability = height / height.sum(axis=1, keepdims=True)
    # Dirichlet(1, 1, 1, 1): mean 1/4, variance 3/80; four Monte Carlo errors
    np.testing.assert_allclose(probability.mean(axis=0), 0.25, atol=4 * np.sqrt(3 / 80 / 4000))
    np.testing.assert_allclose(probability.var(axis=0), 3 / 80, rtol=0.1)


def test_ordered_normal_prior_predicts_sorted_normals(design):
    spec = CumulativeSpec(formula="y ~ x", threshold_prior=ThresholdPrior(kind="ordered_normal", scale=2.0))
    threshold = _prior(build_model(design, spec), ["threshold_at_mean"])["threshold_at_mean"]
    assert np.all(np.diff(threshold, axis=1) > 0)
    assert threshold.std() == pytest.approx(2.0, rel=0.05)


def test_thresholds_in_own_units_shift_by_the_mean(design):
    model = build_model(design, CumulativeSpec(formula="y ~ x", prior=CoefficientPrior(kind="normal")))
    drawn = _prior(model, ["threshold", "threshold_at_mean", "beta", "group_effect"], draws=50)
    shift = drawn["beta"] @ design.x.mean(axis=0)
    np.testing.assert_allclose(drawn["threshold"], drawn["threshold_at_mean"] + shift[:, None])
    np.testing.assert_allclose(drawn["group_effect"].sum(axis=1), 0, atol=1e-10)


def test_departures_sum_to_zero_and_thresholds_stay_in_order_over_the_box(design):
    nominal = replace(design, nominal=(1, 3))
    spec = CumulativeSpec(formula="y ~ x", departure_scale=2.0, prior=CoefficientPrior(kind="normal"))
    drawn = _prior(build_model(nominal, spec), ["threshold", "threshold_tight", "departure"], draws=500)
    np.testing.assert_allclose(drawn["departure"].sum(axis=2), 0, atol=1e-10)
    ends = [(design.x[:, column].min(), design.x[:, column].max()) for column in (1, 3)]
    smallest = []
    for first in ends[0]:
        for second in ends[1]:
            corner = np.array([first, second])
            gaps = np.diff(drawn["threshold"] - np.einsum("j,djk->dk", corner, drawn["departure"]), axis=1)
            smallest.append(gaps)
    assert np.min(smallest) > 0
    # no wider than need be: each gap is, in its tightest corner, that of the prior
    np.testing.assert_allclose(np.min(smallest, axis=0), np.diff(drawn["threshold_tight"]), atol=1e-10)


@pytest.mark.parametrize("kind", ["normal", "laplace", "horseshoe", "r2d2"])
def test_prior_holds_for_standardised_predictors(design, kind):
    """Multiplying a predictor by a number divides its coefficient's prior by it."""
    spec = CumulativeSpec(formula="y ~ x", prior=CoefficientPrior(kind=kind))
    scaled = replace(design, x=design.x * np.array([1.0, 10.0, 1.0, 1.0]))
    units = [model_parts(each, spec).shrinkage.unit for each in (design, scaled)]
    np.testing.assert_allclose(units[0] / units[1], [1, 10, 1, 1])
    own = CumulativeSpec(formula="y ~ x", prior=CoefficientPrior(kind=kind, standardise=False, by_factor=False))
    np.testing.assert_array_equal(model_parts(scaled, own).shrinkage.unit, 1)


def test_laplace_prior_is_laplace(design):
    spec = CumulativeSpec(formula="y ~ x", prior=CoefficientPrior(kind="laplace", scale=0.4, by_factor=False))
    beta = _prior(build_model(design, spec), ["beta"])["beta"] * design.x.std(axis=0)
    # E|b| = scale and E b² = 2 scale²
    assert np.abs(beta).mean() == pytest.approx(0.4, rel=0.05)
    assert np.mean(beta**2) == pytest.approx(2 * 0.4**2, rel=0.1)


def test_r2d2_prior_is_the_share_of_latent_variance():
    rng = np.random.default_rng(2)
    base = benchmark_design(400, 3, 4, 0, seed=2).design
    # independent predictors: the variances of the terms add
    plain = replace(base, x=np.linalg.qr(rng.normal(size=(400, 4)) - 0)[0][:, :3], factors=("a", "a", "b"))
    centred = replace(plain, x=np.linalg.qr(plain.x - plain.x.mean(axis=0))[0])
    spec = CumulativeSpec(formula="y ~ x", prior=CoefficientPrior(kind="r2d2", r2_mean=0.4, r2_concentration=20.0))
    beta = _prior(build_model(centred, spec), ["beta"])["beta"]
    explained = np.mean(np.sum((beta * centred.x.std(axis=0)) ** 2, axis=1))
    # E[R² / (1 - R²)] = a / (b - 1) for R² ~ Beta(a, b)
    assert explained == pytest.approx(np.pi**2 / 3 * 8 / 11, rel=0.1)


def test_tau0_comes_from_the_expected_number_of_effects(design):
    spec = CumulativeSpec(formula="y ~ x", prior=CoefficientPrior(expected_nonzero=1.5))
    share = np.bincount(design.y) / 300
    sigma = np.sqrt(3 / (1 - np.sum(share**3)))
    got = model_parts(design, spec).shrinkage.tau0
    assert got == pytest.approx(1.5 / (3 - 1.5) * sigma / np.sqrt(300), rel=0.01)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prior": CoefficientPrior(expected_nonzero=3.0)}, r"must be less than .* 3; got 3"),
        ({"link": "cauchit", "prior": CoefficientPrior(kind="r2d2")}, "latent variance, which the cauchit link lacks"),
    ],
)
def test_what_cannot_be_is_said(design, change, message):
    with pytest.raises(InputError, match=message):
        build_model(design, CumulativeSpec(formula="y ~ x", **change))


def test_a_constant_predictor_is_named(design):
    x = design.x.copy()
    x[:, 2] = 4.0
    with pytest.raises(InputError, match="predictor x3 has the same value in every row"):
        build_model(replace(design, x=x), SPEC)


@pytest.mark.parametrize(("kind", "n_spacings"), [("equidistant", 1), ("symmetric", 1)])
def test_structured_thresholds(design, kind, n_spacings):
    model = build_model(design, CumulativeSpec(formula="y ~ x", thresholds=kind))
    drawn = _prior(model, ["threshold_at_mean", "spacing"], draws=20)
    assert drawn["spacing"].shape == (20, n_spacings)
    gaps = np.diff(drawn["threshold_at_mean"], axis=1)
    np.testing.assert_allclose(gaps, gaps[:, ::-1])
    assert np.all(gaps > 0)
