"""nginx, HAProxy and Caddy before Writ's gateway and behind it, as they come from Debian."""
import concurrent.futures
import hashlib
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import certificates
import harness
from on_response_test import ORDERS, with_api
from web_servers import caddy, haproxy, needs, nginx
from websockets_test import POLICIES, SCHEMA

ROUTES = """
- {method: GET, path: "/files/{file}", action: read, resource: 'Shop::Order::"{file}"'}
- {method: HEAD, path: "/files/{file}", action: read, resource: 'Shop::Order::"{file}"'}
- {method: POST, path: "/files/{file}", action: read, resource: 'Shop::Order::"{file}"'}
"""
CALLER = "127.0.0.5"  # whom the proxies see; they are 127.0.0.1 themselves
LARGE = hashlib.shake_128(b"large").digest(3_000_000)
PATIENCE_SECONDS = 60


class Files:
    """An API: each of its files is the same, and of what is posted it tells the hash."""

    def __init__(self):
        api = self
        self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                api.seen.append(self.headers)
                self.answer(LARGE)

            do_HEAD = do_GET

            def do_POST(self):
                api.seen.append(self.headers)
                body = b""
                if self.headers.get("Transfer-Encoding") == "chunked":
                    while size := int(self.rfile.readline(), 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                else:
                    body = self.rfile.read(int(self.headers["Content-Length"]))
                self.answer(hashlib.sha256(body).hexdigest().encode())

            def answer(self, body):
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="writ-web-servers-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.authority = certificates.Authority(cls.folder)
        cls.chain, cls.key = cls.authority.issue("server", ["DNS:api.acme.example", "IP:127.0.0.1"])
        cls.large, cls.pair = os.path.join(cls.folder, "large"), os.path.join(cls.folder, "pair.pem")
        with open(cls.large, "wb") as file:
            file.write(LARGE)
        with open(cls.pair, "wb") as pair:
            for path in (cls.chain, cls.key):
                with open(path, "rb") as file:
                    pair.write(file.read())

    def started(self, server):
        self.addCleanup(server.close)
        return server

    def world(self, port, listen="", gateway="", upstream=None, more=""):
        """In front of an API on that port; proxies are this machine's."""
        def edit(text):
            text = with_api(ROUTES, port, more)(text)
            text = text.replace("  threads: 2", f"  threads: 2\n  proxies: [127.0.0.1]\n{listen}")
            text = re.sub(r"  gateway: (\S+).*", rf"  gateway: {{address: \1{gateway}}}", text)
            return text.replace(f"upstream: http://127.0.0.1:{port}\n", f"upstream: {upstream}\n") if upstream else text
        world = harness.TestWorld(edit)
        self.addCleanup(world.close)
        for name, text in (("schema.cedarschema", SCHEMA), (os.path.join("policies", "orders.cedar"), POLICIES)):
            with open(os.path.join(world.folder, name), "a", encoding="utf-8") as file:
                file.write("\n" + text)
        world.start()
        self.token = world.customer_token(audience=ORDERS)
        return world

    def curl(self, url, *arguments, token=None):
        """(version and status, body)"""
        body = os.path.join(self.folder, f"body-{time.monotonic_ns()}-{threading.get_ident()}")
        run = subprocess.run(["curl", "-sS", "--max-time", "60", "--cacert", self.authority.certificate, "--interface", CALLER, "-o", body,
                              "-w", "%{http_version} %{http_code}", "-H", f"Authorization: Bearer {token or self.token}", *arguments, url],
                             capture_output=True, text=True, check=False)
        self.assertEqual(0, run.returncode, run.stderr)
        if not os.path.exists(body):
            return run.stdout, b""
        with open(body, "rb") as file:
            return run.stdout, file.read()

    def assert_head_of_large(self, expected, url):
        status, head = self.curl(url, "--head")
        self.assertEqual(expected, status)
        self.assertIn(f"content-length: {len(LARGE)}\r\n", head.decode().lower())

    def peers(self, world):
        """Whom the audit names as callers of the gateway."""
        with open(os.path.join(world.data, "audit.log"), encoding="utf-8") as log:
            records = [json.loads(line) for line in log]
        return {record["peer"] for record in records if record.get("point") == "gateway"}

    def all_is_well(self, world, url, files, version):
        """What passes through a proxy before Writ is what passes without one."""
        self.assertEqual((f"{version} 200", LARGE), self.curl(f"{url}/files/a"))
        self.assert_head_of_large(f"{version} 200", f"{url}/files/a")
        sum_of_large = hashlib.sha256(LARGE).hexdigest().encode()
        self.assertEqual((f"{version} 200", sum_of_large), self.curl(f"{url}/files/a", "--data-binary", f"@{self.large}"))
        seen = len(files.seen)
        status, body = self.curl(f"{url}/files/a", token="none")
        self.assertEqual((f"{version} 401", "token_malformed"), (status, json.loads(body)["reason"]))
        self.assertEqual(f"{version} 404", self.curl(f"{url}/nothing")[0])
        self.assertEqual(seen, len(files.seen))
        self.assertEqual({CALLER}, self.peers(world))
        self.assertEqual({CALLER}, {fields["X-Forwarded-For"] for fields in files.seen})

    def at_once(self, count, work):
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            return list(pool.map(work, range(count)))


class BeforeWrit(Case):
    def setUp(self):
        self.files = Files()
        self.addCleanup(self.files.close)

    def nginx_front(self, world, more=""):
        return self.started(nginx(f"""
    listen $PORT ssl http2;
    ssl_certificate {self.chain}; ssl_certificate_key {self.key};
    client_max_body_size 10m;
    location / {{
      proxy_pass http://writ;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      {more}
    }}""", http=f"upstream writ {{ server 127.0.0.1:{world.gateway_port}; keepalive 8; }}"))

    @needs("nginx")
    def test_nginx_as_it_comes_speaks_http_1_0_to_writ(self):
        world = self.world(self.files.port)
        front = self.nginx_front(world)
        self.all_is_well(world, f"https://127.0.0.1:{front.port}", self.files, "2")

    @needs("nginx")
    def test_nginx_with_kept_connections(self):
        world = self.world(self.files.port)
        front = self.nginx_front(world, 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_request_buffering off;')
        self.all_is_well(world, f"https://127.0.0.1:{front.port}", self.files, "2")
        statuses = self.at_once(60, lambda _: self.curl(f"https://127.0.0.1:{front.port}/files/a", "--http1.1", "--head")[0])
        self.assertEqual(["1.1 200"] * 60, statuses)

    def haproxy_status(self, front):
        with socket.socket(socket.AF_UNIX) as admin:
            admin.connect(os.path.join(front.folder, "admin"))
            admin.sendall(b"show stat\n")
            told = b""
            while piece := admin.recv(65536):
                told += piece
        rows = [line.split(",") for line in told.decode().splitlines() if line]
        names = rows[0]
        (row,) = [row for row in rows if row[1] == "writ"]
        return dict(zip(names, row))

    def haproxy_front(self, world, server):
        front = self.started(haproxy(f"""
frontend front
  bind $PORT ssl crt {self.pair} alpn h2,http/1.1
  default_backend gateway
backend gateway
  option httpchk GET /readyz HTTP/1.0
  http-check expect status 200
  server writ 127.0.0.1:{world.gateway_port} check inter 100ms fastinter 100ms downinter 100ms {server}
"""))
        return front

    def await_status(self, front, wanted):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (status := self.haproxy_status(front))["status"].startswith(wanted) or "L7" not in status["check_status"]:
            self.assertLess(time.monotonic(), deadline, str(status))
            time.sleep(0.05)

    @needs("haproxy")
    def test_haproxy_with_the_proxy_protocol_and_its_check(self):
        world = self.world(self.files.port, gateway=", proxy_protocol: true")
        front = self.haproxy_front(world, f"send-proxy-v2 port {world.api_port}")
        self.await_status(front, "UP")
        self.all_is_well(world, f"https://127.0.0.1:{front.port}", self.files, "2")

    @needs("haproxy")
    def test_haproxy_checks_the_gateway_itself_with_a_local_header(self):
        world = self.world(self.files.port, gateway=", proxy_protocol: true")
        front = self.started(haproxy(f"""
frontend front
  bind $PORT
  default_backend gateway
backend gateway
  option httpchk
  http-check expect status 404
  server writ 127.0.0.1:{world.gateway_port} check inter 100ms send-proxy-v2 check-send-proxy
"""))
        self.await_status(front, "UP")
        self.assertEqual(("1.1 200", LARGE), self.curl(f"http://127.0.0.1:{front.port}/files/a"))
        self.assertEqual({CALLER}, self.peers(world))

    @needs("haproxy")
    def test_haproxy_speaks_http_2_to_writ(self):
        world = self.world(self.files.port, gateway=", proxy_protocol: true")
        front = self.haproxy_front(world, f"send-proxy-v2 proto h2 port {world.api_port} check-proto h1")
        self.await_status(front, "UP")
        self.all_is_well(world, f"https://127.0.0.1:{front.port}", self.files, "2")

    @needs("haproxy")
    def test_haproxy_learns_that_writ_is_going_to_stop(self):
        world = self.world(self.files.port)
        front = self.haproxy_front(world, f"port {world.api_port}")
        self.await_status(front, "UP")
        world.server.terminate()  # it goes on for limits.drain_grace_seconds
        self.await_status(front, "DOWN")

    @needs("caddy")
    def test_caddy_over_http_1_1_and_http_2(self):
        world = self.world(self.files.port)
        for transport in ("1.1", "h2c 2"):
            front = self.started(caddy(f"""
https://127.0.0.1:$PORT {{
  tls {self.chain} {self.key}
  reverse_proxy 127.0.0.1:{world.gateway_port} {{
    transport http {{
      versions {transport}
    }}
  }}
}}"""))
            self.all_is_well(world, f"https://127.0.0.1:{front.port}", self.files, "2")


class BehindWrit(Case):
    def url(self, world):
        return f"http://127.0.0.1:{world.gateway_port}/files/large"

    def all_is_well(self, world):
        self.assertEqual(("1.1 200", LARGE), self.curl(self.url(world)))
        self.assert_head_of_large("1.1 200", self.url(world))
        self.assertEqual(("1.1 206", LARGE[10:20]), self.curl(self.url(world), "-H", "Range: bytes=10-19"))
        self.assertEqual("1.1 404", self.curl(self.url(world) + "r")[0])
        # More of them than a connection takes, at once and one after the other.
        statuses = self.at_once(80, lambda _: self.curl(self.url(world), "-H", "Range: bytes=0-99999"))
        self.assertEqual([("1.1 206", LARGE[:100_000])] * 80, statuses)

    def nginx_behind(self, listen):
        files = os.path.join(self.folder, "files")
        if not os.path.exists(files):
            os.mkdir(files)
            os.link(self.large, os.path.join(files, "large"))
        # It ends each connection soon, as it does after a thousand requests otherwise.
        return self.started(nginx(f"""
    listen $PORT {listen};
    keepalive_requests 7;
    root {self.folder};
""", http="http2_max_concurrent_streams 3;"))

    @needs("nginx")
    def test_nginx(self):
        behind = self.nginx_behind("")
        self.all_is_well(self.world(behind.port))

    @needs("nginx")
    def test_nginx_over_tls_and_http_2_with_few_streams_on_a_connection(self):
        behind = self.nginx_behind(f"ssl http2; ssl_certificate {self.chain}; ssl_certificate_key {self.key}")
        world = self.world(behind.port, upstream=f"https://127.0.0.1:{behind.port}",
                           more=f"      upstream_tls: {{ca: {self.authority.certificate}}}\n")
        self.all_is_well(world)

    @needs("nginx")
    def test_nginx_over_plain_http_2(self):
        behind = self.nginx_behind("http2")
        self.all_is_well(self.world(behind.port, more="      upstream_options: {http2: true}\n"))

    @needs("caddy", "nginx")
    def test_caddy_over_plain_http_2(self):
        files = self.nginx_behind("")
        behind = self.started(caddy(f"http://127.0.0.1:$PORT {{\n  reverse_proxy 127.0.0.1:{files.port}\n}}",
                                    options="servers {\n    protocols h1 h2c\n  }"))
        self.all_is_well(self.world(behind.port, more="      upstream_options: {http2: true}\n"))

    @needs("haproxy", "nginx")
    def test_haproxy(self):
        files = self.nginx_behind("")
        behind = self.started(haproxy(f"""
frontend front
  bind $PORT
  default_backend files
backend files
  server files 127.0.0.1:{files.port}
"""))
        self.all_is_well(self.world(behind.port))


del Case

if __name__ == "__main__":
    unittest.main()
