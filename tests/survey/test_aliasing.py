"""Columns that data cannot tell apart are found and named, and near ones are not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesgov.errors import InputError
from bayesgov.survey import aliasing
from bayesgov.survey.aliasing import linear_combinations, require_informative


def test_a_combination_is_named_with_what_it_combines():
    rng = np.random.default_rng(2)
    a, b, c = rng.normal(size=(3, 40))
    x = np.column_stack([a, b, c, 2 * a - c + 5, b])
    assert linear_combinations(x) == [(3, (0, 2)), (4, (1,))]
    with pytest.raises(InputError, match="dup is a linear combination of a and c in the 40 complete rows"):
        require_informative(x[:, :4], ["a", "b", "c", "dup"])


def test_indicators_of_every_level_add_up_to_the_intercept():
    x = np.eye(3)[np.random.default_rng(3).integers(3, size=30)]
    assert linear_combinations(x) == [(2, (0, 1))]


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_nearly_equal_columns_are_told_apart(offset):
    """A difference of one part in 10^6 of the spread is information; rounding at an offset of 10^6 is not."""
    rng = np.random.default_rng(4)
    a = rng.normal(size=200)
    x = np.column_stack([a + offset, a + offset + 1e-6 * rng.normal(size=200)])
    assert linear_combinations(x) == []
    assert linear_combinations(np.column_stack([a + offset, 3 * (a + offset) - 7])) == [(1, (0,))]


def test_more_columns_than_rows():
    x = np.random.default_rng(5).normal(size=(3, 4))
    assert [column for column, _ in linear_combinations(x)] == [2, 3]


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 6), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_number_of_combinations_is_the_rank_that_is_lacking(n_terms, rank, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(30, min(rank, n_terms))) @ rng.normal(size=(min(rank, n_terms), n_terms))
    centred = x - x.mean(axis=0)
    assert len(linear_combinations(x)) == n_terms - np.linalg.matrix_rank(centred, tol=1e-9 * np.linalg.norm(centred))


def test_pieces_of_many_rows_give_the_same_answer(monkeypatch):
    rng = np.random.default_rng(6)
    x = rng.normal(size=(101, 3))
    x[:, 2] = x[:, 0] + x[:, 1]
    whole = linear_combinations(x)
    monkeypatch.setattr(aliasing, "_CHUNK", 10)
    assert linear_combinations(x) == whole == [(2, (0, 1))]


def test_constant_and_infinite_columns():
    rng = np.random.default_rng(7)
    x = np.column_stack([rng.normal(size=20), np.full(20, 7.0)])
    with pytest.raises(InputError, match="b is constant in the 20 rows used, so it has no effect to estimate"):
        require_informative(x, ["a", "b"])
    x[:3, 1] = -np.inf
    with pytest.raises(InputError, match="b is no finite number in 3 of 20 rows"):
        require_informative(x, ["a", "b"])


def test_missing_cells_are_allowed_where_they_are_announced():
    rng = np.random.default_rng(8)
    x = rng.normal(size=(20, 2))
    x[:5, 1] = np.nan
    require_informative(x, ["a", "b"], [1])
    with pytest.raises(InputError, match="b is no finite number in 5 of 20 rows"):
        require_informative(x, ["a", "b"])
    x[5:, 1] = 2 * x[5:, 0]
    with pytest.raises(InputError, match="b is a linear combination of a in the 15 complete rows"):
        require_informative(x, ["a", "b"], [1])
    # a column that varies only where another is missing is no constant, and two complete rows prove nothing
    x = np.column_stack([np.arange(20.0) < 5, np.where(np.arange(20) < 5, np.nan, rng.normal(size=20))])
    require_informative(x, ["a", "b"], [1])
    x = rng.normal(size=(20, 2))
    x[2:, 1] = np.nan
    require_informative(x, ["a", "b"], [1])
