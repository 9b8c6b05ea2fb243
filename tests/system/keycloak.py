"""A real Keycloak, for tests: fetched by Maven, unpacked, and started once with a realm of Acme's.

KEYCLOAK_ZIP names the distribution where it is already. Without it, without Maven or without Java, `missing()` says so.
"""
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile

import harness

VERSION = "26.7.3"
ZIP = os.environ.get("KEYCLOAK_ZIP", os.path.expanduser(
    f"~/.m2/repository/org/keycloak/keycloak-quarkus-dist/{VERSION}/keycloak-quarkus-dist-{VERSION}.zip"))
NORA = "7ddaf89f-69eb-4ecf-aca9-aca111211986"
START_SECONDS = 600  # the first time it compiles itself, which takes most of that on a busy machine
UNPACKED = os.path.join(tempfile.gettempdir(), f"writ-keycloak-{VERSION}-{os.getuid()}")


def missing():
    """Why there is none here; None: there is one."""
    if shutil.which("java") is None:
        return "there is no Java for Keycloak"
    if not os.path.exists(ZIP) and shutil.which("mvn") is not None:
        try:
            subprocess.run(["mvn", "-q", "dependency:get", "-Dtransitive=false",
                            f"-Dartifact=org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"], capture_output=True, timeout=600, check=False)
        except subprocess.TimeoutExpired:
            return "Keycloak's distribution could not be fetched in 10 minutes"
    return None if os.path.exists(ZIP) else "there is no distribution of Keycloak"


def client(name, **more):
    """With an audience for the invoices, as an administrator adds it."""
    mapper = {"name": "invoices", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper",
              "config": {"included.custom.audience": "invoices-api", "access.token.claim": "true", "id.token.claim": "false"}}
    return {"clientId": name, "secret": f"{name}-secret", "enabled": True, "publicClient": False, "protocolMappers": [mapper],
            "standardFlowEnabled": False, **more}


REALM = {
    "realm": "acme", "enabled": True, "sslRequired": "none",
    "roles": {"realm": [{"name": "clerk"}]},
    "users": [{"id": NORA, "username": "nora", "enabled": True, "emailVerified": True, "email": "nora@acme.example", "firstName": "Nora",
               "lastName": "Nord", "realmRoles": ["clerk"], "credentials": [{"type": "password", "value": "nora-password"}]}],
    "clients": [client("portal", directAccessGrantsEnabled=True), client("batch", serviceAccountsEnabled=True),
                client("stranger", directAccessGrantsEnabled=True)],
}


def unpacked():
    """The distribution with the realm in it, once for all runs: what it compiled stays."""
    with open(UNPACKED + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(UNPACKED):
            with tempfile.TemporaryDirectory(prefix="writ-keycloak-") as folder:
                with zipfile.ZipFile(ZIP) as archive:
                    archive.extractall(folder)
                (root,) = os.listdir(folder)
                shutil.move(os.path.join(folder, root), UNPACKED)
        os.makedirs(os.path.join(UNPACKED, "data", "import"), exist_ok=True)
        with open(os.path.join(UNPACKED, "data", "import", "acme-realm.json"), "w", encoding="utf-8") as file:
            json.dump(REALM, file)
    return UNPACKED


class Keycloak:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="writ-keycloak-")
        (self.port, management) = harness.free_ports(2)
        self.url = f"http://127.0.0.1:{self.port}"
        self.issuer = f"{self.url}/realms/acme"
        root = unpacked()
        self.log = open(os.path.join(self.folder, "keycloak.log"), "w", encoding="utf-8")
        environment = {**os.environ, "KC_BOOTSTRAP_ADMIN_USERNAME": "admin", "KC_BOOTSTRAP_ADMIN_PASSWORD": "admin-password",
                       "JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx512m"}
        self.process = subprocess.Popen(
            ["sh", os.path.join(root, "bin", "kc.sh"), "start-dev", "--import-realm", "--db=dev-mem", "--http-host=127.0.0.1",
             f"--http-port={self.port}", f"--http-management-port={management}"],
            stdout=self.log, stderr=subprocess.STDOUT, env=environment, start_new_session=True)
        self.await_start()

    def await_start(self):
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with urllib.request.urlopen(f"{self.issuer}/.well-known/openid-configuration", timeout=5):
                    return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.log.flush()
                    with open(self.log.name, encoding="utf-8", errors="replace") as log:
                        text = log.read()[-3000:]
                    self.stop()
                    raise AssertionError("Keycloak did not start:\n" + text) from None
                time.sleep(0.25)

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, 15)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, 9)
                self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def tokens(self, name, realm="acme", **form):
        """The answer of the token endpoint to a client."""
        if realm == "acme":
            form = {"client_id": name, "client_secret": f"{name}-secret", **form}
        data = urllib.parse.urlencode({"client_id": name, **form}).encode()
        with urllib.request.urlopen(f"{self.url}/realms/{realm}/protocol/openid-connect/token", data, timeout=30) as answer:
            return json.load(answer)

    def of_nora(self, name="portal"):
        """Her tokens, with an ID token."""
        return self.tokens(name, grant_type="password", username="nora", password="nora-password", scope="openid")

    def admin(self, method, path, body=None):
        token = self.tokens("admin-cli", "master", grant_type="password", username="admin", password="admin-password")["access_token"]
        request = urllib.request.Request(f"{self.url}/admin/realms/acme{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def rotate(self):
        """A new key that is signed with from now on, beside the old ones."""
        realm = self.admin("GET", "")
        self.admin("POST", "/components", {
            "name": "rotated", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider", "parentId": realm["id"],
            "config": {"priority": ["1000"], "enabled": ["true"], "active": ["true"], "algorithm": ["RS256"], "keySize": ["2048"]}})

    def remove_old_keys(self):
        for each in self.admin("GET", "/components?type=org.keycloak.keys.KeyProvider"):
            if each["providerId"] == "rsa-generated" and each["name"] != "rotated":
                self.admin("DELETE", f"/components/{each['id']}")
