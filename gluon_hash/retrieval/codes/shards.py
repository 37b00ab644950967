"""Which part of a record file a code table holds: encoded by several machines, or one by one."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass

from gluon_hash.guard import as_schema, parse_json

__all__ = ["Shard", "parse_shard"]

PATTERN = re.compile("([0-9]{1,9})/([0-9]{1,9})")


@dataclass(frozen=True)
class Shard:
    """A part of a file of records.

    Parameters
    ----------
    number, total : int
        The part, counted from 1, of so many.
    records : str
        The name of the file.
    records_sha256 : str
        Of the file.
    num_records : int
        In the whole file.
    first : int
        Position in the file of the first record of this part.

    Raises
    ------
    ValueError
        If there is no such part.
    """

    number: int
    total: int
    records: str
    records_sha256: str
    num_records: int
    first: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.total or not 0 <= self.first < self.num_records:
            raise ValueError(
                f"expected a part from 1 to {self.total} that begins before record "
                f"{self.num_records}, got part {self.number} from record {self.first}"
            )

    def __str__(self) -> str:
        return f"{self.number}/{self.total} of {self.records}"

    def to_json(self) -> str:
        """As text, which from_json reads."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str, path: str | os.PathLike[str]) -> Shard:
        """What to_json wrote; DataError, naming ``path``, if it is something else."""
        return as_schema(parse_json(text, path), cls, path)


def parse_shard(text: str) -> tuple[int, int]:
    """Number and total of "1/4"; ValueError if it is nothing of the kind.

    Examples
    --------
    >>> parse_shard("1/4")
    (1, 4)
    """
    match = PATTERN.fullmatch(text.strip())
    number, total = (0, 0) if match is None else (int(match[1]), int(match[2]))
    if not 1 <= number <= total:
        raise ValueError(
            f"shard: expected i/n, i from 1 to n (the first of four: 1/4), got {text!r}"
        )
    return number, total
