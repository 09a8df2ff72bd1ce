"""Published mode of a coefficient table: estimates with standard errors in several readings, under both approaches."""

from bayesgov.published.coefficients.reanalysis import CoefficientsReanalysis, reanalyse

__all__ = ["CoefficientsReanalysis", "reanalyse"]
