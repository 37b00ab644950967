"""Many requests at once, some broken: every answer is the offline one; a Milvus collection too."""

import os

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

from served import TREE, png, serving, small_collection

from gluon_hash.experiment import load_model
from gluon_hash.records import RecordFile
from gluon_hash.retrieval import CodeTable, HammingIndex, codes
from gluon_hash.serve import Collection, Limits, Service
from tools import load_service


@pytest.mark.parametrize("model", ["run", "export/net"])
def test_answers_under_load_are_the_offline_ones(trained, prepared, tmp_path, model):
    records = RecordFile(prepared / "query.rec")
    files = [tmp_path / f"{row}.png" for row in range(30)]
    for row, file in enumerate(files):
        file.write_bytes(png(records.image(row)))
    answers = load_service.offline(trained / model, trained / "index", files, 10)
    bodies = [file.read_bytes() for file in files]
    asked = load_service.requests(bodies, answers, 200, 0.05, seed=1)
    collection = Collection(HammingIndex.load(trained / "index"))
    service = Service(collection, load_model(trained / model), Limits(drain=0.0))
    with serving(service) as client:
        address = f"http://127.0.0.1:{client.port}"
        report = load_service.fire(address, asked, "k=10&zoom=true", 32, os.getpid())
    assert (report.wrong, report.lost) == ([], [])
    assert report.statuses == {200: 190, 422: 10} and report.retried == 0
    summary = report.summary(1.0)
    assert summary["requests"] == 200 and summary["milliseconds"]["p99"] < 30_000


def test_the_load_says_when_an_answer_is_wrong():
    collection, bits = small_collection()
    service = Service(collection, None, Limits(drain=0.0))
    asked = [load_service.Asked(b'{"id": 100}', {"ids": [1]}), load_service.Asked(b"x", None)]
    with serving(service) as client:
        report = load_service.fire(f"http://127.0.0.1:{client.port}", asked, "k=1", 1)
    # sent as images to a service without a model: 400, which is right of the broken one alone
    assert len(report.wrong) == 1 and "400: ids: None in place of [1]" in report.wrong[0]


def test_a_milvus_collection_is_searched_but_not_listed(tmp_path):
    pytest.importorskip("milvus_lite")
    from gluon_hash.retrieval.index.milvus import MilvusIndex

    collection, bits = small_collection()
    items = collection.index.items
    packed = codes.pack(bits * 2 - 1)
    table = CodeTable(items.ids, packed, items.level_labels, 16, items.names)
    remote = MilvusIndex(str(tmp_path / "milvus.db"))
    remote.upload(table)
    remote.name_classes(TREE)
    expected = collection.index
    with serving(Service(Collection(remote), None, Limits(drain=0.0))) as client:
        assert client.get("/collection").json["can_be_listed"] is False
        assert client.get("/tree").status == 404 and client.get("/items").status == 404
        assert client.get("/items/104").json["classes"] == ["owl", "bird"]
        answer = client.search({"id": 104}, "k=5&within=coarse=bird&zoom=true").json
        branch = items.branch("coarse=bird")
        distances, _ = expected.search(packed[4:5], 6, within=branch)
        assert answer["distances"] == distances[0, 1:].tolist()  # the first is itself
        assert 104 not in answer["ids"] and len(set(answer["ids"])) == 5
        assert client.get("/items/7").status == 404
    remote.close()
