"""writ decide --replay: recorded requests under changed policies: what flips, what does not, and what is not known any more."""
import json
import os
import shutil
import unittest

import approvals_test
import calls_test
import harness
import what_if_test

READ = "/invoices/inv-1001"
FORBID = '@id("{}") forbid (principal, action == Billing::Action::"read", resource is Billing::Invoice)\n{};\n'


class Replay(unittest.TestCase):
    """One log of everything a decision can depend on, replayed under many policies."""

    @classmethod
    def setUpClass(cls):
        cls.world = world = harness.TestWorld()
        cls.addClassCleanup(world.close)
        world.start()
        token = world.customer_token()
        for _ in range(3):
            assert world.through_gateway(token, READ).status == 200
        assert world.through_gateway(token, "/invoices/inv-1002").reason() == "policy_no_permit"
        assert world.through_gateway(token, "/invoices/inv-1001/credit", "POST").status in (200, 201, 403)
        assert world.through_gateway("nonsense", READ).status == 401
        task = world.open_task(budget={"calls": 2})
        agent = world.agent_token(task)
        assert [world.through_gateway(agent, READ).status for _ in range(3)] == [200, 200, 403]
        assert world.api_call(world.operator_token(), "POST", f"/v1/tasks/{task}/suspend").status == 200
        assert world.through_gateway(agent, READ).reason() == "task_suspended"
        assert world.api_call(world.operator_token(), "POST", f"/v1/tasks/{task}/resume").status == 200
        other = world.open_task()
        assert world.through_gateway(world.agent_token(other), READ).status == 200
        operator = world.operator_token()
        question = {"subject": {"type": "user", "id": "nora"}, "action": {"name": "read"},
                    "resource": {"type": "invoice", "id": "inv-1001"}}
        assert world.api_call(operator, "POST", "/access/v1/evaluation", question).status == 200
        marketing = world.token_request("marketing-app", grant_type="client_credentials", resource=harness.MAIL)
        assert marketing.status in (400, 403), marketing
        world.stop_writ()
        cls.log = os.path.join(world.data, "audit.log")
        with open(cls.log, encoding="utf-8") as file:
            cls.records = [json.loads(line) for line in file]
        cls.decisions = [record for record in cls.records if record["type"] == "decision"]

    def setUp(self):
        self.new = os.path.join(self.world.folder, "new")
        shutil.copytree(os.path.join(self.world.folder, "policies"), self.new)
        self.addCleanup(shutil.rmtree, self.new)

    def add(self, text):
        with open(os.path.join(self.new, "added.cedar"), "w", encoding="utf-8") as file:
            file.write(text)

    def run_replay(self, *arguments, log=None):
        return harness.writ("decide", "--replay", log or self.log, "--policies", self.new, "--config", self.world.config,
                            "--data", self.world.data, *arguments)

    def replay(self, log=None):
        status, out, err = self.run_replay("--json", log=log)
        self.assertIn(status, (0, 1), err)
        report = json.loads(out)
        self.assertEqual(status, 1 if report["flips"] else 0)
        return report

    def changed_log(self, change):
        path = os.path.join(self.world.folder, "changed.log")
        with open(path, "w", encoding="utf-8") as file:
            for record in self.records:
                if (record := change(dict(record))) is not None:
                    file.write(json.dumps(record) + "\n")
        return path

    def left_out(self, report):
        return {each["why"]: each["decisions"] for each in report["left_out"]}

    def gateway(self, effect):
        return [record for record in self.decisions if record["point"] == "gateway" and record["effect"] == effect]

    def test_under_its_own_policies_every_decision_comes_out_as_recorded(self):
        report = self.replay()
        self.assertEqual([], report["flips"])
        self.assertEqual({"an AuthZEN evaluation's own facts are not recorded": 1}, self.left_out(report))
        self.assertEqual(0, report["unchecked"])
        self.assertEqual(len(self.decisions), report["decisions"])
        self.assertEqual(len(self.decisions), report["decided"] + report["before_policies"] + 1)
        self.assertGreater(report["decided"], 12)
        self.assertEqual(3, report["before_policies"], "a token that is none, a budget and a suspended task")

    def test_each_decision_that_flips_is_listed_with_who_what_and_why(self):
        self.add(FORBID.format("no-reading", ""))
        report = self.replay()
        self.assertEqual(len(self.gateway("permit")) - sum("credit" in record["action"] for record in self.gateway("permit")),
                         len(report["flips"]))
        flip = report["flips"][0]
        self.assertEqual(("permit", "deny", "policy_forbid", ["no-reading"]),
                         (flip["record"]["effect"], flip["effect"], flip["reason"], flip["policies"]))
        status, text, _ = self.run_replay()
        self.assertEqual(1, status)
        self.assertRegex(text, r"nora → support-portal  Billing::Action::\"read\" Billing::Invoice::\"inv-1001\" at invoices: "
                               r"permit by .*support-portal-serves-customers → deny policy_forbid by no-reading")
        self.assertRegex(text, r"\d+ decisions, \d+ decided again: \d+ flip \(\d+ permit → deny\)")
        self.assertIn("1: an AuthZEN evaluation's own facts are not recorded", text)

    def test_a_refusal_that_would_be_permitted_flips_too(self):
        self.add('@id("all") permit (principal, action, resource);')
        flips = self.replay()["flips"]
        self.assertIn(("deny", "permit"), {(flip["record"]["effect"], flip["effect"]) for flip in flips})
        self.assertIn("/invoices/inv-1002", {flip["record"]["path"] for flip in flips})

    def test_what_the_decision_read_is_what_it_reads_again(self):
        for condition in ('unless { context has user && context.user == Writ::User::"nora" }',
                          'unless { context has tenant && context.tenant == "north" }',
                          'unless { context has purpose && context.purpose == "support" }',
                          'unless { context.request has ip && context.request.ip.isLoopback() }',
                          'unless { context.request has path && context.request.path like "/invoices/*" }',
                          'unless { context.token.senderBound == false && context.token.issued <= context.request.time }',
                          'unless { context has agent || context.chain.depth == 0 || !(context has task) }',
                          'when { context has task && context.task.purpose != "support" }'):
            with self.subTest(condition):
                self.add(FORBID.format("right", condition))
                self.assertEqual([], self.replay()["flips"])
        self.add(FORBID.format("tasks", "when { context has task }"))
        self.assertEqual({"support-agent"}, {flip["record"]["client"] for flip in self.replay()["flips"]})

    def test_issuing_is_decided_again_too(self):
        self.add('@id("none") forbid (principal == Writ::Application::"support-portal", action == Writ::Action::"issue", resource);')
        self.assertEqual({"oauth"}, {flip["record"]["point"] for flip in self.replay()["flips"]})

    def test_a_refusal_of_a_guard_stays_whatever_the_policies_say(self):
        self.add('@id("all") permit (principal, action, resource);')
        reasons = {flip["record"].get("reason") for flip in self.replay()["flips"]}
        self.assertTrue(reasons <= {None, "policy_no_permit", "policy_forbid", "context_missing"}, reasons)

    def test_a_record_that_lacks_what_a_decision_reads_is_left_out_and_says_so(self):
        log = self.changed_log(lambda record: {key: value for key, value in record.items() if key != "issued_at"})
        report = self.replay(log)
        self.assertEqual(0, report["decided"])
        self.assertIn("an earlier version of Writ did not record all that a decision reads", self.left_out(report))

    def test_attributes_that_were_too_large_to_be_recorded_are_not_guessed(self):
        log = self.changed_log(lambda record: {**record, "attributes": None} if record.get("point") == "gateway" else record)
        self.assertIn("its `attributes` were too large to be recorded", self.left_out(self.replay(log)))

    def test_a_task_from_before_the_log_is_not_guessed(self):
        log = self.changed_log(lambda record: None if record["type"] == "task.opened" else record)
        self.assertIn("its task was opened before this log begins", self.left_out(self.replay(log)))

    def test_facts_that_have_changed_since_are_noticed(self):
        with open(self.world.config, encoding="utf-8") as file:
            text = file.read()
        config = os.path.join(self.world.folder, "changed.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(text.replace("{id: nora, kind: user, tenant: north}", "{id: nora, kind: user, tenant: south}"))
        status, out, err = harness.writ("decide", "--replay", self.log, "--policies", self.new, "--config", config,
                                        "--data", self.world.data, "--json")
        self.assertEqual((0, ""), (status, err))
        self.assertTrue(any(why.startswith("not all facts of that time are known: under its own policies it would be tenant_mismatch")
                            for why in self.left_out(json.loads(out))), out)

    def test_without_the_policies_of_then_it_says_what_was_not_checked(self):
        empty = os.path.join(self.world.folder, "empty")
        os.makedirs(empty, exist_ok=True)
        billing = os.path.join(self.world.folder, "policies", "billing.cedar")
        shutil.copy(billing, billing + ".kept")
        self.addCleanup(os.replace, billing + ".kept", billing)
        with open(billing, "a", encoding="utf-8") as file:
            file.write("// since then\n")
        _, out, _ = harness.writ("decide", "--replay", self.log, "--policies", self.new, "--config", self.world.config,
                                 "--data", empty, "--json")
        report = json.loads(out)
        self.assertEqual(report["decided"], report["unchecked"])
        self.assertGreater(report["unchecked"], 0)

    def test_what_is_broken_is_told_and_nothing_is_decided(self):
        self.add("permit (principal")
        status, _, err = self.run_replay()
        self.assertEqual(2, status)
        self.assertIn("added.cedar:1:", err)
        self.assertEqual(2, self.run_replay(log=os.path.join(self.world.folder, "nowhere"))[0])
        self.add("")
        log = os.path.join(self.world.folder, "broken.log")
        with open(log, "w", encoding="utf-8") as file:
            file.write("this is a letter\n")
        status, _, err = self.run_replay(log=log)
        self.assertEqual(2, status)
        self.assertIn("1 lines are not records", err)


class Facts(unittest.TestCase):
    def test_what_routes_tell_of_resources_and_amounts_is_recorded_and_read_again(self):
        route = '- {method: GET, path: "/invoices/{invoice}", action: read, resource: \'Billing::Invoice::"{invoice}"\''
        world = harness.TestWorld(lambda text: text.replace(
            route, route + ', attributes: {shelf: "{invoice}"}, amounts: {pages: query pages}'))
        self.addCleanup(world.close)
        schema = os.path.join(world.folder, "schema.cedarschema")
        with open(schema, encoding="utf-8") as file:
            text = file.read()
        with open(schema, "w", encoding="utf-8") as file:
            file.write(text.replace("amount: Long", "amount: Long, shelf?: String", 1))
        world.start()
        self.assertEqual(200, world.through_gateway(world.customer_token(), READ + "?pages=2").status)
        world.stop_writ()
        log = os.path.join(world.data, "audit.log")
        with open(log, encoding="utf-8") as file:
            (record,) = [record for record in map(json.loads, file) if record.get("point") == "gateway"]
        self.assertEqual(({"shelf": "inv-1001"}, {"pages": "2"}), (record["attributes"], record["amounts"]))
        policies = os.path.join(world.folder, "policies")
        for shelf, status in (("inv-1001", 0), ("elsewhere", 1)):
            with open(os.path.join(policies, "added.cedar"), "w", encoding="utf-8") as file:
                file.write(FORBID.format("shelf", f'unless {{ resource has shelf && resource.shelf == "{shelf}" }}'))
            got, out, err = harness.writ("decide", "--replay", log, "--config", world.config, "--data", world.data)
            self.assertEqual(status, got, out + err)


class Approvals(unittest.TestCase):
    """Of calls and of tasks: what people said then counts again."""

    def test_what_was_approved_comes_out_as_recorded(self):
        world = approvals_test.ApprovalWorld(calls_test.POLICIES)
        self.addCleanup(world.close)
        world.start()
        token = world.customer_token()

        def credit(**named):
            return world.through_gateway(token, calls_test.CREDIT, "POST", {**calls_test.JSON, **named}, calls_test.BODY)
        approval = credit().json()["approval"]
        self.assertEqual(200, world.api_call(world.person("niklas"), "POST", f"/v1/approvals/{approval}/approve").status)
        self.assertEqual(201, credit(**{"Writ-Approval": approval}).status)
        question = {"request": f"POST {calls_test.CREDIT}", "token": what_if_test.NORA}
        answers = [world.api_call(world.operator_token(), "POST", "/v1/decide", {**question, **approved}).json()
                   for approved in ({}, {"approved": True})]
        self.assertEqual(["approval_required", None], [answer.get("reason") for answer in answers])
        world.stop_writ()
        log = os.path.join(world.data, "audit.log")
        with open(log, encoding="utf-8") as file:
            outcomes = {record.get("reason", "permit") for record in map(json.loads, file) if record.get("path") == calls_test.CREDIT}
        self.assertEqual({"approval_required", "permit"}, outcomes)
        status, out, err = harness.writ("decide", "--replay", log, "--config", world.config, "--data", world.data, "--json")
        self.assertEqual((0, []), (status, json.loads(out)["left_out"]), err)


if __name__ == "__main__":
    unittest.main()
