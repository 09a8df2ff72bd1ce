"""Importing this module registers every check that the package has."""

from bayesgov.published.audit import (
    collinearity,
    confidence,
    counts,
    deviance,
    lasso,
    likelihood_ratio,
    matrix,
    panel_tables,
    ranges,
    sample,
    significance,
    stars,
    statements,
    wald,
)

__all__ = [
    "collinearity",
    "confidence",
    "counts",
    "deviance",
    "lasso",
    "likelihood_ratio",
    "matrix",
    "panel_tables",
    "ranges",
    "sample",
    "significance",
    "stars",
    "statements",
    "wald",
]
