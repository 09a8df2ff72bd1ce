"""Prepared data: the account of rows, and who is lost."""

import numpy as np
import pandas as pd
import pytest

from bayesgov.data import read_table
from bayesgov.errors import InputError
from bayesgov.survey.design import RowStep
from bayesgov.survey.prepare import prepare
from bayesgov.survey.row_loss import row_loss_profile
from bayesgov.survey.spec import CumulativeSpec, VariableSpec

NAN = np.nan


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "y": [1, 2, 3, 9, 1, 2, 3, 1, 2, 3],
            "x": [0.5, 1.0, NAN, NAN, 2.0, 3.0, NAN, 1.5, 2.5, 0.0],
            "q": ["a", "b", "refused", "a", "refused", "b", "a", "a", "b", "a"],
            "w": [1, 1, 1, 1, 0, NAN, 1, 1, 2, 2],
            "g": ["u", "v", "u", "v", "u", "v", "u", None, "v", "u"],
            "k": [1, 1, 1, 1, 1, 1, 1, 1, NAN, 1],
            "o": np.zeros(10),
        }
    )


def spec(**changes):
    options = {
        "formula": "y ~ q + x + offset(o) + (1|g)",
        "weights": "w",
        "cluster": "k",
        "variables": {"y": VariableSpec(missing=("9",)), "q": VariableSpec(missing=("refused", "don't know"))},
    }
    return CumulativeSpec(**(options | changes))


def test_flow_names_every_reason_in_order(frame):
    prepared = prepare(spec(), frame)
    assert prepared.flow == (
        RowStep("rows in the data", 0, 10),
        RowStep("outcome y missing", 1, 9),
        RowStep("weight w missing", 1, 8),
        RowStep("weight w zero", 1, 7),
        RowStep("group g missing", 1, 6),
        RowStep("cluster k missing", 1, 5),
        RowStep("q missing", 1, 4),
        RowStep("x missing", 1, 3),
    )
    assert prepared.row.tolist() == [0, 1, 9]
    assert prepared.used["x"].tolist() == [0.5, 1.0, 0.0]
    counts = {(count.variable, count.code): count.rows for count in prepared.missing_codes}
    assert counts == {("y", "9"): 1, ("q", "refused"): 2, ("q", "don't know"): 0}


@pytest.mark.parametrize("rule", ["impute", "model"])
def test_other_rules_keep_incomplete_rows_and_still_say_who_is_complete(frame, rule):
    prepared = prepare(spec(missing=rule), frame)
    assert prepared.row.tolist() == [0, 1, 2, 6, 9]
    assert np.flatnonzero(prepared.complete).tolist() == [0, 1, 9]
    assert prepared.flow[-1] == RowStep("cluster k missing", 1, 5)
    assert prepared.kinds == {"q": "binary", "x": "continuous"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"formula": "y ~ q + xx"}, "'xx', which is no column of the data"),
        ({"weights": "ww"}, "'ww', which is no column"),
        ({"variables": {"yy": VariableSpec()}}, "codebook names 'yy', which is no column of the data; nearest: y"),
        ({"weights": "q"}, "variable q is continuous but holds a, b"),
        ({"formula": "y ~ q + empty"}, "predictor empty has no values at all"),
        ({"formula": "y ~ q + infinite"}, "variable infinite holds an infinite value"),
        ({"weights": "negative"}, "weights should not be negative; 3 rows of negative are"),
        ({"formula": "y ~ mo(w)"}, "w cannot be weight or offset and, at the same time, the outcome or inside mo"),
        ({"formula": "q ~ x"}, r"order of q's levels is not known \(a, b\)"),
        ({"missing": "model", "formula": "y ~ log(x)"}, "x cannot be modelled because it is wrapped in a function"),
        ({"missing": "model", "formula": "y ~ x:g2"}, "x cannot be modelled because it is wrapped in a function or"),
        (
            {"missing": "model", "scale": "x"},
            "x cannot be modelled because it stands in the scale model; use missing =",
        ),
        (
            {"missing": "model", "formula": "y ~ three"},
            "three cannot be modelled because it is a category of more than",
        ),
        ({"missing": "model", "formula": "y ~ mo(steps)"}, "steps cannot be modelled because it is wrapped"),
    ],
)
def test_what_does_not_fit_together_is_one_line(frame, changes, message):
    frame = frame.assign(
        empty=NAN,
        infinite=[np.inf] + 9 * [1.0],
        negative=[-1, -1, -2, *range(7)],
        g2=frame["g"],
        three=["a", None, *4 * ["b", "c"]],
        steps=[1, None, *4 * [2, 3]],
    )
    with pytest.raises(InputError, match=message) as error:
        prepare(spec(**changes), frame)
    assert "\n" not in str(error.value)


def test_no_row_left_says_where_they_went(frame):
    with pytest.raises(
        InputError, match=r"none of the 10 rows can be used \(outcome y missing: 1; .*group g missing: 9"
    ):
        prepare(spec(weights="", cluster=""), frame.assign(g=[*3 * [None], "v", *6 * [None]], x=1.0))


def test_imputation_does_not_need_a_complete_row():
    frame = pd.DataFrame({"y": [1, 2, 3], "x": [1.0, 2, NAN], "z": [NAN, NAN, 3.0]})
    prepared = prepare(CumulativeSpec(formula="y ~ x + z", missing="impute"), frame)
    assert prepared.kept.all()
    assert not prepared.complete.any()
    with pytest.raises(InputError, match=r"none of the 3 rows can be used \(x missing: 1; z missing: 2\)"):
        prepare(CumulativeSpec(formula="y ~ x + z"), frame)


def test_data_are_not_changed(frame):
    before = frame.copy()
    prepare(spec(), frame)
    pd.testing.assert_frame_equal(frame, before)


def test_profile_compares_complete_and_lost_rows():
    frame = pd.DataFrame(
        {
            "y": [1, 2, 3, 1, 2, 3, 3, 3],
            "age": [20.0, 30, 40, 50, 60, 70, 80, 90],
            "q": ["a", "b", "a", "b", None, None, None, None],
            "item": [1, 2, 1, 2, 3, 3, NAN, 3],
        }
    )
    entry = VariableSpec(kind="ordinal")
    profile = row_loss_profile(prepare(CumulativeSpec(formula="y ~ age + q + item", variables={"item": entry}), frame))
    profile = profile.set_index(["variable", "level"])
    age = profile.loc["age", ""]
    assert (age["known_complete"], age["known_lost"], age["complete"], age["lost"]) == (4, 4, 35.0, 75.0)
    # both variances are 125, so Austin's denominator is sqrt(125)
    assert age["standardised_difference"] == pytest.approx(40 / np.sqrt(125), rel=1e-14)
    outcome = profile.loc["y", "3"]
    assert (outcome["complete"], outcome["lost"], outcome["difference"]) == (0.25, 0.75, 0.5)
    assert outcome["standardised_difference"] == pytest.approx(0.5 / np.sqrt(0.25 * 0.75), rel=1e-14)
    assert profile.loc["item", ""]["known_lost"] == 3
    assert profile.loc["item", ""]["lost"] == 3.0
    # nobody's q is known among the lost rows
    assert profile.loc["q", "a"]["known_lost"] == 0
    assert np.isnan(profile.loc["q", "a"]["standardised_difference"])


def test_profile_counts_frequency_weights():
    counts = pd.DataFrame({"y": [1, 2, 3, 3], "x": [0.0, 1, NAN, NAN], "z": [1.0, 2, 4, 9], "n": [3, 1, 2, 2]})
    rows = counts.loc[counts.index.repeat(counts["n"])].assign(n=1)
    found = [
        row_loss_profile(prepare(CumulativeSpec(formula="y ~ x + z", weights="n"), data)) for data in (counts, rows)
    ]
    numbers = ["complete", "lost", "difference", "standardised_difference"]
    pd.testing.assert_frame_equal(found[0][numbers], found[1][numbers], rtol=1e-12)


def test_codes_that_a_file_declares_missing_are_counted_with_the_codebooks(tmp_path):
    pyreadstat = pytest.importorskip("pyreadstat")
    data = pd.DataFrame({"y": [1.0, 2, 3, 9, 9, 3], "x": [1.0, 2, 5, 4, 98, 97]})
    labels = {"y": {1: "low", 2: "middle", 3: "high", 9: "refused"}}
    path = tmp_path / "rows.sav"
    ranges = {"y": [9], "x": [{"lo": 98, "hi": 99}]}
    pyreadstat.write_sav(data, str(path), variable_value_labels=labels, missing_ranges=ranges)
    variables = {"y": VariableSpec(missing=("refused",)), "x": VariableSpec(missing=("97",))}
    prepared = prepare(CumulativeSpec(formula="y ~ x", variables=variables), read_table(path))
    counts = {(count.variable, count.code): count.rows for count in prepared.missing_codes}
    assert counts == {("y", "refused"): 2, ("x", "97"): 1, ("x", "98"): 1}
    assert prepared.row.tolist() == [0, 1, 2]
    assert prepared.frame["y"].cat.categories.tolist() == ["low", "middle", "high"]
