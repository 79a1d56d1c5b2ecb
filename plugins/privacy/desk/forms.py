"""Forms that nobody else can fill in for a user: a token of their session, and a look at where the form came from.

The token is signed over a random value in a cookie of the desk's own and the user; Airflow's own cookie is renewed
while one works, so it cannot be what a form is tied to.
"""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from fastapi import HTTPException, Request, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.datastructures import FormData, UploadFile

from privacy.desk.access import who
from privacy.errors import BadInput

COOKIE, FIELD = "privacy_desk", "token"
HOURS = 12
"""So long a page may stand open before its forms are refused."""

LONGEST = 20_000
"""Characters of one field, as the longest of the pages takes them."""

SAFE = ("GET", "HEAD", "OPTIONS")


async def genuine(request: Request) -> None:
    """Refuse whatever changes something and was not sent by a page of this desk, to this user, in this session.

    :raises HTTPException: 403.
    """
    if request.method in SAFE:
        return
    if not _from_here(request):
        raise HTTPException(403, "This form was sent from elsewhere; nothing was done.")
    form = await request.form()
    nonce, given = request.cookies.get(COOKIE, ""), form.get(FIELD)
    try:
        said = _signer(request).loads(given if isinstance(given, str) else "", max_age=HOURS * 3600)
    except BadSignature:
        said = None
    if not nonce or said != [nonce, who(request).id]:
        raise HTTPException(403, "This form is too old, or not yours; open the page again. Nothing was done.")


async def fields(request: Request) -> FormData:
    """What a form says: texts alone, no files. :raises BadInput: ``desk.too_long``."""
    form = await request.form()
    said: list[tuple[str, UploadFile | str]] = [(n, v) for n, v in form.multi_items() if isinstance(v, str)]
    if any(len(str(value)) > LONGEST for _, value in said):
        raise BadInput("desk.too_long", "A field of the form is too long.", advice=f"At most {LONGEST} characters.")
    return FormData(said)


def told(request: Request, said: str) -> str:
    """A sentence for the page that a form leads to, signed: nobody else makes this desk say something."""
    signed = _signer(request).dumps(said)
    return signed if isinstance(signed, str) else signed.decode()


def heard(request: Request, signed: str) -> str:
    """What :func:`told` signed, for a minute; empty: nothing, or too long ago."""
    try:
        said = _signer(request).loads(signed, max_age=60)
    except BadSignature:
        return ""
    return said if isinstance(said, str) else ""


def token(request: Request) -> str:
    """What a form of this page carries in the field ``token``."""
    nonce = request.cookies.get(COOKIE) or getattr(request.state, "nonce", None) or secrets.token_urlsafe(32)
    request.state.nonce = nonce
    signed = _signer(request).dumps([nonce, who(request).id])
    return signed if isinstance(signed, str) else signed.decode()


def keep(request: Request, response: Response) -> None:
    """Give the browser the cookie that its forms are tied to, when the page has any."""
    nonce = getattr(request.state, "nonce", None)
    if nonce is not None and request.cookies.get(COOKIE) != nonce:
        path = request.scope.get("root_path") or "/"
        response.set_cookie(
            COOKIE, nonce, httponly=True, samesite="strict", secure=request.url.scheme == "https", path=path
        )


def _from_here(request: Request) -> bool:
    """Whether the browser says that a page of this very server sent it."""
    site = request.headers.get("sec-fetch-site")
    try:
        origin = urlsplit(request.headers.get("origin", ""))
    except ValueError:
        return False
    here = origin.scheme in ("http", "https") and origin.netloc == request.headers.get("host")
    return here and site in (None, "same-origin")


def _signer(request: Request) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(request.app.state.secret, salt="privacy.desk.forms")
