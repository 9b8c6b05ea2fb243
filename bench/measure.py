"""What the benchmarks share: taking turns, medians, ratios, and load from wrk."""
import os
import re
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROUNDS = int(os.environ.get("WRIT_BENCH_ROUNDS", "5"))
SECONDS = int(os.environ.get("WRIT_BENCH_SECONDS", "3"))
CONNECTIONS = 64
PATIENCE = "20s"  # a peer that hashes a secret for each request lets the last of many wait for seconds

SERVER_CORE, LOAD_CORE = "0", "1"


def pinned(core, command):
    return ["taskset", "-c", core, *command]


def run_program(*command):
    status = subprocess.run(command, cwd=ROOT).returncode
    if status != 0:
        sys.exit(f"bench: {' '.join(command)} failed with status {status}")


def requests_per_second(url, script=None, headers=(), seconds=SECONDS):
    """One wrk run. Answers that are not 2xx end the benchmark: a fast refusal is no result."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", PATIENCE]
    for header in headers:
        command += ["-H", header]
    if script:
        command += ["-s", script]
    out = subprocess.run(pinned(LOAD_CORE, [*command, url]), capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit(f"bench: {url} did not answer every request with 2xx:\n{out}")
    return float(re.search(r"Requests/sec:\s*([\d.]+)", out).group(1))


def in_turns(contestants, rounds=ROUNDS):
    """Runs each contestant `rounds` times, one after the other. Returns {name: [figures]}."""
    figures = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, measure_once in contestants.items():
            figures[name].append(measure_once())
    return figures


def print_sync_latency(folder, rounds=200):
    """What a durable record waits for, whoever writes it: append 256 bytes, fdatasync."""
    path = os.path.join(folder, "sync-latency")
    times = []
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for _ in range(rounds):
            os.write(descriptor, b"x" * 256)
            began = time.perf_counter()
            os.fdatasync(descriptor)
            times.append((time.perf_counter() - began) * 1e6)
    finally:
        os.close(descriptor)
        os.remove(path)
    times.sort()
    print(f"{'fdatasync of this disk':<34} {statistics.median(times):>10,.0f} us, median   "
          f"({times[int(rounds * 0.99)]:,.0f} us, 99th percentile)", flush=True)


def print_ratios(figures, peer, unit="requests/s"):
    base = statistics.median(figures[peer])
    for name, values in figures.items():
        middle = statistics.median(values)
        spread = f"{min(values):,.0f} to {max(values):,.0f}"
        ratio = "" if name == peer else f"   {middle / base:.2f} x {peer}"
        print(f"{name:<34} {middle:>10,.0f} {unit}   ({spread}, {len(values)} runs){ratio}", flush=True)
