"""Reading a paginated API over one connection: the connector kit against the least that a person would write by hand.

A server process hands out pages that were serialised before. Each side runs in a process of its own, and lands the same rows:
nine typed columns and the rest as JSON. Imports don't count in records per second; they count in peak memory.
"""

import argparse
import json
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MODULE = "benchmarks.connector_throughput"
SIDES = ("kit", "floor")
PAGE_ROWS = 1_000
BATCH_ROWS = 20_000
LONGEST_START_SECONDS = 180
# Goals of the project, on one core of its reference machine.
RATE_GOAL, PEAK_GOAL_MIB, RATIO_GOAL = 25_000, 600, 0.8


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args(arguments)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        command = [*_child("serve"), str(chosen.records), str(listener.fileno())]
        server = subprocess.Popen(command, pass_fds=[listener.fileno()], stdout=subprocess.PIPE)
        try:
            assert server.stdout is not None
            server.stdout.readline()
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1/"
            # In turn, so that both sides meet the same noise.
            rounds = [{side: _run(side, url) for side in SIDES} for _ in range(chosen.repeats)]
        finally:
            server.terminate()
            server.wait()
    for figure in _figures(rounds):
        print(json.dumps({"benchmark": "connector_throughput", "records": chosen.records, **figure}), flush=True)


def _child(side: str) -> list[str]:
    return [sys.executable, "-c", f"import sys; from {MODULE} import child; child(*sys.argv[1:])", side]


def _run(side: str, url: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        found = subprocess.run([*_child(side), url, folder], check=True, stdout=subprocess.PIPE)
    return json.loads(found.stdout.splitlines()[-1])


def _figures(rounds: list[dict[str, dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    for figure in ("rows", "rows_digest"):
        yield {"figure": figure, **{side: rounds[-1][side][figure] for side in SIDES}}
    medians = {}
    for figure in ("records_per_second", "cpu_seconds", "peak_mib"):
        for side in SIDES:
            values = [round(found[side][figure], 2) for found in rounds]
            medians[figure, side] = statistics.median(values)
            goal = {"records_per_second": RATE_GOAL, "peak_mib": PEAK_GOAL_MIB}.get(figure) if side == "kit" else None
            yield {"figure": figure, "side": side, "value": medians[figure, side], "rounds": values, **({"goal": goal} if goal else {})}
    ratio = medians["records_per_second", "kit"] / medians["records_per_second", "floor"]
    yield {"figure": "records_per_second_ratio", "value": round(ratio, 3), "goal": RATIO_GOAL, "reached": ratio >= RATIO_GOAL}
    ratio = medians["cpu_seconds", "floor"] / medians["cpu_seconds", "kit"]
    yield {"figure": "records_per_cpu_second_ratio", "value": round(ratio, 3), "goal": RATIO_GOAL, "reached": ratio >= RATIO_GOAL}


def child(side: str, *arguments: str) -> None:
    """What a child process does; prints its result as JSON."""
    if side == "serve":
        serve(*arguments)
        return
    print(json.dumps({"kit": kit, "floor": floor}[side](*arguments)))


def serve(n_records: str, descriptor: str) -> None:
    """Serve pages of `PAGE_ROWS` records; the cursor is the page's number. Says a line once it is ready."""
    from urllib.parse import parse_qs

    import uvicorn

    n_pages = -(-int(n_records) // PAGE_ROWS)
    pages = [_page(number, n_pages, int(n_records)) for number in range(n_pages)]
    headers = [(b"content-type", b"application/json")]

    async def app(scope: dict[str, Any], _: Any, send: Any) -> None:
        number = int(parse_qs(scope["query_string"].decode()).get("cursor", ["0"])[0])
        body = pages[number]
        await send({"type": "http.response.start", "status": 200, "headers": [*headers, (b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})

    print("ready", flush=True)
    config = uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(descriptor))])


def _page(number: int, n_pages: int, n_records: int) -> bytes:
    following = str(number + 1) if number + 1 < n_pages else "null"
    rows = ",".join(_record(each) for each in range(number * PAGE_ROWS, min((number + 1) * PAGE_ROWS, n_records)))
    return f'{{"next":{following},"tickets":[{rows}]}}'.encode()


def _record(number: int) -> str:
    second = f"{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}"
    return (
        f'{{"id":{number},"subject":"Ticket {number} does not print","status":"{("open", "solved", "closed")[number % 3]}",'
        f'"priority":"normal","requester_id":{number * 7 % 99_991},"assignee_id":{number % 50},"via":{{"channel":"email","source":null}},'
        f'"is_public":{"true" if number % 2 else "false"},"created_at":"2026-01-01T{second}Z","updated_at":"2026-02-01T{second}Z",'
        f'"tags":["printer","t{number % 100}"],"satisfaction":{{"score":"good","comment":"Thank you, {number}"}}}}'
    )


def kit(url: str, folder: str) -> dict[str, Any]:
    """One sync of the connector kit into an empty landing folder."""
    import dlt.destinations  # noqa: F401
    from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

    from pipelines.landing import Landing
    from pipelines.sources.kit.endpoints import Endpoint, Field, Page, Pull, System, SystemSettings
    from pipelines.sources.kit.http import Api
    from pipelines.sources.kit.sync import ApiSource, sync

    def pull(pull: Pull) -> Iterator[Page]:
        paginator = JSONResponseCursorPaginator(cursor_path="next", cursor_param="cursor")
        params = {"cursor": pull.cursor} if pull.cursor is not None else {}
        for records, answer in pull.api.pages("tickets", paginator, "tickets", params):
            yield Page(records, answer["next"])

    fields = (
        Field("id", "id", is_required=True), Field("subject"), Field("status"), Field("requester_id", "id"), Field("assignee_id", "id"),
        Field("channel", path="via.channel"), Field("is_public", "boolean"), Field("created_at", "timestamp", is_required=True),
        Field("updated_at", "timestamp", is_required=True),
    )  # fmt: skip
    system = System(
        name="desk",
        title="Desk",
        family="support",
        settings=SystemSettings,
        endpoints=(Endpoint("tickets", ("id",), fields, pull, version="updated_at"),),
        connect=lambda settings, _: Api(settings.id, settings.base_url),
        probe=lambda *_: "",
    )
    settings = SystemSettings(id="desk", system="desk", base_url=url)
    source = ApiSource(system, settings, lambda: Api("desk", url))
    landing = Landing(Path(folder))
    wall, cpu = time.perf_counter(), time.process_time()
    loads = sync(source, landing, lambda _: None)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return _result([str(landing.root / load.tables["desk__tickets"].path) for load in loads], wall, cpu)


def floor(url: str, folder: str) -> dict[str, Any]:
    """By hand: requests, orjson, polars and DuckDB, nothing kept, checked or tried again."""
    import duckdb
    import orjson
    import polars as pl
    import requests

    taken = ("id", "subject", "status", "requester_id", "assignee_id", "is_public", "created_at", "updated_at")
    ids = ("id", "requester_id", "assignee_id")
    file = f"{folder}/tickets.parquet"

    def frame(records: list[dict[str, Any]]) -> pl.DataFrame:
        columns: dict[str, Any] = {
            name: [str(record[name]) for record in records] if name in ids else [record[name] for record in records] for name in taken
        }
        columns["channel"] = [record["via"]["channel"] for record in records]
        columns["payload"] = [
            orjson.dumps({key: value for key, value in record.items() if key not in taken}, option=orjson.OPT_SORT_KEYS).decode()
            for record in records
        ]
        return pl.DataFrame(columns).with_columns(pl.col("created_at", "updated_at").str.to_datetime(time_unit="us", time_zone="UTC"))

    wall, cpu = time.perf_counter(), time.process_time()
    session, connection = requests.Session(), duckdb.connect(f"{folder}/raw.duckdb")
    connection.execute("set enable_progress_bar = false")
    cursor, buffer, is_first = 0, [], True
    while cursor is not None:
        answer = orjson.loads(session.get(f"{url}tickets", params={"cursor": cursor}, timeout=60).content)
        buffer += answer["tickets"]
        cursor = answer["next"]
        if len(buffer) >= BATCH_ROWS or cursor is None:
            batch = frame(buffer)  # noqa: F841
            connection.execute("create table tickets as from batch" if is_first else "insert into tickets by name from batch")
            buffer, is_first = [], False
    connection.execute(f"copy tickets to '{file}' (format parquet, compression zstd)")
    connection.close()
    return _result([file], time.perf_counter() - wall, time.process_time() - cpu)


def _result(files: list[str], wall: float, cpu: float) -> dict[str, Any]:
    """Peak memory is taken before the rows are compared."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    import duckdb

    columns = "id, subject, status, requester_id, assignee_id, channel, is_public, created_at, updated_at, payload"
    query = f"select count(*), cast(sum(cast(hash({columns}) as hugeint)) as varchar) from read_parquet(?, hive_partitioning = false)"
    rows, digest = duckdb.execute(query, [files]).fetchall()[0]
    rate = rows / wall
    return {"rows": rows, "rows_digest": digest, "records_per_second": rate, "cpu_seconds": cpu, "peak_mib": peak}


if __name__ == "__main__":
    main()
