"""The app's server: `streamlit run app/main.py` (after `pip install -e .`).

It serves the pages (`desk.py`) and the API, and owns the workspace from the start, so that
webhooks go out and the API answers before anyone opens a page.
"""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from logging import getLogger

import streamlit as st
from starlette.concurrency import run_in_threadpool

from app import cookie
from app.api.server import API
from app.store import release, store
from db.errors import RankDeskError


def _own() -> None:
    try:
        store()
    except RankDeskError as error:  # the pages say so too, and how to mend it
        getLogger(__name__).warning("%s", error)
    # A full collection stops every session. What is loaded by now stays as long as the server
    # does, so none needs to walk through it.
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def _owning(_: st.App) -> AsyncIterator[None]:
    opening = asyncio.create_task(run_in_threadpool(_own))  # pages wait for it, the server not
    yield
    await opening
    await run_in_threadpool(release)


app = st.App("desk.py", routes=[API, *cookie.routes()], lifespan=_owning)
