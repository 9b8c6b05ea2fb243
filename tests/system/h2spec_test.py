"""h2spec against the real binary, over TLS and in plain. It is a program in Go, fetched and built once."""
import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import certificates
import harness

VERSION = "v2.2.1+incompatible"
FOLDER = os.environ.get("H2SPEC_FOLDER", os.path.join(tempfile.gettempdir(), f"writ-h2spec-{VERSION}-{os.getuid()}"))
PROGRAM = os.path.join(FOLDER, "h2spec")
MODULE = f"module writ.test/h2spec\n\ngo 1.19\n\nrequire github.com/summerwind/h2spec {VERSION}\n"
SOURCE = '//go:build tools\n\npackage tools\n\nimport _ "github.com/summerwind/h2spec/cmd/h2spec"\n'


def missing():
    """Why it is not here; None: it is."""
    if os.path.exists(PROGRAM):
        return None
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if go is None:
        return "there is no Go"
    os.makedirs(FOLDER, exist_ok=True)
    for name, text in (("go.mod", MODULE), ("tools.go", SOURCE)):
        with open(os.path.join(FOLDER, name), "w", encoding="utf-8") as file:
            file.write(text)
    with contextlib.suppress(subprocess.TimeoutExpired):
        # What else it needs is found by the name of each package.
        for words in (["mod", "tidy"], ["build", "-o", "h2spec.new", "github.com/summerwind/h2spec/cmd/h2spec"]):
            subprocess.run([go, *words], cwd=FOLDER, env={**os.environ, "GOFLAGS": "-mod=mod -buildvcs=false"}, capture_output=True, timeout=300,
                           check=False)
    with contextlib.suppress(FileNotFoundError):
        os.replace(PROGRAM + ".new", PROGRAM)
    return None if os.path.exists(PROGRAM) else "h2spec could not be fetched, or built"


@unittest.skipIf(missing(), missing())
class H2Spec(unittest.TestCase):
    def failures(self, port, *options):
        run = subprocess.run([PROGRAM, "-S", "-h", "127.0.0.1", "-p", str(port), "-P", "/invoices/inv-1001", "-o", "20", *options],
                             capture_output=True, text=True, timeout=600, check=False)
        counts = re.search(r"(\d+) tests, (\d+) passed, 0 skipped, (\d+) failed", run.stdout)
        self.assertIsNotNone(counts, run.stdout + run.stderr)
        self.assertGreater(int(counts.group(1)), 140)
        return re.findall(r"^ *× (.*)$", run.stdout.partition("\nFailures:")[2], re.MULTILINE), run.stdout

    def test_over_tls_nothing_fails(self):
        with tempfile.TemporaryDirectory(prefix="writ-h2spec-") as folder:
            chain, key = certificates.Authority(folder).issue("server", ["DNS:localhost", "IP:127.0.0.1"])
            world = harness.TestWorld(edit=lambda text: re.sub(
                r"  gateway: (\S+).*", rf"  gateway: {{address: \1, tls: {{certificates: [{{chain: {chain}, key: {key}}}]}}}}", text))
            self.addCleanup(world.close)
            world.start()
            failed, told = self.failures(world.gateway_port, "-t", "-k")
            self.assertEqual([], failed, told)

    def test_in_plain_a_preface_that_is_none_is_answered_as_http_1(self):
        world = harness.TestWorld()
        self.addCleanup(world.close)
        world.start()
        for port in (world.gateway_port, world.api_port):
            failed, told = self.failures(port)
            # The listener speaks HTTP/1.1 too, and there this is a request line that is malformed: 400.
            self.assertEqual(["2: Sends invalid connection preface"], failed, told)


if __name__ == "__main__":
    unittest.main()
