# What handlers and relay may do in the database, and what not.
use v5.36;
use Confab::Site;
use Test::More;

my $site = Confab::Site->new;

$site->psql(<<~'SQL');
    create function attempt(statement text) returns text language plpgsql as $$
    begin
        execute statement;
        raise exception using errcode = 'ZZZZZ', message = 'allowed'; -- and undone
    exception when others then
        return case when sqlstate in ('42501', '0A000', '25001') then 'refused' else sqlerrm end;
    end
    $$;
    insert into users (userid, name) values ('ann', 'Ann');
    insert into messages (room_id, name, message) values (1, 'Bo', 'hello');
    SQL

sub attempts ($role, @statements) {
    my $sql = join "\n", map {"select attempt(\$sql\$$_\$sql\$);"} @statements;
    return split /\n/, $site->dev('psql', '-U', $role, qw(-XqAt -v ON_ERROR_STOP=1 -c), $sql), -1;
}

my @forbidden = (
    'create table public.x (y int)',
    'create schema x',
    'create function public.x() returns int language sql as $$ select 1 $$',
    'create role x',
    'create extension pgtap',
    'drop table messages',
    'alter table messages add column x int',
    'alter table messages disable trigger all',
    'drop function rooms_visible',
    'create index on messages (name)',
    'truncate messages',
    'truncate throttles',
    'truncate mailbox',
    'update mailbox set frames = frames',
    "select setval('mailbox_seq', 1)",
    'delete from messages',
    'delete from rooms',
    'delete from users',
    'delete from schema_migrations',
    "insert into rooms (slug, name) values ('x', 'x')",
    "insert into schema_migrations (version, name) values (99, 'x')",
    "update rooms set name = 'x'",
    "update rooms set slug = 'x'",
    "update rooms set id = 7",
    "update users set userid = 'x'",
    "update schema_migrations set name = 'x'",
    (map {"update messages set $_"} "id = 9", 'room_id = 1', 'seq = 9', 'user_id = 1', "guest = 'x'", "client_id = 'x'", 'inserted_at = now()'),
    (map {"insert into messages (room_id, name, message, $_) values (1, 'Bo', 'hello', " . ({ id => 9, deleted => 'true' }->{$_} // 'now()') . ')'} qw(id inserted_at edited_at deleted)),
    'select rolpassword from pg_authid',
    "select pg_read_file('/etc/passwd')",
    "select pg_ls_dir('/')",
    "copy messages to program 'true'",
    "copy messages from '/etc/passwd'",
    'set role confab',
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'confab'",
    "select set_config('session_replication_role', 'replica', false)",
    'alter system set fsync = off',
    'load \'plpgsql\'',
    'create publication x for all tables',
    "insert into users (id, userid, name) values (7, 'x', 'x')",
    'update users set id = 7',
    "insert into revocations (id, hash, reason, ends_at) values (9, 'x', 'revoked', now())",
    "update revocations set reason = 'banned'",
    'update revocation_counter set last = 9',
    'update shown_counter set last = 9',
    'truncate tokens',
);

# What only one of the two may.
my %own = (
    confab_handler => [
        "insert into users (userid, name) values ('x', 'x')",
        "update users set name = 'x'",
        'select * from users',
        "update tokens set ended_as = 'revoked'",
        'delete from tokens',
        'delete from revocations',
    ],
    confab_relay => [],
);
my @not_for_relay = ('select password_hash from users', 'select email from users', 'select phone from users', 'insert into tokens (user_id) values (1)',
    'update tokens set expires_at = now()');

my @allowed = (
    'select * from rooms',
    'select * from messages',
    'select * from schema_migrations',
    'select id, userid, name, picture from users',
    'select * from tokens',
    'update tokens set last_seen_at = now()',
    'select * from revocations',
    'select * from revocation_counter',
    'select * from shown_counter',
    'select epoch()',
    'select * from rooms_visible(null)',
    "insert into messages (room_id, seq, rev, user_id, guest, name, message, client_id) values (1, 9, 9, null, null, 'Bo', 'hello', 'x')",
    "insert into messages (room_id, name, message) values (1, 'Bo', 'hello')",
    'update rooms set rev = rev + 1',
    "update messages set message = 'other'",
    'update messages set deleted = true',
    "select throttle_take('x', 1, '1 s')",
    'delete from throttles',
    "insert into mailbox (sid, seq, frames) values (repeat('x', 22), nextval('mailbox_seq'), 'x')",
    'delete from mailbox',
    'delete from mailbox_refs',
    "select pg_notify('confab_room', '1')",
);

for my $role ('confab_handler', 'confab_relay') {
    subtest $role => sub {
        my @answers = attempts($role, @forbidden);
        is shift @answers, 'refused', "may not: $_" for @forbidden;
        my @may = (@allowed, $own{$role}->@*);
        @answers = attempts($role, @may);
        is shift @answers, 'allowed', "may: $_" for @may;
        my @others = $role eq 'confab_relay' ? ($own{confab_handler}->@*, @not_for_relay) : ();
        @answers = attempts($role, @others) if @others;
        is shift @answers, 'refused', "may not: $_" for @others;
        is $site->psql("select rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls from pg_roles where rolname = '$role'"), 'f', 'is nothing special';
        is $site->psql("select count(*) from pg_auth_members where member = '$role'::regrole"), 0, 'and belongs to nobody else';
        is $site->psql("select string_agg(proname, ' ' order by proname) from pg_proc where prosecdef and pronamespace = 'public'::regnamespace"),
            'shown_count tokens_log_delete tokens_log_update', 'no function lends it the rights of the owner but the triggers that keep the log, and count';
    };
}

is $site->psql("select count(*) from messages where message <> 'hello'"), 0, 'nothing was changed';
done_testing;
