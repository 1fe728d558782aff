"""What the host's servers say on the wire.

Database: a MySQL 5.0 greeting (protocol 10 handshake), then lines. NFS: ONC RPC over TCP (RFC 5531), program 100003,
the NULL procedure only, or lines. Both speak the same two lines to the simulated Garoon user:
`PUT <key> <value>` -> `OK`, `GET <key>` -> the value or `NONE`; `ERROR <why>` when the volume can't be used.
"""

from __future__ import annotations

import struct

NFS_PROGRAM = 100003
LAST_FRAGMENT = 0x8000_0000
SUPPORTED_VERSIONS = (3, 4)


def database_greeting() -> bytes:
    """The handshake packet that a MySQL server sends first."""
    body = b"\x0a5.0.96-cybozu\0" + struct.pack("<I", 1) + b"saltsalt\0" + b"\x2c\xa2\x21\x02\0" + bytes(13)
    return _packet(0, body)


def _packet(sequence: int, body: bytes) -> bytes:
    return struct.pack("<I", len(body))[:3] + bytes([sequence]) + body


HOST_IS_BLOCKED = _packet(0, b"\xff" + struct.pack("<H", 1129) + b"Host is blocked because of many connection errors")
_REFUSED = _packet(2, b"\xff" + struct.pack("<H", 1045) + b"#28000Access denied for user")
_OTHER_METHOD = _packet(2, b"\xfemysql_native_password\0" + bytes(20))
_PLUGIN_AUTH = 0x80000


def answer_login(login: bytes) -> bytes:
    """What the server says to a client's handshake response; nothing to one that makes no sense, as a broken-off one.

    It knows nobody; a login by a method of authentication is told to use another.
    """
    if len(login) < 32:
        return b""
    capabilities: int = struct.unpack("<I", login[:4])[0]
    return _OTHER_METHOD if capabilities & _PLUGIN_AUTH else _REFUSED


def is_final(reply: bytes) -> bool:
    """Whether the server has decided about a login."""
    return reply == _REFUSED


def answer_rpc(call: bytes) -> bytes:
    """The reply record for one RPC call message, its record mark included; empty when the call makes no sense."""
    if len(call) < 24:
        return b""
    transaction, kind, _rpc_version, program, version, procedure = struct.unpack(">6I", call[:24])
    if kind != 0:
        return b""
    if program != NFS_PROGRAM:
        accept = struct.pack(">I", 1)
    elif version not in SUPPORTED_VERSIONS:
        accept = struct.pack(">3I", 2, *SUPPORTED_VERSIONS)
    elif procedure != 0:
        accept = struct.pack(">I", 3)
    else:
        accept = struct.pack(">I", 0)
    reply = struct.pack(">5I", transaction, 1, 0, 0, 0) + accept
    return struct.pack(">I", LAST_FRAGMENT | len(reply)) + reply
