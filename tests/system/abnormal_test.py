"""writ test --abnormal: what is wrong is derived from tests and from an audit log, and sent to a running gateway, too."""
import json
import os
import re
import tempfile
import unittest
import xml.etree.ElementTree

import harness

HEAD = "version: 1\nnow: 2026-03-02T09:00:00Z\n"
TOKEN = "{sub: nora, client_id: support-portal, purpose: support, tenant: north}"


def read(*path):
    with open(os.path.join(harness.ROOT, *path), encoding="utf-8") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def open_text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class AbnormalPaths(unittest.TestCase):
    """Each test is of one request for nora, permitted, and of what is wrong around it."""
    TASK = """fixtures:
  tasks:
    t-1: {purpose: support, tenant: north, subject: nora, agents: [support-agent], budget: {calls: 3},
          actions: ['Billing::Action::"read"'], resources: ['Billing::Invoice::"inv-1001"']}
"""

    def setUp(self):
        # The example's world, with policies that this test may edit.
        self.world = harness.TestWorld(
            lambda text: text.replace("listen:\n", "listen:\n  public_origin: https://api.acme.example\n"))
        self.addCleanup(self.world.close)
        self.policies = os.path.join(self.world.folder, "policies")
        for name in os.listdir(self.policies):
            if name.endswith(".test.yaml"):
                os.remove(os.path.join(self.policies, name))
            else:
                self.edit(name, lambda text: re.sub(r"@accept_abnormal\(.*?\)\n", "", text, flags=re.DOTALL))
        self.out = os.path.join(self.world.folder, "out")

    def edit(self, name, change):
        path = os.path.join(self.policies, name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(change(text))

    def annotate(self, policy, annotation):
        self.edit("billing.cedar", lambda text: text.replace(f'@id("{policy}")', f'@id("{policy}")\n{annotation}'))

    def run_tests(self, text, *options):
        with open(os.path.join(self.policies, "a.test.yaml"), "w", encoding="utf-8") as file:
            file.write(HEAD + text)
        return harness.writ("test", "--config", self.world.config, *options)

    def matrix(self, text):
        status, out, err = self.run_tests(text, "--abnormal", "--json", "--out", self.out)
        self.assertIn(status, (0, 1), err)
        report = json.loads(out)
        self.assertEqual(status == 1, bool(report["permitted"]))
        return report, {cell["dimension"]: cell for cell in report["matrix"]}

    REQUEST = "request: GET /invoices/inv-1001, expect: permit"

    def test_what_is_wrong_is_refused_by_the_guard_that_is_there_for_it(self):
        token = ("{sub: nora, client_id: support-agent, act: [support-agent, support-portal], purpose: support, "
                 "tenant: north, task: t-1, bound: true}")
        _, matrix = self.matrix(self.TASK + f"tests:\n  - {{name: a, token: {token}, {self.REQUEST}}}\n")
        for dimension, by in (("no-token", "token: token_missing"), ("other-api", "audience: audience_mismatch"),
                              ("unbound", "token: sender_binding_missing"),
                              ("wrongly-bound", "token: sender_binding_mismatch"),
                              ("longer-chain", "delegation: delegation_not_authorised"),
                              ("swapped-chain", "delegation: delegation_not_authorised"),
                              ("other-actor", "delegation: delegation_not_authorised"),
                              ("other-tenant", "tenant: tenant_mismatch"),
                              ("before-window", "task-live: task_not_started"), ("after-window", "task-live: task_expired"),
                              ("after-end", "task-live: task_ended"), ("after-budget", "task-budget: budget_exceeded"),
                              ("next-action", "task-scope: action_not_in_task"),
                              ("next-resource", "task-scope: resource_not_in_task")):
            with self.subTest(dimension):
                self.assertTrue(matrix[dimension]["applies"])
                self.assertIn(by, matrix[dimension]["by"])
                # That a token is bound at all is for the policies to ask; these do not.
                self.assertEqual(1 if dimension == "unbound" else 0, matrix[dimension]["permitted"])

    def test_a_dimension_that_does_not_apply_is_not_counted_as_refused(self):
        _, matrix = self.matrix(f"tests:\n  - {{name: a, token: {TOKEN}, {self.REQUEST}}}\n")
        for dimension in ("unbound", "wrongly-bound", "swapped-chain", "other-actor", "after-end", "after-budget",
                          "stale-authentication", "other-environment"):
            with self.subTest(dimension):
                cell = matrix[dimension]
                self.assertEqual((False, 0, 1), (cell["applies"], cell["refused"], cell["originals_without"]))

    def test_a_policy_that_is_too_wide_is_found_with_a_request_that_reproduces_it(self):
        self.edit("billing.cedar", lambda text: text.replace("resource.customer == principal", "resource.amount > 0"))
        report, matrix = self.matrix(f"tests:\n  - {{name: a, token: {TOKEN}, {self.REQUEST}}}\n")
        self.assertEqual(2, matrix["other-user"]["permitted"])  # niklas, and one whom nobody knows; sofia is of another tenant
        self.assertEqual(1, matrix["next-resource"]["permitted"])  # of the others, one is of another tenant and one nobody's
        found = [one for one in report["permitted"] if one["dimension"] == "other-user"]
        self.assertEqual("niklas", found[0]["request"]["token"]["sub"])
        self.assertIn("customers-use-their-own-invoices", found[0]["policies"])
        files = sorted(os.listdir(self.out))
        self.assertEqual(len(report["permitted"]), len(files))
        for name in files:
            status, out, err = harness.writ("decide", "--config", self.world.config, os.path.join(self.out, name))
            self.assertEqual(0, status, out + err)
        with open(os.path.join(self.out, files[0]), encoding="utf-8") as file:
            self.assertIn("a.test.yaml:4 from `a`", json.load(file)["about"])

    def test_a_request_file_brings_the_world_of_its_test(self):
        # Of an agent, in a task; found where the agent's own rule is wider than the task.
        self.edit("billing.cedar", lambda text: text.replace("resource.customer == principal", "resource.amount > 0"))
        token = ("{sub: nora, client_id: support-agent, act: [support-agent, support-portal], purpose: support, "
                 "tenant: north, task: t-1}")
        task = self.TASK.replace("fixtures:\n", "fixtures:\n  identities:\n    - {id: nina, kind: user, tenant: north}\n").replace(
            "inv-1001", "*").replace('Invoice::"*"', "Invoice::*")
        report, _ = self.matrix(task + f"tests:\n  - {{name: a, token: {token}, {self.REQUEST}}}\n")
        found = {one["dimension"] for one in report["permitted"]}
        self.assertIn("next-resource", found)
        for name in os.listdir(self.out):
            status, out, err = harness.writ("explain", "--config", self.world.config, os.path.join(self.out, name))
            self.assertEqual(0, status, name + out + err)

    def test_an_exception_is_accepted_with_its_reason_and_only_for_its_dimension(self):
        self.edit("billing.cedar", lambda text: text.replace("resource.customer == principal", "resource.amount > 0"))
        self.annotate("customers-use-their-own-invoices", '@accept_abnormal("other-user: a family shares its invoices; no-user: never")')
        report, matrix = self.matrix(f"tests:\n  - {{name: a, token: {TOKEN}, {self.REQUEST}}}\n")
        self.assertEqual((2, 0), (matrix["other-user"]["accepted"], matrix["other-user"]["permitted"]))
        self.assertEqual(1, matrix["next-resource"]["permitted"])
        self.assertEqual({("customers-use-their-own-invoices", "a family shares its invoices")},
                         {(accepted["accepted_by"], accepted["reason"]) for accepted in report["accepted"]})
        unused, = report["unused_acceptances"]
        self.assertEqual(("customers-use-their-own-invoices", "no-user"), (unused["policy"], unused["accepts"]))

    def test_what_is_accepted_is_counted_and_listed_only_on_demand(self):
        self.edit("billing.cedar", lambda text: text.replace("resource.customer == principal", "true"))
        self.annotate("customers-use-their-own-invoices", '@accept_abnormal("other-user: they share; next-resource: they do")')
        tests = f"tests:\n  - {{name: a, token: {TOKEN}, {self.REQUEST}}}\n  - {{name: b, token: {TOKEN}, {self.REQUEST}, at: +1h}}\n"
        _, out, _ = self.run_tests(tests, "--abnormal")
        self.assertIn("accepted 4 by customers-use-their-own-invoices: other-user: they share\n", out)
        self.assertNotIn("niklas in place of nora", out)
        _, out, _ = self.run_tests(tests, "--abnormal", "--verbose")
        self.assertEqual(2, len(re.findall("^accepted other-user: .*niklas in place of nora.*: they share$", out, re.MULTILINE)), out)

    def test_an_acceptance_may_be_of_one_request_only(self):
        self.edit("billing.cedar", lambda text: text.replace("resource.customer == principal", "resource.amount > 0"))
        tests = f"tests:\n  - {{name: a, token: {TOKEN}, {self.REQUEST}}}\n  - {{name: b, token: {TOKEN.replace('nora', 'niklas')}, {self.REQUEST}, at: +1h}}\n"
        self.annotate("customers-use-their-own-invoices",
                      '@accept_abnormal("other-user (niklas in place of nora): a family; hidden-claim (without `tenant`): it is known")')
        report, matrix = self.matrix(tests)
        self.assertEqual((1, 3), (matrix["other-user"]["accepted"], matrix["other-user"]["permitted"]))
        self.assertEqual(2, matrix["hidden-claim"]["accepted"])
        self.assertEqual([], report["unused_acceptances"])

    def test_an_acceptance_that_nothing_needs_fails_with_its_place(self):
        tests = f"tests:\n  - {{name: a, token: {TOKEN}, {self.REQUEST}}}\n"
        self.annotate("customers-use-their-own-invoices", '@accept_abnormal("next-action: both are theirs; hidden-claim: whose it is counts; old-token: it lives five minutes; after-end: never")')
        status, out, _ = self.run_tests(tests, "--abnormal")
        self.assertEqual(1, status)
        self.assertIn(", 0 permitted", out)
        junit = os.path.join(self.world.folder, "report.xml")
        self.assertEqual(1, self.run_tests(tests, "--abnormal", "--junit", junit)[0])
        suite = xml.etree.ElementTree.parse(junit).getroot().find("testsuite")
        self.assertEqual("1", suite.get("failures"))
        self.assertIn("after-end", suite.find("testcase[@name='@accept_abnormal']/failure").text)
        self.assertRegex(out, r"(?m)^UNUSED .*billing\.cedar:\d+: @accept_abnormal of policy `customers-use-their-own-invoices`: nothing needs to accept `after-end`$")
        # Of one file alone nobody expects that it needs all that is accepted.
        status, out, _ = self.run_tests(tests, "--abnormal", os.path.join(self.policies, "a.test.yaml"))
        self.assertEqual(0, status, out)

    def test_an_acceptance_without_a_reason_or_of_no_dimension_is_an_error(self):
        for value, told in (("other-user", "is accepted without a reason"), ("other-user: ", "is accepted without a reason"),
                            ("other-usr: they share", "there is no dimension `other-usr`"), ("", "it is empty"),
                            ("other-user (niklas: they share", "there is no dimension `other-user (niklas`"),
                            ("other-user too: they share", "there is no dimension `other-user too`"),
                            ("other-user: they share; other-user: they do", "is accepted twice")):
            with self.subTest(value):
                self.edit("billing.cedar", lambda text: re.sub(r"@accept_abnormal\(.*?\)\n", "", text))
                self.annotate("customers-use-their-own-invoices", f'@accept_abnormal("{value}")')
                status, _, err = self.run_tests(f"tests:\n  - {{name: a, token: {TOKEN}, {self.REQUEST}}}\n", "--abnormal")
                self.assertEqual(2, status)
                self.assertRegex(err, r"billing\.cedar:\d+: @accept_abnormal of policy `customers-use-their-own-invoices`")
                self.assertIn(told, err)

    def test_what_another_test_expects_to_be_permitted_is_not_abnormal(self):
        credit = "request: POST /invoices/inv-1001/credit, expect: permit"
        one = f"tests:\n  - {{name: a, token: {TOKEN}, {self.REQUEST}}}\n"
        _, matrix = self.matrix(one)
        self.assertEqual(1, matrix["next-action"]["permitted"])
        _, matrix = self.matrix(one + f"  - {{name: b, token: {TOKEN}, {credit}}}\n")
        self.assertEqual(0, matrix["next-action"]["permitted"])

    def test_a_test_that_fails_and_tests_without_a_permit_prove_nothing(self):
        status, _, err = self.run_tests(
            f"tests:\n  - {{name: a, token: {TOKEN}, request: GET /invoices/inv-1002, expect: permit}}\n", "--abnormal")
        self.assertEqual(2, status)
        self.assertRegex(err, r"a\.test\.yaml:4: the test fails: the request is refused with `policy_no_permit`")
        status, _, err = self.run_tests(
            f"tests:\n  - {{name: a, token: {TOKEN}, request: GET /invoices/inv-1002, expect: policy_no_permit}}\n", "--abnormal")
        self.assertEqual(2, status)
        self.assertIn("no test expects a permit", err)

    def test_the_result_and_the_matrix_come_first_and_what_is_accepted_is_counted(self):
        tests = f"tests:\n  - {{name: a, token: {TOKEN}, {self.REQUEST}}}\n"
        self.annotate("customers-use-their-own-invoices",
                      '@accept_abnormal("next-action: both are theirs; hidden-claim: whose it is counts; old-token: it lives five minutes")')
        status, out, _ = self.run_tests(tests, "--abnormal")
        self.assertEqual(0, status, out)
        lines = out.splitlines()
        self.assertRegex(lines[0], r"^\d+ abnormal requests derived from 1 permitted ones, 0 permitted$")
        self.assertRegex(lines[2], r"^dimension +API +refused")
        self.assertEqual(["accepted 1 by customers-use-their-own-invoices: hidden-claim: whose it is counts",
                          "accepted 1 by customers-use-their-own-invoices: next-action: both are theirs",
                          "accepted 1 by customers-use-their-own-invoices: old-token: it lives five minutes"],
                         [line for line in lines if line.startswith("accepted ")])
        every = self.run_tests(tests, "--abnormal", "--verbose")[1].splitlines()
        self.assertEqual(lines[0], every[0])
        self.assertTrue(any(line.startswith("accepted next-action: credit on ") and "derived in" in line for line in every))

    def test_text_and_junit_say_the_same(self):
        junit = os.path.join(self.world.folder, "report.xml")
        status, out, _ = self.run_tests(f"tests:\n  - {{name: a, token: {TOKEN}, {self.REQUEST}}}\n", "--abnormal", "--junit", junit)
        self.assertEqual(1, status)
        self.assertRegex(out, r"(?m)^no-token +invoices +1 +0 +0  token: token_missing 1$")
        self.assertRegex(out, r"(?m)^after-end +invoices +does not apply$")
        self.assertRegex(out, r"(?m)^PERMITTED next-action: credit on ")
        suite = xml.etree.ElementTree.parse(junit).getroot().find("testsuite")
        cases = {case.get("name"): case for case in suite}
        self.assertEqual(len(cases), int(suite.get("tests")))
        self.assertIsNotNone(cases["after-end"].find("skipped"))
        self.assertIn("credit on", cases["next-action"].find("failure").text)
        self.assertEqual(0, len(cases["no-token"]))

    def test_the_document_names_every_dimension(self):
        names = read("src", "policytest", "abnormal.cc").split("kDimensionNames[kDimensions]", 1)[1].split("};")[0]
        section = read("docs", "testing.md").split("## Abnormal paths", 1)[1]
        rows = "".join(re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE))
        self.assertEqual(set(re.findall(r'"([a-z-]+)"', names)), set(re.findall(r"`([a-z-]+)`", rows)))


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
        cls.world.open_task()  # of another task, and no other request
        cls.world.api_call(cls.world.customer_token(cls.world.api), "GET", f"/v1/tasks/{cls.task}")
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
        # Of the gateway four; of the token endpoint three, for the portal two APIs, for the agent one; of Writ's API two.
        self.assertEqual(9, report["originals"])
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
        self.assertEqual(7, report["originals"])
        one, _ = report["left_out"]
        self.assertEqual(self.log, one["file"])
        self.assertIn("it cannot be reproduced: the request is refused with `policy_no_permit`", one["why"])
        self.assertIn(f"left out {self.log}:{one['line']}: record {one['line']}: ", self.run_audit()[1])

    def test_what_is_permitted_is_reproduced_with_the_task_of_the_log(self):
        policies = os.path.join(self.world.folder, "policies", "billing.cedar")
        with open(policies, encoding="utf-8") as file:
            before = file.read()
        self.addCleanup(write, policies, before)
        write(policies, before.replace("@accept_abnormal", "@note"))
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(1, self.run_audit(None, "--out", folder)[0])
            files = [os.path.join(folder, name) for name in os.listdir(folder)]
            self.assertTrue(any(f'"task": "{self.task}"' in open_text(name) for name in files))
            for name in files:
                status, out, err = harness.writ("decide", "--config", self.world.config, name)
                self.assertEqual(0, status, open_text(name) + out + err)

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
        with tempfile.TemporaryDirectory() as folder:
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
        self.assertIn("its task has to be opened; name the identity that opens it with --opener", left_out)
        self.assertTrue(any(why.startswith("the running gateway refuses it with `policy_no_permit`: ") for why in left_out))

    def test_who_may_open_no_task_is_told(self):
        world = self.start()
        status, out, err = self.run_live(world, "--opener", "nightly-export", "--json")
        self.assertEqual(0, status, out + err)
        self.assertIn("its task cannot be opened by `nightly-export`: policy_no_permit",
                      " ".join(one["why"] for one in json.loads(out)["left_out"]))

    def test_what_the_audit_says_was_permitted_is_sent(self):
        world = self.start()
        world.through_gateway(world.customer_token(), "/invoices/inv-1001")
        agent = world.agent_token(world.open_task(budget={"calls": 5}))
        world.through_gateway(agent, "/invoices/inv-1001")
        world.through_gateway(agent, "/invoices/inv-1001/credit", "POST")
        world.through_gateway(world.customer_token(), "/invoices/inv-1001/credit", "POST")
        status, out, err = self.run_live(world, "--audit", os.path.join(world.data, "audit.log"), "--opener", "ops-console", "--json")
        self.assertEqual(0, status, out + err)
        report = json.loads(out)
        self.assertEqual(4, report["originals"])
        self.assertEqual([], report["permitted"])
        cells = {cell["dimension"]: cell for cell in report["matrix"]}
        self.assertEqual({"task-budget: budget_exceeded": 2}, cells["after-budget"]["by"])

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
        self.assertIn("it is not a gateway of Writ", err)
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
