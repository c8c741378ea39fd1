"""Servers that a bench starts, waits for and ends."""

import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx

READY_S = 600  # Label Studio makes its database first


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once a server answers.

    Raises:
        SystemExit: If it ended, or took too long.
    """
    until = time.monotonic() + READY_S
    while process.poll() is None and time.monotonic() < until:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"{url} does not answer; see {log}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server and wait until it is gone."""
    process.send_signal(signal.SIGTERM)
    process.wait()
