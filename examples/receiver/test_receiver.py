"""The receiver against the test vectors that receivers in all languages are held to, and over real sockets."""

import http.client
import json
import pathlib
import subprocess
import sys
import threading
from email.message import Message

import pytest

import receiver
from receiver import Latest, Notification, Rejected, ReplayGuard, Service, Verifier

CRATE = pathlib.Path(__file__).parents[2] / "harness" / "receiver"
DOCUMENT = json.loads((CRATE / "vectors.json").read_text(encoding="utf-8"))
VECTORS = DOCUMENT["vectors"]
GOLDEN = VECTORS[0]


def headers_of(vector):
    """Headers as `http.server` hands them over, whose names do not care about case."""
    message = Message()
    for name, value in vector["headers"].items():
        message[name.title()] = value
    return message


def made_of(vector):
    """What the receiver makes of a vector, in the words of the vectors."""
    try:
        told = Verifier(vector["publicKeys"]).verify(headers_of(vector), vector["body"].encode(), vector["now"])
    except Rejected as why:
        return {"rejected": why.code}
    return {"taken": {
        "eventId": told.event_id, "keyId": told.key_id, "sequence": told.sequence, "keyState": told.key_state,
        "action": told.action, "renotification": told.renotification, "resourceCount": told.resource_count,
    }}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_each_vector_is_taken_or_rejected_for_the_reason_that_it_names(vector):
    assert made_of(vector) == vector["expect"], vector["why"]


def test_the_tolerance_is_that_of_the_vectors():
    assert receiver.DEFAULT_TOLERANCE == DOCUMENT["toleranceSeconds"]


def test_the_vectors_are_what_their_maker_makes():
    subprocess.run([sys.executable, CRATE / "vectors.py", "--check"], check=True)


@pytest.mark.parametrize("keys", [[], ["whpk_short"], ["whsk_" + "A" * 43 + "="], [GOLDEN["publicKeys"][0], ""]])
def test_a_key_that_is_none_is_said_to_be_so_and_not_repeated(keys):
    with pytest.raises(ValueError, match="public key") as error:
        Verifier(keys)
    assert not any(key and key in str(error.value) for key in keys)


def test_the_code_in_the_documentation_runs(monkeypatch, capsys):
    root = CRATE.parents[1]
    monkeypatch.chdir(root)
    text = (root / "docs" / "integrating.md").read_text(encoding="utf-8")
    (code,) = (block.partition("```")[0] for block in text.split("```python\n")[1:])
    exec(compile(code, "integrating.md", "exec"), {})
    assert capsys.readouterr().out == "close or open 12 resources\nanswer 204\n"


def test_the_event_in_the_documentation_is_the_golden_one():
    text = (CRATE.parents[1] / "docs" / "integrating.md").read_text(encoding="utf-8")
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


def test_what_is_not_the_senders_is_answered_with_401_and_the_reason(service):
    status, why = ask(service, "POST", "/callbacks", GOLDEN["body"] + " ", GOLDEN["headers"])
    assert status == 401 and "take the bytes as they came" in why
    status, why = ask(service, "POST", "/callbacks", "{}")
    assert status == 401 and "`webhook-id` header is missing" in why
    assert not service.latest.by_key


def test_a_body_that_is_too_large_is_not_read(service):
    status, why = ask(service, "POST", "/callbacks", "x" * (receiver.MAX_BODY + 1), GOLDEN["headers"])
    assert status == 413, why
