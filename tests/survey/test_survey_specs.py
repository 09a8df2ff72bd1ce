"""The ready specs of the survey study: valid, labelled as the paper labels, and at home on simulated rows."""

import re

import numpy as np
import pytest

from bayesgov.study import load_study, models_folder
from bayesgov.survey.build import build_design
from bayesgov.survey.codebook import apply_codebook
from bayesgov.survey.simulate import SurveyDesign, simulate_survey
from bayesgov.survey.spec import read_cumulative_spec

NAMES = ("paper", "horseshoe", "r2d2", "partial_proportional_odds")


def _spec(name):
    return read_cumulative_spec(models_folder() / "survey" / f"{name}.toml")


@pytest.fixture(scope="module")
def study():
    return load_study("survey")


@pytest.fixture(scope="module")
def frame(study):
    return simulate_survey(study, SurveyDesign(seed=2)).frame


@pytest.mark.parametrize("name", NAMES)
def test_formula_and_codebook_name_columns_of_the_simulated_file(name, frame):
    spec = _spec(name)
    terms = set(re.findall(r"[a-z]\w*", spec.formula))
    assert {f"item_{item}" for item in range(1, 15)} | {"outcome"} <= terms <= set(frame.columns)
    assert set(spec.variables) <= set(frame.columns)
    assert set(spec.nominal) <= terms
    assert not spec.cluster or spec.cluster in frame
    assert ("(1|village)" in spec.formula) == (name != "paper")


@pytest.mark.parametrize("name", NAMES)
def test_codebook_reads_the_simulated_codes(name, frame):
    spec = _spec(name)
    coded = apply_codebook(frame, spec.variables)
    used = ["outcome", *(f"item_{item}" for item in range(1, 15))]
    assert coded.frame[used].notna().all(axis=1).sum() == 10_808
    assert tuple(coded.frame["outcome"].cat.categories) == spec.levels == ("1", "2", "3", "4", "5", "6")
    # the scores 1 to 3 that enter the formula are the codes of the file
    known = coded.frame["item_7"].notna()
    assert (coded.frame["item_7"].cat.codes[known] + 1).tolist() == frame["item_7"][known].tolist()
    counts = {entry.code: entry.rows for entry in coded.missing if entry.variable == "item_9"}
    assert sorted(counts.values()) == sorted([(frame["item_9"] == 8).sum(), (frame["item_9"] == 9).sum()])


@pytest.mark.parametrize("name", NAMES)
def test_design_is_the_complete_questionnaires(name, frame):
    spec = _spec(name)
    design = build_design(spec, frame)
    assert (design.n_obs, design.n_categories) == (10_808, 6)
    assert design.terms == tuple(f"item_{item}" for item in range(1, 15))
    assert (design.flow[0].left, design.flow[-1].left) == (23_928, 10_808)
    used = frame.iloc[design.row]
    np.testing.assert_array_equal(design.x, used[list(design.terms)])
    np.testing.assert_array_equal(design.y + 1, used["outcome"])
    assert [design.terms[column] for column in design.nominal] == list(spec.nominal)
    if name == "paper":
        assert design.cluster is not None
        assert np.unique(design.cluster).size == 105
    else:
        assert np.array(design.groups)[design.group].tolist() == used["village"].tolist()


@pytest.mark.parametrize("name", NAMES)
def test_labels_are_the_papers(name, study):
    spec = _spec(name)
    for item in study.items:
        entry = spec.variables.get(f"item_{item.id}")
        if entry is None:
            assert int(item.id) > 14
            continue
        assert entry.label == item.label
        if name == "paper":
            assert tuple(entry.values[str(option)] for option in (1, 2, 3)) == item.options


def test_priors_are_what_the_files_are_called():
    kinds = {name: _spec(name).prior.kind for name in NAMES}
    assert kinds == {
        "paper": "normal",
        "horseshoe": "horseshoe",
        "r2d2": "r2d2",
        "partial_proportional_odds": "normal",
    }
    assert _spec("paper").missing == "listwise"
    assert _spec("partial_proportional_odds").nominal
