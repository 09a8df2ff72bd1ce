"""Small studies written to a folder, for tests of the audit engine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bayesgov.printed import PrintedNumber
from bayesgov.study import Study, load_study

HEAD = """
key = "small"
summary = "A constructed study."
inference = "{inference}"

[citation]
title = "Constructed"
authors = ["None"]

[[tables]]
id = "1"
file = "table1.csv"
caption = "Constructed"
"""


def write_study(folder: Path, cells: Mapping[str, str], audit: str, inference: str = "classical") -> Study:
    """A study with one table "1"; ``cells`` maps "row/column" to what is printed; words start with a letter."""
    lines = ["table,row,column,printed,decimals"]
    for place, text in cells.items():
        row, column = place.split("/")
        words = not text or text[0].isalpha()
        lines.append(f'1,{row},{column},"{text}",{"" if words else PrintedNumber.parse(text).decimals}')
    folder.mkdir(exist_ok=True)
    (folder / "table1.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "study.toml").write_text(HEAD.format(inference=inference) + audit, encoding="utf-8")
    return load_study(folder)
