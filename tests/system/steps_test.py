"""The eleven steps of the walk, each as a test of its own against the real binary, and the walk itself."""
import base64
import contextlib
import io
import json
import os
import pty
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import harness
import walk

READ = "/invoices/inv-1001"


class Steps(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = harness.TestWorld()
        cls.addClassCleanup(cls.world.close)
        cls.world.start()
        cls.portal = cls.world.customer_token()

    def permitted(self, answer, status=200):
        self.assertEqual(status, answer.status, answer)

    def refused(self, answer, status, reason):
        self.assertEqual((status, reason), (answer.status, answer.reason()), answer)
        self.assertTrue(answer.json()["message"])
        self.assertTrue(answer.json()["request_id"])
        self.assertEqual(answer.headers["X-Request-Id"], answer.json()["request_id"])
        self.assertEqual("no-store", answer.headers["Cache-Control"])

    def end(self, task):
        return self.world.api_call(self.world.customer_token(self.world.api), "POST", f"/v1/tasks/{task}/end")

    def test_01_right_user_right_application(self):
        answer = self.world.through_gateway(self.portal, READ)
        self.permitted(answer)
        self.assertEqual("nora", answer.json()["customer"])
        told = self.world.last_upstream_request()["writ_context"]
        self.assertEqual(("nora", "support-portal", "support", "north"),
                         tuple(told[name] for name in ("sub", "client_id", "purpose", "tenant")))

    def test_02_right_user_wrong_application(self):
        token = self.world.customer_token(client="marketing-app", purpose="marketing")
        answer = self.world.through_gateway(token, READ)
        self.refused(answer, 403, "policy_no_permit")
        self.assertEqual('Writ::Application::"marketing-app"', answer.json()["party"])

    def test_03_right_application_wrong_tenant(self):
        before = self.world.upstream_requests()
        answer = self.world.through_gateway(self.portal, "/invoices/inv-2001", headers={"X-Tenant": "south"})
        self.refused(answer, 403, "tenant_mismatch")
        self.assertEqual(before, self.world.upstream_requests())

    def test_04_agent_without_a_task(self):
        answer = self.world.through_gateway(self.world.agent_token(), READ)
        self.refused(answer, 403, "task_missing")
        self.assertEqual('Writ::Agent::"support-agent"', answer.json()["party"])

    def test_05_agent_inside_its_task(self):
        token = self.world.agent_token(self.world.open_task(budget={"calls": 5}))
        self.permitted(self.world.through_gateway(token, READ))
        told = self.world.last_upstream_request()["writ_context"]
        self.assertEqual({"sub": "support-agent", "act": {"sub": "support-portal"}}, told["act"])

    def test_06_action_and_resource_outside_the_task(self):
        token = self.world.agent_token(self.world.open_task())
        self.refused(self.world.through_gateway(token, "/tenants/north/totals"), 403, "action_not_in_task")
        self.refused(self.world.through_gateway(token, "/invoices/inv-1002"), 403, "resource_not_in_task")

    def test_07_the_call_after_the_last(self):
        token = self.world.agent_token(self.world.open_task(budget={"calls": 5}))
        # What is refused does not count.
        self.refused(self.world.through_gateway(token, "/tenants/north/totals"), 403, "action_not_in_task")
        for _ in range(5):
            self.permitted(self.world.through_gateway(token, READ))
        self.refused(self.world.through_gateway(token, READ), 403, "budget_exceeded")

    def test_08_ended_task(self):
        task = self.world.open_task()
        token = self.world.agent_token(task)
        self.permitted(self.world.through_gateway(token, READ))
        self.permitted(self.end(task))
        self.refused(self.world.through_gateway(token, READ), 403, "task_ended")
        # Nothing brings it back.
        self.assertEqual(409, self.end(task).status)

    def test_08_revoked_task(self):
        task = self.world.open_task()
        token = self.world.agent_token(task)
        self.permitted(self.world.api_call(self.world.operator_token(), "POST", f"/v1/tasks/{task}/revoke"))
        self.refused(self.world.through_gateway(token, READ), 403, "task_revoked")

    def test_09_token_for_another_api(self):
        token = self.world.customer_token(harness.MAIL)
        self.permitted(self.world.through_gateway(token, "/mailboxes/nora/messages"))
        answer = self.world.through_gateway(token, READ)
        self.refused(answer, 401, "audience_mismatch")
        self.assertIn('error="invalid_token"', answer.headers["WWW-Authenticate"])

    def test_10_altered_payload(self):
        header, payload, signature = self.portal.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        claims.update(sub="sofia", tenant="south")
        altered = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        self.refused(self.world.through_gateway(f"{header}.{altered}.{signature}", "/invoices/inv-2001"), 401,
                     "token_signature")

    def test_10_other_algorithms(self):
        _, payload, signature = self.portal.split(".")
        for header in ({"alg": "none"}, {"alg": "HS256", "typ": "at+jwt"}, {"alg": "EdDSA", "typ": "at+jwt"}):
            encoded = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
            for made in (f"{encoded}.{payload}.{signature}", f"{encoded}.{payload}."):
                self.assertEqual(401, self.world.through_gateway(made, READ).status)

    def test_11_audit_of_all_of_it(self):
        answer = self.world.through_gateway(self.portal, "/invoices/inv-2001")
        log = os.path.join(self.world.data, "audit.log")
        status, out, err = harness.writ("audit", "verify", log)
        self.assertEqual(0, status, out + err)
        with open(log, encoding="utf-8") as file:
            records = [json.loads(line) for line in file]
        mine = [r for r in records if r.get("request_id") == answer.json()["request_id"]]
        self.assertEqual(1, len(mine))
        self.assertEqual(("gateway", "deny", "tenant_mismatch", "nora", "support-portal", 'Billing::Invoice::"inv-2001"'),
                         tuple(mine[0][n] for n in ("point", "effect", "reason", "subject", "client", "resource")))
        # Neither tokens nor secrets.
        with open(log, encoding="utf-8") as file:
            text = file.read()
        self.assertNotIn(self.portal.split(".")[2], text)
        self.assertNotIn("-secret", text)

    def test_a_sub_agent_works_in_the_same_task_and_through_its_chain(self):
        task = self.world.open_task(agents=["support-agent", "mail-drafter"], actions=['Mail::Action::"draft"'],
                                    resources=['Mail::Mailbox::"nora"'])
        agent = self.world.exchanged("support-agent", self.world.customer_token(harness.MAIL), harness.MAIL,
                                     of="access_token", purpose="support", task=task)
        drafter = self.world.exchanged("mail-drafter", agent, harness.MAIL, of="access_token", purpose="support")
        self.permitted(self.world.through_gateway(drafter, "/mailboxes/nora/drafts", "POST", body=b"Dear nora"), 201)
        told = self.world.last_upstream_request()["writ_context"]
        self.assertEqual({"sub": "mail-drafter", "act": {"sub": "support-agent", "act": {"sub": "support-portal"}}},
                         told["act"])

    def test_an_agent_cannot_take_over_what_it_is_not_allowed_to(self):
        answer = self.world.token_request(
            "mail-drafter", grant_type=harness.EXCHANGE, resource=harness.MAIL, purpose="support",
            subject_token=self.world.customer_token(harness.MAIL),
            subject_token_type="urn:ietf:params:oauth:token-type:access_token")
        self.assertEqual((400, "delegation_not_authorised"), (answer.status, answer.reason()), answer)


class TheWalk(unittest.TestCase):
    def test_every_step_goes_as_told(self):
        world = harness.TestWorld()
        self.addCleanup(world.close)
        world.start()
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            good = walk.walk(world)
        self.assertTrue(good, printed.getvalue())
        for threat in (walk.BROAD, walk.INDISTINCT, walk.WRONG_SIGNAL):
            self.assertIn(threat, printed.getvalue())


class OverTls(unittest.TestCase):
    def test_the_walk_goes_the_same_way_with_a_certificate_that_is_made_for_it(self):
        with tempfile.TemporaryDirectory(prefix="writ-run-") as folder:
            run = subprocess.run([sys.executable, os.path.join(harness.ACME, "run.py"), "--writ", harness.WRIT, "--once", "--tls",
                                  "--port", str(harness.free_ports(1)[0]), "--data", folder], capture_output=True, text=True, timeout=300)
            self.assertEqual(0, run.returncode, run.stdout + run.stderr)
            self.assertIn("All 11 steps behaved as described", run.stdout)
            self.assertIn("--cacert tls/ca.pem", run.stdout)
            self.assertNotIn("http://localhost", run.stdout)
            for name in ("server.key", "server.pem", "ca.pem"):
                self.assertEqual(0o600, os.stat(os.path.join(folder, "tls", name)).st_mode & 0o777)


class OnATerminal(unittest.TestCase):
    """`./x run` as a person has it: with a terminal, and with a port taken."""

    def test_it_waits_between_steps_takes_other_ports_and_ends_with_things_to_try(self):
        folder = tempfile.mkdtemp(prefix="writ-run-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        port = harness.free_ports(1)[0]
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", port))
            taken.listen()
            process, terminal = pty.fork()
            if process == 0:
                os.execv(sys.executable, [sys.executable, os.path.join(harness.ACME, "run.py"), "--writ", harness.WRIT,
                                          "--port", str(port), "--data", folder])
            shown = self.read_until(terminal, b"Ctrl-C stops everything")
            os.write(terminal, b"\x03")
            _, status = os.waitpid(process, 0)
            os.close(terminal)
        self.assertIn(b"All 11 steps behaved as described", shown)
        self.assertEqual(10, shown.count(b"Enter goes on"))
        self.assertNotIn(b"127.0.0.1:%d/" % port, shown)
        for number in (b"\n1. ", b"\n2. ", b"\n3. "):
            self.assertIn(number, shown[shown.index(b"Three things to try"):])
        self.assertEqual(0, os.waitstatus_to_exitcode(status))

    def read_until(self, terminal, wanted):
        shown, answered, deadline = b"", 0, time.monotonic() + 120
        while wanted not in shown:
            self.assertLess(time.monotonic(), deadline, shown)
            if select.select([terminal], [], [], 0.2)[0]:
                shown += os.read(terminal, 65536)
            while answered < shown.count(b"Enter goes on"):
                os.write(terminal, b"\n")
                answered += 1
        return shown


if __name__ == "__main__":
    unittest.main()
