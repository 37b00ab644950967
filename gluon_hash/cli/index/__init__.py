"""`gluon-hash index`: build a Hamming index, change it, check it, search it."""

from gluon_hash.cli.index.commands import app

__all__ = ["app"]
