"""writ posture: findings over the example world, as text, JSON, CSV, SARIF and HTML, for people and for CI."""
import csv
import html.parser
import io
import json
import os
import re
import tempfile
import unittest

import yaml

import harness

CONFIG = os.path.join(harness.ACME, "writ.yaml")


def posture(*arguments, config=CONFIG):
    return harness.writ("posture", "--config", config, *arguments)


def page():
    with open(os.path.join(harness.ROOT, "docs", "posture.md"), encoding="utf-8") as file:
        return file.read()


class Posture(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def file(self, name, text=None):
        path = os.path.join(self.folder, name)
        if text is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return path

    def test_the_document_shows_what_the_example_has(self):
        status, out, err = posture()
        self.assertEqual((0, ""), (status, err))
        left = out.splitlines()
        for line in re.search(r"```text\n(.*?)```", page(), re.DOTALL)[1].splitlines():
            pattern = ".*".join(re.escape(part.strip()) for part in line.split("…"))
            while left and not re.search(pattern, left[0]):
                left.pop(0)
            self.assertTrue(left, f"the page shows `{line}`; the output is:\n{out}")

    def test_the_commands_of_the_document_run(self):
        exceptions = re.search(r"```yaml\n# exceptions.yaml\n(.*?)```", page(), re.DOTALL)[1]
        self.file("exceptions.yaml", exceptions)
        commands = [line for block in re.findall(r"```sh\n(.*?)```", page(), re.DOTALL) for line in block.splitlines()]
        self.assertGreater(len(commands), 3)
        for line in commands:
            words = line.replace("/tmp", self.folder).replace("exceptions.yaml", self.file("exceptions.yaml")).split()
            self.assertEqual(["writ", "posture"], words[:2])
            status, out, err = posture(*words[2:])
            self.assertEqual((0, ""), (status, err))
            self.assertTrue(out)

    def test_the_document_has_every_check_and_no_other(self):
        checks = json.loads(posture("--json")[1])["checks"]
        table = page().partition("## Checks")[2].partition("\n## ")[0]
        self.assertEqual([each["id"] for each in checks], re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE))
        for each in checks:
            self.assertIn(each["state"], ("found", "clean", "not computable"))

    def test_the_document_has_every_id_that_checks_carry(self):
        answer = json.loads(posture("--json")[1])
        standards = page().partition("## Standards")[2]
        for name in sorted({name for each in answer["checks"] for name in each["standards"]}):
            if not name.startswith(("NHI", "SP 800-207")):
                self.assertIn(f"`{name}`", standards)

    def test_each_finding_has_evidence_standards_and_a_fix(self):
        answer = json.loads(posture("--json")[1])
        known = {each["id"] for each in answer["standards"]}
        self.assertGreater(len(answer["findings"]), 5)
        ids = [each["id"] for each in answer["findings"]]
        self.assertEqual(len(ids), len(set(ids)))
        for each in answer["findings"]:
            self.assertTrue(each["evidence"] and each["fix"]["what"], each)
            self.assertTrue({"command", "patch", "by_hand"} & set(each["fix"]), each)
            self.assertTrue(set(each["standards"]) <= known and each["standards"], each)

    def test_a_place_is_the_line_where_it_stands(self):
        finding = next(each for each in json.loads(posture("--json")[1])["findings"] if each["id"] == "no-owner:support-portal")
        with open(finding["evidence"][0]["file"], encoding="utf-8") as file:
            self.assertIn("id: support-portal", file.read().splitlines()[finding["evidence"][0]["line"] - 1])

    def test_fail_on_is_for_ci(self):
        self.assertEqual(1, posture("--fail-on", "high")[0])
        self.assertEqual(0, posture("--fail-on", "critical")[0])
        self.assertEqual(2, posture("--fail-on", "severe")[0])

    def test_the_log_of_a_running_writ_is_evidence(self):
        world = harness.TestWorld()
        self.addCleanup(world.close)
        world.start()
        token = world.operator_token()
        status, _, err = harness.writ("inventory", "suspend", "mail-drafter", "--server", world.api, "--token-file", self.file("token", token))
        self.assertEqual(0, status, err)
        answer = json.loads(posture("--audit", os.path.join(world.folder, "data", "audit.log"), "--json", config=world.config)[1])
        finding = next(each for each in answer["findings"] if each["id"] == "person-behind-machine:ops-console")
        self.assertTrue(any("record" in each and "date" in each for each in finding["evidence"]), finding)
        # What was suspended over the API is not looked at as if it was in use.
        self.assertNotIn("never-reviewed:mail-drafter", [each["id"] for each in answer["findings"]])

    def test_an_api_key_that_was_made_while_writ_runs_is_found_in_its_database(self):
        def edit(text):
            config = yaml.safe_load(text)
            next(api for api in config["inventory"]["apis"] if api["id"] == "invoices")["api_keys"] = True
            return yaml.safe_dump(config, sort_keys=False)
        world = harness.TestWorld(edit=edit)
        self.addCleanup(world.close)
        self.assertEqual("not computable", self.state_of("api-key", world))
        world.start()
        self.assertEqual("clean", self.state_of("api-key", world, "--data", world.data))
        token = world.operator_token()
        self.assertEqual(201, world.api_call(token, "POST", "/v1/api-keys", {"identity": "nightly-export", "api": "invoices"}).status)
        answer = json.loads(posture("--data", world.data, "--json", config=world.config)[1])
        (finding,) = [each for each in answer["findings"] if each["check"] == "api-key"]
        self.assertEqual("api-key:nightly-export", finding["id"])
        self.assertIn("good for whoever has a copy", finding["what"])
        there = world.api_call(token, "GET", "/v1/posture?check=api-key").json()
        self.assertEqual(["api-key:nightly-export"], [each["id"] for each in there["findings"]])
        status, _, err = posture("--data", self.folder, config=world.config)
        self.assertEqual(2, status)
        self.assertIn("writ.db", err)

    def state_of(self, check, world, *more):
        answer = json.loads(posture(*more, "--json", config=world.config)[1])
        return next(each["state"] for each in answer["checks"] if each["id"] == check)

    def test_what_is_no_log_is_refused(self):
        status, _, err = posture("--audit", self.file("audit.log", "no record\n"))
        self.assertEqual(2, status)
        self.assertIn("audit.log", err)

    def test_exceptions_with_mistakes_are_refused_and_nothing_is_printed(self):
        path = self.file("exceptions.yaml", "exceptions:\n  - {finding: 'no-owner:a', owner: o, reason: r, until: never}\n")
        status, out, err = posture("--exceptions", path)
        self.assertEqual((2, ""), (status, out))
        self.assertIn(f"{path}:2:", err)
        self.assertIn("`never` is not a date", err)

    def test_an_exception_takes_a_finding_away_and_an_ended_one_does_not(self):
        entry = "exceptions:\n  - {{finding: 'no-owner:support-portal', owner: niklas, reason: soon, until: {}}}\n"
        _, before, _ = posture("--json")
        _, after, _ = posture("--json", "--exceptions", self.file("a.yaml", entry.format("2099-01-01")))
        _, ended, _ = posture("--json", "--exceptions", self.file("b.yaml", entry.format("2020-01-01")))
        self.assertEqual(json.loads(before)["counts"]["medium"] - 1, json.loads(after)["counts"]["medium"])
        self.assertEqual(json.loads(before)["counts"], json.loads(ended)["counts"])
        self.assertIn("exception_ended", ended)

    def test_an_exception_of_the_configuration_counts_for_the_command_and_one_that_ended_does_not(self):
        before = self.counts_with("")
        entry = "posture:\n  exceptions:\n    - {{finding: no-owner, subject: support-portal, owner: niklas, reason: soon, until: {}}}\n"
        after = self.counts_with(entry.format("2099-01-01"))
        self.assertEqual(before["medium"] - 1, after["medium"])
        self.assertEqual(before, self.counts_with(entry.format("2020-01-01")))

    def counts_with(self, more):
        world = harness.TestWorld(lambda text: text + more)
        self.addCleanup(world.close)
        return json.loads(posture("--json", config=world.config)[1])["counts"]

    def test_check_tells_every_mistake_in_the_exceptions_of_the_configuration(self):
        world = harness.TestWorld(lambda text: text + "posture:\n  exceptions:\n"
                                  "    - {finding: no-ownr, subject: support-portal, owner: niklas, reason: soon, until: 2099-01-01}\n"
                                  "    - {finding: no-owner, subject: support-portal, owner: niklas, until: soon}\n")
        self.addCleanup(world.close)
        status, out, _ = harness.writ("check", "--config", world.config)
        self.assertEqual(1, status)
        for said in ("there is no check `no-ownr`", "did you mean `no-owner`?", "`reason`", "`soon` is not a date"):
            self.assertIn(said, out)

    def test_the_fix_applied_makes_the_finding_go(self):
        world = harness.TestWorld(lambda text: text.replace("- id: support-portal\n", "- id: support-portal\n      owner: niklas\n"))
        self.addCleanup(world.close)
        found = [each["id"] for each in json.loads(posture("--json", config=world.config)[1])["findings"]]
        self.assertNotIn("no-owner:support-portal", found)
        self.assertIn("no-owner:marketing-app", found)

    def test_csv_has_a_line_for_each_finding(self):
        rows = list(csv.DictReader(io.StringIO(posture("--csv")[1])))
        findings = json.loads(posture("--json")[1])["findings"]
        self.assertEqual([each["id"] for each in findings], [row["id"] for row in rows])

    def test_sarif_has_what_its_schema_wants(self):
        path = self.file("posture.sarif")
        self.assertEqual(0, posture("--sarif", path)[0])
        with open(path, encoding="utf-8") as file:
            sarif = json.load(file)
        self.assertEqual("2.1.0", sarif["version"])
        run = sarif["runs"][0]
        rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
        self.assertEqual(len(rules), len(set(rules)))
        self.assertTrue(run["results"])
        for result in run["results"]:
            self.assertEqual(result["ruleId"], rules[result["ruleIndex"]])
            self.assertIn(result["level"], ("error", "warning", "note"))
            self.assertTrue(result["message"]["text"])
            for location in result["locations"]:
                self.assertTrue(location["physicalLocation"]["artifactLocation"]["uri"])
        self.assertTrue(run["invocations"][0]["toolExecutionNotifications"])

    def test_the_html_is_one_file_that_runs_and_fetches_nothing(self):
        path = self.file("posture.html")
        self.assertEqual(0, posture("--html", path)[0])
        with open(path, encoding="utf-8") as file:
            text = file.read()
        tags, opened = set(), []

        class Reader(html.parser.HTMLParser):
            def handle_starttag(self, tag, attrs):
                tags.add(tag)
                names = dict(attrs)
                self_test.assertFalse([name for name in names if name.startswith("on") or name == "src"])
                if tag not in ("meta", "br", "hr", "col", "link"):
                    opened.append(tag)

            def handle_endtag(self, tag):
                self_test.assertEqual(tag, opened.pop())

        self_test = self
        Reader().feed(text)
        self.assertFalse(tags & {"script", "img", "link", "iframe"})
        self.assertLessEqual({"details", "summary", "table"}, tags)
        self.assertEqual([], opened)

    def test_a_history_shows_the_trend(self):
        path = self.file("history.jsonl")
        posture("--history", path)
        status, out, _ = posture("--history", path)
        self.assertEqual(0, status)
        self.assertIn("(+0)", out)
        with open(path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        self.assertEqual(2, len(lines))
        self.assertEqual({"at", "revision", "critical", "high", "medium", "low", "excepted"}, set(lines[0]))

    def test_what_is_no_history_stays_as_it_is(self):
        path = self.file("history.jsonl", "something else\n")
        status, _, err = posture("--history", path)
        self.assertEqual(2, status)
        self.assertIn("line 1 of the history", err)
        with open(path, encoding="utf-8") as file:
            self.assertEqual("something else\n", file.read())

    def test_ten_times_the_identities_are_looked_at_too(self):
        found = {}
        for count in (50, 500):
            def more(text, count=count):
                tree = yaml.safe_load(text)
                tree["inventory"]["identities"] += [{"id": f"bot-{i}", "kind": "service"} for i in range(count)]
                return yaml.safe_dump(tree, sort_keys=False)
            world = harness.TestWorld(more)
            self.addCleanup(world.close)
            answer = json.loads(posture("--json", config=world.config)[1])
            found[count] = sum(each["id"].startswith("no-owner:bot-") for each in answer["findings"])
        self.assertEqual({50: 50, 500: 500}, found)


if __name__ == "__main__":
    unittest.main()
