"""What a pickle may ask of an unpickler that knows a few classes: the size of its table of values.

Nothing is unpickled here. A pickle numbers its values; Python makes a table up to the largest
number, so that ten bytes take 32 GB.
"""

from __future__ import annotations

import pickletools

__all__ = ["check_pickle"]

NUMBERING = ("PUT", "BINPUT", "LONG_BINPUT")


def check_pickle(data: bytes) -> None:
    r"""ValueError if a pickle numbers its values higher than it can have values, or is cut short.

    Examples
    --------
    >>> check_pickle(b"]r\xff\xff\xff\x7f.")
    Traceback (most recent call last):
    ...
    ValueError: it numbers a value 2147483647, in 7 bytes
    """
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name in NUMBERING and isinstance(argument, int) and argument > len(data):
            raise ValueError(f"it numbers a value {argument}, in {len(data)} bytes")
