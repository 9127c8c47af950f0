"""The page that goes with a trial's files: what to do with them."""

from pipelines.experiment.assignment import ARMS, HASH_DIGITS, Trial

ACTS = {
    "broadcast": "Leave the ids of arm `holdout` out of every campaign for as long as the trial runs. Treat `contact` as always.",
    "responsiveness": "Answer arm `priority` before arm `usual`. Change nothing else: same agents, same answers.",
}
RECORDS = {
    "broadcast": "Keep recording every delivered send (`crm_campaign_sends`), the holdout's too, should one slip through.",
    "responsiveness": "Keep recording tickets and messages as always. Record the assignment, not what was done: who was missed stays in.",
}


def guide(trial: Trial, stratified_by: str | None) -> str:
    """The page as Markdown."""
    first, other = ARMS[trial.lever]
    lines = [
        f"# Trial {trial.experiment_id}",
        "",
        f"{trial.share * 100:.4g} % of the {trial.unit}s are `{first}`, the others `{other}`. Seed {trial.seed}.",
        "",
        f"1. {ACTS[trial.lever]}",
        f"2. {RECORDS[trial.lever]}",
        "3. Put `experiments.csv` into a folder that Twoway reads, beside your other files, before the next run.",
        "4. Do not look at outcomes before the planned end. `twoway experiment readout` reads them then.",
        "",
        "`assignment.csv` is for your systems: one row per id. `experiments.csv` is for Twoway: one row per unit.",
        "Both name persons; treat them so.",
        "",
    ]
    lines += _rule(trial) if stratified_by is None and trial.unit == "ticket" else [_method(trial, stratified_by)]
    return "\n".join(lines) + "\n"


def _method(trial: Trial, stratified_by: str | None) -> str:
    if stratified_by is None:
        return (
            f"Each {trial.unit}'s arm comes from a hash of its own, so that a later, longer list gives everybody here the same arm "
            "(`twoway experiment assign --extend`)."
        )
    return f"The list was split within {stratified_by}. It is fixed: a longer list would be another assignment."


def _rule(trial: Trial) -> list[str]:
    first, other = ARMS[trial.lever]
    text = f"{trial.experiment_id}:{trial.seed}:"
    return [
        "## The rule for new tickets",
        "",
        f"A ticket is {trial.rule}.",
        "",
        "```python",
        "import hashlib",
        "",
        "def arm(ticket_id: str) -> str:",
        f'    digits = hashlib.sha256(f"{text}{{ticket_id}}".encode()).hexdigest()[:{HASH_DIGITS}]',
        f'    return "{first}" if int(digits, 16) < {trial.threshold} else "{other}"',
        "```",
        "",
        "```sql",
        f"-- PostgreSQL: {first} if true",
        "select ('x' || left(encode(sha256(convert_to("
        f"'{text}' || ticket_id, 'UTF8')), 'hex'), {HASH_DIGITS}))::bit(32)::bigint < {trial.threshold}",
        "```",
        "",
        "```javascript",
        f"const digits = require('crypto').createHash('sha256').update('{text}' + ticketId).digest('hex').slice(0, {HASH_DIGITS})",
        f"const arm = parseInt(digits, 16) < {trial.threshold} ? '{first}' : '{other}'",
        "```",
        "",
        "`twoway experiment record` computes the same for every ticket since, and writes the rows for Twoway.",
    ]
