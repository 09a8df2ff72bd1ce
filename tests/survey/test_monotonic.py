"""Monotonic effects: values, the graph, and the density that brms's Stan program gives."""

import json
from pathlib import Path

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bayesgov.survey.design import MonotonicTerm, design_from_arrays
from bayesgov.survey.likelihood import log_probabilities
from bayesgov.survey.monotonic import declare_monotonic, monotonic_graph, monotonic_values, replace_monotonic

BRMS = json.loads((Path(__file__).parents[1] / "reference" / "monotonic_brms.json").read_text(encoding="utf-8"))


def _design(levels=("none", "little", "some", "much")):
    x = np.column_stack([np.linspace(-1, 1, 8), np.arange(8) % len(levels)])
    return design_from_arrays(
        np.arange(8) % 3, x, levels="abc", terms=["age", "contact"], monotonic=[MonotonicTerm(1, levels)]
    )


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=6))
def test_values_start_at_zero_rise_and_end_at_the_number_of_steps(portions):
    simplex = np.array(portions) / np.sum(portions)
    values = monotonic_values(simplex, np.arange(simplex.size + 1))
    assert values[0] == 0
    assert np.all(np.diff(values) > 0)
    assert values[-1] == pytest.approx(simplex.size)
    equal = np.full(simplex.size, 1 / simplex.size)
    np.testing.assert_allclose(monotonic_values(equal, np.arange(simplex.size + 1)), np.arange(simplex.size + 1))


def test_draws_come_in_front():
    simplex = np.array([[[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]])
    values = monotonic_values(simplex, np.array([3, 0, 1, 2]))
    np.testing.assert_allclose(values, 3 * np.array([[[1, 0, 0.5, 0.8], [1, 0, 0.1, 0.2]]]))


def test_graph_equals_values_and_its_gradient_the_definition():
    simplex, codes = pt.vector("simplex"), np.array([0, 2, 1, 3, 3])
    values = monotonic_graph(simplex, codes, 3)
    weight = np.array([1.0, 2.0, -1.0, 0.5, 3.0])
    at = np.array([0.2, 0.5, 0.3])
    gradient = pytensor.grad((weight * values).sum(), simplex)
    found, slope = pytensor.function([simplex], [values, gradient], mode="FAST_COMPILE")(at)
    np.testing.assert_allclose(found, monotonic_values(at, codes), rtol=1e-14)
    # d mo(x) / d zeta_i = D where x reaches step i
    np.testing.assert_allclose(slope, [3 * weight[codes > step].sum() for step in range(3)], rtol=1e-14)


def test_declared_variables_have_named_steps():
    design = _design()
    with pm.Model() as model:
        values = declare_monotonic(design)
    assert list(values) == [1]
    assert model.named_vars_to_dims["simplex_contact"] == ("contact_step",)
    assert model.coords["contact_step"] == ("none|little", "little|some", "some|much")
    draws = pm.draw([model["simplex_contact"], values[1]], 200, random_seed=1, mode="FAST_COMPILE")
    np.testing.assert_allclose(draws[0].sum(axis=1), 1)
    # Dirichlet(1, 1, 1): mean 1/3, standard deviation sqrt(1/18)
    np.testing.assert_allclose(draws[0].mean(axis=0), 1 / 3, atol=4 * np.sqrt(1 / 18 / 200))
    np.testing.assert_allclose(draws[1], monotonic_values(draws[0], design.x[:, 1]))


def test_two_levels_need_no_simplex():
    design = _design(("no", "yes"))
    with pm.Model() as model:
        assert declare_monotonic(design) == {}
    assert model.free_RVs == []
    np.testing.assert_array_equal(replace_monotonic(design, {}), design.x)


def test_columns_are_replaced_and_the_design_is_not():
    design = _design()
    before = design.x.copy()
    x = replace_monotonic(design, {"simplex_contact": np.array([0.6, 0.3, 0.1])})
    np.testing.assert_array_equal(x[:, 0], before[:, 0])
    np.testing.assert_allclose(x[:, 1], np.array([0, 1.8, 2.7, 3])[np.arange(8) % 4])
    np.testing.assert_array_equal(design.x, before)


def test_density_equals_that_of_brms():
    x, y = np.array(BRMS["x"]), np.array(BRMS["y"]) - 1

    def log_density(point):
        threshold = np.array(point["threshold"])
        eta = point["b"] * monotonic_values(np.array(point["simplex"]), x)
        likelihood = log_probabilities(eta, threshold)[np.arange(y.size), y].sum()
        return likelihood + stats.norm.logpdf(point["b"]) + stats.norm.logpdf(threshold, 0, 3).sum()

    found = np.array([log_density(point) for point in BRMS["points"]])
    # brms's numbers were printed with 12 digits; its simplex 1/3 with as many
    expected = [point["log_density"] for point in BRMS["points"]]
    assert np.ptp(expected) > 5, "the points tell parameters apart"
    np.testing.assert_allclose(found - found[0], expected, atol=1e-8)
