-- Queries about mailboxes. $1 is always the mailbox: whoever holds its signed cursor owns it, and nobody else knows its name.

-- query mailbox_put again
-- A row each: $2 refs (null: none), $3 frames, $4 facts, $5 topics, $6 join_refs, $7 rooms (0: none), $8 revs. In the order given; a
-- ref that was answered before is left out. The lock comes first, and the numbers under it.
with lock as materialized (
    select pg_advisory_xact_lock(1835100526, hashtext($1::text))
), new as materialized (
    select n.*
    from lock
    cross join unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[])
        with ordinality as n(ref, frames, fact, topic, join_ref, room_id, rev, place)
), taken as (
    insert into mailbox_refs (sid, ref)
    select $1::text, new.ref from new where new.ref is not null
    on conflict do nothing
    returning ref
)
insert into mailbox (sid, seq, frames, fact, topic, join_ref, room_id, rev)
select $1::text, nextval('mailbox_seq'), n.frames, n.fact, n.topic, n.join_ref,
    nullif(n.room_id, 0), case when n.room_id <> 0 then n.rev end
from (
    select new.*
    from new
    where new.ref is null or new.ref in (select taken.ref from taken)
    order by new.place
) n;

-- query mailbox_answered read
-- $2 refs: those that were answered
select ref from mailbox_refs where sid = $1::text and ref = any ($2::text[]);

-- query mailbox_facts read
-- $2 position, $3 at most so many: what lies behind it, without the frames, but how many bytes they have
select seq, null, fact, topic, join_ref, room_id, rev, octet_length(frames)
from mailbox
where sid = $1::text and seq > $2::bigint
order by seq
limit $3::bigint;

-- query mailbox_after read
-- $2 position, $3 at most so many, $4 stop after so many bytes: what lies behind it
select seq, frames, fact, topic, join_ref, room_id, rev, bytes
from (
    select m.*, octet_length(frames) as bytes, sum(octet_length(frames)) over (order by seq) as sum
    from (
        select *
        from mailbox
        where sid = $1::text and seq > $2::bigint
        order by seq
        limit $3::bigint
    ) m
) n
where sum - bytes < $4::bigint
order by seq;

-- query mailbox_forget again
-- $2 position: what lies before it was taken
delete from mailbox where sid = $1::text and seq <= $2::bigint;

-- query mailbox_ring
-- The doorbell: a transaction of its own, after what it announces has been committed.
select pg_notify('confab_mailbox', $1::text);

-- query mailbox_sweep again
-- $1 seconds: what nobody can ask for any more
with refs as (
    delete from mailbox_refs where inserted_at < now() - $1::bigint * interval '1 s'
)
delete from mailbox where inserted_at < now() - $1::bigint * interval '1 s';
