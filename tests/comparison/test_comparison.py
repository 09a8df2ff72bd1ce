"""Alignment, pairs, checks and scores of a comparison."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from comparison.comparison_samples import estimator, posterior

from bayesgov import compare
from bayesgov.comparison import without_twins
from bayesgov.errors import InputError
from bayesgov.fits import Check


def _pairs(*fits, **options):
    return compare(*fits, **options).pairs.set_index("term")


def test_pairs_by_arithmetic():
    first = estimator([2.0, 1.0, 0.0], [0.5, 0.1, 1.0], "first")
    second = estimator([1.0, -1.0, 1.0], [0.25, 0.1, 1.0], "second")
    found = _pairs(first, second)
    a = found.loc["beta[a]"]
    assert (a["difference"], a["shrinkage"], a["precision_ratio"]) == pytest.approx((-1.0, 0.5, 4.0))
    assert a["standardised_difference"] == pytest.approx(-1 / np.sqrt((0.25 + 0.0625) / 2))
    z = 1.959963984540054
    shared, union = (1 + 0.25 * z) - (2 - 0.5 * z), (2 + 0.5 * z) - (1 - 0.25 * z)
    assert a["overlap"] == pytest.approx(shared / union)
    assert a["distance"] == 0
    assert a["same_sign"]
    b = found.loc["beta[b]"]
    assert (b["overlap"], b["distance"]) == pytest.approx((0.0, 2 - 0.2 * z))
    assert not b["same_sign"]
    assert np.isnan(found.loc["beta[c]", "shrinkage"])
    assert pd.isna(found.loc["beta[c]", "same_sign"])


def test_without_an_interval_there_is_no_overlap():
    found = _pairs(estimator([1.0], [np.nan], "first"), estimator([1.0], [1.0], "second"))
    assert found.loc["beta[a]", ["overlap", "distance", "precision_ratio"]].isna().all()
    assert found.loc["beta[a]", "difference"] == 0


def test_every_pair_in_the_order_of_the_fits():
    fits = [estimator([1.0], [1.0], label) for label in ("z", "y", "x")]
    found = compare(*fits)
    assert found.fits == ("z", "y", "x")
    assert found.pairs[["first", "second"]].to_numpy().tolist() == [["z", "y"], ["z", "x"], ["y", "x"]]


def test_the_order_of_fits_does_not_hang_on_what_they_share():
    """The second fit shares the last term only, the third shares the first."""
    first = estimator([1.0, 2.0], [1.0, 1.0], "first", terms=["a", "b"])
    found = compare(
        first, estimator([1.0], [1.0], "second", terms=["b"]), estimator([3.0], [1.0], "third", terms=["a"])
    )
    assert found.fits == ("first", "second", "third")
    assert found.pairs[["term", "first", "second"]].to_numpy().tolist() == [
        ["a", "first", "third"],
        ["b", "first", "second"],
    ]


def test_terms_are_aligned_by_name_and_what_one_fit_has_alone_is_told():
    one = estimator([1.0, 2.0], [1.0, 1.0], "one", terms=["x", "only"])
    two = estimator([3.0, 4.0], [1.0, 1.0], "two", terms=["theta[x]", "other"])
    found = compare(one, two, names={"two": {"theta[x]": "x"}})
    assert found.terms == ("x",)
    assert found.estimates["estimate"].tolist() == [1.0, 3.0]
    told = found.checks.set_index("check").loc["terms_compared"]
    assert told["value"] == 1
    assert "one: only; two: other" in told["advice"]


def test_renamed_draws_are_those_of_the_term():
    bayesian = posterior([5.0, 0.0], [0.1, 0.1])
    found = compare(
        estimator([5.0], [0.1], terms=["effect"]), bayesian, names={"bayesian": {"beta[a]": "effect"}}, rope=1
    )
    rows = found.decisions.set_index(["fit", "rule"])
    assert rows.loc[("bayesian", "P(direction) > 0.975"), "probability_of_direction"] == 1
    assert rows.loc[("bayesian", "ROPE"), "decision"] == "effect"
    assert rows.loc[("frequentist", "TOST p < 0.05"), "term"] == "effect"


@pytest.mark.parametrize(
    ("fits", "options", "line"),
    [
        ([estimator([1.0], [1.0])], {}, "needs two fits or more; got 1"),
        ([], {}, "got 0: none"),
        ([estimator([1.0], [1.0])] * 2, {}, "two are called 'frequentist'"),
        ([estimator([1.0], [1.0], terms=["x"]), posterior([1.0], [1.0])], {}, "no term in common"),
        ([estimator([1.0], [1.0]), posterior([1.0], [1.0])], {"names": {"nobody": {}}}, "the label of no fit"),
        ([estimator([1.0], [1.0]), posterior([1.0], [1.0])], {"names": {"bayesian": {"x": "y"}}}, "no term 'x'"),
        (
            [estimator([1.0], [1.0]), posterior([1.0], [1.0])],
            {"names": {"bayesian": {"group_sd": "beta[a]"}}},
            "both be called",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(fits, options, line):
    with pytest.raises(InputError, match=line) as refused:
        compare(*fits, **options)
    assert "\n" not in str(refused.value)


def test_level_is_a_probability():
    with pytest.raises(ValueError, match=r"such as 0\.95"):
        compare(estimator([1.0], [1.0]), posterior([1.0], [1.0]), level=95)


def test_checks_are_those_of_all_fits_and_of_the_comparison():
    fits = [
        estimator([1.0], [1.0], checks=(Check("separation", 1.0, 0.0, "fail", "drop x"),)),
        posterior([1.0], [1.0], checks=(Check("rhat_max", 1.0, 1.01, "pass"),)),
    ]
    checks = compare(*fits).checks
    assert checks.set_index("check").loc["separation", ["fit", "status", "advice"]].tolist() == [
        "frequentist",
        "fail",
        "drop x",
    ]
    assert checks.set_index("check").loc["same_observations", "status"] == "not applicable"


@pytest.mark.parametrize(("n_obs", "status"), [(72, "pass"), (70, "warn")])
def test_other_rows_are_warned_of(n_obs, status):
    first, second = estimator([1.0], [1.0]), posterior([1.0], [1.0])
    first.tree.attrs.update(data="wine.csv", data_sha256="abc", n_obs=72)
    second.tree.attrs.update(data="wine.csv", data_sha256="abc", n_obs=n_obs)
    row = compare(first, second).checks.set_index("check").loc["same_observations"]
    assert row["status"] == status
    assert status == "pass" or "frequentist: wine.csv, 72 rows; bayesian: wine.csv, 70 rows" in row["advice"]


def test_scores_of_both_schools_stand_in_one_table():
    fits = [estimator([1.0], [1.0]), posterior([1.0], [1.0])]
    for fit, score in zip(fits, (-1.2, -1.1), strict=True):
        group = xr.Dataset({"log_score": ("fold", [score, score])}, {"fold": [1, 2]})
        fit.tree["scores"] = xr.DataTree(group)
    scores = compare(*fits).scores
    assert scores[["fit", "approach", "fold", "log_score"]].to_numpy().tolist() == [
        ["frequentist", "frequentist", 1, -1.2],
        ["frequentist", "frequentist", 2, -1.2],
        ["bayesian", "bayesian", 1, -1.1],
        ["bayesian", "bayesian", 2, -1.1],
    ]


def test_a_fit_that_repeats_another_is_found():
    one, again, other = estimator([1.0], [1.0], "one"), estimator([1.0], [1.0], "again"), estimator([2.0], [1.0], "o")
    kept, twins = without_twins([one, again, other])
    assert [fit.label for fit in kept] == ["one", "o"]
    assert twins == {"again": "one"}
