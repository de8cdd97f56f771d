"""Aliases and key rings, with the public client."""

from support import error_response, resource, result, stream, unique
from keyprotect import KeyAlias, ListKeyRingsWithTotalCount, PatchKeyResponseBody


def test_alias_resolves_until_deleted(kms, instance, new_key):
    key, alias = new_key(), unique("alias")
    response = kms.create_key_alias(key, alias, instance)

    assert response.get_status_code() == 201
    document = result(response)
    assert KeyAlias.from_dict(document).to_dict() == document
    assert (resource(response)["keyId"], resource(response)["alias"]) == (key, alias)
    named = resource(kms.get_key_metadata(alias, instance))
    assert (named["id"], named["aliases"]) == (key, [alias])

    assert kms.delete_key_alias(key, alias, instance).get_status_code() == 204
    assert error_response(kms.get_key_metadata, alias, instance).code == "KEY_NOT_FOUND_ERR"


def test_duplicate_alias_returns_409(kms, instance, new_key):
    alias = unique("alias")
    kms.create_key_alias(new_key(), alias, instance)
    error = error_response(kms.create_key_alias, new_key(), alias, instance)
    assert (error.status, error.code) == (409, "KEY_ALIAS_NOT_UNIQUE_ERR")


def test_search_finds_key_by_alias(kms, instance, new_key):
    key, alias = new_key(), unique("find-by-alias")
    kms.create_key_alias(key, alias, instance)
    found = result(kms.get_keys(instance, search=f"alias:{alias}"))
    assert [key["id"] for key in found["resources"]] == [key]


def test_key_rings_are_listed_with_default_ring(kms, instance):
    ring = unique("ring")
    assert kms.create_key_ring(ring, instance).get_status_code() == 201

    document = result(kms.list_key_rings(instance, total_count=True))
    assert ListKeyRingsWithTotalCount.from_dict(document).to_dict() == document
    rings = {ring["id"] for ring in document["resources"]}
    assert {"default", ring} <= rings
    assert document["metadata"]["totalCount"] == len(rings)

    assert kms.delete_key_ring(ring, instance).get_status_code() == 204
    left = result(kms.list_key_rings(instance))["resources"]
    assert ring not in {ring["id"] for ring in left}


def test_key_moves_to_another_ring(kms, instance, new_key):
    ring, key = unique("ring"), new_key()
    kms.create_key_ring(ring, instance)
    response = kms.patch_key(key, instance, key_patch_body=stream({"keyRingID": ring}))

    assert response.get_status_code() == 200
    document = result(response)
    assert PatchKeyResponseBody.from_dict(document).to_dict() == document
    assert resource(kms.get_key_metadata(key, instance, x_kms_key_ring=ring))["keyRingID"] == ring
    error = error_response(kms.get_key_metadata, key, instance, x_kms_key_ring="default")
    assert (error.status, error.code) == (404, "KEY_NOT_FOUND_ERR")


def test_nonempty_ring_cannot_be_deleted(kms, instance, new_key):
    ring = unique("ring")
    kms.create_key_ring(ring, instance)
    new_key(ring=ring)
    assert error_response(kms.delete_key_ring, ring, instance).status == 409
