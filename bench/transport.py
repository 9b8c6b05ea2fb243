"""TLS, HTTP/2 and WebSockets through the gateway, new TLS connections, what a request costs below capacity, and what an idle
connection costs, beside nginx.

nginx does the same without authorization: one worker on the same core, the same upstream and the same certificate.
"""
import base64
import contextlib
import hashlib
import os
import re
import resource
import selectors
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

import measure
import serving
from serving import INVOICE, harness

import certificates  # noqa: E402  of tests/system, as the two below
from on_response_test import ORDERS, with_api
from websockets_test import GUID, KEY, POLICIES, SCHEMA, head_of

PEER = "nginx"
IDLE = int(os.environ.get("WRIT_BENCH_IDLE", "1000"))
PER_SOURCE = 100  # idle connections from one of this machine's addresses
SOCKETS, MESSAGE = 32, 128
RATED = 32  # connections of a load that has a rate
FEED = "/feeds/1"
ROUTE = f"""- {{method: GET, path: "{FEED}", action: read, resource: 'Shop::Order::"1"', websocket: true}}"""


class World(serving.BenchWorld):
    """With TLS at the gateway, if `identity` names a certificate and its key, and perhaps one more API."""
    __test__ = False

    def __init__(self, upstream, audit, identity=None, socket_port=None):
        self.identity, self.socket_port = identity, socket_port
        super().__init__(upstream, audit)
        if socket_port is not None:
            for name, text in (("schema.cedarschema", SCHEMA), (os.path.join("policies", "orders.cedar"), POLICIES)):
                with open(os.path.join(self.folder, name), "a", encoding="utf-8") as file:
                    file.write("\n" + text)

    def edit(self, text, audit):
        text = super().edit(text, audit)
        if self.socket_port is not None:
            text = with_api(ROUTE, self.socket_port)(text)
        if self.identity is not None:
            certificate = "tls: {{certificates: [{{chain: {}, key: {}}}]}}".format(*self.identity)
            text = re.sub(r"  gateway: (\S+).*", rf"  gateway: {{address: \1, {certificate}}}", text)
        return text


def nginx_before(upstream_port, identity=None, web_sockets=False):
    upgrade = 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_read_timeout 600s;'
    if identity is None:
        tls = ""
    else:
        tls = """listen 127.0.0.1:{tls_port} ssl http2 reuseport; ssl_certificate {0}; ssl_certificate_key {1}; ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_tickets off; ssl_session_cache off;"""
        (tls_port,) = harness.free_ports(1)
        tls = tls.format(*identity, tls_port=tls_port)
    made = serving.Nginx(measure.SERVER_CORE, f"""
  upstream api {{ server 127.0.0.1:{upstream_port}; keepalive 128; keepalive_requests 1000000000; }}
  @@ {tls} location / {{ proxy_pass http://api; proxy_http_version 1.1;
    {upgrade if web_sockets else 'proxy_set_header Connection "";'} }}""")
    made.tls_port = tls_port if identity is not None else None
    return made


def h2_requests_per_second(url, headers=()):
    """One h2load run: 16 connections with 16 requests at a time each."""
    command = ["h2load", "-t1", "-c16", "-m16", f"-D{measure.SECONDS}"]
    for header in headers:
        command += ["-H", header]
    out = subprocess.run(measure.pinned(measure.LOAD_CORE, [*command, url]), capture_output=True, text=True, check=True).stdout
    counts = re.search(r"requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored", out)
    others = re.search(r"status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", out)
    if counts is None or others is None or any(int(each) for each in (*counts.groups()[1:], *others.groups())):
        sys.exit(f"bench: {url} did not answer every request with 2xx:\n{out}")
    return float(re.search(r"finished in [^,]+, ([\d.]+) req/s", out).group(1))


def requests():
    """TLS with HTTP/1.1 and with HTTP/2, and a new connection for each request."""
    with tempfile.TemporaryDirectory(prefix="writ-bench-tls-") as folder, contextlib.ExitStack() as ends:
        identity = certificates.Authority(folder).issue("server", ["DNS:localhost", "IP:127.0.0.1"])
        upstream = serving.fixed_reply(measure.LOAD_CORE)
        ends.callback(upstream.stop)
        peer = nginx_before(upstream.port, identity)
        ends.callback(peer.stop)
        who = {PEER: (f"https://127.0.0.1:{peer.tls_port}{INVOICE}", [])}
        for mode in ("buffered", "durable"):
            world = World(upstream, mode, identity)
            ends.callback(world.close)
            world.start()
            who[f"writ, audit {mode}"] = (f"https://127.0.0.1:{world.gateway_port}{INVOICE}",
                                          [f"Authorization: Bearer {world.customer_token()}"])
        for what, run in (("TLS, HTTP/1.1", lambda url, headers: measure.requests_per_second(url, headers=headers)),
                          ("TLS, HTTP/2", h2_requests_per_second),
                          ("a new TLS connection for each request",
                           lambda url, headers: measure.requests_per_second(url, headers=[*headers, "Connection: close"]))):
            print(f"-- {what}", flush=True)
            measure.print_ratios(measure.in_turns({name: lambda run=run, asked=asked: run(*asked) for name, asked in who.items()}), PEER)


# ---- what a request costs while there is room ----

def at_rate(url, rate, headers=()):
    """One h2load run at so many requests a second, on kept connections of HTTP/1.1: how many there were."""
    command = ["h2load", "--h1", "-t1", f"-c{RATED}", f"-D{measure.SECONDS}", f"--rps={max(1, round(rate / RATED))}"]
    for header in headers:
        command += ["-H", header]
    out = subprocess.run(measure.pinned(measure.LOAD_CORE, [*command, url]), capture_output=True, text=True, check=True).stdout
    counts = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", out)
    if counts is None or int(counts.group(1)) == 0 or any(int(each) for each in counts.groups()[1:]):
        sys.exit(f"bench: {url} did not answer every request with 2xx:\n{out}")
    return int(counts.group(1))


def processor():
    """Of both at the same rates, which are parts of what Writ can do."""
    with contextlib.ExitStack() as ends:
        upstream = serving.fixed_reply(measure.LOAD_CORE)
        ends.callback(upstream.stop)
        peer = serving.proxy(measure.SERVER_CORE, upstream.port)
        ends.callback(peer.stop)
        world = World(upstream, "buffered")
        ends.callback(world.close)
        world.start()
        headers = [f"Authorization: Bearer {world.customer_token()}"]
        who = {PEER: (f"http://127.0.0.1:{peer.port}{INVOICE}", peer.process.pid), "writ": (world.gateway + INVOICE, world.server.pid)}
        capacity = statistics.median(measure.requests_per_second(who["writ"][0], headers=headers) for _ in range(3))

        def cost(url, pid, rate):
            before = processor_seconds(pid)
            count = at_rate(url, rate, headers)
            return (processor_seconds(pid) - before) / count * 1e6
        for part in (0.2, 0.5, 0.8):
            figures = measure.in_turns({name: lambda asked=asked, part=part: cost(*asked, capacity * part) for name, asked in who.items()})
            middle = {name: statistics.median(values) for name, values in figures.items()}
            print(f"-- processor time of a request, at {part:.0%} of writ's {capacity:,.0f} requests/s: {middle['writ'] - middle[PEER]:,.0f} us added", flush=True)
            measure.print_ratios(figures, PEER, "us of CPU a request")


# ---- WebSockets ----

class EchoProcess:
    """An API on the load's core: takes every WebSocket, and sends back what comes."""

    def __init__(self):
        self.process = subprocess.Popen(measure.pinned(measure.LOAD_CORE, [sys.executable, os.path.abspath(__file__), "echo"]),
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def echo():
    ready, listener = selectors.DefaultSelector(), socket.create_server(("127.0.0.1", 0), backlog=SOCKETS)
    print(listener.getsockname()[1], flush=True)
    ready.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in ready.select():
            if key.fileobj is listener:
                connection = listener.accept()[0]
                if shake_hands_as_server(connection):
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    ready.register(connection, selectors.EVENT_READ)
                continue
            # One that is reset has ended too: the proxy that is stopped drops the connections it has.
            data = b""
            with contextlib.suppress(ConnectionError):
                data = key.fileobj.recv(65536)
                key.fileobj.sendall(data)
            if not data:
                ready.unregister(key.fileobj)
                key.fileobj.close()


def shake_hands_as_server(connection):
    fields = dict(line.split(": ", 1) for line in head_of(connection).split("\r\n")[1:] if ": " in line)
    key = {name.lower(): value for name, value in fields.items()}.get("sec-websocket-key")
    if key is None:
        connection.close()
        return False
    accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
    connection.sendall(f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
                       .encode())
    return True


def processor_seconds(pid):
    """Of the process, with its children."""
    pids = [pid]
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
        pids += [int(child) for child in children.read().split()]
    ticks = 0
    for each in pids:
        with open(f"/proc/{each}/stat", encoding="ascii") as stat:
            ticks += sum(int(field) for field in stat.read().rpartition(")")[2].split()[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


def messages_per_second(port, pid, token):
    """Each of some WebSockets sends a message when the one before has come back: (messages, processor time of one in us)."""
    frame = bytes([0x82, 0x80 | 126]) + MESSAGE.to_bytes(2, "big") + bytes(4) + bytes(MESSAGE)
    ready = selectors.DefaultSelector()
    for _ in range(SOCKETS):
        connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(f"GET {FEED} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: Upgrade\r\n"
                           f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n".encode())
        head = head_of(connection)
        if not head.startswith("HTTP/1.1 101 "):
            sys.exit(f"bench: no WebSocket: {head}")
        ready.register(connection, selectors.EVENT_READ, [0])
    for key in list(ready.get_map().values()):
        key.fileobj.sendall(frame)
    messages, began, before = 0, time.monotonic(), processor_seconds(pid)
    while time.monotonic() - began < measure.SECONDS:
        for key, _ in ready.select():
            key.data[0] += len(key.fileobj.recv(65536))
            if key.data[0] >= len(frame):
                key.data[0] -= len(frame)
                messages += 1
                key.fileobj.sendall(frame)
    seconds, used = time.monotonic() - began, processor_seconds(pid) - before
    for key in list(ready.get_map().values()):
        key.fileobj.close()
    ready.close()
    return messages / seconds, used / messages * 1e6


def web_sockets():
    """The load is a Python program, so that servers may be idle: what a message costs the server says more."""
    with contextlib.ExitStack() as ends:
        api = EchoProcess()
        ends.callback(api.stop)
        peer = nginx_before(api.port, web_sockets=True)
        ends.callback(peer.stop)
        world = World(None, "buffered", socket_port=api.port)
        ends.callback(world.close)
        world.start()
        token = world.customer_token(audience=ORDERS)
        os.sched_setaffinity(0, {int(measure.LOAD_CORE)})
        try:
            figures = measure.in_turns({PEER: lambda: messages_per_second(peer.port, peer.process.pid, token),
                                        "writ": lambda: messages_per_second(world.gateway_port, world.server.pid, token)})
        finally:
            os.sched_setaffinity(0, range(os.cpu_count()))
    print("-- WebSockets", flush=True)
    measure.print_ratios({name: [each[0] for each in values] for name, values in figures.items()}, PEER, "messages/s")
    measure.print_ratios({name: [each[1] for each in values] for name, values in figures.items()}, PEER, "us of CPU a message")


# ---- idle connections ----

def bytes_of_idle(port, pids, token, secure):
    """What one more connection that was used once costs in memory, of all processes of the server."""
    def memory():
        return sum(serving.resident_mb(pid) for pid in pids()) * 1024 * 1024
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    ask = f"GET {INVOICE} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()

    def open_one(number):
        connection = socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(f"127.0.1.{1 + number // PER_SOURCE}", 0))
        # Else the request waits 40 ms for what acknowledges the handshake.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if secure:
            connection = context.wrap_socket(connection)
        connection.sendall(ask)
        head = head_of(connection)
        if not head.startswith("HTTP/1.1 200 "):
            sys.exit(f"bench: an idle connection was not served first: {head}")
        left = int(re.search(r"content-length: (\d+)", head, re.IGNORECASE).group(1))
        while left > 0:
            left -= len(connection.recv(left))
        return connection
    kept = [open_one(number) for number in range(PER_SOURCE)]  # what the first ones make the server keep is not theirs
    before = memory()
    kept += [open_one(number) for number in range(PER_SOURCE, PER_SOURCE + IDLE)]
    after = memory()
    for connection in kept:
        connection.close()
    return (after - before) / IDLE


def idle():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with tempfile.TemporaryDirectory(prefix="writ-bench-tls-") as folder:
            identity = certificates.Authority(folder).issue("server", ["DNS:localhost", "IP:127.0.0.1"])
            for secure in (False, True):
                figures = {PEER: [], "writ": []}
                for _ in range(min(measure.ROUNDS, 3)):
                    with contextlib.ExitStack() as ends:
                        upstream = serving.fixed_reply(measure.LOAD_CORE)
                        ends.callback(upstream.stop)
                        peer = nginx_before(upstream.port, identity)
                        ends.callback(peer.stop)
                        world = World(upstream, "buffered", identity if secure else None)
                        ends.callback(world.close)
                        world.start()

                        def workers(master=peer.process.pid):
                            with open(f"/proc/{master}/task/{master}/children", encoding="ascii") as children:
                                return [int(child) for child in children.read().split()]
                        token = world.customer_token()
                        figures[PEER].append(bytes_of_idle(peer.tls_port if secure else peer.port, workers, token, secure))
                        figures["writ"].append(bytes_of_idle(world.gateway_port, lambda: [world.server.pid], token, secure))
                print(f"-- idle connections, {'TLS' if secure else 'plain'}", flush=True)
                for name, values in figures.items():
                    print(f"{name:<34} {statistics.median(values):>10,.0f} bytes each   ({len(values)} runs of {IDLE:,})", flush=True)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def transport():
    if shutil.which("h2load") is None:
        sys.exit("bench: h2load is missing; it is in nghttp2-client")
    requests()
    processor()
    web_sockets()
    idle()


if __name__ == "__main__" and sys.argv[1:] == ["echo"]:
    echo()
