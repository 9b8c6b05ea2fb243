"""The documents are true: README's first policy works as told, every key, reason and path is described."""
import json
import os
import re
import subprocess
import tempfile
import unittest

import yaml

import certificates
import harness


def read(*path):
    with open(os.path.join(harness.ROOT, *path), encoding="utf-8") as file:
        return file.read()


def sources(*modules):
    """The text of modules' own .cc files, also in their subfolders."""
    found = []
    for module in modules:
        for folder, _, names in os.walk(os.path.join(harness.ROOT, "src", module)):
            found += [read(folder, name) for name in sorted(names) if name.endswith(".cc") and not name.endswith("_test.cc")]
    return "".join(found)


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

    def test_the_refusal_it_begins_with_is_one(self):
        asked, refused = blocks(read("README.md"), "text")[0].splitlines()
        method, path, _, user, _, client = asked.replace(",", "").split()
        status, out, err = harness.writ("decide", "--config", os.path.join(harness.ACME, "writ.yaml"), "--request", f"{method} {path}",
                                        "--sub", user, "--client", client, "--purpose", "support", "--tenant", "north")
        self.assertEqual(1, status, err)
        _, reason, message = refused.split(maxsplit=2)
        self.assertEqual(f"deny {reason}: {message}\n", out)

    def test_the_commands_it_names_are_there(self):
        status, out, _ = harness.writ("--help")
        self.assertEqual(0, status)
        for command in ("serve", "check", "token", "task", "inventory", "audit", "keys"):
            self.assertRegex(out, rf"\n  {command}\b")


class Jobs(unittest.TestCase):
    """The first page of each job: its commands, run one after the other, print what the page shows."""
    # Commands that ask a running Writ; in a test it listens elsewhere.
    ASKING = '"token get"|"token exchange"|"task "*|"inventory "*|"policies "*'
    END_OF_BLOCK = "=== end of block ==="

    def run_page(self, name):
        world = harness.TestWorld()
        self.addCleanup(world.close)
        world.start()
        # Made last, because this tree may lie below /tmp itself.
        program = (f'writ() {{ case "${{1-}} ${{2-}}" in "inventory import"|"inventory adopt") {harness.WRIT} "$@";; {self.ASKING}) {harness.WRIT} "$@" --server {world.api};; '
                   f'*) {harness.WRIT} "$@";; esac; }}\n')
        script, shown = [], []  # for each block of shell what the page shows of its output
        for language, text in re.findall(r"^```(\w+)\n(.*?)^```", read("docs", name), re.DOTALL | re.MULTILINE):
            if language == "sh":
                lines = [line for line in text.splitlines() if not line.startswith("./x ")]
                script.append("\n".join(lines) + f"\necho; echo '{self.END_OF_BLOCK}'")
                shown.append([])
            elif language == "text":
                shown[-1] += text.splitlines()
            elif language == "cedar":
                self.check_policies(text)
            elif language == "yaml":
                self.use_yaml(world, text)
        script = "\n".join(script)
        for old, new in (("/tmp/", "$PWD/"), ("cd examples/acme", f"cd {world.folder}"),
                         ("http://127.0.0.1:8180", world.api), ("http://127.0.0.1:8181", world.gateway)):
            script = script.replace(old, new)
        run = subprocess.run(["bash", "-uc", program + script], capture_output=True, text=True, timeout=120)
        self.assertEqual("", run.stderr)
        outputs = run.stdout.split(self.END_OF_BLOCK + "\n")
        self.assertEqual(len(shown), len(outputs) - 1, run.stdout)
        self.assertTrue(any(shown))
        for lines, output in zip(shown, outputs):
            left = output.splitlines()
            for line in lines:  # in this order; `…` stands for anything
                pattern = ".*".join(re.escape(part.strip()) for part in line.split("…"))
                while left and not re.search(pattern, left[0]):
                    left.pop(0)
                self.assertTrue(left, f"docs/{name} shows `{line}`; the output is:\n{output}")
                left.pop(0)

    def use_yaml(self, world, text):
        """What a block of YAML is, its first line says."""
        first, _, rest = text.partition("\n")
        if first == "# from examples/acme/writ.yaml":
            acme = read("examples", "acme", "writ.yaml")
            for line in rest.splitlines():
                self.assertIn(line + "\n", acme)
        elif first == "# listen":
            self.check_listeners(rest)
        else:
            with open(os.path.join(world.folder, first.removeprefix("# ")), "w", encoding="utf-8") as file:
                file.write(rest)

    def check_listeners(self, listen):
        """In the place of Acme's, with a certificate where the page has one."""
        world = harness.TestWorld(lambda text: re.sub(r"^listen:\n(  .*\n)+", listen, text, flags=re.MULTILINE))
        self.addCleanup(world.close)
        authority = certificates.Authority(os.path.join(world.folder, "tls"))
        authority.issue("api", ["DNS:api.acme.example"])
        status, out, err = harness.writ("check", "--config", world.config)
        self.assertEqual(0, status, out + err)

    def check_policies(self, text):
        """Beside Acme's policies and under its schema."""
        world = harness.TestWorld()
        self.addCleanup(world.close)
        with open(os.path.join(world.folder, "policies", "page.cedar"), "w", encoding="utf-8") as file:
            file.write(text)
        status, out, err = harness.writ("check", "--config", world.config)
        self.assertEqual(0, status, out + err)

    def test_protect_an_api(self):
        self.run_page("protect-an-api.md")

    def test_let_an_agent_work(self):
        self.run_page("let-an-agent-work.md")

    def test_test_policies(self):
        self.run_page("test-policies.md")

    def test_run_in_production(self):
        self.run_page("run-in-production.md")

    def test_the_inventory(self):
        self.run_page("inventory.md")

    def test_grants(self):
        self.run_page("grants.md")

    def test_api_keys(self):
        self.run_page("api-keys.md")

    def test_the_example_of_the_api(self):
        self.run_page("api.md")

    def test_the_pages_are_short_and_readme_leads_to_them(self):
        for name in ("protect-an-api.md", "let-an-agent-work.md", "test-policies.md", "run-in-production.md"):
            self.assertLessEqual(len(read("docs", name).splitlines()), 100, name)
            self.assertIn(f"(docs/{name})", read("README.md"))


class Configuration(unittest.TestCase):
    KEY = re.compile(r'"([a-z_]+)"')

    def test_the_example_it_begins_with_is_one(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "writ.yaml"), "w", encoding="utf-8") as file:
                file.write(blocks(read("docs", "configuration.md"), "yaml")[0])
            status, keys, err = harness.writ("keys", "generate", os.path.join(folder, "reports.private.jwk"))
            self.assertEqual(0, status, err)
            with open(os.path.join(folder, "reports.jwks.json"), "w", encoding="utf-8") as file:
                file.write(keys)
            os.mkdir(os.path.join(folder, "policies"))
            with open(os.path.join(folder, "policies", "reports.cedar"), "w", encoding="utf-8") as file:
                file.write('permit (principal == Writ::Service::"reports", action == Billing::Action::"read", resource);')
            status, out, err = harness.writ("check", "--config", os.path.join(folder, "writ.yaml"))
            self.assertEqual(0, status, out + err)
            self.assertIn("0 errors, 0 warnings", out)

    def allowed(self, text, what):
        """The keys that the reader of `what` takes, from the source."""
        match = re.search(rf'"{what}",\s*\{{(.*?)\}}\)', text, re.DOTALL)
        self.assertIsNotNone(match, what)
        return set(self.KEY.findall(match.group(1)))

    def test_every_key_is_described_and_no_other(self):
        document = read("docs", "configuration.md")
        source = sources("config")
        for what, heading in (("the configuration", "The top"), ("listen, a listener, tls", "`listen`"),
                              ("tokens", "`tokens`"), ("outbound, proxy", "`outbound`"),
                              ("a source of facts, http, sqlite, postgres", "`fact_sources`"),
                              ("a trusted issuer, key_refresh", "`trusted_issuers`"), ("policies", "`policies`"),
                              ("an identity", "`inventory.identities`"), ("an API, upstream_tls, cors, a route", "`inventory.apis`"),
                              ("audit", "`audit`"), ("limits", "`limits`"), ("authzen", "`authzen`"), ("tasks", "`tasks`"),
                              ("approvals", "`approvals`"), ("database", "`database`"), ("metrics", "`metrics`"),
                              ("explain", "`explain`"), ("a window of a calendar", "`calendars`")):
            with self.subTest(what):
                section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", document, re.DOTALL | re.MULTILINE)
                rows = re.findall(r"^\| (`[^|]*`) \|", section.group(1), re.MULTILINE)
                described = {key for row in rows for key in re.findall(r"`([a-z_]+)`", row)}
                self.assertEqual(set().union(*(self.allowed(source, each) for each in what.split(", "))), described)


class Links(unittest.TestCase):
    DOCUMENTS = subprocess.run(["git", "ls-files", "*.md"], cwd=harness.ROOT, capture_output=True, text=True, check=True).stdout.split()

    @staticmethod
    def anchors(text):
        """Those that GitHub makes of the headings."""
        headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    def test_every_link_leads_to_a_file_and_a_heading(self):
        followed, wrong = 0, []
        for path in self.DOCUMENTS:
            for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", read(path)):
                followed += 1
                file = os.path.normpath(os.path.join(os.path.dirname(path), target)) if target else path
                if not os.path.exists(os.path.join(harness.ROOT, file)):
                    wrong.append(f"{path}: {target}")
                elif anchor and anchor not in self.anchors(read(file)):
                    wrong.append(f"{path}: {target}#{anchor}")
        self.assertEqual([], wrong)
        self.assertGreater(followed, 100)


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


class Tests(unittest.TestCase):
    def test_every_test_that_a_document_names_is_there(self):
        listed = subprocess.run(["git", "ls-files", "-z", "*_test.cc"], cwd=harness.ROOT, capture_output=True, check=True).stdout.decode()
        there = set()
        for path in filter(None, listed.split("\0")):
            there.update(f"{suite}.{name}" for suite, name in re.findall(r"^TEST(?:_F|_P)?\((\w+),\s+(\w+)\)", read(path), re.MULTILINE))
        named = re.findall(r"`(\w+\.[A-Z]\w+)`", read("docs", "attacks-on-facts.md"))
        self.assertGreater(len(named), 50)
        self.assertEqual([], sorted(set(named) - there))


class Policies(unittest.TestCase):
    def test_the_shadow_policy_of_the_document_is_one(self):
        world = harness.TestWorld()
        self.addCleanup(world.close)
        with open(os.path.join(world.folder, "policies", "shadow.cedar"), "w", encoding="utf-8") as file:
            file.write("\n".join(blocks(read("docs", "policies.md"), "cedar")))
        status, out, _ = harness.writ("check", "--config", world.config, "--json")
        self.assertEqual((0, 1), (status, json.loads(out)["shadow_policies"]), out)

    def test_the_policy_that_the_context_begins_with_is_one(self):
        world = harness.TestWorld()
        self.addCleanup(world.close)
        with open(os.path.join(world.folder, "policies", "page.cedar"), "w", encoding="utf-8") as file:
            file.write(blocks(read("docs", "policy-context.md"), "cedar")[0])
        status, out, _ = harness.writ("check", "--config", world.config)
        self.assertEqual(0, status, out)

    def test_the_commands_of_the_document_are_there(self):
        for line in "".join(blocks(read("docs", "policies.md"), "sh")).splitlines():
            words = line.split("#")[0].split()
            command = words[1:3] if words[1] in ("policies", "audit") else words[1:2]
            status, out, _ = harness.writ(*command, "--help")
            self.assertEqual(0, status, line)
            for option in (word for word in words if word.startswith("--")):
                self.assertIn(option, out)


class Glossary(unittest.TestCase):
    def test_every_type_it_names_is_declared_where_it_says(self):
        section = re.search(r"^## Glossary\n(.*?)^## ", read("CONTRIBUTING.md"), re.DOTALL | re.MULTILINE).group(1)
        words = [word for words in re.findall(r"^\| ([a-z, ]+) \|", section, re.MULTILINE) if words != "word" for word in words.split(", ")]
        self.assertEqual(len(words), len(set(words)), "a word with two meanings")
        named = re.findall(r"`([a-z]+)::([A-Z]\w+)`", section)
        self.assertGreater(len(named), 8)
        for module, name in named:
            headers = "".join(read(folder, file) for folder, _, files in os.walk(os.path.join(harness.ROOT, "src", module))
                              for file in files if file.endswith(".h"))
            self.assertRegex(headers, rf"(?m)^(?:class|struct|enum class|using) {name}\b", f"{module}::{name}")


class Codes(unittest.TestCase):
    def test_every_reason_is_described(self):
        codes = set(re.findall(r'"([a-z_]+)"', read("src", "base", "denial.cc").split("kCodes", 1)[-1].split("};")[0]))
        self.assertGreater(len(codes), 30)
        described = set(re.findall(r"`([a-z_]+)`", "".join(
            re.findall(r"^\| (`.*?`) \|", read("docs", "reasons.md"), re.MULTILINE))))
        self.assertEqual(codes, described)

    def test_every_error_of_the_server_is_described(self):
        document = read("docs", "errors.md")
        text = sources("http", "gateway", "config", "api", "authzen", "server")
        codes = set(re.findall(r'(?:error_response|error_answer|refuse)\(\s*\d{3},\s*"([a-z_]+)"', text))
        codes |= set(re.findall(r'\.code = "([a-z_]+)"', text))
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
        found = set(re.findall(r'"(/(?:v1|oauth2|access|\.well-known|healthz|readyz|metrics)[^"{]*(?:\{id\}[^"{]*)?)"',
                               sources("api", "authzen", "server")))
        self.assertGreater(len(found), 8)
        for path in found:
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
