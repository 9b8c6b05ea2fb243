"""writ rightsize: what real traffic used stays permitted, what it did not use is refused, and nothing else changes."""
import datetime
import glob
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import unittest

import harness

READ, CREDIT = "/invoices/inv-1001", "/invoices/inv-1001/credit"
SHORT = ("--least-days", "0", "--least-uses", "1")


class Rightsize(unittest.TestCase):
    """Customers read invoices and never credit one; the agent reads inside its task; nobody exports."""

    @classmethod
    def setUpClass(cls):
        cls.world = world = harness.TestWorld()
        cls.addClassCleanup(world.close)
        world.start()
        for user, path in (("nora", READ), ("niklas", "/invoices/inv-1002")):
            token = world.customer_token(user=user)
            for _ in range(3):
                assert world.through_gateway(token, path).status == 200
            assert world.through_gateway(token, "/tenants/north/totals").status == 403
        agent = world.agent_token(world.open_task())
        assert world.through_gateway(agent, READ).status == 200
        assert world.api_call(world.customer_token(world.api), "GET", "/v1/tasks").status == 200
        operator = world.operator_token()
        assert world.api_call(operator, "GET", "/v1/identities").status == 200
        world.stop_writ()
        cls.log = os.path.join(world.data, "audit.log")
        with open(cls.log, encoding="utf-8") as file:
            cls.records = [json.loads(line) for line in file]

    def setUp(self):
        self.out = os.path.join(self.world.folder, "right")
        self.addCleanup(shutil.rmtree, self.out, True)

    def run_rightsize(self, *arguments):
        return harness.writ("rightsize", "--config", self.world.config, "--data", self.world.data, *arguments)

    def report(self, *arguments, expected=0):
        status, out, err = self.run_rightsize(*SHORT, "--json", *arguments)
        self.assertEqual(expected, status, err)
        return json.loads(out)

    def policies(self, report):
        return {each["id"]: each for each in report["policies"]}

    def text(self, name="billing.cedar"):
        with open(os.path.join(self.out, "policies", name), encoding="utf-8") as file:
            return file.read()

    def test_a_permit_is_recorded_with_the_policies_of_each_party(self):
        permits = [each for each in self.records if each["type"] == "decision" and each["effect"] == "permit"]
        self.assertGreater(len(permits), 12)
        for record in permits:
            parties = {record["client"], record["subject"], *record.get("actors", [])}
            self.assertEqual(len(parties), len(record["permits"]), record)
        read = next(each for each in permits if each["point"] == "gateway" and "actors" not in each)
        self.assertEqual(["customers-use-their-own-invoices", "support-portal-serves-customers"], read["policies"])
        self.assertEqual([[0], [1]], read["permits"])
        refused = [each for each in self.records if each.get("effect") == "deny"]
        self.assertTrue(refused)
        self.assertFalse([each for each in refused if "permits" in each])

    def test_the_proposal_loads_its_tests_pass_and_nothing_in_use_is_refused(self):
        report = self.report("--out", self.out, "--replay")
        status, out, err = harness.writ("check", "--config", self.world.config, "--policies", self.out)
        self.assertEqual(0, status, out + err)
        status, out, err = harness.writ("test", self.out, "--config", self.world.config, "--policies", self.out)
        self.assertEqual(0, status, out + err)
        self.assertGreater(report["tests"]["permitted"], 3)
        self.assertGreater(report["tests"]["refused"], 0)
        replay = report["replay"]
        self.assertEqual(([], []), (replay["refused"], replay["widened"]))
        self.assertGreater(replay["permits"], 12)
        self.assertEqual(100, replay["decided_percent"], replay["left_out"])
        # What is refused now was permitted by the policies as they are.
        status, _, _ = harness.writ("test", self.out, "--config", self.world.config)
        self.assertEqual(1, status)

    def test_an_action_that_nobody_used_is_refused_afterwards_and_what_was_used_passes(self):
        policies = self.policies(self.report("--out", self.out))
        portal = policies["support-portal-serves-customers"]
        self.assertEqual("narrowed", portal["verdict"])
        self.assertIn('action == Billing::Action::"read"', portal["conditions"][0])
        self.assertIn('never used: Billing::Action::"credit"', portal["evidence"])
        self.assertEqual([{"action": 'Billing::Action::"credit"', "resource_type": "Billing::Invoice"}], portal["unused"])
        self.assertEqual("unused", policies["nightly-export-lists-ledgers"]["verdict"])
        world = harness.TestWorld()
        self.addCleanup(world.close)
        shutil.rmtree(os.path.join(world.folder, "policies"))
        shutil.copytree(os.path.join(self.out, "policies"), os.path.join(world.folder, "policies"))
        world.start()
        token = world.customer_token()
        self.assertEqual(200, world.through_gateway(token, READ).status)
        self.assertEqual("policy_no_permit", world.through_gateway(token, CREDIT, "POST").reason())
        agent = world.agent_token(world.open_task())
        self.assertEqual(200, world.through_gateway(agent, READ).status)
        self.assertEqual("policy_no_permit", world.through_gateway(agent, CREDIT, "POST").reason())
        refused = world.token_request("nightly-export", grant_type="client_credentials", resource=harness.INVOICES, purpose="export")
        self.assertNotEqual(200, refused.status)

    def test_only_lines_are_added_to_permits(self):
        self.report("--out", self.out)
        for name in ("billing.cedar", "mail.cedar", "writ.cedar"):
            with open(os.path.join(self.world.folder, "policies", name), encoding="utf-8") as file:
                before = file.read()
            after = self.text(name)
            kept = re.sub(r"\n// writ rightsize: [^\n]*(?:\nwhen \{ [^\n]* \})+(?=;)", "", after)
            self.assertEqual(before, kept)

    def test_a_short_log_cuts_nothing_and_says_so(self):
        status, out, err = self.run_rightsize("--out", self.out)
        self.assertEqual(0, status, err)
        self.assertIn("kept: the log spans 0 days, not 30", out)
        self.assertIn("0 narrowed, 0 unused, 0 redundant", out)
        self.assertNotIn("\nwhen { false }", self.text())
        self.assertIn("// writ rightsize: kept, as the log spans 0 days, not 30", self.text())

    def test_what_a_policy_says_of_itself_is_respected(self):
        folder = os.path.join(self.world.folder, "marked")
        shutil.copytree(os.path.join(self.world.folder, "policies"), folder)
        self.addCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, "billing.cedar")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace('@id("nightly-export-lists-ledgers")', '@id("nightly-export-lists-ledgers")\n@rightsize("keep: break-glass")'))
        with open(self.world.config, encoding="utf-8") as file:
            config = file.read()
        marked = os.path.join(self.world.folder, "marked.yaml")
        with open(marked, "w", encoding="utf-8") as file:
            file.write(config.replace("files: [policies]", "files: [marked]"))
        status, out, err = harness.writ("rightsize", "--config", marked, "--data", self.world.data, *SHORT, "--json")
        self.assertEqual(0, status, err)
        export = self.policies(json.loads(out))["nightly-export-lists-ledgers"]
        self.assertEqual(("kept", ['it says @rightsize("keep: break-glass")']), (export["verdict"], export["why"]))

    def test_what_each_identity_may_and_did(self):
        identities = {each["identity"]: each for each in self.report()["identities"]}
        agent = identities['Writ::Agent::"support-agent"']
        self.assertIn({"action": 'Billing::Action::"read"', "resource_type": "Billing::Invoice"}, agent["used"])
        self.assertIn({"action": 'Billing::Action::"credit"', "resource_type": "Billing::Invoice"}, agent["granted"])
        self.assertNotIn({"action": 'Billing::Action::"credit"', "resource_type": "Billing::Invoice"}, agent["used"])
        self.assertEqual(0, identities['Writ::Service::"nightly-export"']["uses"])

    def test_by_chance_only_when_asked(self):
        policies = self.policies(self.report("--narrow", "ids", "--narrow", "addresses"))
        conditions = policies["support-portal-serves-customers"]["conditions"]
        self.assertTrue([each for each in conditions if "inv-1001" in each], conditions)
        self.assertTrue([each for each in conditions if "127.0.0.1" in each], conditions)
        self.assertFalse([each for each in self.policies(self.report())["support-portal-serves-customers"]["conditions"]
                          if "inv-1001" in each])

    def quarter(self, record_of):
        """A log of ninety days, a record a day: what record_of makes of the day and of a read by nora through the portal."""
        read = next(each for each in self.records if each.get("point") == "gateway" and each["effect"] == "permit"
                    and each["subject"] == "nora" and "actors" not in each)
        path, head = os.path.join(self.world.folder, "quarter.log"), "0" * 64
        self.addCleanup(os.remove, path)
        with open(path, "w", encoding="utf-8") as file:
            for day in range(90):
                time = datetime.date(2026, 8, 1) + datetime.timedelta(days=day)
                record = record_of(day, {**read, "time": f"{time}T09:00:00.000Z", "issued_at": f"{time}T08:59:00.000Z"})
                members = {key: value for key, value in record.items() if key not in ("seq", "prev", "hash")}
                line = json.dumps({"seq": day + 1, "prev": head, **members}, separators=(",", ":"))[:-1]
                head = hashlib.sha256(line.encode()).hexdigest()
                file.write(f'{line},"hash":"{head}"}}\n')
        self.assertEqual(0, harness.writ("audit", "verify", path)[0])
        return path

    def of_quarter(self, record_of, *arguments, expected=0):
        status, out, err = self.run_rightsize("--audit", self.quarter(record_of), "--since", "2026-08-01", "--json", *arguments)
        self.assertEqual(expected, status, err)
        return json.loads(out)

    def credit(self, record):
        return {**record, "action": 'Billing::Action::"credit"', "method": "POST", "path": CREDIT}

    def test_a_quarter_of_reading_is_enough_to_drop_the_rest(self):
        policies = self.policies(self.of_quarter(lambda day, record: record))
        portal = policies["support-portal-serves-customers"]
        self.assertEqual(("narrowed", 90, 90), (portal["verdict"], portal["uses"]["count"], portal["uses"]["days"]))
        self.assertEqual("unused", policies["nightly-export-lists-ledgers"]["verdict"])

    def test_the_last_third_is_measured_under_a_proposal_of_the_rest(self):
        report = self.of_quarter(lambda day, record: self.credit(record) if day >= 80 else record, "--replay")
        self.assertEqual(([], [], 90), (report["replay"]["refused"], report["replay"]["widened"], report["replay"]["decided"]))
        last = report["last_third"]
        self.assertEqual((30, 30, 10), (last["permits"], last["decided"], len(last["refused"])))
        self.assertAlmostEqual(100 / 3, last["refused_percent"])
        self.assertEqual([], last["widened"])
        self.assertEqual("policy_no_permit", last["refused"][0]["reason"])

    def test_an_older_record_is_used_by_all_that_may_have_permitted_it(self):
        report = self.of_quarter(lambda day, record: {key: value for key, value in record.items() if key != "permits"})
        self.assertEqual("narrowed", self.policies(report)["support-portal-serves-customers"]["verdict"])
        self.assertEqual(0, report["uncertain"], "of each party only one can have")

    def test_under_a_revision_that_nobody_has_any_more_nothing_is_guessed(self):
        report = self.of_quarter(lambda day, record: {**record, "policy_revision": "0" * 64})
        self.assertEqual(180, report["uncertain"])
        self.assertEqual("narrowed", self.policies(report)["customers-use-their-own-invoices"]["verdict"])
        # Only what the records name is known to have been there.
        self.assertEqual("kept", self.policies(report)["nightly-export-lists-ledgers"]["verdict"])

    def test_what_cannot_be_done_is_said(self):
        for arguments, said in ((("--audit", "/nowhere"), "/nowhere"), (("--since", "often"), "`often` is not a time"),
                                (("--narrow", "names"), "`names` is none of them"),
                                (("--since", "2020-01-01", "--until", "2020-01-02"), "has no permit in this time")):
            status, _, err = self.run_rightsize(*arguments)
            self.assertEqual(2, status, arguments)
            self.assertIn(said, err)
        os.makedirs(self.out)
        with open(os.path.join(self.out, "mine"), "w", encoding="utf-8"):
            pass
        status, _, err = self.run_rightsize("--out", self.out)
        self.assertEqual(2, status)
        self.assertIn("is there already", err)
        self.assertEqual(["mine"], os.listdir(self.out))

    def test_the_example_of_the_document_runs(self):
        with open(os.path.join(harness.ROOT, "docs", "rightsize.md"), encoding="utf-8") as file:
            lines = re.search(r"```sh\n(.*?)```", file.read(), re.DOTALL).group(1).splitlines()
        self.assertEqual(3, len(lines))
        for line in lines:
            words = shlex.split(line)
            self.assertEqual("writ", words[0])
            run = subprocess.run([harness.WRIT, *words[1:]], cwd=self.world.folder, capture_output=True, text=True, timeout=60)
            self.assertEqual(0, run.returncode, run.stdout + run.stderr)
        self.assertTrue(glob.glob(os.path.join(self.out, "*.test.yaml")))


if __name__ == "__main__":
    unittest.main()
