"""The lines of the tables of docs/results.md: what is set for each, by name."""

from __future__ import annotations

from results_choices import CHOICES

__all__ = [
    "ADAM",
    "BITS",
    "BOTH_TREES",
    "DRAWN",
    "DRAWN_FEATURES",
    "DRAWN_LINES",
    "EVERY_METHOD",
    "FEATURES",
    "MIXED",
    "MLP",
    "OLD",
    "PAIRS",
    "PAPER",
    "PROTOCOLS",
    "RATES",
    "SEEDS",
    "SEMANTIC",
    "SLOW",
    "TARGETS",
    "TRIPLETS",
    "TUNED",
    "WINNER",
    "WORDNET",
]

PROTOCOLS = ("--protocols", "paper,unseen-images,unseen-classes")
FEATURES = "configs/cifar100_features_48.yaml"
WINNER = "configs/cifar100_features_expected_codeword_48.yaml"
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
DRAWN_FEATURES = {"features": "features_train.npz", "query_features": "features_query.npz"}
DRAWN = (*ADAM, "optimizer.lr=0.003", "transform.resize=64", "transform.crop=64")
SEMANTIC = {
    f"{name}_{targets}": (*EVERY_METHOD[f"{name}_annealed"][:2], f"loss.targets={targets}")
    for name in ("csq", "orthohash")
    for targets in ("annealed", "semantic")
} | {
    "expected_codeword_annealed": EVERY_METHOD["expected_codeword"],
    "expected_codeword_semantic": (*EVERY_METHOD["expected_codeword"], "loss.targets=semantic"),
}
NAG = ("optimizer.name=nag", "optimizer.lr=0.05", "optimizer.weight_decay=0.0005")
MIXED = {
    "neither": (*NAG, "training.mixup=0"),
    "mixup": NAG,
    "AdamW": ("training.mixup=0",),
    "both": (),
}
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
