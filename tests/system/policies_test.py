"""Policies from file to force: validated against schemas, replaced whole while Writ runs, laid out, and never half."""
import json
import os
import signal
import time
import unittest

import harness

READ = "/invoices/inv-1001"


def edited(path, old, new):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert old in text, old
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new))


class Policies(unittest.TestCase):
    def setUp(self):
        self.world = harness.TestWorld()
        self.addCleanup(self.world.close)
        self.billing = os.path.join(self.world.folder, "policies", "billing.cedar")
        self.schema = os.path.join(self.world.folder, "schema.cedarschema")

    def check(self):
        status, out, _ = harness.writ("check", "--config", self.world.config, "--json")
        return status, json.loads(out)

    def reload(self, expected):
        self.world.server.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 15
        while expected not in self.world.log_text():
            self.assertLess(time.monotonic(), deadline, self.world.log_text())
            time.sleep(0.01)

    def events(self, kind):
        with open(os.path.join(self.world.data, "audit.log"), encoding="utf-8") as file:
            return [line for line in file if f'"type":"{kind}"' in line]


class Check(Policies):
    def test_a_policy_that_fails_validation_is_refused_with_its_place_and_help(self):
        edited(self.billing, "resource.customer == principal", "resource.custommer == principal")
        status, report = self.check()
        self.assertEqual((1, False), (status, report["valid"]))
        issue = report["issues"][0]
        self.assertEqual("there is no attribute `custommer` in `resource` of type `Billing::Invoice`", issue["message"])
        self.assertEqual("did you mean `customer`?", issue["help"])
        self.assertTrue(issue["file"].endswith("billing.cedar"))
        self.assertEqual(13, issue["line"])
        self.assertIn("^^^^^^^^^^^^^^^^^^", issue["excerpt"])

    def test_every_mistake_is_told_in_one_run(self):
        edited(self.billing, "resource.customer == principal", "resource.custommer == principal")
        edited(self.billing, 'Billing::Action::"list"', 'Billing::Action::"lists"')
        edited(os.path.join(self.world.folder, "policies", "mail.cedar"), "resource.owner == principal", "resource.owner == 1")
        _, report = self.check()
        self.assertGreaterEqual(report["errors"], 3)

    def test_a_schema_that_does_not_parse_has_a_place(self):
        edited(self.schema, "amount: Long", "amount Long")
        status, report = self.check()
        self.assertEqual(1, status)
        self.assertEqual(5, report["issues"][0]["line"])

    def test_a_schema_that_names_an_unknown_type_is_refused(self):
        edited(self.schema, "customer: Writ::User", "customer: Writ::Customer")
        status, report = self.check()
        self.assertEqual(1, status)
        self.assertIn("Writ::Customer", report["issues"][0]["message"])

    def test_a_schema_that_is_missing_is_an_error(self):
        os.remove(self.schema)
        status, report = self.check()
        self.assertEqual(1, status)
        self.assertIn("schema.cedarschema", report["issues"][0]["message"])

    def test_entities_that_do_not_conform_are_refused(self):
        edited(os.path.join(self.world.folder, "entities.json"), '"amount": 480', '"amount": "480"')
        status, report = self.check()
        self.assertEqual(1, status)
        self.assertIn('`Billing::Invoice::"inv-1002"`', report["issues"][0]["message"])

    def test_a_policy_that_can_never_hold_is_a_warning(self):
        edited(self.billing, "resource.customer == principal", "resource.customer == principal && 1 == 2 && false")
        status, report = self.check()
        self.assertEqual((0, 1), (status, report["warnings"]))
        self.assertEqual("this policy is false for every valid request", report["issues"][0]["message"])

    def test_a_policy_that_gives_more_to_who_says_less_is_a_warning_unless_it_is_accepted_with_a_reason(self):
        forbid = 'forbid (principal, action, resource is Billing::Invoice) when { context has purpose && context.purpose == "x" };'
        with open(self.billing, "a", encoding="utf-8") as file:
            file.write(f'@id("no-x") {forbid}\n')
        status, report = self.check()
        self.assertEqual((0, 1), (status, report["warnings"]))
        self.assertIn("policy `no-x` forbids only where `context.purpose` is there", report["issues"][0]["message"])
        edited(self.billing, '@id("no-x")', '@id("no-x") @accept_hidden("x is a mark, not a proof")')
        self.assertEqual(0, self.check()[1]["warnings"])
        edited(self.billing, '("x is a mark, not a proof")', "")
        status, report = self.check()
        self.assertEqual((1, "`@accept_hidden` needs a reason"), (status, report["issues"][0]["message"]))
        edited(self.billing, 'when { context has purpose && context.purpose == "x" }', "")
        self.assertEqual("`@accept_hidden` accepts nothing here", self.check()[1]["issues"][0]["message"])

    def test_types_of_writ_may_be_declared_anew(self):
        edited(self.billing, "resource.customer == principal", "resource.customer == principal && principal.level > 2")
        self.assertEqual(1, self.check()[0])
        with open(self.schema, "a", encoding="utf-8") as file:
            file.write("namespace Writ { entity User in Group = { tenant?: String, level: Long }; }\n")
        self.assertEqual(0, self.check()[0], self.check()[1])

    def test_the_base_schema_is_printed_in_both_syntaxes(self):
        _, text, _ = harness.writ("schema")
        self.assertIn("type Context = {", text)
        _, out, _ = harness.writ("schema", "--json")
        self.assertIn("issue", json.loads(out)["Writ"]["actions"])


class Reload(Policies):
    def setUp(self):
        super().setUp()
        self.world.start()
        self.token = self.world.customer_token()

    def test_new_policies_act_on_the_next_decision(self):
        self.assertEqual(200, self.world.through_gateway(self.token, READ).status)
        edited(self.billing, "resource.customer == principal", "resource.customer != principal")
        self.reload(" in force\n")
        self.assertEqual("policy_no_permit", self.world.through_gateway(self.token, READ).reason())
        self.assertEqual(1, len(self.events("policies.replaced")))

    def test_policies_that_fail_validation_change_nothing(self):
        edited(self.billing, "resource.customer == principal", "resource.custommer != principal")
        self.reload("the policies in force stay in force")
        self.assertIn("did you mean `customer`?", self.world.log_text())
        self.assertEqual(200, self.world.through_gateway(self.token, READ).status)
        self.assertEqual([], self.events("policies.replaced"))

    def test_policies_that_do_not_parse_change_nothing(self):
        with open(self.billing, "a", encoding="utf-8") as file:
            file.write("permit (principal, action")
        self.reload("the policies in force stay in force")
        self.assertEqual(200, self.world.through_gateway(self.token, READ).status)


class Format(Policies):
    UGLY = "permit(principal,action,resource)when{true};// why\n"
    NEAT = "permit (principal, action, resource)\nwhen { true };  // why\n"

    def write(self, text):
        path = os.path.join(self.world.folder, "ugly.cedar")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_files_are_laid_out_in_place_and_named(self):
        path = self.write(self.UGLY)
        self.assertEqual((1, path + "\n"), harness.writ("fmt", "--check", path)[:2])
        self.assertEqual((0, path + "\n"), harness.writ("fmt", path)[:2])
        with open(path, encoding="utf-8") as file:
            self.assertEqual(self.NEAT, file.read())
        self.assertEqual((0, ""), harness.writ("fmt", "--check", path)[:2])
        self.assertEqual([], [name for name in os.listdir(self.world.folder) if name.endswith(".new")])

    def test_standard_input_goes_to_standard_output(self):
        self.assertEqual((0, self.NEAT), harness.writ("fmt", stdin=self.UGLY)[:2])

    def test_a_file_that_does_not_parse_stays_as_it_is(self):
        path = self.write("permit(principal,action;")
        status, _, err = harness.writ("fmt", path)
        self.assertEqual(2, status)
        self.assertIn("ugly.cedar:1:24", err)
        with open(path, encoding="utf-8") as file:
            self.assertEqual("permit(principal,action;", file.read())

    def test_the_examples_are_laid_out(self):
        folder = os.path.join(harness.ACME, "policies")
        files = [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".cedar")]
        self.assertEqual((0, ""), harness.writ("fmt", "--check", "--width", "110", *files)[:2])


if __name__ == "__main__":
    unittest.main()
