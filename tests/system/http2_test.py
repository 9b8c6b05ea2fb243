"""HTTP/2 with the real binary: curl and nghttp as callers of the gateway, the token endpoint and /v1."""
import json
import os
import re
import subprocess
import tempfile
import unittest

import certificates
import harness

READ = "/invoices/inv-1001"
WITH_COOKIES = "      namespace: Billing\n      forward_headers: [Cookie, X-Custom]\n"


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def curl(*arguments):
    """(version, status, body)"""
    done = run("curl", "-sS", "--max-time", "20", "-w", "\n%{http_version} %{http_code}", "--http2-prior-knowledge", *arguments)
    body, _, last = done.stdout.rpartition("\n")
    version, status = last.split()
    return version, int(status), body


class Http2(unittest.TestCase):
    def world(self, edit=lambda text: text):
        world = harness.TestWorld(edit)
        self.addCleanup(world.close)
        world.start()
        return world

    def test_the_gateway_decides_and_forwards_as_over_http1(self):
        with harness.Listener() as listener:
            world = self.world(lambda text: listener.serve_in(text.replace("      namespace: Billing\n", WITH_COOKIES)))
            url = f"http://127.0.0.1:{world.gateway_port}{READ}"
            token = world.customer_token()
            version, status, _ = curl("-H", f"Authorization: Bearer {token}", "-H", "X-Custom: 1", "-H", "Connection: X-Custom",
                                      "-H", "Cookie: a=1", "-H", "Cookie: b=2", url)
            self.assertEqual(("2", 204), (version, status))
            lines = listener.head.decode().split("\r\n")
            self.assertEqual(f"GET {READ} HTTP/1.1", lines[0])
            self.assertEqual("a=1; b=2", listener.header("cookie"))
            self.assertEqual("1", listener.header("x-custom"))
            self.assertEqual(1, sum(line.lower().startswith("host:") for line in lines))
            self.assertIsNone(listener.header("authorization"))
            self.assertEqual(f"127.0.0.1:{world.gateway_port}", listener.header("x-forwarded-host"))

    def test_refusals_are_the_same(self):
        world = self.world()
        url = f"http://127.0.0.1:{world.gateway_port}"
        version, status, body = curl(url + READ)
        self.assertEqual(("2", 401), (version, status), body)
        without = world.call(world.gateway_port, "GET", READ)
        self.assertEqual(without.json()["error"], json.loads(body)["error"])
        self.assertEqual(404, curl(url + "/nothing/here")[1])
        self.assertEqual(400, curl("--path-as-is", url + "/invoices/../x")[1])

    def test_tokens_and_writs_own_api_come_over_it_too(self):
        world = self.world()
        version, status, body = curl(f"http://127.0.0.1:{world.api_port}/oauth2/jwks")
        self.assertEqual(("2", 200), (version, status))
        self.assertIn("keys", json.loads(body))
        question = json.dumps({"request": f"GET {READ}", "token": {"sub": "nora", "client_id": "support-portal", "purpose": "support",
                                                                   "tenant": "north"}})
        version, status, body = curl("-H", f"Authorization: Bearer {world.operator_token()}", "-H", "Content-Type: application/json",
                                     "-d", question, f"http://127.0.0.1:{world.api_port}/v1/decide")
        self.assertEqual(("2", 200), (version, status), body)
        self.assertEqual(401, curl("-d", "grant_type=client_credentials", f"http://127.0.0.1:{world.api_port}/oauth2/token")[1])

    def test_many_requests_of_one_connection(self):
        world = self.world()
        done = run("nghttp", "-ns", "-m", "300", f"--header=Authorization: Bearer {world.customer_token()}",
                   f"http://127.0.0.1:{world.gateway_port}{READ}")
        self.assertEqual(300, len(re.findall(rf" 200 +\S+ {READ}", done.stdout)), done.stdout[-2000:] + done.stderr)

    def test_it_is_chosen_by_alpn_unless_it_is_switched_off(self):
        with tempfile.TemporaryDirectory(prefix="writ-http2-") as folder:
            authority = certificates.Authority(folder)
            chain, key = authority.issue("gateway", ("IP:127.0.0.1",))
            for http2, expected in (("true", "2 401"), ("false", "1.1 401")):
                listener = f"\\n    address: \\1\\n    http2: {http2}\\n    tls:\\n      certificates: [{{chain: {chain}, key: {key}}}]"
                world = self.world(lambda text, listener=listener: re.sub(r"  gateway: (\S+).*", "  gateway:" + listener, text))
                done = run("curl", "-sS", "--cacert", authority.certificate, "-o", os.devnull, "-w", "%{http_version} %{http_code}",
                           f"https://127.0.0.1:{world.gateway_port}{READ}")
                self.assertEqual(expected, done.stdout, done.stderr)

    def test_the_example_of_its_page(self):
        with open(os.path.join(harness.ROOT, "docs", "http2.md"), encoding="utf-8") as file:
            page = file.read()
        script, shown = (re.search(rf"```{language}\n(.*?)```", page, re.DOTALL).group(1) for language in ("sh", "text"))
        world = self.world()
        self.assertIn("http://127.0.0.1:8181", script)
        done = subprocess.run(["bash", "-euc", script.replace("http://127.0.0.1:8181", world.gateway)], text=True, timeout=60,
                              capture_output=True, check=False, env={**os.environ, "TOKEN": world.customer_token()})
        self.assertEqual(shown, done.stdout, done.stderr)


if __name__ == "__main__":
    unittest.main()
