-- Queries about throttles.

-- query throttle_take again
-- $1 the address's key, which may take ten times as many; $2 the asker's key, $3 so many, $4 in so many milliseconds. Seconds to
-- wait, 0 when one was taken. Run again after a lost answer it may count one for two, which is better than refusing it.
select greatest(
    throttle_take($1::text, $3::bigint * 10, $4::bigint * interval '1 ms'),
    throttle_take($2::text, $3::bigint, $4::bigint * interval '1 ms'));

-- query throttle_take_many again
-- A row each: $1 key, $2 how many to take, $3 how many are allowed; $4 in so many milliseconds. The keys that had enough come back;
-- of the others nothing was taken. (In order of the key, so that two of these never wait for each other in a ring.)
insert into throttles as t (key, full_at)
select k.key, now() + k.taken * ($4::bigint * interval '1 ms' / k.most)
from unnest($1::text[], $2::bigint[], $3::bigint[]) as k(key, taken, most)
where k.taken <= k.most
order by k.key
on conflict (key) do update set full_at = greatest(t.full_at, now()) + (excluded.full_at - now())
    where greatest(t.full_at, now()) + (excluded.full_at - now()) <= now() + $4::bigint * interval '1 ms'
returning t.key;

-- query throttle_sign_in again
-- $1 the key of address and account together, which may take $4 in $5 milliseconds; $2 the address's and $3 the account's, which may take
-- ten times as many. Seconds to wait, 0 when one was taken of each. What the first refuses is not counted by the others, or one address
-- could use up what an account is allowed from everywhere.
select coalesce(
    nullif(throttle_take($1::text, $4::bigint, $5::bigint * interval '1 ms'), 0),
    nullif(throttle_take($2::text, $4::bigint * 10, $5::bigint * interval '1 ms'), 0),
    throttle_take($3::text, $4::bigint * 10, $5::bigint * interval '1 ms'));

-- query throttle_sweep
delete from throttles where full_at < now() - interval '1 hour';

-- query throttle_forget again
-- $1 key
delete from throttles where key = $1::text;
