"""writ decide and writ explain: what would come of a request, and why, without anything being used up."""
import json
import os
import shutil
import tempfile
import unittest

import harness

NORA = ("--sub", "nora", "--tenant", "north")
READ = ("--request", "GET /invoices/inv-1001")
PORTAL = (*NORA, *READ, "--client", "support-portal", "--purpose", "support")
MARKETING = (*NORA, *READ, "--client", "marketing-app", "--purpose", "marketing")
TASK = """
now: 2026-03-02T09:00:00Z
fixtures:
  tasks:
    t-1: {purpose: support, subject: nora, agents: [support-agent], actions: ['Billing::Action::"read"'],
          resources: ['Billing::Invoice::*'], budget: {calls: 1}, expires_in_seconds: 600}
request: GET /invoices/inv-1001
token: {sub: nora, client_id: support-agent, act: [support-agent, support-portal], tenant: north, task: t-1}
"""


class Decide(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.acme = os.path.join(self.folder, "acme")
        shutil.copytree(harness.ACME, self.acme, ignore=shutil.ignore_patterns("data", "__pycache__"))
        self.config = os.path.join(self.acme, "writ.yaml")

    def file(self, text):
        path = os.path.join(self.folder, "request.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def decide(self, *arguments, command="decide"):
        status, out, err = harness.writ(command, "--config", self.config, *arguments)
        return status, out + err

    def explain(self, *arguments):
        status, out, err = harness.writ("explain", "--config", self.config, "--json", *arguments)
        self.assertNotEqual(2, status, err)
        return json.loads(out)

    def test_a_permit_names_the_policies_and_exits_with_0(self):
        self.assertEqual((0, "permit, by customers-use-their-own-invoices, support-portal-serves-customers\n"),
                         self.decide(*PORTAL))

    def test_a_refusal_names_its_reason_and_exits_with_1(self):
        status, text = self.decide(*MARKETING)
        self.assertEqual(1, status)
        self.assertTrue(text.startswith("deny policy_no_permit: no policy permits application `marketing-app`"), text)

    def test_flags_count_more_than_the_file(self):
        path = self.file(TASK)
        self.assertEqual(0, self.decide(path)[0])
        self.assertIn("task_missing", self.decide(path, "--task", "t-2")[1])

    def test_an_instant_after_the_window_denies(self):
        path = self.file(TASK)
        self.assertEqual(0, self.decide(path, "--at", "+9m")[0])
        status, text = self.decide(path, "--at", "2026-03-02T09:10:00Z")
        self.assertEqual(1, status)
        self.assertIn("task_expired", text)

    def test_deciding_uses_nothing_up(self):
        path = self.file(TASK)
        self.assertEqual([0, 0], [self.decide(path)[0] for _ in range(2)])
        self.assertFalse(os.path.exists(os.path.join(self.acme, "data")))

    def test_an_explanation_tells_parties_guards_and_the_values_that_were_seen(self):
        answer = self.explain(*PORTAL[:-1], "marketing")
        self.assertEqual("purpose_mismatch", answer["code"])
        explanation = answer["explanation"]
        self.assertIn({"guard": "purpose", "passed": False}, explanation["guards"])
        portal = explanation["parties"][1]
        self.assertEqual(('Writ::Application::"support-portal"', False), (portal["party"], portal["permitted"]))
        self.assertIn({"path": "context.purpose", "value": '"marketing"'}, portal["policies"][0]["seen"])

    def test_the_smallest_change_is_told(self):
        status, text = self.decide(*PORTAL[:-2], command="explain")
        self.assertEqual(1, status)
        self.assertIn("it would be permitted if\n  context.purpose is \"support\"", text)

    def test_a_token_that_is_no_good_has_no_parties_to_explain(self):
        path = self.file(TASK.replace("token: {", "token: {exp: -1m, iat: -5m, nbf: -5m, "))
        status, text = self.decide(path, command="explain")
        self.assertEqual(1, status)
        self.assertTrue(text.startswith("deny token_expired"), text)

    def test_a_proof_that_is_missing_is_told_before_what_policies_would_say(self):
        path = self.file(TASK.replace("token: {", "proof: none\ntoken: {bound: true, purpose: marketing, "))
        status, text = self.decide(path, command="explain")
        self.assertEqual(1, status)
        self.assertTrue(text.startswith("deny sender_binding_missing"), text)

    def test_redacted_values_are_not_shown(self):
        with open(self.config, "a", encoding="utf-8") as file:
            file.write("explain: {redact: [resource.customer]}\n")
        status, text = self.decide(*PORTAL, command="explain")
        self.assertEqual(0, status)
        self.assertIn("resource.customer is (redacted)", text)

    def test_a_path_that_would_redact_nothing_is_refused(self):
        with open(self.config, "a", encoding="utf-8") as file:
            file.write("explain: {redact: [customer]}\n")
        status, text = self.decide(*PORTAL)
        self.assertEqual(2, status)
        self.assertIn("`customer` is not a path that a policy reads", text)

    def test_what_is_broken_is_told_with_its_place_and_exits_with_2(self):
        for text, told in [("request: [", "request.yaml:"), ("reqest: GET /x", "`reqest`"),
                           (TASK.replace("GET /", ""), "is not a request"), ("{}", "nothing is asked here")]:
            with self.subTest(told):
                status, said = self.decide(self.file(text))
                self.assertEqual(2, status)
                self.assertIn(told, said)

    def test_without_a_client_nothing_is_decided(self):
        status, text = self.decide(*READ)
        self.assertEqual(2, status)
        self.assertIn("`--client` is missing", text)


if __name__ == "__main__":
    unittest.main()
