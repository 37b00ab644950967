"""Data sets: raw files of a user or of a published set -> a Dataset, and a Dataset -> a prepared
folder."""

from gluon_hash.datasets.dataset import Dataset, Split, regroup, write_dataset

__all__ = ["Dataset", "Split", "regroup", "write_dataset"]
