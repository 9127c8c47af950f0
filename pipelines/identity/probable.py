"""Probable identity links between support users and CRM contacts: Fellegi and Sunter (1969), fitted by splink.

Exact evidence needs no probability and stays in dbt. Here are the pairs that share no id and no e-mail, but a
similar name, a similar e-mail, the same phone number. They become ties of their own rule, the weakest of all.
"""

import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from pipelines.errors import ConfigError, TwowayError
from pipelines.raw_systems import make_views_of_every_source

EDGES = "run.probable_identity_edges"
COLUMNS = {
    "left_system": "varchar",
    "left_source_id": "varchar",
    "left_id": "varchar",
    "right_system": "varchar",
    "right_source_id": "varchar",
    "right_id": "varchar",
    "match_probability": "double",
    "evidence": "varchar",
}
FEWEST_DIGITS = 7
# A number that more records carry is a switchboard's.
MOST_CARRIERS = 4
# A column that fewer records fill teaches the model nothing.
FEWEST_FILLED = 20
MOST_PAIRS_SAMPLED = 5e6
# Share of true pairs that the rules below the prior find, a cautious guess: fewer found means a higher prior.
PRIOR_RECALL = 0.8
PRIOR_RULES = {
    ("name", "phone"): "l.phone = r.phone and jaro_winkler_similarity(l.name, r.name) >= 0.85",
    ("name", "email"): "l.name = r.name and jaro_winkler_similarity(l.email, r.email) >= 0.95",
    ("email", "phone"): "l.phone = r.phone and jaro_winkler_similarity(l.email, r.email) >= 0.85",
}
# Levels of each comparison, best first; the last, for all the rest, is evidence against. Name and e-mail are seldom
# independent, so near misses only: Mia Kim is not Tina Kim, and anna1@ is not anna2@.
SAME_DIGITS = "regexp_replace(email_l, '[^0-9]', '', 'g') = regexp_replace(email_r, '[^0-9]', '', 'g')"
LOCAL_LENGTHS = "strpos(email_l, '@'), strpos(email_r, '@')"
LEVELS: dict[str, list[tuple[str, str]]] = {
    "name": [
        ("name same", "name_l = name_r"),
        ("name alike", "6 * damerau_levenshtein(name_l, name_r) <= least(length(name_l), length(name_r))"),
    ],
    "email": [("e-mail alike", f"6 * damerau_levenshtein(email_l, email_r) <= least({LOCAL_LENGTHS}) and {SAME_DIGITS}")],
    "phone": [("phone same", "phone_l = phone_r")],
}
# Only pairs that agree on one of these are looked at.
BLOCKS: dict[str, list[tuple[str, ...]]] = {
    "phone": [("phone",)],
    "name": [("name",), ("last_name", "substr(name, 1, 1)"), ("first_name", "substr(last_name, 1, 2)")],
    "email": [("substr(email, 1, 6)",)],
}
# Agreement by which a column's own comparison is left out, so that the others can be learnt.
TRAINING_BLOCKS = {"name": "name", "email": "substr(email, 1, 6)", "phone": "phone"}

RECORDS = f"""
    with users as (
        select 'support_users' as system, source_id, user_id as id, name, email, phone
        from every_support_users
        where role in ('customer', 'unknown') and not coalesce(is_bot, false) and deleted_at is null
        qualify row_number() over (
            partition by source_id, user_id order by updated_at desc nulls last, _load_id desc, _row_number desc
        ) = 1
    ),

    contacts as (
        select 'crm_contacts' as system, source_id, contact_id as id, name, email, phone
        from every_crm_contacts
        where merged_into_contact_id is null and deleted_at is null
        qualify row_number() over (
            partition by source_id, contact_id order by updated_at desc nulls last, _load_id desc, _row_number desc
        ) = 1
    ),

    cleaned as (
        select
            system,
            source_id,
            id,
            nullif(trim(regexp_replace(strip_accents(lower(name)), '[^a-z0-9]+', ' ', 'g')), '') as name,
            nullif(trim(lower(email)), '') as email,
            regexp_replace(phone, '[^0-9]', '', 'g') as digits
        from (from users union all from contacts)
    )

    select
        row_number() over (order by system, source_id, id) as unique_id,
        system,
        source_id,
        id,
        name,
        split_part(name, ' ', 1) as first_name,
        split_part(name, ' ', -1) as last_name,
        email,
        case
            when length(digits) >= {FEWEST_DIGITS} and count(*) over (partition by digits) <= {MOST_CARRIERS} then digits
        end as phone
    from cleaned
    where name is not null or email is not null or length(digits) >= {FEWEST_DIGITS}
    order by unique_id
"""


@dataclass(frozen=True)
class ProbableLinks:
    """How probable links are made.

    Args:
        threshold: least match probability, from 0 to 1, of a link.
        seed: seed of the random sample of pairs.
    """

    threshold: float
    seed: int


def create_edges_table(connection: duckdb.DuckDBPyConnection) -> None:
    """An empty table of probable links, as it stays where they are switched off."""
    columns = ", ".join(f"{name} {data_type}" for name, data_type in COLUMNS.items())
    connection.execute(f"create or replace table {EDGES} ({columns})")


def require_splink() -> Any:
    """The module `splink`.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import splink
    except ImportError as error:
        raise ConfigError(
            "identity.probable_links is on, but splink is not installed."
            " Install it with `pip install 'twoway[identity]'`, or set probable_links = false."
        ) from error
    return splink


def write_probable_edges(
    connection: duckdb.DuckDBPyConnection, how: ProbableLinks, memory_limit: str = "1GB", systems: Sequence[str] = ()
) -> int:
    """Replace `run.probable_identity_edges` by the pairs of users and contacts at or above the threshold.

    Works on a copy in memory with one thread, so that the same rows give the same probabilities and the build
    database keeps none of splink's tables.

    Returns:
        Links written.

    Raises:
        ConfigError: splink is not installed.
        TwowayError: a part of the model could not be learnt from these records.
    """
    require_splink()
    create_edges_table(connection)
    make_views_of_every_source(connection, ("support_users", "crm_contacts"), systems)
    records = connection.sql(RECORDS).to_arrow_table()
    with duckdb.connect(":memory:", config={"threads": 1, "memory_limit": memory_limit}) as scratch:
        scratch.register("records", records)
        scratch.execute("create table people as from records order by unique_id")
        (counts,) = scratch.execute("select count(name), count(email), count(phone) from people").fetchall()
        columns = [name for name, filled in zip(LEVELS, counts, strict=True) if filled >= FEWEST_FILLED]
        if len(columns) < 2:
            raise TwowayError(
                f"Probable identity links need two of name, email and phone, each filled for {FEWEST_FILLED} users and contacts or more."
                f" Filled are: name {counts[0]}, email {counts[1]}, phone {counts[2]}. Set identity.probable_links = false."
            )
        links = _links(scratch, columns, how)
    connection.register("probable_links", links)
    connection.execute(f"insert into {EDGES} from probable_links")
    connection.unregister("probable_links")
    return links.num_rows


def _links(scratch: duckdb.DuckDBPyConnection, columns: list[str], how: ProbableLinks) -> pa.Table:
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on
    from splink.internals.blocking_rule_creator import BlockingRuleCreator
    from splink.internals.exceptions import SplinkException

    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[_comparison(name) for name in columns],
        blocking_rules_to_generate_predictions=[block_on(*block) for name in columns for block in BLOCKS[name]],
        retain_intermediate_calculation_columns=True,
    )
    api = DuckDBAPI(scratch)
    linker = Linker(api.register("people"), settings, log_level=None)
    with _warnings() as warnings:
        try:
            prior: list[str | BlockingRuleCreator] = [rule for needed, rule in PRIOR_RULES.items() if set(needed) <= set(columns)]
            linker.training.estimate_probability_two_random_records_match(prior, recall=PRIOR_RECALL)
            linker.training.estimate_u_using_random_sampling(max_pairs=MOST_PAIRS_SAMPLED, seed=how.seed)
            for name in columns:
                linker.training.estimate_parameters_using_expectation_maximisation(block_on(TRAINING_BLOCKS[name]))
        except SplinkException as error:
            raise _unlearnt(str(error)) from error
        warnings.clear()
        predictions = linker.inference.predict(threshold_match_probability=how.threshold, warning_mode="always")
    if warnings:
        raise _unlearnt("\n".join(warnings))
    return _read(scratch, predictions.physical_name, columns, how.threshold)


def _comparison(column: str) -> dict[str, Any]:
    levels: list[dict[str, Any]] = [
        {"sql_condition": f"{column}_l is null or {column}_r is null", "label_for_charts": f"{column} missing", "is_null_level": True}
    ]
    levels += [{"sql_condition": condition, "label_for_charts": label} for label, condition in LEVELS[column]]
    levels.append({"sql_condition": "ELSE", "label_for_charts": f"{column} differs"})
    return {"output_column_name": column, "comparison_levels": levels}


def _read(scratch: duckdb.DuckDBPyConnection, predictions: str, columns: list[str], threshold: float) -> pa.Table:
    fired = []
    for column in columns:
        best = len(LEVELS[column])
        whens = " ".join(f"when {best - position} then '{label}'" for position, (label, _) in enumerate(LEVELS[column]))
        fired.append(f"case predictions.gamma_{column} {whens} end")
    return scratch.sql(
        f"""
        select
            near.system, near.source_id, near.id, far.system, far.source_id, far.id,
            round(predictions.match_probability, 6) as match_probability, concat_ws(', ', {", ".join(fired)})
        from {predictions} as predictions
        inner join people as near on least(predictions.unique_id_l, predictions.unique_id_r) = near.unique_id
        inner join people as far on greatest(predictions.unique_id_l, predictions.unique_id_r) = far.unique_id
        where round(predictions.match_probability, 6) >= {threshold}
        order by near.unique_id, far.unique_id
        """
    ).to_arrow_table()


def _unlearnt(why: str) -> TwowayError:
    return TwowayError(
        "Probable identity links: a part of the model could not be learnt from these records, so that its probabilities would be"
        f" defaults. Set identity.probable_links = false, or bring more records. splink says:\n{why.strip()}"
    )


@contextmanager
def _warnings() -> Generator[list[str]]:
    """Everything that splink warns of meanwhile, kept off the terminal."""
    messages: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    collector = Collector(logging.WARNING)
    logger = logging.getLogger("splink")
    level, propagates = logger.level, logger.propagate
    logger.addHandler(collector)
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    try:
        yield messages
    finally:
        logger.removeHandler(collector)
        logger.setLevel(level)
        logger.propagate = propagates
