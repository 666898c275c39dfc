# How sessions end in the database, whoever ends them: one entry in the log for each live token, in the order of commits, with
# the doorbell in the same transaction; and no sign-in slips past a ban, a new password or a deletion at the same moment.
use v5.36;
use Confab::Psql;
use Confab::Site;
use POSIX ();
use Test::More;

my $site   = Confab::Site->new;
my $serial = 0;

sub psql ($sql) { return $site->psql($sql) }

sub person () {
    my $name = 'p' . ++$serial;
    return psql("insert into users (userid, name, email, password_hash) values ('$name', '$name', '$name\@example.org', '\$argon2id\$old') returning id");
}

sub hash () { return sprintf '%043d', ++$serial }

# A live token of that person; its hash.
sub token ($user, $context = 'session', $ends = "now() + interval '1 day'") {
    my $hash = hash();
    psql("insert into tokens (user_id, context, hash, csrf_secret, expires_at) values ($user, '$context', '$hash', '$hash', $ends)");
    return $hash;
}

sub live ($user) { return psql("select count(*) from tokens where user_id = $user and ended_as is null and expires_at > now()") }
sub last_number () { return psql('select last from revocation_counter') }

# What was logged after that number: [hash, reason, when], in order.
sub logged ($after) {
    my $now = "ends_at between clock_timestamp() - interval '1 min' and clock_timestamp()";
    return [ map { [ split /\|/ ] } split /\n/,
        psql("select hash, reason, case when $now then 'now' else extract(epoch from ends_at - now())::int / 60 || ' min' end from revocations where id > $after order by id") ];
}

# A statement of ours, as it stands in sql/queries, under its own name.
sub prepare ($file, $name) {
    my $text = Confab::Site::slurp(($ENV{CONFAB_SOURCE} // '.') . "/sql/queries/$file.sql");
    my ($columns) = $text =~ /-- define columns\n(.*?)\n\n/s;
    my ($query)   = $text =~ /-- query $name\b.*?\n(.*?);/s;
    return "prepare $name as " . $query =~ s/^--.*\n//gmr =~ s/\@columns\@/$columns/r;
}

my $listener = Confab::Psql->new($site);
$listener->run('listen confab_session');
$listener->rings('confab_session');

subtest 'every way of ending' => sub {
    my @ways;
    push @ways, [ "ended_as = $_", "update tokens set ended_as = '$_' where hash = ':h'", $_ ] for qw(signed_out revoked expired banned replaced);
    push @ways, [ "expires_at = $_", "update tokens set expires_at = $_ where hash = ':h'", 'revoked' ]
        for 'now()', "now() - interval '1 day'", "'-infinity'", "'epoch'";
    push @ways,
        [ 'delete',                          "delete from tokens where hash = ':h'",                                    'revoked' ],
        [ 'an earlier time to come',         "update tokens set expires_at = now() + interval '5 min' where hash = ':h'", 'revoked', '5 min' ],
        [ 'ended, with a later time',        "update tokens set ended_as = 'signed_out', expires_at = now() + interval '9 days' where hash = ':h'", 'signed_out' ],
        [ "the user's deletion",             'delete from users where id = :u',                                         'revoked' ],
        [ 'a ban by hand',                   'update users set banned_at = now() where id = :u',                        'banned' ],
        [ 'a ban of the future',             "update users set banned_at = now() + interval '1 day' where id = :u",     'banned' ],
        [ 'a new password',                  "select user_set_password(:u, '\$argon2id\$new', null)",                   'revoked' ],
        [ 'a new password from elsewhere',   "select user_set_password(:u, '\$argon2id\$new', 'another')",              'revoked' ],
        [ 'another hash',                    "update tokens set hash = reverse(hash) where hash = ':h'",                'revoked' ],
        [ 'another user',                    "update tokens set user_id = :o where hash = ':h'",                        'revoked' ],
        [ 'another context',                 "update tokens set context = 'login' where hash = ':h'",                   'revoked' ];
    my $other = person();
    for my $way (@ways) {
        my ($what, $sql, $reason, $when) = @$way;
        for my $context ('session', 'api') {
            my $user = person();
            my $hash = token($user, $context);
            my %put  = (h => $hash, u => $user, o => $other);
            my $last = last_number();
            $listener->rings('confab_session');
            psql($sql =~ s/:([huo])\b/$put{$1}/gr);
            is_deeply logged($last), [ [ $hash, $reason, $when // 'now' ] ], "$what ($context): $reason, once";
            is $listener->rings('confab_session'), 1, 'and the bell rings once';
        }
    }
};

subtest 'what is no end' => sub {
    my $user = person();
    my $hash = token($user);
    my @nothing = (
        "update tokens set expires_at = expires_at + interval '1 day' where hash = '$hash'",
        "update tokens set expires_at = expires_at where hash = '$hash'",
        "update tokens set last_seen_at = now(), address = '192.0.2.1', user_agent = 'x', issued_at = now() where hash = '$hash'",
        "update users set name = 'Other', password_hash = '\$argon2id\$x', role = 'admin' where id = $user",
        "select user_set_password($user, '\$argon2id\$new', '$hash')",
        "update users set banned_at = null where id = $user",
        'update tokens set ended_as = null where false',
        'delete from tokens where false',
    );
    my $last = last_number();
    psql($_) for @nothing;
    is_deeply logged($last), [], 'a later end, a sight, another name, a new password that keeps it: nothing is logged';
    is live($user), 1, 'and it lives';
    for my $context ('login', 'change:a@example.org') {
        token($user, $context);
        psql("delete from tokens where user_id = $user and context = '$context'");
        my $link = token($user, $context);
        psql("update tokens set ended_as = 'revoked' where hash = '$link'");
    }
    my $expired = token($user, 'session', "now() - interval '1 s'");
    psql("update tokens set ended_as = 'revoked' where hash = '$expired'");
    psql("delete from tokens where hash = '$expired'");
    is_deeply logged($last), [], 'nor the end of a link by mail, or of what has expired';
    psql("update tokens set ended_as = 'signed_out' where hash = '$hash'");
    $last = last_number();
    psql($_) for "update tokens set ended_as = 'banned', expires_at = now() + interval '1 day' where hash = '$hash'",
        "update tokens set ended_as = null, expires_at = now() + interval '1 day' where hash = '$hash'",
        "update users set banned_at = now() where id = $user", "select user_set_password($user, '\$argon2id\$new', null)";
    is psql("select ended_as, expires_at <= now() from tokens where hash = '$hash'"), 'signed_out|t', 'what has ended stays ended, and why';
    psql("delete from tokens where hash = '$hash'");
    is_deeply logged($last), [], 'and ends once';
};

# A trigger's plan is kept as it was made for the first rows that it saw. So nobody measures time here: what must not come is a
# loop within a loop over the rows of the statement.
subtest 'many at once, by a connection that has ended one before' => sub {
    my $psql = Confab::Psql->new($site);
    $psql->run($_) for "load 'auto_explain'", 'set auto_explain.log_nested_statements = on', 'set client_min_messages = log';
    my $end = sub (@people) { return "update tokens set ended_as = 'signed_out', expires_at = now() where user_id in (" . join(',', @people) . ')' };
    my $rows = qr/(?:(?!LOG:|Index Scan).)*/s; # of one plan, and not found by an index
    my $ban = sub (@people) { return 'update users set banned_at = now() where id in (' . join(',', @people) . ')' };
    for my $way ([ 'sign-out', $end, 'signed_out' ], [ 'ban', $ban, 'banned' ]) {
        my ($what, $sql, $reason) = @$way;
        my ($first, @people) = map { person() } 0 .. 20;
        my @hashes = map { token($_) } $first, @people;
        shift @hashes;
        $psql->run($sql->($first));
        my $last = last_number();
        $psql->run('set auto_explain.log_min_duration = 0');
        my $plans = $psql->run($sql->(@people));
        $psql->run('set auto_explain.log_min_duration = -1');
        is_deeply [ sort map { $_->[0] } logged($last)->@* ], [ sort @hashes ], "$what: all are logged";
        is scalar(grep { $_->[1] eq $reason } logged($last)->@*), 20, 'each with the reason';
        like $plans, qr/Named Tuplestore Scan/, 'the plans of the triggers are seen';
        unlike $plans, qr/Nested Loop $rows Tuplestore $rows Tuplestore/sx, 'and none reads all rows again for each';
    }
};

subtest 'refused' => sub {
    my $user = person();
    my $hash = token($user);
    for my $sql ('truncate tokens', 'truncate users cascade', "update tokens set expires_at = 'infinity' where hash = '$hash'",
        "update tokens set expires_at = null where hash = '$hash'", "update tokens set ended_as = 'because' where hash = '$hash'",
        "update tokens set csrf_secret = null where hash = '$hash'", "update tokens set context = 'other' where hash = '$hash'",
        "insert into tokens (user_id, context, hash, expires_at) values ($user, 'session', '" . hash() . "', now())") {
        ok !eval { psql($sql); 1 }, $sql;
    }
    is live($user), 1, 'nothing was ended by it';
};

subtest 'many at once in one statement' => sub {
    my @people = map { person() } 1 .. 4;
    my @hashes = map { my $user = $_; map { token($user, $_) } qw(session session api login) } @people;
    my @listed = grep { !/^$/ } map { $hashes[ 4 * $_ ], $hashes[ 4 * $_ + 1 ], $hashes[ 4 * $_ + 2 ] } 0 .. 3;
    my $last = last_number();
    $listener->rings('confab_session');
    psql('delete from users where id in (' . join(',', @people[ 0, 1 ]) . ')');
    psql('update users set banned_at = now() where id in (' . join(',', @people[ 2, 3 ]) . ')');
    my $entries = logged($last);
    is_deeply [ sort map { $_->[0] } @$entries ], [ sort @listed ], 'each token of several people, once';
    is_deeply [ map { $_->[1] } @$entries ], [ ('revoked') x 6, ('banned') x 6 ], 'with its reason';
    is $listener->rings('confab_session'), 2, 'and a ring for each transaction';
    is psql("select count(*) from tokens where user_id in ($people[2], $people[3]) and ended_as is null"), 0, 'links by mail ended too';
};

subtest 'one password kept' => sub {
    my $user = person();
    my ($kept, @others) = map { token($user, $_) } qw(session session api);
    my $last = last_number();
    is psql("select user_set_password($user, '\$argon2id\$new', '$kept')"), 't', 'the password is new';
    is_deeply [ sort map { $_->[0] } logged($last)->@* ], [ sort @others ], 'and ends all others';
    is psql("select user_set_password(0, '\$argon2id\$new', null)"), 'f', "nobody's cannot be";
};

subtest 'the bell is of the transaction' => sub {
    my ($one, $two) = map { token(person()) } 1, 2;
    my $ada = Confab::Psql->new($site);
    my $last = last_number();
    $listener->rings('confab_session');
    $ada->run($_) for 'begin', "delete from tokens where hash = '$one'", "update tokens set ended_as = 'revoked' where hash = '$two'";
    is $listener->rings('confab_session') . last_number(), "0$last", 'before the commit nothing is heard or seen';
    $ada->run('rollback');
    is $listener->rings('confab_session') . last_number(), "0$last", 'nor after a rollback';
    $ada->run($_) for 'begin', "delete from tokens where hash = '$one'", "update tokens set ended_as = 'revoked' where hash = '$two'", 'commit';
    is_deeply [ map { $_->[0] } logged($last)->@* ], [ $one, $two ], 'both, in the order in which they ended';
    is $listener->rings('confab_session'), 1, 'one ring';
};

# Sign-in and what must not be slipped past, each first, by locks.
subtest 'sign-in and its enemies' => sub {
    my %enemies = (
        'a ban'         => 'update users set banned_at = now() where id = :u',
        'a new password' => "select user_set_password(:u, '\$argon2id\$new', null)",
        'a deletion'    => 'delete from users where id = :u',
    );
    my ($ada, $bob) = map { Confab::Psql->new($site, role => $_) } qw(confab_handler confab);
    $ada->run(prepare(token => 'token_start'));
    my $start = sub ($user, $hash) {
        "execute token_start($user, 'session', '$hash', '$hash', true, 1000, 'agent', '192.0.2.1', null, '\$argon2id\$old')";
    };
    for my $what (sort keys %enemies) {
        my $user = person();
        my $sql  = $enemies{$what} =~ s/:u/$user/r;
        my $hash = hash();
        $ada->run('begin');
        like $ada->run($start->($user, $hash)), qr/^\Q$hash\E\|session/, "$what while somebody signs in";
        $bob->send($sql);
        ok $bob->waits, 'waits for the sign-in,';
        my $last = last_number();
        $ada->run('commit');
        $bob->answer;
        is live($user), 0, 'and ends its session';
        is scalar grep({ $_->[0] eq $hash } logged($last)->@*), 1, 'with an entry in the log';

        $user = person();
        $sql  = $enemies{$what} =~ s/:u/$user/r;
        $bob->run($_) for 'begin', $sql;
        $ada->send($start->($user, hash()));
        ok $ada->waits, "a sign-in waits for $what";
        $bob->run('commit');
        is $ada->answer, '', 'and does not begin';
        is live($user), 0, 'no session is left';

        $user = person();
        $sql  = $enemies{$what} =~ s/:u/$user/r;
        $bob->run($_) for 'begin', $sql;
        $ada->send($start->($user, my $good = hash()));
        $ada->waits;
        $bob->run('rollback');
        like $ada->answer, qr/^$good\|/, 'where that came to nothing, it does';
    }
    my $user = person();
    like $ada->run($start->($user, hash())), qr/./, 'with the password it begins';
    is $ada->run($start->($user, hash()) =~ s/old/other/r), '', 'with another one by now it does not';
    like $ada->run($start->($user, hash()) =~ s/'\$argon2id\$old'/null/r), qr/./, 'without a password nobody asks for it';
};

subtest 'one in place of another' => sub {
    my ($ada, $bob) = (person(), person());
    my $handler = Confab::Psql->new($site, role => 'confab_handler');
    $handler->run(prepare(token => 'token_start'));
    my $start = sub ($user, $context, $replaces) {
        my $hash = hash();
        $handler->run("execute token_start($user, '$context', '$hash', '$hash', false, 1000, null, null, '$replaces', null)");
        return $hash;
    };
    my ($old, $api) = (token($ada), token($ada, 'api'));
    my $last = last_number();
    my $new  = $start->($ada, 'session', $old);
    is_deeply logged($last), [ [ $old, 'replaced', 'now' ] ], 'the same person: replaced';
    $last = last_number();
    $start->($bob, 'session', $new);
    is_deeply logged($last), [ [ $new, 'signed_out', 'now' ] ], 'somebody else: signed out';
    $last = last_number();
    $start->($ada, 'session', $_) for $new, $api, 'nothing';
    is_deeply logged($last), [], "what has ended, a program's, or nothing: nothing";
    my ($kept, $banned) = (token($ada), person());
    psql("update users set banned_at = now() where id = $banned");
    $last = last_number();
    $start->($banned, 'session', $kept);
    is_deeply logged($last), [], 'who may not begin one ends none';
};

# Lists of statements at the same time, each in a psql of its own.
sub together (@lists) {
    my @pids = map {
        my $statement = $_;
        my $pid = fork // die "fork: $!";
        if (!$pid) {
            my $said = $site->dev('psql', qw(-XqAt -v ON_ERROR_STOP=1 -c), $statement);
            print STDERR $said if $?;
            POSIX::_exit($? ? 1 : 0);
        }
        $pid;
    } @lists;
    my $failed = 0;
    for my $pid (@pids) { waitpid $pid, 0; $failed ||= $? }
    return !$failed;
}

subtest 'many writers' => sub {
    my $people = 60;
    psql("insert into users (userid, name) select 'many-' || n, 'Many' from generate_series(1, $people) n");
    psql("insert into tokens (user_id, context, hash, csrf_secret, expires_at)
        select u.id, case when n % 3 = 0 then 'api' else 'session' end, lpad((u.id * 100 + n)::text, 43, 'm'), lpad('x', 43, 'x'), now() + interval '1 day'
        from users u, generate_series(1, 8) n where u.userid like 'many-%'");
    my $all  = psql("select count(*) from tokens where hash like 'mm%'");
    my $from = last_number();
    my $loop = sub ($order, $statement) {
        "do \$\$ declare who bigint; begin
            for who in select id from users where userid like 'many-%' order by $order loop $statement; commit; end loop; end \$\$";
    };
    my $reader = "do \$\$ declare last bigint := $from; r record; began timestamptz := clock_timestamp(); begin
        while last < $from + $all loop
            for r in select id from revocations where id > last order by id loop
                if r.id <> last + 1 then raise exception 'after % came %', last, r.id; end if;
                last := r.id;
            end loop;
            if clock_timestamp() > began + interval '30 s' then raise exception 'stopped at %', last; end if;
            commit;
        end loop; end \$\$";
    my $deadlocks = psql("select deadlocks from pg_stat_database where datname = 'confab'");
    ok together(
        $loop->('id',      "update tokens set ended_as = 'signed_out' where hash = lpad((who * 100 + 3)::text, 43, 'm')"),
        $loop->('id',      "update tokens set expires_at = now() where user_id = who and context = 'api'"),
        $loop->('id desc', "perform user_set_password(who, '\$argon2id\$x', null)"),
        $loop->('id',      'update users set banned_at = now() where id = who and id % 2 = 0'),
        $loop->('random()', "update tokens set ended_as = 'revoked', expires_at = now() where user_id = who and ended_as is null and expires_at > now()"),
        $loop->('random()', 'delete from users where id = who and id % 3 = 0'),
        $loop->('random()', 'delete from tokens where user_id = who and id % 5 = 0'),
        $reader,
    ), 'seven writers end the same sessions in every way, and a reader sees number after number';
    is psql("select count(*), count(distinct hash), min(id), max(id) from revocations where hash like 'mm%'"),
        join('|', $all, $all, $from + 1, $from + $all), 'each is logged once, without a hole';
    psql('select pg_stat_force_next_flush()') if psql('show server_version_num') >= 150000;
    is psql("select deadlocks from pg_stat_database where datname = 'confab'"), $deadlocks, 'nobody waited in a ring';
};

subtest 'sweeping' => sub {
    my $swept = psql('select swept from revocation_counter');
    my $last  = last_number();
    psql("update revocations set inserted_at = now() - interval '25 hours' where id <= $last - 10");
    my $old = token(person(), 'session', "now() - interval '25 hours'");
    my $new = token(person(), 'session', "now() - interval '23 hours'");
    is $site->dev('confab', 'sweep'), '', 'confab sweep says nothing';
    is psql('select swept, last from revocation_counter'), ($last - 10) . "|$last", 'how far was swept is known';
    is psql('select count(*) from revocations'), 10, 'what is a day old goes, the rest stays';
    is psql("select string_agg(hash, ' ') from tokens where hash in ('$old', '$new')"), $new, 'and so with tokens';
    is last_number(), $last, 'which ends nothing';
};

done_testing;
