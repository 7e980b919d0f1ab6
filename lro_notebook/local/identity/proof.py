"""How the embedded service proves that it belongs to a data directory. Pure.

Each start of the service creates a secret in ``service.json``, which only the owner of the data directory
can read. The bearer token of clients and the answers to challenges are derived from it. Nobody can compute
an answer from the token or from other answers, only from that file.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

#: The path for challenges, which need no token.
PROOF_PATH = "/.lro-local/proof"

_ENDPOINT = re.compile(r"http://127\.0\.0\.1:\d{1,5}", re.ASCII)
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Identity:
    """One start of the service: where it listens, and the secret of that start.

    Attributes
    ----------
    endpoint : str
        ``http://127.0.0.1:PORT``.
    secret : str
        64 hexadecimal digits; it is never sent.
    """

    endpoint: str
    secret: str = field(repr=False)

    @classmethod
    def new(cls, endpoint: str) -> Identity:
        """Return an identity with a new secret."""
        return cls(endpoint, secrets.token_hex(32))

    @classmethod
    def of(cls, about: object) -> Identity | None:
        """Return the identity in the content of a ``service.json``; None if it holds none."""
        if not isinstance(about, dict):
            return None
        endpoint, secret = about.get("endpoint"), about.get("secret")
        if not (isinstance(endpoint, str) and _ENDPOINT.fullmatch(endpoint)):
            return None
        if not (isinstance(secret, str) and _HEX.fullmatch(secret)):
            return None
        return cls(endpoint, secret)

    @property
    def token(self) -> str:
        """The bearer token of its requests."""
        return base64.urlsafe_b64encode(self._mac("token")).decode().rstrip("=")

    def proof(self, nonce: str) -> str:
        """Return the answer to a challenge.

        It covers the address, so an answer that somebody fetches from the service is of no use at another
        address.
        """
        return self._mac(f"service\n{self.endpoint}\n{nonce}").hex()

    def is_proven(self, nonce: str, answer: object) -> bool:
        """Tell whether `answer` is the right one for the challenge `nonce`."""
        return isinstance(answer, str) and hmac.compare_digest(
            self.proof(nonce).encode(), answer.encode("utf-8", "replace")
        )

    def _mac(self, text: str) -> bytes:
        message = f"lro-notebook-local\n{text}".encode()
        return hmac.new(bytes.fromhex(self.secret), message, hashlib.sha256).digest()


def new_nonce() -> str:
    """Return a new random challenge."""
    return secrets.token_hex(32)


def is_nonce(text: str) -> bool:
    """Tell whether `text` has the form of a challenge."""
    return _HEX.fullmatch(text) is not None
