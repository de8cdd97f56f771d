"""The receiver against the test vectors that receivers in all languages are held to, and over real sockets."""

import base64
import http.client
import json
import pathlib
import subprocess
import sys
import threading
from email.message import Message

import pytest

import receiver
import strict_json
import verifier
from public_key import KeyRefused
from receiver import Latest, Notification, Rejected, ReplayGuard, Service, Verifier

CRATE = pathlib.Path(__file__).parents[2] / "harness" / "receiver"
DOCUMENT = json.loads((CRATE / "vectors.json").read_text(encoding="utf-8"))
VECTORS = DOCUMENT["vectors"]
GOLDEN = VECTORS[0]


def headers_of(vector):
    """Headers as `http.server` hands them over, whose names do not care about case."""
    message = Message()
    for name, values in vector["headers"].items():
        for value in values if isinstance(values, list) else [values]:
            message[name.title()] = value.encode().decode("latin-1")
    return message


def body_of(vector):
    body = base64.b64decode(vector["bodyBase64"]) if "bodyBase64" in vector else vector["body"].encode()
    return body + b" " * vector.get("padding", 0)


def made_of(vector):
    """What the receiver makes of a vector, in the words of the vectors."""
    try:
        told = Verifier(vector["publicKeys"]).verify(headers_of(vector), body_of(vector), vector["now"])
    except Rejected as why:
        assert why.status == DOCUMENT["statuses"][why.code]
        assert str(why).isascii() and len(str(why)) < 400, "a message is short, whatever was sent"
        return {"rejected": why.code}
    return {"taken": {
        "eventId": told.event_id, "keyId": told.key_id, "sequence": told.sequence, "keyState": told.key_state,
        "action": told.action, "renotification": told.renotification, "resourceCount": told.resource_count,
    }}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_each_vector_is_taken_or_rejected_for_the_reason_that_it_names(vector):
    assert made_of(vector) == vector["expect"], vector["why"]


def test_limits_are_those_of_the_vectors():
    limits = {"bodyBytes": verifier.MAX_BODY, "headerBytes": verifier.MAX_HEADER, "nesting": strict_json.MAX_DEPTH}
    assert (verifier.DEFAULT_TOLERANCE, limits) == (DOCUMENT["toleranceSeconds"], DOCUMENT["limits"])


def configured(make, value):
    """What the receiver makes of keys at its configuration, in the words of the vectors."""
    try:
        found = make(value)
    except KeyRefused as why:
        assert f"key {why.place} " in str(why) if why.place else "key" in str(why)
        assert not any(len(it) > 8 and it in str(why) for it in value), "it may be a secret, pasted wrongly"
        return {"refused": why.code} | ({"place": why.place} if why.place else {})
    assert found.verify(headers_of(GOLDEN), body_of(GOLDEN), GOLDEN["now"])
    return "accepted"


@pytest.mark.parametrize("vector", DOCUMENT["configurations"], ids=lambda vector: vector["name"])
def test_each_list_of_keys_is_accepted_or_refused(vector):
    assert configured(Verifier, vector["publicKeys"]) == vector["expect"], vector["why"]


@pytest.mark.parametrize("vector", DOCUMENT["keySets"], ids=lambda vector: vector["name"])
def test_each_key_set_is_accepted_or_refused(vector):
    assert configured(lambda keys: Verifier.from_jwks(*keys), [vector["document"]]) == vector["expect"], vector["why"]


@pytest.mark.parametrize("key", [None, b"whpk_", 7, ["whpk_"]])
def test_a_key_that_is_no_text_is_refused(key):
    with pytest.raises(KeyRefused, match="public key 1 must be"):
        Verifier([key])


@pytest.mark.parametrize("document", [b"\xff", b"\xff\xfe[\0]\0", "\ud800", b"\0", b"[" * 100_000])
def test_bytes_that_are_no_json_are_no_key_set(document):
    with pytest.raises(KeyRefused, match="no key set"):
        Verifier.from_jwks(document)


def rejected_headers(headers):
    with pytest.raises(Rejected) as rejected:
        Verifier(GOLDEN["publicKeys"]).verify(headers, body_of(GOLDEN), GOLDEN["now"])
    return rejected.value.code, str(rejected.value)


class OfAFramework(dict):
    """The headers of a web framework, of which one is given twice; each framework has its own method for all of them."""

    def __init__(self, method):
        super().__init__(GOLDEN["headers"])
        setattr(self, method, lambda name: [self[name]] * (1 + (name == "webhook-id")))


@pytest.mark.parametrize("method", ["get_all", "getlist", "getall"])
def test_header_given_twice_is_seen_in_each_framework(method):
    code, message = rejected_headers(OfAFramework(method))
    assert code == "header" and "`webhook-id` header is given 2 times" in message


@pytest.mark.parametrize("value", [b"bytes", 7, ["list"]])
def test_header_that_is_no_text_is_rejected(value):
    assert rejected_headers({**GOLDEN["headers"], "webhook-id": value})[0] == "header"


def test_the_vectors_are_what_their_maker_makes():
    subprocess.run([sys.executable, CRATE / "vectors.py", "--check"], check=True)


def test_the_code_in_the_documentation_runs(monkeypatch, capsys):
    root = CRATE.parents[1]
    monkeypatch.chdir(root)
    text = (root / "docs" / "how-to" / "receive-notifications.md").read_text(encoding="utf-8")
    (code,) = (block.partition("```")[0] for block in text.split("```python\n")[1:])
    exec(compile(code, "receive-notifications.md", "exec"), {})
    assert capsys.readouterr().out == "close or open 12 resources\nanswer 204\n"


def test_the_event_in_the_documentation_is_the_golden_one():
    text = (CRATE.parents[1] / "docs" / "how-to" / "receive-notifications.md").read_text(encoding="utf-8")
    assert f"```json\n{GOLDEN['body']}\n```" in text


def told(sequence, state=1):
    return Notification(event_id=f"event-{sequence}", sequence=sequence, key_id="key", key_crn="crn", key_state=state,
                        key_version="key", action="rotate", renotification=False, occurred_at="", resource_count=1)


def test_the_newest_state_wins():
    latest = Latest()
    assert [latest.offer(told(8, 5)), latest.offer(told(7, 1)), latest.offer(told(8, 5))] == ["newer", "stale", "repeated"]
    assert latest.by_key["key"].key_state == 5
    assert latest.offer(told(10, 1)) == "newer", "9 was replaced before it arrived"


def test_an_id_is_remembered_for_twice_the_tolerance():
    guard = ReplayGuard(tolerance=300)
    assert [guard.is_new("a", now) for now in (0, 600, 601)] == [True, False, True]


def test_what_could_not_be_acted_on_is_new_again():
    guard = ReplayGuard()
    guard.is_new("a", 0)
    guard.forget("a")
    assert guard.is_new("a", 1)


def test_the_guard_is_bounded():
    guard = ReplayGuard(capacity=2)
    assert [guard.is_new(event_id, 0) for event_id in ("a", "b", "c", "c", "a")] == [True, True, True, False, True]
    assert len(guard.seen_at) == 2


@pytest.fixture
def service(monkeypatch):
    monkeypatch.setattr(receiver.time, "time", lambda: GOLDEN["now"])
    with Service(("127.0.0.1", 0), Verifier(GOLDEN["publicKeys"])) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def ask(service, method, path, body=None, headers=()):
    connection = http.client.HTTPConnection("127.0.0.1", service.server_port, timeout=10)
    connection.request(method, path, body, dict(headers))
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_a_callback_is_answered_with_204_and_a_repeat_too(service):
    path = f"/keys/{GOLDEN['expect']['taken']['keyId']}"
    assert ask(service, "GET", path)[0] == 404
    for _ in range(2):
        assert ask(service, "POST", "/callbacks", GOLDEN["body"], GOLDEN["headers"]) == (204, "")
        status, known = ask(service, "GET", path)
        assert (status, json.loads(known)) == (200, {"keyState": 5, "sequence": 7})


def test_what_is_not_the_senders_is_answered_with_the_reason(service):
    status, why = ask(service, "POST", "/callbacks", GOLDEN["body"] + " ", GOLDEN["headers"])
    assert status == 401 and "take the bytes as they came" in why
    status, why = ask(service, "POST", "/callbacks", "{}")
    assert status == 400 and "`webhook-id` header is missing" in why
    assert not service.latest.by_key


def test_a_body_that_is_too_large_is_not_read(service):
    status, why = ask(service, "POST", "/callbacks", "x" * (receiver.MAX_BODY + 1), GOLDEN["headers"])
    assert status == 413, why
