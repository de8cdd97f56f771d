"""The command `harness` as a process."""

import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from importlib.metadata import version

import pytest
from keysync_harness import Control, Harness, HarnessFailed, find_command


def test_installed_command_has_version_of_package():
    command = find_command()
    assert command == shutil.which("harness", path=os.path.dirname(sys.executable))
    for start in ([command], [sys.executable, "-m", "keysync_harness"]):
        printed = subprocess.run([*start, "--version"], capture_output=True, text=True, check=True)
        assert printed.stdout == f"keysync-harness {version('keysync-harness')}\n"


def test_invalid_option_is_reported_with_output():
    with pytest.raises(HarnessFailed, match="did not start.*exited with 2(.|\n)*--no-such-option"):
        Harness("--no-such-option")


def test_missing_command_names_the_variable(monkeypatch):
    monkeypatch.setenv("KEYSYNC_HARNESS_BIN", "/no/such/harness")
    with pytest.raises(HarnessFailed, match="/no/such/harness .*KEYSYNC_HARNESS_BIN"):
        Harness()


def test_stopped_harness_does_not_listen():
    with Harness("--function", "in-process") as harness:
        harness.assert_running()
        control = harness.info.control
    with pytest.raises(HarnessFailed, match="check that the harness is running"):
        Control(control).read_info()


def test_killed_harness_is_reported_by_next_request():
    with Harness("--function", "in-process") as harness:
        os.kill(harness.process_id, signal.SIGKILL)
        with pytest.raises(HarnessFailed, match="no longer running; it exited with -9"):
            harness.read_info()


def test_function_runs_without_other_files(keysync_harness, keysync_token, keysync_key):
    """The functions are in the command: nothing else is installed, and no cargo is called."""
    info = keysync_harness.info
    url = f"{info.endpoint}/api/v2/keys/{keysync_key.id}/actions/sync"
    headers = {"authorization": f"Bearer {keysync_token}", "bluemix-instance": info.instance_id}
    request = urllib.request.Request(url, b"", headers, method="POST")
    with urllib.request.urlopen(request, timeout=60) as response:
        assert response.status == 204
    assert keysync_harness.callbacks("cloud-object-storage", keysync_key.id)[0].verdict == "acted"
