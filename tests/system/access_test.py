"""writ access: who reaches what in the example world, what a change takes, and whether the API can tell."""
import csv
import io
import json
import os
import re
import shlex
import shutil
import tempfile
import unittest

import harness

CONFIG = os.path.join(harness.ACME, "writ.yaml")


def access(*arguments, config=CONFIG):
    return harness.writ("access", *arguments, "--config", config)


def answers(*arguments, config=CONFIG):
    status, out, err = access(*arguments, "--json", config=config)
    if status == 2:
        raise AssertionError(err)
    return json.loads(out)


def chains(answer):
    return [each["chain"] for each in answer["chains"]]


class Access(unittest.TestCase):
    def test_the_examples_of_the_document_run(self):
        with open(os.path.join(harness.ROOT, "docs", "access.md"), encoding="utf-8") as file:
            lines = [line for block in re.findall(r"```sh\n(.*?)```", file.read(), re.DOTALL) for line in block.splitlines()]
        self.assertGreater(len(lines), 4)
        for line in lines:
            words = shlex.split(line)
            self.assertEqual(["writ", "access"], words[:2])
            if words[2] == "diff":
                status, _, err = harness.writ(*words[1:3], CONFIG, CONFIG)
                self.assertEqual((0, ""), (status, err))
                continue
            status, out, err = harness.writ(*words[1:], "--config", CONFIG)
            self.assertIn(status, (0, 1), err)
            self.assertTrue(out)

    def test_marketing_never_reads_an_invoice_and_support_does_with_a_witness(self):
        found = answers("to", "invoices", "--action", "read", "--all")["answers"]
        support = [each for each in found if ["nora", "support-portal"] in chains(each)]
        self.assertEqual([("when", "witnessed")], [(each["verdict"], each["state"]) for each in support])
        self.assertEqual("support", support[0]["witness"]["token"]["purpose"])
        marketing = [each for each in found if ["nora", "marketing-app"] in chains(each)]
        self.assertEqual([("never", "policy_no_permit")], [(each["verdict"], each["reason"]) for each in marketing])

    def test_an_agent_reaches_through_the_portal_inside_a_task(self):
        found = answers("of", "support-agent", "--api", "invoices")["answers"]
        reads = [each for each in found if each.get("action") == "read"]
        self.assertIn(["nora", "support-portal", "support-agent"], [chain for each in reads for chain in chains(each)])
        for each in reads:
            self.assertEqual("when", each["verdict"])
            if each["state"] == "witnessed":
                self.assertIn("task", each["witness"])

    def test_less_than_a_tenth_of_the_example_is_open(self):
        shares = {}
        for api in ("invoices", "mail", "writ"):
            for name, count in answers("to", api, "--all")["shares"].items():
                shares[name] = shares.get(name, 0) + count
        self.assertLess(shares["open"], 0.1 * sum(shares.values()), shares)

    def test_csv_has_a_line_for_each_chain(self):
        _, out, _ = access("to", "mail", "--csv")
        rows = list(csv.DictReader(io.StringIO(out)))
        self.assertTrue(any(row["chain"] == "nora → support-portal" and row["verdict"] == "when" for row in rows), out)

    def test_who_is_not_known_is_said_so(self):
        status, _, err = access("of", "nobody-at-all")
        self.assertEqual(2, status)
        self.assertIn("`nobody-at-all`", err)
        status, _, err = access("to", "no-such-api")
        self.assertEqual(2, status)
        self.assertIn("`no-such-api`", err)

    def test_a_change_says_by_identity_what_it_takes(self):
        folder = tempfile.mkdtemp(prefix="writ-access-")
        self.addCleanup(shutil.rmtree, folder)
        changed = os.path.join(folder, "acme")
        shutil.copytree(harness.ACME, changed, ignore=shutil.ignore_patterns("data", "__pycache__"))
        config = os.path.join(changed, "writ.yaml")
        with open(config, encoding="utf-8") as file:
            text = file.read()
        edited = text.replace("- id: support-portal\n      kind: application\n", "- id: support-portal\n      kind: application\n      status: suspended\n")
        self.assertNotEqual(text, edited)
        with open(config, "w", encoding="utf-8") as file:
            file.write(edited)
        status, out, err = harness.writ("access", "diff", harness.ACME, changed, "--json")
        self.assertEqual(1, status, err)
        told = json.loads(out)
        changes = told["changes"]
        self.assertTrue(changes)
        # Of the new side nothing was asked: what is left is what was there, and a suspended client is refused by a guard.
        _, same, _ = harness.writ("access", "diff", harness.ACME, harness.ACME, "--json")
        asked = json.loads(same)["answers"]
        self.assertEqual(asked["asked"], asked["known"])
        self.assertGreater(asked["asked"], 0)
        self.assertEqual(asked["asked"], told["answers"]["asked"])
        self.assertEqual({"taken"}, {each["change"] for each in changes})
        self.assertEqual({"given": 0, "taken": len(changes), "other_terms": 0}, told["counts"])
        self.assertIn("support-portal", [each["id"] for each in told["identities"]])
        self.assertTrue(all("support-portal" in each["chain"] for each in changes))

    def test_public_routes_and_apis_that_are_only_observed_are_told(self):
        folder = tempfile.mkdtemp(prefix="writ-access-")
        self.addCleanup(shutil.rmtree, folder)
        changed = os.path.join(folder, "acme")
        shutil.copytree(harness.ACME, changed, ignore=shutil.ignore_patterns("data", "__pycache__"))
        config = os.path.join(changed, "writ.yaml")
        with open(config, encoding="utf-8") as file:
            text = file.read()
        edited = text.replace("action: totals, resource: 'Billing::Ledger::\"{tenant}\"'}", "action: totals, resource: 'Billing::Ledger::\"{tenant}\"', public: true}")
        edited = edited.replace("      namespace: Mail\n", "      namespace: Mail\n      enforce: false\n")
        self.assertNotEqual(text, edited)
        with open(config, "w", encoding="utf-8") as file:
            file.write(edited)
        told = answers("to", "invoices", "--quick", config=config)
        self.assertEqual([{"api": "invoices", "method": "GET", "path": "/tenants/{tenant}/totals"}], told["public_routes"])
        self.assertNotIn("observed", told)
        self.assertEqual(["mail"], answers("to", "mail", "--quick", config=config)["observed"])
        _, out, _ = access("to", "invoices", "--quick", "--csv", config=config)
        rows = [row for row in csv.DictReader(io.StringIO(out)) if row["chain"] == "anybody"]
        self.assertEqual([("public route", "GET", "/tenants/{tenant}/totals", "always")],
                         [(row["point"], row["action"], row["resource"], row["verdict"]) for row in rows])
        # It is given to anybody, whatever becomes of the chains.
        status, out, err = harness.writ("access", "diff", harness.ACME, changed, "--json")
        self.assertEqual(1, status, err)
        self.assertEqual({"public_routes": [{"api": "invoices", "method": "GET", "path": "/tenants/{tenant}/totals"}], "observed": ["mail"]},
                         json.loads(out)["open_to_all"]["given"])
        _, text, _ = harness.writ("access", "diff", harness.ACME, changed)
        self.assertIn("+ anybody, without a token: GET /tenants/{tenant}/totals of `invoices`, a public route", text)
        _, out, _ = access("of", "nora", "--quick", config=config)
        self.assertIn("anybody, without a token: GET /tenants/{tenant}/totals of `invoices`", out)
        self.assertIn("`mail` is only observed", out)

    def test_an_api_that_reads_the_subject_alone_is_told_what_it_does_not_see(self):
        _, out, err = harness.writ("access", "classes", "invoices", "--reads", "sub", "--json", "--config", CONFIG)
        self.assertTrue(out, err)
        alike = json.loads(out)["look_alikes"]
        self.assertIn("client_id", [each.get("change") for each in alike])

    def test_classes_are_told_as_csv_too_with_every_chain(self):
        _, out, err = harness.writ("access", "classes", "invoices", "--reads", "sub", "--csv", "--config", CONFIG)
        rows = list(csv.DictReader(io.StringIO(out)))
        self.assertTrue(rows, err)
        _, data, _ = harness.writ("access", "classes", "invoices", "--reads", "sub", "--json", "--config", CONFIG)
        told = json.loads(data)
        self.assertEqual(sum(each["chain_count"] for target in told["targets"] for each in target["classes"]),
                         sum(row["row"] == "class" for row in rows))
        self.assertEqual(sum(len(target["findings"]) for target in told["targets"]), sum(row["row"] == "finding" for row in rows))
        self.assertEqual(sum(each["chain_count"] for each in told["look_alikes"]), sum(row["row"] == "look-alike" for row in rows))


if __name__ == "__main__":
    unittest.main()
