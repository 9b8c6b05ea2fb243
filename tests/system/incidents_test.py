"""Incidents that happened are refused: examples/incidents, through the real binary, and held against the list of them."""
import json
import os
import unittest

import harness
import yaml

FOLDER = os.path.join(harness.ROOT, "examples", "incidents")
CONFIG = os.path.join(FOLDER, "writ.yaml")
# The list lies beside the conformance data.
LIST = os.path.join(os.environ.get("WRIT_CONFORMANCE_DIR", "/nonexistent"), "..", "scenarios", "incidents.yaml")


def codes(expect):
    """What an `expect` of a test names: its outcome, and the reasons that must be among all."""
    if isinstance(expect, str):
        return {expect}
    return {expect["outcome"], *expect.get("reasons", [])} if isinstance(expect, dict) else set()


def expected(node):
    """All codes that a test file expects, wherever in it."""
    if isinstance(node, list):
        return set().union(*map(expected, node)) if node else set()
    if not isinstance(node, dict):
        return set()
    found = codes(node.get("expect"))
    if "columns" in node and "expect" in node["columns"]:
        at = node["columns"].index("expect")
        for row in node["rows"]:
            found |= codes(row[at])
    return found.union(*map(expected, node.values())) if node else found


class Incidents(unittest.TestCase):
    def suite_of(self, incident):
        with open(os.path.join(FOLDER, "policies", incident + ".test.yaml"), encoding="utf-8") as file:
            return yaml.safe_load(file)

    def test_every_scenario_comes_out_as_it_should(self):
        status, out, err = harness.writ("test", "--config", CONFIG, "--json")
        self.assertEqual(0, status, out + err)
        report = json.loads(out)
        self.assertEqual(0, report["failures"])
        self.assertGreaterEqual(report["tests"], 120)

    def test_no_abnormal_path_passes_without_a_reason(self):
        status, out, err = harness.writ("test", "--config", CONFIG, "--abnormal", "--json")
        self.assertEqual(0, status, out + err)
        report = json.loads(out)
        self.assertGreater(report["originals"], 20)
        self.assertEqual([], report["permitted"])
        self.assertEqual([], report["unused_acceptances"])

    def test_no_change_of_a_policy_goes_unnoticed_without_a_reason(self):
        status, out, err = harness.writ("test", "--config", CONFIG, "--mutate", "--json")
        self.assertEqual(0, status, out + err)
        report = json.loads(out)
        self.assertGreater(report["mutants"], 150)
        self.assertLess(len(report["survivors"]), 5)
        self.assertTrue(all(one["accepted"] for one in report["survivors"]))

    def test_the_tests_see_every_side_of_every_policy(self):
        status, out, err = harness.writ("test", "--config", CONFIG, "--coverage-at-least", "100")
        self.assertEqual(0, status, out + err)

    def test_the_policies_hold_against_their_schema(self):
        status, out, err = harness.writ("check", "--config", CONFIG)
        self.assertEqual(0, status, out + err)

    def test_each_has_a_legitimate_twin_and_a_refusal(self):
        for name in os.listdir(os.path.join(FOLDER, "policies")):
            if name.endswith(".test.yaml"):
                found = expected(self.suite_of(name.removesuffix(".test.yaml")))
                self.assertIn("permit", found, name)
                self.assertGreater(len(found), 1, name)

    def test_the_listed_incidents_are_refused_with_the_listed_reasons(self):
        if not os.path.exists(LIST):
            self.skipTest("there is no list of incidents beside the conformance data")
        with open(LIST, encoding="utf-8") as file:
            incidents = yaml.safe_load(file)
        self.assertTrue(incidents)
        for incident in incidents:
            deny = incident["deny"]
            firsts = [deny[0]] if isinstance(deny, list) else [each[0] for each in deny.values()]
            found = expected(self.suite_of(incident["id"]))
            self.assertIn("permit", found, incident["id"])
            for code in firsts:
                self.assertIn(code, found, incident["id"])


if __name__ == "__main__":
    unittest.main()
