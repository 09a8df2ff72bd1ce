"""Published mode of a panel study: a printed table of regional estimates with t-values, under both approaches."""

from bayesgov.published.regions.reanalysis import RegionsReanalysis, reanalyse

__all__ = ["RegionsReanalysis", "reanalyse"]
