"""Tasks asked for in the token request itself: `authorization_details` of type `writ_task` (RFC 9396)."""
import json
import os
import unittest

import harness
from approvals_test import POLICIES, ApprovalWorld

READ = "/invoices/inv-1001"
TASK = {"type": "writ_task", "purpose": "support", "subject": "nora", "client": "support-portal",
        "agents": ["support-agent"], "actions": ['Billing::Action::"read"'], "resources": ['Billing::Invoice::"inv-1001"'],
        "expires_in_seconds": 600, "budget": {"calls": 2}}


class Details(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = ApprovalWorld()
        cls.addClassCleanup(cls.world.close)
        cls.world.start()

    def ask(self, details, client="support-portal", user="nora", **form):
        """The token request of nora's portal, with these details: text as it is, anything else as JSON."""
        text = details if isinstance(details, str) else json.dumps(details)
        form = {"grant_type": harness.EXCHANGE, "resource": harness.INVOICES, "purpose": "support",
                "subject_token": self.world.id_token(user, "north"),
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "authorization_details": text, **form}
        return self.world.token_request(client, **form)

    def tasks(self):
        return self.world.api_call(self.world.operator_token(), "GET", "/v1/tasks").json()["tasks"]

    def records(self):
        with open(os.path.join(self.world.data, "audit.log"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def assert_invalid(self, answer, what):
        self.assertEqual((400, "invalid_authorization_details"), (answer.status, answer.json()["error"]), answer)
        self.assertIn(what, answer.json()["message"])

    def test_the_token_comes_with_its_task_and_what_was_granted(self):
        answer = self.ask([TASK])
        self.assertEqual(200, answer.status, answer)
        (granted,) = answer.json()["authorization_details"]
        self.assertEqual("writ_task", granted["type"])
        for member in ("purpose", "subject", "client", "agents", "actions", "resources", "budget"):
            self.assertEqual(TASK[member], granted[member], member)
        self.assertEqual("north", granted["tenant"])
        task = self.world.api_call(self.world.operator_token(), "GET", f"/v1/tasks/{granted['identifier']}").json()
        self.assertEqual(("active", granted["expires_at"]), (task["state"], task["expires_at"]))
        token = answer.json()["access_token"]
        self.assertEqual([200, 200], [self.world.through_gateway(token, READ).status for _ in range(2)])
        self.assertEqual("budget_exceeded", self.world.through_gateway(token, READ).reason())

    def test_both_tokens_and_the_task_are_decided_and_recorded(self):
        before = len(self.records())
        task = self.ask([TASK]).json()["authorization_details"][0]["identifier"]
        seen = [(each.get("action"), each.get("resource"), each.get("effect")) if "effect" in each
                else (each["type"], each["object"]) for each in self.records()[before:]]
        self.assertEqual([('Writ::Action::"issue"', 'Writ::Api::"writ"', "permit"),
                          ('Writ::Action::"manage-tasks"', f'Writ::Task::"{task}"', "permit"), ("task.opened", task),
                          ('Writ::Action::"issue"', 'Writ::Api::"invoices"', "permit")], seen)

    def test_a_task_that_needs_approval_is_pending_until_people_approve(self):
        pending = self.ask([{**TASK, "labels": ["needs:approval"]}])
        self.assertEqual((400, "authorization_pending", "approval_required"),
                         (pending.status, pending.json()["error"], pending.reason()), pending)
        self.assertNotIn("access_token", pending.json())
        self.assertGreater(pending.json()["interval"], 0)
        task = pending.json()["task"]
        by_identifier = [{"type": "writ_task", "identifier": task}]
        count = len(self.tasks())
        for again in (self.ask(by_identifier), self.ask("", task=task)):
            self.assertEqual(("authorization_pending", task), (again.json()["error"], again.json()["task"]), again)
        approved = self.world.api_call(self.world.person("niklas"), "POST", f"/v1/tasks/{task}/approve")
        self.assertEqual("active", approved.json()["state"], approved)
        granted = self.ask(by_identifier)
        self.assertEqual((200, task), (granted.status, granted.json()["authorization_details"][0]["identifier"]), granted)
        self.assertEqual(200, self.world.through_gateway(granted.json()["access_token"], READ).status)
        self.assertEqual(count, len(self.tasks()))

    def test_a_task_that_is_denied_is_pending_no_longer(self):
        task = self.ask([{**TASK, "approvals": {"needed": 1}}]).json()["task"]
        self.world.api_call(self.world.person("niklas"), "POST", f"/v1/tasks/{task}/deny")
        answer = self.ask([{"type": "writ_task", "identifier": task}])
        self.assertEqual((400, "invalid_request", "task_revoked"), (answer.status, answer.json()["error"], answer.reason()))

    def test_what_v1_tasks_refuses_is_refused_here_with_the_same_words(self):
        portal = self.world.customer_token(self.world.api)
        for changes in ({"purpose": None}, {"colour": "red"}, {"actions": []}, {"actions": ['Billing::Action::"burn"']},
                        {"resources": ["*"]}, {"resources": ['Billing::Invoise::"inv-1001"']}, {"budget": {"calls": 0}}, {"agents": ["nobody"]},
                        {"not_before": 9, "expires_at": 3}, {"parent": "t-unknown"}, {"actions": "read"}):
            body = {name: value for name, value in {**TASK, **changes}.items() if name != "type"}
            plain = self.world.api_call(portal, "POST", "/v1/tasks", body)
            self.assertEqual(400, plain.status, plain)
            with self.subTest(changes):
                self.assert_invalid(self.ask([{**TASK, **changes}]), plain.json()["message"])

    def test_what_is_no_task_is_refused_naming_what(self):
        twice = json.dumps([TASK])[:-2] + ', "purpose": "support"}]'
        for details, what in (("{", "authorization_details"), (TASK, "expected an array"), ([], "one task"),
                              ([TASK, TASK], "one task"), (["writ_task"], "expected an object"),
                              ([{**TASK, "type": "payment"}], "`payment` is not known"), ([{"purpose": "x"}], "`type` is missing"),
                              ([{**TASK, "type": 7}], "`type` is missing"), (twice, "purpose"),
                              ([{**TASK, "identifier": "t-1"}], "the task by its `identifier`"),
                              ([{"type": "writ_task", "identifier": 7}], "`identifier`"),
                              ([{**TASK, "locations": ["https://x"]}], "`locations`")):
            with self.subTest(what):
                self.assert_invalid(self.ask(details), what)

    def test_a_second_word_on_the_task_is_refused(self):
        answer = self.ask([TASK], task="t-1")
        self.assertEqual((400, "invalid_request"), (answer.status, answer.json()["error"]), answer)

    def test_policy_is_asked_as_over_v1_tasks(self):
        answer = self.ask([{**TASK, "subject": "niklas"}])
        self.assert_invalid(answer, "manage-tasks")
        self.assertEqual("policy_no_permit", answer.reason())
        two = self.ask([{**TASK, "labels": ["needs:approval", "needs:two"]}])
        self.assert_invalid(two, "manage-tasks")
        self.assertEqual("policy_forbid", two.reason())
        marketing = self.ask([{**TASK, "purpose": "marketing"}], client="marketing-app", purpose="marketing")
        self.assertEqual((400, "invalid_target", "policy_no_permit"),
                         (marketing.status, marketing.json()["error"], marketing.reason()), marketing)

    def test_an_agent_has_no_task_of_its_own_to_ask_with(self):
        held = self.world.customer_token()
        answer = self.ask([TASK], client="support-agent", subject_token=held,
                          subject_token_type="urn:ietf:params:oauth:token-type:access_token")
        self.assertEqual((400, "task_missing"), (answer.status, answer.reason()), answer)

    def test_an_agent_asks_for_a_sub_task_of_its_task(self):
        parent = self.world.open_task(
            agents=["support-agent", "mail-drafter"],
            actions=['Billing::Action::"read"', 'Writ::Action::"manage-tasks"', 'Writ::Action::"delegate"'],
            resources=['Billing::Invoice::"inv-1001"', "Writ::Task::*", 'Writ::Agent::"mail-drafter"'])
        held = self.world.exchanged("support-agent", self.world.customer_token(), of="access_token", purpose="support",
                                    task=parent)
        own = {"client": "support-agent", "subject_token": held,
               "subject_token_type": "urn:ietf:params:oauth:token-type:access_token"}
        answer = self.ask([{**TASK, "parent": parent, "expires_in_seconds": 60}], **own)
        self.assertEqual(200, answer.status, answer)
        self.assertEqual(parent, answer.json()["authorization_details"][0]["parent"])
        self.assertEqual(200, self.world.through_gateway(answer.json()["access_token"], READ).status)
        wider = self.ask([{**TASK, "parent": parent, "expires_in_seconds": 6000}], **own)
        self.assert_invalid(wider, "`expires_at`")
        other = self.ask([{**TASK, "parent": self.world.open_task()}], **own)
        self.assertNotEqual(200, other.status, other)

    def test_a_task_for_which_no_token_is_issued_ends_at_once(self):
        before = {task["id"] for task in self.tasks()}
        answer = self.ask([{**TASK, "subject": "nora", "client": "support-portal"}], resource=harness.INVOICES,
                          purpose="support", audience=harness.INVOICES)
        self.assertEqual(200, answer.status, answer)
        # The task is not for the client that asks: the guard of the token refuses, after the task was opened.
        stranger = self.ask([{key: value for key, value in TASK.items() if key != "subject"}])
        self.assertNotEqual(200, stranger.status, stranger)
        left = {task["id"]: task["state"] for task in self.tasks() if task["id"] not in before}
        self.assertEqual(1, sum(state == "active" for state in left.values()), left)

    def test_the_metadata_names_the_type(self):
        metadata = self.world.api_call(None, "GET", "/.well-known/oauth-authorization-server").json()
        self.assertEqual(["writ_task"], metadata["authorization_details_types_supported"])


class Abandoned(unittest.TestCase):
    def test_the_end_of_an_abandoned_task_is_recorded(self):
        world = ApprovalWorld(POLICIES + """
@id("no-tokens-for-invoices-in-a-task")
forbid (principal, action == Writ::Action::"issue", resource == Writ::Api::"invoices") when { context has task };
""")
        self.addCleanup(world.close)
        world.start()
        answer = Details.ask(self_like(world), [TASK])
        self.assertEqual((400, "invalid_target", "policy_forbid"),
                         (answer.status, answer.json()["error"], answer.reason()), answer)
        (task,) = world.api_call(world.operator_token(), "GET", "/v1/tasks").json()["tasks"]
        self.assertEqual("ended", task["state"])
        with open(os.path.join(world.data, "audit.log"), encoding="utf-8") as file:
            events = [json.loads(line) for line in file]
        self.assertIn((task["id"], "no token was issued for it"),
                      [(each["object"], each.get("detail")) for each in events if each.get("type") == "task.ended"])


def self_like(world):
    details = Details()
    details.world = world
    return details


if __name__ == "__main__":
    unittest.main()
