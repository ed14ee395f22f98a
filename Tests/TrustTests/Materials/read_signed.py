"""Reads what Kontor made, as programs of others do: keys, signatures, bundles. From standard input: one JSON document."""

import base64
import hashlib
import json
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from nacl.secret import SecretBox
from securesystemslib.dsse import Envelope
from sigstore_models.bundle.v1 import Bundle

given = json.load(sys.stdin)


def decrypted(file, passphrase):
    lines = file.strip().split("\n")
    assert lines[0] == "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----"
    document = json.loads(base64.b64decode("".join(lines[1:-1])))
    parameters = document["kdf"]["params"]
    key = hashlib.scrypt(
        passphrase.encode(), salt=base64.b64decode(document["kdf"]["salt"]), n=parameters["N"], r=parameters["r"],
        p=parameters["p"], dklen=32, maxmem=1 << 28)
    nonce = base64.b64decode(document["cipher"]["nonce"])
    return SecretBox(key).decrypt(base64.b64decode(document["ciphertext"]), nonce)


def verify(key, signature, message):
    if isinstance(key, ec.EllipticCurvePublicKey):
        algorithm = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[key.curve.key_size]
        key.verify(signature, message, ec.ECDSA(algorithm))
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
    else:
        key.verify(signature, message)


result = []
for made in given["made"]:
    key = serialization.load_der_private_key(decrypted(made["file"], given["passphrase"]), None).public_key()
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert key == serialization.load_pem_public_key(made["public"].encode())
    payload = base64.b64decode(made["payload"])
    # cryptography has no Ed25519ph.
    if not isinstance(key, ed25519.Ed25519PublicKey):
        verify(key, base64.b64decode(made["signature"]), payload)
    bundle = Bundle.from_json(base64.b64decode(made["bundle"]))
    assert bundle.verification_material.public_key.hint == base64.b64encode(hashlib.sha256(der).digest()).decode()
    statement = bundle.dsse_envelope.payload
    signature = bundle.dsse_envelope.signatures[0].sig
    verify(key, signature, Envelope(statement, bundle.dsse_envelope.payload_type, {}).pae())
    result.append({"payload": payload.decode(), "statement": statement.decode(), "mediaType": bundle.media_type})
print(json.dumps(result))
