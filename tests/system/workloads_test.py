"""Workloads as clients: docs/workloads.md is followed with the tokens of its platforms, and the real binary fetches the keys of a
cluster-like and of a GitHub-like token source over HTTPS."""
import base64
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

BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SPIFFE = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"
WRIT = "https://writ.acme.example"
SENTENCE = re.compile(r"(?:which is `([a-z-]+)`|which is refused \(`([a-z_]+)`\)):\n\n```json\n(.*?)^```", re.DOTALL | re.MULTILINE)


def page():
    with open(os.path.join(harness.ROOT, "docs", "workloads.md"), encoding="utf-8") as file:
        return file.read()


def with_workloads(text, issuers, identities, more=lambda config: None):
    """Acme's configuration with these beside it, and one policy that permits everything."""
    config = yaml.safe_load(text)
    config["trusted_issuers"] += issuers
    config["inventory"]["identities"] += identities
    config["policies"] = {"files": ["all.cedar"]}
    more(config)
    return yaml.safe_dump(config, sort_keys=False)


def started(test, edit):
    world = harness.TestWorld(edit=edit)
    test.addCleanup(world.close)
    with open(os.path.join(world.folder, "all.cedar"), "w", encoding="utf-8") as file:
        file.write('@id("all") permit (principal, action, resource);\n')
    return world


def ask(world, form, path="/oauth2/token", headers=None):
    return world.call(world.api_port, "POST", path, {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})},
                      urllib.parse.urlencode(form))


def as_workload(world, token, client, **form):
    """The answer to a workload that shows its platform's token."""
    return ask(world, {"grant_type": "client_credentials", "resource": harness.INVOICES, "purpose": "export", "client_id": client,
                       "client_assertion_type": BEARER, "client_assertion": token, **form})


def outcome(answer):
    return "issued" if answer.status == 200 else answer.reason()


def claims_of(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def records(world, type_or_point):
    with open(os.path.join(world.data, "audit.log"), encoding="utf-8") as log:
        return [line for line in map(json.loads, log) if type_or_point in (line.get("type"), line.get("point"))]


class Page(unittest.TestCase):
    """Each section with a platform: its configuration, and its tokens in order."""
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.key = providers.RsaKey(folder.name, "key-1")

    def follow(self, section):
        (block,) = [each for each in re.findall(r"^```yaml\n(.*?)^```", section, re.DOTALL | re.MULTILINE) if "trusted_issuers" in each]
        config = yaml.safe_load(block)
        for issuer in config["trusted_issuers"]:
            issuer.pop("jwks_uri", None)
            issuer["jwks_file"] = "platform.jwks.json"
        world = started(self, lambda text: with_workloads(text, config["trusted_issuers"], config["inventory"]["identities"]))
        with open(os.path.join(world.folder, "platform.jwks.json"), "w", encoding="utf-8") as file:
            json.dump({"keys": [self.key.jwk]}, file)
        world.start()
        told, client = [], None
        for issued_to, refused_for, payload in SENTENCE.findall(section):
            claims = json.loads(payload.replace(WRIT, world.api))
            client = issued_to or client
            form = {} if "iss" in claims else {"client_assertion_type": SPIFFE}
            answer = as_workload(world, self.key.sign(providers.with_times(claims), typ="JWT"), client, **form)
            self.assertEqual(refused_for or "issued", outcome(answer), f"{payload}: {answer}")
            told.append(refused_for or "issued")
            if issued_to:
                token = answer.json()["access_token"]
                self.assertEqual(issued_to, claims_of(token)["client_id"])
                self.assertEqual(200, world.through_gateway(token, "/invoices/inv-1001").status)
        return world, told, client

    def test_the_example_it_begins_with_is_one(self):
        world, told, _ = self.follow(page().partition("\n## ")[0])
        self.assertEqual(["issued", "caller_unknown"], told)
        # The audit knows which claim it was; the caller does not.
        refused = [line for line in records(world, "oauth") if line.get("reason") == "caller_unknown"][-1]
        self.assertIn("`kubernetes.io.namespace` is `sandbox`", json.dumps(refused))

    def test_each_platform_is_followed(self):
        sections = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", page(), re.DOTALL | re.MULTILINE))
        followed = {name: self.follow(section)[1] for name, section in sections.items() if "trusted_issuers:\n" in section}
        self.assertEqual({"GitHub Actions": ["issued", "caller_unknown", "token_type"], "GitLab CI": ["issued", "caller_unknown"],
                          "SPIFFE": ["issued", "caller_unknown"], "Clouds": ["issued", "issued", "caller_unknown", "issued", "caller_unknown", "token_type"]}, followed)

    def test_the_policy_of_the_page_compiles_against_writs_schema(self):
        world = harness.TestWorld()
        self.addCleanup(world.close)
        with open(os.path.join(world.folder, "policies", "page.cedar"), "w", encoding="utf-8") as file:
            file.write(re.search(r"```cedar\n(.*?)```", page(), re.DOTALL).group(1))
        status, out, _ = harness.writ("check", "--config", world.config)
        self.assertEqual(0, status, out)


    def test_the_tests_of_the_page_pass_with_its_policy_and_fail_without_it(self):
        section = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", page(), re.DOTALL | re.MULTILINE))["GitHub Actions"]
        (block,) = re.findall(r"^```yaml\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
        config = yaml.safe_load(block)
        for issuer in config["trusted_issuers"]:
            issuer["jwks_file"] = "platform.jwks.json"
        world = started(self, lambda text: with_workloads(text, config["trusted_issuers"], config["inventory"]["identities"],
                                                          lambda whole: whole["policies"].update(files=["all.cedar", "page.cedar"])))
        (suite,) = re.findall(r"^```yaml\n# branch.test.yaml\n(.*?)^```", page(), re.DOTALL | re.MULTILINE)
        policy = re.search(r"```cedar\n(.*?)```", page(), re.DOTALL).group(1)
        for name, text in (("platform.jwks.json", json.dumps({"keys": [self.key.jwk]})), ("branch.test.yaml", suite)):
            with open(os.path.join(world.folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        for text, expected in ((policy, 0), ("// none\n", 1)):
            with open(os.path.join(world.folder, "page.cedar"), "w", encoding="utf-8") as file:
                file.write(text)
            status, out, err = harness.writ("test", "--config", world.config, os.path.join(world.folder, "branch.test.yaml"))
            self.assertEqual(expected, status, out + err)


class Sources(unittest.TestCase):
    """Token sources that publish discovery and keys over HTTPS, and rotate them."""
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.authority = certificates.Authority(folder.name)
        cls.identity = cls.authority.issue("source", ["IP:127.0.0.1"])
        cls.keys = {name: providers.RsaKey(folder.name, name) for name in ("cluster-1", "ci-1", "ci-2")}
        cls.folder = folder.name

    def source(self, *keys):
        source = Provider(self.identity).start()
        self.addCleanup(source.stop)
        self.publish(source, *keys)
        return source

    def publish(self, source, *keys):
        source.publish("/keys", {"keys": [self.keys[key].jwk for key in keys]})

    def world(self, start=True, rule=None, more=lambda config: None):
        self.cluster, self.ci = self.source("cluster-1"), self.source("ci-1")
        issuers = [{"issuer": self.cluster.issuer, "workloads": "kubernetes"}, {"issuer": self.ci.issuer, "workloads": "github"}]
        identities = [
            {"id": "exporter", "kind": "service", "purposes": ["export"], "workload": [
                {"issuer": self.cluster.issuer, "facts": ["namespace"],
                 "claims": {"kubernetes.io": {"namespace": "billing", "serviceaccount": {"name": "exporter"}}}}]},
            {"id": "deployer", "kind": "service", "purposes": ["export"], "workload": [
                {"issuer": self.ci.issuer, "claims": rule or {"repository_id": "74", "ref": "refs/heads/main"}, "facts": ["ref"]}]}]

        def edit(text):
            def further(config):
                config["outbound"] = {"allow": ["127.0.0.1"], "ca_file": self.authority.certificate, "timeout_seconds": 5}
                more(config)
            return with_workloads(text, issuers, identities, further)
        world = started(self, edit)
        if start:
            world.start()
        return world

    def pod(self, world, **changes):
        return self.keys["cluster-1"].sign(providers.with_times({
            "iss": self.cluster.issuer, "aud": [world.api], "sub": "system:serviceaccount:billing:exporter",
            "kubernetes.io": {"namespace": "billing", "pod": {"name": "exporter-7d4b9", "uid": "49ac1f55"},
                              "serviceaccount": {"name": "exporter", "uid": "14ee3fa4"}}, **changes}), typ=None)

    def job(self, world, key="ci-1", jti=None, **changes):
        return self.keys[key].sign(providers.with_times({
            "iss": self.ci.issuer, "aud": world.api, "jti": jti or os.urandom(8).hex(), "sub": "repo:acme/shop:ref:refs/heads/main",
            "repository": "acme/shop", "repository_id": "74", "repository_owner_id": "65", "ref": "refs/heads/main",
            "event_name": "push", **changes}), typ="JWT")

    def test_workloads_come_with_tokens_of_their_platforms(self):
        world = self.world()
        pod = as_workload(world, self.pod(world), "exporter")
        self.assertEqual("issued", outcome(pod), pod)
        self.assertEqual({"namespace": "billing"}, claims_of(pod.json()["access_token"])["workload"])
        self.assertEqual("issued", outcome(as_workload(world, self.job(world), "deployer")))
        for token, client, reason in ((self.job(world, repository_id="911"), "deployer", "caller_unknown"),
                                      (self.job(world, ref="refs/heads/x"), "deployer", "caller_unknown"),
                                      (self.job(world, aud="https://vault.example"), "deployer", "audience_mismatch"),
                                      (self.job(world, iss=self.ci.issuer + "/"), "deployer", "caller_mismatch"),
                                      (self.job(world, key="cluster-1"), "deployer", "token_signature"),
                                      (self.job(world), "exporter", "caller_unknown"),
                                      (self.pod(world), "deployer", "caller_unknown")):
            self.assertEqual(reason, outcome(as_workload(world, token, client)), claims_of(token))
        reasons = [line["reason"] for line in records(world, "oauth") if line.get("effect") == "deny"]
        self.assertEqual(7, len(reasons), "each refusal is recorded")

    def test_a_job_waits_for_the_key_that_its_platform_has_rotated_to(self):
        world = self.world()
        self.assertEqual("issued", outcome(as_workload(world, self.job(world), "deployer")))
        self.publish(self.ci, "ci-2")
        deadline = time.monotonic() + 40  # two fetches for unknown keys are ten seconds apart
        while outcome(as_workload(world, self.job(world, key="ci-2"), "deployer")) != "issued":
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.5)
        self.assertEqual("token_signature", outcome(as_workload(world, self.job(world), "deployer")), "the old key is gone")

    def test_a_jobs_token_is_good_once_also_after_a_restart(self):
        world = self.world()
        token = self.job(world)
        self.assertEqual("issued", outcome(as_workload(world, token, "deployer")))
        self.assertEqual("token_replayed", outcome(as_workload(world, token, "deployer")))
        world.stop()
        world.start()
        self.assertEqual("token_replayed", outcome(as_workload(world, token, "deployer")))
        again = self.pod(world)
        self.assertEqual(["issued", "issued"], [outcome(as_workload(world, again, "exporter")) for _ in range(2)])

    def test_a_rule_that_a_fork_could_satisfy_keeps_writ_from_starting(self):
        world = self.world(start=False, rule={"repository": "acme/shop", "ref": "refs/heads/main"})
        status, out, err = harness.writ("check", "--config", world.config)
        self.assertEqual(1, status, out + err)
        self.assertIn("`repository_id` is missing: a fork", out + err)

    def test_an_api_asks_about_tokens_of_its_own(self):
        secret = "demo-nightly-export-secret"

        def more(config):
            for identity in config["inventory"]["identities"]:
                if identity["id"] == "nightly-export":
                    identity["introspects"] = ["invoices"]
        world = self.world(more=more)
        token = as_workload(world, self.job(world), "deployer").json()["access_token"]
        mail = as_workload(world, self.job(world), "deployer", resource=harness.MAIL).json()["access_token"]

        def about(asked):
            answer = ask(world, {"token": asked, "client_id": "nightly-export", "client_secret": secret}, "/oauth2/introspect")
            self.assertEqual(200, answer.status, answer)
            return answer.json()
        said = about(token)
        self.assertEqual((True, "deployer", {"ref": "refs/heads/main"}), (said["active"], said["client_id"], said["workload"]))
        self.assertEqual({"active": False}, about(mail))
        self.assertEqual({"active": False}, about("nonsense"))
        self.assertEqual(200, world.api_call(world.operator_token(), "POST", "/v1/identities/suspend", {"id": "deployer"}).status)
        self.assertEqual({"active": False}, about(token))
        metadata = world.call(world.api_port, "GET", "/.well-known/oauth-authorization-server").json()
        self.assertEqual(world.api + "/oauth2/introspect", metadata["introspection_endpoint"])
        self.assertIn("client_secret_post", metadata["token_endpoint_auth_methods_supported"])
        self.assertNotIn("tls_client_auth", metadata["token_endpoint_auth_methods_supported"])
        self.assertIn('writ_introspections_total{result="active"} 1', world.call(world.api_port, "GET", "/metrics").body.decode())


class Certificates(unittest.TestCase):
    def test_a_certificate_in_tls_is_its_client(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        authority = certificates.Authority(folder.name)
        server = authority.issue("server", ["IP:127.0.0.1"])
        svid = authority.issue("svid", ["URI:https://acme.example/billing/ledger"])
        other = authority.issue("other", ["URI:https://acme.example/billing/other"])

        def edit(text):
            def more(config):
                config["listen"]["api"] = {"address": config["listen"]["api"], "tls": {
                    "certificates": [{"chain": server[0], "key": server[1]}], "client_certificates": "asked",
                    "client_ca": authority.certificate}}
            return with_workloads(text, [], [{"id": "ledger", "kind": "service", "purposes": ["export"],
                                              "certificates": [{"uri": "https://acme.example/billing/ledger"}]}], more)
        world = started(self, edit)
        # Acme's own way to see whether it is up speaks plain HTTP.
        process = subprocess.Popen([harness.WRIT, "serve", "--config", world.config], cwd=world.folder,
                                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

        def end():
            process.terminate()
            process.communicate(timeout=30)
        self.addCleanup(end)

        def token(identity):
            context = ssl.create_default_context(cafile=authority.certificate)
            if identity:
                context.load_cert_chain(*identity)
            connection = http.client.HTTPSConnection("127.0.0.1", world.api_port, timeout=30, context=context)
            try:
                form = {"grant_type": "client_credentials", "resource": harness.INVOICES, "purpose": "export", "client_id": "ledger"}
                connection.request("POST", "/oauth2/token", urllib.parse.urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"})
                answer = connection.getresponse()
                return outcome(harness.Answer(answer.status, answer.headers, answer.read()))
            finally:
                connection.close()
        deadline = time.monotonic() + 40
        while True:
            try:
                self.assertEqual("issued", token(svid))
                break
            except OSError:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.1)
        self.assertEqual("caller_unknown", token(other))
        self.assertEqual("caller_unknown", token(None))


class Rotation(unittest.TestCase):
    def test_both_secrets_are_good_with_what_rotate_prints(self):
        world = harness.TestWorld()
        self.addCleanup(world.close)
        status, out, err = harness.writ("inventory", "rotate", "nightly-export", "--config", world.config, "--json")
        self.assertEqual(0, status, err)
        made = json.loads(out)

        with open(world.config, encoding="utf-8") as file:
            config = yaml.safe_load(file)
        for identity in config["inventory"]["identities"]:
            if identity["id"] == "nightly-export":
                identity.update(secret_hash=made["secret_hash"], previous_secret=made["previous_secret"])
        with open(world.config, "w", encoding="utf-8") as file:
            yaml.safe_dump(config, file, sort_keys=False)
        world.start()
        for secret, expected in ((made["secret"], "issued"), ("demo-nightly-export-secret", "issued"), ("guess", "caller_unknown")):
            answer = ask(world, {"grant_type": "client_credentials", "resource": harness.INVOICES, "purpose": "export",
                                 "client_id": "nightly-export", "client_secret": secret})
            self.assertEqual(expected, outcome(answer), answer)
        status, _, err = harness.writ("inventory", "rotate", "nightly-export", "--config", world.config)
        self.assertEqual(2, status)
        self.assertIn("the secret of `nightly-export` is being replaced", err)
        status, _, err = harness.writ("inventory", "rotate", "support-agent", "--config", world.config)
        self.assertEqual(2, status)
        self.assertIn("add it to the `jwks_file`", err)


if __name__ == "__main__":
    unittest.main()
