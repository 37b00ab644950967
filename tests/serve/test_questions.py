"""What a request may ask, and how the service says that it does not understand."""

import base64
import json

import numpy as np
import pytest

pytest.importorskip("python_multipart")

from gluon_hash.serve.questions import parse_code, parse_question

JSON = {"content-type": "application/json; charset=utf-8"}
FORM = {"content-type": "multipart/form-data; boundary=XX"}


def form(*contents):
    head = b'--XX\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n'
    parts = [head + b"Content-Type: image/png\r\n\r\n" + content + b"\r\n" for content in contents]
    return b"".join(parts) + b"--XX--\r\n"


def test_bytes_are_an_image_whatever_they_are_called():
    for kind in ("image/jpeg", "application/octet-stream", "application/x-www-form-urlencoded"):
        assert parse_question({"content-type": kind}, b"abc").image == b"abc"
    assert parse_question({}, b"abc").image == b"abc"


def test_a_form_holds_one_file_of_any_bytes():
    content = bytes(range(256)) + b"\r\n--X\r\n" + b"\0" * 70_000
    assert parse_question(FORM, form(content)).image == content


def test_json_asks_one_thing():
    def asked(value):
        return parse_question(JSON, json.dumps(value).encode())

    assert asked({"code": "0aff"}).code == "0aff"
    assert asked({"id": -3}).item == -3
    features = asked({"features": [1, 0.5, -2e-3]}).features
    assert features.dtype == np.float32
    assert features.tolist() == [1.0, 0.5, np.float32(-2e-3)]


@pytest.mark.parametrize(
    "headers, body, message",
    [
        ({}, b"", "the request is empty; expected an image"),
        (JSON, b"", "not JSON"),
        (JSON, b"\xff", "not UTF-8"),
        (JSON, b"[1]", "expected an image .* or JSON with `code`, `id` or `features`"),
        (JSON, b"{}", "expected an image"),
        (JSON, b'{"code": "00", "id": 1}', "one of them"),
        (JSON, b'{"path": "/etc/passwd"}', "one of them"),
        (JSON, b'{"code": 5}', "code: expected text"),
        (JSON, b'{"id": "5"}', "id: expected an integer"),
        (JSON, b'{"id": true}', "id: expected an integer"),
        (JSON, b'{"id": 1.5}', "id: expected an integer"),
        (JSON, b'{"features": []}', "features: expected a list of numbers"),
        (JSON, b'{"features": [1, "a"]}', "features: expected a list of numbers"),
        (JSON, b'{"features": [1e39]}', "that float32 can hold"),
        (JSON, b'{"features": [1' + b"0" * 400 + b"]}", "that float32 can hold"),
        (JSON, b'{"features": [NaN]}', "NaN is not a number"),
        (JSON, b"[" * 5000, "more than 64 deep"),
        (FORM, b"nothing", "the form is damaged"),
        (FORM, form(b"a" * 50)[:-30], "the form is damaged: it is cut short"),
        (FORM, form(b"a", b"b"), "the form has 2 parts; expected one"),
        (FORM, form(b""), "the request is empty"),
        ({"content-type": "multipart/form-data"}, form(b"a"), "the form"),
    ],
)
def test_what_is_not_a_question_is_refused_with_the_reason(headers, body, message):
    with pytest.raises(ValueError, match=message):
        parse_question(headers, body)


@pytest.mark.parametrize("num_bits", [1, 8, 12, 16, 24, 31, 32, 48, 64, 100])
def test_codes_are_read_from_both_spellings(num_bits, rng):
    from gluon_hash.retrieval import codes

    packed = codes.pack(rng.choice([-1, 1], (1, num_bits)))
    for text in (packed.tobytes().hex(), base64.b64encode(packed.tobytes()).decode()):
        assert (parse_code(text, num_bits) == packed).all()


@pytest.mark.parametrize("text", ["", "0", "0g", "000", "é" * 2, "0" * 10_000, "AA=", "  "])
def test_a_code_of_another_length_is_refused(text):
    with pytest.raises(ValueError, match="code: expected 8 bits, as 2 hexadecimal digits"):
        parse_code(text, 8)


def test_a_padding_bit_is_refused():
    with pytest.raises(ValueError, match="padding bit"):
        parse_code("ff", 7)
