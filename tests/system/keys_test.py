"""Writ's own signing keys: docs/keys.md as it stands there, rotation while everything runs, and attacks on the database."""
import base64
import json
import os
import re
import sqlite3
import subprocess
import time
import unittest

import harness

READ = "/invoices/inv-1001"
PAGE = os.path.join(harness.ROOT, "docs", "keys.md")


def page_blocks():
    with open(PAGE, encoding="utf-8") as file:
        return re.findall(r"^```(\w+)\n(.*?)^```", file.read(), re.DOTALL | re.MULTILINE)


def header_of(token):
    part = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


class Keys(unittest.TestCase):
    def made(self, section="{}"):
        world = harness.TestWorld(lambda text: text + f"\nsigning_keys: {section}\n")
        self.addCleanup(world.close)
        return world

    def started(self, section="{}"):
        world = self.made(section)
        world.start()
        return world

    def wrapping_key(self, world, name):
        path = os.path.join(world.folder, name)
        status, out, err = harness.writ("keys", "wrapping", path)
        self.assertEqual(0, status, err)
        self.assertRegex(out, r"^wrapping key [0-9a-f]{8}\n$")
        return path

    def configure(self, world, section):
        with open(world.config, encoding="utf-8") as file:
            text = re.sub(r"\nsigning_keys: .*\n", f"\nsigning_keys: {section}\n", file.read())
        with open(world.config, "w", encoding="utf-8") as file:
            file.write(text)

    def published(self, world):
        answer = world.call(world.api_port, "GET", "/oauth2/jwks")
        return [key["kid"] for key in answer.json()["keys"]]

    def keys(self, world):
        answer = world.api_call(world.operator_token(), "GET", "/v1/keys")
        self.assertEqual(200, answer.status, answer)
        return answer.json()

    def rotate(self, world, urgency):
        answer = world.api_call(world.operator_token(), "POST", "/v1/keys/rotate", {"urgency": urgency})
        self.assertEqual(200, answer.status, answer)
        return answer.json()["keys"]

    def refused_start(self, world):
        """What the start says; it ends with 2."""
        run = subprocess.run([harness.WRIT, "serve", "--config", world.config, "--data", world.data], capture_output=True, text=True,
                             timeout=60)
        self.assertEqual(2, run.returncode, run.stderr)
        return run.stderr

    def database(self, world):
        return sqlite3.connect(os.path.join(world.data, "writ.db"))

    def rows(self, world):
        with self.database(world) as database:
            return database.execute("SELECT kid, jwk, state FROM signing_keys ORDER BY position DESC").fetchall()


class Rotation(Keys):
    def test_every_consumer_follows_without_a_restart(self):
        world = self.started()
        before = world.customer_token()
        old = header_of(before)["kid"]
        self.assertEqual([old], self.published(world))
        self.rotate(world, "at_once")
        after = world.customer_token()
        new = header_of(after)["kid"]
        self.assertNotEqual(old, new)
        self.assertEqual({old, new}, set(self.published(world)))
        for token in (before, after):
            self.assertEqual(200, world.through_gateway(token, READ).status)
        world.kill_writ()
        world.start_writ()
        self.assertEqual({old, new}, set(self.published(world)))
        self.assertEqual(new, header_of(world.customer_token())["kid"])
        self.assertEqual(200, world.through_gateway(before, READ).status)

    def test_a_key_signs_when_it_was_published_for_long_enough(self):
        world = self.started("{publish_ahead_seconds: 3}")
        old = header_of(world.customer_token())["kid"]
        listed = self.rotate(world, "orderly")
        self.assertEqual(["published", "signing"], [key["state"] for key in listed])
        self.assertEqual({old, listed[0]["kid"]}, set(self.published(world)))
        answer = world.call(world.api_port, "GET", "/oauth2/jwks")
        self.assertEqual("public, max-age=3", answer.headers["Cache-Control"])
        deadline = time.monotonic() + 60
        while header_of(world.customer_token())["kid"] == old and time.monotonic() < deadline:
            time.sleep(0.2)
        self.assertEqual(listed[0]["kid"], header_of(world.customer_token())["kid"])
        metrics = world.call(world.api_port, "GET", "/metrics").body.decode()
        for line in ('writ_signing_keys{state="published"} 0', 'writ_signing_keys{state="signing"} 1',
                     'writ_signing_keys{state="retired"} 1', "writ_signing_keys_encrypted 0", "writ_signing_key_overdue_seconds 0"):
            self.assertIn(line + "\n", metrics)
        with open(os.path.join(world.data, "audit.log"), encoding="utf-8") as log:
            events = [record["type"] for record in map(json.loads, log) if record.get("type", "").startswith("signing_key.")]
        self.assertEqual(["signing_key.published", "signing_key.signs"], events)

    def test_a_stolen_key_ends_everything_that_it_signed_and_stays_gone(self):
        world = self.started()
        stolen = world.customer_token()
        self.assertEqual(200, world.through_gateway(stolen, READ).status)
        self.rotate(world, "stolen")
        for _ in range(2):
            self.assertEqual("token_signature", world.through_gateway(stolen, READ).reason())
            self.assertEqual(1, len(self.published(world)))
            self.assertEqual(200, world.through_gateway(world.customer_token(), READ).status)
            world.kill_writ()
            world.start_writ()

    def test_rotating_is_an_action_of_its_own(self):
        world = self.started()
        answer = world.api_call(world.customer_token(world.api), "POST", "/v1/keys/rotate", {"urgency": "stolen"})
        self.assertEqual((403, "policy_no_permit"), (answer.status, answer.reason()))
        self.assertEqual(403, world.api_call(world.customer_token(world.api), "GET", "/v1/keys").status)
        answer = world.api_call(world.operator_token(), "POST", "/v1/keys/rotate", {"urgency": "now"})
        self.assertEqual(400, answer.status)
        self.assertIn("expected orderly, at_once or stolen", answer.json()["message"])
        self.assertEqual(1, len(self.published(world)))

    def test_the_commands_work_on_a_writ_that_is_stopped_and_on_no_other(self):
        world = self.started()
        offline = ("--offline", "--config", world.config, "--data", world.data)
        status, _, err = harness.writ("keys", "rotate", *offline)
        self.assertEqual(1, status)
        self.assertIn("is in use by another Writ", err)
        world.kill_writ()
        status, out, err = harness.writ("keys", "rotate", "--at-once", "--json", *offline)
        self.assertEqual(0, status, err)
        self.assertEqual(["signing", "retired"], [key["state"] for key in json.loads(out)["keys"]])
        status, out, err = harness.writ("keys", "list", *offline)
        self.assertEqual(0, status, err)
        self.assertIn("they are not encrypted in the database", out)
        world.start_writ()
        self.assertEqual(2, len(self.published(world)))
        status, out, err = harness.writ("audit", "verify", os.path.join(world.data, "audit.log"))
        self.assertEqual(0, status, out + err)


class Encryption(Keys):
    def test_plain_keys_are_encrypted_at_the_next_start_and_nothing_of_them_is_left(self):
        world = self.started()
        token = world.customer_token()
        world.kill_writ()
        private = json.loads(self.rows(world)[0][1])["d"].encode()
        self.wrapping_key(world, "wrapping.key")
        self.configure(world, "{encrypted_with: {file: wrapping.key}}")
        world.start_writ()
        self.assertTrue(self.keys(world)["encrypted"])
        self.assertEqual(200, world.through_gateway(token, READ).status)
        for name in os.listdir(world.data):
            if name.startswith("writ.db"):
                with open(os.path.join(world.data, name), "rb") as file:
                    self.assertNotIn(private, file.read(), name)

    def test_a_copy_of_the_data_folder_without_the_wrapping_key_is_worth_nothing(self):
        world = self.made("{encrypted_with: {file: wrapping.key}}")
        key = self.wrapping_key(world, "wrapping.key")
        world.start()
        kid = self.published(world)
        world.kill_writ()
        before = self.rows(world)
        os.rename(key, key + ".away")
        self.assertIn("the wrapping key in the file", self.refused_start(world))
        self.configure(world, "{}")
        self.assertIn("none is configured; say where that key is with `signing_keys.encrypted_with`", self.refused_start(world))
        self.wrapping_key(world, "wrapping.key")
        self.configure(world, "{encrypted_with: {file: wrapping.key}}")
        self.assertIn("bring the right one back", self.refused_start(world))
        status, _, err = harness.writ("keys", "list", "--offline", "--config", world.config, "--data", world.data)
        self.assertEqual(1, status, err)
        self.assertEqual(before, self.rows(world), "nothing is lost")
        os.rename(key + ".away", key)
        world.start_writ()
        self.assertEqual(kid, self.published(world))

    def test_the_wrapping_key_is_replaced(self):
        world = self.made("{encrypted_with: {file: first.key}}")
        self.wrapping_key(world, "first.key")
        world.start()
        kid = self.published(world)
        world.kill_writ()
        self.wrapping_key(world, "second.key")
        self.configure(world, "{encrypted_with: {file: second.key}, encrypted_before_with: {file: first.key}}")
        world.start_writ()
        world.kill_writ()
        self.configure(world, "{encrypted_with: {file: second.key}}")
        world.start_writ()
        self.assertEqual(kid, self.published(world))

    def test_a_wrapping_key_that_anybody_can_read_is_refused(self):
        world = self.made("{encrypted_with: {file: wrapping.key}}")
        os.chmod(self.wrapping_key(world, "wrapping.key"), 0o644)
        self.assertIn("may be read by anyone", self.refused_start(world))

    def tampered(self, change):
        world = self.made("{encrypted_with: {file: wrapping.key}}")
        self.wrapping_key(world, "wrapping.key")
        world.start()
        self.rotate(world, "orderly")
        world.kill_writ()
        with self.database(world) as database:
            change(database, [row[0] for row in self.rows(world)])
        return self.refused_start(world)

    def test_a_changed_ciphertext_is_refused(self):
        def change(database, kids):
            (text,) = database.execute("SELECT jwk FROM signing_keys WHERE kid = ?", (kids[0],)).fetchone()
            middle = len(text) // 2
            database.execute("UPDATE signing_keys SET jwk = ? WHERE kid = ?",
                             (text[:middle] + ("A" if text[middle] != "A" else "B") + text[middle + 1:], kids[0]))
        self.assertIn("it was changed, or belongs to another row", self.tampered(change))

    def test_swapped_rows_are_refused(self):
        def change(database, kids):
            texts = [database.execute("SELECT jwk FROM signing_keys WHERE kid = ?", (kid,)).fetchone()[0] for kid in kids]
            for kid, text in zip(kids, reversed(texts)):
                database.execute("UPDATE signing_keys SET jwk = ? WHERE kid = ?", (text, kid))
        self.assertIn("it was changed, or belongs to another row", self.tampered(change))

    def test_a_plain_key_that_somebody_put_among_them_is_refused(self):
        def change(database, kids):
            key = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "mine"}
            database.execute("INSERT INTO signing_keys (position, kid, jwk, state, until_ms) VALUES (0, 'mine', ?, 'retired', 99999999999999)",
                             (json.dumps(key),))
        self.assertIn("was put there by somebody else", self.tampered(change))


class Removed(Keys):
    def test_a_key_that_was_removed_verifies_nothing_and_an_old_copy_of_its_row_is_the_only_way_back(self):
        """A kid of a retired key after its end: the end is set to the past, as its row has it."""
        world = self.started()
        token = world.customer_token()
        kid = header_of(token)["kid"]
        self.rotate(world, "at_once")
        self.assertEqual(200, world.through_gateway(token, READ).status)
        world.kill_writ()
        with self.database(world) as database:
            database.execute("UPDATE signing_keys SET until_ms = 1 WHERE kid = ?", (kid,))
        world.start_writ()
        deadline = time.monotonic() + 60
        while kid in self.published(world) and time.monotonic() < deadline:
            time.sleep(0.2)
        self.assertNotIn(kid, self.published(world))
        self.assertEqual("token_signature", world.through_gateway(token, READ).reason())
        self.assertNotIn(kid, [row[0] for row in self.rows(world)])


class Page(Keys):
    def test_it_is_as_it_says(self):
        blocks = page_blocks()
        shell = [text for language, text in blocks if language == "sh"]
        shown = [text for language, text in blocks if language == "text"]
        section = next(text for language, text in blocks if language == "yaml")
        world = harness.TestWorld(lambda text: text + "\n" + section)
        self.addCleanup(world.close)

        def run(script, server=""):
            program = f'writ() {{ case "${{1-}} ${{2-}}" in "token get"|"keys list"|"keys rotate") {harness.WRIT} "$@" {server};; *) {harness.WRIT} "$@";; esac; }}\n'
            script = script.replace("/tmp/", f"{world.folder}/").replace("http://127.0.0.1:8180", world.api)
            done = subprocess.run(["bash", "-euc", program + script], cwd=world.folder, capture_output=True, text=True, timeout=60)
            self.assertEqual((0, ""), (done.returncode, done.stderr))
            return done.stdout.splitlines()

        def expect(lines, output):
            for line in lines.splitlines():
                pattern = ".*".join(re.escape(part.strip()) for part in line.split("…"))
                while output and not re.search(pattern, output[0]):
                    output.pop(0)
                self.assertTrue(output, line)
                output.pop(0)

        expect(shown[0], run(shell[0]))
        world.start()
        expect(shown[1], run(shell[1], f"--server {world.api}"))
        old = world.customer_token()
        run(shell[2], f"--server {world.api}")
        self.assertEqual("token_signature", world.through_gateway(old, READ).reason())
        world.kill_writ()
        self.assertTrue(run(shell[3]))
        world.start_writ()


if __name__ == "__main__":
    unittest.main()
