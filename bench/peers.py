"""Writ's AuthZEN evaluation beside OPA and Cerbos: servers on one core, the same question, an equivalent policy.

Writ verifies a token and writes a record of each decision; the peers get neither, as they come. The peers are built
or installed below build/bench/peers: OPA by `go install`, Cerbos as its npm package.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import measure
import serving

harness = serving.harness
FOLDER = os.path.join(measure.ROOT, "build", "bench", "peers")
OPA, CERBOS = "v1.10.0", "0.51.0"
AIMS = {"OPA": 5, "Cerbos": 35}

REGO = """package billing

default allow := false

allow if {
	input.action in {"read", "credit"}
	data.invoices[input.resource.id].customer == input.subject.id
}

allow if {
	input.action == "totals"
	data.users[input.subject.id].tenant == data.ledgers[input.resource.id].tenant
}
"""

CERBOS_POLICY = """apiVersion: api.cerbos.dev/v1
resourcePolicy:
  resource: invoice
  version: default
  rules:
    - actions: [read, credit]
      effect: EFFECT_ALLOW
      roles: [user]
      condition: {match: {expr: R.attr.customer == P.id}}
"""


def installed(command, program, cwd=FOLDER, **environment):
    """The program, made by the command when it is not there; None, said, when that fails."""
    if os.path.exists(program):
        return program
    try:
        done = subprocess.run(command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True)
    except OSError as error:
        done = subprocess.CompletedProcess(command, 127, "", str(error))
    if done.returncode == 0 and os.path.exists(program):
        return program
    print(f"bench: `{' '.join(command)}` failed, so this peer is left out:\n{(done.stdout + done.stderr)[-1000:]}",
          file=sys.stderr, flush=True)
    return None


class Peer:
    """A server on the server's core, and one wrk script that asks it."""

    def __init__(self, name, command, folder, port, path, body, permits):
        self.name, self.folder, self.url = name, folder, f"http://127.0.0.1:{port}{path}"
        self.process = subprocess.Popen(measure.pinned(measure.SERVER_CORE, command), cwd=folder,
                                        env={**os.environ, "GOMAXPROCS": "1"}, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not harness.acme.port_is_taken(port):
            if time.monotonic() > deadline or self.process.poll() is not None:
                sys.exit(f"bench: {name} did not start")
            time.sleep(0.05)
        self.script = os.path.join(folder, "ask.lua")
        with open(self.script, "w", encoding="utf-8") as file:
            file.write(f"wrk.method = 'POST'\nwrk.body = [[{json.dumps(body)}]]\n"
                       "wrk.headers['Content-Type'] = 'application/json'\n")
        answer = subprocess.run(["curl", "-sS", "-H", "Content-Type: application/json", "-d", json.dumps(body), self.url],
                                capture_output=True, text=True, check=True).stdout
        if not permits(json.loads(answer)):
            sys.exit(f"bench: {name} does not permit: {answer}")

    def requests_per_second(self):
        return measure.requests_per_second(self.url, self.script)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def opa():
    program = installed(["go", "install", f"github.com/open-policy-agent/opa@{OPA}"], os.path.join(FOLDER, "opa"), GOBIN=FOLDER,
                        PATH=f"{os.environ['PATH']}:/usr/local/go/bin")
    if program is None:
        return None
    folder = tempfile.mkdtemp(prefix="writ-bench-opa-")
    write(folder, "policy.rego", REGO)
    write(folder, "data.json", json.dumps({
        "invoices": {f"inv-{number}": {"customer": "nora" if number == 1001 else "otto", "tenant": "north"}
                     for number in range(1001, 1011)},
        "users": {"nora": {"tenant": "north"}}, "ledgers": {"north-2026": {"tenant": "north"}}}))
    (port,) = harness.free_ports(1)
    command = [program, "run", "--server", "--addr", f"127.0.0.1:{port}", "--log-level", "error", "--skip-version-check",
               "policy.rego", "data.json"]
    question = {"input": {"subject": {"id": "nora"}, "action": "read", "resource": {"type": "invoice", "id": "inv-1001"}}}
    return Peer("OPA", command, folder, port, "/v1/data/billing/allow", question, lambda answer: answer.get("result") is True)


def cerbos():
    package = "cerbos-linux-" + {"x86_64": "x64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    program = installed(["npm", "install", "--no-save", "--prefix", FOLDER, f"cerbos@{CERBOS}"],
                        os.path.join(FOLDER, "node_modules", "@cerbos", package, package))
    if program is None:
        return None
    folder = tempfile.mkdtemp(prefix="writ-bench-cerbos-")
    write(folder, "policies/invoice.yaml", CERBOS_POLICY)
    port, grpc = harness.free_ports(2)
    write(folder, "cerbos.yaml", f"""server: {{httpListenAddr: "127.0.0.1:{port}", grpcListenAddr: "127.0.0.1:{grpc}"}}
storage: {{driver: disk, disk: {{directory: policies, watchForChanges: false}}}}
telemetry: {{disabled: true}}
""")
    command = [program, "server", "--config=cerbos.yaml", "--log-level=error"]
    question = {"requestId": "1", "principal": {"id": "nora", "roles": ["user"]}, "resources": [
        {"actions": ["read"], "resource": {"kind": "invoice", "id": "inv-1001", "attr": {"customer": "nora"}}}]}
    return Peer("Cerbos", command, folder, port, "/api/check/resources", question,
                lambda answer: answer["results"][0]["actions"]["read"] == "EFFECT_ALLOW")


def peers():
    os.makedirs(FOLDER, exist_ok=True)
    there = [peer for peer in (opa(), cerbos()) if peer is not None]
    if not there:
        sys.exit("bench: neither OPA nor Cerbos can be had, so there is nothing to compare with")
    world = serving.BenchWorld(audit="durable")
    try:
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(serving.EVALUATION)
            script.flush()
            world.start()
            token = world.evaluator_token()
            contestants = {peer.name: peer.requests_per_second for peer in there}
            contestants["writ, audit durable"] = lambda: measure.requests_per_second(
                f"{world.api}/access/v1/evaluation", script.name, [f"Authorization: Bearer {token}"])
            measure.print_sync_latency(world.data)
            figures = measure.in_turns(contestants)
            for peer in there:
                measure.print_ratios({name: figures[name] for name in (peer.name, "writ, audit durable")}, peer.name)
                print(f"{'':<34} aim: {AIMS[peer.name]} x {peer.name}", flush=True)
    finally:
        world.close()
        for peer in there:
            peer.stop()
