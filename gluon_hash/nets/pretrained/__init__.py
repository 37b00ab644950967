"""Pretrained weights of other frameworks -> .params files of our backbones."""

from gluon_hash.nets.pretrained.convert import ImportReport, import_weights

__all__ = ["ImportReport", "import_weights"]
