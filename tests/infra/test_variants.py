"""What docs/how-to/deployment-variants.md adds to the template is valid, and the deployer's role
covers the template.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from cfnlint.decode import cfn_yaml

from translate import parse, translate

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "how-to" / "deployment-variants.md").read_text()
TEMPLATE = ROOT / "infra" / "template.yaml"
DEPLOYER = ROOT / "infra" / "deployer.yaml"
WORKFLOW = ROOT / "infra" / "deploy-workflow.example.yaml"
CFN_LINT = Path(os.environ["INFRA_TOOLS"]) / "bin" / "cfn-lint"
# What a deployment does with resources of a type: an action of the deployer's policy.
ACTIONS = {
    "AWS::CloudWatch::Alarm": "cloudwatch:PutMetricAlarm",
    "AWS::CloudWatch::Dashboard": "cloudwatch:PutDashboard",
    "AWS::CodeDeploy::Application": "codedeploy:CreateApplication",
    "AWS::CodeDeploy::DeploymentGroup": "codedeploy:CreateDeploymentGroup",
    "AWS::DynamoDB::Table": "dynamodb:CreateTable",
    "AWS::Events::Rule": "events:PutRule",
    "AWS::IAM::Role": "iam:CreateRole",
    "AWS::Lambda::Alias": "lambda:CreateAlias",
    "AWS::Lambda::EventInvokeConfig": "lambda:PutFunctionEventInvokeConfig",
    "AWS::Lambda::EventSourceMapping": "lambda:CreateEventSourceMapping",
    "AWS::Lambda::Function": "lambda:CreateFunction",
    "AWS::Lambda::Permission": "lambda:AddPermission",
    "AWS::Lambda::Url": "lambda:CreateFunctionUrlConfig",
    "AWS::Lambda::Version": "lambda:PublishVersion",
    "AWS::Logs::LogGroup": "logs:CreateLogGroup",
    "AWS::SQS::Queue": "sqs:CreateQueue",
    "AWS::SQS::QueuePolicy": "sqs:SetQueueAttributes",
    "AWS::Scheduler::Schedule": "scheduler:CreateSchedule",
}
# Commands of infra/operations.py and infra/deploy, and the action that each needs.
COMMANDS = {
    "cloudformation:DescribeStacks",
    "cloudformation:GetTemplate",
    "lambda:GetAccountSettings",
    "secretsmanager:DescribeSecret",
}
MAX_POLICY_CHARACTERS = 6144


def section(title):
    """The YAML blocks of a section, parsed."""
    text = re.split(rf"^## {title}$", PAGE, maxsplit=1, flags=re.MULTILINE)[1].split("\n## ")[0]
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    return [json.loads(json.dumps(cfn_yaml.loads(block))) for block in blocks]


def lint(template):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(template, file)
        file.flush()
        # Warnings are about what a variant or the transform leaves unused.
        options = ["--non-zero-exit-code", "error", "--template", file.name]
        return subprocess.run(
            [sys.executable, CFN_LINT, *options], capture_output=True, text=True, check=False
        )


class Variants(unittest.TestCase):
    def setUp(self):
        self.template = parse(TEMPLATE)

    def test_vpc_and_endpoints_reach_all_functions(self):
        (vpc,), (endpoints,) = section("VPC"), section("FIPS and dual-stack endpoints")
        common = self.template["Globals"]["Function"]
        common.update(vpc)
        common["Environment"]["Variables"].update(endpoints)
        resources = translate(self.template, {"Stage": "prod"})["Resources"]
        for function in ["Sync", "Lifecycle", "Redeliver"]:
            with self.subTest(function=function):
                properties = resources[function]["Properties"]
                self.assertEqual(properties["VpcConfig"], vpc["VpcConfig"])
                self.assertLessEqual(
                    endpoints.items(), properties["Environment"]["Variables"].items()
                )

    def test_managed_instances_are_valid(self):
        resources, properties = section("Lambda Managed Instances")
        self.template["Resources"].update(resources)
        del self.template["Resources"]["Sync"]["Properties"]["ReservedConcurrentExecutions"]
        self.template["Resources"]["Sync"]["Properties"].update(properties)
        translated = translate(self.template, {"Stage": "prod"})
        resources = translated["Resources"]
        self.assertEqual(resources["Instances"]["Type"], "AWS::Lambda::CapacityProvider")
        self.assertIn("CapacityProviderConfig", resources["Sync"]["Properties"])
        done = lint(translated)
        self.assertEqual(done.returncode, 0, done.stdout)


class Workflow(unittest.TestCase):
    def check(self, text):
        packages = os.environ["CHECK_JSONSCHEMA"]
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(text)
            file.flush()
            return subprocess.run(
                [
                    sys.executable,
                    f"{packages}/bin/check-jsonschema",
                    "--builtin-schema",
                    "vendor.github-workflows",
                    file.name,
                ],
                capture_output=True,
                text=True,
                check=False,
                env={**os.environ, "PYTHONPATH": packages},
            )

    def test_actions_are_pinned_to_commits(self):
        for workflow in [WORKFLOW, *(ROOT / ".github" / "workflows").glob("*.yml")]:
            used = re.findall(r"uses: *(.*)", workflow.read_text())
            self.assertTrue(used, workflow)
            for action in used:
                with self.subTest(workflow=workflow.name, action=action):
                    self.assertRegex(action, r"^[\w/-]+@[0-9a-f]{40} # v[0-9.]+$")

    def test_example_has_the_form_of_a_workflow(self):
        text = WORKFLOW.read_text()
        done = self.check(text)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotEqual(self.check(text.replace("runs-on:", "runs:")).returncode, 0)

    def test_example_names_existing_things(self):
        text = WORKFLOW.read_text()
        self.assertIn("infra/deploy prod --build --yes", text)
        self.assertIn("environment: prod", text)
        self.assertEqual(parse(DEPLOYER)["Parameters"]["Environment"]["Default"], "prod")


class Deployer(unittest.TestCase):
    def setUp(self):
        resources = parse(DEPLOYER)["Resources"].values()
        self.policies = [
            [
                statement.get("Fn::If", [None, statement])[1]
                for statement in resource["Properties"]["PolicyDocument"]["Statement"]
            ]
            for resource in resources
            if resource["Type"] == "AWS::IAM::ManagedPolicy"
        ]
        self.statements = [statement for policy in self.policies for statement in policy]
        self.actions = {
            action
            for statement in self.statements
            for action in (
                [statement["Action"]]
                if isinstance(statement["Action"], str)
                else statement["Action"]
            )
        }

    def test_template_is_valid(self):
        done = lint(parse(DEPLOYER))
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_policy_allows_every_resource_type(self):
        resources = translate(parse(TEMPLATE), {"Stage": "prod"})["Resources"].values()
        self.assertEqual({resource["Type"] for resource in resources}, set(ACTIONS))
        self.assertLessEqual({*ACTIONS.values(), *COMMANDS}, self.actions)

    def test_policy_names_actions_and_resources(self):
        for statement in self.statements:
            with self.subTest(statement=statement["Sid"]):
                self.assertNotIn("*", json.dumps(statement["Action"]))
                if statement["Resource"] == "*":
                    self.assertIn(statement["Sid"], {"EventSourceMapping", "Account"})

    def test_policy_is_within_the_limit_of_iam(self):
        longest = parse(DEPLOYER)["Parameters"]["StackName"]["AllowedPattern"]
        name = "a" * (1 + int(re.search(r",(\d+)}", longest)[1]))
        values = {
            "AWS::Partition": "aws-us-gov",
            "AWS::Region": "us-gov-west-1",
            "AWS::AccountId": "1" * 12,
            "StackName": name,
        }
        for policy in self.policies:
            text = json.dumps(policy, separators=(",", ":"))
            for variable, value in values.items():
                text = text.replace("${" + variable + "}", value)
            with self.subTest(policy=policy[0]["Sid"]):
                self.assertLess(
                    len(text.replace('{"Fn::Sub":', "").replace('"}', '"')), MAX_POLICY_CHARACTERS
                )


if __name__ == "__main__":
    unittest.main()
