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
from issuer_keys_test import Provider
from workloads_test import SPIFFE, outcome, page, with_workloads

LEDGER = "spiffe://acme.example/billing/ledger"
PARTNER = "spiffe://partner.example/export"
PATIENCE_SECONDS = 60
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
        cls.export = cls.partner.issue("export", [f"URI:{PARTNER}"])
        cls.other = cls.acme.issue("other", ["URI:spiffe://acme.example/billing/other"])
        cls.jwt_key, cls.ca_key = providers.RsaKey(folder.name, "jwt-1"), providers.RsaKey(folder.name, "plain-1")
        # The tls of the page, for this test's files.
        (block,) = [each for each in re.findall(r"^```yaml\n(.*?)^```", page(), re.DOTALL | re.MULTILINE) if "client_bundles" in each]
        tls = yaml.safe_load(block)["listen"]["gateway"]["tls"]
        def bundle(authority):
            return {"keys": [{"kty": "EC", "use": "x509-svid", "x5c": [x5c(authority)]},
                             {**cls.jwt_key.jwk, "use": "jwt-svid"}, cls.ca_key.jwk], "spiffe_sequence": 1, "spiffe_refresh_hint": 300}
        # As the page has it: one in a file, and one at a URL.
        assert tls["client_bundles"] == {"acme.example": "spire/acme.json", "partner.example": "https://spire.partner.example/bundle"}
        cls.endpoint = Provider(server)
        cls.endpoint.publish("/bundle", bundle(cls.partner))
        cls.endpoint.start()
        cls.addClassCleanup(cls.endpoint.stop)
        bundles = {"acme.example": os.path.join(folder.name, "acme.json"), "partner.example": cls.endpoint.url("/bundle")}
        with open(bundles["acme.example"], "w", encoding="utf-8") as file:
            json.dump(bundle(cls.acme), file)
        tls.update(client_bundles=bundles, certificates=[{"chain": server[0], "key": server[1]}])

        def edit(text):
            def more(config):
                config["listen"]["api"] = {"address": config["listen"]["api"], "tls": tls}
                config["outbound"] = {"allow": ["127.0.0.1"], "ca_file": cls.server.certificate}
            return with_workloads(text, [{"issuer": "spiffe://acme.example", "workloads": "spiffe", "jwks_file": bundles["acme.example"]}],
                                  [{"id": "ledger", "kind": "service", "purposes": ["export"], "certificates": [{"uri": LEDGER}],
                                    "workload": [{"issuer": "spiffe://acme.example", "claims": {"sub": LEDGER}}]},
                                   {"id": "export", "kind": "service", "purposes": ["export"], "certificates": [{"uri": PARTNER}]}], more)
        cls.world = harness.TestWorld(edit=edit)
        cls.addClassCleanup(cls.world.close)
        with open(os.path.join(cls.world.folder, "all.cedar"), "w", encoding="utf-8") as file:
            file.write('@id("all") permit (principal, action, resource);\n')
        os.makedirs(cls.world.data)
        cls.begin()
        cls.addClassCleanup(cls.end)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while cls.ask_as_partner() != "issued":
            assert time.monotonic() < deadline, "the bundle was not fetched"
            time.sleep(0.1)

    @classmethod
    def begin(cls):
        cls.process = subprocess.Popen([harness.WRIT, "serve", "--config", cls.world.config], cwd=cls.world.folder,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return cls.send(None, "GET", "/readyz")
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

    @classmethod
    def ask(cls, identity, **more):
        form = {"grant_type": "client_credentials", "resource": harness.INVOICES, "purpose": "export", "client_id": "ledger", **more}
        return outcome(cls.send(identity, "POST", "/oauth2/token", FORM, urllib.parse.urlencode(form)))

    def test_an_x509_svid_of_its_trust_domain_is_the_workload_and_no_others(self):
        self.assertEqual("issued", self.ask(self.ledger))
        self.assertEqual("caller_unknown", self.ask(self.other))
        self.assertEqual("caller_unknown", self.ask(self.forged), "another trust domain's CA vouches for it")

    @classmethod
    def ask_as_partner(cls):
        """While its CAs are not known, the connection ends before any request."""
        try:
            return cls.ask(cls.export, client_id="export")
        except OSError:
            return "no connection"

    def test_a_bundle_at_a_url_is_fetched_and_outlives_its_endpoint_and_a_restart(self):
        with open(os.path.join(self.world.data, "audit.log"), encoding="utf-8") as log:
            (change,) = [line for line in map(json.loads, log) if line.get("type") == "issuer.keys_changed"]
        self.assertEqual("spiffe://partner.example", change["object"])
        self.assertIn("added CA `", change["detail"])
        metrics = self.send(None, "GET", "/metrics").body.decode()
        self.assertIn(f'writ_client_bundle_authorities{{trust_domain="partner.example",url="{self.endpoint.url("/bundle")}"}} 1', metrics)
        self.endpoint.stop()
        self.end()
        self.begin()
        self.assertEqual("issued", self.ask_as_partner(), "with the bundle that was kept")

    def test_a_spiffe_id_whose_trust_domain_has_no_bundle_does_not_pass_the_check(self):
        with open(self.world.config, encoding="utf-8") as file:
            config = yaml.safe_load(file)
        config["inventory"]["identities"][-1]["certificates"] = [{"uri": "spiffe://other.example/export"}]
        path = os.path.join(self.world.folder, "other.yaml")
        with open(path, "w", encoding="utf-8") as file:
            yaml.safe_dump(config, file, sort_keys=False)
        status, out, err = harness.writ("check", "--config", path)
        self.assertNotEqual(0, status, out + err)
        self.assertIn("no listener has the bundle of the trust domain `other.example`", out + err)

    def test_a_jwt_svid_is_verified_by_the_bundles_keys_for_it_alone(self):
        with open(self.world.config, encoding="utf-8") as file:
            issuer = yaml.safe_load(file)["issuer"]
        claims = providers.with_times({"sub": LEDGER, "aud": [issuer]})
        for key, expected in ((self.jwt_key, "issued"), (self.ca_key, "token_signature")):
            self.assertEqual(expected, self.ask(None, client_assertion_type=SPIFFE, client_assertion=key.sign(claims, typ="JWT")))


if __name__ == "__main__":
    unittest.main()
