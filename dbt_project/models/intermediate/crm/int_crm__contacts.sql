-- Every contact with the one that survives its merges, and with the person and company that are the survivor's.
with contacts as (
    select * from {{ ref('input_crm__contacts') }}
),

clusters as (
    select * from {{ ref('int_identity__clusters') }}
    where system = 'crm_contacts'
),

-- Some systems write a contact's own id where nothing was merged.
known_merges as (
    select
        merged.source_id,
        merged.contact_id,
        merged.merged_into_contact_id as parent_id
    from contacts as merged
    inner join contacts as parents
        on merged.source_id = parents.source_id and merged.merged_into_contact_id = parents.contact_id
    where merged.merged_into_contact_id <> merged.contact_id
),

linked as (
    select
        source_id,
        contact_id
    from known_merges
    union
    select
        source_id,
        parent_id as contact_id
    from known_merges
),

chain_members as (
    select
        linked.source_id,
        linked.contact_id,
        known_merges.parent_id
    from linked
    left join known_merges
        on linked.source_id = known_merges.source_id and linked.contact_id = known_merges.contact_id
),

{{ pointer_roots('chain_members', id='contact_id', roots='survivors') }},

resolved as (
    select
        contacts.source_id,
        contacts.contact_id,
        contacts.account_id,
        contacts.deleted_at,
        coalesce(survivors.root_id, contacts.contact_id) as surviving_contact_id,
        coalesce(survivors.is_cycle, false) as is_merge_cycle
    from contacts
    left join survivors
        on contacts.source_id = survivors.source_id and contacts.contact_id = survivors.contact_id
),

final as (
    select
        resolved.source_id,
        resolved.contact_id,
        resolved.surviving_contact_id,
        clusters.customer_id,
        coalesce(surviving.account_id, resolved.account_id) as account_id,
        resolved.contact_id <> resolved.surviving_contact_id as is_merged,
        resolved.is_merge_cycle,
        resolved.deleted_at is not null as is_deleted
    from resolved
    inner join contacts as surviving
        on resolved.source_id = surviving.source_id and resolved.surviving_contact_id = surviving.contact_id
    left join clusters
        on resolved.source_id = clusters.source_id and resolved.surviving_contact_id = clusters.id
)

select * from final
