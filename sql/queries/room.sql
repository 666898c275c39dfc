-- Queries about rooms. $1 is always the asker: a user's id, or null for a guest.

-- query room_find read
-- $2 slug
select r.id, r.slug, r.name, r.rev
from rooms_visible($1::bigint) r
where r.slug = $2::text;

-- query room_stand read
-- $2 slug. How its messages stand: with the numbers that come behind them in message_room_latest
select r.id, r.slug, r.name, r.rev, c.last
from rooms_visible($1::bigint) r
cross join shown_counter c
where r.slug = $2::text;

-- query room_moved read
-- $2 ids of rooms: their counters now
select r.id, r.rev
from rooms_visible($1::bigint) r
where r.id = any ($2::bigint[]);

-- query room_ring
-- $2 id of the room. The doorbell: a transaction of its own, after the post has been committed.
select pg_notify('confab_room', $2::bigint::text) where $1::bigint is null or true;

-- query room_ring_many again
-- $2 ids of rooms: the doorbell of each, in one.
select pg_notify('confab_room', id::text) from unnest($2::bigint[]) as rung (id) where $1::bigint is null or true;

-- query room_ring_all again
-- The doorbell of all rooms: something may have happened that nobody rang for.
select pg_notify('confab_room', '') where $1::bigint is null or true;
