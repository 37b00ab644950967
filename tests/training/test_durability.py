"""What a power cut, a full disk and numbers that are not finite leave: the last good checkpoint."""

import errno
import os
import shutil

import mxnet as mx
import numpy as np
import pytest
from training_cases import Killed, assert_same, make, train

from gluon_hash import disks
from gluon_hash.errors import DataError, DivergedError
from gluon_hash.training import CheckpointState, Progress, checkpoint, read_state
from gluon_hash.training.reading import read_checkpoint


class Disk:
    """Remembers what was fsynced: what a power cut leaves of a folder."""

    def __init__(self, monkeypatch):
        self._files, self._folders, self._fsync = {}, {}, os.fsync
        self._open = []  # else the number of what is removed would be given to something new
        monkeypatch.setattr(os, "fsync", self._note)

    def _note(self, stream):
        self._fsync(stream)
        path, about = os.readlink(f"/proc/self/fd/{stream}"), os.fstat(stream)
        self._open.append(os.dup(stream))
        if os.path.isdir(path):
            names = os.listdir(path)
            self._folders[about.st_ino] = {
                name: os.lstat(os.path.join(path, name)).st_ino for name in names
            }
        else:
            with open(path, "rb") as file:
                self._files[about.st_ino] = file.read()

    def close(self):
        for stream in self._open:
            os.close(stream)

    def after_a_power_cut(self, folder, out):
        """The folder as it was fsynced: names that were not are gone, bytes that were not are 0."""
        self._rebuild(os.stat(folder).st_ino, out)

    def _rebuild(self, inode, out):
        os.mkdir(out)
        for name, below in self._folders.get(inode, {}).items():
            if below in self._files:
                (out / name).write_bytes(self._files[below])
            elif below in self._folders:
                self._rebuild(below, out / name)
            else:
                (out / name).write_bytes(bytes(100))


@pytest.mark.parametrize("after", range(12))
def test_a_power_cut_at_any_moment_of_a_swap_leaves_a_whole_checkpoint(
    after, tmp_path, monkeypatch
):
    """The power fails before the nth renaming or removal of a training of three epochs."""
    disk, steps = Disk(monkeypatch), []

    def failing(real):
        def step(*arguments, **options):
            steps.append(real)
            if len(steps) > after + 1:
                raise Killed  # on the way out
            if len(steps) == after + 1:
                disk.after_a_power_cut(tmp_path / "run", tmp_path / "left")
                raise Killed
            return real(*arguments, **options)

        return step

    (tmp_path / "run").mkdir()
    disks.sync_entries(tmp_path / "run")
    monkeypatch.setattr(os, "replace", failing(os.replace))
    monkeypatch.setattr(shutil, "rmtree", failing(shutil.rmtree))
    with pytest.raises(Killed):
        train(make(), tmp_path / "run", 9, checkpoint_minutes=1e-9)
    monkeypatch.undo()
    disk.close()
    whole = train(make(), tmp_path / "whole", 3)
    assert_same(whole, train(make(), tmp_path / "left", 3))


def test_a_full_disk_names_the_checkpoint_and_keeps_the_last(tmp_path, monkeypatch, capsys):
    train(make(), tmp_path, 1)
    whole = train(make(), tmp_path / "whole", 2)

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        with pytest.raises(OSError) as caught:
            train(make(), tmp_path, 2)
    assert caught.value.errno == errno.ENOSPC and "best.ckpt" in str(caught.value.filename)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert_same(whole, train(make(), tmp_path, 2))


def test_what_mxnet_did_not_write_to_its_end_is_noticed(tmp_path, monkeypatch):
    """It does not look whether closing a file, which writes the last bytes, worked."""
    trainer = make()
    train(trainer, tmp_path, 1)

    def cut(path):
        mx.nd.save(path, {"weight": mx.nd.ones((9, 9))})
        os.truncate(path, os.path.getsize(path) - 1)

    monkeypatch.setattr(trainer.net, "save_parameters", cut)
    with pytest.raises(OSError, match="could not be written to its end") as caught:
        train(trainer, tmp_path, 2)
    assert str(tmp_path / "best.ckpt") in str(caught.value.filename)
    assert read_state(tmp_path / "best.ckpt").progress.epochs_done == 1


def in_weights(trainer):
    next(iter(trainer.net.collect_params().values())).data()[:] = np.inf


def in_the_optimizer(trainer):
    trainer.optimizer._updaters[0].states[0][1][:] = np.inf


def in_the_memory(trainer):
    trainer.memory.centers[1][0, 0] = np.nan


def in_the_head(trainer):
    next(iter(trainer.head.collect_params().values())).data()[0] = np.nan


@pytest.mark.parametrize(
    "name, spoil, message",
    [
        ("hpdh", in_weights, r"the weight \w*dense\w+"),
        ("hpdh", in_the_optimizer, r"the optimiser's state of \w*dense\w+"),
        ("hpdh", in_the_memory, "the memory's level_1"),
        ("idcwh", in_the_head, "the weight "),
    ],
)
def test_what_is_not_finite_is_not_saved(name, spoil, message, tmp_path):
    train(make(name, rule="adam"), tmp_path, 1)
    trainer = make(name, rule="adam")

    def validate():  # the last moment before an epoch is saved, after a loss that was finite
        spoil(trainer)
        return {}

    with pytest.raises(DivergedError, match=f"epoch 2: {message}.* not saved: lower optimizer.lr"):
        train(trainer, tmp_path, 2, validate=validate)
    state = read_state(tmp_path / "last.ckpt")
    assert state.progress.epochs_done == 1
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 1


def test_an_update_that_overflows_is_found_though_every_loss_was_finite(tmp_path):
    trainer = make(center_refresh="running", stop=(0, 5, lambda: setattr(trainer, "_lr", 3.5e38)))
    with pytest.raises(DivergedError, match="epoch 1: the weight .* holds NaN or infinity"):
        train(trainer, tmp_path, 1)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_changes_nothing_and_reads_the_old_one_in_the_middle_of_a_swap(tmp_path):
    train(make(), tmp_path, 1)
    (tmp_path / "last.ckpt").rename(tmp_path / "last.ckpt.old")
    assert read_state(tmp_path / "last.ckpt").progress.epochs_done == 1
    assert not (tmp_path / "last.ckpt").exists()
    shutil.copytree(tmp_path / "last.ckpt.old", tmp_path / "last.ckpt")
    assert read_state(tmp_path / "last.ckpt").progress.epochs_done == 1
    assert (tmp_path / "last.ckpt.old").exists()


@pytest.mark.parametrize("how", ["while it reads", "before it looks at the files"])
def test_a_reader_tries_again_when_a_checkpoint_was_swapped_meanwhile(how, tmp_path, monkeypatch):
    trainer = make()
    train(trainer, tmp_path, 1)
    swaps = iter(range(2, 5))

    def swap():
        epoch = next(swaps, None)
        if epoch is not None:
            state = CheckpointState(Progress(epoch, 1, 0.5, 0))
            checkpoint.save_checkpoint(tmp_path / "last.ckpt", trainer, state)

    if how == "before it looks at the files":
        real = checkpoint.sha256
        monkeypatch.setattr(
            "gluon_hash.training.reading.sha256", lambda path: (swap(), "0", real(path))[2]
        )
    seen = []

    def read(place, state):
        swap()
        seen.append(state.progress.epochs_done)
        return state

    found = read_checkpoint(tmp_path / "last.ckpt", read)
    assert found.progress.epochs_done == 4 == seen[-1]


def test_best_is_gone_on_from_where_last_is_gone(tmp_path, capsys):
    values = iter([0.1, 0.5, 0.3])
    options = {"validate": lambda: {"map": next(values)}, "monitor": "map"}
    train(make(), tmp_path, 3, **options)
    shutil.rmtree(tmp_path / "last.ckpt")
    log = (tmp_path / "log.jsonl").read_text()
    capsys.readouterr()
    values = iter([0.3])
    train(make(), tmp_path, 3, **options)
    assert "resumed after epoch 2, from best.ckpt" in capsys.readouterr().err
    assert (tmp_path / "log-1.jsonl").read_text() == log
    assert read_state(tmp_path / "best.ckpt").progress.epochs_done == 2
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 3


def test_a_log_without_any_checkpoint_is_not_started_over(tmp_path):
    train(make(), tmp_path, 2)
    log = (tmp_path / "log.jsonl").read_text()
    for name in ("last.ckpt", "best.ckpt"):
        shutil.rmtree(tmp_path / name)
    with pytest.raises(DataError, match=r"log\.jsonl: has 2 epochs, .* put them back"):
        train(make(), tmp_path, 3)
    assert (tmp_path / "log.jsonl").read_text() == log
