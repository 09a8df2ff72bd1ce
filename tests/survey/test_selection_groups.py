"""What each school selects, as a group of its Fit's tree."""

import numpy as np
import pandas as pd
import pytest

from bayesgov.survey.design import design_from_arrays
from bayesgov.survey.side_by_side import lasso_selection, projection_selection

DESIGN = design_from_arrays(
    np.array([0, 1, 2]), np.eye(3), levels="abc", terms=("age", "kind[b]", "kind[c]"), factors=("age", "kind", "kind")
)
TERMS = list(DESIGN.terms)


def _selected(model, criterion, rule, chosen):
    return pd.DataFrame({"model": model, "criterion": criterion, "rule": rule, "term": TERMS, "selected": chosen})


def _tables(models=("gaussian", "cumulative logit")):
    parts = []
    for place, model in enumerate(models):
        parts.append(_selected(model, f"{model}: 10-fold deviance", "λ.min", [True, True, place == 0]))
        parts.append(_selected(model, f"{model}: 10-fold deviance", "λ.1se", [place == 1, False, False]))
    parts.insert(2, _selected("gaussian", "gaussian: generalised cross-validation", "λ.min", [False, False, False]))
    return {"lasso_selected": pd.concat(parts, ignore_index=True)}


def test_the_ordinal_path_stands_for_the_lasso():
    found = lasso_selection(_tables(), DESIGN)
    assert list(found["rule"].values) == ["lambda.min", "lambda.1se"]
    assert list(found["term"].values) == ["beta[age]", "beta[kind[b]]", "beta[kind[c]]"]
    np.testing.assert_array_equal(found["selected"], [[1, 1, 0], [1, 0, 0]])
    assert np.isnan(found["frequency"]).all()


def test_without_one_the_gaussian_does_and_generalised_cross_validation_does_not():
    found = lasso_selection(_tables(("gaussian",)), DESIGN)
    np.testing.assert_array_equal(found["selected"], [[1, 1, 1], [0, 0, 0]])


@pytest.mark.parametrize("together", [True, False])
def test_frequencies_are_those_of_the_same_path_and_rule(together):
    rules = ["λ.min and λ.1se"] if together else ["λ.1se", "λ.min"]
    parts = [
        pd.DataFrame({"model": model, "rule": rule, "term": TERMS, "frequency": [base + 0.1 * place] * 3})
        for base, model in ((0.0, "gaussian"), (0.5, "cumulative logit"))
        for place, rule in enumerate(rules)
    ]
    found = lasso_selection(_tables() | {"selection_frequency": pd.concat(parts)}, DESIGN)["frequency"]
    expected = [0.5, 0.5] if together else [0.6, 0.5]
    np.testing.assert_allclose(found, np.repeat(expected, 3).reshape(2, 3))


def test_a_projected_factor_takes_its_contrasts_along():
    path = pd.DataFrame({"size": [0, 1, 2], "term": ["", "kind", "age"], "suggested": [False, True, False]})
    found = projection_selection({"projection": path}, DESIGN)
    np.testing.assert_array_equal(found["selected"], [[0, 1, 1]])
    none = projection_selection({"projection": path.assign(suggested=[True, False, False])}, DESIGN)
    assert not none["selected"].any()
