"""Each receiver kit with the test vectors."""

import json

import pytest

from kits import KITS, ROOT, expected, line_of, verdicts

DOCUMENT = json.loads((ROOT / "harness" / "receiver" / "vectors.json").read_text(encoding="utf-8"))
GOLDEN = DOCUMENT["vectors"][0]


def differences(kit, named_lines, wanted):
    names, lines = zip(*named_lines, strict=True)
    found = zip(names, verdicts(kit, lines), wanted, strict=True)
    return [
        f"{name}: {verdict}, expected {expect}"
        for name, verdict, expect in found
        if verdict != expect
    ]


def of_keys(expect):
    """The verdict on the golden callback with some keys."""
    if expect == "accepted":
        return expected(GOLDEN["expect"], DOCUMENT["statuses"])
    return f"invalid {expect['rejected']} {expect.get('place', 0)}"


@pytest.mark.parametrize("kit", KITS)
def test_kit_agrees_with_every_vector(kit):
    vectors = DOCUMENT["vectors"]
    lines = [(vector["name"], line_of(vector)) for vector in vectors]
    assert not differences(
        kit, lines, [expected(vector["expect"], DOCUMENT["statuses"]) for vector in vectors]
    )


@pytest.mark.parametrize("kit", KITS)
def test_kit_agrees_with_every_key_list(kit):
    lists = DOCUMENT["configurations"]
    lines = [(one["name"], line_of(GOLDEN, keys=one["publicKeys"])) for one in lists]
    assert not differences(kit, lines, [of_keys(one["expect"]) for one in lists])


@pytest.mark.parametrize("kit", KITS)
def test_kit_agrees_with_every_key_set(kit):
    sets = DOCUMENT["keySets"]
    lines = [(one["name"], line_of(GOLDEN, keys=None, key_set=one["document"])) for one in sets]
    assert not differences(kit, lines, [of_keys(one["expect"]) for one in sets])
