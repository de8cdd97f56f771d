"""One harness for all tests; for each test a client that has logged in, and keys of its own."""

import io
import json
import uuid
from urllib.parse import quote

import pytest
import requests
from harness import Harness
from ibm_cloud_sdk_core import ApiException
from ibm_cloud_sdk_core.authenticators import BearerTokenAuthenticator, IAMAuthenticator
from keyprotect import IbmKeyProtectApiV2

KEYS = "application/vnd.ibm.kms.key+json"
OBJECT_STORAGE = "cloud-object-storage"
DATABASES = "databases-for-postgresql"


@pytest.fixture(scope="session")
def harness():
    with Harness() as running:
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
def kms_as(harness):
    """Makes the public client for somebody with this role, who has a token already."""

    def make(role):
        client = IbmKeyProtectApiV2(authenticator=BearerTokenAuthenticator(harness.token(role)))
        client.set_service_url(harness.about["endpoint"])
        return client

    return make


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


def unique(name):
    """A name that no other test has."""
    return f"{name}-{uuid.uuid4().hex[:12]}"


def collection(kind, *resources):
    return {"metadata": {"collectionType": kind, "collectionTotal": len(resources)}, "resources": resources}


def stream(document):
    """A body as the client wants it: a stream of bytes."""
    return io.BytesIO(json.dumps(document).encode())


def key_body(**fields):
    """The body that makes a key; a root key, where `fields` do not say otherwise."""
    return stream(collection(KEYS, {"type": KEYS, "name": unique("key"), "extractable": False, **fields}))


def result(answer):
    """An answer's JSON. The client leaves it to its caller where the media type is not `application/json`."""
    result = answer.get_result()
    return result.json() if isinstance(result, requests.Response) else result


def resource(answer):
    """The only resource of an answer's collection."""
    document = result(answer)
    (only,) = document["resources"]
    assert document["metadata"]["collectionTotal"] == 1
    return only


def refusal(call, *arguments, **options):
    """The refusal that a call ends with."""
    with pytest.raises(ApiException) as raised:
        call(*arguments, **options)
    return Refusal(raised.value)


class Refusal:
    """A refusal, as the client parsed it."""

    def __init__(self, error):
        self.status = error.status_code
        self.headers = error.http_response.headers
        document = error.http_response.json()
        assert document["metadata"] == {
            "collectionType": "application/vnd.ibm.kms.error+json",
            "collectionTotal": 1,
        }
        (self.resource,) = document["resources"]
        (self.reason,) = self.resource["reasons"]
        assert self.reason["status"] == self.status
        assert self.resource["errorMsg"].endswith(f"({self.reason['code']})")

    @property
    def code(self):
        return self.reason["code"]

    @property
    def message(self):
        return self.reason["message"]
