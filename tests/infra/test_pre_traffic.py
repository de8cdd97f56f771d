"""The pre-traffic check, which is inline code of the template: what it invokes, and what it reports
to CodeDeploy.

botocore's stubs check requests and responses against the definitions of the services. That the
functions respond to the check events as expected is tested in tests/e2e/deployment_matches_code.rs.
"""

import io
import json
import logging
import re
import unittest
from pathlib import Path
from unittest import mock

import boto3
from botocore.response import StreamingBody
from botocore.stub import Stubber

from translate import REGION, parse, translate

TEMPLATE = Path(__file__).resolve().parents[2] / "infra" / "template.yaml"
FUNCTION = parse(TEMPLATE)["Resources"]["PreTraffic"]["Properties"]
EVENT = {"DeploymentId": "d-ABCDEF123", "LifecycleEventHookExecutionId": "hook-1"}
RESPONSES = {
    "Sync": {"statusCode": 200, "body": "{}"},
    "Lifecycle": {"batchItemFailures": []},
    "Redeliver": {"leased": 0, "errors": 0},
}


def environment():
    """The variables of the function, with the names of groups and versions filled in."""
    variables = {}
    for name, value in FUNCTION["Environment"]["Variables"].items():
        text, values = value["Fn::Sub"]
        text = text.replace("${Version}", values["Version"]["Ref"])
        variables[name] = re.sub(r"\$\{(\w+?)DeploymentGroup\}", r"\1-DeploymentGroup", text)
    return variables


class PreTraffic(unittest.TestCase):
    def setUp(self):
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)

    def reported(self, group, response=None, error=None, invokes=True):
        """The status that is reported when the version of `group` responds like this."""
        clients = {
            name: boto3.client(
                name, region_name=REGION, aws_access_key_id="none", aws_secret_access_key="none"
            )
            for name in ["codedeploy", "lambda"]
        }
        codedeploy, functions = (Stubber(clients[name]) for name in ["codedeploy", "lambda"])
        details = {"deploymentInfo": {"deploymentGroupName": group}}
        codedeploy.add_response("get_deployment", details, {"deploymentId": EVENT["DeploymentId"]})
        if invokes:
            body = json.dumps(response).encode()
            invoked = {
                "StatusCode": 200,
                "Payload": StreamingBody(io.BytesIO(body), len(body)),
                **(error or {}),
            }
            function = group.removesuffix("-DeploymentGroup")
            payload = json.dumps(json.loads(environment()[function.upper()])["event"])
            functions.add_response(
                "invoke", invoked, {"FunctionName": f"{function}.Version", "Payload": payload}
            )
        statuses = []
        clients["codedeploy"].put_lifecycle_event_hook_execution_status = lambda **given: (
            statuses.append(given)
        )
        module = {}
        with (
            codedeploy,
            functions,
            mock.patch.dict("os.environ", environment()),
            mock.patch("boto3.client", lambda name, **_: clients[name]),
        ):
            exec(compile(FUNCTION["Code"]["ZipFile"], "index.py", "exec"), module)
            module["handler"](EVENT, None)
            codedeploy.assert_no_pending_responses()
            functions.assert_no_pending_responses()
        (status,) = statuses
        self.assertEqual(
            {**status, "status": None},
            {
                "deploymentId": EVENT["DeploymentId"],
                "lifecycleEventHookExecutionId": "hook-1",
                "status": None,
            },
        )
        return status["status"]

    def test_expected_response_succeeds(self):
        for function, response in RESPONSES.items():
            with self.subTest(function=function):
                self.assertEqual(
                    self.reported(f"{function}-DeploymentGroup", response), "Succeeded"
                )

    def test_function_error_fails(self):
        for function, response in RESPONSES.items():
            with self.subTest(function=function):
                self.assertEqual(
                    self.reported(
                        f"{function}-DeploymentGroup",
                        response,
                        error={"FunctionError": "Unhandled"},
                    ),
                    "Failed",
                )

    def test_unexpected_response_fails(self):
        self.assertEqual(self.reported("Sync-DeploymentGroup", {"statusCode": 500}), "Failed")
        self.assertEqual(
            self.reported(
                "Lifecycle-DeploymentGroup", {"batchItemFailures": [{"itemIdentifier": "1"}]}
            ),
            "Failed",
        )
        self.assertEqual(self.reported("Redeliver-DeploymentGroup", None), "Failed")

    def test_unknown_deployment_group_fails(self):
        self.assertEqual(self.reported("Other-DeploymentGroup", invokes=False), "Failed")

    def test_each_function_is_checked_before_traffic(self):
        resources = translate(parse(TEMPLATE), {"Stage": "prod"})["Resources"]
        self.assertTrue(
            FUNCTION["FunctionName"]["Fn::Sub"].startswith("CodeDeployHook_"),
            "as CodeDeploy's role requires",
        )
        self.assertLess(
            len(FUNCTION["Code"]["ZipFile"]), 4096, "CloudFormation's limit of inline code"
        )
        for function in ["Sync", "Lifecycle", "Redeliver"]:
            with self.subTest(function=function):
                hook = resources[f"{function}Aliaslive"]["UpdatePolicy"][
                    "CodeDeployLambdaAliasUpdate"
                ]
                self.assertEqual(hook["BeforeAllowTrafficHook"], {"Ref": "PreTraffic"})


if __name__ == "__main__":
    unittest.main()
