"""A real Keycloak beside the real binary: discovery, its access tokens at the gateway, its keys rotating and an outage
while requests run."""
import json
import os
import re
import threading
import time
import unittest

import harness
import keycloak

INVOICE = "/invoices/inv-1001"
PATIENCE_SECONDS = 60


@unittest.skipIf(keycloak.missing(), keycloak.missing())
class RealKeycloak(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.provider = keycloak.Keycloak()
        cls.addClassCleanup(cls.provider.stop)
        issuer = f"""trusted_issuers:
  - issuer: {cls.provider.issuer}
    profile: keycloak
    subject_prefix: "kc:"
    facts: [roles, scopes]
    key_refresh: {{min_seconds: 1, default_seconds: 2, max_seconds: 2}}
    accept:
      - {{api: invoices, audiences: [invoices-api], kinds: [delegated, app_only], clients: {{portal: support-portal, batch: nightly-export}}}}
"""

        def edit(text):
            text = re.sub(r"trusted_issuers:\n(?:  .*\n)*", issuer.replace("\\", "\\\\"), text)
            text = re.sub(r"policies:\n(?:  .*\n)*", "policies: {files: [clerks.cedar]}\n", text)
            return "outbound: {allow: [127.0.0.1]}\n" + text
        cls.world = harness.TestWorld(edit=edit)
        cls.addClassCleanup(cls.world.close)
        with open(os.path.join(cls.world.folder, "clerks.cedar"), "w", encoding="utf-8") as file:
            file.write('@id("all") permit (principal, action, resource);\n'
                       '@id("clerks") forbid (principal is Writ::User, action, resource)\n'
                       'unless { principal has roles && principal.roles.contains("clerk") };\n')
        cls.world.start()

    def outcome(self, token):
        answer = self.world.through_gateway(token, INVOICE)
        return str(answer.status) if answer.status < 300 else f"{answer.status} {answer.reason()}"

    def record(self):
        with open(os.path.join(self.world.data, "audit.log"), encoding="utf-8") as log:
            return [line for line in map(json.loads, log) if line.get("point") == "gateway"][-1]

    def test_1_a_users_token_is_the_user_with_her_roles_through_the_mapped_client(self):
        tokens = self.provider.of_nora()
        self.assertEqual("200", self.outcome(tokens["access_token"]))
        record = self.record()
        self.assertEqual((f"kc:{keycloak.NORA}", "support-portal", self.provider.issuer),
                         (record["subject"], record["client"], record["token_issuer"]))
        self.assertEqual("401 token_type", self.outcome(tokens["id_token"]))
        # Signed with a key of Keycloak's own.
        self.assertEqual("401", self.outcome(tokens["refresh_token"])[:3])
        self.assertEqual("403 caller_unknown", self.outcome(self.provider.of_nora("stranger")["access_token"]))

    def test_2_a_service_accounts_token_is_the_mapped_client_alone(self):
        token = self.provider.tokens("batch", grant_type="client_credentials")["access_token"]
        self.assertEqual("200", self.outcome(token))
        record = self.record()
        self.assertEqual(("nightly-export", "nightly-export"), (record["subject"], record["client"]))

    def test_3_keys_rotate_while_requests_run(self):
        known, outcomes, stop = self.provider.of_nora()["access_token"], [], threading.Event()
        self.assertEqual("200", self.outcome(known))

        def go_on():
            while not stop.is_set():
                outcomes.append(self.outcome(known))
        others = threading.Thread(target=go_on)
        others.start()
        try:
            self.provider.rotate()
            renewed = self.provider.of_nora()["access_token"]
            self.assertNotEqual(known.partition(".")[0], renewed.partition(".")[0], "it is signed with the new key")
            self.assertEqual("200", self.outcome(renewed))
        finally:
            stop.set()
            others.join()
        self.assertEqual({"200"}, set(outcomes))
        self.provider.remove_old_keys()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.outcome(known) != "401 token_signature":
            self.assertLess(time.monotonic(), deadline, "the old key is gone")
            time.sleep(0.1)
        self.assertEqual("200", self.outcome(renewed))

    def test_4_an_outage_while_requests_run_and_a_restart_in_it_change_nothing_for_known_keys(self):
        user, own = self.provider.of_nora()["access_token"], self.provider.tokens("batch", grant_type="client_credentials")["access_token"]
        self.assertEqual(["200", "200"], [self.outcome(user), self.outcome(own)])
        outcomes, stop = [], threading.Event()

        def go_on():
            while not stop.is_set():
                outcomes.append(self.outcome(user))
        others = threading.Thread(target=go_on)
        others.start()
        try:
            self.provider.stop()
            deadline = time.monotonic() + PATIENCE_SECONDS
            while "could not be fetched" not in self.world.log_text():
                self.assertLess(time.monotonic(), deadline, "a fetch fails")
                time.sleep(0.1)
        finally:
            stop.set()
            others.join()
        self.assertEqual({"200"}, set(outcomes))
        self.world.stop_writ()
        self.world.start_writ()
        self.assertEqual(["200", "200"], [self.outcome(user), self.outcome(own)])


if __name__ == "__main__":
    unittest.main()
