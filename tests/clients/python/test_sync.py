"""Synchronizing the associated resources of a key, with the public client."""

import re
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from support import DATABASES, OBJECT_STORAGE, error_response, unique


def test_sync_notifies_each_service_once(harness, kms, instance, protecting_key):
    response = kms.sync_associated_resources(protecting_key, instance)

    assert response.get_status_code() == 204
    assert response.get_result() is None
    for service in (OBJECT_STORAGE, DATABASES):
        (event,) = harness.events(service, protecting_key)
        assert event["type"] == "com.ibm.cloud.kms.key.create"
        assert event["data"]["renotification"] is True
        assert event["data"]["keyState"] == 1


def test_second_sync_within_an_hour_returns_409(harness, kms, instance, protecting_key):
    kms.sync_associated_resources(protecting_key, instance)
    before = datetime.now(timezone.utc)
    error = error_response(kms.sync_associated_resources, protecting_key, instance)

    assert (error.status, error.code) == (409, "REQ_TOO_EARLY_ERR")
    assert error.resource["errorMsg"].startswith("Conflict: Could not initiate sync requests")
    match = re.fullmatch(
        r"The key was updated recently: Please wait and try again: "
        r"Sync cannot be performed until at least (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)",
        error.message,
    )
    until = datetime.fromisoformat(match[1].replace("Z", "+00:00"))
    assert timedelta(minutes=59) < until - before <= timedelta(hours=1, seconds=2)
    wait = int(error.headers["retry-after"])
    assert 3540 < wait <= 3602
    assert len(harness.events(OBJECT_STORAGE, protecting_key)) == 1

    harness.advance_clock(f"{wait}s")
    assert kms.sync_associated_resources(protecting_key, instance).get_status_code() == 204
    assert len(harness.events(OBJECT_STORAGE, protecting_key)) == 2


def test_sync_by_alias_closes_window_of_key(harness, kms, instance, protecting_key):
    alias = unique("alias")
    kms.create_key_alias(protecting_key, alias, instance)

    assert kms.sync_associated_resources(alias, instance).get_status_code() == 204
    assert len(harness.events(OBJECT_STORAGE, protecting_key)) == 1
    error = error_response(kms.sync_associated_resources, protecting_key, instance)
    assert (error.status, error.code) == (409, "REQ_TOO_EARLY_ERR")


def test_sync_with_wrong_key_ring_returns_404(kms, instance, new_key):
    ring = unique("ring")
    kms.create_key_ring(ring, instance)
    key = new_key(ring=ring)

    error = error_response(kms.sync_associated_resources, key, instance, x_kms_key_ring="default")
    assert (error.status, error.code) == (404, "KEY_NOT_FOUND_ERR")
    assert (
        kms.sync_associated_resources(key, instance, x_kms_key_ring=ring).get_status_code() == 204
    )


def test_key_without_services_can_be_synchronized(kms, instance, new_key):
    assert kms.sync_associated_resources(new_key(), instance).get_status_code() == 204


def test_deleted_key_can_be_synchronized_after_an_hour(harness, kms, instance, protecting_key):
    kms.delete_key(protecting_key, instance, force=True)
    error = error_response(kms.sync_associated_resources, protecting_key, instance)
    assert (error.status, error.code) == (409, "REQ_TOO_EARLY_ERR")

    harness.advance_clock("61m")
    assert kms.sync_associated_resources(protecting_key, instance).get_status_code() == 204
    deleted, repeated = harness.events(OBJECT_STORAGE, protecting_key)
    assert (deleted["data"]["renotification"], repeated["data"]["renotification"]) == (False, True)
    for event in (deleted, repeated):
        assert (event["data"]["eventType"], event["data"]["keyState"]) == ("delete", 5)


def test_same_correlation_id_is_idempotent_replay(harness, kms, instance, protecting_key):
    request = str(uuid.uuid4())
    first = kms.sync_associated_resources(protecting_key, instance, correlation_id=request)
    second = kms.sync_associated_resources(protecting_key, instance, correlation_id=request)

    assert (first.get_status_code(), second.get_status_code()) == (204, 204)
    assert (
        first.get_headers()["correlation-id"] == second.get_headers()["correlation-id"] == request
    )
    assert len(harness.events(OBJECT_STORAGE, protecting_key)) == 1


def test_sync_of_standard_key_returns_400(kms, instance, new_key):
    error = error_response(kms.sync_associated_resources, new_key(extractable=True), instance)
    assert (error.status, error.code) == (400, "KEY_ROOT_REQ_ERR")


@pytest.mark.parametrize("unknown", [str(uuid.uuid4()), "no-such-alias"])
def test_sync_of_unknown_key_returns_404(kms, instance, unknown):
    error = error_response(kms.sync_associated_resources, unknown, instance)
    assert (error.status, error.code) == (404, "KEY_NOT_FOUND_ERR")


def test_sync_with_malformed_id_returns_400(kms, instance):
    error = error_response(kms.sync_associated_resources, "no such key!", instance)
    assert (error.status, error.code) == (400, "INVALID_FIELD_ERR")


def test_sync_by_reader_returns_401(harness, client_of, instance, protecting_key):
    reader = client_of(harness.info.reader_api_key)
    error = error_response(reader.sync_associated_resources, protecting_key, instance)

    assert (error.status, error.code) == (401, "UNAUTHORIZED_ERR")
    assert error.headers["www-authenticate"] == "Bearer"
    assert harness.events(OBJECT_STORAGE, protecting_key) == []
