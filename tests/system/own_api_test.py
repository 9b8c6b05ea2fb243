"""Writ's own API and the commands that use it: tasks and inventory, and who may do what."""
import json
import os
import unittest

import harness

READ = "/invoices/inv-1001"


class OwnApi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = harness.TestWorld()
        cls.addClassCleanup(cls.world.close)
        cls.world.start()
        cls.operator = cls.world.operator_token()
        cls.secret = os.path.join(cls.world.folder, "demo-keys", "ops-console.secret")

    def writ(self, *arguments):
        status, out, err = harness.writ(*arguments, "--server", self.world.api, "--client", "ops-console",
                                        "--secret-file", self.secret, "--json")
        return status, (json.loads(out) if out else None), err

    def test_a_task_from_its_opening_to_its_end_on_the_command_line(self):
        status, task, err = self.writ("task", "open", "--purpose", "support", "--subject", "nora", "--task-client",
                                      "support-portal", "--agent", "support-agent", "--action", 'Billing::Action::"read"',
                                      "--resource", 'Billing::Invoice::"inv-1001"', "--calls", "2")
        self.assertEqual((0, "active"), (status, task and task["state"]), err)
        token = self.world.agent_token(task["id"])
        self.assertEqual(200, self.world.through_gateway(token, READ).status)
        status, seen, _ = self.writ("task", "get", task["id"])
        self.assertEqual((0, 1), (status, seen["used_calls"]), seen)
        self.assertIn(task["id"], [each["id"] for each in self.writ("task", "list")[1]["tasks"]])
        status, ended, _ = self.writ("task", "end", task["id"])
        self.assertEqual((0, "ended"), (status, ended["state"]))
        self.assertEqual("task_ended", self.world.through_gateway(token, READ).reason())
        self.assertEqual(1, self.writ("task", "end", task["id"])[0])

    def test_a_task_stands_still_while_it_is_suspended(self):
        task = self.world.open_task(budget={"calls": 3})
        token = self.world.agent_token(task)
        self.assertEqual(200, self.world.through_gateway(token, READ).status)
        status, seen, err = self.writ("task", "suspend", task)
        self.assertEqual((0, "suspended"), (status, seen and seen["state"]), err)
        answer = self.world.through_gateway(token, READ)
        self.assertEqual((403, "task_suspended"), (answer.status, answer.reason()), answer)
        issued = self.world.token_request("support-agent", grant_type=harness.EXCHANGE, resource=harness.INVOICES, task=task,
                                          subject_token=self.world.customer_token(), purpose="support",
                                          subject_token_type="urn:ietf:params:oauth:token-type:access_token")
        self.assertEqual((400, "task_suspended"), (issued.status, issued.reason()), issued)
        self.assertEqual(1, self.writ("task", "suspend", task)[0])
        status, seen, err = self.writ("task", "resume", task)
        self.assertEqual((0, "active", 1), (status, seen and seen["state"], seen and seen["used_calls"]), err)
        self.assertEqual(200, self.world.through_gateway(token, READ).status)
        self.assertEqual(1, self.writ("task", "resume", task)[0])
        # Resuming brings nothing back that is over.
        self.assertEqual(0, self.writ("task", "suspend", task)[0])
        self.assertEqual(0, self.writ("task", "revoke", task)[0])
        status, _, err = self.writ("task", "resume", task)
        self.assertEqual(1, status, err)
        self.assertEqual("task_revoked", self.world.through_gateway(token, READ).reason())

    def test_a_task_is_narrowed_and_never_widened(self):
        task = self.world.open_task(budget={"calls": 5})
        token = self.world.agent_token(task)
        credit = f"{READ}/credit"
        body, json_body = json.dumps({"amount": 1}), {"Content-Type": "application/json"}
        self.assertEqual(201, self.world.through_gateway(token, credit, "POST", json_body, body).status)
        status, seen, err = self.writ("task", "narrow", task, "--action", 'Billing::Action::"read"', "--calls", "2",
                                      "--expires-in", "60")
        self.assertEqual((0, ['Billing::Action::"read"'], {"calls": 2}), (status, seen["actions"], seen["budget"]), err)
        answer = self.world.through_gateway(token, credit, "POST", json_body, body)
        self.assertEqual((403, "action_not_in_task"), (answer.status, answer.reason()), answer)
        self.assertEqual(200, self.world.through_gateway(token, READ).status)
        self.assertEqual("budget_exceeded", self.world.through_gateway(token, READ).reason())
        for arguments, what in ((("--calls", "3"), "3 calls are more than the 2"),
                                (("--action", 'Billing::Action::"credit"'), "is not in task"),
                                (("--resource", "Billing::Invoice::*"), "is not in task"),
                                (("--agent", "mail-drafter"), "does not name"), (("--expires-in", "600"), "is after"),
                                ((), "names nothing")):
            status, _, err = self.writ("task", "narrow", task, *arguments)
            self.assertEqual(2, status, err)
            self.assertIn(what, err)

    def test_who_lists_tasks_sees_their_own(self):
        task = self.world.open_task()
        sofia = self.world.customer_token(self.world.api, user="sofia", tenant="south")
        listed = self.world.api_call(sofia, "GET", "/v1/tasks")
        self.assertEqual((200, []), (listed.status, listed.json()["tasks"]), listed)
        # What one may not see is told as not there.
        for method, suffix in (("GET", ""), ("POST", "/end"), ("POST", "/approve")):
            seen = [self.world.api_call(sofia, method, f"/v1/tasks/{id}{suffix}") for id in (task, "t-none")]
            self.assertEqual([404, 404], [answer.status for answer in seen], seen)
            self.assertEqual(seen[0].body.decode().replace(task, "t-none"), seen[1].body.decode())
        nora = self.world.customer_token(self.world.api)
        self.assertIn(task, [t["id"] for t in self.world.api_call(nora, "GET", "/v1/tasks").json()["tasks"]])

    def test_an_agent_opens_no_task_for_itself(self):
        answer = self.world.token_request("support-agent", grant_type=harness.EXCHANGE, resource=self.world.api,
                                          subject_token=self.world.customer_token(self.world.api), purpose="support",
                                          subject_token_type="urn:ietf:params:oauth:token-type:access_token")
        self.assertEqual((400, "policy_no_permit"), (answer.status, answer.reason()), answer)

    def test_an_application_from_its_adding_to_its_retirement(self):
        identity = {"id": "helpdesk", "kind": "application", "acts_for": ["users"], "purposes": ["support"],
                    "secret": "a-secret-of-enough-length"}
        answer = self.world.api_call(self.operator, "POST", "/v1/identities", identity)
        self.assertEqual(201, answer.status, answer)
        self.assertNotIn("a-secret-of", answer.body.decode())
        self.assertEqual(409, self.world.api_call(self.operator, "POST", "/v1/identities", identity).status)
        seen = self.world.api_call(self.operator, "GET", "/v1/identities/helpdesk")
        self.assertEqual(("application", "active"), (seen.json()["kind"], seen.json()["status"]))
        self.assertEqual(0, self.writ("inventory", "suspend", "helpdesk")[0])
        import base64
        credentials = base64.b64encode(b"helpdesk:a-secret-of-enough-length").decode()
        asked = self.world.call(self.world.api_port, "POST", "/oauth2/token",
                                {"Authorization": f"Basic {credentials}",
                                 "Content-Type": "application/x-www-form-urlencoded"},
                                f"grant_type=client_credentials&resource={harness.INVOICES}")
        self.assertEqual((400, "caller_suspended"), (asked.status, asked.reason()), asked)
        self.assertEqual(0, self.writ("inventory", "retire", "helpdesk")[0])
        self.assertEqual(1, self.writ("inventory", "activate", "helpdesk")[0])
        self.assertEqual(409, self.world.api_call(self.operator, "POST", "/v1/identities/helpdesk/activate").status)

    def test_what_the_configuration_declares_is_changed_there(self):
        answer = self.world.api_call(self.operator, "PUT", "/v1/identities/support-portal",
                                     {"id": "support-portal", "kind": "application"})
        self.assertEqual(409, answer.status, answer)

    def test_an_api_is_added(self):
        api = {"id": "hr", "audience": "https://hr.acme.example", "namespace": "Hr", "actions": ["read"]}
        self.assertEqual(201, self.world.api_call(self.operator, "POST", "/v1/apis", api).status)
        self.assertEqual(409, self.world.api_call(self.operator, "POST", "/v1/apis", {**api, "id": "hr2"}).status)
        self.assertEqual("Hr", self.world.api_call(self.operator, "GET", "/v1/apis/hr").json()["namespace"])

    def test_a_command_that_is_refused_ends_with_1_and_says_why(self):
        status, out, err = harness.writ("inventory", "list", "--server", self.world.api, "--client", "nightly-export",
                                        "--secret-file",
                                        os.path.join(self.world.folder, "demo-keys", "nightly-export.secret"))
        self.assertEqual(1, status, out + err)
        self.assertIn("policy_no_permit", out + err)

    def test_metrics_count_by_reason(self):
        self.world.through_gateway("x", READ)
        text = self.world.call(self.world.api_port, "GET", "/metrics").body.decode()
        self.assertRegex(text, r'writ_decisions_total\{point="gateway",decision="deny",reason="token_malformed"\} [1-9]')


if __name__ == "__main__":
    unittest.main()
