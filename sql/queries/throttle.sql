-- Queries about throttles.

-- query throttle_take
-- $1 the asker's key, $2 so many, $3 in so many milliseconds; $4 the address's key, which may take ten times as many.
-- Seconds to wait, 0 when one was taken.
select greatest(
    throttle_take($1::text, $2::bigint, $3::bigint * interval '1 ms'),
    throttle_take($4::text, $2::bigint * 10, $3::bigint * interval '1 ms'));

-- query throttle_sweep
delete from throttles where full_at < now() - interval '1 hour';
