"""The README tells the truth: its commands, its audit counts and its Python lines."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bayesgov.cli import main
from bayesgov.published.audit import audit
from bayesgov.study import load_study

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
VERDICTS = ("inconsistent", "impossible", "undetermined", "not checkable", "consistent")


@pytest.mark.parametrize("study", ["survey", "panel"])
def test_audit_counts(study):
    report = audit(load_study(study), power=False)
    found = [sum(row.verdict == verdict for row in report.rows) for verdict in VERDICTS]
    row = re.search(rf"^\| {study} \|(.+)\|$", README, re.MULTILINE)
    assert row is not None
    assert [int(cell) for cell in row[1].split("|")] == [len(report.rows), *found]


def test_commands_are_the_ones_that_continuous_integration_runs():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = re.findall(r"^```\n(python -m pip install uv && .+)\n```$", README, re.MULTILINE)
    assert len(commands) == 2
    assert commands[1].partition(" && ")[2] in script


def test_names_used_in_the_python_lines_exist(capsys):
    import bayesgov

    for name in set(re.findall(r"bayesgov\.(\w+)\(", README)):
        assert name in bayesgov.__all__
    assert main([]) == 0
    listed = capsys.readouterr().out
    for command in set(re.findall(r"`bayesgov (\w+)", README)):
        assert command in listed


def test_python_lines_run_as_a_script(tmp_path):
    lines = re.search(r"```python\n(.+?)```", README, re.DOTALL)
    assert lines is not None
    script = tmp_path / "readme.py"
    script.write_text(lines[1])
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    printed = re.search(r"^prints\n\n```text\n(.+?)\n```", README, re.DOTALL | re.MULTILINE)
    assert printed is not None
    assert [line.rstrip() for line in done.stdout.splitlines()] == printed[1].splitlines()


def test_picture_is_there():
    picture = re.search(r"!\[[^\]]{40,}\]\((\S+)\)", README)
    assert picture is not None
    assert (ROOT / picture[1]).stat().st_size > 10_000
