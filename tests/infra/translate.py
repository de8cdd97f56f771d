"""The template after SAM's transform, as CloudFormation receives it, without an account.

AWS runs the same transform when a stack is deployed. `python3 translate.py TEMPLATE [NAME=VALUE…]`
prints JSON.
"""

import json
import logging
import sys

from cfnlint.decode import cfn_yaml
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

logging.getLogger("samtranslator").setLevel(
    logging.ERROR
)  # it warns about feature toggles that exist on AWS only

REGION = "us-east-1"


class Region:
    """The part of a boto3 session that the transform uses."""

    region_name = REGION


def parse(path):
    """The parsed template, with `!Sub` and other short forms in their long form."""
    return json.loads(json.dumps(cfn_yaml.load(str(path))))


def translate(template, parameters):
    """The transformed `template` with these `parameters`."""
    template = json.loads(json.dumps(template))  # the transform modifies its input
    for function in template["Resources"].values():
        if function["Type"] == "AWS::Serverless::Function":
            # A local folder until `sam deploy` uploads it; the transform requires a bucket.
            function["Properties"]["CodeUri"] = {"Bucket": "code", "Key": "function.zip"}
    values = {"AWS::Region": REGION, "AWS::Partition": "aws", **parameters}
    try:
        return Translator({}, Parser(), boto_session=Region()).translate(template, values)
    except InvalidDocumentException as error:
        raise SystemExit("\n".join(cause.message for cause in error.causes)) from error


if __name__ == "__main__":
    json.dump(
        translate(parse(sys.argv[1]), dict(pair.split("=", 1) for pair in sys.argv[2:])),
        sys.stdout,
        indent=1,
    )
