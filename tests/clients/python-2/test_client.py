"""The public Python client, version 2, which logs in at /oidc/token and always sends JSON."""

import uuid

import keyprotect
import pytest
from keysync_harness import Harness, HarnessFailed
from keyprotect import bxauth

OBJECT_STORAGE = "cloud-object-storage"


@pytest.fixture(scope="module")
def harness():
    try:
        running = Harness()
    except HarnessFailed as error:
        pytest.exit(str(error), returncode=1)
    with running:
        yield running


@pytest.fixture
def client_of(harness):
    """Creates the client with an API key."""

    def make(api_key):
        return keyprotect.Client(
            credentials=bxauth.TokenManager(api_key=api_key, iam_endpoint=harness.info.iam),
            service_instance_id=harness.info.instance_id,
            endpoint_url=harness.info.endpoint,
        )

    return make


@pytest.fixture
def kms(harness, client_of):
    return client_of(harness.info.api_key)


def new_name():
    return f"key-{uuid.uuid4().hex[:12]}"


def status_of(call, *arguments):
    with pytest.raises(Exception) as raised:
        call(*arguments)
    return raised.value.http_error.response.status_code


def test_key_lifecycle_works(harness, kms):
    key = kms.create_key(new_name(), root=True)["id"]
    assert key in [each["id"] for each in kms.list_keys()]
    assert kms.get_key(key)["state"] == 1

    wrapped = kms.wrap(key, b"a data key")
    kms.rotate_key(key)
    assert kms.unwrap(key, wrapped["ciphertext"]) == b"a data key"
    assert kms.rewrap(key, wrapped["ciphertext"])["ciphertext"] != wrapped["ciphertext"]

    kms.disable_key(key)
    harness.advance_clock("31s")
    kms.enable_key(key)
    kms.delete_key(key)
    harness.advance_clock("31s")
    kms.restore_key(key)
    assert kms.get_key(key)["state"] == 1


def test_second_sync_within_an_hour_returns_409(harness, kms):
    key = harness.create_key(new_name(), protects=[OBJECT_STORAGE]).id
    kms.sync_associated_resources(key)
    assert status_of(kms.sync_associated_resources, key) == 409
    assert len(harness.events(OBJECT_STORAGE, key)) == 1


def test_purge_requires_purge_role(harness, client_of):
    kms = client_of(harness.create_identity("manager", "key-purge").api_key)
    key = kms.create_key(new_name(), root=True)["id"]
    kms.delete_key(key)
    assert status_of(kms.purge_key, key) == 409
    harness.advance_clock("4h")
    kms.purge_key(key)
    assert status_of(kms.get_key, key) == 404


def test_disabled_policies_keep_their_attributes(kms):
    kms.set_instance_allowed_network_policy(False, "private-only")
    kms.set_instance_key_create_import_access_policy(False, True, False, True, True, True)
    policies = {
        each["policy_type"]: each["policy_data"]
        for each in kms.get_instance_policies()["resources"]
    }
    assert policies["allowedNetwork"] == {
        "enabled": False,
        "attributes": {"allowed_network": "private-only"},
    }
    assert policies["keyCreateImportAccess"] == {
        "enabled": False,
        "attributes": {
            "create_root_key": True,
            "create_standard_key": False,
            "import_root_key": True,
            "import_standard_key": True,
            "enforce_token": True,
        },
    }


def test_iam_outage_raises_documented_error(harness, client_of):
    kms = client_of(harness.info.api_key)
    harness.set_iam_health("down")
    try:
        with pytest.raises(Exception, match="errorCode"):
            kms.list_keys()
    finally:
        harness.set_iam_health("up")
    kms.list_keys()
