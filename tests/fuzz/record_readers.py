"""Record files and their indexes: read image by image, checked, indexed again."""

import contextlib
import io
import struct

import numpy as np
from harness import Reader
from mutations import mutate_bytes

from gluon_hash.errors import DataError
from gluon_hash.records import RecordFile, check_records, frames, rebuild_index
from gluon_hash.records.pack import encode_jpeg, encode_png, write_payloads

WORDS = [0, 1, frames.MAGIC, 2**29 - 1, 2**29, 2**31, 3 * 2**29 + 8, 2**32 - 1]


def make_records(folder):
    """Six records, one of them in three parts."""
    rng = np.random.RandomState(24)
    payloads = []
    for number in range(6):
        pixels = rng.randint(0, 256, (12, 12, 3)).astype(np.uint8)
        image = (encode_png if number % 2 else encode_jpeg)(pixels)
        payload = frames.pack_payload(number, np.array([number % 3, number % 2]), image)
        if number == 3:  # after the image's end, which a decoder does not look at
            payload += b"\0" * (-len(payload) % 4) + frames.MAGIC_BYTES * 2 + b"tail"
        payloads.append((number, payload))
    write_payloads(folder / "x.rec", payloads, len(payloads))
    return folder / "x.rec"


def make_index(folder):
    return make_records(folder).with_suffix(".idx")


def mutate_words(data, rng):
    """Another value in a word of a record's frame or header."""
    data = bytearray(data)
    words = [at for at in range(0, len(data) - 7, 4) if data[at : at + 4] == frames.MAGIC_BYTES]
    for _ in range(rng.choice((1, 1, 2))):
        at = rng.choice(words) + 4 * rng.randrange(8)  # magic, length, flag, label, id, id, ...
        struct.pack_into("<I", data, min(at, len(data) - 4), rng.choice(WORDS))
    return bytes(data)


def read_images(path):
    records = RecordFile(path.with_suffix(".rec"))
    return [records.image(position) for position in range(len(records))]


def check(path):
    """What is wrong is refused here, so that something is."""
    with contextlib.redirect_stderr(io.StringIO()):  # progress
        problems = check_records(path.with_suffix(".rec")).problems
    if problems:
        raise DataError(str(problems[0]), path=problems[0].path)


def index_again(path):
    index = path.with_suffix(".idx")
    before = index.read_bytes()
    try:
        return rebuild_index(path)
    finally:
        index.write_bytes(before)


BOTH = (mutate_bytes, mutate_words)
READERS = [
    Reader("rec", make_records, read_images, BOTH),
    Reader("rec_checked", make_records, check, BOTH),
    Reader("rec_indexed_again", make_records, index_again, BOTH),
    Reader("idx", make_index, read_images, (mutate_bytes,)),
    Reader("idx_checked", make_index, check, (mutate_bytes,)),
]
