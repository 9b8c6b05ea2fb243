"""npm's oidc-provider, real, for tests (oidc_provider.mjs): fetched once, and a browser that logs in at it.

OIDC_PROVIDER_FOLDER names a folder whose node_modules has it already. Without it, without npm or node, `missing()` says so.
"""
import html
import http.cookiejar
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import harness

PACKAGES = ("oidc-provider@9.13.3", "openid-client@6.8.9", "oauth4webapi@3.8.8")
FOLDER = os.environ.get("OIDC_PROVIDER_FOLDER", os.path.join(tempfile.gettempdir(), f"writ-oidc-provider-9.13.3-{os.getuid()}"))
INSTALL_SECONDS = 300
START_SECONDS = 120


def missing():
    """Why there is none here; None: there is one."""
    if shutil.which("node") is None:
        return "there is no node for oidc-provider"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    if int(re.match(r"v(\d+)", version)[1]) < 20:
        return f"node is too old for oidc-provider: {version}"
    if not os.path.isdir(os.path.join(FOLDER, "node_modules", "oidc-provider")) and shutil.which("npm") is not None:
        os.makedirs(FOLDER, exist_ok=True)
        try:
            subprocess.run(["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", FOLDER, *PACKAGES], capture_output=True,
                           timeout=INSTALL_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return "oidc-provider could not be fetched in 5 minutes"
    return None if os.path.isdir(os.path.join(FOLDER, "node_modules", "oidc-provider")) else "there is no oidc-provider"


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments):
        return None


class Browser:
    """Keeps cookies, and follows redirects by hand."""

    def __init__(self):
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()), NoRedirects())

    def open(self, url, form=None):
        """The last URL and its page; a redirect to a place with `code` in its query is not followed."""
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        for _ in range(20):
            try:
                with self.opener.open(urllib.request.Request(url, data=data), timeout=30) as answer:
                    return url, answer.read().decode()
            except urllib.error.HTTPError as answer:
                if answer.status not in (302, 303):
                    return url, answer.read().decode()
                url, data = urllib.parse.urljoin(url, answer.headers["Location"]), None
                if "code=" in url:
                    return url, ""
        raise AssertionError("too many redirects")


class OidcProvider:
    def __init__(self, logout="http://127.0.0.1:9/none"):
        (self.port,) = harness.free_ports(1)
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.logout = logout
        self.process = None

    def start(self):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "oidc_provider.mjs")
        self.log = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(["node", script, FOLDER, str(self.port), self.logout], stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.issuer}/.well-known/openid-configuration", timeout=5) as answer:
                    self.metadata = json.load(answer)
                    return self
            except OSError:
                time.sleep(0.1)
        self.log.seek(0)
        raise AssertionError(f"oidc-provider did not start: {self.log.read()}")

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def post(self, endpoint, client, **form):
        request = urllib.request.Request(self.metadata[endpoint], data=urllib.parse.urlencode(form).encode())
        request.add_header("Authorization", "Basic " + __import__("base64").b64encode(f"{client}:{client}-secret".encode()).decode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
            return json.loads(text) if text else {}

    def token_of(self, client):
        return self.post("token_endpoint", client, grant_type="client_credentials", scope="read")["access_token"]

    def revoke(self, client, token):
        self.post("revocation_endpoint", client, token=token)

    def log_in(self, user):
        """A session of the user's at the portal: the browser, and the portal's tokens."""
        browser, callback = Browser(), f"{self.issuer}/callback"
        query = urllib.parse.urlencode({"client_id": "portal", "response_type": "code", "scope": "openid offline_access read",
                                        "prompt": "consent", "redirect_uri": callback, "state": "s"})
        url, page = browser.open(f"{self.metadata['authorization_endpoint']}?{query}")
        for form in ({"prompt": "login", "login": user, "password": "any"}, {"prompt": "consent"}):
            action = html.unescape(re.search(r'<form[^>]*action="([^"]+)"', page)[1])
            url, page = browser.open(urllib.parse.urljoin(url, action), form)
        (code,) = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["code"]
        return browser, self.post("token_endpoint", "portal", grant_type="authorization_code", code=code, redirect_uri=callback)

    def log_out(self, browser, tokens):
        query = urllib.parse.urlencode({"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": f"{self.issuer}/bye"})
        url, page = browser.open(f"{self.metadata['end_session_endpoint']}?{query}")
        action = html.unescape(re.search(r'action="([^"]+)"', page)[1])
        token = re.search(r'name="xsrf" value="([^"]+)"', page)[1]
        browser.open(urllib.parse.urljoin(url, action), {"xsrf": token, "logout": "yes"})
