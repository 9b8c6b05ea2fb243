"""What callers with known tokens of a provider feel of its keys: the slowest in a hundred while all is quiet, while the keys are fetched
every second, and while the provider hangs and strangers bring tokens with unknown keys. Limit: twice the quiet one.

Two worlds on the server's core, of which one is asked at a time; the provider is a small HTTPS server in this process.
"""
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import measure
import serving

sys.path.insert(0, os.path.join(measure.ROOT, "tests", "system"))
import accepted_tokens_test  # noqa: E402
import certificates  # noqa: E402
import issuer_keys_test  # noqa: E402
import providers  # noqa: E402

LIMIT = 2
HANG_SECONDS = 30


class ProviderWorld(serving.BenchWorld):
    """Acme, where the invoices take the provider's tokens."""
    __test__ = False

    def __init__(self, upstream, provider, authority, refresh):
        self.provider, self.authority, self.refresh = provider, authority, refresh
        super().__init__(upstream)
        with open(os.path.join(self.folder, "policies", "accepted.cedar"), "w", encoding="utf-8") as file:
            file.write('@id("portal-with-tokens-of-the-provider") permit (principal == Writ::Application::"support-portal", '
                       'action == Billing::Action::"read", resource is Billing::Invoice);\n')

    def edit(self, text, audit):
        text = super().edit(text, audit)
        text = re.sub(r"  - issuer: https://idp\.acme\.example\n(?:    .*\n)*",
                      f"  - issuer: {self.provider.issuer}\n    claims: {{tenant: tenant}}\n{self.refresh}{accepted_tokens_test.ACCEPT}", text)
        return f"outbound: {{allow: [127.0.0.1], ca_file: {self.authority.certificate}, timeout_seconds: 10}}\n" + text


def slowest_of_a_hundred(url, token):
    """The 99th percentile of one wrk run, in milliseconds."""
    command = ["wrk", "--latency", "-t1", f"-c{measure.CONNECTIONS}", f"-d{measure.SECONDS}s", "-H", f"Authorization: Bearer {token}", url]
    out = subprocess.run(measure.pinned(measure.LOAD_CORE, command), capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit(f"bench: {url} did not answer every request with 2xx:\n{out}")
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", out).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def compare(what, contestants):
    """True when the second one is within the limit of the first."""
    figures = {name: statistics.median(values) for name, values in measure.in_turns(contestants).items()}
    quiet, other = figures.values()
    print(f"{what:<58} {other:>8.2f} ms   {other / quiet:.2f} x quiet ({quiet:.2f} ms)   limit: {LIMIT} x", flush=True)
    return other <= LIMIT * quiet


def outage():
    folder = tempfile.mkdtemp(prefix="writ-bench-outage-")
    authority = certificates.Authority(folder)
    provider = issuer_keys_test.Provider(authority.issue("idp", ["IP:127.0.0.1"])).start()
    known, unknown = providers.RsaKey(folder, "known"), providers.RsaKey(folder, "unknown")
    provider.publish("/keys", {"keys": [known.jwk]})
    upstream = serving.fixed_reply(measure.LOAD_CORE)
    quiet = ProviderWorld(upstream, provider, authority, "")
    often = ProviderWorld(upstream, provider, authority,
                          "    key_refresh: {default_seconds: 1, min_seconds: 1, max_seconds: 1, keep_seconds: 3600}\n")
    over = threading.Event()
    try:
        claims = {"iss": provider.issuer, "sub": "nora", "tenant": "north", "aud": "api://invoices", "client_id": "portal"}
        token = known.sign(providers.with_times(claims, lifetime=600))
        for world in (quiet, often):
            world.start()

        def asked(world):
            return lambda: slowest_of_a_hundred(world.gateway + serving.INVOICE, token)
        print("99th percentile of known callers", flush=True)
        good = compare("the keys are fetched every second", {"quiet": asked(quiet), "often": asked(often)})

        def hang(_):
            over.wait(HANG_SECONDS)
        provider.pages["/keys"] = hang

        def strangers():
            number = 0
            while not over.is_set():
                number += 1
                try:
                    often.through_gateway(unknown.sign(providers.with_times(claims), kid=f"unknown-{number}"), serving.INVOICE)
                except OSError:
                    pass
                time.sleep(0.05)
        for _ in range(4):
            threading.Thread(target=strangers, daemon=True).start()
        return compare("the provider hangs, and tokens with unknown keys come", {"quiet": asked(quiet), "outage": asked(often)}) and good
    finally:
        over.set()
        for world in (quiet, often):
            world.close()
        upstream.stop()
        provider.stop()
        shutil.rmtree(folder, ignore_errors=True)
