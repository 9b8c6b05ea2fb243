"""The audit log stays where it belongs, whole, within its limits; and stops work when nothing else does."""
import json
import os
import signal
import subprocess
import time
import unittest

import harness

READ = "/invoices/inv-1001"


class EvidenceTest(unittest.TestCase):
    def world_with(self, audit=""):
        def edit(text):
            return text.replace("{file: audit.log, mode: durable}", f"{{file: audit.log, mode: durable{audit}}}")
        self.world = harness.TestWorld(edit=edit)
        self.addCleanup(self.world.close)
        self.log = os.path.join(self.world.data, "audit.log")

    def records(self, path=None):
        with open(path or self.log, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def types(self, path=None):
        return [record["type"] for record in self.records(path)]

    def verify(self):
        status, out, err = harness.writ("audit", "verify", self.world.data, "--json")
        self.assertEqual(0, status, out + err)
        return json.loads(out)

    def ready(self):
        return self.world.call(self.world.api_port, "GET", "/readyz").status == 200

    def await_that(self, condition):
        deadline = time.monotonic() + 15
        while not condition():
            self.assertLess(time.monotonic(), deadline, self.world.log_text())
            time.sleep(0.05)

    def reopen(self, path):
        self.world.server.send_signal(signal.SIGHUP)
        self.await_that(lambda: os.path.exists(path) and os.path.getsize(path) > 0)


class WhileItRuns(EvidenceTest):
    def setUp(self):
        self.world_with()
        self.world.start()
        self.token = self.world.customer_token()

    def read(self):
        return self.world.through_gateway(self.token, READ)

    def test_a_log_that_is_moved_away_goes_on_in_its_place_before_the_next_request_passes(self):
        os.rename(self.log, self.log + ".1")
        answer = self.read()
        self.assertEqual(200, answer.status)
        self.assertIn(answer.headers["X-Request-Id"], [record.get("request_id") for record in self.records()])
        self.assertEqual("audit.continued", self.types()[0])
        self.assertEqual("audit.closed", self.types(self.log + ".1")[-1])
        self.assertEqual(1, self.verify()["first"])

    def test_a_database_that_is_moved_away_acknowledges_no_stop_that_a_start_would_not_find(self):
        operator = self.world.operator_token()
        stop = lambda: self.world.api_call(operator, "POST", "/v1/identities/support-portal/suspend").status
        database = os.path.join(self.world.data, "writ.db")
        for name in (database, database + "-wal"):
            os.rename(name, name + ".aside")
            self.assertEqual(503, stop(), name)
            self.await_that(lambda: not self.ready())
            self.assertEqual(b'{"status":"database_unavailable"}', self.world.call(self.world.api_port, "GET", "/readyz").body)
            self.assertEqual(200, self.read().status, "who needs no database is answered")
            os.rename(name + ".aside", name)
            self.await_that(self.ready)
        self.assertEqual(200, stop())
        self.world.kill_writ()
        self.world.start_writ()
        self.assertEqual("caller_suspended", self.read().reason())
        self.assertIn("was removed, moved or replaced while it was open", self.world.log_text())

    def test_a_database_that_is_made_anew_beside_a_log_is_told_of(self):
        self.world.api_call(self.world.operator_token(), "POST", "/v1/identities/sofia/suspend")
        self.world.stop_writ()
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(path := os.path.join(self.world.data, "writ.db" + suffix)):
                os.remove(path)
        self.world.start_writ()
        self.assertIn("audit.database_older", self.types())
        self.assertIn("the database is older than the audit log", self.world.log_text())

    def test_sighup_after_a_rename_begins_the_new_file(self):
        os.rename(self.log, self.log + ".1")
        self.reopen(self.log)
        self.assertEqual(200, self.read().status)
        self.verify()

    def test_a_log_that_is_removed_lets_nothing_pass_until_sighup_says_that_it_was_meant(self):
        os.remove(self.log)
        self.assertEqual((503, "audit_unavailable"), (self.read().status, self.read().json()["error"]))
        self.await_that(lambda: not self.ready())
        self.reopen(self.log)
        self.await_that(self.ready)
        self.assertEqual(200, self.read().status)
        self.assertEqual("audit.lost", self.types()[0])

    def test_pages_go_across_the_files(self):
        self.read()
        os.rename(self.log, self.log + ".1")
        self.read()
        operator = self.world.operator_token()
        shown = self.world.api_call(operator, "GET", "/v1/audit/records?limit=1000").json()["records"]
        self.assertEqual(list(range(1, len(shown) + 1)), [record["seq"] for record in shown])
        page = self.world.api_call(operator, "GET", "/v1/audit/records?after=2&limit=3").json()["records"]
        self.assertEqual([3, 4, 5], [record["seq"] for record in page])
        status, out, _ = harness.writ("audit", "show", self.world.data, "--last", "2", "--json")
        self.assertEqual((0, 2), (status, len(out.splitlines())))


class WhileItIsDown(EvidenceTest):
    def setUp(self):
        self.world_with()
        self.world.start()
        self.world.stop_writ()

    def refused(self, why):
        os.remove(os.path.join(self.world.data, "writ.log"))
        with self.assertRaisesRegex(harness.acme.Trouble, why):
            self.world.start_writ()

    def test_a_log_that_is_moved_away_stops_the_start_and_comes_back(self):
        os.rename(self.log, os.path.join(self.world.folder, "elsewhere"))
        self.refused("it is not there")
        os.rename(os.path.join(self.world.folder, "elsewhere"), self.log)
        self.world.start_writ()

    def test_a_log_whose_end_is_cut_stops_the_start_until_the_loss_is_accepted(self):
        lines = open(self.log, encoding="utf-8").readlines()
        with open(self.log, "w", encoding="utf-8") as file:
            file.writelines(lines[:-1])
        self.refused("--accept-lost-audit")
        self.world.start_writ(arguments=["--accept-lost-audit", str(len(lines))])
        self.assertEqual(["audit.lost", "server.started"], self.types()[:2])
        self.assertEqual(lines[:-1], open(f"{self.log}.lost-{len(lines)}", encoding="utf-8").readlines())
        self.world.kill_writ()
        self.world.start_writ()

    def test_what_anybody_may_write_stops_the_start(self):
        for path, mode, good in ((self.world.data, 0o777, 0o700), (self.log, 0o666, 0o600),
                                 (os.path.join(self.world.data, "writ.db"), 0o666, 0o600),
                                 (os.path.join(self.world.data, "proofs"), 0o666, 0o600),
                                 (os.path.join(self.world.data, "policy-revisions"), 0o777, 0o700),
                                 (self.a_revision(), 0o666, 0o600)):
            os.chmod(path, mode)
            self.refused("may be written by anyone")
            self.checked("may be written by anyone")
            os.chmod(path, good)
        os.chmod(self.world.data, 0o770)
        self.refused("data_access: group")
        self.checked("data_access: group")
        with open(self.world.config, "a", encoding="utf-8") as file:
            file.write("\ndata_access: group\n")
        self.world.start_writ()

    def checked(self, words):
        """`writ check` says what a start says."""
        status, out, _ = harness.writ("check", "--config", self.world.config)
        self.assertEqual(1, status, out)
        self.assertIn(words, out)

    def a_revision(self):
        folder = os.path.join(self.world.data, "policy-revisions")
        return os.path.join(folder, sorted(os.listdir(folder))[0])

    def test_a_link_in_its_place_stops_the_start(self):
        folder = os.path.join(self.world.data, "policy-revisions")
        os.rename(folder, folder + ".real")
        os.symlink(folder + ".real", folder)
        self.refused("is a link")
        os.unlink(folder)
        os.rename(folder + ".real", folder)
        os.rename(self.log, self.log + ".real")
        os.symlink(self.log + ".real", self.log)
        self.refused("is a link")


class Strangers(EvidenceTest):
    def test_a_flood_is_answered_and_counted_and_known_callers_are_recorded(self):
        self.world_with(", strangers_per_second: 2")
        self.world.start()
        path = "/invoices/" + "x" * 6000
        for i in range(100):
            if i % 20:
                self.assertEqual(401, self.world.call(self.world.gateway_port, "GET", path).status)
            else:
                answer = self.world.call(self.world.api_port, "POST", "/oauth2/token", {
                    "Authorization": "Basic bm9ib2R5Om5vdGhpbmc=", "Content-Type": "application/x-www-form-urlencoded"},
                    "grant_type=client_credentials&resource=" + harness.INVOICES)
                self.assertEqual(401, answer.status, answer)
        self.assertEqual(200, self.world.through_gateway(self.world.customer_token(), READ).status)
        metrics = self.world.call(self.world.api_port, "GET", "/metrics").body.decode()
        self.world.stop_writ()
        strangers = [record for record in self.records() if record.get("effect") == "deny"]
        counted = [record for record in self.records() if record["type"] == "refusals.not_recorded"]
        self.assertLess(len(strangers), 60)
        self.assertEqual(100, len(strangers) + sum(record["count"] for record in counted))
        self.assertLess(max(len(json.dumps(record)) for record in strangers), 1200)
        self.assertTrue(any(record.get("cut", {}).get("path", 0) > 6000 for record in strangers))
        self.assertRegex(metrics, r"writ_audit_not_recorded_total [1-9]")
        self.assertIn("refusals to strangers", self.world.log_text())


@unittest.skipUnless(os.geteuid() == 0 and os.path.exists("/bin/mount"), "mounting a small file system takes root")
class AFullDisk(EvidenceTest):
    """A real file system of some MiB."""

    def setUp(self):
        self.world_with(", reserve_bytes: 1048576")
        os.mkdir(self.world.data, 0o700)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs", self.world.data],
                                 capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest("a small file system cannot be mounted here: " + mounted.stderr)
        self.addCleanup(subprocess.run, ["umount", "-l", self.world.data])
        self.world.start()

    def fill(self):
        with open(os.path.join(self.world.data, "filler"), "ab", buffering=0) as file:
            try:
                while file.write(b"x" * 4096):
                    pass
            except OSError:
                pass

    def test_refuses_requests_but_an_operator_stops_somebody_and_it_comes_back_by_itself(self):
        token, task = self.world.customer_token(), self.world.open_task(budget={"calls": 1000})
        agent = self.world.agent_token(task)
        self.fill()
        self.await_that(lambda: self.world.through_gateway(token, READ).status == 503)
        self.assertFalse(self.ready())
        # Nor does what a request would use up take the space that is kept.
        for _ in range(20):
            self.assertEqual(503, self.world.through_gateway(agent, READ).status)
        operator = self.world.operator_token()
        answer = self.world.api_call(operator, "POST", "/v1/identities/support-portal/suspend")
        self.assertEqual(200, answer.status, answer)
        answer = self.world.api_call(operator, "POST", f"/v1/tasks/{task}/revoke")
        self.assertEqual(200, answer.status, answer)
        self.assertEqual(503, self.world.api_call(operator, "GET", "/v1/identities").status)
        os.remove(os.path.join(self.world.data, "filler"))
        self.await_that(self.ready)
        self.assertEqual("caller_suspended", self.world.through_gateway(token, READ).reason())
        self.world.kill_writ()
        self.world.start_writ()
        self.assertEqual("caller_suspended", self.world.through_gateway(token, READ).reason())
        self.assertEqual(403, self.world.through_gateway(agent, READ).status)
        self.assertLessEqual({"identity.suspended", "task.revoked", "audit.resumed"}, set(self.types()))
        self.verify()

    def test_a_start_on_a_full_disk_still_takes_stops(self):
        operator = self.world.operator_token()
        self.fill()
        self.world.kill_writ()
        await_answer = self.world.await_answer
        # It answers, but is not ready.
        self.world.await_answer = lambda *arguments, status=None: await_answer(*arguments)
        self.world.start_writ()
        self.assertFalse(self.ready())
        answer = self.world.api_call(operator, "POST", "/v1/identities/support-portal/suspend")
        self.assertEqual(200, answer.status, answer)


if __name__ == "__main__":
    unittest.main()
