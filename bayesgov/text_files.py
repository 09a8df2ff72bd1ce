"""Small text files of one folder, written together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bayesgov.errors import InputError


def write_texts(folder: Path, texts: Mapping[str, str]) -> tuple[Path, ...]:
    """Write texts by file name, with the same bytes on every system; the folder is made, files in it are replaced.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"{folder}: the files cannot be written there ({error.strerror})") from None
    return tuple(folder / name for name in texts)
