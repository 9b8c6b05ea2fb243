#!/usr/bin/env python3
"""Acme's two APIs, invoices and mail, as they were before Writ: they verify nothing.

Everything they protect is protected by the gateway in front. They trust one thing: that requests come from it. Each
request is printed with the Writ-Context header that the gateway added and signed, decoded, so that you can see what an
API may rely on. HTTP/1.1 with keep-alive; stops on SIGTERM or Ctrl-C.

usage: upstream.py [--port PORT] [--log FILE] [--quiet]
"""
import argparse
import base64
import json
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

INVOICES = {
    "inv-1001": {"tenant": "north", "customer": "nora", "amount": 1290, "currency": "EUR", "state": "open"},
    "inv-1002": {"tenant": "north", "customer": "niklas", "amount": 480, "currency": "EUR", "state": "paid"},
    "inv-2001": {"tenant": "south", "customer": "sofia", "amount": 7350, "currency": "EUR", "state": "open"},
}
MAILBOXES = {
    "nora": [{"from": "billing@acme.example", "subject": "Your invoice inv-1001"}],
    "sofia": [{"from": "billing@acme.example", "subject": "Your invoice inv-2001"}],
}
# Headers that an API without a gateway might believe. The gateway removes what the caller sent under these names.
IDENTITY_HEADERS = ("writ-context", "writ-approval", "authorization", "x-user", "x-user-id", "x-forwarded-user", "x-tenant", "x-role")
MAX_BODY_BYTES = 16 << 20


def decoded(token):
    """The payload of a JWT, unverified, for people to read."""
    try:
        payload = token.split(".")[1]
        return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return token


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "AcmeApi"
    timeout = 60
    # The head and the body leave in one segment each; without this a kept-alive peer waits for delayed acknowledgements.
    disable_nagle_algorithm = True

    def do_GET(self):
        path = self.path.split("?")[0].strip("/").split("/")
        if path[0] == "invoices" and len(path) == 2 and path[1] in INVOICES:
            return self.reply(200, {"id": path[1], **INVOICES[path[1]]})
        if path[0] == "tenants" and len(path) == 3 and path[2] == "invoices":
            return self.reply(200, [{"id": k, **v} for k, v in INVOICES.items() if v["tenant"] == path[1]])
        if path[0] == "tenants" and len(path) == 3 and path[2] == "totals":
            amounts = [v["amount"] for v in INVOICES.values() if v["tenant"] == path[1]]
            return self.reply(200, {"tenant": path[1], "invoices": len(amounts), "amount": sum(amounts)})
        if path[0] == "mailboxes" and len(path) == 3 and path[2] == "messages":
            return self.reply(200, MAILBOXES.get(path[1], []))
        return self.reply(404, {"error": "not_found"})

    def do_POST(self):
        body = self.read_body()
        path = self.path.split("?")[0].strip("/").split("/")
        if path[0] == "invoices" and len(path) == 3 and path[2] == "credit" and path[1] in INVOICES:
            return self.reply(201, {"id": path[1], "credit": "requested"})
        if path[0] == "mailboxes" and len(path) == 3 and path[2] == "drafts":
            return self.reply(201, {"mailbox": path[1], "draft": "saved", "bytes": len(body)})
        return self.reply(404, {"error": "not_found"})

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = bytearray()
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
                if len(body) > MAX_BODY_BYTES:
                    break
            while self.rfile.readline().strip():
                pass
            return bytes(body)
        return self.rfile.read(min(int(self.headers.get("Content-Length", 0)), MAX_BODY_BYTES))

    def reply(self, status, value):
        body = (json.dumps(value) + "\n").encode()
        self.record(status)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def record(self, status):
        seen = {name.lower(): value for name, value in self.headers.items()}
        entry = {"method": self.command, "path": self.path, "status": status,
                 "identity_headers": {name: seen[name] for name in IDENTITY_HEADERS if name in seen},
                 "writ_context": decoded(seen["writ-context"]) if "writ-context" in seen else None}
        self.server.record(entry)

    def log_message(self, *_):
        pass


class Upstream(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port, log=None, quiet=False):
        super().__init__(("127.0.0.1", port), Api)
        self.log, self.quiet, self.lock = log, quiet, threading.Lock()

    def handle_error(self, request, client_address):
        # A peer that goes away is its own business.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def record(self, entry):
        with self.lock:
            if self.log:
                self.log.write(json.dumps(entry) + "\n")
                self.log.flush()
            if not self.quiet:
                print(f"upstream: {entry['method']} {entry['path']} -> {entry['status']}  "
                      f"Writ-Context: {json.dumps(entry['writ_context'])}", flush=True)


def main():
    parser = argparse.ArgumentParser(description="Acme's invoice and mail APIs, which verify nothing")
    parser.add_argument("--port", type=int, default=8190)
    parser.add_argument("--log", help="append one JSON line per request to this file")
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args()
    log = open(options.log, "a", encoding="utf-8") if options.log else None
    try:
        server = Upstream(options.port, log, options.quiet)
    except OSError as error:
        print(f"upstream: cannot listen on 127.0.0.1:{options.port}: {error.strerror}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"upstream: ready on http://127.0.0.1:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
