#!/usr/bin/env python3
"""Strangers who mean harm, for `bench/hostile.py`: at stated rates, from many sources, against a Writ on this machine.

Every kind of attack has a rate or a number of connections, a bound on how much is in flight, and sources of its own in
127.66.0.0/16; nothing goes elsewhere than to 127.0.0.1. Ends after --seconds, or with its parent, and prints what it did as JSON.

usage: attackers.py --api PORT --gateway PORT --seconds N [--scale X]
"""
import argparse
import asyncio
import base64
import collections
import itertools
import json
import os
import random
import resource
import time

TARGET = "127.0.0.1"
MIB = 1 << 20
PATIENCE_SECONDS = 20  # with one answer

MALFORMED = [
    b"GET / HTTP/9.9\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    b"POST /oauth2/token HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"POST /oauth2/token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    b"POST /access/v1/evaluation HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n[[[[[[[[[",
    b"POST /oauth2/token HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\n%%%",
    b"GET /" + b"%zz" * 100 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"G" * 20_000,
    b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
]


class Attack:
    """What one kind of attack asked for and got."""

    def __init__(self, name, asked, number):
        self.name, self.asked = name, asked
        self.done = self.failed = self.held = self.most_held = 0
        self.answers = collections.Counter()
        self.sources = itertools.cycle([f"127.66.{number}.{host}" for host in range(1, 41)])

    def report(self):
        return {"name": self.name, "asked": self.asked, "done": self.done, "not_connected": self.failed,
                "most_held": self.most_held, "answers": dict(sorted(self.answers.items()))}

    async def connect(self, port):
        try:
            return await asyncio.wait_for(
                asyncio.open_connection(TARGET, port, local_addr=(next(self.sources), 0)), PATIENCE_SECONDS)
        except (OSError, asyncio.TimeoutError):
            self.failed += 1
            return None, None

    def count(self, head):
        """By status, or `closed` without an answer."""
        status = head[9:12].decode("latin-1") if head.startswith(b"HTTP/1.1 ") else "closed"
        self.answers[status] += 1

    async def ask(self, port, data):
        """One request on a connection of its own, and the head of its answer."""
        reader, writer = await self.connect(port)
        if writer is None:
            return
        try:
            writer.write(data)
            self.count(await asyncio.wait_for(reader.read(4096), PATIENCE_SECONDS))
        except (OSError, asyncio.TimeoutError):
            self.answers["closed"] += 1
        finally:
            self.done += 1
            writer.close()

    async def hold(self, port, first, piece, pause):
        """A connection that is kept open as long as Writ lets it be, with another byte now and then."""
        reader, writer = await self.connect(port)
        if writer is None:
            return
        self.held += 1
        self.most_held = max(self.most_held, self.held)
        try:
            writer.write(first)
            while True:
                try:
                    self.count(await asyncio.wait_for(reader.read(4096), pause))
                    return
                except asyncio.TimeoutError:
                    if piece:
                        writer.write(piece)
        except OSError:
            self.answers["closed"] += 1
        finally:
            self.held -= 1
            self.done += 1
            writer.close()


async def at_rate(per_second, in_flight, start):
    """Calls `start` so many times a second, as long as no more than `in_flight` are under way."""
    running = set()
    due = time.monotonic()
    while True:
        due = max(due + 1 / per_second, time.monotonic() - 1)  # what could not be sent in a second is not made up for
        await asyncio.sleep(max(0, due - time.monotonic()))
        if len(running) < in_flight:
            task = asyncio.create_task(start())
            running.add(task)
            task.add_done_callback(running.discard)


async def refused(attack, port, per_second, connections):
    """Requests by keep-alive connections that nobody may make, with paths of 6 KB."""
    async def one():
        while True:
            reader, writer = await attack.connect(port)
            if writer is None:
                await asyncio.sleep(1)
                continue
            try:
                while True:
                    began = time.monotonic()
                    path = "/invoices/" + "".join(random.choices("abcdefgh", k=64)) * 94
                    writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
                    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_SECONDS)
                    attack.count(head)
                    attack.done += 1
                    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
                    await reader.readexactly(length)
                    if b"connection: close" in head.lower():
                        break
                    await asyncio.sleep(max(0, connections / per_second - (time.monotonic() - began)))
            except (OSError, EOFError, asyncio.TimeoutError, asyncio.LimitOverrunError):
                attack.answers["closed"] += 1
            finally:
                writer.close()
    await asyncio.gather(*(one() for _ in range(connections)))


def post(path, length, extra=b"", kind=b"application/x-www-form-urlencoded"):
    return (b"POST " + path + b" HTTP/1.1\r\nHost: a\r\nContent-Type: " + kind + b"\r\n" + extra
            + b"Content-Length: " + str(length).encode() + b"\r\n\r\n")


def guess():
    wrong = base64.b64encode(f"support-portal:{random.random()}".encode())
    body = b"grant_type=client_credentials&resource=https%3A%2F%2Finvoices.acme.example"
    return post(b"/oauth2/token", len(body), b"Authorization: Basic " + wrong + b"\r\n") + body


def attacks(options):
    """(attack, what it does for ever)."""
    api, gateway, scale = options.api, options.gateway, options.scale
    either = itertools.cycle([api, gateway])
    form = post(b"/oauth2/token", MIB) + b"a=" + b"b" * (MIB - 2)
    credit = post(b"/invoices/inv-1001/credit", MIB, kind=b"application/json") + b'{"amount":1,"x":"' + b"b" * (MIB - 19) + b'"}'
    bodies = itertools.cycle([(api, form), (gateway, credit)])
    slow = itertools.cycle([(api, post(b"/oauth2/token", 1000)),
                            (gateway, post(b"/invoices/inv-1001/credit", 1000, kind=b"application/json"))])

    def scaled(count):
        return max(1, round(count * scale))
    idle_count, head_count, body_count = scaled(1000), scaled(200), scaled(200)
    guesses, large, malformed, refusals = scaled(60), scaled(20), scaled(150), scaled(500)
    idle = Attack("idle connections", f"{idle_count} open", 1)
    heads = Attack("slow heads", f"{head_count} open, a byte in 5 s", 2)
    slow_bodies = Attack("slow bodies", f"{body_count} open, a byte in 10 s", 3)
    secrets = Attack("guessed secrets", f"{guesses} a second", 4)
    large_bodies = Attack("bodies of 1 MiB, no token", f"{large} a second", 5)
    broken = Attack("malformed requests", f"{malformed} a second", 6)
    refusal = Attack("refused, paths of 6 KB", f"{refusals} a second", 7)
    # Connections that are held: one that is closed is opened anew, at no more than so many a second.
    yield idle, at_rate(200, idle_count, lambda: idle.hold(next(either), b"", b"", 3600))
    yield heads, at_rate(50, head_count, lambda: heads.hold(
        next(either), b"GET /invoices/inv-1001 HTTP/1.1\r\nHost: a\r\nX: ", b"a", 5))
    yield slow_bodies, at_rate(50, body_count, lambda: slow_bodies.hold(*next(slow), b"a", 10))
    yield secrets, at_rate(guesses, 300, lambda: secrets.ask(api, guess()))
    yield large_bodies, at_rate(large, 100, lambda: large_bodies.ask(*next(bodies)))
    yield broken, at_rate(malformed, 200, lambda: broken.ask(next(either), random.choice(MALFORMED)))
    yield refusal, refused(refusal, gateway, refusals, 16)


async def attack_for(options):
    running = [(attack, asyncio.create_task(work)) for attack, work in attacks(options)]
    parent, until = os.getppid(), time.monotonic() + options.seconds
    while time.monotonic() < until and os.getppid() == parent:
        await asyncio.sleep(0.2)
    for _, task in running:
        task.cancel()
    print(json.dumps([attack.report() for attack, _ in running]), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--api", type=int, required=True)
    parser.add_argument("--gateway", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--scale", type=float, default=1)
    options = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 16_384), most))
    loop = asyncio.new_event_loop()
    loop.run_until_complete(attack_for(options))
    os._exit(0)  # nobody waits for what strangers left open


if __name__ == "__main__":
    main()
