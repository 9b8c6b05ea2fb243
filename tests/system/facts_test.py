"""Facts of the moment (docs/facts.md): found in requests, and pushed while Writ runs."""
import json
import os
import re
import signal
import time
import unittest

import harness

PAGE = os.path.join(harness.ROOT, "docs", "facts.md")
ORDERS = "https://orders.acme.example"


def user(name):
    return {"type": "Writ::User", "id": name}


def page_blocks(language):
    with open(PAGE, encoding="utf-8") as file:
        return re.findall(rf"```{language}\n(.*?)```", file.read(), re.DOTALL)


class Facts(unittest.TestCase):
    """The page's own configuration, schema and policies, added to Acme's."""

    def setUp(self):
        api = page_blocks("yaml")[0].replace("http://127.0.0.1:8190", "@UPSTREAM@")

        def edit(text):
            upstream = re.search(r"upstream: (\S+)", text).group(1)
            return text.replace("  apis:\n", "  apis:\n" + re.sub("^(?=.)", "    ", api, flags=re.MULTILINE)
                                .replace("@UPSTREAM@", upstream), 1)

        self.world = harness.TestWorld(edit)
        self.addCleanup(self.world.close)
        with open(os.path.join(self.world.folder, "schema.cedarschema"), "a", encoding="utf-8") as file:
            file.write(page_blocks("cedarschema")[0])
        with open(os.path.join(self.world.folder, "policies", "orders.cedar"), "w", encoding="utf-8") as file:
            file.write("\n".join(page_blocks("cedar")))
            file.write('@id("invoices-too") permit (principal == Writ::Service::"ops-console", action == '
                       'Writ::Action::"manage-entities", resource == Writ::EntityType::"Billing::Invoice");\n'
                       '@id("north-too") permit (principal == Writ::Service::"ops-north", action in '
                       '[Writ::Action::"issue", Writ::Action::"manage-entities", Writ::Action::"read-entities"], resource);\n')
        status, out, err = harness.writ("check", "--config", self.world.config)
        self.assertEqual(0, status, out + err)
        self.world.start()
        self.operator = self.world.operator_token()

    def push(self, order, status=200, customer=None, **attributes):
        if customer:
            attributes["customer"] = {"type": "Writ::User", "id": customer}
        answer = self.world.api_call(self.operator, "PUT", f"/v1/entities/Shop::Order/{order}", {"attrs": attributes})
        self.assertEqual(status, answer.status, answer)
        return answer

    def pay(self, order="o-17", body=None):
        token = self.world.customer_token(ORDERS)
        return self.world.through_gateway(token, f"/orders/{order}/pay", "POST", {"Content-Type": "application/json"},
                                          json.dumps(body if body is not None else {"amount": 20, "reason": "due"}))

    def records(self, kind="decision"):
        with open(os.path.join(self.world.data, "audit.log"), encoding="utf-8") as file:
            return [record for record in map(json.loads, file) if record["type"] == kind]

    def passed(self, answer):
        """Whatever the API says, Writ let it pass."""
        return "reason" not in answer.json() if answer.body.startswith(b"{") and answer.status == 403 else answer.status < 500


class Pushed(Facts):
    def test_an_order_that_is_pushed_is_decided_on_at_once(self):
        self.assertEqual(403, self.pay().status)
        self.push("o-17", customer="nora", tenant="north")
        self.assertTrue(self.passed(self.pay()))
        self.push("o-17", customer="niklas", tenant="north")
        self.assertEqual("policy_no_permit", self.pay().reason())

    def test_it_is_there_after_a_kill_and_a_restart(self):
        self.push("o-17", customer="nora", tenant="north")
        self.world.server.send_signal(signal.SIGKILL)
        self.world.server.wait()
        self.world.start_writ()
        self.assertTrue(self.passed(self.pay()))

    def test_it_is_patched_shown_listed_and_deleted(self):
        self.push("o-17", customer="nora", tenant="north", open=True)
        one = "/v1/entities/Shop::Order/o-17"
        patched = self.world.api_call(self.operator, "PATCH", one, {"attrs": {"open": None, "customer": user("niklas")}})
        self.assertEqual({"customer": {"__entity": user("niklas")}, "tenant": "north"}, patched.json()["attrs"])
        self.assertEqual(patched.json(), self.world.api_call(self.operator, "GET", one).json())
        for number in range(3):
            self.push(f"p-{number}", customer="nora")
        page = self.world.api_call(self.operator, "GET", "/v1/entities?type=Shop::Order&limit=2").json()
        self.assertEqual(["o-17", "p-0"], [entity["uid"]["id"] for entity in page["entities"]])
        rest = self.world.api_call(self.operator, "GET", f"/v1/entities?type=Shop::Order&after={page['next']}").json()
        self.assertEqual((["p-1", "p-2"], False), ([entity["uid"]["id"] for entity in rest["entities"]], rest["more"]))
        self.assertEqual(200, self.world.api_call(self.operator, "DELETE", one).status)
        self.assertEqual(404, self.world.api_call(self.operator, "GET", one).status)
        self.assertEqual(404, self.world.api_call(self.operator, "DELETE", one).status)

    def test_what_the_schema_does_not_have_is_refused(self):
        answer = self.push("o-17", status=400, customer="nora", colour="red")
        self.assertIn("`colour`", answer.json()["message"])
        self.assertEqual(400, self.world.api_call(self.operator, "PUT", "/v1/entities/Writ::User/nora", {"attrs": {}}).status)
        for query in ("type=Shop::Order&ID=o-17", "type=Shop::Order&Limit=1"):
            self.assertEqual(400, self.world.api_call(self.operator, "GET", "/v1/entities?" + query).status, query)

    def test_what_a_route_finds_or_the_file_has_is_not_pushed_too(self):
        self.assertIn("route `POST /orders/{order}/pay`", self.push("o-17", status=409, customer="nora", method="x").json()["message"])
        answer = self.world.api_call(self.operator, "PUT", "/v1/entities/Billing::Invoice/inv-1001",
                                     {"attrs": {"tenant": "north", "amount": 1, "customer": {"type": "Writ::User", "id": "nora"}}})
        self.assertEqual(409, answer.status)
        self.assertIn("entities file", answer.json()["message"])

    def test_lines_are_taken_all_or_none(self):
        def post(lines):
            return self.world.call(self.world.api_port, "POST", "/v1/entities",
                                   {"Authorization": f"Bearer {self.operator}", "Content-Type": "application/x-ndjson"}, lines)
        good = '{"uid":{"type":"Shop::Order","id":"l-1"},"attrs":{"customer":{"type":"Writ::User","id":"nora"}}}\n'
        self.assertIn("line 2", post(good + '{"uid":7}\n').json()["message"])
        self.assertIn("l-2", post(good + good.replace("l-1", "l-2").replace('"nora"', "7")).json()["message"])
        self.assertEqual(404, self.world.api_call(self.operator, "GET", "/v1/entities/Shop::Order/l-1").status)
        self.assertEqual({"changed": 1}, post(good).json())
        self.assertEqual({"changed": 1}, post('{"delete":{"type":"Shop::Order","id":"l-1"}}\n').json())
        imported = self.records("entities.imported")[0]
        self.assertEqual("Shop::Order", imported["object"])
        self.assertEqual(1, json.loads(imported["detail"])["lines"])

    def test_who_may_not_push_is_refused_and_nothing_changes(self):
        token = self.world.customer_token(self.world.api)
        answer = self.world.api_call(token, "PUT", "/v1/entities/Shop::Order/o-17", {"attrs": {"customer": user("nora")}})
        self.assertEqual(403, answer.status)
        self.assertEqual(404, self.world.api_call(self.operator, "GET", "/v1/entities/Shop::Order/o-17").status)

    def become_the_operator_of_north(self):
        made = self.world.api_call(self.operator, "POST", "/v1/identities", {
            "id": "ops-north", "kind": "service", "tenant": "north", "secret": "demo-ops-north-secret"})
        self.assertEqual(201, made.status, made)
        self.operator = self.world.token("ops-north", self.world.api)

    def test_what_another_tenant_has_is_not_there_and_its_id_is_taken(self):
        self.push("o-1", customer="sofia", tenant="south")
        self.become_the_operator_of_north()
        for method, body in (("GET", None), ("DELETE", None), ("PATCH", {"attrs": {"open": True}})):
            with self.subTest(method):
                theirs, nobodys = (self.world.api_call(self.operator, method, f"/v1/entities/Shop::Order/{order}", body)
                                   for order in ("o-1", "o-2"))
                self.assertEqual(404, theirs.status, theirs)
                self.assertEqual(theirs.json()["message"], nobodys.json()["message"].replace("o-2", "o-1"))
        refused = self.push("o-1", 409, customer="nora", tenant="north")
        self.assertIn("is taken: choose another one", refused.json()["message"])
        self.assertNotIn("south", refused.body.decode())

    def test_an_operator_of_one_tenant_pushes_what_is_of_that_tenant_only(self):
        self.push("o-1", customer="nora")
        self.become_the_operator_of_north()
        self.push("o-2", customer="nora", tenant="north")
        for order, attributes in (("o-3", {}), ("o-3", {"tenant": "south"}), ("o-1", {"tenant": "north"})):
            with self.subTest(order=order, **attributes):
                self.assertEqual("tenant_mismatch", self.push(order, 403, customer="nora", **attributes).reason())

    def test_a_schema_that_an_entity_does_not_fit_is_not_taken_over(self):
        self.push("o-17", customer="nora", tenant="north")
        path = os.path.join(self.world.folder, "schema.cedarschema")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("entity Order = { customer: Writ::User", "entity Order = { customer: Writ::User, weight: Long"))
        answer = self.world.api_call(self.operator, "POST", "/v1/policies/reload", {})
        self.assertEqual(409, answer.status, answer)
        self.assertIn('Shop::Order::\\"o-17\\"', answer.body.decode())
        self.assertIn("weight", answer.body.decode())
        self.assertTrue(self.passed(self.pay()))
        self.push("o-17", customer="nora", tenant="north")  # the old schema is in force


class Schema(Facts):
    def test_the_base_schema_has_what_the_configuration_names(self):
        status, out, err = harness.writ("schema", "--config", self.world.config)
        self.assertEqual(0, status, err)
        self.assertIn("amounts: { amount?: decimal }", out)
        self.assertIn("input: { reason?: String }", out)
        self.assertIn("amounts: {},", harness.writ("schema")[1])


class FromTheRequest(Facts):
    def setUp(self):
        super().setUp()
        self.push("o-17", customer="nora", tenant="north")

    def test_what_is_hidden_given_twice_or_of_another_type_is_refused(self):
        self.assertTrue(self.passed(self.pay()))
        self.assertEqual(403, self.pay(body={"amount": 20, "reason": "fun"}).status)
        for body in ({"amount": 20}, {"amount": 20, "reason": 7}, {"amount": 20, "reason": "due", "Reason": "fun"},
                     {"amount": 20, "reason": None}):
            answer = self.pay(body=body)
            self.assertEqual(403, answer.status, body)

    def test_above_an_amount_people_approve(self):
        self.assertTrue(self.passed(self.pay(body={"amount": 500, "reason": "due"})))
        for amount in (500.01, "500.01", 501, None, "many", -1):
            answer = self.pay(body={"amount": amount, "reason": "due"})
            self.assertEqual("approval_required", answer.reason(), amount)

    def test_the_record_and_the_explanation_say_where_each_fact_is_from(self):
        self.pay()
        record = self.records()[-1]
        self.assertEqual({"reason": "due"}, record["input"])
        self.assertEqual({"amount": "20"}, record["amounts"])
        self.assertEqual({"context.input.reason": "body /reason"}, record["sources"])
        self.assertEqual([{"type": "Shop::Order", "id": "o-17"}], [entity["uid"] for entity in record["entities"]])
        question = {"request": "POST /orders/o-17/pay", "body": {"amount": 20}, "explain": True,
                    "token": {"sub": "nora", "client_id": "support-portal", "purpose": "support", "tenant": "north"}}
        answer = self.world.api_call(self.operator, "POST", "/v1/decide", question).json()
        facts = {fact["path"]: fact for fact in answer["explanation"]["facts"]}
        self.assertEqual("a pushed entity", facts["resource.customer"]["source"])
        self.assertIn("does not have it", facts["context.input.reason"]["gap"])

    def test_a_replay_decides_what_was_decided_after_the_facts_have_changed(self):
        self.pay()
        self.push("o-17", customer="niklas", tenant="north")
        self.pay()
        self.world.stop_writ()
        status, out, err = harness.writ("decide", "--replay", os.path.join(self.world.data, "audit.log"), "--policies",
                                        os.path.join(self.world.folder, "policies"), "--config", self.world.config,
                                        "--data", self.world.data, "--json")
        self.assertEqual(0, status, out + err)
        report = json.loads(out)
        self.assertEqual([], report["flips"])
        self.assertFalse([why for why in report.get("left_out", {}) if "not all facts" in why], report)


class CommandLine(Facts):
    def entities(self, *arguments):
        return harness.writ("entities", *arguments, "--server", self.world.api, "--client", "ops-console",
                            "--secret-file", self.secret)

    def setUp(self):
        super().setUp()
        self.secret = os.path.join(self.world.folder, "secret")
        with open(self.secret, "w", encoding="utf-8") as file:
            file.write("demo-ops-console-secret")

    def test_puts_gets_imports_lists_and_deletes(self):
        path = os.path.join(self.world.folder, "order.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"uid": {"type": "Shop::Order", "id": "o-1"}, "attrs": {"customer": user("nora")}}, file)
        self.assertEqual(0, self.entities("put", path)[0])
        status, out, err = self.entities("get", 'Shop::Order::"o-1"')
        self.assertEqual((0, {"__entity": user("nora")}), (status, json.loads(out)["attrs"]["customer"] if status == 0 else err))
        lines = os.path.join(self.world.folder, "orders.jsonl")
        with open(lines, "w", encoding="utf-8") as file:
            for number in range(12_000):
                file.write(json.dumps({"uid": {"type": "Shop::Order", "id": f"n-{number}"}, "attrs": {"customer": user("nora")}}) + "\n")
        status, out, err = self.entities("import", lines)
        self.assertEqual((0, "12000 entities changed\n"), (status, out), err)
        status, out, _ = self.entities("list", "Shop::Order", "--limit", "2")
        self.assertEqual((0, 3), (status, len(out.splitlines())))
        self.assertEqual(0, self.entities("delete", 'Shop::Order::"o-1"')[0])
        self.assertEqual(1, self.entities("get", 'Shop::Order::"o-1"')[0])


if __name__ == "__main__":
    unittest.main()
