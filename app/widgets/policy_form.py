"""The policy's form: every weight and share, each in the address while it is being edited."""

import streamlit as st

from curation.queue_policy import REASONS, Policy


def policy_form(in_force: Policy) -> Policy:
    """Draw the form and return the policy as it is entered.

    Raises:
        PolicyError: If a number that came with the address is out of range.
    """
    st.markdown("**Weights** :gray[of each reason, 0 to 10]")
    weights = {}
    columns = st.columns(5)
    for at, (name, (label, meaning)) in enumerate(REASONS.items()):
        weights[name] = columns[at % 5].number_input(
            label,
            0.0,
            10.0,
            float(in_force.weights.get(name, 0.0)),
            0.25,
            key=f"w_{name}",
            bind="query-params",
            help=f"Value: {meaning}.",
        )
    with st.expander("How items are shared out", icon=":material/groups:", key="sharing"):
        sharing = _sharing(in_force)
    with st.expander("Cut, audit and seed", icon=":material/tune:", key="chance"):
        chance = _chance(in_force)
    return Policy(weights=weights, **sharing, **chance)  # type: ignore[arg-type]


def _sharing(in_force: Policy) -> dict[str, float]:
    first, second, third, fourth = st.columns(4)
    return {
        "overlap_share": _percent(
            first,
            "Overlap, % of the items",
            in_force.overlap_share,
            "overlap",
            100.0,
            "These are decided by several people, who do not see of each other.",
        ),
        "overlap_reviewers": int(
            second.number_input(
                "Reviewers of each of those",
                2,
                20,
                in_force.overlap_reviewers,
                key="overlap_by",
                bind="query-params",
            )
        ),
        "gold_share": _percent(
            third,
            "Gold, % of what one gets",
            in_force.gold_share,
            "gold_share",
            50.0,
            "Mixed in where nobody can tell; see Gold items.",
        ),
        "claim_minutes": int(
            fourth.number_input(
                "Minutes an item is kept",
                1,
                240,
                in_force.claim_minutes,
                key="minutes",
                bind="query-params",
                help="After the reviewer's screen went away.",
            )
        ),
    }


def _chance(in_force: Policy) -> dict[str, float]:
    first, second, third = st.columns(3)
    return {
        "cut": first.number_input(
            "Self-consistency cut", 0.0, 1.0, in_force.cut, 0.05, key="cut", bind="query-params"
        ),
        "audit_share": _percent(
            second,
            "Random audit, % of the items",
            in_force.audit_share,
            "audit",
            100.0,
            "Drawn by the seed, whatever else is known of them.",
        ),
        "seed": int(
            third.number_input(
                "Seed",
                0,
                1_000_000,
                in_force.seed,
                key="seed",
                bind="query-params",
                help="Of everything that chance decides.",
            )
        ),
    }


def _percent(
    column: st.delta_generator.DeltaGenerator,
    label: str,
    share: float,
    key: str,
    most: float,
    meaning: str,
) -> float:
    entered = column.number_input(
        label, 0.0, most, round(share * 100, 2), 1.0, key=key, bind="query-params", help=meaning
    )
    return round(entered / 100, 4)
