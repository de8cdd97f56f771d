"""Lifecycle actions, by the public client: state rules, and what services are told."""

from support import OBJECT_STORAGE, documented, refusal, resource, result
from keyprotect import DeleteKey, GetKeyMetadata


def metadata(kms, instance, key):
    return resource(kms.get_key_metadata(key, instance))


def test_rotation_makes_a_version_and_tells_services(harness, kms, instance, protecting_key):
    first = metadata(kms, instance, protecting_key)
    answer = kms.rotate_key(protecting_key, instance)

    assert answer.get_status_code() == 204
    second = metadata(kms, instance, protecting_key)
    assert second["keyVersion"]["id"] != first["keyVersion"]["id"]
    assert "lastRotateDate" in second and "lastRotateDate" not in first
    (event,) = harness.events(OBJECT_STORAGE, protecting_key)
    assert event["data"]["eventType"] == "rotate"
    assert event["data"]["keyVersion"]["id"] == second["keyVersion"]["id"]


def test_a_key_rotates_once_an_hour(harness, kms, instance, new_key):
    key = new_key()
    kms.rotate_key(key, instance)
    refused = refusal(kms.rotate_key, key, instance)
    assert (refused.status, refused.code) == (409, "KEY_ROTATION_NOT_PERMITTED")

    harness.travel("61m")
    assert kms.rotate_key(key, instance).get_status_code() == 204
    versions = result(kms.get_key_versions(key, instance, total_count=True))
    assert versions["metadata"]["totalCount"] == 3
    assert versions["resources"][0]["id"] == metadata(kms, instance, key)["keyVersion"]["id"]
    second = result(kms.get_key_versions(key, instance, limit=1, offset=1))
    assert second["resources"] == versions["resources"][1:2]


def test_a_disabled_key_can_be_enabled_after_half_a_minute(harness, kms, instance, new_key):
    key = new_key()
    assert kms.disable_key(key, instance).get_status_code() == 204
    assert metadata(kms, instance, key)["state"] == 2
    refused = refusal(kms.enable_key, key, instance)
    assert (refused.status, refused.code) == (409, "REQ_TOO_EARLY_ERR")

    harness.travel("31s")
    assert kms.enable_key(key, instance).get_status_code() == 204
    assert metadata(kms, instance, key)["state"] == 1


def test_an_action_in_the_wrong_state_is_a_conflict(kms, instance, new_key):
    key = new_key()
    refused = refusal(kms.enable_key, key, instance)
    assert (refused.status, refused.code) == (409, "KEY_ACTION_INVALID_STATE_ERR")


def test_a_key_that_protects_resources_is_deleted_by_force_only(harness, kms, instance, protecting_key):
    refused = refusal(kms.delete_key, protecting_key, instance)
    assert (refused.status, refused.code) == (409, "PROTECTED_RESOURCE_ERR")

    answer = kms.delete_key(protecting_key, instance, force=True, prefer="return=representation")
    assert answer.get_status_code() == 200
    document = documented(answer)
    assert DeleteKey.from_dict(document).to_dict() == document
    deleted = resource(answer)
    assert (deleted["state"], deleted["deleted"]) == (5, True)
    assert deleted["deletionDate"] and deleted["deletedBy"]

    refused = refusal(kms.delete_key, protecting_key, instance, force=True)
    assert (refused.status, refused.code) == (410, "KEY_DELETED_ERR")


def test_a_retention_policy_keeps_a_key_from_deletion(kms, instance, new_key, register):
    key = new_key()
    register(key, OBJECT_STORAGE, preventKeyDeletion=True)
    refused = refusal(kms.delete_key, key, instance, force=True)
    assert (refused.status, refused.code) == (409, "PREV_KEY_DEL_ERR")


def test_a_deleted_key_can_be_restored(harness, kms, instance, new_key):
    key = new_key()
    assert kms.delete_key(key, instance).get_status_code() == 204
    refused = refusal(kms.restore_key, key, instance)
    assert (refused.status, refused.code) == (409, "REQ_TOO_EARLY_ERR")

    harness.travel("31s")
    answer = kms.restore_key(key, instance, prefer="return=representation")
    assert answer.get_status_code() == 201
    assert resource(answer)["id"] == key
    document = documented(kms.get_key_metadata(key, instance))
    assert GetKeyMetadata.from_dict(document).to_dict() == document
    assert document["resources"][0]["state"] == 1


def test_a_deleted_key_is_purged_by_who_may(harness, kms, kms_as, instance, new_key):
    key = new_key()
    kms.delete_key(key, instance)
    purger = kms_as("key-purge")
    refused = refusal(purger.purge_key, key, instance)
    assert (refused.status, refused.code) == (409, "REQ_TOO_EARLY_ERR")

    harness.travel("5h")
    assert refusal(kms.purge_key, key, instance).status == 401
    assert purger.purge_key(key, instance).get_status_code() == 204
    assert refusal(kms.get_key_metadata, key, instance).code == "KEY_NOT_FOUND_ERR"
    assert refusal(kms.sync_associated_resources, key, instance).code == "KEY_NOT_FOUND_ERR"
