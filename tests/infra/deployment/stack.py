"""The stack of `infra/template.yaml` on ministack."""

import copy
import io
import json
import zipfile

from translate import translate

BUCKET = "code"
NAMES = ("sync", "lifecycle", "redeliver")


def package(binaries):
    """The deployment package of each function, as `cargo lambda build` makes it."""
    packages = {}
    for name in NAMES:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
            entry = zipfile.ZipInfo("bootstrap")
            entry.external_attr = 0o755 << 16
            package.writestr(entry, (binaries / name).read_bytes(), zipfile.ZIP_DEFLATED, 1)
        packages[name] = archive.getvalue()
    return packages


def upload(aws, packages):
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for name, package in packages.items():
        s3.put_object(Bucket=BUCKET, Key=f"{name}.zip", Body=package)


def adapted(template, parameters):
    """The template after SAM's transform, for callbacks and IAM on loopback.

    `ministack_server.py` says what else differs from AWS.
    """
    template = copy.deepcopy(template)
    for name in ("Services", "IamUrl", "IamIssuer"):
        template["Parameters"][name].pop("AllowedPattern")  # requires https
    template["Globals"]["Function"]["Environment"]["Variables"]["KEYSYNC_LOOPBACK_TEST_MODE"] = "on"
    template = translate(template, parameters)
    resources = template["Resources"]
    for name in NAMES:
        resources[name.capitalize()]["Properties"]["Code"] = {
            "S3Bucket": BUCKET,
            "S3Key": f"{name}.zip",
        }
    for resource in resources.values():
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            # ministack passes a parameter of type Number as a string, which the mapping rejects.
            resource["Properties"]["ScalingConfig"] = {
                "MaximumConcurrency": int(parameters["LifecycleConcurrency"])
            }
    return template


class Stack:
    """A stack that was created."""

    def __init__(self, aws, name, template, parameters):
        self.aws, self.name = aws, name
        self.cloudformation = aws.client("cloudformation")
        self.cloudformation.create_stack(StackName=name, **self._request(template, parameters))
        self._wait("stack_create_complete")

    def update(self, template, parameters):
        self.cloudformation.update_stack(StackName=self.name, **self._request(template, parameters))
        self._wait("stack_update_complete")

    def _request(self, template, parameters):
        # A template in the request may have 51,200 bytes at most.
        key = f"{self.name}.json"
        self.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps(template).encode())
        values = [
            {"ParameterKey": name, "ParameterValue": str(value)}
            for name, value in parameters.items()
        ]
        url = f"{self.aws.url}/{BUCKET}/{key}"
        return {"TemplateURL": url, "Parameters": values, "Capabilities": ["CAPABILITY_IAM"]}

    def _wait(self, waiter):
        try:
            self.cloudformation.get_waiter(waiter).wait(
                StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
            )
        except Exception as error:
            events = self.cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
            failed = [
                f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"
                for event in events
                if "FAILED" in event["ResourceStatus"]
            ]
            raise AssertionError(f"{self.name}: {error}\n" + "\n".join(failed)) from error

    def delete(self):
        self.cloudformation.delete_stack(StackName=self.name)

    def outputs(self):
        stack = self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def resource(self, logical_id):
        found = self.cloudformation.describe_stack_resource(
            StackName=self.name, LogicalResourceId=logical_id
        )
        return found["StackResourceDetail"]["PhysicalResourceId"]
