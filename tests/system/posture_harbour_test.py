"""writ posture in a world that nobody has seen before: a harbour, with each kind of weakness planted, and beside each what only looks
like it. What is found is exactly what was planted."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import harness

AT = "2026-11-28T12:00:00Z"
HASH = "$scrypt$ln=14,r=8,p=1$hyU25J647Z_kyc-7lI0w1A$GUI2Ex_nKXD_BCiaqWJEr_n1fQ3Uo4lJDHzfzZRXUsw"
OTHER_HASH = "$scrypt$ln=14,r=8,p=1$KOF-PM5vc3mJWL6k0-ud4A$aCC2SwGsfSUwr5RhrNtnxVZYmj7xa_ebWbY2DUbKGfA"


def key(name, more="created_at: 2026-09-01, expires_at: 2027-09-01"):
    """What a machine comes with: a key pair of its own."""
    return f"jwks_file: keys/{name}.jwks.json, credentials: [{{type: key, kid: {name}, {more}}}]"


# Nothing is wrong with a machine of this form, which answers to Hanna.
def machine(name, kind, more):
    return f"    - {{id: {name}, kind: {kind}, environment: production, {more}}}\n"


GOOD = "owner: hanna, review_by: 2027-06-30"
IDENTITIES = "".join([
    """    - {id: hanna, kind: user, credentials: [{type: password, id: directory}]}
    - {id: mona, kind: user}
    - {id: ivar, kind: user, status: suspended}
    - {id: jon, kind: user, status: retired}
    - {id: kaja, kind: user, expires_at: 2026-10-01}
    - {id: lars, kind: user, review_by: 2026-09-01}
""",
    # Who answers for it.
    machine("nobodys", "service", f"review_by: 2027-06-30, {key('nobodys')}"),
    machine("machines", "service", f"owner: nobodys, review_by: 2027-06-30, {key('machines')}"),
    machine("ivars", "service", f"owner: ivar, review_by: 2027-06-30, {key('ivars')}"),
    machine("jons", "service", f"owner: jon, review_by: 2027-06-30, {key('jons')}"),
    machine("kajas", "service", f"owner: kaja, review_by: 2027-06-30, {key('kajas')}"),
    machine("larss", "service", f"owner: lars, review_by: 2027-06-30, {key('larss')}"),
    machine("strangers", "service", f"owner: nils, review_by: 2027-06-30, {key('strangers')}"),
    machine("jons-old", "service", "owner: jon, status: retired"),
    machine("sponsored", "agent", "sponsor: mona, provider: others-ai, expires_at: 2027-01-31, created_at: 2026-11-01, acts_for: [ferry]"),
    # Whether anybody needs it.
    machine("asleep", "service", f"{GOOD}, created_at: 2025-01-01, {key('asleep')}"),
    machine("newborn", "service", f"{GOOD}, created_at: 2026-11-20, {key('newborn')}"),
    machine("paused", "service", f"{GOOD}, status: suspended, {key('paused')}"),
    machine("overdue", "service", f"owner: hanna, review_by: 2026-11-01, {key('overdue')}"),
    machine("confirmed", "service", f"owner: hanna, review_by: 2026-11-01, {key('confirmed')}"),
    machine("endless", "service", f"owner: hanna, {key('endless')}"),
    machine("foreign", "agent", "sponsor: mona, provider: others-ai, reviewed_at: 2026-10-01, acts_for: [users]"),
    # What it comes with.
    machine("retired-with-key", "service", "owner: hanna, status: retired, jwks_file: keys/ferry.jwks.json"),
    machine("twin-a", "service", f"{GOOD}, {key('twin')}"),
    machine("twin-b", "service", f"{GOOD}, {key('twin')}"),
    machine("yard", "service", f'{GOOD}, secret_hash: "{HASH}", credentials: [{{type: secret, created_at: 2026-09-01, expires_at: 2027-09-01}}]'),
    f'    - {{id: yard-test, kind: service, environment: test, {GOOD}, secret_hash: "{HASH}", '
    "credentials: [{type: secret, created_at: 2026-09-01, expires_at: 2027-09-01}]}\n",
    machine("lamp", "service", f'{GOOD}, secret_hash: "{OTHER_HASH}", '
            "credentials: [{type: secret, bound: true, created_at: 2026-09-01, expires_at: 2027-09-01}]"),
    machine("typist", "service", f"{GOOD}, jwks_file: keys/typist.jwks.json, credentials: [{{type: key, kid: typist, created_at: 2026-09-01, "
            "expires_at: 2027-09-01}, {type: password, id: db, created_at: 2026-09-01, expires_at: 2027-09-01}]"),
    machine("greybeard", "service", f"{GOOD}, {key('greybeard', 'created_at: 2025-01-01, expires_at: 2027-09-01')}"),
    machine("forever", "service", f"{GOOD}, {key('forever', 'created_at: 2026-09-01')}"),
    machine("aeon", "service", f"{GOOD}, {key('aeon', 'created_at: 2026-09-01, expires_at: 2299-12-31')}"),
    machine("loose-pod", "service", GOOD + ', workload: [{issuer: "https://pods.example", claims: {kubernetes.io: {namespace: quay, '
            "serviceaccount: {name: a}}}}]"),
    machine("pinned-pod", "service", GOOD + ', workload: [{issuer: "https://pods.example", claims: {kubernetes.io: {namespace: quay, '
            "serviceaccount: {name: b, uid: c}}}}]"),
    # What it does.
    machine("operator", "service", f"{GOOD}, {key('operator')}"),
    machine("worker", "service", f"{GOOD}, {key('worker')}"),
    machine("guarded", "service", f"{GOOD}, {key('guarded')}"),
    machine("standing", "service", f"{GOOD}, {key('standing')}"),
    machine("docker", "service", f"{GOOD}, {key('docker')}"),
    machine("unbound", "service", f"{GOOD}, {key('unbound')}"),
    machine("ferry", "application", f"{GOOD}, acts_for: [users], {key('ferry')}"),
])

CONFIG = f"""version: 1
issuer: http://127.0.0.1:8180
listen: {{api: "127.0.0.1:8180"}}
limits: {{max_chain: 4}}
audit: {{mode: buffered}}
tokens: {{lifetime_seconds: 3600}}
trusted_issuers:
  - {{issuer: "https://login.example", audience: "http://127.0.0.1:8180", jwks_file: keys/ferry.jwks.json, tenants: [north]}}
  - {{issuer: "https://open.example", audience: "http://127.0.0.1:8180", jwks_uri: "https://open.example/keys", tenants: [south], subject_prefix: "open:"}}
  - {{issuer: "https://pods.example", workloads: kubernetes, jwks_file: keys/ferry.jwks.json}}
policies: {{files: [policies], entities: entities.json}}
posture:
  exceptions:
    - {{finding: long-tokens, subject: tokens.lifetime_seconds, owner: mona, reason: the radio is slow, until: 2026-12-31}}
    - {{finding: audit-not-durable, subject: audit.mode, owner: mona, reason: the disk is slow, until: 2026-11-01}}
    - {{finding: never-reviewed, subject: endless, owner: jon, reason: it is replaced, until: 2026-12-31}}
inventory:
  identities:
{IDENTITIES}  grants:
    - {{id: over, template: lends, principal: worker, resource: 'Port::Berth::"1"', expires_at: 2026-10-01, owner: hanna}}
    - {{id: orphaned, template: lends, principal: worker, resource: 'Port::Berth::"2"', expires_at: 2027-01-01, owner: jon}}
    - {{id: kept, template: lends, principal: worker, resource: 'Port::Berth::"3"', expires_at: 2027-01-01, owner: hanna}}
  apis:
    - id: berths
      audience: https://berths.example
      namespace: Port
      actions: [read, book]
      upstream: https://berths.example
      routes:
        - {{method: GET, path: "/berths/{{berth}}", action: read, resource: 'Port::Berth::"{{berth}}"'}}
        - {{method: POST, path: "/berths/{{berth}}/bookings", action: book, resource: 'Port::Berth::"{{berth}}"'}}
    - id: cranes
      audience: https://cranes.example
      namespace: Crane
      actions: [lift]
      upstream: http://cranes.example
      enforce: false
      routes:
        - {{method: POST, path: "/cranes/{{crane}}/lifts", action: lift, resource: 'Crane::Crane::"{{crane}}"'}}
"""

SCHEMA = """
namespace Port {
  entity Berth, Clear, Safe = { closed?: Bool };
  action read, book appliesTo { principal: [Writ::User, Writ::Application, Writ::Service, Writ::Agent], resource: [Berth, Clear, Safe], context: Writ::Context };
}
namespace Crane {
  entity Crane;
  action lift appliesTo { principal: [Writ::User, Writ::Application, Writ::Service, Writ::Agent], resource: Crane, context: Writ::Context };
}
"""

# One of all machines is in the team.
ENTITIES = json.dumps([{"uid": {"type": "Port::Team", "id": "dockers"}, "attrs": {}, "parents": []},
                       {"uid": {"type": "Writ::Service", "id": "docker"}, "attrs": {}, "parents": [{"type": "Port::Team", "id": "dockers"}]}])

POLICIES = """
@id("own-berth") permit (principal is Writ::User, action == Port::Action::"read", resource)
  when { resource is Port::Berth && resource has owner && resource.owner == principal };
@id("ferry-reads") permit (principal == Writ::Application::"ferry", action == Port::Action::"read", resource is Port::Berth) when { context has user };
@id("team-books") permit (principal in Port::Team::"dockers", action == Port::Action::"book", resource is Port::Berth);
@id("worker-reads") permit (principal == Writ::Service::"worker", action == Port::Action::"read", resource is Port::Berth) when { context has task };
@id("guarded-reads") permit (principal == Writ::Service::"guarded", action == Port::Action::"read", resource is Port::Berth);
@id("guard") forbid (principal == Writ::Service::"guarded", action, resource) unless { context has task };
@id("standing-lifts") permit (principal == Writ::Service::"standing", action == Crane::Action::"lift", resource is Crane::Crane);
@id("anything") permit (principal == Writ::Application::"ferry", action, resource) when { context has user && context has task };
@id("but-the-closed") permit (principal, action == Port::Action::"book", resource is Port::Berth)
  when { context has task } unless { resource has closed && resource.closed };
@id("gone") permit (principal == Writ::Service::"gone", action == Port::Action::"read", resource is Port::Berth) when { context has task };
@id("stranger") permit (principal == Writ::User::"stranger", action == Port::Action::"read", resource is Port::Berth);
@id("never-needed") permit (principal == Writ::User::"mona", action == Crane::Action::"lift", resource is Crane::Crane);
@id("lends") permit (principal == ?principal, action == Port::Action::"read", resource == ?resource) when { context has task };
@id("no-export") forbid (principal, action == Port::Action::"book", resource) when { context has purpose && context.purpose == "export" };
@id("accepted") @accept_hidden("purpose") forbid (principal, action == Port::Action::"book", resource)
  when { context has purpose && context.purpose == "war" };
"""

TESTS = """version: 1
now: 2026-03-02T09:00:00Z
tests:
  - name: nobody reads a berth without a token
    request: GET /berths/1
    token: none
    expect: token_missing
  - name: nobody lifts without a token
    request: POST /cranes/1/lifts
    token: none
    expect: token_missing
"""

USED = ("nobodys", "machines", "ivars", "jons", "kajas", "larss", "strangers", "sponsored", "overdue", "confirmed", "endless", "foreign",
        "twin-a", "twin-b", "yard", "yard-test", "lamp", "typist", "greybeard", "forever", "aeon", "loose-pod", "pinned-pod", "worker", "guarded",
        "standing", "docker")


def record(time, **members):
    return {"time": f"{time}T09:00:00.000Z", **members}


def permit(time, subject, client=None, bound=True, **more):
    members = {"type": "decision", "point": "gateway", "effect": "permit", "subject": subject, "client": client or subject, "api": "berths",
               "policies": ["own-berth"], **({"sender_bound": True} if bound else {}), **more}
    return record(time, **members)


LOG = [
    permit("2026-07-01", "hanna", "ferry", policies=["own-berth", "ferry-reads", "team-books", "guarded-reads", "standing-lifts", "anything",
                                                     "but-the-closed", "gone", "stranger", "worker-reads", "over", "orphaned", "kept"]),
    permit("2026-11-01", "hanna", "ferry", actors=["ferry"]),
    *(permit("2026-11-20", name, task="t") for name in USED),
    permit("2026-11-20", "unbound", bound=False, task="t"),
    record("2026-11-02", type="identity.reviewed", actor="hanna", object="confirmed"),
    # An identity that was made over the API last week, and nobody used so far.
    record("2026-11-21", type="identity.created", actor="hanna", object="made", detail=json.dumps(
        {"id": "made", "kind": "service", "owner": "hanna", "review_by": "2027-01-31"})),
    # People operate Writ; machines open their own tasks, and act for whoever signed in.
    permit("2026-11-22", "operator", point="api", api="writ", action='Writ::Action::"manage-policies"', policies=[]),
    permit("2026-11-22", "worker", point="api", api="writ", action='Writ::Action::"request-tasks"', policies=[]),
    permit("2026-11-22", "hanna", "ferry", point="api", api="writ", action='Writ::Action::"manage-policies"', policies=[]),
]

PLANTED = {
    "no-owner": ["machines", "nobodys"],
    "owner-gone": ["exception never-reviewed:endless", "ivars", "jons", "kajas", "larss", "orphaned"],
    "owner-not-listed": ["strangers"],
    "stopped-with-credentials": ["retired-with-key"],
    "dormant-identity": ["asleep"],
    "review-overdue": ["lars", "overdue"],
    "never-reviewed": [],  # `endless` is excepted
    "third-party": ["foreign"],
    "person-behind-machine": ["operator"],
    "shared-credential": ["twin-a", "yard"],
    "two-environments": ["yard"],
    "bearer-secret": ["yard", "yard-test"],
    "unbound-tokens": ["unbound"],
    "machine-password": ["typist"],
    "ageing-credential": ["greybeard"],
    "endless-credential": ["aeon", "forever"],
    "secret-file": [".env", "keys/left.pem"],
    "issuer-not-pinned": ["https://open.example"],
    "workload-not-pinned": ["loose-pod"],
    "chain-too-deep": ["max_chain"],
    "acts-for-anyone": ["foreign"],
    "long-tokens": [],  # is excepted
    "plain-transport": ["cranes"],
    "audit-not-durable": ["audit.mode"],  # its exception ended
    "wildcard-permit": ["anything", "but-the-closed"],
    "standing-privilege": ["docker", "standing"],
    "dead-permit": ["gone", "over"],
    "unused-permit": ["never-needed"],
    "hidden-claim": ["no-export"],
    "route-not-tested": ["POST /berths/{berth}/bookings"],
    "only-observed": ["cranes"],
}
# What only people know.
WORDS = {"PERSON": "mona", "APPLICATION": "ferry", "TENANT": "south", "ALGORITHM": "ES256"}
# What needs the database (api-key), or more than a text of policies (api-cannot-tell), is planted in src/posture/checks_test.cc.
ELSEWHERE = {"api-key", "api-cannot-tell"}


class Harbour(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="writ-harbour-")
        cls.addClassCleanup(folder.cleanup)
        cls.home = os.path.join(folder.name, "home")
        cls.folder = os.path.join(folder.name, "harbour")
        for each in ("policies", "keys"):
            os.makedirs(os.path.join(cls.folder, each))
        os.makedirs(cls.home)
        cls.put("writ.yaml", CONFIG)
        cls.put("entities.json", ENTITIES)
        cls.put("policies/all.cedar", POLICIES)
        cls.put("policies/all.test.yaml", TESTS)
        for name in sorted(set(re.findall(r"keys/([a-z-]+)\.jwks\.json", CONFIG))):
            status, out, err = harness.writ("keys", "generate", os.path.join(folder.name, f"{name}.jwk"))
            assert status == 0, err
            keys = json.loads(out)
            keys["keys"][0]["kid"] = name
            cls.put(f"keys/{name}.jwks.json", json.dumps(keys))
        cls.put("keys/left.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
        cls.put("keys/ferry.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
        cls.put(".env", "AWS_ACCESS_KEY_ID=AKIA" + "Q3EGRIHFAKEFAKE2\n")
        cls.put("notes.txt", "ask for the AKIA key, and for ghp_ tokens\n")
        cls.log = os.path.join(folder.name, "audit.log")
        with open(cls.log, "w", encoding="utf-8") as file:
            for number, members in enumerate(LOG, 1):
                file.write(json.dumps({"seq": number, "prev": f"{number - 1:064}", **members, "hash": f"{number:064}"}) + "\n")

    @classmethod
    def put(cls, name, text):
        with open(os.path.join(cls.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def look(self, *arguments):
        status, out, err = harness.writ("posture", "--config", os.path.join(self.folder, "writ.yaml"), "--audit", self.log, "--at", AT,
                                        "--json", *arguments)
        self.assertEqual(0, status, err)
        return json.loads(out)

    def test_what_is_found_is_what_was_planted_and_nothing_that_only_looks_like_it(self):
        answer = self.look()
        found = {check: [] for check in PLANTED}
        for each in answer["findings"]:
            if "excepted" not in each and each["check"] not in ELSEWHERE:
                found.setdefault(each["check"], []).append(each["subjects"][0])
        self.maxDiff = None
        self.assertEqual(PLANTED, {check: sorted(found[check]) for check in found})
        self.assertEqual({each["id"] for each in answer["checks"]}, set(PLANTED) | ELSEWHERE)

    def test_an_exception_that_ended_says_so_and_one_in_force_is_shown(self):
        findings = {each["id"]: each for each in self.look()["findings"]}
        self.assertEqual("mona", findings["audit-not-durable:audit.mode"]["exception_ended"]["owner"])
        self.assertEqual("mona", findings["long-tokens:tokens.lifetime_seconds"]["excepted"]["owner"])

    def test_what_the_report_says_is_typed_makes_the_finding_go(self):
        """Typed in the folder above, as the text of the report has it; of each check the first finding that has such lines."""
        above = os.path.dirname(self.folder)
        arguments = ("--audit", self.log, "--at", AT)
        status, out, err = self.run_in(above, "writ", "posture", "--config", "harbour/writ.yaml", *arguments)
        self.assertEqual(0, status, err)
        typed, finding = {}, ""
        for line in out.splitlines():
            if re.match(r"  \S", line):
                finding = line.strip()
            elif line.startswith("      $ "):
                typed.setdefault(finding, []).append(line.removeprefix("      $ "))
        first = {}
        for name in typed:
            first.setdefault(name.partition(":")[0], name)
        self.assertGreater(len(first), 12, out)
        for name in first.values():
            with self.subTest(finding=name):
                with tempfile.TemporaryDirectory(prefix="writ-harbour-") as folder:
                    shutil.copytree(self.folder, os.path.join(folder, "harbour"))
                    for line in typed[name]:
                        for word, text in WORDS.items():
                            line = line.replace(f"{word}=…", f"{word}={text}")
                        self.assertNotIn("…", line)
                        status, out, err = self.run_in(folder, "sh", "-ec", line)
                        self.assertEqual(0, status, f"{line}\n{out}{err}")
                    left = json.loads(self.run_in(folder, "writ", "posture", "--config", "harbour/writ.yaml", *arguments, "--check",
                                                  name.partition(":")[0], "--json")[1])
                    self.assertNotIn(name, [each["id"] for each in left["findings"]])
                    for command in ("check", "test"):
                        status, out, err = self.run_in(folder, "writ", command, "--config", "harbour/writ.yaml")
                        self.assertEqual(0, status, f"after {typed[name]}: {out}{err}")

    def run_in(self, folder, *words):
        environment = {**os.environ, "HOME": self.home, "PATH": os.path.dirname(harness.WRIT) + os.pathsep + os.environ["PATH"]}
        run = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)
        return run.returncode, run.stdout, run.stderr

    def test_sarif_names_files_from_where_it_was_asked_for(self):
        above = os.path.dirname(self.folder)
        for config in ("harbour/writ.yaml", os.path.join(self.folder, "writ.yaml")):
            status, _, err = self.run_in(above, "writ", "posture", "--config", config, "--check", "owner-gone", "--at", AT, "--sarif", "out.sarif")
            self.assertEqual(0, status, err)
            with open(os.path.join(above, "out.sarif"), encoding="utf-8") as file:
                (run,) = json.load(file)["runs"]
            uris = {place["physicalLocation"]["artifactLocation"]["uri"] for result in run["results"] for place in result["locations"]}
            self.assertEqual({"harbour/writ.yaml"}, uris)

    def test_one_of_a_thing_is_called_by_its_singular(self):
        status, out, _ = harness.writ("check", "--config", os.path.join(self.folder, "writ.yaml"))
        self.assertEqual(0, status)
        self.assertNotRegex(out, r"(?<!\d)1 (errors|warnings|identities|APIs|routes|policies|grants)")

    def test_a_fact_source_without_tls_is_found_and_one_with_it_is_not(self):
        with tempfile.TemporaryDirectory(prefix="writ-harbour-") as folder:
            harbour = os.path.join(folder, "harbour")
            shutil.copytree(self.folder, harbour)
            source = "  - {{name: {0}, type: 'Port::{0}', http: {{url: \"{1}://10.1.2.9/{{id}}\"}}, id: /id, attributes: {{closed: /closed}}}}\n"
            self.changed(os.path.join(harbour, "writ.yaml"), "policies: {files: [policies],",
                         'outbound: {allow: ["10.0.0.0/8"], allow_http: ["10.0.0.0/8"]}\nfact_sources:\n' + source.format("Clear", "http")
                         + source.format("Safe", "https") + "policies: {schemas: [s.cedarschema], files: [empty],")
            os.makedirs(os.path.join(harbour, "empty"))
            with open(os.path.join(harbour, "empty", "none.cedar"), "w", encoding="utf-8") as file:
                file.write(next(line for line in POLICIES.splitlines() if '"lends"' in line))
            with open(os.path.join(harbour, "s.cedarschema"), "w", encoding="utf-8") as file:
                file.write(SCHEMA)
            self.changed(os.path.join(harbour, "entities.json"), ENTITIES, "[]")
            status, out, err = harness.writ("posture", "--config", os.path.join(harbour, "writ.yaml"), "--check", "plain-transport", "--at", AT,
                                            "--json")
            self.assertEqual(0, status, err)
            self.assertEqual(["plain-transport:Clear", "plain-transport:cranes"], sorted(each["id"] for each in json.loads(out)["findings"]))

    def changed(self, path, old, new):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(old, text)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new, 1))


if __name__ == "__main__":
    unittest.main()
