"""What is searched for each method in the tables `tuned`: its most sensitive number, and the rate.

The number is the one that its paper tunes or names as the one to tune; where the paper has none, or
none that trades anything off, the reason stands beside it. The first value is the method's own
(its paper's, or ours); the others lie to both sides of it where there are two sides.
"""

from __future__ import annotations

__all__ = ["CHOICES", "RATES"]

RATES = "optimizer.lr=[0.003,0.001,0.01]"

VARIANCE = "loss.inv_variances=[[1,0.5],[0.35,0.35],[0.1,0.1]]"  # how far a class may spread
LEARNED_VARIANCE = "loss.inv_variance=[0.25,1,0.1]"
QUANTIZATION = "loss.quantization_weight=[0.1,0.01,1]"  # signs against the similarity
FLIPPED = "loss.flipped=[null,0.17,0.125]"  # how near siblings are; null: 0.25 (ours)
SCALE = "loss.scale=[null,4,12]"  # null: sqrt(48) = 6.9; the paper varies scale and margin
SIGNS = "loss.quantization_weight=[0.0001,0.01,1]"

NUMBERS = {
    "dcwh": VARIANCE,
    "hpdh": VARIANCE,
    "hpdh_coarse_to_fine": VARIANCE,
    "idcwh": LEARNED_VARIANCE,
    "dcdh": LEARNED_VARIANCE,
    "csq": SIGNS,  # its only number
    "orthohash": SCALE,
    "dpn": "loss.margin=[1,0.5,2]",  # its only number
    "ssdh": "loss.binarization_weight=[1,0.3,3]",
    "greedyhash": "loss.penalty_weight=[0.1,0.01,1]",  # its only number
    "softmax": "loss.level_weights=[null,[1,0.25],[0.25,1]]",  # of fine and coarse; no paper
    "embedding": "optimizer.weight_decay=[0.0005,0.00005,0]",  # the loss has no number
    "embedding_softmax": "loss.softmax_weight=[0.1,0.3,1]",
    "hashnet": "loss.alpha_bits=[10,5,20]",
    "dpsh": QUANTIZATION,  # eta
    "dch": "loss.gamma=[20,10,40]",
    "dsh": "loss.margin_per_bit=[2,1,4]",
    "dhn": QUANTIZATION,  # lambda
    "dsdh": "loss.discrete_weight=[0.1,0.01,1]",  # eta; the solver's follows it
    "dqn": QUANTIZATION,  # lambda
    "shdh": QUANTIZATION,  # a linear head trains the levels' segments apart: weights do little
    "dtsh": "loss.margin_per_bit=[1,0.5,2]",
    "dsrh": "loss.margin=[0.5,0.25,1]",
    "dsrh_yao": "loss.margin=[0.5,0.25,1]",
    "orthohash_tree": FLIPPED,
    "csq_tree": FLIPPED,
    "orthohash_annealed": SCALE,
    "csq_annealed": SIGNS,
    "expected_codeword": "loss.level_weights=[null,[1,0.25],[1,0]]",
}
CHOICES = {name: (RATES, number) for name, number in NUMBERS.items()}
