"""A copy of infra/ with placeholder binaries, and an emulated AWS, on which its commands run with
the real `aws` and `sam`.

`cargo task infra` names the folders of the packages: INFRA_TOOLS (sam), AWS_CLI, MINISTACK. Each
has packages of its own, because they need different versions of botocore.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from emulator import CREDENTIALS

ROOT = Path(__file__).resolve().parents[2]
KEY = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
ELF_MACHINES = {"arm64": 183, "x86_64": 62}


class Workspace:
    """A copy of the repository's infra/ with account files, and commands in it."""

    def __init__(self, emulator):
        self.emulator = emulator
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.infra = self.root / "infra"
        ignored = shutil.ignore_patterns("account-*", ".aws-sam", "__pycache__")
        shutil.copytree(ROOT / "infra", self.infra, ignore=ignored)
        (self.root / "docs" / "reference").mkdir(parents=True)
        shutil.copy(
            ROOT / "docs" / "reference" / "services.schema.json", self.root / "docs" / "reference"
        )
        self.commands = self.root / "commands"
        self.commands.touch()
        programs = self.root / "bin"
        programs.mkdir()
        # Version 1 of the AWS CLI ignores AWS_ENDPOINT_URL for SQS.
        endpoint = f"--endpoint-url '{emulator.url}'"
        for name, packages, option in [
            ("aws", os.environ["AWS_CLI"], endpoint),
            ("sam", os.environ["INFRA_TOOLS"], ""),
        ]:
            script = programs / name
            # Records the arguments: they are visible to other users of a machine.
            script.write_text(
                f"#!/bin/sh\nprintf '%s\\n' \"{name} $*\" >> '{self.commands}'\n"
                f"PYTHONPATH='{packages}' exec '{sys.executable}' '{packages}/bin/{name}' \"$@\" "
                f"{option}\n"
            )
            script.chmod(0o755)
        self.environment = {
            **os.environ,
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": emulator.url,
            "HOME": str(self.root),
            "PATH": f"{programs}:{os.environ['PATH']}",
            "SAM_CLI_TELEMETRY": "0",
        }
        self.environment["PYTHONPATH"] = os.environ["INFRA_TOOLS"]  # has jsonschema
        created = self.emulator.client("secretsmanager").create_secret(
            Name=f"signing-key/{self.root.name}", SecretString=KEY
        )
        self.secret = created["ARN"]
        created = self.emulator.client("secretsmanager").create_secret(
            Name=f"service-secrets/{self.root.name}", SecretString="{}"
        )
        self.service_secrets = created["ARN"]
        self.configure("dev")
        self.build("arm64")

    def close(self):
        self.folder.cleanup()

    def build(self, architecture):
        """Writes placeholders for the output of cargo-lambda."""
        for name in ["sync", "lifecycle", "redeliver"]:
            file = self.root / "target" / "lambda" / name / "bootstrap"
            file.parent.mkdir(parents=True, exist_ok=True)
            header = bytearray(64)
            header[:4], header[18] = b"\x7fELF", ELF_MACHINES[architecture]
            file.write_bytes(bytes(header) + name.encode())
            file.chmod(0o755)

    def configure(self, stage, **values):
        """Writes the account file of a stage."""
        given = {
            "Services": '{"cloud-object-storage":{"url":"https://example.com/callbacks"}}',
            "SigningKeySecretArn": self.secret,
            **values,
        }
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in given.items()]
        (self.infra / f"account-{stage}.toml").write_text("".join(lines))

    def run(self, *command, text=""):
        """The completed process of a command in the workspace, such as `infra/deploy dev`."""
        command = [sys.executable, *command] if command[0].startswith("infra/") else command
        return subprocess.run(
            command,
            cwd=self.root,
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )

    def stack(self, name="keysync-dev"):
        """The described stack, or None."""
        stacks = self.emulator.client("cloudformation").describe_stacks()["Stacks"]
        return next((stack for stack in stacks if stack["StackName"] == name), None)

    def live(self, function):
        """The configuration of the version to which a function's alias points."""
        found = self.emulator.client("cloudformation").describe_stack_resource(
            StackName="keysync-dev", LogicalResourceId=function
        )
        name = found["StackResourceDetail"]["PhysicalResourceId"]
        return self.emulator.client("lambda").get_function_configuration(
            FunctionName=name, Qualifier="live"
        )
