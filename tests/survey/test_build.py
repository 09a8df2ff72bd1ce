"""Designs: columns equal to R's model.matrix, levels, groups, nominal and scale terms, missing cells, new data."""

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayesgov.data import read_table
from bayesgov.errors import InputError
from bayesgov.study import models_folder
from bayesgov.survey.build import NEW_GROUP, build_design, encode, redesign
from bayesgov.survey.merge import merge_duplicates
from bayesgov.survey.mode import find_mode
from bayesgov.survey.prepare import prepare
from bayesgov.survey.spec import CumulativeSpec, VariableSpec, read_cumulative_spec

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "model_matrix.json").read_text())
FOLDER = models_folder() / "survey"
ORDINAL = VariableSpec(kind="ordinal", levels=("1", "2", "3", "4", "5"))


def bundled(name):
    spec = read_cumulative_spec(FOLDER / f"{name}.toml")
    return spec, read_table(FOLDER / spec.data)


@pytest.fixture
def frame():
    rng = np.random.default_rng(1)
    n = 120
    return pd.DataFrame(
        {
            "y": rng.integers(1, 5, n),
            "x": rng.normal(size=n),
            "c": rng.choice(["a", "b", "d"], n),
            "t": rng.choice(["no", "yes"], n),
            "q": rng.integers(1, 6, n),
            "g": rng.choice([10, 9, 8], n),
        }
    )


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("wine", "rating ~ temp * contact + poly(response, 2)"),
        ("housing", "Sat ~ Infl * Cont + C(Type, Treatment('Atrium'))"),
    ],
)
def test_columns_are_those_of_model_matrix(name, formula):
    spec, table = bundled(name)
    design = build_design(spec.model_copy(update={"formula": formula}), table)
    expected = REFERENCE["columns"][name]
    ours = [term.translate(str.maketrans("", "", "[]")) for term in design.terms]
    position = {term: place for place, term in enumerate(expected["terms"])}
    rename = {
        "poly(response, 2)0": "poly(response, 2)1",
        "poly(response, 2)1": "poly(response, 2)2",
        **{
            f"C(Type, Treatment('Atrium')){t}": f'relevel(Type, ref = "Atrium"){t}'
            for t in ("Tower", "Apartment", "Terrace")
        },
    }
    order = [position[rename.get(term, term)] for term in ours]
    assert sorted(order) == list(range(len(order)))
    # R's poly differs by rounding only; it was printed to 12 digits
    np.testing.assert_allclose(design.x, np.array(expected["x"])[:, order], atol=1e-11)


@pytest.mark.parametrize("name", ["wine", "housing"])
def test_maximum_on_a_bundled_design_is_that_of_clm(name):
    spec, table = bundled(name)
    design = build_design(spec, table)
    counts = np.zeros((design.n_obs, design.n_categories))
    counts[np.arange(design.n_obs), design.y] = design.weights
    found = find_mode(counts, design.x)
    expected = REFERENCE["fits"][name]
    names = [*design.thresholds, *(term.translate(str.maketrans("", "", "[]")) for term in design.terms)]
    assert names == list(expected["coefficients"])
    # clm stops at gradients of 1e-12 and printed 12 digits
    estimates = np.concatenate([found.cutpoints, found.coefficients])
    np.testing.assert_allclose(estimates, list(expected["coefficients"].values()), atol=1e-9)
    assert found.log_likelihood == pytest.approx(expected["logLik"], abs=1e-9)


def test_bundled_specs():
    spec, table = bundled("wine")
    wine = build_design(spec, table)
    assert (wine.outcome, wine.levels, wine.terms) == ("rating", tuple("12345"), ("temp[warm]", "contact[yes]"))
    assert (wine.group_name, wine.groups, np.bincount(wine.group).tolist()) == ("judge", tuple("123456789"), [8] * 9)
    assert wine.thresholds == ("1|2", "2|3", "3|4", "4|5")
    assert merge_duplicates(wine).weights.sum() == 72
    spec, table = bundled("housing")
    housing = build_design(spec, table)
    assert housing.weights.sum() == 1681
    assert housing.factors == ("Infl", "Infl", "Type", "Type", "Type", "Cont")
    assert housing.group_name == ""
    assert housing.flow[0].left == housing.n_obs == 72


def test_ordinal_predictors_are_scores_steps_or_contrasts(frame):
    spec = CumulativeSpec(formula="y ~ q + x", variables={"q": ORDINAL})
    assert build_design(spec, frame).x[:, 0].tolist() == frame["q"].tolist()
    steps = build_design(spec.model_copy(update={"formula": "y ~ x + mo(q)"}), frame)
    assert steps.terms == ("x", "mo(q)")
    assert steps.x[:, 1].tolist() == (frame["q"] - 1).tolist()
    assert [(term.column, term.levels) for term in steps.monotonic] == [(1, tuple("12345"))]
    contrasts = build_design(spec.model_copy(update={"formula": "y ~ C(q)"}), frame)
    assert contrasts.terms == ("C(q)[2]", "C(q)[3]", "C(q)[4]", "C(q)[5]")
    np.testing.assert_array_equal(contrasts.x @ [2, 3, 4, 5] + (frame["q"] == 1), frame["q"])


def test_a_step_that_nobody_takes_remains_a_step(frame):
    data = frame.assign(q=frame["q"].replace(3, 2))
    design = build_design(CumulativeSpec(formula="y ~ mo(q)"), data)
    assert design.monotonic[0].levels == tuple("12345")
    assert set(design.x[:, 0]) == {0, 1, 3, 4}


def test_outcome_levels():
    x = np.random.default_rng(2).normal(size=12)
    for values, levels in (
        ([10, 9, 8, 9], ("8", "9", "10")),
        (pd.Categorical(["b", "a", "c", "a"] * 3, categories=["c", "b", "a"]), ("c", "b", "a")),
    ):
        data = pd.DataFrame({"y": values if len(values) == 12 else values * 3, "x": x})
        design = build_design(CumulativeSpec(formula="y ~ x"), data)
        assert design.levels == levels
        assert [levels[code] for code in design.y] == data["y"].astype(str).tolist()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"formula": "t ~ x", "levels": ("no", "yes")},
            r"3 or more levels; t has 2 \(no, yes\): use a binary regression",
        ),
        ({"levels": tuple("12345")}, "no row among the 120 used has y = 5: merge it with a neighbouring level"),
        ({"levels": tuple("123")}, r"variable y holds '4' \(\d+ rows\), outside its levels 1, 2, 3"),
        ({"formula": "y ~ x + seven"}, "seven is constant in the 120 rows used"),
        ({"formula": "y ~ x + word"}, "word is constant in the 120 rows used: leave it out"),
        ({"formula": "y ~ x*word"}, "word is constant in the 120 rows used: leave it out"),
        ({"formula": "y ~ x + mo(seven)"}, "seven is constant in the 120 rows used"),
        (
            {"formula": "y ~ x + twice"},
            "twice is a linear combination of x in the 120 complete rows: leave one of them",
        ),
        ({"formula": "y ~ log(q0)"}, r"log\(q0\) is no finite number in \d+ of 120 rows"),
        ({"formula": "y ~ x + (1|seven)"}, "needs 2 or more groups; seven has 1"),
        ({"nominal": ("z",)}, r"nominal should name terms of the formula without mo\(\); got 'z'; there is x"),
        ({"formula": "y ~ mo(q)", "nominal": ("mo(q)",)}, "nominal should name terms"),
        ({"scale": "seven"}, "seven is constant"),
        (
            {"formula": "y ~ c", "variables": {"c": VariableSpec(levels=("z", "a", "b", "d"))}},
            "reference level 'z' of c",
        ),
        ({"formula": "y ~ gaps", "missing": "impute"}, r"predictors with missing cells: gaps \(1\); impute them"),
    ],
)
def test_what_no_model_can_use_is_one_line(frame, changes, message):
    data = frame.assign(
        seven=7, word="same", twice=2 * frame["x"] - 1, q0=frame["q"] - 1, gaps=[np.nan, *frame["x"][1:]]
    )
    with pytest.raises(InputError, match=message):
        build_design(CumulativeSpec(**({"formula": "y ~ x"} | changes)), data)


def test_nominal_level_without_rows_goes(frame):
    entry = VariableSpec(levels=("a", "b", "d"))
    spec = CumulativeSpec(formula="y ~ c + x", variables={"c": entry})
    assert build_design(spec, frame[frame["c"] != "b"]).terms == ("c[d]", "x")


def test_nominal_scale_weights_offset_and_cluster(frame):
    data = frame.assign(w=np.arange(120.0) % 3, o=0.5, e=2.0)
    spec = CumulativeSpec(
        formula="y ~ x + c + offset(log(e)) + (1|g)",
        nominal=("c",),
        scale="t + x",
        weights="w",
        offset="o",
        cluster="g",
    )
    design = build_design(spec, data)
    assert design.nominal == (1, 2)
    assert design.scale_terms == ("t[yes]", "x")
    assert design.n_obs == 80
    np.testing.assert_allclose(design.offset, 0.5 + np.log(2), rtol=1e-15)
    assert design.groups == ("8", "9", "10")
    np.testing.assert_array_equal(np.array([8, 9, 10])[design.group], data["g"][design.row])
    np.testing.assert_array_equal(design.group, design.cluster)
    assert build_design(spec.model_copy(update={"nominal": ("c[d]",)}), data).nominal == (2,)
    np.testing.assert_array_equal(design.scale_x[:, 0], data["t"][design.row] == "yes")


def test_modelled_cells_are_nan_where_the_design_says_so(frame):
    rng = np.random.default_rng(3)
    gaps = {name: frame[name].where(rng.random(120) > 0.2) for name in ("x", "t", "q")}
    spec = CumulativeSpec(formula="y ~ c + x + t + q", missing="model", variables={"q": ORDINAL})
    design = build_design(spec, frame.assign(**gaps))
    assert design.n_obs == 120
    found = {design.terms[gap.column]: gap for gap in design.missing}
    assert {term: gap.kind for term, gap in found.items()} == {"x": "continuous", "t[yes]": "binary", "q": "ordinal"}
    assert found["t[yes]"].support == (0.0, 1.0)
    assert found["q"].support == (1.0, 2.0, 3.0, 4.0, 5.0)
    expected = np.isnan(design.x)
    for gap in design.missing:
        assert np.isnan(design.x[gap.rows, gap.column]).all()
        expected[gap.rows, gap.column] = False
    assert not expected.any()
    complete = build_design(spec, frame)
    assert complete.missing == ()
    np.testing.assert_array_equal(np.where(np.isnan(design.x), complete.x, design.x), complete.x)


def test_completed_frames_keep_the_account_of_rows(frame):
    data = frame.assign(x=frame["x"].where(frame.index % 4 > 0), y=frame["y"].where(frame.index > 1))
    prepared = prepare(CumulativeSpec(formula="y ~ x + c", missing="impute"), data)
    completed = prepared.used.fillna({"x": 0.25})
    design = encode(prepared, completed).design
    assert design.flow == prepared.flow
    assert design.n_obs == 118
    assert set(design.x[np.flatnonzero(design.row % 4 == 0), 0]) == {0.25}
    with pytest.raises(InputError, match="rows, columns and types of the prepared one"):
        encode(prepared, completed.iloc[1:])


FORMULA = "y ~ poly(z, 2) + C(k) + mo(q) + center(x)*t + c + offset(o) + (1|g)"


@pytest.fixture
def encoded(frame):
    data = frame.assign(k=frame["q"] % 3, o=frame["x"] / 2, z=np.sin(np.arange(120)))
    spec = CumulativeSpec(formula=FORMULA, scale="c", weights="k2", variables={"c": VariableSpec(missing=("z",))})
    return encode(prepare(spec, data.assign(k2=1.0))), data


def test_new_data_get_the_columns_they_had(encoded):
    (design, encoding), data = (encoded[0].design, encoded[0].encoding), encoded[1]
    rows = [5, 90, 17]
    again = redesign(pickle.loads(pickle.dumps(encoding)), data.iloc[rows])
    expected = design.take(np.array(rows))
    for name in ("x", "y", "group", "offset", "scale_x"):
        np.testing.assert_allclose(getattr(again, name), getattr(expected, name), rtol=1e-12, atol=1e-12)
    for name in ("terms", "factors", "levels", "groups", "monotonic", "scale_terms", "nominal"):
        assert getattr(again, name) == getattr(expected, name)
    assert again.weights.tolist() == [1.0] * 3
    assert again.row.tolist() == [0, 1, 2]


def test_new_data_without_outcome_and_group(encoded):
    encoding, data = encoded[0].encoding, encoded[1]
    new = redesign(encoding, data.drop(columns=["y", "g"]).iloc[:4])
    assert new.y.tolist() == [-1] * 4
    assert new.groups == ("8", "9", "10", NEW_GROUP)
    assert new.group.tolist() == [3] * 4


def test_new_groups_come_after_the_fitted_ones(encoded):
    encoding, data = encoded[0].encoding, encoded[1]
    new = redesign(encoding, data.iloc[:4].assign(g=[9, 77, 10, 3]))
    assert new.groups == ("8", "9", "10", "3", "77")
    assert new.group.tolist() == [1, 4, 2, 3]


def test_incomplete_new_rows_are_lost_and_counted(encoded):
    encoding, data = encoded[0].encoding, encoded[1]
    new = redesign(encoding, data.iloc[:4].assign(c=["a", "z", "b", None], y=[1, 2, np.nan, 3]))
    assert [(step.reason, step.lost) for step in new.flow] == [("rows in the data", 0), ("c missing", 2)]
    assert new.row.tolist() == [0, 2]
    assert new.y.tolist() == [0, -1]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("c", "q", r"variable c holds 'q' \(3 rows\), outside its levels a, b, d"),
        ("q", 6, r"variable q holds '6' \(3 rows\), outside its levels 1, 2, 3, 4, 5"),
        ("k", 9, "levels .9. in 'C.k.' are not present"),
        ("y", 9, "outside its levels 1, 2, 3, 4"),
    ],
)
def test_unseen_levels_are_refused(encoded, column, value, message):
    encoding, data = encoded[0].encoding, encoded[1]
    with pytest.raises(InputError, match=message):
        redesign(encoding, data.iloc[:3].assign(**{column: value}))


def test_absent_predictor_is_named(encoded):
    with pytest.raises(InputError, match="the model names 'x', which is no column of the data"):
        redesign(encoded[0].encoding, encoded[1].drop(columns="x"))


def test_an_encoding_holds_no_rows(frame):
    data = pd.concat([frame] * 50)
    sizes = [
        len(pickle.dumps(encode(prepare(CumulativeSpec(formula="y ~ x*c + C(q) + offset(g)"), d)).encoding))
        for d in (frame, data)
    ]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.01)
