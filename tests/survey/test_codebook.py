"""The codebook: codes however written, what means missing, levels in their order, values outside them."""

import numpy as np
import pandas as pd
import pytest

from bayesgov.errors import InputError
from bayesgov.survey.codebook import apply_codebook, sorted_values
from bayesgov.survey.spec import VariableSpec

AGREEMENT = {"1": "no", "2": "maybe", "3": "yes", "8": "don't know", "9": "refused"}
ENTRY = VariableSpec(kind="ordinal", values=AGREEMENT, missing=("don't know", "refused"))


def one(values, entry, name="q"):
    coded = apply_codebook(pd.DataFrame({name: values}), {name: entry})
    return coded.frame[name], {count.code: count.rows for count in coded.missing}


@pytest.mark.parametrize(
    "values",
    [
        [1, 3, 9, 2, 8, 9],
        [1.0, 3.0, 9.0, 2.0, 8.0, 9.0],
        ["1", "3", "9", "2", "8", "9"],
        ["1.0", "yes", "refused", " 2 ", "don't know", 9],
        pd.Categorical(["1", "3", "9", "2", "8", "9"]),
        pd.array([1, 3, 9, 2, 8, 9], dtype="Int64"),
    ],
    ids=["integers", "floats", "text", "labels and codes", "categories", "nullable"],
)
def test_codes_match_however_they_are_written(values):
    column, missing = one(values, ENTRY)
    assert column.cat.categories.tolist() == ["no", "maybe", "yes"]
    assert column.cat.ordered
    assert column.cat.codes.tolist() == [0, 2, -1, 1, -1, -1]
    assert missing == {"don't know": 1, "refused": 2}


def test_applying_twice_changes_nothing():
    first, _ = one([1, 3, 9, np.nan], ENTRY)
    again, missing = one(first, ENTRY)
    pd.testing.assert_series_equal(again, first)
    assert missing == {"don't know": 0, "refused": 0}


def test_value_outside_the_levels_is_named_with_its_rows():
    with pytest.raises(
        InputError, match=r"variable q holds '7' \(2 rows\), '4' \(1 row\), outside its levels no, maybe"
    ):
        one([1, 7, 7, 4], ENTRY)


def test_many_values_outside_the_levels_are_summarised():
    with pytest.raises(InputError, match=r"'104' \(1 row\) and 7 more, outside its levels 1, 2; add to levels"):
        one([1, 2, *range(100, 112)], VariableSpec(levels=("1", "2")))


def test_declared_order_is_kept_and_nominal_is_not_ordered():
    column, _ = one(["b", "a", None], VariableSpec(levels=("b", "c", "a")))
    assert column.cat.categories.tolist() == ["b", "c", "a"]
    assert not column.cat.ordered
    assert column.cat.codes.tolist() == [0, 2, -1]


def test_two_codes_may_mean_one_level():
    column, _ = one([1, 2, 3], VariableSpec(kind="ordinal", values={"1": "low", "2": "low", "3": "high"}))
    assert column.tolist() == ["low", "low", "high"]


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        ([3, 1, 5], ["1", "2", "3", "4", "5"]),  # integers that nobody chose are levels
        ([2.5, 1.0, 10.0], ["1", "2.5", "10"]),
        (["10", "9", "8"], ["8", "9", "10"]),  # by size, not by the alphabet
        (pd.Categorical(["b", "a"], categories=["c", "b", "a"]), ["c", "b", "a"]),
    ],
)
def test_ordinal_levels_left_to_the_data(values, levels):
    column, _ = one(values, VariableSpec(kind="ordinal"))
    assert column.cat.categories.tolist() == levels
    assert column.cat.ordered


def test_missing_code_is_no_level_of_categories():
    column, missing = one(pd.Categorical(["b", "x", "a"], categories=["b", "x", "a"]), VariableSpec(missing=("x",)))
    assert column.cat.categories.tolist() == ["b", "a"]
    assert missing == {"x": 1}


@pytest.mark.parametrize("values", [["low", "high"], pd.Categorical(["low", "high"])])
def test_words_have_no_order_of_their_own(values):
    with pytest.raises(InputError, match=r"order of q's levels is not known \(high, low\): give levels"):
        one(values, VariableSpec(kind="ordinal"))


def test_ordered_categories_have_theirs_even_if_it_is_the_alphabet():
    column, _ = one(pd.Categorical(["b", "a"], ordered=True), VariableSpec(kind="ordinal"))
    assert column.cat.categories.tolist() == ["a", "b"]


def test_a_measurement_is_no_ordinal_variable():
    with pytest.raises(InputError, match="150 distinct values, too many for levels"):
        one(np.linspace(0, 1, 150), VariableSpec(kind="ordinal"))


@pytest.mark.parametrize("values", [[30, -9, 41.5], ["30", "-9.0", "41.5"], ["30", "refused", "41.5"]])
@pytest.mark.parametrize("kind", [None, "continuous"])
def test_numbers_with_codes_for_missing(values, kind):
    column, missing = one(values, VariableSpec(kind=kind, missing=("-9", "refused")))
    np.testing.assert_array_equal(column.to_numpy(float), [30, np.nan, 41.5])
    assert sum(missing.values()) == 1


def test_continuous_variable_with_words_is_refused():
    with pytest.raises(InputError, match="variable q is continuous but holds refused; declare what means missing"):
        one(["1", "refused"], VariableSpec(kind="continuous"))


def test_dates_are_refused():
    with pytest.raises(InputError, match="q holds dates"):
        one(pd.to_datetime(["2020-01-01", "2021-01-01"]), VariableSpec())


def test_unknown_variable_gives_the_nearest_names():
    with pytest.raises(InputError, match=r"the codebook names 'tmep', which is no column of the data; nearest: temp"):
        apply_codebook(pd.DataFrame({"temp": [1], "contact": [2]}), {"tmep": VariableSpec()})


def test_other_columns_and_the_frame_itself_stay_as_they_are():
    frame = pd.DataFrame({"q": [1, 9], "z": ["a", "b"]}, index=[7, 3])
    before = frame.copy()
    coded = apply_codebook(frame, {"q": ENTRY}).frame
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_series_equal(coded["z"], before["z"])
    assert coded.index.tolist() == [7, 3]


def test_text_that_holds_numbers_sorts_by_size():
    assert sorted_values(["10", "9", "-1"]) == ["-1", "9", "10"]
    assert sorted_values(["b", "10", "a"]) == ["10", "a", "b"]
