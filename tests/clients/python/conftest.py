"""One harness for all tests; for each test a client that has logged in, and keys of its own."""

from urllib.parse import quote

import pytest
import requests
from harness import Harness, HarnessFailed
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
    """No test finds what another one has broken."""
    harness.must_run()
    yield
    harness.must_run()
    harness.control("DELETE", "/dynamodb/faults")
    harness.iam_is("up")
    for service in (OBJECT_STORAGE, DATABASES):
        harness.behaves(service, "act")


@pytest.fixture
def instance(harness):
    """The id of the instance: the first thing that each call of the client takes."""
    return harness.about["instance_id"]


@pytest.fixture
def client_of(harness):
    """Makes the public client for somebody with an API key, whom IAM gives a token."""

    def make(api_key):
        client = IbmKeyProtectApiV2(authenticator=IAMAuthenticator(api_key, url=harness.about["iam"]))
        client.set_service_url(harness.about["endpoint"])
        return client

    return make


@pytest.fixture
def kms(harness, client_of):
    """The public client, as a manager of the instance."""
    return client_of(harness.about["api_key"])


@pytest.fixture
def kms_as(harness, client_of):
    """Makes the public client, as somebody new with this role."""
    return lambda role: client_of(harness.somebody(role)["api_key"])


@pytest.fixture
def new_key(kms, instance):
    """Makes a root key and returns its id. `ring` is that of the key; what else is given are its fields."""

    def make(ring=None, **fields):
        answer = kms.create_key(instance, key_body(**fields), x_kms_key_ring=ring)
        return resource(answer)["id"]

    return make


@pytest.fixture
def register(harness, kms, instance):
    """Registers a resource with a key, as its service does. The client has no method for that."""

    def make(key, service, name=None, **fields):
        crn = f"crn:v1:bluemix:public:{service}:us-south:a/abc:{instance}:bucket:{name or unique('bucket')}"
        url = f"{harness.about['endpoint']}/api/v2/keys/{key}/registrations/{quote(crn, safe='')}"
        token = kms.get_authenticator().token_manager.get_token()
        headers = {"bluemix-instance": instance, "authorization": f"Bearer {token}"}
        kind = "application/vnd.ibm.kms.registration_input+json"
        body = collection(kind, {"preventKeyDeletion": False, **fields})
        answer = requests.post(url, json=body, headers=headers, timeout=60)
        assert answer.status_code == 201, answer.text
        return crn

    return make


@pytest.fixture
def protecting_key(new_key, register):
    """The id of a root key that protects a bucket and a database."""
    key = new_key()
    register(key, OBJECT_STORAGE)
    register(key, DATABASES)
    return key
