"""Dynamic panels: one design, generalised method of moments and hierarchical Bayesian models."""
