"""SPIFFE bundles at the real binary (docs/workloads.md): JWT-SVIDs by the keys of a bundle, X.509-SVIDs by its CAs, and no trust domain
speaks for another's workloads."""
import http.client
import json
import os
import re
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.parse

import yaml

import certificates
import harness
import providers
from workloads_test import SPIFFE, outcome, page, with_workloads

LEDGER = "spiffe://acme.example/billing/ledger"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def x5c(authority):
    """The CA's certificate as a bundle has it."""
    with open(authority.certificate, encoding="utf-8") as file:
        return "".join(re.search(r"-----BEGIN CERTIFICATE-----\n(.*?)-----END", file.read(), re.DOTALL).group(1).split())


class Bundles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.server = certificates.Authority(folder.name, "server-ca")
        cls.acme = certificates.Authority(folder.name, "acme-ca")
        cls.partner = certificates.Authority(folder.name, "partner-ca")
        server = cls.server.issue("server", ["IP:127.0.0.1"])
        cls.ledger = cls.acme.issue("ledger", [f"URI:{LEDGER}"])
        cls.forged = cls.partner.issue("forged", [f"URI:{LEDGER}"])
        cls.other = cls.acme.issue("other", ["URI:spiffe://acme.example/billing/other"])
        cls.jwt_key, cls.ca_key = providers.RsaKey(folder.name, "jwt-1"), providers.RsaKey(folder.name, "plain-1")
        # The tls of the page, for this test's files.
        (block,) = [each for each in re.findall(r"^```yaml\n(.*?)^```", page(), re.DOTALL | re.MULTILINE) if "client_bundles" in each]
        tls = yaml.safe_load(block)["listen"]["gateway"]["tls"]
        bundles = {domain: os.path.join(folder.name, f"{domain}.json") for domain in tls["client_bundles"]}
        for domain, authority in (("acme.example", cls.acme), ("partner.example", cls.partner)):
            with open(bundles[domain], "w", encoding="utf-8") as file:
                json.dump({"keys": [{"kty": "EC", "use": "x509-svid", "x5c": [x5c(authority)]},
                                    {**cls.jwt_key.jwk, "use": "jwt-svid"}, cls.ca_key.jwk], "spiffe_sequence": 1}, file)
        tls.update(client_bundles=bundles, certificates=[{"chain": server[0], "key": server[1]}])

        def edit(text):
            def more(config):
                config["listen"]["api"] = {"address": config["listen"]["api"], "tls": tls}
            return with_workloads(text, [{"issuer": "spiffe://acme.example", "workloads": "spiffe", "jwks_file": bundles["acme.example"]}],
                                  [{"id": "ledger", "kind": "service", "purposes": ["export"], "certificates": [{"uri": LEDGER}],
                                    "workload": [{"issuer": "spiffe://acme.example", "claims": {"sub": LEDGER}}]}], more)
        cls.world = harness.TestWorld(edit=edit)
        cls.addClassCleanup(cls.world.close)
        with open(os.path.join(cls.world.folder, "all.cedar"), "w", encoding="utf-8") as file:
            file.write('@id("all") permit (principal, action, resource);\n')
        os.makedirs(cls.world.data)
        cls.process = subprocess.Popen([harness.WRIT, "serve", "--config", cls.world.config], cwd=cls.world.folder,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        cls.addClassCleanup(cls.end)
        deadline = time.monotonic() + 60
        while True:
            try:
                cls.send(None, "GET", "/readyz")
                return
            except OSError:
                assert time.monotonic() < deadline, "Writ did not start"
                time.sleep(0.1)

    @classmethod
    def end(cls):
        cls.process.terminate()
        cls.process.communicate(timeout=30)

    @classmethod
    def send(cls, identity, method, path, headers=None, body=None):
        context = ssl.create_default_context(cafile=cls.server.certificate)
        if identity:
            context.load_cert_chain(*identity)
        connection = http.client.HTTPSConnection("127.0.0.1", cls.world.api_port, timeout=30, context=context)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return harness.Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def ask(self, identity, **more):
        form = {"grant_type": "client_credentials", "resource": harness.INVOICES, "purpose": "export", "client_id": "ledger", **more}
        return outcome(self.send(identity, "POST", "/oauth2/token", FORM, urllib.parse.urlencode(form)))

    def test_an_x509_svid_of_its_trust_domain_is_the_workload_and_no_others(self):
        self.assertEqual("issued", self.ask(self.ledger))
        self.assertEqual("caller_unknown", self.ask(self.other))
        self.assertEqual("caller_unknown", self.ask(self.forged), "another trust domain's CA vouches for it")

    def test_a_jwt_svid_is_verified_by_the_bundles_keys_for_it_alone(self):
        with open(self.world.config, encoding="utf-8") as file:
            issuer = yaml.safe_load(file)["issuer"]
        claims = providers.with_times({"sub": LEDGER, "aud": [issuer]})
        for key, expected in ((self.jwt_key, "issued"), (self.ca_key, "token_signature")):
            self.assertEqual(expected, self.ask(None, client_assertion_type=SPIFFE, client_assertion=key.sign(claims, typ="JWT")))


if __name__ == "__main__":
    unittest.main()
