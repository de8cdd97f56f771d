"""What is tested here, in place of your own code: a client that synchronizes keys."""

import re
from datetime import datetime

import requests


class TooEarly(Exception):
    """The key was synchronized, or changed, within the past hour. It can be again from `until` on."""

    def __init__(self, until):
        super().__init__(f"not before {until:%H:%M:%S}")
        self.until = until


class TryAgain(Exception):
    """The service cannot decide at the moment. It asks to be tried again `after` so many seconds."""

    def __init__(self, after):
        super().__init__(f"try again after {after} s")
        self.after = after


class Keys:
    """The keys of an instance."""

    def __init__(self, endpoint, instance, token):
        self._url = f"{endpoint}/api/v2/keys"
        self._headers = {"bluemix-instance": instance, "authorization": f"Bearer {token}"}

    def _act(self, key, action):
        return requests.post(f"{self._url}/{key}/actions/{action}", headers=self._headers, timeout=60)

    def disable(self, key):
        """Suspends a key: what it protects cannot be read until it is enabled."""
        self._act(key, "disable").raise_for_status()

    def synchronize(self, key):
        """Has every service that is associated with the key told of its state once more."""
        answer = self._act(key, "sync")
        if answer.status_code == 409:
            message = answer.json()["resources"][0]["reasons"][0]["message"]
            raise TooEarly(datetime.fromisoformat(re.search(r"\S+$", message)[0].replace("Z", "+00:00")))
        if answer.status_code in (429, 503):
            raise TryAgain(int(answer.headers["retry-after"]))
        answer.raise_for_status()
