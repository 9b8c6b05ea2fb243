"""Facts that are asked for at the moment of the request (docs/asked-facts.md): a real HTTP source, a real SQLite file."""
import http.server
import json
import os
import re
import socketserver
import sqlite3
import threading
import time
import unittest
import urllib.parse

import harness

PAGE = os.path.join(harness.ROOT, "docs", "asked-facts.md")
SHOP = "https://shop.acme.example"


def page_blocks(language):
    with open(PAGE, encoding="utf-8") as file:
        return re.findall(rf"```{language}\n(.*?)```", file.read(), re.DOTALL)


class Source(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Tells facts about orders, and notes what it was asked. `lie` answers in its place."""
    daemon_threads = True

    def __init__(self, port):
        super().__init__(("127.0.0.1", port), Handler)
        self.orders, self.asked, self.lie = {}, [], None
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    def put(self, order, customer, tenant="north"):
        self.orders[order] = {"id": order, "customer": {"id": customer}, "tenant": tenant}

    def close(self):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, body, **fields):
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **fields}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        source = self.server
        source.asked.append((self.path, self.headers.get("Authorization")))
        if source.lie:
            return source.lie(self)
        order = source.orders.get(urllib.parse.unquote(self.path.removeprefix("/facts/")))
        self.answer(200 if order else 404, json.dumps(order or {}).encode())


class AskedFacts(unittest.TestCase):
    """The page's own configuration, schema and policies, added to Acme's."""

    def setUp(self):
        port = harness.free_ports(1)[0]
        facts, api = self.fact_sources(port), page_blocks("yaml")[1]

        def edit(text):
            upstream = re.search(r"upstream: (\S+)", text).group(1)
            shop = api.replace("http://127.0.0.1:8190", upstream)
            return text.replace("  apis:\n", "  apis:\n" + re.sub("^(?=.)", "    ", shop, flags=re.MULTILINE), 1) + "\n" + facts

        self.world = harness.TestWorld(edit)
        self.addCleanup(self.world.close)
        self.source = Source(port)
        self.addCleanup(self.source.close)
        self.make_files()
        with open(os.path.join(self.world.folder, "schema.cedarschema"), "a", encoding="utf-8") as file:
            file.write(page_blocks("cedarschema")[0])
        with open(os.path.join(self.world.folder, "policies", "shop.cedar"), "w", encoding="utf-8") as file:
            file.write("\n".join(page_blocks("cedar")))
        self.start()

    def fact_sources(self, port):
        return page_blocks("yaml")[0].replace("127.0.0.1:8300", f"127.0.0.1:{port}")

    def make_files(self):
        """What the sources need."""
        self.bearer("first")
        self.parcels = sqlite3.connect(os.path.join(self.world.folder, "parcels.db"), isolation_level=None)
        self.addCleanup(self.parcels.close)
        self.parcels.execute("CREATE TABLE parcels(id TEXT, receiver TEXT, tenant TEXT)")
        self.parcels.execute("INSERT INTO parcels VALUES('p-1', 'nora', 'north'), ('p-2', 'niklas', 'north')")

    def start(self):
        status, out, err = harness.writ("check", "--config", self.world.config)
        self.assertEqual(0, status, out + err)
        self.world.start()
        self.token = self.world.customer_token(SHOP)

    def bearer(self, token):
        path = os.path.join(self.world.folder, "orders-token")
        with open(path, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(token + "\n")

    def ask(self, path, token=None):
        return self.world.through_gateway(token or self.token, path)

    def permitted(self, path, token=None):
        answer = self.ask(path, token)
        refused = answer.status == 403 and b'"reason"' in answer.body
        self.assertTrue(refused or answer.status in (200, 404), answer)
        return not refused

    def last(self):
        with open(os.path.join(self.world.data, "audit.log"), encoding="utf-8") as file:
            return [record for record in map(json.loads, file) if record["type"] == "decision" and record["point"] == "gateway"][-1]


class OverHttp(AskedFacts):
    def test_an_order_that_was_made_a_moment_ago_is_decided_on(self):
        self.assertFalse(self.permitted("/orders/o-17"))
        self.source.put("o-17", "nora")
        self.assertTrue(self.permitted("/orders/o-17"))
        self.source.put("o-18", "niklas")
        self.assertFalse(self.permitted("/orders/o-18"))
        self.assertEqual({"/facts/o-17", "/facts/o-18"}, {path for path, _ in self.source.asked})

    def test_the_record_has_what_was_told_and_by_whom(self):
        self.source.put("o-17", "nora")
        self.assertTrue(self.permitted("/orders/o-17"))
        example = json.loads(page_blocks("json")[1])
        self.assertEqual(example, {key: self.last()[key] for key in example})

    def test_a_stranger_causes_no_question(self):
        self.source.put("o-17", "nora")
        self.assertEqual(401, self.world.call(self.world.gateway_port, "GET", "/orders/o-17").status)
        self.assertEqual(401, self.ask("/orders/o-17", "nonsense").status)
        self.assertEqual(401, self.ask("/orders/o-17", self.world.customer_token()).status)
        self.assertEqual([], self.source.asked)

    def test_every_refusal_looks_the_same(self):
        self.source.put("other", "niklas")
        self.source.put("south", "nora", "south")
        self.source.orders["odd"] = {"id": "odd", "customer": {"id": 7}, "tenant": "north"}
        answers = [self.ask(f"/orders/{order}").json() for order in ("other", "south", "odd", "nowhere")]
        for answer in answers:
            del answer["request_id"]
        self.assertEqual([answers[0]] * 4, answers)
        self.assertEqual("policy_no_permit", answers[0]["reason"])

    def test_what_is_cached_is_not_asked_for_until_it_is_forgotten(self):
        operator = self.world.operator_token()
        self.source.put("o-17", "nora")
        self.assertTrue(self.permitted("/orders/o-17"))
        self.source.put("o-17", "niklas")
        answer = self.world.api_call(operator, "DELETE", "/v1/facts?type=Shop::Order&id=o-17")
        self.assertEqual(200, answer.status, answer)
        self.assertFalse(self.permitted("/orders/o-17"))
        self.assertEqual(403, self.world.api_call(operator, "DELETE", "/v1/facts?type=Shop::Parcel").status)
        self.assertEqual(400, self.world.api_call(operator, "DELETE", "/v1/facts").status)
        # A misspelt `id` does not mean all of them.
        self.assertEqual(400, self.world.api_call(operator, "DELETE", "/v1/facts?type=Shop::Order&Id=o-17").status)
        with open(os.path.join(self.world.data, "audit.log"), encoding="utf-8") as file:
            self.assertIn('Shop::Order::\\"o-17\\"', [line for line in file if "facts.forgotten" in line][0])

    def test_lies_permit_nothing(self):
        self.source.put("o-17", "niklas")
        mine = json.dumps({"id": "o-17", "customer": {"id": "nora"}, "tenant": "north"}).encode()
        lies = {"another id": lambda to: to.answer(200, mine.replace(b"o-17", b"o-18")),
                "redirects": lambda to: to.answer(302, mine, Location="/facts/o-1"),
                "huge": lambda to: to.answer(200, mine[:-1] + b',"x":"' + b"x" * 100_000 + b'"}'),
                "not json": lambda to: to.answer(200, b"<html>"),
                "another type": lambda to: to.answer(200, mine, **{"Content-Type": "text/html"}),
                "names that stand twice": lambda to: to.answer(200, mine[:-1] + b',"customer":{"id":"nora"}}'),
                "nested names that stand twice": lambda to: to.answer(200, mine.replace(b'{"id": "nora"}', b'{"id":"nora","id":"nora"}')),
                "no tenant": lambda to: to.answer(200, b'{"id":"o-17","customer":{"id":"nora"}}'),
                "closes early": lambda to: to.answer(200, mine[:10], **{"Content-Length": "500", "Connection": "close"}),
                "an error with the facts": lambda to: to.answer(500, mine)}
        for name, lie in lies.items():
            with self.subTest(name):
                self.source.lie = lie
                self.assertFalse(self.permitted("/orders/o-17"))
        self.source.lie = None

    def test_a_source_that_is_dead_or_slow_is_facts_unavailable_and_holds_up_nobody_else(self):
        ended = threading.Event()
        self.addCleanup(ended.set)
        self.source.lie = lambda to: ended.wait(30)
        slow = [threading.Thread(target=self.ask, args=(f"/orders/s-{number}",)) for number in range(8)]
        for thread in slow:
            thread.start()
        self.assertTrue(self.permitted("/parcels/p-1"))
        for thread in slow:
            thread.join()
        answer = self.ask("/orders/o-17")
        self.assertEqual((403, "facts_unavailable"), (answer.status, answer.reason()))
        self.assertIn("source `orders`", answer.json()["message"])
        self.assertNotIn("127.0.0.1", answer.json()["message"])

    def test_no_old_answer_is_given_for_one_that_failed(self):
        self.source.put("o-17", "nora")
        self.assertTrue(self.permitted("/orders/o-17"))
        self.source.lie = lambda to: to.answer(503, b"{}")
        deadline = time.monotonic() + 60
        while self.permitted("/orders/o-17"):  # by what is young enough
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)
        self.assertFalse(self.permitted("/orders/o-17"))

    def test_the_credential_comes_from_its_file(self):
        self.source.put("o-17", "nora")
        self.permitted("/orders/o-17")
        self.bearer("second")
        self.permitted("/orders/o-18")
        self.assertEqual(["Bearer first", "Bearer second"], [credential for _, credential in self.source.asked])

    def test_an_id_stays_one_segment(self):
        for path in ("/orders/a%2Fb", "/orders/a%3Fb", "/orders/x%26y"):
            self.ask(path)
        self.assertIn("/facts/x%26y", [path for path, _ in self.source.asked])
        for path, _ in self.source.asked:
            self.assertEqual(2, path.count("/"), path)
            self.assertNotIn("?", path)

    def test_metrics_count_questions(self):
        self.source.put("o-17", "nora")
        self.permitted("/orders/o-17")
        text = self.world.call(self.world.api_port, "GET", "/metrics").body.decode()
        self.assertIn('writ_source_questions_total{source="orders",result="asked"} 1', text)


class InSqlite(AskedFacts):
    def test_a_row_decides(self):
        self.assertTrue(self.permitted("/parcels/p-1"))
        self.assertFalse(self.permitted("/parcels/p-2"))
        self.assertFalse(self.permitted("/parcels/p-3"))
        self.parcels.execute("INSERT INTO parcels VALUES('p-3', 'nora', 'north')")
        self.assertTrue(self.permitted("/parcels/p-3"))
        self.parcels.execute("UPDATE parcels SET tenant = 'south' WHERE id = 'p-3'")
        self.assertFalse(self.permitted("/parcels/p-3"))
        self.assertEqual("tenant_mismatch", self.last()["reason"])

    def test_no_id_is_part_of_the_statement(self):
        for path in ("/parcels/%27%20OR%20%271%27%3D%271", "/parcels/p-1%27%20UNION%20SELECT%20id,receiver,tenant%20FROM%20parcels%20--", "/parcels/%25"):
            self.assertFalse(self.permitted(path), path)
        self.assertEqual([(2,)], self.parcels.execute("SELECT count(*) FROM parcels").fetchall())

    def test_two_rows_permit_nothing(self):
        self.parcels.execute("INSERT INTO parcels VALUES('p-1', 'nora', 'north')")
        self.assertFalse(self.permitted("/parcels/p-1"))
        self.assertEqual("facts_unavailable", self.last()["reason"])


HAS = """
@id("nothing-of-a-tenant-that-is-told") forbid (principal, action == Shop::Action::"read", resource is Shop::Order)
when { resource has tenant && resource.tenant == "north" };
"""


class OtherFaces(AskedFacts):
    """AuthZEN and /v1/decide ask as the gateway does."""

    def evaluate(self, order, user="nora", properties=None):
        answer = self.world.api_call(self.operator, "POST", "/access/v1/evaluation", {
            "subject": {"type": "user", "id": user}, "action": {"name": "read"},
            "resource": {"type": "Shop::Order", "id": order, "properties": properties or {}}})
        self.assertEqual(200, answer.status, answer)
        return answer.json()

    def decide(self, order, **more):
        token = {"sub": "nora", "client_id": "support-portal", "purpose": "support", "tenant": "north"}
        question = {"request": f"GET /orders/{order}", "token": token} if "api" not in more else {"token": token}
        answer = self.world.api_call(self.operator, "POST", "/v1/decide", {**question, **more})
        self.assertEqual(200, answer.status, answer)
        return answer.json()

    def start(self):
        with open(self.world.config, encoding="utf-8") as file:
            text = file.read()
        with open(self.world.config, "w", encoding="utf-8") as file:
            file.write(text.replace('action_types: {', 'action_types: {"Shop::Order": "Shop::Action", '))
        super().start()
        self.operator = self.world.operator_token()

    def policy(self, text):
        with open(os.path.join(self.world.folder, "policies", "has.cedar"), "w", encoding="utf-8") as file:
            file.write(text)
        answer = self.world.api_call(self.operator, "POST", "/v1/policies/reload")
        self.assertEqual(200, answer.status, answer)

    def records(self, point):
        with open(os.path.join(self.world.data, "audit.log"), encoding="utf-8") as file:
            return [record for record in map(json.loads, file) if record["type"] == "decision" and record["point"] == point]

    def test_authzen_is_answered_with_what_the_source_says_and_not_with_what_the_caller_says(self):
        mine = {"customer": {"__entity": {"type": "Writ::User", "id": "nora"}}}
        self.source.put("o-17", "nora")
        self.source.put("o-18", "niklas")
        self.assertTrue(self.evaluate("o-17")["decision"])
        self.assertFalse(self.evaluate("o-18", properties=mine)["decision"])
        self.assertFalse(self.evaluate("o-19", properties=mine)["decision"])
        record = [each for each in self.records("authzen") if 'o-17' in each["resource"]][-1]
        self.assertEqual({"resource.customer": "source `orders`", "resource.tenant": "source `orders`"}, record["sources"])
        self.assertEqual("north", record["attributes"]["tenant"])

    def test_authzen_causes_no_question_where_nothing_would_be_permitted(self):
        before = len(self.source.asked)
        answer = self.world.api_call(self.operator, "POST", "/access/v1/evaluation", {
            "subject": {"type": "user", "id": "nora"}, "action": {"name": "burn"}, "resource": {"type": "Shop::Order", "id": "o-17"}})
        self.assertEqual("policy_no_permit", answer.json()["context"]["reason"])
        self.assertEqual(before, len(self.source.asked))

    def test_authzen_refuses_with_the_same_words_whatever_the_facts_are(self):
        self.source.put("other", "niklas")
        self.source.orders["odd"] = {"id": "odd", "customer": {"id": 7}, "tenant": "north"}
        answers = [self.evaluate(order) for order in ("other", "odd", "nowhere")]
        self.assertEqual([{"decision": False, "context": {"reason": "policy_no_permit", "message": "no policy permits this request"}}] * 3, answers)
        self.source.lie = lambda to: to.answer(503, b"{}")
        down = self.evaluate("o-20")
        self.assertEqual("facts_unavailable", down["context"]["reason"])
        self.assertNotIn("127.0.0.1", down["context"]["message"])

    def test_a_forbid_that_says_has_of_an_asked_attribute_holds_for_every_face(self):
        self.source.put("o-17", "nora")
        self.assertTrue(self.evaluate("o-17")["decision"])
        self.assertEqual("permit", self.decide("o-17")["decision"])
        self.policy(HAS)
        self.assertFalse(self.evaluate("o-17")["decision"])
        self.assertEqual("policy_forbid", self.decide("o-17")["reason"])
        self.assertFalse(self.permitted("/orders/o-17"))

    def test_v1_decide_says_what_would_come_of_it(self):
        self.source.put("o-17", "nora")
        self.source.put("o-18", "niklas")
        self.assertEqual("permit", self.decide("o-17", explain=True)["decision"])
        self.assertEqual("policy_no_permit", self.decide("o-18")["reason"])
        self.source.lie = lambda to: to.answer(503, b"{}")
        answer = self.decide("o-20", explain=True)
        self.assertEqual(("deny", "facts_unavailable"), (answer["decision"], answer["reason"]))
        self.assertIn("source `orders`", answer["message"])

    def test_v1_decide_takes_what_the_question_states_and_asks_for_the_rest(self):
        asked = {"api": "shop", "action": "read", "resource": 'Shop::Order::"o-17"'}
        stated = {"customer": {"__entity": {"type": "Writ::User", "id": "nora"}}, "tenant": "north"}
        self.assertEqual("permit", self.decide("o-17", **asked, attributes=stated)["decision"])
        self.assertEqual([], self.source.asked)
        self.source.put("o-17", "niklas", "south")
        self.assertEqual("tenant_mismatch", self.decide("o-17", **asked, attributes={"customer": stated["customer"]})["reason"])
        self.assertEqual(1, len(self.source.asked))

    def test_v1_decide_causes_no_question_where_a_guard_refuses(self):
        self.assertEqual("caller_unknown", self.decide("o-17", token={"sub": "nora", "client_id": "nobody"})["reason"])
        self.assertEqual([], self.source.asked)


class InTests(AskedFacts):
    """`writ test` and `writ explain` ask nobody: the file states the answers."""

    def start(self):
        status, out, err = harness.writ("check", "--config", self.world.config)
        self.assertEqual(0, status, out + err)

    def run_tests(self, text):
        path = os.path.join(self.world.folder, "policies", "shop.test.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return harness.writ("test", path, "--config", self.world.config)

    def test_the_page_s_tests_pass(self):
        status, out, err = self.run_tests(page_blocks("yaml")[2])
        self.assertEqual(0, status, out + err)
        self.assertIn("4 of 4 passed", out)
        self.assertEqual([], self.source.asked)

    def test_what_nobody_states_permits_nothing_even_where_absence_would(self):
        with open(os.path.join(self.world.folder, "policies", "has.cedar"), "w", encoding="utf-8") as file:
            file.write('@id("open") permit (principal is Writ::User, action == Shop::Action::"read", resource is Shop::Order)\n'
                       'unless { resource has tenant && resource.tenant == "south" };')
        lines = page_blocks("yaml")[2].splitlines(keepends=True)
        status, out, err = self.run_tests("".join(line for line in lines if "their own" not in line and "nobody else" not in line))
        self.assertEqual(0, status, out + err)
        self.assertIn("1 of 1 passed", out)

    def test_an_answer_that_would_not_be_believed_is_an_error(self):
        good = page_blocks("yaml")[2]
        for old, new, said in (("customer: nora", "customer: 7", "the attribute `customer`"),
                               (", tenant: north", "", "`tenant` is missing"),
                               ("attributes: {customer: nora, tenant: north}", "known: true", "has `attributes`, or says"),
                               ("attributes: {customer: nora, tenant: north}", "known: false", "`tenant` is missing"),
                               ('Shop::Order::"o-18"', 'Shop::Order::"o-17"', "two answers about"),
                               ('Shop::Order::"o-18"', 'Billing::Invoice::"1"', "no source tells facts")):
            with self.subTest(new):
                self.assertIn(old, good)
                status, out, err = self.run_tests(good.replace(old, new, 1))
                self.assertNotEqual(0, status)
                self.assertIn(said, out + err)

    def test_explain_says_which_answer_is_missing(self):
        status, out, err = harness.writ("explain", "--config", self.world.config, "--request", "GET /orders/o-17", "--sub", "nora", "--client",
                                        "support-portal", "--purpose", "support", "--tenant", "north")
        self.assertEqual(1, status, err)
        self.assertIn("facts_unavailable: source `orders` is not asked in a test", out)


class Reloads(AskedFacts):
    """A reload takes other sources over, whole or not at all."""

    def fact_sources(self, port):
        self.port = port
        # No test is over so late that what was told is too old.
        return super().fact_sources(port).replace("max_age_seconds: 2", "max_age_seconds: 3600\n    timeout_seconds: 30")

    def start(self):
        super().start()
        self.operator = self.world.operator_token()

    def reload(self, old, new):
        with open(self.world.config, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(old, text)
        with open(self.world.config, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))
        return self.world.api_call(self.operator, "POST", "/v1/policies/reload")

    def test_another_source_is_asked_from_then_on_and_the_old_one_is_not_believed(self):
        self.source.put("o-17", "nora")
        self.assertTrue(self.permitted("/orders/o-17"))
        other = Source(harness.free_ports(1)[0])
        self.addCleanup(other.close)
        other.put("o-17", "niklas")
        other.put("o-18", "nora")
        answer = self.reload(f":{self.port}/facts", f":{other.server_port}/facts")
        self.assertEqual((200, True), (answer.status, answer.json()["changed"]), answer)
        self.assertFalse(self.permitted("/orders/o-17"))
        self.assertTrue(self.permitted("/orders/o-18"))
        self.assertEqual(["/facts/o-17"], [path for path, _ in self.source.asked])
        self.assertEqual(["/facts/o-17", "/facts/o-18"], [path for path, _ in other.asked])

    def test_one_source_is_replaced_and_the_other_one_stays(self):
        self.source.put("o-17", "nora")
        self.assertTrue(self.permitted("/orders/o-17"))
        self.assertTrue(self.permitted("/parcels/p-1"))
        answer = self.reload("WHERE id = :id", "WHERE id = :id AND receiver <> 'nora'")
        self.assertEqual((200, True), (answer.status, answer.json()["changed"]), answer)
        self.assertFalse(self.permitted("/parcels/p-1"))
        self.assertTrue(self.permitted("/orders/o-17"))
        status = self.world.call(self.world.api_port, "GET", "/metrics").body.decode()
        self.assertIn('writ_source_questions_total{source="orders",result="asked"} 2', status, "it is the same one")

    def test_a_mistake_changes_nothing(self):
        self.source.put("o-17", "nora")
        answer = self.reload("SELECT id, receiver, tenant FROM parcels", "DELETE FROM parcels")
        self.assertEqual(422, answer.status, answer)
        self.assertTrue(self.permitted("/orders/o-17"))
        self.assertTrue(self.permitted("/parcels/p-1"))

    def test_what_waits_for_a_source_that_is_replaced_is_refused(self):
        ended = threading.Event()
        self.addCleanup(ended.set)
        asked = threading.Event()

        def hold(to):
            asked.set()
            ended.wait(30)

        self.source.lie = hold
        answers = []
        waits = threading.Thread(target=lambda: answers.append(self.ask("/orders/o-17")))
        waits.start()
        self.assertTrue(asked.wait(30))
        self.assertEqual(200, self.reload("timeout_seconds: 30", "timeout_seconds: 29").status)
        waits.join()
        self.assertEqual((503, "indeterminate"), (answers[0].status, answers[0].reason()))


class Check(AskedFacts):
    def start(self):
        pass

    def issues(self, old, new):
        with open(self.world.config, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(old, text)
        with open(self.world.config, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))
        status, out, err = harness.writ("check", "--config", self.world.config)
        with open(self.world.config, "w", encoding="utf-8") as file:
            file.write(text)
        return status, out + err

    def test_what_could_not_work_is_an_error(self):
        for old, new, said in (
                ("/facts/{id}", "/facts", "no place for the resource"),
                ("url: http://127.0.0.1:", "url: http://{tenant}:", "scheme and host stand as they are"),
                ("type: Shop::Parcel", "type: Shop::Order", "a type has one"),
                ("type: Shop::Parcel", "type: Writ::User", "Writ's own type"),
                ("tenant: /tenant", "colour: /colour", "does not declare"),
                ("customer: /customer/id", "customer: customer", "not a JSON pointer"),
                ("statement: SELECT id, receiver", "statement: DELETE FROM parcels WHERE id = :id --", "more than read"),
                ("receiver: receiver", "receiver: colour", "no column `colour`"),
                ("bearer_file: orders-token", "bearer_env: NO_SUCH_VARIABLE", "no variable"),
                ("  allow: [127.0.0.1]", "  allow: []", "will not be connected to"),
                ("action: read, resource: 'Shop::Order", "action: read, public: true, resource: 'Shop::Order", "is public"),
                ("action: read, resource: 'Shop::Order", "action: read, attributes: {tenant: \"{order}\"}, resource: 'Shop::Order",
                 "a fact has one source")):
            with self.subTest(new):
                status, text = self.issues(old, new)
                self.assertNotEqual(0, status, text)
                self.assertIn(said, text)


if __name__ == "__main__":
    unittest.main()
