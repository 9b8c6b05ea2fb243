"""A provider's signing key (RS256, as most have) and its tokens, made by the openssl command."""
import json
import os
import subprocess
import time

import harness


class RsaKey:
    def __init__(self, folder, kid):
        self.kid, self.path = kid, os.path.join(folder, f"{kid}.pem")
        self.openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.path)
        modulus = self.openssl("rsa", "-in", self.path, "-noout", "-modulus").decode().strip().partition("=")[2]
        self.jwk = {"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": harness.base64url(bytes.fromhex(modulus)), "e": "AQAB"}

    @staticmethod
    def openssl(*arguments, stdin=None):
        return subprocess.run(["openssl", *arguments], input=stdin, check=True, capture_output=True).stdout

    def sign(self, claims, typ="at+jwt", kid=None):
        header = {"alg": "RS256", "kid": kid or self.kid}
        if typ is not None:
            header["typ"] = typ
        text = ".".join(harness.base64url(json.dumps(part).encode()) for part in (header, claims))
        return f"{text}.{harness.base64url(self.openssl('dgst', '-sha256', '-sign', self.path, stdin=text.encode()))}"


def with_times(claims, lifetime=300):
    now = int(time.time())
    return {**claims, "iat": now, "exp": now + lifetime}
