"""docs/grpc.md, with gRPC's own server and client and the real binary between them."""
import os
import subprocess
import sys
import tempfile
import threading
import unittest
from concurrent import futures

try:
    import grpc
except ImportError:  # it is the system's Python that Debian's python3-grpcio is for
    if sys.executable == "/usr/bin/python3":
        raise
    os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])

import certificates
import harness
from on_response_test import ISSUE, ORDERS, blocks, page, with_api
from websockets_test import forbid_reads

SCHEMA = """
namespace Shop {
  entity Order;
  action read appliesTo { principal: [Writ::User, Writ::Application, Writ::Service, Writ::Agent], resource: Order, context: Writ::Context };
}
"""
POLICIES = ISSUE + '@id("orders") permit (principal, action == Shop::Action::"read", resource is Shop::Order);\n'
CHAT = """
- method: POST
  path: "/shop.Orders/Chat"
  action: read
  resource: 'Shop::Order::"all"'
  stream: true
- method: POST
  path: "/shop.Orders/Large"
  action: read
  resource: 'Shop::Order::"all"'
"""


class Orders(grpc.GenericRpcHandler):
    """Messages are bytes as they are."""

    def __init__(self):
        self.metadata = []
        self.ended = threading.Event()

    def service(self, details):
        method = details.method.rsplit("/", 1)[1]
        return {"Read": grpc.unary_unary_rpc_method_handler(self.read), "Watch": grpc.unary_stream_rpc_method_handler(self.watch),
                "Chat": grpc.stream_stream_rpc_method_handler(self.chat),
                "Large": grpc.unary_unary_rpc_method_handler(lambda request, _: request * 1_000_000)}[method]

    def read(self, request, context):
        self.metadata = dict(context.invocation_metadata())
        context.set_trailing_metadata((("x-mine", "trailing"),))
        if request == b"none":
            context.abort(grpc.StatusCode.NOT_FOUND, "there is no such order: é")
        return b"order " + request

    def watch(self, request, context):
        context.add_callback(self.ended.set)
        yield b"first"
        self.ended.wait(60)

    @staticmethod
    def chat(requests, context):
        for request in requests:
            yield b"you said " + request


class Grpc(unittest.TestCase):
    def world(self, tls=None):
        self.api = Orders()
        server = grpc.server(futures.ThreadPoolExecutor(16))
        server.add_generic_rpc_handlers((self.api,))
        more = "".join(f"      {line}\n" for line in blocks(page("grpc.md"), "yaml")[1].splitlines())
        if tls is None:
            port = server.add_insecure_port("127.0.0.1:0")
        else:
            chain, key = tls.issue("api", ("IP:127.0.0.1",))
            with open(key, "rb") as private, open(chain, "rb") as public:
                port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(private.read(), public.read())]))
            more = f"      upstream_tls: {{ca: {tls.certificate}}}\n"
        server.start()
        self.addCleanup(lambda: server.stop(None).wait(30))
        self.addCleanup(self.api.ended.set)
        routes = blocks(page("grpc.md"), "yaml")[0] + CHAT
        edit = with_api(routes, port, more)
        world = harness.TestWorld(lambda text: edit(text) if tls is None else edit(text).replace(f"http://127.0.0.1:{port}", f"https://127.0.0.1:{port}"))
        self.addCleanup(world.close)
        for name, text in (("schema.cedarschema", SCHEMA), (os.path.join("policies", "orders.cedar"), POLICIES)):
            with open(os.path.join(world.folder, name), "a", encoding="utf-8") as file:
                file.write("\n" + text)
        world.start()
        self.channel = grpc.insecure_channel(f"127.0.0.1:{world.gateway_port}")
        self.addCleanup(self.channel.close)
        self.as_caller = [("authorization", "Bearer " + world.customer_token(audience=ORDERS))]
        return world

    def test_a_call_and_its_trailers_pass(self):
        self.world()
        read = self.channel.unary_unary("/shop.Orders/Read")
        answer, call = read.with_call(b"1", metadata=self.as_caller, timeout=30)
        self.assertEqual(b"order 1", answer)
        self.assertEqual("trailing", dict(call.trailing_metadata())["x-mine"])
        self.assertNotIn("authorization", self.api.metadata)
        self.assertIn("writ-context", self.api.metadata)
        for number in range(50):
            self.assertEqual(f"order {number}".encode(), read(str(number).encode(), metadata=self.as_caller, timeout=30))

    def test_a_status_of_the_api_is_the_callers(self):
        self.world()
        with self.assertRaises(grpc.RpcError) as raised:
            self.channel.unary_unary("/shop.Orders/Read")(b"none", metadata=self.as_caller, timeout=30)
        self.assertEqual(grpc.StatusCode.NOT_FOUND, raised.exception.code())
        self.assertEqual("there is no such order: é", raised.exception.details())

    def test_streams_go_both_ways_at_a_time(self):
        self.world()
        said = threading.Semaphore(1)

        def requests():
            for number in range(100):
                said.acquire()
                yield str(number).encode()

        answers = self.channel.stream_stream("/shop.Orders/Chat")(requests(), metadata=self.as_caller, timeout=60)
        count = 0
        for number, answer in enumerate(answers):
            self.assertEqual(f"you said {number}".encode(), answer)
            count += 1
            said.release()
        self.assertEqual(100, count)

    def test_large_messages_pass(self):
        self.world()
        options = [("grpc.max_receive_message_length", -1)]
        with grpc.insecure_channel(self.channel._channel.target().decode().removeprefix("dns:///"), options=options) as channel:
            self.assertEqual(b"xyz" * 1_000_000, channel.unary_unary("/shop.Orders/Large")(b"xyz", metadata=self.as_caller, timeout=60))

    def test_many_calls_at_a_time(self):
        self.world()
        read = self.channel.unary_unary("/shop.Orders/Read")
        calls = [read.future(str(number).encode(), metadata=self.as_caller, timeout=60) for number in range(80)]
        self.assertEqual([f"order {number}".encode() for number in range(80)], [call.result() for call in calls])

    def test_over_tls_http2_is_agreed_on(self):
        with tempfile.TemporaryDirectory(prefix="writ-grpc-") as folder:
            self.world(certificates.Authority(folder))
            self.assertEqual(b"order 1", self.channel.unary_unary("/shop.Orders/Read")(b"1", metadata=self.as_caller, timeout=30))

    def test_a_stream_is_cut_with_its_reason_when_its_application_is_suspended(self):
        world = self.world()
        watched = self.channel.unary_stream("/shop.Orders/Watch")(b"1", metadata=self.as_caller, timeout=60)
        self.assertEqual(b"first", next(watched))
        stopped = world.api_call(world.operator_token(), "POST", "/v1/identities/support-portal/suspend")
        self.assertLess(stopped.status, 300, stopped)
        with self.assertRaises(grpc.RpcError):
            next(watched)
        self.assertEqual(grpc.StatusCode.PERMISSION_DENIED, watched.code())
        self.assertIn("caller_suspended", watched.details())
        self.assertTrue(self.api.ended.wait(30))

    def test_a_quiet_stream_is_cut_with_its_reason_when_a_policy_changes(self):
        world = self.world()
        watched = self.channel.unary_stream("/shop.Orders/Watch")(b"1", metadata=self.as_caller, timeout=60)
        self.assertEqual(b"first", next(watched))
        forbid_reads(world)
        with self.assertRaises(grpc.RpcError):
            next(watched)
        self.assertEqual(grpc.StatusCode.PERMISSION_DENIED, watched.code())
        self.assertIn("policy_forbid", watched.details())
        self.assertTrue(self.api.ended.wait(30))

    def test_refusals_are_statuses(self):
        world = self.world()
        for method, metadata, code, detail in (
                ("Read", [], grpc.StatusCode.UNAUTHENTICATED, "token_missing"),
                ("Read", [("authorization", "Bearer " + world.customer_token())], grpc.StatusCode.UNAUTHENTICATED, "audience_mismatch"),
                ("Nothing", self.as_caller, grpc.StatusCode.UNIMPLEMENTED, "not_found")):
            with self.assertRaises(grpc.RpcError) as raised:
                self.channel.unary_unary("/shop.Orders/" + method)(b"1", metadata=metadata, timeout=30)
            self.assertEqual(code, raised.exception.code(), raised.exception)
            self.assertIn(detail, raised.exception.details())

    def test_an_api_that_is_away_is_unavailable(self):
        world = self.world()
        with open(world.config, encoding="utf-8") as file:
            text = file.read()
        start = text.index("upstream: ", text.index("id: orders"))
        away = harness.free_ports(1)[0]
        with open(world.config, "w", encoding="utf-8") as file:
            file.write(text[:start] + f"upstream: http://127.0.0.1:{away}" + text[text.index("\n", start):])
        world.stop()
        world.start()
        with self.assertRaises(grpc.RpcError) as raised:
            self.channel.unary_unary("/shop.Orders/Read")(b"1", metadata=self.as_caller, timeout=30, wait_for_ready=True)
        self.assertEqual(grpc.StatusCode.UNAVAILABLE, raised.exception.code())
        self.assertIn("upstream_unreachable", raised.exception.details())

    def test_the_example_of_its_page(self):
        world = self.world()
        script = blocks(page("grpc.md"), "python")[0]
        address = f"127.0.0.1:{world.gateway_port}"
        good = self.as_caller[0][1].removeprefix("Bearer ")
        shown = blocks(page("grpc.md"), "text")[0]
        for token, expected in ((good, "order 1\n"), ("x", shown)):
            done = subprocess.run([sys.executable, "-c", script, address, token], text=True, timeout=60, capture_output=True, check=False)
            self.assertEqual(expected, done.stdout, done.stderr)


if __name__ == "__main__":
    unittest.main()
