"""nginx, HAProxy and Caddy from Debian, each started with a configuration of a test's own, in a folder of its own."""
import os
import shutil
import subprocess
import tempfile
import unittest

import harness

PROGRAMS = {"nginx": "/usr/sbin/nginx", "haproxy": "/usr/sbin/haproxy", "caddy": "/usr/bin/caddy"}


def needs(*names):
    """Skips a test where one of them is missing; `./x test` installs them."""
    missing = [name for name in names if not os.path.exists(PROGRAMS[name])]
    return unittest.skipIf(missing, f"missing: {', '.join(missing)}")


class WebServer:
    """Made by one of the functions below. It has ended when close() returns."""

    def __init__(self, name, port, config, arguments):
        self.folder = tempfile.mkdtemp(prefix=f"writ-{name}-")
        self.port, self.log = port, os.path.join(self.folder, "log")
        self.config = os.path.join(self.folder, "config")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(config.replace("$FOLDER", self.folder))
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([PROGRAMS[name], *(each.replace("$FOLDER", self.folder) for each in arguments)],
                                            stdout=log, stderr=log, env={**os.environ, "HOME": self.folder})
        try:
            harness.await_listener(port, self.process)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.told()}") from None

    def told(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder)


def nginx(server, http="", port=None):
    """`server` is what stands in the block of its one server, which listens where `listen $PORT` says."""
    port = port or harness.free_ports(1)[0]
    return WebServer("nginx", port, f"""
daemon off; master_process off; pid $FOLDER/pid; error_log $FOLDER/log;
events {{}}
http {{
  access_log off;
  client_body_temp_path $FOLDER/body; proxy_temp_path $FOLDER/proxy; fastcgi_temp_path $FOLDER/f;
  uwsgi_temp_path $FOLDER/u; scgi_temp_path $FOLDER/s;
  {http}
  server {{
    {server.replace("$PORT", f"127.0.0.1:{port}")}
  }}
}}
""", ["-p", "$FOLDER", "-c", "$FOLDER/config"])


def haproxy(config, port=None):
    """`config`: its frontends and backends, of which one binds to `$PORT`. `show stat` is asked at $FOLDER/admin."""
    port = port or harness.free_ports(1)[0]
    return WebServer("haproxy", port, f"""
global
  stats socket $FOLDER/admin
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
  timeout check 10s
{config.replace("$PORT", f"127.0.0.1:{port}")}
""", ["-db", "-f", "$FOLDER/config"])


def caddy(sites, options="", port=None):
    """`sites` and global options of a Caddyfile; `$PORT` is the port that is waited for."""
    port = port or harness.free_ports(1)[0]
    return WebServer("caddy", port, f"""
{{
  admin off
  auto_https off
  storage file_system $FOLDER/storage
  {options}
}}
{sites.replace("$PORT", str(port))}
""", ["run", "--config", "$FOLDER/config", "--adapter", "caddyfile"])
