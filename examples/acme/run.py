#!/usr/bin/env python3
"""Starts Acme's world with Writ in front of it, walks through it, and stays up until Ctrl-C.

With --once it exits after the walk: 0 when every step behaved as described, 1 when one did not, 2 when it could not start.
`./x run` builds Writ and calls this.

usage: run.py --writ BINARY [--once] [--data FOLDER]
"""
import argparse
import os
import shutil
import signal
import sys
import tempfile
import time

import walk
from world import Trouble, World

TRY_NEXT = """\
Writ is up, and so is Acme. Try next:

  {writ} check --config {config}
  {writ} audit show {data}/audit.log
  {writ} inventory list --server {api} --client ops-console --secret-file {here}/demo-keys/ops-console.secret
  curl -s {api}/metrics | grep writ_decisions_total

Change a policy in {here}/policies/ and run this again. Ctrl-C stops everything."""


def wait_for_stop(world):
    """Until Ctrl-C, SIGTERM, or the end of one of the processes."""
    stop = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.append(True))
    while not stop:
        time.sleep(0.1)
        if world.server.poll() is not None:
            raise Trouble(f"Writ stopped by itself (status {world.server.returncode}):\n{world.log_text()}")


def main():
    parser = argparse.ArgumentParser(description="run Acme's world behind Writ, and walk through it")
    parser.add_argument("--writ", default=os.environ.get("WRIT_BINARY", "writ"), help="the binary")
    parser.add_argument("--once", action="store_true", help="exit after the walk")
    parser.add_argument("--data", help="keep what Writ writes in this folder (default: a temporary one)")
    options = parser.parse_args()
    binary = shutil.which(options.writ)
    if binary is None:
        print(f"run: no binary `{options.writ}`; build it with ./x build", file=sys.stderr)
        return 2
    # SIGTERM ends the walk as Ctrl-C does, so that nothing stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    data = options.data or tempfile.mkdtemp(prefix="writ-acme-")
    world = World(binary, data)
    try:
        world.start()
        good = walk.walk(world)
        if not options.once:
            print(TRY_NEXT.format(writ=binary, config=world.config, data=data, api=world.api, here=walk.HERE))
            wait_for_stop(world)
        return 0 if good else 1
    except Trouble as trouble:
        print(f"run: {trouble}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    finally:
        world.stop()
        if not options.data:
            shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
