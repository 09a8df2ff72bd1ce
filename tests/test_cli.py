"""The command line: formats, exit codes, and one line for input that cannot be used."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys

import pytest

from bayesgov.cli import main
from bayesgov.study import models_folder

VERDICTS = {"consistent", "inconsistent", "impossible", "undetermined", "not checkable"}
KEYS = ["id", "source", "kind", "reported", "recomputed", "low", "high", "verdict", "explanations", "note", "power"]


@pytest.fixture
def own_study(tmp_path):
    folder = tmp_path / "mine"
    shutil.copytree(models_folder() / "panel", folder)
    return folder


def _one_line(capsys):
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("bayesgov: ")
    assert captured.err.count("\n") == 1
    return captured.err


@pytest.mark.parametrize("study", ["survey", "panel"])
def test_audit_json_is_complete(study, capsys):
    assert main(["audit", study, "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert report["study"] == study
    for row in report["checks"]:
        assert list(row) == KEYS
        assert row["verdict"] in VERDICTS
        assert row["note"]
        assert all(set(entry) == {"name", "value", "resolves"} for entry in row["explanations"])
        assert row["power"] is None or 0 <= row["power"] <= 1
    ids = [row["id"] for row in report["checks"]]
    assert len(set(ids)) == len(ids)


def test_every_format_has_the_same_rows(capsys):
    main(["audit", "panel", "--format", "json"])
    rows = json.loads(capsys.readouterr().out)["checks"]
    main(["audit", "panel", "--format", "csv"])
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["id"] for row in table] == [row["id"] for row in rows]
    assert [row["verdict"] for row in table] == [row["verdict"] for row in rows]
    main(["audit", "panel", "--format", "md"])
    text = capsys.readouterr().out
    assert all(row["id"] in text for row in rows)


def test_audit_table_shows_every_flag(capsys):
    main(["audit", "panel", "--format", "json"])
    flagged = [
        row["id"]
        for row in json.loads(capsys.readouterr().out)["checks"]
        if row["verdict"] in ("inconsistent", "impossible")
    ]
    main(["audit", "panel"])
    shown = "".join(capsys.readouterr().out.split())
    assert flagged
    assert all(name in shown for name in flagged)


def test_audit_of_an_own_study(own_study, capsys):
    assert main(["audit", str(own_study), "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["checks"]) > 100


def test_help_without_a_command(capsys):
    assert main([]) == 0
    assert "reanalyse" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("file", "old", "new", "wanted"),
    [
        ("study.toml", 'key = "panel"\n', "", "'key' is missing"),
        ("tables/table1.csv", "0.30,2", "a third,2", "a printed number was wanted"),
        ("study.toml", '"2/{term}.estimate/{region}"', '"2/{term}.estimat/{region}"', "estimat"),
        ("study.toml", 'check = "sign_agrees"', 'check = "sign_agree"', "sign_agree"),
    ],
)
def test_bad_study_ends_with_one_line_and_code_2(own_study, capsys, file, old, new, wanted):
    path = own_study / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert main(["audit", str(own_study)]) == 2
    assert wanted in _one_line(capsys)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["audit", "nowhere"], "a study was wanted"),
        (["reanalyse", "panel", "panel"], "named once"),
        (["reanalyse", "panel", "--draws", "5"], "greater than or equal to 100"),
    ],
)
def test_bad_arguments_end_with_one_line_and_code_2(arguments, wanted, capsys):
    assert main(arguments) == 2
    assert wanted in _one_line(capsys)


def test_unusable_run_folder_is_refused_before_any_work(tmp_path, capsys):
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "thesis.docx").write_text("mine")
    assert main(["reanalyse", "panel", "--output", str(taken)]) == 2
    assert "no former run" in _one_line(capsys)
    assert [entry.name for entry in taken.iterdir()] == ["thesis.docx"]


@pytest.mark.skipif(os.geteuid() == 0 and not os.path.isdir("/proc/self"), reason="needs a folder nobody can write to")
def test_unwritable_place_is_refused(capsys):
    place = "/proc/self/run" if os.geteuid() == 0 else "/run-bayesgov"
    assert main(["reanalyse", "panel", "--output", place]) == 2
    assert "cannot be written" in _one_line(capsys)


def test_claims_that_name_nothing_are_refused_before_sampling(own_study, tmp_path, capsys):
    claims = own_study / "claims.toml"
    claims.write_text(claims.read_text().replace('id = "gdp-east"\n', "", 1))
    assert main(["reanalyse", str(own_study), "--output", str(tmp_path / "run")]) == 2
    assert "'claims.2.id' is missing" in _one_line(capsys)
    assert not (tmp_path / "run").exists()


def test_a_closed_pipe_is_no_error():
    command = f"{sys.executable} -m bayesgov.cli audit panel --format json | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
