"""An orders API as a newcomer has one, which verifies nothing: ten routes, an amount in a body, an upload, a search,
streams of events, and orders that are made while it runs. openapi.json is what FastAPI says of such an API.

Python 3 standard library only. `orders.py PORT`.
"""
import http.server
import json
import re
import sys
import threading
import time

ORDERS = {"1": {"id": "1", "customer": "alice", "amount": 40.0, "owner": "alice", "state": "open"}}
LOCK = threading.Lock()
EVENTS = 3
LONG = (15, 0.1)  # lasts until Writ has decided again


class Orders(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=None):
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            content = b""
            while size := int(self.rfile.readline(), 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return content
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def serve(self):
        path = self.path.split("?")[0]
        content = self.body()
        if path == "/orders":
            return self.answer(200, list(ORDERS.values())) if self.command == "GET" else self.create(json.loads(content))
        if path == "/orders/events":
            return self.stream(EVENTS, 0.05)
        if path == "/orders/search":
            return self.answer(200, {"hits": list(ORDERS.values()), "total": len(ORDERS)})
        found = re.fullmatch(r"/orders/([^/]+)(/payments|/attachment|/events)?", path)
        order = ORDERS.get(found[1]) if found else None
        if order is None:
            return self.answer(404, {"detail": "Not Found"})
        if found[2] == "/payments":
            order["state"] = "paid"
            return self.answer(201, {"amount": json.loads(content)["amount"]})
        if found[2] == "/events":
            return self.stream(*LONG)
        if found[2] == "/attachment":
            return self.answer(200, {"bytes": len(content)})
        if self.command == "PATCH":
            order.update(json.loads(content))
        if self.command == "DELETE":
            del ORDERS[found[1]]
            return self.answer(204)
        return self.answer(200, order)

    def create(self, new):
        with LOCK:
            number = str(len(ORDERS) + 1)
            ORDERS[number] = {**new, "id": number, "owner": new["customer"], "state": "open"}
        self.answer(201, ORDERS[number])

    def stream(self, events, pause):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(events):
            event = f"data: {number}\n\n".encode()
            self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
            self.wfile.flush()
            time.sleep(pause)
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Orders).serve_forever()
