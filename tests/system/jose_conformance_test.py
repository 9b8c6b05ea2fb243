"""jose-conformance: it counts what agrees, says what does not, and takes no file that it does not know."""
import json
import os
import subprocess
import tempfile
import unittest

import harness

PROGRAM = os.environ.get("WRIT_JOSE_CONFORMANCE", os.path.join(harness.ROOT, "build", "release", "bin", "jose-conformance"))
VECTORS = os.path.join(os.environ.get("WRIT_CONFORMANCE_DIR", os.path.join(harness.ROOT, "..", "shared", "conformance")), "jose")

# RFC 8032 §7.1, test 2.
ED25519 = {"type": "EddsaVerify",
           "publicKey": {"type": "EDDSA", "curve": "edwards25519", "pk": "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"},
           "tests": [{"tcId": 1, "comment": "as in the RFC", "msg": "72", "result": "valid",
                      "sig": "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                             "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
                     {"tcId": 2, "comment": "another message", "msg": "73", "result": "invalid",
                      "sig": "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                             "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"}]}


class JoseConformance(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def file(self, content, name="vectors.json"):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))
        return path

    def run_on(self, *files):
        run = subprocess.run([PROGRAM, *files], capture_output=True, text=True, timeout=120, check=False)
        return run.returncode, run.stdout.splitlines(), run.stderr

    def test_what_agrees_is_counted(self):
        status, lines, err = self.run_on(self.file({"testGroups": [ED25519]}))
        self.assertEqual((0, "2 passed, 0 failed", ""), (status, lines[-1], err))

    def test_a_difference_is_named_and_ends_with_1(self):
        wrong = json.loads(json.dumps(ED25519))
        wrong["tests"][1]["result"] = "valid"
        path = self.file({"testGroups": [wrong]})
        status, lines, _ = self.run_on(path)
        self.assertEqual((1, "1 passed, 1 failed"), (status, lines[-1]))
        self.assertIn(f"FAILED: {path} tcId 2: expected valid: another message", lines)

    def test_another_algorithm_is_left_out_and_said(self):
        status, lines, _ = self.run_on(self.file({"testGroups": [{**ED25519, "publicKey": {"curve": "edwards448", "pk": "00"}}]}))
        self.assertEqual((0, "0 passed, 0 failed"), (status, lines[-1]))
        self.assertIn("2 left out", lines[-2])

    def test_a_file_that_it_does_not_know_is_an_error_that_names_it(self):
        good = self.file({"testGroups": [ED25519]}, "good.json")
        for name, content in (("broken.json", "{"), ("other.json", {"a": 1}), ("empty.json", {"testGroups": []}),
                              ("aead.json", {"testGroups": [{"type": "AeadTest", "tests": []}]})):
            path = self.file(content, name)
            status, lines, err = self.run_on(good, path)
            self.assertEqual((2, "2 passed, 0 failed"), (status, lines[-1]), name)
            self.assertIn(f"`{path}`", err)
        status, _, err = self.run_on(os.path.join(self.folder.name, "absent.json"))
        self.assertEqual(2, status)
        self.assertIn("absent.json", err)
        self.assertEqual(2, self.run_on()[0])

    def test_encrypted_tokens_are_refused_whatever_they_are_called(self):
        """Shapes of Wycheproof's, with the key and parts of RFC 7516 A.1."""
        jwe = ("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKoTCVJRgckCL9kiMT03JGe."
               "48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A.XFBoMYUZodetZdvTiFvSkQ")
        tests = [{"tcId": 1, "comment": "whole", "jwe": jwe, "result": "valid"},
                 {"tcId": 2, "comment": "a part is missing", "jwe": jwe[:jwe.rindex(".")], "result": "invalid"},
                 {"tcId": 3, "comment": "three parts are left", "jwe": ".".join(jwe.split(".")[:3]), "result": "invalid"},
                 {"tcId": 4, "comment": "JSON", "jwe": {"protected": jwe.split(".")[0], "ciphertext": "AA"}, "result": "invalid"}]
        for kind in ("JsonWebEncryption", "JsonWebCrypto"):
            status, lines, err = self.run_on(self.file({"testGroups": [{"type": kind, "private": {"kty": "oct"}, "tests": tests}]}))
            self.assertEqual((0, "3 passed, 0 failed", ""), (status, lines[-1], err), lines)
            self.assertIn("encrypted tokens are never accepted", lines[0])

    def test_a_token_in_the_json_serialisation_is_refused(self):
        group = {"type": "JsonWebCrypto", "public": {"kty": "OKP", "crv": "Ed25519", "x": "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"},
                 "tests": [{"tcId": 1, "comment": "JSON", "jws": {"payload": "Zm9v", "signatures": [{"protected": "e30", "signature": "AA"}]},
                            "result": "invalid"}]}
        status, lines, err = self.run_on(self.file({"testGroups": [group]}))
        self.assertEqual((0, "1 passed, 0 failed", ""), (status, lines[-1], err), lines)

    @unittest.skipUnless(os.path.isdir(VECTORS), "no conformance data")
    def test_wycheproofs_tokens_and_keys_agree(self):
        status, lines, err = self.run_on(*(os.path.join(VECTORS, f"json_web_{what}_test.json") for what in ("signature", "key")))
        self.assertEqual((0, ""), (status, err), lines)
        self.assertRegex(lines[-1], r"^4\d\d passed, 0 failed$")


if __name__ == "__main__":
    unittest.main()
