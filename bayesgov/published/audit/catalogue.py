"""Importing this module registers every check that the package has."""

from bayesgov.published.audit import (
    collinearity,
    counts,
    likelihood_ratio,
    matrix,
    panel_tables,
    ranges,
    sample,
    stars,
    statements,
    wald,
)

__all__ = [
    "collinearity",
    "counts",
    "likelihood_ratio",
    "matrix",
    "panel_tables",
    "ranges",
    "sample",
    "stars",
    "statements",
    "wald",
]
