"""The ordinal regression by maximum likelihood against R's ordinal, VGAM and sandwich; its failures by name.

Reference numbers: reference/ordinal_models.R. R stops at a gradient of 1e-8, so its coefficients are good to about a
millionth of their standard errors.
"""

from dataclasses import replace

import numpy as np
import pytest
from survey.frequentist.ordered_data import R, housing, rows, spec, wine

from bayesgov.errors import InputError
from bayesgov.survey.design import design_from_arrays
from bayesgov.survey.frequentist.ordered import fit_ordered, to_fit
from bayesgov.survey.links import log_interval_value

PLAIN = {
    **{f"wine_{link}": (wine(), {"link": link}) for link in ("logit", "probit", "cloglog", "loglog", "cauchit")},
    "wine_symmetric": (wine(), {"thresholds": "symmetric"}),
    "wine_scale": (wine(("contact",), ("temp",)), {}),
    "wine_scale_probit": (wine(scale=("temp",)), {"link": "probit"}),
    "housing_cloglog": (housing(), {"link": "cloglog"}),
    "rows_logit": (rows(), {}),
    "rows_cauchit": (rows(), {"link": "cauchit"}),
    "rows_symmetric": (rows(), {"thresholds": "symmetric"}),
    "rows_equidistant": (rows(), {"thresholds": "equidistant", "link": "probit"}),
    "rows_scale": (rows(scale=True), {}),
}


def agrees(found, reference):
    """Coefficients to a millionth of their standard errors (and 1e-5), standard errors and log-likelihood likewise."""
    errors = np.array(reference["se"])
    coefficients = np.array(list(reference["coef"].values()))
    np.testing.assert_array_less(np.abs(found.parameters - coefficients), np.minimum(1e-5, 2e-6 * found.std_errors))
    np.testing.assert_allclose(found.std_errors[-errors.size :], errors, rtol=1e-6)
    assert found.log_likelihood == pytest.approx(reference["logLik"], abs=1e-8)
    assert found.converged
    assert found.correct_decimals.min() >= 9
    assert found.usable


@pytest.mark.parametrize("name", PLAIN)
def test_reproduces_clm(name):
    design, settings = PLAIN[name]
    agrees(fit_ordered(design, spec(**settings)), R[name])


def test_clm_takes_a_finite_bound_for_infinity():
    # why the cauchit references are not clm's: its likelihood is ours with 1e5 in the place of infinity
    design, reference = wine(), R["wine_cauchit_clm"]
    values = np.array(list(reference["coef"].values()))
    cuts, eta = np.concatenate([[-1e5], values[:4], [1e5]]), design.x @ values[4:]
    bounded = log_interval_value("cauchit", cuts[design.y] - eta, cuts[design.y + 1] - eta).sum()
    assert bounded == pytest.approx(reference["logLik"], abs=1e-8)
    assert fit_ordered(design, spec(link="cauchit")).log_likelihood > bounded + 1e-4


@pytest.mark.parametrize(("name", "design"), [("wine_nominal", wine()), ("housing_nominal", housing())])
def test_nominal_effects_are_those_of_clm(name, design):
    nominal = design.n_terms - 1
    found = fit_ordered(replace(design, nominal=(nominal,)), spec())
    values, reference = found.problem.unpack(found.parameters), list(R[name]["coef"].values())
    n_cuts = len(design.thresholds)
    np.testing.assert_allclose(values.threshold, reference[:n_cuts], atol=1e-7)
    # clm adds the nominal effect to the threshold, so its sign is the other one
    np.testing.assert_allclose(-(values.beta[nominal] + values.departure[0]), reference[n_cuts : 2 * n_cuts], atol=1e-7)
    np.testing.assert_allclose(np.delete(values.beta, nominal), reference[2 * n_cuts :], atol=1e-7)
    assert found.log_likelihood == pytest.approx(R[name]["logLik"], abs=1e-9)
    table = to_fit(found).estimates().set_index("term")
    departures = [f"departure[{design.terms[nominal]}, {cut}]" for cut in design.thresholds]
    assert table.loc[departures, "estimate"].sum() == pytest.approx(0, abs=1e-12)
    # standard error of a combination: beta + departure has clm's
    covariance = found.problem.expand @ found.covariance @ found.problem.expand.T
    position = found.problem.full_names.index(f"beta[{design.terms[nominal]}]")
    for cut, departure in enumerate(departures):
        other = found.problem.full_names.index(departure)
        variance = covariance[position, position] + covariance[other, other] + 2 * covariance[position, other]
        assert np.sqrt(variance) == pytest.approx(R[name]["se"][n_cuts + cut], rel=1e-6)


@pytest.mark.parametrize(
    ("name", "settings", "sign"),
    [
        ("rows_acat", {"family": "adjacent"}, (-1, 1)),
        ("rows_sratio", {"family": "continuation"}, (1, -1)),
        ("rows_sratio_cloglog", {"family": "continuation", "link": "cloglog"}, (1, -1)),
    ],
)
def test_reproduces_vgam(name, settings, sign):
    found, reference = fit_ordered(rows(weighted=False), spec(**settings)), R[name]
    signs = np.repeat(sign, [5, 3])
    np.testing.assert_allclose(signs * found.parameters, list(reference["coef"].values()), rtol=2e-7)
    assert found.log_likelihood == pytest.approx(reference["logLik"], abs=1e-7)
    if name == "rows_acat":
        np.testing.assert_allclose(found.std_errors, reference["se"], rtol=1e-6)


def test_continuation_is_the_stacked_binary_model():
    found = fit_ordered(rows(weighted=False), spec(family="continuation"))
    np.testing.assert_allclose(found.parameters * np.repeat([1, -1], [5, 3]), R["rows_stacked"]["coef"], rtol=1e-7)
    np.testing.assert_allclose(found.std_errors, R["rows_stacked"]["se"], rtol=1e-7)


def test_reproduces_vgam_with_a_nominal_effect():
    found = fit_ordered(replace(rows(weighted=False), nominal=(2,)), spec(family="continuation"))
    values, reference = found.problem.unpack(found.parameters), list(R["rows_sratio_nominal"]["coef"].values())
    np.testing.assert_allclose(values.threshold, reference[:5], rtol=2e-7)
    np.testing.assert_allclose(-(values.beta[2] + values.departure[0]), reference[7:], atol=1e-6)
    assert found.log_likelihood == pytest.approx(R["rows_sratio_nominal"]["logLik"], abs=1e-7)


def test_sandwich_is_that_of_r_times_the_factor_of_stata():
    design, reference = rows(weighted=False), R["rows_plain"]
    robust = fit_ordered(design, spec(covariance="robust"))
    np.testing.assert_allclose(robust.std_errors / np.sqrt(400 / 399), reference["robust"], rtol=1e-6)
    clustered = fit_ordered(replace(design, cluster=design.group), spec(covariance="cluster", cluster="village"))
    np.testing.assert_allclose(clustered.std_errors / np.sqrt(25 / 24), reference["clustered"], rtol=1e-6)
    by_group = fit_ordered(design, spec(covariance="cluster", cluster="village"))
    np.testing.assert_array_equal(by_group.std_errors, clustered.std_errors)
    assert to_fit(clustered).estimates()["interval"][0] == "95% cluster-robust Wald confidence"


def test_weights_are_repetitions():
    design = rows(weighted=False)
    weights = np.tile([1, 2, 3, 1], 100)
    repeated = design.take(np.repeat(np.arange(400), weights))
    for kind in ("model", "robust", "cluster"):
        settings = spec(covariance=kind, cluster="village")
        one = fit_ordered(replace(design, weights=weights.astype(float)), settings)
        two = fit_ordered(repeated, settings)
        np.testing.assert_allclose(one.covariance, two.covariance, rtol=1e-7)
        assert one.n_observations == two.n_observations


def test_units_of_a_predictor_do_not_matter():
    design = rows()
    factor = np.array([1e6, 1e-6, 1.0])
    found, moved = fit_ordered(design, spec()), fit_ordered(replace(design, x=design.x * factor), spec())
    np.testing.assert_allclose(moved.parameters[5:] * factor, found.parameters[5:], rtol=1e-9)
    assert moved.log_likelihood == pytest.approx(found.log_likelihood, abs=1e-9)


def test_tree_holds_what_the_fit_found():
    found = fit_ordered(housing(), spec())
    fit = to_fit(found, label="housing")
    table = fit.estimates(0.9)
    assert list(table["term"][:3]) == ["threshold[Low|Medium]", "threshold[Medium|High]", "beta[Infl[Medium]]"]
    np.testing.assert_allclose(table["std_error"], found.std_errors)
    np.testing.assert_allclose(fit.tree["covariance"]["covariance"], found.covariance)
    assert float(fit.tree["fit"]["log_likelihood"]) == found.log_likelihood
    assert fit.label == "housing"
    structured = to_fit(fit_ordered(wine(), spec(thresholds="equidistant"))).estimates()
    np.testing.assert_allclose(np.diff(structured["estimate"][:4]), 2.1229362133, atol=1e-7)


def failing(found):
    return {check.name: check for check in found.checks if check.status == "fail"}


def test_complete_separation_is_named():
    x = np.linspace(-2, 2, 60)
    noise = np.random.default_rng(3).normal(size=60)
    y = np.digitize(x, [-1.01, 0.51])
    found = fit_ordered(
        design_from_arrays(y, np.column_stack([noise, x]), levels="abc", terms=["noise", "age"]), spec()
    )
    advice = failing(found)["separation"].advice
    assert "complete separation: beta[age] runs off to infinity" in advice
    assert not advice.startswith("quasi")
    assert not found.usable


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog", "loglog", "cauchit"])
def test_dummy_with_an_empty_extreme_cell_is_named(link):
    rng = np.random.default_rng(4)
    age, dummy = rng.normal(size=300), np.repeat([1.0, 0.0], [12, 288])
    y = np.digitize(age + rng.logistic(size=300), [-1, 1])
    y[:12] = 2
    design = design_from_arrays(y, np.column_stack([age, dummy]), levels=["low", "mid", "high"], terms=["age", "rural"])
    advice = failing(fit_ordered(design, spec(link=link)))["separation"].advice
    assert advice.startswith("quasi-complete separation: beta[rural] runs off to infinity")
    assert "rural = 1 has no low, mid" in advice


@pytest.mark.parametrize("family", ["adjacent", "continuation"])
def test_separation_in_other_families(family):
    rng = np.random.default_rng(4)
    age, dummy = rng.normal(size=300), np.repeat([1.0, 0.0], [12, 288])
    y = np.digitize(age + rng.logistic(size=300), [-1, 1])
    y[:12] = 0
    design = design_from_arrays(y, np.column_stack([age, dummy]), levels="abc", terms=["age", "rural"])
    assert "beta[rural] runs off" in failing(fit_ordered(design, spec(family=family)))["separation"].advice


def test_empty_cell_of_a_nominal_effect_is_named():
    # the dummy meets the middle and the top level only: its effect on the first threshold has no finite estimate
    rng = np.random.default_rng(5)
    age, dummy = rng.normal(size=400), rng.integers(0, 2, 400).astype(float)
    y = np.digitize(age + rng.logistic(size=400), [-1, 1])
    y[(dummy == 1) & (y == 0)] = 1
    design = design_from_arrays(y, np.column_stack([age, dummy]), levels="abc", terms=["age", "rural"], nominal=(1,))
    assert "departure[rural, a|b]" in failing(fit_ordered(design, spec()))["separation"].advice


def test_linear_dependence_is_named_and_leaves_the_rest_alone():
    design = rows()
    doubled = replace(
        design,
        x=np.column_stack([design.x, 2 * design.x[:, 2]]),
        terms=(*design.terms, "twice"),
        factors=(*design.factors, "twice"),
    )
    found, plain = fit_ordered(doubled, spec()), fit_ordered(design, spec())
    advice = failing(found)["unidentified_parameters"].advice
    assert "beta[urban], beta[twice]" in advice
    assert "year" not in advice
    assert found.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-9)
    assert np.isnan(found.std_errors[-2:]).all()
    np.testing.assert_allclose(found.std_errors[:-2], plain.std_errors[:-1], rtol=1e-6)


def test_constant_predictor_is_named():
    design = rows()
    constant = replace(design, x=np.column_stack([design.x[:, :2], np.full(400, 3.0)]))
    found = fit_ordered(constant, spec())
    assert failing(found)["unidentified_parameters"].advice.startswith("beta[urban] not identified (constant")
    assert np.isnan(found.std_errors[:5]).all()  # a constant shifts every threshold
    assert np.isfinite(found.std_errors[5:7]).all()


def test_thresholds_that_cross_are_counted():
    rng = np.random.default_rng(6)
    x = rng.normal(size=800)
    # strong opposite effects on the two thresholds: the lines cross inside the range of x
    below, above = -0.5 + 0.9 * x, 0.5 - 0.9 * x
    middle = np.maximum(0, 1 / (1 + np.exp(-above)) - 1 / (1 + np.exp(-below)))
    uniform, low = rng.uniform(size=800), 1 / (1 + np.exp(-below))
    y = np.where(uniform < low, 0, np.where(uniform < low + middle, 1, 2))
    found = fit_ordered(design_from_arrays(y, x[:, None], levels="abc", terms=["x"], nominal=(0,)), spec())
    assert "thresholds cross for" in failing(found)["thresholds_crossed"].advice


def test_empty_level_is_an_input_error():
    design = wine()
    with pytest.raises(InputError, match=r"every level of y needs an observation; none in 5: merge or drop levels"):
        fit_ordered(design.take(design.y < 4), spec())


def test_cluster_covariance_without_clusters_is_an_input_error():
    with pytest.raises(InputError, match="needs a cluster variable"):
        fit_ordered(housing(), spec(covariance="cluster", cluster="village"))


def test_a_start_far_away_ends_at_the_same_maximum():
    design = wine(scale=("temp",))
    found = fit_ordered(design, spec())
    other = fit_ordered(design, spec(), start=np.array([-9.0, -3, 3, 9, -2, 3, 1]))
    np.testing.assert_allclose(other.parameters, found.parameters, atol=1e-8)


def test_a_rare_predictor_with_a_strong_effect_converges():
    # the second Newton step saturates the dummy's rows, after which the information says nothing about the third
    rng = np.random.default_rng(1)
    n = 20_000
    x = rng.normal(size=n)
    y = np.digitize(x + rng.logistic(size=n), [-4, -2, 0, 1, 5])
    dummy = np.zeros(n)
    dummy[np.flatnonzero(y == 5)[:60]] = 1
    dummy[np.flatnonzero(y == 3)[:2]] = 1
    found = fit_ordered(
        design_from_arrays(y, np.column_stack([x, dummy]), levels="abcdef", terms=["x", "rare"]), spec()
    )
    assert found.usable
    assert found.correct_decimals.min() >= 8
    # statsmodels, BFGS to a gradient of 1e-7
    assert found.parameters[-1] == pytest.approx(8.19003772, abs=1e-4)
    assert found.log_likelihood == pytest.approx(-26363.3770946975, abs=1e-6)


def test_without_predictors_the_thresholds_are_the_margins():
    design = rows()
    plain = replace(design, x=np.zeros((400, 0)), terms=(), factors=(), offset=np.zeros(400))
    for family in ("cumulative", "adjacent", "continuation"):
        found = fit_ordered(plain, spec(family=family))
        share = np.bincount(design.y, weights=design.weights) / design.weights.sum()
        np.testing.assert_allclose(found.problem.probabilities(found.parameters)[0], share, rtol=1e-9)
        assert found.usable


def test_rows_of_weight_zero_count_for_nothing():
    design = rows()
    weights = design.weights * (design.row % 3 != 0)
    dropped = fit_ordered(design.take(weights > 0), spec(covariance="robust"))
    kept = fit_ordered(replace(design, weights=weights), spec(covariance="robust"))
    np.testing.assert_allclose(kept.parameters, dropped.parameters, rtol=1e-9)
    np.testing.assert_allclose(kept.covariance, dropped.covariance, rtol=1e-7)
