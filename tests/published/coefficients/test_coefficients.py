"""Printed coefficients under three readings of their standard errors: reading, closed forms, shrinkage posterior."""

import pickle

import numpy as np
import pytest
from pymc.model.transform.conditioning import remove_value_transforms
from scipy import integrate, stats

from bayesgov.errors import InputError
from bayesgov.published.coefficients import bayesian, frequentist, reanalyse
from bayesgov.published.coefficients.design import CoefficientReading, read_one, read_readings
from bayesgov.sampling import SamplingOptions
from bayesgov.spec import CoefficientsSpec, read_published_spec
from bayesgov.study import load_study

ROWS = ("1", "2", "3", "4")
SPEC = CoefficientsSpec(table="7", rows=ROWS, expected_nonzero=2)


@pytest.fixture(scope="module")
def survey():
    study = load_study("survey")
    return study, read_published_spec(study.folder).coefficients


def a_reading(estimate=(3.0, 0.2, -1.0, 8.0), std_error=(1.0, 0.5, np.nan, 2.0)):
    errors = np.array(std_error)
    return CoefficientReading("printed", ROWS, ROWS, np.array(estimate), errors, np.isfinite(errors), ("",) * len(ROWS))


def test_readings_of_the_printed_table(survey):
    study, spec = survey
    printed, interval, wald = read_readings(study, spec)
    assert printed.std_error[0] == 3.224
    # row 1: (12.849 - 0.245) / (2 * 1.959964) and 6.528 / sqrt(4.167)
    assert interval.std_error[0] == pytest.approx(3.21536, abs=1e-5)
    assert wald.std_error[0] == pytest.approx(3.19793, abs=1e-5)
    assert printed.included.all()
    assert wald.included.all()
    assert [row for row, kept in zip(interval.rows, interval.included, strict=True) if not kept] == ["2"]
    assert "limits are reversed" in interval.notes[1]
    # row 8 has its limits in order, but its estimate far from the middle
    assert interval.included[7]
    assert "from the middle" in interval.notes[7]


def test_missing_column_is_an_input_error(survey):
    study, spec = survey
    with pytest.raises(InputError, match="no cell matches"):
        read_one(study, spec.model_copy(update={"table": "3"}), "printed")


def test_soft_threshold_and_james_stein_closed_forms():
    np.testing.assert_array_equal(
        frequentist.soft_threshold(np.array([3.0, -3.0, 0.5]), np.array([1.0, 1.0, 1.0])), [2, -2, 0]
    )
    assert frequentist.james_stein_factor(np.array([2.0, -2.0, 1.0])) == pytest.approx(1 - 1 / 9)
    assert frequentist.james_stein_factor(np.full(10, 0.1)) == 0


def test_estimator_fit_leaves_out_what_the_reading_does_not_give():
    fit = frequentist.fit(a_reading())
    table = fit.estimates()
    assert table["term"].tolist() == ["beta[1]", "beta[2]", "beta[4]"]
    assert table["p_value"][0] == pytest.approx(2 * stats.norm.sf(3.0))
    assert fit.checks()[0].value == 1


def test_fused_density_is_the_pymc_model_with_beta_integrated_out():
    """log p(hyper, beta) = fused(hyper) - log Jacobian + log p(beta | hyper, data), at any beta."""
    table = a_reading()
    inputs = bayesian.model_inputs(table, SPEC)
    density = bayesian.fused_density(ROWS, SPEC, inputs)
    compiled = remove_value_transforms(bayesian.build_model(ROWS, SPEC, inputs)).compile_logp(mode="FAST_COMPILE")
    rng = np.random.default_rng(1)
    for _ in range(3):
        theta = density.initial + rng.normal(size=density.n_dim)
        values = density.expand(theta, rng, **inputs.as_data())
        local = values["tau"] * values["lambda"]
        scale2 = 1 / (1 / values["slab_variance"] + 1 / local**2)
        precision = inputs.included / inputs.std_error**2 + 1 / scale2
        mean = inputs.included * inputs.estimate / inputs.std_error**2 / precision
        conditional = stats.norm.logpdf(values["beta"], mean, precision**-0.5).sum()
        fused, gradient = density.log_density(theta, **inputs.as_data())
        by_pymc = float(compiled({name: np.asarray(value) for name, value in values.items()}))
        log_jacobian = theta.sum()  # theta holds logarithms
        # PyTensor folds constants such as log 2 in single precision: PyMC's normalising constants are 1e-8 off
        assert fused - log_jacobian + conditional == pytest.approx(by_pymc, abs=1e-7)
        assert np.isfinite(gradient).all()
        numeric = [
            (
                density.log_density(theta + e, **inputs.as_data())[0]
                - density.log_density(theta - e, **inputs.as_data())[0]
            )
            / 2e-6
            for e in 1e-6 * np.eye(density.n_dim)
        ]
        np.testing.assert_allclose(gradient, numeric, atol=1e-6)


def test_posterior_mean_of_one_effect_by_quadrature():
    """With tau and the slab held nearly constant, E[beta | b] of one row is a one-dimensional integral over lambda."""
    table = a_reading()
    spec = SPEC.model_copy(update={"slab_scale": 1e4, "slab_df": 1e4})
    fit = bayesian.fit(bayesian.prepare(table, spec), table, spec, SamplingOptions(seed=3, chains=4, draws=2000))
    posterior = fit.tree["posterior"].to_dataset()
    tau = posterior["tau"].to_numpy().ravel()
    grid = np.linspace(-14, 14, 4001)
    local = np.exp(grid)

    def mean_given(t, b, s):
        variance = (t * local) ** 2 + s**2
        weight = stats.halfcauchy.pdf(local) * local * stats.norm.pdf(b, scale=np.sqrt(variance))
        keep = (t * local) ** 2 / variance
        return b * integrate.trapezoid(weight * keep, grid) / integrate.trapezoid(weight, grid)

    for position, row in ((0, 0), (2, 3)):
        expected = np.mean([mean_given(t, table.estimate[row], table.std_error[row]) for t in tau[::40]])
        drawn = posterior["beta"].to_numpy()[..., position].ravel()
        # both are Monte Carlo means: 8,000 draws of beta, 200 of tau, which moves the mean by much less than beta does
        assert drawn.mean() == pytest.approx(expected, abs=5 * drawn.std() / np.sqrt(2000))


def test_large_effects_are_kept_and_small_ones_shrunk():
    table = a_reading(estimate=(12.0, 0.1, -0.2, 0.3), std_error=(1.0, 1.0, 1.0, 1.0))
    fit = bayesian.fit(bayesian.prepare(table, SPEC), table, SPEC, SamplingOptions(seed=4, chains=2))
    factor = fit.tree["posterior"]["shrinkage_factor"].mean(("chain", "draw")).to_numpy()
    assert factor[0] < 0.1
    assert (factor[1:] > 0.4).all()


def test_reanalysis_of_the_printed_table(survey):
    study, spec = survey
    said = []
    result = reanalyse(study, spec, SamplingOptions(seed=5, chains=2), said.append)
    assert len(said) == 4
    assert [fit.approach for fit in result.fits] == ["frequentist", "bayesian"] * 3
    assert len({fit.label for fit in result.fits}) == 6
    effects = result.tables["effects"]
    assert len(effects) == 14 + 13 + 14
    assert effects["shrunken"].abs().le(effects["estimate"].abs()).all()
    assert effects["probability_positive"].between(0, 1).all()
    assert len(result.tables["readings"]) == 42
    assert any("Row 2" in sentence for sentence in result.assumptions)
    assert len(pickle.loads(pickle.dumps(result)).fits) == 6
    failing = [check.name for fit in result.fits for check in fit.checks() if check.status == "fail"]
    assert failing == []
