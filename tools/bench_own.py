"""Ours in a process of its own: where it needs other packages, or trains on and on."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench_rivals import Inputs, Work

__all__ = ["epoch_on_features", "predictor"]


def predictor(inputs: Inputs) -> Work:
    """An exported network by an engine that is chosen by name."""
    from gluon_hash.deploy import Predictor

    chosen: dict[str, Any] = {name: str(inputs[name]) for name in ("engine", "precision")}
    net, images = Predictor.load(Path(str(inputs["manifest"])), **chosen), inputs["images"]
    return lambda: net.run(images)


def epoch_on_features(inputs: Inputs) -> Work:
    """`gluon-hash train`, one more epoch a call: training, refresh, validation, checkpoint.

    The training is in a thread, which waits after every epoch until it is asked for the next.
    """
    from gluon_hash import engine
    from gluon_hash.experiment import load_config, train
    from gluon_hash.training import Callback

    asked, done, ended = threading.Semaphore(0), threading.Semaphore(0), list[BaseException]()

    class Waiting(Callback):
        def on_start(self, start: object) -> None:
            asked.acquire()

        def on_epoch(self, values: Mapping[str, Any], is_best: bool) -> None:
            done.release()
            asked.acquire()

    def training() -> None:
        try:
            config, out = load_config(str(inputs["config"])), str(inputs["out"])
            train(config, out, engine.contexts("cpu"), callbacks=[Waiting()])
        except BaseException as error:  # who asks must not wait for ever
            ended.append(error)
            done.release()

    threading.Thread(target=training, daemon=True).start()

    def epoch() -> None:
        asked.release()
        done.acquire()
        if ended:
            raise ended[0]

    return epoch
