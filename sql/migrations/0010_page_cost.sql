-- Whoever has read the latest messages of a room need not read them again until something of them has changed. For that a number has to
-- move with whatever is shown of them. Most of it moves their room's; for the rest there is one for all rooms.

-- How often something has changed that rooms show, and did not move their own counters: what is shown of somebody with messages, and
-- messages that were taken out by hand. (Nothing is counted when somebody comes, who has no messages yet, or goes, since that changes
-- the messages.) Under the lock of the one row, so that who sees the same number sees the same.
create table shown_counter (
    one boolean primary key default true,
    last bigint not null default 0,
    constraint shown_counter_one_check check (one),
    constraint shown_counter_check check (last >= 0)
) with (fillfactor = 10);

insert into shown_counter default values;

-- (As the owner: whoever may change a name may not count at will.)
create function shown_count() returns trigger language plpgsql security definer set search_path from current as $$
begin
    update shown_counter set last = last + 1;
    return null;
end
$$;

create trigger shown_count after update on users for each row
    when ((new.userid, new.name, new.picture) is distinct from (old.userid, old.name, old.picture))
    execute function shown_count();

create trigger shown_count_delete after delete on messages for each statement execute function shown_count();

create trigger shown_count_truncate after truncate on messages for each statement execute function shown_count();
