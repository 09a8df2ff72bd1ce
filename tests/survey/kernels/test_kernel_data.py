"""Rows as the kernels want them."""

from dataclasses import replace

import numpy as np
import pytest

from bayesgov.survey.design import design_from_arrays
from bayesgov.survey.kernels.data import kernel_data
from bayesgov.survey.simulate import benchmark_design


def test_rows_are_sorted_by_category_and_nothing_else_happens_to_distinct_rows():
    design = benchmark_design(500, 6, 4, 9, seed=1).design
    data = kernel_data(design)
    assert data.weights.size == 0
    assert sorted(data.row) == list(range(500))
    np.testing.assert_array_equal(data.y, design.y[data.row])
    np.testing.assert_array_equal(data.x.T, design.x[data.row])
    np.testing.assert_array_equal(data.group, design.group[data.row])
    assert data.x.flags.c_contiguous


def _repeated():
    rng = np.random.default_rng(0)
    return design_from_arrays(
        rng.integers(0, 3, 300),
        rng.integers(0, 2, (300, 2)).astype(float),
        levels=["a", "b", "c"],
        terms=["u", "v"],
        weights=rng.choice([0.0, 1.0, 2.5], 300),
    )


def test_identical_rows_are_merged_with_their_weights():
    design = _repeated()
    data = kernel_data(design)
    assert data.n_rows == 12
    for level in range(3):
        for u in (0.0, 1.0):
            for v in (0.0, 1.0):
                here = (design.y == level) & np.all(design.x == (u, v), axis=1)
                there = (data.y == level) & np.all((u, v) == data.x.T, axis=1)
                assert data.mass[there].sum() == pytest.approx(design.weights[here].sum())
    assert kernel_data(design, merge=False).n_rows == (design.weights > 0).sum()


def test_offsets_and_scale_predictors_keep_rows_apart():
    design = _repeated()
    apart = replace(design, offset=np.arange(300.0))
    assert kernel_data(apart).n_rows == (design.weights > 0).sum()
    scaled = replace(design, scale_x=np.arange(300.0)[:, None], scale_terms=("s",))
    assert kernel_data(scaled).n_rows == (design.weights > 0).sum()
