"""Where the product's own files and a home's files are."""

from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
PROJECT = PACKAGE.parent
DBT_PROJECT = PROJECT / "dbt_project"
BUNDLED_INPUT = PACKAGE / "bundled" / "communities"
DEFAULT_PLAN = PACKAGE / "plans" / "participation.yml"
REVENUE_PLAN = PACKAGE / "plans" / "revenue.yml"


def shown(path: Path) -> str:
    """A path for messages: short where it is below the folder that the user is in."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


@dataclass(frozen=True)
class Home:
    """The folder that holds everything that a user's runs produce."""

    root: Path

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    @property
    def build(self) -> Path:
        return self.root / "build.duckdb"

    @property
    def snapshot(self) -> Path:
        return self.root / "published" / "twoway.duckdb"

    @property
    def candidate(self) -> Path:
        return self.root / "published" / "twoway.candidate.duckdb"

    @property
    def report(self) -> Path:
        return self.root / "report" / "index.html"

    @property
    def coverage(self) -> Path:
        return self.root / "coverage.md"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def temp(self) -> Path:
        return self.root / "temp"

    @property
    def dagster(self) -> Path:
        return self.root / "dagster"

    @property
    def lock(self) -> Path:
        return self.root / "run.lock"

    @property
    def plan_history(self) -> Path:
        return self.root / "plan_history.jsonl"

    @property
    def erasures(self) -> Path:
        return self.root / "erasures"

    @property
    def secret_key(self) -> Path:
        return self.root / "secret.key"

    def prepare(self) -> None:
        """Make the folders; the build and landing hold personal data, so only the owner may look in."""
        for folder in (self.landing, self.snapshot.parent, self.report.parent, self.logs, self.temp, self.dagster):
            folder.mkdir(parents=True, exist_ok=True)
        for private in (self.landing, self.temp):
            private.chmod(0o700)
