"""What is measured, and how it is printed."""
import re
import shutil
import statistics
import subprocess
import sys

import contestants
import generate
import measure

ROUNDS = measure.ROUNDS
FIGURES = ("answers", "median_ns", "p99_ns", "mean_ns", "clock_ns", "allocations")
MODES = {
    "decide": "the request is ready",
    "values": "the request is made of strings, numbers and booleans",
    "json": "the request is read from JSON",
}


def show(text=""):
    print(text, flush=True)


def duration(ns):
    if ns < 10_000:
        return f"{ns:,.0f} ns"
    return f"{ns / 1e3:,.1f} µs" if ns < 10e6 else f"{ns / 1e6:,.1f} ms"


def ratio(peer, ours):
    return f"{peer / ours:,.1f} x" if peer / ours < 100 else f"{peer / ours:,.0f} x"


def check_same_answers(reports, where):
    """Every contestant, in every mode, as far as it came."""
    lists = {(name, mode): figures["digests"] for name, modes in reports.items() for mode, figures in modes.items()}
    for (name, mode), digests in lists.items():
        for (other, other_mode), others in lists.items():
            shared = min(len(digests), len(others))
            if shared == 0 or digests[:shared] != others[:shared]:
                sys.exit(f"bench: {name} ({mode}) and {other} ({other_mode}) do not answer alike in {where}")


def in_turns(there, folder, rounds, arguments_of):
    """{mode: {contestant: {figure: median over the rounds}}}"""
    seen = {}
    for number in range(rounds):
        reports = {c.name: c.run("decide", folder, *arguments_of(number)) for c in there}
        check_same_answers(reports, folder)
        for name, modes in reports.items():
            for mode, figures in modes.items():
                for figure in FIGURES:
                    seen.setdefault(mode, {}).setdefault(name, {}).setdefault(figure, []).append(figures[figure])
    return {mode: {name: {figure: statistics.median(values) for figure, values in figures.items()}
                   for name, figures in by_name.items()} for mode, by_name in seen.items()}


def p99(figures):
    """None when there were too few answers to say."""
    return figures["p99_ns"] if figures["answers"] >= 200 else None


def print_row(label, figures):
    def shown(value, show_value):
        return "-" if value is None else show_value(value)

    ours = figures["ours"]
    cells = [f"{label:<18} | ours {duration(ours['median_ns']):>8} p99 {duration(ours['p99_ns']):>8}"]
    for name, theirs in figures.items():
        if name == "ours":
            continue
        worst = p99(theirs)
        cells.append(f"{name} {duration(theirs['median_ns']):>8} p99 {shown(worst, duration):>8} "
                     f"{ratio(theirs['median_ns'], ours['median_ns']):>11}, p99 "
                     f"{shown(worst, lambda value: ratio(value, ours['p99_ns'])):>9}")
    show(" | ".join(cells))


def apps(there, quick):
    """The OOPSLA 2024 evaluation: 200 hierarchies for each size, 500 requests for each hierarchy."""
    hierarchies = 20 if quick else generate.HIERARCHIES
    rounds = min(ROUNDS, hierarchies)
    each = hierarchies // rounds
    show(f"\nThe applications of the OOPSLA 2024 evaluation: {hierarchies} hierarchies with {generate.REQUESTS} requests "
         f"each, in {rounds} turns; the number is that of entities of each type.")
    for app in generate.APPS:
        for size in (5, 20, 50) if quick else generate.SIZES:
            folder = generate.app_input(contestants.BUILD, app, size, hierarchies)
            figures = in_turns(there, folder, rounds,
                               lambda n: ["--hierarchies", f"{n * each}:{(n + 1) * each}"])
            if (app, size) == ("gdrive", 5):
                clocks = ", ".join(f"{f['clock_ns']:.0f} ns for {name}" for name, f in figures["decide"].items())
                show(f"Every time contains two readings of the clock: {clocks}.")
            print_row(f"{app} {size}", figures["decide"])
    show("\nThe same with the making of the request, 20 entities of each type.")
    for app in generate.APPS:
        folder = generate.app_input(contestants.BUILD, app, 20, hierarchies)
        figures = in_turns(there, folder, rounds,
                           lambda n: ["--modes", ",".join(MODES), "--hierarchies", f"{n * 4}:{(n + 1) * 4}"])
        for mode in MODES:
            print_row(f"{app} {mode}", figures[mode])


def policies(there, quick):
    counts = (100, 10_000) if quick else (100, 10_000, 100_000)
    rounds = 1 if quick else 3
    show("\nMany policies, of which a request meets a handful; always the same 10,000 entities.")
    for mode, meaning in MODES.items():
        show(f"{mode}: {meaning}")
    for count in counts:
        folder = generate.tenants_input(contestants.BUILD, count)
        figures = in_turns(there, folder, rounds,
                           lambda n: ["--modes", ",".join(MODES), "--seconds", 0.5 if quick else 1.5])
        for mode in MODES:
            print_row(f"{count:,} {mode}", figures[mode])


def load_row(there, what, path, rounds):
    seen = {c.name: [] for c in there}
    for _ in range(rounds):
        for c in there:
            seen[c.name].append(c.run("load", what, path))
    middle = {name: {figure: statistics.median(run[figure] for run in runs) for figure in runs[0]}
              for name, runs in seen.items()}
    if len({figures["count"] for figures in middle.values()}) != 1:
        sys.exit(f"bench: not everybody loaded as many {what}: {middle}")
    ours = middle["ours"]
    for name, figures in middle.items():
        beside = "" if name == "ours" else (f"   {ratio(figures['seconds'], ours['seconds'])} the time, "
                                            f"{ratio(figures['resident_bytes'], ours['resident_bytes'])} the memory")
        show(f"{figures['count']:>9,.0f} {what:<9} {name:<6} {figures['seconds']:>7.2f} s "
             f"{figures['resident_bytes'] / figures['count']:>7,.0f} bytes each{beside}")


def loading(there, quick):
    show("\nLoading: from text in memory to what answers requests; bytes are the growth of the resident set.")
    many_policies, many_entities = (10_000, 100_000) if quick else (100_000, 1_000_000)
    folder = generate.tenants_input(contestants.BUILD, many_policies)
    load_row(there, "policies", f"{folder}/policies.cedar", 1 if quick else 3)
    folder = generate.entities_input(contestants.BUILD, many_entities)
    load_row(there, "entities", f"{folder}/entities.json", 1)


def instructions_of(contestant, folder, requests):
    """From two runs that differ in how often the same requests are answered: the difference, for one answer."""
    def run(repeat):
        command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", contestant.program, "decide",
                   folder, "--hierarchies", "0:1", "--repeat", str(repeat)]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stderr
        return int(re.search(r"Collected : (\d+)", out).group(1))
    return (run(3) - run(1)) / (2 * requests)


def costs(there, quick):
    counted = shutil.which("valgrind") is not None
    show("\nOne warm decision: allocations, and instructions " + (
        "as valgrind counts them, where cedar-go does not run." if counted else
        "are not counted, because valgrind is not installed."))
    inputs = [(f"{app} 20", generate.app_input(contestants.BUILD, app, 20, 20), generate.REQUESTS)
              for app in generate.APPS]
    inputs.append(("100 policies", generate.tenants_input(contestants.BUILD, 100), 2000))
    for label, folder, requests in inputs:
        for c in there:
            allocations = c.run("decide", folder, "--hierarchies", "0:1")["decide"]["allocations"]
            instructions = ""
            if counted and c.name != "go":
                instructions = f"{instructions_of(c, folder, requests):>11,.0f} instructions"
            show(f"{label:<13} {c.name:<6} {allocations:>8,.1f} allocations {instructions}")


PARTS = {"apps": apps, "policies": policies, "loading": loading, "costs": costs}
