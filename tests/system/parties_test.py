"""Who people and applications are, and stops that stay: over reloads, restarts, files and the API."""
import json
import os
import unittest
import urllib.parse

import harness

READ = "/invoices/inv-1001"
ODD = ["CN=Nora Smith,OU=Users", "ACME\\nora", "o'brien", "jörg", "a/b?c#d", "n" * 200, 'say "hi"']
NORA = "    - {id: nora, kind: user, tenant: north}\n"


def edited(path, old, new):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert old in text, old
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new, 1))


class Parties(unittest.TestCase):
    edit = staticmethod(lambda text: text)

    def setUp(self):
        self.world = harness.TestWorld(self.edit)
        self.addCleanup(self.world.close)
        self.world.start()
        self.operator = self.world.operator_token()
        self.secret = os.path.join(self.world.folder, "demo-keys", "ops-console.secret")

    def writ(self, *arguments):
        status, out, err = harness.writ(*arguments, "--server", self.world.api, "--client", "ops-console",
                                        "--secret-file", self.secret, "--json")
        return status, (json.loads(out) if out else None), err

    def order(self, verb, identity):
        return self.world.api_call(self.operator, "POST", f"/v1/identities/{verb}", {"id": identity})

    def seen(self, identity):
        return self.world.api_call(self.operator, "GET", "/v1/identities?id=" + urllib.parse.quote(identity, safe=""))

    def reload(self):
        answer = self.world.api_call(self.operator, "POST", "/v1/policies/reload")
        self.assertEqual(200, answer.status, answer)

    def restart(self):
        self.world.kill_writ()
        self.world.start_writ()

    def exchange(self, subject_token, client="support-portal"):
        return self.world.token_request(client, grant_type=harness.EXCHANGE, resource=harness.INVOICES, purpose="support",
                                        subject_token=subject_token,
                                        subject_token_type="urn:ietf:params:oauth:token-type:jwt")


class Stops(Parties):
    def test_an_order_outlives_the_absence_of_the_identity_from_the_file(self):
        token = self.world.customer_token()
        self.assertEqual(200, self.world.through_gateway(token, READ).status)
        self.assertEqual("suspended", self.order("suspend", "nora").json()["status"])
        for change in (lambda: edited(self.world.config, NORA, ""), lambda: edited(self.world.config, "  identities:\n", "  identities:\n" + NORA)):
            change()
            self.reload()
            self.assertEqual("subject_suspended", self.world.through_gateway(token, READ).reason())
        self.restart()
        self.assertEqual("subject_suspended", self.world.through_gateway(token, READ).reason())
        self.assertEqual(["operator"], self.seen("nora").json()["stopped_by"])
        self.assertEqual("active", self.order("activate", "nora").json()["status"])
        self.assertEqual(200, self.world.through_gateway(token, READ).status)

    def test_retired_while_it_is_not_in_the_file_is_for_good(self):
        edited(self.world.config, NORA, "")
        self.reload()
        self.assertEqual(200, self.order("retire", "nora").status)
        edited(self.world.config, "  identities:\n", "  identities:\n" + NORA)
        self.restart()
        self.assertEqual("retired", self.seen("nora").json()["status"])
        self.assertEqual(409, self.order("activate", "nora").status)

    def test_the_file_lifts_what_the_file_imposed_and_no_more(self):
        edited(self.world.config, NORA, NORA.replace("kind: user", "kind: user, status: suspended"))
        self.reload()
        self.assertEqual(409, self.order("activate", "nora").status)
        self.assertEqual(200, self.order("suspend", "nora").status)
        self.assertEqual(["configuration", "operator"], self.seen("nora").json()["stopped_by"])
        edited(self.world.config, ", status: suspended", "")
        self.reload()
        self.assertEqual(("suspended", ["operator"]), tuple(self.seen("nora").json()[k] for k in ("status", "stopped_by")))

    def test_whoever_gets_a_token_can_be_stopped_by_name(self):
        for subject in ODD:
            with self.subTest(subject):
                user = self.world.id_token(subject, "north")
                token = self.world.exchanged("support-portal", user, purpose="support")
                self.assertNotEqual("subject_suspended", self.world.through_gateway(token, READ).reason())
                status, answer, err = self.writ("inventory", "suspend", subject)
                self.assertEqual((0, "suspended"), (status, answer and answer["status"]), err)
                self.assertEqual("subject_suspended", self.world.through_gateway(token, READ).reason())
                self.assertEqual("subject_suspended", self.exchange(user).reason())
                self.assertEqual("suspended", self.writ("inventory", "show", subject)[1]["status"])
        self.restart()
        listed = self.world.api_call(self.operator, "GET", "/v1/identities").json()["stops"]
        self.assertEqual(sorted(ODD, key=str.encode), [each["id"] for each in listed])
        for subject in ODD:
            self.assertEqual(0, self.writ("inventory", "activate", subject)[0])
            self.assertEqual(404, self.seen(subject).status)

    def test_a_path_and_a_body_that_name_two_identities_stop_neither(self):
        for path, body in (("/v1/identities/sofia/suspend", {"id": "niklas"}), ("/v1/identities/sofia/suspend?id=niklas", None),
                           ("/v1/identities/suspend?id=sofia", {"id": "niklas"})):
            self.assertEqual(400, self.world.api_call(self.operator, "POST", path, body).status, path)
        for user in ("sofia", "niklas"):
            self.assertEqual("active", self.seen(user).json()["status"])
        for body in (None, {}, {"id": "sofia"}):
            self.assertEqual(200, self.world.api_call(self.operator, "POST", "/v1/identities/sofia/suspend", body).status, body)

    def test_what_nobody_can_be_called_is_refused_at_both_doors(self):
        for subject in ("", "a\nb", "n" * 513):
            self.assertEqual(400, self.order("suspend", subject).status, subject)

    def test_a_name_that_is_too_long_is_stopped_by_its_digest(self):
        user = self.world.id_token("n" * 513, "north")
        payload = self.exchange(user).json()["access_token"].split(".")[1]
        name = json.loads(harness.base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"]
        self.assertEqual(200, self.order("suspend", name).status)
        self.assertEqual("subject_suspended", self.exchange(user).reason())
        self.assertEqual(200, self.order("activate", name).status)

    def test_an_identity_is_listed_and_changed_by_a_name_that_no_path_carries(self):
        user = {"id": "ACME\\nora/2", "kind": "user", "tenant": "north"}
        made = self.world.api_call(self.operator, "POST", "/v1/identities", user)
        self.assertEqual(201, made.status, made)
        at = self.world.api_call(self.operator, "GET", made.headers["Location"])
        self.assertEqual((200, "ACME\\nora/2"), (at.status, at.json()["id"]))
        self.assertEqual(200, self.order("suspend", user["id"]).status)
        changed = self.world.api_call(self.operator, "PUT", "/v1/identities", {**user, "tenant": "south"})
        self.assertEqual(("south", "suspended"), (changed.json()["tenant"], changed.json()["status"]), changed)
        changed = self.world.api_call(self.operator, "PUT", "/v1/identities", {**user, "status": "active"})
        self.assertEqual("active", changed.json()["status"], changed)


class Sight(Parties):
    @staticmethod
    def edit(text):
        return text.replace("    - id: marketing-app\n", "    - id: north-desk\n      kind: service\n      tenant: north\n"
                            "      purposes: [operations]\n      secret_hash: $scrypt$ln=14,r=8,p=1$KOF-PM5vc3mJWL6k0-ud4A$"
                            "aCC2SwGsfSUwr5RhrNtnxVZYmj7xa_ebWbY2DUbKGfA\n    - id: marketing-app\n")

    def setUp(self):
        super().setUp()
        with open(os.path.join(self.world.folder, "policies", "desk.cedar"), "w", encoding="utf-8") as file:
            file.write('@id("desk") permit (principal == Writ::Service::"north-desk", action in [Writ::Action::"read-inventory", '
                       'Writ::Action::"manage-inventory", Writ::Action::"read-audit", Writ::Action::"issue"], resource);\n')
        self.reload()
        credentials = harness.base64.b64encode(b"north-desk:demo-ops-console-secret").decode()
        answer = self.world.call(self.world.api_port, "POST", "/oauth2/token",
                                 {"Authorization": "Basic " + credentials, "Content-Type": "application/x-www-form-urlencoded"},
                                 urllib.parse.urlencode({"grant_type": "client_credentials", "resource": self.world.api}))
        self.assertEqual(200, answer.status, answer)
        self.desk = answer.json()["access_token"]

    def test_an_identity_of_another_tenant_is_told_as_not_there(self):
        self.assertEqual(200, self.world.api_call(self.desk, "GET", "/v1/identities/nora").status)
        listed = [each["id"] for each in self.world.api_call(self.desk, "GET", "/v1/identities").json()["identities"]]
        self.assertIn("nora", listed)
        self.assertNotIn("sofia", listed)
        for method, path, body in (("GET", "/v1/identities/{}", None), ("GET", "/v1/identities?id={}", None),
                                   ("POST", "/v1/identities/{}/activate", None), ("POST", "/v1/identities/activate", "id")):
            told = [self.world.api_call(self.desk, method, path.format(name), {"id": name} if body else None)
                    for name in ("sofia", "nobody")]
            self.assertEqual([404, 404], [answer.status for answer in told], (path, told))
            self.assertEqual(told[0].body.decode().replace("sofia", "nobody"), told[1].body.decode())
            self.assertEqual(set(told[0].headers.keys()), set(told[1].headers.keys()))
        # Nor does a stop tell: who is not listed is of no tenant, and not the desk's to stop.
        told = [self.world.api_call(self.desk, "POST", "/v1/identities/suspend", {"id": name}) for name in ("sofia", "nobody")]
        self.assertEqual([404, 404], [answer.status for answer in told], told)
        self.assertEqual(200, self.world.api_call(self.desk, "POST", "/v1/identities/suspend", {"id": "niklas"}).status)
        self.assertEqual("active", self.seen("sofia").json()["status"])

    def test_the_audit_of_all_tenants_is_not_for_a_caller_of_one(self):
        for path in ("/v1/audit/head", "/v1/audit/records"):
            answer = self.world.api_call(self.desk, "GET", path)
            self.assertEqual((403, "tenant_mismatch"), (answer.status, answer.reason()), answer)
            self.assertEqual(200, self.world.api_call(self.operator, "GET", path).status)

    def test_sessions_of_all_tenants_are_not_ended_by_a_caller_of_one(self):
        end = {"issuer": "https://login.nowhere.example", "subject": "nora"}
        answer = self.world.api_call(self.desk, "POST", "/v1/sessions/end", end)
        self.assertEqual((403, "tenant_mismatch"), (answer.status, answer.reason()), answer)
        self.assertEqual(400, self.world.api_call(self.operator, "POST", "/v1/sessions/end", end).status, "nobody trusts that issuer")

    def test_who_may_not_see_the_inventory_learns_nothing_of_who_is_in_it(self):
        nora = self.world.customer_token(self.world.api)
        told = [self.world.api_call(nora, "GET", f"/v1/identities/{name}") for name in ("sofia", "nobody")]
        self.assertEqual([404, 404], [answer.status for answer in told], told)
        self.assertEqual(told[0].body.decode().replace("sofia", "nobody"), told[1].body.decode())
        told = [self.world.api_call(nora, "GET", f"/v1/apis/{name}") for name in ("invoices", "nothing")]
        self.assertEqual(told[0].body.decode().replace("invoices", "nothing"), told[1].body.decode())


class BreakGlass(Parties):
    def recover(self, identity):
        return harness.writ("inventory", "recover", identity, "--config", self.world.config)

    def test_the_last_operator_suspends_itself_and_the_folders_owner_brings_it_back(self):
        warned = self.order("suspend", "ops-console")
        self.assertIn("writ inventory recover", warned.json()["warning"])
        self.assertEqual("caller_suspended", self.order("activate", "ops-console").reason())
        status, _, err = self.recover("ops-console")
        self.assertEqual(1, status, err)
        self.assertIn("in use by another Writ", err)
        self.world.stop_writ()
        self.assertEqual(1, self.recover("nora")[0])
        status, out, err = self.recover("ops-console")
        self.assertEqual(0, status, err)
        self.assertEqual(1, self.recover("ops-console")[0])
        log = os.path.join(self.world.data, "audit.log")
        self.assertEqual(0, harness.writ("audit", "verify", log)[0])
        with open(log, encoding="utf-8") as file:
            (event,) = [each for each in map(json.loads, file) if each["type"] == "identity.recovered"]
        self.assertEqual(("ops-console", f"uid {os.getuid()}"), (event["object"], event["detail"].split(" (")[0]))
        self.world.start_writ()
        self.assertEqual(200, self.order("suspend", "nora").status)

    def test_nothing_brings_back_who_is_retired(self):
        self.assertEqual(200, self.order("retire", "ops-console").status)
        self.world.stop_writ()
        status, _, err = self.recover("ops-console")
        self.assertEqual(1, status, err)
        self.assertIn("cannot be undone", err)


class Issuers(Parties):
    @staticmethod
    def edit(text):
        return text.replace("    claims: {subject: sub, tenant: tenant}\n",
                            "    claims: {subject: sub, tenant: tenant}\n    tenants: [north]\n"
                            "  - issuer: https://partner.example\n    audience: http://127.0.0.1:PORT\n"
                            "    jwks_file: partner.jwks.json\n    subject_prefix: \"partner:\"\n    tenants: [south]\n")

    def setUp(self):
        self.world = harness.TestWorld(self.edit)
        self.addCleanup(self.world.close)
        edited(self.world.config, "http://127.0.0.1:PORT", self.world.api)
        key = os.path.join(self.world.folder, "demo-keys", "partner.jwk")
        status, keys, err = harness.writ("keys", "generate", key)
        self.assertEqual(0, status, err)
        with open(os.path.join(self.world.folder, "partner.jwks.json"), "w", encoding="utf-8") as file:
            file.write(keys)
        self.world.start()
        self.operator = self.world.operator_token()

    def partner(self, user, *claims):
        return self.world.sign("iss=https://partner.example", f"sub={user}", f"aud={self.world.api}", *claims, key="partner.jwk")

    def test_a_partner_names_its_own_users_in_its_own_tenants(self):
        answer = self.exchange(self.partner("nora", "tenant=south"))
        self.assertEqual(200, answer.status, answer)
        token = answer.json()["access_token"].split(".")[1]
        claims = json.loads(harness.base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        self.assertEqual(("partner:nora", "https://partner.example"), (claims["sub"], claims["subject_issuer"]))
        with open(os.path.join(self.world.data, "audit.log"), encoding="utf-8") as file:
            last = [each for each in map(json.loads, file) if each.get("subject") == "partner:nora"][-1]
        self.assertEqual("https://partner.example", last["subject_issuer"])
        self.assertEqual("tenant_mismatch", self.exchange(self.partner("nora", "tenant=north")).reason())
        self.assertEqual("tenant_mismatch", self.exchange(self.world.id_token("sofia", "south")).reason())

    def test_a_prefix_stays_so_that_nobody_who_is_stopped_comes_back_by_another_name(self):
        self.assertEqual(200, self.order("suspend", "partner:nora").status)
        self.world.stop_writ()
        for other in ('subject_prefix: "p:"', 'subject_prefix: "partner:x:"'):
            edited(self.world.config, 'subject_prefix: "partner:"', other)
            status, _, err = harness.writ("serve", "--config", self.world.config)
            self.assertEqual(2, status, err)
            self.assertIn("the users of issuer `https://partner.example` are named with the prefix `partner:`", err)
            edited(self.world.config, other, 'subject_prefix: "partner:"')
        self.world.start_writ()
        self.assertEqual("subject_suspended", self.exchange(self.partner("nora", "tenant=south")).reason())

    def test_nobody_is_named_with_anothers_prefix(self):
        answer = self.exchange(self.world.id_token("partner:nora", "north"))
        self.assertEqual((400, "token_issuer"), (answer.status, answer.reason()), answer)

    def test_a_policy_asks_whose_word_a_user_is(self):
        with open(os.path.join(self.world.folder, "policies", "partners.cedar"), "w", encoding="utf-8") as file:
            file.write('@id("not-on-a-partners-word") forbid (principal is Writ::User, action, resource is Writ::Api)\n'
                       'unless { principal has issuer && principal.issuer != "https://partner.example" };\n')
        self.reload()
        self.assertEqual("policy_forbid", self.exchange(self.partner("nora", "tenant=south")).reason())
        self.assertEqual(200, self.exchange(self.world.id_token("nora", "north")).status)


if __name__ == "__main__":
    unittest.main()
