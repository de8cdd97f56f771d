"""Tests of an associated service that receives the callbacks itself."""

import pytest
from keys import Keys
from keysync_harness import Harness
from photo_store import PhotoStore


@pytest.fixture(scope="module")
def store():
    with PhotoStore() as store:
        yield store


@pytest.fixture(scope="module")
def harness(store):
    with Harness("--service", f"photo-store={store.url}") as harness:
        yield harness


@pytest.fixture
def keys(harness):
    token = harness.create_identity("manager").access_token
    return Keys(harness.info.endpoint, harness.info.instance_id, token)


@pytest.fixture
def key(harness):
    """The id of a root key that protects an album."""
    return harness.create_key("album", protects=["photo-store"]).id


def test_photos_are_shown_until_their_key_is_disabled(store, keys, key):
    assert store.shows(key)
    keys.disable(key)
    assert not store.shows(key)


def test_sync_restores_lost_key_state(harness, store, keys, key):
    keys.disable(key)
    store.lose_state()
    assert store.shows(key), "the store no longer knows that the key is disabled"

    harness.advance_clock("61m")
    keys.synchronize(key)
    assert not store.shows(key)
