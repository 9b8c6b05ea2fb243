"""Listening sockets that somebody else holds (socket activation): an upgrade under load refuses nobody."""
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


class Takeover(unittest.TestCase):
    def test_an_upgrade_under_load_refuses_nobody(self):
        held = Held(self)
        held.start()
        clients = [Client(held.world.gateway_port, held.world.customer_token()) for _ in range(8)]
        for client in clients:
            client.start()

        def answered(more):
            wanted = [client.answers + more for client in clients]
            while any(client.answers < want for client, want in zip(clients, wanted)):
                time.sleep(0.005)

        answered(5)
        for _ in range(3):
            before = held.world.server
            before.send_signal(signal.SIGTERM)
            # As systemd restarts a service: its successor begins when it has ended. Callers wait in the queue.
            self.assertEqual(0, before.wait(60))
            held.serve()
            answered(5)
        for client in clients:
            client.over.set()
        for client in clients:
            client.join()
        self.assertEqual([], [failure for client in clients for failure in client.failures], held.log())

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
