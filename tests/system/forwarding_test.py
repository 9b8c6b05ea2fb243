"""What reaches an API is what was decided on: the real binary in front of a listener that keeps what it got."""
import os
import unittest

import harness

READ = "/invoices/inv-1001"


def with_lists(text):
    """Acme's invoices API, which reads a field and takes a parameter of its own."""
    return text.replace("      namespace: Billing\n",
                        "      namespace: Billing\n      forward_headers: [X-Custom, Cookie]\n      query: [page, key]\n")


class Forwarding(unittest.TestCase):
    def test_the_api_gets_what_its_lists_name_and_the_operator_learns_what_it_does_not_get(self):
        with harness.Listener() as listener:
            world = harness.TestWorld(lambda text: listener.serve_in(with_lists(text)))
            self.addCleanup(world.close)
            world.start()
            token = world.customer_token()
            refused = {"?page=1&size=2": "`size`", "?access_token=t": "`access_token`", "?page=1;_method=DELETE": "`_method`"}
            for query, name in refused.items():
                answer = world.through_gateway(token, READ + query)
                self.assertEqual((400, "invalid_request"), (answer.status, answer.json()["error"]), answer)
                self.assertIn(name, answer.json()["message"])
            answer = world.through_gateway(token, READ, headers={"Connection": "close, X-Custom"})
            self.assertEqual((400, "malformed_request"), (answer.status, answer.json()["error"]), answer)

            answer = world.through_gateway(token, READ + "?page=%2B+%c3%bc&key=k", headers={
                "X-Custom": "1", "Cookie": "a=b", "Accept": "text/plain", "Content_Type": "text/html", "X-Username": "root",
                "Private-Token": "t", "X_Custom": "2"})
            self.assertEqual(204, answer.status, answer)
            self.assertIn(f"GET {READ}?page=%2B+%c3%bc&key=k HTTP/1.1", listener.head.decode().split("\r\n"))
            for name, value in {"x-custom": "1", "cookie": "a=b", "accept": "text/plain", "content_type": None,
                                "x-username": None, "private-token": None, "x_custom": None}.items():
                self.assertEqual(value, listener.header(name), name)

            log = world.log_text()
            self.assertIn("the header field `X-Username` of a request to API `invoices` was not forwarded", log)
            metrics = world.call(world.api_port, "GET", "/metrics").body.decode()
            self.assertIn("\nwrit_gateway_fields_left_out_total 4\n", metrics)
            self.assertIn('\nwrit_gateway_requests_total{result="malformed"} 4\n', metrics)

            question = {"request": f"GET {READ}", "headers": ["Accept", "X-Custom", "X-Other"],
                        "token": {"sub": "nora", "client_id": "support-portal", "purpose": "support", "tenant": "north"}}
            answer = world.api_call(world.operator_token(), "POST", "/v1/decide", question)
            self.assertEqual(["X-Other"], answer.json().get("left_out"), answer)

    def test_lists_that_cannot_be_are_errors_with_their_place(self):
        cases = {
            "      forward_headers: [X-Custom, X-User-Id]\n": "`X-User-Id` cannot be forwarded",
            "      forward_headers: [Authorization]\n": "`Authorization` cannot be forwarded: Writ answers for it",
            "      forward_headers: [Transfer-Encoding]\n": "`Transfer-Encoding` cannot be forwarded: it is of the connection",
            "      forward_headers: [Content_Type]\n": "`Content_Type` cannot be forwarded: a name has 1 to 64 letters",
            "      query: [page, _method]\n": "`_method` cannot be taken",
            "      query: [a b]\n": "`a b` cannot be a query parameter's name",
        }
        world = harness.TestWorld()
        self.addCleanup(world.close)
        with open(os.path.join(world.folder, "writ.yaml"), encoding="utf-8") as file:
            text = file.read()
        line = text[:text.index("      namespace: Billing\n")].count("\n") + 2
        for addition, message in cases.items():
            with self.subTest(addition=addition):
                config = os.path.join(world.folder, "wrong.yaml")
                with open(config, "w", encoding="utf-8") as file:
                    file.write(text.replace("      namespace: Billing\n", "      namespace: Billing\n" + addition))
                status, out, err = harness.writ("check", "--config", config)
                self.assertNotEqual(0, status)
                self.assertIn(message, out + err)
                self.assertIn(f"wrong.yaml:{line}:", out + err)

    def test_explain_tells_which_fields_the_api_does_not_get(self):
        world = harness.TestWorld(with_lists)
        self.addCleanup(world.close)
        config = os.path.join(world.folder, "writ.yaml")
        ask = ["explain", "--config", config, "--request", f"GET {READ}", "--sub", "nora", "--client", "support-portal",
               "--purpose", "support", "--tenant", "north", "--header", "X-Custom", "--header", "X-Other"]
        status, out, err = harness.writ(*ask)
        self.assertEqual(0, status, err)
        self.assertIn("the API does not get X-Other", out)


if __name__ == "__main__":
    unittest.main()
