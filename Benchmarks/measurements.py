"""What is measured. Each function in `ALL` starts what it needs, checks the answers, and returns lines of the table."""

import contextlib
import json
import os
import random
import shutil
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import report
import store
from access import access
from appc import appc
from client import Client, Payload, PayloadMaker, digest_of, image_manifest, in_parallel
from load import CONNECTIONS, download, many_requests
from mirror import mirror
from servers import BenchmarkError, DockerRegistry, Kontor, Nginx
from transfers import transfers
from trust import trust

MIB = 1 << 20
MANIFEST_BYTES = 1536
REPOSITORY = "bench/image"
TAG = "latest"
DOWNLOADS = 8
PAGE = 1000
# What "no slower" means: two measurements of the same thing differ by as much.
NO_SLOWER = 1.1


@dataclass(frozen=True)
class Sizes:
    """How much of everything; the defaults are what the targets speak of."""

    blob: int = 64 * MIB
    load_seconds: int = 5
    put: int = 256 * MIB
    uploads: int = 200
    upload: int = 64 * MIB
    manifests: int = 100_000
    tags: int = 1_000_000
    garbage: int = 1000
    listings: int = 50
    layers: int = 12
    layer: int = 150 * MIB
    signatures: int = 1000

    def disk(self, rounds):
        """Bytes that a run needs at most at one time, roughly."""
        pushed = max(self.uploads * self.upload, 2 * rounds * self.put)
        return pushed + 5 * self.blob + 2 * self.put + self.manifests * 15_000 + 500 * MIB


SMOKE = Sizes(
    blob=MIB, load_seconds=1, put=4 * MIB, uploads=8, upload=MIB, manifests=1000, tags=10_000, garbage=50, listings=5,
    layers=3, layer=4 * MIB, signatures=200)


class Bench:
    """What the measurements share: settings, the directory, and servers that several of them use."""

    def __init__(self, kontor, directory, sizes, rounds, cleanup):
        self.program = kontor
        self.directory = Path(directory)
        self.sizes = sizes
        self.rounds = rounds
        self.cleanup = cleanup

    def kontor(self, name):
        return Kontor(self.program, self.directory / name)

    @staticmethod
    def client_environment(home):
        """For clients: nothing of the user's own settings."""
        return Kontor.clean_environment() | {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}

    def progress(self, text):
        print(text, file=sys.stderr, flush=True)

    def interleaved(self, what, servers, measure):
        """Calls `measure` with each server in every round, each time beginning with another one.

        Returns a list of a figure per round for each server, in the order of `servers`.
        """
        figures = [[] for _ in servers]
        for number in range(self.rounds):
            order = [(number + i) % len(servers) for i in range(len(servers))]
            for index in order:
                figures[index].append(measure(servers[index]))
            self.progress(f"  {what}, round {number + 1}: " + ", ".join(
                f"{server.name} {_short(figures[i][-1])}" for i, server in enumerate(servers)))
        return figures

    @cached_property
    def pull(self):
        return PullServers(self)

    @cached_property
    def big_store(self):
        """A stopped kontor with the synthetic store, and what is in it."""
        self.progress("  making the synthetic store ...")
        server = self.kontor("big")
        with server:
            pass
        content = store.SyntheticStore(self.sizes.manifests, self.sizes.tags)
        store.fill(server.directory / "kontor.sqlite", content)
        return server, content


def _short(figure):
    return " ".join(f"{number:,.3f}" for number in (figure if isinstance(figure, tuple) else (figure,)))


class PullServers:
    """All three servers, running, with the same image in each."""

    def __init__(self, bench):
        self.kontor = bench.cleanup.enter_context(bench.kontor("kontor"))
        self.registry = bench.cleanup.enter_context(DockerRegistry(bench.directory / "registry"))
        self.nginx = Nginx(bench.directory / "nginx")
        self.all = [self.kontor, self.nginx, self.registry]
        self.blob = PayloadMaker(bench.directory / "blob", bench.sizes.blob).make()
        self.empty = Payload.of(b"")
        blobs = [Payload.of(b"{}"), self.blob, self.empty] + [Payload.of(b"layer %d" % i) for i in range(5)]
        self.manifest = image_manifest([(blob.digest, blob.size) for blob in blobs], MANIFEST_BYTES)
        self.manifest_path = f"/v2/{REPOSITORY}/manifests/{TAG}"
        for registry in (self.kontor, self.registry):
            with Client(registry) as client:
                for blob in blobs:
                    client.upload(REPOSITORY, blob)
                client.put_manifest(REPOSITORY, TAG, self.manifest)
        with open(bench.directory / "blob", "ab") as file:
            file.write(self.blob.tail)
        self.nginx.add(self.blob_path(self.blob), bench.directory / "blob")
        self.nginx.add(self.blob_path(self.empty), b"")
        self.nginx.add(self.manifest_path, self.manifest)
        bench.cleanup.enter_context(self.nginx)

    @staticmethod
    def blob_path(blob):
        return f"/v2/{REPOSITORY}/blobs/{blob.digest}"

    @contextlib.contextmanager
    def checked(self, check):
        """Calls `check` with a client of each server before and after what is measured."""
        def check_all():
            for server in self.all:
                with Client(server) as client:
                    check(client)

        check_all()
        yield
        check_all()


def _columns(pairs):
    """From a pair of figures for each round: all first figures, all second ones."""
    return tuple(zip(*pairs))


def blob_get(bench):
    servers, size = bench.pull, bench.sizes.blob
    path = servers.blob_path(servers.blob)

    def measure(server):
        return download(server, path, size, DOWNLOADS, bench.sizes.load_seconds)

    with servers.checked(lambda client: client.check_content(path, servers.blob.digest, size)):
        kontor, nginx, registry = map(
            _columns, bench.interleaved("blob GET, GB/s and CPU s/GB", servers.all, measure))
    what = f"blob GET, {size // MIB} MiB, {DOWNLOADS} connections"
    return [
        report.compare(what + ", GB/s", kontor[0], "nginx", nginx[0], at_least=1),
        report.compare(what + ", GB/s", kontor[0], "docker-registry", registry[0], at_least=1.5),
        report.compare("blob GET, server CPU s/GB", kontor[1], "nginx", nginx[1]),
        report.compare("blob GET, server CPU s/GB", kontor[1], "docker-registry", registry[1], at_most=0.5),
    ]


def manifest_get(bench):
    servers = bench.pull
    digest = digest_of(servers.manifest)
    with servers.checked(lambda client: client.check_content(servers.manifest_path, digest, MANIFEST_BYTES)):
        return _requests(bench, "manifest GET by tag, 1.5 KB", "GET", servers.manifest_path)


def blob_head(bench):
    # wrk waits for the body that a HEAD's Content-Length promises, so the blob is the empty one.
    servers = bench.pull
    path = servers.blob_path(servers.empty)
    large = servers.blob_path(servers.blob)

    def check(client):
        client.check_head(path, 0)
        client.check_head(large, servers.blob.size)

    with servers.checked(check):
        return _requests(bench, "blob HEAD", "HEAD", path)


def _requests(bench, what, method, path):
    servers = bench.pull
    for server in servers.all:
        many_requests(server, method, path, 1)  # to warm up
    kontor, nginx, registry = map(_columns, bench.interleaved(
        what + ", requests/s and CPU us/request", servers.all,
        lambda server: many_requests(server, method, path, bench.sizes.load_seconds)))
    speed = f"{what}, {CONNECTIONS} connections, requests/s"
    return [
        report.compare(speed, kontor[0], "docker-registry", registry[0], digits=0, at_least=20),
        report.compare(speed, kontor[0], "nginx", nginx[0], digits=0, at_least=0.7),
        report.compare(what + ", server CPU us/request", kontor[1], "nginx", nginx[1], digits=1),
    ]


def blob_put(bench):
    size = bench.sizes.put
    maker = PayloadMaker(bench.directory / "put", size)
    disk = []

    def measure(server):
        payload = maker.make()
        # What others have written must not go to the disk in our time.
        os.sync()
        with Client(server) as client:
            start = time.monotonic()
            client.upload(REPOSITORY, payload)
            seconds = time.monotonic() - start
            client.check_content(f"/v2/{REPOSITORY}/blobs/{payload.digest}", payload.digest, size)
        return size / 1e9 / seconds

    with bench.kontor("put-kontor") as kontor, DockerRegistry(bench.directory / "put-registry") as registry:
        ours, theirs = bench.interleaved("blob PUT, GB/s", [kontor, registry], measure)
        for _ in range(bench.rounds):
            disk.append(size / 1e9 / _write_to_disk(maker.file, bench.directory / "put-copy"))
    for server in (kontor, registry):
        shutil.rmtree(server.directory)
    return [
        report.compare(f"blob PUT, {size // MIB} MiB, durable, GB/s", ours, "docker-registry", theirs, at_least=2.5),
        report.figure("the disk: the same bytes copied to a file and synced, GB/s", disk),
    ]


def _write_to_disk(source, target):
    """Seconds for copying a cached file and syncing the copy."""
    os.sync()
    start = time.monotonic()
    with open(source, "rb") as file, open(target, "wb") as copy:
        left = os.path.getsize(source)
        while left > 0:
            left -= os.sendfile(copy.fileno(), file.fileno(), None, left)
        os.fsync(copy.fileno())
    seconds = time.monotonic() - start
    os.unlink(target)
    return seconds


def uploads(bench):
    count, size = bench.sizes.uploads, bench.sizes.upload
    maker = PayloadMaker(bench.directory / "upload", size)
    payloads = [maker.make() for _ in range(count)]

    with bench.kontor("uploads") as kontor:
        def upload(payload):
            with Client(kontor) as client:
                client.upload(REPOSITORY, payload)

        start = time.monotonic()
        in_parallel(upload, payloads, threads=count)
        seconds = time.monotonic() - start
        # Of these only, not of the checks that follow.
        peak = kontor.memory("VmHWM")
        with Client(kontor) as client:
            for payload in payloads:
                client.check_head(f"/v2/{REPOSITORY}/blobs/{payload.digest}", size)
            for payload in random.sample(payloads, min(5, count)):
                client.check_content(f"/v2/{REPOSITORY}/blobs/{payload.digest}", payload.digest, size)
    shutil.rmtree(kontor.directory)
    what = f"{count} parallel uploads of {size // MIB} MiB"
    return [
        report.limit(what + ", peak memory, MiB", [peak], below=128),
        report.figure(what + ", GB/s together", [count * size / 1e9 / seconds]),
    ]


def idle(bench):
    figures = []
    for number in range(bench.rounds):
        with bench.kontor(f"idle-{number}") as kontor:
            time.sleep(1)
            figures.append(kontor.memory("VmRSS"))
    return [report.limit("idle memory, MiB", figures, below=30, digits=1)]


def start(bench):
    kontor, content = bench.big_store
    figures = {"warm": [], "cold": []}
    for number in range(bench.rounds):
        for state, times in figures.items():
            if state == "cold":
                _drop_from_page_cache(kontor.directory)
            image = random.randrange(content.manifests)
            started = time.monotonic()
            try:
                kontor.start()
                status, body = kontor.wait(content.manifest_path(image))
                times.append((time.monotonic() - started) * 1000)
            finally:
                kontor.stop()
            if status != 200 or body != content.manifest(image):
                raise BenchmarkError(f"kontor: {content.manifest_path(image)}: wrong answer, status {status}")
        bench.progress(f"  start, round {number + 1}: " + ", ".join(
            f"{state} {times[-1]:.0f} ms" for state, times in figures.items()))
    what = f"start to first answer, {content.manifests:,} manifests, {content.links:,} links"
    return [
        report.limit(what + ", ms", figures["warm"], below=200),
        report.limit(what + ", database not in memory, ms", figures["cold"], below=200),
    ]


def _drop_from_page_cache(directory):
    for path in directory.glob("kontor.sqlite*"):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def tags(bench):
    kontor, content = bench.big_store
    page = min(PAGE, content.tags // 4)
    figures = {"beginning": (0, []), "middle": (content.tags // 2, []), "end": (content.tags - page, [])}
    with kontor, Client(kontor) as client:
        for _ in range(bench.sizes.listings):
            for first, times in figures.values():
                last = f"&last={store.tag_name(first - 1)}" if first else ""
                path = f"/v2/{store.TAG_REPOSITORY}/tags/list?n={page}{last}"
                started = time.monotonic()
                _, body = client.request("GET", path, 200)
                times.append((time.monotonic() - started) * 1000)
                if json.loads(body) != {
                    "name": store.TAG_REPOSITORY,
                    "tags": [store.tag_name(i) for i in range(first, first + page)],
                }:
                    raise BenchmarkError(f"kontor: {path}: wrong list: {body[:300]!r}")
    return [
        report.limit(f"list {page:,} of {content.tags:,} tags, {place}, ms", times, below=20, digits=1)
        for place, (_, times) in figures.items()
    ]


def gc(bench):
    count = bench.sizes.garbage
    big, content = bench.big_store

    def measure(server):
        blobs = [Payload.of(os.urandom(4096)) for _ in range(count)]
        paths = [f"/v2/bench/garbage/blobs/{blob.digest}" for blob in blobs]
        _upload_all(server, "bench/garbage", blobs)
        os.sync()
        started = time.monotonic()
        found = json.loads(server.collect())
        milliseconds = (time.monotonic() - started) * 1000
        if (found["links"], found["blobs"]) != (count, count):
            raise BenchmarkError(f"kontor gc: {found} instead of {count} blobs")
        with Client(server) as client:
            for path in paths:
                client.request("GET", path, 404)
            for image in random.sample(range(content.manifests), 10) if server is big else []:
                client.check_content(
                    content.manifest_path(image), digest_of(content.manifest(image)), store.MANIFEST_BYTES)
        return milliseconds

    what = f"collection of {count:,} blobs"
    with big, bench.kontor("small") as small:
        in_big, in_small = bench.interleaved(f"{what}, ms (big store, empty store)", [big, small], measure)
    return [
        report.compare(
            f"{what}, {content.links:,} others there, ms", in_big, "empty store", in_small, digits=0,
            at_most=NO_SLOWER)
    ]


def _upload_all(server, repository, blobs):
    threads = 16

    def work(share):
        with Client(server) as client:
            for blob in share:
                client.upload(repository, blob)

    in_parallel(work, [blobs[i::threads] for i in range(threads)], threads)


ALL = {
    "blob-get": blob_get,
    "manifest-get": manifest_get,
    "blob-head": blob_head,
    "blob-put": blob_put,
    "uploads": uploads,
    "idle": idle,
    "start": start,
    "tags": tags,
    "gc": gc,
    "transfers": transfers,
    "appc": appc,
    "trust": trust,
    "access": access,
    "mirror": mirror,
}
