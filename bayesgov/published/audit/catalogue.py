"""Importing this module registers every check that the package has."""

from bayesgov.published.audit import collinearity, matrix, panel_tables, ranges, stars, statements

__all__ = ["collinearity", "matrix", "panel_tables", "ranges", "stars", "statements"]
