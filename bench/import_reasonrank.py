"""Import of a whole ReasonRank-sized source: time, peak memory and progress, against a yardstick.

Generates 13,500 items with 20 passages in the published layout, about 250 MB, imports them into a
fresh workspace twice, and lets DuckDB's own `read_json` read the same files into tables.

    python bench/import_reasonrank.py [--folder DIR] [--out bench/results/import_reasonrank.md]
"""

import argparse
import json
import multiprocessing
import os
import platform
import random
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from curation.intake import import_reasonrank
from db.store import Store
from db.workspace import Workspace

# Items per data set in proportion to arXiv 2508.07050, table 5, scaled to 13,500.
DATASETS = {
    "biology": 1698,
    "earth_science": 565,
    "economics": 786,
    "robotics": 450,
    "sustainable_living": 147,
    "stackoverflow": 1739,
    "leetcode": 1631,
    "math-qa": 1724,
    "math-theorem": 1671,
    "msmarco": 3089,
}
CANDIDATES = 20
DISTINCT_PER_ITEM = 12.8  # 86,305 distinct texts in the 6,721 published RL rows
PASSAGE_CHARS = 1_000
CHAIN_CHARS = 3_300
QUERY_CHARS = 800
PEAK_LIMIT_MB = 2_000


def generate(folder: Path, seed: int = 7) -> None:
    """Write the layout; every text is cut from one pool of words, so that it takes seconds."""
    rng = random.Random(seed)
    words = [
        "".join(rng.choices("etaoinshrdlucmfwypvbgk", k=rng.randint(2, 9))) for _ in range(4000)
    ]
    words += ["∑", "naïve", "θ²", "→"] * 20
    pool = " ".join(rng.choices(words, k=400_000))

    def text(length: int) -> str:
        length = rng.randint(length // 2, length * 3 // 2)
        start = rng.randrange(len(pool) - length)
        return pool[start : start + length]

    for part in ("id_query", "id_doc"):
        (folder / part).mkdir(parents=True)
    with (folder / "training_data_all.jsonl").open("w", encoding="utf-8") as rows:
        for name, count in DATASETS.items():
            docs = {
                f"{name}/page_{number // 9}_{number % 9}.txt": text(PASSAGE_CHARS)
                for number in range(int(count * DISTINCT_PER_ITEM))
            }
            queries = {str(number): text(QUERY_CHARS) for number in range(count)}
            for part, table in (("id_query", queries), ("id_doc", docs)):
                content = json.dumps(table, ensure_ascii=False)
                (folder / part / f"{name}.json").write_text(content, encoding="utf-8")
            docids = list(docs)
            for qid in queries:
                initial = rng.sample(docids, CANDIDATES)
                row = {
                    "dataset": name,
                    "qid": qid,
                    "initial_list": initial,
                    "final_list": rng.sample(initial, CANDIDATES),
                    "reasoning": text(CHAIN_CHARS),
                    "relevant_docids": rng.sample(initial, rng.randint(1, 5)),
                }
                rows.write(json.dumps(row, ensure_ascii=False) + "\n")


def import_twice(folder: Path, root: Path) -> dict[str, Any]:
    """Import the folder into a fresh workspace, then again."""

    def timed() -> tuple[float, Any, list[int]]:
        seen: list[int] = []
        start = time.perf_counter()
        report = import_reasonrank(
            store,
            folder,
            imported_by="bench",
            on_progress=lambda done, _all, _n: seen.append(done),
        )
        return time.perf_counter() - start, report, seen

    with Store.create(Workspace(root)) as store:
        idle = peak_mb()
        first_s, first, seen = timed()
        peak = peak_mb()
        second_s, second, _ = timed()
    return {
        "idle_mb": idle,
        "peak_mb": peak,
        "first_s": first_s,
        "second_s": second_s,
        "first": (first.imported, first.unchanged, first.rejected),
        "second": (second.imported, second.unchanged, second.rejected),
        "updates": len(seen),
        "monotone": seen == sorted(seen),
        "database_mb": (root / "rankdesk.duckdb").stat().st_size / 1e6,
    }


def read_json(folder: Path, root: Path) -> dict[str, Any]:
    """Let DuckDB read the same files into tables of a fresh database, without checks or ids."""
    start = time.perf_counter()
    database = str(root / "yardstick.duckdb")
    with duckdb.connect(database) as connection:  # noqa: TID251 - the yardstick is DuckDB itself
        connection.execute("SET enable_progress_bar = false").fetchall()
        connection.execute(
            "CREATE TABLE rows AS SELECT * FROM read_json($files)",
            {"files": str(folder / "training_data_all.jsonl")},
        ).fetchall()
        rows_only = time.perf_counter() - start
        for part in ("id_query", "id_doc"):
            connection.execute(
                f"CREATE TABLE {part} AS SELECT unnest(map_entries(json)) FROM read_json("  # noqa: S608
                "$files, records = false, columns = {json: 'MAP(VARCHAR, VARCHAR)'},"
                " maximum_object_size = 1000000000)",
                {"files": str(folder / part / "*.json")},
            ).fetchall()
        counts = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]  # noqa: S608
            for table in ("rows", "id_query", "id_doc")
        ]
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "rows_only": rows_only, "peak_mb": peak_mb(), "counts": counts}


def peak_mb() -> float:
    """Return this process's largest resident size so far, MB (Linux counts it in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def in_own_process(work: Callable[..., Any], *arguments: Path) -> Any:
    """Run `work` in a fresh process, so that its peak memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def _report(size_mb: float, ours: dict[str, Any], theirs: dict[str, Any]) -> Iterator[str]:
    yield "# Import of 13,500 items in ReasonRank's layout"
    yield ""
    yield "Written by `bench/import_reasonrank.py`; the folder is generated, deterministic."
    yield ""
    yield "| what | measured |"
    yield "|---|---|"
    items, passages = sum(DATASETS.values()), theirs["counts"][2]
    yield f"| folder | {size_mb:.0f} MB: {items:,} items × {CANDIDATES} of {passages:,} passages |"
    yield f"| `rankdesk import reasonrank` | {ours['first_s']:.1f} s |"
    yield f"| DuckDB's `read_json` of the same files into tables | {theirs['seconds']:.1f} s |"
    yield f"| … of which the rows file alone | {theirs['rows_only']:.1f} s |"
    yield f"| ratio, all files | {ours['first_s'] / theirs['seconds']:.1f} |"
    yield f"| imported, unchanged, rejected | {', '.join(f'{n:,}' for n in ours['first'])} |"
    yield f"| the same folder again | {ours['second_s']:.1f} s |"
    yield f"| imported, unchanged, rejected | {', '.join(f'{n:,}' for n in ours['second'])} |"
    yield f"| peak memory of the process (limit {PEAK_LIMIT_MB:,} MB) | {ours['peak_mb']:.0f} MB |"
    yield f"| … of which before the import | {ours['idle_mb']:.0f} MB |"
    yield f"| … of `read_json` | {theirs['peak_mb']:.0f} MB |"
    yield f"| progress updates, never backwards | {ours['updates']} |"
    yield f"| database file | {ours['database_mb']:.0f} MB |"
    yield ""
    yield (
        f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, "
        f"DuckDB {version('duckdb')}, polars {version('polars')}. Our time includes every check, "
        "the content ids, the self-consistency of each ranking, the indexes and "
        "the durable writes; the yardstick only parses and stores."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--folder",
        type=Path,
        help="where the source lies or shall lie; default: a temporary folder",
    )
    parser.add_argument("--out", type=Path, default=Path("bench/results/import_reasonrank.md"))
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp()) / "source"
    try:
        if not folder.exists():
            in_own_process(generate, folder)
        size_mb = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
        with tempfile.TemporaryDirectory() as root:
            theirs = in_own_process(read_json, folder, Path(root))
            ours = in_own_process(import_twice, folder, Path(root))
    finally:
        if arguments.folder is None:
            shutil.rmtree(folder.parent)
    total = sum(DATASETS.values())
    assert ours["first"] == (total, 0, 0), ours
    assert ours["second"] == (0, total, 0), ours
    assert ours["monotone"], "progress went backwards"
    assert ours["peak_mb"] < PEAK_LIMIT_MB, ours
    text = "\n".join(_report(size_mb, ours, theirs)) + "\n"
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
