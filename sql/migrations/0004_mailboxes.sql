-- What waits for a long poll: replies to what it posted, until the next poll takes them, whichever process answers that. What is
-- lost in a crash of Postgres is a reply that its client then asks for again, so the tables are unlogged and cost no flush.
--
-- Positions (DESIGN 5) must outlive such a crash: an unlogged sequence starts again, and whoever holds a higher position would
-- never be told anything. So this one is logged. Numbers are taken under a lock of the mailbox, so that they become visible in order.

create sequence mailbox_seq;

create unlogged table mailbox (
    sid text not null,
    seq bigint not null,
    frames text not null,  -- messages of the protocol, a line each
    fact text,             -- what the poll's list of topics has to know
    topic text,
    join_ref text,         -- null: the message had none
    room_id bigint,        -- of a join that was accepted
    rev bigint,
    inserted_at timestamptz not null default now(),
    constraint mailbox_pkey primary key (sid, seq),
    constraint mailbox_sid_check check (sid ~ '^[A-Za-z0-9_-]{22}$'),
    constraint mailbox_fact_check check (fact in ('join', 'leave')),
    constraint mailbox_topic_check check ((fact is null) = (topic is null) and octet_length(topic) between 1 and 80),
    constraint mailbox_join_ref_check check (join_ref is null or (fact is not null and octet_length(join_ref) between 1 and 64)),
    constraint mailbox_room_check check ((room_id is null) = (rev is null) and (room_id is null or fact = 'join')),
    constraint mailbox_numbers_check check (room_id >= 1 and rev >= 0)
);

create index mailbox_inserted_at on mailbox (inserted_at);

-- What a mailbox was answered for, so that a POST which comes again does nothing twice. Outlives the replies themselves.
create unlogged table mailbox_refs (
    sid text not null,
    ref text not null,
    inserted_at timestamptz not null default now(),
    constraint mailbox_refs_pkey primary key (sid, ref),
    constraint mailbox_refs_ref_check check (octet_length(ref) between 1 and 64)
);

create index mailbox_refs_inserted_at on mailbox_refs (inserted_at);
