"""A deployment of Sigstore in a few classes: an authority for short-lived certificates, a log of certificates and a log of
signatures, and bundles made with them."""

import base64
import datetime
import hashlib
import json
import os
import struct
import subprocess
import tempfile
import time

import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from securesystemslib.dsse import Envelope

# The present, for the tests.
NOW = int(time.time()) - 3600
# When signatures were made.
SIGNED = NOW - 86400 * 3

MANIFEST = b'{"schemaVersion":2}'
DIGEST = "sha256:" + hashlib.sha256(MANIFEST).hexdigest()
OTHER_DIGEST = "sha256:" + hashlib.sha256(b"other").hexdigest()
REFERENCE = "registry.example/library/app"
ISSUER = "https://accounts.example"
EMAIL = "ann@example.org"
WORKFLOW = "https://code.example/ann/app/.build/release.yml@refs/tags/v1"
SIGN_PREDICATE = "https://sigstore.dev/cosign/sign/v1"


def b64(data):
    return base64.b64encode(data).decode()


def der(certificate):
    return certificate.public_bytes(serialization.Encoding.DER)


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_der(key):
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def key_pem(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def new_key(curve=None):
    return ec.generate_private_key(curve or ec.SECP256R1())


def sign(key, message, algorithm=None):
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    default = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[key.curve.key_size]
    return key.sign(message, ec.ECDSA(algorithm or default))


def when(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


def timestamp(seconds):
    return when(seconds).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def name(common_name):
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "example"), x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    )


def key_usage(**usages):
    every = [
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    ]
    return x509.KeyUsage(**{usage: usages.get(usage, False) for usage in every})


class Authority:
    def __init__(self, common_name="authority", parent=None, ca=True, path_length=None, usages=None,
                 start=NOW - 86400 * 100, end=NOW + 86400 * 100, extended=None):
        self.key = new_key(ec.SECP384R1())
        self.parent = parent
        issuer = parent or self
        self.name = name(common_name)
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.name).issuer_name(issuer.name).public_key(self.key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(when(start)).not_valid_after(when(end))
            .add_extension(x509.BasicConstraints(ca, path_length if ca else None), critical=True)
            .add_extension(usages or key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        )
        if extended:
            builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
        identifier = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        builder = builder.add_extension(identifier, critical=False)
        if parent:
            builder = builder.add_extension(parent.identifier, critical=False)
        self.certificate = builder.sign(issuer.key, hashes.SHA384())

    @property
    def identifier(self):
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())

    @property
    def chain(self):
        return [self.certificate] + (self.parent.chain if self.parent else [])

    def json(self, start=NOW - 86400 * 100, end=None):
        valid = {"start": timestamp(start)}
        if end:
            valid["end"] = timestamp(end)
        return {
            "subject": {"organization": "example", "commonName": "authority"},
            "uri": "https://fulcio.example",
            "certChain": {"certificates": [{"rawBytes": b64(der(each))} for each in self.chain]},
            "validFor": valid,
        }


class Log:
    """A log's key; both kinds of logs have one."""

    def __init__(self, url, key=None, details="PKIX_ECDSA_P256_SHA_256"):
        self.key = key or new_key()
        self.url = url
        self.details = details
        self.id = hashlib.sha256(key_der(self.key)).digest()

    def json(self, start=NOW - 86400 * 100, end=None):
        valid = {"start": timestamp(start)}
        if end:
            valid["end"] = timestamp(end)
        return {
            "baseUrl": self.url,
            "hashAlgorithm": "SHA2_256",
            "publicKey": {"rawBytes": b64(key_der(self.key)), "keyDetails": self.details, "validFor": valid},
            "logId": {"keyId": b64(self.id)},
        }


def note_id(name, key):
    """What a signed note calls a key of Ed25519 (C2SP, signed-note.md)."""
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(name.encode() + b"\n\1" + raw).digest()


class CertificateLog(Log):
    def promise(self, precertificate, issuer, made=SIGNED):
        tbs = precertificate.tbs_certificate_bytes
        issuer_hash = hashlib.sha256(key_der(issuer.key)).digest()
        entry = issuer_hash + len(tbs).to_bytes(3, "big") + tbs
        signed = struct.pack("!BBQH", 0, 0, made * 1000, 1) + entry + struct.pack("!H", 0)
        signature = sign(self.key, signed, hashes.SHA256())
        sct = struct.pack("!B32sQH", 0, self.id, made * 1000, 0) + struct.pack("!BBH", 4, 3, len(signature)) + signature
        return struct.pack("!H", len(sct)) + sct


def certificate(issuer, logs, key=None, names=None, provider=ISSUER, newer_provider=ISSUER, start=SIGNED - 60,
                end=SIGNED + 540, usages=None, extended=(ExtendedKeyUsageOID.CODE_SIGNING,), promise=None, ca=None,
                further=None):
    """A signer's certificate. Returns it and its key."""
    key = key or new_key()
    names = names or [x509.RFC822Name(EMAIL)]
    extensions = [
        (usages or key_usage(digital_signature=True), True),
        (x509.SubjectAlternativeName(names), True),
        (issuer.identifier, False),
    ]
    if extended:
        extensions.append((x509.ExtendedKeyUsage(extended), False))
    if ca is not None:
        extensions.append((x509.BasicConstraints(ca, None), True))
    if provider:
        oid = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
        extensions.append((x509.UnrecognizedExtension(oid, provider.encode()), False))
    if newer_provider:
        oid = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
        text = newer_provider.encode()
        extensions.append((x509.UnrecognizedExtension(oid, bytes([12, len(text)]) + text), False))
    if further:
        extensions.append(further)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([])).issuer_name(issuer.name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(when(start)).not_valid_after(when(end))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    made = builder.sign(issuer.key, hashes.SHA384())
    if promise is None:
        promise = b"".join(log.promise(made, issuer, start) for log in logs)
    if promise:
        value = struct.pack("!H", len(promise)) + promise
        size = bytes([len(value)]) if len(value) < 128 else bytes([0x81, len(value)])
        oid = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
        made = builder.add_extension(x509.UnrecognizedExtension(oid, b"\x04" + size + value), False).sign(
            issuer.key, hashes.SHA384()
        )
    return made, key


def tree(leaves, index):
    """The root of a Merkle tree, and the path to a leaf (RFC 6962, section 2.1)."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest(), []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    left, left_path = tree(leaves[:split], min(index, split - 1))
    right, right_path = tree(leaves[split:], max(index - split, 0))
    path = left_path + [right] if index < split else right_path + [left]
    return hashlib.sha256(b"\1" + left + right).digest(), path


class SignatureLog(Log):
    origin = "rekor.example - 1234567890"
    hash = hashes.SHA256()

    def note(self, text, key=None, hint=None):
        signature = (hint or self.id[:4]) + sign(key or self.key, text.encode(), self.hash)
        return f"{text}\n\u2014 rekor.example {b64(signature)}\n"

    def entry(self, body, made=SIGNED, index=5, size=11, promise=True, proof=True, origin=None):
        """What a bundle has of an entry."""
        leaves = [b"entry %d" % number for number in range(size)]
        leaves[index] = body
        root, path = tree(leaves, index)
        parsed = json.loads(body)
        result = {
            "logIndex": "77",
            "logId": {"keyId": b64(self.id)},
            "kindVersion": {"kind": parsed["kind"], "version": parsed["apiVersion"]},
            "integratedTime": str(made),
            "canonicalizedBody": b64(body),
        }
        if promise:
            result["inclusionPromise"] = {"signedEntryTimestamp": b64(self.promise(body, made))}
        if proof:
            result["inclusionProof"] = {
                "logIndex": str(index),
                "rootHash": b64(root),
                "treeSize": str(size),
                "hashes": [b64(each) for each in path],
                "checkpoint": {"envelope": self.note(f"{origin or self.origin}\n{size}\n{b64(root)}\n")},
            }
        return result

    def promise(self, body, made):
        payload = {"body": b64(body), "integratedTime": made, "logIndex": 77, "logID": self.id.hex()}
        return sign(self.key, rfc8785.dumps(payload), self.hash)

    def annotation(self, body, made=SIGNED):
        """What cosign's annotation has of an entry."""
        payload = {"body": b64(body), "integratedTime": made, "logIndex": 77, "logID": self.id.hex()}
        return json.dumps({"SignedEntryTimestamp": b64(self.promise(body, made)), "Payload": payload})


class TimestampAuthority:
    """OpenSSL's. It knows no time but the machine's."""

    def __init__(self, extended=ExtendedKeyUsageOID.TIME_STAMPING):
        self.root = Authority("timestamps")
        self.key = new_key()
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name("timestamp")).issuer_name(self.root.name).public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(when(NOW - 86400)).not_valid_after(when(NOW + 86400))
            .add_extension(key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([extended]), critical=True)
            .add_extension(self.root.identifier, critical=False)
            .sign(self.root.key, hashes.SHA256())
        )

    @property
    def chain(self):
        return [self.certificate, self.root.certificate]

    def json(self, start=NOW - 86400, end=None):
        valid = {"start": timestamp(start)}
        if end:
            valid["end"] = timestamp(end)
        return {
            "subject": {"organization": "example", "commonName": "timestamp"},
            "certChain": {"certificates": [{"rawBytes": b64(der(each))} for each in self.chain]},
            "validFor": valid,
        }

    def response(self, message, algorithm="sha256"):
        with tempfile.TemporaryDirectory() as directory:
            def write(file, data):
                path = os.path.join(directory, file)
                with open(path, "wb") as opened:
                    opened.write(data)
                return path

            serial = write("serial", b"01")
            settings = write("settings", b"""[tsa]
serial = %s
digests = sha1, sha256, sha512
signer_digest = sha256
default_policy = 1.2.3.4
ess_cert_id_alg = sha256
""" % serial.encode())
            private = self.key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            query, reply = os.path.join(directory, "query"), os.path.join(directory, "reply")
            subprocess.run(
                ["openssl", "ts", "-query", "-data", write("message", message), "-" + algorithm, "-cert", "-out", query],
                check=True, capture_output=True)
            subprocess.run(
                ["openssl", "ts", "-reply", "-config", settings, "-section", "tsa", "-queryfile", query, "-out", reply,
                 "-inkey", write("key", private), "-signer", write("signer", pem(self.certificate))],
                check=True, capture_output=True)
            with open(reply, "rb") as opened:
                return opened.read()


def hashedrekord(message, signature, verifier_pem, algorithm="sha256"):
    return rfc8785.dumps({
        "apiVersion": "0.0.1",
        "kind": "hashedrekord",
        "spec": {
            "data": {"hash": {"algorithm": algorithm, "value": hashlib.new(algorithm, message).hexdigest()}},
            "signature": {"content": b64(signature), "publicKey": {"content": b64(verifier_pem)}},
        },
    })


def dsse_record(envelope, payload, verifier_pem):
    return rfc8785.dumps({
        "apiVersion": "0.0.1",
        "kind": "dsse",
        "spec": {
            "envelopeHash": {"algorithm": "sha256", "value": hashlib.sha256(json.dumps(envelope).encode()).hexdigest()},
            "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
            "signatures": [{"signature": envelope["signatures"][0]["sig"], "verifier": b64(verifier_pem)}],
        },
    })


def intoto_record(envelope, payload, verifier_pem):
    signature = envelope["signatures"][0]["sig"].encode()
    return rfc8785.dumps({
        "apiVersion": "0.0.2",
        "kind": "intoto",
        "spec": {
            "content": {
                "envelope": {
                    "payloadType": envelope["payloadType"],
                    "signatures": [{"publicKey": b64(verifier_pem), "sig": b64(signature)}],
                },
                "hash": {"algorithm": "sha256", "value": hashlib.sha256(json.dumps(envelope).encode()).hexdigest()},
                "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
            }
        },
    })


def newer_verifier(signer):
    if isinstance(signer, x509.Certificate):
        return {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": {"rawBytes": b64(der(signer))}}
    return {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "publicKey": {"rawBytes": b64(key_der(signer))}}


def newer_dsse(payload, signature, signer):
    return rfc8785.dumps({
        "apiVersion": "0.0.2",
        "kind": "dsse",
        "spec": {
            "dsseV002": {
                "payloadHash": {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(payload).digest())},
                "signatures": [{"content": b64(signature), "verifier": newer_verifier(signer)}],
            }
        },
    })


def newer_hashedrekord(message, signature, signer):
    return rfc8785.dumps({
        "apiVersion": "0.0.2",
        "kind": "hashedrekord",
        "spec": {
            "hashedRekordV002": {
                "data": {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(message).digest())},
                "signature": {"content": b64(signature), "verifier": newer_verifier(signer)},
            }
        },
    })


def cosign_payload(digest=DIGEST, reference=REFERENCE, kind="cosign container image signature"):
    return json.dumps({
        "critical": {
            "identity": {"docker-reference": reference},
            "image": {"docker-manifest-digest": digest},
            "type": kind,
        },
        "optional": None,
    }, separators=(",", ":")).encode()


def statement(digest=DIGEST, predicate_type=SIGN_PREDICATE, kind="https://in-toto.io/Statement/v1"):
    algorithm, value = digest.split(":")
    return json.dumps({
        "_type": kind,
        "subject": [{"digest": {algorithm: value}}],
        "predicateType": predicate_type,
        "predicate": {},
    }).encode()


def envelope(key, payload, payload_type="application/vnd.in-toto+json", algorithm=None):
    signature = sign(key, pae(payload, payload_type), algorithm)
    return {"payload": b64(payload), "payloadType": payload_type, "signatures": [{"sig": b64(signature)}]}


def pae(payload, payload_type="application/vnd.in-toto+json"):
    return Envelope(payload, payload_type, {}).pae()
