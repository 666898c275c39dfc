-- Who is here: a row for each live page in a room, owned by whoever holds the page (a relay, or a long poll by itself). An owner has
-- a lease and renews it; the pages of one whose lease ran out are swept by anybody. All of it is true only now, so the tables are
-- unlogged: after a crash they are empty, and an owner who finds its lease gone puts its pages in again.

create unlogged table presence_leases (
    owner text primary key,
    expires_at timestamptz not null,
    constraint presence_leases_owner_check check (owner ~ '^[A-Za-z0-9:_-]{1,60}$')
);

create index presence_leases_expires_at on presence_leases (expires_at);

create unlogged table presences (
    room_id bigint not null references rooms on delete cascade,
    ref text not null,     -- of this page, and no other
    owner text not null references presence_leases,
    user_id bigint references users on delete cascade,
    name text,             -- of a guest, who may have given one
    online_at timestamptz not null default now(),
    constraint presences_pkey primary key (room_id, ref),
    constraint presences_ref_check check (ref ~ '^[A-Za-z0-9_-]{1,60}$'),
    constraint presences_name_check check (user_id is null or name is null),
    constraint presences_name_length check (char_length(name) between 1 and 60)
);

create index presences_owner on presences (owner);
create index presences_user on presences (user_id);

-- Rings for rooms whose list changed, once for all. Nothing here is flushed to disk, so the bell can go with the change.
create function presence_ring(rooms bigint[]) returns void language sql as $$
    select pg_notify('confab_presence', case when length(list) < 7000 then list else '' end)
    from (select string_agg(distinct room::text, ',') as list from unnest(rooms) as room) bells
    where list is not null
$$;
