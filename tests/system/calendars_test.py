"""Named calendars: a freeze by its name, from the configuration to a decision, and in a running Writ."""
import json
import os
import signal
import time
import unittest

import harness

FREEZE = """
@id("no-reads-in-the-freeze")
forbid (principal, action == Billing::Action::"read", resource)
when { context.calendars.contains("freeze") };
"""
READ = ("--sub", "nora", "--tenant", "north", "--client", "support-portal", "--purpose", "support",
        "--request", "GET /invoices/inv-1001")


def calendars(text):
    return lambda config: config.replace("\ninventory:", f"\ncalendars:\n{text}\ninventory:")


FAR = calendars("  freeze: [{from: 2024-12-18T00:00:00Z, until: 2025-01-05T00:00:00Z}]\n")


class Calendars(unittest.TestCase):
    def world(self, edit=FAR, policy=FREEZE):
        world = harness.TestWorld(edit)
        self.addCleanup(world.close)
        self.write(world, policy)
        return world

    def write(self, world, policy):
        with open(os.path.join(world.folder, "policies", "freeze.cedar"), "w", encoding="utf-8") as file:
            file.write(policy)

    def decide(self, world, at):
        _, out, err = harness.writ("decide", "--config", world.config, *READ, "--at", at, "--json")
        self.assertTrue(out, err)
        return json.loads(out)

    def test_the_freeze_holds_from_its_first_instant_until_its_end(self):
        world = self.world()
        for at, code in (("2024-12-17T23:59:59Z", "permit"), ("2024-12-18T00:00:00Z", "policy_forbid"),
                         ("2025-01-04T23:59:59Z", "policy_forbid"), ("2025-01-05T00:00:00Z", "permit")):
            answer = self.decide(world, at)
            self.assertEqual(code, answer["code"], at)
            if code != "permit":
                self.assertEqual(["no-reads-in-the-freeze"], answer["policies"])

    def test_a_running_writ_takes_a_freeze_over_on_sighup(self):
        world = self.world()
        world.start()
        token = world.customer_token()
        self.assertEqual(200, world.through_gateway(token, "/invoices/inv-1001").status)
        with open(world.config, encoding="utf-8") as file:
            text = file.read()
        with open(world.config, "w", encoding="utf-8") as file:
            file.write(text.replace("2025-01-05T", "2999-01-05T"))
        world.server.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 10
        answer = world.through_gateway(token, "/invoices/inv-1001")
        while answer.status == 200 and time.monotonic() < deadline:
            time.sleep(0.05)
            answer = world.through_gateway(token, "/invoices/inv-1001")
        self.assertEqual((403, "policy_forbid"), (answer.status, answer.reason()))
        self.assertEqual(["no-reads-in-the-freeze"], answer.json()["policies"])

    def test_a_misspelt_calendar_in_a_policy_is_an_error(self):
        for reads in ('contains("frezee")', 'containsAny(["freeze", "frezee"])', 'containsAll(["frezee"])'):
            world = self.world(policy=FREEZE.replace('contains("freeze")', reads))
            status, out, _ = harness.writ("check", "--config", world.config)
            self.assertEqual(1, status)
            self.assertIn("freeze.cedar:2:1: error: this policy reads the calendar `frezee`, which the configuration "
                          "does not have", out)

    def test_overlapping_windows_are_an_error_with_their_place(self):
        edit = calendars("  freeze:\n  - {from: 2026-01-01, until: 2026-02-02}\n  - {from: 2026-02-01, until: 2026-03-01}\n")
        world = self.world(edit)
        status, out, _ = harness.writ("check", "--config", world.config)
        self.assertEqual(1, status)
        with open(world.config, encoding="utf-8") as file:
            line = next(i for i, text in enumerate(file, 1) if "until: 2026-03-01" in text)
        self.assertIn(f"writ.yaml:{line}:5: error: the window overlaps the one in line {line - 1}", out)

    def test_another_calendar_is_another_policy_revision(self):
        revisions = {self.decide(self.world(edit), "2026-03-02T09:00:00Z")["policy_revision"]
                     for edit in (FAR, lambda text: FAR(text).replace("2025-01-05", "2025-01-06"))}
        self.assertEqual(2, len(revisions))


if __name__ == "__main__":
    unittest.main()
