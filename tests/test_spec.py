"""Specs of what to fit: defaults that follow from the study, and values that no model can take."""

import pytest
from pydantic import ValidationError

from bayesgov.errors import InputError
from bayesgov.spec import CoefficientsSpec, ContingencySpec, read_published_spec

TABLES = {"table": "1", "outcome": ("low", "middle", "high"), "options": ("a", "b")}


def _contingency(n_items, **changes):
    items = tuple(f"q{number}" for number in range(n_items))
    return ContingencySpec(items=items, **({"expected_nonzero_items": 0.5} | TABLES | changes))


@pytest.mark.parametrize(("n_items", "weights"), [(16, (1.0, 0.25, 0.0625)), (4, (1.0, 0.5, 0.25)), (1, (1.0,))])
def test_smallest_default_weight_is_one_over_the_number_of_items(n_items, weights):
    assert _contingency(n_items).composite_weights == pytest.approx(weights, rel=1e-15)


def test_stated_weights_are_kept():
    assert _contingency(4, composite_weights=(1.0, 0.1)).composite_weights == (1.0, 0.1)
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        _contingency(4, composite_weights=(2.0,))


def test_a_prior_guess_that_everything_matters_is_refused():
    with pytest.raises(ValidationError, match="below the number of items, 4; got 4"):
        _contingency(4, expected_nonzero_items=4)
    with pytest.raises(ValidationError, match="below the number of rows, 2; got 3"):
        CoefficientsSpec(table="1", rows=("a", "b"), expected_nonzero=3)


def test_a_spec_without_any_block_is_refused(tmp_path):
    (tmp_path / "published.toml").write_text("[sampling]\nseed = 1\n", encoding="utf-8")
    with pytest.raises(InputError, match="at least one of the blocks"):
        read_published_spec(tmp_path)
