"""The run folder: complete, reproducible, and never half-written."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr
from report import report_samples

from bayesgov.errors import InputError
from bayesgov.report import document as writer
from bayesgov.report.content import Document, Section
from bayesgov.report.document import check_writable, write_run


@pytest.fixture
def small() -> Document:
    """A document without figures, quick to write."""
    return Document("Title", "Lead.", (), (), (), {"seed": "1"}, ())


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_run_is_complete(run_folder: Path) -> None:
    names = set(_contents(run_folder))
    assert {"report.html", "provenance.json", "verdicts.json", "verdicts-survey.csv", "audit-panel.json"} <= names
    assert {f"figures/panel-forest.{ending}" for ending in ("svg", "png", "csv")} <= names
    assert {f"tables/survey-screening.{ending}" for ending in ("csv", "md", "tex")} <= names
    assert "spec/survey.toml" in names


def test_the_page_is_below_the_size_limit(run_folder: Path) -> None:
    assert (run_folder / "report.html").stat().st_size < 5_000_000


def test_a_tree_reads_back(run_folder: Path, tree: xr.DataTree) -> None:
    read = xr.open_datatree(run_folder / "trees/survey-horseshoe.zarr", engine="zarr", consolidated=False)
    xr.testing.assert_equal(
        read["posterior"].to_dataset()["beta"].drop_vars("term"), tree["posterior/beta"].drop_vars("term")
    )
    assert read["posterior/term"].to_numpy().tolist() == ["a", "bb", "c"]
    read.close()


def test_audit_and_verdicts_are_data(run_folder: Path) -> None:
    audit = json.loads((run_folder / "audit-survey.json").read_text(encoding="utf-8"))
    assert audit["study"] == "survey"
    keys = ["id", "source", "kind", "reported", "recomputed", "low", "high", "verdict", "explanations", "note", "power"]
    assert list(audit["checks"][0]) == keys
    verdicts = json.loads((run_folder / "verdicts.json").read_text(encoding="utf-8"))
    assert verdicts["survey"][0]["posterior"]["probability"] == 0.41
    frame = pd.read_csv(run_folder / "verdicts-survey.csv")
    assert frame["frequentist"].tolist() == ["does not hold", "undetermined", "holds"]


def test_the_same_input_gives_the_same_bytes(run_folder: Path, tmp_path: Path, tree: xr.DataTree) -> None:
    again = tmp_path / "again"
    write_run(again, report_samples.document(), {"survey, horseshoe": tree}, {"survey.toml": "seed = 1\n"})
    assert _contents(again) == _contents(run_folder)


def test_a_failure_leaves_nothing(small: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "render_page", _broken)
    with pytest.raises(RuntimeError, match="on the way"):
        write_run(tmp_path / "run", small, {}, {})
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_the_former_run(small: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path / "run", small, {}, {})
    before = _contents(tmp_path)
    monkeypatch.setattr(writer, "render_page", _broken)
    with pytest.raises(RuntimeError):
        write_run(tmp_path / "run", small, {}, {})
    assert _contents(tmp_path) == before


def _broken(*_: object) -> str:
    raise RuntimeError("on the way")


def test_a_former_run_is_replaced_whole(small: Document, tmp_path: Path) -> None:
    write_run(tmp_path / "run", small, {}, {"old.toml": ""})
    report = write_run(tmp_path / "run", small, {}, {"new.toml": ""})
    assert report == tmp_path / "run" / "report.html"
    assert [path.name for path in (tmp_path / "run" / "spec").iterdir()] == ["new.toml"]
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_missing_parents_are_made(small: Document, tmp_path: Path) -> None:
    assert write_run(tmp_path / "a" / "b", small, {}, {}).is_file()


def test_a_foreign_folder_is_not_touched(small: Document, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="no former run"):
        write_run(tmp_path, small, {}, {})
    assert _contents(tmp_path) == {"thesis.txt": b"mine"}


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="this is a file"):
        check_writable(path)
    with pytest.raises(InputError, match="cannot be written"):
        check_writable(path / "below")


def test_a_place_that_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**_: object) -> str:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(writer.tempfile, "mkdtemp", refused)
    with pytest.raises(InputError, match=r"run: cannot be written \(.*: Permission denied\)"):
        check_writable(tmp_path / "run")


def test_a_full_disk_is_one_line(small: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writer, "render_page", full)
    with pytest.raises(InputError, match="No space left on device"):
        write_run(tmp_path / "run", small, {}, {})
    assert list(tmp_path.iterdir()) == []


def test_checking_leaves_nothing_behind(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "run")
    assert list(tmp_path.iterdir()) == []


def test_two_figures_cannot_share_a_file(small: Document, tmp_path: Path) -> None:
    figure = report_samples.panel_part(failing=False).sections[0].blocks[2]
    twice = Document(small.title, small.lead, (), (Section("a", "A", (figure, figure)),), (), small.provenance, ())
    with pytest.raises(ValueError, match="'panel-audit'"):
        write_run(tmp_path / "run", twice, {}, {})
