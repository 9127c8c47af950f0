"""Canonical social tables of a simulated company."""

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import polars as pl

from pipelines.simulate.calendar import DAY, START, WEEK
from pipelines.simulate.company import Company
from pipelines.simulate.frames import brand_ids, ids, instants, masked, picked
from pipelines.simulate.people import N_ACCOUNTS
from pipelines.simulate.randomness import stream
from pipelines.simulate.sentences import MENTIONS, POSTS, SOCIAL_ANSWERS

PLATFORM = "mastodon"
SCHEDULER, OWN_PROGRAM = "Buffer", "Web"


def social_tables(company: Company) -> Iterator[tuple[str, pl.DataFrame]]:
    """Each social table by name."""
    yield "social_accounts", _accounts(company)
    yield "social_follows", _follows(company)
    posts = _brand_posts(company)
    yield "social_posts", pl.concat([posts, _mentions(company), _answers(company)])
    yield "social_post_metrics", _metrics(company, posts)


def _accounts(company: Company) -> pl.DataFrame:
    """Customers' accounts `f`, regional brand accounts `r`, and each brand's account `d` that answers."""
    customers, regions, desks = np.arange(company.n_customers), np.arange(N_ACCOUNTS), np.arange(company.world.n_brands)
    nobody = pl.repeat(None, company.n_customers, dtype=pl.String, eager=True)
    brand_of_region = brand_ids(regions % company.world.n_brands)
    parts = [
        ("f", customers, "customer", False, nobody),
        ("r", regions, "region", True, brand_of_region),
        ("d", desks, "care", True, brand_ids(desks)),
    ]
    return pl.concat(
        [
            pl.DataFrame(
                {
                    "account_id": ids(prefix, codes),
                    "platform": PLATFORM,
                    "handle": ids(handle, codes),
                    "is_brand": is_brand,
                    "brand_id": brand,
                    "is_bot": False,
                    "created_at": instants(np.full(len(codes), START - 365 * DAY)),
                }
            )
            for prefix, codes, handle, is_brand, brand in parts
        ]
    )


def _follows(company: Company) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "account_id": ids("f", np.arange(company.n_customers)),
            "brand_account_id": ids("r", company.customers.followed),
            "followed_at": instants(np.full(company.n_customers, START - 30 * DAY)),
        }
    )


def _brand_posts(company: Company) -> pl.DataFrame:
    """Posts of the regional accounts: in each week those that were scheduled first, then the others."""
    reach = company.reach
    random = stream(company.seed, "files: posts")
    counts = reach.posts.ravel()
    cell = np.repeat(np.arange(counts.size), counts)
    place = np.arange(len(cell)) - np.repeat(np.cumsum(counts) - counts, counts)
    scheduled, unknown_scheduled = reach.scheduled.ravel()[cell], reach.unknown_scheduled.ravel()[cell]
    is_scheduled = place < scheduled
    unknown_organic = reach.unknown.ravel()[cell] - unknown_scheduled
    is_unknown = np.where(is_scheduled, place < unknown_scheduled, place - scheduled < unknown_organic)
    week, account = cell // N_ACCOUNTS, cell % N_ACCOUNTS
    program = picked((OWN_PROGRAM, SCHEDULER), is_scheduled.astype(np.int64))
    return pl.DataFrame(
        {
            "post_id": ids("p", np.arange(len(cell))),
            "account_id": ids("r", account),
            "created_at": instants(START + week * WEEK + random.integers(WEEK, size=len(cell))),
            "text": picked(POSTS, random.integers(len(POSTS), size=len(cell))),
            "in_reply_to_post_id": pl.repeat(None, len(cell), dtype=pl.String, eager=True),
            "in_reply_to_account_id": pl.repeat(None, len(cell), dtype=pl.String, eager=True),
            "mentioned_account_ids": pl.repeat([], len(cell), dtype=pl.List(pl.String), eager=True),
            "client_app": masked(program, ~is_unknown),
            "is_scheduled": masked(pl.Series(is_scheduled), ~is_unknown),
            "lang": "en",
        }
    )


def _mentions(company: Company) -> pl.DataFrame:
    mentions = company.mentions
    n_mentions = len(mentions.customer)
    text = stream(company.seed, "files: mentions").integers(len(MENTIONS), size=n_mentions)
    desk = ids("d", company.customers.brand[mentions.customer])
    return _talk(ids("n", np.arange(n_mentions)), ids("f", mentions.customer), mentions.at, picked(MENTIONS, text), None, desk)


def _answers(company: Company) -> pl.DataFrame:
    mentions = company.mentions
    answered = np.flatnonzero(mentions.is_answered)
    text = stream(company.seed, "files: social answers").integers(len(SOCIAL_ANSWERS), size=len(answered))
    customer = mentions.customer[answered]
    desk, at = ids("d", company.customers.brand[customer]), (mentions.at + mentions.wait)[answered]
    return _talk(ids("x", answered), desk, at, picked(SOCIAL_ANSWERS, text), ids("n", answered), ids("f", customer))


def _talk(post: pl.Series, author: pl.Series, at: np.ndarray, text: pl.Series, answered: pl.Series | None, to: pl.Series) -> pl.DataFrame:
    """Posts from one account to another, with the columns of `_brand_posts`."""
    nobody = pl.repeat(None, len(post), dtype=pl.String, eager=True)
    return pl.DataFrame(
        {
            "post_id": post,
            "account_id": author,
            "created_at": instants(at),
            "text": text,
            "in_reply_to_post_id": nobody if answered is None else answered,
            "in_reply_to_account_id": nobody if answered is None else to,
            "mentioned_account_ids": to.reshape((-1, 1)).arr.to_list() if len(post) else pl.Series([], dtype=pl.List(pl.String)),
            "client_app": pl.repeat(OWN_PROGRAM, len(post), dtype=pl.String, eager=True),
            "is_scheduled": pl.repeat(False, len(post), dtype=pl.Boolean, eager=True),
            "lang": pl.repeat("en", len(post), dtype=pl.String, eager=True),
        }
    )


def _metrics(company: Company, posts: pl.DataFrame) -> pl.DataFrame:
    """One reading of each brand post, two days after."""
    random = stream(company.seed, "files: metrics")
    likes = random.poisson(6, size=len(posts))
    return pl.DataFrame(
        {
            "post_id": posts["post_id"],
            "measured_at": posts["created_at"] + timedelta(days=2),
            "likes": likes,
            "replies": random.binomial(likes, 0.1),
            "impressions": 100 + 20 * likes,
        }
    )
