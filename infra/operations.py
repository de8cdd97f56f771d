"""What infra/deploy and infra/rotate-signing-key share: settings, the revision, and calls of `aws`
and `sam`.

The revision names what the functions run with: `<name>-<content>`. `content` is a hash of the
binaries, the template and the parameters. `name` is a hash of `content` and of the versions of the
secrets; SAM names the published versions of the functions after it, so a change of any of these
publishes new versions. A rotation of a key changes `name` only, so that it needs neither the
binaries nor the settings of the last deployment.
"""

import hashlib
import json
import re
import shlex
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

INFRA = Path(__file__).resolve().parent
FUNCTIONS = ["sync", "lifecycle", "redeliver"]
# SAM uses these first characters of the revision (`AutoPublishCodeSha256`) in the logical ids of
# versions.
NAME_LENGTH = 10
REVISION = "Revision"
SECRET = "SigningKeySecretArn"
SERVICE_SECRETS = "ServiceSecretsArn"


class Failure(Exception):
    """A message for the user, with what to do. `code` is the exit code."""

    def __init__(self, message, code=1):
        super().__init__(message)
        self.code = code


class InvalidSettings(Failure):
    """Settings or arguments that have to be corrected."""

    def __init__(self, message):
        super().__init__(message, 2)


def say(message):
    """Prints a line of progress."""
    print(message, file=sys.stderr, flush=True)


def main(run):
    """Runs a command, and ends the process with its exit code."""
    try:
        sys.exit(run())
    except Failure as failure:
        say(f"error: {failure}")
        sys.exit(failure.code)
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(130)


# ----------------------------------------------------------------------------------------- settings


class Stage:
    """A stage of samconfig.toml: where its stack is, and the values of its parameters."""

    def __init__(self, name, infra=INFRA):
        self.name = name
        config = read_toml(infra / "samconfig.toml")
        if name not in config or "deploy" not in config[name]:
            known = ", ".join(
                key
                for key, table in config.items()
                if isinstance(table, dict) and "deploy" in table
            )
            raise InvalidSettings(f"unknown stage `{name}`: infra/samconfig.toml has {known}")
        self.infra = infra
        self.deploy = config[name]["deploy"]["parameters"]
        self.stack = self.deploy["stack_name"]
        self.region = self.deploy["region"]
        self.template = infra / self.deploy["template_file"]

    def parameters(self):
        """The value of every parameter but the revision: the template's default, unless a file sets
        another one.

        All are passed at each deployment, because CloudFormation keeps the previous value of a
        parameter that is not.
        """
        values = defaults(self.template.read_text())
        known = set(values)
        for overrides in self.deploy["parameter_overrides"]:
            source = "infra/samconfig.toml"
            if isinstance(overrides, str):
                source = "infra/" + overrides.removeprefix("file://")
                overrides = read_toml(self.infra / overrides.removeprefix("file://"))
            for name, value in overrides.items():
                if name not in known or name == REVISION:
                    raise InvalidSettings(
                        f"{source} sets `{name}`, which is not a parameter to set: see "
                        "infra/template.yaml"
                    )
                values[name] = str(value)
        values.pop(REVISION, None)
        if missing := [name for name, value in values.items() if value is None]:
            raise InvalidSettings(
                f"{', '.join(missing)} must be set in infra/account-{self.name}.toml: see "
                "infra/account.example.toml"
            )
        return values

    def aws(self, *arguments, text=None):
        """The output of an `aws` command in the stage's region. `text` is its standard input."""
        return aws(*arguments, "--region", self.region, text=text)

    def describe(self):
        """The stack as CloudFormation describes it, or None if there is none."""
        try:
            stacks = json.loads(
                self.aws(
                    "cloudformation",
                    "describe-stacks",
                    "--stack-name",
                    self.stack,
                    "--output",
                    "json",
                )
            )
        except Failure as failure:
            if "does not exist" in str(failure):
                return None
            raise
        return stacks["Stacks"][0]

    def deployed_template(self):
        """The text of the template that the stack was deployed with, before the transform."""
        got = json.loads(
            self.aws(
                "cloudformation",
                "get-template",
                "--stack-name",
                self.stack,
                "--template-stage",
                "Original",
                "--output",
                "json",
            )
        )["TemplateBody"]
        return got if isinstance(got, str) else json.dumps(got)

    def sam_deploy(self, parameters, template=None, confirm=True, dry_run=False):
        """Deploys a template with these parameters, by default the one in infra/, or prints the
        command.
        """
        with tempfile.TemporaryDirectory() as folder:
            # JSON is YAML, and sam reads parameters from files that are named so.
            file = Path(folder) / "parameters.yaml"
            file.write_text(json.dumps(parameters, indent=1))
            command = [
                "sam",
                "deploy",
                "--config-file",
                str(self.infra / "samconfig.toml"),
                "--config-env",
                self.name,
            ]
            command += ["--parameter-overrides", f"file://{file}"]
            if template is not None:
                (Path(folder) / "template.yaml").write_text(template)
                command += ["--template-file", f"{folder}/template.yaml"]
            if not confirm:
                command.append("--no-confirm-changeset")
            say(f"$ {shlex.join(command)}")
            if dry_run:
                say(file.read_text())
                return
            try:
                code = subprocess.run(
                    command, cwd=self.infra, stdout=sys.stderr, check=False
                ).returncode
            except FileNotFoundError:
                raise Failure("`sam` is not on the PATH: pip install aws-sam-cli") from None
        if code != 0:
            raise Failure(
                f"`sam deploy` failed with exit code {code}: see "
                "docs/how-to/recover.md#a-deployment-failed"
            )

    def secret_versions(self, parameters):
        """The versions of the secrets that these parameters name, by parameter. The values are not
        read.
        """
        return {
            name: self.secret_version(parameters[name])
            for name in (SECRET, SERVICE_SECRETS)
            if parameters.get(name)
        }

    def secret_version(self, secret):
        """The id of the secret's current version. The value is not read."""
        described = json.loads(
            self.aws("secretsmanager", "describe-secret", "--secret-id", secret, "--output", "json")
        )
        for version, labels in described.get("VersionIdsToStages", {}).items():
            if "AWSCURRENT" in labels:
                return version
        raise Failure(
            f"the secret {secret} has no current version: store its value (docs/how-to/deploy.md)"
        )


def read_toml(path):
    """The content of a TOML file."""
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise InvalidSettings(
            f"{path} does not exist: copy infra/account.example.toml to it, and fill it in"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidSettings(f"{path} is not valid TOML: {error}") from None


def defaults(template):
    """The parameters of the template's text with their defaults, None for a required parameter.

    Reads the form in which this template is written; a test compares the result with that of a YAML
    parser.
    """
    block = template.split("\nParameters:\n", 1)[1]
    block = re.split(r"^\S", block, maxsplit=1, flags=re.MULTILINE)[0]
    parameters = {}
    for line in block.splitlines():
        if name := re.fullmatch(r"  (\w+):", line):
            parameters[name[1]] = None
        elif default := re.fullmatch(r"    Default: (?:\"(.*)\"|(.*))", line):
            parameters[list(parameters)[-1]] = default[1] if default[1] is not None else default[2]
    return parameters


def parameters_of(stack):
    """The values of a described stack's parameters."""
    return {
        parameter["ParameterKey"]: parameter["ParameterValue"]
        for parameter in stack.get("Parameters", [])
    }


def outputs_of(stack):
    """The outputs of a described stack."""
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


# ----------------------------------------------------------------------------------------- revision


def content(template, parameters, binaries):
    """The part of the revision for a template's text, parameter values, and the binaries' bytes by
    function.
    """
    hashed = hashlib.sha256()
    for part in [
        template.encode(),
        json.dumps(parameters, sort_keys=True).encode(),
        *(binaries[name] for name in FUNCTIONS),
    ]:
        hashed.update(hashlib.sha256(part).digest())
    return hashed.hexdigest()[:40]


def revision(content_hash, secret_versions):
    """The revision of this content with these versions of secrets, by parameter."""
    versions = json.dumps(secret_versions, sort_keys=True)
    name = hashlib.sha256(f"{content_hash} {versions}".encode()).hexdigest()[:NAME_LENGTH]
    return f"{name}-{content_hash}"


def content_of(text):
    """The part of a revision that does not depend on the secrets."""
    return text.split("-", 1)[1]


# ----------------------------------------------------------------------------------------- commands


def aws(*arguments, text=None):
    """The output of an `aws` command. `arguments` have no secret: other users can see them."""
    try:
        done = subprocess.run(
            ["aws", *arguments], input=text, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise Failure(
            "`aws` is not on the PATH: install the AWS CLI (https://aws.amazon.com/cli/)"
        ) from None
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise Failure(f"`aws {' '.join(arguments[:2])}` failed: {reason[0]}")
    return done.stdout
