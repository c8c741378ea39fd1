"""A browser tab of Streamlit without the browser: its WebSocket protocol, for load benches.

Does what Streamlit's page does between the socket and the screen: keeps the address, the elements
of the latest run and the messages that the server may refer to by their hash, and sends a press of
a button as the widget's trigger. What it leaves out is drawing.
"""

import asyncio
import json
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

LONGEST_RUN_S = 60
KEPT_RUNS = 2  # how many runs ago a message may have come that the browser still keeps


class PageError(Exception):
    """The page showed an exception, or lacks what was looked for."""


@dataclass(frozen=True)
class Ran:
    """One run of the script, seen from the browser; seconds since the message that began it.

    Attributes:
        drawn: Until the last element was there.
        ended: Until the script was done, when it can take the next press.
    """

    drawn: float
    ended: float
    elements: int
    bytes: int


class Tab:
    """One session at a Streamlit server.

    Attributes:
        buttons: From the keys of the buttons on the screen to their ids; without disabled ones.
        components: What each component on the screen was given, by the component's key.
        errors: Texts of the page's error boxes.
        toasts: Texts of the toasts of the latest run.
    """

    def __init__(self, port: int, page: str, query: str) -> None:
        self._address = f"ws://127.0.0.1:{port}/_stcore/stream"
        self._page, self._query, self._script = page, query, ""
        self._kept: dict[str, tuple[int, ForwardMsg]] = {}
        self._runs = 0
        self._socket: ClientConnection | None = None
        self._start_anew()

    def _start_anew(self) -> None:
        self.buttons: dict[str, str] = {}
        self.components: dict[str, Any] = {}
        self.errors: list[str] = []
        self.toasts: list[str] = []

    async def __aenter__(self) -> Self:
        self._socket = await connect(
            self._address, subprotocols=[Subprotocol("streamlit")], max_size=None
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        assert self._socket is not None
        await self._socket.close()

    async def open(self) -> Ran:
        """Run the page for the first time."""
        return await self._run(BackMsg())

    async def press(self, key: str) -> Ran:
        """Press a button that is on the screen, and wait for the run's end."""
        if key not in self.buttons:
            raise PageError(f"no button {key} among {sorted(self.buttons)}; {self.errors}")
        message = BackMsg()
        state = message.rerun_script.widget_states.widgets.add()
        state.id, state.trigger_value = self.buttons[key], True
        return await self._run(message)

    async def _run(self, message: BackMsg) -> Ran:
        assert self._socket is not None
        asked = message.rerun_script
        asked.query_string = self._query
        asked.page_script_hash, asked.page_name = self._script, "" if self._script else self._page
        self._runs += 1
        self._kept = {
            key: kept for key, kept in self._kept.items() if self._runs - kept[0] <= KEPT_RUNS
        }
        asked.cached_message_hashes.extend(self._kept)
        await self._socket.send(message.SerializeToString())
        began = drawn = time.perf_counter()
        elements = n_bytes = 0
        while True:
            async with asyncio.timeout(LONGEST_RUN_S):
                data = await self._socket.recv(decode=False)
            n_bytes += len(data)
            got = ForwardMsg.FromString(data)
            kind = got.WhichOneof("type")
            if kind == "ref_hash":
                got = self._kept[got.ref_hash][1]
                kind = got.WhichOneof("type")
            if got.metadata.cacheable:
                self._kept[got.hash] = (self._runs, got)
            if kind == "new_session":
                self._start_anew()
            elif kind == "navigation":
                self._script = got.navigation.page_script_hash
            elif kind == "page_info_changed":
                self._query = got.page_info_changed.query_string
            elif kind == "delta":
                elements, drawn = elements + 1, time.perf_counter()
                if got.delta.WhichOneof("type") == "new_element":
                    self._take(got.delta.new_element)
            elif (
                kind == "script_finished"
                and got.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
            ):
                ended = time.perf_counter()
                return Ran(drawn - began, ended - began, elements, n_bytes)

    def _take(self, element: Element) -> None:
        kind = element.WhichOneof("type")
        if kind == "exception":
            raise PageError(f"{element.exception.type}: {element.exception.message}")
        if kind == "alert":
            self.errors.append(element.alert.body)
        elif kind == "toast":
            self.toasts.append(element.toast.body)
        elif kind == "button" and not element.button.disabled:
            self.buttons[_key(element.button.id)] = element.button.id
        elif kind == "bidi_component":
            self.components[_key(element.bidi_component.id)] = json.loads(
                element.bidi_component.json
            )


def _key(element_id: str) -> str:
    """Return the key that the app gave an element: what stands after `$$ID` and a hash."""
    return element_id.split("-", 2)[2]
