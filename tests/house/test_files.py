"""Files as users meet them: published without replacing, held names, disks that refuse."""

import errno
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gluon_hash import disks, files, leftovers


@pytest.mark.parametrize("maker", ["_make_file", "_make_folder"])
def test_a_folder_that_cannot_be_written_is_named_not_a_hidden_file(tmp_path, monkeypatch, maker):
    def refused(path):  # the suite may run as root, whom no folder refuses
        raise PermissionError(13, "Permission denied", os.fspath(path))

    monkeypatch.setattr(leftovers, maker, refused)
    with pytest.raises(PermissionError) as raised:
        if maker == "_make_file":
            files.atomic_write_text(tmp_path / "x.txt", "a")
        else:
            with files.atomic_folder(tmp_path / "x"):
                pass
    assert raised.value.filename == os.fspath(tmp_path)
    assert "gluon_hash-" not in str(raised.value)


def kinds():
    """How each of the two is written: (name, write, read)."""

    def folder(path, text):
        with files.atomic_folder(path) as temporary:
            (temporary / "in").write_text(text)

    yield "out.txt", files.atomic_write_text, Path.read_text
    yield "out", folder, lambda path: (path / "in").read_text()


@pytest.mark.parametrize("name, write, read", kinds())
def test_what_came_to_the_name_meanwhile_stays_and_ours_is_kept_beside_it(
    tmp_path, monkeypatch, name, write, read
):
    path = tmp_path / name
    sync = disks.sync
    for kept in ("out-1", "out-2"):

        def meanwhile(temporary):  # after the work, before the name is given
            if not path.exists():
                path.mkdir() if name == "out" else path.write_text("mine")
            sync(temporary)

        monkeypatch.setattr(files, "sync", meanwhile)
        monkeypatch.setattr(files, "refuse_existing", lambda *paths: None)
        kept = path.with_name(kept + path.suffix)
        with pytest.raises(ValueError, match=f"{path} exists .* is kept as {kept}"):
            write(path, "ours")
        assert read(kept) == "ours"
    assert list(path.iterdir()) == [] if name == "out" else path.read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("name, write, read", kinds())
@pytest.mark.parametrize("links", ["hard links", "none"])
def test_of_many_at_one_name_one_gets_it_and_no_work_is_lost(
    tmp_path, monkeypatch, name, write, read, links
):
    """Eight threads pass the first look together; the fallback is that of FAT."""
    if links == "none":

        def refused(*paths):
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(files.os, "link", refused)
    path, barrier = tmp_path / name, threading.Barrier(8)
    monkeypatch.setattr(files, "refuse_existing", lambda *paths: None)
    monkeypatch.setattr(files, "sync", lambda temporary: barrier.wait(20))

    def one(number):
        try:
            write(path, str(number))
        except ValueError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(8))) == 1
    assert sorted(map(read, tmp_path.iterdir())) == list("01234567")
    assert path.exists()


def test_a_caller_that_owns_a_file_replaces_it(tmp_path):
    for text in ("a", "b"):
        files.replace_text(tmp_path / "log", text)
    assert (tmp_path / "log").read_text() == "b"
    files.replace_json(tmp_path / "log", [1])
    assert (tmp_path / "log").read_text() == "[\n  1\n]\n" and len(os.listdir(tmp_path)) == 1


@pytest.mark.parametrize("folder", [False, True])
def test_of_work_that_fails_nothing_is_left_also_no_folder_made_for_it(tmp_path, folder):
    (tmp_path / "there").mkdir()
    write = files.atomic_folder if folder else files.atomic_path
    for parent in (tmp_path / "a" / "b", tmp_path / "there"):
        with pytest.raises(KeyboardInterrupt), write(parent / "out"):
            raise KeyboardInterrupt
    assert os.listdir(tmp_path) == ["there"] and os.listdir(tmp_path / "there") == []


def test_a_second_command_for_one_name_hears_of_the_first(tmp_path):
    path = tmp_path / "new" / "codes.npz"
    with files.claimed(path, doing="encode"):
        with pytest.raises(ValueError, match=f"{path}: encode is at work here .process "):
            with files.claimed(path, doing="encode"):
                pytest.fail("two make it")
        path.write_text("done")
    with pytest.raises(ValueError, match=f"{path} exists already"):
        with files.claimed(path, doing="encode"):
            pytest.fail("it is there")
    assert os.listdir(path.parent) == ["codes.npz"]


def test_a_name_that_was_held_in_vain_leaves_nothing(tmp_path):
    with pytest.raises(KeyError):
        with files.claimed(tmp_path / "a" / "x", tmp_path / "b" / "y", doing="plot"):
            raise KeyError
    assert os.listdir(tmp_path) == []


def test_files_that_belong_together_come_together(tmp_path):
    new = {tmp_path / f".{name}": tmp_path / name for name in "abc"}
    for temporary in new:
        temporary.write_text("ours")
    (tmp_path / "c").write_text("mine")
    with pytest.raises(ValueError, match=f"{tmp_path / 'c'} exists .* nothing was written"):
        files.publish_together(new)
    assert not (tmp_path / "a").exists() and not (tmp_path / "b").exists()
    assert (tmp_path / "c").read_text() == "mine"
    (tmp_path / "c").unlink()
    files.publish_together(new)
    assert [path.read_text() for path in new.values()] == ["ours"] * 3


@pytest.mark.parametrize("path", ["", ".", "..", "a/..", "/"])
def test_a_path_without_a_name_is_refused(path):
    with pytest.raises(ValueError, match="expected a path with a name"):
        files.refuse_existing(path)


def test_a_dangling_link_is_something_that_exists(tmp_path):
    (tmp_path / "x").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="exists already"):
        files.refuse_existing(tmp_path / "x")


@pytest.mark.parametrize(
    "error, code",
    [
        (OSError(errno.ENOSPC, "No space left on device"), errno.ENOSPC),
        (OSError("4096 requested and 100 written"), errno.EIO),  # numpy.ndarray.tofile
        (RuntimeError("[01:02:03] filesys.cc:38: FileStream.Write incomplete"), errno.EIO),
        (RuntimeError("Error in faiss::FileIOWriter: fwrite failed"), errno.EIO),
    ],
)
def test_a_write_that_fails_names_the_file_whoever_wrote(tmp_path, error, code):
    with pytest.raises(OSError) as raised, files.atomic_path(tmp_path / "x.bin"):
        raise error
    assert raised.value.filename == str(tmp_path / "x.bin") and raised.value.errno == code
    assert os.listdir(tmp_path) == []


def test_an_error_inside_a_folder_names_the_file_as_it_would_have_been_called(tmp_path):
    with pytest.raises(OSError) as raised, files.atomic_folder(tmp_path / "index") as temporary:
        with open(temporary / "sub" / "x", "w"):  # there is no sub
            pass
    assert raised.value.filename == str(tmp_path / "index" / "sub" / "x")


def test_an_error_of_something_else_stays_as_it_is(tmp_path):
    with pytest.raises(RuntimeError, match="shapes differ"), files.atomic_path(tmp_path / "x"):
        raise RuntimeError("shapes differ")
    with pytest.raises(FileNotFoundError) as raised, files.atomic_path(tmp_path / "x"):
        open(tmp_path / "other")
    assert raised.value.filename == str(tmp_path / "other")


def test_file_and_folder_are_on_the_disk_before_the_name_counts(tmp_path, monkeypatch):
    """The order of system calls: content, name, folder; a power cut between them loses no name."""
    done = []

    def recorded(call):
        real = getattr(os, call)

        def record(*arguments):
            if call == "fsync":
                number = arguments[0]
                kind = "folder" if stat.S_ISDIR(os.fstat(number).st_mode) else "file"
                done.append(f"fsync {kind}")
            else:
                done.append(call)
            return real(*arguments)

        monkeypatch.setattr(os, call, record)

    for call in ("fsync", "link", "replace", "rename"):
        recorded(call)
    files.atomic_write_text(tmp_path / "x", "a")
    assert done == ["fsync file", "link", "fsync folder"]
    done.clear()
    files.replace_text(tmp_path / "x", "b")
    assert done == ["fsync file", "replace", "fsync folder"]
    done.clear()
    with files.atomic_folder(tmp_path / "y") as temporary:
        (temporary / "in").write_text("a")
    assert done == ["fsync file", "fsync folder", "rename", "fsync folder"]
