"""ImageNet's folders under WordNet, which is not a tree; validation images side by side."""

import pytest

from gluon_hash import datasets
from gluon_hash.errors import DataError


@pytest.fixture
def imagenet_folder(tmp_path, make_images):
    names = [
        f"{split}/{name}/{split}{n}.JPEG"
        for split in ("train", "val")
        for name in ("n1", "n2")
        for n in (f"_{name}",)
    ]
    make_images(tmp_path, names)
    (tmp_path / "tree").write_text("n0 n3\nn3 n1\nn0 n2\nn3 n9\n")
    return tmp_path


def test_imagenet_folders_under_a_wordnet_tree(imagenet_folder):
    root = imagenet_folder
    (root / "names").write_text("n1 tench, Tinca tinca\nn3 fish\n")
    data = datasets.imagenet(root, root / "tree", root / "names")
    assert data.hierarchy.to_table() == [("tench, Tinca tinca", "fish"), ("n2", "n2")]
    assert data.train.fine_labels.tolist() == data.query.fine_labels.tolist() == [0, 1]
    (root / "tree").write_text("n0 n3\nn3 n1\n")
    with pytest.raises(DataError, match="1 of 2 classes are not in the tree: n2"):
        datasets.imagenet(root, root / "tree")


def test_a_wordnet_node_may_have_several_parents_of_which_the_first_counts(imagenet_folder, capsys):
    root = imagenet_folder
    # n1 is under n3 and n4; what is above no class (n7, n8) and its roots do not matter
    (root / "tree").write_text("n0 n3\nn0 n4\nn3 n1\nn4 n1\nn4 n2\nn7 n8\nn5 n7\n")
    data = datasets.imagenet(root, root / "tree")
    assert data.hierarchy.to_table() == [("n1", "n3"), ("n2", "n4")]
    assert "1 nodes above the classes have several parents; the first one in tree" in (
        capsys.readouterr().err
    )
    (root / "tree").write_text("n0 n1\nn9 n2\n")
    with pytest.raises(DataError, match="expected one root above the classes, got n0, n9"):
        datasets.imagenet(root, root / "tree")
    (root / "tree").write_text("n2 n1\nn1 n2\n")
    with pytest.raises(DataError, match="cycle: n1 -> n2 -> n1"):
        datasets.imagenet(root, root / "tree")


@pytest.mark.parametrize(
    "labels",
    [
        "ImageId,PredictionString\nval_2,n1 1 2 3 4 n1 5 6 7 8 \nval_1,n2 1 2 3 4 \n",
        "val_2.JPEG n1\nval_1.JPEG n2\n",
        "n2\nn1\n",  # in the order of the file names
    ],
)
def test_validation_images_side_by_side(imagenet_folder, make_images, labels):
    root = imagenet_folder
    for name in ("n1", "n2"):
        (root / "val" / name / f"val_{name}.JPEG").unlink()
    make_images(root, ["val/val_1.JPEG", "val/val_2.JPEG"])
    (root / "labels").write_text(labels)
    data = datasets.imagenet(root, root / "tree", val_labels=root / "labels")
    assert data.query.names == ["val_1.JPEG", "val_2.JPEG"]
    assert data.query.fine_labels.tolist() == [1, 0]
    (root / "labels").write_text("val_1 n2\n")
    with pytest.raises(DataError, match=r"1 of 2 images of val have no label .*\(val_2\)"):
        datasets.imagenet(root, root / "tree", val_labels=root / "labels")
