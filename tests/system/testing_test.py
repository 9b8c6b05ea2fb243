"""writ test: the format is what docs/testing.md and its schema say, and mistakes are told with their place."""
import json
import os
import re
import tempfile
import unittest
import xml.etree.ElementTree

import harness

CONFIG = os.path.join(harness.ACME, "writ.yaml")
HEAD = "version: 1\nnow: 2026-03-02T09:00:00Z\n"
TOKEN = "{sub: nora, client_id: support-portal, purpose: support, tenant: north}"


def read(*path):
    with open(os.path.join(harness.ROOT, *path), encoding="utf-8") as file:
        return file.read()


class Format(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.file = os.path.join(folder.name, "a.test.yaml")

    def run_text(self, text, *options):
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(text)
        return harness.writ("test", "--config", CONFIG, *options, self.file)

    def test_the_file_of_the_document_runs(self):
        example, = re.findall(r"```yaml\n(.*?)```", read("docs", "testing.md"), re.DOTALL)
        status, out, err = self.run_text(example, "--verbose")
        self.assertEqual(0, status, out + err)
        self.assertIn("8 tests in 1 files, 0 failed", out)
        self.assertIn("passed who reads what: niklas, GET /invoices/inv-1002", out)

    def test_the_tests_of_the_example_pass(self):
        status, out, err = harness.writ("test", "--config", CONFIG)
        self.assertEqual(0, status, out + err)

    def test_no_abnormal_path_of_the_example_passes_without_a_reason(self):
        status, out, err = harness.writ("test", "--config", CONFIG, "--abnormal", "--json")
        self.assertEqual(0, status, out + err)
        report = json.loads(out)
        self.assertGreater(report["originals"], 10)
        self.assertEqual([], report["permitted"])
        self.assertEqual([], report["unused_acceptances"])

    def test_no_change_of_the_examples_policies_goes_unnoticed_without_a_reason(self):
        status, out, err = harness.writ("test", "--config", CONFIG, "--mutate", "--json")
        self.assertEqual(0, status, out + err)
        report = json.loads(out)
        self.assertGreater(report["mutants"], 150)
        self.assertLess(len(report["survivors"]), 10)
        self.assertTrue(all(one["accepted"] for one in report["survivors"]))
        self.assertEqual([], report["unused_acceptances"])

    def test_the_tests_of_the_example_see_every_side_of_every_policy(self):
        status, out, err = harness.writ("test", "--config", CONFIG, "--coverage-at-least", "100")
        self.assertEqual(0, status, out + err)
        self.assertIn("coverage 100.0 %", out)

    def test_a_test_that_comes_out_otherwise_fails_in_every_report(self):
        junit = os.path.join(self.folder, "report.xml")
        text = HEAD + f"tests:\n  - {{name: wrong, token: {TOKEN}, request: GET /invoices/inv-1002, expect: permit}}\n"
        status, out, _ = self.run_text(text, "--junit", junit)
        self.assertEqual(1, status)
        self.assertIn(f"{self.file}:4: GET /invoices/inv-1002 for nora", out)
        self.assertIn("got      policy_no_permit", out)
        case = xml.etree.ElementTree.parse(junit).getroot().find("testsuite/testcase")
        self.assertEqual(("wrong", "4"), (case.get("name"), case.get("line")))
        self.assertEqual("policy_no_permit", case.find("failure").get("type"))
        status, out, _ = self.run_text(text, "--json")
        self.assertEqual(1, status)
        report = json.loads(out)
        self.assertEqual((1, 1), (report["tests"], report["failures"]))
        failure = report["files"][0]["tests"][0]["failure"]
        self.assertEqual("policy_no_permit", failure["got"]["outcome"])
        self.assertIn("customers-use-their-own-invoices", json.dumps(failure["explanation"]))

    def test_mistakes_are_told_with_file_and_line_and_nothing_is_tested(self):
        base = f"token: {TOKEN}, request: GET /invoices/inv-1001"
        table = HEAD + f"defaults: {{{base}}}\ntests:\n  - name: t\n    columns: [token.sub, expect]\n"
        for text, line, told in (
                (HEAD + f"tests:\n  - {{name: a, {base}, expct: permit}}\n", 4, "unknown key `expct`"),
                (HEAD + f"tests:\n  - {{name: a, {base}, expect: deny}}\n", 4, "a refusal is expected with its reason"),
                (HEAD + f"tests:\n  - {{name: a, {base}, expect: maybe}}\n", 4, "`maybe` is no outcome"),
                (HEAD + f"tests:\n  - {{name: a, {base}}}\n", 4, "nothing is expected here"),
                (HEAD + "tests:\n  - {name: a, request: GET /x, expect: permit}\n", 4, "no `client_id`"),
                (HEAD + f"tests:\n  - {{name: a, token: {TOKEN}, expect: permit}}\n", 4, "nothing is asked here"),
                (HEAD + f"tests:\n  - {{name: a, {base}, at: soon, expect: permit}}\n", 4, "is no instant"),
                (HEAD + f"tests:\n  - {{name: a, {base}, steps: [{{end_task: t-9}}]}}\n", 4, "there is no task `t-9`"),
                (HEAD + "tests: []\n", 3, "there is no test here"),
                ("version: 1\ntests: []\n", 1, "`now`"),
                (table + "    rows:\n      - [nora]\n", 8, "a list of 2 cells"),
                (table + "    rows:\n      - [nora, permit]\n      - [nora, permit]\n", 9, "was in line 8 already"),
                (table.replace("token.sub", "token.sob") + "    rows: []\n", 6, "`token.sob` is no column"),
                (HEAD + f"tests:\n  - {{name: a, {base}, expect: permit}}\n  - {{name: a, {base}, expect: permit}}\n", 5,
                 "given twice, first in line 4")):
            with self.subTest(told):
                status, out, err = self.run_text(text)
                self.assertEqual(2, status, out + err)
                self.assertRegex(err, rf"(?m)^{re.escape(self.file)}:{line}:\d+: error: .*{re.escape(told)}")
                self.assertIn("nothing was tested", err)

    def test_a_complete_table_names_the_missing_row(self):
        status, _, err = self.run_text(
            HEAD + f"tests:\n  - name: t\n    token: {TOKEN}\n    columns: [token.sub, request, expect]\n    complete: true\n"
            "    rows:\n      - [nora, GET /invoices/inv-1001, permit]\n"
            "      - [niklas, GET /invoices/inv-1002, permit]\n      - [nora, GET /invoices/inv-1002, policy_no_permit]\n")
        self.assertEqual(2, status)
        self.assertIn("there is no row for niklas, GET /invoices/inv-1001; 1 of 4 combinations are missing", err)


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
                self.assertEqual(0, matrix[dimension]["permitted"])

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
        self.assertEqual(1, matrix["other-user"]["permitted"])  # niklas; sofia is of another tenant
        self.assertEqual(1, matrix["next-resource"]["permitted"])
        found = [one for one in report["permitted"] if one["dimension"] == "other-user"]
        self.assertEqual("niklas", found[0]["request"]["token"]["sub"])
        self.assertIn("customers-use-their-own-invoices", found[0]["policies"])
        files = sorted(os.listdir(self.out))
        self.assertEqual(len(report["permitted"]), len(files))
        tests = []
        for name in files:
            with open(os.path.join(self.out, name), encoding="utf-8") as file:
                tests.append(dict(json.load(file), name=name, expect="permit"))
        status, out, err = self.run_tests("tests: " + json.dumps(tests) + "\n")
        self.assertEqual(0, status, out + err)

    def test_an_exception_is_accepted_with_its_reason_and_only_for_its_dimension(self):
        self.edit("billing.cedar", lambda text: text.replace("resource.customer == principal", "resource.amount > 0"))
        self.annotate("customers-use-their-own-invoices", '@accept_abnormal("other-user: a family shares its invoices; no-user: never")')
        report, matrix = self.matrix(f"tests:\n  - {{name: a, token: {TOKEN}, {self.REQUEST}}}\n")
        self.assertEqual((1, 0), (matrix["other-user"]["accepted"], matrix["other-user"]["permitted"]))
        self.assertEqual(1, matrix["next-resource"]["permitted"])
        accepted, = report["accepted"]
        self.assertEqual(("customers-use-their-own-invoices", "a family shares its invoices"),
                         (accepted["accepted_by"], accepted["reason"]))
        unused, = report["unused_acceptances"]
        self.assertEqual(("customers-use-their-own-invoices", "no-user"), (unused["policy"], unused["accepts"]))

    def test_an_acceptance_may_be_of_one_request_only(self):
        self.edit("billing.cedar", lambda text: text.replace("resource.customer == principal", "resource.amount > 0"))
        tests = f"tests:\n  - {{name: a, token: {TOKEN}, {self.REQUEST}}}\n  - {{name: b, token: {TOKEN.replace('nora', 'niklas')}, {self.REQUEST}, at: +1h}}\n"
        self.annotate("customers-use-their-own-invoices",
                      '@accept_abnormal("other-user (niklas in place of nora): a family; hidden-claim (without `tenant`): it is known")')
        report, matrix = self.matrix(tests)
        self.assertEqual((1, 1), (matrix["other-user"]["accepted"], matrix["other-user"]["permitted"]))
        self.assertEqual(2, matrix["hidden-claim"]["accepted"])
        self.assertEqual([], report["unused_acceptances"])

    def test_an_acceptance_that_nothing_needs_fails_with_its_place(self):
        tests = f"tests:\n  - {{name: a, token: {TOKEN}, {self.REQUEST}}}\n"
        self.annotate("customers-use-their-own-invoices", '@accept_abnormal("next-action: both are theirs; hidden-claim: whose it is counts; after-end: never")')
        status, out, _ = self.run_tests(tests, "--abnormal")
        self.assertEqual(1, status)
        self.assertIn(", 0 permitted", out)
        self.assertRegex(out, r"(?m)^UNUSED .*billing\.cedar:\d+: @accept_abnormal of policy `customers-use-their-own-invoices`: nothing needs to accept `after-end`$")
        # Of one file alone nobody expects that it needs all that is accepted.
        status, out, _ = self.run_tests(tests, "--abnormal", os.path.join(self.policies, "a.test.yaml"))
        self.assertEqual(0, status, out)

    def test_an_acceptance_without_a_reason_or_of_no_dimension_is_an_error(self):
        for value, told in (("other-user", "is accepted without a reason"), ("other-user: ", "is accepted without a reason"),
                            ("other-usr: they share", "there is no dimension `other-usr`"), ("", "it says nothing"),
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
        names = read("src", "policytest", "abnormal.cc").split("kNames[kDimensions]", 1)[1].split("};")[0]
        section = read("docs", "testing.md").split("## Abnormal paths", 1)[1]
        rows = "".join(re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE))
        self.assertEqual(set(re.findall(r'"([a-z-]+)"', names)), set(re.findall(r"`([a-z-]+)`", rows)))


class Mutation(unittest.TestCase):
    """One policy of one API; the tests notice what they are there for, and only that."""
    POLICY = """@id("admins-act")
permit (principal, action == Billing::Action::"read", resource)
when { context has user && context has purpose };
"""
    READS = f"tests:\n  - {{name: a, token: {TOKEN}, request: GET /invoices/inv-1001, expect: permit}}\n"

    EDIT = staticmethod(lambda text: text)

    def setUp(self):
        self.world = harness.TestWorld(self.EDIT)
        self.addCleanup(self.world.close)
        self.policies = os.path.join(self.world.folder, "policies")
        for name in os.listdir(self.policies):
            os.remove(os.path.join(self.policies, name))

    def mutate(self, tests, policy=POLICY, *options):
        for name, text in (("a.cedar", policy), ("a.test.yaml", HEAD + tests)):
            with open(os.path.join(self.policies, name), "w", encoding="utf-8") as file:
                file.write(text)
        return harness.writ("test", "--config", self.world.config, "--mutate", *options)

    def survivors(self, tests, policy=POLICY):
        status, out, err = self.mutate(tests, policy, "--json")
        self.assertIn(status, (0, 1), err)
        report = json.loads(out)
        self.assertEqual(status == 1, report["findings"] > 0)
        return report, {one["change"]: one for one in report["survivors"]}

    def test_a_permit_alone_leaves_what_is_too_wide_unnoticed(self):
        report, survivors = self.survivors(self.READS)
        self.assertEqual({"widen the action to all", "delete `when { context has user && context has purpose }`",
                          "delete `context has user`", "delete `context has purpose`"}, set(survivors))
        # And these were noticed: deleted, flipped, and three negations.
        self.assertEqual(4 + 5, report["mutants"])
        one = survivors["delete `context has purpose`"]
        self.assertEqual(3, one["line"])
        self.assertTrue(one["file"].endswith("a.cedar"))
        self.assertIn("context has purpose", one["missing"])

    def test_the_missing_tests_notice_them(self):
        request = "request: GET /invoices/inv-1001, expect: policy_no_permit"
        report, survivors = self.survivors(
            self.READS
            + f"  - {{name: b, token: {TOKEN}, request: POST /invoices/inv-1001/credit, expect: policy_no_permit}}\n"
            + f"  - {{name: c, token: {{sub: support-portal, client_id: support-portal, purpose: support}}, {request}}}\n"
            + f"  - {{name: d, token: {{sub: nora, client_id: support-portal}}, {request}}}\n")
        self.assertEqual({}, survivors)
        self.assertEqual(0, report["findings"])

    def test_a_change_is_accepted_in_its_own_words_only(self):
        accepting = '@accept_mutant("delete `context has user`: nobody comes without; flip the effect: it is noticed")\n'
        report, survivors = self.survivors(self.READS, accepting + self.POLICY)
        self.assertEqual("nobody comes without", survivors["delete `context has user`"]["accepted"])
        self.assertNotIn("accepted", survivors["delete `context has purpose`"])
        unused, = report["unused_acceptances"]
        self.assertEqual((1, "admins-act", "flip the effect"), (unused["line"], unused["policy"], unused["accepts"]))
        self.assertEqual(3 + 1, report["findings"])

    def test_an_acceptance_of_no_change_or_without_a_reason_is_an_error(self):
        for value, told in (("delete `context`: nobody", "there is no change `delete `context``"), ("", "it says nothing"),
                            ("delete `context has user`", "`delete `context has user`` is accepted without a reason"),
                            ("flip the effects: why not", "there is no change `flip the effects`")):
            with self.subTest(value):
                status, _, err = self.mutate(self.READS, f'@accept_mutant("{value}")\n' + self.POLICY)
                self.assertEqual(2, status)
                self.assertRegex(err, r"a\.cedar:1: @accept_mutant of policy `admins-act`: ")
                self.assertIn(told, err)

    def test_tests_that_fail_say_nothing_of_mutants(self):
        status, _, err = self.mutate(self.READS.replace("permit", "policy_no_permit"))
        self.assertEqual(2, status)
        self.assertIn("a test fails without any change", err)

    def test_the_text_says_what_is_missing_where(self):
        status, out, _ = self.mutate(self.READS)
        self.assertEqual(1, status)
        self.assertRegex(out, r"(?m)^.*a\.cedar:2: admins-act: widen the action to all\n  no test notices; missing is a request")
        self.assertIn("9 mutants, 4 noticed by no test, 0 of these accepted", out)

    def test_junit_has_a_case_for_each_mutant(self):
        junit = os.path.join(self.world.folder, "report.xml")
        accepting = '@accept_mutant("delete `context has user`: nobody comes without; flip the effect: it is noticed")\n'
        self.assertEqual(1, self.mutate(self.READS, accepting + self.POLICY, "--junit", junit)[0])
        suite = xml.etree.ElementTree.parse(junit).getroot().find("testsuite")
        self.assertEqual(("10", "4", "1"), (suite.get("tests"), suite.get("failures"), suite.get("skipped")))
        cases = {case.get("name"): case for case in suite}
        self.assertIsNone(cases["delete the policy"].find("failure"))
        self.assertIn("context has purpose", cases["delete `context has purpose`"].find("failure").text)
        self.assertIn("nobody comes without", cases["delete `context has user`"].find("skipped").get("message"))
        self.assertIn("nothing needs to accept `flip the effect`", cases["@accept_mutant"].find("failure").text)


class Coverage(unittest.TestCase):
    """One policy with two conditions, and what tests of it saw."""
    POLICY = """@id("readers-read")
permit (principal, action == Billing::Action::"read", resource)
when {
  context has user &&
  (context.purpose == "support" || resource.amount > 0)
};
@id("nobody-sends")
forbid (principal, action == Mail::Action::"send", resource);
"""
    READS = Mutation.READS
    REFUSED = "  - {name: b, token: {client_id: support-portal, purpose: support}, request: GET /invoices/inv-1001, expect: policy_no_permit}\n"

    # Without a schema, so that a condition may fail.
    EDIT = staticmethod(lambda text: re.sub(r"(?m)^  schemas: .*\n", "", text))
    setUp = Mutation.setUp

    def cover(self, tests, *options, policy=POLICY):
        for name, text in (("a.cedar", policy), ("a.test.yaml", HEAD + tests)):
            with open(os.path.join(self.policies, name), "w", encoding="utf-8") as file:
                file.write(text)
        return harness.writ("test", "--config", self.world.config, *options)

    def items(self, tests):
        status, out, err = self.cover(tests, "--coverage", "--json")
        self.assertEqual(0, status, err)
        report = json.loads(out)["coverage"]
        return report, {(item["kind"], item["what"]): item for item in report["items"]}

    def test_what_was_never_seen_is_told_with_its_place(self):
        status, out, _ = self.cover(self.READS, "--coverage")
        self.assertEqual(0, status)
        self.assertRegex(out, r"(?m)^.*a\.cedar:4: readers-read: `context has user`: never false$")
        self.assertRegex(out, r"(?m)^.*a\.cedar:5: readers-read: `context\.purpose == \"support\"`: never false$")
        # Short-circuited away: neither.
        self.assertRegex(out, r"(?m)^.*a\.cedar:5: readers-read: `resource\.amount > 0`: never true, never false$")
        self.assertRegex(out, r"(?m)^.*a\.cedar:7: nobody-sends: never applied$")
        self.assertRegex(out, r"(?m)^party user: never refused$")
        self.assertRegex(out, r"(?m)^party service: never permitted, never refused$")
        self.assertRegex(out, r'(?m)^action Mail::Action::"send": never asked$')
        self.assertIn("policies applied 1/2, conditions true and false 2/6, ", out)

    def test_every_party_of_every_request_counts(self):
        _, items = self.items(self.READS + self.REFUSED)
        self.assertEqual({"applied": 2}, items["policy", "readers-read"]["sides"])
        self.assertEqual({"true": 2, "false": 1}, items["condition", "context has user"]["sides"])
        self.assertEqual({"permitted": 1, "refused": 1}, items["party", "application"]["sides"])
        self.assertEqual({"asked": 3}, items["action", 'Billing::Action::"read"']["sides"])

    def test_a_party_that_was_not_asked_after_a_refusal_is_seen_and_a_bad_token_asks_nobody(self):
        forbid = '@id("not-nora") forbid (principal == Writ::User::"nora", action, resource);'
        tests = self.READS.replace("expect: permit", "expect: {outcome: policy_forbid, refused: ['Writ::User::\"nora\"']}")
        expired = self.READS.replace("name: a", "name: b").replace("tests:\n", "").replace("tenant: north", "tenant: north, iat: -2h, exp: -1h").replace("permit", "token_expired")
        status, out, err = self.cover(tests + expired, "--coverage", "--json", policy=self.POLICY + forbid)
        self.assertEqual(0, status, out + err)
        items = {(item["kind"], item["what"]): item for item in json.loads(out)["coverage"]["items"]}
        self.assertEqual({"permitted": 1, "refused": 0}, items["party", "application"]["sides"])
        self.assertEqual({"permitted": 0, "refused": 1}, items["party", "user"]["sides"])

    def test_what_fails_is_neither_true_nor_false(self):
        _, items = self.items(self.READS.replace(", purpose: support", "").replace("expect: permit", "expect: context_missing"))
        condition = items["condition", 'context.purpose == "support"']
        self.assertEqual(({"true": 0, "false": 0}, 2), (condition["sides"], condition["failed"]))

    def test_the_gate_fails_below_its_percentage_and_passes_at_it(self):
        report, _ = self.items(self.READS)
        least = int(report["percent"])
        self.assertEqual(report["seen"] * 100 // report["sides"], least)
        self.assertEqual(0, self.cover(self.READS, "--coverage-at-least", str(least))[0])
        status, out, err = self.cover(self.READS, "--coverage-at-least", str(least + 1))
        self.assertEqual(1, status)
        self.assertIn("coverage ", out)
        self.assertIn(f"the tests saw less than {least + 1} % of the policies", err)
        self.assertEqual(2, self.cover(self.READS, "--coverage-at-least", "101")[0])
        self.assertEqual(2, self.cover(self.READS, "--coverage", "--mutate")[0])

    def test_a_test_that_fails_fails_with_coverage_too(self):
        self.assertEqual(1, self.cover(self.READS.replace("expect: permit", "expect: policy_no_permit"), "--coverage-at-least", "0")[0])


class Refused(unittest.TestCase):
    """`refused` names each party that the policies refuse, whoever was asked first."""

    def run_expect(self, expect, token="{sub: nora, client_id: marketing-app, purpose: marketing}"):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.test.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(HEAD + f"tests:\n  - {{name: a, token: {token}, request: GET /invoices/inv-1002, expect: {expect}}}\n")
            return harness.writ("test", "--config", CONFIG, path)

    def test_it_is_exact(self):
        both = """['Writ::Application::"marketing-app"', 'Writ::User::"nora"']"""
        self.assertEqual(0, self.run_expect(f"{{outcome: policy_no_permit, refused: {both}}}")[0])
        status, out, _ = self.run_expect("""{outcome: policy_no_permit, refused: ['Writ::User::"nora"']}""")
        self.assertEqual(1, status)
        self.assertIn('policies refuse Writ::Application::"marketing-app", Writ::User::"nora"', out)

    def test_it_says_what_policies_say_behind_a_guard(self):
        token = "{sub: sofia, client_id: marketing-app, purpose: marketing}"
        both = """['Writ::Application::"marketing-app"', 'Writ::User::"sofia"']"""
        self.assertEqual(0, self.run_expect(f"{{outcome: tenant_mismatch, refused: {both}}}", token)[0])

    def test_a_permit_has_none_and_a_party_must_be_one(self):
        status, _, err = self.run_expect("""{outcome: permit, refused: []}""")
        self.assertEqual(2, status)
        self.assertIn("a permit has no", err)
        status, _, err = self.run_expect("""{outcome: policy_no_permit, refused: [nora]}""")
        self.assertEqual(2, status)
        self.assertIn("`refused` is no entity: `nora`", err)


class FixtureEntities(unittest.TestCase):
    TESTS = """fixtures:
  entities:
    - {uid: 'Billing::Invoice::"inv-1002"', attrs: {tenant: north, amount: 1, customer: {__entity: {type: "Writ::User", id: nora}}}}
    - {uid: 'Billing::Invoice::"inv-9"', attrs: {tenant: north, amount: 1, customer: {__entity: {type: "Writ::User", id: nora}}}, parents: ['Billing::Ledger::"north"']}
tests:
  - name: a
    token: """ + TOKEN + """
    columns: [request, expect]
    rows: [[GET /invoices/inv-1001, permit], [GET /invoices/inv-1002, permit], [GET /invoices/inv-9, permit]]
"""

    def run_tests(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.test.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(HEAD + text)
            return harness.writ("test", "--config", CONFIG, path)

    def test_one_is_added_and_one_of_a_known_uid_replaces_it(self):
        status, out, err = self.run_tests(self.TESTS)
        self.assertEqual(0, status, out + err)

    def test_one_that_does_not_conform_is_an_error_in_its_line(self):
        status, _, err = self.run_tests(self.TESTS.replace("amount: 1, ", "amount: one, ", 1))
        self.assertEqual(2, status)
        self.assertRegex(err, r"a\.test\.yaml:5:\d+: error: .*amount")


class Schema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.schema = json.loads(read("docs", "policy-test.schema.json"))
        sources = "".join(read("src", "policytest", name) for name in ("reader.cc", "request_reader.cc", "fixtures.cc", "layers.cc"))
        # Fields(node, source, "a test", {"name", ...}): the keys that the reader takes.
        cls.readers = {what: set(re.findall(r'"([a-z_]+)"', keys)) for what, keys in
                       re.findall(r'source_?,\s*"([a-z ]+)",\s*\{([^}]*)\}', sources)}

    def test_it_knows_the_keys_that_the_reader_knows_and_no_others(self):
        of_schema = {"a test file": self.schema}
        of_schema |= {what: self.schema["$defs"][name] for what, name in (
            ("fixtures", "fixtures"), ("an entity", "entity"), ("a task", "task"), ("defaults", "defaults"),
            ("a test", "test"), ("a step", "step"), ("a token", "token"), ("an actor", "actor"),
            ("an expectation", "expectation"), ("a request file", "question"))}
        self.assertEqual(set(self.readers), set(of_schema))
        for what, schema in of_schema.items():
            with self.subTest(what):
                self.assertEqual(self.readers[what], set(schema["properties"]))
                self.assertIs(False, schema["additionalProperties"])

    def test_the_document_describes_every_key(self):
        document = read("docs", "testing.md")
        for what, keys in self.readers.items():
            for key in keys - {"uid", "iss", "sub"}:
                self.assertTrue(f"`{key}`" in document or f"`{key}: " in document, f"`{key}` of {what}")

    def test_every_reference_of_the_schema_leads_somewhere(self):
        for name in re.findall(r'"#/\$defs/([a-z]+)"', json.dumps(self.schema)):
            self.assertIn(name, self.schema["$defs"])


if __name__ == "__main__":
    unittest.main()
