"""The shrinkage model of contingency tables: fused density = PyMC = NumPy likelihood + scipy priors; its posteriors."""

import numpy as np
import pymc as pm
import pytest
from pymc.model.transform.conditioning import remove_value_transforms
from scipy import stats

from bayesgov.published.contingency import bayesian
from bayesgov.published.contingency.design import make_design
from bayesgov.sampling import SamplingOptions, sample
from bayesgov.spec import ContingencySpec
from bayesgov.survey.likelihood import log_likelihood, log_probabilities

PRIORS = ("normal", "horseshoe", "r2d2")
COUNTS = np.array(
    [
        [[30.0, 40, 20], [15, 45, 50], [25, 30, 35]],
        [[20, 30, 60], [22, 28, 55], [18, 30, 58]],
        [[50, 20, 9], [9, 40, 44], [30, 33, 20]],
    ]
)


def a_spec(**changes):
    known = {"table": "1", "items": ("a", "b", "c"), "outcome": ("low", "mid", "high"), "options": ("1", "2", "3")}
    return ContingencySpec(**{**known, "expected_nonzero_items": 1.5, **changes})


@pytest.fixture(scope="module")
def design():
    return make_design(COUNTS, ("a", "b", "c"), ("1", "2", "3"), ("low", "mid", "high"))


def a_point(density, seed):
    rng = np.random.default_rng(seed)
    return density.initial + 0.5 * rng.standard_normal(density.n_dim)


def free_vector(values):
    """Named variables as the vector that the density is over: a simplex counts without its last entry."""
    return np.concatenate([np.ravel(v[:, :-1] if name == "baseline" else v) for name, v in values.items()])


def scipy_log_prior(values, design, spec, prior):
    """The stated priors in scipy's words."""
    total = sum(stats.dirichlet.logpdf(p, np.ones(3)) for p in values["baseline"])
    if prior == "horseshoe":
        tau0 = 1.5 / (3 - 1.5) * bayesian.typical_standard_error(design)
        total += stats.halfcauchy.logpdf(values["tau"], scale=tau0) + stats.halfcauchy.logpdf(values["lambda"]).sum()
        half = 0.5 * spec.slab_df
        total += stats.invgamma.logpdf(values["slab_variance"], half, scale=half * spec.slab_scale**2)
        local = values["tau"] * values["lambda"]
        scale = np.sqrt(values["slab_variance"]) * local / np.sqrt(values["slab_variance"] + local**2)
    elif prior == "r2d2":
        total += stats.beta.logpdf(
            values["r2"], spec.r2_mean * spec.r2_concentration, (1 - spec.r2_mean) * spec.r2_concentration
        )
        total += stats.expon.logpdf(values["portion"]).sum()
        explained = np.pi**2 / 3 * values["r2"] / (1 - values["r2"])
        scale = np.sqrt(3 * values["portion"] / values["portion"].sum() * explained / (2 / 3))
    else:
        scale = np.full(3, spec.normal_scale)
    return total + stats.norm.logpdf(values["contrast"], scale=scale[:, None]).sum()


def numpy_log_likelihood(values, design):
    cumulative = values["baseline"].cumsum(axis=1)[:, :-1]
    cutpoints = np.log(cumulative / (1 - cumulative))
    eta = np.einsum("ioj,ij->io", design.basis, values["contrast"])
    return log_likelihood(design.counts, eta, cutpoints[:, None, :]).value


@pytest.mark.parametrize("prior", PRIORS)
def test_three_forms_of_the_density_agree(design, prior):
    spec, weight = a_spec(), 0.3
    density = bayesian.fused_density(design, spec, prior)
    model = bayesian.build_model(design, spec, prior)
    model.set_data("weight", weight)
    plain = remove_value_transforms(model)
    compiled = plain.compile_logp(mode="FAST_COMPILE")
    for seed in (1, 2):
        theta = a_point(density, seed)

        def expand(at):
            return density.expand(at, np.random.default_rng(0), weight=weight)

        values = expand(theta)
        by_pymc = float(compiled({name: np.asarray(value) for name, value in values.items()}))
        by_numpy = scipy_log_prior(values, design, spec, prior) + weight * numpy_log_likelihood(values, design)
        # PyTensor folds constants such as log 2 in single precision: PyMC's normalising constants are 1e-8 off
        assert by_pymc == pytest.approx(by_numpy, abs=1e-7)
        step = 1e-5
        jacobian = [
            (free_vector(expand(theta + step * e)) - free_vector(expand(theta - step * e))) / (2 * step)
            for e in np.eye(density.n_dim)
        ]
        log_jacobian = np.linalg.slogdet(np.array(jacobian))[1]
        # the Jacobian is numeric: error step² a column
        assert density.log_density(theta, weight=weight)[0] == pytest.approx(by_numpy + log_jacobian, abs=1e-6)


@pytest.mark.parametrize("prior", PRIORS)
def test_gradient_is_finite_and_the_derivative(design, prior):
    density = bayesian.fused_density(design, a_spec(), prior)
    for seed, spread in ((1, 1.0), (2, 8.0)):
        theta = density.initial + spread * (a_point(density, seed) - density.initial)
        value, gradient = density.log_density(theta, weight=1.0)
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()
        step = 1e-6
        numeric = [
            (
                density.log_density(theta + step * e, weight=1.0)[0]
                - density.log_density(theta - step * e, weight=1.0)[0]
            )
            / (2 * step)
            for e in np.eye(density.n_dim)
        ]
        # central differences: rounding of a value of some thousands over 2e-6, relative to the largest slope
        np.testing.assert_allclose(gradient, numeric, atol=1e-5 * max(1.0, np.abs(gradient).max()))


def test_more_levels_and_options_have_the_right_gradient():
    rng = np.random.default_rng(3)
    design = make_design(rng.integers(5, 40, size=(2, 4, 5)).astype(float), ("a", "b"), tuple("1234"), tuple("12345"))
    density = bayesian.fused_density(design, a_spec(items=("a", "b"), expected_nonzero_items=1), "horseshoe")
    theta = a_point(density, 1)
    gradient = density.log_density(theta, weight=1.0)[1]
    step = 1e-6
    numeric = [
        (density.log_density(theta + step * e, weight=1.0)[0] - density.log_density(theta - step * e, weight=1.0)[0])
        / (2 * step)
        for e in np.eye(density.n_dim)
    ]
    np.testing.assert_allclose(gradient, numeric, atol=1e-5 * np.abs(gradient).max())


def test_items_apart_factorise(design):
    """Under the normal prior the log posterior is a sum over items; under the horseshoe it is not."""

    def density_of(items, prior, theta):
        part = make_design(COUNTS[items], tuple("abc"[i] for i in items), ("1", "2", "3"), ("low", "mid", "high"))
        spec = a_spec(items=part.items, expected_nonzero_items=0.5 * len(items))
        return bayesian.fused_density(part, spec, prior).log_density(theta, weight=1.0)[0]

    rng = np.random.default_rng(4)
    cut, gap, u = rng.normal(size=3), rng.normal(size=3), rng.normal(size=(3, 2))
    together = density_of([0, 1, 2], "normal", np.concatenate([cut, gap, u.ravel()]))
    apart = sum(density_of([i], "normal", np.concatenate([cut[i : i + 1], gap[i : i + 1], u[i]])) for i in range(3))
    assert together == pytest.approx(apart, rel=1e-12)


def test_weak_prior_posterior_is_the_maximum_likelihood_estimate(design):
    fit = bayesian.fit(bayesian.prepare(design, a_spec(normal_scale=20.0), "normal"), SamplingOptions(seed=5, chains=2))
    rows = fit.estimates().set_index("term")
    effects = np.einsum("ioj,ij->io", design.basis, design.mode)
    for i, item in enumerate(design.items):
        for o, option in enumerate(design.options):
            row = rows.loc[f"option_effect[{item}, {option}]"]
            # 2,000 nearly independent draws: MCSE 0.022 sd, four of them; skewness and the uniform cutpoints' prior
            # move the median by order 1 / sqrt(n) = 0.06 sd at n = 300
            assert abs(row["estimate"] - effects[i, o]) < (4 * 0.022 + 0.06) * row["std_error"]
    assert rows.index[-1] == "cramers_v[c]"


def test_without_weight_the_posterior_is_the_prior(design):
    ready = bayesian.prepare(design, a_spec(normal_scale=0.7), "normal")
    tree = sample(ready.compiled, SamplingOptions(seed=6, chains=2), data={"weight": np.asarray(0.0)})
    draws = tree["posterior"]["contrast"].to_numpy()
    # 12,000 draws of a normal: relative error of a standard deviation 1 / sqrt(2 n) = 0.0065, times four
    assert draws.std() == pytest.approx(0.7, rel=0.03)
    np.testing.assert_allclose(tree["posterior"]["baseline"].mean(), 1 / 3, atol=1e-12)
    # Dirichlet(1, 1, 1): sd of a share 0.236; 6,000 draws, times four for autocorrelation and certainty
    assert tree["posterior"]["baseline"].std() == pytest.approx(0.236, rel=0.05)
    assert tree["prior"]["contrast"].std() == pytest.approx(0.7, rel=0.03)


def test_fit_carries_what_diagnostics_need(design):
    fit = bayesian.fit(bayesian.prepare(design, a_spec(), "horseshoe"), SamplingOptions(seed=7, chains=2), weight=0.5)
    assert fit.label == "contingency-horseshoe-weight-0.5"
    assert {check.name for check in fit.checks()} >= {"rhat_max", "ess_bulk_min", "prior_sensitivity_max"}
    posterior = fit.tree["posterior"].to_dataset()
    point = {name: posterior[name].to_numpy()[0, 0] for name in ("baseline", "contrast")}
    stored = fit.tree["log_likelihood"]["tables"].to_numpy()[0, 0]
    assert stored.sum() == pytest.approx(0.5 * numpy_log_likelihood(point, design), rel=1e-10)
    assert set(fit.tree["log_prior"].to_dataset().data_vars) == {"tau", "slab_variance"}
    np.testing.assert_allclose(posterior["option_effect"].sum("option"), 0, atol=1e-12)
    # same seed, same numbers
    again = bayesian.fit(bayesian.prepare(design, a_spec(), "horseshoe"), SamplingOptions(seed=7, chains=2), weight=0.5)
    np.testing.assert_array_equal(again.tree["posterior"]["contrast"], posterior["contrast"])


def test_pymc_samples_the_same_model(design):
    """The declared model is complete: PyMC's own prior draws have the moments of the stated prior."""
    with bayesian.build_model(design, a_spec(), "r2d2"):
        draws = pm.draw([pm.modelcontext(None)["r2"], pm.modelcontext(None)["baseline"]], draws=2000, random_seed=8)
    # Beta(0.5, 4.5): sd 0.122, so the mean of 2,000 has standard error 0.0027
    assert np.mean(draws[0]) == pytest.approx(0.1, abs=4 * 0.0027)
    np.testing.assert_allclose(np.mean(draws[1], axis=(0, 1)), 1 / 3, atol=4 * 0.236 / np.sqrt(6000))


@pytest.mark.slow
@pytest.mark.parametrize("prior", PRIORS)
def test_recovers_simulated_effects(prior):
    """Over 16 items x 3 options, 95% intervals cover about 95% of the true effects."""
    rng = np.random.default_rng(9)
    truth = rng.normal(scale=0.3, size=(16, 3)) * (np.arange(16) % 2)[:, None]
    truth -= truth.mean(axis=1, keepdims=True)
    probability = np.exp(log_probabilities(truth, np.array([-0.8, 0.6])))
    counts = np.array([[rng.multinomial(400, p) for p in item] for item in probability]).astype(float)
    items = tuple(str(i) for i in range(16))
    design = make_design(counts, items, ("1", "2", "3"), ("low", "mid", "high"))
    spec = a_spec(items=items, expected_nonzero_items=8)
    fit = bayesian.fit(bayesian.prepare(design, spec, prior), SamplingOptions(seed=10, target_accept=0.95))
    assert all(check.status != "fail" for check in fit.checks())
    rows = fit.estimates().iloc[:48]
    covered = (rows["lower"] <= truth.ravel()) & (truth.ravel() <= rows["upper"])
    # 32 free contrasts: binomial(32, 0.95) is below 26 with probability 0.001
    assert covered.mean() > 26 / 32
