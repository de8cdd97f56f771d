"""Serves ministack, an emulated AWS that runs CloudFormation and Lambda, on a port of 127.0.0.1:
`ministack_server.py PORT`.

Adapts ministack 1.5.33 to what AWS does, or leaves out what it does not have:

- The SAM transform gets the values of the stack's parameters, as on AWS; ministack passes none.
- CodeDeploy's resources, alarms and OIDC providers become names without effect: ministack has no
  CodeDeploy, no alarms by metric math, and no OIDC providers in CloudFormation.
"""

import os
import sys
import threading

# Read on import. Otherwise ministack also listens on the fixed port of MQTT.
os.environ.update(GATEWAY_PORT=sys.argv.pop(1), BIND_HOST="127.0.0.1", IOT_MTLS_ENABLED="0")

import samtranslator.translator.transform as sam
from ministack.app import main
from ministack.services.cloudformation import changesets, engine, handlers, provisioners

WITHOUT_EFFECT = [
    "AWS::CloudWatch::Alarm",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::IAM::OIDCProvider",
]
parameters = threading.local()
transform = sam.transform
apply_transforms = engine._apply_transforms


def transform_with_parameters(template, _, policies):
    return transform(template, parameters.values, policies)


def apply_transforms_with_parameters(template, provided=None, previous_params=None):
    values = engine._transform_parameters(template, provided, previous_params)
    parameters.values = {
        "AWS::Region": os.environ["AWS_DEFAULT_REGION"],
        "AWS::Partition": "aws",
        **values,
    }
    return apply_transforms(template, provided, previous_params)


def create(logical_id, _, stack):
    return f"{stack}-{logical_id}", {}


def update(physical_id, *_):
    return physical_id, {}


def delete(*_):
    pass


sam.transform = transform_with_parameters
for module in [engine, changesets, handlers]:
    module._apply_transforms = apply_transforms_with_parameters
for kind in WITHOUT_EFFECT:
    provisioners._RESOURCE_HANDLERS[kind] = {"create": create, "update": update, "delete": delete}
main()
