"""Access tokens that a provider made, at the gateway: the real binary, a provider with RS256 keys at a URL, and Acme."""
import hashlib
import http.client
import json
import subprocess
import os
import re
import shutil
import ssl
import tempfile
import threading
import time
import unittest

import certificates
import harness
import providers
from issuer_keys_test import Provider

PATIENCE_SECONDS = 40
INVOICE = "/invoices/inv-1001"
ACCEPT = """    accept:
      - {api: invoices, audiences: ["api://invoices"], kinds: [delegated, app_only],
         clients: {portal: support-portal, agent: support-agent, batch: nightly-export}, max_lifetime_seconds: 600}
      - {api: writ, audiences: ["api://writ"], kinds: [app_only], clients: {console: ops-console}}
"""


class AcceptedTokens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="writ-accepted-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.authority = certificates.Authority(cls.folder)
        cls.identity = cls.authority.issue("idp", ["IP:127.0.0.1"])
        cls.first, cls.second = (providers.RsaKey(cls.folder, kid) for kid in ("first", "second"))

    def setUp(self):
        self.provider = Provider(self.identity).start()
        self.addCleanup(self.provider.stop)
        self.publish(self.first)

    def publish(self, *keys, headers=()):
        self.provider.publish("/keys", {"keys": [key.jwk for key in keys]}, headers)

    def world(self, more="", edit=lambda text: text):
        def change(text):
            text = re.sub(r"  - issuer: https://idp\.acme\.example\n(?:    .*\n)*",
                          f"  - issuer: {self.provider.issuer}\n    claims: {{tenant: tenant}}\n{more}{ACCEPT}", text)
            text = text.replace("  threads: 2\n", "  threads: 2\n  public_origin: https://api.acme.example\n")
            return edit(f"outbound: {{allow: [127.0.0.1], ca_file: {self.authority.certificate}, timeout_seconds: 2}}\n" + text)
        world = harness.TestWorld(edit=change)
        self.addCleanup(world.close)
        # Acme's applications are for purposes, which no token of a provider has.
        with open(os.path.join(world.folder, "policies", "accepted.cedar"), "w", encoding="utf-8") as file:
            file.write('@id("portal-with-tokens-of-the-provider") permit (principal == Writ::Application::"support-portal", '
                       'action == Billing::Action::"read", resource is Billing::Invoice);\n')
        world.start()
        return world

    def token(self, key=None, **claims):
        """Of nora, made for the portal."""
        return (key or self.first).sign(providers.with_times(
            {"iss": self.provider.issuer, "sub": "nora", "tenant": "north", "aud": "api://invoices", "client_id": "portal", **claims}))

    def outcome(self, world, token=None, path=INVOICE, **headers):
        answer = world.through_gateway(token or self.token(), path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        return str(answer.status) if answer.status < 300 else f"{answer.status} {answer.reason()}"

    def await_that(self, what, condition):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.05)

    def records(self, world):
        with open(os.path.join(world.data, "audit.log"), encoding="utf-8") as log:
            return [record for record in map(json.loads, log) if record.get("point") == "gateway"]

    def test_a_token_of_the_provider_is_enough_and_the_audit_says_whose_word_it_is(self):
        world = self.world()
        self.assertEqual("200", self.outcome(world))
        record = self.records(world)[-1]
        self.assertEqual(("permit", "nora", "support-portal", self.provider.issuer, self.provider.issuer),
                         tuple(record.get(name) for name in ("effect", "subject", "client", "token_issuer", "subject_issuer")))
        self.assertEqual("403 caller_unknown", self.outcome(world, self.token(client_id="support-portal")))
        self.assertEqual("401 token_type", self.outcome(world, self.first.sign(providers.with_times(
            {"iss": self.provider.issuer, "sub": "nora", "aud": "api://invoices", "azp": "portal"}), typ="JWT")))
        # Another tenant's invoice is as far away as with a token of Writ's.
        self.assertEqual("403 tenant_mismatch", self.outcome(world, self.token(sub="sofia", tenant="south")))
        # The other way of the same issuer goes on.
        exchanged = self.first.sign(providers.with_times(
            {"iss": self.provider.issuer, "sub": "nora", "tenant": "north", "aud": world.api}), typ="JWT")
        self.assertEqual("200", self.outcome(world, world.exchanged("support-portal", exchanged, purpose="support")))
        # An access token that was made for Writ is its client's to exchange, and nobody else's.
        for_writ = self.token(aud=world.api, client_id="support-portal")
        self.assertEqual("200", self.outcome(world, world.exchanged("support-portal", for_writ, purpose="support")))
        answer = world.token_request("marketing-app", grant_type=harness.EXCHANGE, resource=harness.INVOICES, subject_token=for_writ,
                                     subject_token_type="urn:ietf:params:oauth:token-type:jwt", purpose="marketing")
        self.assertEqual((400, "caller_mismatch"), (answer.status, answer.reason()))
        # What is good at the gateway is not a subject token, seen before or not.
        token = self.token()
        for _ in range(2):
            answer = world.token_request("support-portal", grant_type=harness.EXCHANGE, resource=harness.INVOICES, subject_token=token,
                                         subject_token_type="urn:ietf:params:oauth:token-type:access_token")
            self.assertEqual((400, "token_issuer"), (answer.status, answer.reason()))
            self.assertIn(f"is of issuer `{self.provider.issuer}`", answer.json()["message"])
            self.assertEqual("200", self.outcome(world, token))

    def test_a_link_joins_the_providers_user_to_one_that_is_listed_and_no_stop_is_lost_by_it(self):
        world = self.world('    subject_prefix: "idp:"\n    links: {nora.nord: nora}\n')
        self.assertEqual("200", self.outcome(world, self.token(sub="nora.nord")))
        record = self.records(world)[-1]
        self.assertEqual(("nora", self.provider.issuer), (record["subject"], record["subject_issuer"]))
        self.assertNotEqual("200", self.outcome(world, self.token(sub="nora")), "equal names never join")
        operator = world.operator_token()
        refused = world.api_call(operator, "POST", "/v1/identities/suspend", {"id": "idp:nora.nord"})
        self.assertEqual(409, refused.status, refused)
        self.assertIn("linked to `nora`", refused.body.decode())
        # What was stopped before somebody linked it does not come back by that.
        self.assertEqual(200, world.api_call(operator, "POST", "/v1/identities/suspend", {"id": "idp:nora.second"}).status)
        world.stop_writ()
        with open(world.config, encoding="utf-8") as file:
            text = file.read()
        with open(world.config, "w", encoding="utf-8") as file:
            file.write(text.replace("nora.nord: nora", "nora.second: nora"))
        run = subprocess.run([harness.WRIT, "serve", "--config", world.config], cwd=world.folder, capture_output=True, text=True,
                             timeout=120, check=False)
        self.assertNotEqual(0, run.returncode)
        self.assertIn("`idp:nora.second` is suspended, and `links` joins it to `nora`", run.stderr)

    def test_a_stop_in_the_inventory_reaches_them_at_once(self):
        world = self.world()
        token = self.token()
        self.assertEqual("200", self.outcome(world, token))
        stopped = world.api_call(world.operator_token(), "POST", "/v1/identities/support-portal/suspend")
        self.assertEqual(200, stopped.status, stopped)
        self.assertEqual("403 caller_suspended", self.outcome(world, token))

    def test_an_agent_works_inside_the_task_that_the_request_names(self):
        world = self.world()
        exchanged = self.first.sign(providers.with_times(
            {"iss": self.provider.issuer, "sub": "nora", "tenant": "north", "aud": world.api}), typ="JWT")
        opener = world.exchanged("support-portal", exchanged, world.api, purpose="support")
        task = world.api_call(opener, "POST", "/v1/tasks", {
            "purpose": "support", "subject": "nora", "client": "support-portal", "agents": ["support-agent"],
            "actions": ['Billing::Action::"read"'], "resources": ['Billing::Invoice::"inv-1001"'],
            "budget": {"calls": 2}, "expires_in_seconds": 600})
        self.assertEqual(201, task.status, task)
        task = task.json()["id"]
        token = self.token(client_id="agent", act={"sub": "agent", "act": {"sub": "portal"}})
        self.assertEqual("403 task_missing", self.outcome(world, token))
        self.assertEqual("403 task_missing", self.outcome(world, token, Writ_Task="t-none"))
        self.assertEqual("200", self.outcome(world, token, Writ_Task=task))
        self.assertEqual("403 task_missing", self.outcome(world, self.token(sub="niklas"), Writ_Task=task))
        self.assertEqual("200", self.outcome(world, token, Writ_Task=task))
        self.assertEqual("403 budget_exceeded", self.outcome(world, token, Writ_Task=task))

    def test_keys_rotate_while_requests_run(self):
        self.publish(self.first, headers=(("Cache-Control", "max-age=3600"),))
        world = self.world()
        known, outcomes, stop = self.token(), [], threading.Event()
        self.assertEqual("200", self.outcome(world, known))

        def go_on():
            while not stop.is_set():
                outcomes.append(self.outcome(world, known))
        self.publish(self.first, self.second)
        others = threading.Thread(target=go_on)
        others.start()
        try:
            # The first token of a new key waits until it is there, on a loop that goes on.
            self.assertEqual("200", self.outcome(world, self.token(self.second)))
        finally:
            stop.set()
            others.join()
        self.assertEqual({"200"}, set(outcomes))
        self.assertEqual(2, self.provider.count())

    def test_a_key_that_is_removed_ends_what_was_remembered(self):
        fresh = (("Cache-Control", "max-age=1"),)
        self.publish(self.first, headers=fresh)
        world = self.world("    key_refresh: {min_seconds: 1, default_seconds: 1, max_seconds: 1}\n")
        token = self.token()
        self.assertEqual("200", self.outcome(world, token))
        self.publish(self.second, headers=fresh)
        self.await_that("the key is gone", lambda: self.outcome(world, token) == "401 token_signature")
        self.assertEqual("200", self.outcome(world, self.token(self.second)))

    def test_nobody_waits_for_a_provider_that_hangs_but_who_needs_its_key(self):
        world = self.world()
        known = self.token()
        self.assertEqual("200", self.outcome(world, known))
        release = threading.Event()
        self.addCleanup(release.set)
        self.provider.pages["/keys"] = lambda handler: release.wait(PATIENCE_SECONDS)
        result = []
        waits = threading.Thread(target=lambda: result.append(self.outcome(world, self.token(self.second))))
        waits.start()
        self.await_that("the provider is asked", lambda: self.provider.count() == 2)
        for _ in range(20):
            self.assertEqual("200", self.outcome(world, known))
        waits.join()
        self.assertEqual(["401 token_signature"], result)

    def test_a_flood_of_unknown_keys_asks_the_provider_once_in_a_while(self):
        world = self.world()
        self.assertEqual("200", self.outcome(world))
        began = time.monotonic()
        for number in range(30):
            self.assertEqual("401 token_signature", self.outcome(world, self.first.sign(providers.with_times(
                {"iss": self.provider.issuer, "sub": "nora", "aud": "api://invoices", "client_id": "portal"}), kid=f"none-{number}")))
        self.assertLessEqual(self.provider.count(), 2 + int((time.monotonic() - began) / 10 + 1))
        self.assertEqual("200", self.outcome(world))

    def test_without_keys_they_are_refused_for_now_and_not_for_good(self):
        self.provider.stop()
        world = self.world()
        self.assertEqual("503 indeterminate", self.outcome(world))
        self.provider.start()
        self.await_that("the keys are there", lambda: self.outcome(world) == "200")

    def test_standard_clients_find_the_provider(self):
        world = self.world()
        answer = world.call(world.gateway_port, "GET", INVOICE)
        self.assertEqual(401, answer.status)
        place = re.search(r'resource_metadata="https://api\.acme\.example([^"]+)"', answer.headers["WWW-Authenticate"])
        self.assertIsNotNone(place, answer.headers["WWW-Authenticate"])
        found = world.call(world.gateway_port, "GET", place[1])
        self.assertEqual(200, found.status, found)
        self.assertEqual({"resource": f"https://api.acme.example{INVOICE}",
                          "authorization_servers": [self.provider.issuer, world.api],
                          "bearer_methods_supported": ["header"],
                          "dpop_signing_alg_values_supported": ["ES256", "EdDSA"]}, found.json())
        self.assertEqual("*", found.headers["Access-Control-Allow-Origin"])
        self.assertEqual(404, world.call(world.gateway_port, "GET", "/.well-known/oauth-protected-resource/nowhere").status)
        self.assertEqual(404, world.call(world.gateway_port, "GET", "/.well-known/oauth-protected-resourceful").status)

    def test_a_token_that_is_bound_to_a_key_needs_its_proof(self):
        world = self.world()
        with tempfile.TemporaryDirectory() as folder:
            holder, thief = harness.ProofKey(folder), harness.ProofKey(folder)
            members = json.dumps(dict(sorted(holder.jwk.items())), separators=(",", ":"))
            token = self.token(cnf={"jkt": harness.base64url(hashlib.sha256(members.encode()).digest())})
            uri = f"https://api.acme.example{INVOICE}"

            def ask(key):
                return self.outcome(world, token, Authorization=f"DPoP {token}", DPoP=key.proof("GET", uri, token))
            self.assertEqual("401 sender_binding_missing", self.outcome(world, token))
            self.assertEqual("401 sender_binding_mismatch", ask(thief))
            self.assertEqual("200", ask(holder))

    def test_a_token_that_is_bound_to_a_certificate_needs_a_connection_with_it(self):
        server = self.authority.issue("api", ["IP:127.0.0.1"])
        own, other = (self.authority.issue(name, [f"DNS:{name}.example"]) for name in ("own", "other"))

        def with_tls(text):
            tls = (f"\\g<1>\n    address: \\g<2>\n    tls:\n      certificates: [{{chain: {server[0]}, key: {server[1]}}}]\n"
                   f"      client_certificates: asked\n      client_ca: {self.authority.certificate}\n")
            return re.sub(r"(  gateway:) (127\.0\.0\.1:\d+).*\n", tls, text)
        world = self.world(edit=with_tls)
        digest = providers.RsaKey.openssl("x509", "-in", own[0], "-outform", "DER")
        token = self.token(cnf={"x5t#S256": harness.base64url(hashlib.sha256(digest).digest())})

        def ask(certificate):
            context = ssl.create_default_context(cafile=self.authority.certificate)
            if certificate:
                context.load_cert_chain(*certificate)
            connection = http.client.HTTPSConnection("127.0.0.1", world.gateway_port, context=context, timeout=30)
            try:
                # Twice on one connection: what was shown once counts for all of it.
                for _ in range(2):
                    connection.request("GET", INVOICE, headers={"Authorization": f"Bearer {token}"})
                    answer = connection.getresponse()
                    body = answer.read()
                return str(answer.status) if answer.status < 300 else f"{answer.status} {json.loads(body)['reason']}"
            finally:
                connection.close()
        self.assertEqual("401 sender_binding_missing", ask(None))
        self.assertEqual("401 sender_binding_mismatch", ask(other))
        self.assertEqual("200", ask(own))
        over_http2 = ["curl", "--silent", "--http2", "--cacert", self.authority.certificate, "--output", os.devnull,
                      "--write-out", "%{http_version} %{http_code}", "--header", f"Authorization: Bearer {token}",
                      f"https://127.0.0.1:{world.gateway_port}{INVOICE}"]
        for certificate, expected in [(None, "2 401"), (other, "2 401"), (own, "2 200")]:
            shown = ["--cert", certificate[0], "--key", certificate[1]] if certificate else []
            done = subprocess.run(over_http2 + shown, capture_output=True, text=True, timeout=30, check=False)
            self.assertEqual(expected, done.stdout, done)

    def test_writs_own_api_takes_them_where_it_is_told_to(self):
        world = self.world()
        console = self.first.sign(providers.with_times(
            {"iss": self.provider.issuer, "sub": "console", "client_id": "console", "aud": "api://writ"}))
        # Until the keys are there, it is to be asked again.
        self.await_that("the keys are there", lambda: world.api_call(console, "GET", "/v1/issuers").status != 503)
        self.assertEqual(200, world.api_call(console, "GET", "/v1/issuers").status)
        self.assertEqual(401, world.api_call(self.token(), "GET", "/v1/issuers").status)
        evaluated = world.api_call(console, "POST", "/access/v1/evaluation", {
            "subject": {"type": "user", "id": "nora"}, "action": {"name": "read"}, "resource": {"type": "invoice", "id": "inv-1001"}})
        self.assertEqual(200, evaluated.status, evaluated)


if __name__ == "__main__":
    unittest.main()
