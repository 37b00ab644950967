"""Definitions of the stock networks as symbols, and their traced JSON."""
