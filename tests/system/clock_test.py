"""A system clock that is set while Writ runs: noticed, told, and nothing lives longer for it."""
import glob
import json
import os
import time
import unittest

import harness

READ = "/invoices/inv-1001"


@unittest.skipIf("/asan/" in harness.WRIT or "/tsan/" in harness.WRIT, "a sanitizer wants to be loaded before faketime")
class Clocked(unittest.TestCase):
    lifetime = 300

    def setUp(self):
        self.world = harness.TestWorld(edit=lambda text: text.replace("lifetime_seconds: 300", f"lifetime_seconds: {self.lifetime}"))
        self.addCleanup(self.world.close)
        self.clock_file = os.path.join(self.world.folder, "clock")
        self.set_clock("+0")
        os.makedirs(self.world.data, exist_ok=True)
        self.world.start_upstream()
        self.world.start_writ(self.clock())

    def clock(self):
        """Put before the command, it sees the clock of the file, and time goes by as it does."""
        return ["env", "LD_PRELOAD=" + glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")[0], "FAKETIME_NO_CACHE=1",
                "FAKETIME_DONT_FAKE_MONOTONIC=1", "NO_FAKE_STAT=1",
                f"FAKETIME_TIMESTAMP_FILE={self.clock_file}"]

    def set_clock(self, offset):
        with open(self.clock_file + ".new", "w", encoding="utf-8") as file:
            file.write(offset + "\n")
        os.rename(self.clock_file + ".new", self.clock_file)


class AClockThatIsSet(Clocked):
    lifetime = 5

    def ready(self):
        return self.world.call(self.world.api_port, "GET", "/readyz")

    def metric(self, name):
        text = self.world.call(self.world.api_port, "GET", "/metrics").body.decode()
        return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(name + " "))

    def await_log(self, text, times=1):
        deadline = time.monotonic() + 10
        while self.world.log_text().count(text) < times:
            self.assertLess(time.monotonic(), deadline, f"{text!r} was not logged:\n{self.world.log_text()}")
            time.sleep(0.05)

    def test_ahead_and_back_lets_nothing_live_longer_and_leaves_all_working(self):
        task = self.world.open_task(expires_in_seconds=3)
        token = self.world.customer_token()
        agent = self.world.agent_token(task)
        began = time.monotonic()
        self.assertEqual(200, self.world.through_gateway(token, READ).status)
        self.set_clock("+2h")
        self.assertEqual("token_expired", self.world.through_gateway(token, READ).reason())
        refused = self.world.token_request("support-portal", grant_type="client_credentials", resource=harness.INVOICES)
        self.assertIn(refused.status, (400, 503), refused)
        self.set_clock("+0")
        self.assertEqual(200, self.world.through_gateway(token, READ).status)
        self.assertEqual(200, self.world.through_gateway(self.world.customer_token(), READ).status)
        time.sleep(max(0.0, began + 3.2 - time.monotonic()))
        self.assertIn(self.world.through_gateway(agent, READ).reason(), ("task_expired", "token_expired"))
        time.sleep(max(0.0, began + 6.2 - time.monotonic()))
        self.assertEqual("token_expired", self.world.through_gateway(token, READ).reason())
        self.assertEqual(200, self.world.through_gateway(self.world.customer_token(), READ).status)
        self.world.kill_writ()
        self.world.start_writ()

    def test_is_told_by_readiness_log_and_metric_until_it_is_right_again(self):
        for times, offset in enumerate(("+2h", "-2h"), start=1):
            self.set_clock(offset)
            answer = self.ready()
            self.assertEqual((503, "clock_set"), (answer.status, answer.json()["status"]))
            self.assertIn("by 7200 s while Writ was running: set it right, or restart Writ", answer.json()["detail"])
            self.assertAlmostEqual(7200, self.metric("writ_clock_apart_seconds"), delta=1)
            self.await_log("the system's clock was set by 7200 s", times)
            self.set_clock("+0")
            self.assertEqual(200, self.ready().status)
            self.await_log("the system's clock is right again", times)
        self.assertEqual(2, self.metric("writ_clock_jumps_total"))
        self.assertEqual(2, self.world.log_text().count("was set by 7200 s"))

    def test_for_a_moment_is_told_when_a_request_saw_it(self):
        token = self.world.customer_token()
        self.set_clock("+24h")
        self.world.through_gateway(token, READ)
        self.set_clock("+0")
        self.await_log("the system's clock was set by 86400 s")

    def test_the_audit_goes_by_the_earlier_reading(self):
        self.set_clock("+2h")
        self.world.through_gateway("nonsense", READ)
        self.set_clock("+0")
        self.world.through_gateway("nonsense", READ)
        self.world.stop_writ()
        with open(os.path.join(self.world.data, "audit.log"), encoding="utf-8") as file:
            times = [json.loads(line)["time"] for line in file]
        self.assertEqual(sorted(times), times)
        self.assertLess(times[-1], time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60)))


class AClockThatIsWrongAtTheStart(Clocked):
    def test_a_revocation_is_not_forgotten_by_a_start_with_a_wrong_clock(self):
        token = self.world.customer_token()
        self.world.revoke("support-portal", token)
        for offset in ("+48h", "+0"):
            self.world.kill_writ()
            self.set_clock(offset)
            self.world.start_writ(self.clock(), ["--accept-clock"])
            if offset != "+0":
                self.world.revoke("ops-console", self.world.operator_token())
        self.assertEqual("token_revoked", self.world.through_gateway(token, READ).reason())


if __name__ == "__main__":
    unittest.main()
