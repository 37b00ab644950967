"""The tables of docs/results.md, in order: what is trained, and by what it is measured.

tools/results.py runs them. A line of a table is a configuration and what is set in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from results_choices import CHOICES

__all__ = ["PROTOCOLS", "TABLES", "Table"]

PROTOCOLS = ("--protocols", "paper,unseen-images,unseen-classes")
FEATURES = "configs/cifar100_features_48.yaml"
ADAM = (
    "optimizer.name=adam",
    "optimizer.clip_gradient_norm=null",
    "training.epochs=8",
)
BITS = "net.num_bits=[16,32,48,64,128]"
SEEDS = ("--seeds", "24,25,26")
MLP = (
    *("net.head=mlp", "net.hidden_units=1024"),
    *("net.hidden_batch_norm=true", "net.dropout=0.5"),
)
RATES = ("--choose", "optimizer.lr=[0.001,0.003,0.01]")


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


def _at(lr: str, *methods: str) -> dict[str, tuple[str, ...]]:
    """Lines of methods with their own numbers, at a learning rate."""
    return {method: (f"loss.name={method}", f"optimizer.lr={lr}") for method in methods}


def _targets(method: str, targets: str, *more: str) -> tuple[str, ...]:
    return (f"loss.name={method}", "optimizer.lr=0.01", f"loss.targets={targets}", *more)


# the rates were chosen on held-out images, among .001, .003 and .01, for the table methods_48
EVERY_METHOD = {
    **_at("0.003", "dcwh"),
    **_at("0.001", "hpdh"),
    **_at("0.003", "hpdh_coarse_to_fine"),
    **_at("0.01", "idcwh", "dcdh"),
    **_at("0.003", "csq", "orthohash"),
    **_at("0.001", "dpn", "ssdh", "greedyhash"),
    **_at("0.003", "softmax"),
    **_at("0.001", "embedding", "embedding_softmax", "hashnet", "dpsh", "dch"),
    **_at("0.003", "dsh", "dhn", "dsdh", "dqn", "shdh"),
    "orthohash_tree": _targets("orthohash", "tree", "loss.flipped=0.17"),
    "csq_tree": _targets("csq", "tree", "loss.flipped=0.125"),
    "orthohash_annealed": _targets("orthohash", "annealed"),
    "csq_annealed": _targets("csq", "annealed"),
    **_at("0.001", "expected_codeword"),
    "expected_codeword_mlp": ("loss.name=expected_codeword", "optimizer.lr=0.001", *MLP),
}
TUNED = {
    **{name: (f"loss.name={name}",) for name in CHOICES},  # what follows is not just the method
    "hpdh_coarse_to_fine": ("loss.name=hpdh_coarse_to_fine", "loss.epochs_per_level=2"),
    "orthohash_tree": ("loss.name=orthohash", "loss.targets=tree"),
    "csq_tree": ("loss.name=csq", "loss.targets=tree"),
    "orthohash_annealed": ("loss.name=orthohash", "loss.targets=annealed"),
    "csq_annealed": ("loss.name=csq", "loss.targets=annealed"),
}
SLOW = {name: TUNED.pop(name) for name in ("dtsh", "dsrh", "dsrh_yao")}
TRIPLETS = {"dcwh": EVERY_METHOD["dcwh"], **_at("0.001", "dsrh_yao", "dtsh", "dsrh")}  # slow

TARGETS = {
    f"{method}_{name}": (f"loss.name={method}", *values)
    for method in ("orthohash", "csq")
    for name, values in {
        "balanced": ("loss.targets=balanced",),
        "tree_25": ("loss.targets=tree", "loss.flipped=0.25"),
        "tree_17": ("loss.targets=tree", "loss.flipped=0.17"),
        "tree_12": ("loss.targets=tree", "loss.flipped=0.125"),
        "tree_8": ("loss.targets=tree", "loss.flipped=0.08"),
        "annealed": ("loss.targets=annealed",),
    }.items()
}
WORDNET = "prepared/wordnet.tsv"  # CIFAR-100's classes in five levels: 100, 48, 32, 16, 4
LIGHT = "optimizer.lr=0.003"
IN_TREES = {
    "hpdh": ("loss.name=hpdh", "optimizer.lr=0.001"),
    "hpdh_light": (
        *("loss.name=hpdh", LIGHT, "loss.inv_variances=[0.35,0.35]"),
        "loss.level_weights=[1,0.25]",
    ),
    "embedding": ("loss.name=embedding", "optimizer.lr=0.001"),
    "orthohash_tree": EVERY_METHOD["orthohash_tree"],
    "orthohash_annealed": EVERY_METHOD["orthohash_annealed"],
    "expected_codeword": EVERY_METHOD["expected_codeword"],
}
DEEP = {
    "hpdh": (*IN_TREES["hpdh"], "loss.inv_variances=null"),
    "hpdh_light": (
        *("loss.name=hpdh", LIGHT, "loss.inv_variances=[0.35,0.35,0.35,0.35,0.35]"),
        "loss.level_weights=[1,0.1,0.1,0.1,0.1]",
    ),
}
BOTH_TREES = {
    "dcwh": EVERY_METHOD["dcwh"],
    **IN_TREES,
    **{
        f"{name}_wordnet": (*DEEP.get(name, own), f"data.tree={WORDNET}")
        for name, own in IN_TREES.items()
    },
}
DRAWN = (
    *("optimizer.name=adam", "optimizer.clip_gradient_norm=null"),
    *("optimizer.lr=0.003", "optimizer.schedule=cosine", "training.epochs=8", "net.num_bits=48"),
)
DRAWN_LINES = {
    name: (f"loss.name={name}", *more)
    for name, *more in (
        ("dcwh", "loss.inv_variances=null"),
        ("hpdh", "loss.inv_variances=null"),
        *(("ssdh",), ("orthohash",), ("embedding",), ("expected_codeword",)),
    )
} | {"orthohash_annealed": ("loss.name=orthohash", "loss.targets=annealed")}
PAPER = ("loss.inv_variances=[1,0.5]", "loss.initial_centers=random", "loss.keep_initial_epochs=1")
OLD = "dcwh,hpdh,csq,orthohash,dpn,greedyhash,softmax,ssdh,embedding,embedding_softmax,idcwh,dcdh"
OLD += ",hpdh_coarse_to_fine,dhn,dpsh,hashnet,dsh,dch,dsdh,dqn,shdh,dtsh,dsrh"
PAIRS = "hashnet,dpsh,dsh,dch,dtsh,dqn,dsdh,dhn"

TABLES = (
    Table("protocols_48", FEATURES, ADAM, EVERY_METHOD, ("--reference", "dcwh", *PROTOCOLS)),
    Table("triplets_48", FEATURES, ADAM, TRIPLETS, ("--reference", "dcwh", *PROTOCOLS)),
    Table(
        "hidden_layer_48",
        "configs/cifar100_features_expected_codeword_48.yaml",
        options=PROTOCOLS,
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
            "configs/synthetic.yaml",
            (f"data.root=prepared/{name}", *DRAWN),
            DRAWN_LINES,
            ("--reference", "dcwh", *PROTOCOLS),
        )
        for name in ("drawn", "drawn_tail", "drawn_wrong")
    ),
)
