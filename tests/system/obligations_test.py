"""docs/obligations.md, as it stands there: the real binary in front of an API of its own."""
import json
import unittest

import harness
import on_response_test as orders

ORDER = {"id": 1, "card": {"number": "4111", "last4": "1111"}, "notes": "calls often"}


class Obligations(unittest.TestCase):
    PAGE = orders.page("obligations.md")

    def made(self, policies=lambda text: text, more=""):
        made = orders.World(self, orders.blocks(self.PAGE, "yaml")[0], orders.blocks(self.PAGE, "cedarschema")[0],
                            policies(orders.blocks(self.PAGE, "cedar")[0]), more)
        made.orders.orders["1"] = ORDER
        with open(made.world.config, encoding="utf-8") as file:
            text = file.read()
        with open(made.world.config, "w", encoding="utf-8") as file:
            file.write(text.replace('{mailbox: "Mail::Action"}', '{mailbox: "Mail::Action", "Shop::Order": "Shop::Action"}'))
        return made

    def started(self, policies=lambda text: text, more=""):
        made = self.made(policies, more)
        status, out, err = harness.writ("check", "--config", made.world.config)
        self.assertEqual(0, status, out + err)
        made.world.start()
        return made

    def test_the_example_comes_out_as_shown(self):
        self.assertIn(json.dumps(ORDER), self.PAGE)
        made = self.started()
        token = made.world.customer_token(audience=orders.ORDERS)
        method, path, _, status, shown = orders.blocks(self.PAGE, "text")[0].strip().split(maxsplit=4)
        answer = made.world.through_gateway(token, path, method, {"If-None-Match": '"guess"', "Range": "bytes=0-9"})
        self.assertEqual((int(status), shown), (answer.status, answer.body.decode()))
        self.assertEqual("no-store", answer.headers["Cache-Control"])
        asked = made.orders.seen[-1][1]
        self.assertEqual("identity", asked["Accept-Encoding"])
        self.assertNotIn("If-None-Match", asked)
        self.assertNotIn("Range", asked)
        made.world.stop()
        permit, fulfilled = [r for r in made.records() if r.get("request_id") == answer.headers["X-Request-Id"]]
        self.assertEqual({"redact": ["/card/number", "/notes"]}, permit["obligations"])
        self.assertEqual("obligations.fulfilled", fulfilled["type"])
        self.assertEqual(permit["obligations"], json.loads(fulfilled["detail"]))

    def test_two_parties_get_what_both_may_see(self):
        made = self.started(lambda text: text.replace('@id("users-read-orders")', '@id("users-read-orders") @keep("/id, /card")'))
        answer = made.world.through_gateway(made.world.customer_token(audience=orders.ORDERS), "/orders/1")
        self.assertEqual({"id": 1, "card": {"last4": "1111"}}, answer.json())

    def test_an_observed_api_loses_nothing_and_the_record_says_what_it_would(self):
        made = self.started(more="      enforce: false\n")
        answer = made.world.through_gateway(made.world.customer_token(audience=orders.ORDERS), "/orders/1")
        self.assertEqual(ORDER, answer.json())
        made.world.stop()
        decided = [r for r in made.records() if r.get("api") == "orders" and r.get("point") == "gateway"]
        self.assertEqual([{"redact": ["/card/number", "/notes"]}], [r["obligations"] for r in decided])

    def test_an_obligation_that_cannot_be_read_is_an_error_of_check(self):
        made = self.made(lambda text: text.replace("/card/number, ", "card.number, "))
        status, out, err = harness.writ("check", "--config", made.world.config)
        self.assertNotEqual(0, status, out + err)
        self.assertIn("`@redact`: `card.number` is not a JSON pointer", out + err)

    def test_authzen_denies_what_an_enforcement_point_might_ignore(self):
        made = self.started()
        body = {"subject": {"type": "Writ::Application", "id": "support-portal"}, "action": {"name": "read"},
                "resource": {"type": "Shop::Order", "id": "1"}}
        answer = made.world.api_call(made.world.evaluator_token(), "POST", "/access/v1/evaluation", body)
        self.assertEqual(200, answer.status, answer.body)
        self.assertEqual((False, "obligation_unmet"), (answer.json()["decision"], answer.json()["context"]["reason"]))


if __name__ == "__main__":
    unittest.main()
