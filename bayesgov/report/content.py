"""What a report is made of, before it is written in any format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bayesgov.fits import Check
    from bayesgov.published.audit import AuditReport
    from bayesgov.verdicts import ClaimVerdict


@dataclass(frozen=True, slots=True)
class ReportFigure:
    """A picture with what a reader needs to read it.

    Attributes
    ----------
    key : str
        File stem, unique in a run: "panel-forest-digital".
    title, caption : str
        The caption states data, model, interval kind and level.
    reading : str
        What good and bad look like.
    description : str
        Text alternative: what the picture shows, in words and numbers.
    figure : matplotlib Figure
    data : pandas.DataFrame
        The plotted numbers, shipped as CSV.
    """

    key: str
    title: str
    caption: str
    reading: str
    description: str
    figure: Figure
    data: pd.DataFrame


@dataclass(frozen=True, slots=True)
class StoredFigure:
    """A figure of a run folder, as the page needs it: the words of :class:`ReportFigure`, and the drawing as text.

    Attributes
    ----------
    svg : str
        Content of ``figures/KEY.svg``.
    """

    key: str
    title: str
    caption: str
    reading: str
    description: str
    svg: str


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A table; floats are shown with ``digits`` significant digits, the CSV keeps every digit.

    A column ``mc_error`` holds the Monte Carlo error of the column ``estimate``: what is shown of the estimate, its
    limits and its standard deviation has no digit that this error does not support.

    Attributes
    ----------
    folded : bool
        Detail that the page opens on demand.
    """

    key: str
    title: str
    caption: str
    frame: pd.DataFrame
    digits: int = 3
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str
    kind: Literal["text", "assumption", "warning"] = "text"


@dataclass(frozen=True, slots=True)
class Equation:
    """An equation in LaTeX (mathtext subset), rendered to SVG when the report is written, with its words."""

    latex: str
    words: str


type Block = ReportFigure | StoredFigure | ReportTable | Paragraph | Equation


@dataclass(frozen=True, slots=True)
class FitDiagnostics:
    """The checks of one fit."""

    study: str
    fit: str
    approach: str
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Section:
    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class StudyPart:
    """Everything about one study, in the order of the page.

    Attributes
    ----------
    source : str
        Which kind of data the numbers come from: printed tables, rows, bundled real data, simulated data.
    audit : AuditReport or None
        None for rows, which have nothing printed to audit.
    audit_figures : tuple of ReportFigure
        The audit at a glance, shown before its detail.
    summary : tuple of str
        What came out, in sentences, where there is no verdict table to say so. "table KEY" and "figure KEY" in them
        name what the numbers are counted over, and are links on the page.
    """

    key: str
    title: str
    citation: str
    source: str
    verdicts: tuple[ClaimVerdict, ...]
    audit: AuditReport | None
    sections: tuple[Section, ...]
    diagnostics: tuple[FitDiagnostics, ...]
    audit_figures: tuple[ReportFigure | StoredFigure, ...] = ()
    summary: tuple[str, ...] = ()

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Everything that the page shows of this study's results, in its order."""
        return (*self.audit_figures, *(block for section in self.sections for block in section.blocks))

    @property
    def judged(self) -> bool:
        """Whether there are printed numbers to audit or claims to rule on."""
        return self.audit is not None or bool(self.verdicts)


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report.

    Attributes
    ----------
    lead : str
        What question the report answers and from what.
    references : tuple of str
        Keys of the bibliography; a source that it lacks is written out.
    provenance : mapping
        Versions, seed, checksums, wall times, command; shown as it is.
    problems : tuple of str
        What failed or crashed on the way; printed even when empty.
    """

    title: str
    lead: str
    parts: tuple[StudyPart, ...]
    methods: tuple[Section, ...]
    references: tuple[str, ...]
    provenance: Mapping[str, str]
    problems: tuple[str, ...]

    @property
    def judged(self) -> bool:
        """Whether any part has printed numbers to audit or claims to rule on."""
        return any(part.judged for part in self.parts)

    @property
    def has_fits(self) -> bool:
        """Whether any part has a fit with its diagnostics."""
        return any(part.diagnostics for part in self.parts)

    @property
    def has_posterior(self) -> bool:
        """Whether any of these fits is Bayesian."""
        return any(fit.approach == "bayesian" for part in self.parts for fit in part.diagnostics)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Every block of results and methods, in the order of the page."""
        parts = (block for part in self.parts for block in part.blocks)
        return (*parts, *(block for section in self.methods for block in section.blocks))
