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
_ERROR = re.compile(r"(?<![a-z])mc_error(?![a-z])")
_GOVERNED = ("estimate", "std_error", "lower", "upper")  # what a Monte Carlo error beside them speaks of
_MONTE_CARLO_NOTE = (
    "Where a Monte Carlo error is given, estimate, limits and standard deviation are rounded to a unit no finer than "
    "it; the CSV has every digit."
)
_SMALLEST_SHARE = 0.001
_FINEST_ZERO = 4  # decimals
_LARGEST_WHOLE = 1e6
_LONG_TABLE = 35  # rows: a longer table breaks over pages in LaTeX
_LONG_CELL = 40  # characters: a column with more holds sentences
_SENTENCES = 0.6  # of the line's length, for all columns of sentences in LaTeX
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
    p-values and probabilities have bounds instead of powers of ten. Where a column ``mc_error`` stands beside them,
    ``estimate``, its limits and its ``std_error`` show no digit finer than it (so too with words before or after:
    ``mc_error_long_run`` speaks of ``estimate_long_run``).
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
    errors = _monte_carlo_errors(flat)
    columns = []
    for position, name in enumerate(names):
        before = names[position - 1] if position else ""
        after = names[position + 1] if position + 1 < len(names) else ""
        column = flat.iloc[:, position]
        cells = _cells(name, column, digits, errors.get(name))
        if (name in _NUMBERED and after == "label") or after == f"{name}_label":
            continue  # the label's column carries it
        if name == "label" and before in _NUMBERED:
            cells = tuple(f"{value}. {text}" for value, text in zip(flat.iloc[:, position - 1], cells, strict=True))
            columns.append(_Column(before, cells, numeric=False))
        elif name == f"{before}_label":
            columns.append(_Column(before, cells, numeric=False))
        elif _LOWER.search(name) and (other := _LOWER.sub("upper", name)) in names:
            ends = zip(cells, _cells(other, flat.iloc[:, names.index(other)], digits, errors.get(other)), strict=True)
            columns.append(_Column(_LOWER.sub("limits", name), tuple(map(_interval, ends)), numeric=True))
        elif not (_UPPER.search(name) and _UPPER.sub("lower", name) in names):
            columns.append(_Column(name, cells, _is_numeric(column)))
    return columns


def _interval(ends: tuple[str, str]) -> str:
    return NOT_AVAILABLE if ends == (NOT_AVAILABLE, NOT_AVAILABLE) else f"[{ends[0]}, {ends[1]}]"


def _monte_carlo_errors(flat: pd.DataFrame) -> dict[str, pd.Series]:
    """Column -> the Monte Carlo errors that limit its digits, where the frame has any."""
    governed: dict[str, pd.Series] = {}
    for position, name in enumerate(map(str, flat.columns)):
        column = flat.iloc[:, position]
        if _ERROR.search(name) and _is_numeric(column):
            governed |= {_ERROR.sub(word, name): column for word in _GOVERNED}
    return governed


def _cells(name: str, column: pd.Series, digits: int, errors: pd.Series | None = None) -> tuple[str, ...]:
    if _is_numeric(column):
        if _ERROR.search(name):
            return tuple(cell_text(value, 1) for value in column)
        if errors is not None:
            pairs = zip(column, errors, strict=True)
            return tuple(supported_text(float(value), float(error), digits) for value, error in pairs)
        if _SHARE.match(name):
            return tuple(share_text(float(value)) for value in column)
        if _is_whole(column):
            return tuple(NOT_AVAILABLE if pd.isna(value) else f"{value:.0f}".replace("-", "−") for value in column)
    words = QUANTITIES if name == "quantity" else {}
    return tuple(words.get(text, text) for text in (cell_text(value, digits) for value in column))


def supported_text(value: float, error: float, digits: int) -> str:
    """A number with at most ``digits`` significant digits, and none that its Monte Carlo error does not support.

    The unit of the last digit is the smallest power of ten that is not below ``error``: a digit of a finer unit would
    change with the seed. A number without an error (NaN, or none) is shown as any other.
    """
    if not (math.isfinite(value) and math.isfinite(error) and error > 0 and value != 0):
        return number_text(value, digits)
    place = math.ceil(math.log10(error))  # power of ten of the finest unit
    power = int(f"{value:.{digits - 1}e}".split("e")[1])
    if power - digits + 1 >= place:
        return number_text(value, digits)
    rounded = round(value, -place)
    if rounded == 0:
        return f"{0:.{-place}f}" if -_FINEST_ZERO <= place < 0 else "0"
    return number_text(rounded, math.floor(math.log10(abs(rounded))) - place + 1)


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


def caption_text(table: ReportTable) -> str:
    """The table's caption, with a sentence on its digits where Monte Carlo errors limit them."""
    flat = with_index(table.frame)
    limited = set(_monte_carlo_errors(flat)) & set(map(str, flat.columns))
    return f"{table.caption} {_MONTE_CARLO_NOTE}" if limited else table.caption


def markdown(table: ReportTable) -> str:
    """The table as a Markdown pipe table under its title and caption."""
    text = text_table(table.frame, table.digits)
    rule = ["---:" if numeric else ":---" for numeric in text.numeric]
    lines = [[_markdown_cell(name) for name in text.header], rule]
    lines += [[_markdown_cell(cell) for cell in row] for row in text.rows]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"**{_markdown_cell(table.title)}** {_markdown_cell(caption_text(table))}\n\n{body}\n"


def _markdown_cell(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def latex(table: ReportTable) -> str:
    """The table in LaTeX with booktabs rules; one with many rows as a longtable."""
    text = text_table(table.frame, table.digits)
    columns = _latex_columns(text)
    header = " & ".join(map(latex_text, text.header)) + r" \\"
    body = [" & ".join(map(latex_text, row)) + r" \\" for row in text.rows]
    caption = rf"\caption{{{latex_text(table.title)}. {latex_text(caption_text(table))}}}\label{{tab:{table.key}}}"
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


def _latex_columns(text: TextTable) -> str:
    """Numbers to the right, words to the left, and sentences in columns that share the line and wrap."""
    longest = [max((len(row[index]) for row in text.rows), default=0) for index in range(len(text.header))]
    sentences = sum(size > _LONG_CELL for size in longest)
    return "".join(
        "r" if numeric else "l" if size <= _LONG_CELL else rf"p{{{_SENTENCES / sentences:.2f}\linewidth}}"
        for numeric, size in zip(text.numeric, longest, strict=True)
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
