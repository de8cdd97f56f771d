"""Lifecycle actions, with the public client: state rules and notifications."""

from support import OBJECT_STORAGE, documented, error_response, resource, result
from keyprotect import DeleteKey, GetKeyMetadata


def metadata(kms, instance, key):
    return resource(kms.get_key_metadata(key, instance))


def test_rotation_creates_version_and_notifies_services(harness, kms, instance, protecting_key):
    first = metadata(kms, instance, protecting_key)
    response = kms.rotate_key(protecting_key, instance)

    assert response.get_status_code() == 204
    second = metadata(kms, instance, protecting_key)
    assert second["keyVersion"]["id"] != first["keyVersion"]["id"]
    assert "lastRotateDate" in second and "lastRotateDate" not in first
    (event,) = harness.events(OBJECT_STORAGE, protecting_key)
    assert event["data"]["eventType"] == "rotate"
    assert event["data"]["keyVersion"]["id"] == second["keyVersion"]["id"]


def test_second_rotation_within_an_hour_returns_409(harness, kms, instance, new_key):
    key = new_key()
    kms.rotate_key(key, instance)
    error = error_response(kms.rotate_key, key, instance)
    assert (error.status, error.code) == (409, "KEY_ROTATION_NOT_PERMITTED")

    harness.advance_clock("61m")
    assert kms.rotate_key(key, instance).get_status_code() == 204
    versions = result(kms.get_key_versions(key, instance, total_count=True))
    assert versions["metadata"]["totalCount"] == 3
    assert versions["resources"][0]["id"] == metadata(kms, instance, key)["keyVersion"]["id"]
    second = result(kms.get_key_versions(key, instance, limit=1, offset=1))
    assert second["resources"] == versions["resources"][1:2]


def test_disabled_key_can_be_enabled_after_30_seconds(harness, kms, instance, new_key):
    key = new_key()
    assert kms.disable_key(key, instance).get_status_code() == 204
    assert metadata(kms, instance, key)["state"] == 2
    error = error_response(kms.enable_key, key, instance)
    assert (error.status, error.code) == (409, "REQ_TOO_EARLY_ERR")

    harness.advance_clock("31s")
    assert kms.enable_key(key, instance).get_status_code() == 204
    assert metadata(kms, instance, key)["state"] == 1


def test_action_in_wrong_state_returns_409(kms, instance, new_key):
    key = new_key()
    error = error_response(kms.enable_key, key, instance)
    assert (error.status, error.code) == (409, "KEY_ACTION_INVALID_STATE_ERR")


def test_key_with_resources_is_deleted_by_force_only(harness, kms, instance, protecting_key):
    error = error_response(kms.delete_key, protecting_key, instance)
    assert (error.status, error.code) == (409, "PROTECTED_RESOURCE_ERR")

    response = kms.delete_key(protecting_key, instance, force=True, prefer="return=representation")
    assert response.get_status_code() == 200
    document = documented(response)
    assert DeleteKey.from_dict(document).to_dict() == document
    deleted = resource(response)
    assert (deleted["state"], deleted["deleted"]) == (5, True)
    assert deleted["deletionDate"] and deleted["deletedBy"]

    error = error_response(kms.delete_key, protecting_key, instance, force=True)
    assert (error.status, error.code) == (410, "KEY_DELETED_ERR")


def test_retention_policy_prevents_key_deletion(kms, instance, new_key, register):
    key = new_key()
    register(key, OBJECT_STORAGE, preventKeyDeletion=True)
    error = error_response(kms.delete_key, key, instance, force=True)
    assert (error.status, error.code) == (409, "PREV_KEY_DEL_ERR")


def test_deleted_key_can_be_restored(harness, kms, instance, new_key):
    key = new_key()
    assert kms.delete_key(key, instance).get_status_code() == 204
    error = error_response(kms.restore_key, key, instance)
    assert (error.status, error.code) == (409, "REQ_TOO_EARLY_ERR")

    harness.advance_clock("31s")
    response = kms.restore_key(key, instance, prefer="return=representation")
    assert response.get_status_code() == 201
    assert resource(response)["id"] == key
    document = documented(kms.get_key_metadata(key, instance))
    assert GetKeyMetadata.from_dict(document).to_dict() == document
    assert document["resources"][0]["state"] == 1


def test_purge_requires_purge_role(harness, kms, kms_as, instance, new_key):
    key = new_key()
    kms.delete_key(key, instance)
    purger = kms_as("key-purge")
    error = error_response(purger.purge_key, key, instance)
    assert (error.status, error.code) == (409, "REQ_TOO_EARLY_ERR")

    harness.advance_clock("5h")
    assert error_response(kms.purge_key, key, instance).status == 401
    assert purger.purge_key(key, instance).get_status_code() == 204
    assert error_response(kms.get_key_metadata, key, instance).code == "KEY_NOT_FOUND_ERR"
    assert error_response(kms.sync_associated_resources, key, instance).code == "KEY_NOT_FOUND_ERR"
