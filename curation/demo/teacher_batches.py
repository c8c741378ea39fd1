"""The simulated teacher's batch API: files of requests go in, files of answers come out.

The form is OpenAI's: upload a JSONL file, make a batch of it, look until it is completed, fetch the
output file (and the error file, of what was refused).
"""

import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Complete = Callable[[dict[str, Any]], dict[str, Any]]

LOOKS = 2
"""Looks at a batch before it is completed, so that clients have to wait for one."""


class Batches:
    """Files and batches, in memory."""

    def __init__(self, complete: Complete) -> None:
        self._complete = complete
        self._files: dict[str, bytes] = {}
        self._batches: dict[str, dict[str, Any]] = {}

    def routes(self) -> list[Route]:
        """Return the routes of the API."""
        return [
            Route("/v1/files", self.upload, methods=["POST"]),
            Route("/v1/files/{file}/content", self.content),
            Route("/v1/batches", self.create, methods=["POST"]),
            Route("/v1/batches", self.list),
            Route("/v1/batches/{batch}", self.retrieve),
            Route("/v1/batches/{batch}/cancel", self.cancel, methods=["POST"]),
        ]

    async def upload(self, request: Request) -> Response:
        """Keep a file."""
        async with request.form() as form:
            given = form.get("file")
            if not isinstance(given, UploadFile) or form.get("purpose") != "batch":
                return _refusal(400, "send a file with the purpose batch")
            content = await given.read()
            name = given.filename
        file = self._keep(content)
        return JSONResponse(
            {
                "id": file,
                "object": "file",
                "bytes": len(content),
                "created_at": int(time.time()),
                "filename": name,
                "purpose": "batch",
                "status": "processed",
            }
        )

    async def content(self, request: Request) -> Response:
        """Give a file back."""
        content = self._files.get(request.path_params["file"])
        return _refusal(404, "there is no such file") if content is None else Response(content)

    async def create(self, request: Request) -> Response:
        """Begin a batch."""
        asked = json.loads(await request.body())
        if asked.get("input_file_id") not in self._files:
            return _refusal(400, "there is no such input file")
        batch = {
            "id": f"batch_{uuid4().hex}",
            "object": "batch",
            "endpoint": asked["endpoint"],
            "completion_window": asked["completion_window"],
            "input_file_id": asked["input_file_id"],
            "metadata": asked.get("metadata"),
            "created_at": int(time.time()),
            "status": "validating",
        }
        self._batches[batch["id"]] = batch | {"looks": 0}
        return JSONResponse(batch)

    async def list(self, _: Request) -> Response:
        """List the batches, on one page, the newest first."""
        data = [_shown(batch) for batch in reversed(self._batches.values())]
        return JSONResponse({"object": "list", "data": data, "has_more": False})

    async def retrieve(self, request: Request) -> Response:
        """Say how far a batch is."""
        batch = self._batches.get(request.path_params["batch"])
        if batch is None:
            return _refusal(404, "there is no such batch")
        batch["looks"] += 1
        if batch["status"] in ("validating", "in_progress"):
            batch["status"] = "in_progress"
            if batch["looks"] > LOOKS:
                self._answer(batch)
        return JSONResponse(_shown(batch))

    async def cancel(self, request: Request) -> Response:
        """Give a batch up."""
        batch = self._batches.get(request.path_params["batch"])
        if batch is None:
            return _refusal(404, "there is no such batch")
        if batch["status"] != "completed":
            batch["status"] = "cancelled"
        return JSONResponse(_shown(batch))

    def _answer(self, batch: dict[str, Any]) -> None:
        answers, errors = [], []
        for line in self._files[batch["input_file_id"]].decode().splitlines():
            asked = json.loads(line)
            record = {"id": f"batch_req_{uuid4().hex}", "custom_id": asked["custom_id"]}
            try:
                body = self._complete(asked["body"])
                answers.append(record | {"response": {"status_code": 200, "body": body}})
            except ValueError as error:
                body = {"error": {"message": str(error)}}
                errors.append(record | {"response": {"status_code": 400, "body": body}})
        batch["status"] = "completed"
        batch["request_counts"] = {
            "total": len(answers) + len(errors),
            "completed": len(answers),
            "failed": len(errors),
        }
        batch["output_file_id"] = self._keep(_lines(answers))
        batch["error_file_id"] = self._keep(_lines(errors)) if errors else None

    def _keep(self, content: bytes) -> str:
        file = f"file-{uuid4().hex}"
        self._files[file] = content
        return file


def _shown(batch: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in batch.items() if key != "looks"}


def _lines(records: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def _refusal(status: int, message: str) -> JSONResponse:
    body = {"error": {"message": message, "type": "invalid_request_error"}}
    return JSONResponse(body, status_code=status)
