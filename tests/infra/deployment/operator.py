"""An operator at work on a stack: `keysyncctl` with the outputs of the stack, as
docs/how-to/recover-notifications.md says.
"""

import json
import os
import subprocess

from emulator import CREDENTIALS, REGION

DONE = 0
SOME_FAILED = 1


class Operator:
    """Recovers the notifications of a story that ran to its end."""

    def __init__(self, program, story, folder):
        self.program, self.story, self.folder = program, story, folder
        outputs = story.outputs
        self.environment = {
            **CREDENTIALS,
            "PATH": os.environ["PATH"],
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": story.aws.url,
            "KEYSYNC_TABLE": outputs["TableName"],
            "KEYSYNCCTL_MALFORMED_QUEUE": outputs["MalformedEventQueueUrl"],
            "KEYSYNCCTL_STUCK_QUEUE": outputs["StuckQueueUrl"],
            "KEYSYNCCTL_UNDELIVERED_QUEUE": outputs["UndeliveredQueueUrl"],
            "KEYSYNCCTL_EVENT_QUEUE": outputs["EventQueueUrl"],
        }
        self.key = f"{story.key.instance}/{story.key.id}"

    def use_endpoint(self, harness):
        """Sets the environment for the commands that read keys from the harness's endpoint."""
        self.environment |= {
            "KEYSYNCCTL_ENDPOINT": harness.addresses["endpoint"],
            "KEYSYNCCTL_IAM_URL": harness.addresses["iam"],
            "KEYSYNCCTL_INSTANCE": harness.addresses["instance_id"],
            "IBMCLOUD_API_KEY": harness.addresses["api_key"],
        }

    def run(self, *arguments, exit_code=DONE):
        """What a command printed, which has to end with this exit code."""
        command = [self.program, *arguments]
        done = subprocess.run(
            command,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.folder,
        )
        if done.returncode != exit_code:
            raise AssertionError(
                f"{arguments}: exit code {done.returncode}: {done.stdout} {done.stderr}"
            )
        return done.stdout

    def json(self, *arguments, exit_code=DONE):
        return json.loads(self.run(*arguments, "--json", exit_code=exit_code))

    def service(self):
        """The state of the notification at the service."""
        return next(
            view
            for view in self.json("show", self.key)["services"]
            if view["service"] == self.story.service
        )

    def replay(self, reason):
        chosen = (
            "replay",
            self.key,
            "--service",
            self.story.service,
            "--reason",
            reason,
            "--operator",
            "ada",
        )
        self.run(*chosen, "--dry-run")
        return self.json(*chosen)[0]["result"]

    def received(self):
        return len(self.story.harness.verdicts(self.story.service))
