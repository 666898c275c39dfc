-- Queries about tokens. Whoever holds a token is its user; where somebody asks about tokens, $1 is the asker.

-- define columns
t.hash, t.context, t.id, t.user_id, u.userid, u.name, u.picture, u.role, u.confirmed_at is not null, t.csrf_secret, t.remembered,
extract(epoch from now() - t.authenticated_at)::bigint, extract(epoch from t.expires_at)::bigint,
t.issued_at < now() - interval '7 days', t.last_seen_at < now() - interval '5 minutes'

-- Live, by the clock of the database, and of somebody who is not banned.
-- define holds
t.context in ('session', 'api') and t.ended_as is null and t.expires_at > now() and u.banned_at is null

-- query token_find read
-- $1 hash. The one, if it holds
select @columns@
from tokens t
join users u on u.id = t.user_id
where t.hash = $1::text and @holds@;

-- query token_find_many read
-- $1 hashes. Of those that hold
select @columns@
from tokens t
join users u on u.id = t.user_id
where t.hash = any ($1::text[]) and @holds@;

-- query token_start
-- $1 user, $2 context, $3 hash, $4 csrf_secret, $5 remembered, $6 seconds to live, $7 user agent, $8 address, $9 hash of the session
-- that it takes the place of, or null, $10 the password_hash that was verified, or null. The one before has been replaced if it is the
-- same person's, else its person has signed out here. Where none can begin it stays. (The lock: see user_set_password and
-- users_end_banned. It comes first, as there.)
with new as (
    insert into tokens (user_id, context, hash, csrf_secret, remembered, expires_at, user_agent, address)
    select u.id, $2::text, $3::text, $4::text, $5::boolean, now() + $6::bigint * interval '1 second', $7::text, $8::text
    from users u
    where u.id = $1::bigint and u.banned_at is null and ($10::text is null or u.password_hash = $10::text)
    for share of u
    returning *
), before as (
    update tokens set ended_as = case when user_id = $1::bigint then 'replaced' else 'signed_out' end, expires_at = now()
    where hash = $9::text and context = $2::text and ended_as is null and expires_at > now() and exists (select from new)
)
select @columns@
from new t
join users u on u.id = t.user_id;

-- query token_renew again
-- $1 user, $2 id, $3 seconds to live. Gives the new end
update tokens set expires_at = now() + $3::bigint * interval '1 second', issued_at = now()
where user_id = $1::bigint and id = $2::bigint and ended_as is null and expires_at > now()
returning extract(epoch from expires_at)::bigint;

-- query token_seen again
-- $1 user, $2 ids, $3 address
update tokens set last_seen_at = now(), address = coalesce($3::text, address)
where user_id = $1::bigint and id = any ($2::bigint[]) and ended_as is null;

-- query token_end again
-- $1 user, $2 hash, $3 why
update tokens set ended_as = $3::text, expires_at = now()
where user_id = $1::bigint and hash = $2::text and context in ('session', 'api') and ended_as is null and expires_at > now()
returning id;

-- query token_end_all again
-- $1 user, $2 why, $3 hash of one to keep, or null
update tokens set ended_as = $2::text, expires_at = now()
where user_id = $1::bigint and hash is distinct from $3::text and context in ('session', 'api') and ended_as is null
    and expires_at > now()
returning id;

-- query token_still_open again
-- $1 ids of sessions whose pages are open: they count as seen
update tokens set last_seen_at = now()
where id = any ($1::bigint[]) and ended_as is null and last_seen_at < now() - interval '5 minutes';

-- query token_end_reason read
-- $1 hash of one that does not hold: why
select coalesce(t.ended_as, case when u.banned_at is not null then 'banned' when t.expires_at <= now() then 'expired' else 'revoked' end)
from tokens t
join users u on u.id = t.user_id
where t.hash = $1::text;

-- query token_just_replaced read
-- $1 hash
select true
from tokens t
where t.hash = $1::text and t.ended_as = 'replaced' and t.expires_at > now() - interval '10 seconds';

-- query token_list read
-- $1 user. The live ones, the latest seen first
select t.hash, t.context, extract(epoch from t.inserted_at)::bigint, extract(epoch from t.last_seen_at)::bigint,
    extract(epoch from t.expires_at)::bigint, t.user_agent, t.address
from tokens t
where t.user_id = $1::bigint and t.context in ('session', 'api') and t.ended_as is null and t.expires_at > now()
order by t.last_seen_at desc, t.id desc
limit 500;

-- query token_revoke again
-- $1 hash: the operator ends one of anybody's
update tokens set ended_as = 'revoked', expires_at = now()
where hash = $1::text and context in ('session', 'api') and ended_as is null and expires_at > now()
returning id;

-- query token_sweep
delete from tokens where expires_at < now() - interval '1 day';

-- query revocation_read read
-- $1 the last number that was read, $2 at most so many: the counter, what was swept, the clock, and what follows, in order. One row
-- without a revocation when there is none. One that ended when it was logged has ended, whatever a clock of ours says
select c.last, c.swept, extract(epoch from now())::bigint, r.id, r.hash, r.reason, extract(epoch from r.ends_at)::bigint,
    r.ends_at <= greatest(r.inserted_at, now())
from revocation_counter c
left join lateral (
    select * from revocations where id > $1::bigint order by id limit $2::bigint
) r on true
order by r.id;

-- query revocation_sweep
with gone as (
    delete from revocations where inserted_at < now() - interval '1 day' returning id
)
update revocation_counter set swept = greatest(swept, (select max(id) from gone)) where exists (select from gone);
