"""The example company: `writ access` of its files and `/v1/access` of it running say the same, line by line."""
import http.client
import json
import os
import re
import shutil
import tempfile
import unittest
import urllib.parse

import harness

COMPANY = os.path.join(harness.ROOT, "examples", "company")
APIS = ["orders", "payroll", "mail"]
WHO = ["ada", "hugo", "any-other-user", "backup-job", "finance-desk"]


def but_for_time(answer):
    """What an answer says, without the instant that it was asked at, and without what only pages and a running Writ have."""
    if isinstance(answer, list):
        return [but_for_time(each) for each in answer]
    if isinstance(answer, dict):
        return {key: but_for_time(value) for key, value in answer.items()
                if key not in ("at", "more", "next", "policy_revision", "pushed_entities_left_out")}
    return answer


def write(name, text):
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)


class Parity(unittest.TestCase):
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="writ-parity-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        company = os.path.join(cls.folder, "company")
        shutil.copytree(COMPANY, company, ignore=shutil.ignore_patterns("data", "__pycache__"))
        ports = harness.free_ports(3)
        cls.config = os.path.join(company, "writ.yaml")
        with open(cls.config, encoding="utf-8") as file:
            text = file.read().replace("127.0.0.1:8380", f"127.0.0.1:{ports[0]}").replace("127.0.0.1:8381", f"127.0.0.1:{ports[1]}")
        # Who asks has no environment, and sees nobody who has one.
        write(cls.config, re.sub(r"^ +environment: \w+\n|environment: \w+, |, environment: \w+", "", text, flags=re.M))
        cls.world = harness.acme.World(harness.WRIT, os.path.join(company, "data"), cls.config, ports)
        os.makedirs(cls.world.data)
        cls.addClassCleanup(cls.world.stop)
        cls.world.start_writ()
        status, cls.token, err = harness.writ("token", "get", "--client", "ops-console", "--secret-file",
                                              os.path.join(harness.ACME, "demo-keys", "ops-console.secret"), "--audience", cls.world.api,
                                              "--server", cls.world.api)
        assert status == 0, err

    def running(self, kind, **parameters):
        # Writ answers these questions in the background of everything else.
        connection = http.client.HTTPConnection("127.0.0.1", self.world.api_port, timeout=300)
        self.addCleanup(connection.close)
        connection.request("GET", f"/v1/access/{kind}?{urllib.parse.urlencode({'limit': 1000, **parameters})}",
                           headers={"Authorization": f"Bearer {self.token.strip()}"})
        response = connection.getresponse()
        answer = json.load(response)
        self.assertEqual(200, response.status, answer)
        self.assertFalse(answer["more"], (kind, parameters))
        return answer

    def files(self, *arguments):
        status, out, err = harness.writ("access", *arguments, "--config", self.config, "--json")
        self.assertNotEqual(2, status, err)
        return json.loads(out)

    def compare(self, line, running):
        self.assertEqual(line.get("policy_revision", running["policy_revision"]), running["policy_revision"])
        self.assertEqual(but_for_time(line), but_for_time(running))

    def test_who_reaches_an_api(self):
        for api in APIS:
            self.compare(self.files("to", api), self.running("to", api=api))
        self.compare(self.files("to", "orders", "--all"), self.running("to", api="orders", all="true"))

    def test_what_an_identity_reaches(self):
        for who in WHO:
            line = self.files("of", who)
            self.assertTrue(line["answers"] or who == "hugo", who)
            self.compare(line, self.running("of", id=who))
        self.compare(self.files("of", "hugo", "--all"), self.running("of", id="hugo", all="true"))

    def test_the_chains_by_which(self):
        for who, api in (("ada", "orders"), ("support-agent", "orders"), ("hugo", "payroll"), ("finance-desk", "billing")):
            self.compare(self.files("path", who, api), self.running("path", id=who, api=api))

    def test_what_an_api_cannot_tell_apart(self):
        self.compare(self.files("classes", "mail"), self.running("classes", api="mail"))
        self.compare(self.files("classes", "stock", "--reads", "sub,scope"), self.running("classes", api="stock", reads="sub,scope"))
        self.compare(self.files("classes", "reports", "--strict"), self.running("classes", api="reports", strict="true"))

    def test_what_a_change_gives_and_takes(self):
        before = os.path.join(self.folder, "before")
        shutil.copytree(os.path.dirname(self.config), before, ignore=shutil.ignore_patterns("data"))
        self.addCleanup(shutil.rmtree, before)
        with open(self.config, encoding="utf-8") as file:
            text = file.read()
        policy = os.path.join(os.path.dirname(self.config), "policies", "parity.cedar")
        write(policy, '@id("no-support-agent") forbid (principal == Writ::Agent::"support-agent", action, resource);\n')
        self.addCleanup(os.remove, policy)
        write(self.config, text.replace("{id: ada, kind: user,", "{id: ada, kind: user, status: suspended,"))
        self.addCleanup(write, self.config, text)
        _, out, err = harness.writ("access", "diff", os.path.join(before, "writ.yaml"), self.config, "--json")
        line, running = json.loads(out), self.running("diff", to="files")
        self.assertIn("taken", line["counts"], err)
        for key in ("changes", "counts", "identities"):
            self.assertEqual(but_for_time(line[key]), but_for_time(running[key]), key)


if __name__ == "__main__":
    unittest.main()
