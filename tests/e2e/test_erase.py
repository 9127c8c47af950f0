"""`twoway erase` as users type it: found, erased, and published without the person, by one whole run."""

import json
from pathlib import Path

import duckdb

from pipelines.landing import Landing
from pipelines.paths import Home
from pipelines.sources.files import FilesSource
from tests.conftest import twoway
from tests.planted import EMAIL, HANDLE, copies_of, write_files


def test_a_person_is_erased_and_the_company_published_without(tmp_path: Path) -> None:
    home, folder = Home(tmp_path / "home"), write_files(tmp_path / "acme")
    home.prepare()
    Landing(home.landing).land(FilesSource("acme", folder), home.temp)
    there = ("--home", home.root, "--input", folder)

    unknown = twoway("erase", "nobody@customer.example", "--yes", *there)
    assert (unknown.returncode, "Nobody goes by that" in unknown.stderr) == (2, True)
    staff = twoway("erase", "ann@company.example", "--yes", *there)
    assert (staff.returncode, "not a customer's" in staff.stderr) == (2, True)
    elsewhere = twoway("erase", EMAIL, "--yes", "--home", home.root)
    assert (elsewhere.returncode, "--input DIR" in elsewhere.stderr) == (2, True)
    looked = twoway("erase", HANDLE, "--dry-run", *there)
    assert (looked.returncode, "support_messages" in looked.stdout) == (0, True)
    refused = twoway("erase", EMAIL, *there)
    assert refused.returncode == 1
    assert not home.erasures.exists()

    done = twoway("erase", EMAIL, "--yes", "--as-of", "2025-06-01T00:00:00Z", *there)
    assert done.returncode == 0, done.stderr
    assert "Published without the person" in done.stdout
    assert copies_of(home.root) == []
    (written,) = home.erasures.glob("2*.json")
    assert json.loads(written.read_text())["receipt"] in done.stdout
    with duckdb.connect(str(home.snapshot), read_only=True) as connection:
        assert connection.execute("select count(*) from core.dim_customer").fetchall() == [(1,)]
        assert connection.execute("select ticket_id from core.fct_tickets order by all").fetchall() == [("t2",), ("t3",)]
        reason = "erased at the person''s request"
        counts = connection.execute(
            f"select rows_in, dropped from meta.reconciliation where table_name = 'support_messages' and reason = '{reason}'"
        ).fetchall()
        assert counts == [(6, 3)]
        wrong = connection.execute("select * from meta.reconciliation where rows_in - dropped <> rows_out or dropped < 0").fetchall()
        assert wrong == []
    again = twoway("erase", EMAIL, "--yes", *there)
    assert (again.returncode, "erased already" in again.stdout) == (0, True)
