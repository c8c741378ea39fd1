"""Three commands that need no workspace: metrics of a run, rewards and orders of responses."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from app.commands.terminal import Json, emit, render, say
from curation import scoring, trec
from curation.errors import CurationError, FormatError
from curation.permutation import parse_response, render_answer
from curation.reward import multi_view_reward
from curation.strict_json import JsonError, decode

MOST = 100_000  # passages of one response
DEFAULT_MEASURES = ["nDCG@10", "R@10", "AP", "RR@10"]
Lines = Annotated[Path, typer.Argument(help="One JSON object a line.")]


def register(cli: typer.Typer) -> None:
    """Add this module's commands."""
    for command in (metrics, reward, parse):
        cli.command()(command)


def metrics(
    qrels: Annotated[Path, typer.Option(help="TREC qrels, .gz too.")],
    run: Annotated[Path, typer.Option(help="TREC run, .gz too.")],
    measure: Annotated[
        list[str] | None,
        typer.Option("-m", "--measure", help=f"Repeatable [{', '.join(DEFAULT_MEASURES)}]."),
    ] = None,
    by_query: Annotated[bool, typer.Option("--per-query", help="One value a query.")] = False,
    as_json: Json = False,
) -> None:
    """Score a run with trec_eval's measures; a query without results counts as 0."""
    names = measure or DEFAULT_MEASURES
    scoring.parse_measures(names)
    ranked = trec.read_run(run, may_be_empty=True)
    if not ranked:
        say(f"{run} is empty: every query counts as 0.")
    values = scoring.per_query(trec.read_qrels(qrels), ranked, names)
    if by_query:
        rows = [{"qid": qid, **scores} for qid, scores in values.items()]
        emit(values, as_json, lambda: render(rows, {name: name for name in ("qid", *names)}))
    else:
        means = scoring.mean(values)
        emit(means, as_json, lambda: "\n".join(f"{name}\t{v:.4f}" for name, v in means.items()))


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of an input file, whose fields are checked as they are asked for."""

    file: Path
    number: int
    values: dict[str, Any]

    def text(self, field: str) -> str:
        value = self._value(field)
        if not isinstance(value, str):
            raise self.error(field, f"must be a string, got {value!r:.60}")
        return value

    def texts(self, field: str) -> list[str]:
        value = self._value(field)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.error(field, f"must be a list of strings, got {value!r:.60}")
        return value

    def count(self, field: str) -> int:
        value = self._value(field)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST:
            raise self.error(field, f"must be a whole number from 1 to {MOST:,}, got {value!r:.60}")
        return value

    def error(self, field: str, message: str) -> FormatError:
        return FormatError(message, file=self.file, line=self.number, field=field)

    def _value(self, field: str) -> Any:
        if field not in self.values:
            raise self.error(field, "is missing; add it to this line")
        return self.values[field]


def reward(file: Lines, as_json: Json = False) -> None:
    """Score responses with the multi-view reward; every line is checked before any is printed."""

    def score(line: _Line) -> dict[str, Any]:
        initial = line.texts("initial_list")
        if len(set(initial)) < len(initial) or not initial:
            raise line.error("initial_list", "must hold distinct docids, at least one")
        try:
            found = multi_view_reward(
                line.text("response"),
                initial,
                line.texts("relevant_docids"),
                line.text("ground_truth"),
            )
        except CurationError as error:
            field = "ground_truth" if "ground_truth" in str(error) else "relevant_docids"
            raise line.error(field, str(error).removeprefix(f"{field} ")) from error
        return {
            "reward": found.reward,
            "format": found.format,
            "ndcg@10": found.ndcg,
            "recall@10": found.recall,
            "overlap": found.overlap,
            "permutation": list(found.permutation),
            "status": found.status,
        }

    _print_each(file, score, as_json)


def parse(file: Lines, as_json: Json = False) -> None:
    """Read the permutation out of responses; every line is checked before any is printed."""

    def read(line: _Line) -> dict[str, Any]:
        found = parse_response(line.text("response"), line.count("n"))
        return {"permutation": list(found.permutation), "status": found.status}

    _print_each(file, read, as_json)


def _print_each(file: Path, work: Callable[[_Line], dict[str, Any]], as_json: bool) -> None:
    results = [work(line) for line in _read(file)]
    if as_json:
        for result in results:
            typer.echo(json.dumps(result))
        return
    rows = [{**result, "permutation": render_answer(result["permutation"])} for result in results]
    typer.echo(render(rows, {name: name for name in (rows[0] if rows else {})}))


def _read(file: Path) -> Iterator[_Line]:
    number = 0
    try:
        with file.open("rb") as lines:
            for number, raw in enumerate(lines, start=1):
                if not raw.strip():
                    continue
                try:
                    # Half of a surrogate pair may end a response that was cut off.
                    values = decode(raw, lone_surrogates=True)
                except JsonError as error:
                    fault = "is not UTF-8" if error.cause == "wrong_encoding" else "is not JSON"
                    raise FormatError(f"{fault}: {error}", file=file, line=number) from error
                if not isinstance(values, dict):
                    raise FormatError("must be a JSON object", file=file, line=number)
                yield _Line(file, number, values)
    except OSError as error:
        raise FormatError(f"it cannot be read: {error}", file=file) from error
