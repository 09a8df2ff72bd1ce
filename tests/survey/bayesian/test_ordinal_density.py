"""The compiled posterior density equals the PyMC model's, value and gradient."""

from dataclasses import replace

import numpy as np
import pytensor
import pytest

from bayesgov.survey.bayesian.density import fused_density, has_fused_density
from bayesgov.survey.bayesian.model import build_model
from bayesgov.survey.bayesian.parts import model_parts
from bayesgov.survey.simulate import benchmark_design
from bayesgov.survey.spec import CoefficientPrior, CumulativeSpec, ThresholdPrior

# the order of the compiled density's coordinates
ORDER = ("threshold_at_mean", "beta", "group_effect", "group_sd", "tau", "slab_variance", "lambda", "r2", "portion")
CASES = {
    "horseshoe": {"prior": CoefficientPrior(kind="horseshoe")},
    "normal, sorted thresholds": {
        "prior": CoefficientPrior(kind="normal", scale=0.7),
        "threshold_prior": ThresholdPrior(kind="ordered_normal"),
    },
    "laplace, own units": {"prior": CoefficientPrior(kind="laplace", scale=0.5, standardise=False)},
    "r2d2, Dirichlet(2)": {
        "prior": CoefficientPrior(kind="r2d2"),
        "threshold_prior": ThresholdPrior(concentration=2.0),
    },
    "r2d2 by contrast": {"prior": CoefficientPrior(kind="r2d2", by_factor=False)},
    "cloglog": {"link": "cloglog", "prior": CoefficientPrior(kind="horseshoe")},
    "adjacent": {"family": "adjacent", "threshold_prior": ThresholdPrior(concentration=1.5)},
    "continuation": {"family": "continuation", "link": "loglog", "prior": CoefficientPrior(kind="laplace")},
}


def _design(n_groups):
    design = benchmark_design(200, 4, 4, n_groups, seed=1).design
    return replace(design, factors=("a", "a", "b", "c"))


def _rank(name):
    stem = name.removesuffix("__").rsplit("_", 1)[0]
    return ORDER.index("tau") if stem == "mixing" else ORDER.index(stem)


@pytest.mark.parametrize(("case", "n_groups"), [*((case, 6) for case in CASES), ("horseshoe", 0), ("cloglog", 0)])
def test_fused_density_is_the_model(case, n_groups):
    design, spec = _design(n_groups), CumulativeSpec(formula="y ~ x", **CASES[case])
    parts = model_parts(design, spec)
    density, model = fused_density(design, spec, parts=parts), build_model(design, spec, parts=parts)
    variables = sorted(model.value_vars, key=lambda variable: _rank(variable.name))
    start = model.initial_point()
    total = model.logp()
    compiled = pytensor.function(variables, [total, *pytensor.grad(total, variables)], mode="FAST_COMPILE")
    rng = np.random.default_rng(5)
    for _ in range(2):
        theta = density.initial + 0.5 * rng.normal(size=density.n_dim)
        ends = np.cumsum([start[variable.name].size for variable in variables])
        assert ends[-1] == density.n_dim
        pieces = [
            piece.reshape(start[variable.name].shape)
            for piece, variable in zip(np.split(theta, ends[:-1]), variables, strict=True)
        ]
        expected, *gradient = compiled(*pieces)
        value, slope = density.log_density(theta)
        # PyMC's half-Cauchy has log 2 in single precision, a constant
        assert value == pytest.approx(float(expected), abs=1e-7)
        flat = np.concatenate([np.ravel(part) for part in gradient])
        np.testing.assert_allclose(slope, flat, atol=1e-9 * np.abs(flat).max())


def test_expanded_point_is_the_models():
    """Named variables from the compiled code are those that PyMC's transforms give."""
    design, spec = _design(6), CumulativeSpec(formula="y ~ x")
    parts = model_parts(design, spec)
    density, model = fused_density(design, spec, parts=parts), build_model(design, spec, parts=parts)
    theta = density.initial + 0.5 * np.random.default_rng(5).normal(size=density.n_dim)
    named = density.expand(theta, np.random.default_rng(0))
    variables = sorted(model.value_vars, key=lambda variable: _rank(variable.name))
    ends = np.cumsum([model.initial_point()[variable.name].size for variable in variables])
    point = dict(zip([v.name for v in variables], np.split(theta, ends[:-1]), strict=True))
    point = {name: value if value.size > 1 else value[0] for name, value in point.items()}
    shown = model.replace_rvs_by_values([model[name] for name in named])
    function = pytensor.function(list(model.value_vars), shown, mode="FAST_COMPILE", on_unused_input="ignore")
    for name, value in zip(named, function(*(point[v.name] for v in model.value_vars)), strict=True):
        np.testing.assert_allclose(named[name], value, rtol=1e-10, err_msg=name)
    assert named["group_effect"].sum() == pytest.approx(0, abs=1e-12)


def test_special_models_have_no_fused_density():
    design, spec = replace(_design(0), nominal=(1,)), CumulativeSpec(formula="y ~ x")
    assert not has_fused_density(design, spec)
    with pytest.raises(ValueError, match="no fused density"):
        fused_density(design, spec)
