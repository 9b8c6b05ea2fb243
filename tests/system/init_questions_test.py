"""`writ init` on a terminal: it asks for what its flags leave open, and never asks where there is nobody to answer."""
import os
import pty
import re
import shutil
import subprocess
import tempfile
import unittest

import harness

DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "orders", "openapi.json")


class Terminal:
    """A program on a terminal of its own; standard output apart, as a person redirects it."""

    def __init__(self, folder, *arguments):
        master, slave = pty.openpty()
        self.master = master
        self.process = subprocess.Popen([harness.WRIT, *arguments], stdin=slave, stderr=slave, stdout=subprocess.PIPE, cwd=folder, text=True)
        os.close(slave)
        self.shown = ""

    def read_until(self, text):
        while text not in self.shown:
            try:
                more = os.read(self.master, 4096)
            except OSError:  # Linux says so when the other side is closed
                more = b""
            if not more:
                raise AssertionError(f"it ended without {text!r}: {self.shown!r}")
            self.shown += more.decode()

    def answer(self, question, line):
        self.read_until(question)
        self.shown = self.shown.split(question, 1)[1]
        os.write(self.master, line.encode() + b"\n")

    def end(self):
        out, _ = self.process.communicate()
        try:
            while more := os.read(self.master, 4096):
                self.shown += more.decode()
        except OSError:
            pass
        os.close(self.master)
        return self.process.returncode, out


class Questions(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="writ-init-")
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.copy(DOCUMENT, os.path.join(self.folder, "openapi.json"))

    def config(self, folder):
        with open(os.path.join(self.folder, folder, "writ.yaml"), encoding="utf-8") as file:
            return file.read()

    def test_empty_lines_take_what_is_proposed(self):
        terminal = Terminal(self.folder, "init")
        terminal.answer("The OpenAPI document [openapi.json]: ", "")
        terminal.read_until("]: ")
        name = re.search(r"The API's id \[([a-z0-9-]+)\]: ", terminal.shown)[1]
        terminal.answer("]: ", "")
        terminal.answer("]: ", "")  # the identity provider
        terminal.answer(f"The folder to write [{name}]: ", "")
        status, out = terminal.end()
        self.assertEqual(0, status, terminal.shown)
        self.assertIn(f"wrote {name}: ", out)
        status, out, err = harness.writ("check", "--config", os.path.join(self.folder, name, "writ.yaml"))
        self.assertEqual(0, status, out + err)

    def test_answers_count_and_wrong_ones_are_asked_for_again(self):
        terminal = Terminal(self.folder, "init")
        terminal.answer("The OpenAPI document [openapi.json]: ", "nowhere.yaml")
        terminal.answer("The OpenAPI document [openapi.json]: ", "openapi.json")
        terminal.answer("The API's id [", "No Name!")
        terminal.answer("The API's id [", "shop")
        terminal.answer("Your identity provider", "login.example.com")
        terminal.answer("Your identity provider", "https://login.example.com/realms/shop")
        terminal.answer("The folder to write [shop]: ", "guard")
        status, out = terminal.end()
        self.assertEqual(0, status, terminal.shown)
        self.assertIn("https://login.example.com/realms/shop", self.config("guard"))
        self.assertRegex(self.config("guard"), r"id: shop\b")

    def test_the_owner_is_asked_for_where_the_document_does_not_say_it(self):
        path = os.path.join(self.folder, "openapi.json")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace('"owner"', '"made_by"'))
        terminal = Terminal(self.folder, "init", "openapi.json", "guard", "--name", "shop")
        self.assertEqual(0, terminal.end()[0], "a document and a folder are enough")
        self.assertIn("every user gets all of them", terminal.shown)
        self.assertNotIn("answer /made_by", self.config("guard"))
        terminal = Terminal(self.folder, "init", "openapi.json", "--name", "shop", "--issuer", "https://login.example.com")
        question = "What names the owner of a resource in the API's answers"
        terminal.answer(question, "maker")
        terminal.read_until("`maker`")
        terminal.answer(question, "made_by")
        terminal.answer("The folder to write [shop]: ", "")
        self.assertEqual(0, terminal.end()[0], terminal.shown)
        self.assertIn("answer /made_by", self.config("shop"))

    def test_what_a_flag_says_is_not_asked_for(self):
        terminal = Terminal(self.folder, "init", "openapi.json", "--name", "shop", "--issuer", "https://login.example.com")
        terminal.answer("The folder to write [shop]: ", "")
        status, _ = terminal.end()
        self.assertEqual(0, status, terminal.shown)
        self.assertNotIn("The API's id", terminal.shown)

    def test_a_whole_command_line_asks_nothing(self):
        terminal = Terminal(self.folder, "init", "openapi.json", "guard")
        status, _ = terminal.end()
        self.assertEqual(0, status, terminal.shown)
        self.assertNotIn("]: ", terminal.shown)

    def test_the_end_of_the_input_writes_nothing(self):
        terminal = Terminal(self.folder, "init")
        terminal.read_until("The OpenAPI document [openapi.json]: ")
        os.write(terminal.master, b"\x04")
        status, out = terminal.end()
        self.assertEqual((2, ""), (status, out))
        self.assertEqual(["openapi.json"], os.listdir(self.folder))

    def test_without_a_terminal_nobody_is_asked(self):
        done = subprocess.run([harness.WRIT, "init"], input="openapi.json\n\n\n\n", capture_output=True, text=True, cwd=self.folder, check=False)
        self.assertEqual(2, done.returncode)
        self.assertIn("writ init openapi.yaml orders", done.stderr)
        self.assertEqual(["openapi.json"], os.listdir(self.folder))


if __name__ == "__main__":
    unittest.main()
