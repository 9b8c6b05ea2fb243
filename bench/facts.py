"""What facts about resources cost, in one run, each beside what it is held against: entities that are pushed, a source that is
asked, the API's own answer, and a first configuration of an OpenAPI document."""
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time

import answers
import measure
from serving import harness

BIN = os.path.join(measure.ROOT, "build", "release", "bin")
FEW, MANY, DECISIONS, ROUNDS, REQUESTS = 100, 1_000_000, 50_000, 30, 20_000
ROUTES = 1_000
MOST_DEARER, MOST_BYTES, MOST_CHANGE_MS, MOST_INIT_SECONDS = 1.05, 500, 10, 2


def printed(*command):
    return subprocess.run(measure.pinned(measure.SERVER_CORE, [os.path.join(BIN, command[0]), *command[1:]]), capture_output=True,
                          text=True, check=True).stdout


def number(pattern, text):
    return float(re.search(pattern, text)[1])


def least(figures):
    """Of a program that only computes, noise only adds."""
    return min(figures)


def requests(*kinds):
    """Microseconds for a request of each kind."""
    out = printed("facts_asked", str(REQUESTS), str(ROUNDS), *map(str, kinds))
    return [number(rf"{kind}: .* ([\d.]+) us each", out) for kind in kinds]


def pushed():
    """A request on one of so many entities, the decision of it alone, and what an entity takes."""
    few, many = requests(FEW, MANY)
    print(f"{'a request on a pushed fact':<34} {few:.2f} us of {FEW}, {many:.2f} us of {MANY:,}", flush=True)
    out = printed("facts_scale", str(DECISIONS), str(ROUNDS), str(FEW), str(MANY))
    of_few, of_many = (number(rf"of {entities}: .* a decision ([\d.]+) us", out) for entities in (FEW, MANY))
    print(f"{'  of which the decision':<34} {of_few:.2f} us of {FEW}, {of_many:.2f} us of {MANY:,}", flush=True)
    return answers.within({f"a decision, of {MANY:,} beside {FEW}: at most {MOST_DEARER} x": (of_many / of_few, MOST_DEARER),
                           f"a request, of {MANY:,} beside {FEW}: at most {MOST_DEARER} x": (many / few, MOST_DEARER),
                           f"bytes of memory for each: at most {MOST_BYTES}":
                           (number(rf"{MANY} entities: (\d+) bytes each", out), MOST_BYTES),
                           f"milliseconds for a change, without the disk: at most {MOST_CHANGE_MS}":
                           (number(rf"of {MANY}: a change ([\d.]+) us", out) / 1000, MOST_CHANGE_MS)})


def asked():
    """The same with a source that was asked a moment ago."""
    pushed_one, source = requests(1, "asked")
    print(f"{'a request on a cached fact':<34} {pushed_one:.2f} us pushed, {source:.2f} us of a source", flush=True)
    return answers.within({f"a warm source, beside pushed facts: at most {MOST_DEARER} x": (source / pushed_one, MOST_DEARER)})


def document(routes):
    """Resources with an owner, each with a list, a GET and three changes."""
    schema = {"type": "object", "properties": {"id": {"type": "integer"}, "owner": {"type": "string"}}}
    answer = {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}}
    listed = {"200": {"content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}}}}}
    paths = {}
    for at in range(routes // 5):
        paths[f"/things-{at}"] = {"get": {"responses": listed}, "post": {}}
        paths[f"/things-{at}/{{thing_id}}"] = {"get": {"responses": answer}, "patch": {}, "delete": {}}
    return {"openapi": "3.1.0", "info": {"title": "Things", "version": "1"}, "paths": paths, "components": {"schemas": {"Thing": schema}}}


def init():
    with tempfile.TemporaryDirectory(prefix="writ-bench-init-") as folder:
        path = os.path.join(folder, "openapi.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(document(ROUTES), file)
        seconds = []
        for at in range(3):
            began = time.monotonic()
            subprocess.run([harness.WRIT, "init", path, os.path.join(folder, str(at))], check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.monotonic() - began)
        megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{'writ init':<34} {ROUTES:,} routes, {least(seconds):.2f} s, at most {megabytes:.0f} MB here so far", flush=True)
    return answers.within({f"seconds for {ROUTES:,} routes: at most {MOST_INIT_SECONDS}": (least(seconds), MOST_INIT_SECONDS)})


def facts():
    """False: something costs more than it may."""
    parts = [pushed, asked, answers.answers, init]
    return all([part() for part in parts])


if __name__ == "__main__":
    sys.exit(0 if facts() else 1)
