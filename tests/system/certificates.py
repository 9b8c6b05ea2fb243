"""Certificates of a test's own authority, made by the openssl command."""
import os
import subprocess


class Authority:
    def __init__(self, folder, name="test-ca"):
        self.folder, self.name = folder, name
        os.makedirs(folder, exist_ok=True)
        self.certificate = os.path.join(folder, f"{name}.pem")
        self.key = os.path.join(folder, f"{name}.key")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                     "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.certificate)

    @staticmethod
    def openssl(*arguments):
        run = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        return run.stdout

    def issue(self, name, names, days=30, replace=None):
        """A certificate for these names, and its key: two paths. `replace`: in the place of those there are."""
        chain, key = replace or (os.path.join(self.folder, f"{name}.pem"), os.path.join(self.folder, f"{name}.key"))
        request, new_chain, new_key = chain + ".request", chain + ".new", key + ".new"
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={names[0].partition(':')[2].replace('/', '_')}",
                     "-addext", "subjectAltName=" + ",".join(names), "-keyout", new_key, "-out", request)
        self.openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-days", str(days),
                     "-copy_extensions", "copy", "-out", new_chain)
        os.chmod(new_key, 0o600)
        os.replace(new_key, key)
        os.replace(new_chain, chain)
        return chain, key
