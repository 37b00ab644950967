"""What the service does with too much: bytes, requests, seconds; and with clients that leave."""

import http.client
import socket
import threading
import time

import pytest
from served import JSON, Brightness, Client, checkered, png, serving, small_service

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

from gluon_hash.serve.server import listen


def test_too_many_bytes_are_refused_announced_or_not():
    service, _ = small_service(max_upload=100_000)
    with serving(service) as client:
        for size in (100_001, 300_000, 1_000_000):
            answer = client.encode(bytes(size))
            assert answer.status == 413 and "larger than 100,000 bytes" in answer.error
        chunks = (bytes(10_000) for _ in range(30))  # no length is announced
        answer = client.ask("POST", "/encode", chunks)
        assert answer.status == 413
        assert client.encode(bytes(99_999)).status == 422  # taken, and not an image


class Slow(Brightness):
    """Waits for ``go`` before it encodes."""

    def __init__(self):
        self.go = threading.Event()

    def encode_prepared(self, prepared):
        self.go.wait(20)
        return super().encode_prepared(prepared)


def test_more_requests_than_wait_are_told_to_come_again():
    model = Slow()
    service, bits = small_service(model=model, waiting=3)
    with serving(service) as client:
        answers = []
        image = png(checkered(bits[0]))
        asking = [
            threading.Thread(target=lambda: answers.append(client.encode(image))) for _ in range(3)
        ]
        for thread in asking:
            thread.start()
        while service.metrics.in_work < 3:
            time.sleep(0.005)
        refused = client.encode(image)
        assert refused.status == 503 and refused.headers["Retry-After"] == "1"
        assert "too many requests" in refused.error
        assert client.get("/healthz").status == 200  # it is busy, not dead
        model.go.set()
        for thread in asking:
            thread.join(20)
        assert [answer.status for answer in answers] == [200] * 3
        assert client.encode(image).status == 200


def test_what_takes_too_long_is_given_up():
    model = Slow()
    service, bits = small_service(model=model, timeout=0.3)
    with serving(service) as client:
        answer = client.encode(png(checkered(bits[0])))
        assert answer.status == 503 and "within 0.3 seconds" in answer.error
        assert answer.headers["Retry-After"] == "1"
        model.go.set()
        with socket.create_connection(("127.0.0.1", client.port), 5) as slow:
            slow.sendall(b"POST /encode HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nab")
            assert slow.recv(100).startswith(b"HTTP/1.1 408")


def test_a_client_that_goes_away_harms_nobody():
    service, bits = small_service()
    with serving(service) as client:
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", client.port), 5) as gone:
                gone.sendall(
                    b"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n"
                )
        assert client.encode(png(checkered(bits[0]))).status == 200
        until = time.monotonic() + 5
        while service.metrics.in_work and time.monotonic() < until:
            time.sleep(0.01)
        assert service.metrics.in_work == 0


def test_requests_at_once_share_calls_and_get_their_own_answers():
    service, bits = small_service(batch_window=0.05)
    with serving(service) as client:
        found = {}

        def ask(row):
            found[row] = Client(client.port).search(png(checkered(bits[row])), "k=1").json["ids"]

        threads = [threading.Thread(target=ask, args=(row,)) for row in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert found == {row: [row + 100] for row in range(24)}
        text = client.get("/metrics").body.decode()
    calls = int(next(li for li in text.splitlines() if "batch_images_count" in li).split()[1])
    assert 1 <= calls < 24


def test_an_answer_is_sent_at_once():
    """With Nagle's algorithm on, a kept connection waits 40 ms for the other side's receipt."""
    service, _ = small_service()
    with serving(service) as client:
        connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=10)
        seconds = []
        for _ in range(20):
            started = time.perf_counter()
            connection.request("POST", "/search?k=3", b'{"id": 105}', JSON)
            assert len(connection.getresponse().read()) > 50
            seconds.append(time.perf_counter() - started)
        connection.close()
    assert min(seconds) < 0.03
    with listen("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP
