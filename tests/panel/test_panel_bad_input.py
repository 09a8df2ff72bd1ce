"""What a panel cannot use, by the command line: one line that says what was wanted, what came and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from panel.panel_samples import simulate

import bayesgov
from bayesgov.cli import main
from bayesgov.data import as_table
from bayesgov.errors import InputError
from bayesgov.panel.analysis import analyse
from bayesgov.panel.cube import panel_from_frame
from bayesgov.panel.spec import DynamicPanelSpec, GmmSpec

SPEC = """
outcome = "y"
unit = "unit"
time = "time"
region = "region"
predictors = ["x0"]
data = "rows.csv"

[gmm]
collapse = true
"""
INDICES = '[dimensions]\na = ["roads"]\nb = ["beds"]\n'
type Change = Callable[[pd.DataFrame], pd.DataFrame]


def _rows() -> pd.DataFrame:
    return simulate(20, 6, 2, seed=5, n_predictors=1)


def _refusal(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that a fit ends with, after it left nothing behind."""
    before = set(folder.iterdir())
    assert main(["fit", str(folder / "spec.toml"), "-o", str(folder / "out"), *arguments]) == 2
    captured = capsys.readouterr()
    line = str(captured.err.splitlines()[-1])
    assert captured.out == ""
    assert line.startswith("bayesgov: ")
    assert "Traceback" not in captured.err
    assert set(folder.iterdir()) == before, "nothing half-written"
    return line


def _with(column: str, row: int, value: object) -> Change:
    """One cell replaced."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        changed: pd.DataFrame = frame.assign(**{column: frame[column].astype(object).where(frame.index != row, value)})
        return changed

    return change


ROWS: dict[str, tuple[Change, str]] = {
    "a missing column": (lambda f: f.drop(columns="x0"), "needs the column 'x0'; the data have: unit, time, region, y"),
    "text among numbers": (_with("x0", 3, "abc"), "x0: numbers are wanted; got 'abc'"),
    "infinite predictor": (_with("x0", 3, np.inf), "x0: finite numbers are wanted; got inf in 1 rows: correct them"),
    "infinite outcome": (_with("y", 3, -np.inf), "y: finite numbers are wanted; got -inf in 1 rows"),
    "a row twice": (lambda f: pd.concat([f, f[:2]]), "2 rows repeat a unit and period, the first u00000, 2009: keep"),
    "two regions": (_with("region", 0, "r9"), "region: every unit wants one region; u00000 has 2: correct or drop"),
    "no region": (lambda f: f.assign(region=f["region"].mask(f["unit"] == "u00001")), "u00001 has 0: correct"),
    "a region called all": (lambda f: f.replace("r0", "all"), "give that region another name"),
    "half years": (lambda f: f.assign(time=f["time"] + 0.5), "whole numbers such as years are wanted; got 2009.5"),
    "dates": (lambda f: f.assign(time=f["time"].astype(str) + "-01-01"), "whole numbers.*got 2009-01-01"),
    "a missing year": (_with("time", 0, np.nan), "time: whole numbers such as years are wanted; got nan"),
    "an infinite year": (_with("time", 0, np.inf), "time: whole numbers such as years are wanted; got inf"),
    "dates read as numbers": (
        lambda f: f.assign(time=f["time"] * 10_000 + 101),
        "fewer than 10,000 periods one unit apart.*got 20090101 to 20140101: number the periods",
    ),
    "seconds since 1970": (lambda f: f.assign(time=f["time"] * 10**9), "fewer than 10,000 periods"),
    "a missing unit": (_with("unit", 7, None), "unit: 1 rows have no unit: name it or drop the rows"),
    "one period": (lambda f: f[f["time"] == 2009], "no row has its outcome, predictors and 1 earlier periods: fewer"),
    "two periods": (lambda f: f[f["time"] < 2011], "no unit has two rows in a row"),
    "a predictor without values": (lambda f: f.assign(x0=np.nan), "no row has its outcome.*fill the missing values"),
    "nothing": (lambda f: f[:0], "a table needs rows and columns; it has 0 and 5"),
}


@pytest.mark.parametrize("name", ROWS)
def test_rows_that_cannot_be_used(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change, words = ROWS[name]
    (tmp_path / "spec.toml").write_text(SPEC, "utf-8")
    change(_rows()).to_csv(tmp_path / "rows.csv", index=False)
    assert re.search(words, _refusal(tmp_path, capsys))


SPECS: dict[str, tuple[str, str, str]] = {
    "TOML typo": ("= true", "= tru", r"not valid TOML .*line 10"),
    "unknown key": ("predictors", "predictor", "'predictor' is not known: remove it or check its spelling"),
    "unknown key of a part": ("collapse", "colapse", "'gmm.colapse' is not known"),
    "wrong type": ("data =", 'outcome_lags = "two"\ndata =', "'outcome_lags'.*integer.*got 'two'"),
    "negative lags": ("data =", "predictor_lags = -1\ndata =", "'predictor_lags'.*got -1"),
    "lags beyond the panel": ("data =", "outcome_lags = 9\ndata =", "9 earlier periods: fewer lags"),
    "a column twice": ('["x0"]', '["x0", "x0"]', "different columns; got y, x0, x0"),
    "outcome among predictors": ('["x0"]', '["y"]', "different columns; got y, y"),
    "logarithm of others": ("data =", 'log = ["z"]\ndata =', "log names 'z'; it may name: y, x0"),
    "logarithm of zero": ("data =", 'log = ["x0"]\ndata =', "x0: log wants positive values; got -.* rows: take x0 out"),
    "unknown endogenous": ("collapse", 'endogenous = ["z"]\ncollapse', "gmm.endogenous names 'z'; it may name: x0"),
    "two roles": (
        "collapse",
        'endogenous = ["x0"]\npredetermined = ["x0"]\ncollapse',
        "both name 'x0': take it out of one of them",
    ),
    "limits the wrong way round": (
        "collapse",
        "limits.y = { first = 3, last = 2 }\ncollapse",
        "gmm.limits.y.*last should be 3, as first, or more; got 2",
    ),
    "outcome as its own instrument": (
        "collapse",
        "limits.y = { first = 1 }\ncollapse",
        r"gmm.limits.y.first should be 2 or more.*got 1",
    ),
    "unknown steps": ("collapse", 'steps = "three"\ncollapse', "'one', 'two' or 'iterated'; got 'three'"),
    "no data": ('data = "rows.csv"', "", "names no data file: give one with --data FILE"),
    "other data": ("rows.csv", "lines.csv", "lines.csv: no such file"),
    "data of no known kind": ("rows.csv", "spec.toml", "data files end in .csv"),
    "index without indices": ('"y"', '"level"', "'level', which is the name of an index: add indices"),
    "no indices file": ("data =", 'indices = "none.toml"\ndata =', "none.toml: file not found"),
    "indices not used": ("data =", 'indices = "indices.toml"\ndata =', "computed but not used: name the outcome"),
    "no indicators": ('outcome = "y"', 'outcome = "level"\nindices = "indices.toml"', "need the column 'roads_urban'"),
    "latent without indices": ("[gmm]", "[latent]\n[gmm]", "latent needs indices"),
    "interpolation of others": ("[gmm]", '[interpolate]\ncolumns = ["z"]\n[gmm]', "needs the column 'z'"),
}


@pytest.mark.parametrize("name", SPECS)
def test_specs_that_cannot_be_used(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new, words = SPECS[name]
    assert old in SPEC
    (tmp_path / "spec.toml").write_text(SPEC.replace(old, new, 1), "utf-8")
    (tmp_path / "indices.toml").write_text(INDICES, "utf-8")
    _rows().to_csv(tmp_path / "rows.csv", index=False)
    assert re.search(words, _refusal(tmp_path, capsys))


FREQUENTIST = DynamicPanelSpec(
    outcome="y", unit="unit", time="time", region="region", predictors=("x0",), gmm=GmmSpec(collapse=True)
)


def _estimates(frame: pd.DataFrame) -> pd.Series:
    estimates: pd.Series = bayesgov.fit(FREQUENTIST, frame, "frequentist").estimates().set_index("term")["estimate"]
    return estimates


FORMS: dict[str, Change] = {
    "shuffled": lambda f: f.sample(frac=1, random_state=1),
    "nullable": lambda f: f.convert_dtypes(),
    "arrow": lambda f: f.convert_dtypes(dtype_backend="pyarrow"),
    "years as decimals": lambda f: f.assign(time=f["time"].astype(float)),
    "numbers as text": lambda f: f.assign(x0=f["x0"].map(repr), time=f["time"].astype(str)),
    "categories in another order": lambda f: f.assign(
        unit=pd.Categorical(f["unit"], [*sorted(set(f["unit"]))[::-1], "unused"]),
        region=pd.Categorical(f["region"], ["unused", "r1", "r0"]),
    ),
    "an index of the unit's name": lambda f: f.set_index("unit", drop=False),
    "an index of equal labels": lambda f: f.set_index(np.zeros(len(f), dtype=int)),
    "one region cell empty": _with("region", 0, None),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_the_rows_does_not_matter(form: str) -> None:
    if form == "arrow":
        pytest.importorskip("pyarrow")
    plain = _estimates(_rows())
    np.testing.assert_allclose(_estimates(FORMS[form](_rows()))[plain.index], plain, rtol=1e-9)


def test_names_may_hold_any_sign() -> None:
    plain = _estimates(_rows())
    odd = {"r0": 'Nord/Ost [1], "x"', "r1": "Nord Ost [1], <b>é</b>"}
    frame = _rows().assign(unit=lambda f: "Zürich [a/b], " + f["unit"], region=lambda f: f["region"].map(odd))
    found = _estimates(frame)
    for region, name in odd.items():
        term = f"[{region}, x0]"
        assert found[f"beta[{name}, x0]"] == pytest.approx(plain[f"beta{term}"], rel=1e-9)


@pytest.mark.parametrize(
    "time", [pd.to_datetime(["2009-01-01", "2010-01-01"]), pd.PeriodIndex(["2009", "2010"], freq="Y")], ids=type
)
def test_dates_of_pandas_are_no_years(time: pd.Index) -> None:
    frame = pd.DataFrame({"unit": ["a", "a"], "time": time, "y": [1.0, 2.0]})
    with pytest.raises(InputError, match="time: whole numbers such as years are wanted; got the date 2009"):
        panel_from_frame(frame, "unit", "time", ["y"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f: f.assign(x0=1.0), "^x0 is constant or an exact combination of the other regressors: leave it out"),
        (lambda f: f.assign(y=2.0), "^L1.y is constant or an exact combination"),
        (lambda f: f[f["unit"] == "u00000"], "coefficients need as many instruments|as many units"),
    ],
    ids=["constant predictor", "constant outcome", "one unit"],
)
def test_what_cannot_be_estimated_is_a_result(change: Change, reason: str) -> None:
    found = analyse(FREQUENTIST, as_table(change(_rows())), ("frequentist",), seed=1, progress=lambda _message: None)
    assert found.problems == ()
    fit = found.fits["frequentist"]
    failed = {check.name: check.advice for check in fit.checks() if check.status == "fail"}
    assert re.search(reason, failed["estimated [all]"])
    assert fit.estimates().empty
    multiverse = found.tables["multiverse"]
    assert multiverse["estimate"].isna().all()
    assert multiverse["reason"].str.len().gt(0).all()


def test_regions_that_differ_by_a_slash_keep_their_tests() -> None:
    frame = _rows().assign(region=lambda f: f["region"].map({"r0": "a/b", "r1": "a b"}))
    tree = bayesgov.fit(FREQUENTIST, frame, "frequentist").tree
    assert len([name for name in tree.children if name.startswith("tests ")]) == 3  # with all units
