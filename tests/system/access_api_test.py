"""/v1/access: who reaches what in the running state, with operators' stops; who may ask, and what is recorded."""
import json
import os
import shutil
import tempfile
import unittest
import urllib.parse

import harness


class AccessApi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = harness.TestWorld()
        cls.addClassCleanup(cls.world.close)
        cls.world.start()
        cls.operator = cls.world.operator_token()

    def get(self, kind, token=None, **parameters):
        query = urllib.parse.urlencode(parameters)
        return self.world.api_call(token or self.operator, "GET", f"/v1/access/{kind}?{query}")

    def answers(self, kind, **parameters):
        answer = self.get(kind, **parameters)
        self.assertEqual(200, answer.status, answer)
        return answer.json()

    def chains(self, body):
        return [each["chain"] for answer in body["answers"] for each in answer["chains"]]

    def test_the_four_questions_are_answered(self):
        self.assertIn(["nora", "support-portal"], self.chains(self.answers("to", api="invoices", action="read")))
        self.assertIn(["nora", "support-portal", "support-agent"], self.chains(self.answers("path", id="support-agent", api="invoices")))
        of = self.answers("of", id="nightly-export")
        self.assertIn("invoices", {each["api"] for each in of["answers"]})
        classes = self.answers("classes", api="invoices", action="read", reads="sub")
        self.assertEqual(["invoices read Billing::Invoice"], [each["target"] for each in classes["targets"]])
        self.assertTrue(classes["look_alikes"])

    def test_it_says_what_the_command_line_says(self):
        status, out, err = harness.writ("access", "to", "mail", "--json", "--config", self.world.config)
        self.assertEqual(0, status, err)
        told = json.loads(out)["answers"]
        self.assertEqual(sorted((each["verdict"], each["chain_count"]) for each in told),
                         sorted((each["verdict"], each["chain_count"]) for each in self.answers("to", api="mail")["answers"]))

    def test_a_stop_of_an_operator_counts_at_once(self):
        self.assertTrue(self.answers("of", id="marketing-app")["answers"])
        self.assertEqual(200, self.world.api_call(self.operator, "POST", "/v1/identities/marketing-app/suspend").status)
        self.assertEqual([], self.answers("of", id="marketing-app")["answers"])
        never = self.answers("of", id="marketing-app", all="true")["answers"]
        self.assertIn("caller_suspended", {each["reason"] for each in never})
        self.assertEqual(200, self.world.api_call(self.operator, "POST", "/v1/identities/marketing-app/activate").status)
        self.assertTrue(self.answers("of", id="marketing-app")["answers"])

    def test_who_may_not_read_access_is_refused(self):
        customer = self.world.customer_token(self.world.api)
        for kind, parameters in (("of", {"id": "nora"}), ("to", {"api": "mail"}), ("path", {"id": "nora", "api": "mail"}), ("classes", {"api": "mail"}), ("diff", {"to": "files"})):
            answer = self.get(kind, token=customer, **parameters)
            self.assertEqual((403, "policy_no_permit"), (answer.status, answer.reason()), answer)
        self.assertEqual(401, self.world.api_call(None, "GET", "/v1/access/to?api=mail").status)

    def test_each_question_is_recorded(self):
        head = self.world.api_call(self.operator, "GET", "/v1/audit/head").json()["seq"]
        self.answers("to", api="mail", action="draft")
        records = self.world.api_call(self.operator, "GET", f"/v1/audit/records?after={head}").json()["records"]
        (asked,) = [each for each in records if each["type"] == "access.asked"]
        self.assertEqual(("to", "ops-console"), (asked["object"], asked["actor"]))
        self.assertEqual({"kind": "to", "api": "mail", "action": "draft"}, json.loads(asked["detail"]))

    def test_pages_follow_each_other_and_together_are_the_whole(self):
        whole = self.answers("to", api="invoices", all="true", limit=1000)
        self.assertFalse(whole["more"])
        pages, after = [], {}
        while True:
            page = self.answers("to", api="invoices", all="true", limit=3, **after)
            self.assertLessEqual(len(page["answers"]), 3)
            self.assertEqual(whole["shares"], page["shares"])
            pages += page["answers"]
            if not page["more"]:
                break
            after = {"after": page["next"]}
        self.assertEqual([each["chains"] for each in whole["answers"]], [each["chains"] for each in pages])
        self.assertEqual(409, self.get("to", api="invoices", after="0123456789abcdef.3").status)

    def test_what_a_reload_would_give_and_take_is_told_before_it_happens(self):
        self.assertEqual([], self.answers("diff", to="files")["changes"])
        policies = os.path.join(os.path.dirname(self.world.config), "policies", "access-test.cedar")
        with open(policies, "w", encoding="utf-8") as file:
            file.write('@id("nobody-drafts") forbid (principal, action == Mail::Action::"draft", resource);')
        self.addCleanup(os.remove, policies)
        told = self.answers("diff", to="files", limit=1000)
        self.assertTrue(told["changes"])
        self.assertEqual({("taken", "never")}, {(each["change"], each["after"]) for each in told["changes"]})
        self.assertTrue(all(each["target"].startswith("mail draft") for each in told["changes"]), told["changes"][0])
        self.assertEqual({"in_force", "files"}, {told["from"]["world"], told["to"]["world"]})
        # Nothing of it is in force, and the other way round it is given.
        self.assertTrue(self.answers("to", api="mail", action="draft")["answers"])
        back = self.answers("diff", **{"from": "files", "to": "in_force", "limit": 1000})
        self.assertEqual({"given"}, {each["change"] for each in back["changes"]})
        # As the command line says it of the same two.
        folder = tempfile.mkdtemp(prefix="writ-access-api-")
        self.addCleanup(shutil.rmtree, folder)
        before = os.path.join(folder, "before")
        shutil.copytree(os.path.dirname(self.world.config), before, ignore=shutil.ignore_patterns("data", "access-test.cedar"))
        _, out, err = harness.writ("access", "diff", os.path.join(before, os.path.basename(self.world.config)), self.world.config, "--json")
        self.assertTrue(out, err)
        line = json.loads(out)
        key = lambda each: (each["change"], each["chain"], each["target"], each["before"], each["after"])
        self.assertEqual(sorted(map(key, line["changes"])), sorted(map(key, told["changes"])))
        self.assertEqual(line["counts"], told["counts"])

    def test_files_that_a_reload_would_not_take_over_are_refused(self):
        policies = os.path.join(os.path.dirname(self.world.config), "policies", "access-test.cedar")
        with open(policies, "w", encoding="utf-8") as file:
            file.write("permit (principal")
        self.addCleanup(os.remove, policies)
        answer = self.get("diff", to="files")
        self.assertEqual(400, answer.status, answer)
        self.assertEqual(404, self.get("diff", to="0123456789abcdef").status)

    def test_what_is_not_understood_is_refused(self):
        for kind, parameters in (("of", {}), ("of", {"id": "nora", "resource": "x"}), ("to", {"api": "mail", "limit": "0"}),
                                 ("to", {"api": "mail", "limit": "1001"}), ("to", {"api": "mail", "all": "yes"}),
                                 ("to", {"api": "mail", "links": "-1"}), ("to", {"api": "mail", "after": "what"}),
                                 ("to", {"api": "mail", "resource": "no entity"}), ("classes", {"api": "mail", "reads": "shoe"}), ("diff", {}), ("diff", {"to": "files", "api": "mail"}),
                                 ("of", {"id": "n" * 1025})):
            answer = self.get(kind, **parameters)
            self.assertEqual(400, answer.status, (kind, parameters, answer))
        twice = self.world.api_call(self.operator, "GET", "/v1/access/to?api=mail&api=invoices")
        self.assertEqual(400, twice.status)
        for kind, parameters in (("of", {"id": "nobody-at-all"}), ("to", {"api": "no-such-api"}), ("to", {"api": "mail", "action": "fly"})):
            self.assertEqual(404, self.get(kind, **parameters).status, (kind, parameters))


if __name__ == "__main__":
    unittest.main()
