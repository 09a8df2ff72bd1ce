"""Lost answers: exact counts, and the dependence that the mechanism states and no other."""

import numpy as np
import pytest
from statsmodels.discrete.discrete_model import Logit

from bayesgov.survey.nonresponse import NonResponse, draw_missing_cells

N_OBS, COMPLETE = 40_000, 18_000


def _survey(seed):
    rng = np.random.default_rng(seed)
    items = rng.integers(3, size=(N_OBS, 6))
    outcome = np.clip(items[:, 0] + rng.integers(4, size=N_OBS), 0, 5)
    return outcome, items, rng.integers(20, size=N_OBS), rng


def _draw(mechanism, seed=1, complete=COMPLETE):
    outcome, items, village, rng = _survey(seed)
    required = np.array([True, True, True, True, False, False])
    return draw_missing_cells(mechanism, outcome, items, village, complete=complete, required=required, rng=rng)


@pytest.mark.parametrize("complete", [0, 1, COMPLETE, N_OBS - 1, N_OBS])
def test_exactly_the_wanted_rows_are_complete(complete):
    cells = _draw(NonResponse(outcome_share=0.5, random_share=0.5), complete=complete)
    anything = cells.outcome | cells.items.any(axis=1)
    required = cells.outcome | cells.items[:, 1:4].any(axis=1)
    assert (~anything).sum() == complete
    np.testing.assert_array_equal(anything, required)  # further items are lost only where a required one is
    assert not cells.items[:, 0].any()
    assert cells.outcome.sum() == round(0.5 * (N_OBS - complete))


def test_later_items_are_skipped_more():
    lost = _draw(NonResponse()).items[:, 1:].mean(axis=0)
    assert np.all(np.diff(lost[:3]) > 0)
    assert lost[4] > lost[3]


def test_loss_depends_on_what_the_mechanism_says_and_on_nothing_else():
    mechanism = NonResponse(outcome_share=0.3, random_share=0.0, item_effect=-0.6, outcome_effect=-0.5, village_sd=0.4)
    outcome, items, village, _ = _survey(1)
    cells = _draw(mechanism)
    first = items[:, 0] - items[:, 0].mean()
    standardised = (outcome - outcome.mean()) / outcome.std()
    offset = cells.village_effect[village]
    there = ~cells.outcome
    # columns: intercept, first item, outcome, an item that should not matter
    x = np.column_stack([np.ones(N_OBS), first, standardised, items[:, 3]])
    given_answers = Logit(cells.items[there].any(axis=1).astype(float), x[there], offset=offset[there]).fit(disp=0)
    no_outcome = Logit(cells.outcome.astype(float), x, offset=offset).fit(disp=0)
    wanted = np.array([[cells.answers_intercept, -0.6, -0.5, 0.0], [cells.outcome_intercept, -0.6, 0.0, 0.0]])
    for fitted, truth in zip((given_answers, no_outcome), wanted, strict=True):
        assert np.all(np.abs(fitted.params - truth) < 4 * fitted.bse), (fitted.params, truth)


def test_by_chance_alone_depends_on_nothing():
    outcome, items, _, _ = _survey(3)
    cells = _draw(NonResponse(outcome_share=0.0, random_share=1.0, item_effect=-2.0, outcome_effect=-2.0), seed=3)
    lost = cells.items.any(axis=1)
    for values in (items[:, 0], items[:, 2], outcome):
        difference = values[lost].mean() - values[~lost].mean()
        assert abs(difference) < 4 * values.std() * np.sqrt(1 / lost.sum() + 1 / (~lost).sum())
    assert cells.answers_intercept == -np.inf


def test_impossible_shares_are_refused():
    with pytest.raises(ValueError, match="shares between 0 and 1"):
        NonResponse(outcome_share=0.7, random_share=0.6)
    with pytest.raises(ValueError, match="shares between 0 and 1"):
        NonResponse(cell_share=1.2)
    with pytest.raises(ValueError, match="complete between 0 and 40000"):
        _draw(NonResponse(), complete=N_OBS + 1)
