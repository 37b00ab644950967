"""get_symbol(): a stock hash network as an MXNet symbol, and its traced JSON.

`python -m symbols.hashing_net` writes the JSON files again. The JSON lets a program
without gluon_hash or GluonCV build the network; a test holds it against today's code.
"""

from __future__ import annotations

from pathlib import Path

from gluon_hash.engine import mx
from gluon_hash.files import replace_text
from gluon_hash.nets import Backbone, HashingNet

STOCK = ("cifar_resnet20_v1", "resnet18_v1", "resnet50_v1", "resnet50_v1b", "resnet50_v2")
NUM_BITS = 48
FOLDER = Path(__file__).parent


def get_symbol(backbone: str = "resnet50_v1b", num_bits: int = NUM_BITS) -> mx.sym.Symbol:
    """Image ``data`` (batch_size, 3, height, width) -> relaxed code (batch_size, num_bits)."""
    net = HashingNet(Backbone(backbone, prefix="features_"), num_bits, prefix="hashnet_")
    with mx.name.NameManager():  # operators are numbered from 0, whatever was traced before
        return net(mx.sym.Variable("data"))


def json_path(backbone: str) -> Path:
    """The traced file of a stock network."""
    return FOLDER / f"{backbone}_{NUM_BITS}-symbol.json"


if __name__ == "__main__":
    for stock in STOCK:
        replace_text(json_path(stock), get_symbol(stock).tojson() + "\n")
        print(json_path(stock).name)
