"""The glossary of diagnostics: it has every Check that the package makes, and no other."""

import ast
import re
from pathlib import Path

import pytest

import bayesgov
from bayesgov.fits import Check
from bayesgov.glossary import ENTRIES, describe, stem

_MAKERS = ("_check", "_verdict", "_extreme", "_rejects")
# names that are put together before they reach Check(...)
_BUILT = {"residuals: autocorrelation, order 1", "Bayes factor > 10", "binary_model[1|2]"}


def _text(node):
    """The text of a literal, with ordinal 1 in the place of what an f-string fills in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "1" for part in node.values)
    return None


def _made():
    """Name -> whether a Check of that name only ever says that a step does not apply."""
    found: dict[str, bool] = {}
    for path in Path(bayesgov.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
                continue
            name = _text(node.args[0])
            if name and (node.func.id == "Check" or node.func.id in _MAKERS):
                step = "not applicable" in [_text(part) for part in node.args] and ast.unparse(node.args[1]) == "None"
                found[name] = found.get(name, True) and step
    return found


MADE = _made()


def test_scan_finds_checks_of_every_kind():
    assert {"rhat_max", "hansen_p", "gradient_norm", "ar1_p", "clusters [1]"} <= set(MADE)
    assert len(MADE) > 60


@pytest.mark.parametrize("name", sorted(_BUILT | {name for name, step in MADE.items() if not step}))
def test_every_check_is_explained(name):
    entry = describe(Check(name, 1.0, 2.0, "warn"))
    assert entry.title
    assert entry.measures
    assert entry.reading


def test_no_entry_is_of_a_check_that_nothing_makes():
    made = {re.sub(r"^ar\d+_p$", "ar_p", stem(name)) for name in (*MADE, *_BUILT)}
    assert set(ENTRIES) <= made


@pytest.mark.parametrize("name", sorted(name for name, step in MADE.items() if step and stem(name) not in ENTRIES))
def test_step_that_does_not_apply_is_described_as_a_step(name):
    assert describe(Check(name, None, None, "not applicable", "why")).measures == "a step of the analysis"


def test_unknown_check_with_a_value_is_an_error():
    with pytest.raises(KeyError):
        describe(Check("nobody_made_this", 1.0, 2.0, "pass"))


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("hansen_p [north (inland)]", "hansen_p"),
        ("solution_found (LSDV) [north]", "solution_found"),
        ("lasso_minimum_inside (gaussian: GCV)", "lasso_minimum_inside"),
        ("binary_model[1|2]", "binary_model"),
        ("effects free between thresholds: temp", "effects free between thresholds"),
        ("rhat_max", "rhat_max"),
    ],
)
def test_what_a_check_is_of_is_no_part_of_its_name(name, short):
    assert stem(name) == short


def test_order_of_an_autocorrelation_test_is_in_its_title():
    assert describe(Check("ar2_p [north]", 0.3, 0.05, "pass")).title == "Autocorrelation test, order 2"


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_sources_are_traceable(entry):
    assert not entry.source or re.search(r"doi:10\.\d{4,}/\S+$|\d+, \d+-\d+$", entry.source)
    assert entry.school in ("Bayesian", "frequentist", "either")
