"""docs/configuration.md, hosts: the real binary, asked under several names."""
import unittest

import harness
import on_response_test as orders

ROUTES = """- method: GET
  path: "/orders/{order}"
  action: read
  resource: 'Shop::Order::"{order}"'
- {method: GET, path: /orders/, action: list, resource: 'Shop::Order::"all"'}"""
SCHEMA = """namespace Shop {
  entity Order;
  action read, list appliesTo { principal: [Writ::User, Writ::Application, Writ::Service, Writ::Agent], resource: Order, context: Writ::Context };
}"""
POLICIES = '@id("orders") permit (principal, action in [Shop::Action::"read", Shop::Action::"list"], resource is Shop::Order);'


class Hosts(unittest.TestCase):
    def made(self, more):
        return orders.World(self, ROUTES, SCHEMA, POLICIES, more)

    def test_an_api_with_hosts_is_reached_under_them_alone(self):
        made = self.made("      hosts: [Shop.acme.example, \"*.tenants.acme.example\"]\n")
        made.world.start()
        token = made.world.customer_token(audience=orders.ORDERS)
        for host, status in (("shop.acme.example", 200), ("SHOP.acme.example:8443", 200), ("north.tenants.acme.example", 200),
                             ("a.north.tenants.acme.example", 404), ("tenants.acme.example", 404), ("evil.example", 404),
                             ("shop.acme.example.evil.example", 404), ("127.0.0.1", 404)):
            answer = made.world.through_gateway(token, "/orders/1", headers={"Host": host})
            self.assertEqual(status, answer.status, host)
        # An API without hosts is under every name.
        invoices = made.world.through_gateway(made.world.customer_token(), "/invoices/inv-1001", headers={"Host": "evil.example"})
        self.assertEqual(200, invoices.status)

    def test_a_suffix_is_for_any_number_of_labels(self):
        made = self.made("      hosts: [\"**.tenants.acme.example\"]\n")
        made.world.start()
        token = made.world.customer_token(audience=orders.ORDERS)
        for host, status in (("north.tenants.acme.example", 200), ("A.b.north.tenants.acme.example:8443", 200),
                             ("tenants.acme.example", 404), ("eviltenants.acme.example", 404),
                             ("a.tenants.acme.example.evil.example", 404)):
            answer = made.world.through_gateway(token, "/orders/1", headers={"Host": host})
            self.assertEqual(status, answer.status, host)

    def test_a_slash_is_mended_only_where_that_is_configured(self):
        made = self.made("      redirect_slashes: true\n")
        made.world.start()
        token = made.world.customer_token(audience=orders.ORDERS)
        answer = made.world.through_gateway(token, "/orders?a=1")
        self.assertEqual((308, "/orders/?a=1"), (answer.status, answer.headers["Location"]))
        self.assertEqual(404, made.world.through_gateway(token, "/invoices/inv-1001/").status)

    def test_a_host_that_is_none_and_two_routes_for_one_are_errors_of_check(self):
        wrong = self.made("      hosts: [\"https://shop.acme.example\"]\n")
        status, out, err = harness.writ("check", "--config", wrong.world.config)
        self.assertNotEqual(0, status)
        self.assertIn("`https://shop.acme.example` is not a host", out + err)
        twice = self.made("      hosts: [shop.acme.example, SHOP.acme.example]\n")
        status, out, err = harness.writ("check", "--config", twice.world.config)
        self.assertNotEqual(0, status)
        self.assertIn("host `shop.acme.example`: there is another route for this method and path", out + err)


if __name__ == "__main__":
    unittest.main()
