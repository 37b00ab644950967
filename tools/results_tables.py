"""The tables of docs/results.md, in order: what is trained, and by what it is measured.

tools/results.py runs them. A line of a table is a configuration and what is set in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from results_choices import CHOICES
from results_lines import (
    ADAM,
    BITS,
    BOTH_TREES,
    DRAWN,
    DRAWN_FEATURES,
    DRAWN_LINES,
    EVERY_METHOD,
    FEATURES,
    MIXED,
    MLP,
    OLD,
    PAIRS,
    PAPER,
    PROTOCOLS,
    RATES,
    SEEDS,
    SEMANTIC,
    SLOW,
    TARGETS,
    TRIPLETS,
    TUNED,
    WINNER,
    WORDNET,
)

__all__ = ["PROTOCOLS", "TABLES", "Table"]


@dataclass(frozen=True)
class Table:
    """A table of the page: one call of `gluon-hash compare`.

    Parameters
    ----------
    name : str
        Of its markers in the page, and of its folder.
    config : str
    settings : tuple of str
        "section.key=value", for all lines.
    lines : mapping from str to a tuple of str
        A name, and what is set for that line; without lines there is the configuration alone.
    options : tuple of str
        Of compare.
    needs : str
        A file that tools/results.py makes of what it is given; without it the table is left out.
    measured_on : str
        The table whose networks are measured in another way; nothing is trained then.
    choose : mapping from str to a tuple of str
        For each line, "section.key=[a, b]": what tools/results_search.py chooses for it before it
        is trained, one setting after the other.
    search : tuple of str
        "section.key=value", for the trainings of that search alone.
    """

    name: str
    config: str
    settings: tuple[str, ...] = ()
    lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    needs: str = ""
    measured_on: str = ""
    choose: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    search: tuple[str, ...] = ()


TABLES = (
    Table("protocols_48", FEATURES, ADAM, EVERY_METHOD, ("--reference", "dcwh", *PROTOCOLS)),
    Table("triplets_48", FEATURES, ADAM, TRIPLETS, ("--reference", "dcwh", *PROTOCOLS)),
    Table(
        "hidden_layer_48",
        WINNER,
        options=PROTOCOLS,
    ),
    Table(
        "all_images_48",
        WINNER,
        ("data.held_out=false", "training.monitor=loss"),
        options=(*SEEDS, "--protocols", "paper,unseen-images"),
    ),
    Table(
        "tuned_48",
        FEATURES,
        (*ADAM[:2], "training.epochs=30"),
        TUNED,
        ("--reference", "dcwh", *PROTOCOLS),
        choose={name: CHOICES[name] for name in TUNED},
        search=("training.epochs=6",),
    ),
    Table(
        "tuned_mlp_48",
        FEATURES,
        (*ADAM[:2], *MLP, "training.epochs=12"),
        TUNED,
        ("--reference", "dcwh", *PROTOCOLS),
        choose={name: CHOICES[name] for name in TUNED},
        search=("training.epochs=4",),
    ),
    Table(
        "tuned_triplets_48",
        FEATURES,
        (*ADAM[:2], "training.epochs=30"),
        SLOW,
        PROTOCOLS,
        choose={name: CHOICES[name] for name in SLOW},
        search=("training.epochs=6",),
    ),
    Table(
        "float_48",
        FEATURES,
        ADAM,
        {
            "semantic_indexing": ("loss.name=semantic_indexing", "optimizer.lr=0.001"),
            "semantic_indexing_mlp": ("loss.name=semantic_indexing", "optimizer.lr=0.001", *MLP),
            "expected_codeword": EVERY_METHOD["expected_codeword"],
            "expected_codeword_mlp": EVERY_METHOD["expected_codeword_mlp"],
        },
        ("--reference", "expected_codeword", *PROTOCOLS),
    ),
    Table(
        "mixed_48",
        WINNER,
        lines=MIXED,
        options=PROTOCOLS,
    ),
    Table("semantic_48", FEATURES, ADAM, SEMANTIC, PROTOCOLS),
    Table("held_out", FEATURES, lines=EVERY_METHOD, measured_on="protocols_48"),
    Table("methods_48", FEATURES, ADAM, {}, (*RATES, *SEEDS, "--vary", f"loss.name=[{OLD}]")),
    Table(
        "heads_48",
        FEATURES,
        (),
        {},
        ("--vary", "loss.name=[hpdh,dcwh]", "--vary", "net.num_bits=[32,48,64]"),
    ),
    Table(
        "variances",
        FEATURES,
        (*ADAM, "optimizer.lr=0.003"),
        {},
        (
            "--vary",
            "loss.name=[dcwh,hpdh]",
            "--vary",
            "loss.inv_variances=[[1,0.5],[0.25,0.125],[0.25,0.25],[0.1,0.1],[0.03,0.03]]",
        ),
    ),
    Table(
        "coarse_weight",
        FEATURES,
        (*ADAM, "optimizer.lr=0.003", "loss.inv_variances=[0.35,0.35]"),
        {},
        ("--vary", "loss.level_weights=[[1,0],[1,0.1],[1,0.25],[1,0.5]]"),
    ),
    Table(
        "wide_variances",
        "configs/cifar100_features_hpdh_48.yaml",
        (),
        {},
        (*SEEDS, "--vary", "loss.name=[dcwh,hpdh]", "--vary", BITS),
    ),
    Table("targets_48", FEATURES, (*ADAM, "optimizer.lr=0.01"), TARGETS),
    Table(
        "graded_pairs",
        FEATURES,
        ADAM,
        {},
        (
            *("--choose", "optimizer.lr=[0.001,0.003]", "--seeds", "24,25"),
            *("--vary", "loss.level_weights=[[1],[1,0.5]]", "--vary", f"loss.name=[{PAIRS}]"),
        ),
    ),
    Table(
        "wordnet",
        FEATURES,
        ADAM,
        BOTH_TREES,
        ("--reference", "dcwh", *PROTOCOLS),
        needs=WORDNET,
    ),
    Table(
        "bits",
        FEATURES,
        ADAM,
        {},
        (*RATES, *SEEDS, "--vary", "loss.name=[dcwh,hpdh,ssdh,orthohash,csq,dpn]", "--vary", BITS),
    ),
    Table(
        "bits_targets",
        FEATURES,
        (*ADAM, "optimizer.lr=0.01"),
        {name: TARGETS[f"orthohash_{name}"] for name in ("balanced", "tree_17", "annealed")},
        (*SEEDS, "--vary", BITS),
    ),
    Table(
        "from_scratch",
        "configs/cifar100_resnet20_48.yaml",
        (),
        {
            "hpdh": (),
            "dcwh": ("loss.name=dcwh",),
            "hpdh_paper": (*PAPER, "optimizer.lr=0.01", "optimizer.warmup_epochs=0"),
        },
    ),
    *(
        Table(
            name,
            FEATURES,
            (
                *DRAWN,
                *(f"data.{key}=prepared/{name}/{value}" for key, value in DRAWN_FEATURES.items()),
                f"data.root=prepared/{name}",
            ),
            DRAWN_LINES,
            ("--reference", "dcwh", *PROTOCOLS),
        )
        for name in ("drawn", "drawn_tail", "drawn_wrong")
    ),
)
