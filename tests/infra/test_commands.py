"""The `aws` commands of docs/how-to run: each `sh` block that has one, on a stack that infra/deploy
creates on ministack.

A block with a command of PARSED_ONLY, which ministack does not have, is parsed by the AWS CLI,
which checks options and values against the definitions of the services. docs/how-to/deploy.md lists
these commands.
"""

import json
import os
import re
import subprocess
import sys
import textwrap
import unittest

from emulator import Emulator
from workspace import ROOT, Workspace

HOW_TO = ROOT / "docs" / "how-to"
STAGE, STACK = "prod", "keysync-prod"
PARSED_ONLY = {
    "aws cloudformation continue-update-rollback",  # needs a stack whose rollback failed
    "aws service-quotas request-service-quota-increase",
    "aws sqs start-message-move-task",
}


def blocks():
    """The `sh` blocks with an `aws` command, as (page:line, text)."""
    found = []
    for page in sorted(HOW_TO.glob("*.md")):
        text = page.read_text()
        for block in re.finditer(r"^( *)```sh\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL):
            if re.search(r"(^|[\s(])aws ", block[2], re.MULTILINE):
                line = text[: block.start()].count("\n") + 1
                found.append((f"{page.name}:{line}", textwrap.dedent(block[2])))
    return found


def commands(block):
    """The commands of a block, such as `aws sqs receive-message`."""
    return set(re.findall(r"(?:^|[\s(])(aws [a-z0-9-]+ [a-z0-9-]+)", block, re.MULTILINE))


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.emulator = Emulator()
        cls.addClassCleanup(cls.emulator.stop)
        cls.workspace = Workspace(cls.emulator)
        cls.addClassCleanup(cls.workspace.close)
        cls.blocks = blocks()
        cls.variables = {}

    def run_block(self, text, parse_only=False):
        environment = {**self.workspace.environment, **self.variables}
        if parse_only:
            parser = self.workspace.root / "parser"
            parser.mkdir(exist_ok=True)
            script = parser / "aws"
            packages = os.environ["AWS_CLI"]
            script.write_text(
                f"#!/bin/sh\nPYTHONPATH='{packages}' exec '{sys.executable}' '{packages}/bin/aws' "
                '"$@" '
                "--generate-cli-skeleton output\n"
            )
            script.chmod(0o755)
            environment["PATH"] = f"{parser}:{environment['PATH']}"
        return subprocess.run(
            ["sh", "-eu", "-c", text],
            cwd=self.workspace.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def assert_runs(self, place, text, parse_only=False):
        with self.subTest(block=place):
            done = self.run_block(text, parse_only)
            self.assertEqual(done.returncode, 0, f"{text}\n{done.stdout}{done.stderr}")
            return done.stdout

    def take(self, command):
        """Removes the first block with a command from the list."""
        index = next(index for index, (_, text) in enumerate(self.blocks) if command in text)
        return self.blocks.pop(index)

    def test_all_commands_run_on_a_stack(self):
        self.assertGreater(len(self.blocks), 12)
        policy = re.search(
            r"```json\n(.*?)```", (HOW_TO / "deployment-variants.md").read_text(), re.DOTALL
        )[1]
        (self.workspace.root / "bus-policy.json").write_text(json.dumps(json.loads(policy)))
        self.assert_runs(*self.take("secretsmanager create-secret"))
        secrets = self.emulator.client("secretsmanager")
        created = secrets.describe_secret(SecretId="keysync/signing-key")
        self.assertRegex(
            secrets.get_secret_value(SecretId="keysync/signing-key")["SecretString"],
            r"^whsk_[A-Za-z0-9+/]{43}=$",
        )
        self.workspace.configure(STAGE, SigningKeySecretArn=created["ARN"], ReserveConcurrency="no")
        done = self.workspace.run("infra/deploy", STAGE, "--yes", "--skip-check")
        self.assertEqual(done.returncode, 0, done.stderr)
        secrets.put_secret_value(
            SecretId="keysync/signing-key", SecretString="whsk_next"
        )  # the first becomes AWSPREVIOUS
        place, load = self.take("--query 'Stacks[0].Outputs[]")
        outputs = {
            output["OutputKey"]: output["OutputValue"]
            for output in self.workspace.stack(STACK)["Outputs"]
        }
        loaded = self.assert_runs(place, load + "env\n")
        for name, value in outputs.items():
            self.assertIn(f"{name}={value}\n", loaded)
        self.assertFalse(
            outputs["FunctionUrl"].endswith("/"), "a path follows, and a double slash is 404"
        )
        self.variables.update(outputs)
        parsed = [block for block in self.blocks if commands(block[1]) & PARSED_ONLY]
        run = [block for block in self.blocks if block not in parsed]
        for place, text in parsed:
            self.assert_runs(place, text, parse_only=True)
        for place, text in sorted(
            run, key=lambda block: ("delete-" in block[1], "delete-table" in block[1])
        ):
            self.assert_runs(place, text)

    def test_parser_rejects_invalid_options(self):
        valid = (
            "aws service-quotas request-service-quota-increase "
            "--service-code lambda --quota-code L-1 --desired-value 1"
        )
        self.assertEqual(self.run_block(valid, parse_only=True).returncode, 0)
        for invalid in [
            valid.replace("--desired-value", "--value"),
            valid.replace("value 1", "value one"),
        ]:
            self.assertNotEqual(self.run_block(invalid, parse_only=True).returncode, 0, invalid)

    def test_parsed_only_commands_are_used_and_documented(self):
        self.assertLessEqual(PARSED_ONLY, set().union(*(commands(text) for _, text in blocks())))
        page = re.sub(r"\s+", " ", (HOW_TO / "deploy.md").read_text())
        for command in PARSED_ONLY:
            self.assertIn(f"`{command}`", page)


if __name__ == "__main__":
    unittest.main()
