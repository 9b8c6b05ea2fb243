"""A provider whose keys are at a URL: a real HTTPS server, as good and as bad as providers can be, and the real binary."""
import http.server
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

import certificates
import harness

PATIENCE_SECONDS = 40
DISCOVERY = "/realms/acme/.well-known/openid-configuration"


class Provider:
    """An HTTPS server on a port of its own; `pages` is what it serves: path -> (status, headers, body), or a function."""

    def __init__(self, identity, port=None):
        self.identity, self.port = identity, port or harness.free_ports(1)[0]
        self.issuer = f"https://127.0.0.1:{self.port}/realms/acme"
        self.asked, self.pages, self.server = [], {}, None
        self.publish(DISCOVERY, {"issuer": self.issuer, "jwks_uri": self.url("/keys")})

    def url(self, path):
        return f"https://127.0.0.1:{self.port}{path}"

    def publish(self, path, json_body, headers=()):
        self.pages[path] = (200, (("Content-Type", "application/json"), *headers), json.dumps(json_body).encode())

    def start(self):
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                provider.asked.append(self.path)
                page = provider.pages.get(self.path, (404, (), b"nothing"))
                if callable(page):
                    return page(self)
                status, headers, body = page
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                return self.wfile.write(body)

            def log_message(self, *_):
                pass
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.identity)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def finish_request(self, request, address):
                try:
                    with context.wrap_socket(request, server_side=True) as secure:
                        super().finish_request(secure, address)
                except OSError:
                    pass

            def handle_error(self, *_):
                pass
        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def stop(self):
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def count(self, path="/keys"):
        return self.asked.count(path)


class IssuerKeys(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="writ-issuer-keys-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.authority = certificates.Authority(cls.folder)
        cls.identity = cls.authority.issue("idp", ["IP:127.0.0.1", "DNS:localhost"])
        cls.keys = {}
        for name in ("first", "second"):
            status, out, err = harness.writ("keys", "generate", os.path.join(cls.folder, f"{name}.jwk"))
            assert status == 0, err
            (cls.keys[name],) = json.loads(out)["keys"]

    def setUp(self):
        self.provider = Provider(self.identity)
        self.addCleanup(self.provider.stop)
        self.publish("first")

    def publish(self, *names, headers=()):
        self.provider.publish("/keys", {"keys": [self.keys[name] for name in names]}, headers)

    def world(self, more="", allow="[127.0.0.1]", issuer=None, start=True):
        def edit(text):
            text = re.sub(r"  - issuer: https://idp\.acme\.example\n(?:    .*\n)*",
                          f"  - issuer: {issuer or self.provider.issuer}\n{more}", text)
            return f"outbound: {{allow: {allow}, ca_file: {self.authority.certificate}, timeout_seconds: 2}}\n" + text
        world = harness.TestWorld(edit=edit)
        self.addCleanup(world.close)
        if start:
            world.start()
        return world

    def exchange(self, world, key="first", resource=harness.INVOICES, **claims):
        """The answer to an exchange of the provider's token about nora."""
        claims = {"iss": self.provider.issuer, "sub": "nora", "tenant": "north", "aud": world.api, **claims}
        arguments = ["token", "sign", "--key-file", os.path.join(self.folder, f"{key}.jwk")]
        for name, value in claims.items():
            arguments += ["--claim", f"{name}={value}"]
        status, out, err = harness.writ(*arguments)
        self.assertEqual(0, status, err)
        return world.token_request("support-portal", grant_type=harness.EXCHANGE, resource=resource,
                                   subject_token=out.strip(), subject_token_type="urn:ietf:params:oauth:token-type:jwt",
                                   purpose="support")

    def outcome(self, world, key="first"):
        answer = self.exchange(world, key)
        return "issued" if answer.status == 200 else f"{answer.status} {answer.reason()}"

    def status(self, world):
        answer = world.api_call(world.operator_token(), "GET", "/v1/issuers")
        self.assertEqual(200, answer.status, answer)
        (issuer,) = answer.json()["issuers"]
        return issuer

    def metric(self, world, name, more=""):
        text = world.call(world.api_port, "GET", "/metrics").body.decode()
        found = re.search(rf'^{name}{{issuer="{re.escape(self.provider.issuer)}"{more}}} (\d+)$', text, re.MULTILINE)
        self.assertIsNotNone(found, text)
        return int(found.group(1))

    def await_that(self, what, condition):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.05)

    def events(self, world):
        with open(os.path.join(world.data, "audit.log"), encoding="utf-8") as log:
            return [record for record in map(json.loads, log) if record.get("type") == "issuer.keys_changed"]

    # The way it should be.

    def test_the_issuer_alone_is_enough(self):
        self.provider.start()
        world = self.world()
        self.assertEqual("issued", self.outcome(world))
        status = self.status(world)
        self.assertEqual(("good", self.provider.url("/keys"), [self.keys["first"]["kid"]]),
                         (status["state"], status["jwks_uri"], [key["kid"] for key in status["keys"]]))
        self.assertNotIn("last_error", status)
        self.assertEqual(1, self.metric(world, "writ_issuer_keys"))
        self.assertEqual(0, self.metric(world, "writ_issuer_keys_failing"))
        (event,) = self.events(world)
        self.assertEqual((self.provider.issuer, f"added `{self.keys['first']['kid']}`"), (event["object"], event["detail"]))
        # Who may not see the inventory does not see this either.
        self.assertEqual(401, world.api_call(None, "GET", "/v1/issuers").status)
        customer = self.exchange(world, resource=world.api).json()["access_token"]
        self.assertEqual(403, world.api_call(customer, "GET", "/v1/issuers").status)

    def test_a_configured_url_needs_no_discovery(self):
        self.provider.start()
        world = self.world(f"    jwks_uri: {self.provider.url('/keys')}\n")
        self.assertEqual("issued", self.outcome(world))
        self.assertEqual(0, self.provider.count(DISCOVERY))

    def test_a_name_is_looked_up_and_its_address_judged(self):
        self.provider.start()
        named = self.provider.url("/keys").replace("127.0.0.1", "localhost")
        self.assertEqual("issued", self.outcome(self.world(f"    jwks_uri: {named}\n")))
        world = self.world(f"    jwks_uri: {named}\n", allow="[10.0.0.0/8]")
        asked = len(self.provider.asked)
        self.assertEqual("503 indeterminate", self.outcome(world))
        self.assertIn("is a loopback address", self.status(world)["last_error"]["message"])
        self.assertEqual(asked, len(self.provider.asked))

    # Rotation.

    def test_keys_rotate_while_requests_run(self):
        self.provider.start()
        world = self.world()
        outcomes, stop = [], threading.Event()

        def go_on():
            while not stop.is_set():
                outcomes.append(self.outcome(world))
        self.assertEqual("issued", self.outcome(world))
        self.publish("first", "second")
        known = threading.Thread(target=go_on)
        known.start()
        try:
            # The first token of a new key finds it.
            self.assertEqual("issued", self.outcome(world, "second"))
        finally:
            stop.set()
            known.join()
        self.assertEqual({"issued"}, set(outcomes))
        self.assertEqual(2, self.provider.count())

    def test_a_removed_key_is_gone_at_the_next_refresh(self):
        self.provider.start()
        self.publish("first", headers=(("Cache-Control", "max-age=1"),))
        world = self.world("    key_refresh: {min_seconds: 1, default_seconds: 1, max_seconds: 1}\n")
        self.assertEqual("issued", self.outcome(world))
        self.publish("second", headers=(("Cache-Control", "max-age=1"),))
        self.await_that("the key is gone", lambda: self.outcome(world) == "400 token_signature")
        self.assertEqual("issued", self.outcome(world, "second"))
        self.assertEqual(f"added `{self.keys['second']['kid']}`; removed `{self.keys['first']['kid']}`", self.events(world)[-1]["detail"])

    def test_a_flood_of_unknown_keys_asks_the_provider_twice_at_most(self):
        self.provider.start()
        world = self.world()
        self.assertEqual("issued", self.outcome(world))
        began = time.monotonic()
        for _ in range(30):
            self.assertEqual("400 token_signature", self.outcome(world, "second"))
            self.assertEqual("issued", self.outcome(world))
        # One at the start, one for the first unknown key, and then one in ten seconds.
        self.assertLessEqual(self.provider.count(), 2 + int((time.monotonic() - began) / 10 + 1))
        self.assertGreaterEqual(self.metric(world, "writ_issuer_keys_unknown_total"), 30)

    def test_nobody_known_waits_for_a_provider_that_hangs(self):
        self.provider.start()
        world = self.world()
        self.assertEqual("issued", self.outcome(world))
        release = threading.Event()
        self.addCleanup(release.set)
        self.provider.pages["/keys"] = lambda handler: release.wait(PATIENCE_SECONDS)
        waits = threading.Thread(target=self.outcome, args=(world, "second"))
        waits.start()
        self.await_that("the provider is asked", lambda: self.provider.count() == 2)
        for _ in range(20):
            self.assertEqual("issued", self.outcome(world))
        waits.join()
        self.assertEqual("kept", self.status(world)["state"])

    # Outages.

    def test_writ_starts_without_the_provider_and_says_so(self):
        world = self.world()
        self.assertEqual("503 indeterminate", self.outcome(world))
        self.assertIn("its tokens are refused until they can be", world.log_text())
        status = self.status(world)
        self.assertEqual(("no_keys", []), (status["state"], status["keys"]))
        self.assertEqual(0, self.metric(world, "writ_issuer_keys"))
        self.assertEqual(1, self.metric(world, "writ_issuer_keys_failing"))
        self.provider.start()
        self.await_that("the keys come", lambda: self.outcome(world) == "issued")
        self.assertIn("are fetched again", world.log_text())

    def test_the_last_set_is_kept_through_an_outage_and_a_restart(self):
        self.provider.start()
        world = self.world()
        self.assertEqual("issued", self.outcome(world))
        self.provider.stop()
        self.assertEqual("issued", self.outcome(world))
        world.kill_writ()
        world.start_writ()
        self.assertEqual("issued", self.outcome(world))
        self.await_that("it fails", lambda: self.status(world)["state"] == "kept")
        self.assertIn("stay in force until", world.log_text())
        # A key of nobody is still nobody's.
        self.assertEqual("400 token_signature", self.outcome(world, "second"))

    def test_a_kept_set_ends(self):
        self.provider.start()
        world = self.world("    key_refresh: {min_seconds: 1, default_seconds: 1, max_seconds: 1, keep_seconds: 3}\n")
        self.assertEqual("issued", self.outcome(world))
        self.provider.stop()
        self.await_that("the set is too old", lambda: self.outcome(world) == "503 indeterminate")
        world.kill_writ()
        world.start_writ()
        self.assertEqual("503 indeterminate", self.outcome(world))
        self.assertEqual("no_keys", self.status(world)["state"])

    def test_a_stop_does_not_wait_for_a_provider(self):
        release = threading.Event()
        self.addCleanup(release.set)
        self.provider.pages[DISCOVERY] = lambda handler: release.wait(PATIENCE_SECONDS)
        self.provider.start()
        world = self.world()
        self.await_that("the provider is asked", lambda: self.provider.asked)
        self.assertEqual(0, world.stop_writ())

    # Attacks.

    def refused(self, why, more="", **options):
        """No key of it is in force, and the operator is told why."""
        world = self.world(more, **options)
        self.assertEqual("503 indeterminate", self.outcome(world))
        self.assertIn(why, self.status(world)["last_error"]["message"])
        self.assertIn(why, world.log_text())
        return world

    def test_discovery_that_names_another_issuer_is_refused(self):
        self.provider.publish(DISCOVERY, {"issuer": self.provider.issuer + "/", "jwks_uri": self.provider.url("/keys")})
        self.provider.start()
        self.refused("is of the issuer")
        self.assertEqual(0, self.provider.count())

    def test_a_document_that_points_inside_is_not_followed(self):
        self.provider.start()
        for inside in ("http://169.254.169.254/latest/meta-data/", "https://10.0.0.1/keys", "https://[::1]/keys",
                       f"https://127.0.0.2:{self.provider.port}/keys", f"https://2130706434:{self.provider.port}/keys"):
            self.provider.publish(DISCOVERY, {"issuer": self.provider.issuer, "jwks_uri": inside})
            self.refused("only public addresses are connected to").close()
        self.assertEqual(0, self.provider.count())

    def test_a_redirect_is_not_followed(self):
        self.provider.publish("/elsewhere", {"keys": [self.keys["first"]]})
        self.provider.pages["/keys"] = (302, (("Location", self.provider.url("/elsewhere")),), b"")
        self.provider.start()
        self.refused("redirects are not followed")
        self.assertEqual(0, self.provider.count("/elsewhere"))

    def test_a_huge_set_is_refused(self):
        def endless(handler):
            handler.send_response(200)
            handler.send_header("Transfer-Encoding", "chunked")
            handler.end_headers()
            try:
                while True:
                    handler.wfile.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
            except OSError:
                pass
        self.provider.pages["/keys"] = endless
        self.provider.start()
        self.refused("the answer has more than 262144 bytes")

    def test_a_slow_set_is_given_up(self):
        def dripping(handler):
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            try:
                while True:
                    handler.wfile.write(b" ")
                    time.sleep(0.05)
            except OSError:
                pass
        self.provider.pages["/keys"] = dripping
        self.provider.start()
        self.refused("was not whole within 2000 ms")

    def test_a_server_with_another_certificate_is_not_believed(self):
        stranger = certificates.Authority(os.path.join(self.folder, "elsewhere"))
        self.provider.identity = stranger.issue("forged", ["IP:127.0.0.1"])
        self.provider.start()
        self.refused("certificate is not good")
        self.assertEqual([], self.provider.asked)

    def test_a_swapped_set_takes_effect_for_nothing_that_it_does_not_hold(self):
        self.provider.start()
        world = self.world("    key_refresh: {min_seconds: 1, default_seconds: 1, max_seconds: 1}\n")
        self.assertEqual("issued", self.outcome(world))
        for swapped in ({"keys": []}, {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": self.keys["first"]["kid"]}]}):
            count = self.provider.count()
            self.provider.publish("/keys", swapped)
            self.await_that("it is fetched", lambda before=count: self.provider.count() > before)
            self.assertEqual("issued", self.outcome(world))

    # What the configuration says.

    def test_check_stays_offline_and_tells_what_can_never_work(self):
        world = self.world(start=False)
        self.assertEqual(0, harness.writ("check", "--config", world.config)[0])
        world = self.world(allow="[10.0.0.0/8]", start=False)
        status, out, _ = harness.writ("check", "--config", world.config)
        self.assertEqual(1, status, out)
        self.assertIn("will not be connected to: 127.0.0.1 is a loopback address", out)

    def test_a_key_file_is_read_again_at_a_reload(self):
        file = os.path.join(self.folder, "file.jwks.json")

        def write(*names):
            with open(file + ".new", "w", encoding="utf-8") as out:
                json.dump({"keys": [self.keys[name] for name in names]}, out)
            os.replace(file + ".new", file)
        for how in ("signal", "watch"):
            write("first")
            world = self.world(f"    jwks_file: {file}\n", start=False)
            if how == "watch":
                with open(world.config, encoding="utf-8") as config:
                    text = config.read().replace("  files: [policies]", "  files: [policies]\n  watch: true")
                with open(world.config, "w", encoding="utf-8") as config:
                    config.write(text)
            world.start()
            self.assertEqual(("issued", "400 token_signature"), (self.outcome(world), self.outcome(world, "second")))
            write("second")
            if how == "signal":
                world.server.send_signal(signal.SIGHUP)
            self.await_that("the new key is good", lambda now=world: self.outcome(now, "second") == "issued")
            self.assertEqual("400 token_signature", self.outcome(world))
            self.assertEqual([self.keys["second"]["kid"]], [key["kid"] for key in self.status(world)["keys"]])
            self.assertEqual(1, len(self.events(world)))
            # What cannot be used leaves in force what is.
            with open(file, "w", encoding="utf-8") as out:
                out.write("{")
            world.server.send_signal(signal.SIGHUP)
            self.await_that("it is refused", lambda now=world: "what is in force stays in force" in now.log_text())
            self.assertEqual("issued", self.outcome(world, "second"))

    def test_writs_own_metadata_is_where_rfc_8414_puts_it_for_an_issuer_with_a_path(self):
        self.provider.start()
        world = harness.TestWorld(edit=lambda text: re.sub(r"(?m)^issuer: (\S+)", r"issuer: \1/tenants/writ", text))
        self.addCleanup(world.close)
        world.start()
        for path in ("/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/tenants/writ"):
            answer = world.call(world.api_port, "GET", path)
            self.assertEqual((200, world.api + "/tenants/writ"), (answer.status, answer.json()["issuer"]))
        self.assertEqual(404, world.call(world.api_port, "GET", "/.well-known/oauth-authorization-server/other").status)


if __name__ == "__main__":
    unittest.main()
