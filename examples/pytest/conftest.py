"""One harness for the whole session, as new for each test."""

import pytest
from harness import Harness, HarnessFailed


@pytest.fixture(scope="session")
def running_harness():
    try:
        harness = Harness()
    except HarnessFailed as error:
        pytest.exit(str(error), returncode=1)  # says it once, and not for each test
    with harness:
        yield harness


@pytest.fixture
def harness(running_harness):
    running_harness.must_run()
    running_harness.reset()
    return running_harness
