"""What the history of the analysis plan means for the verdict, in a line."""

from pipelines.report.summary import Snapshot


def plan_notice(snapshot: Snapshot) -> str | None:
    """A line where a plan was changed after its data were seen; None where nothing needs to be said."""
    current = snapshot.current_plan
    if current is None:
        return None
    if current["changed_after_data_seen"]:
        n = len(current["changes"])
        return f"plan changed after data were seen: {n} {'entry' if n == 1 else 'entries'}"
    tried = sum(1 for plan in snapshot.plans if plan["changed_after_data_seen"])
    if tried:
        return f"other plans tried after data were seen: {tried}"
    return None
