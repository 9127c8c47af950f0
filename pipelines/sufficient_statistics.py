"""Sufficient statistics of a two-way fixed-effects regression, made by DuckDB in three passes over the rows.

Units (a customer of a brand) are many, levels (weeks) are few, and units may enter, leave and pause. Exact in a
fixed number of passes (Frisch and Waugh 1933; Lovell 1963):

1. by level: rows and sums of each column;
2. by unit: rows, means, and the set of its levels as bits. Sums by level less means by unit are the moments of the
   level dummies, and the sets of levels give their normal equations, levels x levels, which numpy solves;
3. by cluster: cross-products of what is left once each row's level effect and its unit's mean are taken away.

Taking away before multiplying keeps all digits where means are large.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from pipelines.claim.linear import Floats, Integers, NotIdentifiedError
from pipelines.claim.sufficient import LevelStatistics, SufficientStatistics, pseudo_inverse
from pipelines.sql import identifier

# Beyond this, cross-products of single clusters cost more than they tell; groups of clusters are independent as well.
MAX_REGRESSORS_BY_CLUSTER = 15
SUPER_CLUSTERS = 400
# A span of levels that needs more than this is no calendar.
MAX_LEVELS = 2_000
BITS_PER_WORD = 64
PATTERNS_AT_ONCE = 20_000
# DuckDB finds groups by address rather than by hash up to this many bits of integer keys. Each thread then holds 16
# bytes per sum and key, so that only few sums are worth it.
ADDRESSED_BITS = 18
MAX_ADDRESSED_SUMS = 16
NOTHING_LEFT = "no row is left: each is alone in its unit or level"


@dataclass(frozen=True)
class PanelRelation:
    """A panel in the database, at most one row per unit and level.

    Args:
        relation: name of a table or view, or a query in parentheses; trusted SQL.
        unit: columns that name the unit.
        level: integer column of the second effect, such as the number of the week.
        columns: numeric columns, outcome and regressors alike.
        cluster: columns among those of the unit that name the cluster.
    """

    relation: str
    unit: tuple[str, ...]
    level: str
    columns: tuple[str, ...]
    cluster: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.cluster or not set(self.cluster) <= set(self.unit):
            raise ValueError(
                f"columns {self.cluster} of the cluster must be among those of the unit {self.unit}: units lie within clusters"
            )
        if not self.columns:
            raise ValueError("a panel needs columns")

    @property
    def positions(self) -> range:
        return range(len(self.columns))

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Positions of the upper triangle, row by row."""
        return [(i, j) for i in self.positions for j in self.positions if i <= j]


def sufficient_statistics(
    connection: duckdb.DuckDBPyConnection,
    panel: PanelRelation,
    table: str,
    *,
    drop_singletons: bool = True,
    with_levels: bool = False,
) -> SufficientStatistics:
    """Cross-products by cluster of a panel's columns, unit and level effects removed.

    Args:
        connection: the database; temporary tables `sufficient_*` are made and dropped.
        panel: the rows.
        table: made anew to hold the statistics, one row per cluster: the columns of the cluster, `n_rows`, and
            `product_i_j` for columns i <= j of the panel. With more than 15 regressors and 400 clusters, clusters
            are put together by hash, and `super_cluster` from 0 to 399 stands for their columns.
        drop_singletons: leave out rows that are alone in their unit or level, over and over.
        with_levels: also what each cluster says about the levels, for at most 400 clusters.

    Raises:
        NotIdentifiedError: no rows, or none but singletons.
        ValueError: null or infinite values, two rows of a unit in one level, levels that span too much, or
            too many clusters for `with_levels`.
    """
    with _workspace(connection, panel):
        panel, levels, patterns = _read(connection, panel, drop_singletons)
        gram, moments = patterns.normal_equations(levels)
        inverse, rank = pseudo_inverse(gram)
        effects = inverse @ moments
        if drop_singletons:
            patterns = patterns.chosen(patterns.n_rows > 1)
        n_kept = int(patterns.n_units @ patterns.n_rows)
        if not n_kept:
            raise NotIdentifiedError(NOTHING_LEFT)
        _upload(connection, panel, levels, patterns, effects)
        _write_offsets(connection, panel, patterns)
        _write_products(connection, panel, table)
        n_rows, products = _read_products(connection, panel, table)
        if n_rows.sum() != n_kept:
            raise ValueError("rows without a unit: one of its columns is null")
        by_level = _read_levels(connection, panel, levels, patterns) if with_levels else None
    # Pythagoras: what unit means explain, what levels add, and what is left.
    left = products[:, [position for position, (i, j) in enumerate(panel.pairs) if i == j]].sum(axis=0)
    sizes = np.sqrt(patterns.mean_squares.sum(axis=0) + (effects * moments).sum(axis=0) + left)
    return SufficientStatistics(n_rows, products, sizes, rank, by_level)


@contextmanager
def _workspace(connection: duckdb.DuckDBPyConnection, panel: PanelRelation) -> Generator[None]:
    """Temporary tables and a setting that go when the work is done."""
    before = _scalar(connection, "select current_setting('perfect_ht_threshold')")
    if len(panel.pairs) <= MAX_ADDRESSED_SUMS:
        connection.execute(f"set perfect_ht_threshold = {max(before, ADDRESSED_BITS)}")
    try:
        yield
    finally:
        connection.execute(f"set perfect_ht_threshold = {before}")
        for name in ("units", "patterns", "levels", "offsets"):
            connection.execute(f"drop table if exists temp.sufficient_{name}")


@dataclass(frozen=True)
class _Levels:
    """Levels from the first to the last, those without rows among them: `n_rows` (W,) and `sums` (W, p)."""

    first: int
    n_rows: Integers
    sums: Floats

    @property
    def n_levels(self) -> int:
        return len(self.n_rows)


@dataclass(frozen=True)
class _Patterns:
    """Distinct sets of levels that units have, as bits of `words` (m, words).

    Args:
        words: level w is in the set where bit w % 64 of word w // 64 is set.
        n_rows, n_units: (m,) rows of one unit, and units, with the set.
        means, mean_squares: (m, p) sums over units of their means, and of their means squared times rows.
    """

    words: NDArray[np.uint64]
    n_rows: Integers
    n_units: Integers
    means: Floats
    mean_squares: Floats

    def chosen(self, keep: NDArray[np.bool_]) -> "_Patterns":
        return _Patterns(self.words[keep], self.n_rows[keep], self.n_units[keep], self.means[keep], self.mean_squares[keep])

    def presence(self, n_levels: int) -> Iterator[tuple[slice, Floats]]:
        """Patterns in parts, with (part, W) 1 where a pattern has the level."""
        octets = np.ascontiguousarray(self.words, dtype="<u8").view(np.uint8)
        for start in range(0, len(octets), PATTERNS_AT_ONCE):
            part = slice(start, start + PATTERNS_AT_ONCE)
            yield part, np.unpackbits(octets[part], axis=1, count=n_levels, bitorder="little").astype(np.float64)

    def level_gram(self, n_levels: int) -> Floats:
        """(W, W) cross-products of the level dummies with unit means removed."""
        gram = np.zeros((n_levels, n_levels))
        for part, present in self.presence(n_levels):
            gram[np.diag_indices(n_levels)] += self.n_units[part] @ present
            gram -= present.T @ (present * (self.n_units[part] / self.n_rows[part])[:, None])
        return gram

    def normal_equations(self, levels: _Levels) -> tuple[Floats, Floats]:
        """Cross-products of the level dummies (W, W) with themselves and (W, p) with the columns, unit means removed."""
        gram, moments = np.diag(levels.n_rows.astype(np.float64)), levels.sums.copy()
        for part, present in self.presence(levels.n_levels):
            if (present.sum(axis=1) != self.n_rows[part]).any():
                raise ValueError("a unit has more than one row in a level")
            gram -= present.T @ (present * (self.n_units[part] / self.n_rows[part])[:, None])
            moments -= present.T @ self.means[part]
        return gram, moments

    def lonely_levels(self, n_rows: Integers) -> Integers:
        """Codes of levels that hold a single row once units with a single row are gone, over and over.

        Args:
            n_rows: (W,) rows of each level.
        """
        kept, gone = n_rows > 0, np.zeros(len(self.words), dtype=bool)
        sizes = n_rows.astype(np.float64)
        in_kept = self.n_rows.copy()
        while True:
            newly_gone = ~gone & (in_kept < 2)
            leaving = self.chosen(newly_gone)
            for part, present in leaving.presence(len(n_rows)):
                sizes -= leaving.n_units[part] @ present
            gone |= newly_gone
            lonely = kept & (sizes < 2)
            if not lonely.any():
                return np.flatnonzero((n_rows > 0) & ~kept)
            for part, present in self.presence(len(n_rows)):
                in_kept[part] -= present[:, lonely].sum(axis=1).astype(np.int64)
            kept &= ~lonely


def _read(connection: duckdb.DuckDBPyConnection, panel: PanelRelation, drop_singletons: bool) -> tuple[PanelRelation, _Levels, _Patterns]:
    levels = _read_level_sums(connection, panel)
    patterns = _read_patterns(connection, panel, levels)
    lonely = patterns.lonely_levels(levels.n_rows) if drop_singletons else []
    if not len(lonely):
        return panel, levels, patterns
    if len(lonely) == np.count_nonzero(levels.n_rows):
        raise NotIdentifiedError(NOTHING_LEFT)
    excluded = ", ".join(str(levels.first + code) for code in lonely)
    rest = f"(select * from {panel.relation} where {identifier(panel.level)} not in ({excluded}))"
    return _read(connection, replace(panel, relation=rest), drop_singletons=False)


def _read_patterns(connection: duckdb.DuckDBPyConnection, panel: PanelRelation, levels: _Levels) -> _Patterns:
    n_words = (levels.n_levels - 1) // BITS_PER_WORD + 1
    code = f"({identifier(panel.level)}::bigint - ({levels.first}))::ubigint"
    bits = [f"1::ubigint << {code}"]
    if n_words > 1:
        shifted = f"1::ubigint << ({code} % {BITS_PER_WORD}::ubigint)"
        bits = [f"case when {code} // {BITS_PER_WORD} = {word} then {shifted} else 0 end" for word in range(n_words)]
    words = [f"presence_{word}" for word in range(n_words)]
    sets = [f"bit_or({bit}) as {word}" for bit, word in zip(bits, words, strict=True)]
    means = [f"sum({identifier(column)}::double) / count(*) as mean_{i}" for i, column in enumerate(panel.columns)]
    unit = _names(panel.unit)
    connection.execute(
        f"create or replace temp table sufficient_units as select {unit}, count(*) as n_rows, {', '.join([*sets, *means])} "
        f"from {panel.relation} as panel group by {unit}"
    )
    totals = [f"sum(mean_{i}) as total_{i}, sum(n_rows * mean_{i} * mean_{i}) as square_{i}" for i in panel.positions]
    found = _fetch(
        connection,
        f"select n_rows, {', '.join(words)}, count(*) as n_units, {', '.join(totals)} "
        f"from temp.sufficient_units group by n_rows, {', '.join(words)}",
    )
    means, squares = (_stack(found, [f"{name}_{i}" for i in panel.positions]) for name in ("total", "square"))
    return _Patterns(_stack(found, words), found["n_rows"], found["n_units"], means, squares)


def _read_level_sums(connection: duckdb.DuckDBPyConnection, panel: PanelRelation) -> _Levels:
    columns = [f"{identifier(column)}::double" for column in panel.columns]
    sums = [f"sum({column}) as sum_{i}" for i, column in enumerate(columns)]
    found = _fetch(
        connection,
        f"select {identifier(panel.level)}::bigint as level, count(*) as n_rows, count({' + '.join(columns)}) as n_complete, "
        f"{', '.join(sums)} from {panel.relation} as panel group by 1 order by 1",
    )
    level, n_rows = found["level"], found["n_rows"]
    if not len(level):
        raise NotIdentifiedError("no rows")
    if np.ma.count_masked(level) or (found["n_complete"] != n_rows).any():
        raise ValueError("rows with a null level or a null value")
    by_level = _stack(found, [f"sum_{i}" for i in panel.positions])
    if not np.isfinite(by_level).all():
        infinite = np.flatnonzero(~np.isfinite(by_level).all(axis=0))
        raise ValueError(f"values that are not finite: {', '.join(panel.columns[i] for i in infinite)}")
    first, n_levels = int(level[0]), int(level[-1]) - int(level[0]) + 1
    if n_levels > MAX_LEVELS:
        raise ValueError(f"levels span {n_levels}; at most {MAX_LEVELS} are supported")
    counts, sums_by_level = np.zeros(n_levels, dtype=np.int64), np.zeros((n_levels, len(panel.columns)))
    counts[level - first], sums_by_level[level - first] = n_rows, by_level
    return _Levels(first, counts, sums_by_level)


def _upload(connection: duckdb.DuckDBPyConnection, panel: PanelRelation, levels: _Levels, patterns: _Patterns, effects: Floats) -> None:
    """Hand the level effects (W, p) to the database, and their mean over each pattern of levels."""
    means = np.empty((len(patterns.words), len(panel.columns)))
    for part, present in patterns.presence(levels.n_levels):
        means[part] = present @ effects / patterns.n_rows[part][:, None]
    words = {f"presence_{word}": np.ascontiguousarray(patterns.words[:, word]) for word in range(patterns.words.shape[1])}
    level = {"level": levels.first + np.arange(levels.n_levels)}
    for name, keys, values in (("patterns", words, means), ("levels", level, effects)):
        columns = {f"effect_{i}": np.ascontiguousarray(values[:, i]) for i in panel.positions}
        connection.register("sufficient_upload", keys | columns)
        connection.execute(f"create or replace temp table sufficient_{name} as from sufficient_upload")
        connection.unregister("sufficient_upload")


def _write_offsets(connection: duckdb.DuckDBPyConnection, panel: PanelRelation, patterns: _Patterns) -> None:
    """What is taken from each unit's rows, and the code of its cluster; units whose pattern was dropped are left out."""
    words = ", ".join(f"presence_{word}" for word in range(patterns.words.shape[1]))
    offsets = ", ".join(f"mean_{i} - effect_{i} as offset_{i}" for i in panel.positions)
    connection.execute(
        f"create or replace temp table sufficient_offsets as select {_names(panel.unit)}, {offsets}, "
        f"dense_rank() over (order by {_cluster(connection, panel)}) - 1 as cluster_code "
        f"from temp.sufficient_units inner join temp.sufficient_patterns using ({words})"
    )


def _cluster(connection: duckdb.DuckDBPyConnection, panel: PanelRelation) -> str:
    """Columns that name the cluster, or the hash that stands for them."""
    names = _names(panel.cluster)
    if len(panel.columns) - 1 <= MAX_REGRESSORS_BY_CLUSTER:
        return names
    if _scalar(connection, f"select count(*) from (select distinct {names} from temp.sufficient_units)") <= SUPER_CLUSTERS:
        return names
    texts = ", ".join(f"{identifier(name)}::varchar" for name in panel.cluster)
    return f"(md5_number_lower(to_json([{texts}])::varchar) % {SUPER_CLUSTERS})"


def _residuals(panel: PanelRelation) -> str:
    """Query of each row's cluster, level and residuals."""
    same_unit = " and ".join(f"panel.{identifier(name)} = offsets.{identifier(name)}" for name in panel.unit)
    residuals = ", ".join(
        f"panel.{identifier(column)}::double - levels.effect_{i} - offsets.offset_{i} as residual_{i}"
        for i, column in enumerate(panel.columns)
    )
    return (
        f"select offsets.cluster_code, levels.level, {residuals} from {panel.relation} as panel "
        f"inner join temp.sufficient_levels as levels on panel.{identifier(panel.level)} = levels.level "
        f"inner join temp.sufficient_offsets as offsets on {same_unit}"
    )


def _write_products(connection: duckdb.DuckDBPyConnection, panel: PanelRelation, table: str) -> None:
    products = ", ".join(f"sum(residual_{i} * residual_{j}) as product_{i}_{j}" for i, j in panel.pairs)
    names = _cluster(connection, panel)
    distinct = "" if set(panel.cluster) == set(panel.unit) and names == _names(panel.cluster) else "distinct "
    named = names if names == _names(panel.cluster) else f"{names}::bigint as super_cluster"
    connection.execute(
        f"create or replace table {table} as with residuals as ({_residuals(panel)}), "
        f"products as (select cluster_code, count(*) as n_rows, {products} from residuals group by cluster_code), "
        f"names as (select {distinct}{named}, cluster_code from temp.sufficient_offsets) "
        "select names.* exclude (cluster_code), products.* exclude (cluster_code) "
        "from products inner join names on products.cluster_code = names.cluster_code order by products.cluster_code"
    )


def _read_products(connection: duckdb.DuckDBPyConnection, panel: PanelRelation, table: str) -> tuple[Integers, Floats]:
    names = [f"product_{i}_{j}" for i, j in panel.pairs]
    found = _fetch(connection, f"select n_rows, {', '.join(names)} from {table}")
    return found["n_rows"], _stack(found, names)


def _read_levels(connection: duckdb.DuckDBPyConnection, panel: PanelRelation, levels: _Levels, patterns: _Patterns) -> LevelStatistics:
    """Normal equations of the levels and sums of residuals, by cluster."""
    n_clusters = _scalar(connection, "select max(cluster_code) + 1 from temp.sufficient_offsets")
    if n_clusters > SUPER_CLUSTERS:
        raise ValueError(f"{n_clusters} clusters; what each says about the levels is kept for at most {SUPER_CLUSTERS}")
    sums = ", ".join(f"sum(residual_{i}) as sum_{i}" for i in panel.positions)
    found = _fetch(
        connection,
        f"with residuals as ({_residuals(panel)}) select cluster_code, level, {sums} from residuals group by cluster_code, level",
    )
    residuals = np.zeros((n_clusters, levels.n_levels, len(panel.columns)))
    residuals[found["cluster_code"], found["level"] - levels.first] = _stack(found, [f"sum_{i}" for i in panel.positions])

    words = [f"presence_{word}" for word in range(patterns.words.shape[1])]
    found = _fetch(
        connection,
        f"select cluster_code, n_rows, {', '.join(words)}, count(*) as n_units from temp.sufficient_units "
        f"inner join temp.sufficient_offsets using ({_names(panel.unit)}) group by all",
    )
    bits = _stack(found, words)
    every = _Patterns(bits, found["n_rows"], found["n_units"], *2 * (np.empty((len(bits), 0)),))
    grams = [every.chosen(found["cluster_code"] == cluster).level_gram(levels.n_levels) for cluster in range(n_clusters)]
    return LevelStatistics(np.array(grams), residuals)


def _fetch(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, NDArray[Any]]:
    return {name: np.asanyarray(values) for name, values in connection.execute(query).fetchnumpy().items()}


def _stack(found: dict[str, NDArray[Any]], names: list[str]) -> NDArray[Any]:
    return np.column_stack([found[name] for name in names])


def _scalar(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(identifier(column) for column in columns)
