"""Private keys as cosign keeps them, made with another scrypt and another secretbox."""

import base64
import hashlib
import json
import os

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from nacl.secret import SecretBox

PASSPHRASE = "pässphrase"


def b64(data):
    return base64.b64encode(data).decode()


def encrypted(plain, passphrase=PASSPHRASE, cost=65536, **changes):
    salt, nonce = os.urandom(32), os.urandom(24)
    key = hashlib.scrypt(passphrase.encode(), salt=salt, n=cost, r=8, p=1, dklen=32, maxmem=1 << 28)
    sealed = SecretBox(key).encrypt(plain, nonce).ciphertext
    return {
        "kdf": {"name": "scrypt", "params": {"N": cost, "r": 8, "p": 1, **changes}, "salt": b64(salt)},
        "cipher": {"name": "nacl/secretbox", "nonce": b64(nonce)},
        "ciphertext": b64(sealed),
    }


def pem(document, kind="ENCRYPTED SIGSTORE PRIVATE KEY"):
    text = b64(json.dumps(document).encode() if isinstance(document, dict) else document)
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----", ""])


def private(key, encoding=serialization.Encoding.DER, form=serialization.PrivateFormat.PKCS8):
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def public(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


keys = {
    "P-256": ec.generate_private_key(ec.SECP256R1()),
    "P-384": ec.generate_private_key(ec.SECP384R1()),
    "P-521": ec.generate_private_key(ec.SECP521R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
    "RSA": rsa.generate_private_key(65537, 2048),
}
usual = keys["P-256"]
plain = private(usual)
good = [
    {"name": name, "file": pem(encrypted(private(key), cost=32768)), "public": public(key)} for name, key in keys.items()
] + [
    {"name": "older name", "file": pem(encrypted(plain), "ENCRYPTED COSIGN PRIVATE KEY"), "public": public(usual)},
    {"name": "higher cost", "file": pem(encrypted(plain, cost=131072)), "public": public(usual)},
]
openssl = serialization.PrivateFormat.TraditionalOpenSSL
unencrypted = [
    {"name": name, "file": private(key, serialization.Encoding.PEM, form).decode(), "public": public(key)}
    for name, key in keys.items()
    for form in [serialization.PrivateFormat.PKCS8, openssl]
    if name != "Ed25519" or form != openssl
]
document = encrypted(plain, cost=32768)
text = json.dumps(document).encode()
small = rsa.generate_private_key(65537, 1024)
bad = [
    {"name": "wrong passphrase", "file": pem(encrypted(plain, "other", 32768)), "error": "wrongPassphrase"},
    {"name": "changed", "file": pem({**document, "ciphertext": b64(os.urandom(150))}), "error": "wrongPassphrase"},
    {"name": "too costly", "file": pem(encrypted(plain, cost=32768, N=1 << 30)), "error": "unreadable"},
    {"name": "cheap", "file": pem(encrypted(plain, cost=16)), "error": "unreadable"},
    {"name": "too much memory", "file": pem(encrypted(plain, cost=32768, r=8000)), "error": "unreadable"},
    {"name": "no cost", "file": pem(encrypted(plain, cost=32768, p=0)), "error": "unreadable"},
    {"name": "other cipher", "file": pem({**document, "cipher": {"name": "rot13"}}), "error": "unreadable"},
    {"name": "short nonce", "file": pem({**document, "cipher": {"name": "nacl/secretbox", "nonce": "AAAA"}}), "error": "unreadable"},
    {"name": "nothing in it", "file": pem({**document, "ciphertext": ""}), "error": "unreadable"},
    {"name": "name twice", "file": pem(text[:-1] + b',"ciphertext":"AAAA"}'), "error": "unreadable"},
    {"name": "truncated", "file": pem(text[:-20]), "error": "unreadable"},
    {"name": "no JSON", "file": pem(b"key"), "error": "unreadable"},
    {"name": "no key in it", "file": pem(encrypted(b"key", cost=32768)), "error": "unreadable"},
    {"name": "weak key", "file": pem(encrypted(private(small), cost=32768)), "error": "unreadable"},
    {"name": "unknown curve", "file": pem(encrypted(private(ec.generate_private_key(ec.SECP256K1())), cost=32768)), "error": "unreadable"},
    {"name": "another name", "file": pem(document, "PRIVATE KEY"), "error": "unreadable"},
    {"name": "two keys", "file": pem(document) * 2, "error": "unreadable"},
    {"name": "no PEM", "file": "cosign", "error": "unreadable"},
]
print(json.dumps({"passphrase": PASSPHRASE, "good": good, "unencrypted": unencrypted, "bad": bad}))
