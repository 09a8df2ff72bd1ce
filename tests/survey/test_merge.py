"""Merged rows carry the same likelihood; patterns number what predictors can tell apart."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesgov.survey import merge
from bayesgov.survey.design import MissingColumn, design_from_arrays
from bayesgov.survey.likelihood import log_probabilities
from bayesgov.survey.merge import covariate_patterns, merge_duplicates


def random_design(seed, n_obs=400, n_points=2):
    rng = np.random.default_rng(seed)
    return design_from_arrays(
        rng.integers(3, size=n_obs),
        rng.integers(n_points, size=(n_obs, 3)) - 0.5,
        levels=("1", "2", "3"),
        terms=("a", "b", "c"),
        weights=rng.integers(1, 4, size=n_obs),
        offset=rng.integers(2, size=n_obs) * 0.3,
        scale_x=rng.integers(2, size=(n_obs, 1)),
        scale_terms=("a",),
        group=rng.integers(2, size=n_obs),
        groups=("u", "v"),
        cluster=rng.integers(2, size=n_obs),
    )


def as_frame(design):
    return pd.DataFrame(
        {
            "y": design.y,
            **{f"x{j}": design.x[:, j] for j in range(design.n_terms)},
            "offset": design.offset,
            "scale": design.scale_x[:, 0],
            "group": design.group,
            "cluster": design.cluster,
        }
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_merging_is_grouping_with_summed_weights(seed, n_points):
    design = random_design(seed, n_points=n_points)
    merged = merge_duplicates(design)
    keys = list(as_frame(design).columns)
    expected = as_frame(design).assign(w=design.weights).groupby(keys, sort=False)["w"].sum().reset_index()
    pd.testing.assert_frame_equal(as_frame(merged).assign(w=merged.weights), expected, check_dtype=False)
    pd.testing.assert_frame_equal(as_frame(design.take(merged.row)).reset_index(drop=True), as_frame(merged))
    assert merged.flow == design.flow


def test_likelihood_is_the_same():
    design = random_design(3)
    merged = merge_duplicates(design)
    assert merged.n_obs < design.n_obs

    def log_likelihood(rows):
        eta = rows.offset + rows.x @ np.array([0.4, -0.2, 1.0]) + np.array([0.1, -0.1])[rows.group]
        log_p = log_probabilities(eta, np.array([-0.5, 0.8]))
        return rows.weights @ log_p[np.arange(rows.n_obs), rows.y]

    # 400 terms of order one in double precision
    assert log_likelihood(merged) == pytest.approx(log_likelihood(design), rel=1e-13)


def test_patterns_ignore_outcome_weight_and_group():
    design = random_design(4)
    patterns = covariate_patterns(design)
    keys = [*(f"x{j}" for j in range(3)), "offset", "scale"]
    np.testing.assert_array_equal(patterns, as_frame(design).groupby(keys, sort=False).ngroup())
    without = design_from_arrays(design.y, np.zeros((design.n_obs, 0)), levels=design.levels, terms=())
    assert set(covariate_patterns(without)) == {0}


def test_many_columns_do_not_overflow(monkeypatch):
    """A row's number in mixed radix is compressed before it passes 2^62."""
    rng = np.random.default_rng(5)
    x = np.repeat(rng.normal(size=(50, 14)), 2, axis=0)  # 50^14 possible rows, more than 2^63
    design = design_from_arrays(np.zeros(100, dtype=int), x, levels=("1", "2", "3"), terms=[f"x{j}" for j in range(14)])
    np.testing.assert_array_equal(covariate_patterns(design), np.repeat(np.arange(50), 2))
    merged = merge_duplicates(design)
    assert merged.weights.tolist() == [2.0] * 50
    monkeypatch.setattr(merge, "_LARGEST_CODE", 1)
    np.testing.assert_array_equal(covariate_patterns(design), np.repeat(np.arange(50), 2))


def test_signs_of_zero_are_one_value():
    design = design_from_arrays(np.zeros(2, int), np.array([[0.0], [-0.0]]), levels=("1", "2", "3"), terms=("a",))
    assert merge_duplicates(design).n_obs == 1


def test_modelled_cells_are_not_merged():
    gap = MissingColumn(0, np.array([1]), "continuous", ())
    design = design_from_arrays(
        np.zeros(2, int), np.array([[1.0], [np.nan]]), levels=("1", "2", "3"), terms=("a",), missing=[gap]
    )
    with pytest.raises(ValueError, match="modelled missing cells cannot be merged"):
        merge_duplicates(design)
    assert covariate_patterns(design).tolist() == [0, 1]
