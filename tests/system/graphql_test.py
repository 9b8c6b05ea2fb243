"""GraphQL (docs/graphql.md): what a document does decides, for the page's own configuration, policies and tests."""
import json
import os
import re
import unittest

import harness

PAGE = os.path.join(harness.ROOT, "docs", "graphql.md")
GRAPH = "https://graph.acme.example"


def page_blocks(language):
    with open(PAGE, encoding="utf-8") as file:
        return re.findall(rf"```{language}\n(.*?)```", file.read(), re.DOTALL)


class Graphql(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        def edit(text):
            upstream = re.search(r"upstream: (\S+)", text).group(1)
            api = page_blocks("yaml")[0].replace("http://127.0.0.1:8190", upstream)
            return text.replace("  apis:\n", "  apis:\n" + re.sub("^(?=.)", "    ", api, flags=re.MULTILINE), 1)

        cls.world = harness.TestWorld(edit)
        cls.addClassCleanup(cls.world.close)
        with open(os.path.join(cls.world.folder, "schema.cedarschema"), "a", encoding="utf-8") as file:
            file.write(page_blocks("cedarschema")[0])
        with open(os.path.join(cls.world.folder, "policies", "graph.cedar"), "w", encoding="utf-8") as file:
            file.write(page_blocks("cedar")[0] + """
@id("the-portal-gets-tokens-for-graphql")
permit (principal == Writ::Application::"support-portal", action == Writ::Action::"issue", resource == Writ::Api::"graph");
""")
        status, out, err = harness.writ("check", "--config", cls.world.config)
        assert status == 0, out + err
        cls.world.start()
        cls.token = cls.world.customer_token(GRAPH)

    def send(self, body, path="/graphql", method="POST", content_type="application/json", token=None):
        body = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return self.world.call(self.world.gateway_port, method, path,
                               {"Authorization": f"Bearer {token or self.token}", "Content-Type": content_type}, body)

    def test_the_page_s_tests_pass(self):
        path = os.path.join(self.world.folder, "graph.test.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(page_blocks("yaml")[1])
        status, out, err = harness.writ("test", path, "--config", self.world.config)
        self.assertEqual(0, status, out + err)
        self.assertIn("7 of 7 passed", out)

    def test_a_query_passes_and_a_mutation_needs_a_task(self):
        passed = self.send({"query": "query Mine { orders { id } }"})
        self.assertNotIn(passed.status, (400, 401, 403), passed)
        answer = self.send({"query": "mutation { cancel(id: 7) { id } }"})
        self.assertEqual((403, "policy_forbid"), (answer.status, answer.reason()))
        with open(os.path.join(self.world.data, "audit.log"), encoding="utf-8") as file:
            record = [each for each in map(json.loads, file) if each["type"] == "decision" and each["point"] == "gateway"][-1]
        self.assertEqual({"kind": "mutation", "fields": ["cancel"]}, record["input"])

    def test_what_some_server_reads_otherwise_is_not_passed_on(self):
        query = "{ orders { id } }"
        for body in ([{"query": query}], {"query": query, "id": "abc"}, {"query": query, "Query": "mutation { x }"},
                     {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0"}}},
                     {"query": query, "extensions": {"persistedQuery": {}}}, {"query": query, "operationName": "B"},
                     {"query": query, "operationName": ""}, {"query": ["x"]}, {}, "{}x",
                     '{"query": "{ a }", "query": "mutation { b }"}', {"query": query + " type T { a: Int }"},
                     {"query": "query { a } { b }"}, {"query": "{ ...Gone }"}, {"query": "{ a(x: 1a) }"}, {"query": "{" * 100}):
            with self.subTest(body):
                answer = self.send(body)
                self.assertEqual((400, "invalid_request"), (answer.status, answer.json()["error"]), answer)
        # Without a body nothing is read; it is refused like a change that nobody knows.
        self.assertEqual(403, self.send("").status)
        for kind in ("application/graphql", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"):
            self.assertEqual(400, self.send({"query": query}, content_type=kind).status, kind)
        for name in ("query=mutation{x}", "operationName=B", "extensions={}", "QUERY=x", "documentId=7", "doc_id=7", "id=7"):
            self.assertEqual(400, self.send({"query": query}, path="/graphql?" + name).status, name)

    def test_a_stranger_is_told_nothing_but_that_the_token_is_no_good(self):
        for body in ("{}x", "", {"query": "{ orders { id } }"}):
            with self.subTest(body):
                self.assertEqual(401, self.send(body, token="not-a-token").status)

    def test_a_query_by_get_has_no_route(self):
        self.assertIn(self.send("", path="/graphql?query={orders{id}}", method="GET").status, (404, 405))

    def test_what_could_not_work_is_an_error_of_check(self):
        with open(self.world.config, encoding="utf-8") as file:
            text = file.read()
        for old, new, said in (("graphql type, type: string", "graphql type, type: long", "is of the type `string`"),
                               ("graphql fields, type: set of string", "graphql fields, type: string", "is of the type `set of string`"),
                               ("from: graphql name", "from: graphql query", "does not say where it is"),
                               ("- method: POST\n          path: /graphql", "- method: PUT\n          path: /graphql", "from the body of a POST")):
            with self.subTest(new):
                self.assertIn(old, text)
                other = os.path.join(self.world.folder, "other.yaml")
                with open(other, "w", encoding="utf-8") as file:
                    file.write(text.replace(old, new, 1))
                status, out, err = harness.writ("check", "--config", other)
                self.assertNotEqual(0, status)
                self.assertIn(said, out + err)


if __name__ == "__main__":
    unittest.main()
