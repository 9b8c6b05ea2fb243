"""writ claims: what tokens have to carry, and tokens that carry that and no more (docs/claims.md)."""
import base64
import json
import os
import re
import shlex
import shutil
import tempfile
import time
import unittest

import harness

CONFIG = os.path.join(harness.ACME, "writ.yaml")
READS_ISSUER = """
@id("only-of-acmes-provider")
forbid (principal is Writ::User, action == Billing::Action::"read", resource)
unless { principal has issuer && principal.issuer == "https://idp.acme.example" };
"""


def by_contract(text):
    return text.replace("inventory:\n", "inventory:\n  claims: contract\n", 1)


def claims_of(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def contract(api, config=CONFIG):
    status, out, err = harness.writ("claims", "contract", api, "--json", "--config", config)
    assert status == 0, err
    return json.loads(out)["contracts"][0]


class Commands(unittest.TestCase):
    def test_the_examples_of_the_document_run_and_print_what_it_shows(self):
        with open(os.path.join(harness.ROOT, "docs", "claims.md"), encoding="utf-8") as file:
            document = file.read()
        lines = [line for block in re.findall(r"```sh\n(.*?)```", document, re.DOTALL) for line in block.splitlines()]
        self.assertGreater(len(lines), 3)
        printed = ""
        for line in lines:
            words = shlex.split(line)
            self.assertEqual(["writ", "claims"], words[:2])
            arguments = [CONFIG, CONFIG] if words[2] == "diff" else [*words[3:], "--config", CONFIG]
            status, out, err = harness.writ(*words[1:3], *arguments)
            self.assertIn(status, (0, 1), err)
            self.assertEqual("", err)
            printed += out
        shown = re.search(r"```text\n(.*?)```", document, re.DOTALL).group(1)
        for line in shown.splitlines():
            self.assertIn(line + "\n", printed)

    def test_a_claim_has_readers_with_their_place_and_a_source(self):
        found = {each["claim"]: each for each in contract("invoices")["claims"]}
        self.assertEqual(("outside tasks", "always", "left out"),
                         tuple(found[name]["carried"] for name in ("purpose", "sub", "acr")))
        policy = [each for each in found["purpose"]["readers"] if each["name"] == "support-portal-serves-customers"]
        self.assertEqual(["context.purpose"], [each["path"] for each in policy])
        self.assertRegex(policy[0]["place"], r"billing\.cedar:\d+:\d+$")
        self.assertTrue(found["purpose"]["source"])
        self.assertIn("mail", contract("invoices")["exchanged_for"])

    def test_a_token_by_contract_is_shorter(self):
        sizes = contract("invoices")["token_bytes"]
        self.assertLess(sizes["by_contract"], sizes["everything"])
        self.assertEqual(sizes["everything"], sizes["as_minted"])

    def test_what_is_not_there_is_said_so(self):
        status, _, err = harness.writ("claims", "contract", "nothing", "--config", CONFIG)
        self.assertEqual(2, status)
        self.assertIn("`nothing`", err)
        self.assertEqual(2, harness.writ("claims", "diff", "nowhere", CONFIG)[0])

    def test_a_policy_that_reads_more_is_a_difference_and_no_longer_a_finding(self):
        status, out, _ = harness.writ("claims", "lint", "--config", CONFIG, "--json")
        self.assertEqual(1, status)
        unread = {each["api"]: each["subject"] for each in json.loads(out)["findings"] if each["kind"] == "unread"}
        self.assertIn("subject_issuer", unread["invoices"])
        with tempfile.TemporaryDirectory() as folder:
            after = os.path.join(folder, "acme")
            shutil.copytree(harness.ACME, after, ignore=shutil.ignore_patterns("data"))
            with open(os.path.join(after, "policies", "billing.cedar"), "a", encoding="utf-8") as file:
                file.write(READS_ISSUER)
            status, out, err = harness.writ("claims", "diff", harness.ACME, after)
            self.assertEqual(1, status, err)
            self.assertIn("+ invoices subject_issuer: left out -> needed  policy `only-of-acmes-provider`", out)
            # Without a contract tokens carry all of it, and nothing waits.
            self.assertNotIn("wait", out)
            # Who holds a token for mail may exchange it for one for invoices.
            self.assertIn("+ mail subject_issuer: left out -> needed  API `invoices`, by exchange", out)


    def test_a_difference_says_what_policies_would_wait_for(self):
        with tempfile.TemporaryDirectory() as folder:
            before, after = os.path.join(folder, "before"), os.path.join(folder, "after")
            for each in (before, after):
                shutil.copytree(harness.ACME, each, ignore=shutil.ignore_patterns("data"))
                path = os.path.join(each, "writ.yaml")
                with open(path, encoding="utf-8") as file:
                    text = file.read()
                with open(path, "w", encoding="utf-8") as file:
                    file.write(by_contract(text))
            with open(os.path.join(after, "policies", "billing.cedar"), "a", encoding="utf-8") as file:
                file.write(READS_ISSUER)
            status, out, err = harness.writ("claims", "diff", before, after)
            self.assertEqual(1, status, err)
            self.assertIn("the policies wait 300 s", out)
            self.assertIn("  invoices subject_issuer: policy `only-of-acmes-provider`", out)
            waits = json.loads(harness.writ("claims", "diff", before, after, "--json")[1])["waits"]
            self.assertEqual(300, waits["seconds"])
            self.assertIn(("invoices", "subject_issuer"), [(each["api"], each["claim"]) for each in waits["for"]])
            self.assertNotIn("wait", harness.writ("claims", "diff", after, before)[1])


class Minting(unittest.TestCase):
    def start(self, edit):
        world = harness.TestWorld(edit)
        self.addCleanup(world.close)
        world.start()
        return world

    def test_without_a_switch_a_token_carries_everything(self):
        self.assertIn("subject_issuer", claims_of(self.start(lambda text: text).customer_token()))

    def test_by_contract_it_carries_what_is_read_and_passes(self):
        world = self.start(by_contract)
        token = world.customer_token()
        self.assertNotIn("subject_issuer", claims_of(token))
        self.assertEqual(("support", "north"), tuple(claims_of(token)[name] for name in ("purpose", "tenant")))
        self.assertEqual(200, world.through_gateway(token, "/invoices/inv-1001").status)

    def test_inside_a_task_the_purpose_is_the_tasks(self):
        world = self.start(by_contract)
        token = world.agent_token(world.open_task())
        self.assertNotIn("purpose", claims_of(token))
        answer = world.through_gateway(token, "/invoices/inv-1001")
        self.assertEqual(200, answer.status, answer)

    def read_more(self, world):
        with open(os.path.join(world.folder, "policies", "billing.cedar"), "a", encoding="utf-8") as file:
            file.write(READS_ISSUER)

    def reload(self, world, body=None):
        answer = world.api_call(world.operator_token(), "POST", "/v1/policies/reload", body)
        self.assertEqual(200, answer.status, answer)
        return answer.json()

    def state(self, world):
        return world.api_call(world.operator_token(), "GET", "/v1/policies").json()

    def test_policies_that_read_more_wait_and_older_tokens_pass(self):
        world = self.start(by_contract)
        older, before = world.customer_token(), self.state(world)["policy_revision"]
        self.read_more(world)
        answer = self.reload(world)
        waiting = answer["waiting"]
        self.assertEqual((before, False), (answer["policy_revision"], answer["changed"]))
        self.assertNotEqual(before, waiting["policy_revision"])
        warnings = [each["message"] for each in answer["issues"]]
        self.assertTrue(any("API `invoices` carry `subject_issuer` from now on" in each and "300 s" in each
                            and "policy `only-of-acmes-provider`" in each and waiting["policy_revision"] in each
                            for each in warnings), warnings)
        self.assertEqual(200, world.through_gateway(older, "/invoices/inv-1001").status)
        newer = world.customer_token()
        self.assertIn("subject_issuer", claims_of(newer))
        self.assertEqual(200, world.through_gateway(newer, "/invoices/inv-1001").status)
        self.assertEqual(waiting["policy_revision"], self.state(world)["waiting"]["policy_revision"])
        # Whoever cannot wait says so, and is told what breaks.
        self.assertEqual(400, world.api_call(world.operator_token(), "POST", "/v1/policies/reload",
                                             {"at_onec": True}).status)
        answer = self.reload(world, {"at_once": True})
        self.assertEqual((waiting["policy_revision"], True), (answer["policy_revision"], answer["changed"]))
        self.assertNotIn("waiting", answer)
        self.assertTrue(any("as if nobody knew it: policy `only-of-acmes-provider`" in each["message"]
                            for each in answer["issues"]), answer["issues"])
        self.assertEqual(403, world.through_gateway(older, "/invoices/inv-1001").status)
        self.assertEqual(200, world.through_gateway(newer, "/invoices/inv-1001").status)

    def test_they_take_force_when_the_last_token_without_the_claim_has_ended(self):
        world = self.start(lambda text: by_contract(text).replace("lifetime_seconds: 300", "lifetime_seconds: 5"))
        self.read_more(world)
        waiting = self.reload(world)["waiting"]["policy_revision"]
        deadline = time.monotonic() + 60
        while self.state(world)["policy_revision"] != waiting and time.monotonic() < deadline:
            time.sleep(0.2)
        state = self.state(world)
        self.assertEqual(waiting, state["policy_revision"])
        self.assertNotIn("waiting", state)
        self.assertEqual(200, world.through_gateway(world.customer_token(), "/invoices/inv-1001").status)
        with open(os.path.join(world.data, "audit.log"), encoding="utf-8") as log:
            told = [(each["type"], each["detail"]) for each in map(json.loads, log)
                    if each["type"].startswith("policies.")]
        self.assertEqual([("policies.waiting", waiting), ("policies.replaced", waiting)], told)

    def test_a_restart_does_not_end_the_wait(self):
        world = self.start(by_contract)
        older, before = world.customer_token(), self.state(world)["policy_revision"]
        self.read_more(world)
        waiting = self.reload(world)["waiting"]
        world.stop_writ()
        world.start_writ()
        state = self.state(world)
        self.assertEqual((before, waiting), (state["policy_revision"], state["waiting"]))
        self.assertEqual(200, world.through_gateway(older, "/invoices/inv-1001").status)
        self.assertIn("subject_issuer", claims_of(world.customer_token()))


if __name__ == "__main__":
    unittest.main()
