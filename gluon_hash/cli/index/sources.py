"""What `gluon-hash index build` and `add` read: codes, or a folder of images and a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.core import TyperGroup

from gluon_hash.cli.index.searching import COLLECTION, fit_to, load_codes
from gluon_hash.cli.models import open_model

if TYPE_CHECKING:
    from gluon_hash.experiment import Encoder
    from gluon_hash.hierarchy import Hierarchy
    from gluon_hash.retrieval import CodeTable, HammingIndex

BATCH_SIZE = 32


class BuildByDefault(TyperGroup):
    """`index SOURCE ...` is `index build SOURCE ...`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `build` before what is not the name of a command."""
        if args and args[0] not in self.commands and _is_source(args[0]):
            args = ["build", *args]
        return super().parse_args(ctx, args)


def _is_source(argument: str) -> bool:
    """An option of build, or a path: not a command that is misspelt."""
    if argument.startswith("-"):
        return argument != "--help"
    return "/" in argument or argument.endswith(".npz") or Path(argument).exists()


@dataclass(frozen=True)
class Source:
    """Codes, or images that a model encodes.

    Parameters
    ----------
    path : Path
        codes.npz, or a folder of images.
    model, labels, hierarchy, device, batch_size :
        The options of these names, None where they are not given.
    encoder : Encoder, optional
        The model, where it is open already.
    """

    path: Path
    model: Path | None = None
    labels: str | None = None
    hierarchy: Path | None = None
    device: str | None = None
    batch_size: int | None = None
    encoder: Encoder | None = None

    def __post_init__(self) -> None:
        """ValueError for options that do not go with the source."""
        if not self.path.is_dir():
            for flag, value in (
                ("--model", self.model),
                ("--labels", self.labels),
                ("--device", self.device),
                ("--batch-size", self.batch_size),
            ):
                if value is not None:
                    raise ValueError(
                        f"{flag} is for a folder of images; {self.path} is not a folder, so it is "
                        "read as codes"
                    )
        elif self.model is None:
            raise ValueError(
                f"{self.path}: images are encoded by --model: a run folder or an exported network"
            )
        elif self.hierarchy is not None and self.labels is None:
            raise ValueError(
                "--hierarchy names the classes of --labels; give both, or neither for images "
                "without classes"
            )

    def read(self, into: HammingIndex | None = None) -> tuple[CodeTable, Hierarchy | None]:
        """The codes, with names and labels, and the classes that labels stand for.

        Parameters
        ----------
        into : HammingIndex, optional
            To be added to: its code length, classes and ids are kept to.
        """
        from gluon_hash.hierarchy import Hierarchy

        tree = None if self.hierarchy is None else Hierarchy.load(self.hierarchy)
        if tree is not None and into is not None and into.items.hierarchy not in (None, tree):
            raise ValueError("--hierarchy: the index has classes of its own, which are others")
        if self.path.is_dir():
            return self._encode(tree, into)
        from gluon_hash.retrieval import CodeTable

        table = CodeTable.load(self.path) if into is None else load_codes(self.path, into)
        if tree is not None:
            tree.check_partial_labels(table.level_labels, self.path)
        return table, tree

    def _encode(
        self, tree: Hierarchy | None, into: HammingIndex | None
    ) -> tuple[CodeTable, Hierarchy | None]:
        from gluon_hash.retrieval.codes.photos import encode_photos, find_photos

        if tree is None and into is not None and self.labels is not None:
            tree = into.items.hierarchy
            if tree is None and into.items.num_levels:
                raise ValueError("the index has labels without class names; give --hierarchy")
        photos = find_photos(self.path, self.labels, tree)
        encoder = self._encoder(into)
        batch_size = self.batch_size or BATCH_SIZE
        first_id = 0 if into is None or not len(into) else int(into.ids.max()) + 1

        def encode(files: Sequence[Path]) -> Any:
            return encoder.encode(files, batch_size)

        table = encode_photos(
            photos, encode, encoder.num_bits, batch_size=batch_size, first_id=first_id
        )
        return replace(table, model=encoder.fingerprint), photos.hierarchy

    def _encoder(self, into: HammingIndex | None) -> Encoder:
        assert self.model is not None  # checked above
        encoder = self.encoder or open_model(self.model, self.device)
        return encoder if into is None else fit_to(into, self.model, encoder)


def kind_parameters(named: dict[str, int | None], texts: Sequence[str]) -> dict[str, int | None]:
    """The parameters of a kind: those with a flag of their own, and those as NAME=VALUE."""
    parameters = dict(named)
    for text in texts:
        name, _, value = text.partition("=")
        if not value.isdigit():
            raise ValueError(f"--set: expected NAME=NUMBER, got {text!r}")
        parameters[name] = int(value)
    return parameters


def build_folder(source: Source, out: Path, kind: str, parameters: dict[str, int | None]) -> None:
    """Build an index folder and say what is in it."""
    from gluon_hash.progress import log, track
    from gluon_hash.retrieval import HammingIndex
    from gluon_hash.retrieval.index.kinds import kind_for

    kind_for(kind, 1, 1, parameters)  # a wrong name is said before images are encoded
    table, tree = source.read()
    chosen = kind_for(kind, table.num_bits, len(table), parameters)
    if len(table) < chosen.pays_from:
        log(
            f"{kind}: a flat index of {len(table)} codes answers as fast, and exactly; {kind} pays "
            f"from about {chosen.pays_from:,} codes on (`index check` measures both)"
        )
    index = HammingIndex(table.num_bits, chosen, tree, table.model)
    at_once = max(index.kind.codes_at_once(len(table)), 1)
    places = [range(len(table))[start : start + at_once] for start in range(0, len(table), at_once)]
    for place in track(places, "index", len(table), "codes", size=len):
        rows = slice(place.start, place.stop)
        names = None if table.names is None else table.names[rows]
        index.add(table.codes[rows], table.ids[rows], names, table.level_labels[rows])
    index.save(out)
    print(f"{out}: {len(index)} codes of {index.num_bits} bits, {index.kind.name}")


def upload(source: Source, url: str, collection: str | None) -> None:
    """Send codes to Milvus and say how many are there."""
    from gluon_hash.progress import log
    from gluon_hash.retrieval.index.milvus import MilvusIndex

    remote = MilvusIndex(url, collection or COLLECTION)
    table, tree = source.read()
    sent = remote.upload(table)
    if tree is not None:
        log(f"{url}: Milvus keeps the numbers of classes; `index search --hierarchy` names them")
    print(f"{url}: {sent} codes sent, {len(remote)} in {collection or COLLECTION}")
    remote.close()
