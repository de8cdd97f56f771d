"""The client's automatic retries: they end with 204, and no service is notified twice."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from support import DATABASES, OBJECT_STORAGE, error_response

#: Number of attempts of a DynamoDB call in the function.
ATTEMPTS = 3


def callback_counts(harness, key):
    return [len(harness.events(service, key)) for service in (OBJECT_STORAGE, DATABASES)]


def wait_for_503(harness, key, count):
    """Waits until `count` syncs of a key got 503."""
    path, deadline = f"/api/v2/keys/{key}/actions/sync", time.monotonic() + 30
    while True:
        requests_so_far = harness.requests()
        if sum(each.path == path and each.status == 503 for each in requests_so_far) >= count:
            return
        assert time.monotonic() < deadline, f"fewer than {count} syncs got 503 within 30 s"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [("throttle", 429, "TOO_MANY_REQUESTS_ERR"), ("fail", 503, "SERVICE_UNAVAILABLE_ERR")],
)
def test_temporary_error_is_retried(harness, kms, instance, protecting_key, fault, status, code):
    harness.inject_dynamodb_fault(fault, ATTEMPTS)
    error = error_response(kms.sync_associated_resources, protecting_key, instance)
    assert (error.status, error.code) == (status, code)
    assert int(error.headers["retry-after"]) > 0
    assert callback_counts(harness, protecting_key) == [0, 0]

    kms.enable_retries()
    harness.inject_dynamodb_fault(fault, ATTEMPTS)
    assert kms.sync_associated_resources(protecting_key, instance).get_status_code() == 204
    assert callback_counts(harness, protecting_key) == [1, 1]


@pytest.mark.parametrize("request_id", [str(uuid.uuid4()), None], ids=["named", "unnamed"])
def test_claim_with_lost_responses_is_recognized(
    harness, kms, instance, protecting_key, request_id
):
    kms.enable_retries()
    harness.inject_dynamodb_fault("lose-response", ATTEMPTS, operation="UpdateItem")

    # Without an id, the client generates an `x-correlation-id` that stays the same for its retries.
    response = kms.sync_associated_resources(protecting_key, instance, correlation_id=request_id)

    assert response.get_status_code() == 204
    assert response.get_headers()["correlation-id"] == request_id or request_id is None
    # The first attempt claimed, and its deliveries are unknown: `redeliver` notifies the remaining
    # services.
    harness.advance_clock("1m")
    harness.redeliver()
    assert callback_counts(harness, protecting_key) == [1, 1]
    error = error_response(kms.sync_associated_resources, protecting_key, instance)
    assert (error.status, error.code) == (409, "REQ_TOO_EARLY_ERR")


def test_conflict_is_not_retried(kms, instance, protecting_key):
    kms.sync_associated_resources(protecting_key, instance)
    kms.enable_retries()
    error = error_response(kms.sync_associated_resources, protecting_key, instance)
    assert (error.status, error.code) == (409, "REQ_TOO_EARLY_ERR")


def test_sync_succeeds_after_iam_outage(harness, kms, instance, protecting_key):
    kms.get_keys(instance)  # logs in
    harness.set_iam_health("down")
    error = error_response(kms.sync_associated_resources, protecting_key, instance)
    assert (error.status, error.code) == (503, "SERVICE_UNAVAILABLE_ERR")

    kms.enable_retries()
    with ThreadPoolExecutor() as executor:
        sync = executor.submit(kms.sync_associated_resources, protecting_key, instance)
        wait_for_503(harness, protecting_key, 2)
        harness.set_iam_health("up")
        assert sync.result().get_status_code() == 204
    assert callback_counts(harness, protecting_key) == [1, 1]


def test_client_fails_after_retries_are_exhausted(harness, kms, instance, protecting_key):
    harness.inject_dynamodb_fault("fail", 2 * ATTEMPTS)
    kms.enable_retries(max_retries=1)
    with pytest.raises(requests.exceptions.RetryError):
        kms.sync_associated_resources(protecting_key, instance)

    assert kms.sync_associated_resources(protecting_key, instance).get_status_code() == 204
    assert callback_counts(harness, protecting_key) == [1, 1]
