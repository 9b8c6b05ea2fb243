"""POST /v1/decide, writ decide --server and --revision: what would come of a request where Writ runs, without any effect."""
import json
import os
import unittest

import harness

NORA = {"sub": "nora", "client_id": "support-portal", "purpose": "support", "tenant": "north"}
READ = {"request": "GET /invoices/inv-1001", "token": NORA}


class WhatIf(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = harness.TestWorld(lambda text: text + "explain: {redact: [resource.customer, context.request.ip]}\n")
        cls.addClassCleanup(cls.world.close)
        cls.world.start()
        cls.operator = cls.world.operator_token()

    def decide(self, question, **more):
        answer = self.world.api_call(self.operator, "POST", "/v1/decide", {**question, **more})
        self.assertEqual(200, answer.status, answer)
        return answer.json()

    def with_token(self, **claims):
        return {**READ, "token": {**NORA, **claims}}

    def records(self):
        with open(os.path.join(self.world.data, "audit.log"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def file(self, name, text):
        path = os.path.join(self.world.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def command(self, *arguments, command="decide", stdin=None):
        path = self.file("operator.token", self.operator)
        return harness.writ(command, "--server", self.world.api, "--token-file", path, *arguments, stdin=stdin)

    def test_the_answer_is_what_the_gateway_would_say(self):
        token = self.world.customer_token()
        for invoice, expected in (("inv-1001", "permit"), ("inv-1002", "policy_no_permit")):
            answer = self.decide({**READ, "request": f"GET /invoices/{invoice}"})
            sent = self.world.through_gateway(token, f"/invoices/{invoice}")
            with self.subTest(invoice):
                self.assertEqual(expected, answer.get("reason", answer["decision"]))
                self.assertEqual(expected, sent.reason() if sent.status == 403 else "permit")
        self.assertEqual('Writ::User::"nora"', answer["party"])
        self.assertEqual(('Billing::Action::"read"', 'Billing::Invoice::"inv-1002"'), (answer["action"], answer["resource"]))

    def test_a_permit_names_its_policies_and_revision(self):
        answer = self.decide(READ)
        self.assertEqual(["customers-use-their-own-invoices", "support-portal-serves-customers"], sorted(answer["policies"]))
        self.assertEqual(self.world.api_call(self.operator, "GET", "/v1/policies").json()["policy_revision"],
                         answer["policy_revision"])

    def test_the_running_state_decides_and_nothing_of_it_is_used_up(self):
        task = self.world.open_task(budget={"calls": 1})
        question = self.with_token(client_id="support-agent", act=["support-agent", "support-portal"], task=task)
        before = len(self.records())
        for _ in range(3):
            self.assertEqual("permit", self.decide(question)["decision"])
        shown = self.world.api_call(self.operator, "GET", f"/v1/tasks/{task}").json()
        self.assertEqual(0, shown.get("used", {}).get("calls", 0), shown)
        self.assertEqual([], [record for record in self.records()[before:] if record.get("point") == "gateway"])
        self.assertEqual("task_expired", self.decide(question, at="+1h")["reason"])
        self.assertEqual(200, self.world.through_gateway(self.world.agent_token(task), "/invoices/inv-1001").status)
        self.assertEqual("budget_exceeded", self.decide(question)["reason"])
        self.world.api_call(self.operator, "POST", f"/v1/tasks/{task}/end")
        self.assertEqual("task_ended", self.decide(question)["reason"])

    def test_a_suspension_counts_at_once(self):
        self.world.api_call(self.operator, "POST", "/v1/identities/mail-drafter/suspend")
        self.addCleanup(self.world.api_call, self.operator, "POST", "/v1/identities/mail-drafter/activate")
        answer = self.decide(self.with_token(client_id="mail-drafter", act=["mail-drafter", "support-agent", "support-portal"]))
        self.assertEqual("caller_suspended", answer["reason"])

    def test_what_a_token_is_refused_for_comes_first(self):
        for claims, reason in (({"exp": "-1s", "iat": "-1m"}, "token_expired"), ({"nbf": "+1m"}, "token_not_yet_valid"),
                               ({"iss": "https://elsewhere.example"}, "token_issuer"),
                               ({"aud": harness.MAIL}, "audience_mismatch")):
            with self.subTest(reason):
                self.assertEqual(reason, self.decide(self.with_token(**claims))["reason"])
        self.assertEqual("token_missing", self.decide({**READ, "token": "none"})["reason"])

    def test_may_a_token_be_issued(self):
        self.assertEqual("permit", self.decide({"issue": "invoices", "token": NORA})["decision"])
        answer = self.decide({"issue": "mail", "token": {**NORA, "client_id": "marketing-app", "purpose": "marketing"}})
        self.assertEqual("policy_no_permit", answer["reason"])

    def test_an_action_on_a_resource_is_asked_for_without_a_route(self):
        question = {"api": "invoices", "action": "read", "resource": 'Billing::Invoice::"new"', "token": NORA}
        self.assertEqual("deny", self.decide(question)["decision"])
        known = {"customer": {"__entity": {"type": "Writ::User", "id": "nora"}}, "tenant": "north", "amount": 1}
        self.assertEqual("permit", self.decide(question, attributes=known)["decision"])

    def test_an_explanation_has_every_party_and_does_not_show_what_is_redacted(self):
        answer = self.decide({**READ, "request": "GET /invoices/inv-1002"}, ip="192.0.2.55", explain=True)
        self.assertEqual(2, len(answer["explanation"]["parties"]))
        self.assertIn("(redacted)", answer["text"])
        self.assertNotIn("niklas", json.dumps(answer))
        self.assertNotIn("explanation", self.decide(READ))

    def test_asking_is_recorded_with_who_asked_what_and_is_no_decision(self):
        self.decide(READ, ip="192.0.2.77")
        record = self.records()[-1]
        self.assertEqual(("decision.asked", "ops-console", "permit"), (record["type"], record["actor"], record["object"]))
        self.assertEqual(READ["token"], json.loads(record["detail"])["token"])

    def test_no_token_leaves(self):
        answer = self.world.api_call(self.operator, "POST", "/v1/decide", {**READ, "explain": True})
        self.assertNotIn(b"eyJ", answer.body)
        with open(os.path.join(self.world.data, "audit.log"), encoding="utf-8") as file:
            self.assertNotIn("eyJ", file.read())

    def test_who_may_not_explain_decisions_gets_no_answer(self):
        answer = self.world.api_call(self.world.customer_token(self.world.api), "POST", "/v1/decide", READ)
        self.assertEqual((403, "policy_no_permit"), (answer.status, answer.reason()))
        self.assertEqual(401, self.world.api_call(None, "POST", "/v1/decide", READ).status)

    def test_a_question_that_is_none_is_refused_with_what_is_wrong(self):
        for question, told in (({}, "must have `request`"), ({"request": "GET /invoices/1"}, "`token`"),
                               ({**READ, "issue": "mail"}, "must have `request`"), ({**READ, "fixtures": {}}, "fixtures"),
                               ({**READ, "request": "GET"}, "method and a path"), ({**READ, "ip": "here"}, "`ip`"),
                               ({**READ, "request": "GET https://elsewhere.example/"}, "without a host"),
                               ({**READ, "at": "soon"}, "`at`"), ({**READ, "at": -1}, "`at`"), ({**READ, "explain": "yes"}, "`explain`"), ({**READ, "approved": 1}, "`approved`"),
                               ({"issue": "mail", "token": NORA, "approved": True}, "`approved`"),
                               ({**READ, "attributes": {}}, "`attributes`"), ({"issue": "mail", "token": NORA, "body": {}}, "`body`"),
                               ({"api": "invoices", "token": NORA}, "`resource`"),
                               ({"api": "nowhere", "action": "read", "resource": 'A::"1"', "token": NORA}, "there is no API `nowhere`"),
                               ({"api": "invoices", "action": "reed", "resource": 'A::"1"', "token": NORA}, "has the actions"),
                               ({"api": "invoices", "action": "read", "resource": "A", "token": NORA}, "`resource`"),
                               (self.with_token(act=["a"] * 9), "9 actors"), (self.with_token(scope="all"), "scope"),
                               (self.with_token(bound="yes"), "`bound`"), ({**READ, "token": {"sub": "nora"}}, "`client_id`"),
                               (self.with_token(client_id="x" * 600), "`client_id`")):
            with self.subTest(told=told, question=question):
                answer = self.world.api_call(self.operator, "POST", "/v1/decide", question)
                self.assertEqual(400, answer.status, answer)
                self.assertIn(told, answer.json()["message"])
        self.assertEqual(404, self.world.api_call(self.operator, "POST", "/v1/decide", {**READ, "request": "GET /nowhere"}).status)

    def test_the_command_asks_the_server_with_file_and_flags(self):
        path = self.file("request.yaml", "request: GET /invoices/inv-1002\ntoken: {client_id: support-portal, purpose: support, "
                                         "tenant: north}\nexpect: permit\n")
        self.assertEqual((0, "permit, by customers-use-their-own-invoices, support-portal-serves-customers\n"),
                         self.command(path, "--sub", "nora", "--request", "GET /invoices/inv-1001")[:2])
        status, out, _ = self.command(path, "--sub", "nora")
        self.assertEqual(1, status)
        self.assertTrue(out.startswith("deny policy_no_permit: "), out)
        status, out, _ = self.command(path, "--sub", "nora", command="explain")
        self.assertEqual(1, status)
        self.assertIn('user Writ::User::"nora"', out)
        self.assertEqual("deny", json.loads(self.command(path, "--sub", "nora", "--json")[1])["decision"])
        status, _, err = self.command("-", stdin="fixtures: {}\nrequest: GET /invoices/inv-1001")
        self.assertEqual(2, status)
        self.assertIn("`fixtures` is of a world of its own", err)

    def test_a_caller_who_may_not_ask_is_told_so_and_nothing_was_decided(self):
        path = self.file("customer.token", self.world.customer_token(self.world.api))
        status, _, err = harness.writ("decide", "--server", self.world.api, "--token-file", path, "--client", "support-portal",
                                      "--request", "GET /invoices/inv-1001")
        self.assertEqual(2, status)
        self.assertIn("policy_no_permit", err)


class Revision(unittest.TestCase):
    def test_a_kept_revision_decides_in_place_of_the_files(self):
        world = harness.TestWorld()
        self.addCleanup(world.close)
        world.start()
        first = world.api_call(world.operator_token(), "GET", "/v1/policies").json()["policy_revision"]
        billing = os.path.join(world.folder, "policies", "billing.cedar")
        with open(billing, encoding="utf-8") as file:
            text = file.read()
        with open(billing, "w", encoding="utf-8") as file:
            file.write(text.replace("resource.customer == principal", "resource.customer != principal"))

        def decide(*arguments):
            status, out, err = harness.writ("decide", "--config", world.config, "--request", "GET /invoices/inv-1001", "--sub", "nora",
                                            "--tenant", "north", "--client", "support-portal", "--purpose", "support", *arguments)
            return status, out + err
        self.assertEqual(1, decide()[0])
        status, text = decide("--revision", first[:10], "--json")
        self.assertEqual((0, first), (status, json.loads(text)["policy_revision"]))
        self.assertEqual((2, True), (lambda got: (got[0], "there is no kept revision" in got[1]))(decide("--revision", "0" * 10)))
        self.assertEqual(2, decide("--revision", first, "--server", world.api)[0])
        empty = os.path.join(world.folder, "empty")
        os.mkdir(empty)
        self.assertEqual(2, decide("--revision", first, "--data", empty)[0])


if __name__ == "__main__":
    unittest.main()
