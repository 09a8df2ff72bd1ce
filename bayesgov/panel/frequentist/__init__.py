"""Frequentist estimators of dynamic panels: GMM by region, least squares and its corrections, long-run effects."""
