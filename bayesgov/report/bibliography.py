"""The sources that reports name, once, as data: the page's list of references and BibTeX come from the same entries."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from bayesgov.report.content import Document

_FILE = Path(__file__).parent / "bibliography.toml"
_BIBTEX = {"&": r"\&", "%": r"\%", "_": r"\_", "#": r"\#", "χ": r"$\chi$", "²": r"\textsuperscript{2}"}
# Software that an analysis rests on, by its name in the provenance; that of posteriors is named where there is one.
_SOFTWARE = {"numpy": "Harris2020", "scipy": "Virtanen2020"}
_POSTERIOR_SOFTWARE = {"pymc": "AbrilPla2023", "arviz": "Kumar2019", "nutpie": "Hoffman2014"}


class Source(BaseModel):
    """One publication.

    Attributes
    ----------
    author : tuple of str
        "Surname, I. I."; the last may be "others".
    doi, arxiv : str
        Empty where there is none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    author: tuple[str, ...]
    year: int
    title: str
    journal: str = ""
    volume: str = ""
    number: str = ""
    pages: str = ""
    publisher: str = ""
    doi: str = ""
    arxiv: str = ""

    @property
    def text(self) -> str:
        """As a list of references prints it: authors (year). Title. Where. Address."""
        *first, last = self.author
        authors = f"{', '.join(first)} & {last}" if first else last
        authors = authors.replace(" & others", " et al.")
        issue = f"({self.number})" if self.number else ""
        pages = f", {self.pages}" if self.pages else ""
        where = f"{self.journal} {self.volume}{issue}{pages}" if self.journal else self.publisher
        address = f" https://doi.org/{quote(self.doi)}" if self.doi else ""
        address = address or (f" arXiv:{self.arxiv}" if self.arxiv else "")
        return f"{authors} ({self.year}). {self.title}." + (f" {where}." if where else "") + address

    def bibtex(self, key: str) -> str:
        """As a BibTeX entry."""
        kind = "article" if self.journal else "book" if self.publisher else "misc"
        fields = {
            "author": " and ".join(self.author),
            "year": str(self.year),
            "title": f"{{{self.title}}}",  # braces keep capitals
            "journal": self.journal,
            "volume": self.volume,
            "number": self.number,
            "pages": self.pages.replace("-", "--"),
            "publisher": self.publisher,
            "doi": self.doi,
            "eprint": self.arxiv,
            "archiveprefix": "arXiv" if self.arxiv else "",
        }
        verbatim = {"doi", "eprint"}
        lines = [
            f"  {name} = {{{value if name in verbatim else _escaped(value)}}},\n"
            for name, value in fields.items()
            if value
        ]
        return f"@{kind}{{{key},\n{''.join(lines)}}}\n"


def _escaped(text: str) -> str:
    return "".join(_BIBTEX.get(character, character) for character in text)


@functools.cache
def sources() -> Mapping[str, Source]:
    """Key -> source."""
    return {key: Source(**fields) for key, fields in tomllib.loads(_FILE.read_text("utf-8")).items()}


def key_of(reference: str) -> str | None:
    """The key that a reference is or, for one written out, that of the source whose title it has; None if unknown."""
    known = sources()
    if reference in known:
        return reference
    return next((key for key, source in known.items() if f". {source.title}." in reference), None)


def cited(document: Document, more: Iterable[str] = ()) -> tuple[str, ...]:
    """Keys of every known source of a report: its methods', its software's and ``more``."""
    software = _SOFTWARE | (_POSTERIOR_SOFTWARE if document.has_posterior else {})
    used = [key for name, key in software.items() if document.has_fits and name in document.provenance]
    named = [key for reference in document.references if (key := key_of(reference))]
    return tuple(sorted({*named, *used, *more}))


def reference_list(document: Document, more: Iterable[str] = ()) -> tuple[str, ...]:
    """The list of references, by author; one that is no known source stands as it is written."""
    known = sources()
    strange = [reference for reference in document.references if key_of(reference) is None]
    return tuple(sorted([known[key].text for key in cited(document, more)] + strange))


def bibtex(keys: Iterable[str]) -> str:
    """A BibTeX file of these sources."""
    known = sources()
    return "\n".join(known[key].bibtex(key) for key in keys)
