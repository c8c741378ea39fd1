"""A small workspace with samples: two teachers, one of them also judge, over the real pipeline."""

from pathlib import Path

import polars as pl
from typer.testing import CliRunner

from app.cli import cli
from curation.demo.reasoning import NO_FAULTS
from curation.demo.teacher import MODEL, SimulatedTeacher
from curation.demo.world import World, build_world
from curation.prices import Price, write_prices
from curation.source_folder import SourceQuery, write_source
from db import sources
from db.store import Store
from db.workspace import Workspace
from tests.trainer.test_openai_engine import Handler, serving

QUICK, CAREFUL = "quick-teacher", "careful-teacher"
N_ITEMS = 16


def make_sampled(root: Path) -> None:
    """Label a source twice: three samples with a judge, then one by the judge's model itself."""
    world = build_world(seed=5, n_items=N_ITEMS, n_benchmark=2)
    place = Workspace(root)
    with Store.create(place) as store:
        _add_source(store, world)
    write_prices(
        place.prices,
        {QUICK: Price(prompt=1.0, completion=2.0), CAREFUL: Price(prompt=3.0, completion=6.0)},
    )
    teachers = {
        QUICK: SimulatedTeacher(world, seed=1),
        CAREFUL: SimulatedTeacher(world, seed=2, faults=NO_FAULTS),
    }

    def answer(handler: Handler, number: int) -> None:
        model = handler.body["model"]
        said = teachers[model].complete(handler.body | {"model": MODEL})
        handler.send(200, said | {"model": model})

    with serving(answer) as server:
        judged = ["--samples", "3", "--orders", "3", "--judge", CAREFUL]
        for model, more in ((QUICK, judged), (CAREFUL, [])):
            words = ["generate", "lists", "--model", model, "--base-url", server.url, "--wait"]
            result = CliRunner().invoke(cli, ["--workspace", str(root), *words, *more])
            assert result.exit_code == 0, result.output


def _add_source(store: Store, world: World) -> None:
    passages = [passage for item in world.items for passage in item.candidates]
    frame = pl.DataFrame(
        [(p.docid, p.title, p.text) for p in passages],
        schema={"docid": pl.String, "title": pl.String, "text": pl.String},
        orient="row",
    )
    queries = [
        SourceQuery(
            item.qid,
            item.domain,
            item.query,
            item.answer,
            candidates=tuple(c.docid for c in item.candidates),
        )
        for item in world.items
    ]
    made = write_source(store.workspace.sources, "lists", "demo", queries, frame)
    sources.insert_source(
        store,
        source_id=made.source_id,
        name=made.name,
        kind=made.kind,
        n_queries=made.n_queries,
        n_passages=made.n_passages,
        domains=made.domains,
        report={},
        added_by="ada",
    )
