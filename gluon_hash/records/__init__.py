"""What an image file becomes: lists, records, transforms; the loaders are in
gluon_hash.records.loaders."""

from gluon_hash.records.lists import ImageList, held_out_positions, read_list, write_list
from gluon_hash.records.pack import pack_list, rebuild_index, verify, write_records
from gluon_hash.records.reader import RecordFile, decode_image
from gluon_hash.records.transforms import ImageTransform

__all__ = [
    "ImageList",
    "ImageTransform",
    "RecordFile",
    "decode_image",
    "held_out_positions",
    "pack_list",
    "read_list",
    "rebuild_index",
    "verify",
    "write_list",
    "write_records",
]
