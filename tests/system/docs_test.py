"""The documents are true: README's first policy works as told, every key, reason and path is described."""
import json
import os
import re
import subprocess
import unittest

import yaml

import harness


def read(*path):
    with open(os.path.join(harness.ROOT, *path), encoding="utf-8") as file:
        return file.read()


def sources_of(*modules):
    """The production code of modules, in one text."""
    return "".join(read(folder, name) for module in modules for folder, _, names in os.walk(os.path.join(harness.ROOT, "src", module))
                   for name in sorted(names) if name.endswith(".cc") and not name.endswith("_test.cc"))


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


class Readme(unittest.TestCase):
    def test_the_first_policy_comes_out_as_told(self):
        readme = read("README.md")
        world = harness.TestWorld()
        self.addCleanup(world.close)
        with open(os.path.join(world.folder, "policies", "billing.cedar"), "a", encoding="utf-8") as file:
            file.write("\n".join(blocks(readme, "cedar")))
        status, out, _ = harness.writ("check", "--config", world.config)
        self.assertEqual(0, status, out)
        world.start()
        # The lines as they stand there, for this test's ports and folders.
        script = next(block for block in blocks(readme, "sh") if "token sign" in block)
        for old, new in (("/tmp/", "$PWD/"), ("../../build/release/bin/writ", harness.WRIT),
                         ("cd examples/acme", f"cd {world.folder}"), ("http://127.0.0.1:8180", world.api),
                         ("http://127.0.0.1:8181", world.gateway), ("writ token exchange", f"writ token exchange --server {world.api}")):
            self.assertIn(old, script)
            script = script.replace(old, new)
        run = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, timeout=60)
        self.assertEqual(0, run.returncode, run.stderr)
        niklas, status, nora = run.stdout.partition("HTTP/1.1 403")
        self.assertTrue(status, run.stdout)
        self.assertIn("HTTP/1.1 200", niklas)
        self.assertIn('"amount": 480', niklas)
        self.assertIn('"reason":"policy_no_permit"', nora)
        self.assertIn('Writ::Application::\\"marketing-app\\"', nora)

    def test_the_commands_it_names_are_there(self):
        status, out, _ = harness.writ("--help")
        self.assertEqual(0, status)
        for command in ("serve", "check", "token", "task", "inventory", "audit", "keys"):
            self.assertRegex(out, rf"\n  {command}\b")


class Configuration(unittest.TestCase):
    KEY = re.compile(r'"([a-z_]+)"')

    def allowed(self, text, what):
        """The keys that the reader of `what` takes, from the source."""
        match = re.search(rf'"{what}",\s*\{{(.*?)\}}\)', text, re.DOTALL)
        self.assertIsNotNone(match, what)
        return set(self.KEY.findall(match.group(1)))

    def test_every_key_is_described_and_no_other(self):
        document = read("docs", "configuration.md")
        config, world = read("src", "config", "config.cc"), read("src", "config", "world.cc")
        listen = read("src", "config", "listen.cc")
        for source, what, heading in ((config, "the configuration", "The top"), (listen, "listen, a listener, tls", "`listen`"),
                                      (config, "tokens", "`tokens`"), (config, "a trusted issuer", "`trusted_issuers`"),
                                      (config, "policies", "`policies`"), (world, "an identity", "`inventory.identities`"),
                                      (world, "an API, upstream_tls", "`inventory.apis`"), (config, "audit", "`audit`"),
                                      (config, "limits", "`limits`"), (config, "authzen", "`authzen`"),
                                      (config, "tasks", "`tasks`"), (config, "approvals", "`approvals`"),
                                      (config, "database", "`database`"), (config, "metrics", "`metrics`"),
                                      (config, "explain", "`explain`")):
            with self.subTest(what):
                section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", document, re.DOTALL | re.MULTILINE)
                rows = re.findall(r"^\| (`[^|]*`) \|", section.group(1), re.MULTILINE)
                described = {key for row in rows for key in re.findall(r"`([a-z_]+)`", row)}
                self.assertEqual(set().union(*(self.allowed(source, each) for each in what.split(", "))), described)


class Commands(unittest.TestCase):
    """Whatever documents, messages, comments and --help tell people to type is there."""

    @classmethod
    def setUpClass(cls):
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=harness.ROOT, capture_output=True, check=True).stdout.decode()
        cls.files = [path for path in listed.split("\0") if path.endswith((".md", ".cc", ".h", ".py", ".yaml", ".cedar", ".json"))
                     and not path.startswith(("tests/", "fuzz/differential/")) and not path.endswith("_test.cc")]
        cls.helps = {}

    def help(self, *words):
        """The help of a command; None where there is no such command."""
        if words not in self.helps:
            status, out, _ = harness.writ(*words, "--help")
            self.helps[words] = out if status == 0 else None
        return self.helps[words]

    def commands(self, *above):
        below = (self.help(*above) or "").partition("Subcommands:\n")[2]
        for name in re.findall(r"^  ([a-z-]+)", below, re.MULTILINE):
            yield (*above, name)
            yield from self.commands(*above, name)

    def check(self, words):
        """`words` are those after `writ`; what is wrong with them."""
        command = []
        for word in words:
            if re.fullmatch(r"[a-z][a-z-]*", word) and "Subcommands:" in self.help(*command):
                command.append(word)
                if self.help(*command) is None:
                    return f"there is no command `writ {' '.join(command)}`"
            else:
                break
        for option in (word.partition("=")[0] for word in words if word.startswith("--")):
            if option not in self.help(*command):
                return f"`writ {' '.join(command)}` has no option `{option}`"
        return None

    def test_every_command_that_is_named_is_known_to_the_binary(self):
        named, wrong = 0, []
        for path in self.files:
            text = read(path)
            # In backquotes anywhere; in documents also what stands in a block of shell.
            found = re.findall(r"(?<!`)`writ ([^`\n]+)`", text)
            if path.endswith(".md"):
                for block in blocks(text, "sh"):
                    found += re.findall(r"^(?:\S*/)?writ ([^\n|>#]+)", block.replace("\\\n", " "), re.MULTILINE)
            for line in found:
                # An action of Writ's own API is none of its commands.
                words = line.replace('"', " ").split()
                named += 1
                problem = self.check(words)
                if problem:
                    wrong.append(f"{path}: `writ {line}`: {problem}")
        self.assertEqual([], wrong)
        self.assertGreater(named, 40)

    def test_what_was_wrong_once_would_be_found(self):
        self.assertIsNone(self.check(["keys", "hash"]))
        self.assertIn("no command `writ keys hsah`", self.check(["keys", "hsah"]))
        self.assertIn("no command `writ chekc`", self.check(["chekc", "--config", "writ.yaml"]))
        self.assertIn("has no option `--confg`", self.check(["check", "--confg", "writ.yaml"]))

    def test_every_option_that_is_named_is_known_to_some_command(self):
        everything = "".join(self.help(*words) for words in [(), *self.commands()])
        everything += read("x") + read("bench", "run") + read("bench", "hostile.py")
        for path in (path for path in self.files if path.endswith(".md")):
            for option in re.findall(r"`(--[a-z-]+)", read(path)):
                self.assertIn(option, everything, path)

    def test_every_file_that_is_named_is_there(self):
        wrong = []
        named = re.compile(r"(?<![\w/.-])((?:docs|examples|tests|bench|fuzz)/[\w./-]+\.(?:md|py|yaml|json|cedar|cc|txt))\b")
        for path in self.files:
            for name in named.findall(read(path)):
                if not any(os.path.exists(os.path.join(harness.ROOT, folder, name)) for folder in ("", os.path.dirname(path))):
                    wrong.append(f"{path}: {name}")
        for words in [(), *self.commands()]:
            for name in named.findall(self.help(*words)):
                if not os.path.exists(os.path.join(harness.ROOT, name)):
                    wrong.append(f"writ {' '.join(words)} --help: {name}")
        self.assertEqual([], wrong)


class Policies(unittest.TestCase):
    def test_the_shadow_policy_of_the_document_is_one(self):
        world = harness.TestWorld()
        self.addCleanup(world.close)
        with open(os.path.join(world.folder, "policies", "shadow.cedar"), "w", encoding="utf-8") as file:
            file.write("\n".join(blocks(read("docs", "policies.md"), "cedar")))
        status, out, _ = harness.writ("check", "--config", world.config, "--json")
        self.assertEqual((0, 1), (status, json.loads(out)["shadow_policies"]), out)

    def test_the_commands_of_the_document_are_there(self):
        for line in "".join(blocks(read("docs", "policies.md"), "sh")).splitlines():
            words = line.split("#")[0].split()
            command = words[1:3] if words[1] in ("policies", "audit") else words[1:2]
            status, out, _ = harness.writ(*command, "--help")
            self.assertEqual(0, status, line)
            for option in (word for word in words if word.startswith("--")):
                self.assertIn(option, out)


class Codes(unittest.TestCase):
    def test_every_reason_is_described(self):
        codes = set(re.findall(r'"([a-z_]+)"', read("src", "base", "denial.cc").split("kCodes", 1)[-1].split("};")[0]))
        self.assertGreater(len(codes), 30)
        described = set(re.findall(r"`([a-z_]+)`", "".join(
            re.findall(r"^\| (`.*?`) \|", read("docs", "reasons.md"), re.MULTILINE))))
        self.assertEqual(codes, described)

    def test_every_error_of_the_server_is_described(self):
        document = read("docs", "errors.md")
        sources = sources_of("http", "gateway", "api", "authzen", "server")
        codes = set(re.findall(r'(?:error_response|error_answer|refuse)\(\s*\d{3},\s*"([a-z_]+)"', sources))
        codes |= set(re.findall(r'\.code = "([a-z_]+)"', sources))
        self.assertGreater(len(codes), 8)
        for code in codes:
            self.assertTrue(f"`{code}`" in document, f"docs/errors.md does not describe `{code}`")


class OpenApi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.document = yaml.safe_load(read("docs", "openapi.yaml"))
        cls.world = harness.TestWorld()
        cls.addClassCleanup(cls.world.close)
        cls.world.start()
        cls.operator = cls.world.operator_token()

    def operations(self):
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                if method != "parameters":
                    yield path, method.upper(), operation

    def test_every_operation_is_served_and_answers_a_status_it_lists(self):
        for path, method, operation in self.operations():
            with self.subTest(operation["operationId"]):
                body = {} if "requestBody" in operation and "oauth2" not in path else None
                answer = self.world.api_call(self.operator, method, path.replace("{id}", "nobody"), body)
                listed = set(operation["responses"]) | {"415"}
                self.assertIn(str(answer.status), listed, answer)
                if answer.status == 404:
                    self.assertNotIn("nothing at this path", answer.body.decode())

    def test_every_endpoint_of_the_source_is_described(self):
        sources = sources_of("api", "authzen", "server")
        for path in set(re.findall(r'"(/(?:v1|oauth2|access|\.well-known|healthz|readyz|metrics)[^"{]*(?:\{id\}[^"{]*)?)"', sources)):
            if path.endswith("/"):
                continue
            self.assertIn(path, self.document["paths"])

    def test_every_reference_leads_somewhere(self):
        for reference in re.findall(r'\$ref: "#/([^"]+)"', read("docs", "openapi.yaml")):
            place = self.document
            for part in reference.split("/"):
                place = place[part]


class AuditFormat(unittest.TestCase):
    def test_the_verifier_in_the_document_agrees_with_writs(self):
        (verifier,) = blocks(read("docs", "audit-format.md"), "python")
        world = harness.TestWorld()
        self.addCleanup(world.close)
        world.start()
        world.through_gateway(world.customer_token(), "/invoices/inv-1001")
        head = world.api_call(world.operator_token(), "GET", "/v1/audit/head").json()
        world.stop_writ()
        log = os.path.join(world.data, "audit.log")
        run = subprocess.run(["python3", "-c", verifier, log], capture_output=True, text=True)
        self.assertEqual(0, run.returncode, run.stderr)
        with open(log, encoding="utf-8") as file:
            records = [json.loads(line) for line in file]
        self.assertEqual(f"whole: {records[-1]['hash']}\n", run.stdout)
        self.assertEqual(head["hash"], records[head["seq"] - 1]["hash"])
        with open(log, "r+", encoding="utf-8") as file:
            text = file.read().replace("nora", "sofia", 1)
            file.seek(0)
            file.write(text)
        self.assertNotEqual(0, subprocess.run(["python3", "-c", verifier, log], capture_output=True).returncode)

    def test_every_member_of_a_record_is_described(self):
        document = read("docs", "audit-format.md")
        for member in re.findall(r'writer\.(?:text|list|time|flag|json)\("([a-z_]+)"', read("src", "audit", "record.cc")):
            self.assertIn(f"`{member}`", document)


if __name__ == "__main__":
    unittest.main()
