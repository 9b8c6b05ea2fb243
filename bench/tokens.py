"""What a token costs: beside the cryptography in it (bench/token_speed.cc), and over HTTP beside a real Keycloak and a real Hydra.

Servers run on one core, one after the other, the load on another one. All authenticate a client by its secret and sign with their own
keys: Writ with ES256, Keycloak and Hydra with RS256, as they come. Writ asks its policies and writes a durable audit record for each
token; Keycloak keeps its sessions in memory, Hydra its tokens in SQLite in memory. Hydra is 2.3, of 2025; it has no token exchange, and
hashes a client's secret with bcrypt each time.
"""
import os
import subprocess
import sys
import tempfile
import urllib.parse

import hydra
import measure
import outage
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
    figures = measure.in_turns(contestants)
    for peer in figures:
        if peer != "writ":
            measure.print_ratios({name: figures[name] for name in (peer, "writ")}, peer, "tokens/s")
            print(f"{'':<34} aim: {AIM} x {peer}", flush=True)


def credentials(url, client, secret, **more):
    """Rate of client credentials there, over and over."""
    script = script_of({"grant_type": "client_credentials", **more}, client, secret)
    return lambda: measure.requests_per_second(url, script.name)


def beside_hydra():
    """Apart from Keycloak, so that one core is one server's."""
    program = hydra.built()
    if program is None:
        return
    try:
        peer = hydra.Hydra(program)
    except RuntimeError as error:
        print(f"bench: {error}, so this peer is left out", file=sys.stderr, flush=True)
        return
    world = serving.BenchWorld(audit="durable")
    try:
        world.start()
        world.token("nightly-export", purpose="export")
        compare("client credentials, beside Hydra 2.3 of 2025",
                {"Hydra": credentials(peer.token_endpoint, hydra.CLIENT, hydra.SECRET),
                 "writ": credentials(f"{world.api}/oauth2/token", "nightly-export", "demo-nightly-export-secret",
                                     resource=harness.INVOICES, purpose="export")})
    finally:
        world.close()
        peer.stop()


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
    outage.outage()
    beside_hydra()
    over_http()
