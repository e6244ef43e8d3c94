"""Fills the Secrets that the chart renders empty, once each, so that rendering stays the same."""
