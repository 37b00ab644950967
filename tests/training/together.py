"""Run by several processes, not collected: each trains the methods named as one of the workers.

`together.py OUT METHOD...`; the first worker writes what came of it.
"""

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS.parent), str(TESTS / "methods")]


def trained(names, workers):
    """Of each method the losses of two epochs, codes of the queries, and who agrees."""
    import numpy as np
    from test_methods_learn import QUERY, make

    from gluon_hash.engine import mx
    from gluon_hash.training.agreement import digest

    found = {}
    for name in names:
        trainer, encode = make(name, "sgd", [mx.cpu()], workers)
        found[f"{name} loss"] = [trainer.train_epoch(epoch).loss for epoch in range(2)]
        found[f"{name} codes"] = encode(QUERY[0])
        own = np.array([digest(trainer)], np.int64)
        found[f"{name} digest"] = np.concatenate(workers.gather(own))
    return found


def main():
    from gluon_hash import launch, parameter_server

    launch.stay_with_launcher()
    if launch.role() in ("scheduler", "server"):
        parameter_server.serve()
    import numpy as np

    from gluon_hash.training.workers import joined

    with joined() as workers:
        result = trained(sys.argv[2:], workers)
        if workers.is_first:
            np.savez(sys.argv[1], **result)


if __name__ == "__main__":
    main()
