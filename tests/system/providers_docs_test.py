"""docs/providers.md is true: the section of each profile is followed, with its configuration and its tokens."""
import json
import os
import re
import tempfile
import unittest

import harness
import providers

INVOICE = "/invoices/inv-1001"
SENTENCE = re.compile(r"^(An access token[^\n]*|An ID token, which is refused):\n\n```json\n(.*?)^```", re.DOTALL | re.MULTILINE)

# Of whom the page's issuer is not one: another tenant, realm, pool or server of the same provider.
ANOTHER = {"RFC 9068": ("login.", "logon."), "Keycloak": ("realms/acme", "realms/partner"), "Okta": ("oauth2/default", "oauth2/aus1partner"),
           "Microsoft Entra ID": ("aaaabbbb-0000", "ccccdddd-0000"), "Auth0": ("acme.eu", "acme.us"), "Google": (".com", ".com.evil.example"),
           "Amazon Cognito": ("eu-central-1_example", "eu-central-1_another"), "Curity": ("oauth-anonymous", "oauth-partner"), "Ping": ("eu/5c1f0b9a", "eu/6c1f0b9a")}
# Tokens that the provider may sign and that are not what they look like: which token of the page ("user", "client" or "id"), what is
# changed in it (None: it is not there), and why it is refused.
NOT_WHAT_IT_LOOKS_LIKE = {
    "RFC 9068": [("user", {"typ of the header": "JWT"}, "token_type"), ("user", {"azp": "batch"}, "caller_mismatch")],
    "Keycloak": [
        ("user", {"typ": "ID"}, "token_type"), ("user", {"typ": "Refresh"}, "token_type"), ("user", {"typ": "Logout"}, "token_type"),
        ("user", {"typ": None}, "token_type"), ("user", {"client_id": "portal"}, "token_type"),
        ("client", {"client_id": None}, "token_type"), ("client", {"client_id": None, "preferred_username": None}, "token_type"),
        ("client", {"preferred_username": "nora"}, "token_type"), ("client", {"client_id": "portal"}, "token_type")],
    "Microsoft Entra ID": [
        ("user", {"azp": None}, "token_type"), ("user", {"idtyp": "app"}, "token_type"), ("user", {"scp": None}, "token_type"),
        ("client", {"scp": "access_as_user"}, "token_type"), ("client", {"idtyp": "user"}, "token_type"),
        ("client", {"idtyp": None, "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ"}, "token_type"),
        ("user", {"tid": "ccccdddd-2222-eeee-3333-ffff4444aaaa"}, "tenant_mismatch"), ("user", {"tid": "bbbbcccc-1111-dddd-2222-eeee3333ffff"}, "tenant_mismatch"),
        ("user", {"appid": "22223333-cccc-4444-dddd-5555eeee6666"}, "caller_mismatch")],
    "Okta": [
        ("user", {"jti": "ID.radCQMOQUmyvcTBmmIL0J6BaS60apUEiC7-vI7pOmkw"}, "token_type"), ("id", {"cid": "0oa1portal"}, "token_type"),
        ("user", {"typ of the header": "application/okta-internal-at+jwt"}, "token_type"), ("user", {"cid": None}, "token_type"),
        ("user", {"uid": None}, "token_type"), ("client", {"uid": "00uid4BxXw6I6TV4m0g3"}, "token_type"),
        ("client", {"sub": "nightly export"}, "token_type")],
    "Auth0": [
        ("user", {"nonce": "abc"}, "token_type"), ("id", {"aud": "https://invoices.acme.example/"}, "token_type"), ("user", {"azp": None}, "token_type"),
        ("client", {"sub": "BatchVk7OmGKIkh5GjzoEhNXfGSvD0wMp"}, "token_type"), ("client", {"sub": None}, "token_type"),
        ("user", {"client_id": "BatchVk7OmGKIkh5GjzoEhNXfGSvD0wMp"}, "caller_mismatch")],
    "Google": [
        ("client", {"email": None}, "token_type"), ("client", {"email": "batch@evil.example"}, "token_type"),
        ("client", {"email": "batch@acme-project.iam.gserviceaccount.com.evil.example"}, "token_type"),
        ("client", {"sub": "10769150350006150715113082367"}, "token_type"), ("id", {"azp": "112233445566778899000"}, "token_type"),
        ("client", {"iss": "accounts.google.com"}, "token_issuer")],
    "Amazon Cognito": [
        ("user", {"token_use": "id"}, "token_type"), ("user", {"token_use": None}, "token_type"), ("user", {"username": None}, "token_type"),
        ("client", {"username": "nora"}, "token_type"), ("user", {"sub": "1example23456789"}, "token_type"),
        ("user", {"scope": "openid"}, "audience_mismatch"), ("user", {"scope": "https://invoices.acme.example"}, "audience_mismatch"),
        ("user", {"scope": "https://invoices.acme.example/all/read"}, "audience_mismatch"),
        ("user", {"scope": "https://invoices.acme.example/read https://mail.acme.example/send"}, "audience_mismatch"),
        ("user", {"aud": "1example23456789"}, "audience_mismatch")],
    "Curity": [
        ("user", {"purpose": "id"}, "token_type"), ("user", {"purpose": "refresh_token"}, "token_type"), ("user", {"purpose": None}, "token_type"),
        ("user", {"client_id": None}, "token_type"), ("client", {"azp": "portal"}, "caller_mismatch"), ("id", {"at_hash": "x"}, "token_type"),
        ("user", {"acr": None}, "token_type"), ("client", {"sub": "service of batch"}, "token_type")],
    "Ping": [
        ("client", {"sub": "nightly export"}, "token_type"), ("user", {"sid": None, "auth_time": None}, "token_type"), ("user", {"sub": None}, "token_type"),
        ("user", {"nonce": "abc"}, "token_type"), ("user", {"client_id": None}, "token_type"), ("id", {"client_id": "3b1a0000-aaaa-bbbb-cccc-dddddddddddd", "nonce": "abc"}, "token_type"),
        ("client", {"act": "noActor"}, "token_malformed")],
}
# Other shapes of the same tokens.
ALSO_GOOD = {
    "Microsoft Entra ID": [("user", {"sub": "another-name-for-another-client"}), ("user", {"idtyp": "user"}),
                           ("client", {"idtyp": None, "sub": "11bb11bb-cc22-dd33-ee44-55ff55ff55ff"})],
    "Okta": [("user", {"typ of the header": None}), ("user", {"typ of the header": "at+jwt"})],
    "Auth0": [("user", {"azp": None, "client_id": "AeoTVk7OmGKIkh5GjzoEhNXfGSvD0wMp", "typ of the header": "at+jwt"}),
              ("client", {"azp": None, "client_id": "BatchVk7OmGKIkh5GjzoEhNXfGSvD0wMp", "sub": "BatchVk7OmGKIkh5GjzoEhNXfGSvD0wMp", "typ of the header": "at+jwt"})],
    "Keycloak": [("user", {"preferred_username": None})],
    "Amazon Cognito": [("user", {"scope": None, "aud": "https://invoices.acme.example"})],
    "Ping": [("user", {"typ of the header": "at+jwt"}), ("user", {"sid": None}), ("user", {"auth_time": None}), ("user", {"sid": None, "auth_time": None, "pi.sri": "s-1"}),
             ("client", {"sub": "4c2b0000-aaaa-bbbb-cccc-dddddddddddd"})],
}


def look_alikes(issuer):
    """What a careless reader takes for this issuer."""
    scheme, rest = issuer.split("://")
    host, slash, path = rest.partition("/")
    return [issuer[:-1] if issuer.endswith("/") else issuer + "/", f"{scheme}://{host.upper()}{slash}{path}", f"HTTPS://{rest}", f"http://{rest}",
            f"{scheme}://{host}:443{slash}{path}", f"{scheme}://nora@{rest}", f"{scheme}://{host}.{slash}{path}", f"{scheme}://{host}/./{path}",
            f"{issuer}#", f"{issuer}?", f" {issuer}", issuer.replace("e", "%65", 1), ""]


def page():
    with open(os.path.join(harness.ROOT, "docs", "providers.md"), encoding="utf-8") as file:
        return file.read()


class Profiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.key = providers.RsaKey(folder.name, "key-1")

    def world(self, issuers):
        """Acme with these issuers, and one policy that permits everything."""
        def edit(text):
            text = re.sub(r"trusted_issuers:\n(?:  .*\n)*", re.sub(r"(- issuer: .*\n)", r"\1    jwks_file: provider.jwks.json\n", issuers)
                          .replace("\\", "\\\\"), text)
            # More wrong tokens than a stranger may bring.
            text = "limits: {wrong_tokens_per_minute: 100000}\n" + text
            return re.sub(r"policies:\n(?:  .*\n)*", "policies: {files: [all.cedar]}\n", text)
        world = harness.TestWorld(edit=edit)
        self.addCleanup(world.close)
        with open(os.path.join(world.folder, "all.cedar"), "w", encoding="utf-8") as file:
            file.write('@id("all") permit (principal, action, resource);\n')
        with open(os.path.join(world.folder, "provider.jwks.json"), "w", encoding="utf-8") as file:
            json.dump({"keys": [self.key.jwk]}, file)
        world.start()
        return world

    def last_record(self, world):
        with open(os.path.join(world.data, "audit.log"), encoding="utf-8") as log:
            return [line for line in map(json.loads, log) if line.get("point") == "gateway"][-1]

    def follow(self, name, section):
        (issuers,) = re.findall(r"^```yaml\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
        world = self.world(issuers)
        tokens = {}
        for sentence, payload in SENTENCE.findall(section):
            claims = providers.with_times(json.loads(payload))
            typ = "at+jwt" if "at+jwt" in sentence else "JWT"
            answer = world.through_gateway(self.key.sign(claims, typ=typ), INVOICE)
            record = self.last_record(world)
            if not sentence.startswith("An access token"):
                tokens["id"] = (claims, typ, None)
                self.assertIn((answer.status, answer.reason()), {(401, "token_type"), (401, "audience_mismatch")}, f"{name}: {sentence}: {answer}")
                continue
            self.assertEqual(200, answer.status, f"{name}: {sentence}: {answer}")
            subject, _, client = re.search(r"becomes `([^`]+)`( with the client `([^`]+)`)?", sentence).groups()
            self.assertEqual((subject, client or subject), (record["subject"], record["client"]), sentence)
            self.assertEqual(claims["iss"], record["token_issuer"])
            tokens["user" if client else "client"] = (claims, typ, subject)
            # Another client's token of the same shape is nobody's here.
            stranger = {key: "somebody" if key in ("azp", "appid", "cid", "client_id") else value for key, value in claims.items()}
            self.assertNotEqual(200, world.through_gateway(self.key.sign(stranger, typ=typ), INVOICE).status, sentence)
        self.attack(name, world, tokens)
        return tokens

    def changed(self, token, changes):
        claims, typ, _ = token
        changes = {**changes}
        typ = changes.pop("typ of the header", typ)
        return self.key.sign({key: value for key, value in {**claims, **changes}.items() if value is not None}, typ=typ)

    def attack(self, name, world, tokens):
        def refused(which, changes, *reasons):
            answer = world.through_gateway(self.changed(tokens[which], changes), INVOICE)
            self.assertIn(answer.reason(), reasons, f"{name}: {which} with {changes}: {answer}")
            self.assertEqual((answer.reason(), "deny"), tuple(self.last_record(world)[key] for key in ("reason", "effect")), f"{name}: {which} with {changes}")

        for which, changes, reason in NOT_WHAT_IT_LOOKS_LIKE[name]:
            refused(which, changes, reason)
        for which, changes in ALSO_GOOD.get(name, []):
            answer = world.through_gateway(self.changed(tokens[which], changes), INVOICE)
            self.assertEqual(200, answer.status, f"{name}: {which} with {changes}: {answer}")
            self.assertEqual(tokens[which][2], self.last_record(world)["subject"], f"{name}: {which} with {changes}")
        which = "user" if "user" in tokens else "client"
        issuer = tokens[which][0]["iss"]
        for other in [*look_alikes(issuer), issuer.replace(*ANOTHER[name])]:
            self.assertNotEqual(issuer, other)
            refused(which, {"iss": other}, "token_issuer", "token_signature", "token_malformed")
        for mark in ("at_hash", "c_hash", "s_hash", "events"):
            refused(which, {mark: "x"}, "token_type")
        for typ in ("logout+jwt", "dpop+jwt", "client-authentication+jwt"):
            refused(which, {"typ of the header": typ}, "token_type")

    def test_each_section_is_followed(self):
        sections = dict(re.findall(r"^### ([^\n]+)\n(.*?)(?=^### |\Z)", page().partition("## Profiles")[2], re.DOTALL | re.MULTILINE))
        self.assertEqual(["RFC 9068", "Keycloak", "Microsoft Entra ID", "Okta", "Auth0", "Google", "Amazon Cognito", "Curity", "Ping"], list(sections))
        for name, section in sections.items():
            with self.subTest(name):
                followed = self.follow(name, section)
                self.assertIn("id", followed)
                self.assertGreaterEqual(len(followed), 2, followed)

    def test_each_section_says_what_it_rests_on(self):
        for name, section in re.findall(r"^### ([^\n]+)\n(.*?)(?=^### |\Z)", page().partition("## Profiles")[2], re.DOTALL | re.MULTILINE):
            self.assertRegex(section, r"(?i)rests\s+on\s+\[[^\]]+\]\(https://", name)

    def test_the_example_it_begins_with_is_a_configuration(self):
        (first, *_) = re.findall(r"^```yaml\n(.*?)^```", page(), re.DOTALL | re.MULTILINE)
        world = self.world(first)
        status, out, err = harness.writ("check", "--config", world.config)
        self.assertEqual(0, status, out + err)

    def test_its_policy_is_one(self):
        (policy,) = re.findall(r"^```cedar\n(.*?)^```", page(), re.DOTALL | re.MULTILINE)
        world = harness.TestWorld()
        self.addCleanup(world.close)
        with open(os.path.join(world.folder, "policies", "page.cedar"), "w", encoding="utf-8") as file:
            file.write(policy)
        status, out, err = harness.writ("check", "--config", world.config)
        self.assertEqual(0, status, out + err)

    def test_every_key_of_accept_is_described_and_no_other(self):
        with open(os.path.join(harness.ROOT, "src", "config", "accept.cc"), encoding="utf-8") as file:
            allowed = re.search(r'"accept",\s*\{(.*?)\}\)', file.read(), re.DOTALL)[1]
        section = re.search(r"^## `accept`\n(.*?)(?=^##)", page(), re.DOTALL | re.MULTILINE)[1]
        self.assertEqual(set(re.findall(r'"([a-z_]+)"', allowed)), set(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE)))


if __name__ == "__main__":
    unittest.main()
