"""Run folders read back: the same page from the same files, and one page of several runs."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report import report_samples
from report.outline import Outline

from bayesgov.cli import main
from bayesgov.errors import InputError
from bayesgov.fits import EstimatorFit, Fit, estimator_tree
from bayesgov.report.content import Document, ReportTable, Section, StudyPart
from bayesgov.report.document import write_run
from bayesgov.report.rebuild import report_runs
from bayesgov.report.stored import column_records, read_frame, read_run
from bayesgov.report.tables import text_table
from bayesgov.runs import record
from bayesgov.survey.spec import CumulativeSpec


@pytest.fixture
def run(run_folder: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(run_folder, tmp_path / "run"))


def test_a_run_gives_its_page_again_byte_for_byte(run: Path) -> None:
    before = (run / "report.html").read_bytes()
    (run / "report.html").unlink()
    assert main(["report", str(run)]) == 0
    assert (run / "report.html").read_bytes() == before


def test_a_fit_to_rows_gives_its_page_again(rows_run: Path, tmp_path: Path) -> None:
    page = report_runs([rows_run], tmp_path / "page.html").read_text("utf-8")
    base = f"{Path(rows_run).name}/"
    assert base in page
    stripped = page.replace(_way(page), "").replace("In the folders of its runs lie:", "In its folder lie:")
    assert stripped == (rows_run / "report.html").read_text("utf-8")


def _way(page: str) -> str:
    """What stands before figures/ in the page's links."""
    return page.split("<code>")[1].split("figures/", maxsplit=1)[0]


def test_what_is_read_is_what_was_written(run_folder: Path) -> None:
    written, read = report_samples.document(), read_run(run_folder).document
    for name in ("title", "lead", "references", "problems"):
        assert getattr(read, name) == getattr(written, name)
    assert dict(read.provenance) == dict(written.provenance)
    for before, after in zip(written.parts, read.parts, strict=True):
        for name in ("key", "title", "citation", "source", "verdicts", "audit", "diagnostics", "summary"):
            assert getattr(after, name) == getattr(before, name)
    tables = [block for block in written.blocks if isinstance(block, ReportTable)]
    again = [block for block in read.blocks if isinstance(block, ReportTable)]
    assert tables
    for before, after in zip(tables, again, strict=True):
        assert text_table(after.frame, after.digits) == text_table(before.frame, before.digits)


@pytest.mark.parametrize(
    "values",
    [
        [0.1 + 0.2, np.nan, np.inf, -1e-300],
        [1.0, 2.0, np.nan, 4e7],
        [3, -2, 12_345_678, 0],
        pd.array([1, None, 3, 4], dtype="Int64"),
        [True, False, True, True],
        [True, None, False, None],
        ["a, b", 'say "x"', "two\nlines", "1"],
        ["", "**", "", "*"],
        [None, "x", "", np.nan],
        ["<0.05", 0.05, 3, True],
        [None, None, np.nan, None],
        pd.Categorical(["b", "a", "b", "a"]),
    ],
    ids=lambda values: str(list(values)),
)
def test_a_column_reads_back_as_it_is_shown(values: list[object], tmp_path: Path) -> None:
    frame = pd.DataFrame({"before": ["w", "x", "y", "z"], "column": values})
    records = json.loads(json.dumps(column_records(frame), default=lambda value: value.item()))
    frame.to_csv(tmp_path / "t.csv", index=False, lineterminator="\n")
    assert text_table(read_frame(tmp_path / "t.csv", records), 3) == text_table(frame, 3)


@pytest.mark.parametrize("frame", [pd.DataFrame({"x": []}), pd.DataFrame({"x": [np.nan, 1.0]})], ids=["empty", "one"])
def test_a_frame_of_one_column_reads_back(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.to_csv(tmp_path / "t.csv", index=False, lineterminator="\n")
    assert text_table(read_frame(tmp_path / "t.csv", column_records(frame)), 3) == text_table(frame, 3)


def _small(title: str, value: float) -> Document:
    table = ReportTable("effects", "Effects", "One row.", pd.DataFrame({"term": ["x"], "estimate": [value]}))
    part = StudyPart("rows", title, f"{title}: y ~ x", "rows", (), None, (Section("one", "One", (table,)),), ())
    return Document(title, "Lead.", (part,), (Section("shared", "Shared", ()),), (), {"seed": "1"}, ())


def _fit(value: float, terms: tuple[str, ...] = ("beta[x]",)) -> Fit:
    tree = estimator_tree(terms, np.full(len(terms), value), np.full(len(terms), 0.1))
    fit = EstimatorFit("frequentist", tree, ())
    return record(fit, spec=CumulativeSpec(formula="y ~ x"), data="d.csv", checksum="ab", seed=1, n_obs=10)


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    """Two runs of one title, with fits that share a term."""
    folders = [tmp_path / "runs" / name for name in ("plain", "with space")]
    for folder, value in zip(folders, (0.25, 0.5), strict=True):
        write_run(folder, _small("Wine", value), {"frequentist": _fit(value).tree}, {"spec.toml": ""})
    return folders


def test_several_runs_on_one_page(two: list[Path], tmp_path: Path) -> None:
    page = report_runs(two, tmp_path / "together")
    assert page == tmp_path / "together" / "report.html"
    text = page.read_text("utf-8")
    outline = Outline(text)
    ids = outline.values("id")
    assert len(ids) == len(set(ids))
    links = outline.values("href")
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    files = [link for link in links if not link.startswith(("#", "https:", "data:"))]
    assert [name for name in files if not (page.parent / name.replace("%20", " ")).is_file()] == []
    assert {"plain-table-effects", "with-space-table-effects", "comparison-table-comparison-estimates"} <= set(ids)
    assert "Wine (plain)" in text
    assert "Wine (with-space)" in text
    assert text.count("<h3>Shared</h3>") == 1


def test_the_same_runs_give_the_same_bytes(two: list[Path], tmp_path: Path) -> None:
    pages = [report_runs(two, tmp_path / name / "p.html") for name in ("a", "b")]
    assert pages[0].read_bytes() == pages[1].read_bytes()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["p-comparison", "p.html"]


def test_runs_without_a_term_in_common_are_not_compared(two: list[Path], tmp_path: Path) -> None:
    write_run(two[1], _small("Other", 1.0), {"frequentist": _fit(1.0, ("beta[z]",)).tree}, {})
    said: list[str] = []
    text = report_runs(two, tmp_path / "p.html", said.append).read_text("utf-8")
    assert "comparison-" not in text
    assert len(said) == 1
    assert "no term in common" in said[0]


def test_what_one_run_alone_has_twice_is_not_compared(two: list[Path], tmp_path: Path) -> None:
    """Two fits of one run share z; only x is in both runs."""
    own = {name: _fit(value, ("beta[x]", "beta[z]")).tree for name, value in (("first", 0.1), ("second", 0.2))}
    write_run(two[1], _small("Wine", 0.5), own, {})
    report_runs(two, tmp_path / "p.html")
    frame = pd.read_csv(tmp_path / "p-comparison" / "tables" / "comparison-estimates.csv")
    assert set(frame["term"]) == {"beta[x]"}
    assert len(frame) == 3


def test_more_fits_than_can_be_overlaid(tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(4)]
    for number, folder in enumerate(folders):
        trees = {name: _fit(0.1 * number).tree for name in ("one", "other")}
        write_run(folder, _small(f"Run {number}", 1.0), trees, {})
    report_runs(folders, tmp_path / "p.html")
    drawn = pd.read_csv(tmp_path / "p-comparison" / "figures" / "comparison-forest.csv")
    assert list(drawn) == ["group", "label", "series", "estimate", "lower", "upper"]
    assert len(drawn) == 8


def test_what_is_no_run_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "a run folder was wanted" in message


def test_a_run_is_named_once(run: Path) -> None:
    with pytest.raises(InputError, match="named once"):
        report_runs([run, run / "."])


def test_another_runs_report_is_not_overwritten(two: list[Path]) -> None:
    with pytest.raises(InputError, match="report of its own"):
        report_runs(two, two[0])


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("content.json", lambda text: text[: len(text) // 2], "damaged run"),
        ("content.json", lambda text: text.replace('"format": 1', '"format": 99'), "format 99"),
        ("content.json", lambda text: text.replace('"type": "paragraph"', '"type": "poem"'), "'poem'"),
        ("verdicts.json", lambda text: text.replace("does not hold", "maybe"), "damaged run"),
        ("tables/survey-screening.csv", lambda text: text.replace("item,", "thing,", 1), "other columns"),
        ("tables/survey-screening.csv", lambda text: text.replace(",4,", ",four,", 1), "damaged run"),
        ("figures/survey-v.svg", None, "survey-v.svg cannot be read"),
    ],
)
def test_a_damaged_run_is_one_line(run: Path, name: str, change, message: str) -> None:
    path = run / name
    if change is None:
        path.unlink()
    else:
        changed = change(path.read_text("utf-8"))
        assert changed != path.read_text("utf-8")
        path.write_text(changed, encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        read_run(run)
    assert "\n" not in str(caught.value)


def test_a_page_that_cannot_be_drawn_keeps_the_former(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (run / "report.html").read_bytes()

    def broken(*_: object) -> str:
        raise RuntimeError("on the way")

    monkeypatch.setattr("bayesgov.report.rebuild.render_page", broken)
    with pytest.raises(RuntimeError):
        report_runs([run])
    assert (run / "report.html").read_bytes() == before


def test_runs_with_claims_on_rows_show_their_verdicts(tmp_path: Path) -> None:
    document = _small("Rows", 1.0)
    part = dataclasses.replace(document.parts[0], verdicts=report_samples.verdicts())
    page = write_run(tmp_path / "run", dataclasses.replace(document, parts=(part,)), {}, {}).read_text("utf-8")
    assert 'id="claim-rows-all-significant"' in page
    assert "hold in the frequentist analysis" in page
    assert "Audit" not in page.split('id="verdicts"')[1].split("</dl>")[0]
