"""Helpers for the requests and responses of the client."""

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
    """A unique name."""
    return f"{name}-{uuid.uuid4().hex[:12]}"


def collection(kind, *resources):
    return {
        "metadata": {"collectionType": kind, "collectionTotal": len(resources)},
        "resources": resources,
    }


def stream(document):
    """A body in the form that the client requires: a stream of bytes."""
    return io.BytesIO(json.dumps(document).encode())


def key_body(**fields):
    """The body of a request to create a key, by default a root key."""
    return stream(
        collection(KEYS, {"type": KEYS, "name": unique("key"), "extractable": False, **fields})
    )


def result(response):
    """The JSON of a response.

    The client does not parse it unless the media type is `application/json`.
    """
    result = response.get_result()
    return result.json() if isinstance(result, requests.Response) else result


def documented(response):
    """The JSON of a response without the fields that the KMS emulator adds
    (docs/reference/kms-emulator.md)."""
    document = result(response)
    for key in document["resources"]:
        for addition in ("lastNotificationDate", "syncAllowedFrom"):
            key.pop(addition, None)
    return document


def resource(response):
    """The only resource in the collection of a response."""
    document = result(response)
    (only,) = document["resources"]
    assert document["metadata"]["collectionTotal"] == 1
    return only


def error_response(call, *arguments, **options):
    """The error response that a call raises."""
    with pytest.raises(ApiException) as raised:
        call(*arguments, **options)
    return ErrorResponse(raised.value)


class ErrorResponse:
    """An error response as parsed by the client."""

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
