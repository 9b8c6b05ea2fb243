"""Ory Hydra 2.3, of 2025, for the token benchmark: the newest release that the Go module proxy has.

Its module has `replace` lines, which count in the main module alone, so a wrapper module repeats the one that a build needs and calls
Hydra's command. It keeps its clients and tokens in SQLite, and issues JWTs as access tokens. Built below build/bench/peers.
"""
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request

import measure
import peers

VERSION = "v2.3.0"
FOLDER = os.path.join(peers.FOLDER, "hydra")
MODULE = f"""module writ/bench/hydra

go 1.22

require github.com/ory/hydra/v2 {VERSION}

replace github.com/gobuffalo/pop/v6 => github.com/ory/pop/v6 v6.2.1-0.20241121111754-e5dfc0f3344b
"""
MAIN = """package main

import "github.com/ory/hydra/v2/cmd"

func main() { cmd.Execute() }
"""
CLIENT, SECRET = "nightly-export", "bench-nightly-export-secret"


def built():
    """The program; None, said, when it cannot be built."""
    os.makedirs(FOLDER, exist_ok=True)
    for name, text in (("go.mod", MODULE), ("main.go", MAIN)):
        if not os.path.exists(os.path.join(FOLDER, name)):
            peers.write(FOLDER, name, text)
    return peers.installed(["go", "build", "-mod=mod", "-tags", "sqlite", "-o", "hydra", "."], os.path.join(FOLDER, "hydra"), cwd=FOLDER,
                           CGO_ENABLED="1", PATH=f"{os.environ['PATH']}:/usr/local/go/bin")


class Hydra:
    """On the server's core, with one client."""

    def __init__(self, program):
        self.folder = tempfile.mkdtemp(prefix="writ-bench-hydra-")
        port, admin = peers.harness.free_ports(2)
        self.token_endpoint = f"http://127.0.0.1:{port}/oauth2/token"
        config = peers.write(self.folder, "hydra.yaml", f"""dsn: sqlite://{self.folder}/hydra.sqlite?_fk=true&_journal_mode=WAL&_busy_timeout=20000
serve:
  public: {{host: 127.0.0.1, port: {port}}}
  admin: {{host: 127.0.0.1, port: {admin}}}
urls: {{self: {{issuer: "http://127.0.0.1:{port}"}}}}
secrets: {{system: [a-secret-for-this-benchmark-alone]}}
strategies: {{access_token: jwt}}
log: {{level: error}}
sqa: {{opt_out: true}}
""")
        made = subprocess.run([program, "migrate", "sql", "--read-from-env", "--yes", "--config", config], cwd=self.folder,
                              capture_output=True, text=True)
        if made.returncode != 0:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise RuntimeError(f"Hydra made no database: {made.stderr.strip()}")
        self.process = subprocess.Popen(measure.pinned(measure.SERVER_CORE, [program, "serve", "all", "--dev", "--config", config]),
                                        cwd=self.folder, env={**os.environ, "GOMAXPROCS": "1"}, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        client = json.dumps({"client_id": CLIENT, "client_secret": SECRET, "grant_types": ["client_credentials"],
                             "token_endpoint_auth_method": "client_secret_basic"}).encode()
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{admin}/admin/clients", client,
                                                                   {"Content-Type": "application/json"}), timeout=10):
                    return
            except OSError as error:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    self.stop()
                    raise RuntimeError(f"Hydra did not start: {error}") from error
                time.sleep(0.1)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
