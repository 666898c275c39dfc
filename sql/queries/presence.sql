-- Queries about who is here. $1 is the asker, or the owner of pages that come and go.

-- query presence_lease again
-- $1 owner, $2 seconds. Whether it is a new one: then whatever the owner had here is gone
insert into presence_leases as l (owner, expires_at) values ($1::text, now() + $2::bigint * interval '1 second')
on conflict (owner) do update set expires_at = excluded.expires_at
returning xmax = 0;

-- query presence_change again
-- $1 owner. Pages that came: $2 rooms, $3 refs, $4 users (0: a guest), $5 names. Pages that went: $6 rooms, $7 refs. Without a lease it
-- fails on presences_owner_fkey. Rings for the rooms where something changed.
with went as (
    delete from presences p
    using unnest($6::bigint[], $7::text[]) as g(room_id, ref)
    where p.room_id = g.room_id and p.ref = g.ref and p.owner = $1::text
    returning p.room_id
), came as (
    insert into presences as p (room_id, ref, owner, user_id, name)
    select c.room_id, c.ref, $1::text, u.id, case when u.id is null then c.name end
    from unnest($2::bigint[], $3::text[], $4::bigint[], $5::text[]) as c(room_id, ref, user_id, name)
    join rooms r on r.id = c.room_id
    left join users u on u.id = c.user_id
    where c.user_id = 0 or u.id is not null
    order by c.room_id, c.ref
    on conflict (room_id, ref) do update set owner = excluded.owner, user_id = excluded.user_id, name = excluded.name
        where (p.owner, p.user_id, p.name) is distinct from (excluded.owner, excluded.user_id, excluded.name)
    returning p.room_id
)
select presence_ring(array(select room_id from went union select room_id from came));

-- query presence_leave again
-- $1 owner: it ends, with all its pages
with went as (
    delete from presences where owner = $1::text returning room_id
), lease as (
    delete from presence_leases where owner = $1::text
)
select presence_ring(array(select room_id from went));

-- query presence_sweep again
-- Owners whose lease ran out, with all their pages. How many there were
with late as (
    delete from presence_leases where expires_at < now() returning owner
), went as (
    delete from presences p using late where p.owner = late.owner returning p.room_id
)
select (select count(*) from late), presence_ring(array(select room_id from went));

-- query presence_read read
-- $2 room. How many people and guests there are, and the pages of the first keys by name, members before guests: all up to 200 keys, else
-- 50; of each key the eight that came first. One row without a page when nobody is here, or the asker may not see the room.
with here as (
    select p.ref, p.user_id, u.userid, coalesce(u.name, p.name) as name, u.picture, p.online_at,
        coalesce('user:' || p.user_id, 'guest:' || p.ref) as key
    from presences p
    join rooms_visible($1::bigint) r on r.id = p.room_id
    left join users u on u.id = p.user_id
    where p.room_id = $2::bigint
), counts as (
    select count(distinct user_id) as people, count(*) filter (where user_id is null) as guests from here
), placed as (
    select h.*, dense_rank() over (order by h.user_id is null, lower(h.name), h.key) as place,
        row_number() over (partition by h.key order by h.online_at, h.ref) as tab
    from here h
)
select c.people, c.guests, p.ref, p.key, p.user_id, p.userid, p.name, p.picture,
    (extract(epoch from p.online_at) * 1000)::bigint
from counts c
left join placed p on p.tab <= 8 and p.place <= case when c.people + c.guests > 200 then 50 else 200 end
order by p.place, p.tab;

-- query presence_poll again
-- A long poll, which owns itself: $1 owner, $2 seconds, $3 its ref, $4 the rooms that it is in, and no others, $5 user (0: a guest).
-- Renews its lease, brings its pages up to date, and ends other owners whose lease ran out: where no relay runs, nobody else does
with lease as (
    insert into presence_leases as l (owner, expires_at) values ($1::text, now() + $2::bigint * interval '1 second')
    on conflict (owner) do update set expires_at = excluded.expires_at
), late as (
    delete from presence_leases where expires_at < now() and owner <> $1::text returning owner
), swept as (
    delete from presences p using late where p.owner = late.owner returning p.room_id
), went as (
    delete from presences where owner = $1::text and room_id <> all ($4::bigint[]) returning room_id
), came as (
    insert into presences as p (room_id, ref, owner, user_id)
    select r.id, $3::text, $1::text, u.id
    from rooms r
    left join users u on u.id = $5::bigint
    where r.id = any ($4::bigint[]) and ($5::bigint = 0 or u.id is not null)
    order by r.id
    on conflict (room_id, ref) do update set owner = excluded.owner, user_id = excluded.user_id
        where (p.owner, p.user_id) is distinct from (excluded.owner, excluded.user_id)
    returning p.room_id
)
select presence_ring(array(select room_id from swept union select room_id from went union select room_id from came));

-- query presence_people read
-- $2 slug of a room. A row without a person for all guests, if there are any, with the number of their pages; then the first 51 people by
-- name: what a page shows that is read once. (The room is looked up apart, so that no plan begins with all pages of all rooms, and with
-- `offset 0` none of those is read because they stand in order of users somewhere)
select u.id, u.userid, u.name, u.picture, here.pages
from (
    select p.user_id, count(*) as pages
    from (
        select user_id
        from presences
        where room_id = (select r.id from rooms_visible($1::bigint) r where r.slug = $2::text)
        offset 0
    ) p
    group by p.user_id
) here
left join users u on u.id = here.user_id
order by lower(u.name) nulls first, u.id
limit 52;

-- query presence_pages read
-- $2 slug of a room. Whose pages are there, a row each (null: a guest's), in no order; at most one more than PRESENCE_PAGES_FEW
select p.user_id
from presences p
where p.room_id = (select r.id from rooms_visible($1::bigint) r where r.slug = $2::text)
limit 65;

-- query presence_count read
-- $2 slug of a room. How many people are there
select count(distinct p.user_id)
from presences p
where p.room_id = (select r.id from rooms_visible($1::bigint) r where r.slug = $2::text);

-- query presence_typing again
-- $2 room, $3 ref of the asker's page, $4 hash of the token that the asker came with, or null. Tells whoever listens that it is typing,
-- if the page is here and the session holds
select pg_notify('confab_typing', json_build_object('room', p.room_id, 'ref', p.ref,
    'key', coalesce('user:' || p.user_id, 'guest:' || p.ref), 'name', coalesce(u.name, p.name))::text)
from presences p
join rooms_visible($1::bigint) r on r.id = p.room_id
left join users u on u.id = p.user_id
where p.room_id = $2::bigint and p.ref = $3::text and p.user_id is not distinct from $1::bigint
    and ($4::text is null or exists (
        select from tokens t where t.hash = $4::text and t.user_id = u.id and t.ended_as is null and t.expires_at > now()
    ));
