"""One harness for all tests. Each test has a logged-in client and its own keys."""

from urllib.parse import quote

import pytest
import requests
from keysync_harness import Harness, HarnessFailed
from ibm_cloud_sdk_core.authenticators import IAMAuthenticator
from keyprotect import IbmKeyProtectApiV2
from support import DATABASES, OBJECT_STORAGE, collection, key_body, resource, unique


@pytest.fixture(scope="session")
def harness():
    try:
        running = Harness()
    except HarnessFailed as error:
        pytest.exit(str(error), returncode=1)
    with running:
        yield running


@pytest.fixture(autouse=True)
def healthy(harness):
    """Removes the faults of a test before the next one."""
    harness.assert_running()
    yield
    harness.assert_running()
    harness.clear_dynamodb_faults()
    harness.set_iam_health("up")
    for service in (OBJECT_STORAGE, DATABASES):
        harness.set_behaviour(service, "act")


@pytest.fixture
def instance(harness):
    """The id of the instance, an argument of every call of the client."""
    return harness.info.instance_id


@pytest.fixture
def client_of(harness):
    """Creates the public client with an API key."""

    def make(api_key):
        client = IbmKeyProtectApiV2(authenticator=IAMAuthenticator(api_key, url=harness.info.iam))
        client.set_service_url(harness.info.endpoint)
        return client

    return make


@pytest.fixture
def kms(harness, client_of):
    """The public client, as a manager of the instance."""
    return client_of(harness.info.api_key)


@pytest.fixture
def kms_as(harness, client_of):
    """Creates the public client for a new identity with this role."""
    return lambda role: client_of(harness.create_identity(role).api_key)


@pytest.fixture
def new_key(kms, instance):
    """Creates a root key and returns its id.

    `ring` is its key ring, and `fields` are further fields.
    """

    def make(ring=None, **fields):
        response = kms.create_key(instance, key_body(**fields), x_kms_key_ring=ring)
        return resource(response)["id"]

    return make


@pytest.fixture
def register(harness, kms, instance):
    """Registers a resource with a key as its service does, because the client has no method for
    that."""

    def make(key, service, name=None, **fields):
        resource = f"{instance}:bucket:{name or unique('bucket')}"
        crn = f"crn:v1:bluemix:public:{service}:us-south:a/abc:{resource}"
        url = f"{harness.info.endpoint}/api/v2/keys/{key}/registrations/{quote(crn, safe='')}"
        token = kms.get_authenticator().token_manager.get_token()
        headers = {"bluemix-instance": instance, "authorization": f"Bearer {token}"}
        kind = "application/vnd.ibm.kms.registration_input+json"
        body = collection(kind, {"preventKeyDeletion": False, **fields})
        response = requests.post(url, json=body, headers=headers, timeout=60)
        assert response.status_code == 201, response.text
        return crn

    return make


@pytest.fixture
def protecting_key(new_key, register):
    """The id of a root key that protects a bucket and a database."""
    key = new_key()
    register(key, OBJECT_STORAGE)
    register(key, DATABASES)
    return key
