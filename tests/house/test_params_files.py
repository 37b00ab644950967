"""The .params files of MXNet: headers that lie are refused before MXNet believes them."""

import math
import os
import struct

import mxnet as mx
import numpy as np
import pytest

from gluon_hash.errors import DataError
from gluon_hash.guard.params_files import check_params
from gluon_hash.nets import HashingNet, get_backbone, load_params, read_params

LIST_MAGIC, VERSION_1, VERSION_2, NUMPY_SHAPES = 0x112, 0xF993FAC8, 0xF993FAC9, 0xF993FACA


def tensor(
    shape=(2, 3), *, magic=VERSION_2, storage=0, device=(1, 0), kind=0, data=None, num_axes=None
):
    """The bytes of one tensor: float32 unless ``kind`` says otherwise."""
    num_axes = len(shape) if num_axes is None else num_axes
    head = struct.pack("<I", magic) + (struct.pack("<i", storage) if magic == VERSION_2 else b"")
    head += struct.pack(f"<i{len(shape)}q", num_axes, *shape) + struct.pack("<iii", *device, kind)
    return head + (bytes(4 * math.prod(shape)) if data is None else data)


def stored(*tensors, names=None, count=None, num_names=None, magic=LIST_MAGIC):
    """The bytes of a file of ``tensors`` under the names a, b, ..."""
    names = [bytes([97 + number]) for number in range(len(tensors))] if names is None else names
    data = struct.pack("<QQQ", magic, 0, len(tensors) if count is None else count)
    data += b"".join(tensors) + struct.pack("<Q", len(names) if num_names is None else num_names)
    return data + b"".join(struct.pack("<Q", len(name)) + name for name in names)


def test_what_mxnet_writes_is_read(tmp_path):
    path = tmp_path / "x.params"
    types = ("float16", "float32", "float64", "uint8", "int8", "int32", "int64")
    for dtype in types:
        mx.nd.save(os.fspath(path), {"w.0": mx.nd.ones((2, 3), dtype=dtype), "b": mx.nd.ones(4)})
        tensors = check_params(path)
        assert list(tensors) == ["w.0", "b"]
        assert tensors["w.0"].shape == (2, 3) and tensors["w.0"].dtype == np.dtype(dtype)
        assert read_params(path)["w.0"].asnumpy().tolist() == [[1, 1, 1], [1, 1, 1]]
    mx.nd.save(os.fspath(path), {})
    assert check_params(path) == {} and read_params(path) == {}


def test_the_older_layouts_are_read(tmp_path):
    values = np.arange(6, dtype="<f4")
    # before version 1: number of axes and sizes, uint32, where the magic word is now
    oldest = struct.pack("<III", 2, 2, 3) + struct.pack("<iii", 1, 0, 0) + values.tobytes()
    for data in (oldest, tensor(magic=VERSION_1, data=values.tobytes())):
        (tmp_path / "x.params").write_bytes(stored(data))
        assert check_params(tmp_path / "x.params")["a"].shape == (2, 3)
        assert read_params(tmp_path / "x.params")["a"].asnumpy().tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "it ends where 24 bytes were expected"),
        (b"PK\3\4" + bytes(20), "it begins with 0x4034b50, expected 0x112"),
        (stored(count=1 << 60), "it promises 1152921504606846976 tensors"),
        (stored(tensor(), count=2), r"tensor 1 is empty, its shape is \(0,\)"),
        (stored(tensor(num_axes=-1)), "a tensor has -1 axes"),
        (stored(tensor(num_axes=1 << 30)), "a tensor has 1073741824 axes"),
        (stored(tensor(magic=0xFFFFFFFF)), "a tensor has 4294967295 axes"),
        (stored(tensor((0, 3))), r"tensor 0 is empty, its shape is \(0, 3\)"),
        (stored(tensor((), data=b"")), r"tensor 0 is empty, its shape is \(\)"),
        (stored(tensor((-1, -6), data=bytes(24))), r"tensor 0 is empty, its shape is \(-1, -6\)"),
        # 4 * 2**31 * 2**31 is 0 in 64 bits
        (stored(tensor((1 << 31, 1 << 31), data=b"")), r"has 18446744073709551616 bytes, \d+ are"),
        (stored(tensor((1 << 20, 3), data=bytes(12))), r"has 12582912 bytes, \d+ are left"),
        (stored(tensor(storage=1)), r"tensor 0 is sparse \(storage type 1\)"),
        (stored(tensor(kind=99)), "tensor 0 has type 99 on device 1, 0"),
        (stored(tensor(device=(4, 0))), "tensor 0 has type 0 on device 4, 0"),
        (stored(tensor(device=(2, -1))), "tensor 0 has type 0 on device 2, -1"),
        (stored(tensor(magic=NUMPY_SHAPES)), "saved in MXNet's NumPy mode"),
        (stored(tensor(), tensor(), names=[b"a"]), "it has 2 tensors, but 1 names"),
        (stored(tensor(), names=[]), "the tensors have no names; save them with save_parameters"),
        (stored(tensor(), tensor(), names=[b"a", b"a"]), "a name appears twice"),
        (stored(tensor(), names=[b""]), "a name has 0 bytes"),
        (stored(tensor(), names=[b"a" * 5000]), "a name has 5000 bytes"),
        (stored(tensor(), names=[b"\xff"]), "a name is not UTF-8"),
        (stored(tensor(), names=[b"a\0b"]), r"control characters: 'a\\x00b'"),
        (stored(tensor()) + b"x", "1 bytes follow the last name"),
    ],
)
def test_a_header_that_lies_is_refused(tmp_path, data, message):
    path = tmp_path / "x.params"
    path.write_bytes(data)
    with pytest.raises(DataError, match=rf"x\.params: not a \.params file.*: .*({message})"):
        check_params(path)
    with pytest.raises(DataError, match=message):  # MXNet does not come to see it
        read_params(path)


def test_every_cut_is_noticed(tmp_path):
    path = tmp_path / "x.params"
    mx.nd.save(os.fspath(path), {"w": mx.nd.ones((2, 2)), "b": mx.nd.ones(2)})
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match="cut short or damaged"):
            check_params(path)


def test_only_headers_are_read(tmp_path):
    """A sparse file that says it has 8 GB is checked as fast as a small one."""
    path = tmp_path / "x.params"
    head, tail = stored(tensor((1 << 31,), data=b"")), struct.pack("<QQ", 1, 1) + b"a"
    with open(path, "wb") as stream:
        stream.write(head[: -len(tail)])
        stream.seek(4 << 31, os.SEEK_CUR)
        stream.write(tail)
    assert check_params(path)["a"].shape == (1 << 31,)


def test_a_folder_and_a_device_are_not_params(tmp_path):
    for path in (tmp_path, "/dev/zero"):
        with pytest.raises(DataError, match="expected a .params file, got a folder or a device"):
            check_params(path)
    with pytest.raises(FileNotFoundError):
        check_params(tmp_path / "none.params")


def test_a_network_takes_its_own_tensors_only(tmp_path):
    net = HashingNet(get_backbone("cifar_resnet20_v1"), 12)
    net.initialize()
    net(mx.nd.zeros((1, 3, 32, 32)))
    net.save_parameters(os.fspath(tmp_path / "n.params"))
    again = HashingNet(get_backbone("cifar_resnet20_v1"), 12)
    load_params(again, tmp_path / "n.params")
    images = mx.nd.random.uniform(shape=(2, 3, 32, 32))
    np.testing.assert_array_equal(again(images).asnumpy(), net(images).asnumpy())
    with pytest.raises(DataError, match=r"n\.params: 2 tensors do not fit the network: .*\(12,"):
        load_params(HashingNet(get_backbone("cifar_resnet20_v1"), 16), tmp_path / "n.params")
    tensors = read_params(tmp_path / "n.params")
    tensors["head.0.bias"] = tensors["head.0.bias"].astype("int32")
    mx.nd.save(os.fspath(tmp_path / "i.params"), tensors)
    with pytest.raises(DataError, match=r"i\.params: head\.0\.bias: expected float32, got int32"):
        load_params(again, tmp_path / "i.params")
