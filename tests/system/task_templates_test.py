"""writ rightsize: standing use in bursts, as task templates with tests; and an index beside the log that changes nothing of what is found."""
import glob
import importlib.util
import json
import os
import shutil
import tempfile
import unittest

import harness

FOLDER = os.path.join(harness.ROOT, "examples", "company")
CONFIG = os.path.join(FOLDER, "writ.yaml")
AT = "2026-11-01T00:00:00Z"


def month():
    spec = importlib.util.spec_from_file_location("month", os.path.join(FOLDER, "month.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Templates(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="writ-templates-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.log = os.path.join(cls.folder, "october.log")
        month().make(cls.log, harness.WRIT)
        cls.out = os.path.join(cls.folder, "right")
        cls.report = cls.rightsize("--least-days", "20", "--out", cls.out)
        cls.tasks = {each["name"]: each for each in cls.report["task_templates"]}

    @classmethod
    def rightsize(cls, *arguments, config=CONFIG):
        status, out, err = harness.writ("rightsize", "--config", config, "--audit", cls.log, "--since", "2026-10-01", "--until", "2026-11-01", "--json",
                                        *arguments)
        assert status == 0, err
        return json.loads(out)

    def test_what_a_service_does_each_night_is_a_task_with_purpose_actions_window_and_budgets_of_its_own_use(self):
        nightly = self.tasks["nightly-billing-billing-run"]
        self.assertEqual([], nightly["kept"])
        self.assertGreater(nightly["bursts"], 30)
        task = nightly["task"]
        self.assertEqual(("billing-run", "nightly-billing"), (task["purpose"], task["client"]))
        self.assertEqual(['Billing::Action::"export"'], task["actions"])
        self.assertEqual(["Billing::Ledger::*"], task["resources"])
        self.assertEqual(0, task["expires_in_seconds"] % 300)
        self.assertLessEqual(task["expires_in_seconds"], 1800)
        self.assertIn(task["budget"]["calls"], (2, 3))

    def test_the_folder_has_each_template_and_tests_that_pass(self):
        files = {os.path.basename(name)[: -len(".task.json")] for name in glob.glob(os.path.join(self.out, "tasks", "*.task.json"))}
        self.assertEqual({name for name, each in self.tasks.items() if "task" in each}, files)
        self.assertGreater(len(files), 4)
        for name in files:
            with open(os.path.join(self.out, "tasks", f"{name}.task.json"), encoding="utf-8") as file:
                self.assertEqual(self.tasks[name]["task"], json.load(file))
            self.assertGreaterEqual(self.tasks[name]["tests"], 2)
        status, out, err = harness.writ("test", os.path.join(self.out, "tasks.test.yaml"), "--config", CONFIG, "--policies", self.out)
        self.assertEqual(0, status, out + err)
        with open(os.path.join(self.out, "tasks.test.yaml"), encoding="utf-8") as file:
            text = file.read()
        for reason in ("budget_exceeded", "task_expired", "expect: permit"):
            self.assertIn(reason, text)

    def test_a_short_log_and_thin_evidence_propose_no_task_and_say_why(self):
        short = self.rightsize("--least-days", "40")["task_templates"]
        self.assertTrue(short)
        for each in short:
            self.assertNotIn("task", each)
            self.assertTrue([why for why in each["kept"] if why.startswith("the log spans ") and why.endswith(" days, not 40")], each)
        payroll = self.tasks["payroll-batch-payroll"]
        self.assertNotIn("task", payroll)
        self.assertIn("2 uses are thin evidence", payroll["kept"])

    def test_what_a_policy_says_of_itself_is_respected(self):
        company = os.path.join(self.folder, "marked")
        shutil.copytree(FOLDER, company, ignore=shutil.ignore_patterns("data", "__pycache__"))
        path = os.path.join(company, "policies", "billing.cedar")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for said, why in (("keep: break-glass", '@rightsize("keep: break-glass")'), ("monthly: the closing", "it is used monthly")):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text.replace('@id("nightly-billing-exports")', f'@id("nightly-billing-exports")\n@rightsize("{said}")'))
            tasks = {each["name"]: each for each in self.rightsize("--least-days", "20", config=os.path.join(company, "writ.yaml"))["task_templates"]}
            nightly = tasks["nightly-billing-billing-run"]
            self.assertNotIn("task", nightly)
            self.assertTrue([each for each in nightly["kept"] if why in each], nightly)

    def test_an_index_changes_nothing_of_what_is_found(self):
        folder = os.path.join(self.folder, "indexed")
        os.mkdir(folder)
        log = os.path.join(folder, "october.log")
        shutil.copy(self.log, log)
        plain = harness.writ("posture", "--config", CONFIG, "--at", AT, "--audit", log, "--check", "unused-permit", "--no-index", "--json")
        self.assertEqual(["october.log"], os.listdir(folder))
        status, out, err = harness.writ("audit", "index", log)
        self.assertEqual((0, ""), (status, err))
        self.assertIn("0 of them were in its index", out)
        self.assertEqual(2, len(os.listdir(folder)))
        self.assertEqual(plain, harness.writ("posture", "--config", CONFIG, "--at", AT, "--audit", folder, "--check", "unused-permit", "--json"))
        status, out, _ = harness.writ("audit", "index", log)
        with open(log, encoding="utf-8") as file:
            count = sum(1 for _ in file)
        self.assertIn(f"{count} records, {count} of them were in its index", out)
        # It is no part of the log.
        self.assertEqual(0, harness.writ("audit", "verify", folder)[0])

    def test_a_log_that_was_changed_is_not_believed_by_its_index(self):
        folder = os.path.join(self.folder, "changed")
        os.mkdir(folder)
        log = os.path.join(folder, "october.log")
        shutil.copy(self.log, log)
        self.assertEqual(0, harness.writ("audit", "index", log)[0])
        with open(log, encoding="utf-8") as file:
            text = file.read()
        with open(log, "w", encoding="utf-8") as file:
            file.write(text.replace('"subject":"nightly-billing","client":"nightly-billing"', '"subject":"somebody-else-1","client":"somebody-else-1"', 1))
        status, _, err = harness.writ("audit", "index", log)
        self.assertEqual(1, status)
        self.assertIn("not the one that the index was made of", err)
        self.assertIn("does not verify", err)
        # Made anew of what is there.
        status, out, _ = harness.writ("audit", "index", "--again", log)
        self.assertEqual(1, status)
        self.assertIn("0 of them were in its index", out)


if __name__ == "__main__":
    unittest.main()
