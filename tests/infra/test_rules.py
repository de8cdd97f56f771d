"""The template complies with infra/rules, and each rule rejects a template that violates it."""

import copy
import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from translate import parse, translate

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "infra" / "template.yaml"
RULES = ROOT / "infra" / "rules"
GUARD = os.environ.get("CFN_GUARD", "cfn-guard")


def failed_rules(template):
    """The rules that the translated `template` violates."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(template, file)
        file.flush()
        command = [
            GUARD,
            "validate",
            "--rules",
            RULES,
            "--data",
            file.name,
            "--show-summary",
            "none",
            "--structured",
            "--output-format",
            "json",
        ]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode not in (0, 19):  # 19: not compliant
        raise AssertionError(f"cfn-guard ended with {run.returncode}: {run.stderr}")
    return {
        rule["Rule"]["name"]
        for report in json.loads(run.stdout)
        for rule in report["not_compliant"]
    }


def properties(template, name):
    return template["Resources"][name]["Properties"]


def statement(template, role, sid):
    statements = properties(template, role)["Policies"][0]["PolicyDocument"]["Statement"]
    return next(found for found in statements if found.get("Sid") == sid)


def conditional(template, role):
    statements = properties(template, role)["Policies"][0]["PolicyDocument"]["Statement"]
    return next(found["Fn::If"][1] for found in statements if "Fn::If" in found)


def alias_url(template):
    template["Resources"]["RedeliverUrl"] = {
        "Type": "AWS::Lambda::Url",
        "Properties": {"TargetFunctionArn": {"Ref": "RedeliverAliaslive"}, "AuthType": "NONE"},
    }


# Violations: the rule that must fail, and the change to the template that violates it.
VIOLATIONS = [
    ("tables_are_encrypted", lambda t: properties(t, "Table").pop("SSESpecification")),
    (
        "tables_are_encrypted",
        lambda t: properties(t, "Table")["SSESpecification"].update(SSEEnabled=False),
    ),
    (
        "tables_have_point_in_time_recovery",
        lambda t: properties(t, "Table").pop("PointInTimeRecoverySpecification"),
    ),
    (
        "tables_have_deletion_protection_in_prod",
        lambda t: properties(t, "Table").update(DeletionProtectionEnabled=False),
    ),
    (
        "tables_have_deletion_protection_in_prod",
        lambda t: properties(t, "Table")["DeletionProtectionEnabled"]["Fn::If"].reverse(),
    ),
    ("queues_are_encrypted", lambda t: properties(t, "StuckQueue").pop("SqsManagedSseEnabled")),
    ("data_is_retained", lambda t: t["Resources"]["Table"].update(DeletionPolicy="Delete")),
    ("data_is_retained", lambda t: t["Resources"]["EventQueue"].pop("UpdateReplacePolicy")),
    (
        "roles_allow_no_action_by_wildcard",
        lambda t: statement(t, "SyncRole", "Ledger").update(Action="dynamodb:*"),
    ),
    (
        "roles_allow_no_action_by_wildcard",
        lambda t: statement(t, "SyncRole", "Ledger")["Action"].append("dynamodb:Batch*"),
    ),
    (
        "roles_allow_no_action_by_wildcard",
        lambda t: conditional(t, "SyncRole").update(Action="kms:*"),
    ),
    (
        "roles_allow_no_action_by_wildcard",
        lambda t: statement(t, "SyncRole", "Logs").update(NotAction="iam:PassRole"),
    ),
    (
        "roles_name_their_resources",
        lambda t: statement(t, "LifecycleRole", "MalformedEvents").update(Resource="*"),
    ),
    ("roles_name_their_resources", lambda t: conditional(t, "RedeliverRole").update(Resource="*")),
    (
        "roles_name_their_resources",
        lambda t: statement(t, "SyncRole", "Ledger").update(Resource=[{"Ref": "Table"}, "*"]),
    ),
    (
        "roles_name_their_resources",
        lambda t: statement(t, "RedeliverRole", "Due").update(
            Resource={"Fn::Sub": "${Table.Arn}/*"}
        ),
    ),
    (
        "roles_name_their_resources",
        lambda t: statement(t, "RedeliverRole", "Due")["Resource"]["Fn::If"][1].update(
            {"Fn::Sub": "${Table.Arn}/*"}
        ),
    ),
    ("roles_name_their_resources", lambda t: statement(t, "SyncRole", "Traces").pop("Sid")),
    (
        "roles_name_their_resources",
        lambda t: statement(t, "PreTrafficRole", "Versions")["Resource"].append(
            {"Fn::Sub": "${PreTraffic.Arn}:*"}
        ),
    ),
    (
        "roles_name_their_resources",
        lambda t: statement(t, "PreTrafficRole", "Deployments")["Resource"].update(
            {"Fn::Sub": "arn:aws:codedeploy:*"}
        ),
    ),
    (
        "wildcard_resource_is_for_traces_only",
        lambda t: statement(t, "SyncRole", "Traces")["Action"].append("sqs:SendMessage"),
    ),
    (
        "roles_have_no_managed_policies",
        lambda t: properties(t, "SyncRole").update(
            ManagedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"]
        ),
    ),
    (
        "roles_are_assumed_by_expected_services_only",
        lambda t: properties(t, "SyncRole")["AssumeRolePolicyDocument"]["Statement"][0].update(
            Principal={"AWS": "*"}
        ),
    ),
    (
        "only_the_function_url_is_public",
        lambda t: properties(t, "SyncUrlPublicPermissions").pop("FunctionUrlAuthType"),
    ),
    ("only_sync_has_a_function_url", alias_url),
    (
        "only_sync_has_a_function_url",
        lambda t: properties(t, "SyncUrl").update(Cors={"AllowOrigins": ["*"]}),
    ),
    (
        "queues_accept_messages_from_the_rule_only",
        lambda t: properties(t, "EventQueuePolicy")["PolicyDocument"]["Statement"][0].update(
            Principal="*"
        ),
    ),
    (
        "queues_accept_messages_from_the_rule_only",
        lambda t: properties(t, "UndeliveredQueuePolicy")["PolicyDocument"]["Statement"][0].pop(
            "Condition"
        ),
    ),
    (
        "logs_have_a_retention_period",
        lambda t: properties(t, "LifecycleLogs").pop("RetentionInDays"),
    ),
    (
        "functions_log_json_to_own_groups",
        lambda t: properties(t, "Sync")["LoggingConfig"].pop("LogGroup"),
    ),
    (
        "functions_log_json_to_own_groups",
        lambda t: properties(t, "Sync")["LoggingConfig"].update(LogFormat="Text"),
    ),
    ("functions_are_traced", lambda t: properties(t, "Redeliver").pop("TracingConfig")),
    ("failed_events_are_kept", lambda t: properties(t, "EventQueue").pop("RedrivePolicy")),
    (
        "failed_events_are_kept",
        lambda t: properties(t, "EventRule")["Targets"][0].pop("DeadLetterConfig"),
    ),
    (
        "failed_events_are_kept",
        lambda t: properties(t, "LifecycleQueue").pop("FunctionResponseTypes"),
    ),
    ("failed_events_are_kept", lambda t: properties(t, "StuckQueue").pop("MessageRetentionPeriod")),
    (
        "alarms_link_the_runbook",
        lambda t: properties(t, "NotificationsFailedAlarm").update(AlarmDescription="No link."),
    ),
    (
        "alarms_link_the_runbook",
        lambda t: properties(t, "NotificationsFailedAlarm").pop("AlarmActions"),
    ),
    (
        "alarms_on_states_keep_their_state",
        lambda t: properties(t, "PendingAgeAlarm").update(TreatMissingData="notBreaching"),
    ),
    (
        "alarms_on_states_keep_their_state",
        lambda t: properties(t, "StuckEventsAlarm").pop("TreatMissingData"),
    ),
    (
        "alarms_on_past_events_report_no_end",
        lambda t: properties(t, "NotificationsFailedAlarm").update(OKActions=["arn"]),
    ),
    (
        "deployments_roll_back",
        lambda t: properties(t, "SyncDeploymentGroup")["AutoRollbackConfiguration"].update(
            Enabled=False
        ),
    ),
    (
        "deployments_roll_back",
        lambda t: properties(t, "RedeliverDeploymentGroup").pop("AlarmConfiguration"),
    ),
    (
        "deployments_roll_back",
        lambda t: t["Resources"]["SyncAliaslive"]["UpdatePolicy"][
            "CodeDeployLambdaAliasUpdate"
        ].pop("BeforeAllowTrafficHook"),
    ),
]


class Rules(unittest.TestCase):
    def setUp(self):
        self.template = translate(
            parse(TEMPLATE), {"Stage": "prod", "Revision": "0123456789-" + "0" * 40}
        )

    def test_template_complies_with_all_rules(self):
        self.assertEqual(failed_rules(self.template), set())

    def test_each_violation_fails_its_rule(self):
        for number, (rule, violate) in enumerate(VIOLATIONS):
            with self.subTest(rule=rule, number=number):
                broken = copy.deepcopy(self.template)
                violate(broken)
                self.assertIn(rule, failed_rules(broken))

    def test_each_rule_has_a_violation(self):
        text = "".join(file.read_text() for file in sorted(RULES.glob("*.guard")))
        self.assertEqual(
            set(re.findall(r"^rule (\w+)", text, re.MULTILINE)), {rule for rule, _ in VIOLATIONS}
        )


RUNBOOK = ROOT / "docs" / "how-to" / "operate.md"


class Runbook(unittest.TestCase):
    def test_each_alarm_links_a_runbook_paragraph(self):
        headings = re.findall(r"^#+ (.+)$", RUNBOOK.read_text(), re.MULTILINE)
        anchors = {
            re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings
        }
        for name, resource in parse(TEMPLATE)["Resources"].items():
            if resource["Type"] == "AWS::CloudWatch::Alarm":
                with self.subTest(alarm=name):
                    self.assertIn(resource["Properties"]["AlarmDescription"].split("#")[1], anchors)


if __name__ == "__main__":
    unittest.main()
