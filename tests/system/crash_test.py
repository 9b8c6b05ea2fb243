"""kill -9 in the middle of any write, sync, cut or rename of the real binary, or at any time; then a start that has
everything that was acknowledged, and nothing that was taken away. WRIT_KILLS says how often at any time."""
import os
import random
import shutil
import signal
import subprocess
import threading
import time
import unittest

import harness

READ = "/invoices/inv-1001"
LOST = (OSError, EOFError, ValueError, AssertionError, harness.http.client.HTTPException)


def killed_at(call, count, path=None):
    """Put before the command, it is killed when one of its threads enters that system call for the count-th time."""
    of = ["-P", path] if path else []
    return ["strace", "-f", "-qq", "-o", "/dev/null", *of, "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={count}"]


class AWorld(unittest.TestCase):
    """What was acknowledged in it, and what a start has to have."""

    def setUp(self):
        self.world = harness.TestWorld()
        self.addCleanup(self.world.close)
        self.world.start()
        self.database = os.path.join(self.world.data, "writ.db")
        self.log = os.path.join(self.world.data, "audit.log")
        self.ended, self.revoked, self.suspended = [], [], False

    def work(self):
        """One of each kind of durable change. What is acknowledged is noted; raises when Writ is gone."""
        world = self.world
        operator = world.operator_token()
        task = world.open_task()
        token = world.agent_token(task)
        world.through_gateway(token, READ)
        answer = world.api_call(operator, "POST", f"/v1/tasks/{task}/revoke")
        assert answer.status == 200, answer
        self.ended.append(task)
        other = world.customer_token()
        world.revoke("support-portal", other)
        self.revoked.append(other)
        verb = "activate" if self.suspended else "suspend"
        self.suspended = None  # either, until it is acknowledged
        answer = world.api_call(operator, "POST", f"/v1/identities/mail-drafter/{verb}")
        assert answer.status == 200, answer
        self.suspended = verb == "suspend"

    def expect_everything(self):
        world = self.world
        world.start_writ()
        operator = world.operator_token()
        for task in self.ended[-5:]:
            self.assertEqual("revoked", world.api_call(operator, "GET", f"/v1/tasks/{task}").json()["state"])
        for token in self.revoked[-5:]:
            self.assertIn(world.through_gateway(token, READ).reason(), ("token_revoked", "token_expired"))
        status = world.api_call(operator, "GET", "/v1/identities/mail-drafter").json()["status"]
        if self.suspended is None:
            self.suspended = status == "suspended"
        self.assertEqual("suspended" if self.suspended else "active", status)
        status, out, err = harness.writ("audit", "verify", self.log)
        self.assertEqual(0, status, out + err)


@unittest.skipIf("/asan/" in harness.WRIT or "/tsan/" in harness.WRIT, "strace and a sanitizer take too long together")
@unittest.skipUnless(shutil.which("strace"), "strace is not there")
class KilledInTheMiddle(AWorld):
    """Each round lives under strace until it is killed there, and starts again without."""

    def live_until_killed(self, prefix, rounds=50):
        self.world.kill_writ()
        try:
            self.world.start_writ(prefix)
            for _ in range(rounds):
                self.work()
        except (harness.acme.Trouble, *LOST):
            pass
        # strace ends as what it traces does. An orderly end is a checkpoint, in which it may be killed too.
        self.signal(signal.SIGTERM)
        try:
            self.world.server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.fail("it was neither killed nor did it end")
        self.assertEqual(-signal.SIGKILL, self.world.server.returncode, "it was not killed there")

    def signal(self, number):
        """To the Writ that strace traces."""
        strace = self.world.server.pid
        try:
            with open(f"/proc/{strace}/task/{strace}/children", encoding="ascii") as file:
                for child in file.read().split():
                    os.kill(int(child), number)
        except (FileNotFoundError, ProcessLookupError):
            pass

    def test_at_each_write_of_a_checkpoint(self):
        for count in (1, 2, 3, 5, 8):
            with self.subTest(count=count):
                self.live_until_killed(killed_at("pwrite64", count, self.database), rounds=2)
                self.expect_everything()

    def test_at_writes_and_syncs_of_the_write_ahead_log(self):
        for call, count in (("pwrite64", 1), ("pwrite64", 4), ("pwrite64", 9), ("fdatasync", 1), ("fdatasync", 3)):
            with self.subTest(call=call, count=count):
                self.live_until_killed(killed_at(call, count, self.database + "-wal"))
                self.expect_everything()

    def test_at_writes_and_syncs_of_the_audit(self):
        for call, count in (("write", 1), ("write", 6), ("fdatasync", 1), ("fdatasync", 6)):
            with self.subTest(call=call, count=count):
                self.live_until_killed(killed_at(call, count, self.log))
                self.expect_everything()

    def test_at_any_change_of_the_folder_during_the_start(self):
        """A new database, new keys, the first revision of the policies."""
        self.world.kill_writ()
        killed = []
        for call, counts in (("pwrite64", range(1, 14, 3)), ("fsync,fdatasync", range(1, 8, 2)), ("rename,unlink", (1, 2))):
            for count in counts:
                with self.subTest(call=call, count=count):
                    shutil.rmtree(self.world.data)
                    os.makedirs(self.world.data)
                    try:
                        self.world.start_writ(killed_at(call, count))
                    except harness.acme.Trouble:
                        killed.append(call)
                    self.signal(signal.SIGKILL)
                    self.world.server.wait()
                    self.world.start_writ()
                    self.assertEqual(200, self.world.through_gateway(self.world.customer_token(), READ).status)
                    self.world.kill_writ()
        self.assertGreaterEqual(len(killed), 8, killed)


class KilledAtAnyTime(AWorld):
    """By kill -9, while a caller changes one thing after the other and others read."""

    def test_nothing_that_was_acknowledged_is_lost_and_nothing_revived(self):
        seed = int(os.environ.get("WRIT_KILLS_SEED", random.randrange(1 << 30)))
        chance = random.Random(seed)
        kills = int(os.environ.get("WRIT_KILLS", "4"))
        for number in range(kills):
            with self.subTest(number=number, seed=seed):
                self.live_until_killed(chance.uniform(0, 0.4))
                self.expect_everything()
        print(f"{kills} times kill -9; {len(self.ended)} tasks and {len(self.revoked)} tokens were revoked, and stay so")

    def live_until_killed(self, after_seconds):
        stop = threading.Event()

        def go_on(step):
            while not stop.is_set():
                try:
                    step()
                except (harness.acme.Trouble, *LOST):
                    return
        token = self.world.customer_token()
        steps = [self.work] + [lambda: self.world.through_gateway(token, READ)] * 2
        threads = [threading.Thread(target=go_on, args=(step,)) for step in steps]
        for thread in threads:
            thread.start()
        time.sleep(after_seconds)
        self.world.kill_writ()
        stop.set()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    unittest.main()
