"""The client against skopeo and umoci: an image of several layers to and from a registry, and unpacked."""

import gzip
import hashlib
import io
import json
import multiprocessing
import os
import shutil
import subprocess
import tarfile
import time
from pathlib import Path

import report
from servers import BenchmarkError, find_program

MIB = 1 << 20
NAME = "bench"


def make_layout(directory, layers, layer_size):
    """Makes an OCI layout with an image whose layers have files of 1 KiB to 1 MiB, half of which compresses well.

    Returns the bytes of its layers.
    """
    blobs = directory / "blobs/sha256"
    blobs.mkdir(parents=True)

    def add(content):
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return "sha256:" + digest, len(content)

    def descriptor(kind, digest, size):
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest, "size": size}

    described, diff_ids, total = [], [], 0
    for number in range(layers):
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w", format=tarfile.PAX_FORMAT) as archive:
            left = layer_size
            for index in range(1 << 30):
                size = min(left, 1024 << (index % 11))
                if size == 0:
                    break
                content = os.urandom(size) if index % 2 else (b"line %d of a text that repeats\n" % index * size)[:size]
                entry = tarfile.TarInfo(f"layer-{number}/{index % 100}/file-{index}")
                entry.size = size
                archive.addfile(entry, io.BytesIO(content))
                left -= size
        plain = tar.getvalue()
        diff_ids.append("sha256:" + hashlib.sha256(plain).hexdigest())
        digest, size = add(gzip.compress(plain, compresslevel=1, mtime=0))
        described.append(descriptor("layer.v1.tar+gzip", digest, size))
        total += size
    config = json.dumps({
        "os": "linux", "architecture": "amd64", "config": {"Cmd": ["/bin/true"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }).encode()
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("config.v1+json", *add(config)), "layers": described,
    }).encode()
    named = descriptor("manifest.v1+json", *add(manifest))
    named["annotations"] = {"org.opencontainers.image.ref.name": NAME}
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
    (directory / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    return total


def transfers(bench):
    layout = bench.directory / "image"
    # In a process of its own: Linux counts what this one has in memory to the peak of those that it starts.
    with multiprocessing.Pool(1) as pool:
        size = pool.apply(make_layout, (layout, bench.sizes.layers, bench.sizes.layer))
    skopeo, umoci = find_program("skopeo", "skopeo"), find_program("umoci", "umoci")
    kontor = str(bench.program)
    home = bench.directory / "home"
    home.mkdir()
    environment = bench.client_environment(home)
    peaks = []
    times = {what: ([], []) for what in ("push", "pull", "unpack")}

    def run(command, memory=None):
        os.sync()
        started = time.monotonic()
        process = subprocess.Popen(
            [str(word) for word in command], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE)
        error = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - started
        if process.returncode != 0:
            raise BenchmarkError(f"{' '.join(map(str, command))}: {error.decode(errors='replace')[-500:]}")
        if memory is not None:
            memory.append(usage.ru_maxrss / 1024)
        return seconds

    def blobs(directory):
        return {path.name: path.stat().st_size for path in (directory / "blobs/sha256").iterdir()}

    with bench.kontor("transfers") as server:
        for number in range(bench.rounds):
            def reference():
                # The port is another one after each wipe.
                return f"127.0.0.1:{server.port}/bench/image:{number}"

            # Layers must not be there already: each push is into an empty registry.
            def push(first):
                server.wipe()
                if first:
                    return run([kontor, "push", "-q", f"oci:{layout}:{NAME}", reference()], peaks)
                return run([skopeo, "--insecure-policy", "copy", "-q", "--dest-tls-verify=false",
                            f"oci:{layout}:{NAME}", f"docker://{reference()}"])

            def pull(first):
                target = bench.directory / "pulled"
                if first:
                    seconds = run([kontor, "pull", "-q", reference(), "--to", f"oci:{target}:{NAME}"], peaks)
                else:
                    seconds = run([skopeo, "--insecure-policy", "copy", "-q", "--src-tls-verify=false",
                                   f"docker://{reference()}", f"oci:{target}:{NAME}"])
                if blobs(target) != blobs(layout):
                    raise BenchmarkError("the pulled image is not the one that was pushed")
                shutil.rmtree(target)
                return seconds

            def unpack(first):
                target = bench.directory / "bundle"
                if first:
                    seconds = run([kontor, "copy", "-q", f"oci:{layout}:{NAME}", f"runc:{target}"], peaks)
                else:
                    seconds = run([umoci, "unpack", "--image", f"{layout}:{NAME}", target])
                if len(list((target / "rootfs").iterdir())) != bench.sizes.layers:
                    raise BenchmarkError("the unpacked image lacks something")
                shutil.rmtree(target)
                return seconds

            for what, measure in (("push", push), ("pull", pull), ("unpack", unpack)):
                if what == "pull":
                    server.wipe()
                    run([kontor, "push", "-q", f"oci:{layout}:{NAME}", reference()])
                for first in ((True, False) if number % 2 == 0 else (False, True)):
                    times[what][0 if first else 1].append(size / 1e6 / measure(first))
            bench.progress(f"  transfers, round {number + 1}, MB/s (ours, theirs): " + ", ".join(
                f"{what} {pair[0][-1]:.0f} {pair[1][-1]:.0f}" for what, pair in times.items()))
    what = f"{size // MIB} MiB in {bench.sizes.layers} layers"
    return [
        report.compare(f"pull {what} into a layout, MB/s", times["pull"][0], "skopeo", times["pull"][1], digits=0,
                       at_least=1.3),
        report.compare(f"push {what}, MB/s", times["push"][0], "skopeo", times["push"][1], digits=0, at_least=1.3),
        report.compare(f"unpack {what} into a bundle, MB/s", times["unpack"][0], "umoci", times["unpack"][1], digits=0,
                       at_least=1),
        report.limit("the client's peak memory in all of these, MiB", [max(peaks)], below=100),
    ]
