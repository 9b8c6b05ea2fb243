"""The walk: one request after the other through Writ, each shown as the curl line that is run, its status and Writ's
explanation, and checked against what this file says must happen.

Each line is run exactly as it is printed, from the folder that it is printed for, so it can be pasted into another
terminal while `./x run` stays up. Tokens are kept in files: a line stays short, and its token is the real one.
"""
import base64
import json
import os
import re
import shlex
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
INVOICES = "https://invoices.acme.example"
MAIL = "https://mail.acme.example"
IDP = "https://idp.acme.example"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "urn:ietf:params:oauth:token-type:jwt"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TASK_CALLS = 5

# What the walk stops on the way (the threat narrative): three habits by which data leaves an API that has a login.
BROAD = "THREAT 1 STOPPED: broad inherited permissions"
INDISTINCT = "THREAT 2 STOPPED: no distinction of calling app, purpose or conditions"
WRONG_SIGNAL = "THREAT 3 STOPPED: data released by an API that trusts the wrong identity signal"

BOLD, DIM, GREEN, RED, YELLOW, PLAIN = (
    ("\033[1m", "\033[2m", "\033[32m", "\033[31m", "\033[33m", "\033[0m") if sys.stdout.isatty() else ("",) * 6)


class Answer:
    def __init__(self, status, body):
        self.status, self.text = status, body
        try:
            self.json = json.loads(body)
        except ValueError:
            self.json = None

    def get(self, name):
        return self.json.get(name) if isinstance(self.json, dict) else None


class Walk:
    def __init__(self, world):
        self.world = world
        self.tokens = os.path.join(world.data, "tokens")
        os.makedirs(self.tokens, mode=0o700, exist_ok=True)
        self.failures = []
        self.step = self.task = None

    # How it looks.

    def begin(self, number, title, story, threat=None):
        self.step = number
        print(f"\n{BOLD}{number}. {title}{PLAIN}")
        for line in story.strip().split("\n"):
            print(f"   {line.strip()}")
        if threat:
            print(f"   {BOLD}{YELLOW}[{threat}]{PLAIN}")

    def expect(self, what, wanted, got):
        if wanted == got:
            return True
        self.failures.append(f"step {self.step}: {what} should be {wanted!r}, is {got!r}")
        print(f"   {RED}NOT AS DESCRIBED: {what} should be {wanted!r}, is {got!r}{PLAIN}")
        return False

    def verdict(self, answer, status, reason):
        """Prints the answer and checks it."""
        permitted = 200 <= answer.status < 300
        colour = GREEN if permitted else YELLOW
        print(f"   {colour}{answer.status}{PLAIN} {shortened(answer.text)}")
        self.expect("the status", status, answer.status)
        if reason is not None:
            self.expect("the reason", reason, answer.get("reason"))

    # What runs.

    def run(self, line):
        """Runs a line exactly as printed. Returns its standard output."""
        print(f"   {DIM}${PLAIN} {line}")
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, cwd=self.world.data)
        return done.returncode, done.stdout, done.stderr

    def curl(self, *arguments, save=None):
        """A curl line; `save` names the file for an access token in the answer."""
        line = "curl -s -w '\\n%{http_code}' " + " ".join(arguments)
        status, out, err = self.run(line)
        body, _, code = out.rpartition("\n")
        if status != 0 or not code.isdigit():
            self.expect("curl's exit status", 0, f"{status} {err}".strip())
            return Answer(0, body)
        answer = Answer(int(code), body)
        if save and answer.get("access_token"):
            self.save(save, answer.get("access_token"))
        return answer

    def save(self, name, token):
        with open(os.path.join(self.tokens, name), "w", encoding="utf-8") as file:
            file.write(token)

    def writ(self, *arguments):
        return self.run(" ".join([shlex.quote(self.world.writ), *arguments]))

    # The requests that come again and again.

    def sign_in(self, user, tenant):
        """The identity provider's token for a user, signed as the provider would."""
        line = (f"token sign --key-file {HERE}/demo-keys/idp.jwk --claim iss={IDP} --claim sub={user} "
                f"--claim tenant={tenant} --claim aud={self.world.api} > tokens/{user}.idp")
        self.writ(line)

    def token(self, client, save, **form):
        """Asks the token endpoint as a client, with its secret or its key."""
        fields = []
        if os.path.exists(f"{HERE}/demo-keys/{client}.jwk"):
            assertion = (f"$({shlex.quote(self.world.writ)} token assertion --client {client} "
                         f"--key-file {HERE}/demo-keys/{client}.jwk --audience {self.world.api})")
            fields += [f"-d client_assertion_type={JWT_BEARER}", f'-d client_assertion="{assertion}"']
        else:
            fields.append(f"-u {client}:demo-{client}-secret")
        fields += [f"-d {name}={value}" for name, value in form.items()]
        return self.curl(f"{self.world.api}/oauth2/token", *fields, save=save)

    def exchange(self, client, subject, audience, save, subject_type=JWT, **form):
        return self.token(client, save, grant_type=EXCHANGE, subject_token=f'"$(cat tokens/{subject})"',
                          subject_token_type=subject_type, resource=audience, **form)

    def call(self, token, path, *arguments):
        trust = [] if self.world.ca is None else [f"--cacert {self.world.ca}"]
        return self.curl(*trust, *arguments, f'-H "Authorization: Bearer $(cat tokens/{token})"',
                         f"{self.world.gateway}{path}")


    def alter(self, token, name, changes):
        """A token with other claims and the old signature."""
        with open(os.path.join(self.tokens, token), encoding="utf-8") as file:
            header, payload, signature = file.read().strip().split(".")
        claims = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()
        for old, new in changes:
            claims = claims.replace(f'"{old}"', f'"{new}"')
        altered = base64.urlsafe_b64encode(claims.encode()).decode().rstrip("=")
        self.expect("the altered payload", True, altered != payload)
        self.save(name, f"{header}.{altered}.{signature}")


def shortened(text):
    """Tokens are long and say nothing to people."""
    return re.sub(r"eyJ[\w-]{10,}\.[\w-]+\.[\w-]+", lambda m: m.group()[:12] + "…" + m.group()[-6:], text.strip())


# The steps. Each says what must come out; `walk` returns whether all did.


def customer_reads(walk):
    walk.begin(1, "A customer reads their invoice in the support portal: permitted", """
        nora signed in at Acme's identity provider. The portal exchanges the provider's token for one that carries the
        context of this use: for nora, by the portal, for support. It is good for one API and five minutes.""")
    walk.sign_in("nora", "north")
    walk.verdict(walk.exchange("support-portal", "nora.idp", INVOICES, "portal", purpose="support"), 200, None)
    answer = walk.call("portal", "/invoices/inv-1001")
    walk.verdict(answer, 200, None)
    walk.expect("the invoice's customer", "nora", answer.get("customer"))
    seen = walk.world.last_upstream_request()
    walk.expect("what the API was told of the caller", ("nora", "support-portal", "support"),
                tuple((seen.get("writ_context") or {}).get(name) for name in ("sub", "client_id", "purpose")))
    print(f"   The API saw, signed by Writ: {json.dumps(seen.get('writ_context'))}")


def wrong_application(walk):
    walk.begin(2, "The same customer through the marketing application: refused", """
        nora may read this invoice, and she did sign in. But it is marketing that asks now, and nobody permitted marketing
        to read invoices. The party at fault is the application.""", INDISTINCT)
    walk.verdict(walk.exchange("marketing-app", "nora.idp", INVOICES, "marketing", purpose="marketing"), 200, None)
    answer = walk.call("marketing", "/invoices/inv-1001")
    walk.verdict(answer, 403, "policy_no_permit")
    walk.expect("the party at fault", 'Writ::Application::"marketing-app"', answer.get("party"))


def wrong_tenant(walk):
    walk.begin(3, "The right application, another tenant's invoice: refused", """
        inv-2001 is the south's, nora is of the north. The headers that claim otherwise are a caller's own words; an API
        that believes them releases the south's data. This one never hears them.""", WRONG_SIGNAL)
    before = walk.world.upstream_requests()
    walk.verdict(walk.call("portal", "/invoices/inv-2001", "-H 'X-User-Id: sofia'", "-H 'X-Tenant: south'"),
                 403, "tenant_mismatch")
    walk.expect("the number of requests that reached the API", before, walk.world.upstream_requests())
    walk.verdict(walk.call("portal", "/invoices/inv-1001", "-H 'X-User-Id: sofia'", "-H 'X-Tenant: south'"), 200, None)
    walk.expect("the identity headers that reached the API beside Writ's", ["writ-context"],
                sorted(walk.world.last_upstream_request().get("identity_headers", {})))


def agent_without_task(walk):
    walk.begin(4, "An agent acts for the customer, without a task: refused", """
        The portal hands its work to support-agent. The agent does not inherit what nora and the portal may do: without a
        task it may do nothing.""", BROAD)
    walk.verdict(walk.exchange("support-agent", "portal", INVOICES, "agent-idle", ACCESS_TOKEN, purpose="support"),
                 200, None)
    walk.verdict(walk.call("agent-idle", "/invoices/inv-1001"), 403, "task_missing")


def agent_in_task(walk):
    walk.begin(5, "A task is opened, and the agent works inside it: permitted", """
        nora and the portal open a task: for support, two actions on one invoice, ten minutes, five calls. The agent gets
        a token for it.""")
    walk.verdict(walk.exchange("support-portal", "nora.idp", walk.world.api, "portal-writ", purpose="support"), 200, None)
    task = {"purpose": "support", "subject": "nora", "client": "support-portal", "agents": ["support-agent"],
            "actions": ['Billing::Action::"read"', 'Billing::Action::"credit"'],
            "resources": ['Billing::Invoice::"inv-1001"'], "expires_in_seconds": 600, "budget": {"calls": TASK_CALLS}}
    answer = walk.curl("-H 'Content-Type: application/json'", '-H "Authorization: Bearer $(cat tokens/portal-writ)"',
                       "-d", shlex.quote(json.dumps(task)), f"{walk.world.api}/v1/tasks")
    walk.verdict(answer, 201, None)
    walk.task = answer.get("id") or "none"
    walk.verdict(walk.exchange("support-agent", "portal", INVOICES, "agent", ACCESS_TOKEN, purpose="support",
                               task=walk.task), 200, None)
    walk.verdict(walk.call("agent", "/invoices/inv-1001"), 200, None)


def outside_the_task(walk):
    walk.begin(6, "An action outside the task: refused", """
        The same agent with the same token asks for the totals of the tenant. No task says so.""", BROAD)
    walk.verdict(walk.call("agent", "/tenants/north/totals"), 403, "action_not_in_task")


def budget_is_used_up(walk):
    walk.begin(7, f"Call {TASK_CALLS + 1} of {TASK_CALLS}: refused", """
        One call is used, and the refused one did not count. Four more, then the budget is empty.""")
    for _ in range(TASK_CALLS - 2):
        walk.verdict(walk.call("agent", "/invoices/inv-1001"), 200, None)
    walk.verdict(walk.call("agent", "/invoices/inv-1001/credit", "-X POST"), 201, None)
    walk.verdict(walk.call("agent", "/invoices/inv-1001"), 403, "budget_exceeded")


def task_is_ended(walk):
    walk.begin(8, "The task is ended, and its token with it: refused", """
        The token has minutes to live. It stops working at once.""")
    walk.verdict(walk.curl("-X POST", '-H "Authorization: Bearer $(cat tokens/portal-writ)"',
                           f"{walk.world.api}/v1/tasks/{walk.task}/end"), 200, None)
    walk.verdict(walk.call("agent", "/invoices/inv-1001"), 403, "task_ended")


def wrong_audience(walk):
    walk.begin(9, "A token for the mail API at the invoice API: refused", """
        A real token, of the right user and the right application, for another API.""", WRONG_SIGNAL)
    walk.verdict(walk.exchange("support-portal", "nora.idp", MAIL, "portal-mail", purpose="support"), 200, None)
    walk.verdict(walk.call("portal-mail", "/mailboxes/nora/messages"), 200, None)
    walk.verdict(walk.call("portal-mail", "/invoices/inv-1001"), 401, "audience_mismatch")


def altered_token(walk):
    walk.begin(10, "A token whose payload was altered: refused", """
        tokens/altered is tokens/portal with `nora` and `north` replaced by `sofia` and `south`, and the old
        signature.""", WRONG_SIGNAL)
    walk.alter("portal", "altered", (("nora", "sofia"), ("north", "south")))
    walk.verdict(walk.call("altered", "/invoices/inv-2001"), 401, "token_signature")


def audit_tells_it_all(walk):
    walk.begin(11, "The audit of all of it", """
        Each line was written before its effect. `verify` proves that none was altered, dropped or moved; of a copy with
        one word changed it names the first record that is not as it was.""")
    status, out, err = walk.writ("audit", "show", "audit.log")
    print("".join(f"   {line}\n" for line in (out + err).rstrip().split("\n")), end="")
    walk.expect("the exit status of `audit show`", 0, status)
    for reason in ("policy_no_permit", "tenant_mismatch", "task_missing", "action_not_in_task", "budget_exceeded",
                   "task_ended", "audience_mismatch", "token_signature"):
        walk.expect(f"that the audit has a record with `{reason}`", True, f"[{reason}]" in out)
    status, out, err = walk.writ("audit", "verify", "audit.log")
    print(f"   {GREEN if status == 0 else RED}{(out + err).strip()}{PLAIN}")
    walk.expect("the exit status of `audit verify`", 0, status)
    walk.run("sed '0,/marketing-app/s//another-app/' audit.log > altered.log")
    status, out, err = walk.writ("audit", "verify", "altered.log")
    print(f"   {YELLOW}" + (out + err).strip().replace("\n", "\n   ") + PLAIN)
    walk.expect("the exit status of `audit verify` of the altered copy", 1, status)


STEPS = (customer_reads, wrong_application, wrong_tenant, agent_without_task, agent_in_task, outside_the_task,
         budget_is_used_up, task_is_ended, wrong_audience, altered_token, audit_tells_it_all)


def walk(world, pause=None):
    """True when every step behaved as described. `pause` is called between them."""
    print(f"{BOLD}Acme behind Writ{PLAIN}, ready after {world.ready_seconds * 1000:.0f} ms. "
          f"The lines run in {world.data}.")
    going = Walk(world)
    for number, step in enumerate(STEPS):
        if pause is not None and number > 0:
            pause()
        step(going)
    print()
    for failure in going.failures:
        print(f"{RED}{failure}{PLAIN}")
    print(f"{len(STEPS)} steps, {len(going.failures)} checks failed" if going.failures
          else f"All {len(STEPS)} steps behaved as described")
    return not going.failures
