"""Approvals of single calls: bound to one exact call, given by people, used once, also across kill -9."""
import http.client
import json
import os
import threading
import time
import unittest

import harness
from approvals_test import ApprovalWorld

CREDIT = "/invoices/inv-1001/credit"
BODY = json.dumps({"amount": 20})
JSON = {"Content-Type": "application/json"}
POLICIES = """
@id("people-approve-credits")
forbid (principal, action == Billing::Action::"credit", resource) unless { context.approved };
@id("staff-approves-calls")
permit (principal is Writ::User, action == Writ::Action::"approve-calls", resource)
when { [Writ::User::"niklas", Writ::User::"olga", Writ::User::"nora"].contains(principal) };
@id("applications-carry-approvals-of-calls")
permit (principal, action == Writ::Action::"approve-calls", resource) when { !(principal is Writ::User) };
"""


class Calls(unittest.TestCase):
    def setUp(self):
        self.world = ApprovalWorld(POLICIES)
        self.addCleanup(self.world.close)
        self.world.start()
        self.token = self.world.customer_token()

    def credit(self, approval=None, token=None, path=CREDIT, body=BODY, headers=JSON, method="POST"):
        named = {} if approval is None else {"Writ-Approval": approval}
        return self.world.through_gateway(token or self.token, path, method, {**headers, **named}, body)

    def asked(self, **changes):
        """The id under which the call waits."""
        answer = self.credit(**changes)
        self.assertEqual((403, "approval_required"), (answer.status, answer.reason()), answer)
        return answer.json()["approval"]

    def decide(self, approval, user="niklas", verb="approve", client="ops-console"):
        return self.world.api_call(self.world.person(user, client), "POST", f"/v1/approvals/{approval}/{verb}")

    def approved(self, **changes):
        approval = self.asked(**changes)
        answer = self.decide(approval)
        self.assertEqual((200, "approved"), (answer.status, answer.json().get("state")), answer)
        return approval

    def assert_refused(self, answer, reason):
        self.assertEqual((403, reason), (answer.status, answer.reason()), answer)

    def effects(self):
        with open(self.world.upstream_log, encoding="utf-8") as file:
            return [line for line in file if CREDIT in line]

    def test_a_call_is_refused_approved_and_passes_once(self):
        approval = self.asked()
        self.assertEqual([], self.effects())
        self.assert_refused(self.credit(approval), "approval_pending")
        self.assertEqual("approved", self.decide(approval).json()["state"])
        self.assertEqual(201, self.credit(approval).status)
        self.assert_refused(self.credit(approval), "approval_used")
        (effect,) = self.effects()
        self.assertNotIn("writ-approval", effect.lower())
        self.assertNotEqual(approval, self.asked())

    def test_those_who_approve_see_the_call(self):
        approval = self.asked(path=CREDIT + "?reason=late")
        seen = self.world.api_call(self.world.person("niklas"), "GET", f"/v1/approvals/{approval}").json()
        self.assertEqual(("pending", "nora", "support-portal", 'Billing::Action::"credit"', "POST", CREDIT, "reason=late",
                          BODY, "north"), tuple(seen[name] for name in (
                              "state", "subject", "client", "action", "method", "path", "query", "body", "tenant")))
        listed = self.world.api_call(self.world.person("niklas"), "GET", "/v1/approvals").json()
        self.assertEqual([approval], [each["id"] for each in listed["approvals"]])

    def test_the_same_call_waits_once(self):
        self.assertEqual(self.asked(), self.asked())

    def test_any_other_call_is_refused_and_the_approval_stays_good(self):
        approval = self.approved()
        other = self.world.customer_token(user="niklas")
        refused = [self.credit(approval, body=json.dumps({"amount": 21})), self.credit(approval, body=""),
                   self.credit(approval, path=CREDIT + "?twice=1"), self.credit(approval, headers={"Content-Type": "text/plain"}),
                   self.credit(approval, path="/invoices/inv-1002/credit"), self.credit(approval, token=other),
                   self.credit(approval, token=self.world.agent_token(self.world.open_task())),
                   self.credit(approval, path="/invoices/inv-1001", method="GET", body=None, headers={})]
        self.assertEqual(["approval_mismatch"] * len(refused), [answer.reason() for answer in refused])
        for id in ("a-unknown", "x" * 65, ""):
            self.assert_refused(self.credit(id), "approval_unknown")
        self.assertEqual([], self.effects())
        self.assertEqual(201, self.credit(approval).status)

    def test_another_token_of_the_same_parties_is_the_same_caller(self):
        approval = self.approved()
        self.assertEqual(201, self.credit(approval, token=self.world.customer_token()).status)

    def test_an_approval_is_given_under_the_policies_that_were_in_force(self):
        approval = self.approved()
        with open(os.path.join(self.world.folder, "policies", "more.cedar"), "w", encoding="utf-8") as file:
            file.write('@id("more") forbid (principal, action == Mail::Action::"send", resource);\n')
        self.world.stop_writ()
        self.world.start_writ()
        answer = self.credit(approval)
        self.assert_refused(answer, "approval_mismatch")
        self.assertIn("other policies", answer.json()["message"])

    def test_a_denied_call_does_not_pass(self):
        approval = self.asked()
        self.assertEqual("denied", self.decide(approval, verb="deny").json()["state"])
        self.assert_refused(self.credit(approval), "approval_denied")
        self.assertEqual(409, self.decide(approval).status)

    def test_nobody_approves_a_call_they_take_part_in(self):
        approval = self.asked()
        for user, client in (("nora", "ops-console"), ("niklas", "support-portal")):
            answer = self.decide(approval, user, client=client)
            self.assertEqual(409, answer.status, answer)
            self.assertIn("takes part in the call", answer.body.decode())
        machine = self.world.api_call(self.world.operator_token(), "POST", f"/v1/approvals/{approval}/approve")
        self.assertEqual(409, machine.status, machine)
        self.assertIn("people approve", machine.body.decode())
        stranger = self.decide(approval, "nobody-special")
        self.assertEqual(404, stranger.status, stranger)
        self.assert_refused(self.credit(approval), "approval_pending")

    def test_of_many_at_once_exactly_one_passes(self):
        approval, answers = self.approved(), []
        threads = [threading.Thread(target=lambda: answers.append(self.credit(approval))) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(1, sum(answer.status == 201 for answer in answers), answers)
        self.assertEqual({"approval_used"}, {answer.reason() for answer in answers if answer.status != 201})
        self.assertEqual(1, len(self.effects()))

    def test_a_crash_in_the_middle_never_lets_two_pass(self):
        def try_it(approval, path):
            try:
                self.credit(approval, path=path)
            except (OSError, http.client.HTTPException):
                pass  # the process is gone
        for i in range(6):
            path = f"{CREDIT}?round={i}"
            approval = self.approved(path=path)
            threads = [threading.Thread(target=try_it, args=(approval, path)) for _ in range(8)]
            for thread in threads:
                thread.start()
            time.sleep(0.004 * i)
            self.world.kill_writ()
            for thread in threads:
                thread.join()
            self.world.start_writ()
            again = self.credit(approval, path=path)
            self.assertIn((again.status, again.status != 201 and again.reason()), ((201, False), (403, "approval_used")), again)
            effects = len([line for line in self.effects() if f"round={i}\"" in line])
            self.assertIn(effects, (1,) if again.status == 201 else (0, 1))

    def test_approvals_and_their_use_survive_kill_nine(self):
        approval = self.approved()
        self.world.kill_writ()
        self.world.start_writ()
        self.assertEqual(201, self.credit(approval).status)
        self.world.kill_writ()
        self.world.start_writ()
        self.assert_refused(self.credit(approval), "approval_used")

    def test_what_an_agent_does_in_a_task_is_approved_too(self):
        token = self.world.agent_token(self.world.open_task(budget={"calls": 1}))
        approval = self.approved(token=token)
        self.assertEqual(201, self.credit(approval, token=token).status)
        self.assert_refused(self.credit(approval, token=token), "approval_used")

    def test_an_approval_helps_against_nothing_else(self):
        other = self.world.customer_token(client="marketing-app", purpose="marketing")
        answer = self.credit(token=other)
        self.assertNotIn("approval", answer.json())
        self.assertIn(answer.reason(), ("policy_forbid", "policy_no_permit"))
        elsewhere = self.credit(path="/invoices/inv-2001/credit")
        self.assertEqual("tenant_mismatch", elsewhere.reason())

    def test_a_body_that_nobody_can_be_asked_to_read_is_refused(self):
        long = "x" * ((64 << 10) + 1)
        for answer in (self.credit(body=long), self.credit("a-1", body=long)):
            self.assertEqual((413, "body_too_large"), (answer.status, answer.json()["error"]), answer)
            self.assertIn("65536 bytes", answer.json()["message"])
        # A stranger's is not even read.
        self.assertEqual("token_malformed", self.credit("a-1", body=long, token="none").reason())
        self.assertEqual("approval_required", self.credit(body=long[:-1]).reason())
        binary = self.credit(body=b"\xff\xfe")
        self.assert_refused(binary, "approval_required")
        self.assertNotIn("approval", binary.json())
        self.assertIn("not text", binary.json()["message"])

    def test_everything_is_recorded_before_it_is_done(self):
        approval = self.approved()
        self.credit(approval)
        with open(os.path.join(self.world.data, "audit.log"), encoding="utf-8") as file:
            records = [json.loads(line) for line in file]
        events = [each["type"] for each in records if each.get("object") == approval]
        self.assertEqual(["approval.requested", "approval.approved"], events)
        (used,) = [each for each in records if each.get("approval") == approval]
        self.assertEqual(("permit", 'Billing::Action::"credit"'), (used["effect"], used["action"]))

    def test_on_the_command_line(self):
        approval = self.asked()
        token = os.path.join(self.world.folder, "niklas.token")
        with open(token, "w", encoding="utf-8") as file:
            file.write(self.world.person("niklas"))

        def writ(*arguments):
            status, out, err = harness.writ("approval", *arguments, "--server", self.world.api, "--token-file", token)
            return status, out + err
        self.assertIn(f"{approval}  pending  Billing::Action::\"credit\"", writ("list")[1])
        shown = writ("show", approval)[1]
        self.assertIn('{"amount": 20}', shown.replace("\\", ""))
        # What the API calls `arguments` is a digest, and is called so.
        self.assertRegex(shown, r"(?m)^arguments digest [\w-]{20,}$")
        self.assertNotRegex(shown, r"(?m)^arguments +[^d ]")
        self.assertEqual(0, writ("approve", approval)[0])
        self.assertEqual(201, self.credit(approval).status)
        self.assertEqual(1, writ("deny", approval)[0])

    def test_an_approval_that_nothing_needs_is_an_abnormal_path(self):
        path = os.path.join(self.world.folder, "policies", "calls.test.yaml")
        request = "{sub: nora, client_id: support-portal, purpose: support, tenant: north}, approved: true, expect: permit}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"""version: 1
now: 2026-03-02T09:00:00Z
tests:
  - {{name: needs one, request: POST /invoices/inv-1001/credit, token: {request}
  - {{name: needs none, request: GET /invoices/inv-1001, token: {request}
""")
        _, out, err = harness.writ("test", "--config", self.world.config, "--abnormal", "--verbose", path)
        found = [line for line in out.splitlines() if "without people's approval of the call" in line]
        self.assertEqual(1, len(found), out + err)
        self.assertIn("`needs none`", found[0])

    def test_in_tests_of_policies(self):
        path = os.path.join(self.world.folder, "policies", "calls.test.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("""version: 1
now: 2026-03-02T09:00:00Z
defaults:
  token: {sub: nora, client_id: support-portal, purpose: support, tenant: north}
  request: POST /invoices/inv-1001/credit
  body: {amount: 20}
tests:
  - {name: a credit waits, expect: {outcome: approval_required, policies: [people-approve-credits]}}
  - {name: a credit that was approved passes, approved: true, expect: permit}
  - {name: twice with an approval each, approved: true, steps: [{times: 2, expect: permit}]}
  - {name: an approval gives nobody anything else, approved: true, request: POST /invoices/inv-1002/credit,
     expect: policy_forbid}
""")
        status, out, err = harness.writ("test", "--config", self.world.config, path)
        self.assertEqual(0, status, out + err)
        with open(path, "a", encoding="utf-8") as file:
            file.write("  - {name: no token by approval, request: null, body: null, issue: invoices, approved: true, expect: permit}\n")
        status, out, err = harness.writ("test", "--config", self.world.config, path)
        self.assertEqual(2, status, out + err)
        self.assertIn("`approved` goes with a request", out + err)


if __name__ == "__main__":
    unittest.main()
