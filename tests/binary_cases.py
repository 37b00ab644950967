"""Binary files written by hand, for tests and for tests/fuzz: PyTorch's pickles."""

import struct
import zipfile

import numpy as np


def text(value):
    """A text in a pickle."""
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value):
    """A whole number in a pickle: of 4 bytes, or of as many as it takes."""
    if -(1 << 31) <= value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    size = value.bit_length() // 8 + 1
    return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)


def numbers(values):
    """A tuple of numbers in a pickle."""
    return b"(" + b"".join(map(number, values)) + b"t"


def torch_tensor(key, count, size, stride=None, offset=0, storage="FloatStorage", view=b""):
    """A tensor as PyTorch pickles it: in storage ``key`` of ``count`` numbers."""
    if stride is None:
        stride = [int(np.prod(size[axis + 1 :])) for axis in range(len(size))]
    where = text("storage") + f"ctorch\n{storage}\n".encode() + text(key) + text("cpu")
    pid = b"(" + where + number(count) + view + b"tQ"
    arguments = pid + number(offset) + numbers(size) + numbers(stride)
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"\x89ccollections\nOrderedDict\n)RtR"
    )


def torch_pickle(tensors):
    """A state dict: name -> what torch_tensor returned."""
    items = b"".join(text(name) + tensor + b"s" for name, tensor in tensors.items())
    return b"\x80\x02ccollections\nOrderedDict\n)R" + items + b"."


def write_pth(path, body, storages, method=zipfile.ZIP_STORED):
    """A .pth file: the pickle and the bytes of each storage, in a zip."""
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("archive/data.pkl", body)
        for key, values in storages.items():
            archive.writestr(f"archive/data/{key}", values.tobytes())
