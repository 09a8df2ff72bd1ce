"""Importing this module registers every check that the package has."""

from bayesgov.published.audit import counts, likelihood_ratio, sample, wald

__all__ = ["counts", "likelihood_ratio", "sample", "wald"]
