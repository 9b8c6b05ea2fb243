"""Tasks that people approve, and tasks that agents hand on: over the API and on the command line."""
import json
import os
import unittest

import harness

READ = "/invoices/inv-1001"
READS = 'Billing::Action::"read"'
POLICIES = """
@id("needs-approval")
forbid (principal, action == Writ::Action::"manage-tasks", resource is Writ::Task)
when { resource.labels.contains("needs:approval") && !(resource has parent) };
@id("asks-for-tasks")
permit (principal, action == Writ::Action::"request-tasks", resource is Writ::Task)
when { resource has subject && context has user && context.user == resource.subject };
@id("payroll-needs-two")
forbid (principal, action == Writ::Action::"request-tasks", resource is Writ::Task)
when { resource.labels.contains("needs:two") && !(resource has approvalsNeeded && resource.approvalsNeeded >= 2) };
@id("staff-approves")
permit (principal is Writ::User, action == Writ::Action::"approve-tasks", resource is Writ::Task)
when { [Writ::User::"niklas", Writ::User::"olga", Writ::User::"nora"].contains(principal) };
@id("applications-carry-approvals")
permit (principal, action == Writ::Action::"approve-tasks", resource is Writ::Task)
when { !(principal is Writ::User) };
@id("agents-reach-writ")
permit (principal is Writ::Agent, action == Writ::Action::"issue", resource == Writ::Api::"writ");
@id("agents-hand-on-their-task")
permit (principal is Writ::Agent, action == Writ::Action::"manage-tasks", resource is Writ::Task)
when { resource has parent && context has task && resource.parent == context.task };
@id("work-goes-to-the-drafter")
permit (principal, action == Writ::Action::"delegate", resource == Writ::Agent::"mail-drafter")
when { context has task };
@id("drafter-reads")
permit (principal == Writ::Agent::"mail-drafter", action == Billing::Action::"read", resource is Billing::Invoice)
when { context has task };
"""


def people_use_the_console(text):
    return text.replace("- id: ops-console\n      kind: service\n",
                        "- id: ops-console\n      kind: service\n      acts_for: [users]\n")


class ApprovalWorld(harness.TestWorld):
    def __init__(self, policies=POLICIES):
        super().__init__(people_use_the_console)
        with open(os.path.join(self.folder, "policies", "approvals.cedar"), "w", encoding="utf-8") as file:
            file.write(policies)

    def person(self, user, client="ops-console"):
        purpose = "operations" if client == "ops-console" else "support"
        return self.customer_token(self.api, user=user, client=client, purpose=purpose)

    def ask_for_task(self, **changes):
        return self.open_task(**{"labels": ["needs:approval"], **changes})

    def state(self, task):
        return self.api_call(self.operator_token(), "GET", f"/v1/tasks/{task}").json()["state"]

    def issue(self, task):
        return self.token_request("support-agent", grant_type=harness.EXCHANGE, resource=harness.INVOICES, task=task,
                                  subject_token=self.customer_token(), purpose="support",
                                  subject_token_type="urn:ietf:params:oauth:token-type:access_token")


class Approvals(unittest.TestCase):
    def setUp(self):
        self.world = ApprovalWorld()
        self.addCleanup(self.world.close)
        self.world.start()

    def approve(self, task, user, client="ops-console", verb="approve"):
        return self.world.api_call(self.world.person(user, client), "POST", f"/v1/tasks/{task}/{verb}")

    def test_a_task_is_asked_for_approved_and_then_used(self):
        task = self.world.ask_for_task()
        self.assertEqual("requested", self.world.state(task))
        refused = self.world.issue(task)
        self.assertEqual((400, "approval_required"), (refused.status, refused.reason()), refused)
        answer = self.approve(task, "niklas")
        self.assertEqual((200, "active"), (answer.status, answer.json().get("state")), answer)
        self.assertEqual(["niklas"], [each["by"] for each in answer.json()["approvals"]["given"]])
        token = self.world.agent_token(task)
        self.assertEqual(200, self.world.through_gateway(token, READ).status)
        self.assertEqual(409, self.approve(task, "olga").status)

    def test_what_policy_permits_at_once_is_asked_for_when_the_request_says_so(self):
        task = self.world.open_task(approvals={"needed": 1})
        self.assertEqual("requested", self.world.state(task))

    def test_approvals_survive_kill_nine_and_the_last_one_opens_the_task(self):
        task = self.world.ask_for_task(approvals={"needed": 2})
        self.assertEqual("requested", self.approve(task, "niklas").json()["state"])
        self.world.kill_writ()
        self.world.start_writ()
        again = self.approve(task, "niklas")
        self.assertEqual(409, again.status, again)
        self.assertEqual("active", self.approve(task, "olga").json()["state"])
        self.world.kill_writ()
        self.world.start_writ()
        self.assertEqual(200, self.world.through_gateway(self.world.agent_token(task), READ).status)

    def test_nobody_approves_what_they_asked_for_or_take_part_in(self):
        task = self.world.ask_for_task()
        for user, client, why in (("nora", "ops-console", "asked for"), ("niklas", "support-portal", "takes part")):
            answer = self.approve(task, user, client)
            self.assertEqual(409, answer.status, answer)
            self.assertIn(why, answer.body.decode())
        machine = self.world.api_call(self.world.operator_token(), "POST", f"/v1/tasks/{task}/approve")
        self.assertEqual(409, machine.status, machine)
        self.assertIn("people approve", machine.body.decode())
        stranger = self.approve(task, "nobody-special")
        self.assertEqual((404, "requested"), (stranger.status, self.world.state(task)), stranger)

    def test_a_denied_request_is_over(self):
        task = self.world.ask_for_task()
        self.assertEqual("denied", self.approve(task, "niklas", verb="deny").json()["state"])
        self.assertEqual(409, self.approve(task, "olga").status)
        self.assertEqual("task_revoked", self.world.issue(task).reason())

    def end(self, task, token):
        return self.world.api_call(token, "POST", f"/v1/tasks/{task}/end")

    def test_who_asked_for_a_task_may_end_it_before_and_after_its_approval(self):
        nora = self.world.customer_token(self.world.api)
        waiting, approved = self.world.ask_for_task(), self.world.ask_for_task()
        self.assertEqual("active", self.approve(approved, "niklas").json()["state"])
        for task in (waiting, approved):
            ended = self.end(task, nora)
            self.assertEqual((200, "ended"), (ended.status, ended.json().get("state")), ended)
            self.assertEqual(409, self.end(task, nora).status)
        self.assertEqual("task_ended", self.world.issue(approved).reason())

    def test_who_may_ask_for_tasks_does_not_end_those_of_others(self):
        task = self.world.ask_for_task()
        others = [self.world.person("nora"), self.world.person("niklas", "support-portal"), self.world.person("niklas")]
        for token in others:
            answer = self.end(task, token)
            self.assertIn(answer.status, (403, 404), answer)
            self.assertEqual("requested", self.world.state(task))

    def test_who_asked_for_a_task_may_end_it_and_do_nothing_else_to_it(self):
        task = self.world.ask_for_task()
        nora = self.world.customer_token(self.world.api)
        for verb in ("suspend", "resume", "revoke", "narrow"):
            answer = self.world.api_call(nora, "POST", f"/v1/tasks/{task}/{verb}", {} if verb == "narrow" else None)
            self.assertIn(answer.status, (403, 404), answer)
        self.assertEqual("requested", self.world.state(task))

    def test_the_audit_shows_the_person_and_the_application_that_carried_the_word(self):
        task = self.world.ask_for_task()
        self.assertEqual(200, self.approve(task, "niklas").status)
        self.assertEqual(200, self.end(task, self.world.customer_token(self.world.api)).status)
        status, out, err = harness.writ("audit", "show", self.world.data)
        self.assertEqual(0, status, err)
        for event, parties in (("requested", "nora → support-portal"), ("approved", "niklas → ops-console"),
                               ("ended", "nora → support-portal")):
            self.assertRegex(out, rf"task\.{event} +{parties} {task}\n")

    def test_a_policy_says_how_many_approvals_a_task_needs(self):
        labels = ["needs:approval", "needs:two"]
        request = {"purpose": "support", "subject": "nora", "client": "support-portal", "agents": ["support-agent"],
                   "actions": [READS], "resources": ['Billing::Invoice::"inv-1001"'], "labels": labels}
        asker = self.world.customer_token(self.world.api)
        one = self.world.api_call(asker, "POST", "/v1/tasks", {**request, "approvals": {"needed": 1}})
        self.assertEqual((403, "policy_forbid"), (one.status, one.reason()), one)
        two = self.world.api_call(asker, "POST", "/v1/tasks", {**request, "approvals": {"needed": 2}})
        self.assertEqual((201, "requested"), (two.status, two.json().get("state")), two)

    def test_on_the_command_line(self):
        def writ(*arguments):
            secret = os.path.join(self.world.folder, "demo-keys", "ops-console.secret")
            status, out, err = harness.writ(*arguments, "--server", self.world.api, "--client", "ops-console",
                                            "--secret-file", secret, "--json")
            return status, (json.loads(out) if out else None), err
        status, task, err = writ("task", "request", "--purpose", "support", "--subject", "nora", "--task-client",
                                 "support-portal", "--action", READS, "--resource", 'Billing::Invoice::"inv-1001"',
                                 "--approvals", "2")
        self.assertEqual((0, "requested", 2), (status, task["state"], task["approvals"]["needed"]), err)
        status, _, err = writ("task", "approve", task["id"])
        self.assertEqual(1, status, err)
        self.assertIn("people approve", err)
        self.assertEqual("requested", writ("task", "show", task["id"])[1]["state"])
        self.assertEqual("denied", writ("task", "deny", task["id"])[1]["state"])


class SubTasks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = ApprovalWorld()
        cls.addClassCleanup(cls.world.close)
        cls.world.start()

    def parent(self, **changes):
        return self.world.open_task(**{
            "agents": ["support-agent", "mail-drafter"], "budget": {"calls": 9},
            "actions": [READS, 'Writ::Action::"manage-tasks"', 'Writ::Action::"delegate"'],
            "resources": ['Billing::Invoice::"inv-1001"', "Writ::Task::*", 'Writ::Agent::"mail-drafter"'], **changes})

    def hand_on(self, inside, **changes):
        """The agent opens a sub-task for the drafter, with a token of the task."""
        token = self.world.exchanged("support-agent", self.world.customer_token(self.world.api), self.world.api,
                                     of="access_token", purpose="support", task=inside)
        return self.world.api_call(token, "POST", "/v1/tasks", {
            "parent": inside, "purpose": "support", "agents": ["support-agent", "mail-drafter"], "actions": [READS],
            "resources": ['Billing::Invoice::"inv-1001"'], "expires_in_seconds": 60, "budget": {"calls": 2}, **changes})

    def drafter_token(self, parent, task):
        return self.world.exchanged("mail-drafter", self.world.agent_token(parent), of="access_token", purpose="support",
                                    task=task)

    def test_an_agent_hands_on_a_part_that_ends_with_its_task(self):
        parent = self.parent()
        made = self.hand_on(parent)
        self.assertEqual((201, parent), (made.status, made.json().get("parent")), made)
        token = self.drafter_token(parent, made.json()["id"])
        self.assertEqual(200, self.world.through_gateway(token, READ).status)
        operator = self.world.operator_token()
        self.assertEqual(200, self.world.api_call(operator, "POST", f"/v1/tasks/{parent}/suspend").status)
        self.assertEqual("task_suspended", self.world.through_gateway(token, READ).reason())
        self.assertEqual(200, self.world.api_call(operator, "POST", f"/v1/tasks/{parent}/resume").status)
        self.assertEqual(200, self.world.through_gateway(token, READ).status)
        self.assertEqual("budget_exceeded", self.world.through_gateway(token, READ).reason())
        self.assertEqual(200, self.world.api_call(operator, "POST", f"/v1/tasks/{parent}/end").status)
        self.assertEqual("task_ended", self.world.through_gateway(token, READ).reason())
        self.assertEqual("ended", self.world.state(made.json()["id"]))

    def test_a_wider_sub_task_is_refused(self):
        parent = self.parent()
        for changes, what in (({"resources": ["Billing::Invoice::*"]}, "`resources`"),
                              ({"actions": ['Billing::Action::"credit"']}, "`actions`"),
                              ({"expires_in_seconds": 6000}, "`expires_at`"), ({"budget": {"calls": 10}}, "`budget`"),
                              ({"client": "marketing-app"}, "marketing-app")):
            answer = self.hand_on(parent, **changes)
            self.assertIn(answer.status, (400, 403), answer)
            if answer.status == 400:
                self.assertIn(what, answer.body.decode())

    def test_a_token_of_a_task_opens_sub_tasks_of_that_task_only(self):
        parent, other = self.parent(), self.parent()
        for changes in ({"parent": other}, {"parent": None}):
            answer = self.hand_on(parent, **changes)
            self.assertIn(answer.status, (403, 409), answer)

    def test_an_edge_that_no_policy_permits_is_refused(self):
        parent = self.parent(resources=['Billing::Invoice::"inv-1001"', "Writ::Task::*"])
        answer = self.hand_on(parent)
        self.assertEqual((403, "resource_not_in_task"), (answer.status, answer.reason()), answer)
        world = ApprovalWorld(POLICIES + '@id("not-to-the-drafter") forbid (principal, action == Writ::Action::"delegate", '
                              'resource == Writ::Agent::"mail-drafter");')
        self.addCleanup(world.close)
        world.start()
        before, self.world = self.world, world
        try:
            answer = self.hand_on(self.parent())
            self.assertEqual((403, "policy_forbid"), (answer.status, answer.reason()), answer)
            self.assertEqual(["not-to-the-drafter"], answer.json()["policies"])
            # Neither does a token go that way.
            refused = world.token_request("mail-drafter", grant_type=harness.EXCHANGE, resource=harness.INVOICES,
                                          subject_token=world.agent_token(), purpose="support",
                                          subject_token_type="urn:ietf:params:oauth:token-type:access_token")
            self.assertEqual((400, "unauthorized_client", "policy_forbid"),
                             (refused.status, refused.json()["error"], refused.reason()), refused)
            self.assertEqual(["not-to-the-drafter"], refused.json()["policies"])
        finally:
            self.world = before

    def test_a_type_that_nothing_has_is_refused(self):
        for pattern in ('Billing::Invoise::"inv-1001"', "Billing::Invoise::*", "Nothing::*"):
            answer = self.world.api_call(self.world.customer_token(self.world.api), "POST", "/v1/tasks", {
                "purpose": "support", "subject": "nora", "client": "support-portal", "actions": [READS],
                "resources": ['Billing::Invoice::"inv-1001"', pattern]})
            self.assertEqual(400, answer.status, answer)
            self.assertIn(f"`resources`: no schema, route or entity has the type `{pattern.rsplit('::', 1)[0]}`",
                          answer.json()["message"])

    def test_a_pattern_that_none_of_the_actions_is_on_is_refused(self):
        for pattern in ("Billing::Ledger::*", 'Mail::Mailbox::"nora"', "Writ::Task::*"):
            answer = self.world.api_call(self.world.customer_token(self.world.api), "POST", "/v1/tasks", {
                "purpose": "support", "subject": "nora", "client": "support-portal", "actions": [READS],
                "resources": ['Billing::Invoice::"inv-1001"', pattern]})
            self.assertEqual(400, answer.status, answer)
            self.assertIn(f"`resources`: none of the task's actions is on a `{pattern.rsplit('::', 1)[0]}`",
                          answer.json()["message"])

    def test_a_token_moves_down_to_a_sub_task_and_never_up(self):
        parent = self.parent()
        sub = self.hand_on(parent).json()["id"]
        below = self.drafter_token(parent, sub)
        up = self.world.token_request("mail-drafter", grant_type=harness.EXCHANGE, resource=harness.INVOICES, task=parent,
                                      subject_token=below, purpose="support",
                                      subject_token_type="urn:ietf:params:oauth:token-type:access_token")
        self.assertEqual((400, "delegation_not_authorised"), (up.status, up.reason()), up)


if __name__ == "__main__":
    unittest.main()
