"""cfn-lint and `sam validate` take the template, and are seen to refuse one with a mistake."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[2] / "infra" / "template.yaml"
BIN = Path(os.environ["INFRA_TOOLS"]) / "bin"
# A mistake of each kind that they are here for: what is there, what takes its place, what both say about it.
MISTAKES = [
    ("BillingMode: PAY_PER_REQUEST", "BillingMode: PAY_PER_WISH", "PAY_PER_WISH"),
    ("MessageRetentionPeriod: 1209600", "MessageRetentionPeriod: 9999999", "1209600"),
    ("!GetAtt EventRule.Arn", "!GetAtt EventRule.Arm", "'Arm'"),
    ("KMSMasterKeyId:", "KmsMasterKey:", "KmsMasterKey"),
]


def run(tool, template):
    with tempfile.TemporaryDirectory() as home:  # sam keeps things in its user's home
        return subprocess.run(
            [sys.executable, BIN / tool, *COMMANDS[tool], template],
            capture_output=True, text=True, check=False,
            env={**os.environ, "HOME": home, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"},
        )


COMMANDS = {"cfn-lint": ["--template"], "sam": ["validate", "--lint", "--template"]}


class Linters(unittest.TestCase):
    def test_they_take_the_template(self):
        for tool in COMMANDS:
            with self.subTest(tool=tool):
                done = run(tool, TEMPLATE)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_they_refuse_mistakes(self):
        template = TEMPLATE.read_text()
        for right, wrong, says in MISTAKES:
            self.assertIn(right, template)
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                file.write(template.replace(right, wrong, 1))
                file.flush()
                # Both lint with cfn-lint's rules, so one mistake is enough to see that sam does.
                for tool in COMMANDS if (right, wrong, says) == MISTAKES[0] else ["cfn-lint"]:
                    with self.subTest(tool=tool, wrong=wrong):
                        done = run(tool, file.name)
                        self.assertNotEqual(done.returncode, 0)
                        self.assertIn(says, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
