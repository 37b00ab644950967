"""What a label means: class names and parents per level, and how similar two classes are."""

from gluon_hash.hierarchy import readers, similarity
from gluon_hash.hierarchy.tree import Hierarchy

__all__ = ["Hierarchy", "readers", "similarity"]
