"""What a token costs: beside the cryptography in it (bench/token_speed.cc), and over HTTP beside a real Keycloak.

Servers run on one core, one after the other, the load on another one. Both authenticate a client by its secret and sign with their own
keys: Writ with ES256, Keycloak with RS256, as they come. Writ asks its policies and writes a durable audit record for each token;
Keycloak keeps its sessions in memory.
"""
import os
import subprocess
import sys
import tempfile
import urllib.parse

import measure
import serving

sys.path.insert(0, os.path.join(measure.ROOT, "tests", "system"))
import keycloak  # noqa: E402

harness = serving.harness
AIM = 10


def script_of(form, client, secret):
    """A request of wrk's, over and over."""
    credentials = harness.base64.b64encode(f"{client}:{secret}".encode()).decode()
    file = tempfile.NamedTemporaryFile("w", suffix=".lua")
    file.write(f"""wrk.method = "POST"
wrk.body = '{urllib.parse.urlencode(form)}'
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
wrk.headers["Authorization"] = "Basic {credentials}"
""")
    file.flush()
    return file


def pin(process):
    subprocess.run(["taskset", "-a", "-p", "-c", measure.SERVER_CORE, str(process.pid)], check=True, capture_output=True)


def allow_exchange(provider):
    """Standard token exchange, for the client that does it."""
    (found,) = provider.admin("GET", "/clients?clientId=portal")
    found["attributes"] = {**found.get("attributes", {}), "standard.token.exchange.enabled": "true"}
    provider.admin("PUT", f"/clients/{found['id']}", found)


def compare(what, contestants):
    """One round first that does not count: a JVM has to warm up."""
    measure.in_turns(contestants, rounds=1)
    print(what, flush=True)
    measure.print_ratios(measure.in_turns(contestants), "Keycloak", "tokens/s")
    print(f"{'':<34} aim: {AIM} x Keycloak", flush=True)


def over_http():
    if why := keycloak.missing():
        print(f"bench: {why}, so there is nothing to compare with over HTTP", file=sys.stderr, flush=True)
        return
    provider = keycloak.Keycloak()
    world = serving.BenchWorld(audit="durable")
    try:
        pin(provider.process)
        allow_exchange(provider)
        world.start()
        # A secret that was right a moment ago is not hashed again; until then many at once are guesses.
        world.token("nightly-export", purpose="export")
        there, here = f"{provider.issuer}/protocol/openid-connect/token", f"{world.api}/oauth2/token"

        def rate(url, script):
            return lambda: measure.requests_per_second(url, script.name)
        with script_of({"grant_type": "client_credentials"}, "batch", "batch-secret") as theirs, \
             script_of({"grant_type": "client_credentials", "resource": harness.INVOICES, "purpose": "export"}, "nightly-export",
                       "demo-nightly-export-secret") as ours:
            compare("client credentials", {"Keycloak": rate(there, theirs), "writ": rate(here, ours)})
        exchange = {"grant_type": harness.EXCHANGE, "subject_token_type": "urn:ietf:params:oauth:token-type:access_token"}
        theirs = {**exchange, "subject_token": provider.of_nora()["access_token"]}
        ours = {**exchange, "subject_token": world.customer_token(), "resource": harness.INVOICES, "purpose": "support"}
        with script_of(theirs, "portal", "portal-secret") as theirs, \
             script_of(ours, "support-portal", "demo-support-portal-secret") as ours:
            compare("token exchange", {"Keycloak": rate(there, theirs), "writ": rate(here, ours)})
    finally:
        world.close()
        provider.stop()


def tokens():
    measure.run_program(os.path.join(measure.ROOT, "build", "release", "bin", "token_speed"))
    over_http()
