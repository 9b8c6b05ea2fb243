"""What strangers can exhaust of a running server, and who still gets through: many addresses of 127/8, bounded in number and time."""
import base64
import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import threading
import time
import unittest

import harness

READ = "/invoices/inv-1001"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def basic(client, secret):
    return {**FORM, "Authorization": "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()}


def call_from(address, port, method, path, headers=None, body=None, timeout=20):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout, source_address=(address, 0))
    try:
        with contextlib.suppress(BrokenPipeError):  # who is turned away before all of it is sent has an answer all the same
            connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return harness.Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def idle_from(address, port, sent=b""):
    connection = socket.socket()
    connection.settimeout(10)
    connection.bind((address, 0))
    connection.connect(("127.0.0.1", port))
    if sent:
        connection.sendall(sent)
    return connection


def with_operator(text):
    port = harness.free_ports(1)[0]
    return text.replace("  threads: 2", f"  operator: 127.0.0.1:{port}\n  threads: 2")


def operator_port(world):
    with open(world.config, encoding="utf-8") as file:
        return int(re.search(r"operator: 127\.0\.0\.1:(\d+)", file.read()).group(1))


class World(unittest.TestCase):
    def world(self, edit=lambda text: text, prefix=(), start=True):
        world = harness.TestWorld(edit=edit)
        self.addCleanup(world.close)
        os.makedirs(world.data, exist_ok=True)
        if start:
            world.start_upstream()
            world.start_writ(prefix=prefix)
        return world

    def hold(self, connections):
        for connection in connections:
            self.addCleanup(connection.close)
        return connections

    def metric(self, world, name, port=None):
        text = world.call(port or world.api_port, "GET", "/metrics").body.decode()
        found = re.search(rf"^{re.escape(name)} (\d+)$", text, re.MULTILINE)
        self.assertIsNotNone(found, name)
        return int(found.group(1))

    def log(self, world):
        with open(os.path.join(world.data, "writ.log"), encoding="utf-8") as file:
            return file.read()


class Connections(World):
    def test_idle_connections_of_one_stranger_leave_the_others_theirs(self):
        world = self.world()
        token = world.customer_token()
        for port in (world.api_port, world.gateway_port):
            self.hold([idle_from("127.0.9.1", port) for _ in range(300)])
        refused = idle_from("127.0.9.1", world.api_port)
        self.addCleanup(refused.close)
        answer = refused.recv(4096)
        self.assertIn(b"429", answer)
        self.assertIn(b"Retry-After:", answer)
        self.assertEqual(200, world.call(world.api_port, "GET", "/readyz").status)
        self.assertEqual(200, world.through_gateway(token, READ).status)
        self.assertGreater(self.metric(world, 'writ_http_total{listener="api",event="connection_over_source_limit"}'), 40)
        self.assertIn("writ: limit: 127.0.9.1 has 256 connections", self.log(world))

    def test_few_descriptors_are_shared_out_and_the_limit_is_raised(self):
        world = self.world(prefix=("prlimit", "--nofile=200:600"))
        with open(f"/proc/{world.server.pid}/limits", encoding="utf-8") as file:
            self.assertRegex(file.read(), r"Max open files +600 +600")
        self.assertIn("writ: limit: a limit of 600 open files", self.log(world))
        token = world.customer_token()
        for number in range(1, 9):
            self.hold([idle_from(f"127.0.8.{number}", world.gateway_port) for _ in range(50)])
            self.hold([idle_from(f"127.0.8.{number}", world.api_port) for _ in range(50)])
        for _ in range(20):
            self.assertEqual(200, world.call(world.api_port, "GET", "/readyz").status)
            self.assertEqual(200, world.through_gateway(token, READ).status)

    def test_strangers_at_both_listeners_do_not_reach_the_operators(self):
        world = self.world(edit=with_operator, prefix=("prlimit", "--nofile=400:400"))
        operator, token = operator_port(world), world.operator_token()
        for number in range(1, 120):
            for port in (world.api_port, world.gateway_port):
                self.hold([idle_from(f"127.0.7.{number}", port) for _ in range(2)])
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        began = time.monotonic()
        self.assertEqual(200, world.call(operator, "POST", "/v1/identities/sofia/suspend", headers, "{}").status)
        self.assertLess(time.monotonic() - began, 2)
        self.assertEqual(200, world.call(operator, "GET", "/readyz").status)

    def test_as_many_sources_as_the_operators_listener_has_places_keep_no_operator_out(self):
        world = self.world(edit=with_operator)
        operator = operator_port(world)
        headers = {"Authorization": f"Bearer {world.operator_token()}", "Content-Type": "application/json"}
        for sent in (b"", b"GET / HTTP/1.1\r\n", b"POST /v1/identities/sofia/suspend HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"):
            self.hold([idle_from(f"127.0.7.{number}", operator, sent) for number in range(1, 101)])
            for address in ("127.0.0.1", "127.0.0.2"):
                suspend = lambda: call_from(address, operator, "POST", "/v1/identities/sofia/suspend", headers, "{}")
                answer = suspend()
                # While all of theirs are being refused, none is idle.
                while answer.status == 503 and answer.headers["Retry-After"]:
                    time.sleep(0.1)
                    answer = suspend()
                self.assertEqual(200, answer.status, sent)

    def test_the_operators_listener_has_what_operators_need_and_nothing_else(self):
        world = self.world(edit=with_operator)
        operator = operator_port(world)
        headers = {"Authorization": f"Bearer {world.operator_token()}"}
        self.assertEqual(200, world.call(operator, "GET", "/metrics").status)
        self.assertEqual(200, world.call(operator, "GET", "/healthz").status)
        self.assertEqual(200, world.call(operator, "GET", "/v1/identities", headers).status)
        self.assertEqual(401, world.call(operator, "GET", "/v1/identities").status)
        for method, path in (("POST", "/oauth2/token"), ("POST", "/access/v1/evaluation")):
            self.assertEqual(404, world.call(operator, method, path, FORM, "").status)
        self.assertEqual(404, world.call(world.api_port, "GET", "/metrics").status)
        self.assertEqual(200, world.call(world.api_port, "GET", "/v1/identities", headers).status)


class Metrics(World):
    def test_with_a_token_file_nobody_reads_them_without_it(self):
        secret = "metrics-token-of-32-characters-"

        def edit(text):
            return text + "\nmetrics: {token_file: metrics-token}\n"

        world = self.world(edit=edit, start=False)
        with open(os.path.join(world.folder, "metrics-token"), "w", encoding="utf-8") as file:
            file.write(secret + "\n")
        world.start_upstream()
        world.start_writ()
        self.assertEqual(401, world.call(world.api_port, "GET", "/metrics").status)
        self.assertEqual(200, world.call(world.api_port, "GET", "/metrics", {"Authorization": f"Bearer {secret}"}).status)

    def test_what_comes_through_a_proxy_does_not_read_them(self):
        world = self.world(edit=lambda text: text.replace("  threads: 2", "  proxies: [127.0.6.0/24]\n  threads: 2"))
        self.assertEqual(200, world.call(world.api_port, "GET", "/metrics").status)
        self.assertEqual(403, call_from("127.0.6.1", world.api_port, "GET", "/metrics").status)
        self.assertEqual(403, world.call(world.api_port, "GET", "/metrics", {"X-Forwarded-For": "192.0.2.1"}).status)


class Secrets(World):
    def test_a_flood_of_wrong_secrets_does_not_hold_up_clients_that_are_known(self):
        world = self.world()
        form = f"grant_type=client_credentials&resource={harness.INVOICES}"

        def timed():
            began = time.monotonic()
            answer = world.token_request("nightly-export", grant_type="client_credentials", resource=harness.INVOICES, purpose="export")
            self.assertEqual(200, answer.status, answer)
            return time.monotonic() - began

        operator = world.operator_token()
        timed()
        alone = sorted(timed() for _ in range(10))[5]
        stop, statuses = threading.Event(), []

        def guess(number):
            while not stop.is_set():
                answer = call_from(f"127.0.{5 - number % 2}.{number}", world.api_port, "POST", "/oauth2/token",
                                   basic("nightly-export", f"guess-{number}"), form)
                statuses.append(answer.status)
                if answer.status in (429, 503):
                    self.assertIsNotNone(answer.headers["Retry-After"])
                    stop.wait(0.05)

        threads = [threading.Thread(target=guess, args=(number,), daemon=True) for number in range(1, 31)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        try:
            flooded = sorted(timed() for _ in range(20))[10]
            began = time.monotonic()
            answer = world.api_call(operator, "POST", "/v1/identities/sofia/suspend", {})
            self.assertEqual(200, answer.status, answer)
            suspended = time.monotonic() - began
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertLess(flooded, max(0.25, 20 * alone))
        self.assertLess(suspended, 1)
        self.assertLessEqual(set(statuses), {401, 429, 503})
        self.assertGreater(statuses.count(401), 0)

    def test_guessing_slows_the_guesser_and_locks_nobody_out(self):
        world = self.world(edit=lambda text: text + "\nlimits: {wrong_secrets_per_minute: 2}\n")
        statuses = [call_from("127.0.4.1", world.api_port, "POST", "/oauth2/token", basic("support-portal", "guess"),
                              f"grant_type=client_credentials&resource={harness.INVOICES}") for _ in range(4)]
        self.assertEqual([401] * 2, [answer.status for answer in statuses[:2]])
        last = statuses[-1]
        self.assertEqual((429, "slow_down"), (last.status, last.json()["error"]))
        self.assertGreater(int(last.headers["Retry-After"]), 0)
        # Another address, of the same client, right: as ever. The revocation endpoint counts with it.
        self.assertEqual(200, world.token_request("support-portal", grant_type="client_credentials",
                                                  resource=world.api, purpose="support").status)
        revoked = call_from("127.0.4.1", world.api_port, "POST", "/oauth2/revoke", basic("support-portal", "guess"), "token=x")
        self.assertEqual(429, revoked.status)
        self.assertGreaterEqual(self.metric(world, 'writ_client_secrets_total{result="slowed"}'), 2)
        self.assertIn("writ: limit: client secrets are being guessed", self.log(world))

    def test_forged_tokens_slow_the_guesser_and_no_known_caller_behind_the_same_address(self):
        world = self.world(edit=lambda text: text + "\nlimits: {wrong_tokens_per_minute: 5}\n")
        used, issued = world.customer_token(), world.customer_token()
        self.assertEqual(200, world.through_gateway(used, READ).status)
        forged = {"Authorization": f"Bearer {used[:-8]}AAAAAAAA"}
        answers = [world.call(world.gateway_port, "GET", READ, forged) for _ in range(8)]
        self.assertEqual([401] * 5 + [429] * 3, [answer.status for answer in answers])
        self.assertEqual("slow_down", answers[-1].json()["error"])
        self.assertGreater(int(answers[-1].headers["Retry-After"]), 0)
        for path in ("/v1/tasks", "/v1/audit/records"):
            self.assertEqual(429, world.call(world.api_port, "GET", path, forged).status)
        for token in (used, issued):
            self.assertEqual(200, world.through_gateway(token, READ).status)
        self.assertEqual(401, call_from("127.0.4.2", world.gateway_port, "GET", READ, forged).status)
        self.assertGreaterEqual(self.metric(world, 'writ_tokens_looked_at_total{result="slowed"}'), 5)
        self.assertEqual(1, self.log(world).count("writ: limit: too many tokens that are not good"))

    def test_a_limit_of_tasks_is_counted_and_said_once(self):
        world = self.world(edit=lambda text: text + "\ntasks: {max_opened_per_minute: 1}\n")
        world.open_task()
        token = world.customer_token(world.api)
        task = {"purpose": "support", "subject": "nora", "client": "support-portal", "agents": ["support-agent"],
                "actions": ['Billing::Action::"read"'], "resources": ['Billing::Invoice::"inv-1001"']}
        for _ in range(3):
            answer = world.api_call(token, "POST", "/v1/tasks", task)
            self.assertEqual((429, "too_many_tasks"), (answer.status, answer.json()["error"]))
            self.assertGreater(int(answer.headers["Retry-After"]), 0)
        self.assertEqual(3, self.metric(world, 'writ_tasks_refused_total{limit="max_opened_per_minute"}'))
        self.assertEqual(1, self.log(world).count("has met `tasks.max_opened_per_minute`"))

    def test_ids_that_nobody_knows_are_stopped_up_to_a_number_and_known_ones_all_the_same(self):
        world = self.world(edit=lambda text: text + "\nlimits: {max_unlisted_stops: 2}\n")
        operator = world.operator_token()
        stop = lambda identity: world.api_call(operator, "POST", "/v1/identities/suspend", {"id": identity})
        self.assertEqual([200, 200], [stop(f"made-up-{number}").status for number in range(2)])
        refused = stop("made-up-2")
        self.assertEqual((400, "limit_exceeded"), (refused.status, refused.json()["error"]), refused)
        self.assertIn("limits.max_unlisted_stops", refused.json()["message"])
        self.assertEqual(200, stop("mail-drafter").status)
        listed = world.api_call(operator, "GET", "/v1/identities?limit=1").json()
        self.assertTrue(listed["more"])
        ids = []
        while True:
            ids += [each["id"] for kind in ("identities", "stops") for each in listed.get(kind, [])]
            if not listed["more"]:
                break
            listed = world.api_call(operator, "GET", f"/v1/identities?limit=1&after={listed['next']}").json()
        self.assertEqual(sorted(set(ids)), ids)
        self.assertLessEqual({"made-up-0", "made-up-1", "mail-drafter"}, set(ids))

    def test_a_forged_assertion_and_one_for_nobody_are_answered_in_the_same_words(self):
        world = self.world()
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        for path, more in (("/oauth2/token", f"grant_type=client_credentials&resource={harness.INVOICES}"),
                           ("/oauth2/revoke", "token=x")):
            answers = []
            for client in ("support-agent", "nobody", "nightly-export", "nora"):
                forged = world.sign(f"iss={client}", f"sub={client}", f"aud={world.api}", "jti=j", key="idp.jwk")
                body = f"{more}&client_assertion_type={kind}&client_assertion={forged}"
                answer = world.call(world.api_port, "POST", path, FORM, body)
                said = {key: value for key, value in answer.json().items() if key != "request_id"}
                answers.append((answer.status, said))
            self.assertEqual(1, len({str(answer) for answer in answers}), answers)
            self.assertEqual(401, answers[0][0])


class Bodies(World):
    def test_a_strangers_body_is_not_read_where_the_token_is_in_the_head(self):
        world = self.world()
        for port, path in ((world.gateway_port, "/invoices/inv-1001/credit"), (world.api_port, "/v1/tasks"),
                           (world.api_port, "/access/v1/evaluation")):
            head = (f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                    "Authorization: Bearer x\r\nContent-Length: 1000000\r\n\r\n")
            with idle_from("127.0.3.1", port, head.encode()) as connection:
                answer = connection.recv(4096)
            self.assertIn(b" 401 ", answer.split(b"\r\n")[0], path)

    def test_bodies_of_strangers_fill_their_budget_and_nothing_else(self):
        world = self.world(edit=lambda text: text + "\nlimits: {max_unauthenticated_bytes: 65536}\n")
        world.token("nightly-export", purpose="export")
        head = (b"POST /oauth2/token HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                b"Content-Length: 60000\r\n\r\n" + b"x" * 30000)
        held = self.hold([idle_from(f"127.0.2.{number}", world.api_port, head) for number in range(1, 6)])
        answers = []
        for connection in held:
            connection.settimeout(1)
            try:
                answers.append(connection.recv(4096))
            except TimeoutError:
                answers.append(b"")
        refused = [answer for answer in answers if answer]
        self.assertTrue(refused)
        for answer in refused:
            self.assertIn(b" 503 ", answer)
            self.assertIn(b"Retry-After", answer)
        # A client that is known is none of them.
        world.token("nightly-export", purpose="export")
        too_large = world.call(world.api_port, "POST", "/oauth2/token", FORM, "x" * 65537)
        self.assertEqual(413, too_large.status)

    def test_a_body_that_comes_byte_by_byte_ends(self):
        world = self.world(edit=lambda text: text + "\nlimits: {body_timeout_seconds: 1}\n")
        connection = self.hold([idle_from("127.0.2.9", world.api_port, b"POST /oauth2/token HTTP/1.1\r\nHost: a\r\n"
                                          b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\n")])[0]
        began = time.monotonic()
        connection.settimeout(0.2)
        answer = b""
        while not answer and time.monotonic() - began < 10:
            try:
                connection.sendall(b"x")
                answer = connection.recv(4096)
            except TimeoutError:
                pass
        self.assertIn(b" 408 ", answer)
        self.assertLess(time.monotonic() - began, 5)


class Stopping(World):
    def test_it_is_not_ready_first_then_takes_nothing_new_then_ends(self):
        world = self.world(edit=lambda text: text + "\nlimits: {drain_grace_seconds: 3}\n")
        token = world.customer_token()
        world.server.send_signal(signal.SIGTERM)
        began = time.monotonic()
        while world.call(world.api_port, "GET", "/readyz").status == 200:
            self.assertLess(time.monotonic() - began, 2)
        self.assertEqual("stopping", world.call(world.api_port, "GET", "/readyz").json()["status"])
        # Both listeners go on, for callers that do not know yet.
        answer = world.through_gateway(token, READ)
        self.assertEqual((200, "close"), (answer.status, answer.headers["Connection"]))
        self.assertEqual(200, world.token_request("nightly-export", grant_type="client_credentials", purpose="export",
                                                  resource=harness.INVOICES).status)
        self.assertEqual(0, world.server.wait(timeout=20))
        self.assertGreater(time.monotonic() - began, 2)
        with self.assertRaises(OSError):
            idle_from("127.0.0.1", world.gateway_port)

    def test_a_second_signal_ends_it_at_once(self):
        world = self.world(edit=lambda text: text + "\nlimits: {drain_grace_seconds: 60}\n")
        world.server.send_signal(signal.SIGTERM)
        began = time.monotonic()
        while world.call(world.api_port, "GET", "/readyz").status == 200:
            self.assertLess(time.monotonic() - began, 2)
        world.server.send_signal(signal.SIGTERM)
        self.assertEqual(-signal.SIGTERM, world.server.wait(timeout=5))

    def test_ctrl_c_does_not_wait_for_load_balancers(self):
        world = self.world(edit=lambda text: text + "\nlimits: {drain_grace_seconds: 60}\n")
        world.server.send_signal(signal.SIGINT)
        self.assertEqual(0, world.server.wait(timeout=15))


if __name__ == "__main__":
    unittest.main()
