"""Tests of a client of the API, by what it says and by what reaches the services."""

from datetime import datetime, timedelta, timezone

import pytest
from keys import Keys, TooEarly, TryAgain

STORAGE = "cloud-object-storage"


@pytest.fixture
def keys(harness):
    about = harness.about
    return Keys(about["endpoint"], about["instance_id"], harness.somebody("writer")["access_token"])


@pytest.fixture
def key(harness):
    """A root key that protects a bucket."""
    return harness.key("photos", protects=[STORAGE])


def test_a_sync_tells_the_service(harness, keys, key):
    keys.synchronize(key)

    (callback,) = harness.callbacks(STORAGE)
    assert callback["verdict"] == "acted", "the service has verified the signature, and acted on it"
    (event,) = harness.events(STORAGE, key)
    assert event["type"] == "com.ibm.cloud.kms.key.create"
    assert event["data"]["renotification"] is True
    assert callback["headers"]["webhook-id"] == event["id"]


def test_a_second_one_has_to_wait_for_an_hour(harness, keys, key):
    keys.synchronize(key)
    with pytest.raises(TooEarly) as refused:
        keys.synchronize(key)
    in_an_hour = datetime.now(timezone.utc) + timedelta(hours=1)
    assert abs(refused.value.until - in_an_hour) < timedelta(minutes=1)

    harness.travel("61m")
    keys.synchronize(key)
    assert len(harness.events(STORAGE, key)) == 2


def test_a_service_that_fails_twice_is_told_later(harness, keys, key):
    harness.behaves(STORAGE, {"answer": {"status": 503}}, times=2)
    keys.synchronize(key)  # succeeds all the same: the notification is on record

    for _ in range(2):
        harness.travel("1h")
        harness.redeliver()

    first, second, third = harness.callbacks(STORAGE)
    assert [callback["verdict"] for callback in (first, second, third)] == ["ignored", "ignored", "acted"]
    assert len({callback["headers"]["webhook-id"] for callback in (first, second, third)}) == 1


def test_while_iam_is_down_it_is_to_be_tried_again(harness, keys, key):
    harness.iam_is("down")
    with pytest.raises(TryAgain) as refused:
        keys.synchronize(key)
    assert refused.value.after > 0
    assert harness.callbacks(STORAGE) == []

    harness.iam_is("up")
    keys.synchronize(key)
    assert len(harness.callbacks(STORAGE)) == 1
