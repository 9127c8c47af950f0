"""`twoway experiment` on a small home whose build the project's own models made."""

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner, Result

from pipelines.cli import app
from pipelines.errors import ConfigError, LockedError, TwowayError
from pipelines.experiment.assignment import Trial, arm_of, sample_ratio
from pipelines.experiment.files import read_folder, write_folder
from pipelines.experiment.readout import Arms, Readout, readout_text
from pipelines.sources.files import FilesSource
from tests.conftest import twoway
from tests.warehouse import CompiledProject, Rows, Warehouse

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
ASSIGNED = "2026-03-02T08:00:00Z"
WANTED = (
    "int_identity__clusters",
    "int_identity__customer_units",
    "int_identity__customer_accounts",
    "fct_tickets",
    "dim_brand",
    "input_shared__experiments",
)
N_CONTACTS, N_ONLY_USERS = 60, 20


def company() -> dict[str, list[dict[str, Any]]]:
    """Contacts with a help-desk user each by e-mail, one merged away, users without a contact, staff, and odd ids."""
    day = datetime(2026, 2, 1, tzinfo=UTC)
    contacts: list[dict[str, Any]] = [
        {"source_id": "crm", "contact_id": f"k{i}", "email": f"p{i}@x.org", "created_at": day} for i in range(N_CONTACTS)
    ]
    contacts.append({"source_id": "crm", "contact_id": "old", "email": None, "created_at": day, "merged_into_contact_id": "k0"})
    users: list[dict[str, Any]] = [{"user_id": f"u{i}", "role": "customer", "email": f"p{i}@x.org"} for i in range(N_CONTACTS)]
    users += [{"user_id": f"only{i}", "role": "customer", "email": None} for i in range(N_ONLY_USERS - 2)]
    users += [{"user_id": "=1+1", "role": "customer", "email": None}, {"user_id": "'quoted", "role": "customer", "email": None}]
    users.append({"user_id": "staff", "role": "agent", "email": None})
    social = [{"account_id": "s1", "platform": "bluesky", "handle": "p1.example", "is_brand": False}]
    contacts[1]["social_handles"] = ["bluesky:p1.example"]
    tickets = [
        {
            "ticket_id": f"t{i}",
            "requester_id": f"u{i}",
            "created_at": day,
            "status": "open" if i % 2 else "solved",
            "brand_id": "b",
            "queue": "billing",
        }
        for i in range(30)
    ]
    brands = [{"brand_id": "b", "name": "Brand", "time_zone": "Europe/Berlin"}]
    return {"crm_contacts": contacts, "support_users": users, "social_accounts": social, "support_tickets": tickets, "brands": brands}


def write_build(warehouse: Warehouse, rows: Mapping[str, Rows], home: Path) -> None:
    """Build the models from the rows and put them where a run would."""
    warehouse.fill(rows, AS_OF)
    home.mkdir(parents=True, exist_ok=True)
    (home / "build.duckdb").unlink(missing_ok=True)
    warehouse.connection.execute(f"attach '{home / 'build.duckdb'}' as saved; copy from database build to saved; detach saved")


@pytest.fixture(scope="module")
def warehouse(compiled_project: CompiledProject) -> Iterator[Warehouse]:
    with Warehouse(compiled_project, *WANTED) as made:
        yield made


@pytest.fixture(scope="module")
def home(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("experiments") / "home"
    write_build(warehouse, company(), made)
    return made


def run(*arguments: object, home: Path) -> Result:
    return CliRunner().invoke(app, ["experiment", *map(str, arguments), "--home", str(home)])


def assigned(out: Path, home: Path, *arguments: str) -> dict[str, list[dict[str, str]]]:
    """Rows of both lists after an assignment that worked."""
    result = run("assign", "--out", out, "--as-of", ASSIGNED, *arguments, home=home)
    assert result.exit_code == 0, result.exception
    return {name: list(csv.DictReader((out / f"{name}.csv").open(newline=""))) for name in ("assignment", "experiments")}


HOLDOUT = ("--lever", "broadcast", "--unit", "customer", "--share", "30%", "--seed", "5")
PRIORITY = ("--lever", "responsiveness", "--unit", "customer", "--share", "0.5")
TICKETS = ("--lever", "responsiveness", "--unit", "ticket", "--share", "50%")


def test_all_ids_of_one_person_get_one_arm(home: Path, tmp_path: Path) -> None:
    lists = assigned(tmp_path / "trial", home, *PRIORITY)
    arms = {(row["system"], row["id"]): row["arm"] for row in lists["assignment"]}
    for i in range(N_CONTACTS):
        assert arms["crm_contacts", f"k{i}"] == arms["support_users", f"u{i}"]
    assert arms["social_accounts", "s1"] == arms["crm_contacts", "k1"]
    # The hash is of the smallest id as the source has it: no key of the home is needed to check it.
    trial = Trial("responsiveness-customer-2026-03-02", "responsiveness", "customer", 0.5, 20261122)
    assert {key: arms["crm_contacts", key] for key in ("k0", "k7")} == {
        key: arm_of(trial, f"crm_contacts|crm|{key}") for key in ("k0", "k7")
    }
    assert arms["support_users", "only3"] == arm_of(trial, "support_users|s|only3")
    assert ("crm_contacts", "old") not in arms
    assert ("support_users", "staff") not in arms
    assert len(arms) == 2 * N_CONTACTS + 1 + N_ONLY_USERS
    assert len(lists["experiments"]) == N_CONTACTS + N_ONLY_USERS
    by_unit = {row["unit_id"]: row["arm"] for row in lists["experiments"]}
    assert {by_unit[f"k{i}"] == arms["crm_contacts", f"k{i}"] for i in range(N_CONTACTS)} == {True}


def test_all_persons_of_one_company_get_one_arm_where_companies_are_the_unit(warehouse: Warehouse, tmp_path: Path) -> None:
    rows = company()
    rows["crm_accounts"] = [{"source_id": "crm", "account_id": "acme"}]
    for contact in rows["crm_contacts"][10:30]:
        contact["account_id"] = "acme"
    warehouse.fill(rows, AS_OF)
    warehouse.connection.execute("update run.analysis_plan set customer_unit = 'account'")
    try:
        write_build(warehouse, rows, tmp_path / "home")
    finally:
        warehouse.connection.execute("update run.analysis_plan set customer_unit = 'person'")
    lists = assigned(tmp_path / "trial", tmp_path / "home", *HOLDOUT)
    arms = {row["id"]: row["arm"] for row in lists["assignment"]}
    trial = Trial("broadcast-customer-2026-03-02", "broadcast", "customer", 0.3, 5)
    assert {arms[f"{kind}{i}"] for i in range(10, 30) for kind in "ku"} == {arm_of(trial, "crm_accounts|crm|acme")}
    assert len(lists["experiments"]) == N_CONTACTS - 19


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_list(home: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assigned(tmp_path / name, home, *HOLDOUT)
    for file in ("assignment.csv", "experiments.csv", "experiment.json", "README.md"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    other = assigned(tmp_path / "three", home, *HOLDOUT[:-1], "6", "--id", "broadcast-customer-2026-03-02")
    assert other["assignment"] != assigned(tmp_path / "four", home, *HOLDOUT)["assignment"]


def test_a_holdout_lists_only_whom_a_campaign_can_reach(home: Path, tmp_path: Path) -> None:
    lists = assigned(tmp_path / "trial", home, *HOLDOUT)
    assert {row["unit_id"] for row in lists["experiments"]} == {f"k{i}" for i in range(N_CONTACTS)}
    assert {row["arm"] for row in lists["experiments"]} == {"holdout", "contact"}


def test_a_stratified_share_is_exact(home: Path, tmp_path: Path) -> None:
    lists = assigned(tmp_path / "trial", home, *HOLDOUT, "--stratify", "brand")
    assert sum(row["arm"] == "holdout" for row in lists["experiments"]) == 18


def test_the_rows_are_what_the_files_source_takes_and_ids_survive(home: Path, tmp_path: Path) -> None:
    lists = assigned(tmp_path / "trial", home, *PRIORITY)
    cells = {row["id"] for row in lists["assignment"]}
    assert {"'=1+1", "''quoted"} < cells
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in lists["assignment"] + lists["experiments"] for cell in row.values())
    with duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        folder = tmp_path / "input"
        folder.mkdir()
        (folder / "experiments.csv").write_bytes((tmp_path / "trial" / "experiments.csv").read_bytes())
        FilesSource("acme", folder, None).read(connection)
        rows = connection.execute("select source_id, unit_id, arm, assigned_at, lever, unit from experiments").fetchall()
    assert len(rows) == N_CONTACTS + N_ONLY_USERS
    assert {row[0] for row in rows} == {"crm", "s"}
    assert {"support_users:=1+1", "support_users:'quoted", "k0", "only0"} < {row[1] for row in rows}
    assert {row[3:] for row in rows} == {(datetime(2026, 3, 2, 8, tzinfo=UTC), "responsiveness", "customer")}


def test_an_id_that_two_persons_have_in_two_systems_is_written_with_its_system(warehouse: Warehouse, tmp_path: Path) -> None:
    rows = {
        "crm_contacts": [{"contact_id": "17"}, {"contact_id": "18", "email": "e@x.org"}],
        "support_users": [{"user_id": "17", "role": "customer"}, {"user_id": "18", "role": "customer", "email": "e@x.org"}],
    }
    write_build(warehouse, rows, tmp_path / "home")
    lists = assigned(tmp_path / "trial", tmp_path / "home", *PRIORITY)
    assert {row["unit_id"] for row in lists["experiments"]} == {"crm_contacts:17", "support_users:17", "18"}


def test_extending_keeps_every_arm_and_adds_who_is_new(home: Path, warehouse: Warehouse, tmp_path: Path) -> None:
    before = assigned(tmp_path / "trial", home, *PRIORITY)
    rows = company()
    # Ten persons turn out to have an id that sorts before all of theirs, and one more person has come.
    rows["crm_contacts"] = [
        *rows["crm_contacts"],
        *({"source_id": "acrm", "contact_id": f"first{i}", "email": f"p{i}@x.org"} for i in range(10)),
        {"source_id": "crm", "contact_id": "new1", "email": "new@x.org"},
    ]
    later = tmp_path / "later"
    write_build(warehouse, rows, later)
    result = run("assign", "--extend", tmp_path / "trial", "--out", tmp_path / "more", home=later)
    assert result.exit_code == 0, result.exception
    after = list(csv.DictReader((tmp_path / "more" / "assignment.csv").open(newline="")))
    assert after[: len(before["assignment"])] == before["assignment"]
    added = {row["id"]: row["arm"] for row in after[len(before["assignment"]) :]}
    kept = {row["id"]: row["arm"] for row in before["assignment"]}
    assert {key: arm for key, arm in added.items() if key != "new1"} == {f"first{i}": kept[f"k{i}"] for i in range(10)}
    units = [row["unit_id"] for row in csv.DictReader((tmp_path / "more" / "experiments.csv").open(newline=""))]
    assert units == [*(row["unit_id"] for row in before["experiments"]), "new1"]


def test_record_gives_later_tickets_the_arm_of_the_rule(home: Path, warehouse: Warehouse, tmp_path: Path) -> None:
    lists = assigned(tmp_path / "trial", home, *TICKETS)
    assert {row["unit_id"] for row in lists["experiments"]} == {f"t{i}" for i in range(1, 30, 2)}
    rows = company()
    created = {"n1": datetime(2026, 3, 1, 12, tzinfo=UTC), "n2": datetime(2026, 3, 3, tzinfo=UTC)}
    rows["support_tickets"] = [
        *rows["support_tickets"],
        *({"ticket_id": key, "requester_id": "u1", "created_at": at, "status": "new", "brand_id": "b"} for key, at in created.items()),
    ]
    later = tmp_path / "later"
    write_build(warehouse, rows, later)
    out = tmp_path / "experiments.csv"
    result = run("record", tmp_path / "trial", "--out", out, home=later)
    assert result.exit_code == 0, result.exception
    assert "17 tickets" in result.output
    trial = Trial("responsiveness-ticket-2026-03-02", "responsiveness", "ticket", 0.5, 20261122)
    found = {row["unit_id"]: row for row in csv.DictReader(out.open(newline=""))}
    assert {key: row["arm"] for key, row in found.items()} == {key: arm_of(trial, key) for key in found}
    # A ticket from before the assignment counts from the assignment on.
    assert (found["n1"]["assigned_at"], found["n2"]["assigned_at"]) == (ASSIGNED, "2026-03-03T00:00:00Z")
    again = run("record", tmp_path / "trial", "--out", out, home=later)
    assert isinstance(again.exception, ConfigError)


def test_shifts_of_the_coming_weeks_have_the_exact_share(home: Path, tmp_path: Path) -> None:
    lists = assigned(tmp_path / "trial", home, "--lever", "responsiveness", "--unit", "shift", "--share", "50%", "--weeks", "4")
    counts: dict[str, int] = defaultdict(int)
    for row in lists["assignment"]:
        counts[row["slot"]] += row["arm"] == "priority"
    assert set(counts.values()) == {2}
    assert len(lists["experiments"]) == 4 * 21
    assert lists["assignment"][0] == {
        "brand_id": "b", "queue": "billing", "week_start": "2026-03-09", "slot": "0", "starts_at": "2026-03-08T23:00:00Z",
        "ends_at": "2026-03-09T07:00:00Z", "arm": lists["experiments"][0]["arm"],
    }  # fmt: skip
    assert lists["experiments"][0]["unit_id"] == "b|2026-03-09|00|billing"
    refused = run("record", tmp_path / "trial", "--out", tmp_path / "r.csv", home=home)
    assert "nothing to record" in str(refused.exception)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--lever", "broadcast", "--unit", "customer", "--share", "5"), "out of range"),
        (("--lever", "broadcast", "--unit", "customer", "--share", "0%"), "out of range"),
        (("--lever", "broadcast", "--unit", "customer", "--share", "nan"), "out of range"),
        (("--lever", "broadcast", "--unit", "customer", "--share", "some"), "is no share"),
        (("--lever", "broadcast", "--unit", "agent", "--share", "5%"), "'agent' is no unit"),
        (("--lever", "broadcast", "--unit", "shift", "--share", "5%"), "a broadcast goes to customers"),
        (("--lever", "price", "--unit", "customer", "--share", "5%"), "'price' is no lever"),
        (("--lever", "broadcast", "--unit", "customer"), "Say what is tried on whom"),
        ((*TICKETS, "--stratify", "brand"), "a ticket has none"),
        ((*HOLDOUT, "--stratify", "moon"), "'moon' is unknown"),
        ((*HOLDOUT, "--id", "../x"), "is no experiment id"),
        ((*HOLDOUT, "--as-of", "yesterday"), "not a point in time"),
    ],
)
def test_what_can_not_be_assigned_is_told_and_nothing_is_written(
    home: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = run("assign", "--out", tmp_path / "trial", *arguments, home=home)
    assert isinstance(result.exception, ConfigError)
    assert message in str(result.exception)
    assert not (tmp_path / "trial").exists()


def test_the_command_ends_with_code_two_and_a_sentence(home: Path, tmp_path: Path) -> None:
    wrong = twoway("experiment", "assign", *HOLDOUT[:-4], "--share", "120%", "--out", tmp_path / "t", "--home", home)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("twoway: --share 120% is out of range")
    nobody = twoway("experiment", "assign", *HOLDOUT, "--out", tmp_path / "t", "--home", tmp_path / "empty")
    assert nobody.returncode == 2
    assert "holds no build yet" in nobody.stderr


def test_an_assignment_is_never_overwritten_and_a_changed_one_not_read(home: Path, tmp_path: Path) -> None:
    assigned(tmp_path / "trial", home, *PRIORITY)
    again = run("assign", "--out", tmp_path / "trial", *PRIORITY, home=home)
    assert "never overwritten" in str(again.exception)
    with pytest.raises(ConfigError, match="never overwritten"):
        write_folder(tmp_path / "trial", {})
    assert ((tmp_path / "trial").stat().st_mode & 0o777, (tmp_path / "trial" / "assignment.csv").stat().st_mode & 0o777) == (0o700, 0o600)
    path = tmp_path / "trial" / "experiments.csv"
    path.write_text(path.read_text().replace(",priority,", ",usual,", 1))
    with pytest.raises(ConfigError, match="was changed after it was written"):
        read_folder(tmp_path / "trial")
    with pytest.raises(ConfigError, match="is no trial"):
        read_folder(tmp_path)


def test_a_build_that_a_run_is_writing_is_not_read(home: Path, tmp_path: Path) -> None:
    build = tmp_path / "busy" / "build.duckdb"
    build.parent.mkdir()
    build.write_bytes((home / "build.duckdb").read_bytes())
    script = "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); print('open', flush=True); time.sleep(60)"
    import subprocess
    import sys

    with subprocess.Popen([sys.executable, "-c", script, str(build)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        result = run("assign", "--out", tmp_path / "trial", *HOLDOUT, home=build.parent)
        writer.kill()
    assert isinstance(result.exception, LockedError)


def estimate(lever: str, quantity: str, grades: str) -> dict[str, Any]:
    """A published primary estimate."""
    return {
        "claim_id": "C1", "lever": lever, "quantity": quantity, "evidence_grade_r": grades[0], "evidence_grade_b": grades[1],
        "is_primary": True, "is_naive": False, "unit": "halving", "estimate": 0.012, "ci95_lo": 0.004, "ci95_hi": 0.02,
    }  # fmt: skip


def test_a_readout_shows_sizes_effects_and_verdict() -> None:
    verdict = {
        "claim_id": "C1", "verdict": "supported", "reason_code": "strong", "mde": 0.011, "sesoi": 0.005,
        "unit": "probability per customer-week", "evidence_grade_r": "A", "evidence_grade_b": "C",
    }  # fmt: skip
    ratio = sample_ratio("responsiveness", 0.5, ["priority"] * 480 + ["usual"] * 520)
    arms = Arms("p1", "responsiveness", "ticket", dict(ratio.counts), ratio)
    text = readout_text(
        Readout([arms], [estimate("responsiveness", "itt", "AC"), estimate("responsiveness", "late", "AC")], [], [verdict], "p1")
    )
    assert text.splitlines() == [
        "trial p1: responsiveness, by ticket",
        "  priority        480  48.00%  expected       500.0",
        "  usual           520  52.00%  expected       500.0",
        "  sample ratio: chi-square p = 0.206, ok",
        "",
        "  responsiveness  effect of being assigned (ITT)                     +0.012  [+0.004, +0.02]  (halving)",
        "  responsiveness  effect on those whom the assignment moved (LATE)   +0.012  [+0.004, +0.02]  (halving)",
        "C1: supported (strong); matters from 0.50 pp; smallest detectable 1.10 pp.",
    ]
    torn = sample_ratio("responsiveness", 0.5, ["priority"] * 300 + ["usual"] * 700)
    warned = readout_text(
        Readout(
            [Arms("p1", "responsiveness", "ticket", dict(torn.counts), torn)], [estimate("contrast", "delta", "AC")], [], [verdict], "p1"
        )
    )
    assert "MISMATCH" in warned
    assert "Not to be read" in warned


def test_power_and_readout_of_the_bundled_data(published_home: Path) -> None:
    found = json.loads(twoway("power", "--json", "--home", published_home).stdout)
    verdicts = json.loads(twoway("verdict", "--json", "--home", published_home).stdout)
    published = next(row for row in verdicts if row["claim_id"] == "C1")
    contrast = next(row for row in found["published"] if row["lever"] == "contrast")
    # 36 degrees of freedom: 2.88 standard errors, where the verdict's rule of thumb has 2.8.
    assert contrast["detectable"] == pytest.approx(published["delta_se"] * (2.0281 + 0.8517), rel=1e-4)
    assert contrast["weeks_needed"] > found["company"]["n_weeks"]
    assert [row["design"] for row in found["trials"]][-1] == "roster"
    text = CliRunner().invoke(app, ["power", "--home", str(published_home)]).output
    assert max(map(len, text.splitlines())) <= 110
    readout = run("readout", home=published_home).output
    assert "The input holds no rows of `experiments`" in readout
    assert "none has evidence grade A" in readout


def test_power_and_readout_need_a_snapshot(tmp_path: Path) -> None:
    for command in (["power"], ["experiment", "readout"]):
        result = CliRunner().invoke(app, [*command, "--home", str(tmp_path)])
        assert isinstance(result.exception, TwowayError)
        assert "nothing was published yet" in str(result.exception)


ARMS = (
    "int_experiments__trials",
    "int_experiments__ticket_arms",
    "int_experiments__slot_arms",
    "int_experiments__customer_arms",
    "int_experiments__holdouts",
)


@pytest.mark.parametrize(
    ("arguments", "table", "column"),
    [
        (TICKETS, "int_experiments__ticket_arms", "ticket_id"),
        (PRIORITY, "int_experiments__customer_arms", "customer_id"),
        (("--lever", "responsiveness", "--unit", "shift", "--share", "0.5"), "int_experiments__slot_arms", "slot"),
        (HOLDOUT, "int_experiments__holdouts", "customer_id"),
    ],
    ids=["ticket", "customer", "shift", "holdout"],
)
def test_the_warehouse_finds_every_assigned_unit_in_its_arm(
    compiled_project: CompiledProject, home: Path, tmp_path: Path, arguments: tuple[str, ...], table: str, column: str
) -> None:
    assigned(tmp_path / "trial", home, *arguments)
    rows: dict[str, Any] = dict(company())
    with duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        folder = tmp_path / "input"
        folder.mkdir()
        (folder / "experiments.csv").write_bytes((tmp_path / "trial" / "experiments.csv").read_bytes())
        FilesSource("acme", folder, None).read(connection)
        cursor = connection.execute("select * exclude (_row_number, _file_number, _extra) from experiments")
        names = [each[0] for each in cursor.description or []]
        rows["experiments"] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    with Warehouse(compiled_project, *ARMS) as later:
        later.fill(rows, AS_OF)
        problems = later.connection.execute("select distinct problem from intermediate.int_experiments__trials").fetchall()
        assert problems == [(None,)]
        arms = Counter(row["arm"] for row in rows["experiments"])
        found = later.connection.execute(f"select count(*) from intermediate.{table}").fetchone()
        if table == "int_experiments__holdouts":
            assert found == (arms["holdout"],)
        else:
            assert found == (len(rows["experiments"]),)
            treated = later.connection.execute(f"select count({column}) from intermediate.{table} where is_treated").fetchone()
            assert treated == (arms["priority"],)
