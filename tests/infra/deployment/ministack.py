"""An emulated AWS that runs the functions: ministack, with IAM policies enforced (AUTH)."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config

REGION = "us-east-1"
ACCOUNT = "000000000000"
START_TIMEOUT = 60  # seconds


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Ministack:
    """A running ministack. It ends with `stop`."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="ministack-")
        port = free_port()
        self.url = f"http://localhost:{port}"
        self.log = Path(self.folder.name) / "log"
        environment = {
            **os.environ,
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "AUTH": "true",  # the functions' roles decide what the functions may call
            "AWS_ENDPOINT_URL": self.url,  # ministack passes it on to the functions
            "TMPDIR": self.folder.name,
            "SERVICES": "cloudformation,cloudwatch,dynamodb,events,iam,lambda,logs,s3,scheduler,secretsmanager,sqs,sts",
        }
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ministack"], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"ministack does not start; its log:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.1)

    def _is_ready(self):
        try:
            with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=1) as response:
                return response.status == 200
        except OSError:
            return False

    def client(self, service):
        """A client with the account's own credentials, which may do everything."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 1}, read_timeout=120),
        )

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()
