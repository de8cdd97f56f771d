"""The stack on an emulated AWS: moto creates the template's resources, and the demo runs on the
resulting table.

moto's CloudFormation does not support all resource types; LEFT_OUT lists the others, which only
cfn-lint and the rules check. The pre-traffic check names CodeDeploy's resources, and has its own
test. It ignores time to live, point-in-time recovery and KMS encryption of a table, the
architecture of a function, and reserved and maximum concurrency, and runs no code. `cargo task
infra` starts moto and runs these tests.
"""

import ast
import io
import json
import os
import subprocess
import unittest
import zipfile
from pathlib import Path

import boto3

from translate import REGION, parse, translate

ROOT = Path(__file__).resolve().parents[2]
URL = os.environ["KEYSYNC_TEST_DYNAMODB"]
SECRET = f"arn:aws:secretsmanager:{REGION}:123456789012:secret:keysync-AbCdEf"
PARAMETERS = {
    "Revision": "0123456789-" + "0" * 40,
    "Stage": "prod",
    "Services": '{"cloud-object-storage":{"url":"https://example.com/callbacks"}}',
    "SigningKeySecretArn": SECRET,
}
# Resource types that moto 5.2.5 does not create.
LEFT_OUT = {
    "AWS::CloudWatch::Alarm",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Permission",  # not supported on an alias
    "AWS::Lambda::Url",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::Schedule",
}
DAY = 24 * 60 * 60


def client(service):
    session = boto3.Session(
        aws_access_key_id="none", aws_secret_access_key="none", region_name=REGION
    )
    return session.client(service, endpoint_url=URL)


def without_unsupported_resources(template):
    """The template for moto: references to an alias become its function, and outputs of left-out
    resources are removed.
    """
    resources = template["Resources"]
    gone = {name for name, resource in resources.items() if resource["Type"] in LEFT_OUT} | {
        "PreTraffic",
        "PreTrafficRole",
    }
    text = json.dumps(
        {**template, "Resources": {name: resources[name] for name in resources if name not in gone}}
    )
    text = text.replace('Aliaslive"', '"')
    template = json.loads(text)
    template["Outputs"] = {
        name: output
        for name, output in template["Outputs"].items()
        if not any(name in json.dumps(output) for name in gone)
    }
    return template


def deploy(template):
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("bootstrap", "")  # moto runs no code
    client("s3").create_bucket(Bucket="code")
    client("s3").put_object(Bucket="code", Key="function.zip", Body=code.getvalue())
    parameters = [
        {"ParameterKey": name, "ParameterValue": value} for name, value in PARAMETERS.items()
    ]
    client("cloudformation").create_stack(
        StackName="keysync",
        TemplateBody=json.dumps(template),
        Parameters=parameters,
        Capabilities=["CAPABILITY_IAM"],
    )


class Stack(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.template = without_unsupported_resources(
            translate(parse(ROOT / "infra" / "template.yaml"), PARAMETERS)
        )
        deploy(cls.template)
        made = client("cloudformation").describe_stack_resources(StackName="keysync")[
            "StackResources"
        ]
        cls.made = {
            resource["LogicalResourceId"]: resource.get("PhysicalResourceId") for resource in made
        }
        (stack,) = client("cloudformation").describe_stacks(StackName="keysync")["Stacks"]
        cls.status = stack["StackStatus"]
        cls.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def queue(self, name):
        sqs = client("sqs")
        attributes = sqs.get_queue_attributes(QueueUrl=self.made[name], AttributeNames=["All"])
        return attributes["Attributes"]

    def function(self, name):
        return client("lambda").get_function(FunctionName=self.made[name])["Configuration"]

    def statements(self, role):
        iam = client("iam")
        (policy,) = iam.list_role_policies(RoleName=self.made[role])["PolicyNames"]
        document = iam.get_role_policy(RoleName=self.made[role], PolicyName=policy)[
            "PolicyDocument"
        ]
        # moto stores the document in Python syntax, with None for a statement whose condition is
        # false.
        return {
            statement["Sid"]: statement
            for statement in ast.literal_eval(document)["Statement"]
            if statement
        }

    def test_all_resources_are_created(self):
        self.assertEqual(self.status, "CREATE_COMPLETE")
        self.assertEqual(set(self.made), set(self.template["Resources"]))

    def test_table_matches_definition_and_is_protected(self):
        table = client("dynamodb").describe_table(TableName=self.outputs["TableName"])["Table"]
        defined = json.loads((ROOT / "infra" / "table.json").read_text())
        self.assertEqual(table["KeySchema"], defined["KeySchema"])
        self.assertCountEqual(table["AttributeDefinitions"], defined["AttributeDefinitions"])
        (index,), (defined_index,) = (
            table["GlobalSecondaryIndexes"],
            defined["GlobalSecondaryIndexes"],
        )
        for part in defined_index:
            self.assertEqual(index[part], defined_index[part])
        self.assertEqual(table["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST")
        self.assertTrue(table["DeletionProtectionEnabled"])

    def test_queue_retries_for_longer_than_a_day(self):
        queue = self.queue("EventQueue")
        redrive = json.loads(queue["RedrivePolicy"])
        self.assertEqual(redrive["deadLetterTargetArn"], self.queue("StuckQueue")["QueueArn"])
        visibility = int(queue["VisibilityTimeout"])
        self.assertGreaterEqual(visibility, 6 * self.function("Lifecycle")["Timeout"])
        self.assertGreater(int(redrive["maxReceiveCount"]) * visibility, DAY)
        for name in ["EventQueue", "MalformedEventQueue", "StuckQueue", "UndeliveredQueue"]:
            with self.subTest(queue=name):
                self.assertEqual(int(self.queue(name)["MessageRetentionPeriod"]), 14 * DAY)
                self.assertEqual(self.queue(name)["SqsManagedSseEnabled"], "true")

    def test_rule_routes_known_event_types_only(self):
        schema = json.loads(
            (ROOT / "docs" / "reference" / "lifecycle-event.schema.json").read_text()
        )
        kinds = schema["properties"]["detail-type"]["enum"]
        others = [("kms", "kms.secrets.read"), ("other.source", kinds[0])]
        entries = [
            {"Source": source, "DetailType": kind, "Detail": "{}"}
            for source, kind in [("kms", kind) for kind in kinds] + others
        ]
        for entry in entries:
            client("events").put_events(Entries=[entry])
        arrived = []
        while (
            messages := client("sqs")
            .receive_message(QueueUrl=self.made["EventQueue"], MaxNumberOfMessages=10)
            .get("Messages")
        ):
            arrived += [json.loads(message["Body"])["detail-type"] for message in messages]
        self.assertEqual(sorted(arrived), sorted(kinds))
        (target,) = client("events").list_targets_by_rule(Rule=self.made["EventRule"])["Targets"]
        self.assertEqual(target["Arn"], self.queue("EventQueue")["QueueArn"])
        self.assertEqual(
            target["DeadLetterConfig"]["Arn"], self.queue("UndeliveredQueue")["QueueArn"]
        )

    def test_lifecycle_consumes_batches_of_ten(self):
        (mapping,) = client("lambda").list_event_source_mappings()["EventSourceMappings"]
        self.assertEqual(mapping["EventSourceArn"], self.queue("EventQueue")["QueueArn"])
        self.assertEqual(mapping["BatchSize"], 10)
        self.assertEqual(
            self.function("Lifecycle")["Environment"]["Variables"]["KEYSYNC_DEAD_LETTER_QUEUE"],
            self.made["MalformedEventQueue"],
        )

    def test_functions_are_configured(self):
        for name, seconds in [("Sync", 30), ("Lifecycle", 30), ("Redeliver", 60)]:
            with self.subTest(function=name):
                function = self.function(name)
                self.assertEqual(
                    (function["Runtime"], function["Handler"]), ("provided.al2023", "bootstrap")
                )
                self.assertEqual(function["Timeout"], seconds)
                variables = function["Environment"]["Variables"]
                self.assertEqual(variables["KEYSYNC_TABLE"], self.outputs["TableName"])
                self.assertEqual(variables["KEYSYNC_SIGNING_KEY_SECRET"], SECRET)
                self.assertEqual(
                    variables["KEYSYNC_METRICS_NAMESPACE"],
                    "keysync/keysync",
                    "that of this stack only",
                )
                json.loads(variables["KEYSYNC_SERVICES"])

    def test_roles_name_created_resources(self):
        table = client("dynamodb").describe_table(TableName=self.outputs["TableName"])["Table"][
            "TableArn"
        ]
        for function in ["Sync", "Lifecycle", "Redeliver"]:
            with self.subTest(function=function):
                statements = self.statements(f"{function}Role")
                self.assertEqual(statements["Ledger"]["Resource"], table)
                self.assertEqual(statements["SigningKey"]["Resource"], SECRET)
                (group,) = client("logs").describe_log_groups(
                    logGroupNamePrefix=self.made[f"{function}Logs"]
                )["logGroups"]
                # AWS returns the same ARN as the template; moto omits the `:*`.
                self.assertEqual(statements["Logs"]["Resource"], group["arn"].removesuffix(":*"))
                self.assertEqual(group["retentionInDays"], 90)
        self.assertEqual(self.statements("RedeliverRole")["Due"]["Resource"], f"{table}/index/due")
        lifecycle = self.statements("LifecycleRole")
        self.assertEqual(lifecycle["Events"]["Resource"], self.queue("EventQueue")["QueueArn"])
        self.assertEqual(
            lifecycle["MalformedEvents"]["Resource"], self.queue("MalformedEventQueue")["QueueArn"]
        )

    def test_dashboard_is_valid_json_without_overlaps(self):
        body = client("cloudwatch").get_dashboard(DashboardName=self.made["Dashboard"])[
            "DashboardBody"
        ]
        widgets = json.loads(body)["widgets"]
        places = {(widget["x"], widget["y"]) for widget in widgets}
        self.assertEqual(len(places), len(widgets), "no two widgets overlap")
        self.assertIn(f'"TableName", "{self.outputs["TableName"]}"', body)
        self.assertIn('["keysync/keysync", "PendingAge"', body)
        searches = [
            row[0]["expression"]
            for widget in widgets
            for row in widget["properties"]["metrics"]
            if isinstance(row[0], dict)
        ]
        self.assertTrue(searches)
        for search in searches:
            with self.subTest(search=search):
                # A name with other characters than letters and digits is quoted (CloudWatch user
                # guide, search expressions).
                self.assertTrue(search.startswith("""SEARCH('{"keysync/keysync","""))

    def test_demo_passes_on_the_stacks_table(self):
        name = self.outputs["TableName"]
        demo = [
            "cargo",
            "run",
            "--locked",
            "--quiet",
            "--package",
            "keysync-harness",
            "--",
            "demo",
            "--dynamodb",
            URL,
            "--table",
            name,
        ]
        run = subprocess.run(demo, cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        items = client("dynamodb").scan(TableName=name)["Items"]
        notified = [
            item for item in items if "notified_at" in item and item["sequence"] != {"N": "0"}
        ]
        self.assertTrue(notified, "the demo wrote to this table")


if __name__ == "__main__":
    unittest.main()
