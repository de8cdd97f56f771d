"""cfn-lint and `sam validate` accept the template, and reject templates with errors."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[2] / "infra" / "template.yaml"
BIN = Path(os.environ["INFRA_TOOLS"]) / "bin"
# One error of each kind: the original text, its replacement, and a part of the linter's message.
ERRORS = [
    ("BillingMode: PAY_PER_REQUEST", "BillingMode: PAY_PER_WISH", "PAY_PER_WISH"),
    ("MessageRetentionPeriod: 1209600", "MessageRetentionPeriod: 9999999", "1209600"),
    ("!GetAtt EventRule.Arn", "!GetAtt EventRule.Arm", "'Arm'"),
    ("KMSMasterKeyId:", "KmsMasterKey:", "KmsMasterKey"),
]


def run(tool, template):
    with tempfile.TemporaryDirectory() as home:  # sam writes to the user's home directory
        return subprocess.run(
            [sys.executable, BIN / tool, *COMMANDS[tool], template],
            capture_output=True,
            text=True,
            check=False,
            env={
                **os.environ,
                "HOME": home,
                "SAM_CLI_TELEMETRY": "0",
                "AWS_DEFAULT_REGION": "us-east-1",
            },
        )


COMMANDS = {"cfn-lint": ["--template"], "sam": ["validate", "--lint", "--template"]}


class Linters(unittest.TestCase):
    def test_linters_accept_the_template(self):
        for tool in COMMANDS:
            with self.subTest(tool=tool):
                done = run(tool, TEMPLATE)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_linters_reject_errors(self):
        template = TEMPLATE.read_text()
        for original, wrong, message in ERRORS:
            self.assertIn(original, template)
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                file.write(template.replace(original, wrong, 1))
                file.flush()
                # Both use the rules of cfn-lint, so one error is enough for sam.
                for tool in COMMANDS if (original, wrong, message) == ERRORS[0] else ["cfn-lint"]:
                    with self.subTest(tool=tool, wrong=wrong):
                        done = run(tool, file.name)
                        self.assertNotEqual(done.returncode, 0)
                        self.assertIn(message, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
