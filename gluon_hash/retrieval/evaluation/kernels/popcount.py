"""Number of bits set in a word, for compiled code: one instruction of the processor."""

from __future__ import annotations

from typing import Any

from numba.extending import intrinsic

__all__ = ["popcount"]


def _popcount(typing_context: Any, word: Any) -> Any:
    """Number of bits set in an unsigned integer, as one of its type."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return word(word), generate


popcount: Any = intrinsic(_popcount)
