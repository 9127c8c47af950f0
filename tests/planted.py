"""A small company in canonical files, with a customer whose every value is planted so that any copy of it can be found."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

# Of the person who is erased. None of these words stands anywhere else.
EMAIL, PHONE, NAME, HANDLE = "zq.planted@customer.example", "+49 30 5550199 7", "Zq Plantedname", "zq_plantedhandle"
WORDS = ("zq.planted", "plantedname", "zq_plantedhandle", "5550199", "plantedsubject", "plantedbody", "plantedpost", "plantedextra")

FILES = {
    "support_users": """user_id,role,name,email,phone,external_id,created_at,updated_at
u1,customer,Zq Plantedname,ZQ.Planted@customer.example,+49 30 5550199 7,ext-planted-77,2025-01-01T00:00:00Z,2025-01-01T00:00:00Z
u2,customer,Bea Other,bea@other.example,+49 30 111222333,ext-2,2025-01-01T00:00:00Z,2025-01-01T00:00:00Z
a1,agent,Ann Agent,ann@company.example,,,2025-01-01T00:00:00Z,2025-01-01T00:00:00Z
""",
    "support_tickets": """ticket_id,created_at,requester_id,submitter_id,subject,status,extra_note
t1,2025-02-03T09:00:00Z,u1,u1,a plantedsubject here,solved,plantedextra words
t2,2025-02-04T09:00:00Z,u2,u1,a question for zq.planted@customer.example,solved,
t3,2025-02-05T09:00:00Z,u2,u2,where is it,open,
""",
    "support_messages": """message_id,ticket_id,author_id,sent_at,is_public,body
m1,t1,u1,2025-02-03T09:00:00Z,true,some plantedbody words
m2,t1,a1,2025-02-03T09:30:00Z,true,an answer with plantedbody
m3,t2,u2,2025-02-04T09:00:00Z,true,"my colleague ZQ.planted@Customer.example, @zq_plantedhandle, or (030) 5550199-7."
m4,t2,a1,2025-02-04T10:00:00Z,true,thank you
m5,t2,u1,2025-02-04T11:00:00Z,true,plantedbody from me too
m6,t3,u2,2025-02-05T09:00:00Z,true,hello u1 77
""",
    "support_ticket_changes": """change_id,ticket_id,changed_at,actor_id,field,old_value,new_value
c1,t1,2025-02-03T09:30:00Z,a1,status,open,solved
c2,t2,2025-02-04T10:00:00Z,a1,status,open,solved
c3,t2,2025-02-04T11:00:00Z,u1,status,solved,open
""",
    "support_ratings": """rating_id,ticket_id,score,scale_min,scale_max,offered_at,rated_at
r1,t1,5,1,5,2025-02-03T10:00:00Z,2025-02-03T10:00:00Z
r2,t2,4,1,5,2025-02-04T12:00:00Z,2025-02-04T12:00:00Z
""",
    "social_accounts": """account_id,platform,handle,is_brand,display_name
s1,mastodon,@zq_plantedhandle,false,Zq Plantedname
s2,mastodon,bea,false,Bea
b1,mastodon,brand,true,The brand
""",
    "social_posts": """post_id,account_id,created_at,text,in_reply_to_post_id,in_reply_to_account_id,mentioned_account_ids
p1,s1,2025-02-10T09:00:00Z,@brand plantedpost,,,b1
p2,b1,2025-02-10T10:00:00Z,@zq_plantedhandle an answer to the plantedpost,p1,s1,s1
p3,s2,2025-02-10T11:00:00Z,I agree with zq_plantedhandle,p1,s1,s1;b1
p4,b1,2025-02-11T09:00:00Z,news for all,,,
p5,b1,2025-02-11T10:00:00Z,and more,p2,b1,
""",
    "social_follows": """account_id,brand_account_id,followed_at
s1,b1,2025-01-01T00:00:00Z
s2,b1,2025-01-01T00:00:00Z
""",
    "social_post_metrics": """post_id,measured_at,likes
p1,2025-02-12T00:00:00Z,3
p4,2025-02-12T00:00:00Z,4
""",
    "crm_contacts": """contact_id,account_id,email,phone,name,social_handles,support_external_id,created_at
k1,comp1,zq.planted@customer.example,,Zq Plantedname,mastodon:zq_plantedhandle,ext-planted-77,2025-01-01T00:00:00Z
k2,comp1,bea@other.example,,Bea Other,mastodon:bea,ext-2,2025-01-01T00:00:00Z
""",
    "crm_accounts": "account_id,name,domain\ncomp1,Company One,one.example\n",
    "crm_deals": """deal_id,account_id,contact_id,created_at,amount,currency,stage
d1,comp1,k1,2025-03-01T00:00:00Z,10,EUR,open
d2,comp1,k2,2025-03-01T00:00:00Z,20,EUR,open
""",
    "crm_deal_stage_changes": """change_id,deal_id,changed_at,from_stage,to_stage
dc1,d1,2025-03-02T00:00:00Z,,open
dc2,d2,2025-03-02T00:00:00Z,,open
""",
    "crm_revenue": """revenue_id,account_id,contact_id,occurred_at,amount,currency,kind
v1,comp1,k1,2025-03-05T00:00:00Z,5,EUR,purchase
v2,comp1,k2,2025-03-05T00:00:00Z,7,EUR,purchase
""",
    "outcome_events": """event_id,contact_id,user_id,ticket_id,occurred_at,kind,value
o1,k1,,,2025-03-06T00:00:00Z,participation,1
o2,,u2,,2025-03-06T00:00:00Z,participation,1
o3,,,t1,2025-03-06T00:00:00Z,csat,1
""",
    "identity_links": """left_system,left_id,right_system,right_id
support_users,u1,crm_contacts,k1
support_users,u2,crm_contacts,k2
""",
}

# Keys of the rows that go, by table.
GONE = {
    "support_users": {"u1"}, "support_tickets": {"t1"}, "support_messages": {"m1", "m2", "m5"}, "support_ticket_changes": {"c1"},
    "support_ratings": {"r1"}, "social_accounts": {"s1"}, "social_posts": {"p1", "p2", "p5"}, "social_follows": {"s1"},
    "social_post_metrics": {"p1"}, "crm_contacts": {"k1"}, "crm_deals": {"d1"}, "crm_deal_stage_changes": {"dc1"}, "crm_revenue": {"v1"},
    "outcome_events": {"o1", "o3"}, "identity_links": {"support_users"},
}  # fmt: skip


def write_files(folder: Path, files: Mapping[str, str] = FILES) -> Path:
    """The company's folder."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def copies_of(root: Path, words: tuple[str, ...] = WORDS) -> list[str]:
    """Every place below a folder where one of some words stands: raw bytes, values of Parquet files, and tables of databases."""
    found = []
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        texts = {"bytes": path.read_bytes().decode(errors="replace"), **_values(path)}
        found += [f"{path.relative_to(root)} ({what}): {word}" for what, text in texts.items() for word in words if word in text.lower()]
    return found


def _values(path: Path) -> dict[str, str]:
    if path.suffix == ".parquet":
        try:
            rows = duckdb.execute("select * from read_parquet(?, hive_partitioning = false)", [str(path)]).fetchall()
        except duckdb.Error:
            # A file that a killed load left.
            return {}
        return {"values": "\n".join(map(repr, rows))}
    if path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as connection:
            names = connection.execute("select table_schema, table_name from information_schema.tables").fetchall()
            return {f"{schema}.{name}": "\n".join(map(repr, _all(connection, schema, name))) for schema, name in names}
    return {}


def _all(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> list[Any]:
    try:
        return connection.execute(f'select * from "{schema}"."{name}"').fetchall()
    except duckdb.Error:
        # A view of dbt's over a table that is not there any more.
        return []
