"""All receiver kits have the same verdict on random callbacks that are almost valid.

KEYSYNC_RECEIVER_SEED and KEYSYNC_RECEIVER_SECONDS select another seed, and a duration.
"""

import collections
import concurrent.futures
import os
import time

from kits import KITS, verdicts
from mutations import callbacks

SEED = int(os.environ.get("KEYSYNC_RECEIVER_SEED", "1"))
SECONDS = float(os.environ.get("KEYSYNC_RECEIVER_SECONDS", "0"))
COUNT = 2000


def verdicts_of_all(lines):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return dict(zip(KITS, pool.map(lambda kit: verdicts(kit, lines), KITS), strict=True))


def test_kits_agree_on_random_callbacks():
    seed, end, seen = SEED, time.monotonic() + SECONDS, collections.Counter()
    while seed == SEED or time.monotonic() < end:
        lines = callbacks(seed, COUNT)
        found = verdicts_of_all(lines)
        for place, line in enumerate(lines):
            by_kit = {kit: found[kit][place] for kit in KITS}
            assert len(set(by_kit.values())) == 1, (
                f"seed {seed}, callback {place}: {by_kit}\n{line}"
            )
            seen.update(
                [
                    " ".join(found[KITS[0]][place].split(" ")[:2])
                    if by_kit[KITS[0]][0] != "a"
                    else "accepted"
                ]
            )
        seed += 1
    print(f"\nseeds {SEED} to {seed - 1}: {dict(seen.most_common())}")
    # Otherwise most of the callbacks would be rejected for the same reason, and prove little.
    assert seen["accepted"] > COUNT / 20 and len(seen) > 12, seen
