"""docs/configuration.md, paths that end in a verb: the routes of the page in the real binary."""
import socket
import unittest

import harness
import on_response_test as orders

SCHEMA = """namespace Shop {
  entity Order;
  action read, browse, change appliesTo { principal: [Writ::User, Writ::Application, Writ::Service, Writ::Agent], resource: Order, context: Writ::Context };
}"""
POLICIES = """@id("reads") permit (principal, action in [Shop::Action::"read", Shop::Action::"browse"], resource is Shop::Order);
@id("changes-order-7") permit (principal, action == Shop::Action::"change", resource == Shop::Order::"7");"""


class PathEnds(unittest.TestCase):
    def setUp(self):
        routes = [block for block in orders.blocks(orders.page("configuration.md"), "yaml") if ":cancel" in block]
        self.assertEqual(1, len(routes))
        self.made = orders.World(self, routes[0].rstrip("\n"), SCHEMA, POLICIES)
        status, out, err = harness.writ("check", "--config", self.made.world.config)
        self.assertEqual(0, status, out + err)
        self.made.world.start()
        self.token = self.made.world.customer_token(audience=orders.ORDERS)

    def ask(self, method, path):
        """As it stands: http.client would write some paths anew."""
        with socket.create_connection(("127.0.0.1", self.made.world.gateway_port), timeout=30) as connection:
            connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer {self.token}\r\nContent-Length: 0\r\n"
                               "Connection: close\r\n\r\n".encode())
            return int(connection.makefile("rb").read().split(b" ", 2)[1])

    def test_a_verb_is_decided_as_its_own_action_on_what_stands_before_it(self):
        for method, path, status in (("GET", "/orders/1", 200), ("POST", "/orders/7:cancel", 201), ("POST", "/orders/8:cancel", 403),
                                     ("GET", "/orders/1.pdf", 404), ("GET", "/orders/7:cancel", 405), ("POST", "/orders/7", 405),
                                     ("POST", "/orders/7%3Acancel", 404), ("POST", "/orders/7%3acancel", 404),
                                     ("POST", "/orders/:cancel", 405), ("POST", "/orders/8/7:cancel", 404),
                                     ("POST", "/orders/8/../7:cancel", 400)):
            self.assertEqual(status, self.ask(method, path), (method, path))
        self.assertEqual([("POST", "/orders/7:cancel", b"")], self.made.orders.changed)
        decided = [(record["action"], record["resource"], record["effect"]) for record in self.made.records()
                   if record["type"] == "decision" and "Shop" in record.get("action", "")]
        self.assertEqual([('Shop::Action::"read"', 'Shop::Order::"1"', "permit"), ('Shop::Action::"change"', 'Shop::Order::"7"', "permit"),
                          ('Shop::Action::"change"', 'Shop::Order::"8"', "deny"), ('Shop::Action::"browse"', 'Shop::Order::"1"', "permit")], decided)

    def test_two_parameters_in_one_segment_are_an_error_of_check(self):
        wrong = orders.World(self, """- {method: POST, path: "/orders/{order}:{verb}", action: change, resource: 'Shop::Order::"{order}"'}""",
                             SCHEMA, POLICIES)
        status, out, err = harness.writ("check", "--config", wrong.world.config)
        self.assertNotEqual(0, status)
        self.assertIn("a segment has one parameter at most, and that at its begin", out + err)


if __name__ == "__main__":
    unittest.main()
