"""Holes planted in policies, one of each kind: writ test --abnormal finds every one, and finds nothing where there is none."""
import json
import os
import tempfile
import unittest

import harness
import yaml

CONFIG = """version: 1
issuer: http://127.0.0.1:9180
listen: {api: "127.0.0.1:9180", gateway: "127.0.0.1:9181", public_origin: "http://127.0.0.1:9181"}
data: data
policies: {files: [policies], entities: entities.json}
calendars:
  freeze: [{from: 2026-07-01T00:00:00Z, until: 2026-07-08T00:00:00Z}]
inventory:
  identities:
    - {id: ann, kind: user}
    - {id: bob, kind: user}
    - {id: desk, kind: application, acts_for: [users]}
    - {id: shop, kind: application, acts_for: [users]}
    - {id: robot, kind: service}
    - {id: one, kind: agent, acts_for: [users, desk, two, three]}
    - {id: two, kind: agent, acts_for: [users, desk, three]}
    - {id: three, kind: agent, acts_for: [users, desk]}
  apis:
    - id: docs
      audience: https://docs.example
      namespace: Docs
      actions: [read, erase]
      upstream: http://127.0.0.1:9190
      routes:
        - {method: GET, path: "/orgs/{org}/docs/{doc}", action: read, resource: 'Docs::Doc::"{doc}"', attributes: {org: "{org}"}}
        - {method: GET, path: "/docs/{doc}", action: read, resource: 'Docs::Doc::"{doc}"', labels: ["read:secret"]}
        - {method: DELETE, path: "/orgs/{org}/docs/{doc}", action: erase, resource: 'Docs::Doc::"{doc}"', attributes: {org: "{org}"}}
"""
ENTITIES = [{"uid": {"type": "Docs::Doc", "id": name}, "attrs": {"level": "public", "owner": owner}, "parents": []}
            for name, owner in (("plan", "ann"), ("note", "bob"))]
TASKS = {
    "t": {"purpose": "work", "subject": "ann", "agents": ["one", "two"], "actions": ['Docs::Action::"read"'],
          "resources": ["Docs::Doc::*"], "budget": {"calls": 3}},
    "approved": {"purpose": "work", "subject": "ann", "agents": ["one"], "actions": ['Docs::Action::"read"'],
                 "resources": ["Docs::Doc::*"], "approvals": {"needed": 1}},
}
READ = "GET /orgs/acme/docs/plan"
APP = {"sub": "ann", "client_id": "desk"}
SERVICE = {"sub": "robot", "client_id": "robot"}
AGENT = {"sub": "ann", "client_id": "one", "act": ["one"], "task": "t"}
CHAIN = {"sub": "ann", "client_id": "one", "act": ["one", "two"], "task": "t"}
BLOCKED = 'forbid (principal, action, resource) when { resource.org == "blocked" };'

# Dimension: the token, other keys of the request, what policies should ask, and what those with the hole ask.
HOLES = {
    "other-application": (APP, {}, '!(context has application) || context.application == Writ::Application::"desk"', "true"),
    "other-user": (APP, {}, 'context has user && context.user == Writ::User::"ann"', "context has user"),
    "other-user: somebody-else in place of ann": (
        APP, {}, 'context has user && [Writ::User::"ann", Writ::User::"bob"].contains(context.user)', "context has user"),
    "other-user: bob in place of ann, in a task made out so": (
        AGENT, {}, 'context has user && context.user == Writ::User::"ann"', "context has user"),
    "no-user": (APP, {}, "context has user", "true"),
    "no-user: one for itself, in a task made out so": (AGENT, {}, "context has user", "context has task"),
    "other-tenant": (SERVICE | {"tenant": "north"}, {}, 'context.tenant == "north"', "context has tenant"),
    "other-environment": (SERVICE | {"environment": "prod"}, {}, 'context.environment == "prod"', "context has environment"),
    "other-purpose": (APP | {"purpose": "work"}, {}, 'context.purpose == "work"', "context has purpose"),
    "other-purpose: purpose `another` in place of `work`, in a task made out so": (
        AGENT | {"purpose": "work"}, {}, 'context.purpose == "work"', "context has purpose"),
    "unbound": (APP | {"bound": True}, {}, "context.token.senderBound", "true"),
    "old-token": (APP, {}, 'context.request.time.durationSince(context.token.issued) < duration("1h")', "true"),
    "stale-authentication": (
        APP | {"auth_time": "-5m"}, {},
        'context.token has authTime && context.request.time.durationSince(context.token.authTime) < duration("1h")',
        "context.token has authTime"),
    "other-authentication": (APP | {"acr": "two"}, {}, 'context.token has acr && context.token.acr == "two"', "context.token has acr"),
    "other-authentication: credential_kind `secret` in place of `key`": (
        APP | {"credential_kind": "key"}, {}, 'context.credential has kind && context.credential.kind == "key"', "context.credential has kind"),
    "other-authentication: workload.ref `another` in place of `refs/heads/main`": (
        SERVICE | {"workload": {"ref": "refs/heads/main"}}, {},
        'principal has workload && principal.workload has ref && principal.workload.ref == "refs/heads/main"',
        "principal has workload && principal.workload has ref"),
    "stale-authentication: a credential that was made a year earlier": (
        APP | {"credential_created": "-5m"}, {},
        'context.credential has created && context.request.time.durationSince(context.credential.created) < duration("90d")',
        "context.credential has created"),
    "other-provider": (
        APP | {"subject_issuer": "https://idp.example"}, {},
        '!(principal is Writ::User) || principal has issuer && principal.issuer == "https://idp.example"',
        "!(principal is Writ::User) || principal has issuer"),
    "longer-chain": (AGENT, {}, "context.chain.depth < 2", "true"),
    "shorter-chain": (CHAIN, {}, 'context.chain.ids.contains("two")', 'context.chain.ids.contains("one")'),
    "other-actor": (CHAIN, {}, '[["one", "two"].containsAll(context.chain.ids)].contains(true)', "true"),
    "other-time: while `freeze` is in force": (APP, {}, '!context.calendars.contains("freeze")', "true"),
    "other-time: after 2026-06-01T00:00:00.000Z": (
        APP, {}, 'context.request.time < datetime("2026-06-01")', 'context has user || context.request.time < datetime("2026-06-01")'),
    "other-time: twelve hours later": (
        APP, {}, 'context.request.time.toTime() < duration("18h")', 'context has user || context.request.time.toTime() < duration("18h")'),
    "labelled-task": (AGENT, {}, 'context has task && !context.task.labels.contains("read:secret")', "context has task"),
    "unapproved-task": (AGENT | {"task": "approved"}, {}, "context.task.approvalsNeeded > 0", "context has task"),
    "next-action": (APP, {}, 'action == Docs::Action::"read"', "true"),
    "next-resource: read on Docs::Doc::\"note\"": (APP, {}, 'resource.owner == "ann"', "true"),
    # The forbid cannot be evaluated without what the route says of the resource.
    "next-resource: read on Docs::Doc::\"plan\" with org `another`": (APP, {"forbid": BLOCKED}, 'resource.org == "acme"', "true"),
    "next-resource: read on Docs::Doc::\"plan\" with tenant `another`": (
        SERVICE, {"api": "docs", "action": "read", "resource": 'Docs::Doc::"plan"', "attributes": {"tenant": "north"}},
        'resource.tenant == "north"', "true"),
    "next-resource: read on Docs::Doc::\"another\"": (APP, {}, "resource has owner", "true"),
    "other-route": (APP, {}, 'context.request.path like "/orgs/*"', "true"),
    "other-address": (APP, {"ip": "192.0.2.1"}, 'context.request has ip && context.request.ip.isInRange(ip("192.0.2.0/24"))', "context.request has ip"),
    "other-address: from an address that nobody knows": (APP, {"ip": "192.0.2.1"}, "context.request has ip", "true"),
    "hidden-attribute": (APP, {}, 'resource has level && resource.level == "public"', '!(resource has level) || resource.level == "public"'),
    **{f"hidden-claim: without `{claim}`": (APP | {claim: value}, {}, f"context.token has acr" if claim == "acr" else condition, "true")
       for claim, value, condition in (("purpose", "work", "context has purpose"), ("tenant", "north", "context has tenant"),
                                       ("environment", "prod", "context has environment"), ("acr", "two", ""),
                                       ("auth_time", "-5m", "context.token has authTime"),
                                       ("credential_kind", "key", "context.credential has kind"),
                                       ("credential_created", "-5m", "context.credential has created"))},
    "hidden-claim: without `subject_issuer`": (
        APP | {"subject_issuer": "https://idp.example"}, {}, "!(principal is Writ::User) || principal has issuer", "true"),
    "hidden-claim: without `workload`": (SERVICE | {"workload": {"ref": "refs/heads/main"}}, {}, "principal has workload", "true"),
    "hidden-claim: without `workload.ref`": (
        SERVICE | {"workload": {"ref": "refs/heads/main", "repository": "acme/site"}}, {},
        "principal has workload && principal.workload has ref", "principal has workload"),
    "hidden-claim: without `task`": (APP | {"task": "t"}, {}, "context has task", "true"),
    "hidden-claim: without `act`": (CHAIN | {"client_id": "one", "act": ["one", "two"]}, {}, "context.chain.depth > 1", "true"),
}
# A hole here would be in the code: no policy can switch these guards off.
GUARDED = {"no-token", "other-api", "wrongly-bound", "swapped-chain", "before-window", "after-window", "after-end", "after-budget"}


class Holes(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.mkdir(os.path.join(self.folder, "policies"))
        self.write("writ.yaml", CONFIG)
        self.write("entities.json", json.dumps(ENTITIES))

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def permitted(self, token, keys, condition):
        """What was permitted of the abnormal: dimension and words."""
        keys = dict(keys)
        self.write("policies/a.cedar", f"permit (principal, action, resource) when {{ {condition} }};\n{keys.pop('forbid', '')}\n")
        if "api" not in keys:
            keys["request"] = READ
        suite = {"version": 1, "now": "2026-03-02T09:00:00Z", "fixtures": {"tasks": TASKS},
                 "tests": [{"name": "a", "token": token, "expect": "permit"} | keys]}
        self.write("policies/a.test.yaml", yaml.safe_dump(suite))
        out_folder = os.path.join(self.folder, "out")
        status, out, err = harness.writ("test", "--config", os.path.join(self.folder, "writ.yaml"), "--abnormal", "--json", "--out", out_folder)
        self.assertIn(status, (0, 1), out + err)
        return [f"{one['dimension']}: {one['what']}" for one in json.loads(out)["permitted"]]

    def test_each_planted_hole_is_found_and_only_where_it_is(self):
        for kind, (token, keys, sound, hole) in HOLES.items():
            with self.subTest(kind):
                found = [one for one in self.permitted(token, keys, sound) if one.startswith(kind)]
                self.assertEqual([], found, "a policy without the hole")
                found = [one for one in self.permitted(token, keys, hole) if one.startswith(kind)]
                self.assertNotEqual([], found, "a policy with the hole")

    def test_what_was_found_is_reproduced_from_its_file(self):
        for kind in ("labelled-task", "unapproved-task", "hidden-attribute", "other-time: while `freeze` is in force", "other-user: bob in place of ann, in a task made out so",
                     "other-route", "next-resource: read on Docs::Doc::\"plan\" with org `another`"):
            token, keys, _, hole = HOLES[kind]
            with self.subTest(kind), tempfile.TemporaryDirectory() as out:
                self.permitted(token, keys, hole)
                config = os.path.join(self.folder, "writ.yaml")
                harness.writ("test", "--config", config, "--abnormal", "--out", out)
                self.assertNotEqual([], os.listdir(out))
                for name in os.listdir(out):
                    status, told, err = harness.writ("decide", "--config", config, os.path.join(out, name))
                    self.assertEqual(0, status, name + told + err)

    def test_every_dimension_has_a_hole_here_or_a_guard(self):
        with open(os.path.join(harness.ROOT, "src", "policytest", "abnormal.cc"), encoding="utf-8") as file:
            names = file.read().split("kDimensionNames[kDimensions]", 1)[1].split("};")[0]
        planted = {kind.split(":")[0] for kind in HOLES}
        self.assertEqual({name.strip().strip('"') for name in names.split("{")[1].split(",") if name.strip()}, planted | GUARDED)


if __name__ == "__main__":
    unittest.main()
