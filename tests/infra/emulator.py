"""A running ministack: an emulated AWS with CloudFormation, and with Lambda functions that run."""

import atexit
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config

REGION = "us-east-1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
}
START_TIMEOUT_SECONDS = 300  # on a machine that is busy with other tests


class Emulator:
    """A running ministack, which ends with `stop`. MINISTACK names the folder of its packages.

    With `has_policies`, roles and policies decide what the functions may call. The account's own
    credentials may do everything.
    """

    def __init__(self, has_policies=False):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.folder = tempfile.TemporaryDirectory(prefix="ministack-")
        self.log = tempfile.TemporaryFile()
        environment = {
            **os.environ,
            **CREDENTIALS,
            "PYTHONPATH": os.environ["MINISTACK"],
            "TMPDIR": self.folder.name,
            "AUTH": str(has_policies).lower(),
            "AWS_ENDPOINT_URL": self.url,  # ministack passes it on to the functions
        }
        server = Path(__file__).with_name("ministack_server.py")
        self.process = subprocess.Popen(
            [sys.executable, server, str(port)],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            env=environment,
        )
        atexit.register(
            self.stop
        )  # also after an interrupt, or it would go on to run without this process
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not self.responds():
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.stop()
                self.log.seek(0)
                raise AssertionError(
                    f"ministack does not start: {self.log.read().decode(errors='replace')}"
                )
            time.sleep(0.1)

    def responds(self):
        try:
            urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=5).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def client(self, service):
        """A client with the account's own credentials: faster than a process of `aws` for each
        call.
        """
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 1}, read_timeout=120),
        )

    def stop(self):
        """Ends it, and the functions with it. Does nothing the second time."""
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()
