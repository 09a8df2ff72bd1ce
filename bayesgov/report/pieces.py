"""Small pieces that the sections of a report share."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayesgov.fits import Fit
from bayesgov.report.content import Paragraph

NORMAL = 1.959964  # 97.5% point of the standard normal distribution


def assumptions(sentences: tuple[str, ...]) -> tuple[Paragraph, ...]:
    """Every assumption as a paragraph of its own, marked as one."""
    return tuple(Paragraph(sentence, "assumption") for sentence in sentences)


def group_of(fit: Fit, name: str) -> xr.Dataset:
    """A group of the fit's tree as a dataset."""
    return fit.tree[name].to_dataset()


def titled(names: pd.Series, labels: pd.Series) -> pd.Series:
    """ "<id>. <label>"; the id alone where the codebook has no label for it."""
    return names.where(names == labels, names + ". " + labels)


def interval_rows(table: pd.DataFrame, series: Mapping[str, tuple[str, str, str]]) -> pd.DataFrame:
    """Several (estimate, lower, upper) column triples of one table, as long rows for a forest.

    Rows are labelled as :func:`titled` has it.
    """
    parts = [
        pd.DataFrame(
            {
                "label": titled(table["item"], table["label"]),
                "series": name,
                "estimate": table[estimate],
                "lower": table[lower],
                "upper": table[upper],
            }
        )
        for name, (estimate, lower, upper) in series.items()
    ]
    return pd.concat(parts, ignore_index=True)


def top_level_draws(fit: Fit, names: tuple[str, ...]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Prior and posterior draws of the fit's positive scalar variables, as log10: their priors have long tails."""
    prior, posterior = group_of(fit, "prior"), group_of(fit, "posterior")
    present = [name for name in names if name in posterior and name in prior]
    return (
        {f"log10 {name.replace('_', ' ')}": np.log10(prior[name].to_numpy()) for name in present},
        {f"log10 {name.replace('_', ' ')}": np.log10(posterior[name].to_numpy()) for name in present},
    )


def spread_words(prior: Mapping[str, np.ndarray], posterior: Mapping[str, np.ndarray]) -> str:
    """How much narrower each posterior is than its prior: the text alternative of a prior-posterior figure."""
    ratios = []
    for name, draws in posterior.items():
        wide, narrow = (np.subtract(*np.percentile(values, [75, 25])) for values in (prior[name], draws))
        ratios.append(f"{name} {narrow / wide:.2g}")
    return f"Interquartile range of the posterior as a share of the prior's: {', '.join(ratios)}."


def numbered_parts[Entry](entries: Sequence[Entry], size: int) -> Iterator[tuple[str, Sequence[Entry]]]:
    """Runs of at most ``size`` entries with their numbers, "1 to 8", "9 to 16": what one figure of several shows."""
    for start in range(0, len(entries), size):
        part = entries[start : start + size]
        yield f"{start + 1} to {start + len(part)}", part


def figure_parts[Entry](entries: Sequence[Entry], most: int, what: str) -> Iterator[tuple[str, str, Sequence[Entry]]]:
    """Runs of nearly equal length, at most ``most`` entries in a figure, with endings of the figures' keys and titles.

    "-1-4" and ", terms 1 to 4", with ``what`` "terms"; both empty where one figure has all.
    """
    n_parts = max(1, math.ceil(len(entries) / most))
    for span, part in numbered_parts(entries, math.ceil(len(entries) / n_parts) or 1):
        one = len(part) == len(entries)
        yield ("", "", part) if one else (f"-{span.replace(' to ', '-')}", f", {what} {span}", part)
