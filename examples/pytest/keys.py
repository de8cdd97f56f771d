"""The code under test, in place of yours: a client that synchronizes keys."""

import re
from datetime import datetime

import requests


class TooEarly(Exception):
    """The key was synchronized or changed within the past hour.

    The next sync is possible at `until`.
    """

    def __init__(self, until):
        super().__init__(f"not before {until:%H:%M:%S}")
        self.until = until


class TemporarilyUnavailable(Exception):
    """The service is temporarily unavailable. Retry after `after` seconds."""

    def __init__(self, after):
        super().__init__(f"retry after {after} s")
        self.after = after


class Keys:
    """The keys of an instance."""

    def __init__(self, endpoint, instance, token):
        self._url = f"{endpoint}/api/v2/keys"
        self._headers = {"bluemix-instance": instance, "authorization": f"Bearer {token}"}

    def _act(self, key, action):
        return requests.post(
            f"{self._url}/{key}/actions/{action}", headers=self._headers, timeout=60
        )

    def disable(self, key):
        """Disables a key: data that it protects cannot be read until it is enabled."""
        self._act(key, "disable").raise_for_status()

    def synchronize(self, key):
        """Notifies every associated service of the key's state again."""
        response = self._act(key, "sync")
        if response.status_code == 409:
            message = response.json()["resources"][0]["reasons"][0]["message"]
            raise TooEarly(
                datetime.fromisoformat(re.search(r"\S+$", message)[0].replace("Z", "+00:00"))
            )
        if response.status_code in (429, 503):
            raise TemporarilyUnavailable(int(response.headers["retry-after"]))
        response.raise_for_status()
