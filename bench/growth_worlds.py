"""Acme's world with very many of one thing, for growth.py: policies, identities, routes, entities, tasks, records."""
import hashlib
import json
import os
import sqlite3
import sys

import serving

FILES_IN_FOLDER = 50_000  # a folder of policies has a limit
TASK_SECONDS = 86_400


def policy(number):
    """Its scope names a user, so the index finds it for that user alone."""
    return (f'@id("growth-{number}")\n'
            f'permit (principal == Writ::User::"user-{number}", action == Billing::Action::"read", '
            f'resource == Billing::Invoice::"inv-{number}")\nwhen {{ resource.tenant == "north" }};\n')


def in_child(act):
    """In a process of its own: what a program peaks at is never less than what its parent had."""
    child = os.fork()
    if child == 0:
        try:
            act()
            os._exit(0)
        finally:
            os._exit(1)
    if os.waitpid(child, 0)[1] != 0:
        sys.exit("bench: the world could not be made")


class GrowthWorld(serving.BenchWorld):
    """One core, buffered audit. What grows is made before the first start, or, of what Writ itself writes, by copying
    what it wrote at a first start."""

    def __init__(self, writ, upstream, kind, count):
        super().__init__(upstream, audit="buffered")
        self.writ, self.count, self.grown_after_start = writ, count, None
        if kind in OF_WRIT:
            OF_WRIT[kind](self, count)
        else:
            in_child(lambda: OF_FILES[kind](self, count))

    def replace(self, before, after):
        with open(self.config, encoding="utf-8") as file:
            text = file.read()
        if before not in text:
            sys.exit(f"bench: examples/acme/writ.yaml has no `{before}`")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(text.replace(before, after, 1))

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def prepare(self):
        """After this, the data folder holds what Writ would have written."""
        os.makedirs(self.data, exist_ok=True)
        if self.grown_after_start is None:
            return
        self.start()
        self.open_task(expires_in_seconds=TASK_SECONDS)
        if self.through_gateway(self.customer_token(), serving.INVOICE).status != 200:
            sys.exit("bench: the gateway did not permit the example's request")
        self.stop_writ()
        self.grown_after_start()


def one_file(world, count):
    world.write("policies/growth.cedar", "".join(policy(number) for number in range(count)))


def many_files(world, count):
    folders = []
    for number in range(count):
        folder = f"many-{number // FILES_IN_FOLDER}"
        if number % FILES_IN_FOLDER == 0:
            folders.append(folder)
        world.write(f"{folder}/policy-{number}.cedar", policy(number))
    if folders:
        world.replace("files: [policies]", f"files: [policies, {', '.join(folders)}]")


def identities(world, count):
    """Four users to an agent."""
    def identity(number):
        if number % 5 != 0:
            return f"    - {{id: user-{number}, kind: user, tenant: north}}\n"
        return f"    - {{id: agent-{number}, kind: agent, owner: niklas, acts_for: [support-portal], purposes: [support]}}\n"
    world.replace("  identities:\n", "  identities:\n" + "".join(identity(number) for number in range(count)))


def routes(world, count):
    def route(number):
        return (f'        - {{method: GET, path: "/growth/{number}/{{invoice}}", action: read, '
                f"resource: 'Billing::Invoice::\"{number}-{{invoice}}\"'}}\n")
    world.replace("      routes:\n", "      routes:\n" + "".join(route(number) for number in range(count)))


def entities(world, count):
    with open(os.path.join(world.folder, "entities.json"), encoding="utf-8") as file:
        all_of_them = json.load(file)
    all_of_them += [{"uid": {"type": "Billing::Invoice", "id": f"inv-{number}-more"},
                     "attrs": {"tenant": "north", "amount": number,
                               "customer": {"__entity": {"type": "Writ::User", "id": f"user-{number}"}}},
                     "parents": [{"type": "Billing::Ledger", "id": "north"}]} for number in range(count)]
    world.write("entities.json", "[\n" + ",\n".join(json.dumps(entity) for entity in all_of_them) + "\n]\n")


def tasks(world, count):
    world.replace("\npolicies:\n", "\ntasks: {max_per_client: 1000000, max_bytes_per_client: 4294967296}\npolicies:\n")

    def copy():
        if count == 0:
            return
        database = sqlite3.connect(os.path.join(world.data, "writ.db"))
        with database:
            one, record, state = database.execute("SELECT id, record, state FROM tasks").fetchone()
            ids = (f"t-growth-{number}" for number in range(count))
            database.executemany("INSERT INTO tasks (id, record, state) VALUES (?, ?, ?)",
                                 ((each, record.replace(one, each), state) for each in ids))
        database.close()
    world.grown_after_start = copy


def audit_records(world, count):
    def copy():
        path = os.path.join(world.data, "audit.log")
        with open(path, "rb") as log:
            lines = log.read().splitlines()  # of a first start: few
        sample = next(line for line in reversed(lines) if b'"point":"gateway"' in line)
        members = sample[sample.index(b'","') + 2:sample.rindex(b',"hash":"')]
        last = json.loads(lines[-1])
        seq, prev = last["seq"], last["hash"]
        with open(path, "ab") as log:
            for _ in range(count):
                seq += 1
                line = b'{"seq":%d,"prev":"%s",%s' % (seq, prev.encode(), members)
                prev = hashlib.sha256(line).hexdigest()
                log.write(line + b',"hash":"%s"}\n' % prev.encode())
    world.grown_after_start = copy


def policies_and_identities(world, count):
    one_file(world, count)
    identities(world, count)


OF_FILES = {
    "policies, one file": one_file,
    "policies, many files": many_files,
    "identities": identities,
    "routes": routes,
    "entities": entities,
    "policies and identities": policies_and_identities,
}
OF_WRIT = {
    "tasks": tasks,
    "audit records": audit_records,
}
KINDS = [*OF_FILES, *OF_WRIT]
