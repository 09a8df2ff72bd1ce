"""Numbers as text, and the escaping of Markdown and LaTeX."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayesgov.report.content import ReportTable
from bayesgov.report.tables import (
    caption_text,
    cell_text,
    latex,
    latex_text,
    markdown,
    number_text,
    share_text,
    supported_text,
    text_table,
    write_table,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.500"),
        (-0.123456, "−0.123"),
        (119.573, "120"),
        (9.996, "10.0"),  # rounding carries into another digit
        (3654.4, "3654"),
        (2.1e-7, "2.10 × 10⁻⁷"),
        (-4.2e8, "−4.20 × 10⁸"),
        (0.0, "0"),
        (float("nan"), "–"),
        (float("-inf"), "−∞"),
    ],
)
def test_number_text(value: float, text: str) -> None:
    assert number_text(value, 3) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.True_, "yes"),
        (False, "no"),
        (None, "–"),
        (pd.NA, "–"),
        (np.int64(-3), "−3"),
        (np.float64(0.25), "0.250"),
        ("<0.05", "<0.05"),
    ],
)
def test_cell_text(value: object, text: str) -> None:
    assert cell_text(value, 3) == text


@pytest.fixture
def table() -> ReportTable:
    frame = pd.DataFrame(
        {"item": ["a | b_1", "50 % & <more> $\\x^2$"], "tau2_reml": [1.23456789e-9, np.nan], "n": [3654, 10808]}
    )
    return ReportTable("nasty", "Title with 5 %", "Caption: χ² ≥ 3 with #1_a.", frame)


def test_header_and_alignment(table: ReportTable) -> None:
    text = text_table(table.frame, 3)
    assert text.header == ("Item", "τ², REML", "n")
    assert text.numeric == (False, True, True)


def test_a_named_index_becomes_a_column(table: ReportTable) -> None:
    text = text_table(table.frame.set_index("item"), 3)
    assert text.header == ("Item", "τ², REML", "n")


def test_limits_share_a_column_and_so_do_a_number_and_its_label() -> None:
    frame = pd.DataFrame(
        {
            "item": ["1", "2"],
            "label": ["Clarity", "Uniformity"],
            "v_model": [0.1, 0.2],
            "v_model_lower": [-0.5, np.nan],
            "v_model_upper": [np.inf, np.nan],
        }
    )
    text = text_table(frame, 2)
    assert text.names == ("item", "v_model", "v_model_limits")
    assert text.rows == (("1. Clarity", "0.10", "[−0.50, ∞]"), ("2. Uniformity", "0.20", "–"))


def test_a_label_replaces_the_key_beside_it() -> None:
    frame = pd.DataFrame({"term": ["digital_lag"], "term_label": ["Digital, lagged"], "df": [6.0]})
    assert text_table(frame, 3).rows == (("Digital, lagged", "6"),)


def test_a_lower_limit_without_an_upper_one_stays_a_column() -> None:
    assert text_table(pd.DataFrame({"lower": [0.5], "flower_upper": [1.5]}), 2).names == ("lower", "flower_upper")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "< 0.001"),
        (0.000999, "< 0.001"),
        (0.001, "0.001"),
        (0.9989, "0.999"),
        (0.9996, "> 0.999"),
        (1.0, "> 0.999"),
        (np.nan, "–"),
    ],
)
def test_shares_have_bounds_where_decimals_end(value: float, text: str) -> None:
    assert share_text(value) == text
    cells = text_table(pd.DataFrame({"p_holm": [value, 0.5], "estimate": [0.25, 0.5]}), 3).rows
    assert cells == ((text, "0.250"), ("0.500", "0.500"))


def test_markdown_escapes_what_would_break_the_table(table: ReportTable) -> None:
    lines = markdown(table).splitlines()
    assert lines[2] == "| Item | τ², REML | n |"
    assert lines[3] == "| :--- | ---: | ---: |"
    assert lines[4] == r"| a \| b\_1 | 1.23 × 10⁻⁹ | 3654 |"
    assert r"\<more\>" in lines[5]


def test_latex_escapes_every_special_character(table: ReportTable) -> None:
    text = latex(table)
    assert r"50 \% \& \textless{}more\textgreater{} \$\textbackslash{}x\textasciicircum{}2\$ & -- & 10808 \\" in text
    assert r"1.23 $\times$ 10\textsuperscript{$-$9}" in text
    assert (
        r"\caption{Title with 5 \%. Caption: $\chi$\textsuperscript{2} $\geq$ 3 with \#1\_a.}\label{tab:nasty}" in text
    )
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 1
    assert text.isascii()


def test_a_long_table_breaks_over_pages() -> None:
    frame = pd.DataFrame({"x": range(40)})
    text = latex(ReportTable("long", "Long", "Rows.", frame))
    assert r"\begin{longtable}{r}" in text
    assert text.count(r" \\") == 1 + 2 + 40  # caption, two heads, rows


def test_sentences_wrap_in_latex() -> None:
    frame = pd.DataFrame(
        {"term": ["x"], "note": ["A sentence that is much too long for one line of a table."], "n": [1]}
    )
    assert r"\begin{tabular}{lp{0.60\linewidth}r}" in latex(ReportTable("t", "T", "C.", frame))


def test_latex_keeps_one_line_per_cell() -> None:
    assert latex_text("two\nlines") == "two lines"


def test_csv_keeps_every_digit(table: ReportTable, tmp_path: Path) -> None:
    write_table(table, tmp_path)
    with (tmp_path / "nasty.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert float(rows[0]["tau2_reml"]) == 1.23456789e-9
    assert rows[1]["item"] == "50 % & <more> $\\x^2$"
    assert {path.name for path in tmp_path.iterdir()} == {"nasty.csv", "nasty.md", "nasty.tex"}


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (1.23456, 0.0004, "1.23"),  # three digits were wanted; the error would allow more
        (1.23456, 0.01, "1.23"),  # a unit equal to the error is supported
        (1.23456, 0.011, "1.2"),
        (-0.0123, 0.002, "−0.01"),
        (9.96, 0.02, "10.0"),  # rounding carries into another digit
        (1234.5, 30.0, "1200"),
        (0.003, 0.02, "0.0"),
        (-0.003, 0.02, "0.0"),
        (0.7, 3.0, "0"),
        (2.16e-7, 1e-8, "2.2 × 10⁻⁷"),
        (1.23456, np.nan, "1.23"),
        (1.23456, 0.0, "1.23"),
        (np.nan, 0.1, "–"),
    ],
)
def test_no_digit_is_finer_than_the_monte_carlo_error(value: float, error: float, text: str) -> None:
    assert supported_text(value, error, 3) == text


def test_the_last_digit_survives_another_seed() -> None:
    """What is printed of a median is within one unit of its last digit of the truth."""
    rng = np.random.default_rng(1)
    n = 400
    error = 1.2533 / np.sqrt(n)  # of the median of n normal draws
    unit = 10.0 ** np.ceil(np.log10(error))
    medians = [float(np.median(rng.normal(1.5, 1.0, n))) for _ in range(200)]
    printed = np.array([float(supported_text(median, error, 6).replace("−", "-")) for median in medians])
    assert np.allclose(printed / unit, np.round(printed / unit))
    assert np.mean(np.abs(np.round((printed - 1.5) / unit)) <= 1) > 0.95


def _with_errors() -> ReportTable:
    frame = pd.DataFrame(
        {
            "term": ["posterior", "estimator"],
            "estimate": [1.23456, 1.23456],
            "std_error": [0.98765, 0.98765],
            "lower": [-0.70123, -0.70123],
            "upper": [3.17, 3.17],
            "probability_positive": [0.912, np.nan],
            "mc_error": [0.0123, np.nan],
        }
    )
    return ReportTable("drawn", "Drawn", "By both schools.", frame)


def test_every_format_prints_the_supported_digits(tmp_path: Path) -> None:
    table = _with_errors()
    rows = text_table(table.frame, 3).rows
    assert rows[0][1:] == ("1.2", "1.0", "[−0.7, 3.2]", "0.912", "0.01")
    assert rows[1][1:] == ("1.23", "0.988", "[−0.701, 3.17]", "–", "–")
    assert "| posterior | 1.2 | 1.0 | \\[−0.7, 3.2\\] | 0.912 | 0.01 |" in markdown(table)
    assert "posterior & 1.2 & 1.0 & [$-$0.7, 3.2] & 0.912 & 0.01" in latex(table)
    for text in (caption_text(table), markdown(table), latex(table)):
        assert "no finer than it; the CSV has every digit" in text
    write_table(table, tmp_path)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "drawn.csv"), table.frame)


def test_an_error_with_a_name_speaks_of_its_own_estimate() -> None:
    frame = pd.DataFrame({"estimate": [1.2345], "estimate_long_run": [1.2345], "mc_error_long_run": [0.09]})
    assert text_table(frame, 3).rows == (("1.23", "1.2", "0.09"),)


def test_a_table_without_monte_carlo_errors_says_nothing_of_them(table: ReportTable) -> None:
    assert caption_text(table) == table.caption
