"""writ test --abnormal beyond the tests: from an audit log, and against a running gateway."""
import json
import os
import unittest

import harness


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


class Recorded(unittest.TestCase):
    """Abnormal paths of what an audit log says was permitted."""

    @classmethod
    def setUpClass(cls):
        cls.world = harness.TestWorld()
        cls.addClassCleanup(cls.world.close)
        cls.world.start()
        token = cls.world.customer_token()
        for path in ("/invoices/inv-1001", "/invoices/inv-1001", "/invoices/inv-1002"):
            cls.world.through_gateway(token, path)
        cls.world.through_gateway(token, "/invoices/inv-1001/credit", "POST")
        cls.task = cls.world.open_task(budget={"calls": 5})
        agent = cls.world.agent_token(cls.task)
        cls.world.through_gateway(agent, "/invoices/inv-1001")
        cls.world.through_gateway(agent, "/invoices/inv-1001/credit", "POST")
        cls.world.stop_writ()
        cls.log = os.path.join(cls.world.data, "audit.log")

    def run_audit(self, log=None, *options):
        return harness.writ("test", "--config", self.world.config, "--abnormal", "--audit", log or self.log, *options)

    def test_each_different_permit_is_derived_from_once(self):
        status, out, err = self.run_audit(None, "--json")
        self.assertEqual(0, status, out + err)
        report = json.loads(out)
        # Of the gateway four, of the token endpoint three: for the portal two APIs, for the agent one.
        self.assertEqual(7, report["originals"])
        self.assertEqual([], report["permitted"])
        self.assertEqual([], report["left_out"])
        cells = {(cell["dimension"], cell["api"]): cell for cell in report["matrix"]}
        self.assertGreater(cells["other-user", "invoices"]["refused"], 0)
        # The task is as it was opened, so its budget can be used up and its end be gone past.
        self.assertEqual({"task-budget: budget_exceeded": 2}, cells["after-budget", "invoices"]["by"])
        self.assertEqual(3, cells["after-end", "invoices"]["by"]["task-live: task_ended"])

    def test_what_cannot_be_reproduced_is_left_out_and_named(self):
        policies = os.path.join(self.world.folder, "policies", "billing.cedar")
        with open(policies, encoding="utf-8") as file:
            before = file.read()
        self.addCleanup(write, policies, before)
        write(policies, before.replace('principal == Writ::Agent::"support-agent"', 'principal == Writ::Agent::"mail-drafter"'))
        status, out, err = self.run_audit(None, "--json")
        self.assertEqual(0, status, out + err)
        report = json.loads(out)
        self.assertEqual(5, report["originals"])
        one, _ = report["left_out"]
        self.assertEqual(self.log, one["file"])
        self.assertIn("it cannot be reproduced: the request is refused with `policy_no_permit`", one["why"])
        self.assertIn(f"left out {self.log}:{one['line']}: record {one['line']}: ", self.run_audit()[1])

    def test_a_log_that_is_not_whole_is_refused_with_its_line(self):
        broken = os.path.join(self.world.folder, "broken.log")
        with open(self.log, encoding="utf-8") as file:
            lines = file.readlines()
        lines[3] = lines[3].replace("permit", "permut", 1).replace("deny", "denx", 1).replace("nora", "nina")
        write(broken, "".join(lines))
        status, _, err = self.run_audit(broken)
        self.assertEqual(2, status)
        self.assertIn(f"{broken}:4: the record was altered", err)
        status, _, err = self.run_audit(os.path.join(self.world.folder, "none.log"))
        self.assertEqual(2, status)
        self.assertIn("cannot read", err)

    def test_a_log_without_permits_proves_nothing(self):
        with harness.tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "audit.log")
            write(path, "")
            status, _, err = self.run_audit(path)
        self.assertEqual(2, status)
        self.assertIn("no permit of the audit log can be reproduced", err)

    def test_it_goes_with_abnormal_and_without_test_files(self):
        self.assertEqual(2, harness.writ("test", "--config", self.world.config, "--audit", self.log)[0])
        self.assertEqual(2, self.run_audit(None, os.path.join(self.world.folder, "policies"))[0])


if __name__ == "__main__":
    unittest.main()
