"""Tokens that are bound to a client's certificate (RFC 8705 §3), over real TLS: whoever steals the token alone has nothing."""
import http.client
import os
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.parse

import certificates
import harness
from workloads_test import claims_of, outcome, with_workloads

READ = "/invoices/inv-1001"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class BoundTokens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.authority = certificates.Authority(folder.name)
        server = cls.authority.issue("server", ["IP:127.0.0.1"])
        cls.own = cls.authority.issue("own", ["URI:https://acme.example/billing/ledger"])
        cls.other = cls.authority.issue("other", ["URI:https://acme.example/billing/other"])

        def edit(text):
            def more(config):
                for listener in ("api", "gateway"):
                    config["listen"][listener] = {"address": config["listen"][listener], "tls": {
                        "certificates": [{"chain": server[0], "key": server[1]}], "client_certificates": "asked",
                        "client_ca": cls.authority.certificate}}
                for identity in config["inventory"]["identities"]:
                    if identity["id"] == "nightly-export":
                        identity["certificate_bound"] = True
            return with_workloads(text, [], [{"id": "ledger", "kind": "service", "purposes": ["export"], "introspects": ["invoices"],
                                              "certificates": [{"uri": "https://acme.example/billing/ledger"}]}], more)
        cls.world = harness.TestWorld(edit=edit)
        cls.addClassCleanup(cls.world.close)
        with open(os.path.join(cls.world.folder, "all.cedar"), "w", encoding="utf-8") as file:
            file.write('@id("all") permit (principal, action, resource);\n')
        os.makedirs(cls.world.data)
        cls.world.start_upstream()
        # Acme's own way to see whether it is up speaks plain HTTP.
        cls.process = subprocess.Popen([harness.WRIT, "serve", "--config", cls.world.config], cwd=cls.world.folder,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        cls.addClassCleanup(cls.end)
        deadline = time.monotonic() + 40
        while True:
            try:
                cls.send(cls.world.api_port, None, "GET", "/readyz")
                return
            except OSError:
                assert time.monotonic() < deadline, "Writ did not start"
                time.sleep(0.1)

    @classmethod
    def end(cls):
        cls.process.terminate()
        cls.process.communicate(timeout=30)

    @classmethod
    def send(cls, port, identity, method, path, headers=None, body=None):
        """Over a connection with this certificate."""
        context = ssl.create_default_context(cafile=cls.authority.certificate)
        if identity:
            context.load_cert_chain(*identity)
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=context)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return harness.Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def ask(self, identity, client, headers=None, **more):
        form = {"grant_type": "client_credentials", "resource": harness.INVOICES, "purpose": "export", **more}
        if client:
            form["client_id"] = client
        return self.send(self.world.api_port, identity, "POST", "/oauth2/token", {**FORM, **(headers or {})}, urllib.parse.urlencode(form))

    def used(self, token, identity):
        answer = self.send(self.world.gateway_port, identity, "GET", READ, {"Authorization": f"Bearer {token}"})
        return str(answer.status) if answer.status < 300 else answer.reason()

    def test_a_token_is_good_over_a_connection_with_its_certificate_alone(self):
        answer = self.ask(self.own, "ledger")
        self.assertEqual("issued", outcome(answer), answer)
        token = answer.json()["access_token"]
        self.assertEqual({"x5t#S256"}, set(claims_of(token)["cnf"]))
        self.assertEqual("200", self.used(token, self.own))
        self.assertEqual("sender_binding_mismatch", self.used(token, self.other))
        self.assertEqual("sender_binding_missing", self.used(token, None))

    def test_a_client_whose_tokens_are_bound_gets_none_without_a_certificate(self):
        secret = {"client_id": "nightly-export", "client_secret": "demo-nightly-export-secret"}
        self.assertEqual("sender_binding_missing", outcome(self.ask(None, None, **secret)))
        answer = self.ask(self.other, None, **secret)
        self.assertEqual("issued", outcome(answer), answer)
        token = answer.json()["access_token"]
        self.assertEqual(("200", "sender_binding_mismatch"), (self.used(token, self.other), self.used(token, self.own)))

    def test_metadata_and_introspection_tell(self):
        metadata = self.send(self.world.api_port, None, "GET", "/.well-known/oauth-authorization-server").json()
        self.assertTrue(metadata["tls_client_certificate_bound_access_tokens"])
        self.assertEqual(["ES256"], metadata["introspection_signing_alg_values_supported"])
        token = self.ask(self.own, "ledger").json()["access_token"]
        answer = self.send(self.world.api_port, self.own, "POST", "/oauth2/introspect",
                           {**FORM, "Accept": "application/token-introspection+jwt"},
                           urllib.parse.urlencode({"client_id": "ledger", "token": token}))
        self.assertEqual((200, "application/token-introspection+jwt"), (answer.status, answer.headers["Content-Type"]))
        said = claims_of(answer.body.decode())
        self.assertEqual("ledger", said["aud"])
        self.assertEqual(claims_of(token)["cnf"], said["token_introspection"]["cnf"])
        self.assertEqual("token_type", self.used(answer.body.decode(), self.own))


if __name__ == "__main__":
    unittest.main()
