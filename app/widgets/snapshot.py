"""Snapshots: what is in them, whether they are whole, and exports."""

import polars as pl
import streamlit as st

from app.store import user
from app.widgets.page import link, mendable
from app.widgets.pick import pick
from app.widgets.text import many, plain
from curation import batching
from curation.exports import Format
from curation.snapshots import MANIFEST, Manifest, read_manifest, verify
from db.store import Store

FORMATS: dict[Format, str] = {
    "trl": "TRL messages",
    "llamafactory": "LLaMA-Factory",
    "verl": "verl parquet",
    "reasonrank": "ReasonRank layout",
}


def snapshot_view(store: Store, found: pl.DataFrame) -> None:
    """Draw the snapshots: choose one, look into it, verify, export, train."""
    names = {
        row["snapshot_id"]: f"{row['name']} · {many(row['n_items'], 'item')} · {row['snapshot_id']}"
        for row in found.iter_rows(named=True)
    }
    chosen = pick("Snapshot", names, key="snapshot")
    with mendable():
        manifest = read_manifest(store.workspace.snapshots / chosen)
        left, right = st.columns([3, 2], gap="medium")
        with left:
            _contents(manifest)
        with right:
            _actions(store, manifest)


def _contents(manifest: Manifest) -> None:
    with st.container(border=True):
        st.markdown(
            f"**{plain(manifest.name)}** · {many(manifest.n_items, 'item')} · "
            f"cut {manifest.cut:.2f}  \n"
            f":gray[approved by {plain(manifest.approved_by)}, "
            f"{manifest.approved_at:%Y-%m-%d %H:%M} UTC · RankDesk {plain(manifest.code_version)}]"
        )
        st.dataframe(
            pl.DataFrame(
                {
                    "Domain": list(manifest.domains),
                    "Items": list(manifest.domains.values()),
                }
            ),
            hide_index=True,
            alt="Items by domain",
        )
        with st.expander("Manifest", icon=":material/data_object:"):
            st.code(
                manifest.model_copy(update={"items": manifest.items[:3]}).model_dump_json(indent=1),
                language="json",
                height=300,
            )
            st.caption(f"The first 3 of {many(len(manifest.items), 'item')}.")


def _actions(store: Store, manifest: Manifest) -> None:
    folder = store.workspace.snapshots / manifest.snapshot_id
    with st.container(border=True):
        st.markdown("**Use it**")
        with st.container(horizontal=True):
            link("new_job", "Train on it", "play_circle", snapshot=manifest.snapshot_id)
            link("lineage", "Lineage", "account_tree", node=f"snapshot:{manifest.snapshot_id}")
            link("lineage", "Compare", "difference", lens="diff", after=manifest.snapshot_id)
            checked = st.button("Verify", icon=":material/fact_check:")
        if checked:
            with mendable():
                verify(folder)
                st.success("Every file is as it was frozen.", icon=":material/check:")
        st.download_button(
            "Manifest",
            (folder / MANIFEST).read_bytes(),
            file_name=f"manifest-{manifest.snapshot_id}.json",
            mime="application/json",
            icon=":material/download:",
            on_click="ignore",
        )
    with st.container(border=True):
        st.markdown("**Export**")
        with st.container(horizontal=True):
            for form, label in FORMATS.items():
                if st.button(label, key=f"export-{form}"):
                    _export(store, manifest.snapshot_id, form)
        st.caption("Into the workspace's folder `exports`, in each trainer's own format.")


def _export(store: Store, snapshot_id: str, form: Format) -> None:
    out = store.workspace.exports / f"{snapshot_id}-{form}"
    if out.exists():  # the name says what is in it, so it need not be written again
        st.info(f"It was exported before: {plain(out)}", icon=":material/folder:")
        return
    with mendable():
        with st.spinner("Exporting …"):
            report = batching.export(store, snapshot_id, form, out, exported_by=user())
        st.success(f"{many(report.n_items, 'item')} in {plain(out)}", icon=":material/check:")
