"""Average marginal effects and predicted probabilities: R's numbers, numerical derivatives, and identities."""

from dataclasses import dataclass, replace
from itertools import product
from typing import get_args

import numpy as np
import pytest
from survey.model_check_data import REFERENCE, simulated

from bayesgov.survey import changes, margins
from bayesgov.survey.design import MonotonicTerm, design_from_arrays
from bayesgov.survey.spec import Family, Link

# R printed 12 digits of coefficients and effects
PRINTED = 1e-10


@dataclass(frozen=True)
class Response:
    family: Family
    link: Link


LOGIT = Response("cumulative", "logit")
RESPONSES = [Response(*pair) for pair in product(get_args(Family), get_args(Link))]


@pytest.fixture(scope="module")
def design():
    return simulated()


@pytest.fixture(scope="module")
def rich(design):
    """Interactions, nominal effects, a scale model and groups; four draws of its parameters."""
    x = np.column_stack([design.x, design.x[:, 0] * design.x[:, 2], design.x[:, 0] * design.x[:, 3]])
    rng = np.random.default_rng(1)
    wide = design_from_arrays(
        design.y,
        x,
        levels=design.levels,
        terms=(*design.terms, "age:woman", "age:region[north]"),
        factors=(*design.factors, "age:woman", "age:region"),
        weights=design.weights,
        offset=rng.normal(size=design.n_obs),
        nominal=(0, 2, 5),
        scale_x=x[:, :2],
        scale_terms=("age", "score"),
        group=np.arange(design.n_obs) % 3,
        groups=("a", "b", "c"),
    )
    values = margins.coefficients(
        np.array([-0.5, 0.8, 2.4]) + 0.1 * rng.normal(size=(4, 1)),
        0.3 * rng.normal(size=(4, 7)),
        departure=0.02 * rng.normal(size=(4, 3, 3)),
        log_scale=0.05 * rng.normal(size=(4, 2)),
        group_effect=rng.normal(size=(4, 3)),
    )
    return wide, values


def _moved(wide, step):
    """Rows with a changed age and everything that follows from it."""
    x = wide.x.copy()
    x[:, 0] += step
    x[:, 5], x[:, 6] = x[:, 0] * x[:, 2], x[:, 0] * x[:, 3]
    return replace(wide, x=x, scale_x=x[:, :2])


def test_effects_and_probabilities_are_those_of_r(design):
    estimate = np.array(REFERENCE["plain"]["coef"])
    values = margins.coefficients(estimate[:3], estimate[3:])
    expected = REFERENCE["margins"]
    np.testing.assert_allclose(margins.average_effects(design, values, LOGIT)[0], expected["effects"], atol=PRINTED)
    np.testing.assert_allclose(
        margins.average_probabilities(design, values, LOGIT)[0], expected["average"], atol=PRINTED
    )
    at_means = margins.probabilities(changes.at_means(design), values, LOGIT)
    np.testing.assert_allclose(at_means[0, 0], expected["at_means"], atol=PRINTED)


def test_scale_terms_move_with_their_predictor(design):
    expected = REFERENCE["margins_scale"]
    estimate = np.array(expected["coef"])
    scaled = replace(design, scale_x=design.x[:, [2]], scale_terms=("woman",))
    values = margins.coefficients(estimate[:3], estimate[3:8], log_scale=estimate[8:])
    effects = margins.average_effects(scaled, values, Response("cumulative", "probit"))
    np.testing.assert_allclose(effects[0], expected["effects"], atol=PRINTED)


@pytest.mark.parametrize("response", RESPONSES, ids=str)
def test_derivatives_agree_with_differences(rich, response):
    wide, values = rich
    effects = margins.average_effects(wide, values, response)
    step = 1e-5
    ends = [margins.average_probabilities(_moved(wide, sign * step), values, response) for sign in (1, -1)]
    # a central difference with this step is right to about 1e-10
    np.testing.assert_allclose(effects[:, 0], (ends[0] - ends[1]) / (2 * step), atol=1e-9)


@pytest.mark.parametrize("response", RESPONSES, ids=str)
def test_probabilities_sum_to_one_and_effects_to_zero(rich, response):
    wide, values = rich
    level = margins.probabilities(wide, values, response)
    assert np.all(level >= 0)
    np.testing.assert_allclose(level.sum(axis=-1), 1, atol=1e-12)
    effects = margins.average_effects(wide, values, response)
    assert np.all(np.abs(effects).max(axis=-1) > 1e-4)
    np.testing.assert_allclose(effects.sum(axis=-1), 0, atol=1e-12)


def test_blocks_and_chunks_change_nothing(rich, monkeypatch):
    wide, values = rich
    whole = margins.average_effects(wide, values, LOGIT)
    monkeypatch.setattr(margins, "_CHUNK_CELLS", 500)
    np.testing.assert_allclose(margins.average_effects(wide, values, LOGIT), whole, atol=1e-14)
    single = margins.coefficients(
        values.threshold[2],
        values.beta[2],
        departure=values.departure[2],
        log_scale=values.log_scale[2],
        group_effect=values.group_effect[2],
    )
    np.testing.assert_allclose(margins.average_effects(wide, single, LOGIT)[0], whole[2], atol=1e-14)
    rows = margins.probabilities(wide, values, LOGIT)
    average = np.average(rows, axis=1, weights=wide.weights)
    np.testing.assert_allclose(margins.average_probabilities(wide, values, LOGIT), average, atol=1e-13)


def test_kinds_are_told_from_the_columns(design):
    assert [effect.kind for effect in changes.effects_of(design)] == [
        "derivative", "step", "contrast", "contrast", "contrast",
    ]  # fmt: skip
    assert changes.effects_of(design, {"score": "derivative"})[1].kind == "derivative"
    with pytest.raises(ValueError, match="kinds takes terms of the model"):
        changes.effects_of(design, {"wealth": "derivative"})


def test_a_step_stays_within_the_scale(design):
    """Rows on the top step come up to it from the one below: no score beyond the questionnaire's is imagined."""
    top = replace(design, x=np.where(np.arange(5) == 1, 5.0, design.x))
    below = replace(design, x=np.where(np.arange(5) == 1, 4.0, design.x))
    values = margins.coefficients(np.array([-0.5, 0.8, 2.4]), np.array([0.6, 0.5, -0.1, 0.0, -0.7]))
    step = margins.average_effects(top, values, LOGIT, [changes.Effect("score", "score", "step", 1, 5.0)])[0, 0]
    ends = [margins.average_probabilities(each, values, LOGIT)[0] for each in (top, below)]
    np.testing.assert_allclose(step, ends[0] - ends[1], atol=1e-15)


@pytest.mark.parametrize(
    ("terms", "factors", "expected"),
    [
        # contrasts that are no zeros and ones; parts of an interaction that is not all there
        (
            ("age", "poly[0]", "poly[1]", "woman:region[x]", "woman"),
            ("age", "poly", "poly", "woman:region", "woman"),
            ("poly[0]", "poly[1]", "woman:region[x]", "woman"),
        ),
        # two functions of one variable
        (
            ("age", "I(age ** 2)", "woman", "np.log(wealth)", "C(age2)[b]"),
            ("age", "I(age ** 2)", "woman", "np.log(wealth)", "C(age2)"),
            ("age", "I(age ** 2)"),
        ),
        # a factor coded -1 and 1
        (
            ("C(z, Sum)[a]", "item 2", "woman", "d[1]", "d[2]"),
            ("C(z, Sum)", "item 2", "woman", "d", "d"),
            ("C(z, Sum)[a]",),
        ),
    ],
)
def test_effects_that_the_columns_cannot_give_are_named(design, terms, factors, expected):
    changed = replace(design, terms=terms, factors=factors)
    assert changes.left_out(changed) == expected
    assert [effect.term for effect in changes.effects_of(changed)] == [term for term in terms if term not in expected]


def test_a_colon_in_a_label_makes_no_interaction(rich):
    wide, values = rich
    names = ("age", "score", "woman", "region[north: coast]", "region[west]", "age:woman", "age:region[north: coast]")
    renamed = replace(wide, terms=names)
    assert [effect.term for effect in changes.effects_of(renamed)] == list(names[:5])
    np.testing.assert_array_equal(
        margins.average_effects(renamed, values, LOGIT), margins.average_effects(wide, values, LOGIT)
    )


def test_monotonic_terms_step_along_their_levels(design):
    monotonic = replace(
        design,
        x=np.column_stack([design.x[:, 0], design.x[:, 1] - 1, design.x[:, 2:]]),
        monotonic=(MonotonicTerm(1, tuple("abcde")),),
    )
    contribution = np.array([0.0, 2.0, 2.0, 3.0, 4.0])
    values = margins.coefficients(
        np.array([-0.5, 0.8, 2.4]), np.array([0.6, 0.5, -0.1, 0.0, -0.7]), monotonic=[contribution]
    )
    contributed = contribution[design.x[:, 1].astype(int) - 1]
    flat = replace(design, x=np.column_stack([design.x[:, 0], contributed, design.x[:, 2:]]))
    plain = margins.coefficients(values.threshold, values.beta)
    np.testing.assert_allclose(
        margins.average_probabilities(monotonic, values, LOGIT), margins.average_probabilities(flat, plain, LOGIT)
    )
    second = replace(monotonic, x=np.column_stack([design.x[:, 0], np.ones(design.n_obs), design.x[:, 2:]]))
    effect = margins.average_effects(second, values, LOGIT, changes.effects_of(second)[1:2])
    np.testing.assert_allclose(effect, 0, atol=1e-15)  # levels 1 and 2 contribute the same


def test_grid_holds_the_rest_at_the_means(rich):
    wide, _ = rich
    grid = changes.on_grid(wide, {"age": (-1, 2), "woman": (0, 1)})
    assert grid.x[:, :3].tolist() == [[a, pytest.approx(grid.x[0, 1]), w] for a in (-1, 2) for w in (0, 1)]
    assert grid.x[0, 1] == pytest.approx(np.average(wide.x[:, 1], weights=wide.weights))
    np.testing.assert_allclose(grid.x[:, 5], grid.x[:, 0] * grid.x[:, 2])
    np.testing.assert_allclose(grid.scale_x, grid.x[:, :2])
    with pytest.raises(ValueError, match="a grid takes terms of the model"):
        changes.on_grid(wide, {"age:woman": (0,)})


def test_a_group_without_a_code_has_no_effect(rich):
    wide, values = rich
    unseen = replace(wide, group=np.full(wide.n_obs, -1))
    without = replace(values, group_effect=np.zeros((4, 0)))
    np.testing.assert_array_equal(
        margins.average_probabilities(unseen, values, LOGIT), margins.average_probabilities(unseen, without, LOGIT)
    )


def test_the_mean_row_belongs_to_no_group(rich):
    wide, values = rich
    without = replace(values, group_effect=np.zeros((4, 0)))
    row = changes.at_means(wide)
    np.testing.assert_array_equal(margins.probabilities(row, values, LOGIT), margins.probabilities(row, without, LOGIT))


def test_a_score_between_two_levels_contributes_in_proportion(design):
    between = replace(
        design, x=np.where(np.arange(5) == 1, 2.25, design.x), monotonic=(MonotonicTerm(1, tuple("abcde")),)
    )
    values = margins.coefficients(np.zeros(3), np.eye(5)[1], monotonic=[np.array([0.0, 2.0, 3.0, 7.0, 8.0])])
    np.testing.assert_allclose(margins.distances(between, values), -(3 + 0.25 * 4))


def test_missing_cells_are_refused(design):
    holes = replace(design, x=np.where(np.arange(5) == 0, np.nan, design.x))
    values = margins.coefficients(np.array([-0.5, 0.8, 2.4]), np.zeros(5))
    with pytest.raises(ValueError, match="predictions need every cell of x"):
        margins.average_effects(holes, values, LOGIT)
