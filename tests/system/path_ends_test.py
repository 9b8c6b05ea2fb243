"""docs/configuration.md, paths that end in a verb and the rest of a path: the routes of the page in the real binary."""
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


class OfThePage(unittest.TestCase):
    """Its routes that have this in them."""
    SIGN = None

    def setUp(self):
        routes = [block for block in orders.blocks(orders.page("configuration.md"), "yaml") if self.SIGN in block]
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

    def decided(self):
        return [(record["action"], record["resource"], record["effect"]) for record in self.made.records()
                if record["type"] == "decision" and "Shop" in record.get("action", "")]


class PathEnds(OfThePage):
    SIGN = ":cancel"

    def test_a_verb_is_decided_as_its_own_action_on_what_stands_before_it(self):
        for method, path, status in (("GET", "/orders/1", 200), ("POST", "/orders/7:cancel", 201), ("POST", "/orders/8:cancel", 403),
                                     ("GET", "/orders/1.pdf", 404), ("GET", "/orders/7:cancel", 405), ("POST", "/orders/7", 405),
                                     ("POST", "/orders/7%3Acancel", 404), ("POST", "/orders/7%3acancel", 404),
                                     ("POST", "/orders/:cancel", 405), ("POST", "/orders/8/7:cancel", 404), ("GET", "/v2/orders/1", 200), ("GET", "/%762/orders/1", 200),
                                     ("GET", "/v/orders/1", 404), ("GET", "/V2/orders/1", 404), ("GET", "/v%2E./orders/1", 200),
                                     ("GET", "/v%2F/orders/1", 400),
                                     ("POST", "/orders/8/../7:cancel", 400)):
            self.assertEqual(status, self.ask(method, path), (method, path))
        self.assertEqual([("POST", "/orders/7:cancel", b"")], self.made.orders.changed)
        self.assertEqual([('Shop::Action::"read"', 'Shop::Order::"1"', "permit"), ('Shop::Action::"change"', 'Shop::Order::"7"', "permit"),
                          ('Shop::Action::"change"', 'Shop::Order::"8"', "deny"), ('Shop::Action::"browse"', 'Shop::Order::"1"', "permit"),
                          *[('Shop::Action::"read"', 'Shop::Order::"1"', "permit")] * 3], self.decided())

    def test_two_parameters_in_one_segment_are_an_error_of_check(self):
        wrong = orders.World(self, """- {method: POST, path: "/orders/{order}:{verb}", action: change, resource: 'Shop::Order::"{order}"'}""",
                             SCHEMA, POLICIES)
        status, out, err = harness.writ("check", "--config", wrong.world.config)
        self.assertNotEqual(0, status)
        self.assertIn("a segment has one parameter at most", out + err)


class TheRestOfAPath(OfThePage):
    SIGN = "/static/**"

    def test_whatever_is_below_a_path_is_decided_by_its_route_under_the_rest_of_the_path(self):
        for path, status in (("/static/a.css", 404), ("/static/css/%61.css", 404), ("/static/private/keys", 403), ("/static/index.html", 404),
                             ("/static/a%2Bb/c", 404)):
            self.assertEqual(status, self.ask("GET", path), path)
        read, browse, change = ('Shop::Action::"%s"' % name for name in ("read", "browse", "change"))
        self.assertEqual([(browse, 'Shop::Order::"a.css"', "permit"), (browse, 'Shop::Order::"css/a.css"', "permit"),
                          (change, 'Shop::Order::"keys"', "deny"), (read, 'Shop::Order::"index"', "permit"),
                          (browse, 'Shop::Order::"a+b/c"', "permit")], self.decided())
        self.assertEqual(["/static/a.css", "/static/css/a.css", "/static/index.html", "/static/a%2Bb/c"],
                         [path for path, _ in self.made.orders.seen])

    def test_nothing_leads_out_of_it_and_a_slash_at_the_end_is_another_path(self):
        for path, status in (("/static", 404), ("/static/", 404), ("/static/css/", 404), ("/static/../orders", 400),
                             ("/static/%2e%2e/orders", 400), ("/static/..%2Forders", 400), ("/static/a//b", 400), ("/static/a%5C..%5Cb", 400),
                             ("/static/..;/orders", 400), ("/static/.%252e/orders", 400), ("/static/a%00.css", 400)):
            self.assertEqual(status, self.ask("GET", path), path)
        self.assertEqual(([], []), (self.decided(), self.made.orders.seen))

    def test_a_rest_before_the_end_and_two_that_overlap_are_errors_of_check(self):
        for path, message in (("/static/**/{a}", "nothing but a slash may stand behind `**`"),
                              ("/{folder}/list", "match the same paths, and neither is more specific")):
            routes = f"""- {{method: GET, path: "/static/**", action: read, resource: 'Shop::Order::"{{**}}"'}}
- {{method: GET, path: "{path}", action: read, resource: 'Shop::Order::"all"'}}"""
            wrong = orders.World(self, routes, SCHEMA, POLICIES)
            status, out, err = harness.writ("check", "--config", wrong.world.config)
            self.assertNotEqual(0, status)
            self.assertIn(message, out + err)


del OfThePage

if __name__ == "__main__":
    unittest.main()
