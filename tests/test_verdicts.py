"""Claims: conditions on printed numbers, three-valued rulings, and posterior probabilities of joint events."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesgov.claims import Claim, Condition, read_claims
from bayesgov.errors import InputError
from bayesgov.fits import Check, PosteriorFit
from bayesgov.printed import PrintedNumber
from bayesgov.study import load_study, models_folder, shipped_studies
from bayesgov.verdicts import check_claims, judge, probability_words


@pytest.mark.parametrize(
    ("printed", "condition", "truth"),
    [
        ("<0.05", "< 0.05", True),
        ("<0.05", "< 0.01", None),
        ("<0.05", "> 0.05", False),
        (">0.80", "> 0.80", True),
        ("0.049", "< 0.05", True),
        ("0.05", "< 0.05", None),  # 0.045 to 0.055
        ("0.051", "< 0.05", False),
        ("0.1", "< 0.05", False),  # 0.05 to 0.15: the limit itself is not below
        ("0.1", "<= 0.05", None),
        (">0.05", "<= 0.05", False),
        (">=0.05", "<= 0.05", None),
        ("<=0.05", "<= 0.05", True),
        ("<0.05", ">= 0.05", False),
        ("<-0.5", "abs > 0.1", None),
        ("-0.909", "abs > 0.5", True),
        ("-0.909", "> 0.5", False),
        ("1.0", "abs < 1", None),
    ],
)
def test_condition_on_a_printed_number_respects_rounding(printed, condition, truth):
    assert Condition.parse(condition).of_printed(PrintedNumber.parse(printed)) is truth


def test_condition_must_be_readable():
    with pytest.raises(InputError, match=r"'< 0\.05' or 'abs > 0\.1'"):
        Condition.parse("less than 0.05")


def _posterior(label, values):
    """A fit whose variable ``effect`` has dims (chain, draw, region)."""
    draws = np.asarray(values, dtype=float).reshape(1, -1, 2)
    data = xr.Dataset({"effect": (("chain", "draw", "region"), draws)}, coords={"region": ["north", "south"]})
    return PosteriorFit(label, xr.DataTree.from_dict({"posterior": data}), ("effect",), ())


# 100 draws; north is positive in 98, south in 60, and both at once in 58
NORTH = np.r_[np.ones(98), -np.ones(2)]
SOUTH = np.r_[np.ones(58), -np.ones(40), np.ones(2)]
FIT = _posterior("block-a", np.stack([NORTH, SOUTH], axis=1))
FLIPPED = _posterior("block-b", -np.stack([NORTH, SOUTH], axis=1))
TABLE = pd.DataFrame({"term": ["x", "x", "z"], "p_value": [0.01, 0.2, np.nan]})


def _claim(**changes):
    base = {
        "id": "c",
        "sentence": "s",
        "place": "p",
        "estimand": "e",
        "rule": "r",
        "printed": {"cells": ["1/cv/*"], "each": "< 1"},
        "frequentist": {"table": "block/t", "column": "p_value", "each": "< 0.05", "where": {"term": ("x",)}},
        "posterior": {"fit": "block-a", "variable": "effect", "each": "> 0"},
    }
    return Claim.model_validate(base | changes)


def _judge(claim, **changes):
    options = {"audit_verdicts": {}, "tables": {"block/t": TABLE}, "fits": {"block-a": FIT, "block-b": FLIPPED}}
    return judge(claim, load_study("panel"), **(options | changes))


def test_posterior_probability_is_that_of_the_joint_event():
    ruling = _judge(_claim()).posterior
    assert ruling.probability == pytest.approx(0.58)
    assert ruling.answer == "undetermined"
    assert "one by one from 0.60 to 0.98" in ruling.text


@pytest.mark.parametrize(("expect", "probability", "answer"), [("any", 1.0, "holds"), ("none", 0.0, "does not hold")])
def test_any_and_none(expect, probability, answer):
    ruling = _judge(
        _claim(posterior={"fit": "block-a", "variable": "effect", "each": "> 0", "expect": expect})
    ).posterior
    assert (ruling.probability, ruling.answer) == (probability, answer)


def test_selection_narrows_the_event():
    evidence = {"fit": "block-a", "variable": "effect", "each": "> 0", "select": {"region": ("north",)}}
    ruling = _judge(_claim(posterior=evidence)).posterior
    assert (ruling.probability, ruling.answer) == (pytest.approx(0.98), "holds")


def test_robustness_says_when_the_ruling_changes():
    evidence = {
        "fit": "block-a",
        "variable": "effect",
        "each": "> 0",
        "select": {"region": ("north",)},
        "robust": ("block-b",),
    }
    assert _judge(_claim(posterior=evidence)).robustness.startswith(
        "The ruling changes: probability 0.98 (a), 0.02 (b)"
    )


def test_frequentist_ruling_counts_rows():
    ruling = _judge(_claim()).frequentist
    assert (ruling.answer, ruling.text) == ("does not hold", "1 of 2 values of p_value < 0.05")


def test_failing_to_show_an_effect_need_not_refute_it():
    evidence = {"table": "block/t", "column": "p_value", "each": "< 0.05", "where": {"term": ("x",)}}
    assert _judge(_claim(frequentist=evidence | {"otherwise": "undetermined"})).frequentist.answer == "undetermined"


@pytest.mark.parametrize(
    ("p_value", "answer"), [(0.01, "holds"), (0.3, "undetermined"), (0.99, "does not hold"), (np.nan, "undetermined")]
)
def test_a_one_sided_test_can_refute_as_a_posterior_can(p_value, answer):
    """The frequentist counterpart of a posterior probability of 0.95 or more, of 0.05 or less, and between."""
    evidence = {"table": "block/t", "column": "p_value", "each": "< 0.05", "against": "> 0.95"}
    tables = {"block/t": pd.DataFrame({"p_value": [p_value]})}
    assert _judge(_claim(frequentist=evidence), tables=tables).frequentist.answer == answer


@pytest.mark.parametrize(
    ("lower", "upper", "answer"),
    [
        ([0.2, 0.3], [0.4, 0.5], "holds"),
        ([0.05, 0.3], [0.2, 0.5], "undetermined"),
        ([0.01, 0.3], [0.09, 0.5], "does not hold"),
    ],
)
def test_an_interval_beyond_a_limit_refutes(lower, upper, answer):
    evidence = {
        "table": "block/t", "column": "lower", "each": "> 0.1", "against": "< 0.1", "against_column": "upper",
    }  # fmt: skip
    tables = {"block/t": pd.DataFrame({"lower": lower, "upper": upper})}
    ruling = _judge(_claim(frequentist=evidence), tables=tables).frequentist
    assert ruling.answer == answer
    assert ("1 refuted" in ruling.text) == (answer == "does not hold")


def test_both_limits_of_an_interval_can_be_held_against_a_condition():
    evidence = {"table": "block/t", "column": ("lower", "upper"), "each": "abs < 1", "otherwise": "undetermined"}
    tables = {"block/t": pd.DataFrame({"lower": [-0.5, -1.5], "upper": [0.5, 0.6]})}
    ruling = _judge(_claim(frequentist=evidence), tables=tables).frequentist
    assert (ruling.answer, ruling.text) == (
        "undetermined",
        "3 of 4 values of lower, upper in absolute value < 1",
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"printed": {"cells": ("1/cv/nowhere",), "each": "> 0"}}, "no cell matches '1/cv/nowhere'"),
        ({"printed": {"audit": ("no",)}}, "no audit check 'no'"),
        ({"posterior": {"fit": "blok-a", "variable": "effect", "each": "> 0"}}, "'blok' is no block"),
        ({"frequentist": {"table": "blok/t", "column": "p_value", "each": "> 0"}}, "'blok' is no block"),
    ],
)
def test_claims_are_checked_before_anything_is_sampled(changes, message):
    study = load_study("panel")
    check_claims([_claim()], study, audited=(), blocks=("block",))
    with pytest.raises(InputError, match=message):
        check_claims([_claim(**changes)], study, audited=(), blocks=("block",))


def test_bayes_factors_decide_where_no_parameter_does():
    table = pd.DataFrame({"log10_bf": [20.0, 0.4, -3.0], "item": ["1", "2", "3"]})
    evidence = {"table": "block/bf", "column": "log10_bf", "each": "> 1", "against": "< -1"}

    def ruling(*items):
        claim = _claim(posterior=evidence | {"where": {"item": items}})
        return _judge(claim, tables={"block/t": TABLE, "block/bf": table}).posterior

    assert ruling("1").answer == "holds"
    assert ruling("1", "2").answer == "undetermined"
    assert ruling("1", "3").answer == "does not hold"
    assert ruling("1").probability is None


def test_missing_values_leave_a_ruling_open():
    evidence = {"table": "block/t", "column": "p_value", "each": "< 0.05", "where": {"term": ("z",)}}
    assert _judge(_claim(frequentist=evidence)).frequentist.answer == "undetermined"


@pytest.mark.parametrize(
    ("verdicts", "answer"),
    [
        ({"a": "consistent", "b": "consistent"}, "holds"),
        ({"a": "consistent", "b": "impossible"}, "does not hold"),
        ({"a": "consistent", "b": "undetermined"}, "undetermined"),
        ({"a": "consistent", "b": "not checkable"}, "not checkable"),
    ],
)
def test_audit_evidence_never_turns_what_could_not_run_into_a_pass(verdicts, answer):
    claim = _claim(printed={"audit": ("a", "b")})
    assert _judge(claim, audit_verdicts=verdicts).printed.answer == answer


def test_evidence_from_a_crashed_block_is_not_checkable():
    verdict = _judge(_claim(), tables={}, fits={}, crashed=("block",))
    assert verdict.frequentist.answer == verdict.posterior.answer == "not checkable"
    assert "crashed" in verdict.posterior.text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"posterior": {"fit": "no", "variable": "effect", "each": "> 0"}}, "fit 'no' does not exist"),
        ({"posterior": {"fit": "block-a", "variable": "no", "each": "> 0"}}, "has no variable 'no'"),
        (
            {
                "posterior": {
                    "fit": "block-a",
                    "variable": "effect",
                    "each": "> 0",
                    "select": {"region": ("north", "x")},
                }
            },
            "has no region 'x'; there are: north, south",
        ),
        ({"frequentist": {"table": "block/t", "column": "no", "each": "> 0"}}, "no column 'no'"),
        (
            {"frequentist": {"table": "block/t", "column": "p_value", "each": "> 0", "where": {"term": ("y",)}}},
            "no row",
        ),
        ({"printed": {"audit": ("no",)}}, "no audit check 'no'"),
    ],
)
def test_unknown_evidence_is_named(changes, message):
    with pytest.raises(InputError, match=message):
        _judge(_claim(**changes))


@pytest.mark.parametrize("evidence", [{}, {"cells": ("1/cv/*",)}, {"cells": ("1/cv/*",), "each": "< 1", "reason": "x"}])
def test_incomplete_evidence_is_refused(evidence):
    with pytest.raises(ValueError, match=r"give one of cells|condition such as"):
        _claim(printed=evidence)


@pytest.mark.parametrize(
    ("probability", "words"),
    [(0.9999, "> 0.99"), (1.0, "> 0.99"), (0.0, "< 0.01"), (0.93, "0.93"), (0.9511, "0.951"), (0.0488, "0.049")],
)
def test_probabilities_are_never_printed_as_certain(probability, words):
    assert probability_words(probability) == words


@pytest.mark.parametrize("study", shipped_studies())
def test_shipped_claims_are_complete(study):
    claims = read_claims(models_folder() / study)
    assert len(claims) >= 8
    assert len({claim.id for claim in claims}) == len(claims)


@pytest.mark.parametrize(("status", "said"), [("fail", True), ("warn", True), ("pass", False)])
def test_diagnostics_that_could_overturn_a_ruling_are_named(status, said):
    doubtful = replace(FIT, checks_run=(Check("rhat_max", 1.03, 1.01, status),))
    robustness = _judge(_claim(), fits={"block-a": doubtful}).robustness
    assert robustness.startswith("No alternative fit applies")
    assert (f"overturned by a diagnostic of block-a: rhat max ({status})" in robustness) is said


def test_printed_cells_need_a_study():
    with pytest.raises(InputError, match="leave printed out"):
        judge(_claim(), None, audit_verdicts={}, tables={"block/t": TABLE}, fits={"block-a": FIT})
