"""The walk: one request after the other through Writ, each shown as the curl line that is run, its status and Writ's
explanation, and checked against what this file says must happen.

Each line is run exactly as it is printed, from the folder that it is printed for, so it can be pasted into another
terminal while `./x run` stays up. Tokens are kept in files: a line stays short, and its token is the real one.
"""
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
        self.step = None

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
        print(f"   {RED}NOT AS TOLD: {what} should be {wanted!r}, is {got!r}{PLAIN}")
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
        return self.curl(*arguments, f'-H "Authorization: Bearer $(cat tokens/{token})"',
                         f"{self.world.gateway}{path}")


def shortened(text):
    """Tokens are long and say nothing to people."""
    return re.sub(r"eyJ[\w-]{10,}\.[\w-]+\.[\w-]+", lambda m: m.group()[:12] + "…" + m.group()[-6:], text.strip())
