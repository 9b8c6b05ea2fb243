"""The real binary under load, beside nginx: start-up and memory, AuthZEN evaluation, the gateway."""
import http.client
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import measure

sys.path.insert(0, os.path.join(measure.ROOT, "tests", "system"))
import harness  # noqa: E402

START_LIMIT_MS, MEMORY_LIMIT_MB = 100, 40
INVOICE = "/invoices/inv-1001"
INVOICE_BODY = '{"id":"inv-1001","tenant":"north","amount":1290,"currency":"EUR","state":"open"}'


class Nginx:
    """One worker on the given core. `server` is the body of the server block, which must listen on {port}."""

    def __init__(self, core, location):
        self.folder = tempfile.mkdtemp(prefix="writ-bench-nginx-")
        (self.port,) = harness.free_ports(1)
        self.config = os.path.join(self.folder, "nginx.conf")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f"""
worker_processes 1; daemon off; pid {self.folder}/pid; error_log {self.folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; client_body_temp_path {self.folder}/body;
  proxy_temp_path {self.folder}/proxy; fastcgi_temp_path {self.folder}/fastcgi; uwsgi_temp_path {self.folder}/uwsgi;
  scgi_temp_path {self.folder}/scgi;
  {location.partition("@@")[0]}
  server {{ listen 127.0.0.1:{self.port} reuseport; {location.partition("@@")[2]} }}
}}
""")
        self.process = subprocess.Popen(measure.pinned(core, [shutil.which("nginx") or "/usr/sbin/nginx", "-p",
                                                              self.folder, "-c", self.config]))
        deadline = time.monotonic() + 10
        while not harness.acme.port_is_taken(self.port):
            if time.monotonic() > deadline or self.process.poll() is not None:
                sys.exit("bench: nginx did not start")
            time.sleep(0.01)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def fixed_reply(core):
    return Nginx(core, f"@@ default_type application/json; location / {{ return 200 '{INVOICE_BODY}'; }}")


def proxy(core, upstream_port):
    return Nginx(core, f"""
  upstream api {{ server 127.0.0.1:{upstream_port}; keepalive 128; keepalive_requests 1000000000; }}
  @@ location / {{ proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection ""; }}""")


class BenchWorld(harness.TestWorld):
    """Acme's world on one thread and one core, in front of an upstream that costs little."""
    __test__ = False

    def __init__(self, upstream=None, audit="durable"):
        self.upstream = upstream
        super().__init__(edit=lambda text: self.edit(text, audit))
        self.ports_in_config()

    def edit(self, text, audit):
        if "\naudit:" not in text or "\nlisten:" not in text:
            sys.exit("bench: examples/acme/writ.yaml has no `audit` or `listen` of its own")
        head, _, tail = text.partition("\naudit:")
        rest = tail.split("\n")
        kept = [line for line in rest[1:] if not line.strip().startswith("mode:")]
        text = head + "\naudit:\n  mode: " + audit + "\n" + "\n".join(kept)
        kept = [line for line in text.split("\n") if not line.strip().startswith("threads:")]
        text = "\n".join(kept)
        return text.replace("\nlisten:\n", "\nlisten:\n  threads: 1\n")

    def ports_in_config(self):
        if self.upstream is None:
            return
        with open(self.config, encoding="utf-8") as file:
            text = file.read()
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(text.replace(f"127.0.0.1:{self.upstream_port}", f"127.0.0.1:{self.upstream.port}"))

    def start_upstream(self):
        if self.upstream is None:
            super().start_upstream()

    def start(self):
        os.makedirs(self.data, exist_ok=True)
        self.start_upstream()
        self.start_writ(prefix=measure.pinned(measure.SERVER_CORE, []))


def resident_mb(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def milliseconds_to_ready(world):
    began = time.monotonic()
    process = subprocess.Popen([world.writ, "serve", "--config", world.config, "--data", world.data],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while time.monotonic() - began < 15:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", world.api_port, timeout=1)
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return (time.monotonic() - began) * 1000, resident_mb(process.pid)
            except OSError:
                time.sleep(0.001)
        sys.exit("bench: Writ was not ready after 15 seconds")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def start():
    first, again, memory = [], [], []
    for _ in range(measure.ROUNDS):
        world = BenchWorld()
        os.makedirs(world.data, exist_ok=True)
        try:
            first.append(milliseconds_to_ready(world)[0])
            elapsed, resident = milliseconds_to_ready(world)
            again.append(elapsed)
            memory.append(resident)
        finally:
            shutil.rmtree(world.folder, ignore_errors=True)
    print(f"ready, empty data folder           {statistics.median(first):8.1f} ms   limit {START_LIMIT_MS} ms")
    print(f"ready, the second time             {statistics.median(again):8.1f} ms   limit {START_LIMIT_MS} ms")
    print(f"resident memory, idle              {statistics.median(memory):8.1f} MB   limit {MEMORY_LIMIT_MB} MB")


EVALUATION = """
wrk.method = "POST"
wrk.body = '{"subject":{"type":"user","id":"nora"},"action":{"name":"read"},"resource":{"type":"invoice","id":"inv-1001"}}'
wrk.headers["Content-Type"] = "application/json"
"""


def evaluation():
    """POST /access/v1/evaluation over keep-alive, against nginx answering the same request with a fixed 200."""
    peer = fixed_reply(measure.SERVER_CORE)
    worlds = {mode: BenchWorld(audit=mode) for mode in ("buffered", "durable")}
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(EVALUATION)
        script.flush()
        try:
            contestants = {"nginx, fixed 200": lambda: measure.requests_per_second(
                f"http://127.0.0.1:{peer.port}/access/v1/evaluation", script.name)}
            for mode, world in worlds.items():
                world.start()
                token = world.evaluator_token()
                contestants[f"writ, audit {mode}"] = lambda world=world, token=token: measure.requests_per_second(
                    f"{world.api}/access/v1/evaluation", script.name, [f"Authorization: Bearer {token}"])
            measure.print_sync_latency(worlds["durable"].data)
            measure.print_ratios(measure.in_turns(contestants), "nginx, fixed 200")
        finally:
            peer.stop()
            for world in worlds.values():
                world.close()


def gateway():
    """A GET through the gateway with a cached token, against nginx proxy_pass to the same upstream."""
    upstream = fixed_reply(measure.LOAD_CORE)
    peer = proxy(measure.SERVER_CORE, upstream.port)
    worlds = {mode: BenchWorld(upstream, audit=mode) for mode in ("buffered", "durable")}
    try:
        contestants = {"nginx, proxy_pass": lambda: measure.requests_per_second(f"http://127.0.0.1:{peer.port}{INVOICE}")}
        for mode, world in worlds.items():
            world.start()
            token = world.customer_token()
            contestants[f"writ, audit {mode}"] = lambda world=world, token=token: measure.requests_per_second(
                world.gateway + INVOICE, headers=[f"Authorization: Bearer {token}"])
        measure.print_sync_latency(worlds["durable"].data)
        measure.print_ratios(measure.in_turns(contestants), "nginx, proxy_pass")
    finally:
        peer.stop()
        upstream.stop()
        for world in worlds.values():
            world.close()
