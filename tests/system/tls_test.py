"""TLS on both sides of the gateway, with the real binary: curl, openssl s_client and Python's ssl as callers and as the API."""
import http.client
import http.server
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

import certificates
import harness

READ = "/invoices/inv-1001"
PATIENCE_SECONDS = 20


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="writ-tls-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.authority = certificates.Authority(cls.folder)

    def identity(self, names=("DNS:api.acme.example", "IP:127.0.0.1"), **options):
        return self.authority.issue(f"{self.id()}-{len(os.listdir(self.folder))}", names, **options)

    def gateway_with(self, identities, more="", watch=False):
        """The gateway's listener as a map."""
        listed = ", ".join(f"{{chain: {chain}, key: {key}}}" for chain, key in identities)

        def edit(text):
            if watch:
                text = text.replace("  files: [policies]", "  files: [policies]\n  watch: true")
            return re.sub(r"  gateway: (\S+).*", rf"  gateway:\n    address: \1\n    tls:\n      certificates: [{listed}]\n{more}", text)
        return edit

    def world(self, edit, start=True):
        world = harness.TestWorld(edit=edit)
        self.addCleanup(world.close)
        if start:
            world.start()
        return world

    def curl(self, world, *arguments, token=None):
        authorization = ["-H", f"Authorization: Bearer {token}"] if token else []
        run = subprocess.run(["curl", "-sS", "--max-time", "20", "--cacert", self.authority.certificate, "-o", "/dev/null", "-w",
                              "%{http_code} %{http_version}", "--resolve", f"api.acme.example:{world.gateway_port}:127.0.0.1",
                              *authorization, *arguments, f"https://api.acme.example:{world.gateway_port}{READ}"],
                             capture_output=True, text=True, check=False)
        return run.returncode, run.stdout

    def test_a_certificate_for_development_is_trusted_by_its_own_ca(self):
        folder = os.path.join(self.folder, "development")
        for _ in range(2):  # the second one takes the place of the first
            status, out, err = harness.writ("dev-certificate", folder)
            self.assertEqual((0, ""), (status, err))
        listener = next(line.strip() for line in out.splitlines() if line.startswith("  tls: "))
        world = self.world(lambda text: re.sub(r"  gateway: (\S+).*", rf"  gateway: {{address: \1, {listener}}}", text))
        for name in ("localhost", "127.0.0.1"):
            run = subprocess.run(["curl", "-sS", "--max-time", "20", "--cacert", os.path.join(folder, "ca.pem"), "-o", "/dev/null", "-w",
                                  "%{http_code}", "-H", f"Authorization: Bearer {world.customer_token()}",
                                  f"https://{name}:{world.gateway_port}{READ}"], capture_output=True, text=True, check=False)
            self.assertEqual((0, "200"), (run.returncode, run.stdout), run.stderr)
        context = ssl.create_default_context(cafile=os.path.join(folder, "ca.pem"))
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        connection = http.client.HTTPSConnection("localhost", world.gateway_port, timeout=20, context=context)
        self.addCleanup(connection.close)
        connection.request("GET", READ, headers={"Authorization": f"Bearer {world.customer_token()}"})
        self.assertEqual(200, connection.getresponse().status)
        self.assertEqual(60, self.curl(world)[0])  # another CA has not signed it
        self.assertEqual(0o600, os.stat(os.path.join(folder, "server.key")).st_mode & 0o777)

    def test_a_name_that_no_certificate_can_have_is_an_error(self):
        folder = os.path.join(self.folder, "none")
        status, _, err = harness.writ("dev-certificate", folder, "--name", "a,DNS:b")
        self.assertEqual(2, status)
        self.assertIn("`a,DNS:b` is not a host name or an address", err)
        self.assertFalse(os.path.exists(folder))

    def s_client(self, world, *arguments):
        run = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{world.gateway_port}", "-CAfile",
                              self.authority.certificate, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                             errors="replace", timeout=30, check=False)
        return run.stdout + run.stderr

    def serial(self, world):
        with socket.create_connection(("127.0.0.1", world.gateway_port), timeout=10) as plain:
            context = ssl.create_default_context(cafile=self.authority.certificate)
            with context.wrap_socket(plain, server_hostname="api.acme.example") as secure:
                return secure.getpeercert()["serialNumber"]

    def await_that(self, what, condition):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.05)

    # Listeners.

    def test_a_permitted_call_passes_over_tls(self):
        world = self.world(self.gateway_with([self.identity()]))
        token = world.customer_token()
        self.assertEqual((0, "200 2"), self.curl(world, token=token))
        self.assertEqual((0, "200 2"), self.curl(world, "--tls-max", "1.2", token=token))
        self.assertEqual((0, "401 2"), self.curl(world))
        self.assertIn(f"gateway on https://127.0.0.1:{world.gateway_port}", world.log_text())

    def test_the_profile_is_mozillas_intermediate(self):
        world = self.world(self.gateway_with([self.identity()]))
        self.assertIn("TLSv1.3", self.s_client(world, "-brief"))
        self.assertIn("TLSv1.2", self.s_client(world, "-brief", "-tls1_2"))
        for refused in (["-tls1_1"], ["-tls1"], ["-tls1_2", "-cipher", "AES128-GCM-SHA256"], ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"]):
            shown = self.s_client(world, *refused, *(["-cipher", "ALL:@SECLEVEL=0"] if len(refused) == 1 else []))
            self.assertIn("Cipher is (NONE)", shown, refused)
        self.assertIn("ALPN protocol: h2", self.s_client(world, "-alpn", "http/1.1,h2"))
        self.assertIn("ALPN protocol: http/1.1", self.s_client(world, "-alpn", "http/1.1"))
        self.assertIn("no application protocol", self.s_client(world, "-alpn", "h3"))

    def test_the_certificate_is_chosen_by_name(self):
        world = self.world(self.gateway_with([self.identity(["DNS:api.acme.example"]), self.identity(["DNS:*.other.example"])]))
        for asked, shown in (("api.acme.example", "api.acme.example"), ("a.other.example", "*.other.example"),
                             ("a.b.other.example", "api.acme.example"), ("nobody.example", "api.acme.example")):
            self.assertRegex(self.s_client(world, "-servername", asked), rf"subject=CN ?= ?{re.escape(shown)}", asked)

    def test_a_client_certificate_is_required_where_that_is_configured(self):
        more = f"      client_certificates: required\n      client_ca: {self.authority.certificate}\n"
        world = self.world(self.gateway_with([self.identity()], more))
        token = world.customer_token()
        chain, key = self.identity(["DNS:caller.example"])
        self.assertEqual((0, "200 2"), self.curl(world, "--cert", chain, "--key", key, token=token))
        self.assertNotEqual(0, self.curl(world, token=token)[0])
        stranger = certificates.Authority(os.path.join(self.folder, "elsewhere"))
        chain, key = stranger.issue("forged", ["DNS:caller.example"])
        self.assertNotEqual(0, self.curl(world, "--cert", chain, "--key", key, token=token)[0])

    def test_plain_http_is_told_to_use_tls(self):
        world = self.world(self.gateway_with([self.identity()]))
        answer = harness.raw(world.gateway_port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)
        self.assertIn(b"`https`", answer)

    # Certificates change and end.

    def test_certificates_are_replaced_at_sighup_and_no_connection_is_cut(self):
        identity = self.identity()
        world = self.world(self.gateway_with([identity]))
        token = world.customer_token()
        context = ssl.create_default_context(cafile=self.authority.certificate)
        kept = http.client.HTTPSConnection("127.0.0.1", world.gateway_port, context=context, timeout=20)
        self.addCleanup(kept.close)
        kept.request("GET", READ, headers={"Authorization": f"Bearer {token}"})
        answer = kept.getresponse()
        self.assertEqual((200, True), (answer.status, len(answer.read()) > 0))
        before, socket_before = self.serial(world), kept.sock
        self.identity(replace=identity)
        self.assertEqual(before, self.serial(world))
        world.server.send_signal(signal.SIGHUP)
        self.await_that("new connections get the new certificate", lambda: self.serial(world) != before)
        kept.request("GET", READ, headers={"Authorization": f"Bearer {token}"})
        self.assertEqual(200, kept.getresponse().status)
        self.assertIs(socket_before, kept.sock)

    def test_certificates_are_replaced_by_the_watch(self):
        identity = self.identity()
        world = self.world(self.gateway_with([identity], watch=True))
        before = self.serial(world)
        self.identity(replace=identity)
        self.await_that("the watch sees the new certificate", lambda: self.serial(world) != before)

    def test_what_cannot_be_used_leaves_in_force_what_is(self):
        identity = self.identity()
        world = self.world(self.gateway_with([identity]))
        before = self.serial(world)
        shutil.copy(self.identity()[0], identity[0])  # another key's
        world.server.send_signal(signal.SIGHUP)
        self.await_that("the reload is refused", lambda: "what is in force stays in force" in world.log_text())
        self.assertIn("the key is not that of the first certificate", world.log_text())
        self.assertEqual(before, self.serial(world))

    def test_a_certificate_that_ends_soon_is_warned_of_and_measured(self):
        world = self.world(self.gateway_with([self.identity(days=3)]))
        status, out, _ = harness.writ("check", "--config", world.config)
        self.assertEqual(0, status, out)
        self.assertIn("warning: the certificate of `api.acme.example, 127.0.0.1` ends at", out)
        metrics = world.call(world.api_port, "GET", "/metrics").body.decode()
        ends = re.search(r'^writ_tls_certificate_end_seconds\{listener="gateway",certificate="1",name="api.acme.example"\} (\d+)$', metrics,
                         re.MULTILINE)
        self.assertIsNotNone(ends, metrics)
        self.assertAlmostEqual(time.time() + 3 * 86_400, int(ends.group(1)), delta=3600)

    def test_a_private_key_that_anyone_may_read_is_refused(self):
        identity = self.identity()
        world = self.world(self.gateway_with([identity]), start=False)
        for mode, why in ((0o644, "may be read by anyone"), (0o620, "may be written by a group"), (0o602, "may be written by anyone")):
            os.chmod(identity[1], mode)
            status, out, _ = harness.writ("check", "--config", world.config)
            self.assertEqual(1, status, out)
            self.assertIn(why, out)
        os.chmod(identity[1], 0o640)
        self.assertEqual(0, harness.writ("check", "--config", world.config)[0])

    def test_mistakes_are_told_with_their_place(self):
        good, other = self.identity(), self.identity()
        no_key = shutil.copy(other[0], other[0] + ".copy")
        os.chmod(no_key, 0o600)
        for identity, more, why in (((good[0], other[1]), "", "the key is not that of the first certificate"),
                                    ((good[0], no_key), "", "expected an unencrypted private key"),
                                    ((good[0] + ".absent", good[1]), "", "cannot read"),
                                    (good, "      client_certificates: required\n", "`client_ca` is missing"),
                                    (good, f"      client_ca: {self.authority.certificate}\n", "`client_ca` is not used"),
                                    (good, "    proxy_protocol: true\n", "nobody could connect")):
            world = self.world(self.gateway_with([identity], more), start=False)
            status, out, _ = harness.writ("check", "--config", world.config)
            self.assertEqual(1, status, out)
            self.assertRegex(out, r"writ\.yaml:\d+:\d+: error: .*" + re.escape(why))

    # Upstreams.

    def upstream(self, identity, client_ca=None):
        """An API over TLS; what it was asked for stands in `seen`."""
        seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                seen.append((self.client_address[1], self.headers["Host"]))
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                pass
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*identity)
        if client_ca:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def finish_request(self, request, address):
                try:
                    with context.wrap_socket(request, server_side=True) as secure:
                        super().finish_request(secure, address)
                except OSError:
                    pass

            def handle_error(self, *_):
                pass
        server = Server(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server.server_port, seen

    def behind(self, port, tls, host="127.0.0.1"):
        return lambda text: re.sub(r"( +)upstream: \S+", rf"\1upstream: https://{host}:{port}\n\1upstream_tls: {tls}" if tls else
                                   rf"\1upstream: https://{host}:{port}", text)

    def test_an_upstream_proves_who_it_is_and_its_connection_is_used_again(self):
        port, seen = self.upstream(self.identity())
        world = self.world(self.behind(port, f"{{ca: {self.authority.certificate}}}"))
        token = world.customer_token()
        for _ in range(8):
            self.assertEqual(200, world.through_gateway(token, READ).status)
        self.assertEqual({f"127.0.0.1:{port}"}, {host for _, host in seen})
        self.assertLess(len({source for source, _ in seen}), 8)

    def test_an_upstream_that_the_system_does_not_trust_is_not_asked(self):
        port, seen = self.upstream(self.identity())
        world = self.world(self.behind(port, None))
        answer = world.through_gateway(world.customer_token(), READ)
        self.assertEqual((502, "upstream_unreachable"), (answer.status, answer.json()["error"]))
        self.assertIn("the peer's certificate is not good", world.log_text())
        self.assertEqual([], seen)

    def test_an_upstream_of_another_name_is_not_asked(self):
        port, seen = self.upstream(self.identity(["DNS:other.example"]))
        ca = self.authority.certificate
        world = self.world(self.behind(port, f"{{ca: {ca}}}"))
        self.assertEqual(502, world.through_gateway(world.customer_token(), READ).status)
        self.assertEqual([], seen)
        named = self.world(self.behind(port, f"{{ca: {ca}, server_name: other.example}}"))
        self.assertEqual(200, named.through_gateway(named.customer_token(), READ).status)

    def test_writ_shows_its_certificate_to_an_upstream_that_asks(self):
        ca = self.authority.certificate
        port, seen = self.upstream(self.identity(), client_ca=ca)
        chain, key = self.identity(["DNS:writ.acme.example"])
        world = self.world(self.behind(port, f"{{ca: {ca}, chain: {chain}, key: {key}}}"))
        self.assertEqual(200, world.through_gateway(world.customer_token(), READ).status)
        without = self.world(self.behind(port, f"{{ca: {ca}}}"))
        self.assertEqual(502, without.through_gateway(without.customer_token(), READ).status)
        self.assertEqual(1, len(seen))


if __name__ == "__main__":
    unittest.main()
