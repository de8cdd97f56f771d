"""Other names for keys, and rings that hold keys together, by the public client."""

from support import refusal, resource, result, stream, unique
from keyprotect import KeyAlias, ListKeyRingsWithTotalCount, PatchKeyResponseBody


def test_an_alias_names_a_key_until_it_is_deleted(kms, instance, new_key):
    key, alias = new_key(), unique("alias")
    answer = kms.create_key_alias(key, alias, instance)

    assert answer.get_status_code() == 201
    document = result(answer)
    assert KeyAlias.from_dict(document).to_dict() == document
    assert (resource(answer)["keyId"], resource(answer)["alias"]) == (key, alias)
    named = resource(kms.get_key_metadata(alias, instance))
    assert (named["id"], named["aliases"]) == (key, [alias])

    assert kms.delete_key_alias(key, alias, instance).get_status_code() == 204
    assert refusal(kms.get_key_metadata, alias, instance).code == "KEY_NOT_FOUND_ERR"


def test_an_alias_is_given_once(kms, instance, new_key):
    alias = unique("alias")
    kms.create_key_alias(new_key(), alias, instance)
    refused = refusal(kms.create_key_alias, new_key(), alias, instance)
    assert (refused.status, refused.code) == (409, "KEY_ALIAS_NOT_UNIQUE_ERR")


def test_a_search_finds_aliases(kms, instance, new_key):
    key, alias = new_key(), unique("find-by-alias")
    kms.create_key_alias(key, alias, instance)
    found = result(kms.get_keys(instance, search=f"alias:{alias}"))
    assert [key["id"] for key in found["resources"]] == [key]


def test_key_rings_are_listed_with_the_default_one(kms, instance):
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


def test_a_key_moves_to_another_ring(kms, instance, new_key):
    ring, key = unique("ring"), new_key()
    kms.create_key_ring(ring, instance)
    answer = kms.patch_key(key, instance, key_patch_body=stream({"keyRingID": ring}))

    assert answer.get_status_code() == 200
    document = result(answer)
    assert PatchKeyResponseBody.from_dict(document).to_dict() == document
    assert resource(kms.get_key_metadata(key, instance, x_kms_key_ring=ring))["keyRingID"] == ring
    refused = refusal(kms.get_key_metadata, key, instance, x_kms_key_ring="default")
    assert (refused.status, refused.code) == (404, "KEY_NOT_FOUND_ERR")


def test_a_ring_that_holds_keys_stays(kms, instance, new_key):
    ring = unique("ring")
    kms.create_key_ring(ring, instance)
    new_key(ring=ring)
    assert refusal(kms.delete_key_ring, ring, instance).status == 409
