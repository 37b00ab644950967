"""What names of metrics, methods and lines of a comparison are called in figures and on pages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

__all__ = ["METHOD_LABELS", "count_bits", "cut", "line_label", "method_label", "metric_label"]

STEMS = {
    "map": "mAP",
    "mahp": "mAHP",
    "mahp_barz": "mAHP (Barz)",
    "hap": "HAP",
    "asi": "ASI",
    "ndcg": "nDCG",
    "ndcg_exponential": "nDCG (exponential gain)",
    "mean_ndcg_released": "mean nDCG",
    "acg": "ACG",
    "weighted_recall": "weighted recall",
    "r_precision": "R-precision",
    "lr": "learning rate",
}
TIES = {"averaged": "mean over ties", "best": "best order of ties", "worst": "worst order of ties"}
METHOD_LABELS = {
    "hpdh": "HPDH",
    "hpdh_coarse_to_fine": "HPDH, coarse to fine",
    "dcwh": "DCWH",
    "idcwh": "IDCWH",
    "dcdh": "DCDH",
    "dpsh": "DPSH",
    "dhn": "DHN",
    "hashnet": "HashNet",
    "dsdh": "DSDH",
    "dsh": "DSH",
    "dtsh": "DTSH",
    "dsrh": "DSRH",
    "dsrh_yao": "DSRH (Yao)",
    "dch": "DCH",
    "dqn": "DQN",
    "shdh": "SHDH",
    "csq": "CSQ",
    "dpn": "DPN",
    "orthohash": "OrthoHash",
    "greedyhash": "GreedyHash",
    "ssdh": "SSDH",
    "softmax": "softmax",
    "embedding": "embedding",
    "expected_codeword": "expected codeword",
    "semantic_indexing": "semantic indexing",
    "embedding_softmax": "embedding + softmax",
    "itq": "ITQ",
    "lsh": "LSH",
    "pq": "PQ",
}
TARGETS = {
    "tree": "targets by the tree",
    "annealed": "annealed targets",
    "balanced": "balanced targets",
    "hadamard": "Hadamard targets",
}
KEYS = {"inv_variances": "1/σ²", "inv_variance": "1/σ²", "lr": "lr", "num_bits": "bits"}
# of a name of older comparisons: options=targets_tree_flipped_0.17
OLD_OPTIONS = re.compile(r"([a-z][a-z_]*?)_(tree|balanced|hadamard|-?\d[\d.e+\-]*)(?:_|$)")


def metric_label(name: str, level_names: Sequence[str] | None = None) -> str:
    """A metric as a reader of the field writes it.

    Parameters
    ----------
    name : str
        As evaluate prints it, or a key of log.jsonl.
    level_names : sequence of str, optional
        Finest first; named in place of the level's number.

    Examples
    --------
    >>> [metric_label(name) for name in ("map", "mahp@2500", "map_tie_best", "precision_radius_2")]
    ['mAP', 'mAHP@2500', 'mAP (best order of ties)', 'precision within 2 bits']
    >>> metric_label("map_level_1", ["species", "family"]), metric_label("validation_mahp")
    ('mAP, same family', 'validation mAHP')
    >>> metric_label("loss_level_1", ["species", "family"]), metric_label("loss_cubic")
    ('loss, family', 'loss, cubic')
    """
    if name.startswith("validation_"):
        return f"validation {metric_label(name.partition('_')[2], level_names)}"
    level = re.fullmatch(r"(.+)_level_(\d+)", name)
    if level and level[1] == "loss":
        return f"loss, {_level(int(level[2]), level_names).removeprefix('same ')}"
    if level:
        return f"{metric_label(level[1])}, {_level(int(level[2]), level_names)}"
    if name.startswith("loss_"):
        return f"loss, {name.partition('_')[2].replace('_', ' ')}"
    if name.endswith("_database"):
        return f"{metric_label(name.removesuffix('_database'))} in training images"
    if name.endswith("_mean_of_levels"):
        return f"{metric_label(name[: -len('_mean_of_levels')])}, mean of levels"
    ties = re.fullmatch(r"(.+)_tie_(averaged|best|worst)", name)
    if ties:
        return f"{metric_label(ties[1])} ({TIES[ties[2]]})"
    radius = re.fullmatch(r"(\w+)_radius_(\d+)", name)
    if radius:
        return f"{radius[1]} within {count_bits(int(radius[2]))}"
    stem, at, cut = name.partition("@")
    return STEMS.get(stem, stem.replace("_", " ")) + at + cut


def method_label(loss: Mapping[str, object]) -> str:
    """A method by the section ``loss`` of its configuration.

    Examples
    --------
    >>> method_label({"name": "orthohash", "targets": "tree", "flipped": 0.17})
    'OrthoHash, targets by the tree, 17 %'
    """
    words = [METHOD_LABELS.get(str(loss.get("name")), str(loss.get("name")))]
    if loss.get("targets") == "tree":
        words.append(TARGETS["tree"])
        if isinstance(loss.get("flipped"), float):
            words.append(_value("flipped", str(loss["flipped"])))
    return ", ".join(words)


def line_label(name: str) -> str:
    """A line of a comparison: the method's name, and values as words.

    Examples
    --------
    >>> line_label("orthohash targets=tree flipped=0.17"), line_label("dqn, asymmetric")
    ('OrthoHash, targets by the tree, 17 %', 'DQN, asymmetric')
    >>> line_label("options=targets_tree_flipped_0.17"), line_label("level_weights=1_0.25")
    ('targets by the tree, 17 %', 'level weights 1, 0.25')
    >>> line_label("small,name=csq,seed=24")
    'small, CSQ, seed 24'
    >>> line_label("hpdh, 48 bits"), line_label("my_config")
    ('HPDH, 48 bits', 'my_config')
    """
    name = name if ", " in name else name.replace(",", " ")  # of a run folder
    words, _, rest = name.partition(", ")
    plain = " ".join(METHOD_LABELS.get(word, word) for word in words.split(" ") if "=" not in word)
    values = [_assigned(word) for word in words.split(" ") if "=" in word]
    return ", ".join(part for part in (plain, *values, rest) if part) or name


def count_bits(number: int) -> str:
    """A number of bits: "1 bit", "48 bits"."""
    return f"{number} bit{'' if number == 1 else 's'}"


def cut(name: str, fit: int) -> str:
    """At most ``fit`` characters of a name, which matplotlib shows as they are.

    Examples
    --------
    >>> cut("household_electrical_devices", 12), cut("cat", 12)
    ('household_e…', 'cat')
    """
    return (name if len(name) <= fit else name[: fit - 1] + "…").replace("$", r"\$")


def _level(level: int, level_names: Sequence[str] | None) -> str:
    known = level_names is not None and level < len(level_names)
    return f"same {level_names[level]}" if level_names and known else f"level {level}"


def _assigned(word: str) -> str:
    """The words of "key=value"."""
    key, _, value = word.partition("=")
    if key == "options":
        pairs = OLD_OPTIONS.findall(value)
        return ", ".join(_value(*pair) for pair in pairs) or value
    return _value(key, value)


def _value(key: str, value: str) -> str:
    short = key.rpartition(".")[2]
    if short == "name":
        return METHOD_LABELS.get(value, value)
    if short == "targets" and value in TARGETS:
        return TARGETS[value]
    if short == "flipped" and re.fullmatch(r"\d*\.\d+", value):
        return f"{100 * float(value):g} %"
    numbers = value.replace("_", ", ") if re.fullmatch(r"[\d.+\-e_]+", value) else value
    return f"{KEYS.get(short, short.replace('_', ' '))} {numbers}"
