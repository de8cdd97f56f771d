"""Each example service, with callbacks of the test and a key set on a server of the test."""

import threading

import pytest

from kits import KITS
from mutations import GOLDEN
from services import TIMEOUT, KeySetServer, Receiver, callback, key_set, public_key, request, start

KEY = GOLDEN["expect"]["accepted"]["keyId"]
FORGED = {"signer": "next"}  # by a key that is not in the set


@pytest.fixture
def published():
    with KeySetServer(key_set("current")) as server:
        yield server


@pytest.fixture(params=KITS)
def kit(request):
    return request.param


def test_newer_event_acts_and_others_do_not(kit, published):
    with Receiver(kit, key_set_url=published.url) as receiver:
        assert receiver.effects() == []
        sent = [
            callback(7),
            callback(7),
            callback(6),
            callback(8, sequence=7),
            callback(10),
            callback(9),
        ]
        assert [receiver.post(one) for one in sent] == [204] * 6
        assert receiver.effects() == ["event-7", "event-10"]
        assert receiver.key(KEY) == {"keyState": 5, "sequence": 10}
    assert published.fetches == 1


def test_rejected_callback_acts_on_nothing(kit):
    with Receiver(kit, public_keys=public_key("current")) as receiver:
        assert receiver.post(callback(1, service="databases")) == 403
        assert receiver.post(callback(1, signer="next")) == 401
        assert receiver.post(callback(1, age=310)) == 401
        assert receiver.post(callback(1, age=-310)) == 401
        headers, body = callback(1)
        assert receiver.post((headers, body + b" ")) == 401
        assert receiver.post((headers, b" " * 65_537)) == 413
        assert receiver.post(({}, body)) == 400
        assert request(receiver.port, "GET", "/callbacks")[0] == 405
        assert request(receiver.port, "POST", "/callback", body, headers)[0] == 404
        assert request(receiver.port, "GET", f"/keys/{KEY}")[0] == 404
        assert receiver.effects() == []
        assert receiver.post(callback(1)) == 204, "a rejected callback must not count as seen"
        assert receiver.effects() == ["event-1"]


def test_unknown_key_causes_fetch_and_rotation_succeeds(kit, published):
    with Receiver(kit, key_set_url=published.url, key_set_pause=0) as receiver:
        assert [receiver.post(callback(number)) for number in (1, 2)] == [204, 204]
        assert published.fetches == 1
        published.publish(key_set("current", "next"))
        assert receiver.post(callback(3, signer="next")) == 204
        assert receiver.post(callback(4)) == 204
        assert published.fetches == 2
        published.publish(key_set("next"))
        assert receiver.post(callback(5)) == 204, (
            "the old key is valid until the set is fetched again"
        )


def test_forged_callbacks_cause_no_fetch_for_pause(kit, published):
    with Receiver(kit, key_set_url=published.url, key_set_pause=3600) as receiver:
        assert receiver.post(callback(1)) == 204
        assert [receiver.post(callback(number, **FORGED)) for number in range(5)] == [401] * 5
        assert published.fetches == 1


def test_failed_fetch_keeps_known_keys(kit, published):
    with Receiver(kit, key_set_url=published.url, key_set_pause=0) as receiver:
        assert receiver.post(callback(1)) == 204
        problems = [
            (500, b"", {}),
            (404, key_set("next"), {}),
            (201, key_set("next"), {}),
            (302, b"", {"location": "/elsewhere"}),
            (200, b"<html>", {}),
            (200, b'{"keys":[]}', {}),
            (200, key_set("next").rjust(64 * 1024 + 1), {}),
        ]
        for number, problem in enumerate(problems, 2):
            published.response = problem
            assert receiver.post(callback(number, **FORGED)) == 401, problem[0]
            assert receiver.post(callback(number)) == 204, problem[0]
        assert published.fetches == 1 + len(problems)
        published.publish(key_set("next").rjust(64 * 1024))
        assert receiver.post(callback(100, signer="next")) == 204


def test_without_key_set_callback_gets_503(kit, published):
    published.response = (503, b"", {})
    with Receiver(kit, key_set_url=published.url, key_set_pause=0) as receiver:
        assert receiver.post(callback(1)) == 503
        published.publish(key_set("current"))
        assert receiver.post(callback(1)) == 204
        assert receiver.effects() == ["event-1"]


def test_hanging_key_set_delays_one_callback(kit, published):
    with Receiver(kit, key_set_url=published.url, key_set_pause=0) as receiver:
        assert receiver.post(callback(1)) == 204
        is_hanging, released = threading.Event(), threading.Event()

        def hang():
            is_hanging.set()
            released.wait()
            return 500, b"", {}

        published.response = hang
        statuses = []
        forged = threading.Thread(
            target=lambda: statuses.append(receiver.post(callback(2, **FORGED)))
        )
        forged.start()
        assert is_hanging.wait(TIMEOUT)
        assert receiver.post(callback(2)) == 204, "a callback with a known key must not wait"
        assert not statuses
        forged.join(TIMEOUT)
        assert statuses == [401], "the fetch must end after its timeout"
        released.set()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"key_set_url": "http://example.com/jwks.json"},
        {"key_set_url": "ftp://127.0.0.1/"},
        {"public_keys": "whpk_AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
        {"public_keys": "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="},
        {"public_keys": public_key("current"), "service": ""},
        {"public_keys": public_key("current"), "port": "65536"},
        {"public_keys": public_key("current"), "tolerance": "-1"},
    ],
    ids=lambda settings: ",".join(settings) or "none",
)
def test_invalid_settings_end_service_with_2(kit, settings):
    with start(kit, **settings) as process:
        output, errors = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, output) == (2, ""), errors
    assert "error: " in errors and "Traceback" not in errors and "    at " not in errors
    assert "nWGxne" not in errors, "the message repeats a secret"
