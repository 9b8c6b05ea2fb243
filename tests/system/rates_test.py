"""docs/rates.md, as it stands there: the real binary in front of Acme's invoices."""
import os
import re
import signal
import time
import unittest

import harness

PAGE = os.path.join(harness.ROOT, "docs", "rates.md")
READ = "/invoices/inv-1001"


def page_rates():
    with open(PAGE, encoding="utf-8") as file:
        return re.search(r"```yaml\n(.*?)```", file.read(), re.DOTALL).group(1)


class Rates(unittest.TestCase):
    def started(self, rates):
        lines = re.sub("^(?=.)", "      ", rates, flags=re.MULTILINE)
        world = harness.TestWorld(lambda text: text.replace("      audience: https://invoices.acme.example\n",
                                                            "      audience: https://invoices.acme.example\n" + lines, 1))
        self.addCleanup(world.close)
        world.start()
        return world

    def test_the_page_s_rules_count_and_tell(self):
        world = self.started(page_rates())
        token = world.customer_token()
        for left in (2, 1, 0):
            answer = world.through_gateway(token, READ)
            self.assertEqual(200, answer.status, answer.body)
            self.assertIn(f'"subject";r={left};', answer.headers["RateLimit"])
            self.assertEqual('"client";q=600;w=60, "subject";q=3;w=60', answer.headers["RateLimit-Policy"])
        answer = world.through_gateway(token, READ)
        self.assertEqual((429, "rate_limited"), (answer.status, answer.json()["error"]))
        self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
        self.assertIn('writ_gateway_requests_total{result="rate_limited"} 1', world.call(world.api_port, "GET", "/metrics").body.decode())
        self.assertIn("calls of API `invoices` are over its rate per subject", world.log_text())
        # A wrong token uses up nothing.
        self.assertEqual(401, world.through_gateway(token + "x", READ).status)

    def test_a_reload_that_changes_nothing_of_a_rule_keeps_its_counts(self):
        world = self.started("rates:\n  - {per: client, requests: 1, seconds: 3600}\n")
        token = world.customer_token()
        self.assertEqual(200, world.through_gateway(token, READ).status)
        world.server.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 30
        while " in force\n" not in world.log_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertIn(" in force\n", world.log_text())
        self.assertEqual(429, world.through_gateway(token, READ).status)

    def test_mistakes_are_told_with_their_place(self):
        for rates, told in (
                ("{per: client}", "a rate says either `requests` and `seconds`, or `at_once`"),
                ("{per: client, requests: 1, seconds: 1, at_once: 1}", "a rate says either"),
                ("{per: client, requests: 1}", "`seconds`"),
                ("{per: client, requests: 0, seconds: 1}", "`requests`"),
                ("{per: everybody, at_once: 1}", "`per`"),
                ("{at_once: 1}", "`per`"),
                ("{per: client, at_once: 1, actions: [fly]}", "API `invoices` has no action `fly`"),
                ("{per: client, at_once: 1}\n  - {per: client, at_once: 1}", "this rate stands here twice")):
            world = harness.TestWorld(lambda text, rates=rates: text.replace(
                "      audience: https://invoices.acme.example\n",
                "      audience: https://invoices.acme.example\n      rates:\n" +
                re.sub("^", "      ", "  - " + rates, flags=re.MULTILINE) + "\n", 1))
            self.addCleanup(world.close)
            status, out, err = harness.writ("check", "--config", world.config)
            self.assertNotEqual(0, status, rates)
            self.assertIn(told, out + err, rates)
            self.assertIn("writ.yaml:", out + err)


if __name__ == "__main__":
    unittest.main()
