"""What comes in: social accounts."""

from typing import Any

SCHEMA = "raw"
TABLE = "files__social_accounts"
PLATFORMS = ["bluesky", "mastodon", "x", "reddit", "youtube", "facebook", "instagram", "linkedin", "github", "other"]


def expectations() -> list[Any]:
    """Handles are matched per platform, so a platform must have one spelling."""
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectColumnValuesToBeInSet(
            column="platform", value_set=PLATFORMS, description=f"social_accounts.platform is one of {', '.join(PLATFORMS)}"
        ),
    ]
