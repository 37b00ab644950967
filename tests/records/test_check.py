"""`check` finds everything that is wrong with a record file; a new file has the good records."""

import struct

import numpy as np
import pytest

from gluon_hash.errors import DataError
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.records import RecordFile, check_records, frames, repair_records, write_records
from gluon_hash.records.check import shared_images
from gluon_hash.records.pack import encode_png, write_payloads

TREE = Hierarchy.from_table([("husky", "dog"), ("poodle", "dog"), ("tabby", "cat")], ("a", "b"))


def pictures(rng, count=6):
    return [encode_png(rng.randint(0, 256, (8, 8, 3)).astype(np.uint8)) for _ in range(count)]


def write(path, images, labels=None):
    """Records with ids 10, 11, ... of classes 0, 1, 2, 0, ...; where each begins."""
    rows = TREE.level_labels(np.arange(len(images)) % 3) if labels is None else labels
    write_records(path, [(10 + i, rows[i], image) for i, image in enumerate(images)], len(images))
    return [int(line.split("\t")[1]) for line in path.with_suffix(".idx").read_text().splitlines()]


def said(check):
    return [str(problem) for problem in check.problems]


def test_a_clean_file_has_no_problem(tmp_path, rng):
    write(tmp_path / "x.rec", pictures(rng))
    check = check_records(tmp_path / "x.rec", TREE)
    assert check.problems == [] and len(check.good) == 6 and check.num_classes == (3, 2)
    assert check.sizes == ((8, 8), (8, 8))


def test_after_a_wrong_magic_word_the_next_record_is_found(tmp_path, rng):
    begins = write(tmp_path / "x.rec", pictures(rng))
    data = bytearray((tmp_path / "x.rec").read_bytes())
    data[begins[2]] ^= 1
    (tmp_path / "x.rec").write_bytes(data)
    check = check_records(tmp_path / "x.rec")
    assert [entry.id for entry in check.good] == [10, 11, 13, 14, 15]
    first, second = said(check)
    lost = begins[3] - begins[2]
    assert f"x.rec: record 2 (byte {begins[2]}): expected the magic word" in first
    assert f"{lost} bytes are lost" in first
    assert second.startswith(
        f"{tmp_path}/x.idx: line 3: no whole record begins at byte {begins[2]}"
    )


def test_a_file_that_was_cut_short_keeps_its_other_records(tmp_path, rng):
    begins = write(tmp_path / "x.rec", pictures(rng))
    (tmp_path / "x.rec").write_bytes((tmp_path / "x.rec").read_bytes()[:-20])
    check = check_records(tmp_path / "x.rec")
    assert [entry.id for entry in check.good] == [10, 11, 12, 13, 14]
    assert f"record 5 (byte {begins[5]}): the record at byte" in said(check)[0]
    assert "should end at byte" in said(check)[0]


def test_bytes_that_are_missing_in_the_middle_cost_one_record(tmp_path, rng):
    begins = write(tmp_path / "x.rec", pictures(rng))
    data = (tmp_path / "x.rec").read_bytes()
    hole = begins[3] + 50  # later records then begin at no multiple of four
    (tmp_path / "x.rec").write_bytes(data[:hole] + data[hole + 31 :])
    check = check_records(tmp_path / "x.rec")
    assert [entry.id for entry in check.good] == [10, 11, 12, 14, 15]


def test_a_length_that_is_too_long_hides_no_record(tmp_path, rng):
    begins = write(tmp_path / "x.rec", pictures(rng))
    data = bytearray((tmp_path / "x.rec").read_bytes())
    longer = begins[5] - begins[1] - 8  # up to the last record: 2, 3 and 4 are inside
    data[begins[1] + 4 : begins[1] + 8] = struct.pack("<I", longer)
    (tmp_path / "x.rec").write_bytes(data)
    check = check_records(tmp_path / "x.rec")
    assert [entry.id for entry in check.good] == [10, 12, 13, 14, 15]
    assert f"runs into one at byte {begins[2]}, so that its length is wrong" in said(check)[0]


@pytest.mark.parametrize("damage", [None, "first part", "last part"])
def test_records_of_several_parts(tmp_path, rng, damage):
    """A payload that holds the magic word at a multiple of four is written in parts."""
    images = pictures(rng, 4)
    whole = [frames.pack_payload(10 + i, np.array([i]), image) for i, image in enumerate(images)]
    # after the end of a PNG, which Pillow does not look at
    whole[1] += b"\0" * (-len(whole[1]) % 4) + frames.MAGIC_BYTES * 2 + b"tail"
    write_payloads(tmp_path / "x.rec", [(10 + i, payload) for i, payload in enumerate(whole)], 4)
    data = bytearray((tmp_path / "x.rec").read_bytes())
    begin = len(frames.frame(whole[0]))
    assert struct.unpack_from("<I", data, begin + 4)[0] >> 29 == frames.FIRST
    end = begin + len(frames.frame(whole[1]))
    if damage is not None:
        data[begin if damage == "first part" else end - 12] ^= 1
        (tmp_path / "x.rec").write_bytes(data)
    check = check_records(tmp_path / "x.rec")
    assert [entry.id for entry in check.good] == [10, 11, 12, 13][: 4 if damage is None else 1] + (
        [] if damage is None else [12, 13]
    )
    assert bool(check.problems) == (damage is not None)


def test_labels_ids_and_images_are_judged_together(tmp_path, rng):
    images = pictures(rng, 7)
    images[1], images[2] = images[1][:40], b""
    records = [(i, (i % 3, i % 3 // 2), image) for i, image in enumerate(images)]
    records[3] = (3, (0, 0, 0), images[3])
    records[4] = (4, (0, 1), images[4])  # class 0 is a dog, which is 0
    records[5] = (0, (2, 1), images[5])
    records[6] = (6, (0.5, 0), images[6])
    write_records(tmp_path / "x.rec", records, len(records))
    check = check_records(tmp_path / "x.rec", TREE)
    found = {problem.record: problem.message for problem in check.problems}
    assert sorted(found) == [1, 2, 3, 4, 5, 6] and len(check.good) == 1
    assert found[1].startswith("id 1: not a readable image (40 bytes)")
    assert found[2] == "id 2: its image has no bytes"
    assert found[3] == "id 3: 3 labels, the hierarchy has 2"
    assert "labels [0, 1] are not in the hierarchy" in found[4]
    assert found[5] == "id 0: record 0 has this id too; it must be unique"
    assert "whole numbers" in found[6]
    # without a hierarchy: as many labels as most records have, of any class
    assert len(check_records(tmp_path / "x.rec").problems) == 5


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda lines: lines[:-1], "record 5 (byte {5}, id 15) is not listed"),
        (lambda lines: [lines[0].replace("10", "99"), *lines[1:]], "key 99, but the record at"),
        (lambda lines: [*lines, lines[0]], "line 7: byte 0 is on a line before, too"),
        (lambda lines: [*lines, "16\t4\n"], "line 7: no whole record begins at byte 4"),
        (lambda lines: ["10\tx\n"], "expected key<TAB>offset, got '10\\tx'"),
        (lambda lines: ["1\t" + "9" * 30], "expected key<TAB>offset"),
        (lambda lines: [], "the index is empty"),
        (None, "the index is missing; `gluon-hash check FILE.rec --rebuild-index` writes it"),
    ],
)
def test_an_index_of_another_file(tmp_path, rng, change, message):
    begins, index = write(tmp_path / "x.rec", pictures(rng)), tmp_path / "x.idx"
    lines = index.read_text().splitlines(keepends=True)
    index.unlink() if change is None else index.write_text("".join(change(lines)))
    check = check_records(tmp_path / "x.rec")
    assert len(check.problems) == 1 and message.replace("{5}", str(begins[5])) in said(check)[0]
    assert len(check.good) == 6


def test_the_good_records_go_into_a_new_file(tmp_path, rng):
    images = pictures(rng)
    begins = write(tmp_path / "x.rec", images)
    data = bytearray((tmp_path / "x.rec").read_bytes())
    data[begins[2]] ^= 1
    (tmp_path / "x.rec").write_bytes(data[:-20])
    check = check_records(tmp_path / "x.rec")
    assert repair_records(check, tmp_path / "new.rec") == 4
    assert (tmp_path / "x.rec").read_bytes() == data[:-20]
    assert check_records(tmp_path / "new.rec").problems == []
    new = RecordFile(tmp_path / "new.rec")
    assert new.ids.tolist() == [10, 11, 13, 14]
    assert [new.image_bytes(row) for row in range(4)] == [images[i] for i in (0, 1, 3, 4)]
    with pytest.raises(ValueError, match="new.rec exists already"):
        repair_records(check, tmp_path / "new.rec")


def test_a_file_without_a_record_cannot_be_checked(tmp_path):
    (tmp_path / "x.rec").write_bytes(b"no records here" * 100)
    with pytest.raises(DataError, match="no record can be read"):
        check_records(tmp_path / "x.rec")


def test_images_in_both_splits_are_found_by_their_pixels(tmp_path, rng):
    images = pictures(rng)
    write(tmp_path / "a.rec", images)
    pixels = RecordFile(tmp_path / "a.rec").image(4)
    write(tmp_path / "b.rec", [*pictures(rng, 2), encode_png(pixels)])
    one, other = check_records(tmp_path / "a.rec"), check_records(tmp_path / "b.rec")
    (problem,) = shared_images(one, other)
    assert problem.record == 2 and "the same image as id 14 of a.rec, record 4" in problem.message


@pytest.mark.parametrize("labels", [[np.nan, 0], [np.inf, 0], [-2, 0], [1.5, 0], [3e38, 0]])
def test_a_reader_refuses_what_is_not_a_label(tmp_path, rng, labels):
    write(tmp_path / "x.rec", pictures(rng, 2), np.array([[0, 0], labels]))
    with pytest.raises(DataError, match=r"x\.rec: record 1: expected labels that are whole"):
        RecordFile(tmp_path / "x.rec")


def test_a_reader_refuses_an_id_that_is_too_large(tmp_path, rng):
    payload = bytearray(frames.pack_payload(0, np.array([0]), pictures(rng, 1)[0]))
    payload[8:16] = b"\xff" * 8
    write_payloads(tmp_path / "x.rec", [(0, bytes(payload))], 1)
    with pytest.raises(DataError, match="record 0: expected an id below"):
        RecordFile(tmp_path / "x.rec")


def test_the_command_lists_repairs_and_leaves_with_1(tmp_path, rng, run):
    begins = write(tmp_path / "x.rec", pictures(rng))
    code, out, _ = run("check", tmp_path / "x.rec")
    assert code == 0 and "6 records, classes per level (3, 2)" in out
    data = bytearray((tmp_path / "x.rec").read_bytes())
    data[begins[2]] ^= 1
    (tmp_path / "x.rec").write_bytes(data)
    code, out, err = run("check", tmp_path / "x.rec", "--repair")
    assert code == 1 and "x.repaired.rec: 5 good records" in out and "2 problems" in err
    assert run("check", tmp_path / "x.repaired.rec")[0] == 0
    code, _, err = run("check", tmp_path / "x.rec", "--repair", "--out", tmp_path / "x.rec")
    assert code == 2 and "exists already" in err
    assert run("check", tmp_path / "no.rec")[0] == 2
    code, _, err = run("check", tmp_path / "x.rec", "--out", tmp_path / "y.rec")
    assert code == 2 and "--out names the new file of --repair" in err


def test_one_problem_is_one_problem(tmp_path, rng, run):
    begins = write(tmp_path / "x.rec", pictures(rng))
    data = bytearray((tmp_path / "x.rec").read_bytes())
    data[begins[2] + 8 + 24 + 40 : begins[2] + 8 + 24 + 60] = bytes(20)  # within the image
    (tmp_path / "x.rec").write_bytes(data)
    code, out, err = run("check", tmp_path / "x.rec")
    assert code == 1 and out.count("x.rec: record 2 ") == 1 and "x.rec: 1 problem; " in err


def test_a_prepared_folder_is_checked_whole(prepared, tmp_path, run):
    code, out, _ = run("check", prepared)
    assert code == 0 and "train.rec: 162 records" in out and "query.rec: 54 records" in out
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("train.rec", "train.idx", "hierarchy.tsv"):
        (folder / name).write_bytes((prepared / name).read_bytes())
    train = RecordFile(folder / "train.rec")
    entry = (900, train.level_labels[7], train.image_bytes(7))
    write_records(folder / "query.rec", [entry], 1)
    code, out, _ = run("check", folder)
    assert code == 1
    assert f"query.rec: record 0 (byte 0): id 900: the same image as id {train.ids[7]}" in out
    (folder / "split.json").write_text('{"duplicates": {"mode": "keep"}}')
    code, _, err = run("check", folder)
    assert code == 0 and "1 images are in both splits, and were kept" in err
    code, _, err = run("check", tmp_path)
    assert code == 2 and "no .rec file in this folder" in err
