"""`cmake --install` puts the program, its documents and its licence where they belong, and they work from there.

WRIT_BUILD_DIR names the build; ctest sets it.
"""
import os
import re
import shutil
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("WRIT_BUILD_DIR", os.path.join(ROOT, "build", "release"))
PREFIX = os.path.join(BUILD, "install-test")
WRIT = os.path.join(PREFIX, "bin", "writ")
DOCUMENTS = os.path.join(PREFIX, "share", "doc", "writ")


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree(PREFIX, ignore_errors=True)
        cls.addClassCleanup(shutil.rmtree, PREFIX, ignore_errors=True)
        subprocess.run(["cmake", "--install", BUILD, "--component", "writ", "--prefix", PREFIX], check=True, capture_output=True)

    def test_the_program_runs(self):
        run = subprocess.run([WRIT, "--version"], capture_output=True, text=True, check=True)
        self.assertRegex(run.stdout, r"^writ \d+\.\d+\.\d+\n$")

    def test_the_example_beside_the_documents_is_whole(self):
        config = os.path.join(DOCUMENTS, "examples", "acme", "writ.yaml")
        run = subprocess.run([WRIT, "check", "--config", config], capture_output=True, text=True)
        self.assertEqual(0, run.returncode, run.stdout + run.stderr)

    def test_licence_and_documents_are_there_and_lead_somewhere(self):
        self.assertTrue(os.path.exists(os.path.join(DOCUMENTS, "LICENSE")))
        for folder, _, names in os.walk(DOCUMENTS):
            for name in (name for name in names if name.endswith(".md")):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    links = re.findall(r"\]\(([^)#\s:]+)(?:#[^)]*)?\)", file.read())
                for link in links:
                    self.assertTrue(os.path.exists(os.path.join(folder, link)), f"{folder}/{name}: {link}")

    def test_nothing_of_a_world_that_ran_is_installed(self):
        for folder, folders, _ in os.walk(PREFIX):
            self.assertNotIn("data", folders, folder)
            self.assertNotIn("__pycache__", folders, folder)


if __name__ == "__main__":
    unittest.main()
