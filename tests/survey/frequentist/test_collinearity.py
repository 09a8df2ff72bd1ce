"""Collinearity against base R (tests/reference/collinearity.R) and against constructions with known answers."""

import json
from pathlib import Path

import numpy as np
import pytest

from bayesgov.survey.frequentist.collinearity import collinearity

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "collinearity.json").read_text(encoding="utf-8"))
PRINTED = 1e-9  # twelve digits are printed; determinants lose two or three


def _factors(terms):
    """R's terms by their factor: TypeAtrium of Type, InflLow:TypeAtrium of Infl:Type."""
    names = ("temp", "part", "extra", "response", "Infl", "Type", "Cont")

    def one(part):
        return next(name for name in names if part.startswith(name))

    return [":".join(one(part) for part in term.split(":")) for term in terms]


@pytest.mark.parametrize("name", ["wine", "housing"])
def test_equals_r(name):
    expected = REFERENCE[name]
    weights = np.array(expected["weights"], dtype=float) if "weights" in expected else None
    found = collinearity(np.array(expected["x"], dtype=float), expected["terms"], _factors(expected["terms"]), weights)
    np.testing.assert_allclose(found.vif, expected["vif"], rtol=PRINTED)
    np.testing.assert_allclose(found.tolerance, 1 / np.array(expected["vif"]), rtol=PRINTED)
    table = found.by_factor().set_index("factor").loc[expected["gvif"]["factor"]]
    np.testing.assert_allclose(table["gvif"], expected["gvif"]["gvif"], rtol=PRINTED)
    np.testing.assert_allclose(table["scaled_gvif"], expected["gvif"]["scaled"], rtol=PRINTED)
    assert table["df"].tolist() == expected["gvif"]["df"]
    np.testing.assert_allclose(found.condition_index, expected["belsley"]["index"], rtol=PRINTED)
    np.testing.assert_allclose(found.portions, np.array(expected["belsley"]["portions"]), rtol=1e-7, atol=1e-11)
    assert not found.dependences


def test_frequency_weights_are_repeated_rows():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 3)) @ np.array([[1, 0.9, 0], [0, 0.3, 0], [0, 0, 1.0]])
    counts = rng.integers(0, 4, 40)
    one = collinearity(x, "abc", weights=counts.astype(float))
    other = collinearity(np.repeat(x, counts, axis=0), "abc")
    np.testing.assert_allclose(one.vif, other.vif, rtol=1e-11)
    np.testing.assert_allclose(one.portions, other.portions, rtol=1e-9, atol=1e-12)


def test_exact_dependence_is_named_and_spares_the_others():
    rng = np.random.default_rng(2)
    a, b, free, near = rng.normal(size=(4, 60))
    x = np.column_stack([a, b, free, free + near, 2 * a - 3 * b + 5, np.full(60, 7.0)])
    found = collinearity(x, ("a", "b", "free", "near", "mix", "constant"))
    assert found.dependences == ("constant does not vary", "mix is an exact combination of a, b")
    vif = dict(zip(found.terms, found.vif, strict=True))
    assert np.isinf([vif["a"], vif["b"], vif["mix"]]).all()
    assert np.isnan(vif["constant"])
    assert vif["free"] == pytest.approx(collinearity(x[:, :4], "abcd").vif[2], rel=1e-10)
    check = {check.name: check for check in found.checks()}["exact_collinearity"]
    assert (check.status, check.value) == ("fail", 2)
    assert "mix is an exact combination of a, b" in check.advice
    assert np.isfinite(found.portions).all()
    assert found.condition_index.max() > 1e14


def test_all_dummies_of_a_factor_repeat_the_intercept():
    codes = np.arange(30) % 3
    found = collinearity(np.eye(3)[codes], ("f[1]", "f[2]", "f[3]"), ("f",) * 3)
    assert found.dependences == ("f[3] is an exact combination of f[1], f[2]",)
    assert np.isinf(found.gvif[0])


def test_a_factor_with_two_contrasts_has_the_same_gvif_whatever_its_contrasts():
    rng = np.random.default_rng(3)
    codes, z = rng.integers(0, 3, 200), rng.normal(size=200)
    z = z + codes
    dummies = np.eye(3)[codes]
    first = collinearity(np.column_stack([dummies[:, 1:], z]), "abc", "ffz")
    second = collinearity(np.column_stack([dummies[:, :2], z]), "abc", "ffz")
    np.testing.assert_allclose(first.gvif, second.gvif, rtol=1e-11)
    assert not np.allclose(first.vif, second.vif)
    # two factors explain each other equally well
    assert first.gvif[0] == pytest.approx(first.gvif[1], rel=1e-11)


def test_thresholds_warn_with_names():
    rng = np.random.default_rng(4)
    year = 2000 + rng.integers(0, 20, 300).astype(float)
    one = rng.normal(size=300)
    found = collinearity(np.column_stack([year, one, one + 0.1 * rng.normal(size=300)]), ("year", "one", "twin"))
    checks = {check.name: check for check in found.checks()}
    assert checks["vif_max"].status == "warn"
    assert "one, twin" in checks["vif_max"].advice
    assert "year" not in checks["vif_max"].advice
    # the uncentred year is nearly the intercept: Belsley's diagnosis, which the VIF cannot see
    assert checks["condition_index_max"].status == "warn"
    assert "(Intercept) with year" in checks["condition_index_max"].advice
    calm = collinearity(rng.normal(size=(300, 2)), "ab").checks()
    assert all(check.status == "pass" for check in calm)
    assert found.by_condition().columns.tolist() == ["condition_index", "(Intercept)", "year", "one", "twin"]
    np.testing.assert_allclose(found.by_condition().iloc[:, 1:].sum(), 1.0)


@pytest.mark.parametrize(
    ("x", "message"), [(np.full((5, 1), np.nan), "complete rows"), (np.zeros((5, 2)), "rows by terms")]
)
def test_unusable_input(x, message):
    with pytest.raises(ValueError, match=message):
        collinearity(x, ("a",))
