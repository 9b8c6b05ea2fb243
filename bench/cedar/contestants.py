"""The three contestants: building them, and running each on one core."""
import glob
import json
import os
import re
import shutil
import subprocess
import sys

import measure

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(measure.ROOT, "build", "bench", "cedar")

# What the peers' own manifests ask for.
NEEDED_RUST, NEEDED_GO = (1, 89), (1, 26)


class Contestant:
    def __init__(self, name, program):
        self.name = name
        self.program = program

    def run(self, *arguments):
        command = measure.pinned(measure.SERVER_CORE, [self.program, *map(str, arguments)])
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"bench: {' '.join(command)} failed with status {done.returncode}:\n{done.stderr}")
        return json.loads(done.stdout)


def version_of(program, *question):
    try:
        out = subprocess.run([program, *question], capture_output=True, text=True, check=True, cwd="/").stdout
    except (OSError, subprocess.CalledProcessError):
        return (0, 0)
    found = re.search(r"(\d+)\.(\d+)", out)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def toolchain(program, question, needed, *folders):
    """The newest `program` on the path or in the folders, or None, saying so, when all are older than needed."""
    found = {path for path in (shutil.which(program), *(p for f in folders for p in glob.glob(os.path.expanduser(f))))
             if path is not None and os.access(path, os.X_OK)}
    versions = {path: version_of(path, *question) for path in found}
    newest = max(versions, key=versions.get, default=None)
    if newest is not None and versions[newest] >= needed:
        return newest
    there = ", ".join(f"{path} is {v[0]}.{v[1]}" for path, v in versions.items()) or "there is none"
    print(f"bench: {program} {needed[0]}.{needed[1]} or newer is missing ({there}); install it to compare with that peer",
          file=sys.stderr, flush=True)
    return None


def build(command, folder, **environment):
    run = subprocess.run(command, cwd=os.path.join(HERE, folder), env={**os.environ, **environment},
                         capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"bench: {' '.join(command)} failed:\n{run.stdout}{run.stderr}")


def built_crate():
    cargo = toolchain("cargo", ["--version"], NEEDED_RUST, "~/.cargo/bin/cargo", "/usr/lib/rust-*/bin/cargo")
    if cargo is None:
        return None
    # cargo asks the rustc beside it.
    path = f"{os.path.dirname(cargo)}:{os.environ['PATH']}"
    target = os.path.join(BUILD, "crate")
    build([cargo, "build", "--release", "--locked", "--quiet"], "crate", PATH=path, CARGO_TARGET_DIR=target)
    return Contestant("crate", os.path.join(target, "release", "cedar-bench-crate"))


def built_go():
    go = toolchain("go", ["version"], NEEDED_GO, "/usr/local/go/bin/go", "/usr/lib/go-*/bin/go")
    if go is None:
        return None
    program = os.path.join(BUILD, "cedar-bench-go")
    build([go, "build", "-o", program, "."], "go", GOTOOLCHAIN="local")
    return Contestant("go", program)


def ready():
    """Ours and the peers that can be built, at least one of them."""
    os.makedirs(BUILD, exist_ok=True)
    ours = Contestant("ours", os.path.join(measure.ROOT, "build", "release", "bin", "cedar-bench-ours"))
    if not os.path.exists(ours.program):
        sys.exit("bench: build/release/bin/cedar-bench-ours is missing; `./x build` makes it")
    peers = [peer for peer in (built_crate(), built_go()) if peer is not None]
    if not peers:
        sys.exit("bench: no peer can be built, so there is nothing to compare with")
    return [ours, *peers]
