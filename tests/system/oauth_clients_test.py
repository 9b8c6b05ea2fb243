"""npm's oauth4webapi and openid-client as clients of the real binary: metadata, client credentials, DPoP, exchange, revocation."""
import json
import os
import subprocess
import unittest

import harness
import oidc_provider


@unittest.skipIf(oidc_provider.missing(), oidc_provider.missing())
class StandardClients(unittest.TestCase):
    def test_they_find_their_way(self):
        world = harness.TestWorld()
        self.addCleanup(world.close)
        world.start()
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "oauth_clients.mjs")
        done = subprocess.run(["node", script, oidc_provider.FOLDER, world.api, f"{world.gateway}/invoices/inv-1001",
                               world.id_token("nora", "north")], capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.assertEqual({"client_credentials": "bearer", "dpop": "dpop", "exchanged": 200, "revoked": 401, "wrong_secret": "401 basic",
                          "openid_client": 200, "openid_client_revoked": 401}, json.loads(done.stdout))


if __name__ == "__main__":
    unittest.main()
