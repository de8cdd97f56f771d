"""The keysync harness for tests in Python: all that is around the functions, on this machine.

Copy this file and `conftest.py` into your tests. It takes the command `harness`, and `requests`.
"""

import json
import os
import subprocess
import tempfile
import threading
from pathlib import Path

import requests

#: The command, where KEYSYNC_HARNESS_BIN does not name it.
DEFAULT_COMMAND = Path(__file__).resolve().parents[2] / "target" / "debug" / "harness"

#: How long it may take to start, in seconds. It takes less than one.
READY_WITHIN = 60

#: How long it may take to end, in seconds.
ENDED_WITHIN = 10

#: How long a request to the control API may take, in seconds.
ANSWERED_WITHIN = 60


class HarnessFailed(Exception):
    """The harness does not start, has ended, or refuses a request. The message says why."""


class Harness:
    """A running harness. What `harness up --json` said of it is in `about`.

    To be used in a `with` statement, which ends it.
    """

    def __init__(self, *options):
        """Starts one. `options` are more options of `harness up`, such as `--service=billing=http://…`."""
        program = os.environ.get("KEYSYNC_HARNESS_BIN") or str(DEFAULT_COMMAND)
        command = [program, "up", "--json", "--port", "0", "--until-eof", *options]
        self._log = tempfile.TemporaryFile("w+")
        try:
            # Its standard input ends with this process, however that ends.
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
            )
        except OSError as error:
            raise HarnessFailed(
                f"{program} cannot be started ({error}): build it, or name it in KEYSYNC_HARNESS_BIN"
            ) from error
        self.about = self._wait_until_ready()
        self._http = requests.Session()
        self._http.trust_env = False  # no proxy is on the way to this machine

    def _wait_until_ready(self):
        giving_up = threading.Timer(READY_WITHIN, self._process.kill)
        giving_up.start()
        line = self._process.stdout.readline()
        giving_up.cancel()
        try:
            return json.loads(line)
        except ValueError:
            self._process.kill()
            raise HarnessFailed(f"the harness did not come up; {self._last_words()}") from None

    def _last_words(self):
        code = self._process.wait(ENDED_WITHIN)
        self._log.seek(0)
        return f"it ended with {code} and said:\n{self._log.read() or '(nothing)'}"

    def must_run(self):
        """Raises HarnessFailed, with what it said, if the harness has ended."""
        if self._process.poll() is not None:
            raise HarnessFailed(f"the harness is no longer there; {self._last_words()}")

    def end(self):
        """Ends it, and all that it started."""
        self._process.terminate()
        try:
            self._process.wait(ENDED_WITHIN)
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
        self.end()

    # The control API, as far as these tests need it. GET /_harness/openapi.json says all that there is.

    def control(self, method, path, body=None, **query):
        """Sends a request to the control API. Returns the answer's JSON, or None where there is none."""
        url = f"{self.about['control']}{path}"
        try:
            answer = self._http.request(method, url, json=body, params=query, timeout=ANSWERED_WITHIN)
        except requests.ConnectionError:
            self.must_run()
            raise
        if not answer.ok:
            raise HarnessFailed(f"{method} {url} {body or ''}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    def reset(self):
        """Keys, services and faults as they were at the start. It stays as late as it is."""
        self.control("POST", "/reset")

    def travel(self, duration):
        """Makes it later, by a duration such as `1h` or `61m`."""
        self.control("POST", "/time", {"advance": duration})

    def redeliver(self):
        """Tells the services what they were not told before, as `redeliver` does every minute."""
        return self.control("POST", "/redeliver")

    def somebody(self, *roles):
        """Somebody new with roles, such as `reader`, `manager` or `key-purge`: an `api_key`, and an `access_token`."""
        return self.control("POST", "/iam/tokens", {"roles": roles})

    def iam_is(self, health):
        """IAM is `up`, `down` or `{"slow": {"millis": 500}}` from now on."""
        self.control("PUT", "/iam/health", {"health": health})

    def key(self, name, protects=()):
        """Makes a root key that protects a resource of each of these services. Returns its id."""
        protects = [{"service": service, "resource": f"{name}-{service}"} for service in protects]
        return self.control("POST", "/keys", {"name": name, "protects": protects})["id"]

    def behaves(self, service, behaviour, times=None):
        """How a service treats the callbacks that follow: `act`, `miss`, `hang`, `{"answer": {"status": 503}}`…"""
        body = {"behaviour": behaviour} if times is None else {"behaviour": behaviour, "times": times}
        self.control("PUT", f"/services/{service}/behaviour", body)

    def callbacks(self, service, **query):
        """What reached a service, oldest first; of one `key` only, or once there are `at_least=2` of them."""
        return self.control("GET", f"/services/{service}/callbacks", **query)["callbacks"]

    def events(self, service, key):
        """The CloudEvents about a key that reached a service, oldest first."""
        return [json.loads(callback["body"]) for callback in self.callbacks(service, key=key)]

    def dynamodb_fails(self, fault, times, function="sync", operation=None):
        """What goes wrong with a function's next calls to DynamoDB: `throttle`, `fail`, `lose-answer`…"""
        body = {"function": function, "fault": fault, "times": times}
        self.control("POST", "/dynamodb/faults", body | ({"operation": operation} if operation else {}))
