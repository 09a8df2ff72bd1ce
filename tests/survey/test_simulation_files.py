"""The files of a simulated survey."""

import json

import numpy as np
import pandas as pd
import pytest

from bayesgov.errors import InputError
from bayesgov.study import load_study
from bayesgov.survey.simulate import SurveyDesign, simulate_survey
from bayesgov.survey.simulation_files import run, write_simulation

OWN = """key = "mine"
summary = "s"
inference = "classical"
[citation]
title = "T"
authors = ["A"]
[[tables]]
id = "9"
file = "counts.csv"
caption = "c"
[[tables]]
id = "2"
file = "correlations.csv"
caption = "c"
"""
OPTIONS = SurveyDesign(seed=9, n_questionnaires=600, complete=250, villages=12)


def test_files_hold_what_was_simulated(tmp_path):
    study = load_study("survey")
    simulation = simulate_survey(study, OPTIONS)
    rows, answers, truth, _ = write_simulation(simulation, tmp_path / "new" / "folder", study)
    assert pd.read_csv(rows).equals(simulation.frame.astype({"village": pd.read_csv(rows)["village"].dtype}))
    assert pd.read_csv(answers)["outcome"].tolist() == simulation.answers["outcome"].tolist()
    record = json.loads(truth.read_text(encoding="utf-8"))
    assert record["coefficients"]["item_1"] == 0.4
    assert record["coefficients"]["item_15"] == 0.0
    assert record["thresholds"] == dict(
        zip(["1|2", "2|3", "3|4", "4|5", "5|6"], simulation.truth.thresholds.tolist(), strict=True)
    )
    assert list(record["village_effect"].values()) == simulation.truth.village_effect.tolist()
    np.testing.assert_array_equal(record["latent_correlation"], simulation.truth.copula.latent_correlation)
    assert record["options"]["nonresponse"]["refused_share"] == 0.4
    assert record["labels"]["item_14"] == "Service accessibility and inclusiveness"


def test_readme_says_what_it_is_and_how_near(tmp_path):
    text = run(OPTIONS, tmp_path)[3].read_text(encoding="utf-8")
    assert "not data of any survey" in text
    assert "600 questionnaires from 12 villages, 250 of them" in text
    assert "0.096 / 0.031" in text
    assert "sum to 1560, not 1287" in text
    assert "{" not in text


def test_same_seed_same_bytes(tmp_path):
    for first, second in zip(run(OPTIONS, tmp_path / "a"), run(OPTIONS, tmp_path / "b"), strict=True):
        assert first.read_bytes() == second.read_bytes()


def test_loss_that_happens_to_nobody_is_written_as_json(tmp_path):
    everybody = SurveyDesign(seed=9, n_questionnaires=100, complete=100, villages=3)
    record = json.loads(run(everybody, tmp_path)[2].read_text(encoding="utf-8"))
    assert record["nonresponse"]["answers_intercept"] is None


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written there"):
        run(OPTIONS, tmp_path / "file")


def _own_study(folder, grades=("low", "middle", "high"), empty=False):
    """Two options, items with names, the last one without printed correlations."""
    items, counts = ("trust", "age", "z"), ["table,row,column,printed,decimals"]
    counts += [f"9,n,{grade},100,0" for grade in grades]
    for item in items:
        for option, count in (("no", 0 if empty else 40), ("yes", 60)):
            counts += [f"9,{item}.{option},{grade},{count},0" for grade in grades]
    correlations = ["table,row,column,printed,decimals", "2,trust,trust,1,0", "2,age,trust,-.30,2", "2,age,age,1,0"]
    block = f'items = {list(items)}\noutcome = {list(grades)}\noptions = ["no", "yes"]\nexpected_nonzero_items = 1\n'
    (folder / "study.toml").write_text(OWN, "utf-8")
    (folder / "counts.csv").write_text("\n".join(counts), "utf-8")
    (folder / "correlations.csv").write_text("\n".join(correlations), "utf-8")
    (folder / "published.toml").write_text(f'[contingency]\ntable = "9"\n{block}', "utf-8")
    return folder


def test_a_users_own_study_is_simulated_too(tmp_path):
    options = SurveyDesign(seed=1, n_questionnaires=400, complete=300, villages=5, levels=3, coefficients={"z": 1.0})
    rows, _, truth, readme = run(options, tmp_path / "out", _own_study(tmp_path))
    frame = pd.read_csv(rows)
    assert list(frame)[3:] == ["item_trust", "item_age", "item_z"]
    assert set(frame["item_z"]) == {1, 2, 8, 9}
    latent = np.array(json.loads(truth.read_text(encoding="utf-8"))["latent_correlation"])
    assert latent[0, 1] < -0.3, "the correlation of scores with two options is nearer to 0 than the latent one"
    assert "at the design of\nA, T.\n" in readme.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("study", "levels", "message"),
    [
        ({"grades": ("a", "b", "c", "d")}, 8, "codes 8 and 9 stand for a missing answer"),
        ({"empty": True}, 3, "every option and grade of item trust needs a count above 0"),
    ],
)
def test_a_study_that_cannot_be_simulated_is_one_line(tmp_path, study, levels, message):
    options = SurveyDesign(seed=1, n_questionnaires=400, complete=300, villages=5, levels=levels, coefficients={})
    with pytest.raises(InputError, match=message):
        run(options, tmp_path / "out", _own_study(tmp_path, **study))
