"""Each fix of the example company's findings, applied to a copy: the finding is gone, `writ check` and `writ test` are content."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

import company_test
import harness

FOLDER = os.path.join(harness.ROOT, "examples", "company")
AT = "2026-11-01T00:00:00Z"
# What only people know.
WORDS = {"PERSON": "olga", "APPLICATION": "customer-portal, ada, bo, cleo, ines, joao, kira", "TENANT": "nordic", "ALGORITHM": "ES256"}
# Checks whose fixes nobody but people can make, each with its reason in the finding.
BY_HAND = {"wildcard-permit", "standing-privilege", "api-cannot-tell", "unbound-tokens", "machine-password", "plain-transport", "hidden-claim",
           "person-behind-machine", "workload-not-pinned"}
# What needs more than the files and a month of use, and where it is mended.
ELSEWHERE = {"api-key": "company_test", "unused-permit": "posture_harbour_test"}
DAYS = 6  # of the month, until somebody operates Writ


class Fixes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory(prefix="writ-fixes-") as folder:
            log = os.path.join(folder, "october.log")
            company_test.month.make(log, harness.WRIT, days=DAYS)
            report = cls.look(FOLDER, "--audit", log)
        cls.checks = {each["id"] for each in report["checks"]}
        cls.findings = report["findings"]

    @staticmethod
    def look(company, *arguments):
        status, out, err = harness.writ("posture", "--config", os.path.join(company, "writ.yaml"), "--at", AT, "--json", *arguments)
        assert status == 0, err
        return json.loads(out)

    def copied(self):
        folder = tempfile.mkdtemp(prefix="writ-fixes-")
        self.addCleanup(shutil.rmtree, folder)
        company = os.path.join(folder, "company")
        shutil.copytree(FOLDER, company, ignore=shutil.ignore_patterns("data", "__pycache__"))
        return company

    def fix(self, company, finding):
        """Runs and applies what `writ posture --fix` prints; the patch."""
        words = []
        for blank in finding["fix"].get("blanks", {}):
            word = finding["subjects"][0].rpartition(":")[2].rpartition("/")[2].replace("@", "-") if blank == "NAME" else WORDS[blank]
            words += ["--with", f"{blank}={word}"]
        status, out, err = harness.writ("posture", "--config", os.path.join(company, "writ.yaml"), "--at", AT, "--fix", finding["id"], *words)
        self.assertEqual((0, ""), (status, err), finding)
        home = os.path.join(os.path.dirname(company), "home")
        os.makedirs(home, exist_ok=True)
        environment = {**os.environ, "HOME": home, "PATH": os.path.dirname(harness.WRIT) + os.pathsep + os.environ["PATH"]}
        if "command" in finding["fix"]:
            self.assertIn(f"# run: {finding['fix']['command']}\n", out)
            run = subprocess.run(finding["fix"]["command"], shell=True, cwd=company, env=environment, capture_output=True, text=True, check=False)
            self.assertEqual(0, run.returncode, run.stderr)
        if "patch" in finding["fix"]:
            run = subprocess.run(["patch", "-p1", "--fuzz=0"], cwd=company, input=out, capture_output=True, text=True, check=False)
            self.assertEqual(0, run.returncode, f"{run.stdout}{run.stderr}\n{out}")
            if 'imported: ["keycloak:fjordsol/kiosk"' in out or "imported: [keycloak:fjordsol/kiosk" in out:
                self.follow_the_adopted(company)

    def follow_the_adopted(self, company):
        """What is adopted has a name of its own, and is refused under its imported one as nobody that is known."""
        path = os.path.join(company, "policies", "company.test.yaml")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("expect: caller_requested", "expect: caller_unknown"))

    def is_content(self, company, what):
        config = os.path.join(company, "writ.yaml")
        for command in ("check", "test"):
            status, out, err = harness.writ(command, "--config", config)
            self.assertEqual(0, status, f"after {what}: {out}{err}")

    def apply_all(self, findings, company, *arguments):
        """One after another, each from the report of what is there by then; what is left."""
        checks = sorted({each["check"] for each in findings})
        for check in checks:
            found = self.look(company, "--check", check, *arguments)["findings"]
            while now := [each for each in found if "by_hand" not in each["fix"]]:
                self.fix(company, now[0])
                found = self.look(company, "--check", check, *arguments)["findings"]
                self.assertNotIn(now[0]["id"], {each["id"] for each in found}, now[0])
            self.is_content(company, check)

    def test_every_finding_has_a_patch_or_a_command_or_says_why_it_is_mended_by_hand(self):
        for each in self.findings:
            fix = each["fix"]
            self.assertNotEqual("by_hand" in fix, bool({"patch", "command"} & set(fix)), each)
            if each["check"] in BY_HAND:
                self.assertGreater(len(fix["by_hand"]), 15, each)
        self.assertEqual(self.checks - {"api-key"}, {each["check"] for each in self.findings})

    def test_the_first_fix_of_each_check_alone_makes_its_finding_go(self):
        done = set()
        for each in self.findings:
            if each["check"] in done or "by_hand" in each["fix"]:
                continue
            done.add(each["check"])
            with self.subTest(finding=each["id"]):
                company = self.copied()
                self.fix(company, each)
                left = {found["id"] for found in self.look(company, "--check", each["check"])["findings"]}
                self.assertNotIn(each["id"], left)
                self.is_content(company, each["id"])
        self.assertEqual(self.checks - BY_HAND - set(ELSEWHERE), done)

    def test_all_fixes_one_after_another_leave_what_is_mended_by_hand(self):
        company = self.copied()
        self.apply_all(self.findings, company)
        left = self.look(company)["findings"]
        # A credential that is told apart by a fix may have no end: what is mended shows what lay behind it.
        if [each for each in left if "by_hand" not in each["fix"]]:
            self.apply_all(left, company)
            left = self.look(company)["findings"]
        self.assertEqual([], [each["id"] for each in left if "by_hand" not in each["fix"]])
        self.assertLess(len(left), len(self.findings))
        # Nobody wrote a private key beside the configuration, and nothing was suspended.
        self.assertFalse([each for each in left if each["check"] == "secret-file"])

    def test_a_fix_with_a_blank_says_what_belongs_there(self):
        finding = next(each for each in self.findings if each["check"] == "owner-gone")
        arguments = ("posture", "--config", os.path.join(FOLDER, "writ.yaml"), "--at", AT, "--fix", finding["id"])
        status, out, err = harness.writ(*arguments)
        self.assertEqual((2, ""), (status, out))
        self.assertIn("`--with PERSON=…`, who answers for it", err)
        status, _, err = harness.writ(*arguments, "--with", "PERSON=olga", "--with", "NOBODY=x")
        self.assertEqual(2, status)
        self.assertIn("has no blank `NOBODY`", err)

    def test_what_is_mended_by_hand_has_no_patch_and_says_why(self):
        finding = next(each for each in self.findings if each["check"] == "standing-privilege")
        status, out, err = harness.writ("posture", "--config", os.path.join(FOLDER, "writ.yaml"), "--at", AT, "--fix", finding["id"])
        self.assertEqual((1, ""), (status, out))
        self.assertIn("by hand", err)

    def test_a_finding_that_is_not_there_has_no_fix(self):
        for name, said in (("no-owner:nobody", "no finding `no-owner:nobody`"), ("no-check:x", "no check `no-check`")):
            status, _, err = harness.writ("posture", "--config", os.path.join(FOLDER, "writ.yaml"), "--at", AT, "--fix", name)
            self.assertEqual(2, status)
            self.assertIn(said, err)


if __name__ == "__main__":
    unittest.main()
