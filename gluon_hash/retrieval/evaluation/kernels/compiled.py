"""What compiles the kernels of this folder, and the digest that those that are kept depend on."""

from __future__ import annotations

from pathlib import Path

from gluon_hash.compiling import digest_of, folded, inner, kept

__all__ = ["SOURCES", "digest_of", "folded", "inner", "kept"]

SOURCES = digest_of(Path(__file__).parent)
