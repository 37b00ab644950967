"""Cached features: where they are kept when nothing can be written beside the records, and when."""

import errno
import shutil

import numpy as np
import pytest

pytest.importorskip("mxnet")

from gluon_hash.engine import mx  # noqa: E402
from gluon_hash.experiment import recommended  # noqa: E402
from gluon_hash.experiment.data import caching  # noqa: E402
from gluon_hash.experiment.data.features import batch_size_for  # noqa: E402
from gluon_hash.nets import get_backbone, save_backbone  # noqa: E402
from gluon_hash.retrieval import FeatureTable  # noqa: E402

CPU = [mx.cpu()]


@pytest.fixture
def weights(tmp_path):
    backbone = get_backbone("cifar_resnet20_v1")
    backbone.initialize()
    backbone(mx.nd.zeros((1, 3, 32, 32)))
    save_backbone(backbone, tmp_path / "b.params")
    return tmp_path / "b.params"


@pytest.fixture
def config(prepared, tmp_path, weights):
    data = shutil.copytree(prepared, tmp_path / "data")
    return recommended(data, backbone="cifar_resnet20_v1", weights=weights)


@pytest.fixture
def read_only(tmp_path, monkeypatch):
    """Nothing can be written into the records' folder, whoever one is."""
    real = caching.temporary_file

    def temporary_file(path):
        if path.parent == tmp_path / "data":
            raise OSError(errno.EROFS, "Read-only file system", str(path.parent))
        return real(path)

    monkeypatch.setattr(caching, "temporary_file", temporary_file)


def test_beside_a_run_where_the_records_are_read_only(config, tmp_path, read_only, capsys):
    cached = caching.cache_features(config, CPU, tmp_path / "runs" / "one")
    said = capsys.readouterr().err
    assert f"{tmp_path}/data: nothing can be written there; features are kept beside" in said
    features = sorted((tmp_path / "runs").glob("features_*.npz"))
    assert {cached.data.features, cached.data.query_features} == set(map(str, features))
    assert not list((tmp_path / "data").glob("features_*"))
    again = caching.cache_features(config, CPU, tmp_path / "runs" / "two")
    assert again.data.features == cached.data.features
    assert "computed once" in said and "computed once" not in capsys.readouterr().err


def test_nothing_is_computed_where_nothing_can_be_kept(config, read_only, monkeypatch, capsys):
    monkeypatch.setattr(caching, "features_of", lambda *_: pytest.fail("computed"))
    with pytest.raises(OSError, match="Read-only file system"):
        caching.cache_features(config, CPU)
    assert "computed once" not in capsys.readouterr().err


def test_the_features_of_other_records_are_not_taken(config, tmp_path, read_only):
    first = caching.cache_features(config, CPU, tmp_path / "runs" / "one").data.features
    train, query = tmp_path / "data" / "train", tmp_path / "data" / "query"
    for suffix in (".rec", ".idx", ".lst"):
        shutil.copyfile(query.with_suffix(suffix), train.with_suffix(suffix))
    other = caching.cache_features(config, CPU, tmp_path / "runs" / "one").data.features
    assert other != first and len(FeatureTable.load(other)) == 54


def test_weights_are_read_before_anything_is_said_to_be_computed(config, weights, capsys):
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"b\.params"):
        caching.cache_features(config, CPU)
    assert "computed once" not in capsys.readouterr().err


@pytest.mark.parametrize("crop, expected", [(32, 128), (112, 128), (224, 32), (448, 8), (4096, 1)])
def test_a_batch_of_large_images_is_smaller(crop, expected):
    assert batch_size_for(crop) == expected  # 32 * 224 * 224 pixels at most, 128 images at most


def test_the_batch_changes_no_bit_of_the_features(prepared, config):
    from gluon_hash.experiment import features_of

    few, many = (features_of(config, prepared / "query.rec", CPU, size) for size in (8, 54))
    np.testing.assert_array_equal(few.features, many.features)
