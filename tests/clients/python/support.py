"""What goes into the client, and what comes out of it."""

import io
import json
import uuid

import pytest
import requests
from ibm_cloud_sdk_core import ApiException

KEYS = "application/vnd.ibm.kms.key+json"
OBJECT_STORAGE = "cloud-object-storage"
DATABASES = "databases-for-postgresql"


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


def documented(answer):
    """An answer's JSON without what this endpoint adds to keys (docs/reference/kms-emulator.md), which the client's classes do not know."""
    document = result(answer)
    for key in document["resources"]:
        for addition in ("lastNotificationDate", "syncAllowedFrom"):
            key.pop(addition, None)
    return document


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
