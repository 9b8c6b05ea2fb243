"""The inventory: what is imported, how long an identity lives, who answers for it, and when it was used."""
import datetime
import json
import os
import time
import unittest

import harness

READ = "/invoices/inv-1001"
REALM = {"realm": "acme", "clients": [
    {"clientId": "support-portal", "standardFlowEnabled": True, "clientAuthenticatorType": "client-secret"},
    {"clientId": "night", "standardFlowEnabled": False, "directAccessGrantsEnabled": False, "serviceAccountsEnabled": True}]}
SLEPT = '@id("slept") forbid (principal, action, resource) when { principal has lastUsed && ' \
        'context.request.time.durationSince(principal.lastUsed) > duration("%s") };\n'


def listed(text):
    return text.replace("inventory:\n", "inventory:\n  imported: inventory/imported\n", 1)


class Inventory(unittest.TestCase):
    def start(self, edit=lambda text: text):
        self.world = harness.TestWorld(edit)
        self.addCleanup(self.world.close)
        self.secret = os.path.join(self.world.folder, "demo-keys", "ops-console.secret")
        self.world.start()

    def write(self, name, content):
        path = os.path.join(self.world.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))
        return path

    def load(self, *arguments, source="keycloak"):
        status, out, err = harness.writ("inventory", "import", source, *arguments, "--config", self.world.config, "--json")
        return status, (json.loads(out) if out else None), err

    def inventory(self, *arguments):
        status, out, err = harness.writ("inventory", *arguments, "--server", self.world.api, "--client", "ops-console",
                                        "--secret-file", self.secret, "--json")
        return status, (json.loads(out) if out else None), err

    def restart(self):
        self.world.stop_writ()
        self.world.start_writ()

    def reload(self):
        answer = self.world.api_call(self.world.operator_token(), "POST", "/v1/policies/reload")
        self.assertEqual(200, answer.status, answer)

    def test_an_import_is_previewed_applied_listed_and_permits_nothing(self):
        self.start(listed)
        realm = self.write("realm.json", REALM)
        kept = os.path.join(self.world.folder, "inventory", "imported", "keycloak.json")
        status, answer, err = self.load(realm)
        self.assertEqual((0, False), (status, answer and answer["applied"]), err)
        self.assertEqual(["keycloak:acme/night", "keycloak:acme/support-portal"], answer["added"])
        self.assertFalse(os.path.exists(kept))
        self.assertTrue(self.load(realm, "--apply")[1]["applied"])
        with open(kept, encoding="utf-8") as file:
            first = file.read()
        self.assertEqual({"added": [], "changed": [], "no_longer_seen": [], "seen_again": [], "unchanged": 2},
                         {key: value for key, value in self.load(realm, "--apply")[1].items()
                          if key in ("added", "changed", "no_longer_seen", "seen_again", "unchanged")})
        with open(kept, encoding="utf-8") as file:
            self.assertEqual(first, file.read())
        self.reload()
        status, shown, err = self.inventory("show", "keycloak:acme/night")
        self.assertEqual((0, "requested", "service"), (status, shown["status"], shown["kind"]), err)
        self.assertEqual("realm.json", shown["evidence"][0]["file"])
        self.assertIn("owner", shown["unknown"])
        ruled, out, _ = harness.writ("decide", "--config", self.world.config, "--request", f"GET {READ}", "--sub", "nora",
                                     "--client", "keycloak:acme/night", "--purpose", "support", "--tenant", "north")
        self.assertEqual(1, ruled)
        self.assertIn("caller_requested", out)

    def test_a_link_is_suggested_and_made_by_hand_alone(self):
        self.start(listed)
        answer = self.load(self.write("realm.json", REALM), "--apply")[1]
        self.reload()
        self.assertEqual([{"one": "keycloak:acme/support-portal", "other": "support-portal", "both_called": "client:support-portal"}],
                         answer["suggested_links"])
        with open(self.world.config, encoding="utf-8") as file:
            text = file.read()
        link = "    - id: support-portal\n      imported: [\"keycloak:acme/support-portal\"]\n"
        self.write("writ.yaml", text.replace("    - id: support-portal\n", link, 1))
        self.reload()
        shown = self.inventory("show", "support-portal")[1]
        self.assertEqual(("active", "acme/support-portal"), (shown["status"], shown["evidence"][0]["native_id"]))
        self.assertEqual("retired", self.inventory("show", "keycloak:acme/support-portal")[1]["status"])
        self.assertEqual([], self.load(os.path.join(self.world.folder, "realm.json"))[1]["suggested_links"])
        self.write("writ.yaml", text.replace("    - id: support-portal\n", link.replace("acme/", "acme/no-"), 1))
        status, out, err = harness.writ("check", "--config", self.world.config)
        self.assertNotEqual(0, status)
        self.assertIn("`keycloak:acme/no-support-portal` was not imported", out + err)

    def test_files_that_are_none_are_refused_with_their_place(self):
        self.start(listed)
        cut = self.write("cut.json", json.dumps(REALM)[:100])
        wrong = self.write("wrong.json", {"value": []})
        for name in (cut, wrong, os.path.join(self.world.folder, "nowhere.json"), self.world.folder):
            status, answer, err = self.load(name, "--apply")
            self.assertEqual((2, None), (status, answer), name)
            self.assertIn(os.path.basename(name), err)
        self.assertFalse(os.path.exists(os.path.join(self.world.folder, "inventory")))
        self.assertEqual(2, self.load(cut, source="ldap")[0])

    def test_what_expires_is_refused_without_a_restart(self):
        until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=4)
        line = f"      expires_at: {until.strftime('%Y-%m-%dT%H:%M:%SZ')}\n"
        self.start(lambda text: text.replace("    - id: support-portal\n", "    - id: support-portal\n" + line, 1))
        token = self.world.customer_token()
        while datetime.datetime.now(datetime.timezone.utc) <= until:
            time.sleep(0.1)
        self.assertEqual("caller_expired", self.world.through_gateway(token, READ).reason())
        self.assertEqual("expired", self.inventory("show", "support-portal")[1]["status"])

    def test_a_review_carries_on_until_the_next_and_over_restarts(self):
        self.start(lambda text: text.replace("    - id: support-portal\n", "    - id: support-portal\n      review_by: 2026-01-01\n", 1))
        self.assertEqual("lapsed", self.inventory("show", "support-portal")[1]["status"])
        refused = self.world.token_request("support-portal", grant_type=harness.EXCHANGE, resource=harness.INVOICES,
                                           subject_token=self.world.id_token("nora", "north"), subject_token_type="urn:ietf:params:oauth:token-type:jwt")
        self.assertEqual("caller_lapsed", refused.reason())
        status, shown, err = self.inventory("review", "support-portal", "--until", "2099-01-01")
        self.assertEqual((0, "active", "ops-console"), (status, shown and shown["status"], shown and shown["review"]["by"]), err)
        self.assertEqual(1, self.inventory("review", "nobody", "--until", "2099-01-01")[0])
        self.assertNotEqual(0, self.inventory("review", "support-portal", "--until", "2001-01-01")[0])
        self.restart()
        self.assertEqual(200, self.world.through_gateway(self.world.customer_token(), READ).status)

    def test_what_somebody_leaves_behind_is_listed_handed_over_or_refused(self):
        self.start(lambda text: text.replace("      owner: niklas\n", "      owner: niklas\n      needs_owner: true\n", 1))
        added = {"id": "mail-sorter", "kind": "agent", "owner": "niklas", "sponsor": "niklas"}
        self.assertEqual(201, self.world.api_call(self.world.operator_token(), "POST", "/v1/identities", added).status)
        left = self.inventory("owners", "--gone", "niklas")[1]["left_behind"]
        self.assertEqual([("mail-drafter", "owner"), ("mail-sorter", "owner"), ("mail-sorter", "sponsor"), ("support-agent", "owner")],
                         sorted((each["id"], each["role"]) for each in left))
        status, _, err = self.inventory("owners", "--gone", "niklas", "--to", "nora")
        self.assertEqual(1, status, err)  # what is declared is changed in the configuration
        self.assertEqual({"nora"}, {self.inventory("show", "mail-sorter")[1][role] for role in ("owner", "sponsor")})
        task = self.world.open_task()
        token = self.world.agent_token(task)
        self.assertEqual(200, self.world.through_gateway(token, READ).status)
        self.assertEqual(0, self.inventory("suspend", "niklas")[0])
        self.assertEqual("caller_owner_gone", self.world.through_gateway(token, READ).reason())

    def test_use_is_noted_by_the_day_and_kept_over_a_restart(self):
        self.start()
        today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
        self.assertEqual(200, self.world.through_gateway(self.world.customer_token(), READ).status)
        for _ in range(2):
            seen = {each["id"]: each for each in self.inventory("seen")[1]["identities"]}
            self.assertEqual(today, seen["support-portal"]["use"]["last"])
            self.assertNotIn("last", seen["mail-drafter"]["use"])
            self.assertEqual(today, seen["mail-drafter"]["use"]["active_since"])
            self.restart()

    def test_a_caller_that_nobody_listed_is_seen(self):
        self.start(lambda text: text.replace("    - {id: niklas, kind: user, tenant: north}\n", ""))
        self.world.through_gateway(self.world.customer_token(user="niklas"), "/invoices/inv-1002")
        self.assertIn("niklas", [each["id"] for each in self.inventory("seen")[1]["unlisted"]])

    def test_a_policy_refuses_what_slept_too_long(self):
        self.start()
        token = self.world.customer_token()
        self.write("policies/slept.cedar", SLEPT % "90d")
        self.reload()
        self.assertEqual(200, self.world.through_gateway(token, READ).status)
        self.write("policies/slept.cedar", SLEPT % "-1d")  # as if it were another day
        self.reload()
        answer = self.world.through_gateway(token, READ)
        self.assertEqual(("policy_forbid", ["slept"]), (answer.reason(), answer.json()["policies"]))


if __name__ == "__main__":
    unittest.main()
