"""The client of the control API, against a harness."""

import json
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlencode
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from keysync_harness import (
    Callback,
    Control,
    DeadLetter,
    Exchange,
    Harness,
    HarnessFailed,
    Identity,
    Info,
    Key,
    RecordedRequest,
    Recording,
    Replay,
    Replayed,
    Resource,
    ServiceState,
)

STORAGE = "cloud-object-storage"

#: The values, by their names in the OpenAPI document.
SCHEMAS = {
    "Info": Info,
    "Token": Identity,
    "KeyView": Key,
    "ServiceView": ServiceState,
    "Received": Callback,
    "DeadLetter": DeadLetter,
    "Exchange": Exchange,
    "Replay": Replay,
    "Replayed": Replayed,
}


def post(url: str, headers: dict[str, str], data: bytes = b"") -> bytes:
    """The body of the response to a `POST`."""
    request = Request(url, data, headers, method="POST")
    with build_opener(ProxyHandler({})).open(request, timeout=60) as response:
        body: bytes = response.read()
        return body


def log_in(harness: Harness, api_key: str) -> str:
    """An access token of IAM."""
    form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": api_key}
    body = post(f"{harness.info.iam}/identity/token", {}, urlencode(form).encode())
    token: str = json.loads(body)["access_token"]
    return token


def sync(harness: Harness, key: Key, *headers: tuple[str, str]) -> None:
    """Synchronizes a key, which must succeed."""
    token = log_in(harness, harness.info.api_key)
    given = {"authorization": f"Bearer {token}", "bluemix-instance": harness.info.instance_id}
    url = f"{harness.info.endpoint}/api/v2/keys/{key.id}/actions/sync"
    post(url, {**given, **dict(headers)})


@pytest.fixture(scope="module")
def document(keysync_session: Harness):
    return keysync_session.request("GET", "/openapi.json")


@pytest.mark.parametrize("name", SCHEMAS)
def test_fields_are_those_of_openapi(document, name):
    known = document["components"]["schemas"][name]["properties"]
    assert {field.name for field in fields(SCHEMAS[name])} <= known.keys()


@pytest.mark.parametrize("kind", [Recording, RecordedRequest])
def test_fields_of_recording_are_those_of_openapi(document, kind):
    name = "Recorded" if kind is RecordedRequest else kind.__name__
    assert (
        kind.__annotations__.keys() == document["components"]["schemas"][name]["properties"].keys()
    )


def test_control_reaches_running_harness(keysync_harness: Harness):
    control = Control(keysync_harness.info.control)
    assert control.read_info().endpoint == keysync_harness.info.endpoint


def test_created_key_is_listed_with_registrations(keysync_harness: Harness):
    key = keysync_harness.create_key("invoices", protects=[STORAGE, ("databases", "ledger")])
    crn = keysync_harness.register(key.id, STORAGE, "more")

    found = keysync_harness.key(key.id)
    assert (found.name, found.type, found.state) == ("invoices", "root", 1)
    assert len(found.protects) == 3 and crn in found.protects
    assert found.id in [key.id for key in keysync_harness.keys()]
    assert keysync_harness.service(STORAGE).resources["more"] == Resource(crn, key.id, True)


def test_standard_key_has_alias(keysync_harness: Harness):
    key = keysync_harness.create_key("plain", alias="plain-alias", standard=True)
    assert key.type == "standard"
    with pytest.raises(HarnessFailed, match="409"):
        keysync_harness.create_key("other", alias="plain-alias")


def test_services_are_listed(keysync_harness: Harness):
    assert STORAGE in [service.name for service in keysync_harness.services()]


def test_forgotten_requests_are_gone(keysync_harness: Harness):
    keysync_harness.create_identity("reader")
    assert keysync_harness.requests()[-1].to == "iam"
    key = keysync_harness.create_key("invoices")
    (created,) = keysync_harness.requests(to="endpoint", method="POST", status=201)
    assert created.response and key.id in created.response.body
    assert "correlation-id" in created.response.headers and created.request.body_bytes > 0
    keysync_harness.forget_requests()
    assert keysync_harness.requests() == []


def test_filter_selects_requests_and_counts_them(keysync_harness: Harness):
    control, correlation = keysync_harness, ("correlation-id", "4f2a")
    sync(control, control.create_key("invoices"), correlation)
    syncs = control.requests(to="endpoint", path="/actions/sync", header=correlation)
    assert [exchange.status for exchange in syncs] == [204]
    assert control.count_requests(path="/actions/sync", method="POST", status=204) == 1
    assert control.count_requests(header=("correlation-id", "other")) == 0
    everything = control.requests()
    assert control.requests(last=2, skip=1) == everything[-3:-1]
    assert [exchange.number for exchange in everything] == sorted(
        exchange.number for exchange in everything
    )


def test_secrets_of_requests_are_shown_on_demand(keysync_harness: Harness):
    api_key = keysync_harness.create_identity("reader").api_key
    (masked,), (shown,) = (
        keysync_harness.requests(to="iam", path="/identity/token", secrets=secrets)
        for secrets in (False, True)
    )
    assert api_key not in masked.request.body and quote(api_key) in quote(shown.request.body)


def test_replayed_recording_has_recorded_statuses(keysync_harness: Harness):
    sync(keysync_harness, keysync_harness.create_key("invoices"))
    recording = json.loads(json.dumps(keysync_harness.recording()))
    keysync_harness.reset()
    replay = keysync_harness.replay(recording)
    replay.assert_same()
    assert [request.status for request in replay.requests][-1] == 204
    recording["requests"][-1]["status"] = 409
    keysync_harness.reset()
    with pytest.raises(AssertionError, match="/actions/sync: 204, recorded 409"):
        keysync_harness.replay(recording).assert_same()


def test_snapshot_restores_keys_callbacks_and_identities(keysync_harness: Harness, tmp_path: Path):
    harness, file = keysync_harness, tmp_path / "snapshot.json"
    key = harness.create_key("invoices", protects=[STORAGE])
    sync(harness, key)
    writer = harness.create_identity("writer")
    harness.save_snapshot("notified")
    harness.export_snapshot("notified", file)
    harness.delete_snapshot("notified")
    assert harness.snapshots() == []

    harness.reset()
    harness.import_snapshot("shared", file)
    harness.load_snapshot("shared")
    assert harness.key(key.id).sync_from is not None
    assert len(harness.events(STORAGE, key.id)) == 1
    assert harness.count_requests(path="/actions/sync") == 1
    assert log_in(harness, writer.api_key)
    harness.delete_snapshot("shared")


def test_snapshot_of_other_format_is_rejected(keysync_harness: Harness, tmp_path: Path):
    file = tmp_path / "snapshot.json"
    file.write_text('{"format": 1}')
    with pytest.raises(HarnessFailed, match="400 .*of an older harness"):
        keysync_harness.import_snapshot("old", file)


def test_behaviours_are_conditional_and_in_turn(keysync_harness: Harness):
    harness, minute = keysync_harness, "61m"
    key, other = (harness.create_key(name, protects=[STORAGE]) for name in ("one", "other"))
    harness.set_behaviour(STORAGE, {"respond": {"status": 410}}, when={"key": key.id})
    harness.set_behaviours_in_turn(STORAGE, ["ack-without-acting", {"respond": {"status": 410}}])
    sync(harness, key)
    for _ in range(3):
        sync(harness, other)
        harness.advance_clock(minute)
    assert [callback.verdict for callback in harness.callbacks(STORAGE, key.id)] == ["ignored"]
    verdicts = [callback.verdict for callback in harness.callbacks(STORAGE, other.id)]
    assert verdicts == ["ignored", "ignored", "acted"]


def test_signing_key_is_rotated_in_two_steps(keysync_harness: Harness):
    first = keysync_harness.read_info().callback_public_key
    both = keysync_harness.rotate_signing_key()
    assert both[0] == first and len(both) == 2
    assert keysync_harness.rotate_signing_key(withdraw=True) == both[1:]
    assert keysync_harness.reset().callback_public_key == first


def test_schedule_redelivers_automatically(keysync_harness: Harness):
    harness = keysync_harness
    key = harness.create_key("invoices", protects=[STORAGE])
    harness.set_behaviour(STORAGE, {"respond": {"status": 503}}, times=1)
    sync(harness, key)
    harness.advance_clock("1h")
    harness.set_redeliver_schedule(timedelta(seconds=1))
    assert len(harness.callbacks(STORAGE, key.id, at_least=2, within="30s")) == 2
    harness.set_redeliver_schedule(None)


def test_clock_accepts_text_and_timedelta(keysync_harness: Harness):
    keysync_harness.advance_clock("1h 30m")
    keysync_harness.advance_clock(timedelta(minutes=1.5))
    with pytest.raises(HarnessFailed, match="advance"):
        keysync_harness.advance_clock("soon")


def test_settings_of_iam_and_faults_are_accepted():
    # Its own harness: the functions fetch IAM's new key 30 s after the last fetch at the earliest.
    with Harness("--function=in-process") as harness:
        harness.set_iam_issuer("https://iam.example.com/identity")
        harness.set_iam_clock_ahead("5m")
        harness.rotate_iam_key(withdraw=True)
        harness.set_iam_health({"slow": {"millis": 1}})
        harness.inject_dynamodb_fault({"apply-late": {"millis": 1}}, function="lifecycle")
        harness.inject_dynamodb_fault("throttle", times=1, operation="UpdateItem")
        harness.clear_dynamodb_faults()
        harness.set_behaviour(STORAGE, {"respond": {"status": 503, "retry_after": 1}}, times=2)
        harness.set_behaviour(STORAGE, {"flaky": {"percent": 10, "seed": 1}})


def test_redelivery_reports_its_result(keysync_harness: Harness):
    assert isinstance(keysync_harness.redeliver(), dict)
    assert keysync_harness.dead_letters() == []


def test_callbacks_are_awaited_for_limited_time(keysync_harness: Harness):
    key = keysync_harness.create_key("quiet", protects=[STORAGE])
    assert keysync_harness.callbacks(STORAGE, key.id, at_least=1, within="10ms") == []
    keysync_harness.forget_callbacks(STORAGE)


def test_unknown_service_is_rejected(keysync_harness: Harness):
    with pytest.raises(HarnessFailed, match="404 .*no-such-service"):
        keysync_harness.service("no-such-service")


def test_info_hides_api_keys(keysync_harness: Harness):
    assert keysync_harness.info.api_key not in repr(keysync_harness.info)
