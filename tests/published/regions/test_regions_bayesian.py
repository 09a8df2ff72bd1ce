"""The hierarchical model: density, exact redraws, and numerical integration as an oracle for the sampler."""

from dataclasses import replace

import arviz as az
import numpy as np
import pytest
import xarray as xr
from scipy import integrate, stats

from bayesgov.published.regions import bayesian
from bayesgov.sampling import SamplingOptions

OPTIONS = SamplingOptions(seed=11, chains=4, draws=1000, tune=600, target_accept=0.9, prior_draws=10)
# 88 comparisons: at 4.5 Monte Carlo standard errors a false alarm has probability below 0.001 in all
MCSE_LIMIT = 4.5


@pytest.fixture(scope="module")
def posterior(panel_compiled, panel_inputs):
    return bayesian.sample_posterior(panel_compiled, panel_inputs, OPTIONS)


def _random_point(model, inputs, seed):
    rng = np.random.default_rng(seed)
    point = {
        "mu": inputs.mu_scale * rng.normal(size=inputs.mu_scale.shape),
        "tau": inputs.tau_scale * np.abs(rng.normal(size=inputs.tau_scale.shape)),
        "position": rng.uniform(size=inputs.printed.shape),
    }
    unconstrained = {
        "mu": point["mu"],
        "tau_log__": np.log(point["tau"]),
        "position_interval__": np.log(point["position"]) - np.log1p(-point["position"]),
    }
    return point, unconstrained


def _numpy_logp(point, inputs):
    """Prior, likelihood and log-Jacobian of the unconstrained coordinates, written out with scipy."""
    std_error = 1 / inputs.root_precision(point["position"])
    spread = np.hypot(point["tau"][:, None], std_error)
    return (
        stats.norm.logpdf(point["mu"], 0, inputs.mu_scale).sum()
        + stats.halfnorm.logpdf(point["tau"], scale=inputs.tau_scale).sum()
        + np.log(point["tau"]).sum()
        + (np.log(point["position"]) + np.log1p(-point["position"])).sum()
        + stats.norm.logpdf(inputs.printed, point["mu"][:, None], spread).sum()
    )


def test_log_density_and_gradient(panel_table, panel_inputs):
    model = bayesian.build_model(panel_table, panel_inputs)
    compiled = model.compile_logp(mode="FAST_COMPILE")
    gradient = model.compile_dlogp(mode="FAST_COMPILE")
    for seed in range(3):
        point, unconstrained = _random_point(model, panel_inputs, seed)
        # both sides sum some 130 terms in double precision
        assert float(compiled(unconstrained)) == pytest.approx(_numpy_logp(point, panel_inputs), rel=1e-10)
        assert np.isfinite(gradient(unconstrained)).all()


def test_marginal_density_integrates_the_region_effect_out():
    mu, tau, b, s = 0.4, 0.8, -0.3, 0.6

    def joint(theta):
        return stats.norm.pdf(b, theta, s) * stats.norm.pdf(theta, mu, tau)

    integral = integrate.quad(joint, -10, 10, epsabs=1e-13)[0]
    assert stats.norm.pdf(b, mu, np.hypot(tau, s)) == pytest.approx(integral, rel=1e-9)


def test_redrawn_effects_have_the_exact_conditional_moments(panel_inputs):
    n = 40_000
    one = replace(
        panel_inputs,
        printed=np.array([[1.0, -2.0]]),
        root_precision_low=np.array([[2.0, 0.5]]),
        root_precision_high=np.array([[2.0, 0.5]]),
    )
    draws = xr.Dataset(
        {
            "mu": (("chain", "draw", "term"), np.full((1, n, 1), 0.5)),
            "tau": (("chain", "draw", "term"), np.full((1, n, 1), 1.5)),
            "position": (("chain", "draw", "term", "region"), np.full((1, n, 1, 2), 0.3)),
        },
        coords={"chain": [0], "draw": np.arange(n), "term": ["x"], "region": ["a", "b"]},
    )
    redrawn = bayesian.redraw_region_effects(draws, one, np.random.default_rng(3))
    precision = np.array([4.0, 0.25]) + 1 / 1.5**2
    mean = (np.array([4.0, 0.25]) * [1.0, -2.0] + 0.5 / 1.5**2) / precision
    theta = redrawn["theta"].values[0, :, 0]
    np.testing.assert_array_less(np.abs(theta.mean(axis=0) - mean), 4 * np.sqrt(1 / precision / n))
    # the relative standard error of a variance is √(2/n)
    np.testing.assert_allclose(theta.var(axis=0), 1 / precision, rtol=4 * np.sqrt(2 / n))
    np.testing.assert_allclose(redrawn["share"].values[0, 0, 0], np.array([4.0, 0.25]) / precision)
    assert redrawn["theta_new"].values.std() == pytest.approx(1.5, rel=4 / np.sqrt(2 * n))


def test_pointwise_log_likelihood_is_the_models(panel_table, panel_inputs):
    model = bayesian.build_model(panel_table, panel_inputs)
    point, unconstrained = _random_point(model, panel_inputs, 5)
    draws = xr.Dataset(
        {
            "mu": (("chain", "draw", "term"), point["mu"][None, None]),
            "tau": (("chain", "draw", "term"), point["tau"][None, None]),
            "position": (("chain", "draw", "term", "region"), point["position"][None, None]),
        }
    )
    ours = bayesian.log_likelihood(draws, panel_inputs).values[0, 0]
    theirs = model.compile_logp(vars=model.observed_RVs, sum=False, mode="FAST_COMPILE")(unconstrained)[0]
    np.testing.assert_allclose(ours, theirs, rtol=1e-10)


def _oracle(inputs, j, n_mu=161, n_tau=160, n_position=24):
    """Posterior expectations of term j on a grid over (mu, tau), positions by Gauss-Legendre.

    As bayesmeta does (Röver 2020, doi:10.18637/jss.v093.i06), with the rounding of t integrated out of each region's
    marginal likelihood.
    """
    nodes, weights = np.polynomial.legendre.leggauss(n_position)
    root = (
        inputs.root_precision_low[j][:, None]
        + (inputs.root_precision_high - inputs.root_precision_low)[j][:, None] * (nodes + 1) / 2
    )
    scale = inputs.tau_scale[j]
    tau_nodes, tau_weights = np.polynomial.legendre.leggauss(n_tau)
    # tau = top · v²: dense near zero; 6 prior scales leave out 2e-9 of the prior
    top = 6.0 * scale
    tau = top * ((tau_nodes + 1) / 2) ** 2
    tau_weight = tau_weights * (tau_nodes + 1) * stats.halfnorm.pdf(tau, scale=scale)
    spread_mu = 4.5 * np.hypot(top, scale) / 3
    centre_mu = np.average(inputs.printed[j], weights=inputs.root_precision_high[j] ** 2)
    mu = centre_mu + np.linspace(-spread_mu, spread_mu, n_mu)
    mu_weight = stats.norm.pdf(mu, 0, inputs.mu_scale[j])
    y = inputs.printed[j][:, None, None, None]
    precision = root[:, None, None, :] ** 2
    t, m = tau[None, :, None, None], mu[None, None, :, None]
    with np.errstate(divide="ignore"):
        density = stats.norm.pdf(y, m, np.sqrt(t**2 + 1 / precision)) * weights
    share = t**2 * precision / (1 + t**2 * precision)
    centre = m + share * (y - m)
    marginal = density.sum(axis=-1)
    joint = tau_weight[:, None] * mu_weight * marginal.prod(axis=0)
    joint /= joint.sum()
    conditional = density / marginal[..., None]
    effect = (centre * conditional).sum(axis=-1)
    positive = (stats.norm.cdf(centre / (t * np.sqrt(1 - share))) * conditional).sum(axis=-1)
    return {
        "mu": (joint * mu).sum(),
        "tau": (joint * tau[:, None]).sum(),
        "mu > 0": joint[:, mu > 0].sum(),
        "theta_new > 0": (joint * stats.norm.cdf(mu / tau[:, None])).sum(),
        "theta": (joint * effect).sum(axis=(1, 2)),
        "theta > 0": (joint * positive).sum(axis=(1, 2)),
        "edge": joint[:, [0, -1]].sum() + joint[-1].sum(),
    }


def _z(values, expected):
    """Distance of a Monte Carlo mean from its expectation in Monte Carlo standard errors; values (chain, draw)."""
    return abs(values.mean() - expected) / float(az.mcse(np.asarray(values, dtype=float), method="mean"))


def _worst_distance(posterior, inputs, j):
    draws = posterior["posterior"].to_dataset().isel(term=j)
    oracle = _oracle(inputs, j)
    assert oracle["edge"] < 1e-4  # the grid holds the posterior
    mu, tau, new, theta = (draws[name].values for name in ("mu", "tau", "theta_new", "theta"))
    distances = [
        _z(mu, oracle["mu"]),
        _z(tau, oracle["tau"]),
        _z(mu > 0, oracle["mu > 0"]),
        _z(new > 0, oracle["theta_new > 0"]),
    ]
    for r in range(theta.shape[-1]):
        distances += [_z(theta[..., r], oracle["theta"][r]), _z(theta[..., r] > 0, oracle["theta > 0"][r])]
    return max(distances)


@pytest.mark.parametrize("j", range(8))
def test_sampler_agrees_with_numerical_integration(posterior, panel_inputs, j):
    assert _worst_distance(posterior, panel_inputs, j) < MCSE_LIMIT


def _roever(y, std_error, mu_scale, tau_scale):
    """Posterior mean of mu and of tau by one-dimensional integration over tau, mu integrated analytically."""

    def kernel(tau):
        precision = 1 / (std_error**2 + tau**2)
        posterior_precision = precision.sum() + mu_scale**-2
        mean = (precision * y).sum() / posterior_precision
        quadratic = (precision * y**2).sum() - posterior_precision * mean**2
        log_marginal = 0.5 * (np.log(precision).sum() - np.log(posterior_precision) - quadratic)
        return np.exp(log_marginal) * stats.halfnorm.pdf(tau, scale=tau_scale), mean

    top, options = 8 * tau_scale, {"epsabs": 0.0, "epsrel": 1e-9, "limit": 200}
    total = integrate.quad(lambda tau: kernel(tau)[0], 0, top, **options)[0]
    mean_mu = integrate.quad(lambda tau: np.prod(kernel(tau)), 0, top, **options)[0] / total
    mean_tau = integrate.quad(lambda tau: tau * kernel(tau)[0], 0, top, **options)[0] / total
    return mean_mu, mean_tau


def test_refit_with_known_standard_errors_agrees_with_one_dimensional_integration(
    panel_compiled, panel_inputs, panel_table
):
    # no compilation: the same compiled density with other data, signs and prior scale
    flipped = panel_table.read_signs("t")
    inputs = replace(panel_inputs, printed=flipped.estimate).with_known_std_error(flipped.std_error).with_tau_scale(2.0)
    draws = bayesian.sample_posterior(panel_compiled, inputs, OPTIONS)["posterior"]
    for j in range(len(flipped.terms)):
        mean_mu, mean_tau = _roever(
            flipped.estimate[j], flipped.std_error[j], inputs.mu_scale[j], 2.0 * panel_inputs.tau_scale[j]
        )
        assert _z(draws["mu"].values[..., j], mean_mu) < MCSE_LIMIT
        assert _z(draws["tau"].values[..., j], mean_tau) < MCSE_LIMIT


def test_power_scaling_sees_a_strong_prior(panel_compiled, panel_inputs):
    # estimates three standard errors from zero under a prior of mu one standard error wide
    unit = panel_inputs.tau_scale
    strong = replace(panel_inputs, printed=panel_inputs.printed + 3 * unit[:, None], mu_scale=unit)
    weak = replace(strong, mu_scale=20 * unit)
    sensitivity = {}
    for name, inputs in (("strong", strong), ("weak", weak)):
        tree = bayesian.sample_posterior(panel_compiled, inputs, OPTIONS)
        sensitivity[name] = bayesian.power_scaling(tree)["mu"].sel(component="prior")
    assert (sensitivity["strong"] > 0.05).all()
    assert (sensitivity["weak"] < sensitivity["strong"]).all()
    assert sensitivity["weak"].dims == ("term",)


@pytest.mark.slow
def test_posterior_ranks_are_uniform(panel_compiled, panel_inputs):
    """Simulation-based calibration (Talts et al. 2018, arXiv:1804.06788): eight independent terms a data set."""
    rng = np.random.default_rng(99)
    options = replace(OPTIONS, draws=400, tune=400)
    ranks = {"mu": [], "tau": [], "theta": []}
    for replicate in range(60):
        shape = panel_inputs.printed.shape
        mu = panel_inputs.mu_scale * rng.normal(size=shape[0])
        tau = panel_inputs.tau_scale * np.abs(rng.normal(size=shape[0]))
        theta = mu[:, None] + tau[:, None] * rng.normal(size=shape)
        # the limits of 1/s stay: the cell whose t prints as zero would need an infinite standard error, take t's middle
        known = panel_inputs.with_known_std_error(1 / panel_inputs.root_precision(np.full(shape, 0.5)))
        printed = theta + rng.normal(size=shape) / known.root_precision_low
        inputs = replace(known, printed=printed)
        draws = bayesian.sample_posterior(panel_compiled, inputs, replace(options, seed=replicate))["posterior"]
        truths = {"mu": mu, "tau": tau, "theta": theta}
        for name, values in ranks.items():
            thinned = draws[name].values[:, ::8]  # 200 nearly independent draws
            values.append((thinned < truths[name]).mean(axis=(0, 1)).ravel())
    for name, values in ranks.items():
        # positions within a data set share mu and tau, so theta is thinned to one region a term
        sample = np.concatenate([v[::7] if name == "theta" else v for v in values])
        assert stats.kstest(np.clip(sample, 1e-3, 1 - 1e-3), "uniform").pvalue > 0.001, name
