"""docs/logout.md with npm's oidc-provider: a user logs out there, and what came from the session ends here, across a restart."""
import re
import unittest
import urllib.parse

import harness
import oidc_provider
from opaque_tokens_test import example, outcome, page, records, world_with

TASK = {"purpose": "support", "subject": "nora", "client": "support-portal", "actions": ['Billing::Action::"read"'],
        "resources": ['Billing::Invoice::"inv-1001"'], "expires_in_seconds": 600}


def issuers(provider):
    """The page's, with Acme's login as it is: opaque access tokens, and ID tokens that the portal exchanges."""
    return example("logout.md", provider).replace("    accept:\n", f"""    audience: portal
    clients: {{portal: support-portal}}
    introspection: {{url: "{provider.issuer}/token/introspection", client_id: writ, secret_file: introspection.secret, max_age_seconds: 300}}
    accept:
""")


@unittest.skipIf(oidc_provider.missing(), oidc_provider.missing())
class Logout(unittest.TestCase):
    def setUp(self):
        self.provider = oidc_provider.OidcProvider()
        self.addCleanup(self.provider.stop)

        def begin(world):
            self.provider.logout = f"{world.api}/oauth2/backchannel-logout"
            self.provider.start()
        self.world = world_with(self, issuers(self.provider), begin)

    def exchange(self, tokens, audience=harness.INVOICES):
        return self.world.token_request("support-portal", grant_type=harness.EXCHANGE, resource=audience, purpose="support",
                                        subject_token=tokens["id_token"], subject_token_type="urn:ietf:params:oauth:token-type:jwt")

    def exchanged(self, tokens, audience=harness.INVOICES):
        answer = self.exchange(tokens, audience)
        self.assertEqual(200, answer.status, answer)
        return answer.json()["access_token"]

    def task_state(self, task):
        return self.world.api_call(self.world.operator_token(), "GET", f"/v1/tasks/{task}").json()["state"]

    def test_what_came_from_the_session_ends_with_it_and_stays_ended(self):
        browser, tokens = self.provider.log_in("nora")
        _, others = self.provider.log_in("nora")
        portals, other = self.exchanged(tokens), self.exchanged(others)
        agents = self.world.exchanged("support-agent", portals, of="access_token")
        opened = self.world.api_call(self.exchanged(tokens, self.world.api), "POST", "/v1/tasks", TASK)
        self.assertEqual(201, opened.status, opened)
        task = opened.json()["id"]
        for token in (tokens["access_token"], others["access_token"], portals, other):
            self.assertEqual("200", outcome(self.world, token))

        self.provider.log_out(browser, tokens)
        (ended,) = records(self.world, type="session.ended")
        self.assertEqual(self.provider.issuer, ended["object"])

        def check():
            # The provider itself still says that it is active: its answer is not asked for.
            self.assertEqual("401 token_revoked", outcome(self.world, tokens["access_token"]))
            self.assertEqual("401 token_revoked", outcome(self.world, portals))
            self.assertEqual("401 token_revoked", outcome(self.world, agents))
            self.assertEqual("token_revoked", self.exchange(tokens).json()["reason"])
            self.assertEqual("revoked", self.task_state(task))
            for token in (others["access_token"], other):
                self.assertEqual("200", outcome(self.world, token), "another session goes on")
        check()
        self.world.stop_writ()
        self.world.start_writ()
        check()

    def test_an_id_token_in_place_of_a_logout_token_is_refused_and_recorded(self):
        _, tokens = self.provider.log_in("nora")
        answer = self.world.call(self.world.api_port, "POST", "/oauth2/backchannel-logout", {"Content-Type": "application/x-www-form-urlencoded"},
                                 urllib.parse.urlencode({"logout_token": tokens["id_token"]}))
        self.assertEqual((400, "token_type"), (answer.status, answer.json()["reason"]))
        self.assertEqual(1, len(records(self.world, type="session.end_refused")))
        self.assertEqual("200", outcome(self.world, tokens["access_token"]))

    def test_an_operator_may_say_it_too(self):
        _, tokens = self.provider.log_in("nora")
        portals = self.exchanged(tokens)
        (body,) = re.findall(r"-d '(\{.*\})'", page("logout.md"))
        operator = self.world.operator_token()
        self.assertIn('"token"', body)
        end = {"issuer": self.provider.issuer, "subject": "nora"}
        self.assertEqual(401, self.world.api_call(self.exchanged(tokens), "POST", "/v1/sessions/end", end).status, "for another API")
        self.assertEqual(400, self.world.api_call(operator, "POST", "/v1/sessions/end", {**end, "session": "s"}).status)
        self.assertEqual(204, self.world.api_call(operator, "POST", "/v1/sessions/end", end).status)
        self.assertEqual("401 token_revoked", outcome(self.world, portals))
        (ended,) = records(self.world, type="session.ended")
        self.assertEqual("ops-console", ended["actor"])


if __name__ == "__main__":
    unittest.main()
