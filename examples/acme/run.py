#!/usr/bin/env python3
"""Starts Acme's world with Writ in front of it, walks through it, and stays up until Ctrl-C.

On a terminal it waits for Enter between its steps. With --once it does not, and exits after the walk: 0 when every step behaved
as described, 1 when one did not, 2 when it could not start. Where its ports are taken, it takes others and says which.
`./x run` builds Writ and calls this.

usage: run.py --writ BINARY [--once] [--tls] [--port PORT] [--data FOLDER]
"""
import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import walk
from world import Trouble, World, port_is_taken

TRY_NEXT = """\
Writ is up, and so is Acme. Three things to try in another terminal:

1. Stop the agent, and ask once more as it did: the reason is `caller_suspended`.
   {writ} inventory suspend support-agent --server {api} --client ops-console --secret-file {here}/demo-keys/ops-console.secret
   curl -s {trust}-H "Authorization: Bearer $(cat {data}/tokens/agent-idle)" {gateway}/invoices/inv-1001
2. See who can reach the invoices, through which chain.
   {writ} access to invoices --config {config}
3. Read what happened, and prove that nobody changed it.
   {writ} audit show {data}/audit.log
   {writ} audit verify {data}/audit.log

Then change a policy in {policies}/ and run this again. Ctrl-C stops everything."""

PORTS = (8180, 8181, 8190)  # Writ, its gateway, and the APIs behind it, as writ.yaml has them


def other_ports(first):
    """Three ports from `first` on that nothing listens at."""
    found = []
    for port in range(first, min(first + 1000, 65536)):
        if not port_is_taken(port):
            found.append(port)
        if len(found) == len(PORTS):
            return tuple(found)
    raise Trouble(f"there are not three free ports from {first} on; name others with --port")


def choose_ports(asked):
    if asked is not None:
        return other_ports(asked)
    taken = [port for port in PORTS if port_is_taken(port)]
    if not taken:
        return PORTS
    ports = other_ports(PORTS[-1] + 10)
    print(f"Port {taken[0]} is taken, so this runs at {', '.join(map(str, ports))} instead.")
    return ports


def certificate(binary, folder):
    """TLS of this run's own gateway: the listener's lines, and the CA for its callers."""
    made = subprocess.run([binary, "dev-certificate", os.path.join(folder, "tls")], capture_output=True, text=True)
    if made.returncode != 0:
        raise Trouble(f"there is no certificate for the gateway: {made.stderr.strip()}")
    return "tls: {certificates: [{chain: ../tls/server.pem, key: ../tls/server.key}]}", os.path.join("tls", "ca.pem")


def configuration(folder, ports, tls=None):
    """The example's own, or a copy of it for other ports, or with TLS at the gateway."""
    if ports == PORTS and tls is None:
        return os.path.join(walk.HERE, "writ.yaml")
    copy = os.path.join(folder, "acme")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(walk.HERE, copy, ignore=shutil.ignore_patterns("data", "__pycache__"))
    path = os.path.join(copy, "writ.yaml")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for ours, port in zip(PORTS, ports):
        text = text.replace(f"127.0.0.1:{ours}", f"127.0.0.1:{port}")
    if tls is not None:
        text = re.sub(r"(?m)^  gateway: (\S+)", rf"  gateway: {{address: \1, {tls}}}", text, count=1)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def pause():
    try:
        input("\n   Enter goes on, Ctrl-C stops. ")
    except EOFError:
        print()


def wait_for_stop(world, told):
    """Says what to try, and waits until Ctrl-C, SIGTERM, or the end of one of the processes."""
    stop = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.append(True))
    print(told, flush=True)
    while not stop:
        time.sleep(0.1)
        # Ctrl-C on a terminal reaches Writ too.
        if not stop and world.server.poll() is not None:
            raise Trouble(f"Writ stopped by itself (status {world.server.returncode}):\n{world.log_text()}")


def main():
    parser = argparse.ArgumentParser(description="run Acme's world behind Writ, and walk through it")
    parser.add_argument("--writ", default=os.environ.get("WRIT_BINARY", "writ"), help="the binary")
    parser.add_argument("--once", action="store_true", help="exit after the walk")
    parser.add_argument("--tls", action="store_true", help="TLS at the gateway, with a certificate that is made for this run")
    parser.add_argument("--port", type=int, metavar="PORT", help="take the first three free ports from this one on")
    parser.add_argument("--data", help="keep what Writ writes in this folder (default: a temporary one)")
    options = parser.parse_args()
    binary = shutil.which(options.writ)
    if binary is None:
        print(f"run: no binary `{options.writ}`; build it with ./x build", file=sys.stderr)
        return 2
    # SIGTERM ends the walk as Ctrl-C does, so that nothing stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    data = options.data or tempfile.mkdtemp(prefix="writ-acme-")
    world = None
    try:
        ports = choose_ports(options.port)
        os.makedirs(data, exist_ok=True)
        tls, ca = certificate(binary, data) if options.tls else (None, None)
        world = World(binary, data, configuration(data, ports, tls), ports, ca=ca)
        world.start()
        on_terminal = sys.stdin.isatty() and sys.stdout.isatty() and not options.once
        good = walk.walk(world, pause if on_terminal else None)
        if not options.once:
            trust = "" if ca is None else f"--cacert {os.path.join(data, ca)} "
            wait_for_stop(world, TRY_NEXT.format(writ=binary, config=world.config, data=data, api=world.api, gateway=world.gateway,
                                                 trust=trust, here=os.path.dirname(world.config),
                                                 # A copy for other ports is made anew each time.
                                                 policies=os.path.join(walk.HERE, "policies")))
        return 0 if good else 1
    except Trouble as trouble:
        print(f"run: {trouble}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    finally:
        if world is not None:
            world.stop()
        if not options.data:
            shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
