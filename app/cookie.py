"""The cookie that keeps one signed in over a reload and in a second tab.

A page is drawn over a WebSocket, which can set no cookie. So the browser is handed a ticket, good
once and for a minute, and brings it to a route that answers with the cookie. The cookie holds the
session's token, and no script of a page can read it.
"""

import secrets
import time
from hashlib import sha256
from threading import Lock

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from curation.people import LONGEST
from db.workspace import Workspace

PATH = "rankdesk/cookie"
_GOOD_FOR = 60.0  # seconds
_tickets: dict[str, tuple[str, float]] = {}
_lock = Lock()
_fetch = st.components.v2.component(
    "rankdesk_cookie",
    html="<span></span>",
    # Pages lie one step below the app's root, so this is right under any base path.
    js=f"""
    export default function ({{ data }}) {{
      fetch("{PATH}", {{
        method: "POST",
        headers: {{ "content-type": "application/json" }},
        body: JSON.stringify({{ ticket: data.ticket }}),
      }});
    }}
    """,
)


def name() -> str:
    """Return the cookie's name: its own for each workspace, as cookies go to every port."""
    root = str(Workspace.locate().root)
    return f"rankdesk_{sha256(root.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def issue(token: str) -> str:
    """Return a ticket for a session's token."""
    ticket = secrets.token_urlsafe(32)
    with _lock:
        _drop_old()
        _tickets[ticket] = (token, time.monotonic() + _GOOD_FOR)
    return ticket


def deliver(ticket: str) -> bool:
    """Draw what brings a ticket to the route; return False once it is used or too old."""
    with _lock:
        _drop_old()
        waits = ticket in _tickets
    if waits:
        _fetch(data={"ticket": ticket}, key="cookie")
    return waits


def _drop_old() -> None:
    for ticket in [key for key, (_, until) in _tickets.items() if until < time.monotonic()]:
        del _tickets[ticket]


async def set_cookie(request: Request) -> Response:
    """Answer a ticket with the cookie; only our own pages may bring one."""
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return Response(status_code=403)
    try:
        ticket = (await request.json())["ticket"]
    except (ValueError, KeyError, TypeError):
        return Response(status_code=400)
    with _lock:
        _drop_old()
        found = _tickets.pop(ticket, None) if isinstance(ticket, str) else None
    if found is None:
        return Response(status_code=410)
    answer = Response(status_code=204)
    answer.set_cookie(
        name(),
        found[0],
        max_age=int(LONGEST.total_seconds()),
        path=f"/{_base()}",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return answer


def _base() -> str:
    return str(st.get_option("server.baseUrlPath") or "").strip("/")


def routes() -> list[Route]:
    """Return the routes that the server needs beside the pages."""
    base = _base()
    return [Route(f"/{base}/{PATH}" if base else f"/{PATH}", set_cookie, methods=["POST"])]
