"""The command line as people meet it: words that nothing has, secrets, one run for all mistakes, help without work."""
import json
import os
import pty
import re
import select
import stat
import subprocess
import tempfile
import unittest

import harness

HASH = re.compile(r'"\$scrypt\$ln=14,r=8,p=1\$[\w-]+\$[\w-]+"')


class Words(unittest.TestCase):
    def refused(self, *words):
        status, out, err = harness.writ(*words)
        self.assertEqual((2, ""), (status, out), err)
        return err

    def test_an_unknown_command_is_named_with_the_nearest(self):
        self.assertIn("writ: unknown command `chekc`: did you mean `check`?", self.refused("chekc"))
        self.assertIn("unknown command `task apprvoe`: did you mean `approve`?", self.refused("task", "apprvoe", "t-1"))

    def test_an_unknown_option_is_named_with_the_nearest(self):
        self.assertIn("unknown option `--confg` of `writ check`: did you mean `--config`?", self.refused("check", "--confg", "x"))

    def test_without_a_command_all_are_listed(self):
        self.assertIn("a command is missing; the commands of `writ` are init, serve, dev", self.refused())


class Secrets(unittest.TestCase):
    def test_the_hash_of_a_secret_can_be_pasted_into_a_map_on_one_line(self):
        status, out, err = harness.writ("keys", "hash", stdin="a good long secret\n")
        self.assertEqual((0, ""), (status, err))
        self.assertRegex(out, rf"^{HASH.pattern}\n$")

        def edit(text):
            return text.replace("  identities:\n", "  identities:\n    - {id: desk, kind: service, purposes: [operations], "
                                f"secret_hash: {out.strip()}}}\n")
        world = harness.TestWorld(edit=edit)
        self.addCleanup(world.close)
        status, out, _ = harness.writ("check", "--config", world.config)
        self.assertEqual(0, status, out)

    def test_a_new_secret_comes_with_its_hash_in_quotes(self):
        for name in ("hash", "hash-secret"):
            status, out, _ = harness.writ("keys", name, "--new")
            self.assertEqual(0, status)
            self.assertRegex(out, rf"^secret:      [\w-]{{43}}\nsecret_hash: {HASH.pattern}\n$")

    def test_json_has_the_hash_as_it_is(self):
        _, out, _ = harness.writ("keys", "hash", "--json", stdin="a good long secret")
        self.assertEqual(["secret_hash"], list(json.loads(out)))
        self.assertTrue(json.loads(out)["secret_hash"].startswith("$scrypt$"))

    def test_a_secret_is_never_an_argument(self):
        status, out, _ = harness.writ("keys", "hash", "a-secret")
        self.assertEqual((2, ""), (status, out))

    def test_an_empty_secret_has_no_hash(self):
        for text in ("", "\n", "\r\n"):
            status, out, err = harness.writ("keys", "hash", stdin=text)
            self.assertEqual((2, ""), (status, out))
            self.assertIn("no secret", err)

    def test_what_is_typed_is_asked_for_and_not_shown(self):
        main, terminal = pty.openpty()
        self.addCleanup(os.close, main)
        run = subprocess.Popen([harness.WRIT, "keys", "hash"], stdin=terminal, stdout=subprocess.PIPE, stderr=terminal)
        os.close(terminal)
        seen = b""
        while b"secret: " not in seen:
            self.assertTrue(select.select([main], [], [], 30)[0], seen)
            seen += os.read(main, 1000)
        os.write(main, b"typed-by-hand\n")
        out, _ = run.communicate(timeout=60)
        while select.select([main], [], [], 0)[0]:
            try:
                seen += os.read(main, 1000)
            except OSError:
                break
        self.assertEqual(0, run.returncode)
        self.assertRegex(out.decode(), HASH)
        self.assertNotIn(b"typed-by-hand", seen)


class Check(unittest.TestCase):
    def check(self, edit):
        world = harness.TestWorld(edit=edit)
        self.addCleanup(world.close)
        return harness.writ("check", "--config", world.config), world

    def test_one_run_tells_all_mistakes_wherever_they_are(self):
        world = harness.TestWorld(edit=lambda text: re.sub(r"api: 127\S+", "api: nowhere", text).replace(
            'path: "/invoices/{invoice}", action: read', 'path: "invoices/{invoice}", action: raed'))
        self.addCleanup(world.close)
        with open(os.path.join(world.folder, "policies", "mail.cedar"), "a", encoding="utf-8") as file:
            file.write("permit (principal, action, resource) when {")
        with open(os.path.join(world.folder, "entities.json"), encoding="utf-8") as file:
            entities = file.read()
        with open(os.path.join(world.folder, "entities.json"), "w", encoding="utf-8") as file:
            file.write(entities.replace('"amount": 480', '"amount": "480"').replace('"amount": 1290', '"amount": "1290"'))
        with open(os.path.join(world.folder, "policies", "billing.cedar"), "a", encoding="utf-8") as file:
            file.write('permit (principal, action == Billing::Action::"read", resource) when { resource.amuont > 1 };')
        status, out, _ = harness.writ("check", "--config", world.config)
        self.assertEqual(1, status)
        for part in ("`api` must be an IP address and a port, found `nowhere`", "API `invoices` has no action `raed`",
                     "expected a `/` at its begin", "write `/invoices/{invoice}`", "mail.cedar:", "amuont", "entity 0:",
                     "entity 1:"):
            self.assertIn(part, out)

    def test_a_path_that_is_meant_as_a_pattern_is_a_warning_that_says_how_to_write_it(self):
        for written, better in (("/orders/*", "/orders/{name}"), ("/orders/:id", "/orders/{id}"),
                                ("/orders/<id>", "/orders/{id}")):
            (status, out, _), _ = self.check(lambda text: text.replace(
                "      routes:\n", "      routes:\n        - {method: GET, path: '%s', action: read, "
                "resource: 'Billing::Invoice::\"all\"'}\n" % written, 1))
            self.assertEqual(0, status, out)
            self.assertIn(f"warning: `{written.rpartition('/')[2]}` in the path `{written}`", out)
            self.assertIn(f"write `{better}`", out)

    def test_a_hash_without_quotes_in_a_map_says_what_to_do(self):
        (status, out, _), _ = self.check(lambda text: text.replace(
            "  identities:\n", "  identities:\n    - {id: desk, kind: service, secret_hash: $scrypt$ln=14,r=8,p=1$"
            "KOF-PM5vc3mJWL6k0-ud4A$aCC2SwGsfSUwr5RhrNtnxVZYmj7xa_ebWbY2DUbKGfA}\n"))
        self.assertEqual(1, status)
        self.assertIn("the value of `secret_hash` ends at a comma", out)
        self.assertIn('in quotes: secret_hash: "$scrypt$ln=14,r=8,p=1$KOF', out)
        self.assertIn("1 errors", out)


class TheDoor(unittest.TestCase):
    """./x"""

    def test_help_of_every_command_does_no_work(self):
        usage = subprocess.run([os.path.join(harness.ROOT, "x"), "help"], capture_output=True, text=True, check=True).stdout
        commands = sorted(set(re.findall(r"^  ([a-z]+)", usage, re.MULTILINE)))
        self.assertLess({"run", "test", "build", "bench", "fuzz", "check", "fmt"} - set(commands), {"run"})
        with tempfile.TemporaryDirectory() as folder:
            # What would begin any work tells of it.
            for name in ("cmake", "ninja", "ctest", "apt-get", "sudo", "dpkg-query", "python3", "git", "clang-format-14"):
                path = os.path.join(folder, name)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(f"#!/bin/sh\necho {name} >> {folder}/called\nexit 1\n")
                os.chmod(path, stat.S_IRWXU)
            for command in commands:
                for option in ("--help", "-h"):
                    run = subprocess.run([os.path.join(harness.ROOT, "x"), command, option], capture_output=True, text=True,
                                         env={**os.environ, "PATH": folder + os.pathsep + os.environ["PATH"]}, timeout=60)
                    self.assertEqual((0, ""), (run.returncode, run.stderr), command)
                    self.assertIn(f"  {command}", run.stdout)
            self.assertFalse(os.path.exists(os.path.join(folder, "called")))

    def test_help_of_an_unknown_command_is_an_error(self):
        run = subprocess.run([os.path.join(harness.ROOT, "x"), "rnu", "--help"], capture_output=True, text=True)
        self.assertEqual(2, run.returncode)
        self.assertIn("unknown command `rnu`", run.stderr)


if __name__ == "__main__":
    unittest.main()
