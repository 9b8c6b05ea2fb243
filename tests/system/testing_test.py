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

    def test_the_abnormal_paths_of_the_example_are_as_the_document_shows_them(self):
        shown = re.search(r"```\n(\d+ abnormal requests derived.*?)```", read("docs", "testing.md"), re.DOTALL)[1]
        _, out, err = harness.writ("test", "--config", CONFIG, "--abnormal")
        for line in shown.splitlines():
            if line != "...":
                self.assertIn(line, out.splitlines(), err)

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
                (HEAD + f"tests:\n  - {{name: a, {base}, expect: maybe}}\n", 4, "`maybe` is not an outcome"),
                (HEAD + f"tests:\n  - {{name: a, {base}}}\n", 4, "nothing is expected here"),
                (HEAD + "tests:\n  - {name: a, request: GET /x, expect: permit}\n", 4, "no `client_id`"),
                (HEAD + f"tests:\n  - {{name: a, token: {TOKEN}, expect: permit}}\n", 4, "nothing is asked here"),
                (HEAD + f"tests:\n  - {{name: a, {base}, at: soon, expect: permit}}\n", 4, "is not an instant"),
                (HEAD + f"tests:\n  - {{name: a, {base}, steps: [{{end_task: t-9}}]}}\n", 4, "there is no task `t-9`"),
                (HEAD + "tests: []\n", 3, "there is no test here"),
                ("version: 1\ntests: []\n", 1, "`now`"),
                (table + "    rows:\n      - [nora]\n", 8, "a list of 2 cells"),
                (table + "    rows:\n      - [nora, permit]\n      - [nora, permit]\n", 9, "was in line 8 already"),
                (table.replace("token.sub", "token.sob") + "    rows: []\n", 6, "`token.sob` is not a column"),
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
        self.assertIn("`refused` is not an entity: `nora`", err)


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
        # Those of a token come from the table of claims: the reader itself says them.
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "a.test.yaml")
            with open(file, "w", encoding="utf-8") as out:
                out.write(HEAD + "tests:\n  - {name: a, issue: invoices, token: {shoe_size: 44}, expect: permit}\n")
            _, out, err = harness.writ("test", "--config", CONFIG, file)
        known, = re.findall(r"unknown key `shoe_size` in a token.*?the keys are ([a-z_, ]+)", out + err, re.DOTALL)
        cls.readers["a token"] = set(known.split(", "))

    def test_it_knows_the_keys_that_the_reader_knows_and_no_others(self):
        of_schema = {"a test file": self.schema}
        of_schema |= {what: self.schema["$defs"][name] for what, name in (
            ("fixtures", "fixtures"), ("an entity", "entity"), ("a task", "task"), ("defaults", "defaults"),
            ("a test", "test"), ("a step", "step"), ("a token", "token"), ("an actor", "actor"),
            ("an expectation", "expectation"), ("a request file", "question"), ("an answer of a source", "answer"))}
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
