"""What a look at the posture costs: time and memory of `writ posture` over very many identities and records of the audit, whose log is
chained as Writ chains it. The first look makes the index beside the log, the second one has it."""
import math
import os
import subprocess
import sys
import tempfile
import time

import measure
from serving import harness

SIZES = ((1_000, 100_000), (10_000, 1_000_000))
FULL = SIZES + ((10_000, 10_000_000),)
# n·log n from a thousand on is below this power of n, with room for what a machine does beside it.
MOST_EXPONENT = 1.25
LOG = os.path.join(measure.ROOT, "build", "release", "bin", "posture_log")
MOST_SECONDS, MOST_MEGABYTES = 60, 1024
HEAD = """version: 1
issuer: http://127.0.0.1:8180
listen: {api: "127.0.0.1:8180"}
policies: {files: [p.cedar]}
inventory:
  identities:
"""
API = """  apis:
    - id: shop
      audience: https://shop.example
      namespace: Shop
      actions: [read, write]
      upstream: http://127.0.0.1:1
      routes:
        - {method: GET, path: "/orders/{order}", action: read, resource: 'Shop::Order::"{order}"'}
"""
SECRET = "$scrypt$ln=14,r=8,p=1$hyU25J647Z_kyc-7lI0w1A$GUI2Ex_nKXD_BCiaqWJEr_n1fQ3Uo4lJDHzfzZRXUsw"


def identity(number):
    """Of ten: two users, an application, an agent and six services."""
    name = f"id-{number}"
    kind = ("user", "user", "application", "agent", "service", "service", "service", "service", "service", "service")[number % 10]
    rest = ""
    if kind != "user":
        rest = f", owner: id-{number - number % 10}, environment: {('production', 'test')[number // 10 % 2]}"
    if kind == "agent":
        rest += f", provider: others, acts_for: [id-{number - 1}]"
    if kind == "application":
        rest += ", acts_for: [users]"
    if kind in ("service", "application"):
        # Another salt, so that no two are the same; every hundredth shares the first one's.
        salt = f"{number if number % 100 else 0:06d}"
        rest += f', secret_hash: "{SECRET.replace("hyU25J", salt)}", credentials: [{{type: secret, created_at: 2024-01-10}}]'
    return f"    - {{id: {name}, kind: {kind}{rest}}}\n"


def policy(number):
    return (f'@id("reads-{number}") permit (principal == Writ::Service::"id-{number * 100 + 4}", action == Shop::Action::"read", '
            "resource is Shop::Order);\n")


def write_world(folder, identities, records):
    with open(os.path.join(folder, "writ.yaml"), "w", encoding="utf-8") as file:
        file.write(HEAD)
        file.writelines(identity(number) for number in range(identities))
        file.write(API)
    with open(os.path.join(folder, "p.cedar"), "w", encoding="utf-8") as file:
        file.writelines(policy(number) for number in range(identities // 100))
        file.write('@id("all") permit (principal, action == Shop::Action::"read", resource is Shop::Order) when { context has task };\n')
    subprocess.run([LOG, os.path.join(folder, "audit.log"), str(records), str(identities)], check=True)


def look(folder, *arguments):
    """Seconds, peak megabytes and the number of findings."""
    began = time.monotonic()
    with open(os.path.join(folder, "out.json"), "wb") as out:
        process = subprocess.Popen([harness.WRIT, "posture", "--config", os.path.join(folder, "writ.yaml"), "--json",
                                    "--at", "2026-11-28T12:00:00Z", *arguments], stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit("bench: writ posture failed")
    with open(os.path.join(folder, "out.json"), encoding="utf-8") as file:
        findings = file.read().count('"severity":')
    return seconds, usage.ru_maxrss / 1024, findings


def posture(arguments):
    sizes = SIZES[:1] if "--quick" in arguments else FULL if "--full" in arguments else SIZES
    good, seen = True, {"first look": [], "with the index": []}
    for identities, records in sizes:
        with tempfile.TemporaryDirectory() as folder:
            write_world(folder, identities, records)
            log = os.path.join(folder, "audit.log")
            looks = {"without a log": look(folder), "first look": look(folder, "--audit", log),
                     "with the index": look(folder, "--audit", log)}
        for name, (seconds, megabytes, findings) in looks.items():
            print(f"  {identities:>7,} identities, {records:>10,} records, {name:<15}{seconds:>8.2f} s{megabytes:>8.0f} MB{findings:>9,} findings",
                  flush=True)
            # What the index is for; the first look pays for it once.
            good = good and (name == "first look" or (seconds < MOST_SECONDS and megabytes < MOST_MEGABYTES))
            if name in seen:
                seen[name].append((records, seconds))
    for name, points in seen.items():
        for (fewer, before), (more, after) in zip(points, points[1:]):
            exponent = math.log(after / before) / math.log(more / fewer)
            print(f"  {name}: from {fewer:,} to {more:,} records it grows with the power {exponent:.2f}")
            good = good and exponent < MOST_EXPONENT
    print("  within the limits" if good else f"  TOO SLOW: at most {MOST_SECONDS} s, {MOST_MEGABYTES} MB, and in step")
    return good


if __name__ == "__main__":
    sys.exit(0 if posture(sys.argv[1:]) else 1)
