"""A PostgreSQL server of a test's own: its database is `shop`, and its superuser is `owner`."""
import os
import pwd
import shutil
import subprocess
import tempfile

import harness

PROGRAMS = "/usr/lib/postgresql/15/bin"


class Server:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="writ-postgres-")
        self.port = harness.free_ports(1)[0]
        self.user = None
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            self.user = "postgres"
            os.chown(self.folder, pwd.getpwnam(self.user).pw_uid, -1)
        self.data = os.path.join(self.folder, "data")
        subprocess.run([f"{PROGRAMS}/initdb", "-D", self.data, "--no-sync", "--auth-local=trust", "--auth-host=scram-sha-256", "-U", "owner",
                        "--no-locale", "-E", "UTF8", "--no-instructions"], user=self.user, cwd="/", check=True, capture_output=True)
        self.start()
        self.execute("CREATE DATABASE shop", "postgres")

    def start(self):
        subprocess.run([f"{PROGRAMS}/pg_ctl", "-D", self.data, "-l", os.path.join(self.folder, "log"), "-w", "-s", "-o",
                        f"-k {self.folder} -p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off", "start"], user=self.user, cwd="/", check=True)

    def stop(self):
        subprocess.run([f"{PROGRAMS}/pg_ctl", "-D", self.data, "-m", "immediate", "-s", "stop"], user=self.user, cwd="/", check=True)

    def close(self):
        self.stop()
        shutil.rmtree(self.folder)

    def execute(self, statements, database="shop"):
        done = subprocess.run([f"{PROGRAMS}/psql", "-h", self.folder, "-p", str(self.port), "-U", "owner", "-d", database, "-X", "-q", "-A", "-t",
                               "-v", "ON_ERROR_STOP=1", "-c", statements], capture_output=True, text=True, check=True)
        return done.stdout.strip()
