"""The access part: pulls with a token against pulls without one, the same password again and again, and how long it takes to be told
nothing of a repository that is there, and of one that is not."""

import base64
import json
import socket
import subprocess
import time
import urllib.request
from statistics import median

import report
from client import MANIFEST_TYPE, TIMEOUT, Client, Payload, digest_of
from load import CONNECTIONS, many_requests
from servers import HOST, BenchmarkError

USER, STRANGER, PASSWORD = "alice", "mallory", "a password"


def access(bench):
    directory = bench.directory / "access"
    directory.mkdir()
    rules = directory / "rules.json"
    rules.write_text(json.dumps({"rules": [
        {"repositories": ["public/**"], "who": ["everyone"], "actions": ["pull"]},
        {"repositories": ["**"], "who": [f"user:{USER}"], "actions": ["pull", "push"]},
    ]}))
    server, plain = bench.kontor("access"), bench.kontor("access-plain")
    image = json.dumps({
        "schemaVersion": 2, "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(b""), "size": 0},
        "layers": [], "annotations": {"filler": " " * 1000},
    }).encode()
    for user in (USER, STRANGER):
        add_user(server, user)
    # What nobody asks for is pushed before anybody is asked.
    for one in (server, plain):
        with one, Client(one) as client:
            client.upload("team/app", Payload.of(b""))
            client.put_manifest("team/app", "v1", image)
    server.settings = {"KONTOR_ACCESS_RULES": str(rules)}
    path = "/v2/team/app/manifests/v1"
    with server, plain:
        basic, strangers = ("Basic " + base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()
                            for user in (USER, STRANGER))
        headers = {server: "Bearer " + token(server, basic), plain: None}
        for one in (server, plain):
            many_requests(one, "GET", path, 1, headers[one])  # to warm up
        rates = bench.interleaved(
            "manifest GET with a token, and without access control, requests/s", [server, plain],
            lambda one: many_requests(one, "GET", path, bench.sizes.load_seconds, headers[one])[:1])
        tokens, nobody = [[figure[0] for figure in figures] for figures in rates]
        passwords = [many_requests(server, "GET", path, bench.sizes.load_seconds, basic)[0]
                     for _ in range(bench.rounds)]
        refusals = {}
        for who, authorization, status in (("nobody", None, 401), ("a stranger", strangers, 403)):
            bench.progress(f"  refusals of {who}")
            refusals[who] = [
                refusal_times(server, authorization, status, 1000 * bench.sizes.load_seconds)
                for _ in range(bench.rounds)]
    return [
        report.compare(
            f"manifest GET with a bearer token, {CONNECTIONS} connections, requests/s", tokens,
            "without access control", nobody, digits=0, at_least=0.8),
        report.compare(
            f"the same with a password (bcrypt), {CONNECTIONS} connections, requests/s", passwords,
            "without access control", nobody, digits=0, at_least=None),
    ] + [
        report.limit(
            f"{who} asks for a manifest of a repository that is there, and of none: the longer time to the shorter",
            [max(there, none) / min(there, none) for there, none in times], below=1.05, digits=3)
        for who, times in refusals.items()
    ]


def refusal_times(server, authorization, status, count):
    """Medians of the times, in seconds, for a refusal where the repository is there, and where it is not: asked for in turn, over
    one connection."""
    head = f"Authorization: {authorization}\r\n" if authorization else ""
    requests = [
        f"GET /v2/team/{name}/manifests/v1 HTTP/1.1\r\nHost: {HOST}\r\n{head}\r\n".encode() for name in ("app", "apq")]
    times = ([], [])
    with socket.create_connection((HOST, server.port), timeout=TIMEOUT) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(2 * count):
            which = (number + number // 2) % 2
            start = time.perf_counter()
            connection.sendall(requests[which])
            answer = connection.recv(65536)
            times[which].append(time.perf_counter() - start)
            if not answer.startswith(f"HTTP/1.1 {status} ".encode()) or not answer.endswith(b"}"):
                raise BenchmarkError(f"{server.name}: a refusal is {answer[:200]}")
    return tuple(map(median, times))


def add_user(server, user):
    done = subprocess.run(
        [server.program, "user", "add", user, "--password-stdin", "--data", str(server.directory)],
        input=PASSWORD.encode(), env=server.clean_environment(), capture_output=True)
    if done.returncode != 0:
        raise BenchmarkError(f"kontor user add failed: {done.stderr.decode()}")


def token(server, basic):
    request = urllib.request.Request(
        f"http://{HOST}:{server.port}/token?service=bench&scope=repository:team/app:pull",
        headers={"Authorization": basic})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["token"]
