"""Acme's world as processes: the upstream APIs and Writ, started, awaited and stopped. For run.py and the tests.

Python 3 standard library only.
"""
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
READY_SECONDS = 15


class Trouble(Exception):
    """Something to tell the person who started us, in one sentence."""


def port_is_taken(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


class World:
    """`config` names the configuration; `data` is the folder for everything written."""

    def __init__(self, writ, data, config=os.path.join(HERE, "writ.yaml"), ports=(8180, 8181, 8190), quiet=False, ca=None):
        self.writ, self.data, self.config, self.quiet = os.path.abspath(writ), os.path.abspath(data), config, quiet
        self.api_port, self.gateway_port, self.upstream_port = ports
        self.api = f"http://127.0.0.1:{self.api_port}"
        # `ca` is for whoever calls the gateway over TLS, seen from the folder `data`.
        self.ca = ca
        self.gateway = f"http://127.0.0.1:{self.gateway_port}" if ca is None else f"https://localhost:{self.gateway_port}"
        self.upstream_log = os.path.join(self.data, "upstream.log")
        self.upstream_process = self.server = None
        self.ready_seconds = None

    def start(self):
        for port, what in ((self.upstream_port, "the upstream APIs"), (self.api_port, "Writ"),
                           (self.gateway_port, "Writ's gateway")):
            if port_is_taken(port):
                raise Trouble(f"port {port} is taken, and {what} needs it. Stop what listens there "
                              f"(`ss -ltnp 'sport = :{port}'` names it) and try again.")
        os.makedirs(self.data, exist_ok=True)
        self.start_upstream()
        self.start_writ()

    def start_upstream(self):
        self.upstream_process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "upstream.py"), "--port", str(self.upstream_port), "--quiet",
             "--log", self.upstream_log], stdout=subprocess.DEVNULL)
        self.await_answer("the upstream APIs", self.upstream_process, self.upstream_port, "/")

    def start_writ(self, prefix=(), arguments=()):
        """`prefix` is put before the command, such as prlimit with its options; `arguments` behind it."""
        began = time.monotonic()
        log = open(os.path.join(self.data, "writ.log"), "ab")
        self.server = subprocess.Popen([*prefix, self.writ, "serve", "--config", self.config, "--data", self.data,
                                        *arguments],
                                       stdout=log, stderr=log)
        log.close()
        self.await_answer("Writ", self.server, self.api_port, "/readyz", status=200)
        self.ready_seconds = time.monotonic() - began

    def await_answer(self, name, process, port, path, status=None):
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise Trouble(f"{name} did not start:\n{self.log_text()}")
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
                connection.request("GET", path)
                answer = connection.getresponse().status
                connection.close()
                if status in (None, answer):
                    return
            except OSError:
                pass
            time.sleep(0.005)
        raise Trouble(f"{name} was not ready after {READY_SECONDS} seconds:\n{self.log_text()}")

    def log_text(self):
        try:
            with open(os.path.join(self.data, "writ.log"), encoding="utf-8", errors="replace") as log:
                return log.read()
        except OSError:
            return ""

    def upstream_requests(self):
        """How many requests have reached the APIs."""
        with open(self.upstream_log, encoding="utf-8") as log:
            return sum(1 for _ in log)

    def last_upstream_request(self):
        with open(self.upstream_log, encoding="utf-8") as log:
            lines = log.read().splitlines()
        return json.loads(lines[-1]) if lines else {}

    def kill_writ(self):
        self.server.kill()
        self.server.wait()

    def stop_writ(self):
        """Returns Writ's exit status."""
        if self.server is None:
            return None
        if self.server.poll() is None:
            # As Ctrl-C does: at SIGTERM it would give load balancers time first, and there are none.
            self.server.send_signal(signal.SIGINT)
        try:
            return self.server.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.server.kill()
            return self.server.wait()

    def stop(self):
        status = self.stop_writ()
        if self.upstream_process is not None:
            self.upstream_process.terminate()
            self.upstream_process.wait()
        return status
