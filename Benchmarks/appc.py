"""The appc part: an image's first conversion to an ACI, and ACIs that are there against other blobs."""

import gzip
import multiprocessing
import subprocess
import tarfile
import time
import urllib.request

import report
from client import Client
from load import download
from servers import BenchmarkError
from transfers import MIB, NAME, make_layout


def appc(bench):
    layout = bench.directory / "appc-image"
    with multiprocessing.Pool(1) as pool:
        pool.apply(make_layout, (layout, bench.sizes.layers, bench.sizes.layer))
    size = bench.sizes.layers * bench.sizes.layer
    home = bench.directory / "appc-home"
    home.mkdir()
    rates, peaks, digests = [], [], set()
    pairs = ([], [])
    for number in range(bench.rounds):
        with bench.kontor(f"appc-{number}") as server:
            subprocess.run(
                [bench.program, "push", "-q", f"oci:{layout}:{NAME}", f"127.0.0.1:{server.port}/bench/image:v1"],
                env=bench.client_environment(home), check=True, stdout=subprocess.DEVNULL)
            # A fresh process: the push is not in its peak.
            server.stop()
            server.start()
            server.wait()
            path = "/aci/127.0.0.1/bench/image/v1/linux/amd64/image.aci"
            with Client(server) as client:
                started = time.monotonic()
                headers, _ = client.request("HEAD", path, 200)
                rates.append(size / 1e6 / (time.monotonic() - started))
                peaks.append(server.memory("VmHWM"))
                length, digest = int(headers["Content-Length"]), headers["ETag"].strip('"')
                digests.add(digest)
                client.check_content(path, digest, length)
            check(server, path, bench.sizes.layers)
            for index, place in enumerate((path, f"/v2/bench/image/blobs/{digest}")):
                pairs[index].append(download(server, place, length, 8, bench.sizes.load_seconds)[0])
        bench.progress(f"  appc, round {number + 1}: converted {rates[-1]:.0f} MB/s, {peaks[-1]:.0f} MiB; "
                       f"GB/s of the ACI {pairs[0][-1]:.2f}, of a blob {pairs[1][-1]:.2f}")
    if len(digests) != 1:
        raise BenchmarkError("the same image was converted to different ACIs")
    what = f"{size // MIB} MiB of layers"
    return [
        report.at_least(f"first conversion of {what} to an ACI, MB/s", rates, 100),
        report.limit("the server's peak memory after it, MiB", peaks, below=64),
        report.compare("GET of a converted ACI, GB/s", pairs[0], "blob GET", pairs[1], at_least=0.95),
    ]


def check(server, path, layers):
    """An independent reader finds the manifest and all layers' directories."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}") as answer:
        # Not "r|gz", which ends with the first member of the file.
        with gzip.open(answer) as plain, tarfile.open(fileobj=plain, mode="r|") as archive:
            names = {entry.name for entry in archive if entry.name.count("/") <= 1}
    wanted = {"manifest", "rootfs"} | {f"rootfs/layer-{number}" for number in range(layers)}
    if not wanted <= names:
        raise BenchmarkError(f"the ACI lacks {sorted(wanted - names)}")
