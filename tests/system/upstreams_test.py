"""Several addresses behind an API, with real processes that are killed, hang, break off, lie and answer early."""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import harness

READ = "/invoices/inv-1001"
NGINX = "/usr/sbin/nginx"


def serve(port, name):
    """An API in a process of its own. The file `name` says how it behaves; it is read for each request."""
    def reset(connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    def head_of(connection, rest):
        while b"\r\n\r\n" not in rest:
            more = connection.recv(65536)
            if not more:
                return None, b""
            rest += more
        head, _, rest = rest.partition(b"\r\n\r\n")
        return head.decode("latin-1"), rest

    def one(connection):
        rest = b""
        while True:
            head, rest = head_of(connection, rest)
            if head is None:
                return
            with open(name, encoding="utf-8") as file:
                mode = file.read()
            if mode == "early":
                connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge")
                return
            length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
            length = int(length.group(1)) if length else 0
            while len(rest) < length:
                rest += connection.recv(65536)
            rest = rest[length:]
            path = head.split(" ", 2)[1]
            if path == "/health":
                connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n" if mode != "ill" else
                                   b"HTTP/1.1 500 Ill\r\nContent-Length: 0\r\n\r\n")
                continue
            with open(name + ".seen", "a", encoding="utf-8") as file:
                file.write(head.replace("\r\n", "\t") + "\n")
            if mode == "reset":
                return reset(connection)
            if mode == "middle":
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
                time.sleep(0.05)
                return reset(connection)
            if mode == "short":  # than it says, and then it ends in order
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
                return
            if mode in ("shut", "silent"):  # says no more from here on, and goes on reading
                if mode == "shut":
                    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nall of it")
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
                return
            if mode == "long":  # than it says
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
                continue
            body = json.dumps({"from": os.path.basename(name)}).encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    def quietly(connection):
        with connection:
            try:
                one(connection)
            except OSError:
                pass

    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(64)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=quietly, args=(connection,), daemon=True).start()


class Api:
    def __init__(self, folder, name, port):
        self.file, self.port, self.process = os.path.join(folder, name), port, None
        self.behave("well")
        open(self.file + ".seen", "w", encoding="utf-8").close()
        self.start()

    def start(self):
        self.process = subprocess.Popen([sys.executable, __file__, "serve", str(self.port), self.file])
        for _ in range(500):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.01)
        raise AssertionError("the API does not start")

    def behave(self, mode):
        with open(self.file + ".new", "w", encoding="utf-8") as file:
            file.write(mode)
        os.replace(self.file + ".new", self.file)

    def seen(self):
        with open(self.file + ".seen", encoding="utf-8") as file:
            return file.read().splitlines()

    def kill(self):
        self.process.kill()
        self.process.wait()


class Upstreams(unittest.TestCase):
    # Below `upstream_options`.
    OPTIONS = "{ejection: {failures: 2, seconds: 2}, retries: {per_second: 1000}}"

    def setUp(self):
        ports = harness.free_ports(2)
        self.addresses = [f"127.0.0.1:{port}" for port in ports]
        self.world = harness.TestWorld(self.edit)
        self.addCleanup(self.world.close)
        self.apis = [Api(self.world.folder, name, port) for name, port in zip(("one", "two"), ports)]
        for api in self.apis:
            self.addCleanup(api.kill)
        self.world.start()
        self.token = self.world.customer_token()
        self.sent = 0

    def edit(self, text):
        urls = ", ".join(f"http://{address}" for address in self.addresses)
        text = re.sub(r"      upstream: \S+\n", f"      upstream: [{urls}]\n      upstream_options: {self.OPTIONS}\n", text, count=1)
        return text + "\nlimits: {upstream_timeout_seconds: 1}\n"

    def send(self, path=READ, method="GET", body=None):
        """What came of it: who answered, the error of Writ, or `broken`."""
        self.sent += 1
        try:
            answer = self.world.through_gateway(self.token, path, method, body=body)
        except (http.client.IncompleteRead, ConnectionResetError):
            return "broken"
        if not answer.body.startswith(b"{"):
            return answer.body.decode()
        return answer.json().get("from") or f"{answer.status} {answer.json()['error']}"

    def decisions(self):
        with open(os.path.join(self.world.data, "audit.log"), encoding="utf-8") as file:
            return [record for record in map(json.loads, file) if record["type"] == "decision" and record["point"] == "gateway"]

    def metric(self, name, **labels):
        text = self.world.call(self.world.api_port, "GET", "/metrics").body.decode()
        given = ",".join(f'{key}="{value}"' for key, value in labels.items())
        return int(re.search(rf"^{re.escape(name)}{{{re.escape(given)}}} (\d+)$", text, re.MULTILINE)[1])

    def ejected(self, number):
        return self.metric("writ_upstream_address_ejected", api="invoices", address=self.addresses[number])

    def wait_for(self, condition):
        for _ in range(2000):
            if condition():
                return
            time.sleep(0.01)
        self.fail("it does not come")

    def tearDown(self):
        decided = self.decisions()
        self.assertEqual(self.sent, len(decided), "each request is recorded once, however often it was sent")
        self.assertEqual({"permit"}, {record["effect"] for record in decided})
        self.assertEqual(len(decided), len({record["request_id"] for record in decided}))


class Faults(Upstreams):
    def test_an_address_that_is_killed_is_noticed_by_nobody_and_comes_back(self):
        self.assertEqual({"one", "two"}, {self.send() for _ in range(10)})
        self.apis[0].kill()
        self.assertEqual({"two"}, {self.send() for _ in range(20)})
        self.assertEqual(1, self.ejected(0))
        self.assertEqual(2, self.metric("writ_upstream_retries_total", api="invoices"))
        self.apis[0].start()
        self.wait_for(lambda: not self.ejected(0))
        self.assertEqual({"one", "two"}, {self.send() for _ in range(10)})
        log = self.world.log_text()
        self.assertIn(f"upstream {self.addresses[0]} of API `invoices` failed 2 times in a row and gets no requests for 2 s", log)
        self.wait_for(lambda: f"upstream {self.addresses[0]} of API `invoices` gets requests again" in self.world.log_text())

    def test_an_address_that_hangs_is_left_out_after_so_many_and_its_requests_are_not_sent_again(self):
        self.assertEqual({"one", "two"}, {self.send() for _ in range(10)})
        self.apis[0].process.send_signal(signal.SIGSTOP)
        try:
            got = [self.send() for _ in range(10)]
        finally:
            self.apis[0].process.send_signal(signal.SIGCONT)
        self.assertEqual(2, got.count("504 upstream_timeout"), got)
        self.assertEqual(8, got.count("two"), got)
        self.assertEqual(0, self.metric("writ_upstream_retries_total", api="invoices"))

    def test_an_address_that_resets_before_it_answers_gets_reads_only_once(self):
        self.apis[0].behave("reset")
        self.assertEqual({"two"}, {self.send() for _ in range(10)})
        self.assertEqual(2, len(self.apis[0].seen()))
        self.assertEqual(10, len(self.apis[1].seen()))
        # Its requests are the very ones that went to the other address.
        without_host = [re.sub(r"\tHost: [^\t]*", "", line) for api in self.apis for line in api.seen()]
        self.assertTrue(set(without_host[:2]) <= set(without_host[2:]))

    def test_an_answer_that_breaks_in_the_middle_breaks_for_the_caller_and_is_not_asked_for_again(self):
        self.apis[0].behave("middle")
        got = [self.send() for _ in range(10)]
        self.assertEqual(2, got.count("broken"), got)
        self.assertEqual(8, got.count("two"), got)
        self.assertEqual(10, sum(len(api.seen()) for api in self.apis))

    def test_what_an_address_sends_beyond_its_length_is_nobodys_answer(self):
        self.apis[0].behave("long")
        got = [self.send() for _ in range(20)]
        self.assertEqual({"ok", "two"}, set(got))

    def test_an_answer_that_is_shorter_than_it_says_is_never_made_whole(self):
        self.apis[0].behave("short")
        got = [self.send() for _ in range(10)]
        self.assertEqual({"broken", "two"}, set(got), got)
        self.assertEqual(10, sum(len(api.seen()) for api in self.apis))

    def test_an_address_that_half_closes_behind_its_answer_has_answered(self):
        for api in self.apis:
            api.behave("shut")
        self.assertEqual(["all of it"] * 10, [self.send() for _ in range(10)])

    def test_one_that_half_closes_before_it_answers_is_as_one_that_resets(self):
        self.apis[0].behave("silent")
        self.assertEqual({"two"}, {self.send() for _ in range(10)})
        self.assertEqual(10, len(self.apis[1].seen()))

    def test_a_caller_that_half_closes_behind_its_request_is_answered(self):
        self.sent += 1
        with socket.create_connection(("127.0.0.1", self.world.gateway_port), timeout=30) as caller:
            caller.sendall(f"GET {READ} HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer {self.token}\r\n\r\n".encode())
            caller.shutdown(socket.SHUT_WR)
            answer = caller.makefile("rb").read()
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
        self.assertIn(b'"from"', answer)

    def test_an_early_answer_passes_as_it_is(self):
        for api in self.apis:
            api.behave("early")
        self.assertEqual("large", self.send())
        self.assertEqual("large", self.send())

    def test_a_kill_and_a_reload_while_requests_come(self):
        stop, got, lock = threading.Event(), [], threading.Lock()

        def send_on():
            while not stop.is_set():
                answer = self.send_uncounted()
                with lock:
                    got.append(answer)

        threads = [threading.Thread(target=send_on) for _ in range(4)]
        for thread in threads:
            thread.start()
        self.wait_for(lambda: len(got) > 20)
        self.apis[1].kill()
        after = len(got)
        self.wait_for(lambda: len(got) > after + 40)
        ejections = self.metric("writ_upstream_address_ejections_total", api="invoices", address=self.addresses[1])
        before = self.revision()
        with open(os.path.join(self.world.folder, "policies", "billing.cedar"), "a", encoding="utf-8") as file:
            file.write("\n// as it was\n")
        answer = self.world.api_call(self.world.operator_token(), "POST", "/v1/policies/reload")
        self.assertEqual(200, answer.status, answer)
        self.assertNotEqual(before, self.revision())
        after = len(got)
        self.wait_for(lambda: len(got) > after + 40)
        stop.set()
        for thread in threads:
            thread.join()
        self.sent = len(got)
        # What was under way at the address when it was killed was not answered, and is sent to the other one.
        self.assertEqual({"one", "two"}, set(got))
        self.assertGreaterEqual(self.metric("writ_upstream_address_ejections_total", api="invoices", address=self.addresses[1]), max(1, ejections))

    def revision(self):
        return re.search(r'revision="([^"]*)"', self.world.call(self.world.api_port, "GET", "/metrics").body.decode())[1]

    def send_uncounted(self):
        answer = self.world.through_gateway(self.token, READ)
        return answer.json().get("from") or f"{answer.status} {answer.json()['error']}"


class Checked(Upstreams):
    OPTIONS = "{check: {path: /health, interval_seconds: 1, healthy: 1, unhealthy: 1}}"

    def up(self, number):
        return self.metric("writ_upstream_address_up", api="invoices", address=self.addresses[number])

    def test_an_address_that_says_it_is_ill_gets_no_requests_until_it_is_well(self):
        self.apis[1].behave("ill")
        self.wait_for(lambda: not self.up(1))
        self.assertEqual({"one"}, {self.send() for _ in range(10)})
        self.apis[1].behave("well")
        self.wait_for(lambda: self.up(1))
        self.assertEqual({"one", "two"}, {self.send() for _ in range(10)})
        log = self.world.log_text()
        self.assertIn(f"upstream {self.addresses[1]} of API `invoices` does not pass its health checks: its status is 500", log)
        self.assertIn(f"upstream {self.addresses[1]} of API `invoices` passes its health checks again", log)

    def test_an_address_that_hangs_does_not_pass(self):
        self.apis[1].process.send_signal(signal.SIGSTOP)
        try:
            self.wait_for(lambda: not self.up(1))
            self.assertEqual({"one"}, {self.send() for _ in range(10)})
            ready = self.world.call(self.world.api_port, "GET", "/readyz")
            self.assertEqual(200, ready.status)
        finally:
            self.apis[1].process.send_signal(signal.SIGCONT)


class Name(Upstreams):
    OPTIONS = "{refresh_seconds: 1}"

    def edit(self, text):
        port = self.addresses[0].rsplit(":", 1)[1]
        return re.sub(r"      upstream: \S+\n", f"      upstream: http://localhost:{port}\n      upstream_options: {self.OPTIONS}\n", text, count=1)

    def test_a_name_becomes_its_address_and_host_stays_the_name(self):
        self.wait_for(lambda: f'address="{self.addresses[0]}"' in self.world.call(self.world.api_port, "GET", "/metrics").body.decode())
        self.assertEqual("one", self.send())
        port = self.addresses[0].rsplit(":", 1)[1]
        self.assertIn(f"\tHost: localhost:{port}\t", self.apis[0].seen()[0])


class Nginx:
    """Debian's, at a port or a Unix socket. It ends kept connections after three requests."""

    def __init__(self, folder, name, listen):
        self.folder = os.path.join(folder, name)
        os.makedirs(self.folder)
        self.config = os.path.join(self.folder, "nginx.conf")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f"""
daemon off; worker_processes 1; pid {self.folder}/pid; error_log {self.folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log {self.folder}/access.log; keepalive_requests 3; default_type application/json;
  client_body_temp_path {self.folder}/b; proxy_temp_path {self.folder}/p; fastcgi_temp_path {self.folder}/f;
  uwsgi_temp_path {self.folder}/u; scgi_temp_path {self.folder}/s;
  server {{ listen {listen}; location / {{ return 200 '{{"from": "{name}"}}'; }} }}
}}
""")
        self.process = subprocess.Popen([NGINX, "-p", self.folder, "-c", self.config], stderr=subprocess.DEVNULL)
        for _ in range(1000):
            if os.path.exists(os.path.join(self.folder, "pid")):
                return
            time.sleep(0.01)
        raise AssertionError("nginx does not start")

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait()


@unittest.skipUnless(os.path.exists(NGINX), "nginx is not installed")
class BehindNginx(Upstreams):
    def setUp(self):
        ports = harness.free_ports(1)
        self.addresses = [f"127.0.0.1:{ports[0]}"]
        self.world = harness.TestWorld(self.edit)
        self.addCleanup(self.world.close)
        self.nginx = [Nginx(self.world.folder, "port", self.addresses[0]),
                      Nginx(self.world.folder, "socket", f"unix:{self.socket}")]
        for each in self.nginx:
            self.addCleanup(each.end)
        self.world.start()
        self.token = self.world.customer_token()
        self.sent = 0

    def edit(self, text):
        folder = tempfile.mkdtemp(prefix="writ-test-")
        self.addCleanup(shutil.rmtree, folder, True)
        self.socket = os.path.join(folder, "api.sock")
        urls = f"[http://{self.addresses[0]}, \"unix:{self.socket}\"]"
        return re.sub(r"      upstream: \S+\n", f"      upstream: {urls}\n      upstream_options: {self.OPTIONS}\n", text, count=1)

    def test_a_port_and_a_socket_serve_and_whoever_ends_in_order_is_missed_by_nobody(self):
        self.assertEqual({"port", "socket"}, {self.send() for _ in range(40)})
        self.nginx[1].end(signal.SIGQUIT)
        self.assertEqual({"port"}, {self.send() for _ in range(40)})
        self.assertEqual(1, self.metric("writ_upstream_address_ejected", api="invoices", address=f"unix:{self.socket}"))


class Configuration(unittest.TestCase):
    def issues(self, upstream):
        world = harness.TestWorld(lambda text: re.sub(r"      upstream: \S+\n", upstream, text, count=1))
        self.addCleanup(world.close)
        status, out, err = harness.writ("check", "--config", world.config)
        return status, out + err

    def test_the_example_of_the_page_is_one_and_its_tables_have_every_option(self):
        with open(os.path.join(harness.ROOT, "docs", "upstreams.md"), encoding="utf-8") as file:
            page = file.read()
        status, out = self.issues(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1])
        self.assertEqual(0, status, out)
        # The keys that it describes are those of the schema.
        _, schema, _ = harness.writ("config", "schema")
        options = json.loads(schema)["$defs"]["upstream_options"]["properties"]
        for name, properties in [("upstream_options", options)] + [(key, options[key]["properties"]) for key in ("retries", "ejection", "check")]:
            table = re.search(rf"\| key of `{name}` \|.*?\n\n", page, re.DOTALL)[0]
            described = {key for row in table.strip().splitlines()[2:] for key in re.findall(r"`([a-z0-9_]+)`", row.split("|")[1])}
            self.assertEqual(set(properties), described, name)

    def test_what_cannot_be_an_upstream_is_an_error_with_its_place(self):
        cases = {
            "      upstream: [http://a, https://b]\n": "all its URLs have the same scheme and the same path prefix",
            "      upstream: [http://a, http://a]\n": "`http://a` is named twice",
            "      upstream: []\n": "`upstream` is an empty list",
            "      upstream: unix:run/x\n": "expected `unix:/path`",
            "      upstream: http://a\n      upstream_options: {check: {}}\n": "`path`",
            "      upstream: http://a\n      upstream_options: {check: {path: health}}\n": "`health` is not a path",
            "      upstream: http://a\n      upstream_options: {check: {path: /a/../b}}\n": "`/a/../b` is not a path",
            "      upstream: http://a\n      upstream_options: {ejection: {statuses: [404]}}\n": "`404` is not a status that an address can fail with",
            "      upstream: http://a\n      upstream_options: {ejection: {statuses: [no]}}\n": "is not a status that an address can fail with",
            "      upstream_options: {max_requests: 5}\n": "nothing is connected to: the API has no `upstream`",
            "      upstream: http://a\n      upstream_options: {max_requests: 0}\n": "`max_requests` must be between 1 and 1000000",
        }
        for upstream, message in cases.items():
            with self.subTest(upstream):
                status, out = self.issues(upstream)
                self.assertNotEqual(0, status)
                self.assertIn(message, out)
                self.assertRegex(out, r"writ\.yaml:8\d:")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(int(sys.argv[2]), sys.argv[3])
    unittest.main()
