#!/usr/bin/env python3
"""Known callers at the gateway: as many requests as it answers, each caller from an address of its own. For `bench/hostile.py`.

Raw sockets and epoll instead of an HTTP library, so that the measuring side costs little. The request line and headers come
on standard input; what came back is printed as JSON.

usage: callers.py --port PORT --seconds N [--callers N] [--connections N] [--rate N]
"""
import argparse
import collections
import json
import select
import socket
import sys
import time

WAIT_SECONDS = 10  # for an answer; a later one is a failure


class Connection:
    def __init__(self, source, port):
        self.source, self.port = source, port
        self.socket = None
        self.received = b""
        self.sent_at = 0.0

    def open(self):
        self.socket = socket.socket()
        self.socket.settimeout(WAIT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.bind((self.source, 0))
        self.socket.connect(("127.0.0.1", self.port))

    def is_whole(self):
        head, found, body = self.received.partition(b"\r\n\r\n")
        if not found:
            return False
        for line in head.split(b"\r\n"):
            if line[:15].lower() == b"content-length:":
                return len(body) >= int(line[15:])
        return True


class Load:
    def __init__(self, options, request):
        self.options, self.request = options, request
        self.poll = select.epoll()
        self.by_descriptor = {}
        self.statuses = collections.Counter()
        self.times = []
        self.waiting = collections.deque()

    def connect(self, connection):
        try:
            connection.open()
        except OSError:
            self.statuses["not connected"] += 1
            self.waiting.append(connection)
            return
        self.by_descriptor[connection.socket.fileno()] = connection
        self.poll.register(connection.socket, select.EPOLLIN)
        self.send(connection)

    def again(self, connection):
        self.by_descriptor.pop(connection.socket.fileno())
        self.poll.unregister(connection.socket)
        connection.socket.close()
        self.connect(connection)

    def send(self, connection):
        connection.received, connection.sent_at = b"", time.monotonic()
        try:
            connection.socket.send(self.request)
        except OSError:
            self.statuses["closed"] += 1
            self.again(connection)

    def receive(self, connection):
        try:
            piece = connection.socket.recv(65536)
        except OSError:
            piece = b""
        if not piece:
            self.statuses["closed"] += 1
            return self.again(connection)
        connection.received += piece
        if not connection.is_whole():
            return None
        self.statuses[connection.received[9:12].decode("latin-1")] += 1
        self.times.append(time.monotonic() - connection.sent_at)
        pause = self.options.connections / self.options.rate - self.times[-1] if self.options.rate else 0
        if pause > 0:
            time.sleep(pause / self.options.connections)
        if b"\r\nconnection: close" in connection.received.lower():
            return self.again(connection)
        return self.send(connection)

    def run(self):
        for number in range(self.options.connections):
            self.connect(Connection(f"127.0.2.{1 + number % self.options.callers}", self.options.port))
        began = time.monotonic()
        while (now := time.monotonic()) - began < self.options.seconds:
            for descriptor, _ in self.poll.poll(0.1):
                self.receive(self.by_descriptor[descriptor])
            if self.waiting:
                self.connect(self.waiting.popleft())
        late = sum(now - connection.sent_at > WAIT_SECONDS for connection in self.by_descriptor.values())
        times = sorted(self.times) or [0]
        return {"seconds": now - began, "answered": len(self.times), "statuses": dict(self.statuses), "late": late,
                "p50_ms": times[len(times) // 2] * 1000, "p99_ms": times[len(times) * 99 // 100] * 1000}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--rate", type=float, default=0, help="requests a second, all together (default: as many as are answered)")
    options = parser.parse_args()
    print(json.dumps(Load(options, sys.stdin.buffer.read()).run()))


if __name__ == "__main__":
    main()
