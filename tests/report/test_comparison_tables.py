"""A comparison on the terminal and as files; ``bayesgov compare`` end to end on runs made by hand."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest
from comparison.comparison_samples import estimator, posterior
from rich.console import Console

from bayesgov import CumulativeSpec, compare
from bayesgov.cli import main
from bayesgov.fits import Check
from bayesgov.report.comparison_tables import comparison_tables, print_comparison, write_comparison
from bayesgov.report.headings import GLOSSARY
from bayesgov.runs import record

SLOW = Check("rhat_max", 1.2, 1.01, "fail", "beta[a]: run longer")


def _comparison():
    return compare(estimator([0.4, 0.0], [0.1, 0.02]), posterior([0.3, 0.0], [0.1, 0.02], checks=(SLOW,)), rope=0.1)


def _write_run(folder, *fits):
    (folder / "trees").mkdir(parents=True)
    (folder / "tables").mkdir()
    (folder / "provenance.json").write_text(json.dumps({}), "utf-8")
    for fit in fits:
        record(fit, spec=CumulativeSpec(formula="y ~ a"), data="rows.csv", checksum="abc", seed=1, n_obs=9)
        fit.tree.to_zarr(folder / "trees" / f"{fit.label}.zarr", consolidated=False)
    return folder


@pytest.fixture
def runs(tmp_path):
    """Two runs with one estimator's fit in both and a posterior under another prior in each."""
    return [
        _write_run(tmp_path / name, estimator([0.4, 0.0], [0.1, 0.02]), posterior([mean, 0.0], [0.1, 0.02]))
        for name, mean in (("wide", 0.38), ("narrow", 0.3))
    ]


def test_tables_hold_the_numbers_and_part_the_schools_probabilities():
    found = _comparison()
    tables = {table.key: table.frame for table in comparison_tables(found)}
    assert set(tables) == {
        f"comparison-{name}"
        for name in ("estimates", "concordance", "pairs", "tests", "rules", "bayes-factors", "checks")
    }
    for key, frame in tables.items():
        p_values = [name for name in frame if name.startswith("p_")]
        assert not (p_values and any("probability" in name for name in frame)), key
    pd.testing.assert_series_equal(tables["comparison-estimates"]["estimate"], found.estimates["estimate"])
    decided = [len(tables[f"comparison-{name}"]) for name in ("tests", "rules", "bayes-factors")]
    assert sum(decided) == len(found.decisions)
    plain = {"fit", "approach", "term", "rule", "note", "threshold", "value", *found.concordance().columns}
    for frame in tables.values():
        for name in frame:
            assert name in plain or name in GLOSSARY or name in ("lower", "upper"), f"{name} has no heading"


def test_files_are_written_and_an_earlier_comparison_is_replaced(tmp_path):
    folder = tmp_path / "out"
    (folder).mkdir()
    (folder / "comparison-scores.csv").write_text("old\n", "utf-8")
    paths = write_comparison(_comparison(), folder)
    assert not (folder / "comparison-scores.csv").exists()
    for path in paths:
        assert not pd.read_csv(path).empty
        assert path.with_suffix(".md").is_file()
        assert path.with_suffix(".tex").is_file()
    wide = pd.read_csv(folder / "comparison-concordance.csv").set_index("term")
    assert wide.loc["beta[a]", "p < 0.05"] == "effect"


def test_the_terminal_shows_estimates_decisions_and_what_failed():
    console = Console(file=io.StringIO(), width=200)
    print_comparison(_comparison(), console)
    text = console.file.getvalue()
    for words in ("beta[a]", "0.400 [0.204, 0.596]", "no effect", "ROPE", "rhat max", "beta[a]: run longer"):
        assert words in text


def test_many_fits_go_below_one_another():
    fits = [estimator([float(number)], [1.0], f"fit {number}") for number in range(1, 7)]
    console = Console(file=io.StringIO(), width=60)
    print_comparison(compare(*fits), console)
    text = console.file.getvalue()
    assert all(f"fit {number}" in text for number in range(1, 7))
    assert "No diagnostic failed." in text


def test_the_command_compares_runs(runs, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    out = tmp_path / "tables"
    assert main(["compare", *map(str, runs), "--rope", "0.1", "-o", str(out)]) == 0
    captured = capsys.readouterr()
    assert "narrow/frequentist: the same estimates as wide/frequentist, not compared twice" in captured.err
    assert "narrow/bayesian" in captured.out
    pairs = pd.read_csv(out / "comparison-pairs.csv")
    row = pairs.query("term == 'beta[a]' and first_fit == 'wide/frequentist' and second_fit == 'narrow/bayesian'")
    assert row["shrinkage"].item() == pytest.approx(1 - 0.3 / 0.4, abs=1e-3)
    assert np.isfinite(row["overlap"].item())


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["{folder}/none"], "a run folder was wanted"),
        (["{folder}/wide/trees/none.zarr"], "a fit's tree was wanted"),
        (["{folder}/wide/trees/bayesian.zarr"], "two fits or more; got 1"),
        (["{folder}/wide", "--level", "95"], "--level must lie between 0 and 1"),
        (["{folder}/wide", "--rope", "0"], "rope must be a positive number"),
        (["{folder}/wide", "-o", "{folder}"], "choose an empty folder"),
    ],
)
def test_what_cannot_be_compared_ends_with_one_line(runs, tmp_path, capsys, arguments, line):
    assert main(["compare", *(text.format(folder=tmp_path) for text in arguments)]) == 2
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 1
    assert error[0].startswith("bayesgov: ")
    assert line in error[0]
