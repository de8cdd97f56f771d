"""The receiver with the test vectors for receivers in all languages, and over real sockets."""

import base64
import http.client
import json
import pathlib
import subprocess
import sys
import threading
from email.message import Message

import pytest

import keysync
import receiver
from keysync import InvalidKey, Latest, Notification, Rejected, ReplayGuard, Verifier
from receiver import Service

CRATE = pathlib.Path(__file__).parents[2] / "harness" / "receiver"
DOCUMENT = json.loads((CRATE / "vectors.json").read_text(encoding="utf-8"))
VECTORS = DOCUMENT["vectors"]
GOLDEN = VECTORS[0]
SERVICE = DOCUMENT["service"]


def headers_of(vector):
    """Headers as in `http.server`, with case-insensitive names."""
    message = Message()
    for name, values in vector["headers"].items():
        for value in values if isinstance(values, list) else [values]:
            message[name.title()] = value.encode().decode("latin-1")
    return message


def body_of(vector):
    body = (
        base64.b64decode(vector["bodyBase64"])
        if "bodyBase64" in vector
        else vector["body"].encode()
    )
    return body + b" " * vector.get("padding", 0)


def result_of(vector):
    """The receiver's result in the format of the vectors."""
    try:
        notification = Verifier(vector["service"], vector["publicKeys"]).verify(
            headers_of(vector), body_of(vector), vector["now"]
        )
    except Rejected as error:
        assert error.status == DOCUMENT["statuses"][error.code]
        assert str(error).isascii() and len(str(error)) < 400, (
            "the message is too long or not ASCII"
        )
        return {"rejected": error.code}
    return {
        "accepted": {
            "eventId": notification.event_id,
            "keyId": notification.key_id,
            "sequence": notification.sequence,
            "keyState": notification.key_state,
            "action": notification.action,
            "renotification": notification.renotification,
            "resourceCount": notification.resource_count,
        }
    }


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vectors_are_accepted_or_rejected_as_expected(vector):
    assert result_of(vector) == vector["expect"], vector["why"]


def test_limits_equal_those_of_vectors():
    limits = {
        "bodyBytes": keysync.MAX_BODY,
        "headerBytes": keysync.MAX_HEADER,
        "nesting": keysync.MAX_DEPTH,
    }
    assert (keysync.DEFAULT_TOLERANCE, limits) == (DOCUMENT["toleranceSeconds"], DOCUMENT["limits"])


def key_result(make, value):
    """The receiver's result for configured keys in the format of the vectors."""
    try:
        found = make(value)
    except InvalidKey as error:
        assert f"key {error.place} " in str(error) if error.place else "key" in str(error)
        assert not any(len(it) > 8 and it in str(error) for it in value), (
            "the message repeats a possible secret"
        )
        return {"rejected": error.code} | ({"place": error.place} if error.place else {})
    assert found.verify(headers_of(GOLDEN), body_of(GOLDEN), GOLDEN["now"])
    return "accepted"


@pytest.mark.parametrize("vector", DOCUMENT["configurations"], ids=lambda vector: vector["name"])
def test_key_lists_are_accepted_or_rejected(vector):
    assert (
        key_result(lambda keys: Verifier(SERVICE, keys), vector["publicKeys"]) == vector["expect"]
    ), vector["why"]


@pytest.mark.parametrize("vector", DOCUMENT["keySets"], ids=lambda vector: vector["name"])
def test_key_sets_are_accepted_or_rejected(vector):
    assert (
        key_result(lambda keys: Verifier.from_jwks(SERVICE, *keys), [vector["document"]])
        == vector["expect"]
    ), vector["why"]


@pytest.mark.parametrize("service", [None, ""])
def test_missing_service_is_rejected(service):
    with pytest.raises(ValueError, match="the service is required"):
        Verifier(service, GOLDEN["publicKeys"])


@pytest.mark.parametrize("key", [None, b"whpk_", 7, ["whpk_"]])
def test_key_of_other_type_is_rejected(key):
    with pytest.raises(InvalidKey, match="public key 1 must be"):
        Verifier(SERVICE, [key])


@pytest.mark.parametrize("document", [b"\xff", b"\xff\xfe[\0]\0", "\ud800", b"\0", b"[" * 100_000])
def test_key_set_with_invalid_json_is_rejected(document):
    with pytest.raises(InvalidKey, match="not a key set"):
        Verifier.from_jwks(SERVICE, document)


def rejected_headers(headers):
    with pytest.raises(Rejected) as rejected:
        Verifier(SERVICE, GOLDEN["publicKeys"]).verify(headers, body_of(GOLDEN), GOLDEN["now"])
    return rejected.value.code, str(rejected.value)


class FrameworkHeaders(dict):
    """Headers of a web framework with a duplicate one; `method` is the framework's method that
    returns all values."""

    def __init__(self, method):
        super().__init__(GOLDEN["headers"])
        setattr(self, method, lambda name: [self[name]] * (1 + (name == "webhook-id")))


@pytest.mark.parametrize("method", ["get_all", "getlist", "getall"])
def test_duplicate_header_is_detected_in_every_framework(method):
    code, message = rejected_headers(FrameworkHeaders(method))
    assert code == "header" and "`webhook-id` header must be unique: got 2 values" in message


@pytest.mark.parametrize("value", [b"bytes", 7, ["list"]])
def test_header_of_other_type_is_rejected(value):
    assert rejected_headers({**GOLDEN["headers"], "webhook-id": value})[0] == "header"


def test_vectors_file_is_up_to_date():
    subprocess.run([sys.executable, CRATE / "vectors.py", "--check"], check=True)


def test_code_in_documentation_runs(monkeypatch, capsys):
    root = CRATE.parents[1]
    monkeypatch.chdir(root)
    text = (root / "docs" / "how-to" / "receive-notifications.md").read_text(encoding="utf-8")
    (code,) = (block.partition("```")[0] for block in text.split("```python\n")[1:])
    exec(compile(code, "receive-notifications.md", "exec"), {})
    assert capsys.readouterr().out == "close or open 12 resources\nrespond 204\n"


def test_event_in_documentation_is_golden_one():
    text = (CRATE.parents[1] / "docs" / "how-to" / "receive-notifications.md").read_text(
        encoding="utf-8"
    )
    assert f"```json\n{GOLDEN['body']}\n```" in text


def notification(sequence, state=1):
    return Notification(
        event_id=f"event-{sequence}",
        sequence=sequence,
        key_id="key",
        key_crn="crn",
        key_state=state,
        source="",
        time="",
        service=SERVICE,
        key_version="key",
        action="rotate",
        renotification=False,
        occurred_at="",
        resource_count=1,
    )


def test_newest_state_wins():
    latest = Latest()
    assert [
        latest.offer(notification(8, 5)),
        latest.offer(notification(7, 1)),
        latest.offer(notification(8, 5)),
    ] == ["newer", "stale", "repeated"]
    assert latest.by_key["key"].key_state == 5
    assert latest.offer(notification(10, 1)) == "newer", (
        "sequence 9 was replaced before its delivery"
    )


def test_event_id_is_remembered_for_twice_tolerance():
    guard = ReplayGuard(tolerance=300)
    assert [guard.is_new("a", now) for now in (0, 600, 601)] == [True, False, True]


def test_forgotten_event_is_new_again():
    guard = ReplayGuard()
    guard.is_new("a", 0)
    guard.forget("a")
    assert guard.is_new("a", 1)


def test_replay_guard_is_bounded():
    guard = ReplayGuard(capacity=2)
    assert [guard.is_new(event_id, 0) for event_id in ("a", "b", "c", "c", "a")] == [
        True,
        True,
        True,
        False,
        True,
    ]
    assert len(guard.seen_at) == 2


@pytest.fixture
def service(monkeypatch):
    monkeypatch.setattr(receiver.time, "time", lambda: GOLDEN["now"])
    with Service(("127.0.0.1", 0), Verifier(SERVICE, GOLDEN["publicKeys"])) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def send(service, method, path, body=None, headers=()):
    connection = http.client.HTTPConnection("127.0.0.1", service.server_port, timeout=10)
    connection.request(method, path, body, dict(headers))
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


def test_callback_and_duplicate_get_204(service):
    path = f"/keys/{GOLDEN['expect']['accepted']['keyId']}"
    assert send(service, "GET", path)[0] == 404
    for _ in range(2):
        assert send(service, "POST", "/callbacks", GOLDEN["body"], GOLDEN["headers"]) == (204, "")
        status, known = send(service, "GET", path)
        assert (status, json.loads(known)) == (200, {"keyState": 5, "sequence": 7})


def test_rejected_callback_gets_error_message(service):
    status, message = send(service, "POST", "/callbacks", GOLDEN["body"] + " ", GOLDEN["headers"])
    assert status == 401 and "pass the bytes as received" in message
    status, message = send(service, "POST", "/callbacks", "{}")
    assert status == 400 and "`webhook-id` header is missing" in message
    assert not service.latest.by_key


def test_oversized_body_gets_413(service):
    status, message = send(
        service, "POST", "/callbacks", "x" * (receiver.MAX_BODY + 1), GOLDEN["headers"]
    )
    assert status == 413, message
