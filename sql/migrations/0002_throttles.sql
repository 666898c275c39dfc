-- So many in so long, for keys such as "post:guest:<id>": the generic cell rate algorithm, one row a key. What is lost in a
-- crash of Postgres is only the counting, so the table is unlogged and costs no flush.

create unlogged table throttles (
    key text primary key,
    full_at timestamptz not null, -- when nothing of the allowance would be used any more
    constraint throttles_key_check check (char_length(key) between 1 and 200)
) with (fillfactor = 50);

create index throttles_full_at on throttles (full_at);

-- Take one of `most` in `period`. Answers 0 if there was one to take, else how many seconds to wait for the next.
create function throttle_take(what text, most bigint, period interval) returns double precision language plpgsql as $$
declare
    step interval := period / most;
    full_by timestamptz;
begin
    insert into throttles as t (key, full_at) values (what, now() + step)
    on conflict (key) do update set full_at = greatest(t.full_at, now()) + step
        where greatest(t.full_at, now()) + step <= now() + period;
    if found then
        return 0;
    end if;
    select full_at into full_by from throttles where key = what;
    return greatest(extract(epoch from coalesce(full_by, now()) + step - period - now()), 0.001);
end
$$;
