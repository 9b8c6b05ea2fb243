"""What a look at the posture costs: time and memory of `writ posture` over very many identities and records of the audit."""
import os
import subprocess
import sys
import tempfile
import time

from serving import harness

SIZES = ((1_000, 100_000), (10_000, 1_000_000))
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
    zeros, start = "0" * 64, 1_780_000_000
    with open(os.path.join(folder, "audit.log"), "w", encoding="utf-8") as file:
        for number in range(records):
            at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(start + number * 14_000_000 // records))
            client = number * 7 % identities // 10 * 10 + 4
            file.write(
                f'{{"seq":{number + 1},"prev":"{zeros}","time":"{at}","type":"decision","point":"gateway","effect":"permit",'
                f'"request_id":"0123456789abcdef","subject":"id-{client}","client":"id-{client}","api":"shop",'
                f'"action":"Shop::Action::\\"read\\"","resource":"Shop::Order::\\"{number}\\"","purpose":"support","tenant":"north",'
                f'"issued_at":"{at}","token_id":"0123456789abcdef0123456789abcdef","sender_bound":true,"policies":["all"],'
                f'"policy_revision":"0123456789abcdef","method":"GET","path":"/orders/{number}","peer":"192.0.2.1","hash":"{zeros}"}}\n')


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
    sizes = SIZES[:1] if "--quick" in arguments else SIZES
    good, per_unit = True, []
    for identities, records in sizes:
        with tempfile.TemporaryDirectory() as folder:
            write_world(folder, identities, records)
            without = look(folder)
            with_log = look(folder, "--audit", os.path.join(folder, "audit.log"))
        for name, (seconds, megabytes, findings) in (("without a log", without), (f"with {records:,} records", with_log)):
            print(f"  {identities:>7,} identities, {name:<24}{seconds:>8.2f} s{megabytes:>8.0f} MB{findings:>9,} findings", flush=True)
            good = good and seconds < MOST_SECONDS and megabytes < MOST_MEGABYTES
        per_unit.append(with_log[0] / identities)
    # n·log n from the first size to the last, and half as much again for what a machine does beside it.
    good = good and per_unit[-1] < per_unit[0] * 2
    print("  within the limits" if good else f"  TOO SLOW: at most {MOST_SECONDS} s, {MOST_MEGABYTES} MB, and in step")
    return good


if __name__ == "__main__":
    sys.exit(0 if posture(sys.argv[1:]) else 1)
