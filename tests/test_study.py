"""Reading studies: what ships is complete, and what is wrong in a user's own is said in one line."""

import shutil
from decimal import Decimal

import pytest

from bayesgov.errors import InputError
from bayesgov.printed import PrintedNumber
from bayesgov.study import load_study, models_folder, shipped_studies


@pytest.fixture
def own_study(tmp_path):
    folder = tmp_path / "mine"
    shutil.copytree(models_folder() / "panel", folder)
    return folder


def test_both_studies_ship():
    assert shipped_studies() == ("panel", "survey")


def test_survey_codebook_has_sixteen_items_in_six_dimensions():
    study = load_study("survey")
    assert len(study.items) == 16
    assert {item.dimension for item in study.items} == {dimension.id for dimension in study.dimensions}
    assert len(study.dimensions) == 6
    assert all(len(item.options) == 3 for item in study.items)


def test_cells_keep_their_text():
    study = load_study("panel")
    cell = study.number("2/industry.estimate/northeastern")
    assert (cell.text, cell.value, cell.decimals, cell.stars) == ("-17.89*", Decimal("-17.89"), 2, 1)


def test_pattern_selects_in_printed_order():
    cells = load_study("survey").cells("1/5.*/B")
    assert list(cells) == ["1/5.1/B", "1/5.2/B", "1/5.3/B"]
    assert [cell.text for cell in cells.values() if isinstance(cell, PrintedNumber)] == ["273", "434", "853"]


def test_checksum_follows_content(own_study):
    before = load_study(own_study).checksum
    table = own_study / "tables" / "table1.csv"
    table.write_text(table.read_text().replace("0.30", "0.31"))
    assert load_study(own_study).checksum != before


def _replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("study.toml", 'key = "panel"\n', "", "field 'key' is missing: add it"),
        ("study.toml", 'key = "panel"', 'key = "panel"\nkeys = 1', "field 'keys' is not known"),
        ("study.toml", 'inference = "classical"', 'inference = "modern"', "field 'inference'"),
        ("study.toml", "cities = 286", 'cities = "many"', "field 'sample.cities'"),
        ("study.toml", "[citation]", "[citation", "not valid TOML"),
        ("study.toml", "tables/table1.csv", "tables/table9.csv", "file not found; study.toml names it"),
        ("tables/table1.csv", "0.30,2", "about a third,2", "a printed number was wanted"),
        ("tables/table1.csv", "0.30,2", "0.30,3", "prints 2 decimals; the column decimals says '3'"),
        ("tables/table1.csv", "table,row,column,printed,decimals", "table,row,column,value", "the header should be"),
        ("tables/table1.csv", "1,cv,northern,", "1,cv,northeastern,", "stands twice; keep one"),
        ("tables/table1.csv", "1,cv,northern,0.32,2", "1,cv,northern,0.32", "5 columns wanted; got 4"),
        ("tables/table1.csv", "1,cv,northern,", "2,cv,northern,", "table should be '1'"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(own_study, file, old, new, message):
    _replace(own_study / file, old, new)
    with pytest.raises(InputError) as caught:
        load_study(own_study)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert file.rpartition("/")[2] in str(caught.value) or "table9.csv" in str(caught.value)


def test_unknown_study_lists_what_there_is(tmp_path):
    with pytest.raises(InputError, match=r"panel, survey, or a folder with study\.toml"):
        load_study(tmp_path)


@pytest.mark.parametrize("reference", ["2/digital.t", "9/a/b", "2/nothing/*"])
def test_bad_references_are_named(reference):
    with pytest.raises(InputError, match=reference.replace("*", r"\*").replace(".", r"\.")):
        load_study("panel").cells(reference)
