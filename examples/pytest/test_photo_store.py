"""Tests of a service that keys' owners rely on: it receives the callbacks itself."""

import pytest
from harness import Harness
from keys import Keys
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
    about = harness.about
    return Keys(about["endpoint"], about["instance_id"], harness.somebody("manager")["access_token"])


@pytest.fixture
def key(harness):
    """A root key that protects an album."""
    return harness.key("album", protects=["photo-store"])


def test_photos_are_shown_until_their_key_is_disabled(store, keys, key):
    assert store.shows(key)
    keys.disable(key)
    assert not store.shows(key)


def test_what_the_store_has_forgotten_a_sync_tells_it_again(harness, store, keys, key):
    keys.disable(key)
    store.forgets()
    assert store.shows(key), "which it should not"

    harness.travel("61m")
    keys.synchronize(key)
    assert not store.shows(key)
