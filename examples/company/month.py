"""A month of recorded use of the example company: October 2026.

    python3 month.py AUDIT_LOG [--writ BINARY] [--seed N] [--days N]

It plans who did what on each day, from a seed, so that the same seed gives the same month. Then `writ test --record` decides every
request as a running Writ would: route, token, guards, policies, task and budget, at the time that the plan says. What is recorded is
what Writ decided, and a request that is decided otherwise than planned is an error. What is not real: nobody sent these requests, and
the first record says so.
"""
import argparse
import datetime
import json
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
FIRST = datetime.date(2026, 10, 1)
DAYS = 31
FROZEN = [datetime.date(2026, 10, day) for day in (23, 24, 25)]  # in the evening, by the calendar of writ.yaml
TENANT = {"ada": "nordic", "bo": "nordic", "cleo": "nordic", "ines": "iberia", "joao": "iberia", "kira": "iberia",
          "dag": "nordic", "edda": "nordic", "finn": "nordic", "greta": "nordic", "luis": "iberia", "marta": "iberia", "nuno": "iberia"}
CUSTOMERS = ["ada", "bo", "cleo", "ines", "joao", "kira"]
OF_TENANT = {"nordic": ["ada", "bo", "cleo"], "iberia": ["ines", "joao", "kira"]}


def number_of(customer):
    """The first of the two orders and invoices that are the customer's."""
    return 1001 + 2 * CUSTOMERS.index(customer)


class Day:
    """The requests of one day, as a test file."""

    def __init__(self, date, randomness):
        self.date, self.random, self.steps, self.tasks = date, randomness, [], {}

    def at(self, hour, minute=None):
        minute = self.random.randrange(60) if minute is None else minute
        return f"{self.date}T{hour:02}:{minute:02}:{self.random.randrange(60):02}Z"

    def add(self, when, request, expect="permit", ip=None, **token):
        asked = request if isinstance(request, dict) else {"request": request}
        step = {"at": when, **asked, "token": {name: value for name, value in token.items() if value is not None}, "expect": expect}
        if ip:
            step["ip"] = ip
        self.steps.append(step)

    def issue(self, when, api, expect="permit", **token):
        self.steps.append({"at": when, "issue": api, "token": {name: value for name, value in token.items() if value is not None}, "expect": expect})

    def task(self, when, **task):
        task_id = f"{self.date}-{len(self.tasks) + 1}"
        self.tasks[task_id] = {"opened": when, "expires_in_seconds": 3600, **task}
        return task_id

    def suite(self):
        steps = sorted(self.steps, key=lambda step: step["at"])
        return {"version": 1, "now": f"{self.date}T00:00:00Z", "about": "a day of recorded use", "fixtures": {"tasks": self.tasks},
                "tests": [{"name": f"what happened on {self.date}", "steps": steps}]}

    # Who does what. A weekday is a working day.

    def customers(self):
        for customer in CUSTOMERS:
            for _ in range(self.random.randrange(1, 4)):
                portal = self.random.choice(["customer-portal", "customer-portal", "mobile-app"])
                token = {"sub": customer, "client_id": portal, "purpose": "self-service", "tenant": TENANT[customer], "environment": "production"}
                hour = self.random.randrange(6, 22)
                order = number_of(customer) + self.random.randrange(2)
                self.issue(self.at(hour, 1), "orders", **token)
                self.add(self.at(hour, 2), f"GET /orders/o-{order}", **token)
                if self.random.random() < 0.6:
                    self.add(self.at(hour, 3), f"GET /invoices/i-{order}", **token)
                if self.random.random() < 0.3:
                    self.add(self.at(hour, 4), f"POST /tenants/{TENANT[customer]}/orders", **token)
                # Somebody tries the next number.
                if self.random.random() < 0.05:
                    other = self.random.choice([name for name in CUSTOMERS if name != customer])
                    refused = "policy_no_permit" if TENANT[other] == TENANT[customer] else "tenant_mismatch"
                    self.add(self.at(hour, 5), f"GET /orders/o-{number_of(other)}", expect=refused, **token)
        if self.random.random() < 0.4:
            token = {"sub": "ines", "client_id": "partner-portal", "purpose": "self-service", "tenant": "iberia", "environment": "production"}
            self.add(self.at(11), f"GET /orders/o-{number_of('ines')}", **token)

    def shopping(self):
        for customer in self.random.sample(CUSTOMERS, 2):
            hour = self.random.randrange(8, 20)
            tenant = TENANT[customer]
            task = self.task(self.at(hour, 0), purpose="self-service", tenant=tenant, subject=customer, agents=["shopping-agent"],
                             actions=['Orders::Action::"read"', 'Orders::Action::"create"'],
                             resources=['Orders::Order::*', f'Orders::Book::"{tenant}"'], budget={"calls": 10})
            token = {"sub": customer, "client_id": "shopping-agent", "act": ["shopping-agent"], "task": task, "purpose": "self-service", "tenant": tenant,
                     "environment": "production"}
            self.issue(self.at(hour, 10), "orders", **token)
            self.add(self.at(hour, 11), f"GET /orders/o-{number_of(customer)}", **token)
            self.add(self.at(hour, 12), f"POST /tenants/{tenant}/orders", **token)

    def support(self):
        for staff in ("dag", "luis"):
            tenant = TENANT[staff]
            token = {"sub": staff, "client_id": "support-portal", "purpose": "support", "tenant": tenant, "environment": "production"}
            for _ in range(self.random.randrange(3, 7)):
                hour, customer = self.random.randrange(8, 17), self.random.choice(OF_TENANT[tenant])
                self.issue(self.at(hour, 1), "customers", **token)
                self.add(self.at(hour, 2), f"GET /customers/c-{customer}", **token)
                self.add(self.at(hour, 3), f"GET /orders/o-{number_of(customer)}", **token)
                if self.random.random() < 0.3:
                    self.add(self.at(hour, 4), f"PUT /customers/c-{customer}", **token)
                if self.random.random() < 0.5:
                    self.agents(hour, staff, customer, tenant)

    def agents(self, hour, staff, customer, tenant):
        task = self.task(self.at(hour, 5), purpose="support", tenant=tenant, subject=staff, client="support-portal", agents=["support-agent", "mail-drafter"],
                         actions=['Crm::Action::"read"', 'Orders::Action::"read"', 'Mail::Action::"draft"'],
                         resources=["Crm::Customer::*", "Orders::Order::*", "Mail::Mailbox::*"], budget={"calls": 20})
        token = {"sub": staff, "client_id": "support-agent", "act": ["support-agent", "support-portal"], "task": task, "purpose": "support", "tenant": tenant,
                 "environment": "production"}
        self.issue(self.at(hour, 6), "customers", **token)
        self.add(self.at(hour, 7), f"GET /customers/c-{customer}", **token)
        self.add(self.at(hour, 8), f"POST /mailboxes/{customer}/drafts", **{**token, "client_id": "mail-drafter", "act": ["mail-drafter", "support-agent", "support-portal"]})
        if self.random.random() < 0.2:  # it reaches for what is not in its task
            self.add(self.at(hour, 9), f"GET /invoices/i-{number_of(customer)}", expect="action_not_in_task", **token)

    def offices(self):
        for staff in ("edda", "marta"):
            tenant = TENANT[staff]
            token = {"sub": staff, "client_id": "finance-desk", "purpose": "finance", "tenant": tenant, "environment": "production"}
            for _ in range(self.random.randrange(1, 4)):
                hour, customer = self.random.randrange(8, 16), self.random.choice(OF_TENANT[tenant])
                self.add(self.at(hour, 1), f"GET /invoices/i-{number_of(customer)}", **token)
            self.add(self.at(16), f"GET /reports/{tenant}-sales", **token)
            if self.random.random() < 0.3:
                invoice = number_of(self.random.choice(OF_TENANT[tenant])) + 1
                large = 40 * (invoice - 1000) > 400
                self.add(self.at(15), f"POST /invoices/i-{invoice}/credit", expect="approval_required" if large else "permit", **token)
        for staff in ("finn", "nuno"):
            tenant = TENANT[staff]
            token = {"sub": staff, "client_id": "warehouse-ui", "purpose": "logistics", "tenant": tenant, "environment": "production"}
            for _ in range(self.random.randrange(2, 6)):
                hour = self.random.randrange(6, 18)
                self.add(self.at(hour, 20), f"GET /items/{tenant}-pallet", **token)
                self.add(self.at(hour, 21), f"POST /items/{tenant}-{self.random.choice(['pallet', 'acid'])}/moves", **token)
            task = self.task(self.at(12, 0), purpose="logistics", tenant=tenant, subject=staff, client="warehouse-ui", agents=["stock-planner"],
                             actions=['Stock::Action::"read"', 'Stock::Action::"move"'], resources=["Stock::Item::*"], budget={"calls": 10})
            planner = {**token, "client_id": "stock-planner", "act": ["stock-planner", "warehouse-ui"], "task": task}
            self.add(self.at(12, 1), f"GET /items/{tenant}-pallet", **planner)
            if self.random.random() < 0.3:
                self.add(self.at(12, 2), f"POST /items/{tenant}-acid/moves", expect="policy_forbid", **planner)
        marketing = {"sub": "petra", "client_id": "marketing-app", "environment": "production"}
        if self.random.random() < 0.5:
            self.add(self.at(10), "GET /segments/nordic-all", tenant="nordic", purpose="marketing", **marketing)
        # The campaign is long over, and the purpose `support` is used all the same.
        if self.date.day % 7 == 2:
            self.add(self.at(10), "GET /customers/c-ada", tenant="nordic", purpose="support", **marketing)

    def services(self, weekday):
        def alone(client, when, request, purpose, expect="permit", **more):
            self.add(when, request, expect=expect, sub=client, client_id=client, purpose=purpose, environment="production", **more)
        for tenant in ("nordic", "iberia"):
            alone("nightly-billing", self.at(1), f"GET /ledgers/{tenant}", "billing-run")
            alone(f"order-sync-{tenant}", self.at(2), f"GET /orders/o-{number_of(OF_TENANT[tenant][0])}", "sync", tenant=tenant)
            for hour in (3, 9, 15, 21):
                alone("stock-importer", self.at(hour), f"GET /items/{tenant}-pallet", "logistics")
                alone("stock-importer", self.at(hour), f"POST /items/{tenant}-pallet/moves", "logistics")
            alone("report-builder", self.at(5), f"POST /reports/{tenant}-sales/builds", "reporting")
        # The same key, from two machines at a time.
        for client, ip in (("erp-bridge", "203.0.113.10"), ("shop-bridge", "198.51.100.77")):
            alone(client, self.at(4), f"GET /orders/o-{1001 + self.random.randrange(12)}", "sync", ip=ip)
        # It needs one thing of all that it may.
        alone("backup-job", self.at(2), "GET /ledgers/nordic", "backup")
        for _ in range(self.random.randrange(1, 4) if weekday else 1):
            alone("mail-relay", self.at(self.random.randrange(7, 20)), f"POST /mailboxes/{self.random.choice(CUSTOMERS)}/messages", "notify")
        if self.random.random() < 0.1:
            alone("nightly-billing", self.at(1), "GET /reports/nordic-board", "billing-run", expect="policy_no_permit")

    def releases(self):
        frozen = self.date in FROZEN
        if frozen or self.random.random() < 0.5:
            self.add(self.at(17), "POST /systems/shop/releases", expect="policy_forbid" if frozen else "permit", sub="ci-runner", client_id="ci-runner",
                     purpose="release", environment="production")
        if self.random.random() < 0.25:
            task = self.task(self.at(18, 0), purpose="release", agents=["release-agent"], actions=['Releases::Action::"read"'],
                             resources=['Releases::System::*'], budget={"calls": 5})
            self.add(self.at(18, 1), "GET /systems/shop", sub="release-agent", client_id="release-agent", task=task, purpose="release", environment="production")
        token = {"sub": "olga", "client_id": "release-desk", "purpose": "release", "environment": "production"}
        if self.random.random() < 0.3:
            self.add(self.at(14), "GET /systems/parcels", **token)

    def operations(self):
        """Whoever is on duty changes policies with the console's secret, so that nobody's name is on it."""
        if self.date.weekday() == 1:
            console = {"sub": "ops-console", "client_id": "ops-console", "purpose": "operations"}
            self.add(f"{self.date}T10:30:00Z", {"api": "writ", "action": "manage-policies", "resource": 'Writ::Api::"writ"'}, **console)

    def payroll(self):
        if self.date.day != 28:
            return
        for tenant in ("nordic", "iberia"):
            self.add(self.at(6), f"POST /runs/{tenant}", sub="payroll-batch", client_id="payroll-batch", purpose="payroll", environment="production")
        for staff in ("dag", "edda", "finn", "luis", "marta"):
            self.add(self.at(12), f"GET /payslips/{staff}-2026-10", sub=staff, client_id="hr-suite", purpose="payroll", tenant=TENANT[staff], environment="production")
        self.add(self.at(13), "GET /payslips/dag-2026-10", expect="step_up_required", sub="greta", client_id="hr-suite", purpose="payroll", tenant="nordic",
                 environment="production")
        self.add(self.at(13, 59), "GET /payslips/dag-2026-10", sub="greta", client_id="hr-suite", purpose="payroll", tenant="nordic", environment="production", acr="mfa")


def plan(seed=1, days=DAYS):
    """The days, each a test file as plain values."""
    randomness = random.Random(seed)
    for number in range(days):
        date = FIRST + datetime.timedelta(days=number)
        day = Day(date, randomness)
        weekday = date.weekday() < 5
        day.customers()
        day.shopping()
        day.services(weekday)
        if weekday:
            day.support()
            day.offices()
            day.payroll()
        if weekday or date in FROZEN:
            day.releases()
        day.operations()
        yield day.suite()


def make(log, writ="writ", seed=1, days=DAYS, config=os.path.join(HERE, "writ.yaml")):
    """Decides the month and records it into a new file; the report of `writ test`."""
    with tempfile.TemporaryDirectory(prefix="writ-month-") as folder:
        files = []
        for suite in plan(seed, days):
            files.append(os.path.join(folder, f"{suite['now'][:10]}.test.yaml"))
            with open(files[-1], "w", encoding="utf-8") as file:
                json.dump(suite, file)  # JSON is YAML
        run = subprocess.run([writ, "test", "--config", config, "--record", log, "--json", *files], capture_output=True, text=True, check=False)
    if run.returncode == 2:
        raise RuntimeError(run.stdout + run.stderr)
    return json.loads(run.stdout)


def main():
    parser = argparse.ArgumentParser(description="Records a month of the example company's use.")
    parser.add_argument("log", help="the audit log to write; a new file")
    parser.add_argument("--writ", default="writ")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=DAYS)
    options = parser.parse_args()
    report = make(options.log, options.writ, options.seed, options.days)
    if report["failures"]:
        sys.exit(f"{report['failures']} days were decided otherwise than planned: {json.dumps(report)[:2000]}")
    print(f"{report['tests']} days recorded in {options.log}")


if __name__ == "__main__":
    main()
