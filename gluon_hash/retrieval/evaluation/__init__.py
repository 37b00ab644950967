"""Evaluation: rankings, metrics, protocols, curves, intervals."""
