"""Nobody waits for the database who does not need it: another process holds its lock for writing."""
import concurrent.futures
import os
import sqlite3
import time
import unittest

import harness

READ = "/invoices/inv-1001"
AT_ONCE = 1.0     # seconds, on a machine that does other things too
BOUND = 15.0      # of what needs the database


class Locked:
    """The database, held against all others as `BEGIN IMMEDIATE` of another process does."""

    def __init__(self, world):
        self.connection = sqlite3.connect(os.path.join(world.data, "writ.db"), isolation_level=None)
        # Reads and writes as Writ does, and never moves its log.
        self.connection.execute("PRAGMA wal_autocheckpoint=0")

    def __enter__(self):
        self.connection.execute("BEGIN IMMEDIATE")
        return self

    def __exit__(self, *_):
        self.connection.execute("ROLLBACK")
        self.connection.close()


class Waits(unittest.TestCase):
    def setUp(self):
        self.world = harness.TestWorld(
            lambda text: text + "\ndatabase: {max_wait_seconds: 2}\n")
        self.addCleanup(self.world.close)
        self.world.start()
        self.pool = concurrent.futures.ThreadPoolExecutor(64)
        self.addCleanup(self.pool.shutdown)

    def timed(self, request):
        began = time.monotonic()
        answer = request()
        return time.monotonic() - began, answer

    def assert_at_once(self, request, status=200):
        seconds, answer = self.timed(request)
        self.assertEqual(status, answer.status, answer)
        self.assertLess(seconds, AT_ONCE, answer)

    def task_token(self, **changes):
        return self.world.agent_token(self.world.open_task(**changes))

    def read(self, token):
        return self.world.through_gateway(token, READ)

    def health(self):
        return self.world.call(self.world.api_port, "GET", "/healthz")

    def test_who_needs_no_database_is_answered_at_once_while_another_process_holds_it(self):
        without_task = self.world.customer_token()
        reserved = self.task_token(budget={"calls": 1000})
        fresh = [self.task_token(budget={"calls": 1000}) for _ in range(20)]
        self.assertEqual(200, self.read(reserved).status)
        with Locked(self.world):
            waiting = [self.pool.submit(self.timed, lambda token=token: self.read(token)) for token in fresh]
            time.sleep(0.2)
            for _ in range(10):
                self.assert_at_once(self.health)
                self.assert_at_once(lambda: self.world.call(self.world.api_port, "GET", "/readyz"))
                self.assert_at_once(lambda: self.world.call(self.world.api_port, "GET", "/metrics"))
                self.assert_at_once(lambda: self.read(without_task))
                self.assert_at_once(lambda: self.read(reserved))
            for each in waiting:
                seconds, answer = each.result(BOUND)
                self.assertEqual((503, "indeterminate"), (answer.status, answer.reason()), answer)
                self.assertIsNotNone(answer.headers["Retry-After"])
                self.assertLess(seconds, BOUND)
        for token in fresh:
            self.assertEqual(200, self.read(token).status, "once the database is free")

    def test_a_short_hold_costs_a_wait_and_nothing_else(self):
        fresh = self.task_token(budget={"calls": 3})
        with Locked(self.world):
            waiting = [self.pool.submit(self.read, fresh) for _ in range(8)]
            time.sleep(0.5)
        answers = [each.result(BOUND) for each in waiting]
        self.assertEqual([200] * 3 + [403] * 5, sorted(answer.status for answer in answers), answers)
        self.assertEqual(3, self.world.api_call(self.world.operator_token(), "GET", "/v1/tasks").json()
                         ["tasks"][0]["used"]["calls"])

    def test_metrics_tell_of_those_that_wait(self):
        fresh = self.task_token(budget={"calls": 3})
        self.assertEqual(200, self.read(fresh).status)
        told = self.world.call(self.world.api_port, "GET", "/metrics").body.decode()
        self.assertRegex(told, r'writ_database_waits_total\{result="written"\} [1-9]')
        self.assertIn("writ_database_waiting 0", told)


class Limits(unittest.TestCase):
    def world_with(self, section):
        world = harness.TestWorld(lambda text: text + f"\n{section}\n")
        self.addCleanup(world.close)
        world.start()
        return world

    def ask(self, world, token, **changes):
        task = {"purpose": "support", "subject": "nora", "client": "support-portal",
                "actions": ['Billing::Action::"read"'], "resources": ['Billing::Invoice::"inv-1001"'], **changes}
        return world.api_call(token, "POST", "/v1/tasks", task)

    def test_a_client_that_has_its_tasks_is_told_when_to_try_again(self):
        world = self.world_with("tasks: {max_per_client: 3}")
        token = world.customer_token(world.api)
        for _ in range(3):
            self.assertEqual(201, self.ask(world, token).status)
        answer = self.ask(world, token)
        self.assertEqual((429, "too_many_tasks"), (answer.status, answer.json()["error"]), answer)
        self.assertGreater(int(answer.headers["Retry-After"]), 0)

    def test_a_task_that_is_too_large_is_refused(self):
        world = self.world_with("tasks: {max_scope_bytes: 4096}")
        answer = self.ask(world, world.customer_token(world.api),
                          resources=[f'Billing::Invoice::"{i}"' for i in range(1000)])
        self.assertEqual((400, "limit_exceeded"), (answer.status, answer.json()["error"]), answer)

    def test_what_is_over_is_forgotten_and_refuses_still(self):
        world = self.world_with("tasks: {forget_after_seconds: 1}")
        task = world.open_task()
        token = world.agent_token(task)
        self.assertEqual(200, world.through_gateway(token, READ).status)
        operator = world.operator_token()
        self.assertEqual(200, world.api_call(operator, "POST", f"/v1/tasks/{task}/end").status)
        deadline = time.monotonic() + 60
        while world.api_call(operator, "GET", f"/v1/tasks/{task}").status != 404:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(1)
        answer = world.through_gateway(token, READ)
        self.assertEqual((403, "task_missing"), (answer.status, answer.reason()), answer)
        world.stop_writ()
        database = sqlite3.connect(os.path.join(world.data, "writ.db"))
        for table in ("tasks", "budgets", "task_labels"):
            self.assertEqual((0,), database.execute(f"SELECT count(*) FROM {table}").fetchone())
        database.close()

    def test_long_lists_come_in_pieces_that_are_the_whole(self):
        world = self.world_with("")
        token = world.customer_token(world.api)
        opened = [self.ask(world, token).json()["id"] for _ in range(25)]
        operator = world.operator_token()
        seen, after = [], ""
        while True:
            page = world.api_call(operator, "GET", f"/v1/tasks?limit=10{after}").json()
            self.assertLessEqual(len(page["tasks"]), 10)
            seen += [task["id"] for task in page["tasks"]]
            if not page["more"]:
                self.assertNotIn("next", page)
                break
            after = "&after=" + page["next"]
        self.assertEqual(sorted(opened), sorted(seen))
        self.assertEqual(len(opened), len(set(seen)))
        for query in ("limit=0", "limit=1001", "limit=x", "after=x", "after=1", "limit=1&limit=2"):
            self.assertEqual(400, world.api_call(operator, "GET", f"/v1/tasks?{query}").status, query)


if __name__ == "__main__":
    unittest.main()
