"""Callbacks of the real functions, verified with the public libraries of Standard Webhooks,
unmodified.
"""

import asyncio
import base64
import time

import pytest
import requests
import standardwebhooks
import svix.webhooks
from keysync_harness import Harness

OBJECT_STORAGE = "cloud-object-storage"
DATABASES = "databases-for-postgresql"
#: The secrets of object storage, as in a rotation. Databases have none.
SECRETS = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_plJ3nmyCDGBKInavdOK15jsl4tC5VpBz"]
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

LIBRARIES = [
    (standardwebhooks.Webhook, standardwebhooks.WebhookVerificationError),
    (svix.webhooks.Webhook, svix.webhooks.WebhookVerificationError),
]
libraries = pytest.mark.parametrize("library, error", LIBRARIES, ids=["standardwebhooks", "svix"])


@pytest.fixture(scope="module")
def harness():
    with Harness(
        *(f"--symmetric-secret={OBJECT_STORAGE}={secret}" for secret in SECRETS)
    ) as running:
        yield running


@pytest.fixture(scope="module")
def key(harness):
    """A key of whose rotation `lifecycle` has notified the services."""
    key = harness.create_key("invoices", protects=[OBJECT_STORAGE, DATABASES]).id
    form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": harness.info.api_key}
    token = requests.post(f"{harness.info.iam}/identity/token", data=form, timeout=60).json()[
        "access_token"
    ]
    headers = {"authorization": f"Bearer {token}", "bluemix-instance": harness.info.instance_id}
    rotated = requests.post(
        f"{harness.info.endpoint}/api/v2/keys/{key}/actions/rotate", headers=headers, timeout=60
    )
    assert rotated.status_code == 204, rotated.text
    return key


def callback(harness, service, key):
    """Headers and body of the only callback about a key."""
    (received,) = harness.callbacks(service, key=key, at_least=1)
    return received.headers, received.body


@libraries
@pytest.mark.parametrize("secret", SECRETS)
def test_callback_is_verified_with_each_secret(harness, key, library, error, secret):
    headers, body = callback(harness, OBJECT_STORAGE, key)
    library(secret).verify(body, headers)


@libraries
def test_changed_callback_is_rejected(harness, key, library, error):
    headers, body = callback(harness, OBJECT_STORAGE, key)
    for changed_headers, changed_body in [
        (headers, body.replace('"keyState":1', '"keyState":5')),
        (headers, body + " "),
        ({**headers, "webhook-id": headers["webhook-id"] + "x"}, body),
        ({**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}, body),
    ]:
        assert (changed_headers, changed_body) != (headers, body)
        with pytest.raises(error):
            library(SECRETS[0]).verify(changed_body, changed_headers)


@libraries
def test_secret_of_another_service_is_rejected(harness, key, library, error):
    headers, body = callback(harness, OBJECT_STORAGE, key)
    with pytest.raises(error):
        library(OTHER_SECRET).verify(body, headers)


@libraries
def test_callback_without_symmetric_signature_is_rejected(harness, key, library, error):
    headers, body = callback(harness, DATABASES, key)
    with pytest.raises(error):
        library(SECRETS[0]).verify(body, headers)


def test_public_key_verifies_callback_of_any_service(harness, key):
    authweave = pytest.importorskip(
        "authweave_webhooks", reason="authweave-webhooks requires Python 3.12 or later"
    )
    public_key = base64.b64decode(harness.info.callback_public_key.removeprefix("whpk_"))
    document = authweave.PublicKeyDocument(
        version="1",
        environment="test",
        owner="keysync",
        endpoint=DATABASES,
        not_before=0,
        retire_after=None,
        keys=(authweave.Ed25519PublicKey(public_key),),
    )

    def verify(headers, body):
        verifier = authweave.StandardWebhooksVerifier(
            authweave.StaticPublicKeyResolver(document),
            replay_store=NewEachTime(),
            expected_environment="test",
            expected_owner="keysync",
            expected_endpoint=DATABASES,
            time_source=lambda: int(time.time()),
        )
        return asyncio.run(verifier.verify(headers=headers, body=body.encode()))

    headers, body = callback(harness, DATABASES, key)
    assert verify(headers, body).webhook_id == headers["webhook-id"]
    for changed in [body + " ", body.replace('"keyState":1', '"keyState":5')]:
        with pytest.raises(authweave.WebhookVerificationError):
            verify(headers, changed)
    # This library rejects a header with a signature of any other kind.
    with pytest.raises(authweave.WebhookVerificationError):
        verify(*callback(harness, OBJECT_STORAGE, key))


class NewEachTime:
    """A replay store that knows no event: the tests verify the same one repeatedly."""

    async def check_and_store(self, key, *, ttl_seconds):
        import authweave_core

        return authweave_core.ReplayOutcome.STORED
