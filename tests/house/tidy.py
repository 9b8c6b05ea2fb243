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

# How the libraries of src/RANKS are included.
LIBRARIES = {"simdjson::simdjson": r"simdjson", "OpenSSL::Crypto": r"openssl/", "OpenSSL::SSL": r"openssl/", "Boost::headers": r"boost/",
             "nghttp2": r"nghttp2/", "Threads::Threads": None, "SQLite::SQLite3": r"sqlite3", "writ_pq": r"libpq", "yaml": r"yaml\.h", "CLI11::CLI11": r"CLI/"}


def read_ranks():
    """src/RANKS: {module: (rank, libraries, what it is)}, in its order."""
    ranks = {}
    with open(os.path.join(ROOT, "src", "RANKS"), encoding="utf-8") as file:
        for line in file:
            match = re.match(r"(\d+) +([a-z_]+) *\| *(.*?) *\| *(.*)", line)
            if match:
                ranks[match[2]] = (int(match[1]), [] if match[3] == "-" else match[3].split(), match[4])
    return ranks


MODULES = read_ranks()
RANKS = {module: rank for module, (rank, _, _) in MODULES.items()}
# Each third-party library has one home, so that replacing it is one module's work.
HOMES = {}
for home, (_, libraries, _) in MODULES.items():
    for library in libraries:
        if LIBRARIES[library] is not None:
            HOMES.setdefault(LIBRARIES[library], set()).add(home)
# The wings of Cedar, lowest first. Its face, src/cedar/*.h, is below them all.
WINGS = ["value", "syntax", "entity", "json", "schema", "plan", "validate", "authorize"]

# And one of them, which is long to compile, in one file.
HOME_FILES = {
    r"CLI/": "src/cli/parse.cc",
}
# These do no I/O, read no clock and start no threads: time is an argument.
PURE = {"cedar", "context", "decision"}
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
            if other == module:
                continue
            if other not in RANKS:
                found.append(f"{path}:{number}: includes unknown module `{other}`")
            elif RANKS[other] >= RANKS[module]:
                found.append(f"{path}:{number}: `{module}` (rank {RANKS[module]}) includes `{other}` (rank {RANKS[other]})")
    return found


def wing_findings():
    """Within Cedar a wing includes the face, itself, and lower wings."""
    found = []
    for path in sources():
        wing = re.match(r"src/cedar/([a-z]+)/", path)
        if module_of(path) != "cedar" or is_test(path):
            continue
        for number, line in enumerate(lines_of(path), 1):
            other = re.match(r'\s*#include "cedar/([a-z]+)/', line)
            if other and (wing is None or WINGS.index(other[1]) > WINGS.index(wing[1])):
                found.append(f"{path}:{number}: includes `{other[1]}`, which is not below it")
    return found


def testing_findings():
    """What is made for tests stays with tests."""
    found = []
    for path in sources():
        if is_test(path):
            continue
        for number, line in enumerate(lines_of(path), 1):
            if re.match(r'\s*#include ".*\btesting/', line):
                found.append(f"{path}:{number}: production code includes what is made for tests")
    return found


# Names that mean two things, each with why that is clear all the same. No others come.
TWO_MEANINGS = {
    "Call": "an approved call of an API (task), a call of an upstream (http)",
    "Change": "what is told apart by its module: an explanation's, a directory's, a test's",
    "Credentials": "of a caller (enforce), of an OAuth client (oauth)",
    "Decision": "the answer (decision), and its record (audit)",
    "Failure": "of a use case (control), of a test (policytest)",
    "Issue": "a mistake with its place, in Cedar's texts (cedar) and in any file (files)",
    "LeftOut": "records (audit) and header fields (gateway) that were counted instead",
    "MemoryStore": "a Store in memory", "Store": "what is kept, as its user declares it",
    "Origin": "scheme and authority (http), whom a token is for (oauth)",
    "PolicyFacts": "of a plan (cedar), of a world to try (policytest)",
    "Refusal": "of a request (decision), of a token request (oauth)",
    "Request": "Cedar's (cedar), HTTP's (http)", "Source": "of a fact's text (files), of connections (http)",
    "Target": "of a request line (http), of a test (policytest)", "Workspace": "memory that is used again",
    "World": "what the configuration declares (config), one for a test (policytest)",
}


def homonym_findings():
    """One word, one meaning: a public type has a name that no other module gives to another."""
    modules = {}
    for path in sources():
        if is_test(path) or not path.endswith(".h"):
            continue
        for line in lines_of(path):
            name = re.match(r"(?:struct|class|enum class) (\w+)\b(?!.*;)", line)
            if name:
                modules.setdefault(name[1], set()).add(module_of(path))
    shared = {name: where for name, where in modules.items() if len(where) > 1}
    return ([f"`{name}` is a type of {', '.join(sorted(where))}" for name, where in sorted(shared.items()) if name not in TWO_MEANINGS]
            + [f"`{name}` has one meaning now" for name in TWO_MEANINGS if name not in shared])


def dead_findings():
    """Each header is included by somebody."""
    included = set()
    for path in (p for p in tracked() if p.endswith((".h", ".cc"))):
        included.update(re.findall(r'^\s*#include "([^"]+)"', "\n".join(lines_of(path)), re.MULTILINE))
    return [f"{path}:1: no file includes it" for path in sources()
            if path.endswith(".h") and path.removeprefix("src/") not in included]


def architecture_findings():
    """ARCHITECTURE.md shows src/RANKS as it is."""
    shown = re.findall(r"^\| (\d+) \| `([a-z_]+)` \| (.*?) \|$", "\n".join(lines_of("ARCHITECTURE.md")), re.MULTILINE)
    real = [(str(rank), module, what) for module, (rank, _, what) in MODULES.items()]
    return [] if shown == real else [f"ARCHITECTURE.md: the table of modules differs from src/RANKS: {set(shown) ^ set(real)}"]


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
            for pattern, home in HOME_FILES.items():
                if re.match(pattern, include.group(1)) and path != home:
                    found.append(f"{path}:{number}: <{include.group(1)}> belongs to {home}")
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


# A loop over what a shared_ptr that nobody holds points to, or a reference or pointer into it.
OF_A_TEMPORARY = re.compile(r"for \([^;]*: (\*[\w>.-]*\b(all|get|snapshot)\(\)|.*\b(all|get|snapshot)\(\)->)"
                            r"|\bauto[&*] \w+ = [^;]*\b(all|get|snapshot)\(\)->")


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
            if "__builtin_prefetch" in line and path.startswith("src/") and path != "src/base/prefetch.h":
                found.append(f"{path}:{number}: g++ drops calls of what only prefetches; `prefetch()` of `base/prefetch.h` stays")
            if path.startswith("src/") and OF_A_TEMPORARY.search(line):
                found.append(f"{path}:{number}: what a function returns by shared_ptr ends with the statement, and a range does not hold it (g++ 12): "
                             "give it a name first")
            if re.search(r"\b(TODO|FIXME|XXX)\b", line) and not path.startswith("tests/house/"):
                found.append(f"{path}:{number}: unfinished work belongs in an issue, not in the code")
    return found


# What tests use of gtest and gmock, which modules have a namespace `testing` of their own beside.
OF_GTEST = re.compile(r"(?<![:\w])testing::(AllOf|AnyOf|Bool|Contains|Each|ElementsAre(Array)?|EndsWith|Field|G[et]|HasSubstr|IsEmpty|L[et]|MatchesRegex"
                      r"|Not|Optional|Pair|PrintToString|SizeIs|StartsWith|TempDir|Test|TestWithParam|UnorderedElementsAre(Array)?|Values(In)?|_)\b")


def test_file_findings():
    """The test files of a module are compiled together, so each has a namespace of its own, named like the file."""
    found = []
    for path in (p for p in sources() if p.endswith("_test.cc")):
        own = "::" + os.path.basename(path).removesuffix(".cc")
        for number, line in enumerate(lines_of(path), 1):
            space = re.match(r"namespace (writ\S*) \{", line)
            if space and not space[1].endswith(own):
                found.append(f"{path}:{number}: the file's namespace is `{space[1]}{own}`")
            name = OF_GTEST.search(line)
            if name:
                found.append(f"{path}:{number}: gtest's is `::{name[0]}`")
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

    def test_a_wing_of_cedar_includes_only_lower_wings(self):
        self.assertEqual([], wing_findings())

    def test_production_code_includes_nothing_of_tests(self):
        self.assertEqual([], testing_findings())

    def test_a_word_has_one_meaning(self):
        self.assertEqual([], homonym_findings())

    def test_each_header_is_included_by_somebody(self):
        self.assertEqual([], dead_findings())

    def test_the_architecture_shows_the_ranks(self):
        self.assertEqual([], architecture_findings())

    def test_each_library_is_used_in_one_module(self):
        self.assertEqual([], home_findings())

    def test_pure_modules_do_no_io(self):
        self.assertEqual([], purity_findings())

    def test_files_keep_their_shape(self):
        self.assertEqual([], shape_findings())

    def test_each_test_file_has_a_namespace_of_its_own(self):
        self.assertEqual([], test_file_findings())

    def test_cpp_is_formatted(self):
        self.assertEqual([], format_findings())

    def test_links_in_documents_lead_somewhere(self):
        self.assertEqual([], link_findings())


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(not unittest.main(exit=False).result.wasSuccessful())
