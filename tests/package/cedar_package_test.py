"""Cedar for C++ is what docs/cedar.md says: it installs, and programs outside this tree build against it.

WRIT_BUILD_DIR names the build; ctest sets it. Everything is made anew in its folder `package-test`.
"""
import glob
import os
import re
import shlex
import shutil
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("WRIT_BUILD_DIR", os.path.join(ROOT, "build", "release"))
SCRATCH = os.path.join(BUILD, "package-test")
PREFIX = os.path.join(SCRATCH, "prefix")


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise AssertionError(f"{shlex.join(command)}: {done.returncode}\n{done.stdout[-8000:]}\n{done.stderr[-8000:]}")
    return done.stdout


def cache(name):
    match = re.search(rf"^{re.escape(name)}:\w+=(.*)$", read(BUILD, "CMakeCache.txt"), re.MULTILINE)
    return match.group(1) if match else ""


# A user's build has the compiler and the flags of this one: what has a sanitizer in it links only with its like.
CMAKE, GENERATOR, CONFIGURATION = cache("CMAKE_COMMAND"), cache("CMAKE_GENERATOR"), cache("CMAKE_BUILD_TYPE")
SETTINGS = [f"-D{name}={cache(name)}" for name in
            ("CMAKE_CXX_COMPILER", "CMAKE_CXX_COMPILER_LAUNCHER", "CMAKE_BUILD_TYPE", f"CMAKE_CXX_FLAGS_{CONFIGURATION.upper()}")
            ] + ["-DWRIT_WARNINGS_ARE_ERRORS=ON"]
# ccache finds what this build compiled where the way to the sources is as long: beside it.
BESIDE = f"{BUILD}-package"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", read("docs", "cedar.md"), re.DOTALL)


def configured(folder, *settings):
    """The folder of the build."""
    build = f"{BESIDE}-{os.path.basename(folder)}"
    run(CMAKE, "-S", folder, "-B", build, "-G", GENERATOR, "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", *SETTINGS, *settings)
    return build


def output_of(name, main, cmake, *settings):
    """What a program prints that is made of this source and this CMakeLists.txt."""
    folder = os.path.join(SCRATCH, name)
    write(os.path.join(folder, "main.cc"), main)
    write(os.path.join(folder, "CMakeLists.txt"), cmake)
    build = configured(folder, *settings)
    run(CMAKE, "--build", build, "-j2", "--target", "example")
    return run(f"{build}/example")


def installed(prefix):
    return {os.path.relpath(os.path.join(folder, name), prefix) for folder, _, names in os.walk(prefix) for name in names}


def public_headers():
    return sorted(path.removeprefix("include/writ/") for path in installed(PREFIX) if path.startswith("include/"))


def setUpModule():
    shutil.rmtree(SCRATCH, ignore_errors=True)
    for folder in glob.glob(f"{BESIDE}-*"):
        shutil.rmtree(folder, ignore_errors=True)
    run(CMAKE, "--install", BUILD, "--prefix", PREFIX, "--component", "cedar")


class Package(unittest.TestCase):
    EXAMPLE = "allow\nbecause of policy0\n"

    def test_the_example_builds_against_what_is_installed_and_decides(self):
        cmake, main = read("examples", "cedar", "CMakeLists.txt"), read("examples", "cedar", "main.cc")
        self.assertEqual(self.EXAMPLE, output_of("example", main, cmake, f"-DCMAKE_PREFIX_PATH={PREFIX}"))
        commands = read(f"{BESIDE}-example", "compile_commands.json")
        self.assertIn(os.path.join(PREFIX, "include", "writ"), commands)
        self.assertNotIn(os.path.join(ROOT, "src"), commands)

    def test_every_public_header_stands_alone_and_gives_strict_users_no_warning(self):
        folder, headers = os.path.join(SCRATCH, "headers"), public_headers()
        self.assertGreater(len(headers), 20)
        for number, header in enumerate(headers):
            write(os.path.join(folder, f"{number}.cc"), f'#include "{header}"\n')
        write(os.path.join(folder, "CMakeLists.txt"),
              "cmake_minimum_required(VERSION 3.25)\nproject(headers LANGUAGES CXX)\nfind_package(writ-cedar REQUIRED)\n"
              "file(GLOB sources *.cc)\nadd_library(headers OBJECT ${sources})\n"
              "set_target_properties(headers PROPERTIES NO_SYSTEM_FROM_IMPORTED ON)\n"
              "target_compile_options(headers PRIVATE -Wall -Wextra -Wshadow -Wpedantic -Werror)\n"
              "target_link_libraries(headers PRIVATE writ::cedar)\n")
        run(CMAKE, "--build", configured(folder, f"-DCMAKE_PREFIX_PATH={PREFIX}"), "-j2")

    def test_private_headers_stay_at_home(self):
        """The face is what lies in src/cedar itself; what its folders share among themselves says that it is private."""
        face = {f"cedar/{name}" for name in os.listdir(os.path.join(ROOT, "src", "cedar")) if name.endswith(".h")}
        self.assertEqual(face, {header for header in public_headers() if header.startswith("cedar/")})
        for header in face:
            self.assertNotIn("rivate to the cedar module", read("src", header), header)

    def test_the_package_may_be_moved(self):
        scripts = [path for path in installed(PREFIX) if path.endswith(".cmake")]
        self.assertGreater(len(scripts), 3)
        for path in scripts:
            self.assertNotIn(ROOT, read(PREFIX, path))

    def test_another_minor_version_is_another_package(self):
        folder = os.path.join(SCRATCH, "version")
        write(os.path.join(folder, "CMakeLists.txt"),
              "cmake_minimum_required(VERSION 3.25)\nproject(version LANGUAGES CXX)\n"
              "foreach(other 0.0 0.2 1.0)\n  find_package(writ-cedar ${other} QUIET)\n"
              "  if(writ-cedar_FOUND)\n    message(FATAL_ERROR \"taken for ${other}\")\n  endif()\nendforeach()\n"
              "find_package(writ-cedar 0.1 REQUIRED)\n")
        configured(folder, f"-DCMAKE_PREFIX_PATH={PREFIX}")


class OnlyCedar(unittest.TestCase):
    """With nothing around of what the rest of Writ needs."""
    ABSENT = [f"-DCMAKE_DISABLE_FIND_PACKAGE_{name}=ON" for name in
              ("OpenSSL", "Boost", "SQLite3", "CLI11", "GTest", "benchmark")]

    def test_the_documents_commands_install_the_same_files_and_run_the_example(self):
        script = "".join(block for block in blocks("sh") if "cmake -S" in block)
        self.assertEqual(2, script.count("cmake -S"))
        for old, new in (("/opt/writ", os.path.join(SCRATCH, "opt")), ("build/cedar", f"{BESIDE}-only"),
                         ("build/example", f"{BESIDE}-only-example")):
            self.assertIn(old, script)
            script = script.replace(old, shlex.quote(new))
        script = script.replace("cmake -S", f"cmake -G {shlex.join([GENERATOR, *SETTINGS, *self.ABSENT])} -S")
        out = run("bash", "-euc", script, cwd=ROOT)
        self.assertTrue(out.endswith(Package.EXAMPLE), out[-2000:])
        self.assertEqual(installed(PREFIX), installed(os.path.join(SCRATCH, "opt")))

    def test_another_project_may_have_it_inside(self):
        cmake = read("examples", "cedar", "CMakeLists.txt")
        found = "find_package(writ-cedar 0.1 REQUIRED)"
        self.assertIn(found, cmake)
        cmake = cmake.replace(found, f"set(WRIT_ONLY_CEDAR ON)\nadd_subdirectory({ROOT} writ EXCLUDE_FROM_ALL)")
        self.assertEqual(Package.EXAMPLE, output_of("inside", read("examples", "cedar", "main.cc"), cmake, *self.ABSENT))


class Document(unittest.TestCase):
    maxDiff = None

    def test_the_example_is_shown_as_it_is(self):
        self.assertEqual(read("examples", "cedar", "main.cc"), blocks("cpp")[0])
        self.assertEqual(read("examples", "cedar", "CMakeLists.txt"), blocks("cmake")[0])
        self.assertEqual(Package.EXAMPLE, blocks("text")[0])

    def test_every_piece_of_code_prints_what_the_document_says(self):
        """The pieces after the example, in one function; and the limits are those of the headers."""
        pieces, printed = blocks("cpp")[1:], blocks("text")[1:]
        self.assertEqual(len(pieces), len(printed))
        limits = re.findall(r"^\| `([\w:()]+k?\w*|[\w:().]+)` \| (\d+) \|", read("docs", "cedar.md"), re.MULTILINE)
        self.assertGreater(len(limits), 10)
        main = "".join(f'#include "{header}"\n' for header in public_headers()) + "#include <iostream>\nusing namespace writ::cedar;\n"
        main += "".join(f"static_assert({name} == {value});\n" for name, value in limits)
        main += 'int main() {\n' + 'std::cout << "\\f";\n'.join(pieces) + "}\n"
        cmake = read("examples", "cedar", "CMakeLists.txt")
        out = output_of("document", main, cmake, f"-DCMAKE_PREFIX_PATH={PREFIX}")
        self.assertEqual(printed, out.split("\f"))

    def test_every_header_is_named(self):
        # Those are parts of others.
        parts = {"cedar/eval_error.h", "cedar/request.h", "cedar/ext_datetime.h", "cedar/ext_decimal.h", "cedar/ext_duration.h", "cedar/ext_ip.h",
                 "cedar/schema_fragment.h", "cedar/schema_type.h", "cedar/symbols.h", "cedar/value.h"}
        named = set(re.findall(r"`(cedar/[a-z_]+\.h)`", read("docs", "cedar.md")))
        self.assertEqual({header for header in public_headers() if header.startswith("cedar/")} - parts, named - parts)


if __name__ == "__main__":
    unittest.main()
