"""One TLS context for all connections of a function, into which the certificate authorities are loaded once.

As they are, each of botocore's clients has a context of its own, and urllib3 loads all authorities into it again for
every connection (botocore issue 3171, urllib3 issue 3623): tens of milliseconds of a whole processor each time, and
some memory that is not given back. A step that asks sixteen questions at once computes for longer than AWS answers.
"""

import ssl
from collections.abc import Callable, Hashable
from functools import cache
from threading import Lock
from typing import Any

from botocore import httpsession


def use_one_context() -> None:
    """From now on, for all clients of this process. Whom to trust, and how, stays what botocore says.

    Its names are not public: the layer's botocore is pinned, and tests/unit/test_tls.py sees whether it works.
    """
    if httpsession.SSLContext is _Context:  # type: ignore[attr-defined]  # the stubs have no such name
        return
    httpsession.SSLContext = _Context  # type: ignore[attr-defined]
    httpsession.create_urllib3_context = cache(httpsession.create_urllib3_context)


class _Context(ssl.SSLContext):
    """Does at the first connection what urllib3 asks for at every one.

    So it is not changed while it is in use: only then may threads share it (Python's ssl module, "SSLContext").
    """

    def __init__(self, _protocol: object) -> None:
        self._done: set[Hashable] = set()
        self._lock = Lock()

    def _once(self, what: Hashable, act: Callable[[], None]) -> None:
        with self._lock:
            if what not in self._done:
                act()
                self._done.add(what)

    def load_verify_locations(self, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        load = super().load_verify_locations
        self._once(("authorities", cafile, capath, cadata), lambda: load(cafile, capath, cadata))

    def set_alpn_protocols(self, alpn_protocols: Any) -> None:
        allow = super().set_alpn_protocols
        self._once(("protocols", *alpn_protocols), lambda: allow(alpn_protocols))

    @property
    def verify_mode(self) -> ssl.VerifyMode:
        return super().verify_mode

    @verify_mode.setter
    def verify_mode(self, mode: int) -> None:
        """Raises ValueError for whoever would not verify: for all others it would be off as well."""
        if mode != ssl.CERT_REQUIRED:
            raise ValueError("the clients of this process share their TLS context, which verifies")
