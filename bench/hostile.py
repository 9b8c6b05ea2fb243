"""Does Writ serve those it knows, and obey those who run it, while strangers do their worst?

First it is measured without strangers, then with them (bench/attackers.py): how long an operator's suspend takes, how many
requests known callers get answered, memory, disk and descriptors. All of it in one run, on one machine. Writ has one core; on
the other one run the upstream, those who measure and, with less priority than these, the strangers. What they used of it
is printed, so that nobody takes a starved attack for a repelled one.
"""
import http.client
import json
import os
import subprocess
import sys
import threading
import time

import measure
import serving
from serving import harness

SUSPEND_LIMIT_MS, SUSPEND_TIMES_IDLE = 50, 5
SHARE_LIMIT = 0.5
MEMORY_LIMIT_MB = 256
DISK_LIMIT_MB_A_MINUTE = 60  # beside what is written for known callers and operators
DESCRIPTORS = 4096           # Writ's limit of open files
WINDOW_SECONDS, PAUSE_SECONDS = 5, 10
QUIET_RATE = 50              # of known callers between two windows
NICE = 10                    # of strangers
SUSPENDED = "niklas"
OPERATOR_SOURCE = "127.0.3.1"
CREDIT = "action: credit, resource: 'Billing::Invoice::\"{invoice}\"'"


class HostileWorld(serving.BenchWorld):
    """Tokens that live long enough, a route that finds an amount in a body, and a limit of open files."""
    __test__ = False

    def edit(self, text, audit):
        for old, new in (("lifetime_seconds: 300", "lifetime_seconds: 3600"),
                         (CREDIT, CREDIT + ", amounts: {credited: body /amount}")):
            if old not in text:
                sys.exit(f"bench: examples/acme/writ.yaml has no `{old}`")
            text = text.replace(old, new)
        return super().edit(text, audit)

    def start(self):
        os.makedirs(self.data, exist_ok=True)
        limited = ["prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"]
        self.start_writ(prefix=measure.pinned(measure.SERVER_CORE, limited))


class Operator(threading.Thread):
    """Suspends an identity and lets it act again, all the time, on one connection."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.world, self.times, self.failures, self.stopped = world, [], [], threading.Event()
        self.token = world.operator_token()

    def run(self):
        connection, fresh = None, time.monotonic()
        while not self.stopped.wait(0.02):
            if time.monotonic() - fresh > 1800:
                self.token, fresh = self.world.operator_token(), time.monotonic()
            for act in ("suspend", "activate"):
                began = time.monotonic()
                try:
                    if connection is None:
                        connection = http.client.HTTPConnection("127.0.0.1", self.world.api_port, timeout=30,
                                                                source_address=(OPERATOR_SOURCE, 0))
                    connection.request("POST", f"/v1/identities/{SUSPENDED}/{act}", headers={"Authorization": f"Bearer {self.token}"})
                    answer = connection.getresponse()
                    answer.read()
                    if answer.status >= 300:
                        self.failures.append(answer.status)
                except (OSError, http.client.HTTPException) as error:
                    self.failures.append(type(error).__name__)
                    connection = None
                self.times.append((time.monotonic() - began) * 1000)

    def end(self):
        self.stopped.set()
        self.join(60)
        return self


class Gauges(threading.Thread):
    """The most memory and descriptors that Writ had, looked at several times a second."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.memory_mb, self.descriptors, self.stopped = pid, 0.0, 0, threading.Event()

    def run(self):
        while not self.stopped.wait(0.2):
            try:
                self.memory_mb = max(self.memory_mb, serving.resident_mb(self.pid))
                self.descriptors = max(self.descriptors, len(os.listdir(f"/proc/{self.pid}/fd")))
            except OSError:
                return

    def end(self):
        self.stopped.set()
        self.join()
        return self


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else float("nan")


def disk_bytes(world):
    total = 0
    for folder, _, names in os.walk(world.data):
        for name in names:
            try:
                total += os.stat(os.path.join(folder, name)).st_blocks * 512
            except OSError:
                pass
    return total


def callers(world, token, seconds, rate=0):
    """What known callers got answered (bench/callers.py)."""
    request = (f"GET {serving.INVOICE} HTTP/1.1\r\nHost: {world.gateway[7:]}\r\nAuthorization: Bearer {token}\r\n\r\n")
    command = [sys.executable, os.path.join(measure.ROOT, "bench", "callers.py"), "--port", str(world.gateway_port),
               "--seconds", str(seconds), "--rate", str(rate)]
    if rate:
        command += ["--connections", "8"]
    run = subprocess.run(measure.pinned(measure.LOAD_CORE, command), input=request.encode(), capture_output=True, check=True)
    return json.loads(run.stdout)


class Callers:
    """Known callers over a whole phase: in windows as fast as they are answered, and gently between them."""

    def __init__(self, world):
        self.world, self.windows, self.all_answered, self.refused = world, [], 0, 0
        self.statuses = {}
        self.token, self.fresh = world.customer_token(), time.monotonic()

    def window(self, seconds, rate=0):
        # It ends with the provider's token that it was exchanged from, after 300 seconds.
        if time.monotonic() - self.fresh > 240:
            self.token, self.fresh = self.world.customer_token(), time.monotonic()
        result = callers(self.world, self.token, seconds, rate)
        for status, count in result["statuses"].items():
            self.statuses[status] = self.statuses.get(status, 0) + count
        self.all_answered += result["answered"]
        if not rate:
            self.windows.append(result["statuses"].get("200", 0) / result["seconds"])

    def per_second(self):
        return sum(self.windows) / len(self.windows)

    def failed(self):
        return sum(count for status, count in self.statuses.items() if status != "200")


def one_token_ms(world):
    """How long a known client waits for a token."""
    began = time.monotonic()
    world.customer_token()
    return (time.monotonic() - began) * 1000


def idle_phase(world, seconds):
    operator = Operator(world)
    operator.start()
    time.sleep(seconds)
    alone = operator.end()
    if alone.failures:
        sys.exit(f"bench: an operator's request failed without any strangers: {alone.failures[:3]}")
    tokens = [one_token_ms(world) for _ in range(5)]
    known = Callers(world)
    known.window(2)  # warm
    known = Callers(world)
    before = disk_bytes(world)
    for _ in range(3):
        known.window(WINDOW_SECONDS)
    bytes_each = (disk_bytes(world) - before) / max(1, known.all_answered)
    if known.failed():
        sys.exit(f"bench: known callers were refused without any strangers: {known.statuses}")
    return alone, known, bytes_each, tokens


class Strangers:
    def __init__(self, world, seconds, scale):
        self.core_seconds = 0.0
        command = ["nice", "-n", str(NICE), sys.executable, os.path.join(measure.ROOT, "bench", "attackers.py"), "--api", str(world.api_port),
                   "--gateway", str(world.gateway_port), "--seconds", str(seconds), "--scale", str(scale)]
        self.process = subprocess.Popen(measure.pinned(measure.LOAD_CORE, command), stdout=subprocess.PIPE)
        self.began = time.monotonic()

    def is_there(self):
        return self.process.poll() is None

    def cpu_seconds(self):
        try:
            with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as stat:
                fields = stat.read().rpartition(")")[2].split()
            self.core_seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, IndexError):
            pass
        return self.core_seconds

    def end(self):
        try:
            out, _ = self.process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            self.process.kill()
            sys.exit("bench: the strangers got so little of the processor that they did not end in time; try on a quiet machine")
        return json.loads(out)


def hostile_phase(world, seconds, scale):
    strangers = Strangers(world, seconds, scale)
    gauges, operator, known = Gauges(world.server.pid), Operator(world), Callers(world)
    gauges.start()
    time.sleep(min(10, seconds / 4))  # until all connections are open
    before = disk_bytes(world)
    began = time.monotonic()
    operator.start()
    tokens = []
    while strangers.is_there() and time.monotonic() - strangers.began + WINDOW_SECONDS < seconds:
        known.window(WINDOW_SECONDS)
        tokens.append(one_token_ms(world))
        strangers.cpu_seconds()
        left = seconds - (time.monotonic() - strangers.began) - 1
        if left > WINDOW_SECONDS:
            known.window(min(PAUSE_SECONDS, left - WINDOW_SECONDS), QUIET_RATE)
    operator.end()
    grown, lasted = disk_bytes(world) - before, time.monotonic() - began
    used = strangers.cpu_seconds() / (time.monotonic() - strangers.began)
    return operator, known, gauges.end(), tokens, grown, lasted, strangers.end(), used


def print_strangers(reports, used, seconds):
    print(f"strangers: {seconds:.0f} s from 127.66.0.0/16, nice {NICE}, {used:.2f} of a core")
    for report in reports:
        answers = ", ".join(f"{status} x {count:,}" for status, count in report["answers"].items()) or "no answer"
        held = f", {report['most_held']:,} at once" if report["most_held"] else ""
        refused = f", {report['not_connected']:,} not connected" if report["not_connected"] else ""
        reached = f"{report['done'] / seconds:,.0f} a second"
        print(f"  {report['name']:<26} asked {report['asked']:<28} ended {reached}{held}{refused}: {answers}")


class Table:
    def __init__(self):
        self.failed = False
        print(f"\n{'':<38}{'idle':>12}{'attacked':>12}{'limit':>12}")

    def row(self, name, idle, attacked, limit=None, holds=None, form="{:,.1f}"):
        def text(value):
            return "" if value is None else form.format(value)
        verdict = "" if holds is None else "  PASS" if holds else "  FAIL"
        self.failed = self.failed or holds is False
        print(f"{name:<38}{text(idle):>12}{text(attacked):>12}{text(limit):>12}{verdict}")


def hostile(minutes=1.0, scale=1.0):
    """Returns whether every limit held."""
    seconds = max(30, minutes * 60)
    upstream = serving.fixed_reply(measure.LOAD_CORE)
    world = HostileWorld(upstream)
    try:
        world.start()
        alone, idle, bytes_each, idle_tokens = idle_phase(world, 15)
        idle_memory = serving.resident_mb(world.server.pid)
        idle_descriptors = len(os.listdir(f"/proc/{world.server.pid}/fd"))
        operator, known, gauges, tokens, grown, lasted, reports, used = hostile_phase(world, seconds, scale)
        ended = world.server.poll()
        print_strangers(reports, used, seconds)
        table = Table()
        idle_p99, p99 = percentile(alone.times, 0.99), percentile(operator.times, 0.99)
        limit = max(SUSPEND_LIMIT_MS, SUSPEND_TIMES_IDLE * idle_p99)
        table.row("an operator's suspend, p50, ms", percentile(alone.times, 0.5), percentile(operator.times, 0.5))
        table.row("an operator's suspend, p99, ms", idle_p99, p99, limit, p99 <= limit)
        table.row("suspends that failed", 0, len(operator.failures), 0, not operator.failures, "{:,}")
        share = known.per_second() / idle.per_second() if known.windows else 0
        table.row("known callers, answered a second", idle.per_second(), known.per_second() if known.windows else 0, form="{:,.0f}")
        table.row("their share of that", 1.0, share, SHARE_LIMIT, share >= SHARE_LIMIT, "{:.2f}")
        few = known.all_answered // 1000
        table.row("their requests that failed", 0, known.failed(), few, known.failed() <= few, "{:,}")
        table.row("a known client's token, worst, ms", max(idle_tokens), max(tokens, default=0))
        table.row("memory, most, MB", idle_memory, gauges.memory_mb, MEMORY_LIMIT_MB, gauges.memory_mb <= MEMORY_LIMIT_MB)
        beside = (grown - bytes_each * (known.all_answered + len(operator.times))) / 2**20 / (lasted / 60)
        table.row("disk, strangers', MB a minute", None, beside, DISK_LIMIT_MB_A_MINUTE, beside <= DISK_LIMIT_MB_A_MINUTE)
        most = DESCRIPTORS - 64
        table.row("descriptors, most", idle_descriptors, gauges.descriptors, most, gauges.descriptors <= most, "{:,}")
        table.row("Writ ended", None, None if ended is None else ended, None, ended is None, "{}")
        for what, failures in (("an operator's", operator.failures), ("known callers'", [s for s in known.statuses if s != "200"])):
            if failures:
                print(f"{what} failures: {', '.join(sorted({str(each) for each in failures}))}")
        return not table.failed
    finally:
        world.close()
        upstream.stop()
