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


    def test_a_word_that_is_missing_or_too_many_is_named_with_the_command(self):
        self.assertIn("writ: `id` is missing; `writ access of --help` says what it is", self.refused("access", "of"))
        self.assertIn("writ: `writ check` does not take `extra`", self.refused("check", "extra"))
        self.assertIn("writ: `--config` needs a value", self.refused("check", "--config"))
        self.assertIn("writ: `--config` is given more than once", self.refused("check", "--config", "a", "--config", "b"))
        self.assertIn("writ: `--json` and `--csv` do not go together", self.refused("posture", "--json", "--csv"))
        self.assertIn("`--fail-on`: must be one of critical, high, medium, low; found `hihg`: did you mean `high`?",
                      self.refused("posture", "--fail-on", "hihg"))

    def test_a_number_below_zero_is_not_taken_for_a_large_one(self):
        self.assertIn("`--links`: must be a whole number from 0 on, found `-1`",
                      self.refused("access", "of", "nora", "--links", "-1"))

    def test_a_name_that_begins_with_a_dash_says_how_to_write_it(self):
        self.assertIn("put `--` before a name that begins with `-`", self.refused("access", "of", "-nora"))

    def test_a_folder_in_place_of_the_configuration_says_which_file_is_meant(self):
        acme = os.path.join(harness.ROOT, "examples", "acme")
        for command in ("check", "test", "rightsize"):
            self.assertIn(f"`{acme}` is a folder: name the file in it, `{acme}/writ.yaml`",
                          self.refused(command, "--config", acme))
        self.assertIn("there is no configuration file `absent.yaml`\n", self.refused("check", "--config", "absent.yaml"))

    def test_a_misspelt_api_or_action_is_named_with_the_nearest(self):
        config = ("--config", os.path.join(harness.ROOT, "examples", "acme", "writ.yaml"))
        for words in (("access", "to", "invoice"), ("access", "classes", "invoice"), ("claims", "contract", "invoice"),
                      ("access", "report", "--html", "/nowhere/x", "invoice")):
            self.assertIn("there is no API `invoice`: did you mean `invoices`?", self.refused(*words, *config))
        self.assertIn("there is no action `raed`: did you mean `read`?",
                      self.refused("access", "to", "invoices", "--action", "raed", *config))

    def test_a_claim_given_twice_is_refused(self):
        key = os.path.join(harness.ROOT, "examples", "acme", "demo-keys", "idp.jwk")
        self.assertIn("claim `sub` is given twice",
                      self.refused("token", "sign", "--key-file", key, "--claim", "sub=nora", "--claim", "sub=niklas"))


class WrongLogs(unittest.TestCase):
    """What is not an audit log is never a log that is whole, or one in which nobody did anything."""

    ACME = os.path.join(harness.ROOT, "examples", "acme")

    def refused(self, *words):
        status, out, err = harness.writ(*words)
        self.assertEqual((2, ""), (status, out), err)
        return err

    def test_a_folder_without_a_log_is_refused_by_whatever_reads_one(self):
        config = ("--config", os.path.join(self.ACME, "writ.yaml"))
        for words in (("audit", "verify"), ("audit", "show"), ("audit", "index"), ("audit", "observed")):
            self.assertIn(f"no file in the folder `{self.ACME}` is an audit log", self.refused(*words, self.ACME))
        for words in (("posture",), ("rightsize",), ("inventory", "adopt"), ("report", "--html", "/nowhere/x")):
            self.assertIn(f"no file in the folder `{self.ACME}` is an audit log",
                          self.refused(*words, *config, "--audit", self.ACME))

    def test_a_file_that_is_no_log_is_not_shown_as_one(self):
        with tempfile.TemporaryDirectory(prefix="writ-no-log-") as folder:
            file = os.path.join(folder, "notes.txt")
            with open(file, "w", encoding="utf-8") as notes:
                notes.write("hello\n\x1b[2J\n")
            for option in ((), ("--json",)):
                self.assertIn("2 lines are not records", self.refused("audit", "show", file, *option))
            self.assertIn("does not begin with a record", self.refused("audit", "index", file))
            self.assertIn("none of the 2 lines is a record", self.refused(
                "rightsize", "--config", os.path.join(self.ACME, "writ.yaml"), "--audit", file))

    def test_a_page_goes_into_a_file_without_a_folder_and_not_in_the_place_of_one(self):
        with tempfile.TemporaryDirectory(prefix="writ-page-") as folder:
            for words in (("access", "report", "mail"), ("posture", "--check", "no-owner"), ("report", "--quick")):
                command = [harness.WRIT, *words, "--config", os.path.join(self.ACME, "writ.yaml"), "--html"]
                done = subprocess.run([*command, "page.html"], cwd=folder, capture_output=True, text=True, check=False)
                self.assertEqual((0, ""), (done.returncode, done.stderr), words)
                self.assertEqual(0o600, stat.S_IMODE(os.stat(os.path.join(folder, "page.html")).st_mode), words)
                done = subprocess.run([*command, "."], cwd=folder, capture_output=True, text=True, check=False)
                self.assertEqual(2, done.returncode, words)
                self.assertIn("cannot write `.`: it is a folder", done.stderr)


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

    def test_a_key_without_a_value_is_not_the_widest_that_it_could_mean(self):
        (status, out, _), _ = self.check(lambda text: text.replace("claims: {subject: sub, tenant: tenant}", "tenants:"))
        self.assertEqual(1, status)
        self.assertIn("error: `tenants` has no value", out)

    def test_a_method_in_small_letters_and_a_type_that_the_schema_does_not_have_are_warned_of(self):
        (status, out, _), _ = self.check(lambda text: text.replace("{method: GET, path: \"/invoices/", "{method: get, path: \"/invoices/")
                                         .replace("'Billing::Invoice::\"{invoice}\"'", "'Billing::Invoic::\"{invoice}\"'"))
        self.assertEqual(0, status, out)
        self.assertIn("`get` is not a method that callers send: methods are told apart by case", out)
        self.assertIn("does not declare the type `Billing::Invoic`", out)
        self.assertIn("did you mean `Billing::Invoice`?", out)

    def test_a_hash_without_quotes_in_a_map_says_what_to_do(self):
        (status, out, _), _ = self.check(lambda text: text.replace(
            "  identities:\n", "  identities:\n    - {id: desk, kind: service, secret_hash: $scrypt$ln=14,r=8,p=1$"
            "KOF-PM5vc3mJWL6k0-ud4A$aCC2SwGsfSUwr5RhrNtnxVZYmj7xa_ebWbY2DUbKGfA}\n"))
        self.assertEqual(1, status)
        self.assertIn("the value of `secret_hash` ends at a comma", out)
        self.assertIn('in quotes: secret_hash: "$scrypt$ln=14,r=8,p=1$KOF', out)
        self.assertIn("1 error,", out)


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
