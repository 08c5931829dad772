"""A time-stamp authority for tests: answers RFC 3161 requests with a key of its own, without a network."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SIGNED_DATA, TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.47"
SHA256, SHA256_RSA, POLICY = "2.16.840.1.101.3.4.2.1", "1.2.840.113549.1.1.11", "1.3.6.1.4.1.99999.1"


def der(tag: int, *parts: bytes) -> bytes:
    """One DER value: tag, definite length, contents."""
    body = b"".join(parts)
    size = len(body).to_bytes(max(1, (len(body).bit_length() + 7) // 8), "big")
    return bytes([tag]) + (bytes([len(body)]) if len(body) < 128 else bytes([0x80 | len(size)]) + size) + body


def oid(dotted: str) -> bytes:
    first, second, *rest = (int(p) for p in dotted.split("."))
    out = bytearray()
    for number in (40 * first + second, *rest):
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.append(number & 0x7F | 0x80)
        out += bytes(reversed(digits))
    return der(0x06, bytes(out))


def integer(value: int) -> bytes:
    return der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def algorithm(dotted: str) -> bytes:
    return der(0x30, oid(dotted), der(0x05))


def sha256(data: bytes) -> bytes:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(data)
    return digest.finalize()


class Authority:
    """A root and a signing certificate, made anew for each instance."""

    @cached_property
    def keys(self) -> tuple[rsa.RSAPrivateKey, rsa.RSAPrivateKey]:
        return tuple(rsa.generate_private_key(65537, 2048) for _ in range(2))

    def _certificate(self, name: str, key, issuer: str, signer, extensions: list) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (x509.CertificateBuilder().subject_name(_name(name)).issuer_name(_name(issuer))
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=30)))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(signer, hashes.SHA256())

    @cached_property
    def root(self) -> x509.Certificate:
        key = self.keys[0]
        return self._certificate("Root", key, "Root", key, [
            (x509.BasicConstraints(True, None), True),
            (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)])

    @cached_property
    def leaf(self) -> x509.Certificate:
        root, key = self.keys
        return self._certificate("Stamps", key, "Root", root, [
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), False)])

    @property
    def root_pem(self) -> bytes:
        return self.root.public_bytes(Encoding.PEM)

    def answer(self, request: bytes) -> bytes:
        """A granting answer (DER) to a request that this project makes (SHA-256, no nonce)."""
        time = datetime.now(UTC).strftime("%Y%m%d%H%M%SZ").encode()
        info = der(0x30, integer(1), oid(POLICY), der(0x30, algorithm(SHA256), der(0x04, _imprint(request))),
                   integer(1), der(0x18, time))
        return der(0x30, der(0x30, integer(0)), self._token(info))

    def _token(self, info: bytes) -> bytes:
        leaf = self.leaf.public_bytes(Encoding.DER)
        content = der(0x30, oid(TST_INFO), der(0xA0, der(0x04, info)))
        signed = der(0x30, integer(3), der(0x31, algorithm(SHA256)), content, der(0xA0, leaf),
                     der(0x31, self._signer(info, leaf)))
        return der(0x30, oid(SIGNED_DATA), der(0xA0, signed))

    def _signer(self, info: bytes, leaf: bytes) -> bytes:
        attributes = b"".join(sorted((
            der(0x30, oid(CONTENT_TYPE), der(0x31, oid(TST_INFO))),
            der(0x30, oid(MESSAGE_DIGEST), der(0x31, der(0x04, sha256(info)))),
            der(0x30, oid(SIGNING_CERTIFICATE),
                der(0x31, der(0x30, der(0x30, der(0x30, der(0x04, sha256(leaf))))))))))
        signature = self.keys[1].sign(der(0x31, attributes), padding.PKCS1v15(), hashes.SHA256())
        issuer = der(0x30, self.leaf.issuer.public_bytes(), integer(self.leaf.serial_number))
        return der(0x30, integer(1), issuer, algorithm(SHA256), der(0xA0, attributes), algorithm(SHA256_RSA),
                   der(0x04, signature))


def _imprint(request: bytes) -> bytes:
    """The 32 bytes that a request names: its only OCTET STRING of that length."""
    at = request.index(b"\x04\x20")
    return request[at + 2:at + 34]


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
