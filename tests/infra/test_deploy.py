"""infra/deploy and infra/rotate-signing-key, with the real `aws` and `sam`, on ministack.

The functions are placeholders: ministack publishes their versions and runs none here.
"""

import json
import re
import unittest

from emulator import Emulator
from workspace import KEY, Workspace

FUNCTIONS = ["Sync", "Lifecycle", "Redeliver"]
DEPLOY = ["infra/deploy", "dev", "--skip-check"]
ROTATE = ["infra/rotate-signing-key", "dev"]
emulator = None


def setUpModule():
    global emulator
    emulator = Emulator()


def tearDownModule():
    emulator.stop()


class Commands(unittest.TestCase):
    def setUp(self):
        self.workspace = Workspace(emulator)
        self.addCleanup(self.workspace.close)

    def assert_ends(self, code, *command, message=""):
        """Runs a command, and checks its exit code and a part of its messages."""
        done = self.workspace.run(*command)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertIn(message, done.stderr)
        return done

    def versions(self):
        return {name: self.workspace.live(name)["Version"] for name in FUNCTIONS}

    def keys(self):
        value = emulator.client("secretsmanager").get_secret_value(SecretId=self.workspace.secret)
        return value["SecretString"].split()


class Invalid(Commands):
    """Each mistake is reported before anything is deployed."""

    def tearDown(self):
        self.assertNotIn("sam deploy", self.workspace.commands.read_text())

    def test_unknown_stage_is_rejected(self):
        self.assert_ends(
            2,
            "infra/deploy",
            "test",
            message="unknown stage `test`: infra/samconfig.toml has dev, prod",
        )

    def test_missing_account_file_is_rejected(self):
        self.assert_ends(2, "infra/deploy", "prod", message="copy infra/account.example.toml")

    def test_unknown_parameter_is_rejected(self):
        self.workspace.configure("dev", LogLevle="info")
        self.assert_ends(2, *DEPLOY, message="infra/account-dev.toml sets `LogLevle`")

    def test_missing_parameter_is_rejected(self):
        (self.workspace.infra / "account-dev.toml").write_text('Services = "{}"\n')
        self.assert_ends(
            2, *DEPLOY, message="SigningKeySecretArn must be set in infra/account-dev.toml"
        )

    def test_invalid_registry_is_rejected_with_all_problems(self):
        services = {
            "Cos": {"url": "https://a.example"},
            "db": {"url": "https://a.example/hooks/hunter2", "paused": "no"},
        }
        self.workspace.configure("dev", Services=json.dumps(services))
        done = self.assert_ends(2, *DEPLOY, message="`Cos`: a name must be a CRN service name")
        self.assertIn("`paused` of `db` must be `true` or `false`: got `no`", done.stderr)
        self.assertNotIn("hunter2", done.stderr)

    def test_service_that_rejects_the_sender_prevents_deployment(self):
        program = self.workspace.root / "bin" / "keysyncctl"
        program.write_text('#!/bin/sh\necho "$@ with $(cat)" >&2\nexit 1\n')
        program.chmod(0o755)
        done = self.assert_ends(
            1,
            *DEPLOY,
            "--check-services",
            "keysync.example.com",
            message="does not allow this sender",
        )
        self.assertIn(
            'check-registry --file - --origin keysync.example.com with {"cloud-object-storage":',
            done.stderr,
        )

    def test_binary_of_other_architecture_is_rejected(self):
        self.workspace.build("x86_64")
        self.assert_ends(2, *DEPLOY, message="is not a program for arm64")

    def test_missing_binary_is_rejected(self):
        (self.workspace.root / "target" / "lambda" / "redeliver" / "bootstrap").unlink()
        self.assert_ends(1, *DEPLOY, message="build the functions, or use --build")

    def test_unknown_secret_is_rejected(self):
        self.workspace.configure(
            "dev", SigningKeySecretArn=self.workspace.secret.replace("signing-key", "other")
        )
        self.assert_ends(1, *DEPLOY, message="`aws secretsmanager describe-secret` failed")

    def test_too_much_concurrency_is_rejected(self):
        self.workspace.configure("prod", SyncConcurrency=9000)
        self.assert_ends(
            1, "infra/deploy", "prod", message="reserve 9012 concurrent executions, and "
        )

    def test_rotation_without_stack_is_rejected(self):
        self.workspace.configure("prod")
        self.assert_ends(
            1, "infra/rotate-signing-key", "prod", "start", message="keysync-prod does not exist"
        )

    def test_dry_run_deploys_nothing(self):
        self.workspace.configure("prod", ReserveConcurrency="no")
        done = self.assert_ends(0, "infra/deploy", "prod", "--dry-run")
        self.assertRegex(
            done.stderr, r"revision [0-9a-f]{10}-[0-9a-f]{40}\n\$ sam deploy .*--config-env prod"
        )
        self.assertIn("nothing was changed", done.stderr)
        self.assertIsNone(self.workspace.stack("keysync-prod"))


class Confirmation(Commands):
    def test_rejected_change_set_deploys_nothing(self):
        self.workspace.configure("prod", ReserveConcurrency="no")
        # The change set that was not confirmed stays, with a stack in review.
        self.addCleanup(emulator.client("cloudformation").delete_stack, StackName="keysync-prod")
        done = self.workspace.run("infra/deploy", "prod", "--skip-check", text="n\n")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("nothing was deployed: the change set was not confirmed", done.stderr)


class Stack(Commands):
    def test_settings_and_keys_reach_running_versions(self):
        done = self.assert_ends(0, *DEPLOY)
        self.assertRegex(done.stdout, r"(?m)^FunctionUrl=https://")
        first = self.versions()

        self.assert_ends(0, *DEPLOY, message="already deployed, no new versions")
        self.assertEqual(self.versions(), first)

        self.workspace.configure("dev", CallerLimit=7)
        self.assert_ends(0, *DEPLOY)
        second = self.versions()
        self.assertEqual(
            {name for name in FUNCTIONS if second[name] != first[name]}, set(FUNCTIONS)
        )
        self.assertEqual(
            self.workspace.live("Sync")["Environment"]["Variables"]["KEYSYNC_CALLER_LIMIT"], "7"
        )

        self.workspace.configure("dev")
        self.assert_ends(0, *DEPLOY)
        limit = self.workspace.live("Sync")["Environment"]["Variables"]["KEYSYNC_CALLER_LIMIT"]
        self.assertEqual(limit, "600", "a setting that was removed has its default again")

        self.rotate()
        self.assert_rotation_left_settings()
        self.rotate_secret_of_service()

    def rotate(self):
        """A rotation, with each command that is not valid at its step."""
        self.assertEqual(self.keys(), [KEY])
        for command in ["finish", "cancel"]:
            self.assert_ends(1, *ROTATE, command, message="start a rotation first")
        before = self.versions()
        self.assert_ends(0, *ROTATE, "start", message="both keys sign")
        old, new = self.keys()
        self.assertEqual(old, KEY)
        self.assertRegex(new, r"^whsk_[A-Za-z0-9+/]{43}=$")
        both = self.versions()
        self.assertEqual({name for name in FUNCTIONS if both[name] != before[name]}, set(FUNCTIONS))
        self.assert_ends(0, *ROTATE, "status", message="2 key(s) in")
        self.assert_ends(1, *ROTATE, "start", message="finish or cancel the rotation first")
        self.assert_ends(1, *ROTATE, "finish", message="or pass --now")

        self.assert_ends(0, *ROTATE, "cancel")
        self.assertEqual(self.keys(), [KEY])
        self.assert_ends(0, *ROTATE, "start")
        self.assert_ends(0, *ROTATE, "finish", "--now")
        (kept,) = self.keys()
        self.assertNotIn(kept, [old, new])

        self.assert_ends(0, *ROTATE, "replace", message="Inform all receivers")
        (replaced,) = self.keys()
        self.assertNotEqual(replaced, kept)
        self.assert_ends(0, *ROTATE, "apply", message="run with the secret's current keys already")
        self.assert_no_key_is_shown([old, new, kept, replaced])

    def rotate_secret_of_service(self):
        """The first symmetric secret of a service, and a rotation. Those of others stay."""
        of_storage = ["--service", "cloud-object-storage"]
        self.assert_ends(
            2, *ROTATE, "replace", *of_storage, message="the stack has no ServiceSecretsArn"
        )
        self.workspace.configure("dev", ServiceSecretsArn=self.workspace.service_secrets)
        self.assert_ends(0, *DEPLOY)
        variables = self.workspace.live("Sync")["Environment"]["Variables"]
        self.assertEqual(variables["KEYSYNC_SERVICE_SECRETS"], self.workspace.service_secrets)
        self.assert_ends(
            0,
            *ROTATE,
            "replace",
            "--service",
            "ledgers",
            message="give the owner of ledgers its new secret",
        )
        self.assert_ends(0, *ROTATE, "replace", *of_storage)
        before, first = self.versions(), self.service_secrets()
        self.assert_ends(
            0, *ROTATE, "start", *of_storage, message="finish --service cloud-object-storage"
        )
        after, both = self.versions(), self.service_secrets()
        self.assertEqual(
            {name for name in FUNCTIONS if after[name] != before[name]}, set(FUNCTIONS)
        )
        self.assertEqual(both["cloud-object-storage"][:1], first["cloud-object-storage"])
        self.assert_ends(0, *ROTATE, "status", *of_storage, message="2 key(s) in")
        self.assert_ends(0, *ROTATE, "finish", *of_storage)
        self.assertEqual(
            self.service_secrets(),
            {**first, "cloud-object-storage": both["cloud-object-storage"][1:]},
        )
        self.assert_ends(0, *DEPLOY, message="already deployed, no new versions")
        self.assert_no_key_is_shown([*first["ledgers"], *both["cloud-object-storage"]])

    def service_secrets(self):
        value = emulator.client("secretsmanager").get_secret_value(
            SecretId=self.workspace.service_secrets
        )
        secrets = json.loads(value["SecretString"])
        for each in [secret for of_service in secrets.values() for secret in of_service]:
            self.assertRegex(each, r"^whsec_[A-Za-z0-9+/]{43}=$")
        return secrets

    def assert_rotation_left_settings(self):
        variables = self.workspace.live("Sync")["Environment"]["Variables"]
        self.assert_ends(0, *DEPLOY, message="already deployed, no new versions")
        self.assertEqual(self.workspace.live("Sync")["Environment"]["Variables"], variables)

    def assert_no_key_is_shown(self, keys):
        """No key is in the arguments of a command or in a file."""
        commands = self.workspace.commands.read_text()
        self.assertIn("secretsmanager put-secret-value", commands)
        for file in self.workspace.root.rglob("*"):
            if file.is_file():
                content = file.read_bytes()
                for key in keys:
                    self.assertNotIn(key.encode(), content, file)

    def assert_ends(self, code, *command, message=""):
        done = super().assert_ends(code, *command, message=message)
        self.assertIsNone(
            re.search(r"(whsk|whsec)_\w", done.stdout + done.stderr), "no key is printed"
        )
        return done


if __name__ == "__main__":
    unittest.main()
