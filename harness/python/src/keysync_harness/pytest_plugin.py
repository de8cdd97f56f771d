"""Fixtures for pytest, which loads this entry point: one harness for the session, reset for each
test.

`keysync_harness` is the harness; `keysync_endpoint`, `keysync_token` and `keysync_key` are what
most tests need of it. To start it with further options, override `keysync_options` in your
`conftest.py`.
"""

from collections.abc import Iterator, Sequence

import pytest

from .connection import HarnessFailed
from .harness import Harness
from .values import Key

#: The service of the resource that `keysync_key` protects.
SERVICE = "cloud-object-storage"


@pytest.fixture(scope="session")
def keysync_options() -> Sequence[str]:
    """Options of `harness up`, such as `["--acknowledging"]`."""
    return ()


@pytest.fixture(scope="session")
def keysync_session(keysync_options: Sequence[str]) -> Iterator[Harness]:
    """The harness of the session, which is not reset."""
    try:
        harness = Harness(*keysync_options)
    except HarnessFailed as error:
        pytest.exit(str(error), returncode=1)  # reports the error once instead of for each test
    with harness:
        yield harness


@pytest.fixture
def keysync_harness(keysync_session: Harness) -> Harness:
    """The harness, without keys, faults and callbacks of earlier tests."""
    keysync_session.assert_running()
    keysync_session.reset()
    return keysync_session


@pytest.fixture
def keysync_endpoint(keysync_harness: Harness) -> str:
    """The URL of the key-management endpoint, without a trailing slash."""
    return keysync_harness.info.endpoint


@pytest.fixture
def keysync_token(keysync_harness: Harness) -> str:
    """An access token of a new Manager."""
    return keysync_harness.create_identity("manager").access_token


@pytest.fixture
def keysync_key(keysync_harness: Harness) -> Key:
    """A new root key that protects a resource of cloud-object-storage."""
    return keysync_harness.create_key("keysync-key", protects=[SERVICE])
