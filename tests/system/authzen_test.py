"""AuthZEN against the real binary: the certification and interoperability cases, and what its users may ask.

The cases are not ours and lie outside this repository; WRIT_CONFORMANCE_DIR names the folder.
"""
import json
import os
import re
import shutil
import unittest

import harness

CASES = os.path.join(harness.ROOT, "tests", "cases", "authzen")
CONFORMANCE = os.path.join(os.environ.get("WRIT_CONFORMANCE_DIR", "/nonexistent"), "authzen")
EVALUATION = "/access/v1/evaluation"
GOOD = {"subject": {"type": "user", "id": "alice"}, "action": {"name": "read"},
        "resource": {"type": "record", "id": "record-1"}}


def cases(name):
    path = os.path.join(CONFORMANCE, name)
    if not os.path.exists(path):
        raise unittest.SkipTest(f"no conformance data at {path}; set WRIT_CONFORMANCE_DIR")
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def fixture(text, access="token"):
    text = text.replace("files: [policies]", "files: [policies/writ.cedar, authzen.cedar]")
    text = text.replace("entities: entities.json", "entities: authzen.json")
    # The types of these policies have no schema; without one they are taken as they are.
    text = re.sub(r"  schemas: .*\n", "", text)
    return re.sub(r"authzen:\n(  .*\n)+", f"authzen: {{access: {access}}}\n", text)


class Authzen(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = harness.TestWorld(edit=fixture)
        cls.addClassCleanup(cls.world.close)
        shutil.copy(os.path.join(CASES, "policies.cedar"), os.path.join(cls.world.folder, "authzen.cedar"))
        shutil.copy(os.path.join(CASES, "entities.json"), os.path.join(cls.world.folder, "authzen.json"))
        cls.world.start()
        cls.token = cls.world.evaluator_token()

    def ask(self, request, token=None):
        return self.world.api_call(token or self.token, "POST", EVALUATION, request)

    def test_certification_cases(self):
        asked = 0
        for case in cases("certification-cases.json"):
            # Batches and searches are other endpoints.
            if not case["id"].startswith("c-2-"):
                continue
            with self.subTest(case["id"] + " " + case["label"]):
                answer = self.ask(case["request"])
                wanted = 400 if "400" in case["expected_text"] else 200
                self.assertEqual(wanted, answer.status, answer)
                if wanted == 200:
                    body = case.get("expected_body") or {"decision": '"decision": true' in case["expected_text"]}
                    self.assertEqual(body["decision"], answer.json()["decision"], answer)
                asked += 1
        self.assertGreater(asked, 15)

    def test_todo_interoperability(self):
        for case in cases("todo-decisions-1_0.json")["evaluation"]:
            with self.subTest(case["request"]):
                self.assertEqual(case["expected"], self.ask(case["request"]).json()["decision"])

    def test_a_deny_says_why(self):
        answer = self.ask({**GOOD, "subject": {"type": "user", "id": "carol"}})
        self.assertEqual((200, False, "policy_no_permit"),
                         (answer.status, answer.json()["decision"], answer.json()["context"]["reason"]))

    def test_a_forbid_that_lacks_a_fact_denies(self):
        answer = self.ask({**GOOD, "action": {"name": "can_delete_todo"}, "resource": {"type": "todo", "id": "1"}})
        self.assertEqual((200, False), (answer.status, answer.json()["decision"]), answer)

    def test_the_callers_request_id_comes_back(self):
        answer = self.world.call(self.world.api_port, "POST", EVALUATION,
                                 {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json",
                                  "X-Request-ID": "bfe9eb29-ab87"}, json.dumps(GOOD))
        self.assertEqual("bfe9eb29-ab87", answer.headers["X-Request-ID"])

    def test_the_callers_request_id_comes_back_with_every_answer_and_once(self):
        good = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        for status, method, path, headers, body in (
                (200, "POST", EVALUATION, good, json.dumps(GOOD)),
                (400, "POST", EVALUATION, good, "{"),
                (401, "POST", EVALUATION, good | {"Authorization": "Bearer x"}, json.dumps(GOOD)),
                (403, "POST", EVALUATION, good | {"Authorization": "Bearer " + self.world.customer_token(self.world.api)}, json.dumps(GOOD)),
                (404, "POST", EVALUATION + "s", good, json.dumps(GOOD)),
                (405, "GET", EVALUATION, good, None),
                (413, "POST", EVALUATION, good, json.dumps({**GOOD, "more": "x" * 2_000_000})),
                (415, "POST", EVALUATION, good | {"Content-Type": "text/plain"}, json.dumps(GOOD))):
            for name in ("bfe9eb29-ab87", "a" * 500):
                answer = self.world.call(self.world.api_port, method, path, headers | {"X-Request-ID": name}, body)
                self.assertEqual((status, name), (answer.status, answer.headers["X-Request-ID"]), answer)
                self.assertEqual(1, len(answer.headers.get_all("X-Request-ID")), answer)

    def test_types_that_are_not_names_of_cedar_are_answered(self):
        for kind in ("service-account", "urn:acme:person", "https://acme.example/types/person", "acme.person", "größe", "in"):
            answer = self.ask({**GOOD, "subject": {"type": kind, "id": "alice"}, "resource": {"type": kind, "id": "1"}})
            self.assertEqual((200, False), (answer.status, answer.json()["decision"]), answer)

    def test_a_caller_does_not_write_the_type_that_stands_for_another_name(self):
        answer = self.ask({**GOOD, "subject": {"type": "AuthZEN::service_2d_account", "id": "alice"}})
        self.assertEqual(400, answer.status, answer)
        self.assertIn("send the name", answer.json()["message"])

    def test_what_is_said_of_the_action_counts_where_the_context_has_an_action_too(self):
        answer = self.ask({**GOOD, "action": {"name": "delete", "properties": {"soft": True}}, "context": {"action": "x"}})
        self.assertEqual((200, True), (answer.status, answer.json()["decision"]), answer)

    def test_only_who_may_evaluate_is_answered(self):
        self.assertEqual(401, self.world.api_call(None, "POST", EVALUATION, GOOD).status)
        portal = self.world.customer_token(self.world.api)
        answer = self.ask(GOOD, token=portal)
        self.assertEqual((403, "policy_no_permit"), (answer.status, answer.reason()))

    def test_an_identity_of_the_inventory_is_not_what_a_caller_says_of_it(self):
        identity = {"id": "dora", "kind": "user", "tenant": "north"}
        self.assertEqual(201, self.world.api_call(self.token, "POST", "/v1/identities", identity).status)
        self.world.api_call(self.token, "POST", "/v1/identities/dora/suspend")
        answer = self.ask({**GOOD, "subject": {"type": "Writ::User", "id": "dora", "properties": {"role": "admin"}}})
        self.assertEqual((False, "subject_suspended"),
                         (answer.json()["decision"], answer.json()["context"]["reason"]), answer)

    def test_evaluations_are_audited_with_their_caller(self):
        self.ask(GOOD)
        with open(os.path.join(self.world.data, "audit.log"), encoding="utf-8") as file:
            last = [r for r in map(json.loads, file) if r.get("point") == "authzen"][-1]
        self.assertEqual(("ops-console", 'user::"alice"', "permit"), (last["client"], last["subject"], last["effect"]))

    def test_bad_values_are_named(self):
        for change, name in (({"context": []}, "context"), ({"subject": {"type": "a b", "id": "x"}}, "subject.type"),
                             ({"action": {"name": "read", "properties": 1}}, "action.properties")):
            answer = self.ask({**GOOD, **change})
            self.assertEqual(400, answer.status, answer)
            self.assertIn(name, answer.json()["message"])

    def test_what_cedar_cannot_hold_and_no_policy_reads_is_left_out_and_named(self):
        answer = self.ask({"subject": {"type": "user", "id": "alice", "properties": {"height": 1.7, "nick": None, "number": 2 ** 63}},
                           "action": {"name": "delete", "properties": {"soft": True, "weight": 0.5}},
                           "resource": {"type": "record", "id": "record-1", "properties": {"size": [1, 2.5]}},
                           "context": {"risk": {"score": 0.25, "level": 3}, "trace": [-10 ** 40]}, "more": 10 ** 30})
        self.assertEqual({"decision": True, "context": {"left_out": [
            "subject.properties.height", "subject.properties.nick", "subject.properties.number", "resource.properties.size",
            "context.risk.score", "context.trace", "action.properties.weight"]}}, answer.json())

    def test_a_deny_names_what_was_left_out(self):
        answer = self.ask({**GOOD, "subject": {"type": "user", "id": "carol"}, "context": {"score": 1.5}})
        self.assertEqual((False, "policy_no_permit", ["context.score"]),
                         (answer.json()["decision"], answer.json()["context"]["reason"], answer.json()["context"]["left_out"]))

    def test_what_cedar_cannot_hold_is_never_absent_where_a_policy_reads_it(self):
        subject, resource = GOOD["subject"], GOOD["resource"]
        for change, name in (({"resource": {**resource, "properties": {"status": None}}}, "status"),
                             ({"resource": {**resource, "properties": {"status": 1.5}}}, "status"),
                             ({"resource": {**resource, "properties": {"status": ["archived", None]}}}, "status"),
                             ({"subject": {**subject, "properties": {"roles": None}}}, "roles"),
                             ({"subject": {**subject, "properties": {"role": {"is": 1.5}}}}, "role"),
                             ({"action": {"name": "write", "properties": {"soft": 0.5}}}, "soft"),
                             ({"context": {"x": {"role": None}}}, "role"),
                             # Guards read these, whatever policies say.
                             ({"resource": {**resource, "properties": {"environment": None}}}, "environment"),
                             ({"resource": {**resource, "properties": {"tenant": None}}}, "tenant"),
                             ({"resource": {**resource, "properties": {"tenant": 2 ** 64}}}, "tenant"),
                             ({"resource": {**resource, "properties": {"forPurposes": None}}}, "forPurposes"),
                             ({"resource": {**resource, "properties": {"status": 2 ** 63}}}, "status"),
                             ({"resource": {**resource, "id": 2 ** 64}}, "resource.id")):
            answer = self.ask({"action": {"name": "write"}, **{k: v for k, v in GOOD.items() if k != "action"}, **change})
            self.assertEqual(400, answer.status, answer)
            self.assertIn(name, answer.json()["message"])

    def test_open_access_is_a_choice(self):
        world = harness.TestWorld(edit=lambda text: fixture(text, "open"))
        self.addCleanup(world.close)
        for source, name in (("policies.cedar", "authzen.cedar"), ("entities.json", "authzen.json")):
            shutil.copy(os.path.join(CASES, source), os.path.join(world.folder, name))
        world.start()
        self.assertEqual({"decision": True}, world.api_call(None, "POST", EVALUATION, GOOD).json())


class SeveralApis(unittest.TestCase):
    """Acme's own: invoices and mail, each with its actions."""

    @classmethod
    def setUpClass(cls):
        cls.world = harness.TestWorld()
        cls.addClassCleanup(cls.world.close)
        cls.world.start()
        cls.token = cls.world.operator_token()

    def decision(self, action, kind, resource, user="nora"):
        answer = self.world.api_call(self.token, "POST", EVALUATION, {
            "subject": {"type": "user", "id": user}, "action": {"name": action}, "resource": {"type": kind, "id": resource}})
        self.assertEqual(200, answer.status, answer)
        return answer.json()["decision"]

    def test_the_actions_of_each_api_can_be_asked_about(self):
        # Of invoices nobody may `draft`, and mail has a `draft` of its own.
        self.assertTrue(self.decision("read", "invoice", "inv-1001"))
        self.assertTrue(self.decision("draft", "mailbox", "nora"))
        self.assertTrue(self.decision("draft", "Mail::Mailbox", "nora"))
        self.assertFalse(self.decision("draft", "mailbox", "sofia"))
        self.assertFalse(self.decision("draft", "invoice", "inv-1001"))

    def test_the_audit_names_the_action_of_the_api(self):
        self.decision("read", "mailbox", "nora")
        records = self.world.api_call(self.token, "GET", "/v1/audit/records?limit=20").json()["records"]
        self.assertIn('Mail::Action::"read"', [each.get("action") for each in records if each.get("point") == "authzen"])


if __name__ == "__main__":
    unittest.main()
