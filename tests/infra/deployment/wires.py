"""Faults of a template, each of which breaks one step of the story: without one of them, the story
proves nothing.

Each wire is a name, the step that has to fail without it, and a function that cuts it in a template
after SAM's transform.

Not cut, because ministack does not check them: the policy of the event queue, the roles of the
schedule and of the event source mapping, the permission of all callers for the function URL,
permissions to write logs and traces.
"""

from deployment.story import Story

KEYS = Story.public_keys
EVENTS = Story.events_reach_the_table
MALFORMED = Story.malformed_event_is_in_the_dead_letter_queue
NOTIFICATION = Story.lifecycle_notifies_the_service
REJECTION = Story.second_notification_within_the_hour_is_rejected
STATUS = Story.status_is_delivered
REDELIVERY = Story.redeliver_notifies_the_service_when_it_is_back

ABSENT = {
    "KEYSYNC_TABLE": "absent",
    "KEYSYNC_SERVICES": "{}",
    "KEYSYNC_SIGNING_KEY_SECRET": "absent",
}


def without(name):
    def cut(resources):
        del resources[name]
        assert all(name not in resource.get("DependsOn", ()) for resource in resources.values())

    return cut


def with_property(name, key, value):
    def cut(resources):
        resources[name]["Properties"][key] = value

    return cut


def with_variable(function, variable, value):
    def cut(resources):
        resources[function]["Properties"]["Environment"]["Variables"][variable] = value

    return cut


def without_statement(role, sid):
    def cut(resources):
        for policy in resources[role]["Properties"]["Policies"]:
            statements = policy["PolicyDocument"]["Statement"]
            kept = [statement for statement in statements if statement.get("Sid") != sid]
            assert len(kept) == len(statements) - 1, f"{role} has no statement {sid}"
            policy["PolicyDocument"]["Statement"] = kept

    return cut


def without_action(role, sid, action):
    def cut(resources):
        for policy in resources[role]["Properties"]["Policies"]:
            (statement,) = (
                it for it in policy["PolicyDocument"]["Statement"] if it.get("Sid") == sid
            )
            statement["Action"].remove(action)

    return cut


def together(*cuts):
    def cut(resources):
        for each in cuts:
            each(resources)

    return cut


def all_wires():
    """The wires by name: the step that breaks, and the cut."""
    wires = {
        "mapping": (EVENTS, without("LifecycleQueue")),
        "rule: targets": (EVENTS, with_property("EventRule", "Targets", [])),
        "rule: source": (
            EVENTS,
            with_property("EventRule", "EventPattern", {"source": ["another"]}),
        ),
        "schedule": (REDELIVERY, without("EveryMinute")),
        "schedule: state": (REDELIVERY, with_property("EveryMinute", "State", "DISABLED")),
    }
    statements = {
        "SyncRole": {"SigningKey": KEYS, "Ledger": REJECTION},
        "LifecycleRole": {"Ledger": EVENTS, "SigningKey": EVENTS, "MalformedEvents": MALFORMED},
        "RedeliverRole": {"Due": REDELIVERY, "Ledger": REDELIVERY, "SigningKey": REDELIVERY},
    }
    for role, steps in statements.items():
        for sid, step in steps.items():
            wires[f"{role}: {sid}"] = (step, without_statement(role, sid))
    wires["SyncRole: GetItem"] = (STATUS, without_action("SyncRole", "Ledger", "dynamodb:GetItem"))
    variables = {
        "Sync": {
            "KEYSYNC_TABLE": REJECTION,
            "KEYSYNC_SERVICES": Story.sync_notifies_the_service_again,
            "KEYSYNC_SIGNING_KEY_SECRET": KEYS,
        },
        "Lifecycle": {
            "KEYSYNC_TABLE": EVENTS,
            "KEYSYNC_SERVICES": NOTIFICATION,
            "KEYSYNC_SIGNING_KEY_SECRET": EVENTS,
        },
        "Redeliver": {name: REDELIVERY for name in ABSENT},
    }
    for function, steps in variables.items():
        for variable, step in steps.items():
            wires[f"{function}: {variable}"] = (
                step,
                with_variable(function, variable, ABSENT[variable]),
            )
    # Without the schedule, which would notify the service a little later.
    for name in ("Sync: KEYSYNC_SERVICES", "Lifecycle: KEYSYNC_SERVICES"):
        step, cut = wires[name]
        wires[name] = (step, together(cut, without("EveryMinute")))
    wires["Sync: KEYSYNC_IAM_URL"] = (
        REJECTION,
        with_variable("Sync", "KEYSYNC_IAM_URL", "http://127.0.0.1:9"),
    )
    wires["Sync: KEYSYNC_REGION"] = (REJECTION, with_variable("Sync", "KEYSYNC_REGION", "eu-de"))
    wires["Lifecycle: KEYSYNC_DEAD_LETTER_QUEUE"] = (
        MALFORMED,
        with_variable(
            "Lifecycle", "KEYSYNC_DEAD_LETTER_QUEUE", "http://127.0.0.1:9/000000000000/absent"
        ),
    )
    return wires
