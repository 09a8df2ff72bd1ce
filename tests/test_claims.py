"""Rules of claims: thresholds that move together, and answers that combine."""

import pytest

from bayesgov.claims import Claim, Condition, Rule, read_claims_file
from bayesgov.errors import InputError


def _rule(meets, refutes="", expect="all", otherwise="does not hold"):
    return Rule(Condition.parse(meets), Condition.parse(refutes) if refutes else None, expect, otherwise)


@pytest.mark.parametrize(
    ("meets", "refutes", "threshold", "moved"),
    [
        ("> 0.1", "< 0.1", 0.3, 0.3),  # two limits of an interval
        ("> 0", "< 0", 0.3, 0.3),  # zero is its own mirror, and stays together
        ("> 1", "< -1", 2.0, -2.0),  # evidence for and against
        ("< 0.05", "> 0.95", 0.2, 0.8),  # a p-value on either side
        ("> 1", "< -2", 3.0, -2.0),  # a limit of its own
    ],
)
def test_refuting_threshold_moves_with_the_one_it_mirrors(meets, refutes, threshold, moved):
    rule = _rule(meets, refutes).at(threshold)
    assert rule.meets.threshold == threshold
    assert rule.refutes.threshold == pytest.approx(moved)


def test_rule_without_refutation_moves_alone():
    assert _rule("< 0.05").at(0.1) == _rule("< 0.1")


@pytest.mark.parametrize(
    ("expect", "answers", "combined"),
    [
        ("all", [True, True], "holds"),
        ("all", [True, None], "undetermined"),
        ("all", [False, None], "does not hold"),
        ("any", [True, None], "holds"),
        ("any", [False, None], "undetermined"),
        ("any", [False, False], "does not hold"),
        ("none", [False, False], "holds"),
        ("none", [True, None], "does not hold"),
        ("none", [False, None], "undetermined"),
    ],
)
def test_three_valued_logic(expect, answers, combined):
    assert _rule("> 0", expect=expect).combined(answers) == combined


def test_failure_may_mean_no_more_than_open():
    assert _rule("> 0", otherwise="undetermined").combined([False]) == "undetermined"


def test_a_claim_needs_no_printed_table():
    words = dict.fromkeys(("id", "sentence", "place", "estimand", "rule"), "w")
    claim = Claim.model_validate({**words, "frequentist": {"reason": "r"}, "posterior": {"reason": "r"}})
    assert claim.printed.reason == "no printed table"


def test_file_of_claims_must_exist(tmp_path):
    with pytest.raises(InputError, match="file not found"):
        read_claims_file(tmp_path / "none.toml")
