"""What the posterior is: maximum likelihood under a wide prior, the truth under every prior, well sampled."""

import arviz as az
import numpy as np
import pytest

from bayesgov.spec import SamplingSpec
from bayesgov.survey.bayesian.fit import fit_bayesian
from bayesgov.survey.mode import find_mode
from bayesgov.survey.simulate import benchmark_design
from bayesgov.survey.spec import CoefficientPrior, CumulativeSpec, ThresholdPrior

WIDE = CumulativeSpec(
    formula="y ~ x",
    prior=CoefficientPrior(kind="normal", scale=100.0),
    threshold_prior=ThresholdPrior(kind="ordered_normal", scale=100.0),
    sampling=SamplingSpec(draws=2000, tune=1000, target_accept=0.9),
)


def test_a_quick_posterior_has_names_checks_and_the_truth():
    simulated = benchmark_design(600, 3, 4, 8, seed=3)
    spec = CumulativeSpec(formula="y ~ x", sampling=SamplingSpec(draws=300, tune=300, chains=2))
    told = []
    fit = fit_bayesian(simulated.design, spec, "quick", 1, progress=told.append)
    table = fit.estimates().set_index("term")
    assert list(table.index[:4]) == ["beta[x1]", "beta[x2]", "beta[x3]", "threshold[1|2]"]
    truth = np.concatenate([simulated.beta, simulated.thresholds])
    error = (table["estimate"].to_numpy()[: truth.size] - truth) / table["std_error"].to_numpy()[: truth.size]
    assert np.abs(error).max() < 4
    assert {"rhat_max", "divergences"} <= {check.name for check in fit.checks()}
    assert told[0] == "compiling the model"
    assert set(fit.tree["prior"].data_vars) == set(fit.tree["posterior"].data_vars)
    again = fit_bayesian(simulated.design, spec, "quick", 1)
    np.testing.assert_array_equal(again.tree["posterior"]["beta"], fit.tree["posterior"]["beta"])


@pytest.mark.slow
def test_wide_normal_prior_is_maximum_likelihood():
    design = benchmark_design(4000, 5, 5, 0, seed=11).design
    draws = fit_bayesian(design, WIDE, "wide", 1).tree["posterior"].to_dataset()
    exact = find_mode(np.eye(5)[design.y], design.x)
    sd = np.sqrt(np.diag(exact.covariance))
    for name, found, scale in (("threshold", exact.cutpoints, sd[:4]), ("beta", exact.coefficients, sd[4:])):
        error = az.mcse(draws[name], method="mean").to_numpy()
        # a posterior mean differs from the mode by its skewness, of order 1 / n: hundredths of a standard error
        assert np.all(np.abs(draws[name].mean(("chain", "draw")) - found) < 4 * error + 0.03 * scale)
        np.testing.assert_allclose(draws[name].std(("chain", "draw")), scale, rtol=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["normal", "laplace", "horseshoe", "r2d2"])
@pytest.mark.parametrize("family", ["cumulative", "continuation"])
def test_every_prior_recovers_the_truth(kind, family):
    simulated = benchmark_design(5000, 8, 5, 40, seed=21)
    spec = CumulativeSpec(
        formula="y ~ x",
        family=family,
        prior=CoefficientPrior(kind=kind),
        sampling=SamplingSpec(draws=1000, tune=1000, target_accept=0.9),
    )
    fit = fit_bayesian(simulated.design, spec, kind, 2)
    assert all(check.status == "pass" for check in fit.checks()), fit.checks()
    table = fit.estimates().set_index("term")
    beta = table.loc[[f"beta[{term}]" for term in simulated.design.terms]]
    z = (beta["estimate"].to_numpy() - simulated.beta) / beta["std_error"].to_numpy()
    if family == "cumulative":
        # 8 independent z-scores, shrunken or not, lie within 3.5 but for one in 270 such tests
        assert np.abs(z).max() < 3.5
        assert abs(table.loc["group_sd", "estimate"] - 0.5) < 4 * table.loc["group_sd", "std_error"]
        effect = fit.tree["posterior"]["group_effect"].mean(("chain", "draw"))
        assert np.corrcoef(effect, simulated.group_effect)[0, 1] > 0.9
    else:
        # another family than the one that made the data: signs and order of the strong effects remain
        strong = np.abs(simulated.beta) > 0.2
        assert np.all(np.sign(beta["estimate"][strong]) == np.sign(simulated.beta[strong]))


@pytest.mark.slow
def test_the_benchmark_is_sampled_well():
    """The survey study's size with 105 villages: every parameter, global and local scales included."""
    design = benchmark_design(seed=1).design
    fit = fit_bayesian(
        design, CumulativeSpec(formula="y ~ x", sampling=SamplingSpec(target_accept=0.8)), "benchmark", 1
    )
    draws = fit.tree["posterior"].to_dataset()
    checks = {check.name: check for check in fit.checks()}
    assert checks["rhat_max"].value < 1.01
    assert checks["divergences"].value == 0
    for method in ("bulk", "tail"):
        for name, values in az.ess(draws, method=method).data_vars.items():
            assert float(values.min()) > 1000, (method, name)
