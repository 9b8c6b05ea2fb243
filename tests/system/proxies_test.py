"""Behind load balancers and proxies: nginx as it comes, HTTP/1.0, whose address counts, the PROXY protocol, idle connections."""
import os
import re
import socket
import struct
import subprocess
import time
import unittest

import harness

READ = "/invoices/inv-1001"
PROXY = "127.0.0.9"  # the operator's own; strangers are 127.0.0.1


def proxy_header(source):
    return (b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack(">H", 12) + socket.inet_aton(source) + socket.inet_aton("127.0.0.1") +
            struct.pack(">HH", 40_000, 443))


def exchange(address, port, data, timeout=20):
    """Sends from that address, and reads until the end of the connection."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout, source_address=(address, 0)) as connection:
        connection.sendall(data)
        try:
            while piece := connection.recv(65536):
                received += piece
        except ConnectionError:
            pass
    return received


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None


class Proxies(unittest.TestCase):
    def world(self, listen="", gateway="", limits=""):
        def edit(text):
            text = text.replace("  threads: 2", f"  threads: 2\n  proxies: [{PROXY}]\n{listen}")
            text = re.sub(r"  gateway: (\S+).*", rf"  gateway: {{address: \1{gateway}}}", text)
            return text + limits
        world = harness.TestWorld(edit=edit)
        self.addCleanup(world.close)
        world.start()
        return world

    def ask(self, world, fields="", address=PROXY, version="1.1", before=b"", host="Host: a\r\n", connection="close"):
        head = (f"GET {READ} HTTP/{version}\r\n{host}Authorization: Bearer {self.token}\r\nConnection: {connection}\r\n"
                f"{fields}\r\n")
        return exchange(address, world.gateway_port, before + head.encode())

    def last_peer(self, world):
        """Of the audit's last record of the gateway."""
        with open(os.path.join(world.data, "audit.log"), encoding="utf-8") as log:
            return re.findall(r'"peer":"([^"]*)"', log.read())[-1]

    def test_the_callers_address_is_the_one_that_the_proxy_saw(self):
        world = self.world()
        self.token = world.customer_token()
        for fields, peer in (("X-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7"),
                             ("X-Forwarded-For: 198.51.100.1, 192.0.2.8\r\n", "192.0.2.8"),
                             (f"X-Forwarded-For: 192.0.2.9, {PROXY}\r\n", "192.0.2.9"),
                             ('Forwarded: for=198.51.100.1, for="[2001:db8::7]:4711";proto=https\r\n', "2001:db8::7"),
                             ("", PROXY)):
            self.assertEqual(200, status_of(self.ask(world, fields)), fields)
            self.assertEqual(peer, self.last_peer(world), fields)
            self.assertEqual(200, status_of(self.ask(world, fields, address="127.0.0.1")))
            self.assertEqual("127.0.0.1", self.last_peer(world), "a stranger's word")

    def test_what_a_proxy_says_and_nobody_understands_is_refused(self):
        world = self.world()
        self.token = world.customer_token()
        for fields in ("X-Forwarded-For: unknown\r\n", "Forwarded: for=_hidden\r\n", 'Forwarded: for="192.0.2.7\r\n',
                       "Forwarded: for=192.0.2.7\r\nX-Forwarded-For: 192.0.2.8\r\n"):
            answer = self.ask(world, fields)
            self.assertEqual(400, status_of(answer), answer)
            self.assertIn(b'"malformed_request"', answer)

    def test_the_field_that_the_proxies_write_may_be_chosen(self):
        world = self.world(listen="  forwarded_by: x-forwarded-for\n")
        self.token = world.customer_token()
        self.assertEqual(200, status_of(self.ask(world, "Forwarded: for=198.51.100.1\r\nX-Forwarded-For: 192.0.2.8\r\n")))
        self.assertEqual("192.0.2.8", self.last_peer(world))

    def test_the_proxy_protocol_says_where_a_connection_comes_from(self):
        world = self.world(gateway=", proxy_protocol: true")
        self.token = world.customer_token()
        self.assertEqual(200, status_of(self.ask(world, before=proxy_header("192.0.2.7"))))
        self.assertEqual("192.0.2.7", self.last_peer(world))
        # The source is no proxy: what it writes is its own word.
        self.assertEqual(200, status_of(self.ask(world, "X-Forwarded-For: 198.51.100.1\r\n", before=proxy_header("192.0.2.7"))))
        self.assertEqual("192.0.2.7", self.last_peer(world))
        requests = world.upstream_requests()
        self.assertEqual(b"", self.ask(world, before=proxy_header("192.0.2.7"), address="127.0.0.1"), "from a stranger")
        self.assertEqual(b"", self.ask(world), "without the header")
        self.assertEqual(b"", self.ask(world, before=b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 443\r\n"), "version 1")
        self.assertEqual(requests, world.upstream_requests())
        metrics = world.call(world.api_port, "GET", "/metrics").body.decode()
        self.assertIn('writ_http_total{listener="gateway",event="proxy_header_refused"} 3', metrics)

    def test_http_1_0_is_served(self):
        world = self.world()
        self.token = world.customer_token()
        answer = self.ask(world, version="1.0", host="")
        self.assertEqual(200, status_of(answer), answer)
        self.assertIn(b"\r\nConnection: close\r\n", answer)
        self.assertNotIn(b"Transfer-Encoding", answer)
        with socket.create_connection(("127.0.0.1", world.gateway_port), timeout=20) as connection:
            for _ in range(2):
                connection.sendall(f"GET {READ} HTTP/1.0\r\nAuthorization: Bearer {self.token}\r\nConnection: keep-alive\r\n\r\n".encode())
                answer = connection.recv(65536)
                self.assertEqual(200, status_of(answer), answer)
                self.assertIn(b"\r\nConnection: keep-alive\r\n", answer)
        # HAProxy's check.
        self.assertEqual(200, status_of(exchange("127.0.0.1", world.api_port, b"GET /readyz HTTP/1.0\r\n\r\n")))

    def test_a_websocket_is_refused_with_a_reason(self):
        world = self.world()
        self.token = world.customer_token()
        before = world.upstream_requests()
        answer = self.ask(world, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGVzdA==\r\n",
                          connection="Upgrade")
        self.assertEqual(501, status_of(answer), answer)
        self.assertIn(b"WebSocket", answer)
        self.assertEqual(before, world.upstream_requests())

    def test_an_idle_connection_is_closed_when_the_configuration_says_so(self):
        world = self.world(limits="\nlimits: {idle_timeout_seconds: 1}\n")
        with socket.create_connection(("127.0.0.1", world.gateway_port), timeout=20) as connection:
            self.assertEqual(b"", connection.recv(1))

    def test_nginx_in_front_as_it_comes(self):
        world = self.world(listen="")
        self.token = world.customer_token()
        port, = harness.free_ports(1)
        folder = os.path.join(world.folder, "nginx")
        os.makedirs(folder)
        config = os.path.join(folder, "nginx.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"""
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{world.gateway_port};
      proxy_bind {PROXY};
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
  }}
}}
""")
        nginx = subprocess.Popen(["/usr/sbin/nginx", "-p", folder, "-c", config], stderr=subprocess.DEVNULL)
        self.addCleanup(nginx.wait)
        self.addCleanup(nginx.terminate)
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionError:
                self.assertLess(time.monotonic(), deadline, "nginx listens")
                time.sleep(0.02)
        for _ in range(3):
            answer = world.call(port, "GET", READ, {"Authorization": f"Bearer {self.token}", "X-Forwarded-For": "198.51.100.1"})
            self.assertEqual(200, answer.status, answer)
            self.assertEqual("127.0.0.1", self.last_peer(world), "nginx' own caller, not what that one wrote")


if __name__ == "__main__":
    unittest.main()
