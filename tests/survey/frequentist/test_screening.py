"""Screening and correlations against base R (tests/reference/collinearity.R), scipy and repeated rows."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bayesgov.association import associate
from bayesgov.survey.frequentist.correlations import correlate
from bayesgov.survey.frequentist.screening import screen

ROOT = Path(__file__).parents[3]
REFERENCE = json.loads((ROOT / "tests" / "reference" / "collinearity.json").read_text(encoding="utf-8"))
ORDERS = {"Sat": ["Low", "Medium", "High"], "Infl": ["Low", "Medium", "High"], "Cont": ["Low", "High"]}


@pytest.fixture(scope="module")
def housing():
    return pd.read_csv(ROOT / "models" / "survey" / "data" / "housing.csv")


def _codes(column, order=None):
    return pd.Categorical(column, categories=order).codes.astype(np.int64)


def test_screening_equals_r(housing):
    items = {name: _codes(housing[name], ORDERS.get(name)) for name in ("Infl", "Type", "Cont")}
    found = screen(_codes(housing["Sat"], ORDERS["Sat"]), items, housing["Freq"].to_numpy(float))
    frame = found.to_frame().set_index("item")
    for column, name in (("chi2", "chi2"), ("df", "df"), ("cramers_v", "cramers_v"), ("smallest_expected", "smallest")):
        expected = [REFERENCE["screen"][item][name] for item in frame.index]
        np.testing.assert_allclose(frame[column], expected, rtol=1e-10)
    # R prints twelve decimals' worth of digits, of p-values down to 1e-24 too
    np.testing.assert_allclose(frame["p_value"], [REFERENCE["screen"][i]["p"] for i in frame.index], rtol=1e-9)
    np.testing.assert_allclose(frame["p_holm"], REFERENCE["screen_holm"], rtol=1e-9)
    assert all(check.status == "pass" for check in found.checks())
    assert (frame["v_lower"] < frame["cramers_v"]).all()
    assert (frame["cramers_v"] < frame["v_upper"]).all()
    assert (frame["v_corrected"] < frame["cramers_v"]).all()


def test_weights_are_repeated_rows_and_missing_codes_leave_the_pair(housing):
    outcome, item = _codes(housing["Sat"], ORDERS["Sat"]), _codes(housing["Type"])
    counts = housing["Freq"].to_numpy()
    absent = np.arange(item.size) % 7 == 0
    item = np.where(absent, -1, item)
    weighted = screen(outcome, {"Type": item}, counts.astype(float)).items[0]
    repeated = screen(np.repeat(outcome, counts), {"Type": np.repeat(item, counts)}).items[0]
    np.testing.assert_array_equal(weighted.table, repeated.table)
    assert weighted.association == repeated.association == associate(weighted.table)
    assert weighted.table.sum() == counts[~absent].sum()


def test_rare_cells_and_single_categories_are_named():
    wine = pd.read_csv(ROOT / "models" / "survey" / "data" / "wine.csv")
    items = {"judge": _codes(wine["judge"]), "country": np.zeros(72, dtype=np.int64), "temp": _codes(wine["temp"])}
    found = screen(_codes(wine["rating"]), items)
    frame = found.to_frame().set_index("item")
    expected = REFERENCE["screen_judge"]
    assert frame.loc["judge", "chi2"] == pytest.approx(expected["chi2"], rel=1e-10)
    assert frame.loc["judge", "p_value"] == pytest.approx(expected["p"], rel=1e-9)
    assert frame.loc["judge", "small_cells"] == pytest.approx(expected["small"], rel=1e-12)
    untested, small = found.checks()
    assert (untested.status, untested.value) == ("warn", 1)
    assert untested.advice.startswith("country:")
    assert small.status == "warn"
    assert "judge" in small.advice
    # an item without a test adds nothing to the number of tests
    assert np.isnan(frame.loc["country", "p_holm"])
    assert frame.loc["temp", "p_holm"] == pytest.approx(min(1, 2 * frame.loc["temp", "p_value"]), rel=1e-12)


def test_categories_without_rows_do_not_count():
    rng = np.random.default_rng(5)
    outcome, item = rng.integers(0, 3, 200), rng.integers(0, 2, 200)
    sparse = screen(2 * outcome, {"a": 3 * item}).items[0]
    assert sparse.association == screen(outcome, {"a": item}).items[0].association


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (np.array([0.0, 1.0, 0.0]), "whole-number codes"),
        (np.array([0, 1]), "one length"),
        (np.array([-1, -1, -1]), "no row has both"),
    ],
)
def test_unusable_items(item, message):
    with pytest.raises(ValueError, match=message):
        screen(np.array([0, 1, 1]), {"a": item})


def _scores(housing):
    names = {"sat": "Sat", "infl": "Infl", "cont": "Cont"}
    return {key: _codes(housing[name], ORDERS[name]) + 1.0 for key, name in names.items()}


@pytest.mark.parametrize("method", ["pearson", "spearman", "kendall"])
def test_correlations_equal_r(housing, method):
    found = correlate(_scores(housing), method, housing["Freq"].to_numpy(float))
    frame = found.to_frame().set_index(["first", "second"])
    for name in ("infl", "cont"):
        row, expected = frame.loc[(name, "sat")], REFERENCE[method][name]
        assert row["estimate"] == pytest.approx(expected["estimate"], rel=1e-10)
        assert row["p_value"] == pytest.approx(expected["p"], rel=1e-8)
        assert row["stars"] == ("**" if name == "infl" else "")
        assert row["n"] == 1681
    np.testing.assert_array_equal(found.matrix(), found.matrix().T)


def test_logarithms_as_in_the_paper(housing):
    scores, weights = _scores(housing), housing["Freq"].to_numpy(float)
    found = correlate(scores, "pearson", weights, log=True)
    expected = REFERENCE["log"]["infl"]["estimate"]
    assert found.matrix().loc["sat", "infl"] == pytest.approx(expected, rel=1e-10)
    assert found.note == "natural logarithms of the scores"
    from_zero = correlate({**scores, "infl": scores["infl"] - 1}, "pearson", weights, log=True)
    assert from_zero.matrix().loc["sat", "infl"] == pytest.approx(expected, rel=1e-10)
    assert from_zero.note.endswith("shifted to start at 1: infl + 1")
    ranks = correlate(scores, "spearman", weights)
    np.testing.assert_allclose(correlate(scores, "spearman", weights, log=True).estimate, ranks.estimate)


@pytest.mark.parametrize("method", ["pearson", "spearman", "kendall"])
def test_weights_missing_values_and_ties_agree_with_scipy(method):
    rng = np.random.default_rng(6)
    a = rng.integers(1, 6, 80).astype(float)
    b = np.round(0.5 * a + rng.normal(size=80), 1)
    counts = rng.integers(0, 4, 80)
    a[3], b[[7, 9]] = np.nan, np.nan
    found = correlate({"a": a, "b": b}, method, counts.astype(float))
    both = np.isfinite(a) & np.isfinite(b)
    long = np.repeat(a[both], counts[both]), np.repeat(b[both], counts[both])
    expected = {
        "pearson": stats.pearsonr,
        "spearman": stats.spearmanr,
        "kendall": lambda x, y: stats.kendalltau(x, y, method="asymptotic"),
    }[method](*long)
    assert found.estimate[0, 1] == pytest.approx(expected.statistic, rel=1e-12)
    assert found.p_value[0, 1] == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.n[0, 1] == long[0].size
    plain = correlate({"a": long[0], "b": long[1]}, method)
    assert plain.estimate[0, 1] == pytest.approx(found.estimate[0, 1], rel=1e-12)
    assert plain.p_value[0, 1] == pytest.approx(found.p_value[0, 1], rel=1e-9)


def test_columns_without_variation_have_no_correlation():
    found = correlate({"a": np.ones(9), "b": np.arange(9.0), "c": np.arange(9.0) ** 3}, "pearson")
    assert np.isnan(found.estimate[0, 1])
    assert found.to_frame()["p_holm"].isna().tolist() == [True, True, False]
    assert correlate({"b": np.arange(9.0), "c": 2 * np.arange(9.0)}, "pearson").p_value[0, 1] == 0


def test_unusable_correlations():
    with pytest.raises(ValueError, match="method must be one of pearson, spearman, kendall; got 'cosine'"):
        correlate({"a": np.ones(2), "b": np.ones(2)}, "cosine")
    with pytest.raises(ValueError, match="one length"):
        correlate({"a": np.ones(2), "b": np.ones(3)}, "pearson")
    many = np.arange(4000.0)
    with pytest.raises(ValueError, match="few distinct values; got 4000 and 4000"):
        correlate({"a": many, "b": many}, "kendall", np.full(4000, 2.0))
