"""The main job, end to end, as a newcomer runs it: one command, one run folder."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr

import bayesgov

CLAIMS = {"survey", "panel"}
WITHIN_SECONDS = 240  # between one and two minutes on two free cores, as the README says; other tests run beside it


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("main-job") / "run"
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "bayesgov.cli", "reanalyse", "--output", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder, done, time.perf_counter() - start


def test_ends_in_time_and_names_the_report(run):
    folder, done, seconds = run
    assert done.stdout.strip() == str(folder / "report.html")
    assert seconds < WITHIN_SECONDS
    assert "no diagnostic failed" in done.stderr


def test_report_opens_offline_and_leads_with_the_verdicts(run):
    page = (run[0] / "report.html").read_text(encoding="utf-8")
    assert len(page) < 5e6
    assert "<script" not in page
    assert page.index("Problems and failing diagnostics") < page.index("Verdicts") < page.index("Methods")
    for word in ("posterior", "credible", "confidence", "composite likelihood", "printed numbers"):
        assert word in page


def test_every_figure_and_table_comes_with_its_data(run):
    figures = run[0] / "figures"
    stems = {path.stem for path in figures.glob("*.svg")}
    assert len(stems) >= 15
    for stem in stems:
        assert (figures / f"{stem}.png").stat().st_size > 5_000
        assert not pd.read_csv(figures / f"{stem}.csv").empty
    tables = run[0] / "tables"
    for path in tables.glob("*.csv"):
        assert path.with_suffix(".md").is_file()
        assert path.with_suffix(".tex").is_file()


def test_every_markov_chain_passes(run):
    worst = {}
    for path in sorted((run[0] / "trees").glob("*.zarr")):
        with xr.open_datatree(path, engine="zarr", consolidated=False) as tree:
            if tree.attrs.get("bayesgov_kind") == "mcmc":
                worst[path.stem] = int(tree["sample_stats"]["diverging"].sum())
    assert len(worst) >= 9
    assert not any(worst.values())


def test_verdicts_carry_all_three_sources(run):
    verdicts = json.loads((run[0] / "verdicts.json").read_text())
    assert set(verdicts) == CLAIMS
    for claims in verdicts.values():
        assert len(claims) >= 8
        for claim in claims:
            for source in ("printed", "frequentist", "posterior"):
                assert claim[source]["answer"] in {"holds", "does not hold", "undetermined", "not checkable"}
                assert claim[source]["text"]
        assert any(claim["posterior"]["probability"] is not None for claim in claims)


@pytest.mark.parametrize(
    ("labels", "variable"),
    [
        (("contingency-maximum-likelihood", "contingency-normal", "contingency-horseshoe"), "option_effect"),
        (("coefficients-estimates-wald", "coefficients-horseshoe-wald"), "beta"),
        (("regions-no-pooling-estimate", "regions-random-effects-estimate", "regions-hierarchical-estimate"), "theta"),
    ],
)
def test_fits_of_printed_tables_compare_as_any_others(run, labels, variable):
    study = "panel" if variable == "theta" else "survey"
    found = bayesgov.compare(
        *(bayesgov.load_fit(run[0] / "trees" / f"{study}-{label}.zarr") for label in labels), rope=0.1
    )
    assert found.fits == labels
    effects = [term for term in found.terms if term.startswith(f"{variable}[")]
    assert len(effects) >= 10
    assert set(effects) <= set(found.decisions["term"])
    assert {"p < 0.05", "TOST p < 0.05", "P(direction) > 0.975", "ROPE"} <= set(found.decisions["rule"])
    assert found.checks.set_index("check").loc["same_observations", "status"] == "pass"
    # shrunken or not, the effect that a test is surest of has one sign to most of every posterior
    surest = found.decisions.sort_values("p_value")["term"].iloc[0]
    assert (found.decisions.set_index("term").loc[surest, "probability_of_direction"].dropna() > 0.8).all()


def test_readme_quotes_this_run(run):
    """The claims that the README shows are rulings of the run, word for word."""
    verdicts = json.loads((run[0] / "verdicts.json").read_text())
    printed = {
        tuple(
            f"**{claim[source]['answer']}**: {claim[source]['text']}"
            for source in ("printed", "frequentist", "posterior")
        )
        for claims in verdicts.values()
        for claim in claims
    }
    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
    quoted = re.findall(r"^\| “.+?” ?(?:\([^|]*\) )?\| (.+) \|$", readme, re.MULTILINE)
    assert len(quoted) == 4
    assert {tuple(row.split(" | ")) for row in quoted} <= printed


def test_provenance_names_versions_seeds_and_checksums(run):
    provenance = json.loads((run[0] / "provenance.json").read_text())
    assert {"bayesgov", "pymc", "arviz", "nutpie", "python", "command"} <= set(provenance)
    assert any("seed" in key for key in provenance)
    assert any("checksum" in key for key in provenance)


@pytest.mark.slow
def test_same_seed_same_numbers(run, tmp_path):
    again = tmp_path / "again"
    subprocess.run(
        [sys.executable, "-m", "bayesgov.cli", "reanalyse", "--output", str(again)], check=True, capture_output=True
    )
    for path in sorted((run[0] / "tables").glob("*.csv")):
        assert path.read_bytes() == (again / "tables" / path.name).read_bytes(), path.name
    for path in sorted((run[0] / "figures").glob("*.svg")):
        assert path.read_bytes() == (again / "figures" / path.name).read_bytes(), path.name
