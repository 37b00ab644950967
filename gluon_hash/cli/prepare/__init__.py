"""`gluon-hash prepare`: a data set becomes records, lists, a hierarchy and a split manifest."""

from gluon_hash.cli.prepare import own, published
from gluon_hash.cli.prepare.recipes import app

__all__ = ["app", "own", "published"]
