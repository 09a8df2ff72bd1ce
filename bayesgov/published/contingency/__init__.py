"""Published mode of contingency tables: an ordinal outcome by the options of many items, under both approaches."""

from bayesgov.published.contingency.reanalysis import ContingencyReanalysis, reanalyse

__all__ = ["ContingencyReanalysis", "reanalyse"]
