"""Rivals that decode images and place codes in the plane; each in its own environment."""

from __future__ import annotations

from bench_rival_nets import processors
from bench_rivals import Inputs, Work

__all__ = ["dali_epoch", "opentsne"]

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def dali_epoch(inputs: Inputs) -> Work:
    """An epoch of a .rec by DALI on the CPU: only the random crop is decoded, then normalized."""
    from nvidia.dali import fn, pipeline_def, types

    crop, batch_size, count = (int(inputs[name]) for name in ("crop", "batch_size", "count"))

    # not a batch ahead: what is made while others are measured would count as nothing
    @pipeline_def(
        batch_size=batch_size,
        num_threads=processors(),
        device_id=None,
        exec_async=False,
        exec_pipelined=False,
    )
    def pipeline() -> object:
        encoded, labels = fn.readers.mxnet(
            path=[str(inputs["rec"])],
            index_path=[str(inputs["idx"])],
            random_shuffle=True,
            name="records",
        )
        images = fn.decoders.image_crop(
            encoded,
            crop=(crop, crop),
            crop_pos_x=fn.random.uniform(range=(0.0, 1.0)),
            crop_pos_y=fn.random.uniform(range=(0.0, 1.0)),
        )
        planes = fn.crop_mirror_normalize(
            images,
            mean=[255 * value for value in MEAN],
            std=[255 * value for value in STD],
            mirror=fn.random.coin_flip(),
            output_layout="CHW",
            dtype=types.FLOAT,
        )
        return planes, labels

    built = pipeline()
    built.build()

    def epoch() -> None:
        for _ in range(count // batch_size):
            built.run()

    return epoch


def opentsne(inputs: Inputs) -> Work:
    """The library openTSNE with its interpolation by FFT."""
    from openTSNE import TSNE

    fitted = TSNE(
        perplexity=30,
        negative_gradient_method="fft",
        n_jobs=processors(),
        random_state=int(inputs["seed"]),
    )
    return lambda: fitted.fit(inputs["codes"])
