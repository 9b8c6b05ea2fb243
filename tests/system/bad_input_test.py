"""What must be refused, against the real binary: each with a status and a code, never a crash, never a permit."""
import json
import os
import socket
import subprocess
import unittest

import harness

READ = "/invoices/inv-1001"


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None


class BadRequests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = harness.TestWorld()
        cls.addClassCleanup(cls.world.close)
        cls.world.start()
        cls.token = cls.world.customer_token()

    def tearDown(self):
        # Whatever came before, the next request is served.
        self.assertEqual(200, self.world.through_gateway(self.token, READ).status)

    def refuses(self, port, request, status, code):
        answer = harness.raw(port, request)
        self.assertEqual(status, status_of(answer), answer[:300])
        self.assertEqual(code, json.loads(answer.partition(b"\r\n\r\n")[2])["error"], answer)

    def test_malformed_http_on_both_listeners(self):
        for port in (self.world.api_port, self.world.gateway_port):
            for request in (b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\nHost: a\n\n", b"GET / HTTP/1.1\r\n\r\n",
                            b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
                            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"):
                with self.subTest(request=request):
                    self.refuses(port, request, 400, "malformed_request")

    def test_conflicting_framing(self):
        head = f"POST {READ}/credit HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {self.token}\r\n"
        for framing in ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
                        "Content-Length: 5, 5\r\n", "Content-Length: +5\r\n", "Transfer-Encoding: chunked, chunked\r\n",
                        "Transfer-Encoding: gzip\r\n", "Transfer-Encoding: xchunked\r\n"):
            with self.subTest(framing=framing):
                before = self.world.upstream_requests()
                answer = harness.raw(self.world.gateway_port, (head + framing + "\r\n0\r\n\r\n").encode())
                self.assertIn(status_of(answer), (400, 501), answer[:300])
                self.assertEqual(before, self.world.upstream_requests())

    def test_oversized_header(self):
        self.refuses(self.world.gateway_port, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431,
                     "head_too_large")

    def test_oversized_body(self):
        token = self.world.operator_token().encode()
        for path, credentials in ((b"/v1/tasks", b"Authorization: Bearer " + token + b"\r\n"), (b"/oauth2/token", b"")):
            self.refuses(self.world.api_port, b"POST " + path + b" HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                         + credentials + b"Content-Length: 99999999\r\n\r\n", 413, "body_too_large")

    def test_oversized_token(self):
        answer = self.world.through_gateway("e" * 9000, READ)
        self.assertEqual((401, "token_malformed"), (answer.status, answer.reason()))

    def test_two_authorization_headers(self):
        request = (f"GET {READ} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {self.token}\r\n"
                   f"Authorization: Bearer {self.token}\r\nConnection: close\r\n\r\n")
        self.refuses(self.world.gateway_port, request.encode(), 401, "invalid_token")

    def test_ambiguous_paths(self):
        for path in ("/invoices/../invoices/inv-1001", "/invoices//inv-1001", "/invoices/inv-1001%2f", "/invoices/%00",
                     "/invoices/inv-1001;x=1", "/invoices/inv%252d1001", "/invoices\\inv-1001", "/invoices/%ff"):
            with self.subTest(path=path):
                request = f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {self.token}\r\nConnection: close\r\n\r\n"
                self.assertEqual(400, status_of(harness.raw(self.world.gateway_port, request.encode())))

    def test_a_path_nobody_routed(self):
        answer = self.world.through_gateway(self.token, "/admin")
        self.assertEqual((404, "not_found"), (answer.status, answer.json()["error"]))
        answer = self.world.through_gateway(self.token, READ, "DELETE")
        self.assertEqual((405, "GET"), (answer.status, answer.headers["Allow"]))

    def json_body(self, body, content_type="application/json"):
        headers = {"Content-Type": content_type, "Authorization": f"Bearer {self.world.customer_token(self.world.api)}"}
        return self.world.call(self.world.api_port, "POST", "/v1/tasks", headers, body)

    def test_json_that_two_readers_would_read_differently(self):
        for body in (b'{"purpose":"a","purpose":"b"}', b'{"purpose":"\xff"}', b'{"purpose":"\\ud800"}', b"[" * 200,
                     b'{"purpose":"support"} x', b'{"purpose":1e400}', b"", b'\xef\xbb\xbf{}', b'{"unknown":1}'):
            with self.subTest(body=body[:40]):
                answer = self.json_body(body)
                self.assertEqual(400, answer.status, answer)
                self.assertTrue(answer.json()["message"])

    def test_another_media_type(self):
        self.assertEqual(415, self.json_body(b"{}", "text/plain").status)

    def test_unknown_grant_types(self):
        for grant in ("authorization_code", "password", "implicit", "", "client_credentials "):
            with self.subTest(grant=grant):
                answer = self.world.token_request("nightly-export", grant_type=grant, resource=harness.INVOICES)
                self.assertEqual(400, answer.status, answer)
                self.assertIn(answer.json()["error"], ("unsupported_grant_type", "invalid_request"))

    def test_wrong_secret_and_unknown_client_look_the_same(self):
        answers = []
        for credentials in ("bmlnaHRseS1leHBvcnQ6d3Jvbmc=", "bm9ib2R5Ondyb25n"):
            answer = self.world.call(self.world.api_port, "POST", "/oauth2/token",
                                     {"Authorization": f"Basic {credentials}",
                                      "Content-Type": "application/x-www-form-urlencoded"},
                                     "grant_type=client_credentials&resource=https://invoices.acme.example")
            self.assertEqual(401, answer.status)
            answers.append({k: v for k, v in answer.json().items() if k != "request_id"})
        self.assertEqual(answers[0], answers[1])

    def test_an_id_token_of_somebody_else(self):
        for claims, key in ((("iss=https://evil.example", "sub=nora", "tenant=north"), "idp.jwk"),
                            (("iss=https://idp.acme.example", "sub=nora", "tenant=north"), "support-agent.jwk")):
            token = self.world.sign(*claims, f"aud={self.world.api}", key=key)
            answer = self.world.token_request("support-portal", grant_type=harness.EXCHANGE, resource=harness.INVOICES,
                                              purpose="support", subject_token=token,
                                              subject_token_type="urn:ietf:params:oauth:token-type:jwt")
            self.assertEqual(400, answer.status, answer)

    def test_an_id_token_is_no_access_token(self):
        answer = self.world.through_gateway(self.world.id_token("nora", "north"), READ)
        self.assertEqual(401, answer.status)

    def test_a_context_header_is_no_access_token(self):
        with harness.Listener() as upstream:
            world = harness.TestWorld(edit=lambda text: upstream.serve_in(text))
            self.addCleanup(world.close)
            world.start()
            token = world.customer_token()
            self.assertEqual(204, world.through_gateway(token, READ).status)
            header = upstream.header("writ-context")
            self.assertEqual((401, "token_type"), (lambda a: (a.status, a.reason()))(world.through_gateway(header, READ)))

    def test_own_api_without_a_token_or_with_another_apis(self):
        for path in ("/v1/tasks", "/v1/identities", "/v1/apis", "/v1/audit/head", "/v1/audit/records"):
            self.assertEqual((401, "token_missing"),
                             (lambda a: (a.status, a.reason()))(self.world.api_call(None, "GET", path)))
            self.assertEqual((401, "audience_mismatch"),
                             (lambda a: (a.status, a.reason()))(self.world.api_call(self.token, "GET", path)))

    def test_a_task_wider_than_the_policies_allow(self):
        token = self.world.customer_token(self.world.api)
        task = {"purpose": "support", "subject": "sofia", "client": "support-portal", "agents": ["support-agent"],
                "actions": ['Billing::Action::"read"'], "resources": ["Billing::Invoice::*"]}
        answer = self.world.api_call(token, "POST", "/v1/tasks", task)
        self.assertEqual((403, "policy_no_permit"), (answer.status, answer.reason()), answer)

    def test_a_task_that_names_what_is_not_there(self):
        token = self.world.customer_token(self.world.api)
        good = {"purpose": "support", "subject": "nora", "client": "support-portal", "agents": ["support-agent"],
                "actions": ['Billing::Action::"read"'], "resources": ["Billing::Invoice::*"]}
        for change in ({"agents": ["nobody"]}, {"actions": ['Billing::Action::"raed"']}, {"agents": ["nightly-export"]}):
            answer = self.world.api_call(token, "POST", "/v1/tasks", {**good, **change})
            self.assertEqual((400, "invalid_request"), (answer.status, answer.json()["error"]), answer)


class BrokenSurroundings(unittest.TestCase):
    def world(self, **options):
        world = harness.TestWorld(**options)
        self.addCleanup(world.close)
        return world

    def test_unreachable_upstream(self):
        world = self.world()
        world.start()
        token = world.customer_token()
        world.upstream_process.kill()
        world.upstream_process.wait()
        answer = world.through_gateway(token, READ)
        self.assertEqual((502, "upstream_unreachable"), (answer.status, answer.json()["error"]))

    def test_upstream_that_does_not_answer(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            port = silent.getsockname()[1]

            def edit(text):
                kept = [line for line in text.split("\n")]
                return ("\n".join(kept) + "\nlimits: {upstream_timeout_seconds: 1}\n").replace(
                    text[text.index("upstream: "):].split("\n")[0], f"upstream: http://127.0.0.1:{port}")
            world = self.world(edit=edit)
            world.start()
            answer = world.through_gateway(world.customer_token(), READ)
            self.assertEqual((504, "upstream_timeout"), (answer.status, answer.json()["error"]))

    def test_taken_port(self):
        world = self.world()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", world.api_port))
            taken.listen()
            status, _, err = harness.writ("serve", "--config", world.config, "--data", world.data)
        self.assertEqual(2, status)
        self.assertIn(str(world.api_port), err)

    def test_second_process_on_the_same_data(self):
        world = self.world()
        world.start()
        status, _, err = harness.writ("serve", "--config", world.config, "--data", world.data)
        self.assertEqual(2, status)
        self.assertIn("in use by another Writ", err)

    def test_database_of_another_version(self):
        import sqlite3
        world = self.world()
        world.start()
        world.stop_writ()
        path = os.path.join(world.data, "writ.db")
        with sqlite3.connect(path) as database:
            database.execute("PRAGMA user_version=99")
        database.close()
        with open(path, "rb") as file:
            before = file.read()
        status, _, err = harness.writ("serve", "--config", world.config, "--data", world.data)
        self.assertEqual(2, status)
        self.assertIn("version 99", err)
        with open(path, "rb") as file:
            self.assertEqual(before, file.read())

    def test_database_that_is_none(self):
        world = self.world()
        os.makedirs(world.data, mode=0o700)
        path = os.path.join(world.data, "writ.db")
        with open(path, "wb") as file:
            file.write(b"this is a letter to my aunt, and no database\n" * 100)
        status, _, err = harness.writ("serve", "--config", world.config, "--data", world.data)
        self.assertEqual(2, status)
        self.assertIn("writ.db", err)
        with open(path, "rb") as file:
            self.assertTrue(file.read().startswith(b"this is a letter"))

    def test_full_disk_under_the_audit(self):
        for mode in ("durable", "buffered"):
            with self.subTest(mode=mode):
                self.check_full_disk(mode)

    def check_full_disk(self, mode):
        world = self.world(edit=lambda text: text.replace("mode: durable", f"mode: {mode}, reserve_bytes: 0"))
        os.makedirs(world.data, exist_ok=True)
        world.start_upstream()
        # No file may grow beyond this: what the audit meets on a full disk. SQLite stays below it.
        world.start_writ(prefix=("prlimit", "--fsize=200000:unlimited"))
        token = world.customer_token()
        log = os.path.join(world.data, "audit.log")
        permits, refused, before = 0, None, world.upstream_requests()
        for _ in range(2000):
            answer = world.through_gateway(token, READ)
            if answer.status != 200:
                refused = answer
                break
            permits += 1
        self.assertIsNotNone(refused, "the disk was never full")
        self.assertEqual((503, "audit_unavailable"), (refused.status, refused.json()["error"]))
        self.assertEqual(permits, world.upstream_requests() - before, "an effect without its record")
        self.assertEqual(503, world.call(world.api_port, "GET", "/readyz").status)
        status, out, err = harness.writ("audit", "verify", log)
        self.assertEqual(0, status, out + err)
        with open(log, encoding="utf-8") as file:
            recorded = sum('"point":"gateway"' in line and '"effect":"permit"' in line for line in file)
        self.assertEqual(permits, recorded)
        # Room again: it goes on, and the chain is whole.
        subprocess.run(["prlimit", f"--pid={world.server.pid}", "--fsize=unlimited:unlimited"], check=True)
        self.assertEqual(200, world.through_gateway(token, READ).status)
        self.assertEqual(200, world.call(world.api_port, "GET", "/readyz").status)
        self.assertEqual(0, harness.writ("audit", "verify", log)[0])


class BadConfiguration(unittest.TestCase):
    def check(self, edit):
        world = harness.TestWorld(edit=edit)
        self.addCleanup(world.close)
        status, out, err = harness.writ("check", "--config", world.config)
        serve_status, _, serve_err = harness.writ("serve", "--config", world.config, "--data", world.data)
        self.assertEqual((1, 2), (status, serve_status), out + err + serve_err)
        self.assertFalse(os.path.exists(os.path.join(world.data, "writ.db")))
        return out

    def line_of(self, needle, edit):
        world = harness.TestWorld(edit=edit)
        self.addCleanup(world.close)
        with open(world.config, encoding="utf-8") as file:
            return next(i for i, line in enumerate(file, 1) if needle in line)

    def test_unknown_key_is_named_with_its_line(self):
        edit = lambda text: text.replace("  threads: 2", "  threads: 2\n  thraeds: 3")  # noqa: E731
        out = self.check(edit)
        self.assertIn(f"writ.yaml:{self.line_of('thraeds', edit)}", out)
        self.assertIn("`thraeds`", out)

    def test_two_routes_for_one_request(self):
        out = self.check(lambda text: text.replace(
            "        - {method: GET, path: \"/tenants/{tenant}/totals\"",
            "        - {method: GET, path: \"/invoices/{other}\", action: list, resource: 'Billing::Ledger::\"x\"'}\n"
            "        - {method: GET, path: \"/tenants/{tenant}/totals\""))
        self.assertIn("route `GET /invoices/{other}`", out)

    def test_route_to_an_action_the_api_does_not_have(self):
        self.assertIn("no action `shred`", self.check(lambda text: text.replace("action: totals,", "action: shred,")))

    def route_with(self, more):
        edit = lambda text: text.replace("action: credit,", f"action: credit, {more},")  # noqa: E731
        out = self.check(edit)
        self.assertIn(f"writ.yaml:{self.line_of('action: credit,', edit)}", out)
        return out

    def test_delegation_that_goes_in_a_circle(self):
        edit = lambda text: text.replace("acts_for: [support-portal]", "acts_for: [support-portal, mail-drafter]")  # noqa: E731
        out = self.check(edit)
        self.assertIn(f"writ.yaml:{self.line_of('acts_for: [support-portal, mail-drafter]', edit)}:17: error: `acts_for` goes in a "
                      "circle: support-agent, mail-drafter, support-agent", out)
        self.assertEqual(1, out.count("circle"), out)
        self.assertIn("circle: mail-drafter, mail-drafter",
                      self.check(lambda text: text.replace("acts_for: [support-agent]", "acts_for: [mail-drafter]")))

    def test_amount_from_where_none_can_be(self):
        self.assertIn("`header X` does not say where an amount is", self.route_with("amounts: {credited: header X}"))
        self.assertIn("the path has no parameter `other`", self.route_with("amounts: {credited: path other}"))
        self.assertIn("`1st` cannot be an amount's name", self.route_with("amounts: {1st: none}"))
        self.assertIn("`amounts` must be a map", self.route_with("amounts: [credited]"))

    def test_more_labels_than_a_route_may_have(self):
        labels = ", ".join(f"label-{i}" for i in range(17))
        self.assertIn("at most 16 labels", self.route_with(f"labels: [{labels}]"))

    def test_policy_that_does_not_parse_is_underlined(self):
        world = harness.TestWorld()
        self.addCleanup(world.close)
        with open(os.path.join(world.folder, "policies", "broken.cedar"), "w", encoding="utf-8") as file:
            file.write("permit (principal, action, resource)\nwhen { context.purpose = \"support\" };\n")
        status, out, _ = harness.writ("check", "--config", world.config)
        self.assertEqual(1, status)
        self.assertIn("broken.cedar:2", out)
        self.assertIn("^", out)


if __name__ == "__main__":
    unittest.main()
