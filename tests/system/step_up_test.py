"""docs/step-up.md, as it stands there: Acme's credits, for users who logged in with a password."""
import os
import re
import unittest

import harness

PAGE = os.path.join(harness.ROOT, "docs", "step-up.md")
CREDIT = "/invoices/inv-1001/credit"


class StepUp(unittest.TestCase):
    def setUp(self):
        self.world = harness.TestWorld()
        self.addCleanup(self.world.close)
        with open(PAGE, encoding="utf-8") as file:
            policies = re.findall(r"^ *```cedar\n(.*?)```", file.read(), re.DOTALL | re.MULTILINE)
        self.assertEqual(2, len(policies))
        with open(os.path.join(self.world.folder, "policies", "step-up.cedar"), "w", encoding="utf-8") as file:
            file.write(policies[0])
        self.world.start()

    def token(self, *claims):
        user = self.world.sign("iss=https://idp.acme.example", "sub=nora", "tenant=north", f"aud={self.world.api}", *claims)
        return self.world.exchanged("support-portal", user, purpose="support")

    def credit(self, token):
        return self.world.through_gateway(token, CREDIT, "POST", {"Content-Type": "application/json"}, '{"amount":1}')

    def test_the_answer_says_which_login_would_help_and_that_login_helps(self):
        refused = self.credit(self.token("acr=pwd"))
        self.assertEqual((401, "step_up_required"), (refused.status, refused.json()["reason"]), refused.body)
        self.assertEqual("insufficient_user_authentication", refused.json()["error"])
        self.assertEqual("urn:acme:mfa", refused.json()["acr_values"])
        self.assertEqual('Bearer realm="writ", error="insufficient_user_authentication", '
                         'error_description="step_up_required", acr_values="urn:acme:mfa"', refused.headers["WWW-Authenticate"])
        self.assertEqual(201, self.credit(self.token("acr=urn:acme:mfa")).status)

    def test_what_needs_no_login_passes_as_ever(self):
        self.assertEqual(200, self.world.through_gateway(self.token("acr=pwd"), "/invoices/inv-1001").status)


if __name__ == "__main__":
    unittest.main()
