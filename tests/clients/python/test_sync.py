"""Synchronizing the associated resources of a key, by the public client."""

import re
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from support import DATABASES, OBJECT_STORAGE, refusal, unique


def test_a_sync_tells_each_service_once(harness, kms, instance, protecting_key):
    answer = kms.sync_associated_resources(protecting_key, instance)

    assert answer.get_status_code() == 204
    assert answer.get_result() is None
    for service in (OBJECT_STORAGE, DATABASES):
        (event,) = harness.events(service, protecting_key)
        assert event["type"] == "com.ibm.cloud.kms.key.create"
        assert event["data"]["renotification"] is True
        assert event["data"]["keyState"] == 1


def test_a_second_sync_is_refused_until_an_instant_that_is_told(harness, kms, instance, protecting_key):
    kms.sync_associated_resources(protecting_key, instance)
    before = datetime.now(timezone.utc)
    refused = refusal(kms.sync_associated_resources, protecting_key, instance)

    assert (refused.status, refused.code) == (409, "REQ_TOO_EARLY_ERR")
    assert refused.resource["errorMsg"].startswith("Conflict: Could not initiate sync requests")
    said = re.fullmatch(
        r"The key was updated recently: Please wait and try again: "
        r"Sync cannot be performed until at least (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)",
        refused.message,
    )
    until = datetime.fromisoformat(said[1].replace("Z", "+00:00"))
    assert timedelta(minutes=59) < until - before <= timedelta(hours=1, seconds=2)
    wait = int(refused.headers["retry-after"])
    assert 3540 < wait <= 3602
    assert len(harness.events(OBJECT_STORAGE, protecting_key)) == 1

    harness.travel(f"{wait}s")
    assert kms.sync_associated_resources(protecting_key, instance).get_status_code() == 204
    assert len(harness.events(OBJECT_STORAGE, protecting_key)) == 2


def test_an_alias_is_as_good_as_the_id(harness, kms, instance, protecting_key):
    alias = unique("alias")
    kms.create_key_alias(protecting_key, alias, instance)

    assert kms.sync_associated_resources(alias, instance).get_status_code() == 204
    assert len(harness.events(OBJECT_STORAGE, protecting_key)) == 1
    refused = refusal(kms.sync_associated_resources, protecting_key, instance)
    assert (refused.status, refused.code) == (409, "REQ_TOO_EARLY_ERR")


def test_a_key_ring_that_is_named_must_be_the_keys(kms, instance, new_key):
    ring = unique("ring")
    kms.create_key_ring(ring, instance)
    key = new_key(ring=ring)

    refused = refusal(kms.sync_associated_resources, key, instance, x_kms_key_ring="default")
    assert (refused.status, refused.code) == (404, "KEY_NOT_FOUND_ERR")
    assert kms.sync_associated_resources(key, instance, x_kms_key_ring=ring).get_status_code() == 204


def test_a_key_without_services_can_be_synchronized(kms, instance, new_key):
    assert kms.sync_associated_resources(new_key(), instance).get_status_code() == 204


def test_a_deleted_key_can_be_synchronized_an_hour_later(harness, kms, instance, protecting_key):
    kms.delete_key(protecting_key, instance, force=True)
    refused = refusal(kms.sync_associated_resources, protecting_key, instance)
    assert (refused.status, refused.code) == (409, "REQ_TOO_EARLY_ERR")

    harness.travel("61m")
    assert kms.sync_associated_resources(protecting_key, instance).get_status_code() == 204
    deleted, again = harness.events(OBJECT_STORAGE, protecting_key)
    assert (deleted["data"]["renotification"], again["data"]["renotification"]) == (False, True)
    for event in (deleted, again):
        assert (event["data"]["eventType"], event["data"]["keyState"]) == ("delete", 5)


def test_the_same_correlation_id_is_the_same_request(harness, kms, instance, protecting_key):
    request = str(uuid.uuid4())
    first = kms.sync_associated_resources(protecting_key, instance, correlation_id=request)
    again = kms.sync_associated_resources(protecting_key, instance, correlation_id=request)

    assert (first.get_status_code(), again.get_status_code()) == (204, 204)
    assert first.get_headers()["correlation-id"] == again.get_headers()["correlation-id"] == request
    assert len(harness.events(OBJECT_STORAGE, protecting_key)) == 1


def test_a_standard_key_has_no_associated_resources(kms, instance, new_key):
    refused = refusal(kms.sync_associated_resources, new_key(extractable=True), instance)
    assert (refused.status, refused.code) == (400, "KEY_ROOT_REQ_ERR")


@pytest.mark.parametrize("unknown", [str(uuid.uuid4()), "no-such-alias"])
def test_a_key_that_is_not_there_is_not_found(kms, instance, unknown):
    refused = refusal(kms.sync_associated_resources, unknown, instance)
    assert (refused.status, refused.code) == (404, "KEY_NOT_FOUND_ERR")


def test_a_malformed_id_is_named(kms, instance):
    refused = refusal(kms.sync_associated_resources, "no such key!", instance)
    assert (refused.status, refused.code) == (400, "INVALID_FIELD_ERR")


def test_a_reader_may_not_synchronize(harness, client_of, instance, protecting_key):
    reader = client_of(harness.about["reader_api_key"])
    refused = refusal(reader.sync_associated_resources, protecting_key, instance)

    assert (refused.status, refused.code) == (401, "UNAUTHORIZED_ERR")
    assert refused.headers["www-authenticate"] == "Bearer"
    assert harness.events(OBJECT_STORAGE, protecting_key) == []
