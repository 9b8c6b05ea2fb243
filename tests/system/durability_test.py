"""What Writ acknowledged survives kill -9, and what the audit says can be proved."""
import base64
import glob
import json
import os
import threading
import unittest
import urllib.parse

import harness

SPEND = '        - {method: GET, path: "/invoices/{invoice}", action: read, resource: \'Billing::Invoice::"{invoice}"\''
READ = "/invoices/inv-1001"


class KillNine(unittest.TestCase):
    def setUp(self):
        self.world = harness.TestWorld()
        self.addCleanup(self.world.close)
        self.world.start()
        self.log = os.path.join(self.world.data, "audit.log")

    def restart(self):
        self.world.kill_writ()
        self.world.start_writ()

    def test_tokens_outlive_it_because_the_keys_do(self):
        token = self.world.customer_token()
        self.restart()
        self.assertEqual(200, self.world.through_gateway(token, READ).status)

    def test_an_ended_task_stays_ended(self):
        task = self.world.open_task()
        token = self.world.agent_token(task)
        owner = self.world.customer_token(self.world.api)
        self.assertEqual(200, self.world.api_call(owner, "POST", f"/v1/tasks/{task}/end").status)
        self.restart()
        answer = self.world.through_gateway(token, READ)
        self.assertEqual((403, "task_ended"), (answer.status, answer.reason()))

    def test_a_suspended_task_stays_suspended_and_a_resumed_one_resumed(self):
        task = self.world.open_task()
        token = self.world.agent_token(task)
        operator = self.world.operator_token()
        self.assertEqual(200, self.world.api_call(operator, "POST", f"/v1/tasks/{task}/suspend").status)
        self.restart()
        self.assertEqual("task_suspended", self.world.through_gateway(token, READ).reason())
        self.assertEqual(200, self.world.api_call(operator, "POST", f"/v1/tasks/{task}/resume").status)
        self.restart()
        self.assertEqual(200, self.world.through_gateway(token, READ).status)

    def test_a_narrowed_task_stays_narrow(self):
        task = self.world.open_task()
        token = self.world.agent_token(task)
        less = {"actions": ['Billing::Action::"credit"']}
        self.assertEqual(200, self.world.api_call(self.world.operator_token(), "POST", f"/v1/tasks/{task}/narrow", less).status)
        self.assertEqual("action_not_in_task", self.world.through_gateway(token, READ).reason())
        self.restart()
        self.assertEqual("action_not_in_task", self.world.through_gateway(token, READ).reason())

    def test_a_used_rate_stays_used(self):
        token = self.world.agent_token(self.world.open_task(budget={"rates": [{"calls": 2, "seconds": 3600}]}))
        passed = sum(self.world.through_gateway(token, READ).status == 200 for _ in range(3))
        self.restart()
        passed += sum(self.world.through_gateway(token, READ).status == 200 for _ in range(3))
        self.assertEqual(2, passed)
        self.assertEqual("budget_exceeded", self.world.through_gateway(token, READ).reason())

    def test_a_used_budget_stays_used(self):
        token = self.world.agent_token(self.world.open_task(budget={"calls": 3}))
        passed = sum(self.world.through_gateway(token, READ).status == 200 for _ in range(2))
        self.restart()
        passed += sum(self.world.through_gateway(token, READ).status == 200 for _ in range(5))
        self.assertLessEqual(passed, 3)
        self.assertEqual("budget_exceeded", self.world.through_gateway(token, READ).reason())

    def test_an_orderly_end_loses_no_budget(self):
        token = self.world.agent_token(self.world.open_task(budget={"calls": 100}))
        self.assertEqual(200, self.world.through_gateway(token, READ).status)
        self.assertEqual(0, self.world.stop_writ())
        self.world.start_writ()
        passed = sum(self.world.through_gateway(token, READ).status == 200 for _ in range(105))
        self.assertEqual(99, passed)

    def test_a_suspension_stays(self):
        operator = self.world.operator_token()
        token = self.world.customer_token()
        self.assertEqual(200, self.world.api_call(operator, "POST", "/v1/identities/support-portal/suspend").status)
        self.assertEqual("caller_suspended", self.world.through_gateway(token, READ).reason())
        self.restart()
        self.assertEqual("caller_suspended", self.world.through_gateway(token, READ).reason())
        self.assertEqual(200, self.world.api_call(operator, "POST", "/v1/identities/support-portal/activate").status)
        self.assertEqual(200, self.world.through_gateway(token, READ).status)

    def test_a_revoked_token_stays_revoked_and_so_does_what_came_from_it(self):
        token = self.world.customer_token()
        exchanged = self.world.exchanged("support-agent", token, of="access_token", purpose="support",
                                         task=self.world.open_task())
        self.assertEqual(200, self.world.through_gateway(exchanged, READ).status)
        self.world.revoke("support-portal", token)
        for _ in range(2):
            self.assertEqual("token_revoked", self.world.through_gateway(token, READ).reason())
            self.assertEqual("token_revoked", self.world.through_gateway(exchanged, READ).reason())
            self.restart()

    def test_every_permit_that_was_answered_is_in_the_audit(self):
        token = self.world.customer_token()
        acknowledged, stop = [], threading.Event()

        def ask():
            while not stop.is_set():
                try:
                    answer = self.world.through_gateway(token, READ)
                except (OSError, ValueError, EOFError, harness.http.client.HTTPException):
                    return
                acknowledged.append(answer.headers["X-Request-Id"])
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        while len(acknowledged) < 50:
            self.assertTrue(any(thread.is_alive() for thread in threads))
        self.world.kill_writ()
        stop.set()
        for thread in threads:
            thread.join()
        self.world.start_writ()
        status, out, err = harness.writ("audit", "verify", self.log)
        self.assertEqual(0, status, out + err)
        with open(self.log, encoding="utf-8") as file:
            recorded = {json.loads(line).get("request_id") for line in file}
        self.assertEqual(set(), set(acknowledged) - recorded)


class KillNineOfAProof(unittest.TestCase):
    """A DPoP proof (RFC 9449) passes once, and a restart within its minute changes nothing about it."""

    def setUp(self):
        self.world = harness.TestWorld(edit=lambda text: text.replace(
            "  threads: 2", "  threads: 2\n  public_origin: https://api.acme.example"))
        self.addCleanup(self.world.close)
        self.world.start()
        self.key = harness.ProofKey(self.world.folder)

    def token(self, proof):
        form = {"grant_type": harness.EXCHANGE, "resource": harness.INVOICES, "purpose": "support",
                "subject_token": self.world.id_token("nora", "north"),
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}
        credentials = base64.b64encode(b"support-portal:demo-support-portal-secret").decode()
        return self.world.call(self.world.api_port, "POST", "/oauth2/token",
                               {"Authorization": f"Basic {credentials}", "DPoP": proof,
                                "Content-Type": "application/x-www-form-urlencoded"}, urllib.parse.urlencode(form))

    def read(self, token, proof):
        return self.world.call(self.world.gateway_port, "GET", READ, {"Authorization": f"DPoP {token}", "DPoP": proof})

    def test_that_was_used_is_refused_after_a_restart_and_a_new_one_passes_at_once(self):
        at_token_endpoint = self.key.proof("POST", self.world.api + "/oauth2/token")
        answer = self.token(at_token_endpoint)
        self.assertEqual(200, answer.status, answer)
        token = answer.json()["access_token"]
        # One of a client whose clock is ahead, too.
        used = [self.key.proof("GET", "https://api.acme.example" + READ, token, ahead) for ahead in (0, 0, 4)]
        for proof in used:
            self.assertEqual(200, self.read(token, proof).status)
        for _ in range(2):
            self.world.kill_writ()
            self.world.start_writ()
            for proof in used:
                self.assertEqual("token_replayed", self.read(token, proof).reason())
            self.assertEqual(400, self.token(at_token_endpoint).status)
            fresh = self.key.proof("GET", "https://api.acme.example" + READ, token)
            self.assertEqual(200, self.read(token, fresh).status)
            used.append(fresh)


def clock_ahead(by):
    """Put before a command, it sees a clock that is ahead: "+10m"."""
    return ["env", "LD_PRELOAD=" + glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")[0], f"FAKETIME={by}",
            "NO_FAKE_STAT=1"]  # or a file would change between two looks at it


@unittest.skipIf("/asan/" in harness.WRIT or "/tsan/" in harness.WRIT, "a sanitizer wants to be loaded before faketime")
class AClockThatIsSetBack(unittest.TestCase):
    """While Writ is down; while it runs, its clock never goes back."""

    def setUp(self):
        self.world = harness.TestWorld()
        self.addCleanup(self.world.close)
        self.world.start()

    def restart(self, clock=()):
        self.world.kill_writ()
        self.world.start_writ(clock)

    def test_revives_neither_a_task_that_expired_nor_its_token(self):
        task = self.world.open_task(expires_in_seconds=20)
        token = self.world.agent_token(task)
        for clock in (clock_ahead("+30s"), ()):
            self.restart(clock)
            self.assertEqual("token_expired", self.world.through_gateway(token, READ).reason())
            with self.assertRaisesRegex(AssertionError, "task_expired"):
                self.world.agent_token(task)

    def test_by_more_than_five_minutes_stops_the_start_unless_the_operator_accepts_it(self):
        self.restart(clock_ahead("+10m"))
        with self.assertRaisesRegex(harness.acme.Trouble, "the clock was set back"):
            self.restart()
        self.world.start_writ(arguments=["--accept-clock"])
        self.assertEqual(200, self.world.through_gateway(self.world.customer_token(), READ).status)


class KillNineOfATaskThatSpends(unittest.TestCase):
    def setUp(self):
        self.world = harness.TestWorld(edit=lambda text: text.replace(
            SPEND, SPEND + ', amounts: {rows: query rows}, labels: ["read:invoices"]'))
        self.addCleanup(self.world.close)
        self.world.start()
        self.task = self.world.open_task(budget={"amounts": {"rows": 1000.50}})
        self.token = self.world.agent_token(self.task)

    def restart(self):
        self.world.kill_writ()
        self.world.start_writ()

    def spend(self, query):
        answer = self.world.through_gateway(self.token, READ + query)
        return answer.status if answer.status == 200 else answer.reason()

    def shown(self):
        return self.world.api_call(self.world.operator_token(), "GET", f"/v1/tasks/{self.task}").json()

    def test_a_spent_amount_stays_spent_to_the_last_ten_thousandth(self):
        self.assertEqual(200, self.spend("?rows=1000.4999"))
        self.restart()
        self.assertEqual("budget_exceeded", self.spend("?rows=0.0002"))
        self.assertGreaterEqual(self.shown()["used"]["amounts"]["rows"], 1000.4999)

    def test_an_amount_that_is_not_told_or_told_twice_is_refused(self):
        for query in ("", "?rows=-1", "?rows=1e3", "?rows=1&rows=1", "?rows=1&ro%77s=1", "?rows=99999999999999999999"):
            self.assertEqual("amount_unknown", self.spend(query), query)
        self.assertEqual({"amounts": {"rows": 0}}, self.shown()["used"])

    def test_a_label_is_never_lost(self):
        self.assertEqual(200, self.spend("?rows=1"))
        self.restart()
        self.assertEqual(["read:invoices"], self.shown()["labels"])



class Tampering(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = harness.TestWorld()
        cls.addClassCleanup(cls.world.close)
        cls.world.start()
        token = cls.world.customer_token()
        for _ in range(5):
            cls.world.through_gateway(token, READ)
        answer = cls.world.api_call(cls.world.operator_token(), "GET", "/v1/audit/head")
        cls.head = answer.json()["head"]
        cls.world.stop_writ()
        with open(os.path.join(cls.world.data, "audit.log"), encoding="utf-8") as file:
            cls.lines = file.read().splitlines(keepends=True)

    def verify(self, lines, *options):
        path = os.path.join(self.world.folder, "copy.log")
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(lines))
        status, out, _ = harness.writ("audit", "verify", path, "--json", *options)
        return status, json.loads(out)

    def test_the_log_as_it_is(self):
        status, report = self.verify(self.lines)
        self.assertEqual((0, True, len(self.lines)), (status, report["whole"], report["records"]))

    def test_an_altered_record(self):
        lines = list(self.lines)
        lines[3] = lines[3].replace("nora", "sofia", 1)
        status, report = self.verify(lines)
        self.assertEqual((1, 4), (status, report["first_break"]["seq"]))

    def test_a_dropped_record(self):
        status, report = self.verify(self.lines[:2] + self.lines[3:])
        self.assertEqual((1, 3), (status, report["first_break"]["seq"]))

    def test_reordered_records(self):
        lines = list(self.lines)
        lines[2], lines[3] = lines[3], lines[2]
        status, report = self.verify(lines)
        self.assertEqual((1, 3), (status, report["first_break"]["seq"]))

    def test_a_cut_end_against_a_head_noted_before(self):
        self.assertEqual(0, self.verify(self.lines, "--expect-head", self.head)[0])
        seq = int(self.head.split(":")[0])
        self.assertEqual(0, self.verify(self.lines[:seq - 1])[0])
        self.assertEqual(1, self.verify(self.lines[:seq - 1], "--expect-head", self.head)[0])


if __name__ == "__main__":
    unittest.main()
