"""The sync API as a user would write it in Python, for `harness bench --peers`.

`powertools` verifies the token, asks IAM, claims with a conditional write, sends a signed callback
and confirms it. `bare` does only the conditional write and the callback: it calls no IAM, and
delivers nothing again.
"""

import base64
import json
import os
import time
import uuid

import boto3
import jwt
import requests
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver, Response
from aws_lambda_powertools.event_handler.exceptions import ServiceError, UnauthorizedError
from aws_lambda_powertools.metrics import MetricUnit
from boto3.dynamodb.types import TypeDeserializer
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HOUR = 3_600_000
IAM = os.environ["KEYSYNC_IAM_URL"]
ISSUER = os.environ.get("KEYSYNC_IAM_ISSUER", "https://iam.cloud.ibm.com/identity")
TABLE = os.environ["KEYSYNC_TABLE"]
SERVICES = json.loads(os.environ["KEYSYNC_SERVICES"])
SEED = base64.b64decode(os.environ["KEYSYNC_SIGNING_KEY"].split()[0].removeprefix("whsk_"))
SIGNING_KEY = Ed25519PrivateKey.from_private_bytes(SEED[:32])

limits = Config(connect_timeout=1, read_timeout=1.5, retries={"mode": "standard"})
dynamodb = boto3.client("dynamodb", config=limits)
http = requests.Session()
jwks = jwt.PyJWKClient(f"{IAM}/identity/keys")
read = TypeDeserializer().deserialize
logger = Logger(service="sync", level="INFO")
metrics = Metrics(service="sync", namespace="sync")
app = LambdaFunctionUrlResolver()
decisions = {}

CLAIM = (
    "SET notified_at = :now, claim = :claim, #caller = :caller, "
    "#sequence = if_not_exists(#sequence, :zero) + :one, pending = services, outcome = :empty"
)
OPEN = "(attribute_not_exists(notified_at) OR notified_at < :open)"


def verified(authorization):
    """The claims of a valid token."""
    try:
        token = authorization.split(" ", 1)[1]
        key = jwks.get_signing_key_from_jwt(token)
        return token, jwt.decode(token, key.key, algorithms=["RS256"], issuer=ISSUER, leeway=60)
    except (IndexError, jwt.PyJWTError) as error:
        raise UnauthorizedError("UNAUTHORIZED_ERR") from error


def check_access(token, caller, crn):
    """Asks IAM whether the caller may sync the key, unless it is known."""
    permitted_until = decisions.get((caller, crn), 0)
    if permitted_until > time.time():
        return
    subject = {"attributes": {"id": caller, "scope": "ibm openid"}}
    question = [{"subject": subject, "action": "kms.secrets.sync", "resource": {"crn": crn}}]
    headers = {"authorization": f"Bearer {token}"}
    response = http.post(f"{IAM}/v2/authz", json=question, headers=headers, timeout=5)
    response.raise_for_status()
    decision = response.json()["responses"][0]["authorizationDecision"]
    if not decision["permitted"]:
        raise UnauthorizedError("UNAUTHORIZED_ERR")
    decisions[caller, crn] = time.time() + decision["obligation"]["maxCacheAgeSeconds"]


def update(key, condition, effect, values, names=None, returns="ALL_NEW"):
    """A conditional write of a key's item."""
    response = dynamodb.update_item(
        TableName=TABLE,
        Key={"pk": {"S": key}, "sk": {"S": "key"}},
        ConditionExpression=condition,
        UpdateExpression=effect,
        ExpressionAttributeValues=values,
        **({"ExpressionAttributeNames": names} if names else {}),
        ReturnValues=returns,
    )
    item = response.get("Attributes", {})
    return {name: read(value) for name, value in item.items()}


def claim(key, crn, caller, now):
    """Closes the window. `None` if it is closed."""
    values = {
        ":now": {"N": str(now)},
        ":open": {"N": str(now - HOUR)},
        ":claim": {"S": str(uuid.uuid4())},
        ":caller": {"S": caller},
        ":zero": {"N": "0"},
        ":one": {"N": "1"},
        ":empty": {"M": {}},
        ":root": {"S": "root"},
        ":crn": {"S": crn},
    }
    condition = f"crn = :crn AND key_type = :root AND {OPEN}"
    try:
        return update(key, condition, CLAIM, values, {"#caller": "caller", "#sequence": "sequence"})
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return None
        raise


def rfc3339(millis):
    """An instant with three decimals."""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(millis // 1000))}.{millis % 1000:03}Z"


def callback(item, service):
    """Sends a service its signed event."""
    instance, key = item["crn"].rsplit(":key:", 1)
    event_id, version = f"{key}_{item['claim']}_{service}", item["version"]
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": f"{instance}::",
        "type": f"com.ibm.cloud.kms.key.{item['event']['action']}",
        "subject": key,
        "time": rfc3339(int(item["notified_at"])),
        "datacontenttype": "application/json",
        "sequence": f"{int(item['sequence']):020}",
        "data": {
            "keyId": key,
            "keyCrn": item["crn"],
            "keyState": int(item["state"]),
            "keyVersion": {
                "id": version["id"],
                "creationDate": rfc3339(int(version["created_at"])),
            },
            "eventType": item["event"]["action"],
            "renotification": True,
            "occurredAt": rfc3339(int(item["event"]["at"])),
            "service": service,
            "resourceCount": int(item["pending"][service]),
        },
    }
    body, timestamp = json.dumps(event), str(int(time.time()))
    signature = base64.b64encode(SIGNING_KEY.sign(f"{event_id}.{timestamp}.{body}".encode()))
    headers = {
        "content-type": "application/cloudevents+json",
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1a,{signature.decode()}",
    }
    http.post(SERVICES[service]["url"], data=body, headers=headers, timeout=5).raise_for_status()


@app.post("/api/v2/keys/<key>/actions/sync")
def sync(key):
    """The operation."""
    token, claims = verified(app.current_event.headers.get("authorization", ""))
    instance = app.current_event.headers["bluemix-instance"]
    crn = f"crn:v1:bluemix:public:hs-crypto:us-south:a/{claims['account']['bss']}:{instance}"
    crn = f"{crn}:key:{key}"
    check_access(token, claims["iam_id"], crn)
    now = int(time.time() * 1000)
    item = claim(f"{instance}#{key}", crn, claims["iam_id"], now)
    if item is None:
        raise ServiceError(409, "REQ_TOO_EARLY_ERR")
    outcome = {}
    for service in item["pending"]:
        callback(item, service)
        outcome[service] = {"M": {"status": {"S": "delivered"}, "at": {"N": str(now)}}}
    values = {":claim": {"S": item["claim"]}, ":outcome": {"M": outcome}, ":none": {"M": {}}}
    effect = "SET outcome = :outcome, pending = :none"
    update(f"{instance}#{key}", "claim = :claim", effect, values, returns="NONE")
    metrics.add_metric(name="Accepted", unit=MetricUnit.Count, value=1)
    logger.info("sync accepted", key=key, claim=item["claim"], services=len(outcome))
    return Response(status_code=204)


@logger.inject_lambda_context
@metrics.log_metrics
def powertools(event, context):
    """The function with Powertools."""
    return app.resolve(event, context)


def bare(event, _context):
    """The function with a bare conditional write."""
    key = event["rawPath"].split("/")[4]
    pk = f"{event['headers']['bluemix-instance']}#{key}"
    now = int(time.time() * 1000)
    values = {":now": {"N": str(now)}, ":open": {"N": str(now - HOUR)}}
    try:
        item = update(pk, f"attribute_exists(pk) AND {OPEN}", "SET notified_at = :now", values)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return {"statusCode": 409}
        raise
    for service in item["services"]:
        event = {"key": key, "action": item["event"]["action"]}
        http.post(SERVICES[service]["url"], json=event, timeout=5).raise_for_status()
    return {"statusCode": 204}
