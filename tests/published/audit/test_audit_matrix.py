"""Checks of correlation matrices, VIFs and tolerances, on constructed good and bad tables and on the survey study."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesgov.errors import InputError
from bayesgov.printed import Interval, PrintedNumber
from bayesgov.published.audit import collinearity, matrix
from bayesgov.published.audit.interval_matrix import (
    best_single_cell,
    eigenvalue_bounds,
    inverse_bounds,
    nearest_correlation,
    read_correlations,
    subset_eigenvalues,
    third_correlation,
    triple_bounds,
)
from bayesgov.study import Study, load_study

# A matrix as printed has 2 or 3 decimals; the worst rounding of one entry
HALF = {2: 0.005, 3: 0.0005}


@pytest.fixture(scope="module")
def survey() -> Study:
    return load_study("survey")


def printed(correlations: np.ndarray, decimals: int = 3) -> dict[str, PrintedNumber | str]:
    """The lower triangle of a matrix as a table would print it."""
    size = len(correlations)
    return {
        f"2/{i + 1}/{j + 1}": PrintedNumber.parse("1" if i == j else f"{correlations[i, j]:.{decimals}f}")
        for i in range(size)
        for j in range(i + 1)
    }


def random_correlations(seed: int, size: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.asarray(np.corrcoef(rng.standard_normal((size, 3 * size)) + rng.standard_normal(3 * size)))


def three(r12: str, r13: str, r23: str) -> dict[str, PrintedNumber | str]:
    cells = {"2/2/1": r12, "2/3/1": r13, "2/3/2": r23}
    return {reference: PrintedNumber.parse(text) for reference, text in cells.items()}


def within(cells: dict[str, PrintedNumber | str], rng: np.random.Generator) -> np.ndarray:
    """One of the matrices that round to the printed one; half of the draws lie on corners."""
    interval = read_correlations(cells)
    draw = rng.uniform(-1, 1, interval.midpoint.shape)
    draw = np.tril(np.sign(draw) if rng.random() < 0.5 else draw, -1)
    return interval.midpoint + interval.radius * (draw + draw.T)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.integers(2, 7), decimals=st.sampled_from([2, 3]))
def test_bounds_hold_for_every_matrix_that_rounds_to_the_printed_one(seed: int, size: int, decimals: int) -> None:
    cells = printed(random_correlations(seed, size), decimals)
    interval = read_correlations(cells)
    eigen, inverse = eigenvalue_bounds(interval), inverse_bounds(interval)
    triples = triple_bounds(interval) if size >= 3 else None
    rng = np.random.default_rng(seed)
    for _ in range(20):
        candidate = within(cells, rng)
        assert eigen.smallest.contains(float(np.linalg.eigvalsh(candidate)[0]))
        if inverse is not None:
            assert all(b.contains(float(v)) for b, v in zip(inverse, np.diag(np.linalg.inv(candidate)), strict=True))
        if triples is not None:
            minors = [np.linalg.det(candidate[np.ix_(index, index)]) for index in triples.indices]
            # a determinant in floating point is off by a few units in the last place of 1
            assert np.all(triples.low - 1e-12 <= minors)
            assert np.all(minors <= triples.high + 1e-12)


def test_the_rounding_interval_of_the_smallest_eigenvalue_is_no_wider_than_weyl() -> None:
    bounds = eigenvalue_bounds(read_correlations(printed(random_correlations(1, 6))))
    # five off-diagonal entries in a row, each off by half a unit of the third decimal
    assert bounds.perturbation == pytest.approx(5 * HALF[3], rel=1e-6)
    assert bounds.smallest.width <= 2 * bounds.perturbation


@settings(max_examples=40, deadline=None)
@given(a=st.floats(-0.99, 0.99), b=st.floats(-0.99, 0.99), c=st.floats(-1, 1))
def test_third_correlation_is_the_determinant_condition(a: float, b: float, c: float) -> None:
    determinant = 1 + 2 * a * b * c - a * a - b * b - c * c
    allowed = third_correlation(Interval.point(a), Interval.point(b))
    if determinant > 1e-12:
        assert allowed.contains(c)
    elif determinant < -1e-12:
        assert not allowed.contains(c)


def test_nearest_correlation_reproduces_higham() -> None:
    """Higham (2002), section 4, prints the nearest matrix and the distance 0.5278 for this matrix."""
    given_matrix = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
    found = nearest_correlation(given_matrix)
    expected = np.array([[1.0, 0.7607, 0.1573], [0.7607, 1.0, 0.7607], [0.1573, 0.7607, 1.0]])
    np.testing.assert_allclose(found.matrix, expected, atol=5e-5)  # four printed decimals
    assert found.distance == pytest.approx(0.5278, abs=5e-5)
    assert found.largest_change == pytest.approx(1 - 0.7607, abs=5e-5)


def test_one_cell_repairs_a_matrix_with_one_negative_eigenvalue() -> None:
    bad = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    change = best_single_cell(bad, 2, 0)
    assert change.smallest > 0
    # r13 must lie in 0.81 +- 0.19
    assert 0.62 < change.value < 1.0


def test_semidefinite_verdicts() -> None:
    good = matrix.correlation_semidefinite(correlations=printed(random_correlations(3, 5)), deletion="listwise")
    assert good.verdict == "consistent"
    bad = three("0.90", "-0.90", "0.90")
    assert matrix.correlation_semidefinite(correlations=bad, deletion="listwise").verdict == "impossible"
    assert matrix.correlation_semidefinite(correlations=bad, deletion="pairwise").verdict == "not checkable"
    # r13 >= 0.64 - 0.36 = 0.28 exactly: rounding to two decimals allows both answers
    edge = three("0.80", "0.28", "0.80")
    assert matrix.correlation_semidefinite(correlations=edge, deletion="listwise").verdict == "undetermined"
    assert matrix.correlation_triples(correlations=edge).verdict == "undetermined"
    gap = {reference: cell for reference, cell in printed(np.eye(4)).items() if reference != "2/3/2"}
    finding = matrix.correlation_semidefinite(correlations=gap, deletion="listwise")
    assert finding.verdict == "not checkable"
    assert "(3, 2)" in finding.note
    with pytest.raises(InputError, match="deletion should be one of"):
        matrix.correlation_semidefinite(correlations=edge, deletion="casewise")


def test_explanations_of_an_indefinite_matrix_name_the_cells_that_repair_it() -> None:
    found = matrix._explain_semidefinite(correlations=three("0.90", "-0.90", "0.90"), deletion="listwise")
    by_name = {explanation.name: explanation for explanation in found}
    assert by_name["one altered cell"].resolves
    assert by_name["one altered cell"].value.count("->") == 3
    assert by_name["pairwise deletion"].resolves
    assert not by_name["nearest correlation matrix (rounding alone)"].resolves


def test_triples_name_the_pair_that_the_others_exclude() -> None:
    finding = matrix.correlation_triples(correlations=three("0.90", "-0.90", "0.90"))
    assert finding.verdict == "impossible"
    # with both others at 0.895 in size: 0.895² - (1 - 0.895²) = 0.602
    assert "allow -1 to -0.602" in finding.note
    assert matrix.correlation_triples(correlations=printed(random_correlations(5, 6))).verdict == "consistent"


def test_subsets_find_what_triples_cannot() -> None:
    # three variables with r = -0.34 each can exist, and so can any three of these four, but four cannot (r >= -1/3)
    four = printed(np.full((4, 4), -0.34) + 1.34 * np.eye(4))
    assert matrix.correlation_triples(correlations=four).verdict == "consistent"
    finding = matrix.correlation_subsets(correlations=four, size=4)
    assert finding.verdict == "impossible"
    assert "(1, 2, 3, 4)" in finding.note
    assert matrix.correlation_subsets(correlations=printed(np.eye(4)), size=4).verdict == "consistent"
    with pytest.raises(InputError, match="size should lie between"):
        matrix.correlation_subsets(correlations=four, size=5)


def test_subset_bounds_are_those_of_the_whole_matrix_for_the_whole_set() -> None:
    interval = read_correlations(printed(random_correlations(2, 5)))
    whole = eigenvalue_bounds(interval).smallest
    bounds = subset_eigenvalues(interval, 5)
    assert bounds.low[0] == pytest.approx(whole.low, abs=1e-12)


def test_symmetry_is_checkable_only_with_both_triangles() -> None:
    lower = three("0.50", "0.40", "0.30")
    assert matrix.correlation_symmetric(correlations=lower).verdict == "not checkable"
    upper = {"2/1/2": "0.5", "2/1/3": "0.40", "2/2/3": "0.30"}
    both = lower | {reference: PrintedNumber.parse(text) for reference, text in upper.items()}
    assert matrix.correlation_symmetric(correlations=both).verdict == "consistent"
    finding = matrix.correlation_symmetric(correlations=both | {"2/2/3": PrintedNumber.parse("0.31")})
    assert finding.verdict == "impossible"
    assert "0.31 and 0.30" in finding.note


def test_range_wants_a_unit_diagonal_and_no_correlation_above_one() -> None:
    good = printed(random_correlations(4, 3))
    assert matrix.correlation_range(correlations=good).verdict == "consistent"
    for reference, text in (("2/3/1", "1.02"), ("2/2/2", "0.98")):
        bad = good | {reference: PrintedNumber.parse(text)}
        assert matrix.correlation_range(correlations=bad).verdict == "impossible"


@pytest.mark.parametrize(("r", "verdict"), [("0.81", "consistent"), ("0.79", "inconsistent"), ("0.80", "undetermined")])
def test_above_cut(r: str, verdict: str) -> None:
    finding = matrix.correlation_above_cut(correlation=PrintedNumber.parse(r), cut=PrintedNumber.parse(">0.80"))
    assert finding.verdict == verdict


def test_count_above_cut() -> None:
    cut = PrintedNumber.parse(">0.80")
    cells = three("0.85", "-0.90", "0.30")
    count = matrix.correlation_count_above_cut
    assert count(correlations=cells, cut=cut, named=("2/2/1", "2/3/1")).verdict == "consistent"
    assert count(correlations=cells, cut=cut, named=("2/2/1",)).verdict == "inconsistent"
    assert count(correlations=cells, cut=cut, named=("2/2/1", "2/3/1", "2/3/2")).verdict == "inconsistent"
    assert count(correlations=three("0.85", "0.80", "0.3"), cut=cut, named=("2/2/1",)).verdict == "undetermined"
    with pytest.raises(InputError, match="named cell '2/9/1'"):
        count(correlations=cells, cut=cut, named=("2/9/1",))


@pytest.mark.parametrize(
    ("vif", "tolerance", "verdict"),
    [
        ("4.444", "0.225", "consistent"),
        ("4.444", "0.222", "inconsistent"),
        ("0.80", "1.25", "impossible"),
        ("3.2", "0.31", "consistent"),  # 1/3.25 to 1/3.15 = 0.308 to 0.317
        ("3.2", "0.300", "inconsistent"),
    ],
)
def test_vif_tolerance(vif: str, tolerance: str, verdict: str) -> None:
    found = collinearity.vif_tolerance(vif=PrintedNumber.parse(vif), tolerance=PrintedNumber.parse(tolerance))
    assert found.verdict == verdict


def test_vif_tolerance_names_another_definition_that_fits() -> None:
    readings = collinearity._other_definition(vif=PrintedNumber.parse("4.00"), tolerance=PrintedNumber.parse("0.75"))
    assert [explanation.resolves for explanation in readings] == [True, False]


def columns(vifs: list[str], tolerances: list[str]) -> dict[str, dict[str, PrintedNumber]]:
    return {
        "vif": {f"3/{k}/VIF": PrintedNumber.parse(text) for k, text in enumerate(vifs)},
        "tolerance": {f"3/{k}/tolerance": PrintedNumber.parse(text) for k, text in enumerate(tolerances)},
    }


def test_a_shifted_column_is_recognised() -> None:
    good = columns(["2.000", "4.000", "5.000"], ["0.500", "0.250", "0.200"])
    assert collinearity.vif_tolerance_rows(**good).verdict == "consistent"
    shifted = columns(["2.000", "4.000", "5.000"], ["0.900", "0.500", "0.250"])
    assert collinearity.vif_tolerance_rows(**shifted).verdict == "inconsistent"
    by_shift, by_order = collinearity._explain_rows(**shifted)
    assert by_shift.resolves
    assert not by_order.resolves
    turned = columns(["2.000", "4.000", "5.000"], ["0.200", "0.500", "0.250"])
    assert collinearity._explain_rows(**turned)[1].resolves


def vif_of(correlations: np.ndarray, item: int) -> PrintedNumber:
    return PrintedNumber.parse(f"{np.linalg.inv(correlations)[item, item]:.2f}")


def test_vif_from_correlations() -> None:
    correlations = random_correlations(11, 4)
    cells = printed(correlations)
    right = collinearity.vif_from_correlations(vif=vif_of(correlations, 1), correlations=cells, item="2")
    assert right.verdict == "consistent"
    assert right.high is not None
    wrong = PrintedNumber.parse(f"{right.high + 0.5:.2f}")
    assert collinearity.vif_from_correlations(vif=wrong, correlations=cells, item="2").verdict == "inconsistent"
    indefinite = three("0.90", "-0.90", "0.90")
    assert collinearity.vif_from_correlations(vif=wrong, correlations=indefinite, item="2").verdict == "not checkable"
    edge = three("0.80", "0.28", "0.80")
    assert collinearity.vif_from_correlations(vif=wrong, correlations=edge, item="2").verdict == "undetermined"
    with pytest.raises(InputError, match="item '9' is not in the correlation matrix"):
        collinearity.vif_from_correlations(vif=wrong, correlations=cells, item="9")


def test_two_predictors_bound_a_vif_by_their_own_regression() -> None:
    correlations = random_correlations(8, 3)
    interval = read_correlations(printed(correlations))
    exact = np.diag(np.linalg.inv(interval.midpoint))
    for item in range(3):
        forced = collinearity.forced_vif(interval, item)
        assert forced is not None
        # with three variables the two others are all predictors, so only rounding separates bound and VIF
        assert 0.97 * exact[item] < forced.bound <= exact[item]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.integers(3, 6))
def test_a_forced_vif_never_exceeds_the_vif_of_any_admissible_matrix(seed: int, size: int) -> None:
    cells = printed(random_correlations(seed, size), 2)
    interval = read_correlations(cells)
    candidate = within(cells, np.random.default_rng(seed))
    if np.linalg.eigvalsh(candidate)[0] <= 1e-6:
        return
    for item, vif in enumerate(np.diag(np.linalg.inv(candidate))):
        forced = collinearity.forced_vif(interval, item)
        assert forced is None or forced.bound <= vif * (1 + 1e-9)


def test_vif_lower_bound() -> None:
    cells = three("0.90", "0.10", "0.10")
    # 1 / (1 - 0.895²) = 5.03
    low, enough = (PrintedNumber.parse(text) for text in ("4.90", "5.40"))
    assert collinearity.vif_lower_bound(vif=low, correlations=cells, item="1").verdict == "impossible"
    assert collinearity.vif_lower_bound(vif=enough, correlations=cells, item="1").verdict == "consistent"
    cut = collinearity.vif_cut_from_correlations
    assert cut(correlations=cells, cut=PrintedNumber.parse("5")).verdict == "inconsistent"
    assert cut(correlations=cells, cut=PrintedNumber.parse("10")).verdict == "undetermined"


def test_impossible_triples_do_not_bound_a_vif() -> None:
    interval = read_correlations(three("0.90", "-0.90", "0.90"))
    forced = collinearity.forced_vif(interval, 0)
    assert forced is not None
    assert forced.left_out == 1
    assert len(forced.predictors) == 1


def test_survey_correlations(survey: Study) -> None:
    cells = survey.cells("2/*/*")
    interval = read_correlations(cells)
    bounds = eigenvalue_bounds(interval)
    # numpy.linalg.eigvalsh of the table as printed gives -0.3315, -0.1704, -0.0189, then positive values
    assert bounds.smallest.contains(-0.3315)
    assert bounds.certainly_negative == 3
    assert matrix.correlation_semidefinite(correlations=cells, deletion="listwise").verdict == "impossible"
    assert matrix.correlation_symmetric(correlations=cells).verdict == "not checkable"
    assert matrix.correlation_triples(correlations=cells).verdict == "consistent"
    assert matrix.correlation_subsets(correlations=cells, size=4).recomputed == "12 impossible"
    cut = survey.number("text/correlation_2_14/r")
    count = matrix.correlation_count_above_cut(correlations=cells, cut=cut, named=("2/14/2",))
    assert (count.verdict, count.recomputed) == ("inconsistent", "3")


def test_survey_impossible_quadruple_by_hand(survey: Study) -> None:
    """Items 2, 12, 13, 14: the determinant is negative whatever the rounding of the six correlations."""
    interval = read_correlations(survey.cells("2/*/*"))
    index = [interval.names.index(name) for name in ("2", "12", "13", "14")]
    block, radius = interval.midpoint[np.ix_(index, index)], interval.radius[np.ix_(index, index)]
    for signs in itertools.product((-1.0, 1.0), repeat=6):
        corner = np.zeros((4, 4))
        corner[np.tril_indices(4, -1)] = signs
        assert np.linalg.eigvalsh(block + radius * (corner + corner.T))[0] < -0.09


def test_survey_vifs(survey: Study) -> None:
    rows = collinearity.vif_tolerance_rows(
        vif={r: c for r, c in survey.cells("3/*/VIF").items() if isinstance(c, PrintedNumber)},
        tolerance={r: c for r, c in survey.cells("3/*/tolerance").items() if isinstance(c, PrintedNumber)},
    )
    assert rows.recomputed == "0 of 14 rows agree"
    fifth = collinearity.vif_lower_bound(vif=survey.number("3/5/VIF"), correlations=survey.cells("2/*/*"), item="5")
    # R² of item 5 on 7 and 12 is (0.84² + 0.823² - 2 0.84 0.823 0.465) / (1 - 0.465²) = 0.944 at the midpoint: VIF 17.9
    assert fifth.verdict == "impossible"
    assert fifth.low is not None
    assert 15 < fifth.low < 17.9
