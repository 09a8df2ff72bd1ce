"""A user's own study, other than the shipped ones in everything: one block each, labels that are no numbers."""

import csv

import numpy as np
import pytest

from bayesgov.cli import main
from bayesgov.published.reanalysis import reanalyse
from bayesgov.report.assemble import document, trees
from bayesgov.report.document import write_run
from bayesgov.spec import read_published_spec
from bayesgov.study import load_study

HEAD = 'key = "mine"\nsummary = "s"\ninference = "classical"\n[citation]\ntitle = "T"\nauthors = ["A"]\n'
SAMPLING = "[sampling]\nseed = 1\nchains = 2\ndraws = 300\ntune = 600\n"

LEVELS = ("never", "rarely", "often", "always")
ITEMS = ("trust in mayor", "age-group", "z")
REGIONS = ("north sea", "south-east", "w", "x")


def _counts(rng):
    return [
        ("T9", f"{item}.{o}", k, f"{rng.integers(20, 90)}") for item in ITEMS for o in ("yes", "no") for k in LEVELS
    ]


def _estimates(rng):
    """Standard errors of 0.2; in the first region the lagged outcome's coefficient is exactly one."""
    rows = []
    for term in ("internet", "internet_l", "y_l"):
        for region in REGIONS:
            b = 1.0 if (term, region) == ("y_l", REGIONS[0]) else 0.1 + abs(rng.normal(0.3, 0.2))
            rows += [("T9", f"{term}.estimate", region, f"{b:.3f}"), ("T9", f"{term}.t", region, f"{b / 0.2:.2f}")]
    return rows


def _coefficients(_rng):
    """Intervals only, and the limits of the first row exchanged."""
    rows = []
    for place, name in enumerate(("income", "age", "sex")):
        b = 0.5 + 0.3 * place
        lower, upper = (b + 0.4, b - 0.4) if place == 0 else (b - 0.4, b + 0.4)
        rows += [("T9", name, *cell) for cell in (("estimate", f"{b:.2f}"), ("lower", f"{lower:.2f}"))]
        rows.append(("T9", name, "upper", f"{upper:.2f}"))
    return rows


BLOCKS = {
    "contingency": (
        _counts,
        f'items = {list(ITEMS)}\noutcome = {list(LEVELS)}\noptions = ["yes", "no"]\nexpected_nonzero_items = 1\n',
    ),
    "regions": (
        _estimates,
        f'terms = ["internet", "internet_l", "y_l"]\nregions = {list(REGIONS)}\nlagged_outcome = "y_l"\n'
        'effect = "internet"\neffect_lag = "internet_l"\n',
    ),
    "coefficients": (_coefficients, 'rows = ["income", "age", "sex"]\nreadings = ["interval"]\nexpected_nonzero = 1\n'),
}


def _write(folder, block):
    make, spec = BLOCKS[block]
    folder.mkdir()
    with (folder / "t.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("table", "row", "column", "printed", "decimals"))
        writer.writerows((*row, len(row[3].partition(".")[2])) for row in make(np.random.default_rng(1)))
    (folder / "study.toml").write_text(f'{HEAD}[[tables]]\nid = "T9"\nfile = "t.csv"\ncaption = "c"\n', "utf-8")
    (folder / "published.toml").write_text(f'[{block}]\ntable = "T9"\n{spec}{SAMPLING}', "utf-8")
    return folder


@pytest.mark.parametrize("block", BLOCKS)
def test_one_block_without_audit_and_claims_gives_a_whole_report(block, tmp_path):
    study = load_study(_write(tmp_path / "mine", block))
    result = reanalyse(study, read_published_spec(study.folder))
    assert result.problems == ()
    report = write_run(tmp_path / "run", document([result], {"seed": "1"}), trees([result]), {})
    page = report.read_text(encoding="utf-8")
    # what the prose says must come from the spec, never from the shipped studies
    for foreign in (
        "16 tables",
        "1/16",
        "Seven regions",
        "seven regions",
        "igital government",
        "A level",
        "three times",
    ):
        assert foreign not in page
    if block == "contingency":
        assert "The 3 tables count the same respondents" in page
        assert "1/3" in page
    if block == "regions":
        assert "Long-run effect of internet by region" in page
        first = result.tables["regions/long_run"].query("region == 'north sea' and series == 'delta method'")
        assert first["estimate"].isna().all()
        assert not first["valid"].any()


@pytest.mark.parametrize(
    ("block", "old", "new", "wanted"),
    [
        ("contingency", "'z'", "'zz'", "no cell matches 'T9/zz.yes/never'"),
        ("regions", "'w'", "'ww'", "no cell matches 'T9/internet.estimate/ww'"),
        ("coefficients", '"sex"', '"race"', "no cell matches 'T9/race/"),
        ("coefficients", "nonzero = 1", "nonzero = 9", "expected_nonzero should be below the number of rows, 3"),
    ],
)
def test_a_spec_that_does_not_fit_its_table_ends_with_one_line_and_code_2(block, old, new, wanted, tmp_path, capfd):
    folder = _write(tmp_path / "mine", block)
    spec = folder / "published.toml"
    assert old in spec.read_text()
    spec.write_text(spec.read_text().replace(old, new))
    assert main(["reanalyse", str(folder), "--output", str(tmp_path / "run")]) == 2
    refusal = [line for line in capfd.readouterr().err.splitlines() if not line.startswith("mine/")]
    assert len(refusal) == 1
    assert wanted in refusal[0]
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
