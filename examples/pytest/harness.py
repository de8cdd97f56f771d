"""The keysync harness for tests in Python: the functions and their dependencies on this machine.

Copy this file and `conftest.py` into your tests. Requires the command `harness`, and `requests`.
"""

import json
import os
import subprocess
import tempfile
import threading
from pathlib import Path

import requests

#: The default command, unless KEYSYNC_HARNESS_BIN is set.
DEFAULT_COMMAND = Path(__file__).resolve().parents[2] / "target" / "debug" / "harness"

#: Timeout for the start in seconds. A start takes less than one.
START_TIMEOUT = 60

#: Timeout for stopping in seconds.
STOP_TIMEOUT = 10

#: Timeout for a request to the control API in seconds.
REQUEST_TIMEOUT = 60


class HarnessFailed(Exception):
    """The harness does not start, has exited, or rejects a request. The message has the reason."""


class Harness:
    """A running harness. `about` is the output of `harness up --json`.

    Use it in a `with` statement, which stops it.
    """

    def __init__(self, *options):
        """Starts a harness with further options of `harness up`, such as
        `--service=billing=http://…`."""
        program = os.environ.get("KEYSYNC_HARNESS_BIN") or str(DEFAULT_COMMAND)
        command = [program, "up", "--json", "--port", "0", "--until-eof", *options]
        self._log = tempfile.TemporaryFile("w+")
        try:
            # Its standard input closes when this process exits for any reason.
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
            )
        except OSError as error:
            raise HarnessFailed(
                f"{program} cannot be started ({error}): build it, or set KEYSYNC_HARNESS_BIN to "
                "its path"
            ) from error
        self.about = self._wait_until_ready()
        self._http = requests.Session()
        self._http.trust_env = False  # no proxy for local requests

    def _wait_until_ready(self):
        timer = threading.Timer(START_TIMEOUT, self._process.kill)
        timer.start()
        line = self._process.stdout.readline()
        timer.cancel()
        try:
            return json.loads(line)
        except ValueError:
            self._process.kill()
            raise HarnessFailed(f"the harness did not start; {self._exit_message()}") from None

    def _exit_message(self):
        code = self._process.wait(STOP_TIMEOUT)
        self._log.seek(0)
        return f"it exited with {code} and printed:\n{self._log.read() or '(nothing)'}"

    def assert_running(self):
        """Raises HarnessFailed with its output if the harness has exited."""
        if self._process.poll() is not None:
            raise HarnessFailed(f"the harness is no longer running; {self._exit_message()}")

    def stop(self):
        """Stops the harness and all its processes."""
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._http.close()
        self._process.stdin.close()
        self._process.stdout.close()
        self._log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # The operations of the control API that these tests need. GET /_harness/openapi.json describes
    # all of them.

    def control(self, method, path, body=None, **query):
        """Sends a request to the control API.

        Returns the JSON of the response, or None without a body.
        """
        url = f"{self.about['control']}{path}"
        try:
            response = self._http.request(
                method, url, json=body, params=query, timeout=REQUEST_TIMEOUT
            )
        except requests.ConnectionError:
            self.assert_running()
            raise
        if not response.ok:
            raise HarnessFailed(
                f"{method} {url} {body or ''}: {response.status_code} {response.text}"
            )
        return response.json() if response.content else None

    def reset(self):
        """Resets keys, services and faults, but not the clock."""
        self.control("POST", "/reset")

    def advance_clock(self, duration):
        """Advances the clock by a duration such as `1h` or `61m`."""
        self.control("POST", "/time", {"advance": duration})

    def redeliver(self):
        """Runs the function `redeliver` once, as the schedule does every minute."""
        return self.control("POST", "/redeliver")

    def create_identity(self, *roles):
        """Creates an identity with roles such as `reader`, `manager` or `key-purge`.

        Returns its `api_key` and `access_token`.
        """
        return self.control("POST", "/iam/tokens", {"roles": roles})

    def set_iam_health(self, health):
        """Sets the health of IAM: `up`, `down` or `{"slow": {"millis": 500}}`."""
        self.control("PUT", "/iam/health", {"health": health})

    def key(self, name, protects=()):
        """Creates a root key that protects a resource of each of these services. Returns its id."""
        protects = [{"service": service, "resource": f"{name}-{service}"} for service in protects]
        return self.control("POST", "/keys", {"name": name, "protects": protects})["id"]

    def set_behaviour(self, service, behaviour, times=None):
        """Sets how a service responds to the next callbacks: `act`, `hang`,
        `{"respond": {"status": 503}}`…"""
        body = (
            {"behaviour": behaviour} if times is None else {"behaviour": behaviour, "times": times}
        )
        self.control("PUT", f"/services/{service}/behaviour", body)

    def callbacks(self, service, **query):
        """The callbacks to a service, oldest first.

        Filters by `key`, and waits for `at_least=2` callbacks.
        """
        return self.control("GET", f"/services/{service}/callbacks", **query)["callbacks"]

    def events(self, service, key):
        """The CloudEvents about a key that a service received, oldest first."""
        return [json.loads(callback["body"]) for callback in self.callbacks(service, key=key)]

    def inject_dynamodb_fault(self, fault, times, function="sync", operation=None):
        """Injects a fault into a function's next DynamoDB calls: `throttle`, `fail`,
        `lose-response`…"""
        body = {"function": function, "fault": fault, "times": times}
        self.control(
            "POST", "/dynamodb/faults", body | ({"operation": operation} if operation else {})
        )
