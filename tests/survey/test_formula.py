"""Formulas: what they may ask for, what they are told otherwise, and columns equal to R's."""

import numpy as np
import pandas as pd
import pytest

from bayesgov.errors import InputError
from bayesgov.survey.formula import apply_formula, fit_formula, parse_formula, parse_scale_formula


def test_roles_of_columns():
    formula = parse_formula("y ~ a + b*c + mo(d) + C(e) + log(h) + a:h + offset(log(w)) + (1|village)")
    assert formula.outcome == "y"
    assert formula.predictors == ("a", "b", "c", "d", "e", "h")
    assert formula.single == ()  # a enters an interaction, b and c as well
    assert formula.monotonic == ("d",)
    assert formula.by_level == ("d", "e")
    assert formula.offsets == ("w",)
    assert formula.group == "village"


def test_columns_with_awkward_names():
    formula = parse_formula("`my outcome` ~ `first item` + item.2 + (1|`the village`)")
    assert formula.outcome == "my outcome"
    assert formula.single == ("first item", "item.2")
    assert formula.group == "the village"


def test_names_of_contrasts_are_no_columns():
    assert parse_formula("y ~ C(q, Sum) + C(r, Treatment('b'))").predictors == ("q", "r")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y", "should read outcome ~ terms"),
        ("y ~ x ~ z", "should read outcome ~ terms"),
        ("~ x", "cannot be used"),
        ("y ~", "cannot be used"),
        ("y ~ x +", "cannot be used"),
        ("y ~ (x", r"Expect '\)'"),
        ("y ~ x $ z", r"Unexpected character: \$"),
        ("y ~ `x", "cannot be used"),
        ("y ~ x z", "makes no sense from 'z' on"),
        ("y ~ x | g", r"makes no sense from '\|' on"),
        ("log(y) ~ x", "outcome of a formula should be one column"),
        ("y[a] ~ x", "outcome of a formula should be one column"),
        ("a + b ~ x", "cannot be used"),
        ("y ~ x + y", "'y' stands on both sides"),
        ("y ~ 0 + x", "thresholds take the intercept's place"),
        ("y ~ x - 1", "thresholds take the intercept's place"),
        ("y ~ x + (x|g)", r"\(x\|g\) is a random slope"),
        ("y ~ (0 + x|g)", r"\(x\|g\) is a random slope"),
        ("y ~ (1|g) + (1|h)", r"one random intercept can be fitted; got \(1\|g\), \(1\|h\)"),
        ("y ~ (1|g:h)", "what follows the bar should be one column"),
        ("y ~ (1|C(g))", "what follows the bar should be one column"),
        ("y ~ x + 2", "got 2 in"),
        ("y ~ x[a]", "got 'x' in"),
        ("y ~ lgo(x)", "no function 'lgo'; there is log"),
        ("y ~ np.linalg.inv(x)", "no function 'np.linalg.inv'"),
        ("y ~ proportion(a, b)", "no function 'proportion'"),
        ("y ~ mo(x):z", r"mo\(x\) cannot enter an interaction"),
        ("y ~ offset(x)*z", r"offset\(x\) cannot enter an interaction"),
        ("y ~ mo(x, z)", r"mo\(\) takes one column"),
        ("y ~ log(mo(x))", r"mo\(\) cannot stand inside another function"),
    ],
)
def test_what_formulas_cannot_ask_for(text, message, capsys):
    with pytest.raises(InputError, match=message) as error:
        parse_formula(text)
    assert "\n" not in str(error.value)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y ~ x", "right-hand side without ~"),
        ("mo(x)", "scale takes terms without"),
        ("(1|g)", "scale takes terms without"),
        ("offset(x)", "scale takes terms without"),
        ("0 + x", "thresholds take the intercept's place"),
    ],
)
def test_what_scale_models_cannot_ask_for(text, message):
    with pytest.raises(InputError, match=message):
        parse_scale_formula(text)


def test_code_in_a_formula_reaches_nothing_of_the_caller():
    secret = pd.Series([1.0, 2.0])  # noqa: F841 -- formulae would find it in this frame
    with pytest.raises(InputError, match="cannot be used"):
        fit_formula(parse_formula("y ~ x + I(x + secret)"), pd.DataFrame({"x": [1.0, 2.0]}))


@pytest.mark.parametrize(
    "text", ["y ~ scale(x)", "y ~ center(x) + poly(x, 3)", "y ~ bs(x, df=5)", "y ~ log(x)*c", "y ~ C(c, Sum):x + c"]
)
def test_new_rows_get_the_columns_they_had(text):
    """Means, knots and contrasts are those of the data that the formula learnt from, whatever the new rows hold."""
    rng = np.random.default_rng(1)
    levels = pd.Categorical(rng.choice(["a", "b", "d"], 60), ordered=True)
    mask = pd.DataFrame({"x": rng.uniform(1, 9, 60), "c": levels, "levels of c": levels})
    fitted = fit_formula(parse_formula(text), mask)
    rows = [3, 40, 7]
    new = mask.iloc[rows].reset_index(drop=True)
    new["levels of c"] = new["levels of c"].cat.remove_unused_categories()
    again = apply_formula(fitted.without_rows(), new)
    np.testing.assert_allclose(again.x, fitted.columns.x[rows], rtol=1e-12, atol=1e-12)
    assert again.terms == fitted.columns.terms


def test_failure_inside_the_library_is_one_line_and_prints_nothing(capsys):
    with pytest.raises(InputError, match="cannot be used: "):
        fit_formula(parse_formula("y ~ bs(x, df=1)"), pd.DataFrame({"x": [1.0, 2.0, 3.0]}))
    assert capsys.readouterr().out == ""
