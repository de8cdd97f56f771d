"""Tests of an API client: its results, and the callbacks that the services receive."""

from datetime import datetime, timedelta, timezone

import pytest
from keys import Keys, TooEarly, TemporarilyUnavailable

STORAGE = "cloud-object-storage"


@pytest.fixture
def harness(keysync_harness):
    """A harness that is reset for each test, of the package keysync-harness."""
    return keysync_harness


@pytest.fixture
def keys(harness):
    token = harness.create_identity("writer").access_token
    return Keys(harness.info.endpoint, harness.info.instance_id, token)


@pytest.fixture
def key(harness):
    """The id of a root key that protects a bucket."""
    return harness.create_key("photos", protects=[STORAGE]).id


def test_sync_notifies_service(harness, keys, key):
    keys.synchronize(key)

    (callback,) = harness.callbacks(STORAGE)
    assert callback.verdict == "acted", "the service must verify the signature and act"
    (event,) = harness.events(STORAGE, key)
    assert event["type"] == "com.ibm.cloud.kms.key.create"
    assert event["data"]["renotification"] is True
    assert callback.headers["webhook-id"] == event["id"]


def test_second_sync_is_rejected_within_an_hour(harness, keys, key):
    keys.synchronize(key)
    with pytest.raises(TooEarly) as error:
        keys.synchronize(key)
    in_an_hour = datetime.now(timezone.utc) + timedelta(hours=1)
    assert abs(error.value.until - in_an_hour) < timedelta(minutes=1)

    harness.advance_clock("61m")
    keys.synchronize(key)
    assert len(harness.events(STORAGE, key)) == 2


def test_failing_service_is_notified_by_redelivery(harness, keys, key):
    harness.set_behaviour(STORAGE, {"respond": {"status": 503}}, times=2)
    keys.synchronize(key)  # succeeds because the notification is recorded

    for _ in range(2):
        harness.advance_clock("1h")
        harness.redeliver()

    callbacks = harness.callbacks(STORAGE)
    assert [callback.verdict for callback in callbacks] == ["ignored", "ignored", "acted"]
    assert len({callback.headers["webhook-id"] for callback in callbacks}) == 1


def test_sync_during_iam_outage_can_be_retried(harness, keys, key):
    harness.set_iam_health("down")
    with pytest.raises(TemporarilyUnavailable) as error:
        keys.synchronize(key)
    assert error.value.after > 0
    assert harness.callbacks(STORAGE) == []

    harness.set_iam_health("up")
    keys.synchronize(key)
    assert len(harness.callbacks(STORAGE)) == 1
