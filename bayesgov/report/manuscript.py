"""What a paper can take over from a run: the methods in words, with references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bayesgov.report.content import Document, Equation, Paragraph

_ENGINES = {"pymc": "PyMC", "nutpie": "nutpie", "arviz": "ArviZ", "numba": "Numba", "numpy": "NumPy", "scipy": "SciPy"}
_POSTERIOR_ONLY = ("pymc", "nutpie", "arviz")


def software_sentence(document: Document) -> str:
    """Which software and seed made the results; empty where the provenance does not say."""
    provenance = document.provenance
    if "bayesgov" not in provenance:
        return ""
    engines = [
        f"{words} {provenance[name]}"
        for name, words in _ENGINES.items()
        if name in provenance and (document.has_posterior or name not in _POSTERIOR_ONLY)
    ]
    under = f" under Python {provenance['python']}" if "python" in provenance else ""
    using = f", with {', '.join(engines)}" if engines else ""
    return f"Computed by bayesgov {provenance['bayesgov']}{under}{using}{_seed_words(provenance)}."


def _seed_words(provenance: Mapping[str, str]) -> str:
    seeds = list(dict.fromkeys(value for name, value in provenance.items() if name.split(",")[0] == "seed"))
    return f"; seed {', '.join(seeds)}" if seeds else ""


def methods_markdown(document: Document, references: Sequence[str]) -> str:
    """The methods of what was run as Markdown, equations in LaTeX, references at the end."""
    blocks = [f"# Methods: {document.title}"]
    for section in document.methods:
        blocks.append(f"## {section.title}")
        for block in section.blocks:
            if isinstance(block, Paragraph):
                blocks.append(block.text)
            elif isinstance(block, Equation):
                blocks += [f"$$\n{block.latex}\n$$", block.words]
    if software := software_sentence(document):
        blocks += ["## Software", software]
    blocks += ["## References", *(f"- {reference}" for reference in references)]
    return "\n\n".join(blocks) + "\n"
