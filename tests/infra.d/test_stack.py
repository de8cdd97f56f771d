"""The stack on an emulated AWS: moto makes the template's resources, and the story runs on the table that came of it.

moto's CloudFormation does not know all types; LEFT_OUT names those, which cfn-lint and the rules alone look at. Of what it
knows it makes no time to live, no point-in-time recovery and no encryption by KMS of a table, no architecture of a
function, and no reserved or greatest concurrency; it runs no code.
Run by `tests/infra`, which starts moto.
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
    "Stage": "prod",
    "Callbacks": '{"cloud-object-storage":"https://example.com/callbacks"}',
    "SigningKeySecretArn": SECRET,
}
# What moto 5.2.5 makes no resource of.
LEFT_OUT = {
    "AWS::CloudWatch::Alarm",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Permission",  # it knows some, but not on an alias
    "AWS::Lambda::Url",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::Schedule",
}
DAY = 24 * 60 * 60


def client(service):
    session = boto3.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name=REGION)
    return session.client(service, endpoint_url=URL)


def without_what_is_left_out(template):
    """The template for moto. Who refers to an alias gets its function, and what else refers to nothing goes."""
    resources = template["Resources"]
    gone = {name for name, resource in resources.items() if resource["Type"] in LEFT_OUT}
    text = json.dumps({**template, "Resources": {name: resources[name] for name in resources if name not in gone}})
    text = text.replace('Aliaslive"', '"')
    template = json.loads(text)
    template["Outputs"] = {
        name: output for name, output in template["Outputs"].items() if not any(name in json.dumps(output) for name in gone)
    }
    return template


def deploy(template):
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("bootstrap", "")  # moto runs no code
    client("s3").create_bucket(Bucket="code")
    client("s3").put_object(Bucket="code", Key="function.zip", Body=code.getvalue())
    parameters = [{"ParameterKey": name, "ParameterValue": value} for name, value in PARAMETERS.items()]
    client("cloudformation").create_stack(
        StackName="keysync", TemplateBody=json.dumps(template), Parameters=parameters, Capabilities=["CAPABILITY_IAM"]
    )


class Stack(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.template = without_what_is_left_out(translate(parse(ROOT / "infra" / "template.yaml"), PARAMETERS))
        deploy(cls.template)
        made = client("cloudformation").describe_stack_resources(StackName="keysync")["StackResources"]
        cls.made = {resource["LogicalResourceId"]: resource.get("PhysicalResourceId") for resource in made}
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
        document = iam.get_role_policy(RoleName=self.made[role], PolicyName=policy)["PolicyDocument"]
        # moto keeps the document as Python prints it, with None for a statement whose condition does not hold.
        return {statement["Sid"]: statement for statement in ast.literal_eval(document)["Statement"] if statement}

    def test_all_is_made(self):
        self.assertEqual(self.status, "CREATE_COMPLETE")
        self.assertEqual(set(self.made), set(self.template["Resources"]))

    def test_the_table_is_the_defined_one_and_protected(self):
        table = client("dynamodb").describe_table(TableName=self.outputs["TableName"])["Table"]
        defined = json.loads((ROOT / "infra" / "table.json").read_text())
        self.assertEqual(table["KeySchema"], defined["KeySchema"])
        self.assertCountEqual(table["AttributeDefinitions"], defined["AttributeDefinitions"])
        (index,), (defined_index,) = table["GlobalSecondaryIndexes"], defined["GlobalSecondaryIndexes"]
        for part in defined_index:
            self.assertEqual(index[part], defined_index[part])
        self.assertEqual(table["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST")
        self.assertTrue(table["DeletionProtectionEnabled"])

    def test_the_queue_outlasts_an_hour_and_a_days_outage(self):
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

    def test_the_rule_takes_each_kind_of_event_and_no_other(self):
        schema = json.loads((ROOT / "docs" / "reference" / "lifecycle-event.schema.json").read_text())
        kinds = schema["properties"]["detail-type"]["enum"]
        others = [("kms", "kms.secrets.read"), ("somebody.else", kinds[0])]
        entries = [
            {"Source": source, "DetailType": kind, "Detail": "{}"}
            for source, kind in [("kms", kind) for kind in kinds] + others
        ]
        for entry in entries:
            client("events").put_events(Entries=[entry])
        arrived = []
        while messages := client("sqs").receive_message(QueueUrl=self.made["EventQueue"], MaxNumberOfMessages=10).get("Messages"):
            arrived += [json.loads(message["Body"])["detail-type"] for message in messages]
        self.assertEqual(sorted(arrived), sorted(kinds))
        (target,) = client("events").list_targets_by_rule(Rule=self.made["EventRule"])["Targets"]
        self.assertEqual(target["Arn"], self.queue("EventQueue")["QueueArn"])
        self.assertEqual(target["DeadLetterConfig"]["Arn"], self.queue("UndeliveredQueue")["QueueArn"])

    def test_lifecycle_takes_batches_and_reports_what_failed(self):
        (mapping,) = client("lambda").list_event_source_mappings()["EventSourceMappings"]
        self.assertEqual(mapping["EventSourceArn"], self.queue("EventQueue")["QueueArn"])
        self.assertEqual(mapping["BatchSize"], 10)
        self.assertEqual(self.function("Lifecycle")["Environment"]["Variables"]["KEYSYNC_DEAD_LETTER_QUEUE"],
                         self.made["MalformedEventQueue"])

    def test_the_functions_are_configured(self):
        for name, seconds in [("Sync", 30), ("Lifecycle", 30), ("Redeliver", 60)]:
            with self.subTest(function=name):
                function = self.function(name)
                self.assertEqual((function["Runtime"], function["Handler"]), ("provided.al2023", "bootstrap"))
                self.assertEqual(function["Timeout"], seconds)
                variables = function["Environment"]["Variables"]
                self.assertEqual(variables["KEYSYNC_TABLE"], self.outputs["TableName"])
                self.assertEqual(variables["KEYSYNC_SIGNING_KEY_SECRET"], SECRET)
                json.loads(variables["KEYSYNC_CALLBACKS"])

    def test_the_roles_name_what_was_made(self):
        table = client("dynamodb").describe_table(TableName=self.outputs["TableName"])["Table"]["TableArn"]
        for function in ["Sync", "Lifecycle", "Redeliver"]:
            with self.subTest(function=function):
                statements = self.statements(f"{function}Role")
                self.assertEqual(statements["Ledger"]["Resource"], table)
                self.assertEqual(statements["SigningKey"]["Resource"], SECRET)
                (group,) = client("logs").describe_log_groups(logGroupNamePrefix=self.made[f"{function}Logs"])["logGroups"]
                # AWS says the same as in its description; moto leaves out the `:*`.
                self.assertEqual(statements["Logs"]["Resource"], group["arn"].removesuffix(":*"))
                self.assertEqual(group["retentionInDays"], 90)
        self.assertEqual(self.statements("RedeliverRole")["Due"]["Resource"], f"{table}/index/due")
        lifecycle = self.statements("LifecycleRole")
        self.assertEqual(lifecycle["Events"]["Resource"], self.queue("EventQueue")["QueueArn"])
        self.assertEqual(lifecycle["MalformedEvents"]["Resource"], self.queue("MalformedEventQueue")["QueueArn"])

    def test_the_dashboard_can_be_read(self):
        body = client("cloudwatch").get_dashboard(DashboardName=self.made["Dashboard"])["DashboardBody"]
        widgets = json.loads(body)["widgets"]
        places = {(widget["x"], widget["y"]) for widget in widgets}
        self.assertEqual(len(places), len(widgets), "none covers another")
        self.assertIn(f'"TableName", "{self.outputs["TableName"]}"', body)

    def test_the_story_runs_on_its_table(self):
        name = self.outputs["TableName"]
        demo = ["cargo", "run", "--locked", "--quiet", "--package", "keysync-harness", "--", "demo", "--dynamodb", URL, "--table", name]
        run = subprocess.run(demo, cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        items = client("dynamodb").scan(TableName=name)["Items"]
        notified = [item for item in items if "notified_at" in item and item["sequence"] != {"N": "0"}]
        self.assertTrue(notified, "and nowhere else")


if __name__ == "__main__":
    unittest.main()
