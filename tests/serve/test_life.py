"""How the service begins, and ends: nothing damaged is served, no request is lost."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

from served import JSON, Brightness, Client, checkered, png, serving, small_service

from gluon_hash import serve
from gluon_hash.errors import MissingPackageError
from gluon_hash.records import RecordFile, decode_image
from gluon_hash.retrieval import FeatureTable, HammingIndex
from gluon_hash.retrieval.baselines import LinearHash

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def indexed(tmp_path_factory):
    """A folder with an index, and its pictures."""
    folder = tmp_path_factory.mktemp("life")
    service, _ = small_service(folder)
    service.collection.index.save(folder / "index")
    service.close()
    return folder


@contextmanager
def started(folder, *words):
    """The command as a process of its own, and a client of it; it is killed if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gluon_hash", "serve", "--port", "0", *map(str, words)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), process.stderr.read()
        yield process, Client(int(address.rstrip("/").rpartition(":")[2]))
    finally:
        process.kill()
        process.communicate()


def test_ctrl_c_ends_with_130(indexed):
    with started(indexed, "--index", "index", "--drain", "0") as (process, _):
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert process.returncode == 130 and "Traceback" not in err


class Asker(threading.Thread):
    """Asks again and again, over connections that are kept, until nobody listens."""

    def __init__(self, port):
        super().__init__()
        self.port, self.answered, self.lost = port, 0, []

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        while True:
            try:
                connection.connect() if connection.sock is None else None
            except OSError:  # nobody listens: what was not accepted is not lost
                return
            try:
                connection.request("POST", "/search?k=3", json.dumps({"id": 105}), JSON)
                response = connection.getresponse()
                assert len(json.loads(response.read())["ids"]) == 3 and response.status == 200
                self.answered += 1
            except Exception as error:
                self.lost.append(repr(error))
                connection.close()


def test_sigterm_loses_no_accepted_request(indexed):
    with started(indexed, "--index", "index", "--drain", "0.5") as (process, client):
        askers = [Asker(client.port) for _ in range(8)]
        for asker in askers:
            asker.start()
        assert client.get("/items/100/image").status == 200
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        before = sum(asker.answered for asker in askers)
        time.sleep(0.1)
        assert client.get("/healthz").status == 503  # the balancer is told, requests are taken
        for asker in askers:
            asker.join(20)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 0 and out == ""
        assert "no --model" in err and "Traceback" not in err
        assert sum(asker.answered for asker in askers) > before > 8
        assert [lost for asker in askers for lost in asker.lost] == []


def test_what_the_network_works_on_is_answered_at_the_end():
    model = Brightness()
    go, encode = threading.Event(), model.encode_prepared
    model.encode_prepared = lambda prepared: go.wait(20) and encode(prepared)
    service, bits = small_service(model=model, max_batch=2)
    answers = {}
    with serving(service) as client:

        def ask(row):
            answers[row] = client.search(png(checkered(bits[row])), "k=1").json["ids"]

        threads = [threading.Thread(target=ask, args=(row,)) for row in range(9)]
        for thread in threads:
            thread.start()
        while service.metrics.in_work < 9:
            time.sleep(0.005)
        client.server.begin_to_stop()
        time.sleep(0.4)  # the socket is closed by now
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", client.port), 5)
        go.set()
        for thread in threads:
            thread.join(20)
    assert answers == {row: [row + 100] for row in range(9)}


DAMAGES = {
    "half a file of codes": lambda folder: cut(folder / "codes.faissbinary"),
    "half a file of items": lambda folder: cut(folder / "items.npz"),
    "no file of ids": lambda folder: (folder / "ids.npy").unlink(),
    "half a description": lambda folder: cut(folder / "index.json"),
    "no description yet": lambda folder: (folder / "index.json").unlink(),
}


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_half_written_index_is_refused_at_the_start(indexed, tmp_path, run, damage):
    shutil.copytree(indexed / "index", tmp_path / "index")
    DAMAGES[damage](tmp_path / "index")
    code, out, err = run("serve", "--index", tmp_path / "index")
    assert code == 2 and out == ""
    assert err.count("\n") == 1 and str(tmp_path / "index") in err


def test_codes_of_another_length_are_refused_at_the_start(indexed, tmp_path, run):
    model = tmp_path / "lsh.npz"
    LinearHash("lsh", np.zeros(4, np.float32), np.ones((4, 8), np.float32)).save(model)
    code, _, err = run("serve", "--index", indexed / "index", "--model", model)
    assert code == 2 and "codes of 8 bits, the index has 16" in err


def test_a_baseline_serves_features_beside_the_images_of_records(prepared, tmp_path):
    records, rng = RecordFile(prepared / "train.rec"), np.random.RandomState(0)
    index = HammingIndex(16)
    index.add(rng.randint(0, 256, (5, 2)).astype(np.uint8), np.append(records.ids[:4], 10**6))
    index.save(tmp_path / "index")
    weights = rng.randn(4, 16).astype(np.float32)
    LinearHash("lsh", np.zeros(4, np.float32), weights).save(tmp_path / "lsh.npz")
    words = "--index index --model lsh.npz --drain 0 --records".split()
    with started(tmp_path, *words, prepared / "train.rec") as (_, client):
        features = rng.randn(4).astype(np.float32)
        code = np.packbits(features @ weights >= 0, bitorder="little").tobytes().hex()
        assert client.encode({"features": features.tolist()}).json["hex"] == code
        assert client.encode({"features": [1.0]}).status == 422
        assert client.encode(png(checkered([0] * 16))).status == 422
        picture = client.get(f"/items/{records.ids[2]}/image")
        assert picture.headers["Content-Type"] == "image/png"
        assert (decode_image(picture.body) == records.image(2)).all()
        gone = client.get(f"/items/{10**6}/image")
        assert gone.status == 404 and "not in the records" in gone.error


def test_another_model_than_that_of_the_index_is_refused_at_the_start(tmp_path, run):
    rng, mean = np.random.RandomState(0), np.zeros(4, np.float32)
    for name in ("one", "other"):
        weights = rng.randn(4, 16).astype(np.float32)
        LinearHash("lsh", mean, weights).save(tmp_path / f"{name}.npz")
    features = rng.randn(5, 4).astype(np.float32)
    FeatureTable(np.arange(5), features, np.zeros((5, 1), np.int32), {}).save(tmp_path / "f.npz")
    one, index = tmp_path / "one.npz", tmp_path / "index"
    code, _, err = run(
        "encode", one, "--records", tmp_path / "f.npz", "--out", tmp_path / "codes.npz"
    )
    assert code == 0, err
    assert run("index", "build", tmp_path / "codes.npz", "--out", index)[0] == 0
    code, _, err = run("serve", "--index", index, "--model", tmp_path / "other.npz")
    assert code == 2 and "of another model" in err and err.count("\n") == 1
    with started(tmp_path, "--index", index, "--model", one, "--drain", "0") as (_, client):
        assert client.search({"features": features[3].tolist()}, "k=1").json["ids"] == [3]


@pytest.mark.parametrize(
    "words, message",
    [
        ("", "name the collection: --index INDEX for a folder, or --url for Milvus"),
        ("--index index --url milvus.db", "name the collection"),
        ("--index index --collection c", "--collection does nothing without --url"),
        ("--index index --images a --records b.rec", "give one of the two"),
        ("--index index --images nowhere", "40 of the 40 images looked for are not there"),
        ("--index index --model nothing", "nothing: not a model"),
    ],
)
def test_what_does_not_go_together_is_said(indexed, run, monkeypatch, words, message):
    monkeypatch.chdir(indexed)
    code, _, err = run("serve", *words.split())
    assert code == 2 and message in err


def test_a_port_that_is_taken_is_said(indexed, run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = run("serve", "--index", indexed / "index", "--port", port)
    assert code == 1 and f"cannot listen at 127.0.0.1:{port}" in err


def test_packages_that_are_missing_are_named(monkeypatch):
    monkeypatch.setattr(serve, "NEEDED", ("fastapi", "no_such_package"))
    with pytest.raises(MissingPackageError, match=r"no_such_package: .*gluon_hash\[serve\]"):
        serve.require_packages()
