"""Hierarchical deep hashing with MXNet/Gluon: learn, evaluate and serve binary codes for images."""

__version__ = "0.1.0"
