"""``bayesgov fit``: a whole run folder, exit codes, and one line for what cannot be used."""

from __future__ import annotations

import json
import os
import re
import shutil

import pandas as pd
import pytest
from report import panel_report_samples

from bayesgov.cli import main
from bayesgov.study import models_folder
from bayesgov.survey import analysis

SHORT = "\n[sampling]\nseed = 1\nchains = 2\ndraws = 100\ntune = 100\n"


@pytest.fixture
def spec(tmp_path):
    """The wine spec with few draws, without a Lasso, and its data beside it."""
    folder = models_folder() / "survey"
    shutil.copytree(folder / "data", tmp_path / "data")
    path = tmp_path / "wine.toml"
    path.write_text('lasso = "none"\n' + (folder / "wine.toml").read_text("utf-8") + SHORT, "utf-8")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One run of both schools that the tests read, and what the terminal got."""
    place = tmp_path_factory.mktemp("fit")
    folder = models_folder() / "survey"
    shutil.copytree(folder / "data", place / "data")
    path = place / "wine.toml"
    path.write_text((folder / "wine.toml").read_text("utf-8") + SHORT, "utf-8")
    out = place / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "200")
        code = main(["fit", str(path), "-o", str(out)])
    assert code == 0
    return out


def _one_line(capsys):
    captured = capsys.readouterr()
    assert captured.out == ""
    refusal = captured.err.splitlines()[-1]
    assert refusal.startswith("bayesgov: ")
    assert "Traceback" not in captured.err
    return refusal


def test_the_run_folder_is_whole(run):
    assert {path.name for path in run.iterdir()} == {
        "content.json",
        "figures",
        "methods.md",
        "provenance.json",
        "references.bib",
        "report.html",
        "spec",
        "tables",
        "trees",
    }
    assert {path.name for path in (run / "trees").iterdir()} == {"frequentist.zarr", "bayesian.zarr"}
    assert {path.name for path in (run / "spec").iterdir()} == {"wine.toml", "used.json"}
    assert json.loads((run / "spec" / "used.json").read_text("utf-8"))["sampling"]["draws"] == 100
    facts = json.loads((run / "provenance.json").read_text("utf-8"))
    assert facts["seed"] == "1"
    assert len(facts["checksum of wine.csv (SHA-256)"]) == 64
    for figure in (run / "figures").glob("*.svg"):
        assert figure.with_suffix(".png").is_file()
        assert not pd.read_csv(figure.with_suffix(".csv")).empty


def test_every_table_that_applies_is_there(run):
    names = {path.stem for path in (run / "tables").glob("*.csv")}
    wanted = (
        "codebook frequentist-estimates groups posterior-coefficients posterior-ratios equivalence likelihood-tests"
    )
    wanted += (
        " profile-intervals effects posterior-effects lasso-selected selection-frequency projection parallel-lines"
    )
    wanted += " brant models binary-logits screening vif scores power-scaling prior-shares fit-statistics convergence"
    assert set(wanted.split()) <= names
    assert "row-loss" not in names  # no row is lost


def test_p_values_and_probabilities_never_share_a_table(run):
    for path in (run / "tables").glob("*.csv"):
        columns = pd.read_csv(path, nrows=0).columns
        p_values = [name for name in columns if re.match(r"p_", name)]
        assert not (p_values and any("probability" in name for name in columns)), path.name


def test_the_test_of_the_groups_is_that_of_the_mixed_model(run):
    groups = pd.read_csv(run / "tables" / "groups.csv").set_index("approach")
    # R: ordinal::clmm with and without (1|judge): sd 1.28 by Laplace; here 10-point quadrature
    assert groups.loc["frequentist", "estimate"] == pytest.approx(1.13, abs=0.2)
    statistic = 2 * (86.49 - 81.53)  # log-likelihoods without and with judges
    assert groups.loc["frequentist", "likelihood_ratio"] == pytest.approx(statistic, abs=0.05)
    assert pd.isna(groups.loc["frequentist", "lower"])
    assert groups.loc["bayesian", "lower"] > 0


def test_the_report_says_what_it_is_of(run):
    page = (run / "report.html").read_text("utf-8")
    assert "Data used: rows of your own: wine.csv" in re.sub(r"<[^>]+>", "", page)
    assert "No step crashed." in page
    for label in ("temperature at crushing the grapes", "contact of juice and skins"):
        assert label in page
    headers = re.findall(r"<th[^>]*>(.*?)</th>", page, re.DOTALL)
    assert len(headers) > 50
    assert not [text for text in headers if re.search(r"[a-z]_[a-z]", text)], "a column without a heading"


def test_progress_off_a_terminal_is_one_line_a_step(spec, capsys, tmp_path):
    assert main(["fit", str(spec), "-o", str(tmp_path / "out"), "--approach", "bayesian"]) == 0
    captured = capsys.readouterr()
    assert captured.out.strip() == str(tmp_path / "out" / "report.html")
    lines = [line for line in captured.err.splitlines() if line.startswith("wine: ")]
    assert len(lines) == len(set(lines)) < 15
    assert sum("sampling" in line for line in lines) == 1
    tables = {path.stem for path in (tmp_path / "out" / "tables").glob("*.csv")}
    assert "posterior-coefficients" in tables
    assert not tables & {"frequentist-estimates", "brant", "lasso-selected"}


def test_one_school_alone(spec, capsys, tmp_path):
    out = tmp_path / "out"
    assert main(["fit", str(spec), "-o", str(out), "--approach", "frequentist"]) == 0
    assert [path.name for path in (out / "trees").iterdir()] == ["frequentist.zarr"]
    assert "credible" not in (out / "tables" / "groups.csv").read_text("utf-8")


def test_a_step_that_crashes_is_reported_and_the_others_run(spec, capsys, tmp_path, monkeypatch):
    def broken(*_arguments, **_options):
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr("bayesgov.survey.frequentist.pipeline.brant", broken)
    out = tmp_path / "out"
    assert main(["fit", str(spec), "-o", str(out), "--approach", "frequentist"]) == 1
    line = "Brant's test crashed: ZeroDivisionError: on purpose"
    assert line in capsys.readouterr().err
    assert "on purpose" in (out / "report.html").read_text("utf-8")
    assert (out / "tables" / "parallel-lines.csv").is_file()
    assert not (out / "tables" / "brant.csv").exists()


def test_a_fit_that_crashes_leaves_the_other_school(spec, capsys, tmp_path, monkeypatch):
    def broken(*_arguments, **_options):
        raise RuntimeError("on purpose")

    monkeypatch.setattr(analysis, "fit_bayesian", broken)
    out = tmp_path / "out"
    assert main(["fit", str(spec), "-o", str(out)]) == 1
    assert "posterior crashed: RuntimeError: on purpose" in capsys.readouterr().err
    assert [path.name for path in (out / "trees").iterdir()] == ["frequentist.zarr"]


def _changed(spec, old, new):
    text = spec.read_text("utf-8")
    assert old in text
    spec.write_text(text.replace(old, new), "utf-8")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("rating ~ temp", "rating ~ tmp", ("tmp", "temp")),
        ('label = "Bitterness', 'lable = "Bitterness', ("lable",)),
        ("data/wine.csv", "data/vine.csv", ("vine.csv",)),
        ("data/wine.csv", "wine.toml", ("wine.toml",)),
        ('"1", "2", "3", "4", "5"', '"1", "2", "3", "4"', ("5",)),
        ("rating ~ temp", "rating ~~ temp", ("rating ~~ temp",)),
        ("draws = 100", "draws = 0", ("draws",)),
        ('data = "data/wine.csv"', "", ("--data",)),
    ],
)
def test_what_cannot_be_used_ends_with_one_line(spec, capsys, tmp_path, old, new, words):
    _changed(spec, old, new)
    assert main(["fit", str(spec), "-o", str(tmp_path / "out")]) == 2
    line = _one_line(capsys)
    assert all(word in line for word in words), line
    assert not (tmp_path / "out").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_spec_that_is_not_there(capsys, tmp_path):
    assert main(["fit", str(tmp_path / "none.toml"), "-o", str(tmp_path / "out")]) == 2
    assert "none.toml" in _one_line(capsys)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_cannot_be_written(spec, capsys, tmp_path):
    place = tmp_path / "locked"
    place.mkdir(mode=0o500)
    assert main(["fit", str(spec), "-o", str(place / "out")]) == 2
    assert "cannot be written" in _one_line(capsys)


def test_a_folder_of_other_things_is_left_alone(spec, capsys, tmp_path):
    assert main(["fit", str(spec), "-o", str(tmp_path / "data")]) == 2
    assert "no former run" in _one_line(capsys)
    assert (tmp_path / "data" / "wine.csv").is_file()


def test_a_former_run_is_replaced_whole(spec, tmp_path):
    out = tmp_path / "out"
    (out / "tables").mkdir(parents=True)
    (out / "provenance.json").write_text("{}", "utf-8")
    (out / "tables" / "left.csv").write_text("over\n", "utf-8")
    assert main(["fit", str(spec), "-o", str(out), "--approach", "frequentist"]) == 0
    assert (out / "report.html").is_file()
    assert not (out / "tables" / "left.csv").exists()


PANEL = """
label = "Services of made-up cities"
outcome = "level"
unit = "city"
time = "year"
region = "region"
predictors = ["digital"]
indices = "system.toml"
data = "panel.csv"

[interpolate]
ends = "carry"

[gmm]
predetermined = ["digital"]
collapse = true
"""
SYSTEM = """
[dimensions]
infrastructure = ["roads", "water"]
health = ["beds", "doctors", "waste"]
"""


@pytest.fixture
def panel(tmp_path):
    """A panel's spec, its system of indices and its rows in one folder."""
    panel_report_samples.rows().to_csv(tmp_path / "panel.csv", index=False)
    (tmp_path / "system.toml").write_text(SYSTEM, "utf-8")
    path = tmp_path / "services.toml"
    path.write_text(PANEL, "utf-8")
    return path


def test_a_panel_is_fitted_by_the_same_command(panel, capsys, tmp_path, monkeypatch):
    def broken(*_arguments, **_options):
        raise RuntimeError("on purpose [all]")

    monkeypatch.setattr("bayesgov.panel.frequentist.pipeline.instrument_multiverse", broken)
    out = tmp_path / "out"
    assert main(["fit", str(panel), "-o", str(out), "--approach", "frequentist", "--seed", "5"]) == 1
    captured = capsys.readouterr()
    assert captured.out.strip() == str(out / "report.html")
    assert "300 of 360 rows are in the model: 60 units in 2 regions" in captured.err
    assert "instrument multiverse crashed: RuntimeError: on purpose [all]" in captured.err  # brackets are no markup
    assert [path.name for path in (out / "trees").iterdir()] == ["frequentist.zarr"]
    assert (out / "spec" / "system.toml").read_text("utf-8") == SYSTEM
    used = json.loads((out / "spec" / "used.json").read_text("utf-8"))
    assert used["sampling"]["seed"] == 5
    assert used["indices"]["dimensions"]["health"] == ["beds", "doctors", "waste"]
    tables = {path.stem for path in (out / "tables").glob("*.csv")}
    assert {"gmm", "gmm-tests", "index-weights", "convergence-confidence", "linear", "long-run-gmm"} <= tables
    assert not tables & {"persistence", "residual-checks", "priors", "convergence-credible", "multiverse"}
    assert "credible" not in (out / "tables" / "variation.csv").read_text("utf-8")
    page = re.sub(r"<[^>]+>", "", (out / "report.html").read_text("utf-8"))
    assert "system GMM" in page
    assert "No-U-Turn" not in page


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"system.toml"', '"systems.toml"', ("systems.toml",)),
        ('outcome = "level"', 'outcome = "services"', ("services",)),
        ('unit = "city"', 'unit = "town"', ("town",)),
        ('time = "year"', "", ("time",)),
        ('predictors = ["digital"]', 'predictors = ["digits"]', ("digits",)),
    ],
)
def test_what_a_panel_cannot_use_ends_with_one_line(panel, capsys, tmp_path, old, new, words):
    _changed(panel, old, new)
    assert main(["fit", str(panel), "-o", str(tmp_path / "out")]) == 2
    line = _one_line(capsys)
    assert all(word in line for word in words), line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("text", "got"), [('[dimensions]\na = ["b"]\n', "dimensions"), ("", "an empty file")])
def test_a_spec_of_neither_kind(capsys, tmp_path, text, got):
    path = tmp_path / "other.toml"
    path.write_text(text, "utf-8")
    assert main(["fit", str(path), "-o", str(tmp_path / "out")]) == 2
    line = _one_line(capsys)
    assert all(word in line for word in ("other.toml", "formula", "unit and time", got)), line
