"""Monotonic effects and missing cells inside the model: the same likelihood as elsewhere, and truths recovered."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from bayesgov.errors import InputError
from bayesgov.survey.bayesian.fit import fit_bayesian
from bayesgov.survey.bayesian.model import build_model
from bayesgov.survey.design import MissingColumn, MonotonicTerm, design_from_arrays
from bayesgov.survey.likelihood import log_probabilities
from bayesgov.survey.missing import pointwise_log_likelihood
from bayesgov.survey.missing_plan import plan_missing
from bayesgov.survey.mode import find_mode
from bayesgov.survey.monotonic import monotonic_values, replace_monotonic
from bayesgov.survey.spec import CoefficientPrior, CumulativeSpec

SPEC = CumulativeSpec(formula="y ~ x", prior=CoefficientPrior(kind="normal", scale=1.5))
SUPPORT = (1.0, 2.0, 3.0)


def _rows(n_obs, seed, *, slopes=(0.8, -0.6, 0.7), n_groups=0, villages=0.5):
    """A complete number, an ordinal item and another number, correlated, with a four-level outcome."""
    rng = np.random.default_rng(seed)
    z = rng.multivariate_normal(np.zeros(3), 0.5 + 0.5 * np.eye(3), size=n_obs)
    x = np.column_stack([z[:, 0], 1 + np.digitize(z[:, 1], [-0.5, 0.5]), 2 * z[:, 2]])
    group = rng.integers(max(n_groups, 1), size=n_obs)
    effect = villages * rng.normal(size=max(n_groups, 1)) * (n_groups > 0)
    eta = x @ np.array(slopes) + effect[group]
    y = np.digitize(eta + rng.logistic(size=n_obs), np.array([-1.5, 0.0, 1.5]) - 1.2)
    return x, y, group if n_groups else None


def _design(x, y, group=None, **more):
    groups = [f"v{i}" for i in range(int(group.max()) + 1)] if group is not None else []
    return design_from_arrays(y, x, levels="abcd", terms=["age", "item", "income"], group=group, groups=groups, **more)


def _missing(x):
    return [
        MissingColumn(1, np.flatnonzero(np.isnan(x[:, 1])), "ordinal", SUPPORT),
        MissingColumn(2, np.flatnonzero(np.isnan(x[:, 2])), "continuous", ()),
    ]


class _Likelihood:
    """The likelihood term of a model as a function of its point, and the variables at that point."""

    def __init__(self, model):
        self.model = model
        self.value = model.compile_logp(vars=model.potentials, jacobian=False, mode="FAST_COMPILE")
        named = [*model.free_RVs, *model.deterministics]
        self.names = [variable.name for variable in named]
        self.variables = model.compile_fn(
            model.replace_rvs_by_values(named), inputs=model.value_vars, mode="FAST_COMPILE", on_unused_input="ignore"
        )

    def at(self, seed):
        rng = np.random.default_rng(seed)
        start = self.model.initial_point()
        point = {name: value + 0.3 * rng.normal(size=value.shape) for name, value in start.items()}
        return float(self.value(point)), dict(zip(self.names, self.variables(point), strict=True))


def _pointwise(design, x, draw):
    eta = design.offset + x @ draw["beta"]
    if "group_effect" in draw:
        eta = eta + draw["group_effect"][design.group]
    return log_probabilities(eta, draw["threshold"])[np.arange(design.n_obs), design.y]


@pytest.mark.parametrize("merged", [False, True])
def test_monotonic_effect_enters_the_likelihood(merged):
    x, y, group = _rows(60, 1, n_groups=4)
    x[:, 1] -= 1
    if merged:  # identical rows, which the kernel merges
        x[:, [0, 2]], group = np.round(x[:, [0, 2]] / 3), np.zeros(60, dtype=int)
        group[:5] = 1
    weights = 1.0 + (np.arange(60) % 3)
    design = _design(x, y, group, monotonic=[MonotonicTerm(1, ("low", "middle", "high"))], weights=weights)
    likelihood = _Likelihood(build_model(design, SPEC))
    for seed in (1, 2):
        value, draw = likelihood.at(seed)
        completed = replace_monotonic(design, draw)
        np.testing.assert_allclose(completed[:, 1], monotonic_values(draw["simplex_item"], x[:, 1]))
        assert value == pytest.approx(weights @ _pointwise(design, completed, draw), rel=1e-10)


def test_missing_cells_enter_the_likelihood():
    x, y, group = _rows(80, 2, n_groups=4)
    rng = np.random.default_rng(0)
    x[rng.random(80) < 0.3, 1] = np.nan
    x[rng.random(80) < 0.3, 2] = np.nan
    weights = 1.0 + (np.arange(80) % 3)
    design = _design(x, y, group, missing=_missing(x), weights=weights, offset=0.1 * np.arange(80))
    plan, likelihood = plan_missing(design), _Likelihood(build_model(design, SPEC))
    value, draw = likelihood.at(1)
    assert draw["missing_income"].shape == (int(np.isnan(x[:, 2]).sum()),)
    expected = weights @ pointwise_log_likelihood(plan, design, draw, "cumulative", "logit")
    assert value == pytest.approx(expected + _predictor_density(design, plan, draw), rel=1e-9)


def _predictor_density(design, plan, draw):
    """Log density of the observed predictors: the item's given the numbers, the income's given age."""
    x, parameters = design.x.copy(), draw["predictor_parameter"]
    holes = np.isnan(x[:, 2])
    x[holes, 2] = draw["missing_income"]
    z = (x[:, plan.sequence] - plan.location) / plan.spread
    residual = (z[~holes, 1] - parameters[0] - parameters[1] * z[~holes, 0]) / np.exp(parameters[2])
    density = design.weights[~holes] @ (-0.5 * residual**2 - parameters[2])
    cuts = parameters[3] + np.array([0.0, np.exp(parameters[4])])
    seen = ~np.isnan(x[:, 1])
    levels = log_probabilities(z[seen, :2] @ parameters[5:], cuts)
    return density + design.weights[seen] @ levels[np.arange(seen.sum()), x[seen, 1].astype(int) - 1]


def test_with_nothing_missing_the_outcome_sees_the_plain_likelihood():
    x, y, _ = _rows(60, 3)
    plain, modelled = _design(x, y), _design(x, y, missing=_missing(x))
    models = [_Likelihood(build_model(design, SPEC)) for design in (plain, modelled)]
    difference = []
    for seed in (1, 2, 3):
        value, draw = models[1].at(seed)
        expected = _pointwise(plain, x, draw).sum()
        difference.append(value - expected - _predictor_density(modelled, plan_missing(modelled), draw))
    np.testing.assert_allclose(difference, 0, atol=1e-8)
    value, draw = models[0].at(1)
    assert value == pytest.approx(_pointwise(plain, x, draw).sum(), rel=1e-10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nominal": (0,)}, "does not go with nominal effects"),
        ({"scale_x": np.ones((30, 1)), "scale_terms": ("age",)}, "does not go with a scale model"),
        ({"nominal": (1,), "missing": (), "monotonic": (MonotonicTerm(1, "abc"),)}, "item cannot be both monotonic"),
    ],
)
def test_what_has_no_likelihood_is_refused(change, message):
    x, y, _ = _rows(30, 4)
    design = replace(_design(x, y, missing=_missing(x)), **change)
    with pytest.raises(InputError, match=message):
        build_model(design, SPEC)


SAMPLED = SPEC.model_copy(
    update={"sampling": SPEC.sampling.model_copy(update={"chains": 2, "draws": 700, "tune": 500})}
)


def _standardised_error(fit, name, truth):
    draws = fit.tree["posterior"].to_dataset()[name].stack(sample=("chain", "draw")).values
    return (draws.mean(axis=-1) - truth) / draws.std(axis=-1)


@pytest.mark.slow
def test_recovers_the_truth_where_deletion_is_biased():
    slopes, thresholds = np.array([0.8, -0.6, 0.7]), np.array([-1.5, 0.0, 1.5]) - 1.2
    complete, y, _ = _rows(4000, 11, slopes=slopes)
    rng = np.random.default_rng(12)
    # gone where outcome and age are both high or both low: at random given what is seen
    chance = expit(-0.8 + (y - 1.5) * complete[:, 0])
    x = complete.copy()
    x[rng.random(4000) < chance, 1] = np.nan
    x[rng.random(4000) < 0.6 * chance, 2] = np.nan
    kept = ~np.isnan(x).any(axis=1)
    listwise = find_mode(np.eye(4)[y[kept]], x[kept])
    bias = (listwise.coefficients - slopes) / np.sqrt(np.diag(listwise.coefficient_covariance))
    assert np.abs(bias).max() > 6, "deletion has to be biased for this to show anything"
    fit = fit_bayesian(_design(x, y, missing=_missing(x)), SAMPLED, "modelled", 5)
    checks = {check.name: check for check in fit.checks()}
    # the largest of some 1,300 R-hats of cells after 2 x 700 draws; 1.01 is for a report's 4 x 1,000
    assert checks.pop("rhat_max").value < 1.04
    assert [check for check in checks.values() if check.status == "fail"] == []
    # seven parameters: 3.5 posterior standard deviations are exceeded once in some 300 data sets
    assert np.abs(_standardised_error(fit, "beta", slopes)).max() < 3.5
    assert np.abs(_standardised_error(fit, "threshold", thresholds)).max() < 3.5
    posterior = fit.tree["posterior"].to_dataset()
    cells = posterior["missing_income"].mean(("chain", "draw"))
    holes = np.isnan(x[:, 2])
    # the model fills in income from age, item and outcome: its residual standard deviation is about 1.6
    error = cells.values - complete[holes, 2]
    assert abs(error.mean()) < 4 * error.std() / np.sqrt(holes.sum())
    assert error.std() < 0.95 * complete[holes, 2].std()


@pytest.mark.slow
def test_shares_of_the_steps_are_recovered():
    rng = np.random.default_rng(21)
    simplex, slopes = np.array([0.7, 0.1, 0.2]), np.array([0.5, 0.8])
    x = np.column_stack([rng.normal(size=3000), rng.integers(0, 4, 3000)])
    eta = slopes[0] * x[:, 0] + slopes[1] * monotonic_values(simplex, x[:, 1])
    y = np.digitize(eta + rng.logistic(size=3000), [0.0, 1.0, 2.5])
    design = design_from_arrays(
        y, x, levels="abcd", terms=["age", "contact"], monotonic=[MonotonicTerm(1, ("no", "low", "some", "much"))]
    )
    fit = fit_bayesian(design, SAMPLED, "monotonic", 5)
    assert [check for check in fit.checks() if check.status == "fail"] == []
    assert np.abs(_standardised_error(fit, "simplex_contact", simplex)).max() < 3.5
    assert np.abs(_standardised_error(fit, "beta", slopes)).max() < 3.5
