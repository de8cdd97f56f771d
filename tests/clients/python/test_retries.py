"""The client's own automatic retries: they end in 204, and no service is told twice."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from support import DATABASES, OBJECT_STORAGE, refusal

#: How often the function itself tries a call to DynamoDB before it gives up a request.
TRIES = 3


def told(harness, key):
    return [len(harness.events(service, key)) for service in (OBJECT_STORAGE, DATABASES)]


def wait_for_refusals(harness, key, count):
    """Waits until so many syncs of a key were answered with 503."""
    path, deadline = f"/api/v2/keys/{key}/actions/sync", time.monotonic() + 30
    while True:
        asked = harness.control("GET", "/requests")
        if sum(each["path"] == path and each["status"] == 503 for each in asked) >= count:
            return
        assert time.monotonic() < deadline, f"{count} syncs should have been refused within 30 s"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [("throttle", 429, "TOO_MANY_REQUESTS_ERR"), ("fail", 503, "SERVICE_UNAVAILABLE_ERR")],
)
def test_a_refusal_that_will_pass_is_tried_again(
    harness, kms, instance, protecting_key, fault, status, code
):
    harness.dynamodb_fails(fault, TRIES)
    refused = refusal(kms.sync_associated_resources, protecting_key, instance)
    assert (refused.status, refused.code) == (status, code)
    assert int(refused.headers["retry-after"]) > 0
    assert told(harness, protecting_key) == [0, 0]

    kms.enable_retries()
    harness.dynamodb_fails(fault, TRIES)
    assert kms.sync_associated_resources(protecting_key, instance).get_status_code() == 204
    assert told(harness, protecting_key) == [1, 1]


@pytest.mark.parametrize("request_id", [str(uuid.uuid4()), None], ids=["named", "unnamed"])
def test_a_claim_whose_answers_are_lost_is_found_again(harness, kms, instance, protecting_key, request_id):
    kms.enable_retries()
    harness.dynamodb_fails("lose-answer", TRIES, operation="UpdateItem")

    # Where its caller names no id, the client sends one of its own as `x-correlation-id`, the same over its retries.
    answer = kms.sync_associated_resources(protecting_key, instance, correlation_id=request_id)

    assert answer.get_status_code() == 204
    assert answer.get_headers()["correlation-id"] == request_id or request_id is None
    # The first try claimed, and nobody but it knows how far it came: `redeliver` tells whom it did not.
    harness.travel("1m")
    harness.redeliver()
    assert told(harness, protecting_key) == [1, 1]
    refused = refusal(kms.sync_associated_resources, protecting_key, instance)
    assert (refused.status, refused.code) == (409, "REQ_TOO_EARLY_ERR")


def test_a_conflict_is_not_tried_again(kms, instance, protecting_key):
    kms.sync_associated_resources(protecting_key, instance)
    kms.enable_retries()
    refused = refusal(kms.sync_associated_resources, protecting_key, instance)
    assert (refused.status, refused.code) == (409, "REQ_TOO_EARLY_ERR")


def test_without_iam_nobody_passes_until_it_is_there_again(harness, kms, instance, protecting_key):
    kms.get_keys(instance)  # logs in
    harness.iam_is("down")
    refused = refusal(kms.sync_associated_resources, protecting_key, instance)
    assert (refused.status, refused.code) == (503, "SERVICE_UNAVAILABLE_ERR")

    kms.enable_retries()
    with ThreadPoolExecutor() as meanwhile:
        trying = meanwhile.submit(kms.sync_associated_resources, protecting_key, instance)
        wait_for_refusals(harness, protecting_key, 2)
        harness.iam_is("up")
        assert trying.result().get_status_code() == 204
    assert told(harness, protecting_key) == [1, 1]


def test_a_client_gives_up_where_it_does_not_pass(harness, kms, instance, protecting_key):
    harness.dynamodb_fails("fail", 2 * TRIES)
    kms.enable_retries(max_retries=1)
    with pytest.raises(requests.exceptions.RetryError):
        kms.sync_associated_resources(protecting_key, instance)

    assert kms.sync_associated_resources(protecting_key, instance).get_status_code() == 204
    assert told(harness, protecting_key) == [1, 1]
