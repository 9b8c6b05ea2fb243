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
            return re.sub(r"policies:\n(?:  .*\n)*", "policies: {files: [all.cedar]}\n", text)
        world = harness.TestWorld(edit=edit)
        self.addCleanup(world.close)
        with open(os.path.join(world.folder, "all.cedar"), "w", encoding="utf-8") as file:
            file.write('@id("all") permit (principal, action, resource);\n')
        with open(os.path.join(world.folder, "provider.jwks.json"), "w", encoding="utf-8") as file:
            json.dump({"keys": [self.key.jwk]}, file)
        world.start()
        return world

    def follow(self, name, section):
        (issuers,) = re.findall(r"^```yaml\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
        world = self.world(issuers)
        followed = set()
        for sentence, payload in SENTENCE.findall(section):
            claims = providers.with_times(json.loads(payload))
            access = sentence.startswith("An access token")
            answer = world.through_gateway(self.key.sign(claims, typ="at+jwt" if "at+jwt" in sentence else "JWT"), INVOICE)
            followed.add(sentence.partition(",")[0])
            with open(os.path.join(world.data, "audit.log"), encoding="utf-8") as log:
                record = [line for line in map(json.loads, log) if line.get("point") == "gateway"][-1]
            if not access:
                self.assertIn((answer.status, answer.reason()), {(401, "token_type"), (401, "audience_mismatch")}, f"{name}: {sentence}: {answer}")
                continue
            self.assertEqual(200, answer.status, f"{name}: {sentence}: {answer}")
            subject, _, client = re.search(r"becomes `([^`]+)`( with the client `([^`]+)`)?", sentence).groups()
            self.assertEqual((subject, client or subject), (record["subject"], record["client"]), sentence)
            self.assertEqual(claims["iss"], record["token_issuer"])
            # Another client's token of the same shape is nobody's here.
            stranger = {key: "somebody" if key in ("azp", "appid", "cid", "client_id") else value for key, value in claims.items()}
            self.assertNotEqual(200, world.through_gateway(self.key.sign(stranger, typ="at+jwt" if "at+jwt" in sentence else "JWT"), INVOICE).status, sentence)
        return followed

    def test_each_section_is_followed(self):
        sections = dict(re.findall(r"^### ([^\n]+)\n(.*?)(?=^### |\Z)", page().partition("## Profiles")[2], re.DOTALL | re.MULTILINE))
        self.assertEqual(["RFC 9068", "Keycloak", "Microsoft Entra ID", "Okta", "Auth0", "Google", "Amazon Cognito", "Curity", "Ping"], list(sections))
        for name, section in sections.items():
            with self.subTest(name):
                followed = self.follow(name, section)
                self.assertIn("An ID token", followed)
                self.assertGreaterEqual(len(followed), 2, followed)

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
