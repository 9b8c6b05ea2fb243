"""/v1/contracts, /v1/posture and /v1/rightsizing: reports on the running state; who may ask, what is left out, what is recorded."""
import json
import os
import unittest
import urllib.parse

import harness

# Support may look at what is wrong with its own tenant.
SUPPORT_LOOKS = """
@id("support-looks")
permit (principal == Writ::Application::"support-portal", action == Writ::Action::"read-posture", resource);
@id("nora-looks")
permit (principal == Writ::User::"nora", action == Writ::Action::"read-posture", resource);
"""


class ReportsApi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = harness.TestWorld()
        cls.addClassCleanup(cls.world.close)
        with open(os.path.join(cls.world.folder, "policies", "writ.cedar"), "a", encoding="utf-8") as file:
            file.write(SUPPORT_LOOKS)
        cls.world.start()
        cls.operator = cls.world.operator_token()

    def get(self, what, token=None, **parameters):
        query = urllib.parse.urlencode(parameters)
        return self.world.api_call(token or self.operator, "GET", f"/v1/{what}" + ("?" + query if query else ""))

    def answer(self, what, token=None, **parameters):
        answer = self.get(what, token, **parameters)
        self.assertEqual(200, answer.status, answer)
        return answer.json()

    def command(self, *words):
        status, out, err = harness.writ(*words, "--json", "--config", self.world.config)
        self.assertEqual(0, status, err)
        return json.loads(out)

    def test_contracts_are_those_of_the_command_line(self):
        told = self.answer("contracts")["contracts"]
        self.assertEqual(self.command("claims", "contract")["contracts"], told)
        (one,) = self.answer("contracts", api="invoices")["contracts"]
        self.assertIn(one, told)

    def test_posture_is_that_of_the_command_line_and_knows_the_running_log(self):
        told = self.answer("posture", log="false", limit=1000)
        command = self.command("posture")
        self.assertEqual([each["id"] for each in command["findings"]], [each["id"] for each in told["findings"]])
        self.assertEqual([each["state"] for each in command["checks"]], [each["state"] for each in told["checks"]])
        self.assertTrue(told["whole"])
        self.assertTrue(all(each["evidence"] and each["fix"]["what"] for each in told["findings"]))
        self.assertIn("records", self.answer("posture")["log"])
        operating = [each["id"] for each in self.answer("posture", check="person-behind-machine")["findings"]]
        self.assertEqual(["person-behind-machine:ops-console"], operating)

    def test_pages_follow_each_other_and_together_are_the_whole(self):
        whole = [each["id"] for each in self.answer("posture", log="false", limit=1000)["findings"]]
        pages, after = [], {}
        while True:
            page = self.answer("posture", log="false", limit=3, **after)
            self.assertLessEqual(len(page["findings"]), 3)
            pages += [each["id"] for each in page["findings"]]
            if not page["more"]:
                break
            after = {"after": page["next"]}
        self.assertEqual(whole, pages)
        self.assertEqual(409, self.get("posture", log="false", after="no-owner:nobody").status)

    def test_an_exception_of_the_configuration_covers_its_finding_until_it_is_taken_out(self):
        with open(self.world.config, encoding="utf-8") as file:
            before = file.read()
        self.addCleanup(self.take_over, before)
        self.take_over(before + "posture:\n  exceptions:\n"
                       "    - {finding: no-owner, subject: support-portal, owner: niklas, reason: soon, until: 2099-01-01}\n"
                       "    - {finding: no-owner, subject: nobody, owner: niklas, reason: soon, until: 2099-01-01}\n")
        told = self.answer("posture", check="no-owner", log="false")
        covered = {each["id"]: each.get("excepted", {}).get("owner") for each in told["findings"]}
        self.assertEqual("niklas", covered["no-owner:support-portal"])
        self.assertEqual(1, told["excepted"])
        self.assertEqual(["no-owner:nobody"], [each["finding"] for each in told["exceptions_without_finding"]])

    def take_over(self, text):
        with open(self.world.config, "w", encoding="utf-8") as file:
            file.write(text)
        answer = self.world.api_call(self.operator, "POST", "/v1/policies/reload")
        self.assertEqual(200, answer.status, answer)
        self.assertNotIn("restart", json.dumps(answer.json()))

    def test_rightsizing_tells_what_was_used(self):
        self.assertEqual(200, self.world.through_gateway(self.world.customer_token(), "/invoices/inv-1001").status)
        told = self.answer("rightsizing")
        self.assertTrue(told["whole"])
        used = {each["identity"]: each["uses"] for each in told["identities"]}
        self.assertGreater(used['Writ::Application::"support-portal"'], 0)
        self.assertIn("support-portal-serves-customers", [each["id"] for each in told["policies"]])

    def test_a_caller_of_a_tenant_sees_nobody_of_another_and_no_evidence(self):
        north = self.world.customer_token(self.world.api)
        told = self.answer("posture", north, log="false")
        self.assertFalse(told["whole"])
        self.assertFalse({"checks", "log", "identities"} & set(told))
        identities = {each["id"]: each.get("tenant") for each in
                      self.world.api_call(self.operator, "GET", "/v1/identities?limit=1000").json()["identities"]}
        for each in told["findings"]:
            self.assertFalse({"evidence", "fix", "what"} & set(each), each)
            for subject in each["subjects"]:
                self.assertIn(subject, identities)
                self.assertIn(identities[subject], ("north", None))
        self.assertLess(len(told["findings"]), len(self.answer("posture", log="false")["findings"]))
        rights = self.answer("rightsizing", north)
        self.assertNotIn("policies", rights)
        for contract in self.answer("contracts", north)["contracts"]:
            self.assertEqual(("", ""), (contract["token_bytes"]["subject"], contract["token_bytes"]["client"]))

    def test_who_may_not_is_refused(self):
        other = self.world.customer_token(self.world.api, user="mallory")
        for what in ("contracts", "posture", "rightsizing"):
            answer = self.get(what, other)
            self.assertEqual((403, "policy_no_permit"), (answer.status, answer.reason()), answer)
            self.assertEqual(401, self.world.api_call(None, "GET", f"/v1/{what}").status)

    def test_each_question_is_recorded(self):
        head = self.world.api_call(self.operator, "GET", "/v1/audit/head").json()["seq"]
        self.answer("posture", check="no-owner", log="false")
        self.answer("contracts", api="mail")
        self.answer("rightsizing", days=7)
        records = self.world.api_call(self.operator, "GET", f"/v1/audit/records?after={head}").json()["records"]
        asked = [(each["object"], each["actor"], json.loads(each["detail"])) for each in records if each["type"] == "posture.asked"]
        self.assertEqual([("posture", "ops-console", {"kind": "posture", "check": "no-owner", "log": False}),
                          ("contracts", "ops-console", {"kind": "contracts", "api": "mail"}),
                          ("rightsizing", "ops-console", {"kind": "rightsizing", "days": 7})], asked)

    def test_what_is_not_understood_is_refused(self):
        for what, parameters in (("contracts", {"apis": "mail"}), ("posture", {"limit": "0"}), ("posture", {"limit": "1001"}),
                                 ("posture", {"log": "no"}), ("rightsizing", {"days": "0"}), ("rightsizing", {"since": "90d"})):
            self.assertEqual(400, self.get(what, **parameters).status, (what, parameters))
        self.assertEqual(404, self.get("contracts", api="no-such-api").status)
        self.assertEqual(404, self.get("posture", check="no-such-check").status)


if __name__ == "__main__":
    unittest.main()
