"""How files of others are read: sizes checked before memory is taken, every failure a DataError.

Nothing here knows what a file means; who reads one says what was expected and what to do.
gluon_hash.guard.yaml_text is imported by who reads YAML.
"""

from gluon_hash.guard.json_text import as_schema, load_json, parse_json
from gluon_hash.guard.numpy_files import ArrayArchive, check_unpacking, load_npy, open_npz
from gluon_hash.guard.pickles import check_pickle
from gluon_hash.guard.reading import (
    is_of_the_disk,
    read_bytes,
    read_lines,
    read_text,
    reading,
    split_lines,
)

__all__ = [
    "ArrayArchive",
    "as_schema",
    "check_pickle",
    "check_unpacking",
    "is_of_the_disk",
    "load_json",
    "load_npy",
    "open_npz",
    "parse_json",
    "read_bytes",
    "read_lines",
    "read_text",
    "reading",
    "split_lines",
]
