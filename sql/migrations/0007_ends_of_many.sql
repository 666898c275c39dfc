-- The end of many sessions at once, by a connection that has ended one before.

-- A trigger's plan is made when the connection first fires it, for as many rows as there are then, and kept: made for one row, its loop
-- within a loop took 110 ms for 600 ended sessions, and four times that for twice as many. Without it what is left costs as much as
-- there are rows.
alter function tokens_log_update() set enable_nestloop = off;

-- Somebody who is banned has no session that holds, so whoever was banned before need not be told apart: no join.
create or replace function users_end_banned() returns trigger language plpgsql as $$
begin
    update tokens set ended_as = 'banned', expires_at = now()
    where user_id in (select n.id from became n where n.banned_at is not null) and ended_as is null and expires_at > now();
    return null;
end
$$;

-- A counted repetition makes a large automaton, once a row and again each time.
alter table tokens
    drop constraint tokens_hash_check,
    drop constraint tokens_csrf_secret_check,
    add constraint tokens_hash_check check (char_length(hash) = 43 and hash ~ '^[A-Za-z0-9_-]+$'),
    add constraint tokens_csrf_secret_check check (context <> 'session'
        or csrf_secret is not null and char_length(csrf_secret) = 43 and csrf_secret ~ '^[A-Za-z0-9_-]+$');
