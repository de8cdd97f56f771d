"""The service in a separate process, checked by `harness verify-receiver`."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

FOLDER = pathlib.Path(__file__).parent
BUILT = FOLDER.parents[1] / "target" / "debug" / "harness"
HARNESS = pathlib.Path(os.environ.get("KEYSYNC_HARNESS_BIN", BUILT))
pytestmark = pytest.mark.skipif(not HARNESS.is_file(), reason=f"{HARNESS} does not exist: build it")


def test_service_follows_all_rules():
    url = "http://127.0.0.1:{port}"
    options = "--port {port} --service {service} --key-set {key_set}"
    receiver = f"{sys.executable} {FOLDER / 'receiver.py'} {options}"
    command = [
        HARNESS,
        "verify-receiver",
        f"{url}/callbacks",
        "--effects-url",
        f"{url}/effects",
        "--exec",
        receiver,
        "--key-set",
        "127.0.0.1:0",
        "--response-within",
        "30",
        "--json",
    ]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    verdicts = {rule["rule"]: rule["result"] for rule in json.loads(result.stdout)["rules"]}
    assert set(verdicts.values()) == {"passed"}, verdicts
