"""docs/configuration.md, `outbound.proxy`: a provider's keys come through a real proxy, tinyproxy."""
import os
import shutil
import subprocess
import tempfile
import unittest

import certificates
import harness
import issuer_keys_test

TINYPROXY = "/usr/bin/tinyproxy"


class Tinyproxy:
    """Lets tunnels to one port through, for those who know its password, if it has one."""

    def __init__(self, port, credentials=None):
        self.folder = tempfile.mkdtemp(prefix="writ-tinyproxy-")
        self.port, = harness.free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = os.path.join(self.folder, "log")
        config = os.path.join(self.folder, "tinyproxy.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"Port {self.port}\nListen 127.0.0.1\nTimeout 60\nLogFile \"{self.log}\"\nLogLevel Connect\nMaxClients 50\n"
                       f"Allow 127.0.0.1\nConnectPort {port}\n")
            if credentials is not None:
                file.write("BasicAuth {} {}\n".format(*credentials.split(":")))
        self.process = subprocess.Popen([TINYPROXY, "-d", "-c", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        harness.await_listener(self.port, self.process)

    def asked(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return [line.split("): CONNECT ", 1)[1].split(" ")[0] for line in log if "): CONNECT " in line]

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder)


@unittest.skipUnless(os.path.exists(TINYPROXY), "there is no tinyproxy")
class OutboundProxy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        issuer_keys_test.IssuerKeys.setUpClass.__func__(cls)

    def setUp(self):
        self.provider = issuer_keys_test.Provider(self.identity).start()
        self.addCleanup(self.provider.stop)
        self.provider.publish("/keys", {"keys": [self.keys["first"]]})

    # Of those tests: a world with this provider, and an exchange of its token.
    exchange = issuer_keys_test.IssuerKeys.exchange
    outcome = issuer_keys_test.IssuerKeys.outcome
    status = issuer_keys_test.IssuerKeys.status

    def proxy(self, port=None, credentials=None):
        proxy = Tinyproxy(port or self.provider.port, credentials)
        self.addCleanup(proxy.close)
        return proxy

    def world(self, proxy, more="", issuer="", allow="127.0.0.1", secret=None):
        def edit(text):
            begin = text.index("  - issuer: https://idp.acme.example\n")
            end = begin + len("  - issuer: https://idp.acme.example\n")
            while text[end:].startswith("    "):
                end = text.index("\n", end) + 1
            return (f"outbound:\n  allow: [{allow}]\n  ca_file: {self.authority.certificate}\n  timeout_seconds: 5\n"
                    f"  proxy: {{url: {proxy.url}{more}}}\n{text[:begin]}  - issuer: {self.provider.issuer}\n{issuer}{text[end:]}")
        world = harness.TestWorld(edit=edit)
        self.addCleanup(world.close)
        if secret is not None:
            path = os.path.join(world.folder, "proxy.secret")
            with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
                file.write(secret + "\n")
        world.start()
        return world

    def trouble(self, world):
        self.assertEqual("503 indeterminate", self.outcome(world))
        return self.status(world)["last_error"]["message"]

    def test_keys_come_through_the_proxy_which_is_asked_for_the_address_that_was_checked(self):
        proxy = self.proxy()
        named = self.provider.url("/keys").replace("127.0.0.1", "localhost")
        world = self.world(proxy, issuer=f"    jwks_uri: {named}\n")
        self.assertEqual("issued", self.outcome(world))
        self.assertEqual([f"127.0.0.1:{self.provider.port}"], proxy.asked())

    def test_an_address_inside_is_not_asked_of_the_proxy(self):
        proxy = self.proxy()
        named = self.provider.url("/keys").replace("127.0.0.1", "localhost")
        world = self.world(proxy, issuer=f"    jwks_uri: {named}\n", allow="10.0.0.0/8")
        self.assertIn("is a loopback address", self.trouble(world))
        self.assertEqual([], proxy.asked())

    def test_what_the_proxy_refuses_is_told(self):
        proxy = self.proxy(port=1)
        self.assertIn(f"proxy 127.0.0.1:{proxy.port} does not connect to", self.trouble(self.world(proxy)))
        self.assertEqual(0, len(self.provider.asked))

    def test_the_proxys_credentials_come_from_a_file(self):
        proxy = self.proxy(credentials="writ:1c8a")
        world = self.world(proxy, more=", credentials_file: proxy.secret", secret="writ:1c8a")
        self.assertEqual("issued", self.outcome(world))
        self.assertIn(f"127.0.0.1:{self.provider.port}", proxy.asked())
        before = len(self.provider.asked)
        self.assertIn("proxy 127.0.0.1", self.trouble(self.world(proxy, more=", credentials_file: proxy.secret", secret="writ:other")))
        self.assertIn("(407)", self.trouble(self.world(proxy)))
        self.assertEqual(before, len(self.provider.asked))

    def test_a_certificate_of_another_is_refused_through_the_proxy_too(self):
        stranger = certificates.Authority(self.folder, "stranger").issue("forged", ["IP:127.0.0.1"])
        forged = issuer_keys_test.Provider(stranger).start()
        self.addCleanup(forged.stop)
        forged.publish("/keys", {"keys": [self.keys["first"]]})
        proxy = self.proxy(port=forged.port)
        self.assertIn("certificate", self.trouble(self.world(proxy, issuer=f"    jwks_uri: {forged.url('/keys')}\n")))
        self.assertEqual([f"127.0.0.1:{forged.port}"], sorted(set(proxy.asked())))

    def test_what_is_left_out_is_asked_directly(self):
        proxy = self.proxy(port=1)
        self.assertEqual("issued", self.outcome(self.world(proxy, more=", no_proxy: [127.0.0.0/8]")))
        self.assertEqual([], proxy.asked())


if __name__ == "__main__":
    unittest.main()
