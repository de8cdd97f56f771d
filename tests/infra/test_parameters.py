"""Valid and invalid values of the template's parameters, and the values of infra/samconfig.toml."""

import re
import unittest
from pathlib import Path

import tomlkit
from samcli.cli.types import CfnParameterOverridesType

from translate import parse

INFRA = Path(__file__).resolve().parents[2] / "infra"
PARAMETERS = parse(INFRA / "template.yaml")["Parameters"]
ARN = "arn:aws:{}:us-east-1:123456789012:{}"


def is_accepted(name, value):
    """Whether CloudFormation accepts `value`: the whole value must match the pattern."""
    parameter = PARAMETERS[name]
    if parameter["Type"] == "Number":
        number = float(value)
        return parameter.get("MinValue", number) <= number <= parameter.get(
            "MaxValue", number
        ) and number in parameter.get("AllowedValues", [number])
    return (
        re.fullmatch(parameter.get("AllowedPattern", ".*"), value) is not None
        and len(value) <= parameter.get("MaxLength", 4096)
        and value in parameter.get("AllowedValues", [value])
    )


# Valid and invalid values of each parameter.
VALUES = {
    "Revision": (
        ["0123456789-" + "0" * 40],
        ["", "0123456789", "012345678-" + "0" * 40, "012345678G-" + "0" * 40],
    ),
    "DeploymentAlarms": (["yes", "no"], ["", "true"]),
    "ExistingTableName": (
        ["", "keysync-Table-1ABC-restored"],
        ["a/b", "ab", ARN.format("dynamodb", "table/keysync")],
    ),
    "Stage": (["dev", "prod"], ["", "Prod", "test"]),
    "Services": (
        [
            '{"cos":{"url":"https://a.example/b?c=d"}}',
            '{ "cos" : {"paused":true, "url" : "https://a.example", "acknowledges":true } }',
            '{"cos":{"url":"https://a.example/{b}"},\n "databases":{"url":"https://b.example/"} }',
        ],
        [
            "",
            "{}",
            "cos",
            '{"cos":"https://a.example"}',
            '{"cos":{}}',
            '{"cos":{"url":"http://a.example"}}',
            '{"COS":{"url":"https://a.example"}}',
            '{"cos":{"url":"https://a.example"},}',
            '{"cos":{"url":"https://user:pass@a.example"}}',
            '{"cos":{"url":"https://a.example/#b"}}',
            '{"cos":{"url":"https://a.example"}} {"db":{"url":"https://b.example"}}',
            '{"cos":{"url":"https://a.example"}"db":{"url":"https://b.example"}}',
            '{"cos":{"url":"https://' + "a" * 3000 + '.example"}}',
        ],
    ),
    "SigningKeySecretArn": (
        [ARN.format("secretsmanager", "secret:keysync/signing-key-AbCdEf")],
        [
            "",
            "keysync",
            "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=",
            ARN.format("secretsmanager", "secret:keysync"),
            ARN.format("secretsmanager", "secret:*-AbCdEf"),
        ],
    ),
    "ServiceSecretsArn": (
        ["", ARN.format("secretsmanager", "secret:keysync/service-secrets-AbCdEf")],
        [
            "keysync",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            ARN.format("secretsmanager", "secret:keysync"),
        ],
    ),
    "IamUrl": (
        ["https://iam.cloud.ibm.com", "https://iam.test.example:8443/"],
        [
            "",
            "http://iam.cloud.ibm.com",
            "https://a b",
            "https://a.example:0",
            "https://a.example/?b",
            "https://a.example/#b",
        ],
    ),
    "IamIssuer": (
        ["https://iam.cloud.ibm.com/identity"],
        ["", "iam", "https://a b", "https://user@a.example", "https://a.example/?b"],
    ),
    "KeyRegion": (
        ["us-south", "eu-de", "jp-tok"],
        ["", "US-South", "us south", "us-", "u", "a" * 33],
    ),
    "KeyService": (["hs-crypto", "kms"], ["", "s3"]),
    "EventBusName": (["default", "keys/prod"], ["", "a b"]),
    "EventSource": (["kms", "com.example.kms"], ["", "*"]),
    "Architecture": (["arm64", "x86_64"], ["", "arm"]),
    "ReserveConcurrency": (["yes", "no"], ["", "true"]),
    "SyncConcurrency": (["1", "100"], ["0", "10001"]),
    "CallerLimit": (["600", "1", "off"], ["", "0", "-1", "1.5", "on"]),
    "LifecycleConcurrency": (["2", "10"], ["0", "1"]),
    "RedeliverConcurrency": (["1", "2"], ["0", "11"]),
    "TableKmsKeyArn": (
        ["", ARN.format("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab")],
        [ARN.format("kms", "alias/aws/dynamodb"), "*"],
    ),
    "SecretKmsKeyArn": (
        ["", ARN.format("kms", "key/mrk-1234abcd")],
        [ARN.format("kms", "alias/mine"), "*"],
    ),
    "LogLevel": (
        ["info", "keysync=debug,info", "warn,keysync::ledger=trace"],
        ["", "a\nb", "inof", "keysync", "keysync=loud", "info,"],
    ),
    "LogRetentionDays": (["90", "3653"], ["0", "91"]),
    "AlarmTopicArn": (["", ARN.format("sns", "on-call")], ["on-call", "*"]),
}


class Parameters(unittest.TestCase):
    def test_valid_values_are_accepted_and_invalid_rejected(self):
        self.assertEqual(set(VALUES), set(PARAMETERS), "every parameter has examples")
        for name, (valid, invalid) in VALUES.items():
            for value in valid:
                with self.subTest(parameter=name, value=value):
                    self.assertTrue(is_accepted(name, value))
            for value in invalid:
                with self.subTest(parameter=name, value=value):
                    self.assertFalse(is_accepted(name, value))

    def test_each_has_description_and_valid_default(self):
        for name, parameter in PARAMETERS.items():
            with self.subTest(parameter=name):
                self.assertTrue(parameter["Description"].strip())
                if "AllowedPattern" in parameter:
                    self.assertTrue(parameter["ConstraintDescription"].startswith("must be"))
                if "Default" in parameter:
                    self.assertTrue(is_accepted(name, str(parameter["Default"])))

    def test_samconfig_has_valid_values(self):
        config = tomlkit.parse((INFRA / "samconfig.toml").read_text()).unwrap()
        for stage in ["dev", "prod"]:
            with self.subTest(stage=stage):
                overrides = config[stage]["deploy"]["parameters"]["parameter_overrides"]
                self.assertEqual(overrides[0], f"file://account-{stage}.toml")
                example = [f"file://{INFRA / 'account.example.toml'}", *overrides[1:]]
                values = CfnParameterOverridesType().convert(example, None, None)
                self.assertEqual(values["Stage"], stage)
                for name, value in values.items():
                    self.assertTrue(is_accepted(name, value), f"{name}={value}")
                required = {
                    name for name, parameter in PARAMETERS.items() if "Default" not in parameter
                }
                self.assertLessEqual(required, set(values))


# Long values of what the functions' environment refers to: the limit of each if it has one, else
# longer than any in use.
LENGTHS = {
    "AWS::StackName": 128,
    "Table": 128 + len("-Table-1ABCDEFGHIJKL"),
    "MalformedEventQueue": len("https://sqs.ap-southeast-1.amazonaws.com/123456789012/") + 80,
    "SigningKeySecretArn": len(ARN.format("secretsmanager", "secret:")) + 64 + len("-AbCdEf"),
    "ServiceSecretsArn": len(ARN.format("secretsmanager", "secret:")) + 64 + len("-AbCdEf"),
    "IamUrl": 64,
    "IamIssuer": 64,
    "CallerLimit": 7,
}
ENVIRONMENT_BYTES = 4096


def length(value):
    """The length of the longest value of a variable."""
    if isinstance(value, str):
        return len(value)
    if "Fn::Sub" in value:
        fixed, *references = re.split(r"\$\{", value["Fn::Sub"])
        parts = [reference.split("}") for reference in references]
        return len(fixed) + sum(length({"Ref": name}) + len(text) for name, text in parts)
    if "Ref" not in value:  # a mapping
        return 10
    name = value["Ref"]
    parameter = PARAMETERS.get(name, {})
    allowed = max((len(value) for value in parameter.get("AllowedValues", [])), default=100)
    return LENGTHS.get(name, parameter.get("MaxLength", allowed))


class Environment(unittest.TestCase):
    def test_longest_environment_fits_into_lambdas_limit(self):
        template = parse(INFRA / "template.yaml")
        common = template["Globals"]["Function"]["Environment"]["Variables"]
        for name in ["Sync", "Lifecycle", "Redeliver"]:
            variables = {
                **common,
                **template["Resources"][name]["Properties"]["Environment"]["Variables"],
            }
            with self.subTest(function=name):
                size = sum(len(name) + length(value) for name, value in variables.items())
                self.assertLessEqual(size, ENVIRONMENT_BYTES)


if __name__ == "__main__":
    unittest.main()
