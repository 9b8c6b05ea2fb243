#!/usr/bin/env python3
"""The style guide as a test: the ranks of the modules, formatting, and the habits a machine can check.

Each check returns a list of findings, `file:line: what is wrong`. Run by ctest and by `./x check`.
"""
import os
import re
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# A module includes only modules of a lower rank (ARCHITECTURE.md).
RANKS = {
    "base": 0,
    "codec": 1, "crypto": 1,
    "cedar": 2, "jose": 2, "audit": 2, "mcp": 2, "http": 2,
    "token": 3, "inventory": 3, "task": 3, "prove": 3,
    "context": 4,
    "decision": 5,
    "oauth": 6, "gateway": 6,
    "store": 7,
    "server": 8,
    "policytest": 9,
    "cli": 10,
}
# The one edge inside a rank that the layout needs: crypto reads base64url.
SAME_RANK = {("crypto", "codec")}

# Each third-party library has one home, so that replacing it is one module's work.
HOMES = {
    r"boost/": {"http"},
    r"openssl/": {"crypto", "http"},  # EVP there, TLS here
    r"simdjson": {"codec"},
    r"sqlite3": {"store"},
    r"yaml-cpp/": {"server"},
    r"CLI/": {"cli"},
}
# These do no I/O, read no clock and start no threads: time is an argument.
PURE = {"cedar", "context", "decision", "mcp"}
# sys/auxv.h: the kernel's random bytes at program start, which keep hash tables from being flooded.
IMPURE_INCLUDE = re.compile(r"<(fstream|filesystem|thread|mutex|shared_mutex|condition_variable|ctime|iostream|unistd\.h|sys/(?!auxv\.h).*)>")
IMPURE_CALL = re.compile(r"(system_clock|steady_clock|SystemClock|std::getenv|\bfopen\()")

MAX_LINES = 600
# A table is as long as what it lists.
LONG_TABLES = set()

TEXT = (".h", ".cc", ".py", ".md", ".cmake", ".txt", ".json", ".yaml", ".yml", ".cedar", ".cedarschema", ".sh", ".rs", ".go",
        ".toml", "")


def tracked():
    out = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                         check=True, capture_output=True).stdout
    return sorted(p for p in out.decode().split("\0") if p and os.path.isfile(os.path.join(ROOT, p)))


def lines_of(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as file:
        return file.read().split("\n")


def sources():
    return [p for p in tracked() if p.startswith("src/") and p.endswith((".h", ".cc"))]


def module_of(path):
    return path.split("/")[1]


def is_test(path):
    return path.endswith(("_test.cc", "_test.h")) or "/testing/" in path


def rank_findings():
    found = []
    for path in sources():
        module = module_of(path)
        if module not in RANKS:
            found.append(f"{path}:1: module `{module}` has no rank")
            continue
        for number, line in enumerate(lines_of(path), 1):
            include = re.match(r'\s*#include "([a-z_]+)/', line)
            if not include:
                continue
            other = include.group(1)
            if other == module or (module, other) in SAME_RANK:
                continue
            if other not in RANKS:
                found.append(f"{path}:{number}: includes unknown module `{other}`")
            elif RANKS[other] >= RANKS[module]:
                found.append(f"{path}:{number}: `{module}` (rank {RANKS[module]}) includes `{other}` (rank {RANKS[other]})")
    return found


def home_findings():
    found = []
    for path in sources():
        if is_test(path):
            continue
        for number, line in enumerate(lines_of(path), 1):
            include = re.match(r"\s*#include <(.+)>", line)
            if not include:
                continue
            for pattern, homes in HOMES.items():
                if re.match(pattern, include.group(1)) and module_of(path) not in homes:
                    found.append(f"{path}:{number}: <{include.group(1)}> belongs to {', '.join(sorted(homes))}")
    return found


def purity_findings():
    found = []
    for path in sources():
        if module_of(path) not in PURE or is_test(path):
            continue
        for number, line in enumerate(lines_of(path), 1):
            code = line.split("//")[0]
            if IMPURE_INCLUDE.search(code) or IMPURE_CALL.search(code):
                found.append(f"{path}:{number}: `{module_of(path)}` does no I/O, reads no clock, starts no threads")
    return found


def shape_findings():
    found = []
    for path in tracked():
        if not path.endswith(TEXT) or path.startswith("tests/cases/"):
            continue
        lines = lines_of(path)
        if path.endswith((".h", ".cc")) and len(lines) - 1 > MAX_LINES and path not in LONG_TABLES:
            found.append(f"{path}:{len(lines) - 1}: longer than {MAX_LINES} lines")
        if path.endswith(".h") and not lines[0].startswith("//"):
            found.append(f"{path}:1: a header opens with prose: what it is and its place in the flow")
        if path.endswith(".h") and "#pragma once" not in lines:
            found.append(f"{path}:1: no `#pragma once`")
        for number, line in enumerate(lines, 1):
            if line != line.rstrip() and not path.endswith(".md"):
                found.append(f"{path}:{number}: trailing white space")
            if re.search(r"\b(TODO|FIXME|XXX)\b", line) and not path.startswith("tests/house/"):
                found.append(f"{path}:{number}: unfinished work belongs in an issue, not in the code")
    return found


def format_findings():
    files = [p for p in tracked() if p.endswith((".h", ".cc"))]
    if not files:
        return []
    run = subprocess.run(["clang-format-14", "--dry-run", "-Werror", *files], cwd=ROOT, capture_output=True, text=True)
    return [line for line in run.stderr.split("\n") if "error:" in line]


def link_findings():
    """Relative links in the documents lead somewhere."""
    found = []
    for path in (p for p in tracked() if p.endswith(".md")):
        for number, line in enumerate(lines_of(path), 1):
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", line):
                if "://" in target or target.startswith("mailto:"):
                    continue
                if not os.path.exists(os.path.join(ROOT, os.path.dirname(path), target)):
                    found.append(f"{path}:{number}: link to `{target}` leads nowhere")
    return found


class House(unittest.TestCase):
    maxDiff = None

    def test_modules_include_only_lower_ranks(self):
        self.assertEqual([], rank_findings())

    def test_each_library_is_used_in_one_module(self):
        self.assertEqual([], home_findings())

    def test_pure_modules_do_no_io(self):
        self.assertEqual([], purity_findings())

    def test_files_keep_their_shape(self):
        self.assertEqual([], shape_findings())

    def test_cpp_is_formatted(self):
        self.assertEqual([], format_findings())

    def test_links_in_documents_lead_somewhere(self):
        self.assertEqual([], link_findings())


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(not unittest.main(exit=False).result.wasSuccessful())
