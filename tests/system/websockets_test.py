"""docs/websockets.md: its example in the real binary, with a WebSocket API on a socket."""
import base64
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
import unittest

import harness
from on_response_test import ISSUE, ORDERS, blocks, page, with_api

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY = base64.b64encode(b"0123456789abcdef").decode()
SCHEMA = """
namespace Shop {
  entity Order;
  action read appliesTo { principal: [Writ::User, Writ::Application, Writ::Service, Writ::Agent], resource: Order, context: Writ::Context };
}
"""
POLICIES = ISSUE + '@id("orders") permit (principal, action == Shop::Action::"read", resource is Shop::Order);\n'


def head_of(connection):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            break
        head += byte
    return head.decode()


FORBID = '@id("closed") forbid (principal, action == Shop::Action::"read", resource);\n'


def forbid_reads(world):
    """From now on, by a reload."""
    with open(os.path.join(world.folder, "policies", "orders.cedar"), "a", encoding="utf-8") as file:
        file.write("\n" + FORBID)
    world.server.send_signal(signal.SIGHUP)


class Echo:
    """Takes every WebSocket, and sends back what comes. Whoever wants something else gets a stream of one event, which does not end."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    @staticmethod
    def serve(connection):
        with connection:
            fields = dict(line.lower().split(": ", 1) for line in head_of(connection).split("\r\n")[1:] if ": " in line)
            if "sec-websocket-key" not in fields:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                                   b"d\r\ndata: first\n\n\r\n")
                connection.recv(1)
                return
            accept = base64.b64encode(hashlib.sha1((KEY + GUID).encode()).digest()).decode()
            connection.sendall(("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                                f"Sec-WebSocket-Accept: {accept}\r\n\r\n").encode())
            while True:
                try:
                    data = connection.recv(65536)
                    if not data:
                        return
                    connection.sendall(data)
                except OSError:
                    return

    def close(self):
        self.listener.close()


class WebSockets(unittest.TestCase):
    def setUp(self):
        echo = Echo()
        self.addCleanup(echo.close)
        routes = blocks(page("websockets.md"), "yaml")[0]
        self.world = harness.TestWorld(with_api(routes, echo.port))
        self.addCleanup(self.world.close)
        for name, text in (("schema.cedarschema", SCHEMA), (os.path.join("policies", "orders.cedar"), POLICIES)):
            with open(os.path.join(self.world.folder, name), "a", encoding="utf-8") as file:
                file.write("\n" + text)
        status, out, err = harness.writ("check", "--config", self.world.config)
        self.assertEqual(0, status, out + err)
        self.world.start()

    def open(self):
        connection = socket.create_connection(("127.0.0.1", self.world.gateway_port), timeout=30)
        self.addCleanup(connection.close)
        token = self.world.customer_token(audience=ORDERS)
        connection.sendall((f"GET /feeds/1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
                            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                            f"Sec-WebSocket-Key: {KEY}\r\n\r\n").encode())
        self.assertTrue(head_of(connection).startswith("HTTP/1.1 101 "))
        return connection

    def ends(self):
        status, out, err = harness.writ("audit", "show", "--json", os.path.join(self.world.data, "audit.log"))
        self.assertEqual(0, status, err)
        return [json.loads(line["detail"]) for line in map(json.loads, out.splitlines()) if line["type"] == "stream.ended"]

    def test_what_is_sent_comes_back(self):
        connection = self.open()
        connection.sendall(b"hello")
        self.assertEqual(b"hello", connection.recv(5, socket.MSG_WAITALL))

    def test_it_is_cut_with_a_reason_when_its_application_is_suspended(self):
        connection = self.open()
        stopped = self.world.api_call(self.world.operator_token(), "POST", "/v1/identities/support-portal/suspend")
        self.assertLess(stopped.status, 300, stopped)
        self.assertEqual(self.close_frame("caller_suspended"), self.rest_of(connection))
        self.assert_ended("caller_suspended")
        metrics = self.world.call(self.world.api_port, "GET", "/metrics").body.decode()
        self.assertIn('writ_gateway_streams_total{event="cut"} 1', metrics)
        self.assertIn("writ_gateway_streams_open 0", metrics)

    @staticmethod
    def close_frame(reason):
        return b"\x88" + bytes([2 + len(reason)]) + (1008).to_bytes(2, "big") + reason.encode()

    @staticmethod
    def rest_of(connection):
        got = b""
        while data := connection.recv(4096):
            got += data
        return got

    def assert_ended(self, *reasons):
        deadline = time.monotonic() + 30
        while len(self.ends()) < len(reasons) and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual(list(reasons), [end["reason"] for end in self.ends()])

    def test_a_quiet_one_is_cut_when_a_policy_changes(self):
        connection = self.open()
        # As a server would say it, since it comes back: only between two frames there is room for another one.
        connection.sendall(b"\x82\x05hello")
        self.assertEqual(b"\x82\x05hello", connection.recv(7, socket.MSG_WAITALL))
        forbid_reads(self.world)
        self.assertEqual(self.close_frame("policy_forbid"), self.rest_of(connection))
        self.assert_ended("policy_forbid")

    def test_a_quiet_event_stream_is_cut_when_a_policy_changes(self):
        token = self.world.customer_token(audience=ORDERS)
        connection = http.client.HTTPConnection("127.0.0.1", self.world.gateway_port, timeout=30)
        self.addCleanup(connection.close)
        connection.request("GET", "/events/1", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        self.assertEqual((200, b"data: first\n\n"), (answer.status, answer.read(13)))
        forbid_reads(self.world)
        with self.assertRaises(http.client.IncompleteRead):
            answer.read()
        self.assert_ended("policy_forbid")
        # The next request is told why.
        refused = self.world.through_gateway(token, "/events/1")
        self.assertEqual((403, "policy_forbid"), (refused.status, refused.reason()))

    def test_over_http_2_a_quiet_event_stream_is_reset(self):
        run = subprocess.Popen(["curl", "-sSN", "--http2-prior-knowledge", "-H", f"Authorization: Bearer {self.world.customer_token(audience=ORDERS)}",
                                f"http://127.0.0.1:{self.world.gateway_port}/events/1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(run.kill)
        self.assertEqual(b"data: first\n", run.stdout.readline())
        forbid_reads(self.world)
        _, said = run.communicate(timeout=60)
        self.assertEqual(92, run.returncode, said)  # CURLE_HTTP2_STREAM
        self.assert_ended("policy_forbid")


if __name__ == "__main__":
    unittest.main()
