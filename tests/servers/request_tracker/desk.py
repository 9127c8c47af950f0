"""A small desk's week in Request Tracker: mails, replies, notes, a hand-over, a reopening, a merge, spam."""

import random
from collections.abc import Sequence

from tests.servers.request_tracker.server import RequestTracker

FILE_BYTES = 2_000_000
LOG = "GET /parcel 500\n" * 20_000
CUSTOMERS = ("mia", "noa", "oli", "pia", "rob", "sue")


def seed(rt: RequestTracker, customers: Sequence[str] = CUSTOMERS) -> dict[str, str]:
    """Let it happen; `customers` ask one question each, the last is told no. Gives ids of tickets and of users by name."""
    ids: dict[str, str] = {}
    rt.queue("Support")
    rt.queue("Billing")
    ids["parcel"] = rt.mail(
        "jane", "Where is my parcel?", "It never came.\n", html="<p>It never <b>came</b>.</p>", file=random.Random(1).randbytes(FILE_BYTES)
    )
    rt.change(ids["parcel"], "ann", Owner="ann")
    rt.say(ids["parcel"], "bob", "she was promised it for Monday, ünïcode 漢", "comment", file=LOG)
    rt.say(ids["parcel"], "ann", "<p>It is &lt;late&gt;,<br>sorry.</p>", type_="text/html")
    rt.change(ids["parcel"], "ann", Status="resolved")
    rt.mail("jane", f"Re: [acme #{ids['parcel']}] Where is my parcel?", "And now?\n")
    ids["bill"] = rt.mail("karl", "My bill", "It is wrong.\n")
    rt.change(ids["bill"], "ann", Queue="Billing")
    rt.change(ids["bill"], "bob", Priority=100)
    rt.change(ids["bill"], "bob", Status="stalled")
    ids["told"] = rt.open("bob", "Your contract", "It ends soon.", "lena@example.com")
    ids["own"] = rt.open("bob", "Printer", "Is out of paper.", "bob")
    ids["spam"] = rt.mail("spam", "Buy now", "Cheap!\n")
    rt.call("DELETE", f"ticket/{ids['spam']}")
    ids["double"] = rt.mail("jane", "Parcel again", "Still nothing.\n")
    rt.change(ids["double"], "ann", MergeInto=int(ids["parcel"]))
    for name in customers:
        ids[name] = rt.mail(name, f"Question of {name}", f"How do I {name}?\n")
        rt.say(ids[name], "bob", f"Like this, {name}.")
    rt.change(ids[customers[-1]], "bob", Status="rejected")
    for name in ("ann", "bob", "jane@example.com", "karl@example.com", "lena@example.com", "RT_System", "Nobody"):
        ids[name.partition("@")[0]] = rt.user_id(name)
    return ids
