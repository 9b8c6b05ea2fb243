"""docs/opaque-tokens.md with npm's oidc-provider: tokens that only it can read, at Acme's gateway; revocation, refresh tokens, an outage."""
import json
import os
import re
import time
import unittest

import harness
import oidc_provider

INVOICE = "/invoices/inv-1001"
PATIENCE_SECONDS = 60
POLICIES = '@id("all") permit (principal, action, resource);\n'


def page(name):
    with open(os.path.join(harness.ROOT, "docs", name), encoding="utf-8") as file:
        return file.read()


def example(name, provider):
    """The configuration that the page begins with, for this provider."""
    (text, *_) = re.findall(r"^```yaml\n(.*?)^```", page(name), re.DOTALL | re.MULTILINE)
    return (text.replace("https://login.acme.example/token/introspection", f"{provider.issuer}/token/introspection")
            .replace("https://login.acme.example", provider.issuer).replace("https://invoices.acme.example", "urn:acme:invoices"))


def world_with(test, issuers, before_start=lambda world: None):
    def edit(text):
        text = re.sub(r"trusted_issuers:\n(?:  .*\n)*", issuers.replace("\\", "\\\\"), text)
        text = re.sub(r"policies:\n(?:  .*\n)*", "policies: {files: [all.cedar]}\n", text)
        text = text.replace("  threads: 2\n", "  threads: 2\n  public_origin: https://api.acme.example\n")
        return "outbound: {allow: [127.0.0.1], timeout_seconds: 5}\n" + text
    world = harness.TestWorld(edit=edit)
    test.addCleanup(world.close)
    with open(os.path.join(world.folder, "all.cedar"), "w", encoding="utf-8") as file:
        file.write(POLICIES)
    path = os.path.join(world.folder, "introspection.secret")
    with open(path, "w", encoding="utf-8") as file:
        file.write("writ-secret\n")
    os.chmod(path, 0o600)
    before_start(world)
    world.start()
    return world


def outcome(world, token, path=INVOICE):
    answer = world.through_gateway(token, path)
    return str(answer.status) if answer.status < 300 else f"{answer.status} {answer.reason()}"


def records(world, **members):
    with open(os.path.join(world.data, "audit.log"), encoding="utf-8") as log:
        return [line for line in map(json.loads, log) if all(line.get(name) == value for name, value in members.items())]


def await_that(test, what, condition):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        test.assertLess(time.monotonic(), deadline, what)
        time.sleep(0.05)


@unittest.skipIf(oidc_provider.missing(), oidc_provider.missing())
class OpaqueTokens(unittest.TestCase):
    def setUp(self):
        self.provider = oidc_provider.OidcProvider().start()
        self.addCleanup(self.provider.stop)
        self.world = world_with(self, example("opaque-tokens.md", self.provider).replace("max_age_seconds: 30", "max_age_seconds: 2"))

    def test_a_clients_token_is_the_mapped_client_and_the_audit_says_whose_word_it_is(self):
        token = self.provider.token_of("batch")
        self.assertEqual("200", outcome(self.world, token))
        (record,) = records(self.world, point="gateway")
        self.assertEqual(("nightly-export", "nightly-export", self.provider.issuer),
                         (record["subject"], record["client"], record["token_issuer"]))
        self.assertNotIn(token, json.dumps(record))
        self.assertEqual("403 caller_unknown", outcome(self.world, self.provider.token_of("stranger")))

    def test_a_users_token_is_the_user_and_her_other_tokens_are_not_for_apis(self):
        _, tokens = self.provider.log_in("nora")
        self.assertEqual("200", outcome(self.world, tokens["access_token"]))
        record = records(self.world, point="gateway")[-1]
        self.assertEqual(("nora", "support-portal"), (record["subject"], record["client"]))
        self.assertEqual("401 token_type", outcome(self.world, tokens["refresh_token"]))
        self.assertEqual("401", outcome(self.world, tokens["id_token"])[:3])
        self.assertEqual("401 token_revoked", outcome(self.world, "a-guess"))

    def test_one_that_is_revoked_is_refused_within_the_bound(self):
        token = self.provider.token_of("batch")
        self.assertEqual("200", outcome(self.world, token))
        self.provider.revoke("batch", token)
        await_that(self, "it is still good", lambda: outcome(self.world, token) == "401 token_revoked")

    def test_an_outage_refuses_what_is_not_known_and_is_over_when_it_is_over(self):
        known, unknown = self.provider.token_of("batch"), self.provider.token_of("batch")
        self.assertEqual("200", outcome(self.world, known))
        self.provider.stop()
        self.assertEqual("503 indeterminate", outcome(self.world, unknown))
        await_that(self, "what was known outlives the bound", lambda: outcome(self.world, known) == "503 indeterminate")
        metrics = self.world.call(self.world.api_port, "GET", "/metrics").body.decode()
        self.assertIn(f'writ_introspection_answers_total{{issuer="{self.provider.issuer}",result="failed"}}', metrics)
        # It remembers nothing, so there are new tokens.
        self.provider.start()
        fresh = self.provider.token_of("batch")
        await_that(self, "it is not asked again", lambda: outcome(self.world, fresh) == "200")

    def test_standard_clients_find_the_provider(self):
        refused = self.world.call(self.world.gateway_port, "GET", INVOICE)
        self.assertIn(f"/.well-known/oauth-protected-resource{INVOICE}", refused.headers["WWW-Authenticate"])
        document = self.world.call(self.world.gateway_port, "GET", f"/.well-known/oauth-protected-resource{INVOICE}").json()
        self.assertEqual(self.provider.issuer, document["authorization_servers"][0])

    def test_the_page_is_checked_as_a_configuration(self):
        status, out, err = harness.writ("check", "--config", self.world.config)
        self.assertEqual(0, status, out + err)


if __name__ == "__main__":
    unittest.main()
