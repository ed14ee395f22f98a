"""Tokens for TokenTests, good and attacked, made by other programs than Kontor: PyJWT, and by hand over `cryptography`.

Without arguments: prints one JSON document with keys, tokens, and what is expected of each.
With `read`: reads {"jwks", "tokens", "issuer", "audience", "now"}, verifies the tokens by PyJWT, prints their headers and claims.
"""

import base64
import datetime
import hashlib
import hmac
import json
import sys
import zlib

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

NOW = 1_800_000_000
ISSUER = "https://issuer.example"
AUDIENCE = "registry.example"
HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
FORMAT = serialization.PublicFormat.SubjectPublicKeyInfo


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(algorithm, key, message):
    if algorithm == "EdDSA":
        return key.sign(message)
    digest = HASHES[algorithm[2:]]
    if algorithm.startswith("RS"):
        return key.sign(message, padding.PKCS1v15(), digest)
    if algorithm.startswith("PS"):
        return key.sign(message, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    size = (key.curve.key_size + 7) // 8
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(digest)))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def raw(header, claims, signer):
    """A token of whatever texts or values."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims)]
    signed = b64(parts[0]) + "." + b64(parts[1])
    return signed + "." + b64(signer(signed.encode()))


def pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM, FORMAT).decode()


def private_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def jwk(algorithm, key, **more):
    value = json.loads(jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key()))
    value.pop("key_ops", None)
    return value | more


def libtrust(key):
    der = key.public_key().public_bytes(serialization.Encoding.DER, FORMAT)
    text = base64.b32encode(hashlib.sha256(der).digest()[:30]).decode().rstrip("=")
    return ":".join(text[i:i + 4] for i in range(0, len(text), 4))


def thumbprint(value):
    members = {"EC": ["crv", "kty", "x", "y"], "OKP": ["crv", "kty", "x"], "RSA": ["e", "kty", "n"]}[value["kty"]]
    text = json.dumps({name: value[name] for name in members}, separators=(",", ":"), sort_keys=True)
    return b64(hashlib.sha256(text.encode()).digest())


KEYS = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "PS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "RS512": rsa.generate_private_key(public_exponent=65537, key_size=3072),
}
SECOND = ec.generate_private_key(ec.SECP256R1())
ATTACKER = ec.generate_private_key(ec.SECP256R1())
SECRET = b"a secret of at least thirty-two bytes"

JWKS = {"keys": [jwk(name, key, kid="k-" + name, use="sig") for name, key in KEYS.items()]}
for value in JWKS["keys"]:
    if value["kid"] in ("k-PS256", "k-RS512"):
        value["alg"] = value["kid"][2:]
JWKS["keys"] += [
    jwk("ES256", SECOND, kid="k-second", alg="ES256"),
    # These are left out.
    jwk("ES256", ATTACKER, kid="k-encryption", use="enc"),
    jwk("ES256", ATTACKER, kid="k-derive", key_ops=["deriveKey"]),
    jwk("ES256", ATTACKER, kid="k-agreement", alg="ECDH-ES"),
    {"kty": "oct", "kid": "k-secret", "k": b64(SECRET), "alg": "HS256", "use": "sig"},
    {"kty": "EC", "crv": "secp256k1", "kid": "k-koblitz", "x": "AA", "y": "AA"},
    {"kty": "OKP", "crv": "X25519", "kid": "k-x", "x": "AA"},
    {"kty": "AKP", "alg": "ML-DSA-44", "kid": "k-later", "pub": "AA"},
]


def claims(**changes):
    value = {
        "iss": ISSUER, "sub": "alice", "aud": AUDIENCE, "exp": NOW + 300, "nbf": NOW - 10, "iat": NOW - 10, "jti": "1",
        "access": [
            {"type": "repository", "class": "", "name": "team/app", "actions": ["pull", "push"]},
            {"type": "registry", "name": "catalog", "actions": ["*"]},
        ],
    } | changes
    return {name: item for name, item in value.items() if item is not ...}


def header(**changes):
    value = {"typ": "JWT", "alg": "ES256", "kid": "k-ES256"} | changes
    return {name: item for name, item in value.items() if item is not ...}


CASES = []


def case(name, token, expect, verifier="jwks"):
    CASES.append({"name": name, "token": token, "expect": expect, "verifier": verifier})


def es256(message):
    return sign("ES256", KEYS["ES256"], message)


def attacker(message):
    return sign("ES256", ATTACKER, message)


def by_hand(name, expect, head=None, body=None, signer=es256, verifier="jwks"):
    case(name, raw(header() if head is None else head, claims() if body is None else body, signer), expect, verifier)


def good():
    for name, key in KEYS.items():
        case("by " + name, jwt.encode(claims(), key, name, headers={"kid": "k-" + name}), "good")
    case("no kid", jwt.encode(claims(), KEYS["ES384"], "ES384"), "good")
    case("no kid, the second of its algorithm", jwt.encode(claims(), SECOND, "ES256"), "good")
    for value in JWKS["keys"][:5]:
        algorithm = value["kid"][2:]
        case("thumbprint " + algorithm,
             jwt.encode(claims(), KEYS[algorithm], algorithm, headers={"kid": thumbprint(value)}), "good")
        case("libtrust " + algorithm,
             jwt.encode(claims(), KEYS[algorithm], algorithm, headers={"kid": libtrust(KEYS[algorithm])}), "good")
    by_hand("no typ", "good", header(typ=...))
    by_hand("typ in other case", "good", header(typ="jwt"))
    by_hand("unknown header", "good", header(x="y", jku="https://attacker.example/keys"))
    by_hand("audiences", "good", body=claims(aud=["other", AUDIENCE]))
    by_hand("expired within the leeway", "good", body=claims(exp=NOW - 59))
    by_hand("not yet valid within the leeway", "good", body=claims(nbf=NOW + 60))
    by_hand("no nbf", "good", body=claims(nbf=..., iat=...))
    by_hand("a fraction", "good", body=claims(exp=NOW + 0.5))
    by_hand("null as an empty list", "good", body=claims(access=[
        {"type": "repository", "name": "team/app", "actions": ["pull", "push"]},
        {"type": "repository", "name": "team/app", "actions": None}]))
    by_hand("x5c, where no certificate is trusted", "good", header(x5c=["AA"]))
    by_hand("the key itself in the header", "good", header(jwk=jwk("ES256", KEYS["ES256"])))


def attacks():
    for name in ["none", "None", "nOnE", "NONE", ""]:
        by_hand(f"alg {name!r}, no signature", "algorithm", header(alg=name), signer=lambda _: b"")
        by_hand(f"alg {name!r}, with a signature", "algorithm", header(alg=name))
    by_hand("alg none without kid", "algorithm", {"alg": "none"}, signer=lambda _: b"")
    for what, secret in [
        ("PEM", pem(KEYS["RS256"]).encode()), ("PEM without its end", pem(KEYS["RS256"]).strip().encode()),
        ("JWK", json.dumps(JWKS["keys"][4]).encode()), ("nothing", b""), ("the secret of the set", SECRET),
    ]:
        for kid in ["k-RS256", "k-secret", ...]:
            by_hand(f"HS256 with {what} as secret, kid {kid}", "algorithm", header(alg="HS256", kid=kid),
                    signer=lambda message, secret=secret: hmac.digest(secret, message, "sha256"))
    by_hand("another key", "badSignature", signer=attacker)
    by_hand("another key without kid", "badSignature", header(kid=...), signer=attacker)
    by_hand("a kid that is not known", "unknownKey", header(kid="k-attacker"), signer=attacker)
    by_hand("an empty kid", "unknownKey", header(kid=""), signer=attacker)
    by_hand("a kid that is no text", "malformed", header(kid=1), signer=attacker)
    by_hand("a kid that is null", "malformed", header(kid=None), signer=attacker)
    for kid in ["k-encryption", "k-derive", "k-agreement"]:
        by_hand("a key that is not for signatures: " + kid, "unknownKey", header(kid=kid), signer=attacker)
    by_hand("kid of another key", "badSignature", header(kid="k-second"))
    by_hand("kid of another kind of key", "algorithm", header(kid="k-EdDSA"))
    by_hand("kid in other case", "unknownKey", header(kid="K-ES256"))
    by_hand("the Kelvin sign in the kid", "unknownKey", header(kid="\u212a-ES256"))
    by_hand("RSA by another hash", "algorithm", header(alg="RS384", kid="k-RS256"),
            signer=lambda message: sign("RS384", KEYS["RS256"], message))
    by_hand("RSA by PSS", "algorithm", header(alg="PS256", kid="k-RS256"),
            signer=lambda message: sign("PS256", KEYS["RS256"], message))
    by_hand("PSS by PKCS#1", "algorithm", header(alg="RS256", kid="k-PS256"),
            signer=lambda message: sign("RS256", KEYS["PS256"], message))
    by_hand("another alg than the signature's", "algorithm", header(alg="ES384"))
    by_hand("alg in other case", "algorithm", header(alg="es256"))
    by_hand("no alg", "malformed", header(alg=...))
    by_hand("alg is no text", "malformed", header(alg=["ES256"]))
    by_hand("a signature of zeros", "badSignature", signer=lambda _: bytes(64))
    by_hand("an empty signature", "badSignature", signer=lambda _: b"")
    by_hand("a signature in DER", "badSignature",
            signer=lambda message: KEYS["ES256"].sign(message, ec.ECDSA(hashes.SHA256())))
    by_hand("r and s are the order", "badSignature", signer=lambda _: bytes.fromhex(
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551") * 2)
    for field in ["jwk", "jku", "x5u"]:
        value = jwk("ES256", ATTACKER, kid="k-attacker") if field == "jwk" else "https://attacker.example/keys"
        by_hand(f"{field}, no kid", "badSignature", header(kid=..., **{field: value}), signer=attacker)
        by_hand(f"{field}, its kid", "unknownKey", header(kid="k-attacker", **{field: value}), signer=attacker)
        by_hand(f"{field}, a known kid", "badSignature", header(**{field: value}), signer=attacker)
    by_hand("crit", "malformed", header(crit=["exp"], exp=1))
    by_hand("crit with an unknown name", "malformed", header(crit=["x"], x=1))
    by_hand("crit, empty", "malformed", header(crit=[]))
    by_hand("b64", "malformed", header(crit=["b64"], b64=False))
    by_hand("another typ", "malformed", header(typ="at+jwt"))
    by_hand("typ is no text", "malformed", header(typ=1))

    by_hand("expired", "expired", body=claims(exp=NOW - 60))
    by_hand("expired long ago", "expired", body=claims(exp=0))
    by_hand("not yet valid", "notYetValid", body=claims(nbf=NOW + 61))
    for value in [..., None, str(NOW + 300), -1, True, [NOW + 300], 1e300]:
        by_hand(f"exp {value!r}", "malformed", body=claims(exp=value))
    by_hand("exp beyond numbers", "malformed",
            body=json.dumps(claims()).replace(str(NOW + 300), "1e400").encode())
    by_hand("exp that is no number of JSON", "malformed",
            body=json.dumps(claims()).replace(str(NOW + 300), "Infinity").encode())
    by_hand("nbf is a text", "malformed", body=claims(nbf="0"))
    by_hand("iat is a text", "malformed", body=claims(iat="0"))

    for issuer in ["https://other.example", ISSUER + "/", ISSUER.upper(), "", None, ..., "https://issuer\u2024example"]:
        by_hand(f"issuer {issuer!r}", "otherIssuer", body=claims(iss=issuer))
    by_hand("issuers", "malformed", body=claims(iss=[ISSUER]))
    for audience in ["other.example", AUDIENCE.upper(), AUDIENCE + " ", "", [], ["other"], [AUDIENCE + ".example"]]:
        by_hand(f"audience {audience!r}", "otherAudience", body=claims(aud=audience))
    for audience in [..., None, 1, [AUDIENCE, 1], {AUDIENCE: 1}]:
        by_hand(f"audience {audience!r}", "malformed", body=claims(aud=audience))

    by_hand("a name twice in the header", "malformed",
            b'{"alg":"none","alg":"ES256","kid":"k-ES256"}')
    by_hand("a name twice by an escape", "malformed",
            b'{"alg":"ES256","kid":"k-ES256","k\\u0069d":"k-second"}')
    twice = json.dumps(claims())[:-1]
    by_hand("a claim twice", "malformed", body=(twice + ', "sub": "root"}').encode())
    by_hand("a name twice in access", "malformed",
            body=json.dumps(claims()).replace('"name": "team/app"', '"name": "team/app", "name": "x"').encode())
    for name, text in [("a list", b"[]"), ("a text", b'"x"'), ("nothing", b""), ("no JSON", b"{"), ("two", b"{}{}"),
                       ("a byte order mark", b"\xef\xbb\xbf{}"), ("no UTF-8", b'{"a":"\xff"}')]:
        by_hand("the header is " + name, "malformed", text)
        by_hand("the claims are " + name, "malformed", body=text)
    by_hand("too deep", "malformed", body=b'{"exp":' + b"[" * 5000 + b"]" * 5000 + b"}")

    token = raw(header(), claims(), es256)
    head, body, signature = token.split(".")
    case("without its last character", token[:-1], "malformed or badSignature")
    case("without a byte of its signature", head + "." + body + "." + signature[:-2], "malformed or badSignature")
    case("half of its signature", head + "." + body + "." + signature[:43], "malformed or badSignature")
    case("no signature", head + "." + body + ".", "badSignature")
    case("two parts", head + "." + body, "malformed")
    case("one part", head, "malformed")
    case("four parts", token + ".", "malformed")
    case("five parts, as if it were encrypted", token + ".AA.AA", "malformed")
    case("empty", "", "malformed")
    case("dots", "..", "malformed")
    case("padding", head + "=" * (-len(head) % 4 or 4) + "." + body + "." + signature, "malformed")
    case("padding of the signature", token + "==", "malformed")
    case("a line's end", token + "\n", "malformed")
    case("a space", " " + token, "malformed")
    case("a space inside", head + "." + body + ". " + signature, "malformed")
    case("Bearer", "Bearer " + token, "malformed")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    changed = last[last.index(signature[-1]) ^ 1]
    case("bits that do not count", head + "." + body + "." + signature[:-1] + changed, "malformed")
    for _ in range(200):
        standard = raw(header(), claims(jti="\u00ff\u00ff?>" * 3), es256)
        if "-" in standard or "_" in standard:
            break
    case("the other alphabet", standard.replace("-", "+").replace("_", "/"), "malformed")
    by_hand("too large", "malformed", body=claims(x="x" * (13 << 10)))
    case("JSON instead of the compact form",
         json.dumps({"protected": head, "payload": body, "signature": signature}), "malformed")
    case("a token in a token", raw(header(cty="JWT"), token.encode(), es256), "malformed")
    other = raw(header(), claims(sub="root"), es256).split(".")
    case("claims of another token", ".".join([head, other[1], signature]), "badSignature")
    case("header of another token", ".".join([b64(json.dumps(header(x=1)).encode()), body, signature]), "badSignature")

    for value in ["pull", {"type": "repository"}, ["repository:team/app:pull"], [{"type": "repository"}],
                  [{"name": "team/app"}], [{"type": "repository", "name": "team/app", "actions": "pull"}],
                  [{"type": "repository", "name": "team/app", "actions": [1]}],
                  [{"type": "repository", "name": "team/app", "actions": []}] * 101]:
        by_hand(f"access {str(value)[:60]}", "malformed", body=claims(access=value))
    for changes in [{"sub": 1}, {"sub": "a\nb"}, {"sub": " a"}, {"kontor_kind": "anonymous"}, {"kontor_kind": "root"},
                    {"kontor_kind": None}, {"kontor_kind": "user", "sub": ""}, {"kontor_groups": "dev"},
                    {"kontor_groups": [1]}]:
        by_hand(f"{changes}", "malformed", body=claims(**changes))


# Certificates, as Distribution's rootcertbundle has them.

def certificate(subject, key, issuer, issuer_key, authority=True, start=NOW - 1000, end=NOW + 1000, path=None,
                usage=True, digest=hashes.SHA256(), critical=False):
    def name(text):
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    def time(seconds):
        return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)

    builder = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(time(start)).not_valid_after(time(end)))
    if authority is not None:
        builder = builder.add_extension(x509.BasicConstraints(authority, path), critical=True)
    if usage is not None:
        builder = builder.add_extension(x509.KeyUsage(
            digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, key_cert_sign=usage, crl_sign=False, encipher_only=False, decipher_only=False),
            critical=True)
    if critical:
        builder = builder.add_extension(
            x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), critical=True)
    return builder.sign(issuer_key, digest)


def chain(*certificates):
    return [base64.b64encode(one.public_bytes(serialization.Encoding.DER)).decode() for one in certificates]


def certificates():
    root_key, middle_key, own_key, narrow_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(4))
    root = certificate("root", root_key, "root", root_key)
    # Of the same name, with another key.
    twin = certificate("root", own_key, "root", own_key)
    narrow = certificate("narrow", narrow_key, "narrow", narrow_key, path=0)
    old_key = ec.generate_private_key(ec.SECP256R1())
    old = certificate("old", old_key, "old", old_key, end=NOW - 1)
    own = certificate("own", own_key, "own", own_key, authority=None, usage=None)
    middle = certificate("middle", middle_key, "root", root_key)
    key = KEYS["ES256"]
    leaf = certificate("leaf", key, "middle", middle_key, authority=False, usage=False)
    direct = certificate("leaf", key, "root", root_key, authority=None, usage=None)
    bundle = "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in (twin, root, own, narrow, old))

    def x5c(name, expect, value, signer=es256, **changes):
        by_hand(name, expect, header(**({"kid": ..., "x5c": value} | changes)), signer=signer, verifier="bundle")

    x5c("chain", "good", chain(leaf, middle))
    x5c("chain with its root", "good", chain(leaf, middle, root))
    x5c("issued by the root", "good", chain(direct))
    x5c("an unknown kid beside a chain", "good", chain(direct), kid="x")
    rsa_leaf = certificate("leaf", KEYS["RS256"], "root", root_key, authority=False, usage=False)
    x5c("an RSA key", "good", chain(rsa_leaf), alg="RS256",
        signer=lambda message: sign("RS256", KEYS["RS256"], message))
    x5c("an RSA key by another hash", "algorithm", chain(rsa_leaf), alg="RS512",
        signer=lambda message: sign("RS512", KEYS["RS256"], message))

    def by_own(message):
        return sign("ES256", own_key, message)

    x5c("a certificate of the bundle", "good", chain(own), signer=by_own)
    x5c("a certificate of the bundle, by its thumbprint", "good", ..., signer=by_own,
        kid=thumbprint(jwk("ES256", own_key)))
    x5c("a certificate of the bundle, by libtrust's name", "good", ..., signer=by_own, kid=libtrust(own_key))

    x5c("neither kid nor chain", "badSignature", ...)
    x5c("an unknown kid, no chain", "unknownKey", ..., kid="k-ES256")
    x5c("signed by another key than the chain's", "badSignature", chain(leaf, middle), signer=attacker)
    x5c("the issuer is missing", "certificates", chain(leaf))
    # The first one's key counts.
    x5c("the wrong order", "badSignature", chain(middle, leaf))
    x5c("a certificate of another chain before it", "certificates", chain(leaf, direct, root))
    forged_root = certificate("root", ATTACKER, "root", ATTACKER)
    forged = certificate("leaf", ATTACKER, "root", ATTACKER, authority=False, usage=False)
    x5c("another root of the same name", "certificates", chain(forged, forged_root), signer=attacker)
    x5c("another root's, followed by the trusted one", "certificates", chain(forged, root), signer=attacker)
    x5c("the attacker's own certificate", "certificates", chain(forged_root), signer=attacker)
    below = certificate("below", ATTACKER, "leaf", key, authority=False, usage=False)
    x5c("issued by what is no authority", "certificates", chain(below, leaf, middle), signer=attacker)
    by_plain = certificate("below", ATTACKER, "leaf", key, authority=False, usage=False)
    x5c("issued by what has no constraints", "certificates", chain(by_plain, direct), signer=attacker)
    by_bundled = certificate("below", ATTACKER, "own", own_key, authority=False, usage=False)
    x5c("issued by a certificate of the bundle that is no authority", "certificates", chain(by_bundled), signer=attacker)
    lame = certificate("lame", middle_key, "root", root_key, usage=False)
    x5c("an authority that may not sign", "certificates",
        chain(certificate("leaf", key, "lame", middle_key, authority=False, usage=False), lame))
    under = certificate("under", middle_key, "narrow", narrow_key)
    x5c("one authority more than allowed", "certificates",
        chain(certificate("leaf", key, "under", middle_key, authority=False, usage=False), under))
    x5c("no more authorities than allowed", "good",
        chain(certificate("leaf", key, "narrow", narrow_key, authority=False, usage=False)))
    x5c("expired", "certificates", chain(certificate("leaf", key, "root", root_key, end=NOW - 1, usage=None)))
    x5c("not yet valid", "certificates", chain(certificate("leaf", key, "root", root_key, start=NOW + 1, usage=None)))
    x5c("an expired authority between", "certificates",
        chain(leaf, certificate("middle", middle_key, "root", root_key, end=NOW - 1)))
    x5c("an expired authority in the bundle", "certificates",
        chain(certificate("leaf", key, "old", old_key, authority=False, usage=False)))
    x5c("an unknown critical extension", "certificates",
        chain(certificate("leaf", key, "root", root_key, usage=None, critical=True)))
    x5c("too many", "certificates", chain(*[leaf] * 9))
    x5c("none", "certificates", [])
    x5c("damaged", "certificates", ["AAAA"])
    x5c("no text", "malformed", [1])
    x5c("no list", "malformed", "AAAA")
    x5c("the wrong base64", "malformed", [one.replace("+", "-").replace("/", "_").rstrip("=") + "-"
                                          for one in chain(direct)])
    return bundle


def workload():
    """What GitHub's tokens say."""
    return jwt.encode({
        "iss": "https://token.actions.githubusercontent.com", "aud": AUDIENCE, "exp": NOW + 300, "nbf": NOW,
        "iat": NOW, "jti": "x", "sub": "repo:acme/app:ref:refs/heads/main", "repository": "acme/app",
        "repository_owner": "acme", "ref": "refs/heads/main", "run_attempt": "1", "runner_environment": "github-hosted",
        "ref_protected": "true",
    }, KEYS["RS256"], "RS256", headers={"kid": "k-RS256"})


def api_token():
    text = "kontor_0123456789ab_" + "A" * 34
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    rest, check = zlib.crc32(text.encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        check = alphabet[digit] + check
    return {"text": text + check, "hash": hashlib.sha256(("A" * 34 + check).encode()).hexdigest()}


def main():
    good()
    attacks()
    bundle = certificates()
    for name in ["ES256", "RS256"]:
        case("PEM " + name, jwt.encode(claims(), KEYS[name], name), "good", "pem")
        case("PEM, kid " + name, jwt.encode(claims(), KEYS[name], name, headers={
            "kid": thumbprint(jwk(name, KEYS[name]))}), "good", "pem")
    case("PEM, another kid", jwt.encode(claims(), KEYS["ES256"], "ES256", headers={"kid": "k-ES256"}), "unknownKey", "pem")
    print(json.dumps({
        "now": NOW, "issuer": ISSUER, "audience": AUDIENCE, "cases": CASES, "workload": workload(),
        "apiToken": api_token(),
        "keys": {"jwks": json.dumps(JWKS, indent=1), "bundle": bundle,
                 "pem": "# Two keys.\n" + pem(KEYS["ES256"]) + "\n" + pem(KEYS["RS256"])},
        "privateKeys": {name: private_pem(key) for name, key in KEYS.items() if not name.startswith(("PS", "RS5"))},
    }))


def read():
    given = json.load(sys.stdin)
    keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(given["jwks"]).keys}
    found = []
    for token in given["tokens"]:
        head = jwt.get_unverified_header(token)
        key = keys[head["kid"]]
        found.append({"header": head, "claims": jwt.decode(
            token, key.key, [key.algorithm_name], audience=given["audience"], issuer=given["issuer"],
            options={"verify_exp": False, "verify_nbf": False, "verify_iat": False})})
    print(json.dumps(found))


read() if sys.argv[1:] == ["read"] else main()
