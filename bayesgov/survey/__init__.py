"""Ordinal outcomes of a survey: one likelihood, both schools of inference."""
