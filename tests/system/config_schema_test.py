"""The JSON Schema of the configuration says what the reader takes: each map of it is asked about, key by key."""
import json
import os
import re
import tempfile
import unittest

import harness

UNKNOWN = "zzzz_no_such_key"
# What the reader needs to look at anything: the rest of the configuration.
BASE = {"version": 1, "issuer": "http://127.0.0.1:8180", "listen": {"api": "127.0.0.1:8180"}, "policies": {"files": ["p"]},
        "inventory": {"identities": [], "apis": []}}


def writ_config_schema():
    status, out, err = harness.writ("config", "schema")
    assert status == 0, err
    return json.loads(out)

SAMPLES = {"address": "127.0.0.1:8181", "audience": "https://x.example", "actions": ["x"], "path": "/x", "method": "GET",
           "resource": 'X::"x"'}


class Schema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.schema = writ_config_schema()
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)

    def resolved(self, schema):
        if "$ref" in schema:
            schema = self.schema["$defs"][schema["$ref"].rsplit("/", 1)[1]]
        for choice in map(self.resolved, schema.get("anyOf", [])):
            if choice.get("type") == "object":
                return choice
        return schema

    def maps(self, schema, path=()):
        """Each map with fixed keys: (path, keys). `*` is an element of a list, `name` a key of an open map."""
        schema = self.resolved(schema)
        if schema.get("type") == "array":
            yield from self.maps(schema["items"], (*path, "*"))
        properties = schema.get("properties")
        if properties is not None:
            yield path, properties
            for key, value in properties.items():
                yield from self.maps(value, (*path, key))
        elif isinstance(schema.get("additionalProperties"), dict):
            yield from self.maps(schema["additionalProperties"], (*path, "name"))

    def sample(self, key, schema):
        """Something that the reader takes for a key that has to be there."""
        schema = self.resolved(schema)
        if key in SAMPLES:
            return SAMPLES[key]
        if "enum" in schema:
            return schema["enum"][0]
        return {"array": [], "object": {}}.get(schema.get("type"), "x")

    def issues_with(self, path, value):
        """What `writ check` says of the least configuration that has the value there."""
        root = json.loads(json.dumps(BASE))
        at, schema = root, self.schema
        for key, after in zip(path, (*path[1:], None)):
            schema = self.resolved(schema)
            for needed in schema.get("required", []):
                at.setdefault(needed, self.sample(needed, schema["properties"][needed]))
            # What says where requests go is read with what says how.
            if key in ("upstream_tls", "upstream_options", "cors"):
                at["upstream"] = "https://127.0.0.1:1"
            inner = value if after is None else [] if after == "*" else {}
            if key == "*":
                schema = schema["items"]
                at.append(inner)
                at = at[-1]
                continue
            schema = schema.get("properties", {}).get(key) or schema.get("additionalProperties") or {}
            # A text may stand for a map.
            if after is None or not isinstance(at.get(key), type(inner)):
                at[key] = inner
            at = at[key]
        config = os.path.join(self.folder.name, "writ.yaml")
        with open(config, "w", encoding="utf-8") as file:
            json.dump(root, file)
        _, out, err = harness.writ("check", "--config", config, "--json")
        self.assertEqual("", err)
        return json.loads(out)["issues"]

    def test_the_reader_knows_the_same_keys(self):
        asked = 0
        for path, properties in self.maps(self.schema):
            found = [issue for issue in self.issues_with((*path, UNKNOWN), 1) if UNKNOWN in issue["message"]]
            self.assertTrue(found, f"the reader took an unknown key at {path}")
            # What `/v1` takes too is read by its reader, which says all in one line.
            said = found[0]["message"] + " " + found[0].get("help", "")
            keys = re.search(r"(?:the keys are|expected one of) (.*?)\s*$", said)[1].split(", ")
            self.assertEqual(sorted(properties), sorted(keys), f"at {'.'.join(path)}")
            asked += 1
        self.assertGreater(asked, 25)

    def test_the_reader_has_the_same_limits_and_choices(self):
        asked = 0
        for path, properties in self.maps(self.schema):
            for key, value in properties.items():
                at = (*path, key)
                if "minimum" in value:
                    for outside in (value["minimum"] - 1, value["maximum"] + 1):
                        said = [issue["message"] for issue in self.issues_with(at, outside)]
                        expected = f"`{key}` must be between {value['minimum']} and {value['maximum']}, found {outside}"
                        self.assertIn(expected, said, at)
                    asked += 1
                elif "enum" in value and key != "client_certificates":  # is read with good certificates only
                    said = [issue["message"] for issue in self.issues_with(at, "zzzz")]
                    self.assertIn(f"`{key}` must be one of {', '.join(value['enum'])}; found `zzzz`", said, at)
                    asked += 1
        self.assertGreater(asked, 40)

    def test_a_misspelt_key_has_a_suggestion_and_every_mistake_is_told_in_one_run(self):
        config = os.path.join(self.folder.name, "misspelt.yaml")
        with open(config, "w", encoding="utf-8") as file:
            json.dump({**BASE, "isuer": "x", "tokens": {"lifetime_second": 1}, "limits": {"max_chains": 2}}, file)
        status, out, _ = harness.writ("check", "--config", config)
        self.assertEqual(1, status)
        for key, near in (("isuer", "issuer"), ("lifetime_second", "lifetime_seconds"), ("max_chains", "max_chain")):
            self.assertRegex(out, rf"unknown key `{key}` in .*\n *help: did you mean `{near}`\?")


if __name__ == "__main__":
    unittest.main()
