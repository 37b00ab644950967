"""Labels of figures: every metric and method has one; levels, ties, radius, older names."""

import pytest

from gluon_hash import plots


@pytest.mark.parametrize(
    "name, label",
    [
        ("map@500", "mAP@500"),
        ("map_tie_averaged", "mAP (mean over ties)"),
        ("map_level_2", "mAP, level 2"),
        ("map_mean_of_levels", "mAP, mean of levels"),
        ("mahp_barz@250", "mAHP (Barz)@250"),
        ("hit@1_level_1", "hit@1, level 1"),
        ("mean_ndcg_released@100", "mean nDCG@100"),
        ("precision_radius_1", "precision within 1 bit"),
        ("recall_radius_2", "recall within 2 bits"),
        ("weighted_recall@100", "weighted recall@100"),
        ("validation_map_database", "validation mAP in training images"),
        ("validation_map_tie_averaged", "validation mAP (mean over ties)"),
        ("lr", "learning rate"),
        ("center_shift", "center shift"),
    ],
)
def test_metrics_are_named_as_the_field_does(name, label):
    assert plots.metric_label(name) == label


def test_a_level_is_named_where_it_is_known():
    assert plots.metric_label("hit@1_level_1", ["fine", "coarse"]) == "hit@1, same coarse"
    assert plots.metric_label("map_level_3", ["fine", "coarse"]) == "mAP, level 3"


def test_every_metric_of_the_table_has_a_label_without_underscores():
    from gluon_hash.retrieval.evaluation.kernels.table import METRICS

    words = {"map": "@5", "ahp": 5, "ndcg": 5, "released": 5, "precision": 5, "hit": 1, "radius": 2}
    for metric in METRICS:
        label = plots.metric_label(metric.name.format(level=1, **words))
        assert "_" not in label and "{" not in label


@pytest.mark.parametrize(
    "name, label",
    [
        ("hpdh", "HPDH"),
        ("hpdh level_weights=1_0.25", "HPDH, level weights 1, 0.25"),
        ("csq targets=tree flipped=0.125, 32 bits", "CSQ, targets by the tree, 12.5 %, 32 bits"),
        ("optimizer.lr=0.01", "lr 0.01"),
        ("options=targets_balanced", "balanced targets"),
        ("base,name=dpn,lr=0.001,seed=24", "base, DPN, lr 0.001, seed 24"),
        ("inv_variances=0.35_0.35", "1/σ² 0.35, 0.35"),
    ],
)
def test_lines_of_a_comparison_are_words(name, label):
    assert plots.line_label(name) == label


def test_bits_are_counted_in_words():
    assert [plots.count_bits(number) for number in (0, 1, 2)] == ["0 bits", "1 bit", "2 bits"]


@pytest.mark.mxnet
def test_every_method_has_a_label():
    from gluon_hash.methods import METHODS
    from gluon_hash.plots.names import METHOD_LABELS

    assert set(METHODS) <= set(METHOD_LABELS)
