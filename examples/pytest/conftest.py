"""One harness for the whole session, as new for each test."""

import pytest
from harness import Harness


@pytest.fixture(scope="session")
def running_harness():
    with Harness() as harness:
        yield harness


@pytest.fixture
def harness(running_harness):
    running_harness.must_run()
    running_harness.reset()
    return running_harness
