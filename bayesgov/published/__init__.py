"""Reanalysis from printed numbers alone."""
