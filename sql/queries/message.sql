-- Queries about messages. $1 is always the asker: a user's id, or null for a guest.

--
-- Statements are planned once (database_settings), for any number of rows that may be asked for. So that the plan is one for a few
-- rows, however long the history is, none takes more than a thousand from it.

-- define columns
m.id, m.seq, m.rev, m.room_id, r.slug, m.name, m.message, m.user_id, u.userid, u.name, u.picture, m.guest, m.client_id,
(date_part('epoch', m.inserted_at) * 1e6)::bigint, (date_part('epoch', m.edited_at) * 1e6)::bigint, m.deleted

-- What a new message gets from the database: the rest of it was told to the inserting query.
-- define given
m.id, m.seq, (date_part('epoch', m.inserted_at) * 1e6)::bigint, (select r.slug from r)

-- query message_insert
-- $2 room, $3 guest, $4 name, $5 text, $6 client_id. The row lock of the room is held to the end of the statement, so numbers
-- become visible in order. A client_id used before fails on its constraint, and gives its number back with that.
with r as (
    update rooms set rev = rev + 1
    where id = $2::bigint and room_visible(rooms, $1::bigint)
    returning id, slug, rev
)
insert into messages as m (room_id, seq, rev, user_id, guest, name, message, client_id)
select r.id, r.rev, r.rev, $1::bigint, $3::text, $4::text, $5::text, $6::text from r
returning @given@;

-- query message_insert_many
-- $2 room; a row each: $1 askers (0: a guest), $3 guests, $4 names, $5 texts, $6 client_ids. One range of numbers for all, in the
-- order given; all or nothing. Where one of the askers may not see the room, nobody posts, and no row comes back.
with r as (
    update rooms set rev = rev + cardinality($1::bigint[])
    where id = $2::bigint and (select bool_and(room_visible(rooms, nullif(asker, 0))) from unnest($1::bigint[]) asker)
    returning id, slug, rev - cardinality($1::bigint[]) as before
)
insert into messages as m (room_id, seq, rev, user_id, guest, name, message, client_id)
select r.id, r.before + n.place, r.before + n.place, nullif(n.user_id, 0), n.guest, n.name, n.message, n.client_id
from r, unnest($1::bigint[], $3::text[], $4::text[], $5::text[], $6::text[])
    with ordinality as n(user_id, guest, name, message, client_id, place)
order by n.place
returning @given@;

-- query message_by_client_id read
-- $2 guest, $3 client_id: what the asker posted with it
select @columns@
from messages m
join rooms_visible($1::bigint) r on r.id = m.room_id
left join users u on u.id = m.user_id
where m.id = (
    select id from messages where user_id = $1::bigint and client_id = $3::text
    union all
    select id from messages where $1::bigint is null and guest = $2::text and client_id = $3::text);

-- query message_room_latest read
-- $2 slug of a room, $3 at most so many: the last ones, each with the room behind it, and shown_counter. One row without a message when
-- there is none yet, and also for who has them: $4, $5, $6 the id and rev of the room and the shown_counter that came with them, or null.
-- In no order, since whoever asks has few of them at hand and sorts them for less
select @columns@, r.id, r.name, r.rev, c.last
from rooms_visible($1::bigint) r
cross join shown_counter c
left join lateral (
    select * from (
        select * from messages
        where room_id = r.id and (r.id, r.rev, c.last) is distinct from ($4::bigint, $5::bigint, $6::bigint)
        order by seq desc
        limit 1000
    ) latest
    order by seq desc
    limit $3::bigint
) m on true
left join users u on u.id = m.user_id
where r.slug = $2::text;

-- query message_before read
-- $2 room, $3 seq, $4 at most so many: the last ones before that place, oldest first
select * from (
    select @columns@
    from (select * from messages where room_id = $2::bigint and seq < $3::bigint order by seq desc limit 1000) m
    join rooms_visible($1::bigint) r on r.id = $2::bigint
    left join users u on u.id = m.user_id
    order by m.seq desc
    limit $4::bigint
) older
order by seq;

-- query message_changed read
-- $2 room, $3 rev, $4 at most so many: what changed after that number, in order of rev, each with the counter of ended sessions in
-- the same snapshot. The room is looked up once and not for each message, whatever Postgres believes of the tables
with r as materialized (
    select id, slug
    from rooms_visible($1::bigint)
    where id = $2::bigint
)
select @columns@, (select last from revocation_counter)
from (select * from messages where room_id = $2::bigint and rev > $3::bigint order by rev limit 1000) m
cross join r
left join users u on u.id = m.user_id
order by m.rev
limit $4::bigint;

-- query message_find read
-- $2 slug of the room, $3 id of the message
select @columns@
from messages m
join rooms_visible($1::bigint) r on r.id = m.room_id
left join users u on u.id = m.user_id
where r.slug = $2::text and m.id = $3::bigint;
