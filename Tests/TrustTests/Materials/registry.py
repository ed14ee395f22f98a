"""A registry for skopeo to talk to, in a directory: blobs/DIGEST, manifests/REPOSITORY/REFERENCE, and, with the argument
"signatures", the API extension for signatures over signatures/REPOSITORY/DIGEST/NUMBER. Prints its port."""

import base64, hashlib, http.server, json, os, pathlib, re, sys, uuid

root = pathlib.Path(sys.argv[1])
keeps_signatures = "signatures" in sys.argv[2:]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        if keeps_signatures:
            self.send_header("X-Registry-Supports-Signatures", "1")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do(self):
        path, _, query = self.path.partition("?")
        if path == "/v2/":
            return self.answer(200)
        if match := re.fullmatch(r"/v2/(.+)/manifests/([^/]+)", path):
            return self.manifest(root / "manifests" / match[1], match[2])
        if match := re.fullmatch(r"/v2/.+/blobs/(sha256:[0-9a-f]{64})", path):
            return self.content(root / "blobs" / match[1])
        if re.fullmatch(r"/v2/.+/blobs/uploads/.*", path):
            return self.upload(path, query)
        if match := re.fullmatch(r"/extensions/v2/(.+)/signatures/(sha256:[0-9a-f]{64})", path):
            return self.signatures(root / "signatures" / match[1] / match[2], match[2])
        self.answer(404)

    def content(self, file, **headers):
        if not file.exists():
            return self.answer(404)
        self.answer(200, file.read_bytes(), **headers)

    def manifest(self, directory, reference):
        if self.command == "PUT":
            body = self.body()
            digest = "sha256:" + hashlib.sha256(body).hexdigest()
            directory.mkdir(parents=True, exist_ok=True)
            for name in (reference, digest):
                (directory / name).write_bytes(body)
            return self.answer(201, Docker_Content_Digest=digest)
        file = directory / reference
        if not file.exists():
            return self.answer(404)
        body = file.read_bytes()
        kind = json.loads(body).get("mediaType", "application/vnd.oci.image.manifest.v1+json")
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        self.answer(200, body, Content_Type=kind, Docker_Content_Digest=digest)

    def upload(self, path, query):
        if self.command == "POST":
            return self.answer(202, Location=path + str(uuid.uuid4()))
        partial = root / path.rsplit("/", 1)[1]
        chunked = self.headers.get("Transfer-Encoding") == "chunked"
        with open(partial, "ab") as file:
            while chunked and (size := int(self.rfile.readline(), 16)):
                file.write(self.rfile.read(size))
                self.rfile.readline()
            if chunked:
                self.rfile.readline()
            else:
                file.write(self.body())
        if self.command == "PATCH":
            return self.answer(202, Location=path)
        digest = query.split("digest=")[1].replace("%3A", ":")
        (root / "blobs").mkdir(exist_ok=True)
        os.rename(partial, root / "blobs" / digest)
        self.answer(201, Docker_Content_Digest=digest)

    def signatures(self, directory, digest):
        directory.mkdir(parents=True, exist_ok=True)
        files = sorted(directory.iterdir())
        if self.command == "PUT":
            content = base64.b64decode(json.loads(self.body())["content"])
            (directory / str(len(files) + 1)).write_bytes(content)
            return self.answer(201)
        listed = [
            {
                "schemaVersion": 2,
                "name": f"{digest}@{file.name}",
                "type": "atomic",
                "content": base64.b64encode(file.read_bytes()).decode(),
            }
            for file in files
        ]
        self.answer(200, json.dumps({"signatures": listed}).encode())

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
