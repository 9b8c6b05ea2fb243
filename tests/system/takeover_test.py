"""Listening sockets that somebody else holds (socket activation), or that the next process takes over (`--inherit`): an upgrade under
load refuses nobody."""
import fcntl
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

import durability_test
import harness


def listening(port):
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", port))
    held.listen(1024)
    return held


class Held:
    """A world whose listeners this process holds, as systemd does."""

    def __init__(self, case, more=()):
        self.world = harness.TestWorld()
        case.addCleanup(self.world.close)
        os.makedirs(self.world.data, exist_ok=True)
        self.world.start_upstream()
        self.sockets = [listening(port) for port in (self.world.api_port, self.world.gateway_port, *more)]
        for each in self.sockets:
            case.addCleanup(each.close)

    def serve(self):
        """A new process, which may still be waiting for the one before to end."""
        # Above those that they become.
        given = [fcntl.fcntl(each, fcntl.F_DUPFD, 100) for each in self.sockets]
        moves = " ".join(f"{3 + number}<&{descriptor}" for number, descriptor in enumerate(given))
        with open(os.path.join(self.world.data, "writ.log"), "ab") as log:
            process = subprocess.Popen(
                ["bash", "-c", f'exec {moves}; LISTEN_PID=$$ LISTEN_FDS={len(given)} exec "$@"', "writ", harness.WRIT, "serve",
                 "--config", self.world.config, "--data", self.world.data],
                stdout=log, stderr=log, pass_fds=given)
        for descriptor in given:
            os.close(descriptor)
        self.world.server = process
        return process

    def start(self):
        self.serve()
        self.world.await_answer("Writ", self.world.server, self.world.api_port, "/readyz", status=200)

    def log(self):
        return self.world.log_text()


class Client(threading.Thread):
    """Asks again and again, each time on a new connection, until it is told to end."""

    def __init__(self, port, token):
        super().__init__(daemon=True)
        self.port, self.token = port, token
        self.answers, self.failures, self.over = 0, [], threading.Event()

    def run(self):
        while not self.over.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            try:
                connection.request("GET", "/invoices/inv-1001", headers={"Authorization": f"Bearer {self.token}"})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    self.failures.append(answer.status)
                self.answers += 1
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
            finally:
                connection.close()


def load(world, clients=8):
    """Clients that ask until they are told to end."""
    made = [Client(world.gateway_port, world.customer_token()) for _ in range(clients)]
    for client in made:
        client.start()
    return made


def answered(clients, more):
    """Waits until each has so many more answers, or has failed."""
    wanted = [client.answers + more for client in clients]
    while any(client.answers < want and not client.failures for client, want in zip(clients, wanted)):
        time.sleep(0.005)


def failures_of(clients):
    for client in clients:
        client.over.set()
    for client in clients:
        client.join()
    return [failure for client in clients for failure in client.failures]


class Inherit(unittest.TestCase):
    def setUp(self):
        self.world = harness.TestWorld()
        self.addCleanup(self.world.close)

    def inherit(self, config=None):
        if self.world.server is not None and self.world.server.poll() is None:
            self.place()
        with open(os.path.join(self.world.data, "writ.log"), "ab") as log:
            return subprocess.Popen([harness.WRIT, "serve", "--config", config or self.world.config, "--data", self.world.data, "--inherit"],
                                    stdout=log, stderr=log)

    def test_an_upgrade_under_load_refuses_nobody(self):
        self.world.start()
        clients = load(self.world)
        answered(clients, 5)
        for _ in range(3):
            before = self.world.server
            self.world.server = self.inherit()
            self.assertEqual(0, before.wait(120), self.world.log_text())
            answered(clients, 5)
        self.assertEqual([], failures_of(clients), self.world.log_text())
        self.assertIn("writ: another process takes over, stopping", self.world.log_text())
        self.assertIn("writ: has taken over from the process before", self.world.log_text())

    def test_a_configuration_with_a_mistake_takes_nothing_over(self):
        self.world.start()
        wrong = os.path.join(self.world.folder, "wrong.yaml")
        with open(self.world.config, encoding="utf-8") as good, open(wrong, "w", encoding="utf-8") as file:
            file.write(good.read() + "\nno_such_key: 1\n")
        self.assertNotEqual(0, self.inherit(wrong).wait(60))
        self.assertIsNone(self.world.server.poll())
        self.assertEqual(200, self.world.through_gateway(self.world.customer_token(), "/invoices/inv-1001").status)

    def test_where_no_process_runs_it_starts_as_usual(self):
        os.makedirs(self.world.data, exist_ok=True)
        self.world.start_upstream()
        for _ in range(2):  # the second time after one that could say nothing
            self.world.server = self.inherit()
            self.world.await_answer("Writ", self.world.server, self.world.api_port, "/readyz", status=200)
            self.assertEqual(200, self.world.through_gateway(self.world.customer_token(), "/invoices/inv-1001").status)
            self.world.kill_writ()
        self.assertEqual(2, self.world.log_text().count("no process runs with this data folder"))

    def test_a_listener_that_is_not_configured_any_more_is_closed(self):
        self.world.start()
        other, = harness.free_ports(1)
        with open(self.world.config, encoding="utf-8") as file:
            text = file.read()
        with open(self.world.config, "w", encoding="utf-8") as file:
            file.write(text.replace(f"127.0.0.1:{self.world.gateway_port}", f"127.0.0.1:{other}"))
        before, self.world.server = self.world.server, self.inherit()
        self.assertEqual(0, before.wait(120))
        self.world.await_answer("Writ", self.world.server, self.world.api_port, "/readyz", status=200)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.world.gateway_port))
        self.assertEqual(200, self.world.call(other, "GET", "/invoices/inv-1001",
                                              {"Authorization": f"Bearer {self.world.customer_token()}"}).status)

    def taker(self):
        """A process that comes, and says what the test says."""
        made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(made.close)
        made.settimeout(60)
        made.connect(self.place())
        return made

    def place(self):
        """Where the sockets are offered: a moment after Writ is ready."""
        place = os.path.join(self.world.data, "takeover")
        while not os.path.exists(place):
            self.assertIsNone(self.world.server.poll(), self.world.log_text())
            time.sleep(0.01)
        return place

    def sockets_of(self, taker):
        taker.sendall(b"take over 2\n")
        word, given, _, _ = socket.recv_fds(taker, 1, 64)
        for each in given:
            self.addCleanup(os.close, each)
        self.assertEqual((b"S", 2), (word, len(given)))

    def ask(self):
        return self.world.through_gateway(self.world.customer_token(), "/invoices/inv-1001").status

    def test_whoever_asks_for_something_else_gets_nothing(self):
        self.world.start()
        for said in (b"take over 1\n", b"take over 3\n", b"take over 2", b"take", b"\0" * 64, b"go\n", b"listening\n"):
            with self.taker() as stranger:
                stranger.sendall(said)
                data, given, _, _ = socket.recv_fds(stranger, 1, 64)
                self.assertEqual((b"", []), (data, given), said)
        self.assertIsNone(self.world.server.poll())
        self.assertEqual(200, self.ask())

    @unittest.skipUnless(os.geteuid() == 0, "only root can be somebody else")
    def test_another_user_gets_nothing_though_he_reaches_the_socket(self):
        self.world.start()
        for place in (self.place(), self.world.data, self.world.folder):
            os.chmod(place, 0o777)
        program = """
import contextlib, os, socket, sys
os.chdir(sys.argv[1])
os.setgroups([]), os.setgid(65534), os.setuid(65534)
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as taker:
    taker.connect("takeover")
    got = (b"", [])
    with contextlib.suppress(ConnectionError):  # it was closed before, or with what was sent unread
        taker.sendall(b"take over 2\\n")
        got = socket.recv_fds(taker, 1, 64)[:2]
    print(got)
"""
        run = subprocess.run([sys.executable, "-c", program, self.world.data], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual("(b'', [])\n", run.stdout, run.stderr)
        self.assertIsNone(self.world.server.poll())

    def test_a_taker_that_dies_with_the_sockets_before_it_says_go_changes_nothing(self):
        self.world.start()
        for _ in range(2):
            with self.taker() as taker:
                self.sockets_of(taker)
        self.assertEqual(200, self.ask())
        self.assertIsNone(self.world.server.poll())
        self.assertNotIn("takes over", self.world.log_text())

    def test_a_taker_that_says_nothing_hinders_no_other_one(self):
        self.world.start()
        silent = self.taker()
        before, self.world.server = self.world.server, self.inherit()
        self.assertEqual(0, before.wait(120), self.world.log_text())
        self.assertEqual(b"", silent.recv(16))
        self.assertEqual(200, self.ask())

    def test_when_the_taker_dies_half_way_the_process_before_goes_on(self):
        self.world.start()
        clients = load(self.world)
        answered(clients, 5)
        for _ in range(2):
            taker = self.taker()
            self.sockets_of(taker)
            taker.sendall(b"go\n")
            self.assertEqual(b"ended\n", taker.recv(16))
            taker.close()
            answered(clients, 5)
        self.assertEqual([], failures_of(clients), self.world.log_text())
        self.assertIsNone(self.world.server.poll())
        self.assertIn("writ: the process that took over has ended before it listened; this one starts again", self.world.log_text())
        # And gives them to one that does better.
        before, self.world.server = self.world.server, self.inherit()
        self.assertEqual(0, before.wait(120), self.world.log_text())
        self.assertEqual(200, self.ask())

    @unittest.skipIf("/asan/" in harness.WRIT or "/tsan/" in harness.WRIT, "a sanitizer wants to be loaded before faketime")
    def test_a_process_that_cannot_start_after_it_took_over_leaves_the_callers_to_the_one_before(self):
        self.world.start()
        clients = load(self.world)
        answered(clients, 5)
        with open(os.path.join(self.world.data, "writ.log"), "ab") as log:
            # Its clock is wrong, which is seen when the audit log is open.
            fails = subprocess.run([*durability_test.clock_ahead("-1d"), harness.WRIT, "serve", "--config", self.world.config,
                                    "--data", self.world.data, "--inherit"], stdout=log, stderr=log, timeout=120, check=False)
        self.assertNotEqual(0, fails.returncode)
        answered(clients, 5)
        self.assertEqual([], failures_of(clients), self.world.log_text())
        self.assertIsNone(self.world.server.poll())
        self.assertIn("this one starts again", self.world.log_text())

    def test_an_address_that_is_taken_is_known_before_the_process_before_ends(self):
        self.world.start()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            other = os.path.join(self.world.folder, "other.yaml")
            with open(self.world.config, encoding="utf-8") as good, open(other, "w", encoding="utf-8") as file:
                file.write(good.read().replace("\nlisten:\n", f"\nlisten:\n  operator: 127.0.0.1:{port}\n"))
            self.assertNotEqual(0, self.inherit(other).wait(60))
        self.assertIn(f"cannot listen on 127.0.0.1:{port}: Address already in use", self.world.log_text())
        self.assertEqual(200, self.ask())
        self.assertNotIn("takes over", self.world.log_text())

    def served_by(self, give):
        """What becomes of a process that asks one which is not Writ."""
        os.makedirs(self.world.data, exist_ok=True)
        if self.world.upstream_process is None:
            self.world.start_upstream()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as place:
            place.bind(os.path.join(self.world.data, "takeover"))
            place.listen(1)
            process = self.inherit()
            self.addCleanup(process.kill)
            with place.accept()[0] as asks:
                self.assertEqual(b"take over 2\n", asks.recv(64))
                give(asks)
        return process

    def test_one_that_gives_nothing_or_no_listening_socket_is_an_error(self):
        with socket.socket() as silent, socket.socket(socket.AF_UNIX) as other:
            for give, said in ((lambda asks: None, "does not give its listening sockets"),
                               (lambda asks: asks.sendall(b"S"), "does not give its listening sockets"),
                               (lambda asks: socket.send_fds(asks, [b"S"], [silent.fileno()]), "does not listen"),
                               (lambda asks: socket.send_fds(asks, [b"S"], [other.fileno()]), "does not listen")):
                self.assertEqual(2, self.served_by(give).wait(60), self.world.log_text())
                self.assertIn(said, self.world.log_text())
                os.remove(os.path.join(self.world.data, "takeover"))

    def test_one_that_ends_without_a_word_has_ended(self):
        def give(asks):
            with listening(self.world.api_port) as api, listening(self.world.gateway_port) as gateway:
                socket.send_fds(asks, [b"S"], [api.fileno(), gateway.fileno()])
                self.assertEqual(b"go\n", asks.recv(64))
        self.world.server = self.served_by(give)
        self.world.await_answer("Writ", self.world.server, self.world.api_port, "/readyz", status=200)
        self.assertEqual(200, self.ask())


class Takeover(unittest.TestCase):
    def test_an_upgrade_under_load_refuses_nobody(self):
        held = Held(self)
        held.start()
        clients = load(held.world)
        answered(clients, 5)
        for _ in range(3):
            before = held.world.server
            before.send_signal(signal.SIGTERM)
            # As systemd restarts a service: its successor begins when it has ended. Callers wait in the queue.
            self.assertEqual(0, before.wait(60))
            held.serve()
            answered(clients, 5)
        self.assertEqual([], failures_of(clients), held.log())

    def test_a_caller_that_has_connected_before_the_end_is_still_answered(self):
        held = Held(self)
        held.start()
        token = held.world.customer_token()
        early = socket.create_connection(("127.0.0.1", held.world.gateway_port))
        self.addCleanup(early.close)
        # It is accepted once another one that came later is answered.
        self.assertEqual(200, held.world.through_gateway(token, "/invoices/inv-1001").status)
        held.world.server.send_signal(signal.SIGTERM)
        early.sendall(f"GET /invoices/inv-1001 HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        answer = early.makefile("rb").read()
        self.assertTrue(answer.startswith(b"HTTP/1.1 200"), answer)
        self.assertEqual(0, held.world.server.wait(60))

    def test_a_socket_that_no_listener_has_is_named_and_nothing_starts(self):
        [port] = harness.free_ports(1)
        held = Held(self, more=[port])
        self.assertNotEqual(0, held.serve().wait(60))
        self.assertIn(f"127.0.0.1:{port}", held.log())
        self.assertIn("LISTEN_FDS", held.log())

    def test_what_is_not_a_listening_socket_is_refused(self):
        held = Held(self)
        held.sockets.append(socket.socket())
        self.addCleanup(held.sockets[-1].close)
        self.assertNotEqual(0, held.serve().wait(60))
        self.assertIn("descriptor 5 of LISTEN_FDS does not listen", held.log())

    def test_sockets_of_another_process_are_left_alone(self):
        world = harness.TestWorld()
        self.addCleanup(world.close)
        os.environ.update({"LISTEN_PID": "1", "LISTEN_FDS": "2"})
        self.addCleanup(lambda: [os.environ.pop(name) for name in ("LISTEN_PID", "LISTEN_FDS")])
        world.start()
        self.assertEqual(200, world.through_gateway(world.customer_token(), "/invoices/inv-1001").status)


if __name__ == "__main__":
    unittest.main()
