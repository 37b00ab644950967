"""A large collection in parts: each encoded by itself, kept when it is there, then merged."""

from dataclasses import replace

import numpy as np
import pytest

from gluon_hash.errors import DataError
from gluon_hash.retrieval import CodeTable
from gluon_hash.retrieval.codes.merging import merge_shards
from gluon_hash.retrieval.codes.shards import Shard, parse_shard


def parts(rng, folder, sizes=(4, 4, 2), model="m" * 64):
    """Tables of parts as files; their paths, and the whole."""
    count = sum(sizes)
    whole = CodeTable(
        rng.permutation(100)[:count].astype(np.int64),
        rng.randint(0, 256, (count, 2)).astype(np.uint8),
        rng.randint(0, 3, (count, 1)).astype(np.int32),
        16,
        np.array([f"{i}.png" for i in range(count)]),
        model,
    )
    paths, first = [], 0
    for number, size in enumerate(sizes, start=1):
        rows = slice(first, first + size)
        part = CodeTable(
            whole.ids[rows],
            whole.codes[rows],
            whole.level_labels[rows],
            16,
            whole.names[rows],
            model,
            Shard(number, len(sizes), "x.rec", "d" * 64, count, first),
        )
        paths.append(folder / f"codes-{number}.npz")
        part.save(paths[-1])
        first += size
    return paths, whole


def change(path, new, **values):
    table = CodeTable.load(path)
    shard = {name: values.pop(name) for name in list(values) if hasattr(table.shard, name)}
    replace(table, shard=replace(table.shard, **shard), **values).save(new)
    return new


def same(one, other):
    for name in ("ids", "codes", "level_labels", "names"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (one.num_bits, one.model) == (other.num_bits, other.model)


def test_parts_in_any_order_are_the_whole(rng, tmp_path):
    paths, whole = parts(rng, tmp_path)
    merged = merge_shards(paths[::-1], whole.ids)
    same(merged, whole)
    assert merged.shard is None


@pytest.mark.parametrize(
    "values, message",
    [
        ({"number": 1}, r"part 1/3 of x\.rec is there twice"),
        ({"records_sha256": "e" * 64}, "of records other than those"),
        ({"model": "n" * 64}, "of a model other than those"),
        ({"total": 4}, "of a number of parts other than those"),
        ({"first": 3}, "begins at record 3, expected 4"),
        ({"ids": np.arange(200, 204)}, "the ids of the parts are not those of the 10 records"),
    ],
)
def test_parts_that_do_not_fit_are_named(rng, tmp_path, values, message):
    paths, whole = parts(rng, tmp_path)
    paths[1] = change(paths[1], tmp_path / "other.npz", **values)
    with pytest.raises(DataError, match=message) as error:
        merge_shards(paths, whole.ids)
    assert error.value.path in paths


def test_a_missing_part_an_id_twice_and_a_whole_file_are_refused(rng, tmp_path):
    paths, whole = parts(rng, tmp_path)
    with pytest.raises(DataError, match="of 3 parts, 1 missing: 2; encode them with --shard"):
        merge_shards([paths[0], paths[2]])
    ids = whole.ids[4:8].copy()
    ids[3] = whole.ids[0]
    again = change(paths[1], tmp_path / "again.npz", ids=ids)
    with pytest.raises(DataError, match=f"id {whole.ids[0]} is in two parts"):
        merge_shards([paths[0], again, paths[2]])
    whole.save(tmp_path / "whole.npz")
    with pytest.raises(DataError, match=r"whole\.npz: holds codes of a whole file"):
        merge_shards([*paths, tmp_path / "whole.npz"])


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "a/b", "1/0", "-1/4", "1/4/2", ""])
def test_what_is_not_a_part_is_refused(text):
    with pytest.raises(ValueError, match="expected i/n, i from 1 to n"):
        parse_shard(text)


@pytest.mark.mxnet
def test_every_record_is_in_one_part():
    from gluon_hash.experiment.models.sharding import shard_rows

    for count in range(1, 40):
        for total in range(1, count + 1):
            for batch_size in (1, 3, 16):
                every = np.arange(count)
                rows = [every[shard_rows(count, i, total, batch_size)] for i in range(1, total + 1)]
                assert np.concatenate(rows).tolist() == list(range(count))
                assert min(map(len, rows)) > 0
    assert shard_rows(300, 1, 2, 128) == slice(0, 256)  # whole batches
    with pytest.raises(ValueError, match="3 records cannot be divided into 4 parts"):
        shard_rows(3, 1, 4, 128)


@pytest.mark.mxnet
def test_shards_of_a_run_are_the_codes_of_the_whole(trained, prepared, run, tmp_path):
    def encode(i, *more, records=prepared / "train.rec", model=trained / "run"):
        return run(
            *("encode", model, "--records", records, "--shard", f"{i}/3"),
            *("--batch-size", 32, "--out", tmp_path / f"codes-{i}.npz", *more),
        )

    for i in (3, 1, 2):
        code, out, _ = encode(i)
        assert code == 0 and f"part {i}/3 of train.rec" in out
    paths = sorted(tmp_path.glob("codes-*.npz"))
    merge = ["merge", *paths, "--out", tmp_path / "codes.npz"]
    code, out, _ = run(*merge, "--records", prepared / "train.rec")
    assert code == 0 and "162 images of 3 parts" in out
    run(
        *("encode", trained / "run", "--records", prepared / "train.rec"),
        *("--batch-size", 32, "--out", tmp_path / "whole.npz"),
    )
    same(CodeTable.load(tmp_path / "codes.npz"), CodeTable.load(tmp_path / "whole.npz"))
    # again: kept, also by the exported network of the run
    before = paths[0].stat().st_mtime_ns
    for model in (trained / "run", trained / "export" / "net"):
        code, out, _ = encode(1, model=model)
        assert code == 0 and "is there already, and is kept" in out
    assert paths[0].stat().st_mtime_ns == before
    code, _, err = encode(1, records=prepared / "query.rec")
    assert code == 2 and "exists already and is of another records" in err
    change(paths[1], tmp_path / "other.npz", model="0" * 64)
    paths[1].write_bytes((tmp_path / "other.npz").read_bytes())
    code, _, err = encode(2)
    assert code == 2 and "is of another model" in err
    paths[2].write_bytes(paths[2].read_bytes()[:-40])
    assert encode(3)[0] == 2
    code, _, err = encode(1, "--relaxed")
    assert code == 2 and "--shard is for the codes of a record file" in err


@pytest.mark.mxnet
def test_records_that_cannot_be_are_said_before_a_model_is_loaded(run, tmp_path):
    def said(name):
        code, _, err = run("encode", "no-model", "--records", tmp_path / name, "--out", "x.npz")
        assert code == 2
        return err

    assert "`gluon-hash prepare features` makes features (.npz) of it" in said("x.npy")
    assert "no such file or folder; `gluon-hash prepare` makes it" in said("folder")
    assert "no such file; `gluon-hash prepare` makes it" in said("x.rec")
    assert "no such file\n" in said("x.npz")
