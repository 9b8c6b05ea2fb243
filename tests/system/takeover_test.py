"""Listening sockets that somebody else holds (socket activation), or that the next process takes over (`--inherit`): an upgrade under
load refuses nobody."""
import fcntl
import http.client
import os
import signal
import socket
import subprocess
import threading
import time
import unittest

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

    def test_whoever_asks_for_something_else_gets_nothing(self):
        self.world.start()
        for said in (b"take over 2\n", b"take", b"\0" * 64):
            with socket.socket(socket.AF_UNIX) as stranger:
                stranger.connect(os.path.join(self.world.data, "takeover"))
                stranger.sendall(said)
                data, given, _, _ = socket.recv_fds(stranger, 1, 64)
                self.assertEqual((b"", []), (data, given))
        self.assertIsNone(self.world.server.poll())


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
