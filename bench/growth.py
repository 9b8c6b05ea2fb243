"""What each thing costs when there is more of everything: `./x bench growth [--quick] [KIND...]`.

For 1,000, 10,000 and 100,000 policies, identities, routes, entities, tasks and audit records, each alone in Acme's world,
it prints what it costs to check the files, to start, to reload, to decide and to page, with the exponent between sizes:
1.0 is in step, 2.0 is quadratic. Times are processor times, decisions are instructions as callgrind counts them. An
exponent is of what comes on top of an empty world; 0.0 may also mean that this is too little to measure.

Exit 1 when something grows faster than n log n, or a warm decision by more than a fifth.
"""
import http.client
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time

import growth_worlds
import instructions
import measure
import serving

harness = serving.harness
SIZES = (1_000, 10_000, 100_000)
# Caches hold less and less of what grows, so even what is in step is dearer for each when there are more.
TOLERANCE = 0.25
LEAST_MS, LEAST_MB = 30.0, 8.0  # what is below drowns in noise
DECISION_GROWTH = 1.2
PATIENCE = 900
PAGE = 100
WARM, BATCH, BATCHES = 100, 50, 6


def cpu_ms(pid):
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="utf-8") as file:
                total += int(file.read().split()[0])
        except OSError:
            pass  # it ended
    return total / 1e6


def peak_mb(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def forget_peak(pid):
    """What comes next has a peak of its own: to hash one client's secret takes 16 MB, which would hide a small reload."""
    with open(f"/proc/{pid}/clear_refs", "w", encoding="utf-8") as file:
        file.write("5")


def run_to_end(*command):
    """(processor ms, peak MB) of a command that succeeds."""
    # A program that is started from here inherits this one's peak, which is more than it needs itself. From `time`,
    # which is small, it does not.
    with tempfile.NamedTemporaryFile("r") as peak_kb:
        process = subprocess.Popen(["time", "-f", "%M", "-o", peak_kb.name, *command],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"bench: {' '.join(command)} failed:\n{out.decode()[-2000:]}")
        return (usage.ru_utime + usage.ru_stime) * 1000, int(peak_kb.read()) / 1024


class Measured:
    """What was measured of one world: {what: value}."""

    def __init__(self, writ, upstream, kind, count):
        self.values = {}
        self.world = growth_worlds.GrowthWorld(writ, upstream, kind, count)
        harness.acme.READY_SECONDS = PATIENCE
        try:
            self.world.prepare()
            self.check()
            self.serve()
            self.decide()
        finally:
            self.world.close()

    def check(self):
        runs = [run_to_end(self.world.writ, "check", "--config", self.world.config) for _ in range(2)]
        self.values["check, ms"] = min(run[0] for run in runs)
        self.values["check, MB"] = min(run[1] for run in runs)

    def request(self, method, path, token):
        """Processor ms of the server for one request."""
        before = cpu_ms(self.world.server.pid)
        connection = http.client.HTTPConnection("127.0.0.1", self.world.api_port, timeout=PATIENCE)
        connection.request(method, path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status != 200:
            sys.exit(f"bench: {method} {path} answered {answer.status}: {body[:500]}")
        return cpu_ms(self.world.server.pid) - before, json.loads(body)

    def start(self, name):
        began = time.monotonic()
        self.world.start()
        pid = self.world.server.pid
        self.values[f"{name}, wall ms"] = (time.monotonic() - began) * 1000
        self.values[f"{name}, ms"] = cpu_ms(pid)
        self.values[f"{name}, MB"] = peak_mb(pid)

    def serve(self):
        self.start("first start")
        self.world.stop_writ()
        self.start("start")
        token = self.world.operator_token()
        forget_peak(self.world.server.pid)
        self.values["reload, ms"] = min(self.reload(token, number) for number in range(2))
        self.values["reload, MB"] = peak_mb(self.world.server.pid)
        self.values["tasks page, ms"] = self.page(token, lambda: f"/v1/tasks?limit={PAGE}")
        self.values["audit page, ms"] = self.page(token, lambda: self.newest_records(token))
        log = os.path.join(self.world.data, "audit.log")
        show = [run_to_end(self.world.writ, "audit", "show", "--last", str(PAGE), log) for _ in range(3)]
        self.values["audit show, ms"], self.values["audit show, MB"] = min(show)
        self.world.stop_writ()

    def reload(self, token, number):
        with open(os.path.join(self.world.folder, "policies", "billing.cedar"), "a", encoding="utf-8") as file:
            file.write(f"// {number}\n")
        cost, answer = self.request("POST", "/v1/policies/reload", token)
        if not answer["changed"]:
            sys.exit("bench: the reload changed nothing")
        return cost

    def newest_records(self, token):
        _, head = self.request("GET", "/v1/audit/head", token)
        return f"/v1/audit/records?after={max(0, head['seq'] - PAGE)}&limit={PAGE}"

    def page(self, token, path):
        return min(self.request("GET", path(), token)[0] for _ in range(5))

    # Callgrind looks from the first decision on: until then it would take minutes.
    def decide(self):
        world = self.world
        out = os.path.join(world.folder, "counts")
        os.makedirs(out)
        world.start_writ(prefix=["valgrind", "--tool=callgrind", "-q", "--instr-atstart=no",
                                 f"--callgrind-out-file={out}/of"])
        token = world.customer_token()
        connection = http.client.HTTPConnection("127.0.0.1", world.gateway_port, timeout=PATIENCE)

        def send(count):
            for _ in range(count):
                connection.request("GET", serving.INVOICE, headers={"Authorization": f"Bearer {token}"})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    sys.exit(f"bench: the gateway answered {answer.status}")

        def control(option, value=None):
            command = ["callgrind_control", option, *([value] if value else []), str(world.server.pid)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def counted(count):
            control("--zero")
            send(count)
            before = set(os.listdir(out))
            control("--dump")
            deadline = time.monotonic() + PATIENCE
            while not (new := set(os.listdir(out)) - before) and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(0.3)
            return instructions.read_counts(os.path.join(out, new.pop()))[0] / count

        control("--instr=on")
        self.values["first decision, k instructions"] = counted(1) / 1000
        send(WARM)
        # What Writ does each second and each ten falls into some of the batches.
        self.values["warm decision, k instructions"] = min(counted(BATCH) for _ in range(BATCHES)) / 1000
        connection.close()


def exponent(smaller, larger, sizes, empty, least):
    """Of what comes with the number, without what an empty world costs."""
    low, high = (max(value - empty, least) for value in (smaller, larger))
    return math.log(high / low) / math.log(sizes[1] / sizes[0])


def allowed(sizes):
    """n log n between two sizes."""
    return 1 + math.log(math.log(sizes[1]) / math.log(sizes[0])) / math.log(sizes[1] / sizes[0]) + TOLERANCE


def judge(what, values, empty, sizes):
    """(what is printed, whether it grows too fast)."""
    if "decision" in what:
        ratio = max(values) / values[0]
        return f"{ratio:.2f} x", what.startswith("warm") and ratio > DECISION_GROWTH
    if "wall" in what:
        return "", False
    least = LEAST_MB if what.endswith("MB") else LEAST_MS
    steps = list(zip(zip(values, values[1:]), zip(sizes, sizes[1:])))
    exponents = [exponent(*pair, step, empty, least) for pair, step in steps]
    return "  ".join(f"{each:5.2f}" for each in exponents), any(
        each > allowed(step) for each, (_, step) in zip(exponents, steps))


def report(kind, results, empty, sizes):
    failed = []
    print(f"\n{kind:<34}" + "".join(f"{size:>13,}" for size in sizes) + "   exponents", flush=True)
    for what in results[0]:
        values = [result[what] for result in results]
        verdict, bad = judge(what, values, empty[what], sizes)
        print(f"  {what:<32}" + "".join(f"{value:>13,.1f}" for value in values) + f"   {verdict}" +
              ("   TOO FAST" if bad else ""), flush=True)
        if bad:
            failed.append(f"{kind}: {what}")
    return failed


def growth(arguments):
    sizes = SIZES[:2] if "--quick" in arguments else SIZES
    binary = harness.WRIT
    if "--against" in arguments:
        at = arguments.index("--against")
        binary = os.path.abspath(arguments[at + 1])
        del arguments[at:at + 2]
    wanted = [argument for argument in arguments if not argument.startswith("--")]
    kinds = [kind for kind in growth_worlds.KINDS if not wanted or any(word in re.split(r"\W+", kind) for word in wanted)]
    if not kinds:
        sys.exit(f"bench: nothing grows that is called {' '.join(wanted)}, expected {'; '.join(growth_worlds.KINDS)}")
    upstream = serving.fixed_reply(measure.LOAD_CORE)
    failed = []
    try:
        empty = Measured(binary, upstream, "entities", 0).values
        print("an empty world: " + ", ".join(f"{what} {value:,.1f}" for what, value in empty.items()), flush=True)
        for kind in kinds:
            results = [Measured(binary, upstream, kind, size).values for size in sizes]
            failed += report(kind, results, empty, sizes)
    finally:
        upstream.stop()
    print("\n" + ("grows too fast: " + "; ".join(failed) if failed else "nothing grows faster than n log n"))
    return not failed
