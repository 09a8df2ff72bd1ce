"""Tables as CSV, Markdown and LaTeX: the CSV keeps every digit, the others show significant digits."""

from __future__ import annotations

import math
import numbers
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bayesgov.report.content import ReportTable
from bayesgov.report.headings import QUANTITIES, heading

NOT_AVAILABLE = "–"

_NUMBERED = ("item", "row")  # columns of numbers that the label beside them explains
_LOWER, _UPPER = re.compile(r"(?<![a-z])lower(?![a-z])"), re.compile(r"(?<![a-z])upper(?![a-z])")
_SHARE = re.compile(r"(p|(prior_|posterior_)?probability)_")  # columns of p-values and probabilities
_SMALLEST_SHARE = 0.001
_LARGEST_WHOLE = 1e6
_LONG_TABLE = 35  # rows: a longer table breaks over pages in LaTeX
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|])")
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "−": "$-$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≠": r"$\neq$",
    "≈": r"$\approx$",
    "∞": r"$\infty$",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "“": "``",
    "”": "''",
    "‘": "`",
    "’": "'",
    "²": r"\textsuperscript{2}",
    "₀": r"\textsubscript{0}",
    "₁": r"\textsubscript{1}",
    "√": r"$\surd$",
    "χ": r"$\chi$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "λ": r"$\lambda$",
    "μ": r"$\mu$",
    "σ": r"$\sigma$",
    "τ": r"$\tau$",
    "θ": r"$\theta$",
    "ρ": r"$\rho$",
    "Δ": r"$\Delta$",
}
_EXPONENT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LATEX_EXPONENT = re.compile(r"10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
_PLAIN_EXPONENT = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table as text, ready for any format.

    Attributes
    ----------
    header : tuple of str
    rows : tuple of tuple of str
    numeric : tuple of bool
        Which columns hold numbers and are aligned to the right.
    names : tuple of str
        Key of each column in the glossary of headings.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    names: tuple[str, ...]


def text_table(frame: pd.DataFrame, digits: int) -> TextTable:
    """Every cell as a reader wants it: plain headings, floats with ``digits`` significant digits.

    A named index becomes the first columns; a pair of limits becomes one column, and so does a number with its label.
    p-values and probabilities have bounds instead of powers of ten.
    """
    columns = _columns(with_index(frame), digits)
    return TextTable(
        header=tuple(heading(column.name).text for column in columns),
        rows=tuple(zip(*(column.cells for column in columns), strict=True)),
        numeric=tuple(column.numeric for column in columns),
        names=tuple(column.name for column in columns),
    )


@dataclass(frozen=True, slots=True)
class _Column:
    """One column as text under its key in the glossary of headings."""

    name: str
    cells: tuple[str, ...]
    numeric: bool


def _columns(flat: pd.DataFrame, digits: int) -> list[_Column]:
    names = [str(name) for name in flat.columns]
    columns = []
    for position, name in enumerate(names):
        before = names[position - 1] if position else ""
        after = names[position + 1] if position + 1 < len(names) else ""
        column = flat.iloc[:, position]
        cells = _cells(name, column, digits)
        if (name in _NUMBERED and after == "label") or after == f"{name}_label":
            continue  # the label's column carries it
        if name == "label" and before in _NUMBERED:
            cells = tuple(f"{value}. {text}" for value, text in zip(flat.iloc[:, position - 1], cells, strict=True))
            columns.append(_Column(before, cells, numeric=False))
        elif name == f"{before}_label":
            columns.append(_Column(before, cells, numeric=False))
        elif _LOWER.search(name) and (other := _LOWER.sub("upper", name)) in names:
            ends = zip(cells, _cells(other, flat.iloc[:, names.index(other)], digits), strict=True)
            columns.append(_Column(_LOWER.sub("limits", name), tuple(map(_interval, ends)), numeric=True))
        elif not (_UPPER.search(name) and _UPPER.sub("lower", name) in names):
            columns.append(_Column(name, cells, _is_numeric(column)))
    return columns


def _interval(ends: tuple[str, str]) -> str:
    return NOT_AVAILABLE if ends == (NOT_AVAILABLE, NOT_AVAILABLE) else f"[{ends[0]}, {ends[1]}]"


def _cells(name: str, column: pd.Series, digits: int) -> tuple[str, ...]:
    if _is_numeric(column):
        if _SHARE.match(name):
            return tuple(share_text(float(value)) for value in column)
        if _is_whole(column):
            return tuple(NOT_AVAILABLE if pd.isna(value) else f"{value:.0f}".replace("-", "−") for value in column)
    words = QUANTITIES if name == "quantity" else {}
    return tuple(words.get(text, text) for text in (cell_text(value, digits) for value in column))


def share_text(value: float) -> str:
    """A p-value or probability: three decimals, and a bound where they would show 0 or 1.

    Three decimals are what a p-value is read with; a probability from some thousand draws carries no more.
    """
    if math.isnan(value):
        return NOT_AVAILABLE
    if 0 <= value < _SMALLEST_SHARE:
        return f"< {_SMALLEST_SHARE}"
    if 1 - _SMALLEST_SHARE < value <= 1:
        return f"> {1 - _SMALLEST_SHARE}"
    return f"{value:.3f}".replace("-", "−")


def with_index(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its named index levels as columns; an unnamed index carries nothing."""
    named = any(name is not None for name in frame.index.names)
    return frame.reset_index() if named else frame.reset_index(drop=True)


def cell_text(value: object, digits: int) -> str:
    """One cell as text: "−0.120", "2.1 × 10⁻⁷", "yes", "–" where there is nothing."""
    if value is None or value is pd.NA or value is pd.NaT:
        return NOT_AVAILABLE
    if isinstance(value, bool) or type(value).__name__ == "bool":  # numpy.bool is no subclass of bool
        return "yes" if value else "no"
    if isinstance(value, numbers.Integral):
        return str(value).replace("-", "−")
    if isinstance(value, numbers.Real):
        return number_text(float(value), digits)
    return str(value)


def number_text(value: float, digits: int) -> str:
    """A number with so many significant digits, trailing zeros kept; powers of ten beyond 10⁻⁴ and 10⁶."""
    if math.isnan(value):
        return NOT_AVAILABLE
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    power = int(exponent)
    if not -4 <= power < 6:
        return f"{mantissa} × 10{str(power).translate(_EXPONENT)}".replace("-", "−")
    return f"{value:.{max(digits - 1 - power, 0)}f}".replace("-", "−")


def markdown(table: ReportTable) -> str:
    """The table as a Markdown pipe table under its title and caption."""
    text = text_table(table.frame, table.digits)
    rule = ["---:" if numeric else ":---" for numeric in text.numeric]
    lines = [[_markdown_cell(name) for name in text.header], rule]
    lines += [[_markdown_cell(cell) for cell in row] for row in text.rows]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"**{_markdown_cell(table.title)}** {_markdown_cell(table.caption)}\n\n{body}\n"


def _markdown_cell(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def latex(table: ReportTable) -> str:
    """The table in LaTeX with booktabs rules; one with many rows as a longtable."""
    text = text_table(table.frame, table.digits)
    columns = "".join("r" if numeric else "l" for numeric in text.numeric)
    header = " & ".join(map(latex_text, text.header)) + r" \\"
    body = [" & ".join(map(latex_text, row)) + r" \\" for row in text.rows]
    caption = rf"\caption{{{latex_text(table.title)}. {latex_text(table.caption)}}}\label{{tab:{table.key}}}"
    if len(body) > _LONG_TABLE:
        return _joined(
            "% needs \\usepackage{booktabs,longtable}",
            rf"\begin{{longtable}}{{{columns}}}",
            caption + r" \\",
            *(r"\toprule", header, r"\midrule", r"\endfirsthead"),
            *(r"\toprule", header, r"\midrule", r"\endhead"),
            *(r"\bottomrule", r"\endfoot"),
            *body,
            r"\end{longtable}",
        )
    return _joined(
        "% needs \\usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        caption,
        rf"\begin{{tabular}}{{{columns}}}",
        *(r"\toprule", header, r"\midrule"),
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    )


def latex_text(text: str) -> str:
    """Text with every character that LaTeX reads as a command or cannot typeset replaced by what it prints."""
    plain = _LATEX_EXPONENT.sub(
        lambda match: "10\0" + match[1].translate(_PLAIN_EXPONENT) + "\0", " ".join(text.split())
    )
    parts = plain.split("\0")  # text, exponent, text, ...
    return "".join(
        f"\\textsuperscript{{{part.replace('-', '$-$')}}}" if index % 2 else _latex_characters(part)
        for index, part in enumerate(parts)
    )


def _latex_characters(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def _joined(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def write_table(table: ReportTable, folder: Path) -> None:
    """Write ``key.csv``, ``key.md`` and ``key.tex``."""
    with_index(table.frame).to_csv(folder / f"{table.key}.csv", index=False, lineterminator="\n")
    (folder / f"{table.key}.md").write_text(markdown(table), encoding="utf-8")
    (folder / f"{table.key}.tex").write_text(latex(table), encoding="utf-8")


def _is_numeric(column: pd.Series) -> bool:
    """Whether a column holds numbers only, missing ones aside."""
    present = column.dropna()
    return len(present) > 0 and all(isinstance(v, numbers.Number) and not isinstance(v, bool) for v in present)


def _is_whole(column: pd.Series) -> bool:
    """Whether a column of numbers holds whole ones only, few enough in digits to be written out."""
    return all(float(value).is_integer() and abs(value) < _LARGEST_WHOLE for value in column.dropna())
