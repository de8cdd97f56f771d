"""The revision moves the published versions of all functions with each change of what they run
with, and only then.
"""

import re
import sys
import unittest
from pathlib import Path

from translate import parse, translate

INFRA = Path(__file__).resolve().parents[2] / "infra"
sys.path.insert(0, str(INFRA))
import operations  # noqa: E402

TEMPLATE = (INFRA / "template.yaml").read_text()
PARSED = parse(INFRA / "template.yaml")
DEFAULTS = operations.defaults(TEMPLATE)
BINARIES = {name: name.encode() for name in operations.FUNCTIONS}
PARAMETERS = {
    **{name: value for name, value in DEFAULTS.items() if name != operations.REVISION},
    "Stage": "prod",
    "Services": "{}",
    "SigningKeySecretArn": "arn",
}


def revision(template=TEMPLATE, parameters=None, binaries=None, versions=None):
    content = operations.content(template, parameters or PARAMETERS, binaries or BINARIES)
    return operations.revision(content, versions or {operations.SECRET: "v1"})


def versions(text):
    """The logical id of each function's version in the template that CloudFormation gets."""
    resources = translate(PARSED, {**PARAMETERS, operations.REVISION: text})["Resources"]
    return {
        resource["Properties"]["FunctionName"]["Ref"]: name
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Lambda::Version"
    }


class Revision(unittest.TestCase):
    def assert_all_versions_move(self, changed):
        before, after = versions(revision()), versions(changed)
        self.assertEqual(set(before), {"Sync", "Lifecycle", "Redeliver"})
        for function, version in before.items():
            self.assertNotEqual(version, after[function], function)

    def test_unchanged_inputs_keep_all_versions(self):
        self.assertEqual(
            revision(),
            revision(parameters=dict(reversed(PARAMETERS.items())), binaries=dict(BINARIES)),
        )
        self.assertEqual(versions(revision()), versions(revision()))

    def test_each_parameter_moves_all_versions(self):
        for name, value in PARAMETERS.items():
            with self.subTest(parameter=name):
                self.assert_all_versions_move(
                    revision(parameters={**PARAMETERS, name: f"{value}1"})
                )

    def test_each_mapping_value_moves_all_versions(self):
        mappings = TEMPLATE.split("\nMappings:\n")[1].split("\nConditions:")[0]
        without_comments = re.sub(r"#.*", lambda comment: " " * len(comment[0]), mappings)
        places = list(re.finditer(r"(?<=: )[A-Za-z0-9]+(?=[,} ])", without_comments))
        values = [
            str(value)
            for mapping in PARSED["Mappings"].values()
            for second in mapping.values()
            for value in second.values()
        ]
        self.assertEqual([place[0] for place in places], values)
        for place in places:
            with self.subTest(value=place[0]):
                changed = mappings[: place.start()] + place[0] + "1" + mappings[place.end() :]
                self.assert_all_versions_move(
                    revision(template=TEMPLATE.replace(mappings, changed))
                )

    def test_each_binary_moves_all_versions(self):
        for name in BINARIES:
            with self.subTest(function=name):
                self.assert_all_versions_move(revision(binaries={**BINARIES, name: b"changed"}))

    def test_new_signing_key_moves_all_versions(self):
        changed = revision(versions={operations.SECRET: "v2"})
        self.assert_all_versions_move(changed)
        symmetric = {operations.SECRET: "v1", operations.SERVICE_SECRETS: "v1"}
        self.assert_all_versions_move(revision(versions=symmetric))
        self.assertNotEqual(
            revision(versions=symmetric),
            revision(versions={**symmetric, operations.SERVICE_SECRETS: "v2"}),
        )
        self.assertEqual(
            operations.content_of(changed),
            operations.content_of(revision()),
            "a rotation keeps the content",
        )

    def test_revision_reaches_description_and_environment(self):
        """Lambda publishes no version of a function that is the same as its last version."""
        wanted = revision()
        resources = translate(PARSED, {**PARAMETERS, operations.REVISION: wanted})["Resources"]
        for name in ["Sync", "Lifecycle", "Redeliver"]:
            with self.subTest(function=name):
                properties = resources[name]["Properties"]
                self.assertTrue(properties["Description"].endswith(wanted))
                self.assertEqual(
                    properties["Environment"]["Variables"]["KEYSYNC_REVISION"],
                    {"Ref": operations.REVISION},
                )

    def test_revision_has_the_form_of_the_parameter(self):
        self.assertRegex(revision(), PARSED["Parameters"][operations.REVISION]["AllowedPattern"])

    def test_defaults_are_those_of_the_template(self):
        expected = {
            name: str(parameter["Default"]) if "Default" in parameter else None
            for name, parameter in PARSED["Parameters"].items()
        }
        self.assertEqual(DEFAULTS, expected)


if __name__ == "__main__":
    unittest.main()
