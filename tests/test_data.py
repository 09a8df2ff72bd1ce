"""Files and foreign frames in: labels, missing codes, checksums, and one clear line for what cannot be read."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from bayesgov.data import Table, as_frame, as_table, code_text, read_table
from bayesgov.errors import InputError
from bayesgov.survey.codebook import apply_codebook
from bayesgov.survey.spec import VariableSpec

SCALE = {1: "never", 2: "seldom", 3: "often", 9: "refused"}


def written(folder, text, name="rows.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("value", [1, 1.0, "1", "1.0", " 1 ", np.int64(1), np.float32(1), "1.00"])
def test_one_code_however_it_is_written(value):
    assert code_text(value) == "1"


@pytest.mark.parametrize(("value", "text"), [("01", "01"), (1.5, "1.5"), ("a.0", "a.0"), (-9, "-9"), ("-9.0", "-9")])
def test_other_codes_keep_their_text(value, text):
    assert code_text(value) == text


def test_csv_keeps_answers_that_look_empty_and_has_its_checksum(tmp_path):
    text = "\ufeffid,answer,score\n1,None,2\n2,,NA\n3,n/a,4\n"
    table = read_table(written(tmp_path, text))
    assert table.name == "rows.csv"
    assert table.checksum == hashlib.sha256(text.encode()).hexdigest()
    assert table.frame["answer"].tolist()[::2] == ["None", "n/a"]
    assert table.frame.isna().sum().tolist() == [0, 1, 1]
    assert table.frame.columns.tolist() == ["id", "answer", "score"]


def test_tab_separated_and_parquet_give_the_same_rows(tmp_path):
    pytest.importorskip("pyarrow")
    table = read_table(written(tmp_path, "a\tb\n1\tx\n2\ty, z\n", "rows.tsv"))
    table.frame.to_parquet(tmp_path / "rows.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "rows.parquet").frame, table.frame)
    assert table.frame["b"].tolist() == ["x", "y, z"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", "", "empty"),
        ("header.csv", "a,b\n", "needs rows and columns; it has 0 and 2"),
        ("twice.csv", "a,b,a\n1,2,3\n", "column names should differ; 'a' appears more than once"),
        ("latin.csv", b"a,b\n\xe9t\xe9,1\n", "not UTF-8 text"),
        ("semicolon.csv", "a;b\n1;2\n", "separated by semicolons"),
        ("ragged.csv", "a,b\n1,2\n3,4,5\n", "do not have the header's 2 columns"),
        ("shifted.csv", "a,b\n1,2,9\n3,4,9\n", "do not have the header's 2 columns"),
        ("rows.xlsx", "PK", r"end in \.csv, \.tsv, \.parquet, \.dta, \.sav; got \.xlsx"),
        ("rows", "a\n1\n", "got no suffix"),
        ("text.dta", "hello", "not a readable Stata file"),
        ("text.parquet", "hello", "not a readable Parquet file"),
        ("text.sav", "hello", "not a readable SPSS file"),
    ],
)
def test_unreadable_files_are_one_line(tmp_path, name, content, message):
    needed = {".sav": "pyreadstat", ".parquet": "pyarrow"}
    if (suffix := name[name.rfind(".") :]) in needed:
        pytest.importorskip(needed[suffix])
    with pytest.raises(InputError, match=message) as error:
        read_table(written(tmp_path, content, name))
    assert "\n" not in str(error.value)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.csv: no such file"):
        read_table(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(("name", "module"), [("rows.sav", "pyreadstat"), ("rows.parquet", "pyarrow")])
def test_absent_library_says_what_to_install(tmp_path, monkeypatch, name, module):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(InputError, match=rf"need {module}, which is not installed: pip install 'bayesgov\[io\]'"):
        read_table(written(tmp_path, "x", name))


def test_stata_labels_in_the_order_of_their_codes(tmp_path):
    """Also a level that nobody chose, labels for some values only, and no text."""
    frame = pd.DataFrame({"q": [3.0, 1, np.nan, 3], "age": [30.0, 41, 999, 52], "word": ["b", "", "a", "b"]})
    frame.to_stata(
        tmp_path / "rows.dta",
        write_index=False,
        value_labels={"q": {3: "often", 1: "never", 2: "seldom"}, "age": {999: "refused"}},
        variable_labels={"q": "How often?"},
    )
    table = read_table(tmp_path / "rows.dta")
    assert table.frame["q"].cat.categories.tolist() == ["never", "seldom", "often"]
    assert table.frame["q"].cat.ordered
    assert table.frame["q"].tolist()[:2] == ["often", "never"]
    assert table.frame["q"].isna().tolist() == [False, False, True, False]
    assert table.frame["age"].tolist() == [30, 41, 999, 52]
    assert table.frame["word"].isna().tolist() == [False, True, False, False]
    assert table.labels == {"q": "How often?"}
    assert table.value_labels == {"q": {"1": "never", "2": "seldom", "3": "often"}, "age": {"999": "refused"}}


def test_stata_extended_missing_is_missing_and_counted(tmp_path):
    pyreadstat = pytest.importorskip("pyreadstat")
    frame = pd.DataFrame({"q": [1, 2, "a", None, "a", "b"]})
    labels = {1: "no", 2: "yes", "a": "refused"}
    pyreadstat.write_dta(
        frame, str(tmp_path / "rows.dta"), missing_user_values={"q": ["a", "b"]}, variable_value_labels={"q": labels}
    )
    table = read_table(tmp_path / "rows.dta")
    assert table.frame["q"].isna().tolist() == [False, False, True, True, True, True]
    assert table.frame["q"].cat.categories.tolist() == ["no", "yes"]
    assert table.missing == {"q": {".a": 2, ".b": 1}}


def test_spss_labels_and_user_missing_codes(tmp_path):
    pyreadstat = pytest.importorskip("pyreadstat")
    frame = pd.DataFrame({"q": [1.0, 3, 9, np.nan], "age": [30.0, 95, 97, 41], "word": ["a", "", "b", "b"]})
    pyreadstat.write_sav(
        frame,
        str(tmp_path / "rows.sav"),
        variable_value_labels={"q": SCALE},
        missing_ranges={"q": [9], "age": [{"lo": 95, "hi": 99}]},
        column_labels={"q": "How often?"},
    )
    table = read_table(tmp_path / "rows.sav")
    assert table.frame["q"].cat.categories.tolist() == ["never", "seldom", "often"]
    assert table.frame["q"].astype(object).tolist()[:2] == ["never", "often"]
    assert table.frame.isna().to_numpy().tolist() == [
        [False, False, False],
        [False, True, True],
        [True, True, False],
        [True, False, False],
    ]
    assert table.missing == {"q": {"9": 1}, "age": {"95": 1, "97": 1}}
    assert table.labels["q"] == "How often?"


def test_labels_shared_by_two_codes_stay_apart(tmp_path):
    pyreadstat = pytest.importorskip("pyreadstat")
    labels = {1: "agree", 2: "neither", 3: "agree"}
    pyreadstat.write_sav(
        pd.DataFrame({"q": [1.0, 2, 3]}), str(tmp_path / "rows.sav"), variable_value_labels={"q": labels}
    )
    assert read_table(tmp_path / "rows.sav").frame["q"].tolist() == ["agree (1)", "neither", "agree (3)"]


def test_codebook_may_name_labelled_values_by_code(tmp_path):
    frame = pd.DataFrame({"q": [1.0, 2, 9, 3]})
    frame.to_stata(tmp_path / "rows.dta", write_index=False, value_labels={"q": SCALE})
    table = read_table(tmp_path / "rows.dta")
    entry = VariableSpec(kind="ordinal", values={"1": "rarely", "2": "rarely", "3": "often"}, missing=("9",))
    coded = apply_codebook(table.frame, {"q": entry}, table.value_labels)
    assert coded.frame["q"].astype(object).where(coded.frame["q"].notna(), None).tolist() == [
        "rarely",
        "rarely",
        None,
        "often",
    ]
    assert [(count.code, count.rows) for count in coded.missing] == [("9", 1)]


class Foreign:
    """A frame of another library, as far as Arrow is concerned."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


def test_arrow_tables_and_whatever_speaks_arrow():
    arrow = pytest.importorskip("pyarrow")
    columns = {"x": [1, None, 3], "q": arrow.array(["a", "b", None]).dictionary_encode()}
    for data in (arrow.table(columns), Foreign(arrow.table(columns))):
        frame = as_frame(data)
        assert frame["x"].isna().tolist() == [False, True, False]
        assert frame["q"].tolist()[:2] == ["a", "b"]
        assert not isinstance(frame["q"].dtype, pd.CategoricalDtype), "the order of a dictionary is nobody's choice"


def test_parquet_keeps_the_order_that_pandas_wrote(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    column = pd.Categorical(["b", "a"], categories=["c", "b", "a"])
    pd.DataFrame({"q": column}).to_parquet(tmp_path / "pandas.parquet")
    assert read_table(tmp_path / "pandas.parquet").frame["q"].cat.categories.tolist() == ["c", "b", "a"]
    parquet.write_table(arrow.table({"q": arrow.array(["b", "a"]).dictionary_encode()}), tmp_path / "arrow.parquet")
    frame = read_table(tmp_path / "arrow.parquet").frame
    assert frame["q"].tolist() == ["b", "a"]
    assert not isinstance(frame["q"].dtype, pd.CategoricalDtype)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([[1, 2]], "got list"),
        (pd.DataFrame({"x": []}), "it has 0 and 1"),
        (pd.DataFrame([[1, 2]], columns=["x", "x"]), "'x' appears more than once"),
    ],
)
def test_data_that_is_no_table(data, message):
    with pytest.raises(InputError, match=message):
        as_frame(data)


def test_checksum_of_a_frame_follows_its_values():
    frame = pd.DataFrame({"x": [1.0, 2.0]})
    first = as_table(frame)
    assert as_table(first) is first
    assert isinstance(first, Table)
    assert as_table(frame.copy()).checksum == first.checksum
    assert as_table(frame * 2).checksum != first.checksum
    assert as_table(frame.rename(columns={"x": "y"})).checksum != first.checksum
