"""docs/websockets.md, from a page: Chromium opens WebSockets to the real binary."""
import http.server
import json
import os
import queue
import subprocess
import tempfile
import threading
import unittest

import harness
from on_response_test import ORDERS, blocks, page, with_api
from websockets_test import POLICIES, SCHEMA
from web_socket_peers_test import PythonServer

SCRIPT = """<!doctype html><title>feeds</title><script>
const told = [];
function open(protocols) {
  return new Promise(done => {
    const feed = new WebSocket("ws://127.0.0.1:%d/feeds/1", protocols);
    feed.onopen = () => feed.send("hello");
    feed.onmessage = message => { told.push(["message", message.data, feed.protocol]); report(); };
    feed.onclose = end => { told.push(["close", end.code, end.reason]); done(); };
  });
}
function report() { fetch("/told", {method: "POST", body: JSON.stringify(told)}); }
(async () => {
  await open(["chat.v1"]);
  await open(["chat.v1", "writ.bearer.%s"]);
  report();
})();
</script>"""


class Page:
    """What a page is, and what it tells of itself."""

    def __init__(self):
        self.text, told = "", queue.Queue()
        self.told = told
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200 if self.path == "/" else 404)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(outer.text.encode())

            def do_POST(self):
                told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class FromAPage(unittest.TestCase):
    def setUp(self):
        self.page = Page()
        self.addCleanup(self.page.close)

    def started(self, cors):
        echo = PythonServer()
        self.addCleanup(echo.close)
        routes = blocks(page("websockets.md"), "yaml")[0]
        world = harness.TestWorld(with_api(routes, echo.port, cors))
        self.addCleanup(world.close)
        for name, text in (("schema.cedarschema", SCHEMA), (os.path.join("policies", "orders.cedar"), POLICIES)):
            with open(os.path.join(world.folder, name), "a", encoding="utf-8") as file:
                file.write("\n" + text)
        world.start()
        self.page.text = SCRIPT % (world.gateway_port, world.customer_token(audience=ORDERS))
        return world

    def browse(self):
        folder = tempfile.TemporaryDirectory(prefix="writ-browser-", ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        browser = subprocess.Popen(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
                                    "--disable-component-update", "--disable-sync", f"--user-data-dir={folder.name}", "--remote-debugging-port=0",
                                    self.page.origin + "/"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(browser.wait)
        self.addCleanup(browser.kill)

    def test_its_token_is_a_protocol_and_it_is_told_why_it_is_cut(self):
        world = self.started(f"      cors: {{origins: [\"{self.page.origin}\"]}}\n")
        self.browse()
        # 1006: a browser tells a page nothing of a handshake that was refused.
        self.assertEqual([["close", 1006, ""], ["message", "hello", "chat.v1"]], self.page.told.get(timeout=120))
        stopped = world.api_call(world.operator_token(), "POST", "/v1/identities/support-portal/suspend")
        self.assertLess(stopped.status, 300, stopped)
        self.assertEqual(["close", 1008, "caller_suspended"], self.page.told.get(timeout=120)[-1])

    def test_a_page_of_another_origin_opens_none(self):
        self.started('      cors: {origins: ["https://shop.acme.example"]}\n')
        self.browse()
        self.assertEqual([["close", 1006, ""]] * 2, self.page.told.get(timeout=120))


if __name__ == "__main__":
    unittest.main()
