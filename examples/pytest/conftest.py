"""One harness for the whole session, reset for each test."""

import pytest
from harness import Harness, HarnessFailed


@pytest.fixture(scope="session")
def running_harness():
    try:
        harness = Harness()
    except HarnessFailed as error:
        pytest.exit(str(error), returncode=1)  # reports the error once instead of for each test
    with harness:
        yield harness


@pytest.fixture
def harness(running_harness):
    running_harness.assert_running()
    running_harness.reset()
    return running_harness
