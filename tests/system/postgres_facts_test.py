"""Facts that PostgreSQL is asked for (docs/asked-facts.md, "In PostgreSQL"): a real server of the test's own."""
import os
import unittest

import asked_facts_test
import harness
import postgres


class World(asked_facts_test.AskedFacts):
    """The page's own source and role, in the place of SQLite's."""

    def setUp(self):
        self.database = postgres.Server()
        self.addCleanup(self.database.close)
        self.database.execute("CREATE TABLE parcels(id text, receiver text, tenant text, note text)")
        for statement in asked_facts_test.page_blocks("sql"):
            self.database.execute(statement)
        self.database.execute("INSERT INTO parcels VALUES('p-1', 'nora', 'north'), ('p-2', 'niklas', 'north')")
        super().setUp()

    def fact_sources(self, port):
        text = asked_facts_test.page_blocks("yaml")[3]
        self.assertIn("host: db.acme.example\n", text)
        text = text.replace("host: db.acme.example\n", f"host: 127.0.0.1\n      port: {self.database.port}\n").replace("      ca: db-ca.pem\n", "")
        return text.replace("    id: id\n", "    id: id\n    max_age_seconds: 0\n    failures: 1000\n")

    def make_files(self):
        path = os.path.join(self.world.folder, "shop-password")
        with open(path, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write("change-me\n")


class InPostgres(World):
    def test_a_row_decides(self):
        self.assertTrue(self.permitted("/parcels/p-1"))
        self.assertFalse(self.permitted("/parcels/p-2"))
        self.assertFalse(self.permitted("/parcels/p-3"))
        self.database.execute("INSERT INTO parcels VALUES('p-3', 'nora', 'north')")
        self.assertTrue(self.permitted("/parcels/p-3"))
        self.assertEqual("source `parcels`", self.last()["sources"]["resource.receiver"])
        self.database.execute("UPDATE parcels SET tenant = 'south' WHERE id = 'p-3'")
        self.assertFalse(self.permitted("/parcels/p-3"))
        self.assertEqual("tenant_mismatch", self.last()["reason"])

    def test_no_id_is_part_of_the_statement(self):
        for path in ("/parcels/%27%20OR%20%271%27%3D%271", "/parcels/p-1%27%20OR%20true%20--", "/parcels/%241", "/parcels/%25"):
            self.assertFalse(self.permitted(path), path)
        self.assertEqual("2", self.database.execute("SELECT count(*) FROM parcels"))

    def test_two_rows_permit_nothing(self):
        self.database.execute("INSERT INTO parcels VALUES('p-1', 'nora', 'north')")
        self.assertFalse(self.permitted("/parcels/p-1"))
        self.assertEqual("facts_unavailable", self.last()["reason"])

    def test_a_server_that_is_down_permits_nothing_and_comes_back(self):
        self.assertTrue(self.permitted("/parcels/p-1"))
        self.database.stop()
        answer = self.ask("/parcels/p-1")
        self.assertEqual((403, "facts_unavailable"), (answer.status, answer.reason()))
        self.assertNotIn(str(self.database.port), answer.json()["message"])
        self.database.start()
        self.assertTrue(self.permitted("/parcels/p-1"))

    def test_a_role_that_may_write_is_refused_before_and_after_the_start(self):
        self.database.execute("GRANT UPDATE ON parcels TO writ")
        status, out, err = harness.writ("check", "--config", self.world.config)
        self.assertNotEqual(0, status)
        self.assertIn("may write to `parcels`", out + err)
        self.database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'writ'")
        self.assertFalse(self.permitted("/parcels/p-1"))
        self.assertEqual("facts_unavailable", self.last()["reason"])


class Check(World):
    def start(self):
        pass

    def test_what_could_not_work_is_said(self):
        with open(self.world.config, encoding="utf-8") as file:
            text = file.read()
        for old, new, status, said in (
                ("host: 127.0.0.1", "host: db.acme.invalid", 2, "`ca` is missing"),
                ("host: 127.0.0.1", "host: 127.0.0.1,127.0.0.2", 2, "is not one host"),
                ("statement: SELECT id, receiver", "statement: DELETE FROM parcels WHERE id = :id --", 2, "does not begin with SELECT"),
                ("WHERE id = :id", "WHERE id = :order", 2, "not `:order`"),
                ("statement: SELECT id, receiver", "statement: SELECT id, note", 2, "no column `receiver`"),
                ("receiver: receiver", "receiver: colour", 2, "no column `colour`"),
                ("password_file: shop-password", "password_env: NO_SUCH_VARIABLE", 2, "no variable"),
                ("database: shop", "database: shop\n      ca: schema.cedarschema", 2, "so this is not used"),
                (f"port: {self.database.port}", "port: 1", 0, "until it answers")):
            with self.subTest(new):
                self.assertIn(old, text)
                with open(self.world.config, "w", encoding="utf-8") as file:
                    file.write(text.replace(old, new, 1))
                code, out, err = harness.writ("check", "--config", self.world.config)
                self.assertEqual(status == 0, code == 0, out + err)
                self.assertIn(said, out + err)


if __name__ == "__main__":
    unittest.main()
