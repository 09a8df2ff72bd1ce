"""Hierarchical Bayesian dynamic panels: the declared model, its collapsed density, and what follows from the draws."""

from bayesgov.panel.bayesian.fit import fit_bayesian

__all__ = ["fit_bayesian"]
