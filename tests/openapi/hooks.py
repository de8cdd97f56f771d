"""What a run of schemathesis needs to know of the harness: faults are corrected at once, and nothing waits."""

import requests
import schemathesis

CORRECTIONS = {
    "/_harness/iam/health": ("PUT", "/_harness/iam/health", {"health": "up"}),
    "/_harness/iam/clock": ("PUT", "/_harness/iam/clock", {"ahead": "0s"}),
    "/_harness/iam/issuer": ("PUT", "/_harness/iam/issuer", {"issuer": "https://iam.cloud.ibm.com/identity"}),
    "/_harness/dynamodb/faults": ("DELETE", "/_harness/dynamodb/faults", None),
}


@schemathesis.hook
def before_call(context, case, kwargs):
    # A request waits for callbacks where it says how many, five seconds at first.
    if case.path.endswith("/callbacks") and case.query:
        case.query.setdefault("within", "1ms")


@schemathesis.hook
def after_call(context, case, response):
    # What was wanted to fail would fail in every request that comes later.
    if case.path in CORRECTIONS and response.status_code < 300:
        method, path, body = CORRECTIONS[case.path]
        base = case.operation.base_url.rstrip("/")
        requests.request(method, base + path, json=body, timeout=10).raise_for_status()
    # A service that hangs would hold up each delivery that comes later.
    if case.path.endswith("/behaviour") and response.status_code < 300:
        requests.put(response.request.url, json={"behaviour": "act"}, timeout=10).raise_for_status()
