"""Figures of codes: equal codes merged, widths kept, few crossings, names inside the figure."""

import io

import numpy as np
import pytest

from gluon_hash import plots
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.plots.embedding import embed
from gluon_hash.plots.tanglegram import crossings, untangled
from gluon_hash.plots.tsne import _apart


@pytest.fixture
def tree():
    rows = [(f"class {c}", f"group {c // 3}", f"kind {c // 6}") for c in range(12)]
    return Hierarchy.from_table(rows, ("class", "group", "kind"))


def test_equal_codes_are_one_point():
    codes = np.repeat(np.eye(6, dtype=np.int8) * 2 - 1, [1, 2, 3, 1, 1, 1], axis=0)
    found = embed(codes, 0)
    assert found.points.shape == (6, 2)
    assert sorted(found.counts.tolist()) == [1, 1, 1, 1, 2, 3]
    for first, second in ((1, 2), (3, 4), (4, 5)):
        assert found.point_of[first] == found.point_of[second]
    assert len(set(found.point_of.tolist())) == 6
    labels = np.array([0, 1, 2, 2, 1, 2, 0, 0, 0])
    majority = found.majority(labels)
    assert majority[found.point_of[3]] == 2  # 2, 1, 2
    assert majority[found.point_of[1]] == 1  # 1, 2: the smaller of both


def test_points_show_how_many_codes_they_are(rng):
    codes = np.repeat(rng.choice([-1, 1], (8, 16)), 3, axis=0)
    figure = plots.tsne(codes, np.arange(24) % 2, ["a", "b"], 0)
    assert [text.get_text() for text in figure.axes[0].texts] == ["3"] * 8


def test_relaxed_codes_are_measured_by_their_signs_with_hamming(rng):
    relaxed = rng.randn(30, 12)
    by_sign, of_signs = (embed(codes, 0, metric="hamming") for codes in (relaxed, np.sign(relaxed)))
    np.testing.assert_array_equal(by_sign.points, of_signs.points)
    assert "Hamming" in by_sign.title


@pytest.mark.parametrize(
    "options, message",
    [
        ({"metric": "cosine"}, "metric euclidean or hamming"),
        ({"method": "pca"}, "method tsne or umap"),
        ({"perplexity": 40}, "above 1 and up to"),
        ({"perplexity": 0.5}, "above 1 and up to"),
    ],
)
def test_options_that_do_not_fit_are_refused(rng, options, message):
    with pytest.raises(ValueError, match=message):
        embed(rng.choice([-1, 1], (30, 12)), 0, **options)


def test_few_different_codes_are_named(rng):
    codes = np.repeat([[1, 1], [1, -1], [-1, 1]], 5, axis=0)
    with pytest.raises(ValueError, match="15 codes, and only 3 different ones"):
        embed(codes, 0)


def test_umap_says_how_to_get_it(rng, monkeypatch):
    import sys

    from gluon_hash.errors import MissingPackageError

    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'gluon_hash\[umap\]'"):
        embed(rng.choice([-1, 1], (30, 12)), 0, method="umap")


def test_a_hundred_classes_have_their_names_at_their_clusters(rng):
    centers = rng.choice([-1, 1], (100, 64))
    codes = np.repeat(centers, 2, axis=0) * np.where(rng.rand(200, 64) < 0.05, -1, 1)
    labels, names = np.repeat(np.arange(100), 2), [f"name {c}" for c in range(100)]
    groups, found = np.arange(100) // 5, embed(codes, 0)
    options = {"groups": groups, "embedding": found}
    wide = plots.tsne(codes, labels, names, 0, group_names=["g"] * 20, **options)
    shown = {text.get_text() for text in wide.axes[0].texts} - {"2", "3", "4"}
    assert shown == set(names)
    group_names = [f"group {g}" for g in range(20)]
    narrow = plots.tsne(codes, labels, names, 0, group_names=group_names, width=3.35, **options)
    shown = {text.get_text() for text in narrow.axes[0].texts} - {"2", "3", "4"}
    assert shown == set(group_names) and narrow.get_size_inches()[0] == 3.35


def test_labels_are_moved_apart(rng):
    half = np.full((20, 2), [0.2, 0.05])
    before = 2 * rng.rand(20, 2)
    after = _apart(before, half)

    def nearest(places):  # 1: the two nearest labels just touch
        gap = np.abs(places[:, None] - places[None]) / (2 * half)
        np.fill_diagonal(gap[..., 0], 9)
        return gap.max(axis=2).min()

    assert nearest(after) > 0.9 > nearest(before)
    np.testing.assert_array_equal(_apart(np.zeros((1, 2)), half[:1]), [[0, 0]])


def test_a_tree_made_of_the_hierarchy_itself_crosses_nowhere(tree):
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    steps = (tree.ancestors[:, None] != tree.ancestors[None]).sum(axis=2)
    learned, given = untangled(linkage(squareform(steps), "average"), tree)
    assert crossings(learned, given) == 0
    assert sorted(learned.tolist()) == sorted(given.tolist()) == list(range(12))


def test_an_untangled_order_is_one_that_the_hierarchy_allows(tree, rng):
    from scipy.cluster.hierarchy import linkage

    _, given = untangled(linkage(rng.rand(12, 3), "average"), tree)
    for level in (1, 2):  # the classes of a group are beside each other
        groups = tree.ancestors[given, level]
        assert (np.diff(groups) != 0).sum() == tree.num_classes[level] - 1


def figures(tree, rng, width):
    from scipy.cluster.hierarchy import linkage

    steps = (tree.ancestors[:, None] != tree.ancestors[None]).sum(axis=2)
    yield plots.tanglegram(linkage(rng.rand(12, 3), "average"), tree, width=width)
    yield plots.distance_against_tree(steps * 3.0, steps, tree.level_names, width=width)
    shares = np.full((12, 12), 1 / 12)
    shares[3] = np.nan
    yield plots.class_confusion(shares, tree, 10, width=width)
    yield plots.bit_statistics(rng.rand(8), np.eye(8), width=width)
    yield plots.hierarchy_tree(tree, width=width)
    log = [{"epoch": e, "loss": 1 / e, "validation_map": 0.1 * e} for e in (1, 2, 3)]
    yield plots.training_curves({"run": log}, chosen={"run": 2}, width=width)
    images = [[np.zeros((8, 8, 3), np.uint8)] * 3] * 2
    names = [["aquarium_fish"] * 3] * 2
    yield plots.retrieval_grid(
        [None, None],
        images,
        np.ones((2, 3), int),
        np.full((2, 3), 2),
        tree.level_names,
        ["a", "b"],
        captions=names,
        width=width,
    )


@pytest.mark.parametrize("width", [3.35, 7.0])
def test_figures_keep_the_width_and_everything_is_inside(tree, rng, width):
    for figure in figures(tree, rng, width):
        assert figure.get_size_inches()[0] == pytest.approx(width)
        figure.savefig(io.BytesIO(), format="png")
        tight = figure.get_tightbbox()
        assert tight.x0 > -0.06 and tight.x1 < width + 0.06, figure.axes[0].get_title()


def test_the_epoch_that_was_kept_is_marked():
    log = [{"epoch": e, "loss": 1.0, "loss_cubic": 0.5, "note": "a"} for e in (1, 2, 3)]
    figure = plots.training_curves({"run": log}, chosen={"run": 2})
    assert [axes.get_title() for axes in figure.axes] == ["loss", "loss, cubic"]
    ring = figure.axes[0].lines[1]
    assert ring.get_xydata().tolist() == [[2, 1.0]]
    assert figure.axes[0].get_xlabel() == "epoch (2 was kept)"


def test_methods_that_use_the_hierarchy_have_another_colour(tree):
    from report_cases import METRICS, row

    lines = [row("hpdh", mean=0.5), row("dcwh", mean=0.4), row("csq", mean=0.3)]
    figure = plots.metrics_by_name(lines, METRICS, "x", hierarchical=["hpdh"])
    colours = [box[0].get_color() for box in figure.axes[0].containers]
    assert len(colours) == 2 and len(set(colours)) == 2
    assert [len(box[0].get_xdata()) for box in figure.axes[0].containers] == [1, 2]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["uses the hierarchy", "flat"]
    more = [row(line.name, bits) for line in lines for bits in (16, 32)]
    by_bits = plots.metrics_by_bits(more, METRICS, "x", hierarchical=["hpdh"])
    from gluon_hash.plots.palette import COOL, WARM

    assert [box[0].get_color() for box in by_bits.axes[0].containers] == [WARM[0], *COOL[:2]]
