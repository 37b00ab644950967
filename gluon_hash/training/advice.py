"""What to try where the numbers of a training are not finite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gluon_hash.errors import DivergedError

__all__ = ["ADVICE", "advised"]

ADVICE = (
    "lower optimizer.lr, or set optimizer.clip_gradient_norm or (in the first epochs) "
    "optimizer.warmup_epochs, and go on (resume) from the last checkpoint"
)


@contextmanager
def advised() -> Iterator[None]:
    """A DivergedError of the block (of a pass over the images, say) says what to try."""
    try:
        yield
    except DivergedError as error:
        raise DivergedError(f"{error}: {ADVICE}") from error
