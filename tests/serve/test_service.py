"""The service over HTTP: its answers are those of the command line, its refusals say why."""

import json

import numpy as np
import pytest
from served import TREE, Brightness, checkered, png, serving, small_service

from gluon_hash.retrieval import HammingIndex, codes
from gluon_hash.serve import Collection, Limits, Service

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")


@pytest.fixture(scope="module")
def bright(tmp_path_factory):
    """A client of a service of 40 pictures, their bits, and the folder that they are in."""
    folder = tmp_path_factory.mktemp("bright")
    service, bits = small_service(folder, max_pixels=10**6)
    service.collection.index.save(folder / "index")
    with serving(service) as client:
        yield client, bits, folder


def test_an_image_becomes_the_code_of_its_bits(bright):
    client, bits, _ = bright
    expected = codes.pack(bits[:1] * 2 - 1)
    answer = client.encode(png(checkered(bits[0])))
    assert answer.status == 200 and answer.json["num_bits"] == 16
    assert answer.json["hex"] == expected.tobytes().hex()
    again = client.search({"code": answer.json["base64"]}, "k=1").json
    assert again["ids"] == [100] and again["distances"] == [0]
    boundary = b'--X\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    form = boundary + png(checkered(bits[0])) + b"\r\n--X--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=X"}
    assert client.ask("POST", "/encode", form, kind).json == answer.json
    assert client.encode({"features": (bits[0] * 2.0 - 1).tolist()}).json == answer.json


@pytest.mark.parametrize(
    "options",
    [
        "k=7",
        "radius=5",
        "zoom=true",
        "k=5&zoom=true&agree=2&group_by=coarse",
        "within=coarse=bird&k=9&group_by=fine",
        "within=fine=trout&radius=6&zoom=1",
    ],
)
def test_answers_are_those_of_the_command_line(bright, run, tmp_path, options):
    from gluon_hash.retrieval import CodeTable

    client, bits, folder = bright
    packed = codes.pack(np.roll(bits[:3], 1, axis=1) * 2 - 1)
    table = CodeTable(np.arange(3), packed, np.empty((3, 0), np.int32), 16)
    table.save(tmp_path / "q.npz")
    words = []
    for option in options.split("&"):
        name, _, value = option.partition("=")
        flag = f"--{name.replace('_', '-')}" if len(name) > 1 else f"-{name}"
        words += [flag] if value in ("true", "1") and name == "zoom" else [flag, value]
    code, out, err = run(
        "index", "search", folder / "index", "--codes", tmp_path / "q.npz", "--json", *words
    )
    assert code == 0, err
    for line, query in zip(out.splitlines(), packed, strict=True):
        answer = client.search({"code": query.tobytes().hex()}, options).json
        related = answer.pop("related", None)
        assert (related is not None) == ("zoom" in options)
        assert {**answer, "query": ""} == {**json.loads(line), "query": ""}


def test_an_item_is_searched_for_and_is_not_its_own_answer(bright):
    client, bits, _ = bright
    distances = (bits != bits[4]).sum(axis=1)
    nearest = np.argsort(distances, kind="stable")
    expected = [int(row) + 100 for row in nearest if row != 4][:6]
    answer = client.search({"id": 104}, "k=6&zoom=true").json
    assert answer["ids"] == expected and answer["query"] == "id 104"
    # 104 is an owl (4 % 3 == 1), a bird: related to owls at level 0, to finches at level 1
    assert answer["related"]["to"] == ["owl", "bird"]
    level = {0: 1, 1: 0, 2: 2}
    assert answer["related"]["levels"] == [level[(item - 100) % 3] for item in expected]
    assert 104 not in client.search({"id": 104}, "radius=16").json["ids"]
    alone = client.search({"id": 104}, "k=40").json["ids"]
    assert len(alone) == 39 and 104 not in alone


def test_related_of_an_image_is_to_what_the_answers_agree_on():
    index = HammingIndex(8, hierarchy=TREE)
    index.add(
        np.array([[0], [1], [3], [7]], np.uint8),
        np.arange(4),
        level_labels=np.array([[0, 0], [1, 0], [2, 1], [2, 1]], np.int32),
    )
    with serving(Service(Collection(index), None, Limits(drain=0))) as client:
        # the nearest three: finch, owl, trout: two of three are birds
        related = client.search({"code": "00"}, "k=3&zoom=true").json["related"]
        assert related == {"to": ["", "bird"], "by": "agreement", "levels": [1, 1, 2]}
        assert "related" not in client.search({"code": "00"}, "k=3").json
        assert "images cannot" not in client.search({"code": "00"}).body.decode()
        refused = client.search(png(checkered([1] * 16)))
        assert refused.status == 400 and "has no model" in refused.error
        assert client.get("/items/1/image").status == 404
        assert client.get("/collection").json["encodes_images"] is False


@pytest.mark.parametrize(
    "options, status, message",
    [
        ("k=0", 400, "k: Input should be greater than or equal to 1"),
        ("k=x", 400, "k: Input should be a valid integer"),
        ("k=41", 400, "k must be from 1 to 40"),
        ("k=1001", 400, "k: expected at most 1000"),
        ("k=3&radius=3", 400, "k and radius: give one of the two"),
        ("radius=17", 400, "from 0 to 16 bits"),
        ("kk=3", 400, "kk: Extra inputs are not permitted"),
        ("within=coarse=cow", 400, "no class 'cow'; expected one of 2, such as bird, fish"),
        ("within=bird", 400, "expected LEVEL=CLASS"),
        ("group_by=order", 400, "expected one of fine, coarse"),
        ("agree=2", 400, "agree does nothing without zoom"),
    ],
)
def test_options_that_do_not_fit_are_refused(bright, options, status, message):
    answer = bright[0].search({"code": "0000"}, options)
    assert answer.status == status and message in answer.error


def test_bad_images_are_answered_with_the_reason(bright):
    client, bits, _ = bright
    whole = png(checkered(bits[0]))
    noise = png(np.random.RandomState(0).randint(0, 256, (64, 64, 3)).astype(np.uint8))
    for body, status, message in (
        (b"", 400, "the request is empty"),
        (b"hello", 422, "not a readable image (5 bytes): of no known format"),
        (noise[: len(noise) // 2], 422, "not a readable image"),
        (whole[:20], 422, "not a readable image"),
        (png(np.zeros((3, 9, 3), np.uint8)), 422, "smaller than 4 pixels"),
        (png(np.zeros((1001, 1000), np.uint8)), 413, "1000 x 1001 pixels; at most 1,000,000"),
    ):
        answer = client.encode(body)
        assert (answer.status, message in answer.error) == (status, True), answer.body
    assert client.encode({"features": [1.0]}).error == "expected 16 features, got 1"
    assert client.encode({"code": "0000"}).status == 400
    assert client.search({"code": "00"}).status == 400


def test_items_tree_and_pictures_are_shown(bright):
    client, _, folder = bright
    assert client.get("/collection").json == {
        "num_bits": 16,
        "num_codes": 40,
        "level_names": ["fine", "coarse"],
        "has_images": True,
        "can_be_listed": True,
        "encodes_images": True,
    }
    tree = client.get("/tree").json
    # of 40 items: 14 finches (0, 3, ..., 39), 13 owls, 13 trouts
    assert tree["total"] == 40 and [node["name"] for node in tree["children"]] == ["bird", "fish"]
    bird = tree["children"][0]
    assert bird["count"] == 27 and bird["level"] == 1
    assert [(node["name"], node["count"]) for node in bird["children"]] == [
        ("finch", 14),
        ("owl", 13),
    ]
    page = client.get("/items?within=fine=owl&offset=12&limit=5").json
    assert page == {
        "total": 13,
        "items": [{"id": 137, "path": "photos/37 é.png", "classes": ["owl", "bird"]}],
    }
    assert client.get("/items/137").json == page["items"][0]
    picture = client.get("/items/137/image?size=64")
    assert picture.status == 200 and picture.headers["Content-Type"] == "image/png"
    assert client.get("/items/137/image?size=64").body == picture.body
    for path, status in (
        ("/items/7", 404),
        ("/items/7/image", 404),
        ("/items/99999999999999999999", 404),
        ("/items/abc/image", 400),
        ("/items/137/image?size=1", 400),
        ("/items?limit=1000", 400),
        ("/items?offset=-1", 400),
        ("/items?within=fine=cow", 400),
        ("/items/..%2F..%2Fetc%2Fpasswd/image", 404),
        ("/page/../app.py", 404),
        ("/page/secret", 404),
        ("/nothing", 404),
    ):
        answer = client.get(path)
        assert answer.status == status and answer.error, path


def test_every_answer_has_its_headers_and_the_page_a_strict_policy(bright):
    client, _, _ = bright
    page = client.get("/")
    policy = page.headers["Content-Security-Policy"]
    assert page.status == 200 and policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy and page.headers["X-Content-Type-Options"] == "nosniff"
    text = page.body.decode()
    assert "http://" not in text and "https://" not in text and "style=" not in text
    for name in ("page.css", "page.js", "results.js", "tree.js", "icon.svg"):
        file = client.get(f"/page/{name}")
        assert file.status == 200
        assert b"https://" not in file.body and b"innerHTML" not in file.body
    document = client.get("/openapi.json").json
    assert set(document["paths"]) >= {"/encode", "/search", "/tree", "/items/{item}/image"}
    assert set(document["paths"]["/search"]["post"]["requestBody"]["content"]) == {
        "image/*",
        "multipart/form-data",
        "application/json",
    }


def test_a_name_that_another_site_chose_is_refused_on_this_machine(bright):
    client, _, _ = bright
    assert client.get("/collection", Host="evil.example").status == 403
    assert client.get("/collection", Host="localhost:1").status == 200
    service, _ = small_service()
    with serving(service, local=False) as other:
        assert other.get("/collection", Host="photos.example").status == 200


def test_metrics_count_what_happened():
    service, bits = small_service()
    with serving(service) as client:
        for _ in range(3):
            client.encode(png(checkered(bits[0])))
        client.encode(b"x")
        client.get("/nothing")
        text = client.get("/metrics").body.decode()
    values = dict(
        line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#")
    )
    encoded = 'gluon_hash_requests_total{method="POST",path="/encode",status='
    assert values[f'{encoded}"200"}}'] == "3" and values[f'{encoded}"422"}}'] == "1"
    assert values['gluon_hash_requests_total{method="GET",path="other",status="404"}'] == "1"
    assert values["gluon_hash_batch_images_sum"] == "3.000000"
    assert values['gluon_hash_request_seconds_count{path="/encode"}'] == "4"
    assert values["gluon_hash_index_codes"] == "40"
    assert int(values["gluon_hash_resident_memory_bytes"]) > 10**7


def test_codes_of_another_length_are_refused_at_the_start():
    index = HammingIndex(8)
    index.add(np.zeros((1, 1), np.uint8), np.arange(1))
    with pytest.raises(ValueError, match="codes of 16 bits, the index has 8"):
        Service(Collection(index), Brightness())
