"""A world of one test: the example's configuration on free ports, in a temporary folder, with the real binary.

WRIT_BINARY names the binary; ctest sets it. Standard library only.
"""
import base64
import fcntl
import hashlib
import http.client
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ACME = os.path.join(ROOT, "examples", "acme")
sys.path.insert(0, ACME)
import world as acme  # noqa: E402

WRIT = os.environ.get("WRIT_BINARY", os.path.join(ROOT, "build", "release", "bin", "writ"))
INVOICES = "https://invoices.acme.example"
MAIL = "https://mail.acme.example"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


held_ports = []


def free_ports(count):
    """Ports below those that the system hands out, held by this process against others that look for some."""
    free = []
    while len(free) < count:
        port = random.randrange(20_000, 32_000)
        held = open(os.path.join(tempfile.gettempdir(), f"writ-test-port-{port}"), "w", encoding="utf-8")
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            held.close()
            continue
        held_ports.append(held)
        free.append(port)
    return free


def await_listener(port, process, seconds=30):
    """Until a process that was started listens there."""
    deadline = time.monotonic() + seconds
    while True:
        assert process.poll() is None, f"{process.args[0]} has ended with {process.returncode}"
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionError:
            assert time.monotonic() < deadline, f"{process.args[0]} does not listen on port {port}"
            time.sleep(0.02)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def reason(self):
        return self.json().get("reason")

    def __repr__(self):
        return f"{self.status} {self.body[:600]!r}"


def writ(*arguments, stdin=None):
    """Runs a command to its end: (status, stdout, stderr)."""
    run = subprocess.run([WRIT, *arguments], input=stdin, capture_output=True, text=True, timeout=60)
    return run.returncode, run.stdout, run.stderr


class TestWorld(acme.World):
    """`edit` changes the configuration's text before it is written."""
    __test__ = False

    def __init__(self, edit=lambda text: text):
        self.folder = tempfile.mkdtemp(prefix="writ-test-")
        ports = free_ports(3)
        for name in ("policies", "demo-keys"):
            shutil.copytree(os.path.join(ACME, name), os.path.join(self.folder, name))
        for name in ("entities.json", "schema.cedarschema"):
            shutil.copy(os.path.join(ACME, name), self.folder)
        with open(os.path.join(ACME, "writ.yaml"), encoding="utf-8") as file:
            text = file.read()
        for default, port in zip(("8180", "8181", "8190"), ports):
            text = text.replace(f"127.0.0.1:{default}", f"127.0.0.1:{port}")
        config = os.path.join(self.folder, "writ.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(edit(text))
        super().__init__(WRIT, os.path.join(self.folder, "data"), config, ports)

    def close(self):
        self.stop()
        try:
            with open(os.path.join(self.data, "writ.log"), encoding="utf-8", errors="replace") as log:
                defects = [line for line in log if line.startswith("writ: defect")]
        except FileNotFoundError:
            defects = []
        shutil.rmtree(self.folder, ignore_errors=True)
        assert not defects, defects

    # Requests.

    def call(self, port, method, path, headers=None, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def through_gateway(self, token, path, method="GET", headers=None, body=None):
        return self.call(self.gateway_port, method, path, {"Authorization": f"Bearer {token}", **(headers or {})}, body)

    def api_call(self, token, method, path, body=None):
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return self.call(self.api_port, method, path, headers, None if body is None else json.dumps(body))

    # Tokens.

    def sign(self, *claims, key="idp.jwk"):
        arguments = ["token", "sign", "--key-file", os.path.join(self.folder, "demo-keys", key)]
        for claim in claims:
            arguments += ["--claim", claim]
        status, out, err = writ(*arguments)
        assert status == 0, err
        return out.strip()

    def id_token(self, user, tenant):
        """What Acme's identity provider says about a user."""
        return self.sign("iss=https://idp.acme.example", f"sub={user}", f"tenant={tenant}", f"aud={self.api}")

    def assertion(self, client):
        status, out, err = writ("token", "assertion", "--client", client, "--audience", self.api, "--key-file",
                                os.path.join(self.folder, "demo-keys", f"{client}.jwk"))
        assert status == 0, err
        return out.strip()

    def token_request(self, client, **form):
        """`client` authenticates with its secret, or with its key where it has one."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if os.path.exists(os.path.join(self.folder, "demo-keys", f"{client}.jwk")):
            form["client_assertion_type"] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            form["client_assertion"] = self.assertion(client)
        else:
            credentials = f"{client}:demo-{client}-secret".encode()
            headers["Authorization"] = "Basic " + base64.b64encode(credentials).decode()
        return self.call(self.api_port, "POST", "/oauth2/token", headers, urllib.parse.urlencode(form))

    def token(self, client, audience=INVOICES, **form):
        """A client's token for itself."""
        answer = self.token_request(client, grant_type="client_credentials", resource=audience, **form)
        assert answer.status == 200, answer
        return answer.json()["access_token"]

    def exchanged(self, client, subject_token, audience=INVOICES, of="jwt", **form):
        """A client's token for the subject of another token: the provider's, or (of="access_token") ours."""
        answer = self.token_request(client, grant_type=EXCHANGE, resource=audience, subject_token=subject_token,
                                    subject_token_type=f"urn:ietf:params:oauth:token-type:{of}", **form)
        assert answer.status == 200, answer
        return answer.json()["access_token"]

    def customer_token(self, audience=INVOICES, user="nora", tenant="north", client="support-portal", purpose="support"):
        return self.exchanged(client, self.id_token(user, tenant), audience, purpose=purpose)

    def operator_token(self):
        return self.token("ops-console", self.api)

    def evaluator_token(self):
        """For AuthZEN: whoever may `evaluate`."""
        return self.operator_token()

    def revoke(self, client, token):
        """By the client that it was issued to, which has a secret."""
        credentials = base64.b64encode(f"{client}:demo-{client}-secret".encode()).decode()
        answer = self.call(self.api_port, "POST", "/oauth2/revoke",
                           {"Authorization": f"Basic {credentials}", "Content-Type": "application/x-www-form-urlencoded"},
                           urllib.parse.urlencode({"token": token}))
        assert answer.status == 200, answer

    def open_task(self, **changes):
        """A task for nora's invoice, opened by nora and the portal; its id."""
        task = {"purpose": "support", "subject": "nora", "client": "support-portal", "agents": ["support-agent"],
                "actions": ['Billing::Action::"read"', 'Billing::Action::"credit"'],
                "resources": ['Billing::Invoice::"inv-1001"'], "expires_in_seconds": 600, **changes}
        answer = self.api_call(self.customer_token(self.api), "POST", "/v1/tasks", task)
        assert answer.status == 201, answer
        return answer.json()["id"]

    def agent_token(self, task=None, agent="support-agent"):
        form = {"task": task} if task else {}
        return self.exchanged(agent, self.customer_token(), of="access_token", purpose="support", **form)


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class ProofKey:
    """A key that a client shows to hold by DPoP proofs (RFC 9449)."""

    def __init__(self, folder):
        self.path = os.path.join(folder, f"proof-{random.getrandbits(64)}.pem")
        self.openssl("genpkey", "-algorithm", "ed25519", "-out", self.path)
        public = self.openssl("pkey", "-in", self.path, "-pubout", "-outform", "DER")[-32:]
        self.jwk = {"kty": "OKP", "crv": "Ed25519", "x": base64url(public)}

    @staticmethod
    def openssl(*arguments):
        return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout

    def proof(self, method, uri, token=None, ahead=0):
        """`ahead`: by how many seconds this client's clock is."""
        claims = {"jti": f"{random.getrandbits(64)}", "htm": method, "htu": uri, "iat": int(time.time()) + ahead}
        if token is not None:
            claims["ath"] = base64url(hashlib.sha256(token.encode()).digest())
        text = ".".join(base64url(json.dumps(part).encode())
                        for part in ({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": self.jwk}, claims))
        with open(self.path + ".text", "w", encoding="ascii") as file:
            file.write(text)
        signature = self.openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.path, "-in", self.path + ".text")
        return f"{text}.{base64url(signature)}"


def raw(port, data, timeout=10):
    """Sends bytes as they are; what comes back until the peer closes or falls silent."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        connection.sendall(data)
        connection.settimeout(1)
        try:
            while piece := connection.recv(65536):
                received += piece
        except (TimeoutError, ConnectionError):
            pass
    return received


class Listener:
    """An upstream that answers one request with 204 and keeps its head."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen()
        self.head = b""
        self.thread = threading.Thread(target=self.answer, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.thread.join()

    def serve_in(self, text):
        """The configuration with this as every API's upstream."""
        return re.sub(r"upstream: \S+", f"upstream: http://127.0.0.1:{self.socket.getsockname()[1]}", text)

    def answer(self):
        try:
            connection, _ = self.socket.accept()
        except OSError:
            return
        with connection:
            while b"\r\n\r\n" not in self.head:
                self.head += connection.recv(65536)
            connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

    def header(self, name):
        for line in self.head.decode().split("\r\n"):
            if line.lower().startswith(name + ":"):
                return line.partition(":")[2].strip()
        return None
