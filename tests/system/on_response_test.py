"""docs/decide-on-response.md, as it stands there: the real binary in front of an API of its own."""
import http.server
import json
import os
import re
import threading
import unittest

import harness

ORDERS = "https://orders.acme.example"


def page(name):
    with open(os.path.join(harness.ROOT, "docs", name), encoding="utf-8") as file:
        return file.read()


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


class Orders:
    """Two orders of two tenants, a list of them, and what a test wants instead."""

    def __init__(self):
        api = self
        self.seen, self.changed, self.instead = [], [], {}
        self.orders = {"1": {"id": 1, "tenant": "north", "amount": 480}, "2": {"id": 2, "tenant": "south", "amount": 7}}

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                api.seen.append((self.path, self.headers))
                body = api.instead.get(self.path)
                if body is None:
                    order = self.path.rpartition("/")[2]
                    body = {"orders": list(api.orders.values()), "total": 2} if self.path == "/orders" else api.orders.get(order)
                self.send_response(200 if body is not None else 404)
                text = json.dumps(body).encode()
                self.send_header("Content-Type", "application/json")
                self.send_header("X-Total-Count", "2")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def change(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                api.changed.append((self.command, self.path, body))
                self.send_response(201 if self.command == "POST" else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_PATCH = do_POST = change

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def with_api(routes, port, more=""):
    """Acme's configuration with the API of the page."""
    api = (f"    - id: orders\n      audience: {ORDERS}\n      namespace: Shop\n      actions: [read, list, browse, change]\n"
           f"      upstream: http://127.0.0.1:{port}\n{more}      routes:\n")
    return lambda text: text.rstrip("\n") + "\n" + api + "".join(f"        {line}\n" for line in routes.splitlines())


ISSUE = '@id("tokens-for-orders") permit (principal, action == Writ::Action::"issue", resource == Writ::Api::"orders");\n'


class World:
    def __init__(self, case, routes, schema, policies, more=""):
        self.orders = Orders()
        case.addCleanup(self.orders.close)
        self.world = harness.TestWorld(with_api(routes, self.orders.server.server_address[1], more))
        case.addCleanup(self.world.close)
        for name, text in (("schema.cedarschema", schema), (os.path.join("policies", "orders.cedar"), ISSUE + policies)):
            with open(os.path.join(self.world.folder, name), "a", encoding="utf-8") as file:
                file.write("\n" + text)

    def records(self):
        status, out, err = harness.writ("audit", "show", "--json", os.path.join(self.world.data, "audit.log"))
        assert status == 0, err
        return [json.loads(line) for line in out.splitlines()]


class DecideOnResponse(unittest.TestCase):
    PAGE = page("decide-on-response.md")

    def started(self, change=lambda routes: routes):
        made = World(self, change(blocks(self.PAGE, "yaml")[0]), blocks(self.PAGE, "cedarschema")[0], blocks(self.PAGE, "cedar")[0])
        status, out, err = harness.writ("check", "--config", made.world.config)
        self.assertEqual(0, status, out + err)
        made.world.start()
        return made

    def test_the_example_comes_out_as_shown(self):
        made = self.started()
        token = made.world.customer_token(audience=ORDERS)
        lines = [line for line in blocks(self.PAGE, "text")[0].splitlines() if "→" in line]
        self.assertEqual(4, len(lines))
        for line in lines:
            method, path, _, status, shown = line.split(maxsplit=4)
            answer = made.world.through_gateway(token, path, method)
            self.assertEqual(int(status), answer.status, line)
            self.assertEqual(shown, answer.body.decode() if answer.status == 200 else answer.reason(), line)
            self.assertEqual("no-store", answer.headers["Cache-Control"], line)
            self.assertEqual("identity", made.orders.seen[-1][1]["Accept-Encoding"])

    def test_the_audit_has_that_the_api_was_asked_the_facts_and_the_numbers(self):
        made = self.started()
        token = made.world.customer_token(audience=ORDERS)
        for path in ("/orders/1", "/orders/2", "/orders/9", "/orders"):
            made.world.through_gateway(token, path)
        made.world.stop()
        of_orders = [r for r in made.records() if r.get("api") == "orders" and r.get("point") == "gateway" or r["type"] == "api.asked"]
        self.assertEqual(["api.asked", "decision"] * 4, [r["type"] for r in of_orders])
        decided = of_orders[1::2]
        self.assertEqual([r["request_id"] for r in of_orders[::2]], [r["request_id"] for r in decided])
        self.assertEqual(["permit", "tenant_mismatch", "facts_unavailable", "permit"],
                         [r.get("reason", r["effect"]) for r in decided])
        self.assertEqual({"tenant": "north"}, decided[0]["attributes"])
        self.assertIn("its status is 404", decided[2]["message"])
        self.assertEqual({"permitted": 1, "removed": 1, "removed_for": {"tenant_mismatch": 1}}, decided[3]["elements"])

    def test_another_tenants_order_and_none_look_the_same(self):
        made = self.started()
        token = made.world.customer_token(audience=ORDERS)
        made.orders.instead["/orders/3"] = {"id": 3, "tenant": 5}
        answers = []
        for path in ("/orders/2", "/orders/9", "/orders/3"):
            answer = made.world.through_gateway(token, path)
            body = answer.json()
            self.assertEqual(answer.headers["X-Request-Id"], body.pop("request_id"))
            answers.append((answer.status, body, sorted(name for name in answer.headers.keys())))
        self.assertEqual(answers[0], answers[1])
        self.assertEqual(answers[0], answers[2])

    def test_what_cannot_be_is_an_error_with_its_place(self):
        first = '  attributes: {tenant: answer /tenant}\n'
        cases = {
            "not in the schema": (lambda r: r.replace("tenant: answer", "owner: answer"), "the schema does not have the attribute `owner`"),
            "decided before": (lambda r: r.replace("  decide: on response\n", "", 1), "comes from the API's answer, and this route is decided before"),
            "not a pointer": (lambda r: r.replace("answer /tenant", "answer tenant", 1), "`tenant` is not a JSON pointer"),
            "another method": (lambda r: r.replace("method: GET", "method: POST", 1), "is for GET and HEAD"),
            "nothing decides": (lambda r: r.replace(first, "", 1), "decides by nothing"),
            "no id": (lambda r: r.replace("  id: /id\n", ""), "`elements` needs an `id`"),
            "keeps the list": (lambda r: r + "  keep: [/orders/0]\n", "`keep` names `/orders/0`"),
            "labels": (lambda r: r.replace("tenant: answer /tenant", "taskLabels: answer /labels", 1), "`taskLabels` cannot come from an answer"),
            "another time": (lambda r: r.replace("on response", "on request", 1), "on response"),
            "an unclear name": (lambda r: r.replace("answer /tenant", "answer /ténant", 1), "other readers could take for another one"),
        }
        for what, (change, message) in cases.items():
            with self.subTest(what):
                made = World(self, change(blocks(self.PAGE, "yaml")[0]), blocks(self.PAGE, "cedarschema")[0], blocks(self.PAGE, "cedar")[0])
                status, out, err = harness.writ("check", "--config", made.world.config)
                self.assertNotEqual(0, status, what)
                self.assertIn(message, out + err)
                self.assertRegex(out + err, r"writ\.yaml:\d+")

    def test_elements_of_another_kind(self):
        schema = blocks(self.PAGE, "cedarschema")[0].replace(
            "namespace Shop {\n", "namespace Shop {\n  entity Customer;\n  action list appliesTo { principal: [Writ::User, Writ::Application, "
            "Writ::Service, Writ::Agent], resource: Customer, context: Writ::Context };\n")
        policies = blocks(self.PAGE, "cedar")[0] + ('\n@id("lists") permit (principal, action == Shop::Action::"list", '
                                                    'resource == Shop::Customer::"nora");\n')
        made = World(self, blocks(self.PAGE, "yaml")[1], schema, policies)
        made.orders.instead["/customers/nora/orders"] = list(made.orders.orders.values())
        made.world.start()
        token = made.world.customer_token(audience=ORDERS)
        answer = made.world.through_gateway(token, "/customers/nora/orders")
        self.assertEqual((200, b'[{"id": 1, "tenant": "north", "amount": 480}]'), (answer.status, answer.body), answer)
        asked = len(made.orders.seen)
        self.assertEqual(403, made.world.through_gateway(token, "/customers/sofia/orders").status)
        self.assertEqual(asked, len(made.orders.seen), "the list itself is decided before")


class BeforeAChange(unittest.TestCase):
    PAGE = page("decide-on-response.md")

    def made(self, change=lambda routes: routes):
        schema = blocks(self.PAGE, "cedarschema")[0].replace("action read applies", "action read, change applies")
        policies = blocks(self.PAGE, "cedar")[0].replace('action == Shop::Action::"read"',
                                                         'action in [Shop::Action::"read", Shop::Action::"change"]')
        return World(self, change(blocks(self.PAGE, "yaml")[2]), schema, policies)

    def test_the_example_comes_out_as_shown(self):
        made = self.made()
        status, out, err = harness.writ("check", "--config", made.world.config)
        self.assertEqual(0, status, out + err)
        made.world.start()
        token = made.world.customer_token(audience=ORDERS)
        body = b'{"amount": 7}'
        lines = [line.split() for line in blocks(self.PAGE, "text")[1].splitlines()]
        self.assertEqual(4, len(lines))
        for method, path, _, status, *reason in lines:
            answer = made.world.call(made.world.gateway_port, method, path,
                                     {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}, body)
            self.assertEqual(int(status), answer.status, (method, path, answer))
            self.assertEqual(reason, [answer.reason()] if reason else [])
        self.assertEqual([("PATCH", "/orders/1", body), ("POST", "/orders/1/payments", body)], made.orders.changed)
        self.assertEqual(["/orders/1", "/orders/2", "/orders/1", "/orders/9"], [path for path, _ in made.orders.seen])
        for _, headers in made.orders.seen:
            self.assertNotIn("Content-Type", headers)
        made.world.stop()
        of_orders = [r for r in made.records() if r.get("api") == "orders" and r.get("point") == "gateway" or r["type"] == "api.asked"]
        self.assertEqual(["api.asked", "decision"] * 4, [r["type"] for r in of_orders])
        self.assertEqual(["permit", "tenant_mismatch", "permit", "facts_unavailable"], [r.get("reason", r["effect"]) for r in of_orders[1::2]])

    def test_what_cannot_be_is_an_error_with_its_place(self):
        read = '  read: "/orders/{order}"\n'
        for change, message in ((lambda r: r.replace(read, '  read: "/order"\n'), "does not begin with it"),
                                (lambda r: r.replace("decide: on read\n  read", "decide: on response\n  read"), "say `decide: on read`"),
                                (lambda r: r.replace("  decide: on read\n  read", "  read"), "this route is decided before"),
                                (lambda r: r.replace("method: PATCH", "method: GET"), "say `decide: on response`"),
                                (lambda r: r + "  elements: .\n", "reads one resource")):
            with self.subTest(message):
                made = self.made(change)
                status, out, err = harness.writ("check", "--config", made.world.config)
                self.assertNotEqual(0, status)
                self.assertIn(message, out + err)
                self.assertRegex(out + err, r"writ\.yaml:\d+")


class Observe(unittest.TestCase):
    ROUTES = "- {method: GET, path: \"/orders/{order}\", action: read, resource: 'Shop::Order::\"{order}\"'}\n"
    POLICIES = '@id("portal-reads") permit (principal == Writ::Application::"support-portal", action, resource is Shop::Order);\n'

    def made(self, routes=ROUTES, policies=POLICIES, more="      enforce: false\n"):
        return World(self, routes, blocks(page("decide-on-response.md"), "cedarschema")[0], policies, more)

    def test_nothing_is_refused_and_the_report_says_what_would_have_been(self):
        made = self.made()
        status, out, err = harness.writ("check", "--config", made.world.config)
        self.assertEqual(0, status, out + err)
        self.assertIn("API `orders` is only observed", out + err)
        made.world.start()
        self.assertIn("API `orders` is only observed", made.world.log_text())
        world = made.world
        token = world.customer_token(audience=ORDERS)
        self.assertEqual(200, world.through_gateway(token, "/orders/1").status)
        self.assertEqual(200, world.through_gateway("nonsense", "/orders/2").status)
        self.assertEqual(200, world.call(world.gateway_port, "GET", "/orders/1").status)
        self.assertEqual(404, world.through_gateway(token, "/nowhere").status)
        self.assertEqual(401, world.call(world.gateway_port, "GET", "/invoices/inv-1001").status, "others are enforced")
        for _, headers in made.orders.seen:
            self.assertNotIn("Authorization", headers)
            self.assertNotIn("Writ-Context", headers, "nothing of it was permitted")
            self.assertIn("X-Request-Id", headers)
        self.assertEqual({"status": "ready", "not_enforced": ["orders"]}, world.call(world.api_port, "GET", "/readyz").json())
        metrics = world.call(world.api_port, "GET", "/metrics").body.decode()
        self.assertIn("\nwrit_refusals_not_enforced_total 3\n", metrics)
        self.assertIn("\nwrit_apis_not_enforced 1\n", metrics)
        world.stop()
        log = os.path.join(world.data, "audit.log")
        status, out, err = harness.writ("audit", "observed", log, "--json")
        self.assertEqual(1, status, err)
        report = json.loads(out)
        self.assertEqual((3, 3), (report["requests"], report["refused"]))
        self.assertEqual({"policy_no_permit", "token_malformed", "token_missing"}, {group["reason"] for group in report["groups"]})
        policy = next(group for group in report["groups"] if group["reason"] == "policy_no_permit")
        self.assertEqual([{"name": "nora → support-portal", "requests": 1}], policy["callers"])
        missing = next(group for group in report["groups"] if group["reason"] == "token_missing")
        self.assertEqual("unknown, from 127.0.0.1", missing["callers"][0]["name"])
        status, out, err = harness.writ("audit", "observed", log)
        self.assertEqual(1, status, err)
        self.assertIn("3 requests to APIs that are only observed, 3 would have been refused", out)
        self.assertIn("orders: policy_no_permit, 1 requests", out)

    def test_what_is_permitted_is_as_when_enforcing(self):
        made = self.made(policies=self.POLICIES + '@id("users-read") permit (principal is Writ::User, action, resource is Shop::Order);\n')
        made.world.start()
        self.assertEqual(200, made.world.through_gateway(made.world.customer_token(audience=ORDERS), "/orders/1").status)
        self.assertIn("Writ-Context", made.orders.seen[0][1])
        made.world.stop()
        status, out, err = harness.writ("audit", "observed", os.path.join(made.world.data, "audit.log"))
        self.assertEqual((0, "1 requests to APIs that are only observed, 0 would have been refused\n"), (status, out), err)

    def test_an_api_that_is_not_enforced_cannot_decide_on_answers(self):
        made = World(self, blocks(page("decide-on-response.md"), "yaml")[0], blocks(page("decide-on-response.md"), "cedarschema")[0],
                     "", "      enforce: false\n")
        status, out, err = harness.writ("check", "--config", made.world.config)
        self.assertNotEqual(0, status)
        self.assertIn("needs an API that is enforced", out + err)

    def test_a_public_route_needs_no_token_and_a_forbid_still_closes_it(self):
        routes = ("- {method: GET, path: /orders/1, action: read, resource: 'Shop::Order::\"1\"', public: true}\n"
                  "- {method: GET, path: /orders/2, action: read, resource: 'Shop::Order::\"2\"', public: true}\n"
                  "- {method: GET, path: /orders/3, action: read, resource: 'Shop::Order::\"3\"'}\n")
        made = self.made(routes, '@id("closed") forbid (principal, action, resource == Shop::Order::"2");\n', "")
        made.world.start()
        world = made.world
        self.assertEqual(200, world.call(world.gateway_port, "GET", "/orders/1").status)
        self.assertEqual(200, world.through_gateway("nonsense", "/orders/1").status)
        refused = world.call(world.gateway_port, "GET", "/orders/2")
        self.assertEqual((403, "policy_forbid"), (refused.status, refused.reason()), refused)
        self.assertEqual(401, world.call(world.gateway_port, "GET", "/orders/3").status)
        self.assertEqual(["/orders/1", "/orders/1"], [path for path, _ in made.orders.seen])
        for _, headers in made.orders.seen:
            self.assertNotIn("Authorization", headers)
            self.assertNotIn("Writ-Context", headers)
        world.stop()
        of_orders = [r for r in made.records() if r.get("public")]
        self.assertEqual(["permit", "permit", "deny"], [r["effect"] for r in of_orders])
        for record in of_orders:
            self.assertNotIn("client", record)
            self.assertEqual("orders", record["api"])

    def test_a_public_route_earns_nothing_and_waits_for_nothing(self):
        for key, message in (("labels: [a]", "a public route has no task"), ("decide: on response", "a public route")):
            with self.subTest(key):
                made = self.made(f"- {{method: GET, path: /orders/1, action: read, resource: 'Shop::Order::\"1\"', public: true, {key}}}\n", "", "")
                status, out, err = harness.writ("check", "--config", made.world.config)
                self.assertNotEqual(0, status)
                self.assertIn(message, out + err)


if __name__ == "__main__":
    unittest.main()
