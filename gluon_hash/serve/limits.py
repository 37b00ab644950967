"""What the service accepts, and how much at a time."""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """Limits of the service.

    Parameters
    ----------
    max_upload : int
        Bytes of a request.
    max_pixels : int
        Of an image, width times height.
    max_results : int
        Of an answer.
    timeout : float
        Seconds that a request may take to arrive, and then to be answered.
    waiting : int
        Requests in work or in the queue; one more is told to come again.
    max_batch : int
        Images in one call of the network.
    batch_window : float
        Seconds that the first image of a batch waits for others.
    drain : float
        Seconds after SIGTERM in which new requests are still taken, while /healthz says that the
        service stops.

    Raises
    ------
    ValueError
        If one of them is not positive; ``batch_window`` and ``drain`` may be 0.
    """

    max_upload: int = 16 << 20
    max_pixels: int = 50_000_000
    max_results: int = 1000
    timeout: float = 30.0
    waiting: int = 64
    max_batch: int = 32
    batch_window: float = 0.005
    drain: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value < 0 or (value == 0 and field.name not in ("batch_window", "drain")):
                raise ValueError(f"{field.name}: expected a positive number, got {value}")
