"""The acknowledgement of a notification."""

import json
import urllib.error
import urllib.request
from datetime import datetime, timezone

from key_set import Redirects, check_url


def acknowledge(endpoint, token, notification, state, *, at=None, resource_crn=None, timeout=10):
    """Reports that the service acted on a notification (`kms.secrets-event.ack`), at most four
    hours after it.

    `token` is an IAM access token. `state` is your own name for the state of the resources that the
    key protects. `at` is when the service acted, by default now. Raises `OSError` unless the
    response is 204.
    """
    check_url(endpoint, "the endpoint")
    at = at or datetime.now(timezone.utc)
    resource = {
        "eventId": notification.event_id,
        "adopterKeyState": state,
        "timestamp": at.astimezone(timezone.utc)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z"),
    }
    if resource_crn:
        resource["resourceCrn"] = resource_crn
    metadata = {
        "collectionType": "application/vnd.ibm.kms.event_acknowledge+json",
        "collectionTotal": 1,
    }
    headers = {
        "authorization": f"Bearer {token}",
        "bluemix-instance": instance(notification.source),
        "content-type": "application/json",
    }
    request = urllib.request.Request(
        f"{endpoint.removesuffix('/')}/api/v2/event_ack",
        method="POST",
        headers=headers,
        data=json.dumps({"metadata": metadata, "resources": [resource]}).encode(),
    )
    try:
        with urllib.request.build_opener(Redirects).open(request, timeout=timeout) as response:
            status = response.status
    except urllib.error.HTTPError as error:
        error.close()
        status = error.code
    if status != 204:
        raise OSError(
            f"the acknowledgement of {notification.event_id} got status {status}, not 204"
        )


def instance(crn):
    """The id of the key-management instance, the eighth segment of its CRN."""
    return (crn.split(":") + [""] * 8)[7]
