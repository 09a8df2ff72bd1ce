"""Comparison: many Fits aligned by estimand, with what each school's rules decide."""

from bayesgov.comparison.align import without_twins
from bayesgov.comparison.comparison import Comparison, compare

__all__ = ["Comparison", "compare", "without_twins"]
