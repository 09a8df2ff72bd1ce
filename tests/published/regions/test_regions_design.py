"""Reading a terms-by-regions table: standard errors with their rounding, signs, bad input."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesgov.errors import InputError
from bayesgov.printed import PrintedNumber
from bayesgov.published.regions.design import read_region_table, standard_error_bounds

GOOD = {
    "x": (["0.50", "-0.50", "0.25", "1.00"], ["2.0", "-1.0", "0.5", "4.0"]),
    "x_lag": (["0.10", "0.20", "-0.30", "0.40"], ["1.0", "-2.0", "-1.5", "0.0"]),
    "y_lag": (["0.40", "0.60", "0.50", "0.30"], ["4.0", "3.0", "5.0", "2.0"]),
}


def test_standard_error_is_the_printed_ratio(make_study, small_spec):
    table = read_region_table(make_study(GOOD), small_spec)
    np.testing.assert_allclose(table.std_error[0], [0.25, 0.5, 0.5, 0.25])
    assert np.all(table.std_error_low < table.std_error)
    assert np.all(table.std_error < table.std_error_high)


def test_t_printed_as_zero_bounds_the_standard_error_from_below(make_study, small_spec):
    table = read_region_table(make_study(GOOD), small_spec)
    # b in [0.395, 0.405] and |t| <= 0.05
    assert table.std_error_low[1, 3] == pytest.approx(0.395 / 0.05)
    assert math.isinf(table.std_error_high[1, 3])
    # the middle of what rounding leaves for |t| is 0.025
    assert table.std_error[1, 3] == pytest.approx(0.40 / 0.025)


def test_shipped_panel_has_one_bound_and_one_sign_conflict(panel_table):
    bound = np.argwhere(np.isinf(panel_table.std_error_high))
    conflict = np.argwhere(panel_table.sign_conflict)
    assert [(panel_table.terms[j], panel_table.regions[r]) for j, r in bound] == [("digital_lag", "northwestern")]
    assert [(panel_table.terms[j], panel_table.regions[r]) for j, r in conflict] == [("digital_lag", "central")]
    assert panel_table.std_error_low[1, 2] == pytest.approx(0.0045 / 0.005)


def test_sign_reading_flips_only_the_conflicting_cell(panel_table):
    flipped = panel_table.read_signs("t")
    changed = np.argwhere(flipped.estimate != panel_table.estimate)
    assert changed.tolist() == np.argwhere(panel_table.sign_conflict).tolist()
    assert flipped.estimate[1, 5] == -panel_table.estimate[1, 5]
    assert np.array_equal(flipped.read_signs("estimate").estimate, panel_table.estimate)


def test_a_sign_that_rounding_leaves_open_is_no_conflict(make_study, small_spec):
    cells = GOOD | {"x": (["-0.50", "-0.50", "0.25", "1.00"], ["0.0", "-1.0", "0.5", "4.0"])}
    table = read_region_table(make_study(cells), small_spec)
    assert not table.sign_conflict[0].any()
    assert table.sign_conflict[1].tolist() == [False, True, False, False]


def test_typical_standard_error_is_the_root_harmonic_mean(make_study, small_spec):
    table = read_region_table(make_study(GOOD), small_spec)
    # se² = 1/16, 1/4, 1/4, 1/16: harmonic mean 4 / (16 + 4 + 4 + 16) = 1/10
    assert table.typical_std_error[0] == pytest.approx(math.sqrt(0.1))


@pytest.mark.parametrize("estimate", ["0.00", "0.0"])
def test_an_estimate_printed_as_zero_is_refused(make_study, small_spec, estimate):
    cells = GOOD | {"x": ([estimate, "-0.50", "0.25", "1.00"], ["2.0", "-1.0", "0.5", "4.0"])}
    with pytest.raises(InputError, match="gives no standard error"):
        read_region_table(make_study(cells), small_spec)


def test_a_missing_row_is_named(make_study, small_spec):
    with pytest.raises(InputError, match=r"1/x_lag\.estimate"):
        read_region_table(make_study({"x": GOOD["x"], "y_lag": GOOD["y_lag"]}), small_spec)


def test_long_run_terms_must_be_terms(make_study, small_spec):
    spec = small_spec.model_copy(update={"effect_lag": "z"})
    with pytest.raises(InputError, match="effect_lag must be one of x, x_lag, y_lag; got 'z'"):
        read_region_table(make_study(GOOD), spec)


def _print(value: float, decimals: int) -> PrintedNumber:
    return PrintedNumber.parse(f"{round(Decimal(value), decimals):.{decimals}f}")


@given(
    estimate=st.floats(0.01, 150.0),
    sign=st.sampled_from([-1.0, 1.0]),
    t=st.floats(0.0001, 5.0),
    decimals=st.integers(2, 3),
)
def test_the_true_standard_error_lies_within_its_bounds(estimate, sign, t, decimals):
    bounds = standard_error_bounds(_print(sign * estimate, decimals), _print(sign * t, 2))
    assert bounds.contains(estimate / t)
