from __future__ import annotations

import time

import jwt
import pytest

from wsreplay.demo.tokens import DEMO_SECRET, TokenRefused, make_token, user_of

OTHER_SECRET = "another-secret-of-more-than-32-bytes"


def test_a_token_names_its_user() -> None:
    assert user_of(make_token("zoë")) == "zoë"
    assert user_of(make_token("bob", OTHER_SECRET), OTHER_SECRET) == "bob"


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (make_token("bob", lifetime=-1), "expired"),
        (make_token("bob", OTHER_SECRET), "Signature verification failed"),
        (make_token(""), "names no user"),
        (jwt.encode({"sub": "bob"}, DEMO_SECRET, "HS256"), "exp"),
        (jwt.encode({"exp": time.time() + 60}, DEMO_SECRET, "HS256"), "sub"),
        (jwt.encode({"sub": "bob", "exp": time.time() + 60}, None, "none"), "alg value"),
        ("not.a.token", "not valid"),
        ("", "not valid"),
    ],
    ids=["expired", "forged", "nameless", "eternal", "without sub", "unsigned", "garbage", "empty"],
)
def test_a_token_that_cannot_be_trusted_is_refused_with_the_reason(token: str, reason: str) -> None:
    with pytest.raises(TokenRefused, match=reason):
        user_of(token)
