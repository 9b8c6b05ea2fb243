"""Policies from file to force: validated against schemas, replaced whole while Writ runs, laid out, and never half."""
import json
import os
import shutil
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
        self.assertIn("policy `no-x` forbids only if `context.purpose` is present", report["issues"][0]["message"])
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


class Folders(Policies):
    """Nothing that lies among the policies is passed over without a word."""

    def setUp(self):
        super().setUp()
        self.folder = os.path.dirname(self.billing)

    def write(self, name, text="permit (principal, action, resource);"):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def test_a_policy_in_a_subfolder_or_in_capitals_is_counted(self):
        before = self.check()[1]["policies"]
        self.write("emergency/deny.cedar")
        self.write("emergency/more/deny.CEDAR")
        status, report = self.check()
        self.assertEqual((0, before + 2), (status, report["policies"]))

    def test_a_misspelt_policy_stops_check_and_start_and_is_named(self):
        self.write("deny.cedar.txt")
        status, report = self.check()
        self.assertEqual((1, 1), (status, report["errors"]))
        self.assertTrue(report["issues"][0]["file"].endswith("policies/deny.cedar.txt"), report)
        status, _, err = harness.writ("serve", "--config", self.world.config, "--data", self.world.data)
        self.assertEqual(2, status)
        self.assertIn("deny.cedar.txt: error: this file is among the policies, but nothing would read it", err)

    def test_what_is_left_out_is_named_with_its_rule(self):
        edited(self.world.config, "files: [policies]", 'files: [policies]\n  ignore: ["*.md"]')
        self.write("README.md")
        self.write(".git/deny.cedar")
        self.write("billing.cedar~")
        status, report = self.check()
        self.assertEqual(0, status, report)
        self.assertEqual([(".git", "hidden"), ("README.md", "ignore"), ("billing.cedar~", "an editor's backup")],
                         sorted((os.path.basename(each["file"]), each["why"]) for each in report["left_out"]))
        self.assertIn("README.md: left out: ignore\n", harness.writ("check", "--config", self.world.config)[1])

    def test_a_pattern_that_can_match_nothing_is_an_error(self):
        edited(self.world.config, "files: [policies]", "files: [policies]\n  ignore: [drafts/, ./a, /etc, a/**]")
        status, report = self.check()
        self.assertEqual((1, 4), (status, report["errors"]))

    def test_a_pipe_that_the_configuration_names_is_an_error_and_nobody_waits_for_it(self):
        pipe = os.path.join(self.world.folder, "pipe")
        os.mkfifo(pipe)
        for key in ("files: [policies]", "schemas: [schema.cedarschema]", "entities: entities.json", "jwks_file: demo-keys/idp.jwks.json"):
            with self.subTest(key), open(self.world.config, encoding="utf-8") as file:
                text = file.read()
                name = key.partition(": ")[0]
                edited(self.world.config, key, f"{name}: [pipe]" if "[" in key else f"{name}: pipe")
                self.assertIn("it is a pipe, a socket or a device", self.check()[1]["issues"][0]["message"])
                with open(self.world.config, "w", encoding="utf-8") as file:
                    file.write(text)

    def test_a_reload_that_is_refused_leaves_in_force_what_is_and_says_so(self):
        self.world.start()
        token = self.world.customer_token()
        self.assertIn("\nwrit_policy_files_refused 0\n", self.world.call(self.world.api_port, "GET", "/metrics").body.decode())
        self.write("deny.txt")
        self.reload("what is in force stays in force")
        self.assertIn("policies/deny.txt: error: this file is among the policies", self.world.log_text())
        self.assertEqual(200, self.world.through_gateway(token, READ).status)
        self.assertIn("\nwrit_policy_files_refused 1\n", self.world.call(self.world.api_port, "GET", "/metrics").body.decode())
        os.remove(os.path.join(self.folder, "deny.txt"))
        self.write("emergency/deny.cedar", "forbid (principal, action, resource);")
        self.reload("writ: policies ")
        self.assertEqual(403, self.world.through_gateway(token, READ).status)

    def test_tests_in_subfolders_are_run_and_policies_in_them_laid_out(self):
        with open(os.path.join(self.folder, "billing.test.yaml"), encoding="utf-8") as file:
            text = file.read()
        before = harness.writ("test", "--config", self.world.config)[1]
        self.write("more/billing.Test.yml", text)
        after = harness.writ("test", "--config", self.world.config)[1]
        self.assertNotEqual(before, after)
        self.assertIn(" in 4 files", after)
        self.write("more/ugly.CEDAR", Format.UGLY)
        status, out, _ = harness.writ("fmt", "--width", "110", self.folder)
        self.assertEqual((0, os.path.join(self.folder, "more", "ugly.CEDAR") + "\n"), (status, out))


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
        self.reload("what is in force stays in force")
        self.assertIn("did you mean `customer`?", self.world.log_text())
        self.assertEqual(200, self.world.through_gateway(self.token, READ).status)
        self.assertEqual([], self.events("policies.replaced"))

    def test_policies_that_do_not_parse_change_nothing(self):
        with open(self.billing, "a", encoding="utf-8") as file:
            file.write("permit (principal, action")
        self.reload("what is in force stays in force")
        self.assertEqual(200, self.world.through_gateway(self.token, READ).status)


class ReloadOfTheConfiguration(Policies):
    def setUp(self):
        super().setUp()
        self.world.start()
        self.token = self.world.customer_token()
        self.operator = self.world.operator_token()

    def reload_over_the_api(self):
        answer = self.world.api_call(self.operator, "POST", "/v1/policies/reload")
        return answer.status, answer.json()

    def test_a_route_takes_force_with_the_next_request(self):
        self.assertEqual(404, self.world.through_gateway(self.token, "/copies/inv-1001").status)
        route = '        - {method: GET, path: "/invoices/{invoice}", action: read, resource: \'Billing::Invoice::"{invoice}"\'}'
        edited(self.world.config, route, route + "\n" + route.replace("/invoices/", "/copies/"))
        status, answer = self.reload_over_the_api()
        self.assertEqual((200, True, []), (status, answer["changed"], answer["issues"]))
        # The upstream has no such path; that it was asked is the point.
        self.assertEqual(404, self.world.through_gateway(self.token, "/copies/inv-1001").status)
        self.assertIn("/copies/inv-1001", self.world.last_upstream_request()["path"])
        self.assertIn('"detail":"inventory"', self.events("configuration.replaced")[0])
        self.assertEqual([], self.events("policies.replaced"))

    def test_an_identity_that_is_gone_is_refused_and_one_that_is_new_is_known(self):
        edited(self.world.config, "id: marketing-app", "id: new-app")
        status, answer = self.reload_over_the_api()
        self.assertEqual((200, True), (status, answer["changed"]))
        of = lambda identity: self.world.api_call(self.operator, "GET", f"/v1/identities/{identity}").json()
        self.assertEqual(("retired", "active"), (of("marketing-app")["status"], of("new-app")["status"]))

    def test_a_configuration_with_an_error_changes_nothing(self):
        edited(self.world.config, "id: marketing-app", "id: new-app")
        edited(self.billing, "resource.customer == principal", "resource.custommer == principal")
        status, answer = self.reload_over_the_api()
        self.assertEqual((422, "invalid_policies"), (status, answer["error"]))
        self.assertEqual(404, self.world.api_call(self.operator, "GET", "/v1/identities/new-app").status)
        self.assertEqual([], self.events("configuration.replaced"))

    def test_what_waits_for_the_next_start_is_told(self):
        edited(self.world.config, "lifetime_seconds: 300", "lifetime_seconds: 200")
        status, answer = self.reload_over_the_api()
        self.assertEqual((200, False), (status, answer["changed"]))
        self.assertEqual("`tokens` changed: restart Writ to apply it",
                         answer["issues"][0]["message"])


class OverTheApi(Policies):
    def setUp(self):
        super().setUp()
        self.world.start()
        self.token = self.world.customer_token()
        self.operator = self.world.operator_token()
        self.first = self.listed()["policy_revision"]

    def listed(self):
        answer = self.world.api_call(self.operator, "GET", "/v1/policies")
        self.assertEqual(200, answer.status, answer)
        return answer.json()

    def kept(self):
        return [kept["policy_revision"] for kept in self.listed()["revisions"]]

    def reload(self):
        return self.world.api_call(self.operator, "POST", "/v1/policies/reload")

    def roll_back(self, revision):
        return self.world.api_call(self.operator, "POST", "/v1/policies/rollback", {"revision": revision})

    def restart(self):
        self.world.stop_writ()
        self.world.start_writ()
        self.token, self.operator = self.world.customer_token(), self.world.operator_token()

    def refuse_the_customer(self):
        edited(self.billing, "resource.customer == principal", "resource.customer != principal")

    def line_of(self, word):
        with open(self.billing, encoding="utf-8") as file:
            return next(number for number, line in enumerate(file, 1) if word in line)

    def reads(self):
        return self.world.through_gateway(self.token, READ).status

    def test_a_reload_takes_what_changed_and_records_who_asked(self):
        self.assertEqual((False, self.first), (self.reload().json()["changed"], self.first))
        self.refuse_the_customer()
        self.assertEqual(200, self.reads(), "not before it is told to")
        answer = self.reload().json()
        self.assertEqual((True, False), (answer["changed"], answer["held"]))
        self.assertEqual(403, self.reads())
        self.assertEqual([answer["policy_revision"], self.first], self.kept())
        (event,) = self.events("policies.replaced")
        event = json.loads(event)
        self.assertEqual(("ops-console", "api", answer["policy_revision"]), (event["actor"], event["object"], event["detail"]))

    def test_policies_that_fail_validation_change_nothing_and_the_answer_names_what_and_where(self):
        edited(self.billing, "resource.customer == principal", "resource.custommer != principal")
        answer = self.reload()
        self.assertEqual((422, "invalid_policies", self.first),
                         (answer.status, answer.json()["error"], answer.json()["policy_revision"]))
        issue = answer.json()["issues"][0]
        self.assertEqual(("did you mean `customer`?", self.line_of("custommer")), (issue["help"], issue["line"]))
        self.assertEqual((200, [self.first]), (self.reads(), self.kept()))
        self.assertEqual([], self.events("policies.replaced"))

    def test_who_may_not_manage_policies_does_not(self):
        token = self.world.customer_token(self.world.api)
        for method, path, body in (("GET", "/v1/policies", None), ("GET", f"/v1/policies/{self.first}", None),
                                   ("POST", "/v1/policies/reload", None),
                                   ("POST", "/v1/policies/rollback", {"revision": self.first})):
            with self.subTest(path):
                self.assertEqual("policy_no_permit", self.world.api_call(token, method, path, body).reason())
                self.assertEqual(401, self.world.api_call(None, method, path, body).status)

    def test_a_rollback_acts_at_once_and_stays_over_reloads_and_restarts_until_the_files_change(self):
        self.refuse_the_customer()
        second = self.reload().json()["policy_revision"]
        self.assertEqual(403, self.reads())
        self.assertEqual(self.first, self.roll_back(self.first[:8]).json()["policy_revision"])
        self.assertEqual((200, second), (self.reads(), self.listed()["instead_of"]))
        again = self.reload().json()
        self.assertEqual((self.first, False, True), (again["policy_revision"], again["changed"], again["held"]))
        self.restart()
        self.assertEqual((200, self.first), (self.reads(), self.listed()["policy_revision"]))
        # The files change: they count again.
        with open(self.billing, "a", encoding="utf-8") as file:
            file.write("// and now for something else\n")
        third = self.reload().json()
        self.assertEqual((True, False), (third["changed"], third["held"]))
        self.assertEqual(403, self.reads())
        self.assertNotIn("instead_of", self.listed())

    def test_files_that_changed_while_writ_was_down_count_at_its_start(self):
        self.refuse_the_customer()
        self.reload()
        self.roll_back(self.first)
        with open(self.billing, "a", encoding="utf-8") as file:
            file.write("// another\n")
        self.restart()
        self.assertEqual(403, self.reads())
        self.assertNotIn("instead_of", self.listed())

    def test_rolling_back_to_what_is_in_the_files_takes_the_choice_back(self):
        self.refuse_the_customer()
        second = self.reload().json()["policy_revision"]
        self.roll_back(self.first)
        self.assertEqual(second, self.roll_back(second).json()["policy_revision"])
        self.assertNotIn("instead_of", self.listed())
        self.restart()
        self.assertEqual(403, self.reads())

    def test_a_rollback_survives_kill_9(self):
        self.refuse_the_customer()
        self.reload()
        self.roll_back(self.first)
        self.world.kill_writ()
        self.world.start_writ()
        self.token = self.world.customer_token()
        self.assertEqual(200, self.reads())

    def test_a_choice_that_cannot_be_used_stops_the_start(self):
        self.refuse_the_customer()
        self.reload()
        self.roll_back(self.first)
        self.world.stop_writ()
        folder = os.path.join(self.world.data, "policy-revisions")
        for name in os.listdir(folder):
            if self.first in name:
                os.remove(os.path.join(folder, name))
        with self.assertRaises(harness.acme.Trouble):
            self.world.start_writ()
        self.assertIn(f"policies {self.first} were chosen instead of those in the files", self.world.log_text())

    def test_a_revision_that_is_not_kept_or_not_named_is_refused(self):
        for revision, status in (("0" * 64, 404), ("", 400), ("abc", 400), ("../../writ", 400), (7, 400)):
            with self.subTest(revision):
                self.assertEqual(status, self.roll_back(revision).status)
        self.assertEqual(400, self.world.api_call(self.operator, "POST", "/v1/policies/rollback", {"to": self.first}).status)

    def test_no_more_revisions_are_kept_than_configured(self):
        edited(self.world.config, "  entities: entities.json", "  entities: entities.json\n  keep: 2")
        self.restart()
        for number in range(3):
            with open(self.billing, "a", encoding="utf-8") as file:
                file.write(f"// {number}\n")
            self.assertEqual(200, self.reload().status)
        self.assertEqual(2, len(self.kept()))
        self.assertEqual(404, self.roll_back(self.first).status)

    def test_what_cannot_be_kept_does_not_take_force(self):
        folder = os.path.join(self.world.data, "policy-revisions")
        os.rename(folder, folder + "-away")
        with open(folder, "w", encoding="utf-8") as file:
            file.write("in the way")
        self.refuse_the_customer()
        self.assertEqual(503, self.reload().status)
        self.assertEqual(200, self.reads())
        self.assertEqual([], self.events("policies.replaced"))

    def test_the_limit_on_chains_is_read_again(self):
        edited(self.world.config, "data: data", "limits: {max_chain: 0}\ndata: data")
        self.assertTrue(self.reload().json()["changed"])
        self.assertEqual("chain_too_deep", self.world.token_request(
            "support-agent", grant_type=harness.EXCHANGE, resource=harness.INVOICES, subject_token=self.token,
            subject_token_type="urn:ietf:params:oauth:token-type:access_token", purpose="support").reason())

    def test_the_command_line_does_all_of_it(self):
        path = os.path.join(self.world.folder, "token")
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.operator)

        def policies(*arguments):
            return harness.writ("policies", *arguments, "--server", self.world.api, "--token-file", path)
        self.refuse_the_customer()
        self.assertRegex(policies("reload")[1], r"^policies [0-9a-f]{64} in force\n")
        self.assertIn("resource.customer == principal", policies("show", self.first[:8])[1])
        self.assertEqual((0, f"policies {self.first} in force\n"), policies("rollback", self.first)[:2])
        self.assertIn("stay in force", policies("reload")[1])
        _, text, _ = policies("list")
        self.assertRegex(text, rf"^{self.first} since \S+  in force\n[0-9a-f]{{64}} since \S+\nchosen instead of [0-9a-f]{{64}}")
        edited(self.billing, "resource.customer != principal", "resource.custommer != principal")
        status, _, err = policies("reload")
        self.assertEqual(1, status)
        self.assertIn(f"billing.cedar:{self.line_of('custommer')}:", err)
        self.assertEqual(2, policies("rollback", "abc")[0])


class Watch(Policies):
    def setUp(self):
        super().setUp()
        edited(self.world.config, "  entities: entities.json", "  entities: entities.json\n  watch: true")
        self.world.start()
        self.token = self.world.customer_token()

    def until(self, expected):
        deadline = time.monotonic() + 15
        while not expected():
            self.assertLess(time.monotonic(), deadline, self.world.log_text())
            time.sleep(0.02)

    def test_files_that_change_are_taken_and_broken_ones_are_not(self):
        with open(self.billing, encoding="utf-8") as file:
            text = file.read()
        edited(self.billing, "resource.customer == principal", "resource.customer != principal")
        self.until(lambda: self.world.through_gateway(self.token, READ).status == 403)
        (event,) = self.events("policies.replaced")
        self.assertEqual("files", json.loads(event)["object"])
        edited(self.billing, "resource.customer != principal", "resource.custommer != principal")
        self.until(lambda: "did you mean `customer`?" in self.world.log_text())
        self.assertEqual(403, self.world.through_gateway(self.token, READ).status)
        # As a deployment does it: the whole folder at once.
        folder = os.path.dirname(self.billing)
        os.rename(folder, folder + ".old")
        os.mkdir(folder + ".new")
        for name in os.listdir(folder + ".old"):
            with open(os.path.join(folder + ".old", name), encoding="utf-8") as old, \
                    open(os.path.join(folder + ".new", name), "w", encoding="utf-8") as new:
                new.write(text if name == "billing.cedar" else old.read())
        os.rename(folder + ".new", folder)
        self.until(lambda: self.world.through_gateway(self.token, READ).status == 200)
        self.assertEqual(0, self.world.stop_writ())


    def test_a_forbid_in_a_new_subfolder_and_an_exchanged_link_are_in_force_within_a_second(self):
        folder = os.path.dirname(self.billing)
        new = os.path.join(self.world.folder, "new")
        os.mkdir(new)
        with open(os.path.join(new, "deny.cedar"), "w", encoding="utf-8") as file:
            file.write("forbid (principal, action, resource);")
        self.assertEqual(200, self.world.through_gateway(self.token, READ).status)
        began = time.monotonic()
        os.rename(new, os.path.join(folder, "emergency"))
        self.until(lambda: self.world.through_gateway(self.token, READ).status == 403)
        in_force = time.monotonic() - began
        # As git-sync does it: the way to the folder is exchanged.
        one, two = os.path.join(self.world.folder, "one"), os.path.join(self.world.folder, "two")
        shutil.copytree(folder, two)
        shutil.rmtree(os.path.join(two, "emergency"))
        os.rename(folder, one)
        os.symlink("one", folder)
        os.symlink("two", folder + ".next")
        began = time.monotonic()
        os.rename(folder + ".next", folder)
        self.until(lambda: self.world.through_gateway(self.token, READ).status == 200)
        in_force = max(in_force, time.monotonic() - began)
        # A second, and what a busy machine takes besides.
        self.assertLess(in_force, 3)


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
