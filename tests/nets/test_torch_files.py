"""PyTorch's files that lie: tensors beyond their storage, pickles that ask for memory."""

import pickle
import zipfile

import numpy as np
import pytest
from binary_cases import number, text, torch_pickle, torch_tensor, write_pth

from gluon_hash.errors import DataError
from gluon_hash.nets import get_backbone
from gluon_hash.nets.pretrained.torch_files import LEGACY_MAGIC, read_state_dict
from gluon_hash.nets.weights import check_tensors

VALUES = np.arange(12, dtype="<f4")


def read(folder, tensors, storages=None):
    write_pth(folder / "x.pth", torch_pickle(tensors), {"0": VALUES, **(storages or {})})
    return read_state_dict(folder / "x.pth")


def test_tensors_are_views_of_their_storage(tmp_path):
    tensors = read(
        tmp_path,
        {
            "whole": torch_tensor("0", 12, (3, 4)),
            "column": torch_tensor("0", 12, (3,), (4,), offset=1),
            "transposed": torch_tensor("0", 12, (4, 3), (1, 4)),
            "one": torch_tensor("1", 1, (), storage="LongStorage"),
            "none": torch_tensor("0", 12, (5, 0)),
        },
        {"1": np.array([7], "<i8")},
    )
    assert tensors["whole"].tolist() == VALUES.reshape(3, 4).tolist()
    assert tensors["column"].tolist() == [1, 5, 9]
    assert tensors["transposed"].tolist() == VALUES.reshape(3, 4).T.tolist()
    assert tensors["one"].shape == () and tensors["one"] == 7
    assert tensors["none"].shape == (5, 0)


@pytest.mark.parametrize(
    "tensor, message",
    [
        (torch_tensor("0", 12, (13,)), "a tensor reaches beyond its storage"),
        (torch_tensor("0", 12, (3, 4), offset=1), "a tensor reaches beyond its storage"),
        (torch_tensor("0", 12, (12,), offset=-1), "a tensor reaches beyond its storage"),
        (torch_tensor("0", 12, (2,), (-1,), offset=5), "a tensor reaches beyond its storage"),
        (torch_tensor("0", 12, (1 << 40,), (0,)), "a tensor reaches beyond its storage"),
        (torch_tensor("0", 12, (1 << 62, 1 << 62)), "a tensor reaches beyond its storage"),
        (torch_tensor("0", 12, (-3, 4)), r"a tensor has the shape \(-3, 4\)"),
        (torch_tensor("0", 12, (3, 4), (1,)), r"a tensor has the shape \(3, 4\) and strides \(1,"),
        (torch_tensor("0", 12, (1,) * 40), "a tensor has the shape"),
        (torch_tensor("0", 13, (13,)), "storage '0' was cut short"),
        (torch_tensor("0", 12, (1,), storage="DoubleStorage"), "storage '0' was cut short"),
        (torch_tensor("0", -1, (1,)), "storage '0' was cut short"),
        (torch_tensor("1", 12, (1,)), "KeyError"),
        (torch_tensor("0", 12, (1,), view=b"(" + text("1") + number(9) + number(9) + b"t"), "cut"),
        (b"cnothing\nsystem\n(tR", "asks for nothing.system; refused"),
        (b"ctorch\nFloatStorage\n(K\x05tR", "it calls what makes no tensor"),
        (b"ctorch._utils\n_rebuild_tensor_v2\n(K\1K\2K\3K\4tR", "a tensor is of 1, 2, 3"),
        (torch_tensor("0", 12, (1,)) + b"}b", "it gives attributes to what has none"),
        (b"\x96" + (1 << 40).to_bytes(8, "little"), "KeyError: 150"),  # a bytearray of 1 TB
        (b"Nr\xff\xff\xff\x7f0", "expected a dictionary of tensors"),  # place 2**31 of its memory
        (b"]", "expected a dictionary of tensors"),
    ],
)
def test_a_pickle_that_lies_is_refused(tmp_path, tensor, message):
    if tensor.startswith(b"Nr"):
        tensor = tensor[:-1]
    with pytest.raises(DataError, match=rf"x\.pth: .*{message}"):
        read(tmp_path, {"w": tensor})


def test_a_zip_that_was_packed_or_shares_its_bytes_is_refused(tmp_path):
    body = torch_pickle({"w": torch_tensor("0", 1 << 22, (1 << 22,))})
    zeros = np.zeros(1 << 22, "<f4")
    write_pth(
        tmp_path / "x.pth", body, {"0": zeros}, zipfile.ZIP_DEFLATED
    )  # 16 KB, unpacks to 16 MB
    with pytest.raises(DataError, match=r"x\.pth: .* is packed, or shares its bytes"):
        read_state_dict(tmp_path / "x.pth")


def test_a_legacy_file_that_lies_is_refused(tmp_path):
    head = b"".join(pickle.dumps(value, 2) for value in (LEGACY_MAGIC, 1001, {}))
    body = torch_pickle({"w": torch_tensor("0", 12, (3, 4), view=b"N")})
    path = tmp_path / "old.pth"
    whole = head + body + pickle.dumps(["0"], 2) + np.int64(12).tobytes() + VALUES.tobytes()
    path.write_bytes(whole)
    assert read_state_dict(path)["w"].tolist() == VALUES.reshape(3, 4).tolist()
    for keys, count, message in (
        (["0"], 1 << 60, "was cut short inside its tensors"),
        (["1"], 12, "it stores '1', which no tensor is of"),
        ([], 12, "KeyError: '0'"),
        (5, 12, "TypeError"),
    ):
        path.write_bytes(
            head + body + pickle.dumps(keys, 2) + np.int64(count).tobytes() + VALUES.tobytes()
        )
        with pytest.raises(DataError, match=rf"old\.pth: .*{message}"):
            read_state_dict(path)
    for length in range(0, len(whole), 5):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError):
            read_state_dict(path)


def test_storages_of_the_optimiser_beside_the_network_are_passed_over(tmp_path):
    """{"state_dict": {...}, "optimizer": {...}}, before PyTorch 1.6: all storages follow."""
    head = b"".join(pickle.dumps(value, 2) for value in (LEGACY_MAGIC, 1001, {}))
    states = {
        name: torch_pickle({"w": torch_tensor(key, 12, (12,), view=b"N")})[2:-1]
        for name, key in (("state_dict", "0"), ("optimizer", "1"))
    }
    body = b"\x80\x02}" + b"".join(text(name) + state + b"s" for name, state in states.items())
    counted = np.int64(12).tobytes()
    (tmp_path / "x.pth").write_bytes(
        head
        + (body + b".")
        + pickle.dumps(["1", "0"], 2)
        + (counted + bytes(48) + counted + VALUES.tobytes())
    )
    assert read_state_dict(tmp_path / "x.pth")["w"].tolist() == VALUES.tolist()


def test_a_size_that_the_network_does_not_know_yet_is_not_zero():
    """(64, 0, 3, 3) has the sizes that a convolution has told, and no number."""
    backbone = get_backbone("cifar_resnet20_v1")
    names = backbone._collect_params_with_prefix()
    shapes = {
        name: tuple(max(size, 0) for size in parameter.shape) for name, parameter in names.items()
    }
    assert any(0 in shape for shape in shapes.values())
    with pytest.raises(DataError, match="tensors do not fit the backbone"):
        check_tensors(backbone, shapes, "x.pth")
