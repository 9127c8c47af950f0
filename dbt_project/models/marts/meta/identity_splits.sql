with final as (
    select
        split_id,
        rule,
        evidence_key,
        reason,
        n_ties_cut,
        n_identities_before,
        n_persons_after
    from {{ ref('int_identity__cluster_splits') }}
)

select * from final
