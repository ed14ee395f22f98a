"""The servers that are compared: each is started on a free loopback port, watched through /proc, and ended."""

import ctypes
import getpass
import http.client
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

HOST = "127.0.0.1"
_libc = ctypes.CDLL(None)


class BenchmarkError(Exception):
    """Something did not run, or gave a wrong answer."""


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def find_program(name, package):
    # Daemons are in sbin, which the paths of ordinary users may lack.
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise BenchmarkError(f"{name} is missing: apt-get install {package}")
    return path


def _end_with_parent():
    """Has the kernel end the server when the benchmark ends, however that happens."""
    PR_SET_PDEATHSIG = 1
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Server:
    """A process that serves HTTP. `with server:` starts it, waits until it answers, and ends it."""

    name = ""
    # What a server answers as soon as it serves.
    probe = "/v2/"

    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log = self.directory.with_suffix(".log")
        self.port = 0
        self.process = None

    def command(self):
        raise NotImplementedError

    def environment(self):
        return dict(os.environ)

    def start(self):
        """Starts the process, without waiting for it to answer."""
        self.port = free_port()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), env=self.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                # Ctrl-C is for the benchmark, which then ends the servers.
                start_new_session=True, preexec_fn=_end_with_parent)

    def wait(self, path=None, timeout=60.0):
        """Waits for the first answer to GET `path`, and returns its status and body."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                connection = http.client.HTTPConnection(HOST, self.port, timeout=timeout)
                connection.request("GET", path or self.probe)
                response = connection.getresponse()
                body = response.read()
                connection.close()
                return response.status, body
            except (ConnectionError, http.client.BadStatusLine):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise BenchmarkError(f"{self.name} does not start: {self.log_tail()}") from None
                time.sleep(0.001)

    def stop(self):
        process, self.process = self.process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            pass
        finally:
            # Its session has only this server's processes.
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()

    def __enter__(self):
        try:
            self.start()
            self.wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def log_tail(self):
        return self.log.read_text(errors="replace").strip()[-600:] or "it says nothing"

    def cpu_seconds(self):
        """Processor time that the server and its workers have used."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                # The name in parentheses may contain anything; fields count from behind it.
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            session = int(fields[3])
            if session == self.process.pid:
                utime, stime = int(fields[11]), int(fields[12])
                ticks += utime + stime
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory(self, field):
        """MiB of `VmRSS` (now) or `VmHWM` (the highest so far) of the server's process."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) / 1024
        raise BenchmarkError(f"/proc has no {field}")


class Kontor(Server):
    """Kontor with its default settings, except that it writes no access log, and for `settings`."""

    name = "kontor"

    def __init__(self, program, directory):
        super().__init__(directory)
        self.program = str(program)
        # Keys of the configuration, as environment variables.
        self.settings = {}

    def command(self):
        return [self.program, "serve", "--listen", f"{HOST}:{self.port}", "--data", str(self.directory)]

    def environment(self):
        return self.clean_environment() | {"KONTOR_LOG_ACCESS": "false"} | self.settings

    def wipe(self):
        """Starts again with nothing stored."""
        self.stop()
        shutil.rmtree(self.directory)
        self.directory.mkdir()
        self.start()
        self.wait()

    @staticmethod
    def clean_environment():
        return {key: value for key, value in os.environ.items() if not key.startswith("KONTOR_")}

    def collect(self):
        """Runs `kontor gc` beside the server; returns the JSON report."""
        done = subprocess.run(
            [self.program, "gc", "--grace", "0s", "--format", "json", "--data", str(self.directory)],
            env=self.clean_environment(), capture_output=True, text=True)
        if done.returncode != 0:
            raise BenchmarkError(f"kontor gc failed: {done.stderr.strip()}")
        return done.stdout


class DockerRegistry(Server):
    """Debian's docker-registry as its package configures it (in-memory descriptor cache), without access log."""

    name = "docker-registry"

    def __init__(self, directory):
        super().__init__(directory)
        self.program = find_program("docker-registry", "docker-registry")

    def command(self):
        configuration = self.directory.with_suffix(".yml")
        configuration.write_text(f"""\
version: 0.1
log:
  level: error
  accesslog:
    disabled: true
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: {self.directory}
  delete:
    enabled: true
http:
  addr: {HOST}:{self.port}
""")
        return [self.program, "serve", str(configuration)]

    def environment(self):
        return {key: value for key, value in os.environ.items() if not key.startswith("REGISTRY_")}


class Nginx(Server):
    """nginx with sendfile, serving files that have the same paths as the registries' resources."""

    name = "nginx"
    probe = "/"

    def __init__(self, directory):
        super().__init__(directory)
        self.program = find_program("nginx", "nginx-light")
        self.root = self.directory / "root"
        self.root.mkdir(exist_ok=True)

    def add(self, path, source):
        """Serves the file or bytes `source` at `path`."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, bytes):
            target.write_bytes(source)
        else:
            shutil.copyfile(source, target)

    def command(self):
        configuration = self.directory / "nginx.conf"
        temporary = "".join(
            f"  {kind}_temp_path {self.directory}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        # Workers must be able to read the files, which belong to whoever runs the benchmark.
        user = f"user {getpass.getuser()};\n" if os.geteuid() == 0 else ""
        configuration.write_text(f"""\
{user}daemon off;
worker_processes auto;
pid {self.directory}/pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
{temporary}  sendfile on;
  tcp_nopush on;
  access_log off;
  keepalive_requests 1000000000;
  server {{
    listen {HOST}:{self.port};
    root {self.root};
    default_type application/octet-stream;
    location ~ /manifests/ {{ default_type application/vnd.oci.image.manifest.v1+json; }}
  }}
}}
""")
        return [self.program, "-e", "stderr", "-p", str(self.directory), "-c", str(configuration)]
