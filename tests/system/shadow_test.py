"""Shadow policies: checked and recorded like any other, told of in a report, and without effect until promoted."""
import json
import os
import signal
import time
import unittest

import harness

READ = "/invoices/inv-1001"
SHADOW = """
@id("credits-need-a-ticket")
@shadow("from April on")
forbid (principal, action == Billing::Action::"read", resource is Billing::Invoice)
unless { context has task };
"""


class Shadow(unittest.TestCase):
    def setUp(self):
        self.world = harness.TestWorld()
        self.addCleanup(self.world.close)
        self.file = os.path.join(self.world.folder, "policies", "shadow.cedar")

    def write(self, text):
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(text)

    def log(self):
        return os.path.join(self.world.data, "audit.log")

    def report(self, *arguments):
        return harness.writ("audit", "shadow-report", self.log(), *arguments)

    def test_a_shadow_is_validated_like_any_other_policy(self):
        self.write(SHADOW.replace("context has task", "context.tusk"))
        status, out, _ = harness.writ("check", "--config", self.world.config)
        self.assertEqual(1, status)
        self.assertIn("shadow.cedar:5:", out)

    def test_check_counts_shadows_apart(self):
        before = json.loads(harness.writ("check", "--config", self.world.config, "--json")[1])
        self.write(SHADOW)
        after = json.loads(harness.writ("check", "--config", self.world.config, "--json")[1])
        self.assertEqual((before["policies"], 0, 1), (after["policies"], before["shadow_policies"], after["shadow_policies"]))
        self.assertIn(" and 1 shadow (revision ", harness.writ("check", "--config", self.world.config)[1])

    def test_tests_of_policies_see_no_shadows(self):
        self.write(SHADOW)
        self.assertEqual(0, harness.writ("test", "--config", self.world.config)[0])

    def test_the_report_says_what_would_have_changed_for_whom_and_how_often_until_it_is_promoted(self):
        self.write(SHADOW)
        self.world.start()
        token = self.world.customer_token()
        for _ in range(3):
            self.assertEqual(200, self.world.through_gateway(token, READ).status)
        self.assertEqual(403, self.world.through_gateway(token, "/invoices/inv-1002").status)
        task = self.world.open_task()
        self.assertEqual(200, self.world.through_gateway(self.world.agent_token(task), READ).status)

        status, out, err = self.report("--json", "--examples", "2")
        self.assertEqual((1, ""), (status, err))
        report = json.loads(out)
        self.assertEqual(3, report["changed"])
        self.assertGreater(report["decisions"], 5)
        (change,) = report["changes"]
        self.assertEqual(("credits-need-a-ticket", "permit", "deny policy_forbid", 3),
                         tuple(change[key] for key in ("policy", "from", "to", "decisions")))
        self.assertEqual([("client", "support-portal", 3), ("subject", "nora", 3)],
                         [(party["role"], party["id"], party["decisions"]) for party in change["parties"]])
        self.assertEqual([{"api": "invoices", "decisions": 3}], change["apis"])
        self.assertEqual([READ, READ], [example["path"] for example in change["examples"]])

        _, text, _ = self.report()
        self.assertIn("credits-need-a-ticket: permit → deny policy_forbid, 3 decisions from ", text)
        self.assertIn("for client support-portal 3, subject nora 3", text)
        self.assertEqual(0, json.loads(self.report("--json", "--revision", "no such")[1])["decisions"])
        _, shown, _ = harness.writ("audit", "show", self.log())
        self.assertIn("(with shadow policies: deny policy_forbid)", shown)

        # Promoted by taking the annotation away.
        self.write(SHADOW.replace('@shadow("from April on")\n', ""))
        self.world.server.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 15
        while " in force\n" not in self.world.log_text():
            self.assertLess(time.monotonic(), deadline, self.world.log_text())
            time.sleep(0.01)
        self.assertEqual("policy_forbid", self.world.through_gateway(token, READ).reason())
        self.assertEqual(3, json.loads(self.report("--json")[1])["changed"])

    def test_issuing_and_evaluations_are_shadowed_too(self):
        self.write('@id("nobody") @shadow forbid (principal == Writ::User::"nora", action, resource);')
        self.world.start()
        self.world.customer_token()
        question = {"subject": {"type": "user", "id": "nora"}, "action": {"name": "read"},
                    "resource": {"type": "invoice", "id": "inv-1001"}}
        answer = self.world.api_call(self.world.evaluator_token(), "POST", "/access/v1/evaluation", question)
        self.assertEqual(200, answer.status, answer)
        with open(self.log(), encoding="utf-8") as file:
            told = {record["point"]: record for record in map(json.loads, file) if record.get("shadow_policies") == ["nobody"]}
        self.assertEqual({"oauth", "authzen"}, set(told))
        self.assertEqual("deny", told["oauth"]["shadow_effect"])


if __name__ == "__main__":
    unittest.main()
