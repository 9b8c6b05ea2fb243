"""The example company: it checks, its tests pass, its exports are what is imported, a month of it can be recorded, what is weak on
purpose is seen by Writ, and its posture has each kind of finding."""
import collections
import glob
import importlib.util
import json
import os
import re
import shutil
import tempfile
import unittest

import harness
import pages
import yaml

FOLDER = os.path.join(harness.ROOT, "examples", "company")
CONFIG = os.path.join(FOLDER, "writ.yaml")
AT = "2026-11-01T00:00:00Z"
APIS = ["orders", "billing", "customers", "payroll", "mail", "stock", "releases", "reports"]
EXPORTS = {"keycloak": ["keycloak-realm.json"], "aws": ["aws-credential-report.csv"],
           "entra": ["entra-applications.json", "entra-appRoleAssignments.json", "entra-oauth2PermissionGrants.json",
                     "entra-servicePrincipals.json", "entra-servicePrincipalSignInActivities.json"]}


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


month = load("month", os.path.join(FOLDER, "month.py"))


def access(*arguments, config=CONFIG):
    status, out, err = harness.writ("access", *arguments, "--config", config, "--at", AT, "--json")
    assert status != 2, err
    return json.loads(out)


def posture(*arguments, config=CONFIG):
    status, out, err = harness.writ("posture", *arguments, "--config", config, "--at", AT, "--json")
    assert status == 0, err
    return json.loads(out)


def copied(test):
    folder = tempfile.mkdtemp(prefix="writ-company-")
    test.addCleanup(shutil.rmtree, folder)
    company = os.path.join(folder, "company")
    shutil.copytree(FOLDER, company, ignore=shutil.ignore_patterns("data", "__pycache__"))
    return company


def running(test):
    """A copy of it that runs on free ports, with a token of its console, which is production's here."""
    company = copied(test)
    config = os.path.join(company, "writ.yaml")
    ports = harness.free_ports(3)
    with open(config, encoding="utf-8") as file:
        text = file.read().replace("127.0.0.1:8380", f"127.0.0.1:{ports[0]}").replace("127.0.0.1:8381", f"127.0.0.1:{ports[1]}")
    with open(config, "w", encoding="utf-8") as file:
        file.write(text.replace("    - id: ops-console\n", "    - id: ops-console\n      environment: production\n"))
    world = harness.acme.World(harness.WRIT, os.path.join(company, "data"), config, ports)
    os.makedirs(world.data)
    test.addCleanup(world.stop)
    world.start_writ()
    status, world.token, err = harness.writ("token", "get", "--client", "ops-console", "--secret-file",
                                            os.path.join(harness.ACME, "demo-keys", "ops-console.secret"), "--audience", world.api,
                                            "--server", world.api)
    assert status == 0, err
    world.token_file = os.path.join(company, "console.token")
    with open(world.token_file, "w", encoding="utf-8") as file:
        file.write(world.token)
    return world


def imported(config, source):
    files = [os.path.join(os.path.dirname(config), "exports", name) for name in EXPORTS[source]]
    status, out, err = harness.writ("inventory", "import", source, *files, "--config", config, "--apply")
    assert status == 0, err
    return out


def without_dates(folder):
    """What was imported, but for when."""
    texts = {}
    for name in sorted(os.listdir(os.path.join(folder, "inventory", "imported"))):
        with open(os.path.join(folder, "inventory", "imported", name), encoding="utf-8") as file:
            texts[name] = re.sub(r'"imported_at":"[^"]*"', '"imported_at":""', file.read())
    return texts


class Company(unittest.TestCase):
    def test_it_checks_and_its_warnings_are_two_that_are_planted(self):
        status, out, err = harness.writ("check", "--config", CONFIG)
        self.assertEqual((0, ""), (status, err), out)
        self.assertIn("64 identities, 9 APIs", out)
        self.assertIn("0 errors, 2 warnings", out)
        self.assertIn("warning: API `reports` is only observed", out)
        self.assertIn("warning: policy `support-exports-no-segments` forbids only if `context.purpose` is present", out)

    def test_its_tests_pass(self):
        status, out, err = harness.writ("test", "--config", CONFIG)
        self.assertEqual(0, status, out + err)

    def test_all_four_kinds_are_there(self):
        with open(CONFIG, encoding="utf-8") as file:
            kinds = collections.Counter(each["kind"] for each in yaml.safe_load(file)["inventory"]["identities"])
        self.assertEqual({"user", "application", "service", "agent"}, set(kinds))
        self.assertTrue(all(count >= 8 for count in kinds.values()), kinds)


class Imports(unittest.TestCase):
    def test_a_second_import_of_the_same_exports_changes_nothing(self):
        company = copied(self)
        before = without_dates(company)
        self.assertEqual(3, len(before))
        for source in EXPORTS:
            self.assertIn("nothing changes", imported(os.path.join(company, "writ.yaml"), source))
        self.assertEqual(before, without_dates(company))

    def test_the_sources_in_any_order_end_equal_to_what_is_checked_in(self):
        for order in (["keycloak", "entra", "aws"], ["aws", "entra", "keycloak"], ["entra", "aws", "keycloak"]):
            company = copied(self)
            shutil.rmtree(os.path.join(company, "inventory", "imported"))
            os.mkdir(os.path.join(company, "inventory", "imported"))
            for source in order:
                imported(os.path.join(company, "writ.yaml"), source)
            self.assertEqual(without_dates(FOLDER), without_dates(company), order)


class Access(unittest.TestCase):
    def test_less_than_a_tenth_of_all_answers_is_open(self):
        shares = collections.Counter()
        for api in APIS:
            shares.update(access("to", api, "--all")["shares"])
        self.assertGreater(shares["witnessed"], 500, shares)
        self.assertGreater(shares["witnessed"] + shares["always"], 2000, shares)
        self.assertLess(shares["open"], 0.1 * sum(shares.values()), shares)
        # Without what is never, so that it does not hide what is open.
        self.assertLess(shares["open"], 0.1 * (shares["witnessed"] + shares["open"] + shares["always"]), shares)

    def test_who_runs_the_payroll_is_the_batch_and_by_mistake_the_backup(self):
        answers = [each for each in access("to", "payroll", "--action", "run")["answers"]]
        chains = sorted(chain["chain"] for each in answers for chain in each["chains"])
        self.assertEqual([["backup-job"], ["payroll-batch"]], chains)

    def test_an_agent_reaches_through_those_that_it_acts_for(self):
        answers = access("path", "support-agent", "customers")["answers"]
        reads = [each for each in answers if each.get("action") == "read"]
        chains = [chain["chain"] for each in reads for chain in each["chains"]]
        self.assertIn(["dag", "support-portal", "support-agent"], chains)
        for each in reads:
            self.assertEqual(("when", "witnessed"), (each["verdict"], each["state"]))
            self.assertIn("task", each["witness"])

    def test_who_left_and_what_was_only_imported_reach_nothing(self):
        for identity in ("hugo", "keycloak:fjordsol/kiosk", "hr-assistant"):
            self.assertEqual([], access("of", identity)["answers"], identity)

    def test_the_finance_rule_reaches_payslips(self):
        answers = [each for each in access("of", "edda", "--api", "payroll")["answers"] if each.get("action") == "read"]
        policies = {policy for each in answers for policy in each["policies"]}
        self.assertIn("finance-works-in-its-tenant", policies)


class Month(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="writ-month-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.log = os.path.join(cls.folder, "october.log")
        cls.report = month.make(cls.log, harness.WRIT)
        with open(cls.log, encoding="utf-8") as file:
            cls.records = [json.loads(line) for line in file]
        cls.decisions = [each for each in cls.records if each["type"] == "decision"]
        with open(os.path.join(FOLDER, "PLANTED.yaml"), encoding="utf-8") as file:
            cls.planted = yaml.safe_load(file)["planted"]
        with open(CONFIG, encoding="utf-8") as file:
            cls.config = yaml.safe_load(file)
        cls.identities = {each["id"]: each for each in cls.config["inventory"]["identities"]}
        cls.posture = posture("--audit", cls.log)
        cls.findings = {each["id"]: each for each in cls.posture["findings"]}
        cls.evidence = {}
        for name in glob.glob(os.path.join(FOLDER, "inventory", "imported", "*.json")):
            with open(name, encoding="utf-8") as file:
                cls.evidence.update((each["id"], json.dumps(each)) for each in json.load(file)["identities"])

    def test_everything_was_decided_as_planned(self):
        self.assertEqual((0, 31), (self.report["failures"], self.report["tests"]))

    def test_the_log_verifies_and_says_what_it_is(self):
        status, out, err = harness.writ("audit", "verify", self.log)
        self.assertEqual(0, status, out + err)
        self.assertEqual("tests.recorded", self.records[0]["type"])

    def test_it_is_a_month_of_permits_and_refusals_at_the_times_of_the_plan(self):
        self.assertGreater(len(self.decisions), 3000)
        times = [each["time"] for each in self.decisions]
        self.assertEqual(sorted(times), times)
        self.assertEqual(("2026-10-01", "2026-10-31"), (times[0][:10], times[-1][:10]))
        effects = collections.Counter(each["effect"] for each in self.decisions)
        self.assertGreater(effects["deny"], 20)
        self.assertEqual({"gateway", "oauth", "api"}, {each["point"] for each in self.decisions})

    def test_deciding_it_again_decides_the_same(self):
        status, out, err = harness.writ("decide", "--replay", self.log, "--config", CONFIG, "--json")
        self.assertIn(status, (0, 1), err)
        replayed = json.loads(out)
        self.assertEqual([], replayed["flips"])
        self.assertGreater(replayed["decided"], 500)

    def test_the_same_seed_makes_the_same_plan(self):
        self.assertEqual(list(month.plan(1, 3)), list(month.plan(1, 3)))
        self.assertNotEqual(list(month.plan(1, 3)), list(month.plan(2, 3)))

    def test_what_is_planned_wrongly_is_told(self):
        company = copied(self)
        config = os.path.join(company, "writ.yaml")
        with open(os.path.join(company, "policies", "orders.cedar"), "w", encoding="utf-8") as file:
            file.write("// nobody\n")
        report = month.make(os.path.join(self.folder, "wrong.log"), harness.WRIT, days=1, config=config)
        self.assertEqual(1, report["failures"])

    def test_its_posture_has_each_kind_of_finding_at_least_once(self):
        world = running(self)
        # API keys are made while Writ runs, and stand in its database and in no file.
        status, out, err = harness.writ("inventory", "key", "make", "stock-importer-2", "--api", "stock", "--server", world.api, "--token-file",
                                        world.token_file)
        self.assertEqual(0, status, err)
        made = re.search(r"^id +(\S+)$", out, re.MULTILINE)[1]
        arguments = ("--audit", self.log, "--data", world.data)
        report = posture(*arguments)
        found = {each["check"] for each in report["findings"]}
        self.assertEqual([], [each["id"] for each in report["checks"] if each["id"] not in found], "not in the company's report")
        # As every other fix, that of the key makes its finding go.
        (key,) = [each for each in report["findings"] if each["check"] == "api-key"]
        self.assertEqual(f"writ inventory key revoke {made}", key["fix"]["command"])
        status, _, err = harness.writ(*key["fix"]["command"].split()[1:], "--server", world.api, "--token-file", world.token_file)
        self.assertEqual(0, status, err)
        self.assertEqual([], posture(*arguments, "--check", "api-key")["findings"])

    def test_a_log_that_is_there_is_not_written_to(self):
        taken = os.path.join(self.folder, "taken.log")
        with open(taken, "w", encoding="utf-8") as file:
            file.write("something\n")
        status, _, err = harness.writ("test", "--config", CONFIG, "--record", taken)
        self.assertEqual(2, status)
        self.assertIn("taken.log", err)
        with open(taken, encoding="utf-8") as file:
            self.assertEqual("something\n", file.read())

    # What is weak on purpose.

    def parties(self, record):
        return {record.get("sub"), record.get("client"), *record.get("actors", [])} | {record.get("subject")}

    def check_same_class(self, _who, wanted):
        targets = access("classes", wanted["api"], "--action", wanted["action"])["targets"]
        classes = [each["chains"] for target in targets for each in target["classes"] if each["verdict"] != "never"]
        self.assertTrue(any(all(chain in chains for chain in wanted["chains"]) for chains in classes), wanted)

    def check_look_alikes(self, _who, wanted):
        alike = access("classes", wanted["api"], "--reads", ",".join(wanted["reads"]))["look_alikes"]
        # An answer names 50 chains at most; it is asked about the fewest that it takes.
        self.assertTrue(any(all(chain in each["chains"] for chain in wanted["chains"]) for each in alike), wanted)

    def check_reaches(self, who, wanted):
        for identity in who:
            answers = access("of", identity, "--api", wanted["api"])["answers"]
            self.assertTrue([each for each in answers if each.get("action") == wanted["action"]], (identity, wanted))

    def check_never_used(self, who, _wanted):
        for identity in who:
            self.assertEqual([], [each for each in self.decisions if identity in self.parties(each)][:1])

    def check_used(self, who, wanted):
        for identity in who:
            permitted = [each for each in self.decisions if each["effect"] == "permit" and each["point"] == "gateway" and identity in self.parties(each)]
            used = {f"{each['api']} {each['action'].split('::')[-1].strip(chr(34))}" for each in permitted}
            self.assertEqual(set(wanted), used, identity)

    def check_owner_left(self, who, wanted):
        self.assertEqual("retired", self.identities[wanted]["status"])
        for identity in who:
            self.assertIn(wanted, (self.identities[identity].get("owner"), self.identities[identity].get("sponsor")))

    def check_shared_key(self, who, wanted):
        self.assertEqual(2, len(who))
        for identity in who:
            self.assertEqual(wanted, self.identities[identity]["jwks_file"])

    def check_finding(self, who, wanted):
        self.assertIn(self.findings[wanted]["subjects"][0], who)

    def check_evidence(self, who, wanted):
        for identity in who:
            self.assertIn(wanted, self.evidence[identity])

    def test_what_is_planted_is_seen(self):
        self.assertGreaterEqual(len(self.planted), 18)
        self.assertEqual(len(self.planted), len({each["id"] for each in self.planted}))
        for each in self.planted:
            self.assertTrue(each["shown"], each)
            for how, wanted in each["shown"].items():
                with self.subTest(planted=each["id"], how=how):
                    getattr(self, f"check_{how}")(each["who"], wanted)


class Page(unittest.TestCase):
    def make(self, config, *more):
        folder = tempfile.mkdtemp(prefix="writ-page-")
        self.addCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, "access.html")
        status, out, err = harness.writ("access", "report", "--html", path, "--config", config, "--at", AT, *more)
        self.assertEqual(0, status, err + out)
        return path

    def test_one_file_shows_everybody_and_needs_nothing_else(self):
        path = self.make(CONFIG)
        page, text = pages.parsed(path)
        self.assertEqual([], page.problems)
        self.assertEqual([], page.open)
        self.assertEqual(set(), page.targets - page.ids)
        self.assertEqual(1, page.counts["svg"])
        self.assertNotIn("@import", text)
        shown = "".join(page.text)
        for name in ("backup-job", "support-agent", "any-other-user", "keycloak:fjordsol/kiosk", "owner hugo (not active)",
                     "same user through two applications", *APIS):
            self.assertIn(name, shown)
        # The groups make a picture that people can read.
        lines = sum(1 for each in page.ids if each.startswith("group-"))
        self.assertTrue(20 <= lines <= 60, lines)
        self.assertEqual(0, os.stat(path).st_mode & 0o077)

    def test_a_browser_shows_it_without_complaint_and_without_a_request(self):
        path = self.make(CONFIG, "stock", "payroll", "--quick")
        errors, requests, dom = pages.browse(path)
        self.assertEqual([], errors)
        self.assertEqual([], requests)
        self.assertIn('id="api-2"', dom)
        # What a browser would say.
        bad = path + ".bad.html"
        with open(bad, "w", encoding="utf-8") as file:
            file.write('<!DOCTYPE html><title>x</title><script>console.error("ran")</script><img src="https://example.org/x.png">')
        errors, requests, _ = pages.browse(bad)
        self.assertTrue(errors)
        self.assertEqual(["https://example.org/x.png"], requests)

    def test_only_the_apis_that_were_named(self):
        page, _ = pages.parsed(self.make(CONFIG, "payroll", "stock", "--quick", "--reads", "sub"))
        shown = "".join(page.text)
        self.assertEqual([], page.problems)
        self.assertIn("API payroll", shown)
        self.assertNotIn("API orders", shown)
        self.assertIn("The API itself reads sub", shown)
        status, _, err = harness.writ("access", "report", "nothing", "--html", "/nonexistent/x", "--config", CONFIG)
        self.assertEqual(2, status)
        self.assertIn("`nothing`", err)

    def test_hostile_names_stay_text(self):
        company = copied(self)
        config = os.path.join(company, "writ.yaml")
        with open(config, encoding="utf-8") as file:
            text = file.read()
        users = ["<script>alert(1)</script>", "x\u202egnp.exe", "--><img/src=x/onerror=alert(2)>", "a' onmouseover='alert(3)", "]]>&amp;<!--"]
        lines = "".join(f"    - {json.dumps({'id': name, 'kind': 'user', 'tenant': '<b>nordic'})}\n" for name in users)
        with open(config, "w", encoding="utf-8") as file:
            file.write(text.replace("    # Customers.\n", lines, 1))
        page, raw = pages.parsed(self.make(config, "stock", "--quick"))
        self.assertEqual([], page.problems)
        shown = "".join(page.text)
        for name in users:
            self.assertIn(name.replace("\u202e", "⟨U+202E⟩"), shown)
        self.assertNotIn("\u202e", raw)
        self.assertEqual(0, page.counts["b"])


if __name__ == "__main__":
    unittest.main()
