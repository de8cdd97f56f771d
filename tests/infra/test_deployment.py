"""The stack runs: SAM's template on ministack, with the real functions behind its function URL,
queue and schedule.

IAM and the associated services are the harness's. One stack is the template; each other one lacks
one wire of it, and has to fail at the step that needs the wire. They run at the same time, on event
buses and with services of their own. Differences from AWS are in `ministack_server.py` and
`deployment/stack.py`. `cargo task deployment` runs these tests.
"""

import base64
import json
import os
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Semaphore

from deployment.operator import SOME_FAILED, Operator
from deployment.stack import NAMES, Stack, adapted, package, upload
from deployment.story import REDELIVERY_TIMEOUT, Broken, Story
from deployment.surroundings import Harness, now
from deployment.wires import all_wires
from emulator import Emulator
from translate import parse

ROOT = Path(__file__).resolve().parents[2]
BINARIES = Path(os.environ["KEYSYNC_BINARIES"])
COMPLETE = "complete"
STACKS_AT_A_TIME = 4
REVISIONS = [digit * 10 + "-" + digit * 40 for digit in "123"]


class Deployment(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.wires = all_wires()
        cls.services = {
            name: f"service-{number}" for number, name in enumerate([COMPLETE, *cls.wires])
        }
        cls.harness = Harness(BINARIES / "harness", cls.services.values())
        cls.addClassCleanup(cls.harness.stop)
        cls.aws = Emulator(has_policies=True)
        cls.addClassCleanup(cls.aws.stop)
        cls.template = parse(ROOT / "infra" / "template.yaml")
        secret = cls.aws.client("secretsmanager").create_secret(
            Name="keysync/signing-key", SecretString=cls.harness.signing_key
        )
        cls.secret = secret["ARN"]
        upload(cls.aws, package(BINARIES))
        cls.turns = Semaphore(STACKS_AT_A_TIME)
        with ThreadPoolExecutor(len(cls.services)) as threads:
            cls.ends = dict(
                zip(cls.services, threads.map(cls.run_story, cls.services), strict=True)
            )

    @classmethod
    def run_story(cls, name):
        """The step at which the story of a stack broke, with the error; nothing if it did not."""
        service = cls.services[name]
        bus = f"bus-of-{service}"
        cls.aws.client("events").create_event_bus(Name=bus)
        parameters = {
            "Revision": REVISIONS[0],
            "Stage": "prod",
            "Services": json.dumps(
                {service: {**cls.harness.registry[service], "acknowledges": True}}
            ),
            "SigningKeySecretArn": cls.secret,
            "IamUrl": cls.harness.addresses["iam"],
            "LifecycleConcurrency": 10,
            "EventBusName": bus,
        }
        template = adapted(cls.template, parameters)
        broken, cut = cls.wires.get(name, (None, lambda resources: None))
        cut(template["Resources"])
        stack = story = None
        try:
            with cls.turns:
                stack = Stack(cls.aws, f"stack-of-{service}", template, parameters)
                story = Story(cls.aws, cls.harness, stack, bus, service, broken)
                story.run_until_a_notification_is_pending()
            story.run_redelivery()
        except Broken as end:
            return end.step, str(end)
        finally:
            if name == COMPLETE:
                cls.stack, cls.story, cls.parameters = stack, story, parameters
            elif stack:
                stack.delete()  # its functions would go on to take the machine's time
        return None

    def test_story_runs_on_the_stack(self):
        self.assertIsNone(self.ends[COMPLETE])

    def test_each_wire_is_needed(self):
        for name, (step, _) in self.wires.items():
            with self.subTest(wire=name):
                self.assertIsNotNone(self.ends[name], "the story runs without it")
                self.assertEqual(self.ends[name][0], step.__name__, self.ends[name][1])

    def test_functions_run_as_the_published_version(self):
        logs = self.aws.client("logs")
        for name in NAMES:
            with self.subTest(function=name):
                group = self.stack.resource(f"{name.capitalize()}Logs")
                lines = [
                    event["message"]
                    for event in logs.filter_log_events(logGroupName=group)["events"]
                ]
                versions = {
                    line.split("Version: ")[1].strip()
                    for line in lines
                    if line.startswith("START ")
                }
                self.assertEqual(versions, {"1"})

    def operator(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return Operator(BINARIES / "keysyncctl", self.story, folder.name)

    def test_operator_replays_and_pauses(self):
        operator, story = self.operator(), self.story
        story.wait("a confirmation", lambda: not operator.service()["pending"])
        before = operator.received()
        self.assertIn("may ignore it", operator.replay("notified, and did not act"))
        story.wait("the replay", lambda: operator.received() > before, REDELIVERY_TIMEOUT)

        operator.run("pause", story.service, "--reason", "maintenance", "--operator", "ada")
        self.assertEqual([pause["reason"] for pause in operator.json("paused")], ["maintenance"])
        self.assertIn("not before", operator.replay("during a pause"))
        log = story.outputs["RedeliverLogGroup"]
        story.wait(
            "a run that knows of the pause",
            lambda: "service is paused" in self.log(log),
            REDELIVERY_TIMEOUT,
        )
        pending = operator.json("pending", "--service", story.service)
        self.assertEqual([(row["key"], row["paused"]) for row in pending], [(operator.key, True)])
        before = operator.received()

        operator.run("resume", story.service, "--operator", "ada")
        story.wait(
            "a delivery after the pause", lambda: operator.received() > before, REDELIVERY_TIMEOUT
        )
        story.wait("a confirmation", lambda: not operator.service()["pending"])
        self.assertIn("secrets-event.replay", self.log(log))

    def test_operator_corrects_and_redrives_dead_letters(self):
        operator, story = self.operator(), self.story
        known = {letter["id"] for letter in operator.json("dlq", "list", "malformed")}
        story.key.publish_malformed()

        def new():
            return [
                letter
                for letter in operator.json("dlq", "list", "malformed")
                if letter["id"] not in known
            ]

        letter = story.wait("a dead letter", new)[0]
        event = json.loads(operator.run("dlq", "show", "malformed", letter["id"], "--body"))
        event["detail"]["keyState"] = 5
        body = Path(operator.folder) / "event.json"
        body.write_text(json.dumps(event))
        before = operator.received()
        for options in (["--dry-run"], []):
            operator.run("dlq", "edit", "malformed", letter["id"], "--body", body, *options)
        story.wait("the corrected event", lambda: operator.received() > before)

        queue = story.outputs["StuckQueueUrl"]
        event["detail"]["occurredAt"] = now()
        self.aws.client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(event))
        before = operator.received()
        self.assertEqual(
            [sent["result"] for sent in operator.json("dlq", "redrive", "stuck", "--all")], ["sent"]
        )
        story.wait("the redriven event", lambda: operator.received() > before)
        self.assertEqual(operator.json("dlq", "list", "stuck"), [])

    def test_operator_imports_existing_keys(self):
        """Keys that are older than the deployment: the table learns of them from the endpoint."""
        operator, story = self.operator(), self.story
        operator.use_endpoint(self.harness)
        existing = [
            self.harness.control(
                "/keys",
                "POST",
                {
                    "name": f"existing-{n}",
                    "protects": [{"service": story.service, "resource": f"bucket-{n}"}],
                },
            )["id"]
            for n in range(3)
        ]
        keys = self.harness.control("/keys")
        registrations = sum(len(key["protects"]) for key in keys)
        for options in (["--dry-run"], []):
            imported = operator.json("import", *options)
            self.assertEqual(imported["keys"]["imported"], len(keys), imported)
            self.assertEqual(imported["registrations"]["imported"], registrations, imported)
        found = operator.json("verify", exit_code=SOME_FAILED)["differences"]
        self.assertEqual({row["key"] for row in found}, {operator.key}, "unknown to the endpoint")

        before = operator.received()
        story.sync(204, existing[0])
        self.assertEqual(operator.received(), before + 1)

    def log(self, group):
        events = self.aws.client("logs").filter_log_events(logGroupName=group)["events"]
        return "\n".join(event["message"] for event in events)

    def test_rotation_ends_with_the_new_key_alone(self):
        """As `infra/rotate-signing-key` does it. The service knows the old key only, so it shows
        which keys sign.
        """
        old = self.harness.signing_key
        new = "whsk_" + base64.b64encode(os.urandom(32)).decode()
        (old_public,) = self.story.public_keys()
        self.story.sync_is_received_as("acted")

        self.put_secret(f"{old} {new}")
        self.assertEqual(
            self.story.public_keys(), [old_public], "warm environments keep what they read"
        )
        self.publish(REVISIONS[1], "2")
        both = self.story.public_keys()
        self.assertEqual(len(both), 2)
        self.story.sync_is_received_as("acted")

        self.put_secret(new)
        self.assertEqual(self.story.public_keys(), both, "warm environments keep what they read")
        self.publish(REVISIONS[2], "3")
        self.assertEqual(self.story.public_keys(), [key for key in both if key != old_public])
        self.story.sync_is_received_as("rejected")

    def put_secret(self, keys):
        self.aws.client("secretsmanager").put_secret_value(SecretId=self.secret, SecretString=keys)

    def publish(self, revision, version):
        parameters = {**self.parameters, "Revision": revision}
        self.stack.update(adapted(self.template, parameters), parameters)
        for name in NAMES:
            with self.subTest(function=name, version=version):
                found = self.aws.client("lambda").get_alias(
                    FunctionName=self.stack.resource(name.capitalize()), Name="live"
                )
                self.assertEqual(found["FunctionVersion"], version)


if __name__ == "__main__":
    unittest.main()
