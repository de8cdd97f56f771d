"""The client of the control API, against a harness."""

from dataclasses import fields
from datetime import timedelta

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
}


@pytest.fixture(scope="module")
def document(keysync_session: Harness):
    return keysync_session.request("GET", "/openapi.json")


@pytest.mark.parametrize("name", SCHEMAS)
def test_fields_are_those_of_openapi(document, name):
    known = document["components"]["schemas"][name]["properties"]
    assert {field.name for field in fields(SCHEMAS[name])} <= known.keys()


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
