"""From an OpenAPI document to a guarded API, as a newcomer goes: `writ init`, check, test, serve, a first request."""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import harness

HERE = os.path.dirname(os.path.abspath(__file__))
ORDERS = os.path.join(HERE, "orders")
DOCUMENT = os.path.join(ORDERS, "openapi.json")


class OrdersWorld(harness.acme.World):
    """The orders API behind Writ, by what `writ init` writes alone."""

    def __init__(self, *arguments):
        ports = harness.free_ports(3)
        self.folder = tempfile.mkdtemp(prefix="writ-init-")
        self.guard = os.path.join(self.folder, "guard")
        self.made = harness.writ("init", DOCUMENT, self.guard, "--upstream", f"http://127.0.0.1:{ports[2]}",
                                 "--listen", f"127.0.0.1:{ports[0]}", "--listen-gateway", f"127.0.0.1:{ports[1]}", *arguments)
        super().__init__(harness.WRIT, os.path.join(self.guard, "data"), os.path.join(self.guard, "writ.yaml"), ports)

    def start_upstream(self):
        self.upstream_process = subprocess.Popen([sys.executable, os.path.join(ORDERS, "orders.py"), str(self.upstream_port)])
        self.await_answer("the orders API", self.upstream_process, self.upstream_port, "/orders")

    def token(self, *arguments, user="alice", app="web-app"):
        status, out, err = harness.writ("token", "for", user, "--through", app, "--config", self.config, *arguments)
        assert status == 0, err
        return out.strip()

    def send(self, token, method, path, body=None, headers=None):
        headers = {"Authorization": f"Bearer {token}", **(headers or {})}
        return harness.TestWorld.call(self, self.gateway_port, method, path, headers, body)

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Newcomer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = OrdersWorld()
        cls.addClassCleanup(cls.world.close)
        cls.world.start()

    def test_what_is_written_is_whole(self):
        status, out, err = self.world.made
        self.assertEqual((0, ""), (status, err))
        self.assertIn("10 routes of 10 operations, 2 types of resources", out)
        status, out, err = harness.writ("check", "--config", self.world.config)
        self.assertEqual(0, status, out + err)
        self.assertIn("0 errors, 0 warnings", out)
        status, out, err = harness.writ("test", "--config", self.world.config)
        self.assertEqual(0, status, out + err)

    def test_each_route_is_decided_and_reaches_the_api(self):
        token = self.world.token()
        as_json = {"Content-Type": "application/json"}
        order = self.world.send(token, "POST", "/orders", json.dumps({"customer": "alice", "amount": 12.5}), as_json)
        self.assertEqual(201, order.status, order)
        made = f"/orders/{order.json()['id']}"  # a second ago nobody knew of it
        self.assertEqual(12.5, self.world.send(token, "GET", made).json()["amount"])
        self.assertEqual(200, self.world.send(token, "GET", "/orders?limit=5&state=open").status)
        self.assertEqual(200, self.world.send(token, "PATCH", made, '{"amount": 13}', as_json).status)
        self.assertEqual(201, self.world.send(token, "POST", made + "/payments", '{"amount": 13}', as_json).status)
        upload = self.world.send(token, "PUT", made + "/attachment", b"x" * 300_000,
                                 {"Content-Type": "multipart/form-data; boundary=b"})
        self.assertEqual(300_000, upload.json()["bytes"], upload)
        events = self.world.send(token, "GET", "/orders/events")
        self.assertEqual(b"data: 0\n\ndata: 1\n\ndata: 2\n\n", events.body)
        self.assertEqual(204, self.world.send(token, "DELETE", made).status)

    def test_nobody_reads_what_is_somebody_else_s(self):
        as_json = {"Content-Type": "application/json"}
        order = self.world.send(self.world.token(), "POST", "/orders", json.dumps({"customer": "bob", "amount": 7}), as_json)
        path = f"/orders/{order.json()['id']}"
        self.assertEqual((403, "policy_no_permit"), (lambda answer: (answer.status, answer.reason()))(
            self.world.send(self.world.token(), "GET", path)))
        self.assertEqual(7, self.world.send(self.world.token(user="bob"), "GET", path).json()["amount"])
        self.assertEqual({"bob"}, {each["owner"] for each in self.world.send(self.world.token(user="bob"), "GET", "/orders").json()})
        self.assertEqual({"alice"}, {each["owner"] for each in self.world.send(self.world.token(), "GET", "/orders").json()})
        found = self.world.send(self.world.token(), "GET", "/orders/search?q=o").json()
        self.assertEqual((["hits"], {"alice"}), (list(found), {each["owner"] for each in found["hits"]}))
        self.assertEqual(403, self.world.send(self.world.token(), "GET", path + "/events").status)
        self.assertEqual(15, self.world.send(self.world.token(user="bob"), "GET", path + "/events").body.count(b"data: "))

    def test_nobody_changes_what_is_somebody_else_s(self):
        as_json = {"Content-Type": "application/json"}
        order = self.world.send(self.world.token(user="bob"), "POST", "/orders", json.dumps({"customer": "bob", "amount": 7}), as_json)
        path = f"/orders/{order.json()['id']}"
        changes = (("PATCH", path, '{"amount": 8}', as_json), ("POST", path + "/payments", '{"amount": 8}', as_json),
                   ("PUT", path + "/attachment", b"x" * 300_000, {"Content-Type": "multipart/form-data; boundary=b"}),
                   ("DELETE", path, None, None))
        for change in changes:
            with self.subTest(change[:2]):
                refused = self.world.send(self.world.token(), *change)
                self.assertEqual((403, "policy_no_permit"), (refused.status, refused.reason()), refused)
        self.assertEqual(7, self.world.send(self.world.token(user="bob"), "GET", path).json()["amount"])
        for change, status in zip(changes, (200, 201, 200, 204), strict=True):
            self.assertEqual(status, self.world.send(self.world.token(user="bob"), *change).status, change[:2])

    def test_what_the_document_does_not_have_is_refused(self):
        token = self.world.token()
        self.assertEqual(404, self.world.send(token, "GET", "/admin").status)
        self.assertEqual(405, self.world.send(token, "PUT", "/orders/1").status)
        self.assertEqual(400, self.world.send(token, "GET", "/orders?limit=5&debug=1").status)
        self.assertEqual("token_missing", harness.TestWorld.call(self.world, self.world.gateway_port, "GET", "/orders").reason())

    def test_a_refusal_is_explained(self):
        status, out, err = harness.writ("explain", "--config", self.world.config, "--request", "GET /orders/1", "--sub", "alice",
                                        "--client", "web-app")
        self.assertEqual(1, status, err)
        self.assertIn("policy_no_permit", out)
        self.assertIn("web-app", out)

    def test_the_agent_reads_inside_a_task_and_nowhere_else(self):
        own = os.path.join(self.world.folder, "own.token")
        with open(own, "w", encoding="utf-8") as file:
            file.write(self.world.token("--api", "writ"))
        status, out, err = harness.writ("task", "open", "--server", self.world.api, "--token-file", own, "--purpose",
                                        "customer-request", "--subject", "alice", "--task-client", "web-app", "--agent", "assistant",
                                        "--action", 'Orders::Action::"get_order"', "--resource", 'Orders::Order::"1"',
                                        "--expires-in", "600")
        self.assertEqual(0, status, err)
        task, = re.findall(r"^id +(\S+)", out, re.MULTILINE)
        agent = self.world.token("--agent", "assistant", "--task", task)
        self.assertEqual(200, self.world.send(agent, "GET", "/orders/1").status)
        self.assertEqual("action_not_in_task", self.world.send(agent, "DELETE", "/orders/1").reason())
        self.assertEqual("resource_not_in_task", self.world.send(agent, "GET", "/orders/2").reason())
        self.assertEqual("task_missing", self.world.send(self.world.token("--agent", "assistant"), "GET", "/orders/1").reason())

    def test_the_readme_of_the_folder_works_as_it_stands(self):
        with open(os.path.join(self.world.guard, "README.md"), encoding="utf-8") as file:
            first, second, third = re.findall(r"```sh\n(.*?)```", file.read(), re.DOTALL)
        self.assertIn("writ dev", first)
        script = re.sub(r"writ dev.*\n", "", first) + second + third.rstrip() + " || true\n"
        run = subprocess.run(["bash", "-euc", f'writ() {{ {harness.WRIT} "$@"; }}\n' + script.replace("/tmp/", "$PWD/")],
                             cwd=self.world.guard, capture_output=True, text=True, timeout=60)
        self.assertEqual(0, run.returncode, run.stderr)
        self.assertIn("HTTP/1.1 200", run.stdout)
        self.assertIn("policy_no_permit", run.stdout)

    def test_drift_is_told(self):
        self.assertEqual(0, self.drift(lambda paths: None)[0])
        status, told = self.drift(lambda paths: (paths.pop("/orders/events"), paths.update({"/refunds": {"get": {}}})))
        self.assertEqual(1, status)
        self.assertEqual([("GET", "/refunds")], [(route["method"], route["path"]) for route in told["new"]])
        self.assertEqual([("GET", "/orders/events")], [(route["method"], route["path"]) for route in told["gone"]])
        self.assertEqual([], told["undecided"])

    def drift(self, change):
        with open(DOCUMENT, encoding="utf-8") as file:
            document = json.load(file)
        change(document["paths"])
        changed = os.path.join(self.world.folder, "changed.json")
        with open(changed, "w", encoding="utf-8") as file:
            json.dump(document, file)
        status, out, err = harness.writ("gateway", "import", "--check", changed, "--config", self.world.config, "--json")
        self.assertEqual("", err)
        return status, json.loads(out)

    def test_tokens_for_trying_are_for_this_machine_alone(self):
        elsewhere = os.path.join(self.world.guard, "elsewhere.yaml")
        with open(self.world.config, encoding="utf-8") as file:
            text = file.read()
        with open(elsewhere, "w", encoding="utf-8") as file:
            file.write(re.sub(r"^issuer: \S+", "issuer: https://writ.example", text, flags=re.MULTILINE))
        self.addCleanup(os.remove, elsewhere)
        status, out, err = harness.writ("token", "for", "alice", "--through", "web-app", "--config", elsewhere)
        self.assertEqual((2, ""), (status, out))
        self.assertIn("with a Writ on this machine", err)


class Dev(unittest.TestCase):
    """`writ dev`: each decision is a line, a refusal comes with what would permit it, and files are watched."""

    def setUp(self):
        self.world = OrdersWorld()
        self.addCleanup(self.world.close)

    def start(self):
        self.world.start_upstream()
        self.log = os.path.join(self.world.folder, "dev.log")
        with open(self.log, "wb") as log:
            self.world.server = subprocess.Popen([harness.WRIT, "dev", self.world.guard], stdout=log, stderr=log)
        self.world.await_answer("Writ", self.world.server, self.world.api_port, "/readyz", status=200)

    def shown(self, *patterns):
        """Waits until the output has all of them, and returns it."""
        deadline = time.monotonic() + 20
        while True:
            with open(self.log, encoding="utf-8") as log:
                text = log.read()
            if all(re.search(pattern, text) for pattern in patterns):
                return text
            self.assertLess(time.monotonic(), deadline, f"{patterns} are not all in:\n{text}")
            time.sleep(0.05)

    def test_a_refusal_comes_with_the_policy_and_the_test_that_change_it(self):
        self.start()
        policies = os.path.join(self.world.guard, "policies", "orders.cedar")
        token = self.world.token()
        self.assertEqual(201, self.create(token).status)
        self.shown(r"permit +gateway +alice → web-app  Orders::Action::\"create_order\" Orders::Collection::\"orders\"")
        with open(policies, encoding="utf-8") as file:
            text = file.read()
        with open(policies, "w", encoding="utf-8") as file:  # the application loses its permit
            file.write(text[:text.index("// The application serves")])
        self.shown(r"policies \S+ in force")
        self.assertEqual("policy_no_permit", self.create(token).reason())
        told = self.shown(r"\[policy_no_permit\]", r"expect: permit", r"why: writ explain")
        why, = re.findall(r"^ *why: writ (explain .*)$", told, re.MULTILINE)
        status, out, err = harness.writ(*shlex.split(why))
        self.assertEqual(1, status, err)
        self.assertIn("policy_no_permit", out)
        policy, = re.findall(r"^ *(@id\(.*?\);)$", told, re.DOTALL | re.MULTILINE)
        case = told[told.index("    - name:"):told.index("expect: permit") + len("expect: permit")]
        with open(policies, "a", encoding="utf-8") as file:
            file.write(policy + "\n")
        self.wait_for_permit(token)
        offered = os.path.join(self.world.guard, "policies", "offered.test.yaml")
        with open(offered, "w", encoding="utf-8") as file:
            file.write("version: 1\nnow: 2026-03-02T09:00:00Z\ntests:\n" + case + "\n")
        status, out, err = harness.writ("test", "--config", self.world.config, offered)
        self.assertEqual(0, status, out + err)

    def create(self, token):
        return self.world.send(token, "POST", "/orders", '{"customer": "alice", "amount": 41}', {"Content-Type": "application/json"})

    def wait_for_permit(self, token):
        deadline = time.monotonic() + 20
        while self.create(token).status != 201:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def test_it_listens_on_this_machine_alone(self):
        with open(self.world.config, encoding="utf-8") as file:
            text = file.read()
        with open(self.world.config, "w", encoding="utf-8") as file:
            file.write(text.replace(f'gateway: "127.0.0.1:{self.world.gateway_port}"', f'gateway: "0.0.0.0:{self.world.gateway_port}"'))
        status, out, err = harness.writ("dev", self.world.guard)
        self.assertEqual((2, ""), (status, out))
        self.assertIn("`writ dev` listens on this machine alone, and `gateway` is `0.0.0.0:", err)


class DevelopPage(unittest.TestCase):
    """docs/develop.md: its commands one after the other, what they print, and what the first terminal shows."""

    def test_the_page_comes_out_as_told(self):
        with open(os.path.join(harness.ROOT, "docs", "develop.md"), encoding="utf-8") as file:
            blocks = re.findall(r"^```(\w+)\n(.*?)^```", file.read(), re.DOTALL | re.MULTILINE)
        ports = harness.free_ports(3)
        folder = tempfile.mkdtemp(prefix="writ-init-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        shutil.copy(DOCUMENT, os.path.join(folder, "openapi.json"))
        world = harness.acme.World(harness.WRIT, os.path.join(folder, "orders", "data"), os.path.join(folder, "orders", "writ.yaml"), ports)
        self.addCleanup(world.stop)
        log = os.path.join(folder, "dev.log")

        def run(text):
            for old, new in (("127.0.0.1:8000", f"127.0.0.1:{ports[2]} --listen 127.0.0.1:{ports[0]} --listen-gateway 127.0.0.1:{ports[1]}"),
                             ("127.0.0.1:8180", f"127.0.0.1:{ports[0]}"), ("127.0.0.1:8181", f"127.0.0.1:{ports[1]}"), ("/tmp/", f"{folder}/")):
                text = text.replace(old, new)
            done = subprocess.run(["bash", "-euc", f'set -o pipefail; writ() {{ {harness.WRIT} "$@"; }}\n{text}'], cwd=folder, capture_output=True,
                                  text=True, timeout=60)
            self.assertEqual(0, done.returncode, done.stdout + done.stderr)
            return done.stdout

        (_, made), (_, dev), (_, tried), (_, answers), (_, shown), (_, change), (_, again), (_, then), (_, certificate), (_, certified) = blocks
        run(made)
        OrdersWorld.start_upstream(world)
        self.assertEqual("writ dev orders\n", dev)
        with open(log, "wb") as out:
            world.server = subprocess.Popen([harness.WRIT, "dev", "orders"], stdout=out, stderr=out, cwd=folder)
        world.await_answer("Writ", world.server, world.api_port, "/readyz", status=200)
        self.assertEqual(answers, run(tried))
        lines = [" ".join(line.split()) for line in shown.splitlines()]
        self.told(log, *lines)
        run(change)
        self.told(log, "writ: policies")
        self.assertEqual(then, run(again))
        self.assertEqual(certified, run(certificate))

    def told(self, log, *wanted):
        deadline = time.monotonic() + 20
        while True:
            with open(log, encoding="utf-8") as file:
                text = " ".join(file.read().split())
            missing = [line for line in wanted if line not in text]
            if not missing:
                return
            self.assertLess(time.monotonic(), deadline, f"{missing} are not in:\n{text}")
            time.sleep(0.05)


class Page(unittest.TestCase):
    """docs/start-from-openapi.md: its document, its commands one after the other, and what they print."""

    def test_the_page_comes_out_as_told(self):
        with open(os.path.join(harness.ROOT, "docs", "start-from-openapi.md"), encoding="utf-8") as file:
            blocks = re.findall(r"^```(\w+)\n(.*?)^```", file.read(), re.DOTALL | re.MULTILINE)
        ports = harness.free_ports(3)
        folder = tempfile.mkdtemp(prefix="writ-init-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        world = harness.acme.World(harness.WRIT, os.path.join(folder, "orders", "data"), os.path.join(folder, "orders", "writ.yaml"),
                                   ports)
        self.addCleanup(world.stop)
        world.start_upstream = lambda: OrdersWorld.start_upstream(world)
        shell = 0
        where = folder
        for number, (language, text) in enumerate(blocks):
            for old, new in (("127.0.0.1:8000", f"127.0.0.1:{ports[2]}"), ("127.0.0.1:8181", f"127.0.0.1:{ports[1]}"),
                             ("/tmp/", f"{folder}/"), ("writ init openapi.yaml orders",
                                                       f"writ init openapi.yaml orders --listen 127.0.0.1:{ports[0]} "
                                                       f"--listen-gateway 127.0.0.1:{ports[1]}")):
                text = text.replace(old, new)
            if language == "yaml":
                first, _, rest = text.partition("\n")
                with open(os.path.join(folder, first.removeprefix("# ")), "w", encoding="utf-8") as file:
                    file.write(rest)
            if language != "sh":
                continue
            if (shell := shell + 1) == 2:  # the page says to start Writ here
                world.start()
            run = subprocess.run(["bash", "-euc", f'writ() {{ {harness.WRIT} "$@"; }}\n{text}'], cwd=where, capture_output=True,
                                 text=True, timeout=60)
            self.assertEqual(0, run.returncode, run.stdout + run.stderr)
            if shell == 1:
                self.assertIn("warning: GET /orders/{order}/files/{name}.{kind}: `{name}.{kind}`: a segment has one parameter at most", run.stderr)
            where = os.path.join(folder, "orders")
            self.assertEqual("text", blocks[number + 1][0])
            left = run.stdout.splitlines()
            for line in blocks[number + 1][1].splitlines():
                while left and line.strip() not in left[0]:
                    left.pop(0)
                self.assertTrue(left, f"the page shows `{line}`; the output is:\n{run.stdout}")
        self.assertEqual(3, shell)


class Folders(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="writ-init-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def init(self, *arguments, document=DOCUMENT):
        return harness.writ("init", document, os.path.join(self.folder, "guard"), *arguments)

    def test_what_is_there_is_left_alone(self):
        self.assertEqual(0, self.init()[0])
        config = os.path.join(self.folder, "guard", "writ.yaml")
        with open(config, encoding="utf-8") as file:
            before = file.read()
        status, _, err = self.init("--purpose", "other")
        self.assertEqual(2, status)
        self.assertIn("nothing was written", err)
        with open(config, encoding="utf-8") as file:
            self.assertEqual(before, file.read())
        self.assertEqual(0, self.init("--purpose", "other", "--force")[0])

    def test_with_a_provider_no_key_for_trying_is_made(self):
        self.assertEqual(0, self.init("--issuer", "https://login.example.com")[0])
        self.assertNotIn("issuer.jwk", os.listdir(os.path.join(self.folder, "guard", "dev")))
        status, _, err = harness.writ("token", "for", "alice", "--through", "web-app", "--config",
                                      os.path.join(self.folder, "guard", "writ.yaml"))
        self.assertEqual(2, status)
        self.assertIn("there is no key for trying", err)

    def test_the_report_as_json_names_files_and_notes(self):
        status, out, _ = self.init("--json")
        self.assertEqual(0, status)
        report = json.loads(out)
        self.assertEqual((10, 10), (report["operations"], report["routes"]))
        self.assertIn("writ.yaml", report["files"])

    def test_what_is_no_document_is_an_error(self):
        for text, said in (("swagger: '2.0'\n", "convert it to OpenAPI 3.0"), ("a: [", "not valid YAML"), ("", "empty"),
                           ('{"openapi": "3.1.0", "paths": {}}', "no operations")):
            document = os.path.join(self.folder, "document")
            with open(document, "w", encoding="utf-8") as file:
                file.write(text)
            status, out, err = self.init(document=document)
            self.assertEqual((2, ""), (status, out))
            self.assertIn(said, err)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "guard")))


if __name__ == "__main__":
    unittest.main()
