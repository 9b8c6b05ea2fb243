"""writ test says how good the tests are: which changes of the policies they notice, and what of them they see; and it watches."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

import harness

HEAD = "version: 1\nnow: 2026-03-02T09:00:00Z\n"
TOKEN = "{sub: nora, client_id: support-portal, purpose: support, tenant: north}"


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def open_text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


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
        for value, told in (("delete `context`: nobody", "there is no change `delete `context``"), ("", "it is empty"),
                            ("delete `context has user`", "`delete `context has user`` is accepted without a reason"),
                            ("flip the effects: why not", "there is no change `flip the effects`")):
            with self.subTest(value):
                status, _, err = self.mutate(self.READS, f'@accept_mutant("{value}")\n' + self.POLICY)
                self.assertEqual(2, status)
                self.assertRegex(err, r"a\.cedar:1: @accept_mutant of policy `admins-act`: ")
                self.assertIn(told, err)
                # Whatever is run.
                self.assertEqual((2, err), harness.writ("test", "--config", self.world.config)[::2])

    def test_an_annotation_that_only_looks_like_an_acceptance_is_an_error(self):
        status, _, err = self.mutate(self.READS, '@accept_mutants("flip the effect: why not")\n' + self.POLICY)
        self.assertEqual(2, status)
        self.assertRegex(err, r"a\.cedar:1: @accept_mutants of policy `admins-act`: unknown annotation; "
                              r"expected @accept_abnormal or @accept_mutant or @accept_hidden")

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


class WriteMissing(unittest.TestCase):
    """The missing tests are written: they pass today, and notice what nobody noticed."""
    EDIT = staticmethod(lambda text: text)
    setUp = Mutation.setUp
    mutate = Mutation.mutate

    def written(self):
        return sorted(name for name in os.listdir(self.policies) if ".missing" in name)

    def test_what_is_written_passes_and_every_change_is_noticed(self):
        status, out, err = self.mutate(Mutation.READS, Mutation.POLICY, "--write-missing")
        self.assertEqual(0, status, out + err)
        self.assertEqual(["a.missing.test.yaml"], self.written())
        self.assertRegex(out, r"(?m)^wrote \d tests to .*a\.missing\.test\.yaml$")
        self.assertIn("9 mutants, 4 noticed by no test, 0 of these accepted, 4 noticed by the tests that were written", out)
        text = open_text(os.path.join(self.policies, "a.missing.test.yaml"))
        self.assertIn("  # a.cedar:3: admins-act: delete `context has purpose`\n", text)
        status, out, err = harness.writ("test", "--config", self.world.config)
        self.assertEqual(0, status, out + err)
        status, out, err = harness.writ("test", "--config", self.world.config, "--mutate", "--json")
        self.assertEqual((0, []), (status, json.loads(out)["survivors"]), err)

    def test_a_written_test_fails_under_the_change_that_it_is_there_for(self):
        self.mutate(Mutation.READS, Mutation.POLICY, "--write-missing")
        write(os.path.join(self.policies, "a.cedar"), Mutation.POLICY.replace(" && context has purpose", ""))
        status, out, _ = harness.writ("test", "--config", self.world.config)
        self.assertEqual(1, status)
        self.assertIn("a.missing.test.yaml", "".join(line for line in out.splitlines() if "of" in line and "passed" in line))

    def test_no_file_is_overwritten(self):
        kept = os.path.join(self.policies, "a.missing.test.yaml")
        write(kept, HEAD + Mutation.READS)
        self.mutate(Mutation.READS, Mutation.POLICY, "--write-missing")
        self.assertEqual(HEAD + Mutation.READS, open_text(kept))
        self.assertEqual(2, len(self.written()))
        # Nothing is missing any more, and nothing is written.
        self.mutate(Mutation.READS, Mutation.POLICY, "--write-missing")
        self.assertEqual(2, len(self.written()))

    def test_a_task_that_is_made_for_a_test_is_written_with_it(self):
        policy = """@id("everybody")
permit (principal, action == Billing::Action::"read", resource is Billing::Invoice);
@id("nothing-after-secrets")
forbid (principal, action, resource)
when { context has task && context.task.labels.containsAll(["read:secret", "input:untrusted"]) };
"""
        tests = """fixtures:
  tasks:
    t: {purpose: support, subject: nora, agents: [support-agent], actions: ['Billing::Action::"read"'], resources: ['Billing::Invoice::*']}
tests:
  - {name: a, token: {sub: nora, client_id: support-agent, act: [support-agent, support-portal], task: t}, request: GET /invoices/inv-1001, expect: permit}
"""
        status, out, err = self.mutate(tests, policy, "--write-missing", "--json")
        self.assertEqual(0, json.loads(out)["findings"], out + err)
        self.assertEqual(0, status)
        text = open_text(os.path.join(self.policies, "a.missing.test.yaml"))
        self.assertRegex(text, r"(?m)^    t-\d: \{.*labels: \[.*read:secret")
        self.assertEqual(0, harness.writ("test", "--config", self.world.config)[0])

    def test_where_no_request_makes_a_difference_nothing_is_written_and_the_words_stay(self):
        policy = Mutation.POLICY.replace("context has user &&", "context has user && context has user &&")
        status, out, _ = self.mutate(Mutation.READS, policy, "--write-missing")
        self.assertEqual(1, status)
        self.assertRegex(out, r"delete `context has user`\n  no test notices; missing is a request that only `context has user` decides")

    def test_it_goes_with_mutate_only(self):
        self.assertEqual(2, harness.writ("test", "--config", self.world.config, "--write-missing")[0])

    def test_the_incidents_need_no_test_by_hand(self):
        with tempfile.TemporaryDirectory() as folder:
            world = os.path.join(folder, "incidents")
            shutil.copytree(os.path.join(harness.ROOT, "examples", "incidents"), world)
            os.remove(os.path.join(world, "parties.test.yaml"))
            config = os.path.join(world, "writ.yaml")
            status, out, err = harness.writ("test", "--config", config, "--mutate", "--write-missing", "--json")
            self.assertEqual(0, status, out + err)
            report = json.loads(out)
            self.assertGreater(len(report["survivors"]), 80)
            self.assertGreater(sum(file["tests"] for file in report["written"]), 60)
            self.assertEqual(0, harness.writ("test", "--config", config)[0])


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
        # No policy names an action of Writ's own API.
        self.assertNotIn("Writ::Action", out)

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


class Watch(unittest.TestCase):
    """--watch runs at once, and again after each change."""
    setUp = Mutation.setUp
    EDIT = staticmethod(lambda text: text)

    def start(self, *options):
        write(os.path.join(self.policies, "a.cedar"), Mutation.POLICY)
        write(os.path.join(self.policies, "a.test.yaml"), HEAD + Mutation.READS)
        process = subprocess.Popen([harness.WRIT, "test", "--config", self.world.config, "--watch", *options],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        return process

    def next_run(self, process):
        """What is printed until it waits again."""
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "waiting for changes" in line:
                return "".join(lines)
        self.fail("it ended: " + "".join(lines))

    def test_each_change_of_a_policy_a_test_or_the_configuration_is_run(self):
        process = self.start()
        self.assertIn("1 tests in 1 files, 0 failed", self.next_run(process))
        write(os.path.join(self.policies, "a.cedar"), Mutation.POLICY.replace("permit", "forbid"))
        out = self.next_run(process)
        self.assertIn("1 tests in 1 files, 1 failed", out)
        self.assertIn("not everything is as expected", out)
        # As editors do it: another file takes the place.
        new = os.path.join(self.policies, "a.test.yaml.new")
        write(new, HEAD + Mutation.READS.replace("expect: permit", "expect: policy_forbid"))
        os.replace(new, os.path.join(self.policies, "a.test.yaml"))
        self.assertIn("1 tests in 1 files, 0 failed", self.next_run(process))
        write(self.world.config, "version: 2\n")
        self.assertIn("nothing could be tested", self.next_run(process))

    def test_a_report_is_no_change(self):
        with open(self.world.config, encoding="utf-8") as file:
            text = file.read()
        write(self.world.config, text.replace("files: [policies]", "files: [policies]\n  ignore: [report.xml]"))
        process = self.start("--coverage", "--junit", os.path.join(self.policies, "report.xml"))
        self.assertIn("coverage ", self.next_run(process))
        os.remove(os.path.join(self.policies, "a.test.yaml"))
        self.assertIn("there is no *.test.yaml", self.next_run(process))

    def test_it_does_not_send_the_abnormal_again_and_again(self):
        status, _, err = harness.writ("test", "--config", self.world.config, "--watch", "--abnormal", "--live", "http://127.0.0.1:1")
        self.assertEqual(2, status, err)


if __name__ == "__main__":
    unittest.main()
