"""The fixtures, which pytest finds by the entry point of the package."""

import pytest
from keysync_harness import Harness

pytest_plugins = ["pytester"]


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_gets_reset_harness(keysync_harness: Harness, keysync_key, turn):
    names = [key.name for key in keysync_harness.keys()]
    assert names.count("keysync-key") == 1
    assert keysync_harness.callbacks("cloud-object-storage", keysync_key.id) == []


def test_session_options_can_be_overridden(pytester: pytest.Pytester):
    pytester.makeconftest(
        "import pytest\n"
        "@pytest.fixture(scope='session')\n"
        "def keysync_options(): return ['--function=in-process', '--service=photo-store']\n"
    )
    pytester.makepyfile(
        "def test_service_exists(keysync_harness, keysync_endpoint):\n"
        "    assert keysync_harness.info.endpoint == keysync_endpoint\n"
        "    assert keysync_harness.service('photo-store').callbacks == 0\n"
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_failed_start_ends_session_once(pytester: pytest.Pytester, monkeypatch):
    monkeypatch.setenv("KEYSYNC_HARNESS_BIN", "/no/such/harness")
    pytester.makepyfile(
        "def test_one(keysync_harness): pass\ndef test_other(keysync_harness): pass\n"
    )
    result = pytester.runpytest_subprocess()
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*/no/such/harness cannot be started*"])
