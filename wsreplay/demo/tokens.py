"""Bearer tokens of the demo backend: JWTs signed with HS256 (RFC 7519)."""

from __future__ import annotations

import time

import jwt

DEMO_SECRET = "a-secret-of-the-demo-that-protects-nothing"
"""Known to everybody: whatever it signs protects nothing. HS256 wants at least 32 bytes (RFC 7518, section 3.2)."""


class TokenRefused(Exception):
    """A token that names nobody; the text says why and may be shown to the client."""


def make_token(user: str, secret: str = DEMO_SECRET, *, lifetime: float = 3600.0) -> str:
    """A token whose `sub` is `user`, good for `lifetime` seconds; a negative one is born expired."""
    now = int(time.time())
    return jwt.encode({"sub": user, "iat": now, "exp": now + int(lifetime)}, secret, algorithm="HS256")


def user_of(token: str, secret: str = DEMO_SECRET) -> str:
    """The user a token names; raises TokenRefused for one that is expired, forged or nameless."""
    try:
        claims = jwt.decode(token, secret, algorithms=["HS256"], options={"require": ["sub", "exp"]})
    except jwt.ExpiredSignatureError:
        raise TokenRefused("the token has expired") from None
    except jwt.InvalidTokenError as error:
        raise TokenRefused(f"the token is not valid: {str(error)[:100]}") from None
    if not claims["sub"]:
        raise TokenRefused("the token names no user")
    return str(claims["sub"])
