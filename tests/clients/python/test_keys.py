"""Making, reading and listing keys, by the public client. What comes is parsed by its own models."""

import base64
import os
import uuid

from support import key_body, refusal, resource, result, unique
from keyprotect import GetKey, GetKeyMetadata, Key, ListKeys

WHOLE = "return=representation"


def test_a_root_key_is_what_the_client_expects(kms, instance):
    name = unique("key")
    answer = kms.create_key(
        instance, key_body(name=name, description="a test's", tags=["a", "b"]), prefer=WHOLE
    )

    assert answer.get_status_code() == 201
    document = result(answer)
    assert Key.from_dict(document).to_dict() == document
    key = resource(answer)
    assert (key["name"], key["description"], key["tags"]) == (name, "a test's", ["a", "b"])
    assert (key["state"], key["extractable"], key["imported"]) == (1, False, False)
    assert key["keyRingID"] == "default"
    assert key["crn"].endswith(f":{instance}:key:{key['id']}")
    assert key["keyVersion"]["creationDate"] == key["creationDate"]
    assert "payload" not in key, "a root key's material stays where it is"


def test_a_standard_keys_material_can_be_read(kms, instance):
    answer = kms.create_key(instance, key_body(extractable=True), prefer=WHOLE)
    made = resource(answer)
    assert len(base64.b64decode(made["payload"])) == 32

    document = result(kms.get_key(made["id"], instance))
    assert GetKey.from_dict(document).to_dict() == document
    assert document["resources"][0]["payload"] == made["payload"]
    document = result(kms.get_key_metadata(made["id"], instance))
    assert GetKeyMetadata.from_dict(document).to_dict() == document
    assert "payload" not in document["resources"][0]


def test_material_of_ones_own_can_be_imported(kms, instance):
    payload = base64.b64encode(os.urandom(32)).decode()
    answer = kms.create_key(instance, key_body(extractable=True, payload=payload), prefer=WHOLE)
    assert resource(answer)["imported"] is True
    assert resource(kms.get_key(resource(answer)["id"], instance))["payload"] == payload


def test_a_list_can_be_paged_and_its_total_asked_for(kms, instance, new_key):
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


def test_a_list_can_be_filtered(kms, instance, new_key):
    ring, name = unique("ring"), unique("find-me")
    kms.create_key_ring(ring, instance)
    root, standard = new_key(ring=ring, name=name), new_key(ring=ring, extractable=True)
    disabled, deleted = new_key(ring=ring), new_key(ring=ring)
    kms.disable_key(disabled, instance)
    kms.delete_key(deleted, instance)

    def ids(**query):
        document = result(kms.get_keys(instance, x_kms_key_ring=ring, **query))
        return {key["id"] for key in document.get("resources", [])}

    assert ids() == {root, standard, disabled}, "deleted keys are listed where they are asked for"
    assert ids(state=[5]) == {deleted}
    assert ids(state=[2, 5]) == {disabled, deleted}
    assert ids(extractable=True) == {standard}
    assert ids(search=name.upper()) == {root}
    assert ids(filter="extractable=false state=5") == {deleted}
    assert ids(search=f"exact:name:{name}") == {root}
    assert ids(search=f"exact:name:{name[:-1]}") == set()
    total = kms.get_key_collection_metadata(instance, x_kms_key_ring=ring, state=[2, 5])
    assert total.get_headers()["key-total"] == "2"


def test_a_list_can_be_sorted(kms, instance, new_key):
    ring = unique("ring")
    kms.create_key_ring(ring, instance)
    made = sorted(new_key(ring=ring) for _ in range(3))

    def ids(sort):
        return [key["id"] for key in result(kms.get_keys(instance, x_kms_key_ring=ring, sort=sort))["resources"]]

    assert ids("id") == made
    assert ids("-id") == made[::-1]


def test_a_key_that_is_not_there_is_not_found(kms, instance):
    for read in (kms.get_key, kms.get_key_metadata, kms.get_key_versions, kms.get_registrations):
        refused = refusal(read, str(uuid.uuid4()), instance)
        assert (refused.status, refused.code) == (404, "KEY_NOT_FOUND_ERR")
