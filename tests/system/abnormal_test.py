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


class Live(unittest.TestCase):
    """Abnormal paths sent to a running gateway. `edit` changes billing.cedar for the running server only."""

    def start(self, edit=lambda text: text):
        world = harness.TestWorld()
        self.addCleanup(world.close)
        policies = os.path.join(world.folder, "policies", "billing.cedar")
        with open(policies, encoding="utf-8") as file:
            before = file.read()
        write(policies, edit(before))
        world.start()
        write(policies, before)
        return world

    def run_live(self, world, *options, data=None, gateway=None):
        return harness.writ("test", "--config", world.config, "--abnormal", "--live", gateway or world.gateway, "--data",
                            data or world.data, *options)

    def test_the_running_gateway_refuses_what_the_tests_refuse(self):
        world = self.start()
        status, out, err = self.run_live(world, "--opener", "ops-console", "--json")
        self.assertEqual(0, status, out + err)
        report = json.loads(out)
        self.assertGreater(report["originals"], 10)
        self.assertEqual([], report["permitted"])
        cells = {(cell["dimension"], cell["api"]): cell for cell in report["matrix"]}
        for dimension, by in (("no-token", "token: token_missing"), ("other-api", "audience: audience_mismatch"),
                              ("other-purpose", "purpose: purpose_mismatch"),
                              ("swapped-chain", "delegation: delegation_not_authorised"),
                              ("before-window", "task-live: task_not_started"), ("before-window", "token: token_not_yet_valid"),
                              ("after-window", "task-live: task_expired"), ("after-end", "task-live: task_ended"),
                              ("after-budget", "task-budget: budget_exceeded"), ("next-resource", "policies: policy_no_permit")):
            with self.subTest(dimension):
                self.assertGreater(cells[dimension, "invoices"]["by"].get(by, 0), 0)
        # What no route leads to is not sent, and not counted as refused.
        cell = cells["next-action", "mail"]
        self.assertEqual(cell["not_sent"], cell["by"]["not sent: no route leads there"])
        self.assertEqual(cell["refused"] + cell["not_sent"], sum(cell["by"].values()))
        self.assertTrue(all(one["why"] == "only what goes through the gateway is sent" for one in report["left_out"]
                            if one["file"].endswith("writ.test.yaml")))
        # Every task that was opened for it has ended, and the audit has what was decided.
        tasks = world.api_call(world.operator_token(), "GET", "/v1/tasks").json()["tasks"]
        self.assertGreater(len(tasks), 10)
        self.assertEqual(set(), {task["state"] for task in tasks} - {"ended", "expired"})
        with open(os.path.join(world.data, "audit.log"), encoding="utf-8") as file:
            tried = [record for record in map(json.loads, file) if record.get("token_id", "").startswith("test-")]
        self.assertIn("budget_exceeded", {record.get("reason") for record in tried})

    def test_what_only_the_running_gateway_permits_is_found(self):
        world = self.start(lambda text: text.replace("resource.customer == principal", "resource.amount > 0"))
        status, out, err = self.run_live(world, "--json")
        self.assertEqual(1, status, out + err)
        found = [one for one in json.loads(out)["permitted"] if one["dimension"] == "next-resource"]
        self.assertTrue(found)
        self.assertEqual([], found[0]["policies"])
        self.assertRegex(self.run_live(world)[1], r"(?m)^PERMITTED next-resource: .*; by the running gateway alone$")

    def test_what_the_running_gateway_refuses_is_no_original(self):
        world = self.start(lambda text: text.replace('context.purpose == "support"', 'context.purpose == "nothing"'))
        status, out, err = self.run_live(world, "--json")
        self.assertEqual(0, status, out + err)
        left_out = {one["why"] for one in json.loads(out)["left_out"]}
        self.assertIn("its task has to be opened, and nobody was named who opens it", left_out)
        self.assertTrue(any(why.startswith("the running gateway refuses it with `policy_no_permit`: ") for why in left_out))

    def test_who_may_open_no_task_is_told(self):
        world = self.start()
        status, out, err = self.run_live(world, "--opener", "nightly-export", "--json")
        self.assertEqual(0, status, out + err)
        self.assertIn("its task cannot be opened by `nightly-export`: policy_no_permit",
                      " ".join(one["why"] for one in json.loads(out)["left_out"]))

    def test_bound_tokens_are_sent_with_their_proof(self):
        world = self.start()
        suite = os.path.join(world.folder, "bound.test.yaml")
        write(suite, "version: 1\nnow: 2026-03-02T09:00:00Z\ntests:\n  - {name: a, token: {sub: nora, client_id: support-portal, "
                     "purpose: support, bound: true}, request: GET /invoices/inv-1001, expect: permit}\n")
        # The proof names the address that callers see.
        with open(world.config, encoding="utf-8") as file:
            text = file.read()
        world.stop_writ()
        write(world.config, text.replace("listen:\n", f"listen:\n  public_origin: {world.gateway}\n"))
        world.start_writ()
        status, out, err = self.run_live(world, suite, "--json")
        self.assertIn(status, (0, 1), err)
        report = json.loads(out)
        self.assertEqual(1, report["originals"])
        cells = {cell["dimension"]: cell for cell in report["matrix"]}
        self.assertEqual({"token: sender_binding_missing": 1}, cells["unbound"]["by"])
        self.assertEqual({"token: sender_binding_mismatch": 2, "token: token_replayed": 1}, cells["wrongly-bound"]["by"])

    def test_what_is_no_gateway_or_no_data_is_refused(self):
        world = self.start()
        status, _, err = self.run_live(world, gateway=f"http://127.0.0.1:{world.upstream_port}")
        self.assertEqual(2, status)
        self.assertIn("that is no gateway of Writ", err)
        self.assertEqual(2, self.run_live(world, gateway="http://127.0.0.1:1")[0])
        self.assertEqual(2, self.run_live(world, gateway="nowhere")[0])
        status, _, err = self.run_live(world, data=world.folder)
        self.assertEqual(2, status)
        self.assertIn("name the running server's data folder with --data", err)
        # Keys of another server: nothing is permitted, so there is nothing to derive from.
        other = harness.TestWorld()
        self.addCleanup(other.close)
        other.start()
        status, _, err = self.run_live(world, data=other.data)
        self.assertEqual(2, status)
        self.assertIn("the running gateway refuses it with `token_signature`", err)
        self.assertIn("the running gateway permits none of the requests", err)


if __name__ == "__main__":
    unittest.main()
