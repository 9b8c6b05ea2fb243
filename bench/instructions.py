"""What one warm request costs in instructions and allocations, counted by callgrind: the figures do not depend on what
else the machine does. `--against BINARY` counts another build of Writ in the same run and prints the ratio."""
import base64
import http.client
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse

import measure
import serving

sys.path.insert(0, os.path.join(measure.ROOT, "tests", "system"))
import harness  # noqa: E402

WARM, COUNTED = 300, 2000
MINTED_WARM, MINTED = 100, 500
MOST_BY_CONTRACT = 1.03  # of what a token with everything costs
READY_SECONDS = 120
# What notes that an identity was used (enforce/enforcer.cc).
TRACKING = re.compile(r"writ::enforce::Enforcer::note_use\(")
ALLOCATOR = re.compile(r"(malloc|calloc|realloc)(@|$)|operator new\(")


class CountedWorld(serving.BenchWorld):
    """Writ under callgrind."""

    def __init__(self, binary, upstream):
        super().__init__(upstream, audit="buffered")
        self.writ = binary
        self.out = tempfile.mkdtemp(prefix="writ-bench-callgrind-")

    def start(self):
        os.makedirs(self.data, exist_ok=True)
        self.start_upstream()
        harness.acme.READY_SECONDS = READY_SECONDS
        self.start_writ(prefix=["valgrind", "--tool=callgrind", "-q",
                                f"--callgrind-out-file={self.out}/counts"])

    def control(self, option):
        subprocess.run(["callgrind_control", option, str(self.server.pid)], check=True, stdout=subprocess.DEVNULL)

    def counted(self, port, method, path, headers, body=None, warm=WARM, times=COUNTED):
        """(instructions, allocations, instructions that note the use) of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

        def send(count):
            for _ in range(count):
                connection.request(method, path, body=body, headers=headers)
                answer = connection.getresponse()
                answer.read()
                if not 200 <= answer.status < 300:
                    sys.exit(f"bench: {path} answered {answer.status}")
        send(warm)
        self.control("--zero")
        send(times)
        dumps = set(os.listdir(self.out))
        self.control("--dump")
        connection.close()
        deadline = time.monotonic() + 60
        while not (new := set(os.listdir(self.out)) - dumps):
            if time.monotonic() > deadline:
                sys.exit("bench: callgrind wrote no counts")
            time.sleep(0.1)
        time.sleep(1)
        dump = os.path.join(self.out, new.pop())
        instructions, allocations = read_counts(dump)
        return instructions / times, allocations / times, within(dump, TRACKING) / times

    def close(self):
        super().close()
        shutil.rmtree(self.out, ignore_errors=True)


def read_counts(path):
    """The totals of a callgrind file: instructions, and calls of what allocates."""
    names, instructions, allocations, callee, caller = {}, 0, 0, "", ""

    def named(text):
        number, _, name = text.partition(" ")
        if name:
            names[number] = name
        return names.get(number, "")
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("fn="):
                caller = named(line[3:].strip())
            elif line.startswith("cfn="):
                callee = named(line[4:].strip())
            elif line.startswith("calls="):
                # `operator new` calls malloc: what it asks for counts once.
                if ALLOCATOR.match(callee) and not ALLOCATOR.match(caller):
                    allocations += int(line[6:].split()[0])
            elif match := re.match(r"(?:totals|summary): (\d+)", line):
                instructions = max(instructions, int(match.group(1)))
    return instructions, allocations


def within(path, pattern):
    """The instructions of a callgrind file within functions of that name, and what they call."""
    names, callee, instructions, called = {}, "", 0, False
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith(("fn=", "cfn=")):
                number, _, name = line.partition("=")[2].strip().partition(" ")
                names.setdefault(number, name)
                if line.startswith("cfn="):
                    callee = names[number]
            elif line.startswith("calls="):
                called = bool(pattern.match(callee))
            elif called:
                # "+12 345": where, and what the calls cost.
                instructions += int(line.split()[1])
                called = False
    return instructions


def costs(binary, upstream, only=None):
    """{what: (instructions, allocations, noting the use)} of a build of Writ; `only` one of them, or all."""
    world = CountedWorld(binary, upstream)
    try:
        world.start()
        evaluator, customer = world.evaluator_token(), world.customer_token()
        body = re.search(r"wrk.body = '(.*)'", serving.EVALUATION).group(1)
        requests = {
            "evaluation": (world.api_port, "POST", "/access/v1/evaluation",
                           {"Authorization": f"Bearer {evaluator}", "Content-Type": "application/json"}, body),
            "gateway": (world.gateway_port, "GET", serving.INVOICE, {"Authorization": f"Bearer {customer}"}),
        }
        return {what: world.counted(*request) for what, request in requests.items() if only in (None, what)}
    finally:
        world.close()


class ByContract(CountedWorld):
    """The same, where tokens carry what somebody reads."""

    def edit(self, text, audit):
        return super().edit(text, audit).replace("\ninventory:\n", "\ninventory:\n  claims: contract\n", 1)


def minting():
    """What a token by contract costs beside one with everything; false when it costs more than MOST_BY_CONTRACT of it."""
    upstream = serving.fixed_reply(measure.LOAD_CORE)
    counts = {}
    try:
        for name, kind in (("with everything", CountedWorld), ("by contract", ByContract)):
            world = kind(harness.WRIT, upstream)
            try:
                world.start()
                form = {"grant_type": harness.EXCHANGE, "resource": harness.INVOICES, "purpose": "support",
                        "subject_token": world.id_token("nora", "north"), "subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}
                headers = {"Content-Type": "application/x-www-form-urlencoded",
                           "Authorization": "Basic " + base64.b64encode(b"support-portal:demo-support-portal-secret").decode()}
                counts[name], allocations, _ = world.counted(world.api_port, "POST", "/oauth2/token", headers, urllib.parse.urlencode(form),
                                                          MINTED_WARM, MINTED)
                print(f"{'writ, one token ' + name:<34} {counts[name]:>10,.0f} instructions   {allocations:>6.1f} allocations", flush=True)
            finally:
                world.close()
    finally:
        upstream.stop()
    ratio = counts["by contract"] / counts["with everything"]
    print(f"  by contract: {ratio:.3f} x, at most {MOST_BY_CONTRACT} x", flush=True)
    return ratio <= MOST_BY_CONTRACT


def instructions(only=None):
    other = None
    if "--against" in sys.argv:
        other = os.path.abspath(sys.argv[sys.argv.index("--against") + 1])
    upstream = serving.fixed_reply(measure.LOAD_CORE)
    try:
        mine = costs(harness.WRIT, upstream, only)
        theirs = costs(other, upstream, only) if other else {}
    finally:
        upstream.stop()
    for what, (count, allocations, noting) in mine.items():
        line = f"{'writ, one ' + what:<34} {count:>10,.0f} instructions   {allocations:>6.1f} allocations"
        if noting:
            line += f"   {noting:,.0f} note the use: {100 * noting / (count - noting):.2f} % more (at most 3)"
        if what in theirs:
            line += (f"   against {theirs[what][0]:,.0f} and {theirs[what][1]:.1f}: "
                     f"{count / theirs[what][0]:.3f} x, {allocations - theirs[what][1]:+.1f}")
        print(line, flush=True)
