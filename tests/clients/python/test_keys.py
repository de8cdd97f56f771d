"""Creating, reading and listing keys, with the public client and its models."""

import base64
import os
import uuid

from support import key_body, error_response, resource, result, unique
from keyprotect import GetKey, GetKeyMetadata, Key, ListKeys

REPRESENTATION = "return=representation"


def test_created_root_key_matches_client_model(kms, instance):
    name = unique("key")
    response = kms.create_key(
        instance,
        key_body(name=name, description="a test's", tags=["a", "b"]),
        prefer=REPRESENTATION,
    )

    assert response.get_status_code() == 201
    document = result(response)
    assert Key.from_dict(document).to_dict() == document
    key = resource(response)
    assert (key["name"], key["description"], key["tags"]) == (name, "a test's", ["a", "b"])
    assert (key["state"], key["extractable"], key["imported"]) == (1, False, False)
    assert key["keyRingID"] == "default"
    assert key["crn"].endswith(f":{instance}:key:{key['id']}")
    assert key["keyVersion"]["creationDate"] == key["creationDate"]
    assert "payload" not in key, "the material of a root key was returned"


def test_standard_key_material_is_returned(kms, instance):
    response = kms.create_key(instance, key_body(extractable=True), prefer=REPRESENTATION)
    made = resource(response)
    assert len(base64.b64decode(made["payload"])) == 32

    document = result(kms.get_key(made["id"], instance))
    assert GetKey.from_dict(document).to_dict() == document
    assert document["resources"][0]["payload"] == made["payload"]
    document = result(kms.get_key_metadata(made["id"], instance))
    assert GetKeyMetadata.from_dict(document).to_dict() == document
    assert "payload" not in document["resources"][0]


def test_key_material_can_be_imported(kms, instance):
    payload = base64.b64encode(os.urandom(32)).decode()
    response = kms.create_key(
        instance, key_body(extractable=True, payload=payload), prefer=REPRESENTATION
    )
    assert resource(response)["imported"] is True
    assert resource(kms.get_key(resource(response)["id"], instance))["payload"] == payload


def test_key_list_supports_paging_and_total(kms, instance, new_key):
    ring = unique("ring")
    kms.create_key_ring(ring, instance)
    made = {new_key(ring=ring) for _ in range(5)}

    pages = [kms.get_keys(instance, limit=2, offset=at, x_kms_key_ring=ring) for at in (0, 2, 4)]
    documents = [result(page) for page in pages]
    for document in documents:
        assert ListKeys.from_dict(document).to_dict() == document
        assert document["metadata"]["collectionTotal"] == len(document["resources"])
    listed = [key["id"] for document in documents for key in document["resources"]]
    assert len(listed) == 5 and set(listed) == made

    total = kms.get_key_collection_metadata(instance, x_kms_key_ring=ring)
    assert total.get_status_code() == 200
    assert total.get_headers()["key-total"] == "5"


def test_key_list_supports_filters(kms, instance, new_key):
    ring, name = unique("ring"), unique("find-me")
    kms.create_key_ring(ring, instance)
    root, standard = new_key(ring=ring, name=name), new_key(ring=ring, extractable=True)
    disabled, deleted = new_key(ring=ring), new_key(ring=ring)
    kms.disable_key(disabled, instance)
    kms.delete_key(deleted, instance)

    def ids(**query):
        document = result(kms.get_keys(instance, x_kms_key_ring=ring, **query))
        return {key["id"] for key in document.get("resources", [])}

    assert ids() == {root, standard, disabled}, "deleted keys are listed only on request"
    assert ids(state=[5]) == {deleted}
    assert ids(state=[2, 5]) == {disabled, deleted}
    assert ids(extractable=True) == {standard}
    assert ids(search=name.upper()) == {root}
    assert ids(filter="extractable=false state=5") == {deleted}
    assert ids(search=f"exact:name:{name}") == {root}
    assert ids(search=f"exact:name:{name[:-1]}") == set()
    total = kms.get_key_collection_metadata(instance, x_kms_key_ring=ring, state=[2, 5])
    assert total.get_headers()["key-total"] == "2"


def test_key_list_supports_sorting(kms, instance, new_key):
    ring = unique("ring")
    kms.create_key_ring(ring, instance)
    made = sorted(new_key(ring=ring) for _ in range(3))

    def ids(sort):
        return [
            key["id"]
            for key in result(kms.get_keys(instance, x_kms_key_ring=ring, sort=sort))["resources"]
        ]

    assert ids("id") == made
    assert ids("-id") == made[::-1]


def test_unknown_key_returns_404(kms, instance):
    for read in (kms.get_key, kms.get_key_metadata, kms.get_key_versions, kms.get_registrations):
        error = error_response(read, str(uuid.uuid4()), instance)
        assert (error.status, error.code) == (404, "KEY_NOT_FOUND_ERR")
