"""Key policies and dual-authorization deletion, with the public client."""

import pytest
from support import collection, error_response, resource, result
from keyprotect import GetKeyPoliciesOneOfGetKeyPolicyDualAuthDelete as DualAuth
from keyprotect import GetKeyPoliciesOneOfGetKeyPolicyRotation as Rotation

POLICIES = "application/vnd.ibm.kms.policy+json"


def policy(**fields):
    return collection(POLICIES, {"type": POLICIES, **fields})


def test_rotation_policy_can_be_set(kms, instance, new_key):
    key = new_key()
    every_quarter = policy(rotation={"enabled": True, "interval_month": 3})
    response = kms.put_policy(key, instance, every_quarter, policy="rotation")

    assert response.get_status_code() == 200
    document = result(kms.get_policy(key, instance, policy="rotation"))
    assert Rotation.from_dict(document).to_dict() == document
    assert resource(response)["rotation"]["interval_month"] == 3
    assert document["resources"][0]["rotation"]["interval_month"] == 3


@pytest.fixture
def guarded_key(kms, instance, new_key):
    """The id of a key with a dual-authorization deletion policy."""
    key = new_key()
    kms.put_policy(key, instance, policy(dualAuthDelete={"enabled": True}), policy="dualAuthDelete")
    return key


def test_dual_authorization_policy_is_returned(kms, instance, guarded_key):
    document = result(kms.get_policy(guarded_key, instance, policy="dualAuthDelete"))
    assert DualAuth.from_dict(document).to_dict() == document
    assert document["resources"][0]["dualAuthDelete"]["enabled"] is True
    shown = resource(kms.get_key_metadata(guarded_key, instance))["dualAuthDelete"]
    assert (shown["enabled"], shown.get("keySetForDeletion", False)) == (True, False)


def test_deletion_requires_two_callers(kms, kms_as, instance, guarded_key):
    assert error_response(kms.delete_key, guarded_key, instance).status == 409

    assert kms.set_key_for_deletion(guarded_key, instance).get_status_code() == 204
    shown = resource(kms.get_key_metadata(guarded_key, instance))["dualAuthDelete"]
    assert shown["keySetForDeletion"] is True and shown["authExpiration"]
    assert error_response(kms.delete_key, guarded_key, instance).status == 409, (
        "the same caller cannot give both authorizations"
    )

    another = kms_as("manager")
    assert another.delete_key(guarded_key, instance).get_status_code() == 204
    assert resource(kms.get_key_metadata(guarded_key, instance))["state"] == 5


def test_deletion_authorization_can_be_withdrawn(kms, kms_as, instance, guarded_key):
    kms.set_key_for_deletion(guarded_key, instance)
    assert kms.unset_key_for_deletion(guarded_key, instance).get_status_code() == 204
    assert error_response(kms_as("manager").delete_key, guarded_key, instance).status == 409


def test_deletion_authorization_leaves_window_open(kms, instance, guarded_key):
    kms.set_key_for_deletion(guarded_key, instance)
    assert kms.sync_associated_resources(guarded_key, instance).get_status_code() == 204
