"""The one network client: every request that leaves this program for a collection goes through `fetch`.

The name is resolved once, every address that it has is checked, and the connection goes to a checked
address; each redirect starts over. So a name that points at a private address, now or a moment later,
reaches nothing. Proxies of the environment are not used.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from urllib.parse import urljoin, urlsplit

from explorer.errors import ExplorerError
from explorer.texts import say

_REDIRECTS = (301, 302, 303, 307, 308)
_BLOCK = 65_536
_NAT64, _LOCAL_NAT64 = ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48")
_ISATAP = ipaddress.ip_network("fe80::5efe:0:0/96")


@dataclass(frozen=True)
class FetchPolicy:
    """What a request may do. `private` also allows addresses of one's own computer and network."""

    offline: bool = True  # only this computer itself
    private: bool = False
    max_bytes: int = 8 * 2**20
    timeout_s: float = 10.0  # for the whole request, redirects included
    max_redirects: int = 3
    types: tuple[str, ...] = ()  # allowed content types, () for any


@dataclass(frozen=True)
class Answer:
    """What came back. `url` is where it came from after redirects."""

    url: str
    status: int
    body: bytes = field(repr=False)


class Unreachable(ExplorerError):
    """The server did not give an answer: it is away, slow, or refused."""


class Refused(ExplorerError):
    """The policy forbids the request or its answer."""


def fetch(url: str, *, policy: FetchPolicy, body: bytes | None = None,
          headers: Mapping[str, str] | None = None) -> Answer:
    """Send a GET, or a POST of `body`, over the network and read the answer within the policy's limits.

    Raises Refused (scheme, address, size, type) or Unreachable (no answer in time), both ExplorerErrors.
    Any HTTP status comes back as an Answer.
    """
    deadline = time.monotonic() + policy.timeout_s
    for _ in range(policy.max_redirects + 1):
        answer, target = _once(url, policy, body, headers or {}, deadline)
        if target is None:
            return answer
        _checked_url(target)
        if body is not None:
            raise Refused("collections.net_answered_redirect_query", url=shown(url), target=shown(target))
        if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
            raise Refused("collections.net_redirects_https_http", url=shown(url))
        url = target
    raise Refused("collections.net_redirects_more_than", url=shown(url), max_redirects=policy.max_redirects)


def shown(url: str) -> str:
    """An address for a sentence: printable, without query and password, short."""
    parts = urlsplit(url)
    text = f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if _port(parts) else ''}{parts.path}"
    return "".join(c for c in text if c.isprintable())[:120]


def check_address(address: str, *, policy: FetchPolicy, host: str) -> None:
    """Refused when the policy does not allow this IP address."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    inner = _embedded(ip)
    if any(i.is_multicast or i.is_unspecified or (i.is_reserved and not i.is_loopback)
           for i in inner):
        raise Refused("collections.net_points_address_not", host=host, ip=ip)
    loopback = all(i.is_loopback for i in inner)
    if not policy.private and not all(i.is_global and not getattr(i, "is_site_local", False) for i in inner):
        raise Refused("collections.net_points_private_address", host=host, ip=ip)
    if policy.offline and not loopback:
        raise Refused("collections.net_not_computer_workspace", host=host)


def _once(url: str, policy: FetchPolicy, body: bytes | None, headers: Mapping[str, str],
          deadline: float) -> tuple[Answer, str | None]:
    """One request without following; the second value is where it redirects to."""
    parts = _checked_url(url)
    address = _resolve(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80), policy)
    connection = _Pinned(parts, address, max(0.01, deadline - time.monotonic()))
    guard = threading.Timer(max(0.01, deadline - time.monotonic()), connection.cut)
    guard.daemon = True
    guard.start()
    try:
        connection.request("GET" if body is None else "POST", _path(parts), body=body, headers={
            "User-Agent": "afterimage", "Accept-Encoding": "identity", **headers})
        response = connection.getresponse()
        target = response.getheader("Location") if response.status in _REDIRECTS else None
        if target is not None:
            return Answer(url, response.status, b""), urljoin(url, target)
        return _read(url, response, policy, deadline), None
    except (OSError, http.client.HTTPException, ValueError) as error:
        late = time.monotonic() >= deadline - 0.01
        why = say("note.collections.took_longer_than",
                  timeout_s=policy.timeout_s) if late else say("note.collections.gave_no_usable", why=_why(error))
        raise Unreachable("collections.net_check_address_server", url=shown(url), why=why) from error
    finally:
        guard.cancel()
        connection.close()


def _read(url: str, response: http.client.HTTPResponse, policy: FetchPolicy, deadline: float) -> Answer:
    kind = (response.getheader("Content-Type") or "").partition(";")[0].strip().lower()
    if response.status < 400 and policy.types and kind not in policy.types:
        raise Refused("collections.net_sent_allowed", url=shown(url), kind=kind[:60], types=", ".join(policy.types))
    if (response.getheader("Content-Encoding") or "identity").lower() != "identity":
        raise Refused("collections.net_sent_packed_answer", url=shown(url))
    length = response.getheader("Content-Length") or ""
    if length.isdigit() and int(length) > policy.max_bytes:
        raise _too_large(url, policy)
    blocks, size = [], 0
    while block := response.read1(_BLOCK):
        size += len(block)
        if size > policy.max_bytes:
            raise _too_large(url, policy)
        if time.monotonic() > deadline:
            raise TimeoutError("too slow")
        blocks.append(block)
    if length.isdigit() and size < int(length):
        raise http.client.IncompleteRead(b"", int(length) - size)
    return Answer(url, response.status, b"".join(blocks))


class _WholeLines:
    """A response's stream whose lines must end: what stops within its headers is no answer without a body."""

    def __init__(self, stream: BinaryIO):
        self._stream = stream

    def readline(self, most: int = -1) -> bytes:
        line = self._stream.readline(most)
        if not line.endswith(b"\n"):
            cut = len(line) < most or most < 0
            raise http.client.HTTPException(say("note.collections.ended_within_headers") if cut
                                            else say("note.collections.line_too_long"))
        return line

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Response(http.client.HTTPResponse):
    def __init__(self, *given: Any, **more: Any):
        super().__init__(*given, **more)
        self.fp = _WholeLines(self.fp)


class _Pinned(http.client.HTTPConnection):
    """A connection to one checked address under the name that was asked for."""

    response_class = _Response

    def __init__(self, parts, address: tuple, timeout_s: float):
        super().__init__(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80),
                         timeout=timeout_s)
        self._address, self._secure = address, parts.scheme == "https"

    def connect(self) -> None:
        family, place = self._address
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(place)
        if self._secure:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)

    def cut(self) -> None:
        """Ends a request that drips on past its deadline."""
        with contextlib.suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)


def _checked_url(url: str):
    if len(url) > 2_000 or not url.isprintable() or " " in url:
        raise Refused("collections.net_not_address")
    try:
        parts = urlsplit(url)
    except ValueError as error:  # brackets that do not close, letters that turn into separators
        raise Refused("collections.net_not_address_2") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or _port(parts) is None:
        raise Refused("collections.net_not_http_https", url=url[:80])
    if parts.username or parts.password:
        raise Refused("collections.net_addresses_user_name")
    return parts


def _resolve(host: str, port: int, policy: FetchPolicy) -> tuple:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable("collections.net_not_known_network", host=host) from error
    for *_, place in found:
        check_address(str(place[0]), policy=policy, host=host)
    if not found:
        raise Unreachable("collections.net_no_address", host=host)
    return found[0][0], found[0][4]


def _embedded(ip) -> list:
    """The address with the IPv4 ones that it stands for (mapped, 6to4, Teredo, NAT64, ISATAP)."""
    inner = [ip]
    if ip.version == 6:
        if ip.ipv4_mapped:
            return [ip.ipv4_mapped]
        inner += [ip.sixtofour] if ip.sixtofour else []
        inner += list(ip.teredo) if ip.teredo else []
        if ip in _NAT64 or ip in _ISATAP:
            inner.append(ipaddress.ip_address(int(ip) & 0xFFFFFFFF))
        if ip in _LOCAL_NAT64:  # where the IPv4 address lies in it is the network's own choice
            inner.append(ipaddress.ip_address("10.0.0.0"))
    return inner


def _port(parts) -> int | None:
    """The port, 0 when none is given, None for nonsense."""
    try:
        return parts.port or 0
    except ValueError:
        return None


def _path(parts) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _too_large(url: str, policy: FetchPolicy) -> Refused:
    return Refused("collections.net_sent_more_than", url=shown(url), max_bytes=policy.max_bytes / 2**20)


def _why(error: BaseException) -> str:
    text = (str(error).splitlines() or [""])[0]
    return "".join(c for c in text if c.isprintable())[:100] or type(error).__name__
