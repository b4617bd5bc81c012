"""Secrets in every place of a handshake, and in first messages: each holds the word SECRET, or is SIGNED."""

from __future__ import annotations


def offered(value: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return "/ws", (("Sec-WebSocket-Protocol", value),)


def header(name: str, value: str = "SECRET") -> tuple[str, tuple[tuple[str, str], ...]]:
    return "/ws", ((name, value),)


def query(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return f"/ws?{text}", ()


# With SECRET in it, as base64; its `sub` is no secret.
SIGNED = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1MSIsImtleSI6IlNFQ1JFVCJ9.c2lnbmVkU0VDUkVU"
PLANTED = [
    *map(offered, (
        "realtime, openai-insecure-api-key.sk-proj-SECRET, openai-beta.realtime-v1", "token, SECRET", "bearer, SECRET",
        "base64url.bearer.authorization.k8s.io.SECRET, v4.channel.k8s.io", "phoenix, base64url.bearer.phx.SECRET",
        "apikey.SECRET", "api-key, SECRET", "xai-client-secret.SECRET", "my-auth-token.SECRET",
        "graphql-ws, header-eyJBdXRob3JpemF0aW9uIjoiU0VDUkVUIn0",
        "access-token, SECRET", "x-client-secret, SECRET", f"chat, {SIGNED}", f"jwt.{SIGNED}", "sk-ant-SECRETSECRETSECRET",
    )),
    *map(header, (
        "Ocp-Apim-Subscription-Key", "X-Functions-Key", "Private-Key", "X-Signing-Key", "CB-ACCESS-SIGN",
        "CB-ACCESS-PASSPHRASE", "CB-ACCESS-KEY", "xi-api-key", "X-Goog-Api-Key", "X-Session-Id", "X-CSRF",
        "Cf-Access-Jwt-Assertion", "X-Amzn-Oidc-Data", "X-Forwarded-Access-Token",
        "X-Signature", "X-User-Jwt", "X-Goog-Iap-Jwt-Assertion", "X-Hub-Signature-256", "X-Otp",
        "X-Hmac", "Api-Secret", "X-Master-Key",
    )),
    header("X-Forwarded-Uri", "/ws?token=SECRET&a=b"), header("Link", "<https://h/x?a=b&access_token=SECRET>; rel=next"),
    header("X-Original-Url", "https://u:SECRET@h/ws"), header("X-Anything", f"data {SIGNED}"),
    header("User-Agent", "client ghp_SECRETSECRETSECRETSECRET"), header("Referer", "https://h/a?otp=SECRET"),
    *map(query, (
        "Ocp-Apim-Subscription-Key=SECRET", "X-Amz-Signature=SECRET&X-Amz-Security-Token=SECRET&X-Amz-Credential=SECRET",
        "key=SECRET", "xi-api-key=SECRET", "ticket=SECRET&app_id=x", "auth%5Btoken%5D=SECRET&t=abc", "sid=SECRET",
        "sig=SECRET&se=2026", "otp=SECRET", "pin=SECRET", "hmac=SECRET", "assertion=SECRET", "id_token=SECRET", "code=SECRET",
        "passphrase=SECRET", "authSig=SECRET", "pass=SECRET", "subscription-key=SECRET", "user_pass=SECRET",
        "next=https%3A%2F%2Fh%2F%3Ftoken%3DSECRET%26a%3Db", f"x={SIGNED}", "x=sk_live_SECRETSECRETSECRET",
    )),
    ("/bot123:SECRET/ws", ()), (f"/ws/{SIGNED}/room", ()), ("/ws;jsessionid=SECRET;v=1/room", ()),
]  # fmt: skip

MESSAGES = [
    b'{"type":"auth","token":"SECRET"}', b'40{"token":"SECRET"}', b'40/chat,{"token":"SECRET"}',
    b'42["login",{"password":"SECRET"}]',
    b'{"type":"connection_init","payload":{"Authorization":"Bearer SECRET","headers":{"x-api-key":"SECRET"}}}',
    b'{"op":2,"d":{"token":"SECRET","intents":513}}', b"CONNECT\nlogin:u\npasscode:SECRET\n\n\0",
    b"PASS oauth:SECRET\r\nNICK me",
    b'{"data":"{\\"password\\":\\"SECRET\\"}"}', b'{"url":"https://h/x?a=1&token=SECRET"}', b'{"credentials":["SECRET"]}',
    b'{"jsonrpc":"2.0","method":"authenticate","params":{"api_key":"SECRET"},"id":1}',
    b'{"arguments":[{"accessToken":"SECRET"}],"target":"Login","type":1}\x1e{"type":6}\x1e',
    b'{"password":"SECRET","password":"x"}', b'{"p\\u0061ssword":"SECRET"}', b'{"client_secret":{"value":"SECRET"}}',
    b'[null,"1","realtime:x","phx_join",{"access_token":"SECRET"}]', b'{"type":"auth","auth":{"user":"u","pwd":"SECRET"}}',
    b'{"headers":{"Cookie":"a=SECRET"}}', b'{"event":"pusher:subscribe","data":{"auth":"key:SECRET"}}',
]  # fmt: skip
