"""The service in a separate process with raw requests to its socket: `requests` of the test
vectors, and slow clients."""

import json
import pathlib
import re
import socket
import subprocess
import sys
import threading

import pytest

import strict_http
from keysync import Verifier
from receiver import Service

FOLDER = pathlib.Path(__file__).parent
VECTORS = FOLDER.parents[1] / "harness" / "receiver" / "vectors.json"
DOCUMENT = json.loads(VECTORS.read_text(encoding="utf-8"))
KEY = DOCUMENT["keys"]["current"]["public"]
HUNDRED_YEARS = str(100 * 365 * 24 * 60 * 60)


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """The port of the service. Asserts at the end that it still runs and has written no error."""
    errors = tmp_path_factory.mktemp("receiver") / "stderr"
    command = [
        sys.executable,
        FOLDER / "receiver.py",
        "--port",
        "0",
        "--tolerance",
        HUNDRED_YEARS,
        "--service",
        DOCUMENT["service"],
        "--public-key",
        KEY,
    ]
    with (
        errors.open("w") as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as process,
    ):
        try:
            port = int(re.search(r":(\d+)/", process.stdout.readline())[1])
            output = threading.Thread(target=process.stdout.read)
            output.start()
            yield port
            assert process.poll() is None, "the service has exited"
        finally:
            process.terminate()
    output.join()
    assert errors.read_text() == ""


def parts_of(vector):
    for part in vector["send"]:
        yield (part if isinstance(part, str) else part["repeat"] * part["times"]).encode("latin-1")


def statuses(received):
    """The statuses of the complete responses."""
    found = []
    while received:
        head, end, rest = received.partition(b"\r\n\r\n")
        status = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
        assert status and end, f"not a response: {received[:80]}"
        found.append(int(status[1]))
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        length = int(length[1]) if length else 0
        assert len(rest) >= length, "the response is incomplete"
        received = rest[length:]
    return found


def exchange(port, parts):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        for part in parts:
            connection.sendall(part)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while some := connection.recv(65536):
            received += some
    return statuses(received)


@pytest.mark.parametrize("vector", DOCUMENT["requests"], ids=lambda vector: vector["name"])
def test_requests_get_expected_statuses(vector, port):
    found = exchange(port, parts_of(vector))
    matches = [
        one == wanted or (isinstance(wanted, list) and one in wanted)
        for one, wanted in zip(found, vector["statuses"], strict=False)
    ]
    assert len(found) == len(vector["statuses"]) and all(matches), (
        f"got {found}, expected {vector['statuses']}: {vector['why']}"
    )


@pytest.fixture
def limited_port(monkeypatch):
    """The port of a service with a short timeout and a limit of one connection."""
    monkeypatch.setattr(strict_http.StrictHandler, "timeout_seconds", 0.5)
    monkeypatch.setattr(strict_http, "MAX_CONNECTIONS", 1)
    with Service(("127.0.0.1", 0), Verifier(DOCUMENT["service"], [KEY])) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running.server_port
        running.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"", []),
        (b"POST /callbacks HT", [408]),
        (b"POST /callbacks HTTP/1.1\r\nwebhook-id: ", [408]),
        (b"POST /callbacks HTTP/1.1\r\ncontent-length: 10\r\n\r\n12345", [408]),
        (b"POST /callbacks HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5\r\n123", [408]),
    ],
)
def test_stalled_request_gets_408_and_frees_connection(sent, expected, limited_port):
    with socket.create_connection(("127.0.0.1", limited_port), timeout=30) as stalled:
        stalled.sendall(sent)
        with socket.create_connection(("127.0.0.1", limited_port), timeout=30) as waiting:
            waiting.sendall(b"GET /keys/x HTTP/1.0\r\n\r\n")
            received = b"".join(iter(lambda: stalled.recv(65536), b""))
            assert statuses(received) == expected
            assert statuses(b"".join(iter(lambda: waiting.recv(65536), b""))) == [404]


def test_slow_request_gets_408_in_time(limited_port):
    with socket.create_connection(("127.0.0.1", limited_port), timeout=30) as slow:
        slow.settimeout(0.02)
        received = b""
        for _ in range(1000):
            slow.sendall(b"x")
            try:
                received = slow.recv(1)
                break
            except TimeoutError:
                pass
        slow.settimeout(30)
        received += b"".join(iter(lambda: slow.recv(65536), b""))
        assert statuses(received) == [408]


def test_client_that_never_reads_frees_connection(limited_port):
    with socket.create_connection(("127.0.0.1", limited_port), timeout=30) as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            for _ in range(5_000):
                reader.sendall(b"GET /keys/x HTTP/1.1\r\n\r\n" * 1000)
        except OSError:
            pass  # the service has closed
        assert exchange(limited_port, [b"GET /keys/x HTTP/1.1\r\n\r\n"]) == [404]


def test_disconnected_client_causes_no_error(limited_port, capsys):
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", limited_port), timeout=30) as gone:
            # Sends a reset on close.
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            gone.sendall(b"GET /keys/x HTTP/1.1\r\n\r\n")
    assert exchange(limited_port, [b"GET /keys/x HTTP/1.1\r\n\r\n"]) == [404]
    assert "Traceback" not in "".join(capsys.readouterr())
