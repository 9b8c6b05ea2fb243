"""Requests that are known to be read in two ways (smuggling_cases.py), fired at the real gateway with real servers behind it.

Of each, the gateway refuses, or each server reads what the audit says was decided on: as many requests, their methods and paths; and
all of them read the same target, host and body. The same over HTTP/2 to servers that speak HTTP/1.1, and the other way round.
"""
import collections
import concurrent.futures
import http.client
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

import harness
import smuggling_cases as cases
from web_servers import needs, nginx
from websockets_test import SCHEMA

SERVERS = ("python", "node", "nginx", "nginx2")  # nginx2 speaks HTTP/2 to the gateway; what those two read, they hand to python
POLICIES = '@id("nobody") forbid (principal, action == Shop::Action::"read", resource) when { false };\n'
METHODS = ("GET", "HEAD", "POST")
PATHS = ("/{case}", "/{case}/{a}", "/{case}/{a}/{b}")
# What no caller may say to an API in its own name.
NEVER = {"transfer_encoding", "content_length", "x-original-url", "x-rewrite-url", "x-http-method-override", "x-http-method", "x-method-override", "x-host",
         "x_forwarded_host", "x-real-ip", "x-forwarded-prefix", "forwarded", "http2-settings", "keep-alive", "proxy-connection", "x"}
AT_ONCE = 24
PATIENCE_SECONDS = 60
SETTLED = ("node", "settled")

Seen = collections.namedtuple("Seen", "method target host forwarded_host body names sources")


class Servers:
    """What each read, by the server and the case that its path names."""

    def __init__(self, folder):
        self.seen, self.faults, self.lock = collections.defaultdict(list), [], threading.Lock()
        servers = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                try:
                    body = self.body()
                except ValueError:  # it was broken off
                    self.close_connection = True
                    return
                servers.note(self.command, self.raw_requestline.decode("latin-1").split(" ")[1], body, self.headers.items())
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def body(self):
                body = b""
                if "chunked" in self.headers.get("Transfer-Encoding", ""):
                    while size := int(self.rfile.readline(), 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    while line := self.rfile.readline():
                        if line == b"\r\n":
                            return body
                    raise ValueError
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                if len(body) < length:
                    raise ValueError
                return body

            do_GET = do_HEAD = do_POST = answer

            def send_error(self, code, message=None, explain=None):
                servers.fault(f"python could not read {self.raw_requestline!r}: {code} {message}")
                super().send_error(code, message, explain)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128  # of the usual 5 the kernel drops some, and the gateway waits in vain

        self.python = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.python.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.node = subprocess.Popen(["node", os.path.join(os.path.dirname(os.path.abspath(__file__)), "smuggling_server.mjs")],
                                     stdout=subprocess.PIPE, text=True)
        self.ports = {"python": self.python.server_address[1], "node": int(self.node.stdout.readline())}
        self.reader = threading.Thread(target=self.read_node, daemon=True)
        self.reader.start()
        self.log = os.path.join(folder, "nginx.log")
        self.nginx = {}
        for name, http2 in (("nginx", ""), ("nginx2", " http2")):
            self.nginx[name] = nginx(f"""
    listen $PORT{http2};
    location / {{
      access_log {self.log} read;
      proxy_pass http://python;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
    }}""", http=f"log_format read escape=json '{name} $status $request_method $uri';\n"
                                     f"upstream python {{ server 127.0.0.1:{self.ports['python']}; keepalive 8; }}")
            self.ports[name] = self.nginx[name].port

    def read_node(self):
        for line in self.node.stdout:
            told = json.loads(line)
            if told.get("fault") == "HPE_INVALID_EOF_STATE":
                continue  # a body that was broken off
            if "fault" in told:
                self.fault(f"node could not read it: {told}")
            else:
                fields = list(zip(told["fields"][::2], told["fields"][1::2]))
                self.note(told["method"], told["target"], bytes.fromhex(told["body"]), fields)

    def note(self, method, target, body, fields):
        by_name = collections.defaultdict(list)
        for name, value in fields:
            by_name[name.lower()].append(value)
        seen = Seen(method, target, by_name["host"], by_name["x-forwarded-host"], body, set(by_name), by_name["x-forwarded-for"])
        parts = target.split("?")[0].split("/")
        with self.lock:
            self.seen[tuple(parts[1:3])].append(seen)

    def settle(self):
        """Until what node has read is known here: its lines come in their order."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["node"], timeout=PATIENCE_SECONDS)
        before = len(self.seen[SETTLED])
        connection.request("GET", "/" + "/".join(SETTLED))
        connection.getresponse().read()
        connection.close()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(self.seen[SETTLED]) == before:
            assert time.monotonic() < deadline, "node does not say what it has read"
            time.sleep(0.01)

    def fault(self, text):
        with self.lock:
            self.faults.append(text)

    def close(self):
        for each in self.nginx.values():
            each.close()
        self.node.terminate()
        self.node.wait()
        self.reader.join()
        self.node.stdout.close()
        self.python.shutdown()
        self.python.server_close()

    def read_by_nginx(self):
        """(server, case) and what each read: status, method, and the path as it understood it."""
        with open(self.log, encoding="utf-8") as log:
            for line in log:
                server, status, method, path = line.rstrip("\n").split(" ", 3)
                yield server, status, method, json.loads(f'"{path}"')


def apis(servers):
    text = ""
    for name in SERVERS:
        text += (f"    - id: {name}\n      audience: https://{name}.acme.example\n      namespace: Shop\n      actions: [read]\n"
                 f"      upstream: http://127.0.0.1:{servers.ports[name]}\n")
        text += "      upstream_options: {http2: true}\n" if name == "nginx2" else ""
        text += "      routes:\n"
        for path in PATHS:
            for method in METHODS:
                text += f"        - {{method: {method}, path: \"/{name}{path}\", action: read, resource: 'Shop::Order::\"{{case}}\"', public: true}}\n"
    return text


def read_answer(stream, head_only=False):
    """The status of the next answer; None: there is none."""
    while True:
        line = stream.readline()
        if not line:
            return None
        status, length, chunked = int(line.split(b" ")[1]), None, False
        while (field := stream.readline()) not in (b"\r\n", b""):
            name, _, value = field.decode("latin-1").partition(":")
            length = int(value) if name.lower() == "content-length" else length
            chunked = chunked or (name.lower() == "transfer-encoding" and "chunked" in value)
        if status >= 200:
            break
    if not head_only and chunked:
        while size := int(stream.readline(), 16):
            stream.read(size + 2)
        stream.readline()
    elif not head_only and length:
        stream.read(length)
    return status


def http1(port, case, path):
    """The statuses of its answers; None for the end of the connection."""
    data = case.data.replace(b"$P", path.encode())
    if b"$L" in data:
        data = data.replace(b"$L", b"%d" % len(data.partition(b"\r\n\r\n")[2]))
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
        statuses = []
        try:
            connection.sendall(data)
            with connection.makefile("rb") as stream:
                for _ in range(case.answers):
                    if case.answers > len(statuses) + 1 or case.outcome == cases.REFUSED:
                        connection.settimeout(PATIENCE_SECONDS)
                    statuses.append(read_answer(stream, data.startswith(b"HEAD")))
                    if statuses[-1] is None:
                        break
                if case.outcome == cases.REFUSED and statuses[-1] is not None:
                    statuses.append(read_answer(stream))
        except ConnectionError:
            statuses.append(None)
        return statuses


def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def integer(number, prefix, first=0):
    """RFC 7541 §5.1."""
    most = (1 << prefix) - 1
    if number < most:
        return bytes([first | number])
    out, number = [first | most], number - most
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def block(fields, path):
    """HPACK without tables: names and values as they are."""
    out = b""
    for pair in fields:
        out += b"\x00"
        for text in pair:
            data = text.replace("$P", path).encode("latin-1")
            out += integer(len(data), 7) + data
    return out


DATA, HEADERS, RESET, SETTINGS, GO_AWAY = 0, 1, 3, 4, 7
END_STREAM, ACK, END_HEADERS = 1, 1, 4


def http2(port, case, path):
    """Whether the answer is 200; the connection ends, or the stream does."""
    trailers, body = case.trailers, case.body
    data = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, b"")
    data += frame(HEADERS, END_HEADERS | (END_STREAM if body is None else 0), 1, block(case.fields, path))
    if body is not None:
        data += frame(DATA, 0 if trailers else END_STREAM, 1, body.replace(b"$P", path.encode()))
    if trailers:
        data += frame(HEADERS, END_HEADERS | END_STREAM, 1, block(trailers, path))
    passed = False
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
        try:
            connection.sendall(data)
            with connection.makefile("rb") as stream:
                while len(head := stream.read(9)) == 9:
                    payload = stream.read(int.from_bytes(head[:3], "big"))
                    kind, flags = head[3], head[4]
                    if kind == HEADERS and not passed:
                        passed = payload.lstrip(bytes(range(0x20, 0x40)))[:1] == b"\x88"  # `:status: 200` of the static table
                    if kind in (RESET, GO_AWAY) or (kind in (DATA, HEADERS) and flags & END_STREAM):
                        break
        except ConnectionError:
            pass
    return passed


class Smuggling(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(prefix="writ-smuggling-")
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        if shutil.which("node") is None:
            raise unittest.SkipTest("there is no node")
        cls.servers = Servers(folder)
        cls.addClassCleanup(cls.servers.close)
        cls.world = harness.TestWorld(lambda text: text.rstrip("\n") + "\n" + apis(cls.servers))
        cls.addClassCleanup(cls.world.close)
        for name, text in (("schema.cedarschema", SCHEMA), (os.path.join("policies", "orders.cedar"), POLICIES)):
            with open(os.path.join(cls.world.folder, name), "a", encoding="utf-8") as file:
                file.write("\n" + text)
        cls.world.start()

    def fire(self, send, prefix, all_cases):
        """What came back, and of each case and server what was decided and what was read."""
        shots = [(number, case, server) for number, case in enumerate(all_cases) for server in SERVERS]
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(lambda shot: send(self.world.gateway_port, shot[1], f"/{shot[2]}/{prefix}{shot[0]}"), shots))
        self.servers.settle()
        decided = collections.defaultdict(list)
        with open(os.path.join(self.world.data, "audit.log"), encoding="utf-8") as log:
            for record in map(json.loads, log):
                if record.get("point") == "gateway" and record.get("effect") == "permit":
                    decided[tuple(record["path"].split("/")[1:3])].append((record["method"], record["path"]))
        return zip(shots, answers), decided

    def check(self, send, prefix, all_cases, was_refused, passed):
        """`passed`: how many answers are those of a server."""
        all_cases = list(all_cases)
        fired, decided = self.fire(send, prefix, all_cases)
        read, answers = collections.defaultdict(dict), collections.defaultdict(dict)
        for (number, case, server), answer in fired:
            answers[number][server] = answer
            key = (server, f"{prefix}{number}")
            seen = self.servers.seen.get(key, [])
            with self.subTest(case=case.name, server=server):
                # A body that turns out to be broken breaks off what was decided on its head: then no server has read all of it.
                told = collections.Counter((each.method, urllib.parse.unquote(each.target.split("?")[0])) for each in seen)
                self.assertLessEqual(told, collections.Counter(decided[key]), answer)
                self.assertLessEqual(passed(answer), len(seen), answer)
                for each in seen:
                    self.assertEqual(([f"127.0.0.1:{self.servers.ports[server]}"], ["127.0.0.1"]), (each.host, each.sources), seen)
                    self.assertEqual((1, set()), (len(each.forwarded_host), each.names & NEVER), seen)
                if case.outcome == cases.REFUSED:
                    self.assertTrue(was_refused(answer), answer)
                    self.assertEqual([], seen, answer)
                elif case.outcome is not None:
                    wanted = case.outcome.replace("$P", f"/{server}/{prefix}{number}")
                    self.assertEqual(wanted, seen[0].target if seen else answer)
                if case.bodies is not None and seen and seen[0].method == "POST":
                    bodies = [body.replace(b"$P", f"/{server}/{prefix}{number}".encode()) for body in case.bodies]
                    self.assertIn(seen[0].body, bodies)
                read[number][server] = [(each.method, re.sub(r"^/\w+", "", each.target), each.forwarded_host, re.sub(rb"/\w+/\w+/hidden", b"", each.body))
                                        for each in seen]
        for number, by_server in read.items():
            with self.subTest(case=all_cases[number].name):
                self.assertEqual(1, len({repr(told) for told in by_server.values()}), (by_server, answers[number]))

    @needs("nginx")
    def test_over_http1_the_gateway_refuses_or_every_server_reads_what_was_decided_on(self):
        self.check(http1, "a", cases.http1_cases(), lambda statuses: (statuses[0] or 400) in (400, 405, 413, 417, 431, 501, 505) and statuses[-1] is None,
                   lambda statuses: statuses.count(200))

    @needs("nginx")
    def test_over_http2_the_gateway_refuses_or_every_server_reads_what_was_decided_on(self):
        self.check(http2, "b", cases.http2_cases(), lambda passed: not passed, int)

    @classmethod
    def tearDownClass(cls):
        servers = cls.servers
        servers.settle()
        strangers = [(key, seen) for key, seen in servers.seen.items()
                     if key != SETTLED and (key[0] not in SERVERS or not re.fullmatch(r"[ab]\d+", key[1]))]
        assert not servers.faults and not strangers, (servers.faults, strangers)
        decided = set()
        with open(os.path.join(cls.world.data, "audit.log"), encoding="utf-8") as log:
            for record in map(json.loads, log):
                if record.get("point") == "gateway" and record.get("effect") == "permit":
                    decided.add((record["method"], record["path"]))
        others = [each for each in servers.read_by_nginx() if each[2:] not in decided]
        assert not others, others


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
