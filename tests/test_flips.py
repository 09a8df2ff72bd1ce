"""What flips a verdict, against closed forms and against a search over a grid."""

from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from bayesgov.claims import Claim, TableEvidence
from bayesgov.evidence import TableValues
from bayesgov.fits import PosteriorFit
from bayesgov.flips import _table_flips, flip_table
from bayesgov.power_scaling import reweighted, turn_prior
from bayesgov.printed import PrintedNumber
from bayesgov.verdicts import judge

NOTHING = {"reason": "none"}
# as even as 4,000 draws of a standard normal can be, so that a closed form holds to four digits
NORMAL = special.ndtri((np.arange(4000) + 0.5) / 4000)


def _claim(**evidence):
    base = {"id": "c", "sentence": "s", "place": "p", "estimand": "e", "rule": "r"}
    return Claim.model_validate(base | {"printed": NOTHING, "frequentist": NOTHING, "posterior": NOTHING} | evidence)


def _study(*printed):
    numbers = {f"1/row{place}/{name}": PrintedNumber.parse(text) for place, (name, text) in enumerate(printed)}
    return SimpleNamespace(cells=lambda _reference: numbers)


def _flips(claim, *, study=None, tables=None, fits=None):
    found = {"tables": tables or {}, "fits": fits or {}}
    verdict = judge(claim, study, audit_verdicts={}, **found)
    return flip_table([claim], [verdict], study=study, **found).set_index(["source", "dial"])


def _fit(label, draws, log_prior=None):
    groups = {"posterior": xr.Dataset({"effect": (("chain", "draw", "term"), draws[None])})}
    if log_prior is not None:
        groups["log_prior"] = xr.Dataset({"effect": (("chain", "draw"), log_prior[None])})
    return PosteriorFit(label, xr.DataTree.from_dict(groups), ("effect",), ())


def _table(condition, **columns):
    evidence = {"table": "t", "column": next(iter(columns)), "each": condition}
    return evidence, {"t": pd.DataFrame(columns)}


# --- result tables


@pytest.mark.parametrize(
    ("expect", "p_values", "at", "then"),
    [
        ("all", [0.01, 0.03], 0.03, "does not hold"),
        ("any", [0.01, 0.03], 0.01, "does not hold"),
        ("none", [0.08, 0.2], 0.08, "does not hold"),
        ("all", [0.01, 0.2], 0.2, "holds"),
    ],
)
def test_level_of_a_p_value_rule(expect, p_values, at, then):
    evidence, tables = _table("< 0.05", p_value=p_values)
    flip = _flips(_claim(frequentist=evidence | {"expect": expect}), tables=tables).loc[("frequentist", "level")]
    assert flip["flips_at"] == at
    assert flip["distance"] == pytest.approx(max(at / 0.05, 0.05 / at))
    assert (flip["unit"], flip["answer_then"]) == ("factor", then)


def test_no_level_flips_what_a_missing_value_leaves_open():
    evidence, tables = _table("< 0.05", p_value=[np.nan])
    flip = _flips(_claim(frequentist=evidence), tables=tables).loc[("frequentist", "level")]
    assert flip["now"] == "undetermined"
    assert np.isnan(flip["flips_at"])
    assert "no level" in flip["note"]


def test_null_effect_that_flips_a_p_value_is_a_confidence_limit():
    estimate, error = np.array([-3.0, 4.0]), np.array([1.0, 1.5])
    p_values = 2 * special.ndtr(-np.abs(estimate / error))
    evidence, tables = _table("< 0.05", p_value=p_values, estimate=estimate, std_error=error)
    flip = _flips(_claim(frequentist=evidence), tables=tables).loc[("frequentist", "limit")]
    nearest = min(3 - 1.959964 * 1.0, 4 - 1.959964 * 1.5)
    assert flip["flips_at"] == pytest.approx(nearest, rel=1e-6)
    assert flip["distance"] == pytest.approx(nearest / 1.0, rel=1e-6)
    assert flip["answer_then"] == "does not hold"


@pytest.mark.parametrize(
    ("estimate", "at", "then"), [(2.0, 2 - 1.644854, "undetermined"), (0.5, 0.5 - 1.644854, "holds")]
)
def test_null_effect_of_a_one_sided_test(estimate, at, then):
    p_value = special.ndtr(-estimate)
    evidence, tables = _table("< 0.05", p_value_greater=[p_value], estimate=[estimate], std_error=[1.0])
    flip = _flips(_claim(frequentist=evidence | {"against": "> 0.95"}), tables=tables).loc[("frequentist", "limit")]
    assert flip["flips_at"] == pytest.approx(at, abs=1e-6)
    assert flip["answer_then"] == then


def test_null_effect_needs_estimates_that_give_the_p_values():
    evidence, tables = _table("< 0.05", p_value=[0.01], estimate=[1.0], std_error=[1.0])
    assert list(_flips(_claim(frequentist=evidence), tables=tables).index) == [("frequentist", "level")]


def test_mirrored_thresholds_of_a_bayes_factor_move_together():
    evidence, tables = _table("> 1", log10_bf=[2.0, -0.4])
    flip = _flips(_claim(posterior=evidence | {"against": "< -1"}), tables=tables).loc[("posterior", "limit")]
    # at 0.4 the factor of -0.4 lies beyond -0.4, and refutes
    assert (flip["now"], flip["flips_at"], flip["answer_then"]) == ("undetermined", 0.4, "does not hold")
    assert (flip["distance"], flip["unit"]) == (pytest.approx(0.6), "own units")


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.integers(-30, 30), min_size=1, max_size=5),
    condition=st.sampled_from(["< 5", "> 5", "<= 5", ">= 5", "abs < 5", "abs > 5"]),
    against=st.sampled_from(["", "> 5", "< 5", "> -5", "< -5"]),
    expect=st.sampled_from(["all", "any", "none"]),
)
def test_nothing_flips_before_the_limit_that_is_named(values, condition, against, expect):
    evidence = TableEvidence(table="t", column="v", each=condition, against=against, expect=expect)
    data = np.array(values, dtype=float) + 0.25
    found = TableValues(pd.DataFrame({"v": data}), ("v",), data, data)
    rule = evidence.decision

    def answer(threshold):
        return rule.at(threshold).combined(found.answers(rule.at(threshold)))

    (flip,) = _table_flips("c", "frequentist", rule, found)
    low = 0.0 if rule.meets.magnitude else -40.0
    grid = [t for t in np.arange(low + 0.125, 40, 0.125) if t % 0.25 != 0]  # between the values, never on one
    others = [t for t in grid if answer(t) != flip.now]
    if np.isnan(flip.flips_at):
        assert not others
    else:
        assert min(abs(t - 5) for t in others) == pytest.approx(flip.distance, abs=0.126)
        beyond = flip.flips_at + (0.01 if flip.flips_at >= 5 else -0.01)
        assert answer(beyond) == flip.answer_then != flip.now


# --- printed numbers


@pytest.mark.parametrize(
    ("printed", "condition", "steps", "then"),
    [
        ([("p", "0.03"), ("p", "0.01")], "< 0.05", 2, "undetermined"),
        ([("p", "0.031"), ("p", "0.010")], "< 0.05", 19, "undetermined"),
        ([("p", "0.06"), ("p", "0.01")], "< 0.05", 1, "undetermined"),
        ([("t", "-2.10")], "abs > 1.645", 45, "undetermined"),
    ],
)
def test_rounding_in_units_of_the_last_digit(printed, condition, steps, then):
    claim = _claim(printed={"cells": ["1/*/*"], "each": condition})
    flip = _flips(claim, study=_study(*printed)).loc[("printed", "rounding")]
    assert (flip["distance"], flip["unit"], flip["answer_then"]) == (steps, "last digits", then)


def test_no_single_number_turns_two_failures():
    claim = _claim(printed={"cells": ["1/*/*"], "each": "< 0.05"})
    flip = _flips(claim, study=_study(("p", "0.20"), ("p", "0.30"))).loc[("printed", "rounding")]
    assert np.isnan(flip["distance"])
    assert "no single printed number" in flip["note"]


def test_level_of_printed_p_values_knows_their_rounding():
    claim = _claim(printed={"cells": ["1/*/p"], "each": "< 0.05"})
    flip = _flips(claim, study=_study(("p", "0.03"), ("p", "0.01"))).loc[("printed", "level")]
    assert flip["flips_at"] == 0.035  # below it 0.03 may be 0.0349
    assert flip["answer_then"] == "undetermined"


def test_a_bound_stays_a_bound_when_its_number_changes():
    claim = _claim(printed={"cells": ["1/*/*"], "each": "< 0.05"})
    flip = _flips(claim, study=_study(("p", "<0.05"))).loc[("printed", "rounding")]
    assert flip["note"] == "1/row0/p, printed <0.05, would have to be printed <0.06"


def test_a_step_of_the_last_digit_is_exact():
    """0.29 + 0.01 is not 0.30 in binary."""
    claim = _claim(printed={"cells": ["1/*/*"], "each": "<= 0.305"})
    flip = _flips(claim, study=_study(("r", "0.29"))).loc[("printed", "rounding")]
    assert Decimal(repr(float(flip["flips_at"]))) == Decimal("0.31")
    assert flip["distance"] == 2


# --- posterior draws


def _posterior(mean, **changes):
    evidence = {"fit": "a", "variable": "effect", "each": "> 0"} | changes
    fits = {"a": _fit("a", (NORMAL + mean)[:, None]), "b": _fit("b", (NORMAL + 0.3)[:, None])}
    return _flips(_claim(posterior=evidence), fits=fits)


@pytest.mark.parametrize(
    ("mean", "likelier", "then"),
    [
        (2.0, special.ndtr(2.0), "undetermined"),
        (-1.0, special.ndtr(1.0), "does not hold"),
        (1.0, special.ndtr(1.0), "holds"),
    ],
)
def test_level_of_a_posterior_probability(mean, likelier, then):
    flip = _posterior(mean).loc[("posterior", "level")]
    assert flip["flips_at"] == pytest.approx(likelier, abs=2e-4)
    ratio = (1 - likelier) / 0.05
    assert flip["distance"] == pytest.approx(max(ratio, 1 / ratio), rel=0.01)
    assert flip["answer_then"] == then


def test_agreement_of_all_draws_is_only_a_bound():
    flip = _posterior(10.0).loc[("posterior", "level")]
    assert flip["beyond"]
    assert flip["distance"] == pytest.approx(0.05 * 4000)


@pytest.mark.parametrize(
    ("mean", "at", "then"),
    [(2.0, 2 - 1.644854, "undetermined"), (1.0, 1 - 1.644854, "holds"), (-0.5, -0.5 + 1.644854, "does not hold")],
)
def test_limit_at_which_the_probability_crosses(mean, at, then):
    flip = _posterior(mean).loc[("posterior", "limit")]
    assert flip["flips_at"] == pytest.approx(at, abs=2e-3)
    assert flip["distance"] == pytest.approx(abs(at), abs=5e-3)  # the deciding draws have standard deviation one
    assert flip["answer_then"] == then


@pytest.mark.parametrize("expect", ["all", "any", "none"])
@pytest.mark.parametrize("condition", ["> 0.2", "< 0.2", "abs > 0.2", "abs < 0.2"])
def test_limit_of_joint_events_is_where_the_joint_probability_crosses(expect, condition):
    draws = np.random.default_rng(5).normal([0.4, -0.1], [0.3, 0.2], (2000, 2))
    evidence = {"fit": "a", "variable": "effect", "each": condition, "expect": expect}
    claim = _claim(posterior=evidence)
    flip = _flips(claim, fits={"a": _fit("a", draws)}).loc[("posterior", "limit")]

    def answer(limit):
        moved = claim.posterior.decision.at(limit)
        truth = moved.meets.of(draws)
        joint = {"all": truth.all(1), "any": truth.any(1), "none": ~truth.any(1)}[expect].mean()
        return "holds" if joint >= 0.95 else "does not hold" if joint <= 0.05 else "undetermined"

    outward = 1e-7 if flip["flips_at"] > 0.2 else -1e-7
    assert answer(0.2) == flip["now"]
    assert answer(flip["flips_at"] - outward) == flip["now"]
    assert answer(flip["flips_at"] + outward) == flip["answer_then"] != flip["now"]


def _conjugate(evidence):
    """Draws of N(evidence / 2, 1 / 2): prior N(0, 1), one observation ``evidence`` with unit variance."""
    draws = evidence / 2 + NORMAL * np.sqrt(0.5)
    return draws, -0.5 * draws**2


@pytest.mark.parametrize("power", [0.5, 2.0])
def test_reweighted_probability_is_that_of_the_conjugate_posterior(power):
    draws, log_prior = _conjugate(2.0)
    # precision 1 + power, mean 2 / (1 + power)
    exact = special.ndtr(2.0 / np.sqrt(1 + power))
    found = reweighted(draws > 0, log_prior, power)
    assert found.reliable
    assert found.probability == pytest.approx(exact, abs=3e-3)


@pytest.mark.parametrize(("power", "stronger"), [(2.0, True), (0.6, False)])
def test_power_that_flips_a_conjugate_posterior(power, stronger):
    # Pr(effect > 0) = Phi(y / sqrt(1 + power)) is 0.95 at the power named
    draws, log_prior = _conjugate(1.644854 * np.sqrt(1 + power))
    side = turn_prior(draws > 0, log_prior, lambda p: "yes" if p >= 0.95 else "no", stronger=stronger)
    assert side.power == pytest.approx(power, rel=0.03)
    assert turn_prior(draws > 0, log_prior, lambda _p: "same", stronger=True).answer == ""


def test_prior_dial_names_power_and_scale():
    draws, log_prior = _conjugate(1.644854 * np.sqrt(3.0))
    claim = _claim(posterior={"fit": "a", "variable": "effect", "each": "> 0"})
    flip = _flips(claim, fits={"a": _fit("a", draws[:, None], log_prior)}).loc[("posterior", "prior")]
    assert flip["flips_at"] == pytest.approx(2.0, rel=0.03)
    assert flip["distance"] == pytest.approx(2.0, rel=0.03)
    assert flip["answer_then"] == "undetermined"
    assert "scale times 0.7" in flip["note"]


def test_flat_prior_is_beyond_what_is_tried():
    flip = _flips(
        _claim(posterior={"fit": "a", "variable": "effect", "each": "> 0"}),
        fits={"a": _fit("a", (NORMAL + 2)[:, None], np.zeros(4000))},
    ).loc[("posterior", "prior")]
    assert flip["beyond"]
    assert flip["distance"] == pytest.approx(4.0)
    assert flip["note"] == ""


def test_unreliable_weights_are_said_to_be():
    draws = NORMAL + 3
    log_prior = -3 * NORMAL**2  # a prior as narrow as this dominates the tails: without it they are hardly sampled
    flip = _flips(
        _claim(posterior={"fit": "a", "variable": "effect", "each": "> 0"}),
        fits={"a": _fit("a", draws[:, None], log_prior)},
    ).loc[("posterior", "prior")]
    assert "Pareto k" in flip["note"]
    assert flip["distance"] < 4


def test_other_fits_are_another_dial():
    same, other = (_posterior(mean, robust=("b",)).loc[("posterior", "other fit")] for mean in (0.2, 2.0))
    assert same["answer_then"] == ""
    assert other["answer_then"] == "undetermined"
    assert "b: probability 0.62" in other["note"]


def test_what_is_not_checkable_has_nothing_to_flip():
    assert _flips(_claim()).empty


def test_too_few_draws_to_weight_are_said_to_be():
    claim = _claim(posterior={"fit": "a", "variable": "effect", "each": "> 0"})
    draws = NORMAL[::200]
    flip = _flips(claim, fits={"a": _fit("a", draws[:, None], -(draws**2))}).loc[("posterior", "prior")]
    assert flip["note"] == "weights need 25 or more draws; the fit has 20"
