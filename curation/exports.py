"""Exports: a snapshot in the formats that other trainers read.

| format | files | for |
|---|---|---|
| `trl` | `train.jsonl`: `{"prompt": [messages], "completion": [messages]}` | TRL's `SFTTrainer` |
| `llamafactory` | alpaca JSON and its `dataset_info.json` entry | LLaMA-Factory |
| `verl` | `train.parquet` with the columns that ReasonRank's reward reads | verl |
| `reasonrank` | rows, queries and passages apart, as published | ReasonRank's scripts, RankDesk |

Where a chain is written, `chain_author` says whether a person wrote or edited it (`human`) or it is
the `teacher`'s. Prompts hold whole passages: how many tokens of each the model sees is a recipe's
choice, and these formats have no place for it.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from curation.errors import CurationError
from curation.folders import draft_folder, publish
from curation.permutation import render_answer, render_response
from curation.prompts import Message, load_template, render
from curation.reasonrank import DOCS, QUERIES, ROWS, TITLES
from curation.snapshots import ITEMS, Manifest, verify
from curation.training_items import TrainingItem, read_items

Format = Literal["trl", "llamafactory", "verl", "reasonrank"]
FORMATS: tuple[Format, ...] = get_args(Format)

_TEMPLATE = "listwise"
_ROW_GROUP = 500  # rows of the parquet file that are in memory at once

# What every file system takes as a name, whatever the domain is called.
_FILE_NAME = re.compile(r"\w[^/\\:*?\"<>|\x00-\x1f]{0,79}")

_TEXTS = pa.list_(pa.string())
_VERL_SCHEMA = pa.schema(
    [
        ("data_source", pa.string()),
        ("prompt", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
        ("reward_model", pa.struct([("ground_truth", pa.string()), ("style", pa.string())])),
        (
            "extra_info",
            pa.struct(
                [
                    ("initial_list", _TEXTS),
                    ("final_list", _TEXTS),
                    ("relevant_docids", _TEXTS),
                    ("index", pa.int64()),
                ]
            ),
        ),
        ("label", pa.string()),
        ("initial_list", _TEXTS),
        ("final_list", _TEXTS),
        ("relevant_docids", _TEXTS),
        ("dataset", pa.string()),
        ("qid", pa.string()),
    ]
)


class ExportError(CurationError):
    """A snapshot cannot be exported as asked; nothing was written."""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote.

    Attributes:
        files: Every file, the one with the items first.
    """

    format: Format
    n_items: int
    files: list[Path]


def export_snapshot(folder: Path, layout: str, out: Path) -> ExportReport:
    """Write a snapshot into the new folder `out`, all of it or nothing.

    Args:
        folder: The snapshot's folder.
        layout: One of `FORMATS`.

    Raises:
        ExportError: If the format is unknown, `out` holds something, cannot be written, or the
            items cannot be told apart in the format.
        SnapshotChangedError: If the snapshot is not as it was frozen.
    """
    chosen = next((name for name in FORMATS if name == layout), None)
    if chosen is None:
        raise ExportError(f"There is no format {layout!r:.80}. Choose {', '.join(FORMATS)}.")
    manifest = verify(folder)
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise ExportError(f"{out} holds something already. Name a folder that is not there.")
        with draft_folder(out.absolute().parent) as draft:
            names = _WRITERS[chosen](read_items(folder / ITEMS), draft, manifest)
            publish(draft, out)
    except OSError as error:
        raise ExportError(f"{out} cannot be written: {error.strerror or error}.") from error
    return ExportReport(chosen, manifest.n_items, [out / name for name in names])


def _prompt(items: Iterable[TrainingItem]) -> Iterator[tuple[TrainingItem, list[Message]]]:
    template = load_template(_TEMPLATE)
    for item in items:
        yield item, render(template, item.query, item.texts)


def _write_trl(items: Iterable[TrainingItem], draft: Path, _: Manifest) -> list[str]:
    with (draft / "train.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        for item, prompt in _prompt(items):
            answer = render_response(item.chain, item.permutation)
            completion = [{"role": "assistant", "content": answer}]
            row = {"prompt": prompt, "completion": completion, "chain_author": item.chain_author}
            file.write(_json(row) + "\n")
    return ["train.jsonl"]


def _write_llamafactory(
    items: Iterable[TrainingItem], draft: Path, manifest: Manifest
) -> list[str]:
    name = f"rankdesk_{manifest.snapshot_id}"
    with (draft / f"{name}.json").open("w", encoding="utf-8", newline="\n") as file:
        separator = "[\n"
        for item, prompt in _prompt(items):
            by_role = {message["role"]: message["content"] for message in prompt}
            row = {
                "instruction": by_role["user"],
                "system": by_role.get("system", ""),
                "output": render_response(item.chain, item.permutation),
                "chain_author": item.chain_author,
            }
            file.write(separator + _json(row))
            separator = ",\n"
        file.write("\n]\n")
    columns = {"prompt": "instruction", "response": "output", "system": "system"}
    info = {name: {"file_name": f"{name}.json", "columns": columns}}
    (draft / "dataset_info.json").write_text(json.dumps(info, indent=2) + "\n", encoding="utf-8")
    return [f"{name}.json", "dataset_info.json"]


def _write_verl(items: Iterable[TrainingItem], draft: Path, _: Manifest) -> list[str]:
    rows = (_verl_row(index, *each) for index, each in enumerate(_prompt(items)))
    with pq.ParquetWriter(draft / "train.parquet", _VERL_SCHEMA) as writer:
        while group := list(islice(rows, _ROW_GROUP)):
            writer.write_table(pa.Table.from_pylist(group, _VERL_SCHEMA))
    return ["train.parquet"]


def _verl_row(index: int, item: TrainingItem, prompt: list[Message]) -> dict[str, Any]:
    answer = render_answer(item.permutation)
    lists = {
        "initial_list": item.docids,
        "final_list": item.ranking,
        "relevant_docids": item.relevant_docids,
    }
    return {
        "data_source": "ranking",  # what sends verl to ReasonRank's reward
        "prompt": prompt,
        "reward_model": {"ground_truth": answer, "style": "rule"},
        "extra_info": {**lists, "index": index},
        "label": answer,
        **lists,
        "dataset": item.domain,
        "qid": item.qid,
    }


def _write_reasonrank(items: Iterable[TrainingItem], draft: Path, _: Manifest) -> list[str]:
    names = [ROWS]
    with (draft / ROWS).open("w", encoding="utf-8", newline="\n") as file:
        for domain, group in groupby(items, key=lambda item: item.domain):
            if not _FILE_NAME.fullmatch(domain):
                raise ExportError(
                    f"The domain {domain!r:.80} cannot name a file, as ReasonRank's layout has "
                    "it. Export in another format, or import the source under another name."
                )
            texts = _Texts(domain)
            for item in group:
                texts.add(item)
                file.write(_json(_reasonrank_row(item)) + "\n")
            names += texts.write(draft)
    return names


def _reasonrank_row(item: TrainingItem) -> dict[str, Any]:
    return {
        "dataset": item.domain,
        "qid": item.qid,
        "initial_list": item.docids,
        "final_list": item.ranking,
        "reasoning": item.chain,
        "relevant_docids": item.relevant_docids,
        "author": item.author,
        "author_name": item.author_name,
        "status": item.status,
        **(
            {}
            if item.original_relevant_docids is None
            else {"original_relevant_docids": item.original_relevant_docids}
        ),
        "chain_author": item.chain_author,
    }


class _Texts:
    """The texts of one domain by id; the layout has one text for each."""

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self._tables: dict[str, dict[str, str]] = {QUERIES: {}, DOCS: {}, TITLES: {}}
        self._titles: dict[str, str | None] = {}

    def add(self, item: TrainingItem) -> None:
        self._put(QUERIES, item.qid, item.query)
        for candidate in item.candidates:
            self._put(DOCS, candidate.docid, candidate.text)
            if self._titles.setdefault(candidate.docid, candidate.title) != candidate.title:
                raise self._clash("passage", candidate.docid, "titles")
            if candidate.title is not None:
                self._put(TITLES, candidate.docid, candidate.title)

    def write(self, draft: Path) -> list[str]:
        names = []
        for part, table in self._tables.items():
            if table:
                (draft / part).mkdir(exist_ok=True)
                names.append(f"{part}/{self._domain}.json")
                (draft / names[-1]).write_text(_json(table) + "\n", encoding="utf-8")
        return names

    def _put(self, part: str, key: str, text: str) -> None:
        if self._tables[part].setdefault(key, text) != text:
            raise self._clash("query" if part == QUERIES else "passage", key, "texts")

    def _clash(self, noun: str, key: str, what: str) -> ExportError:
        return ExportError(
            f"Two items of the domain {self._domain} give the {noun} {key!r:.80} different "
            f"{what}; ReasonRank's layout has one for each id. Export in another format, or "
            "leave one of the items out of the batch."
        )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


_WRITERS: dict[Format, Callable[[Iterable[TrainingItem], Path, Manifest], list[str]]] = {
    "trl": _write_trl,
    "llamafactory": _write_llamafactory,
    "verl": _write_verl,
    "reasonrank": _write_reasonrank,
}
