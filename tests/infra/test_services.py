"""The check of the parameter `Services` by infra/deploy: the same documents as the functions
accept, all problems, no secret.
"""

import json
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra"))
import service_registry  # noqa: E402
from operations import InvalidSettings  # noqa: E402

TEMPLATE = (ROOT / "infra" / "template.yaml").read_text()
MAX_BYTES = service_registry.max_bytes(TEMPLATE)
URL = "https://a.example/"


def check(services, timeout_below=841):
    """The registry as it is deployed."""
    text = services if isinstance(services, str) else json.dumps(services)
    return service_registry.checked(text, MAX_BYTES, timeout_below)


class Services(unittest.TestCase):
    def problems(self, services, **bounds):
        with self.assertRaises(InvalidSettings) as raised:
            check(services, **bounds)
        return str(raised.exception).splitlines()

    def test_same_documents_are_accepted_as_by_the_functions(self):
        """`tests/e2e/service_registry.rs` checks the functions and the schema with them."""
        for case in json.loads((ROOT / "tests" / "shared" / "service_registries.json").read_text()):
            with self.subTest(document=case["name"]):
                if case["accepted"]:
                    self.assertEqual(
                        json.loads(check(case["document"])), json.loads(case["document"])
                    )
                else:
                    self.assertTrue(self.problems(case["document"]))

    def test_all_problems_are_reported_at_once(self):
        problems = self.problems(
            {
                "Bad Name": {"url": URL},
                "a": {"url": "ftp://a.example", "acknowledges": "yes", "pasued": True},
                "b": {"url": "https://169.254.169.254/", "timeoutSeconds": 0},
                "c": {"paused": 1},
                "d": 7,
                "e": {"url": "https://xn--a.example/"},
            }
        )
        for expected in [
            "`Bad Name`: a name must be a CRN service name",
            "`url` of `a` must be an https URL",
            "got `ftp://a.example`",
            "`acknowledges` of `a` must be `true` or `false`: got `yes`",
            "`a` has the unknown field `pasued`: it must be one of",
            "`url` of `b` must not be a private",
            "`timeoutSeconds` of `b` must be an integer of seconds from 1 to 840: got `0`",
            "`c` has no `url`",
            "`paused` of `c` must be `true` or `false`: got `1`",
            "`d` must be a JSON object with a `url`: got `7`",
            "`xn--` are Punycode: got `https://xn--a.example/…`",
        ]:
            with self.subTest(problem=expected):
                self.assertTrue(any(expected in problem for problem in problems), problems)
        self.assertEqual(len(problems), 10, "one each")

    def test_problems_contain_no_secret_of_a_url(self):
        for services in [
            {"a": {"url": "https://user:hunter2@a.example"}},
            {"a": {"url": "http://a.example/?token=hunter2"}},
            {"a": {"url": "http://a.example/hooks/hunter2"}},
            {"a": {"url": "https://10.0.0.1/hunter2"}},
            {"a": ["hunter2"]},
            {"a": {"url": {"hunter2": 1}}},
            {"a": "https://a.example/hunter2"},
            {"a": {"url": URL, "paused": "whsec_hunter2"}},
            '{"a":{"url":"hunter2"',
            '"https://user:hunter2@a.example"',
        ]:
            with self.subTest(services=services):
                self.assertNotIn("hunter2", " ".join(self.problems(services)))

    def test_registry_is_deployed_without_white_space(self):
        self.assertEqual(
            check('{ "a" :\n {"url": "https://a.example/"} }\n'),
            '{"a":{"url":"https://a.example/"}}',
        )

    def test_registry_beyond_the_environment_is_rejected(self):
        def of(count):
            return {
                f"service-{n:02}": {"url": URL.ljust(60, "a"), "acknowledges": True}
                for n in range(count)
            }

        most = next(
            count
            for count in range(99)
            if len(json.dumps(of(count + 1), separators=(",", ":"))) > MAX_BYTES
        )
        self.assertGreaterEqual(most, 25)
        check(of(most))
        (problem,) = self.problems(of(most + 1))
        self.assertRegex(problem, rf"has 3\d{{3}} bytes without white space, and {MAX_BYTES} fit")

    def test_timeout_leaves_redeliver_time_to_confirm(self):
        bound = service_registry.timeout_below(TEMPLATE)
        self.assertEqual(bound, 53)
        check({"a": {"url": URL, "timeoutSeconds": bound - 1}}, timeout_below=bound)
        (problem,) = self.problems(
            {"a": {"url": URL, "timeoutSeconds": bound}}, timeout_below=bound
        )
        self.assertIn("`timeoutSeconds` of `a` must be less than 53", problem)


if __name__ == "__main__":
    unittest.main()
