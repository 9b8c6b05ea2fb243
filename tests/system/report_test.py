"""writ report: one HTML file that joins posture, access, what tokens carry and what may be narrower."""
import json
import os
import re
import shutil
import tempfile
import unittest

import company_test
import harness
import pages

PARTS = ["posture", "access", "tokens", "rightsizing"]
DAYS = 2  # of the month that are recorded


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="writ-report-")
        cls.log = os.path.join(cls.folder, "october.log")
        company_test.month.make(cls.log, harness.WRIT, days=DAYS)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def make(self, *more, config=company_test.CONFIG, name="report.html"):
        path = os.path.join(self.folder, name)
        status, out, err = harness.writ("report", "--html", path, "--config", config, "--quick", *more)
        self.assertEqual((0, ""), (status, err))
        self.assertEqual(f"written to {path}\n", out)
        return path

    def test_the_command_of_the_document_runs(self):
        with open(os.path.join(harness.ROOT, "docs", "report.md"), encoding="utf-8") as file:
            document = file.read()
        line = re.search(r"^writ (report .*)$", document, re.MULTILINE)[1].replace("/tmp", self.folder)
        status, out, err = harness.writ(*line.split(), "--config", company_test.CONFIG)
        self.assertEqual((0, ""), (status, err))
        self.assertEqual(re.search(r"^written to .*$", document, re.MULTILINE)[0].replace("/tmp", self.folder) + "\n", out)

    def test_one_page_has_all_parts_and_needs_nothing_else(self):
        path = self.make("--audit", self.log)
        page, text = pages.parsed(path)
        self.assertEqual(([], []), (page.problems, page.open))
        self.assertEqual(set(), page.targets - page.ids)
        self.assertLessEqual(set(PARTS), page.ids)
        self.assertEqual(1, page.counts["h1"])
        self.assertNotIn("@import", text)
        shown = "".join(page.text)
        for words in ("What is wrong", "Who can reach what", "What tokens carry", "What may be narrower",
                      "standing-privilege:", "API payroll", "nobody reads", "Granted and used, by identity"):
            self.assertIn(words, shown)
        # No heading is left out on the way down, so that whoever hears the page finds the way.
        levels = [int(each) for each in re.findall(r"<h([1-6])", text)]
        self.assertTrue(all(after - before <= 1 for before, after in zip(levels, levels[1:])), levels)
        self.assertEqual(0, os.stat(path).st_mode & 0o077)

    def test_a_browser_shows_it_without_complaint_and_without_a_request(self):
        errors, requests, dom = pages.browse(self.make("--audit", self.log))
        self.assertEqual(([], []), (errors, requests))
        for part in PARTS:
            self.assertIn(f'<section id="{part}">', dom)

    def test_printed_nothing_is_cut_off_at_the_side(self):
        width, cut = pages.cut_off_in_print(self.make("--audit", self.log), 672)  # a sheet of A4 with margins of 1.6 cm
        self.assertEqual((672, []), (width, cut))

    def test_without_a_log_it_says_what_cannot_be_told(self):
        shown = "".join(pages.parsed(self.make())[0].text)
        self.assertIn("Not computable: no audit log was given", shown)

    def test_exceptions_and_the_trend_are_on_it(self):
        finding = json.loads(harness.writ("posture", "--json", "--config", company_test.CONFIG)[1])["findings"][0]["id"]
        exceptions = os.path.join(self.folder, "exceptions.yaml")
        with open(exceptions, "w", encoding="utf-8") as file:
            file.write(f"exceptions:\n  - {{finding: '{finding}', owner: niklas, reason: it goes in spring, until: 2099-03-31}}\n")
        history = os.path.join(self.folder, "history")
        self.make("--history", history)
        shown = "".join(pages.parsed(self.make("--history", history, "--exceptions", exceptions))[0].text)
        self.assertIn("Excepted until 2099-03-31 by niklas: it goes in spring", shown)
        self.assertIn("Trend", shown)
        with open(history, encoding="utf-8") as file:
            self.assertEqual(2, len(file.readlines()))

    def test_what_is_broken_is_told_and_nothing_is_written(self):
        path = os.path.join(self.folder, "nothing.html")
        for more in (("--audit", os.path.join(self.folder, "nowhere")), ("--exceptions", company_test.CONFIG), ("--at", "then")):
            status, out, err = harness.writ("report", "--html", path, "--config", company_test.CONFIG, *more)
            self.assertEqual((2, ""), (status, out))
            self.assertTrue(err)
        self.assertFalse(os.path.exists(path))

    def test_hostile_names_stay_text(self):
        company = os.path.join(self.folder, "hostile")
        shutil.copytree(company_test.FOLDER, company)
        config = os.path.join(company, "writ.yaml")
        with open(config, encoding="utf-8") as file:
            text = file.read()
        name = "<script>alert(1)</script>"
        line = f"    - {json.dumps({'id': name, 'kind': 'service', 'tenant': '<b>nordic'})}\n"
        with open(config, "w", encoding="utf-8") as file:
            file.write(text.replace("    # Customers.\n", line, 1))
        page, _ = pages.parsed(self.make(config=config))
        self.assertEqual([], page.problems)
        self.assertIn(name, "".join(page.text))
        self.assertEqual(0, page.counts["b"])


if __name__ == "__main__":
    unittest.main()
