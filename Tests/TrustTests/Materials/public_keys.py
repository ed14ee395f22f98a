"""Keys of every algorithm, each with signatures over one message by every scheme that it has."""

import base64
import hashlib
import json

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

MESSAGE = b"what is signed"
HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512(), "sha1": hashes.SHA1()}


def b64(data):
    return base64.b64encode(data).decode()


def public(key, encoding, form=serialization.PublicFormat.SubjectPublicKeyInfo):
    return key.public_key().public_bytes(encoding, form)


def case(name, key, signatures):
    der = public(key, serialization.Encoding.DER)
    return {
        "name": name,
        "pem": b64(public(key, serialization.Encoding.PEM)),
        "der": b64(der),
        "keyID": hashlib.sha256(der).hexdigest(),
        "signatures": [{"scheme": scheme, "signature": b64(made)} for scheme, made in signatures],
    }


def ecdsa(name, curve):
    key = ec.generate_private_key(curve)
    signatures = []
    for hash_name, algorithm in HASHES.items():
        der = key.sign(MESSAGE, ec.ECDSA(algorithm))
        signatures.append(("ecdsa-" + hash_name, der))
        r, s = utils.decode_dss_signature(der)
        size = (curve.key_size + 7) // 8
        signatures.append(("ecdsa-raw-" + hash_name, r.to_bytes(size, "big") + s.to_bytes(size, "big")))
    return case(name, key, signatures)


def rsa_key(name, bits):
    key = rsa.generate_private_key(65537, bits)
    signatures = []
    for hash_name, algorithm in HASHES.items():
        signatures.append(("rsa-pkcs1-" + hash_name, key.sign(MESSAGE, padding.PKCS1v15(), algorithm)))
        pss = padding.PSS(padding.MGF1(algorithm), padding.PSS.DIGEST_LENGTH)
        signatures.append(("rsa-pss-" + hash_name, key.sign(MESSAGE, pss, algorithm)))
    result = case(name, key, signatures)
    result["pkcs1"] = b64(public(key, serialization.Encoding.PEM, serialization.PublicFormat.PKCS1))
    return result


def edwards():
    key = ed25519.Ed25519PrivateKey.generate()
    # cryptography has no Ed25519ph, so RFC 8032, section 5.1, is written out below.
    return case("Ed25519", key, [("ed25519", key.sign(MESSAGE)), ("ed25519ph", ed25519ph(key, MESSAGE))])


P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(first, second):
    x1, y1 = first
    x2, y2 = second
    product = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + product, P - 2, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - product, P - 2, P) % P
    return x, y


def multiply(factor, point):
    result = (0, 1)
    while factor:
        if factor & 1:
            result = add(result, point)
        point = add(point, point)
        factor >>= 1
    return result


def ed25519ph(key, message):
    y = 4 * pow(5, P - 2, P) % P
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x & 1:
        x = P - x
    base = (x, y)

    def encode(point):
        return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")

    raw = serialization.Encoding.Raw
    seed = key.private_bytes(raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
    expanded = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(expanded[:32], "little") & (2**254 - 8) | 2**254
    encoded = public(key, raw, serialization.PublicFormat.Raw)
    domain = b"SigEd25519 no Ed25519 collisions" + bytes([1, 0])
    digest = hashlib.sha512(message).digest()

    def number(*parts):
        return int.from_bytes(hashlib.sha512(domain + b"".join(parts)).digest(), "little") % ORDER

    nonce = number(expanded[32:], digest)
    commitment = encode(multiply(nonce, base))
    answer = (nonce + number(commitment, encoded, digest) * scalar) % ORDER
    return commitment + answer.to_bytes(32, "little")


print(
    json.dumps(
        {
            "message": b64(MESSAGE),
            "keys": [
                ecdsa("P-256", ec.SECP256R1()),
                ecdsa("P-384", ec.SECP384R1()),
                ecdsa("P-521", ec.SECP521R1()),
                edwards(),
                rsa_key("RSA-2048", 2048),
                rsa_key("RSA-3072", 3072),
            ],
            "refused": [
                {"name": "RSA-1024", "der": case("", rsa.generate_private_key(65537, 1024), [])["der"]},
                {"name": "secp256k1", "der": case("", ec.generate_private_key(ec.SECP256K1()), [])["der"]},
            ],
        }
    )
)
