"""One process at a time: who comes second hears of the first; who dies holds nobody up."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from gluon_hash.locks import LOCK, locked

HOLDS = "import sys, time\nfrom gluon_hash.locks import locked\n"
HOLDS += (
    "with locked(sys.argv[1], 'training'):\n    print('held', flush=True)\n    time.sleep(60)\n"
)


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, tmp_path], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_the_second_is_refused_and_told_who_is_at_work(tmp_path, holder):
    message = f"training is at work here .process {holder.pid}.; wait for it, or name another"
    for _ in range(2):
        with pytest.raises(ValueError, match=message), locked(tmp_path, "encode"):
            pytest.fail("two hold it")


def test_the_lock_of_a_killed_process_holds_nobody_up(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / LOCK).exists()
    with locked(tmp_path, "encode") as path:
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert not (tmp_path / LOCK).exists()


def test_it_is_free_again_afterwards_also_after_an_error(tmp_path):
    with pytest.raises(KeyError), locked(tmp_path, "encode"):
        raise KeyError
    with locked(tmp_path, "encode"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_lock_of_another_machine_is_believed_and_the_remedy_named(tmp_path):
    (tmp_path / LOCK).write_text('{"host": "elsewhere", "pid": 1, "doing": "training"}')
    with (
        pytest.raises(ValueError, match=f"process 1 on elsewhere.*delete {tmp_path / LOCK}"),
        locked(tmp_path, "encode"),
    ):
        pytest.fail("it is held elsewhere")


@pytest.mark.parametrize("text", ["", "[]", "{", "\xff"])
def test_a_lock_file_with_nonsense_in_it_is_taken_over(tmp_path, text):
    (tmp_path / LOCK).write_bytes(text.encode("latin-1"))
    with locked(tmp_path, "encode"):
        pass


def test_where_the_file_system_knows_no_locks_the_process_is_looked_for(
    tmp_path, holder, monkeypatch
):
    def unsupported(stream, operation):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", unsupported)
    with pytest.raises(ValueError, match="at work here"), locked(tmp_path, "encode"):
        pytest.fail("two hold it")
    holder.kill()
    holder.wait()
    with locked(tmp_path, "encode"):
        pass


def test_many_at_once_are_never_two(tmp_path):
    script = (
        "import sys, os\nfrom gluon_hash.locks import locked\nheld = 0\n"
        "while held < 40:\n    try:\n        with locked(sys.argv[1], 'work'):\n"
        "            os.close(os.open(sys.argv[1] + '/alone', os.O_CREAT | os.O_EXCL))\n"
        "            os.unlink(sys.argv[1] + '/alone')\n            held += 1\n"
        "    except ValueError:\n        pass\n"
    )
    started = time.monotonic()
    processes = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path)]) for _ in range(4)]
    assert [process.wait(timeout=60) for process in processes] == [0] * 4
    assert time.monotonic() - started < 60
