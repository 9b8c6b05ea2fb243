"""What a build from nothing costs, beside a build of an earlier commit: `./x bench build [--against COMMIT] [--tests] [--every N]`.

Both are built in turn, without ccache, in worktrees of their own (the tree as committed; what is not committed is not
built). Printed is processor time, compiler and linker together, for each module, and for each thousand lines of
production code, in which the house grows. `--tests` builds the tests too, runs them, and counts both. `--every N`
compiles every Nth object of `writ` (and what each needs, such as precompiled headers) and counts it for the files that
were not compiled, by their number; libraries are not made and nothing is linked then.
"""
import argparse
import glob
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile

import measure

# The commit before the house was rebuilt.
BEFORE = "8707caf"
WRIT_LIMIT, TESTS_LIMIT = 0.55, 0.6
LEAF, LEAF_SECONDS = "src/cli/keys.cc", 15


def main_of_launcher():
    """Runs a compiler and notes what it cost: `build.py --timed LOG COMMAND...`."""
    log, command = sys.argv[2], sys.argv[3:]
    status = subprocess.run(command).returncode
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    output = command[command.index("-o") + 1] if "-o" in command else ""
    with open(log, "a", encoding="utf-8") as file:
        file.write(json.dumps([output, used.ru_utime + used.ru_stime]) + "\n")
    return status


class Tree:
    """A commit in a worktree of its own, built from nothing."""

    def __init__(self, commit, folder):
        self.commit, self.folder, self.log = commit, os.path.join(folder, commit), os.path.join(folder, commit + ".log")
        run("git", "worktree", "add", "--quiet", "--detach", self.folder, commit)
        # The conformance data lies beside the repository.
        shared = os.path.join(os.path.dirname(measure.ROOT), "shared")
        if os.path.isdir(shared) and not os.path.exists(os.path.join(folder, "shared")):
            os.symlink(shared, os.path.join(folder, "shared"))

    def configure(self):
        launcher = ";".join([sys.executable, os.path.abspath(__file__), "--timed", self.log])
        # Old commits know only this variable for their launcher, and a launcher of its own disables ccache.
        run("cmake", "--preset", "release", f"-DCMAKE_CXX_COMPILER_LAUNCHER={launcher}", "-DWRIT_BENCH=OFF", cwd=self.folder)

    def built(self, *targets):
        """Processor seconds of the whole build."""
        build = os.path.join(self.folder, "build", "release")
        self.configure()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run("cmake", "--build", build, *(["--target", *targets] if targets else []), "--", "--quiet", cwd=self.folder)
        return used_since(before)

    def sampled(self, target, every):
        """Processor seconds of compiling `target`, from every Nth of its files."""
        self.configure()
        build = os.path.join(self.folder, "build", "release")
        inputs = subprocess.run(["ninja", "-C", build, "-t", "inputs", target], text=True, check=True, capture_output=True).stdout.split("\n")
        # Where files are compiled together, one object stands for several of them.
        joined = {path: self.files_joined(path) for path in inputs if path.endswith(".o")}
        sample = set(sorted(joined)[every // 2::every])
        run("ninja", "-C", build, "--quiet", *sorted(sample))
        share = sum(joined[path] for path in sample) / sum(joined.values())
        with open(self.log, encoding="utf-8") as file:
            costs = [[output, seconds / (share if output in sample else 1)] for output, seconds in map(json.loads, file)]
        with open(self.log, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(cost) + "\n" for cost in costs)
        print(f"{self.commit}: {len(sample)} of {len(joined)} objects compiled, {share:.0%} of the files", flush=True)
        return sum(seconds for _, seconds in costs)

    def files_joined(self, output):
        if "/joined/" not in output:
            return 1
        source = os.path.join(self.folder, "build", "release", re.sub(r"CMakeFiles/\w+\.dir/", "", output.removesuffix(".o")))
        with open(source, encoding="utf-8") as file:
            return sum(1 for line in file if line.startswith("#include"))

    def tested(self):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(["ctest", "--test-dir", "build/release", "--parallel", str(os.cpu_count()), "--timeout", "900"],
                       cwd=self.folder, stdout=subprocess.DEVNULL, check=False)
        return used_since(before)

    def per_module(self):
        """{module: processor seconds}, of what was compiled since the log began."""
        costs = {}
        with open(self.log, encoding="utf-8") as file:
            for output, seconds in map(json.loads, file):
                found = re.search(r"CMakeFiles/(?:writ_)?(\w+)\.dir", output)
                name = found.group(1) if found else "other"
                costs[name] = costs.get(name, 0) + seconds
        return costs

    def thousand_lines(self):
        """Of production code."""
        lines = 0
        for pattern in ("*.cc", "*.h"):
            for path in glob.glob(os.path.join(self.folder, "src", "**", pattern), recursive=True):
                if not path.endswith("_test.cc") and "/testing/" not in path:
                    with open(path, encoding="utf-8") as file:
                        lines += sum(1 for _ in file)
        return lines / 1000

    def remove(self):
        run("git", "worktree", "remove", "--force", self.folder)


def run(*command, cwd=measure.ROOT):
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, "CCACHE_DISABLE": "1"})
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(command)} failed with status {done.returncode}\n{done.stdout[-4000:]}")


def used_since(before):
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return now.ru_utime + now.ru_stime - before.ru_utime - before.ru_stime


def seconds_after_a_touch(tree):
    """Wall seconds to build `writ` again when one file of a leaf module was touched."""
    os.utime(os.path.join(tree.folder, LEAF))
    began = os.times().elapsed
    run("cmake", "--build", "build/release", "--target", "writ", "--", "--quiet", cwd=tree.folder)
    return os.times().elapsed - began


def build(arguments):
    """True when the limits hold."""
    parser = argparse.ArgumentParser(prog="./x bench build")
    parser.add_argument("--against", default=BEFORE, help=f"the commit to compare with (default: {BEFORE})")
    parser.add_argument("--tests", action="store_true", help="build and run the tests too")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="compile every Nth object only, and count it for all files")
    options = parser.parse_args(arguments)
    if options.tests and options.every > 1:
        parser.error("--tests builds everything: leave out --every")
    folder = tempfile.mkdtemp(prefix="writ-bench-build-")
    commits = {"before": options.against, "now": "HEAD"}
    trees = {name: Tree(subprocess.run(["git", "rev-parse", "--short=10", commit], cwd=measure.ROOT, text=True, check=True,
                                       capture_output=True).stdout.strip(), folder) for name, commit in commits.items()}
    try:
        whole, per_line = {}, {}
        for name, tree in trees.items():
            whole[name] = tree.built("writ") if options.every == 1 else tree.sampled("writ", options.every)
            per_line[name] = whole[name] / tree.thousand_lines()
        modules = {name: tree.per_module() for name, tree in trees.items()}
        print(f"{'CPU seconds of a cold build':<34}{options.against:>12}{'now':>12}")
        for module in sorted(set(modules["before"]) | set(modules["now"]), key=lambda key: -modules["now"].get(key, 0)):
            print(f"  {module:<32}{modules['before'].get(module, 0):>12.1f}{modules['now'].get(module, 0):>12.1f}")
        print(f"{'`writ`, whole':<34}{whole['before']:>12.1f}{whole['now']:>12.1f}")
        holds = print_ratio("  per 1,000 lines of production code", per_line, WRIT_LIMIT)
        if options.every > 1:
            return holds
        touched = seconds_after_a_touch(trees["now"])
        print(f"{LEAF + ' touched':<46}{touched:>12.1f} s   limit {LEAF_SECONDS} s")
        if options.tests:
            tests = {name: (whole[name] + tree.built() + tree.tested()) / tree.thousand_lines()
                     for name, tree in trees.items()}
            holds &= print_ratio("tests, built and run, per 1,000 lines", tests, TESTS_LIMIT)
        return holds and touched < LEAF_SECONDS
    finally:
        for tree in trees.values():
            tree.remove()
        shutil.rmtree(folder, ignore_errors=True)


def print_ratio(what, figures, limit):
    ratio = figures["now"] / figures["before"]
    print(f"{what:<34}{figures['before']:>12.2f}{figures['now']:>12.2f}   {ratio:.2f} x   limit {limit} x", flush=True)
    return ratio <= limit


if __name__ == "__main__":
    sys.exit(main_of_launcher())
