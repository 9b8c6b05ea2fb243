"""Exports of three companies of other shapes, made by a seed, with look-alikes planted in them: imported in every order, and twice. All
ends are equal, the second time changes nothing, look-alikes are suggested and never joined, and what is malformed is refused whole."""
import csv
import io
import itertools
import json
import os
import random
import re
import shutil
import tempfile
import unittest

import harness

SEED = 16
WORDS = ["batch", "mail", "stock", "ledger", "payroll", "search", "export", "audit", "fax", "kiosk", "door", "report"]

AWS_COLUMNS = ("user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,"
               "access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,"
               "access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,"
               "access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,"
               "cert_2_last_rotated").split(",")


def alike(name):
    """Names that people, or programs that fold, may take for this one."""
    return [name.upper(), name.capitalize(), name + " ", name + "\u200b", name.replace("a", "\u0430").replace("o", "\u043e"),
            name.replace("i", "\u0131") + "-", "\uff42" + name[1:], name + "\u0301"]


def table(rows, columns):
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="N/A", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def shuffled(random_source, items):
    items = list(items)
    random_source.shuffle(items)
    return items


def keycloak(dice):
    names = WORDS[:6] + alike("batch")
    clients = [{"clientId": name, "id": f"k-{i}", "enabled": dice.random() < 0.8, "clientAuthenticatorType": "client-secret",
                "serviceAccountsEnabled": i % 2 == 0, "standardFlowEnabled": i % 2 == 1} for i, name in enumerate(names)]
    users = [{"id": "u-1", "username": "batch", "enabled": True}, {"id": "u-2", "username": "service-account-mail"},
             {"id": "u-3", "username": "nora", "enabled": False},
             {"id": "u-4", "username": "service-account-ledger", "serviceAccountClientId": "stock", "realmRoles": ["auditor"]}]
    return {"realm.json": json.dumps({"realm": "harbour", "clients": shuffled(dice, clients), "users": shuffled(dice, users)})}


def github(dice):
    installations = [{"id": 100 + i, "account": {"login": "harbour"}, "app_id": 10 + i, "app_slug": word, "repository_selection": "all",
                      "permissions": {"contents": dice.choice(["read", "write"])}, "created_at": "2024-02-22T20:51:14Z",
                      "suspended_at": "2025-01-01T00:00:00Z" if dice.random() < 0.3 else None} for i, word in enumerate(WORDS[:5])]
    # Taken away and installed again: another number, the same name.
    installations.append({**installations[0], "id": 900, "created_at": "2025-05-05T00:00:00Z"})
    return {"installations.json": json.dumps({"total_count": len(installations), "installations": shuffled(dice, installations)})}


def aws(dice):
    rows = []
    for name in ["nora", "batch", "Batch", "mail", "nora-bot"]:
        person = name == "nora"
        rows.append({"user": name, "arn": f"arn:aws:iam::1:user/{name}", "user_creation_time": "2024-01-01T00:00:00+00:00",
                     "password_enabled": str(person).lower(), "mfa_active": str(person).lower(), "access_key_1_active": "true",
                     "access_key_1_last_rotated": "2024-01-02T00:00:00+00:00", "access_key_2_active": "false", "cert_1_active": "false",
                     "cert_2_active": "false"})
    return {"report.csv": table(shuffled(dice, rows), AWS_COLUMNS)}


def entra(dice):
    principals, applications = [], []
    for i, word in enumerate(WORDS[:6] + alike("mail")):
        principals.append({"id": f"s{i}", "appId": f"a{i}", "displayName": word, "servicePrincipalType": "Application",
                           "accountEnabled": dice.random() < 0.8})
        applications.append({"id": f"o{i}", "appId": f"a{i}", "displayName": word, "createdDateTime": "2024-01-01T00:00:00Z"})
    principals.append({"id": "m1", "appId": "am1", "displayName": "nora", "servicePrincipalType": "ManagedIdentity"})
    principals.append({"id": "g1", "@odata.type": "#microsoft.graph.agentIdentity", "displayName": "mail", "accountEnabled": True,
                       "servicePrincipalType": "ServiceIdentity", "sponsors": [{"id": "u1", "userPrincipalName": "nora@mill.example"}]})
    head = "https://graph.microsoft.com/v1.0/$metadata#"
    return {"sps.json": json.dumps({"@odata.context": head + "servicePrincipals", "value": shuffled(dice, principals)}),
            "apps.json": json.dumps({"@odata.context": head + "applications", "value": shuffled(dice, applications)})}


def scim(dice):
    core = "urn:ietf:params:scim:schemas:core:2.0:"
    people = [{"schemas": [core + "User"], "id": f"p{i}", "userName": name, "active": dice.random() < 0.8}
              for i, name in enumerate(["nora", "Nora", "n\u043era", "mail", "shop/mail"])]
    people.append({"schemas": [core + "Agent"], "id": "g1", "name": "mail", "displayName": "nora", "active": True, "owners": [{"value": "nora"}],
                   "meta": {"resourceType": "Agent", "created": "2025-01-01T00:00:00Z"}})
    return {"people.json": json.dumps({"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": len(people),
                                       "Resources": shuffled(dice, people)})}


def kubernetes(dice):
    items = [{"kind": "ServiceAccount", "metadata": {"name": name, "namespace": space, "uid": f"{space}-{name}"}}
             for space in ("shop", "shop2") for name in ["mail", "nora", "batch"]]
    items += [{"kind": "ClusterRole", "metadata": {"name": "reader"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
              {"kind": "RoleBinding", "metadata": {"name": "b", "namespace": "shop"},
               "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"},
               "subjects": [{"kind": "ServiceAccount", "name": "mail", "namespace": "shop"}, {"kind": "User", "name": "nora"}]}]
    return {"all.json": json.dumps({"kind": "List", "apiVersion": "v1", "items": shuffled(dice, items)})}


def okta(dice):
    apps = [{"id": f"0oa{i}", "name": "oidc_client", "label": label, "status": dice.choice(["ACTIVE", "INACTIVE"]), "created": "2024-05-01T00:00:00.000Z",
             "signOnMode": "OPENID_CONNECT", "credentials": {"oauthClient": {"client_id": f"0oa{i}"}},
             "settings": {"oauthClient": {"application_type": "service" if i % 2 else "web", "grant_types": ["client_credentials"]}}}
            for i, label in enumerate(WORDS[:6] + alike("stock") + ["nora", "nora"])]
    tokens = [{"id": "00T1", "name": "stock", "userId": "00u1", "clientName": "Okta API", "created": "2024-01-01T00:00:00.000Z",
               "expiresAt": "2026-01-01T00:00:00.000Z", "lastUpdated": "2025-06-01T00:00:00.000Z", "tokenWindow": "P30D"}]
    agents = [{"id": "wlp1", "orn": "orn:okta:workload-principals:00o1:ai-agents:wlp1", "status": "STAGED", "profile": {"name": "stock"}, "appId": "0oa2"}]
    return {"apps.json": json.dumps(shuffled(dice, apps)), "tokens.json": json.dumps(tokens), "agents.json": json.dumps({"data": agents})}


def spire(dice):
    entries = [{"id": f"e{i}", "spiffe_id": {"trust_domain": "mint.example", "path": path}, "parent_id": {"trust_domain": "mint.example", "path": "/node"},
                "selectors": [{"type": "k8s", "value": "ns:shop"}, {"type": "k8s", "value": "sa:" + account}], "created_at": "1735689600"}
               for i, (path, account) in enumerate([("/shop/stock", "stock"), ("/shop/Stock", "stock"), ("/shop/stock", "stock2"), ("/nora", "nora")])]
    return {"entries.json": json.dumps({"entries": shuffled(dice, entries), "next_page_token": ""})}


def by_hand(dice):
    rows = [{"id": name, "kind": kind, "name": name, "client_id": client, "enabled": dice.choice(["true", "false"])}
            for name, kind, client in [("0oa1", "service", "0oa1"), ("stock", "agent", "0oa3"), ("Stock", "service", "0OA3"),
                                       ("st\u043eck", "service", "st\u043eck"), ("nora", "user", "nora"), ("spiffe://mint.example/nora", "service", "x")]]
    return {"table.csv": table(shuffled(dice, rows), ["id", "kind", "name", "client_id", "enabled"])}


COMPANIES = {"harbour": {"keycloak": keycloak, "github": github, "aws": aws}, "mill": {"entra": entra, "scim": scim, "kubernetes": kubernetes},
             "mint": {"okta": okta, "spire": spire, "csv": by_hand}}

# What is equal to the letter, in names of one kind. Of all the others that are planted, nothing is suggested.
ALIKE = {"harbour": [("keycloak:harbour/users/u-3", "nora", "user:nora")],
         "mill": [("nora", "scim:p0", "user:nora")],
         "mint": [("csv:0oa1", "okta:apps/0oa1", "client:0oa1"), ("csv:nora", "nora", "client:nora"), ("csv:stock", "okta:apps/0oa3", "client:0oa3")]}


class Company:
    """A configuration without identities, and the exports of a company beside it."""

    def __init__(self, test, sources):
        self.folder = tempfile.mkdtemp(prefix="writ-other-")
        test.addCleanup(shutil.rmtree, self.folder)
        self.config = os.path.join(self.folder, "writ.yaml")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write('version: 1\nissuer: http://127.0.0.1:8180\nlisten: {api: "127.0.0.1:8180"}\ndata: data\n'
                       "inventory: {imported: imported, identities: [{id: nora, kind: user}]}\npolicies: {files: [all.cedar]}\n")
        with open(os.path.join(self.folder, "all.cedar"), "w", encoding="utf-8") as file:
            file.write('@id("nobody") forbid (principal, action, resource);\n')
        os.mkdir(os.path.join(self.folder, "imported"))
        self.files = {}
        for source, make in sources.items():
            self.files[source] = self.write(source, make(random.Random(SEED)))

    def write(self, source, texts):
        names = []
        for name, text in texts.items():
            names.append(os.path.join(self.folder, f"{source}-{name}"))
            with open(names[-1], "w", encoding="utf-8", newline="") as file:
                file.write(text)
        return names

    def take(self, source, *names):
        return harness.writ("inventory", "import", source, *(names or self.files[source]), "--config", self.config, "--apply", "--json")

    def kept(self):
        """What was imported, but for when."""
        texts = {}
        for name in sorted(os.listdir(os.path.join(self.folder, "imported"))):
            with open(os.path.join(self.folder, "imported", name), encoding="utf-8") as file:
                texts[name] = re.sub(r'"imported_at":"[^"]*"', '"imported_at":""', file.read())
        return texts


class Imports(unittest.TestCase):
    def imported(self, company, source):
        status, out, err = company.take(source)
        self.assertEqual(0, status, err)
        return json.loads(out)

    def test_in_every_order_the_ends_are_equal_and_the_second_time_changes_nothing(self):
        for name, sources in COMPANIES.items():
            ends = []
            for order in itertools.permutations(sources):
                company = Company(self, sources)
                for source in order:
                    self.assertTrue(self.imported(company, source)["added"], (name, source))
                end = company.kept()
                for source in reversed(order):
                    again = self.imported(company, source)
                    self.assertEqual([[], [], [], []], [again[each] for each in ("added", "changed", "no_longer_seen", "seen_again")], (name, order))
                self.assertEqual(end, company.kept())
                ends.append((end, sorted(json.dumps(each, sort_keys=True) for each in again["suggested_links"])))
            self.assertTrue(all(end == ends[0] for end in ends), name)

    def test_the_order_within_the_files_does_not_matter(self):
        for name, sources in COMPANIES.items():
            company = Company(self, sources)
            for source in sources:
                self.imported(company, source)
            end = company.kept()
            for source, make in sources.items():
                dice = random.Random(SEED)
                # The same dice decide what is enabled; only what `shuffled` does is another.
                texts = make(dice)
                company.files[source] = company.write("turned-" + source, {key: turned(text) for key, text in texts.items()})
                self.imported(company, source)
            unnamed = {key: re.sub(r'"file":"[^"]*"', "", text) for key, text in company.kept().items()}
            self.assertEqual({key: re.sub(r'"file":"[^"]*"', "", text) for key, text in end.items()}, unnamed, name)

    def test_look_alikes_are_suggested_where_their_systems_name_them_alike_and_never_joined(self):
        for name, sources in COMPANIES.items():
            company = Company(self, sources)
            count = 0
            for source in sources:
                told = self.imported(company, source)
                count += len(told["added"])
            self.assertEqual(sorted(ALIKE[name]), sorted((each["one"], each["other"], each["both_called"]) for each in told["suggested_links"]))
            self.assertEqual(count, sum(len(json.loads(text)["identities"]) for text in company.kept().values()), name)
            status, out, err = harness.writ("check", "--config", company.config)
            self.assertEqual(0, status, out + err)

    def test_what_is_malformed_is_refused_whole_and_leaves_what_was(self):
        for name, sources in COMPANIES.items():
            company = Company(self, sources)
            for source in sources:
                self.imported(company, source)
            end = company.kept()
            for source, files in company.files.items():
                with open(files[0], "rb") as file:
                    whole = file.read()
                cases = {"empty": b"", "cut": whole[: len(whole) // 2], "no UTF-8": whole.replace(b"a", b"\xff", 1), "another": b'{"hello": [1, 2]}',
                         "a number": b"7", "UTF-16": whole.decode().encode("utf-16"), "NUL": whole[:20] + b"\0" + whole[20:]}
                for what, text in cases.items():
                    bad = os.path.join(company.folder, "bad")
                    with open(bad, "wb") as file:
                        file.write(text)
                    status, out, err = company.take(source, bad, *files[1:])
                    self.assertEqual(2, status, (source, what, out))
                    self.assertIn("bad", err, (source, what))
                    self.assertIn("nothing was imported", err, (source, what))
                    self.assertLess(len(err), 20_000)
            self.assertEqual(end, company.kept(), name)

    def test_one_that_is_twice_in_a_file_is_refused_and_one_that_was_made_anew_is_told(self):
        company = Company(self, COMPANIES["mill"])
        accounts = [{"kind": "ServiceAccount", "metadata": {"name": "mail", "namespace": "shop", "uid": "1", "creationTimestamp": "2024-01-01T00:00:00Z"}}]
        once = company.write("k", {"once.json": json.dumps({"kind": "List", "items": accounts})})
        twice = company.write("k", {"twice.json": json.dumps({"kind": "List", "items": accounts * 2})})
        anew = company.write("k", {"anew.json": json.dumps({"kind": "List", "items": [
            {"kind": "ServiceAccount", "metadata": {"name": "mail", "namespace": "shop", "uid": "2", "creationTimestamp": "2025-01-01T00:00:00Z"}}]})})
        self.assertEqual(0, company.take("kubernetes", *once)[0])
        status, out, err = company.take("kubernetes", *twice)
        self.assertEqual(2, status, out)
        self.assertIn("`shop/mail` is there twice", err)
        status, out, err = company.take("kubernetes", *anew)
        self.assertEqual([{"id": "kubernetes:shop/mail", "what": ["created_at"]}], json.loads(out)["changed"], err)


def turned(text):
    """The same export with its lists the other way round."""
    if not text.startswith(("{", "[")):
        head, *rows = text.splitlines(keepends=True)
        return head + "".join(reversed(rows))
    value = json.loads(text)
    if isinstance(value, list):
        return json.dumps(value[::-1])
    return json.dumps({key: each[::-1] if isinstance(each, list) and each and isinstance(each[0], dict) else each for key, each in value.items()})


if __name__ == "__main__":
    unittest.main()
