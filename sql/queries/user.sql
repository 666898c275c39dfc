-- Queries about people, by the operator or on the way to becoming one: nobody asks yet, so $1 is whom it is about.

-- define columns
u.id, u.userid, u.name, u.email, u.role, u.confirmed_at is not null, u.banned_at is not null,
extract(epoch from u.inserted_at)::bigint, u.picture, u.phone, extract(epoch from u.confirmed_at)::bigint

-- query user_add
-- $1 userid, $2 name, $3 e-mail, $4 password_hash, $5 role
insert into users (userid, name, email, password_hash, role, confirmed_at)
values ($1::text, $2::text, $3::text, $4::text, $5::text, now())
returning id;

-- query user_by_email read
-- $1 e-mail
select @columns@
from users u
where lower(u.email) = lower($1::text);

-- query user_self read
-- $1 asker
select @columns@
from users u
where u.id = $1::bigint;

-- query user_list read
-- $1 the last userid of the page before, or the empty text, $2 at most so many
select @columns@
from users u
where u.userid > $1::text
order by u.userid
limit $2::bigint;

-- query user_secret read
-- $1 e-mail or null, $2 userid or null
select u.id, u.password_hash, u.banned_at is not null
from users u
where lower(u.email) = lower($1::text) or u.userid = $2::text
limit 1;

-- query user_set_role again
-- $1 user, $2 role
update users set role = $2::text where id = $1::bigint returning id;

-- query user_set_password again
-- $1 user, $2 password_hash, $3 hash of a session to keep, or null
select user_set_password($1::bigint, $2::text, $3::text);

-- query user_rehash again
-- $1 user, $2 the password_hash that was verified, $3 the same password with today's parameters
update users set password_hash = $3::text where id = $1::bigint and password_hash = $2::text returning id;

-- query user_set_banned again
-- $1 user, $2 banned
update users set banned_at = case when $2::boolean then coalesce(banned_at, now()) end where id = $1::bigint returning id;
