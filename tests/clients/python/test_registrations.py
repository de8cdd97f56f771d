"""Registrations, with the public client."""

from urllib.parse import quote

from support import DATABASES, OBJECT_STORAGE, resource, result
from keyprotect import RegistrationWithTotalCount


def test_registrations_of_key_are_listed(kms, instance, new_key, register):
    key = new_key()
    bucket = register(key, OBJECT_STORAGE, description="a bucket", preventKeyDeletion=True)
    database = register(key, DATABASES)

    document = result(kms.get_registrations(key, instance, total_count=True))
    assert RegistrationWithTotalCount.from_dict(document).to_dict() == document
    assert document["metadata"]["totalCount"] == 2
    by_crn = {registration["resourceCrn"]: registration for registration in document["resources"]}
    assert set(by_crn) == {bucket, database}
    registration = by_crn[bucket]
    assert (registration["keyId"], registration["description"]) == (key, "a bucket")
    assert registration["preventKeyDeletion"] is True
    version = resource(kms.get_key_metadata(key, instance))["keyVersion"]
    assert registration["keyVersion"] == version

    retained = result(kms.get_registrations(key, instance, prevent_key_deletion=True))
    assert [each["resourceCrn"] for each in retained["resources"]] == [bucket]


def test_registration_list_supports_paging(kms, instance, new_key, register):
    key = new_key()
    made = {register(key, OBJECT_STORAGE) for _ in range(3)}
    pages = [result(kms.get_registrations(key, instance, limit=2, offset=at)) for at in (0, 2)]
    listed = [each["resourceCrn"] for page in pages for each in page["resources"]]
    assert len(listed) == 3 and set(listed) == made


def test_registrations_are_found_by_resource(kms, instance, new_key, register):
    first, second = new_key(), new_key()
    bucket = register(first, OBJECT_STORAGE)
    register(second, OBJECT_STORAGE)

    everything = result(kms.get_registrations_all_keys(instance))["resources"]
    assert {first, second} <= {each["keyId"] for each in everything}
    query = quote(bucket, safe="")
    found = resource(kms.get_registrations_all_keys(instance, url_encoded_resource_crn_query=query))
    assert (found["keyId"], found["resourceCrn"]) == (first, bucket)


def test_registrations_are_found_by_wildcard(kms, instance, new_key, register):
    key = new_key()
    bucket = register(key, OBJECT_STORAGE)
    register(key, DATABASES)
    of_the_service = bucket.rsplit(":", 2)[0] + ":*:*"

    query = quote(of_the_service, safe="")
    found = result(kms.get_registrations(key, instance, url_encoded_resource_crn_query=query))
    assert [each["resourceCrn"] for each in found["resources"]] == [bucket]
