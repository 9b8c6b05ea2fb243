"""WebSockets between npm's ws and Python's websockets, with the real binary between them, and nginx, HAProxy and Caddy before it."""
import os
import sys

try:
    import websockets
except ImportError:  # it is the system's Python that Debian's python3-websockets is for
    if sys.executable == "/usr/bin/python3":
        raise
    os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])

import asyncio
import contextlib
import json
import shutil
import subprocess
import tempfile
import threading
import unittest

import harness
from on_response_test import ORDERS, with_api
from web_servers import caddy, haproxy, needs, nginx
from websockets_test import POLICIES, SCHEMA

ROUTE = """- {method: GET, path: "/feeds/{order}", action: read, resource: 'Shop::Order::"{order}"', websocket: true}"""
LARGE = "0123456789abcdef" * 65_536
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "web_socket_peers.mjs")
WS = "ws@8.18.0"
FOLDER = os.environ.get("WS_FOLDER", os.path.join(tempfile.gettempdir(), f"writ-{WS}-{os.getuid()}"))
SECONDS = 120


def ws_missing():
    """Why npm's ws is not here; None: it is. It is fetched once."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "there is no node, or no npm"
    if not os.path.isdir(os.path.join(FOLDER, "node_modules", "ws")):
        os.makedirs(FOLDER, exist_ok=True)
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", FOLDER, WS], capture_output=True,
                           timeout=300, check=False)
    return None if os.path.isdir(os.path.join(FOLDER, "node_modules", "ws")) else "ws could not be fetched"


class PythonServer:
    """websockets echoes, on a loop of its own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(self.begin())
        self.port = self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    async def begin(self):
        async def echo(socket, _path=None):
            async for message in socket:
                if message == "close":
                    return await socket.close(4001, "as you wish")
                await socket.send(message)
        return await websockets.serve(echo, "127.0.0.1", 0, max_size=None, subprotocols=["chat.v1"])

    def close(self):
        async def end():
            self.server.close()
            await self.server.wait_closed()
        asyncio.run_coroutine_threadsafe(end(), self.loop).result(SECONDS)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


class NodeServer:
    def __init__(self):
        self.process = subprocess.Popen(["node", SCRIPT, "server", FOLDER], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def python_client(url, token):
    async def talk():
        told = {"echoes": 0, "refused": None}
        try:
            async with websockets.connect(url, extra_headers={"Authorization": f"Bearer {token}"}, max_size=None, open_timeout=SECONDS,
                                          subprotocols=["chat.v2", "chat.v1"]) as socket:
                told["deflated"] = any(extension.name == "permessage-deflate" for extension in socket.extensions)
                for message in ("hello", "", "ü€😀", LARGE, b"\0\xff\n"):
                    await socket.send(message)
                    assert await asyncio.wait_for(socket.recv(), SECONDS) == message
                    told["echoes"] += 1
                await asyncio.wait_for(await socket.ping("there?"), SECONDS)
                told["pong"] = "there?"
                await socket.send("close")
                await asyncio.wait_for(socket.wait_closed(), SECONDS)
                return {**told, "code": socket.close_code, "reason": socket.close_reason}
        except websockets.InvalidStatusCode as error:
            return {**told, "refused": error.status_code}
    return asyncio.run(talk())


def node_client(url, token):
    done = subprocess.run(["node", SCRIPT, "client", FOLDER, url, token], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


TALKED = {"echoes": 5, "refused": None, "deflated": True, "pong": "there?", "code": 4001, "reason": "as you wish"}


class Peers(unittest.TestCase):
    def world(self, server):
        self.addCleanup(server.close)
        world = harness.TestWorld(with_api(ROUTE, server.port))
        self.addCleanup(world.close)
        for name, text in (("schema.cedarschema", SCHEMA), (os.path.join("policies", "orders.cedar"), POLICIES)):
            with open(os.path.join(world.folder, name), "a", encoding="utf-8") as file:
                file.write("\n" + text)
        world.start()
        self.token = world.customer_token(audience=ORDERS)
        return world

    def both_clients(self, server):
        world = self.world(server)
        url = f"ws://127.0.0.1:{world.gateway_port}/feeds/1"
        for client in (python_client, node_client):
            with self.subTest(client.__name__):
                self.assertEqual(TALKED, client(url, self.token))
                self.assertEqual({"echoes": 0, "refused": 401}, client(url, "none"))

    @unittest.skipIf(ws_missing(), ws_missing())
    def test_python_behind_writ(self):
        self.both_clients(PythonServer())

    @unittest.skipIf(ws_missing(), ws_missing())
    def test_node_behind_writ(self):
        self.both_clients(NodeServer())

    def through(self, front):
        self.addCleanup(front.close)
        self.assertEqual(TALKED, python_client(f"ws://127.0.0.1:{front.port}/feeds/1", self.token))
        self.assertEqual({"echoes": 0, "refused": 401}, python_client(f"ws://127.0.0.1:{front.port}/feeds/1", "none"))

    @needs("nginx")
    def test_through_nginx(self):
        world = self.world(PythonServer())
        self.through(nginx(f"""
    listen $PORT;
    location / {{
      proxy_pass http://127.0.0.1:{world.gateway_port};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
    }}"""))

    @needs("haproxy")
    def test_through_haproxy(self):
        world = self.world(PythonServer())
        self.through(haproxy(f"""
frontend front
  bind $PORT
  default_backend gateway
backend gateway
  server writ 127.0.0.1:{world.gateway_port}
"""))

    @needs("haproxy")
    def test_through_haproxy_that_speaks_http_2_to_writ(self):
        world = self.world(PythonServer())
        self.through(haproxy(f"""
frontend front
  bind $PORT
  default_backend gateway
backend gateway
  server writ 127.0.0.1:{world.gateway_port} proto h2
"""))

    @needs("caddy")
    def test_through_caddy(self):
        world = self.world(PythonServer())
        self.through(caddy(f"http://127.0.0.1:$PORT {{\n  reverse_proxy 127.0.0.1:{world.gateway_port}\n}}"))


if __name__ == "__main__":
    unittest.main()
