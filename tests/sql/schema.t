# What the tables themselves hold to, whoever writes: numbers without a gap, changes by hand that become events, and every
# rule that a row can break.
use v5.36;
use Confab::Site;
use POSIX ();
use Test::More;

my $site = Confab::Site->new;
my $rooms = 0;

sub psql ($sql) { return $site->psql($sql) }

sub room () {
    return psql("insert into rooms (slug, name) values ('sql-" . ++$rooms . "', 'A room') returning id");
}

psql(<<~'SQL');
    create function refusal(statement text) returns text language plpgsql as $$
    declare
        which text;
    begin
        execute statement;
        return '';
    exception when others then
        get stacked diagnostics which = constraint_name;
        return coalesce(nullif(which, ''), sqlerrm);
    end
    $$
    SQL

# What refused each statement: a constraint's name, else the error's words; empty when nothing did.
sub refusals (@statements) {
    my $said = psql(join "\n", map {"select refusal(\$sql\$$_\$sql\$);"} @statements);
    return split /\n/, $said, -1;
}
sub refusal ($sql) { return (refusals($sql))[0] // '' }

# Lists of statements at the same time, each list in a psql of its own; dies if one fails.
sub together (@lists) {
    my @pids = map {
        my @statements = ref $_ ? @$_ : $_;
        my $pid = fork // die "fork: $!";
        if (!$pid) {
            my $said = $site->dev('psql', qw(-XqAt -v ON_ERROR_STOP=1), map { (-c => $_) } @statements);
            print STDERR $said if $?;
            POSIX::_exit($? ? 1 : 0);
        }
        $pid;
    } @lists;
    my $failed = 0;
    for my $pid (@pids) { waitpid $pid, 0; $failed ||= $? }
    die "a writer failed\n" if $failed;
}

# The statement that the handlers use, as it stands in sql/queries.
sub our_insert () {
    my $text = Confab::Site::slurp(($ENV{CONFAB_SOURCE} // '.') . '/sql/queries/message.sql');
    my ($given) = $text =~ /-- define given\n(.*?)\n\n/s;
    my ($query) = $text =~ /-- query message_insert\n(.*?);/s;
    return $query =~ s/^--.*\n//gmr =~ s/\@given\@/$given/r;
}

sub writer ($how, $room, $name, $count) {
    my $by_hand = "insert into messages (room_id, name, message, client_id) values ($room, '$name', 'message ' || i, '$name' || i)";
    my $ours    = "execute format('execute post(null, $room, %L, %L, %L, %L)', repeat('A', 16), '$name', 'message ' || i, '$name' || i)";
    my $statement = $how eq 'ours' ? $ours : $by_hand;
    return [ 'prepare post as ' . our_insert(), "do \$\$ begin for i in 1..$count loop $statement; commit; end loop; end \$\$" ];
}

subtest 'numbers' => sub {
    my $room = room();
    my $n = 400;
    my $reader = "do \$\$ declare last bigint := 0; m record; began timestamptz := clock_timestamp(); begin
        while last < $n loop
            for m in select rev from messages where room_id = $room and rev > last order by rev loop
                if m.rev <> last + 1 then raise exception 'after % came %', last, m.rev; end if;
                last := m.rev;
            end loop;
            if clock_timestamp() > began + interval '15 s' then raise exception 'stopped at %', last; end if;
            commit;
        end loop; end \$\$";
    my $failing = "do \$\$ begin for i in 1..50 loop
        begin
            insert into messages (room_id, name, message) values ($room, 'too short', 'x');
        exception when check_violation then null; end; commit; end loop; end \$\$";
    together($reader, $failing, writer(ours => $room, 'a', 100), writer(ours => $room, 'b', 100), writer(hand => $room, 'c', 100), writer(hand => $room, 'd', 100));
    is psql("select count(*), min(seq), max(seq), count(distinct seq) from messages where room_id = $room"), "$n|1|$n|$n",
        'our statement and psql, at once, give 1 to n without a gap, also where some are refused';
    is psql("select count(*) from messages where room_id = $room and rev <> seq"), 0, 'rev begins as seq';
    is psql("select rev from rooms where id = $room"), $n, "and the room's counter stands there";
    pass 'a reader that asked for what is newer never stepped over one';
};

subtest 'changes by hand' => sub {
    my $room = room();
    psql("insert into messages (room_id, name, message) select $room, 'Bo', 'message ' || n from generate_series(1, 5) n");
    my $row = sub ($seq, $columns) { psql("select $columns from messages where room_id = $room and seq = $seq") };
    psql("update messages set message = 'changed' where room_id = $room and seq = 2");
    is $row->(2, 'seq, rev, message, edited_at is not null'), '2|6|changed|t', 'an edit takes the next rev, and its time';
    psql("update messages set deleted = true where room_id = $room and seq = 3");
    is $row->(3, 'seq, rev, deleted, name is null, message is null, edited_at is null'), '3|7|t|t|t|t', 'a deletion too, and blanks the row';
    psql("update messages set name = 'Bob' where room_id = $room and seq = 4");
    is $row->(4, 'rev, edited_at is null'), '8|t', 'so does a change of the name';
    psql("update messages set message = message where room_id = $room");
    is psql("select rev from rooms where id = $room"), 8, 'a change that changes nothing takes none';
    psql("update messages set message = message || '!' where room_id = $room and not deleted");
    is psql("select count(distinct rev), max(rev) from messages where room_id = $room"), '5|12', 'several at once take one each';
    for my $change ('seq = 99', 'id = 99999', "inserted_at = now() - interval '1 day'", 'room_id = 1') {
        is refusal("update messages set $change where room_id = $room and seq = 1"), 'messages_place_kept', "refused: set $change";
    }
    together(map {"do \$\$ begin for i in 1..50 loop update messages set message = 'writer $_ ' || i where room_id = $room and seq = 1; commit; end loop; end \$\$"} 1 .. 4);
    is $row->(1, 'rev'), 212, 'each of many edits at once takes its own';
    psql("delete from messages where room_id = $room and seq = 5");
    is psql("select rev from rooms where id = $room"), 212, 'to take one out leaves the counter as it is';
    psql("insert into messages (room_id, name, message) values ($room, 'Bo', 'after')");
    is psql("select max(seq) from messages where room_id = $room"), 213, 'a number that was given once is never given again';
};

subtest 'what is shown' => sub {
    my $room  = room();
    my $count = sub { psql('select last from shown_counter') };
    my $ada   = psql("insert into users (userid, name, email) values ('shown', 'Ada', 'ada-shown\@example.org') returning id");
    psql("insert into messages (room_id, user_id, name, message) values ($room, $ada, 'Ada', 'hello')");
    my $before = $count->();
    psql("update users set email = 'other\@example.org', confirmed_at = now(), name = name where id = $ada");
    is $count->(), $before, 'what is not shown is not counted';
    for my $change ("name = 'Ada L.'", "picture = 'https://example.org/ada.png'", "userid = 'shown-2'") {
        psql("update users set $change where id = $ada");
        is $count->(), ++$before, "counted: $change";
    }
    psql("delete from users where id = $ada");
    is psql("select rev from rooms where id = $room"), 2, 'who goes changes the messages';
    psql("delete from messages where room_id = $room");
    is $count->(), ++$before, 'a line that is taken out is counted';
};

subtest 'rules' => sub {
    my $room = room();
    my $ok = sub (%columns) {
        my %row = (room_id => $room, name => "'Bo'", message => "'hello'", %columns);
        my @names = sort keys %row;
        return 'insert into messages (' . join(', ', @names) . ') values (' . join(', ', @row{@names}) . ')';
    };
    my @good = (
        { message => "'hi'" }, { message => "repeat('ë', 4000)" }, { name => "repeat('ë', 60)" }, { name => "'x'" }, { message => "E'a\\nb\\tc'" },
        { client_id => "repeat('x', 64)" }, { guest => "repeat('A', 16)" }, { guest => "'AZaz09_-AZaz09_-'" }, { name => "E'a\\tb'" },
    );
    my @taken = refusals(map { $ok->(%$_) } @good);
    is shift @taken, '', 'taken: ' . join ', ', %$_ for @good;
    my @bad = (
        [ messages_message_least      => message => "'x'" ],              [ messages_message_least      => message => "''" ],
        [ messages_message_most       => message => "repeat('x', 4001)" ], [ messages_message_present    => message => 'null' ],
        [ messages_message_characters => message => "E'a\\x01b'" ],       [ messages_message_characters => message => "E'a\\rb'" ],
        [ messages_message_characters => message => "E'a\\u0085b'" ],     [ messages_message_characters => message => "E'a\\x7fb'" ],
        [ messages_message_trimmed    => message => "' hello'" ],         [ messages_message_trimmed    => message => "E'hello\\n'" ],
        [ messages_message_trimmed    => message => "E'hello\\u2003'" ],  [ messages_message_trimmed    => message => "E'\\u00a0hello'" ],
        [ messages_name_present       => name => 'null' ],                [ messages_name_length        => name => "''" ],
        [ messages_name_length        => name => "repeat('x', 61)" ],     [ messages_name_characters    => name => "E'a\\nb'" ],
        [ messages_name_characters    => name => "E'a\\u2028b'" ],        [ messages_name_characters    => name => "E'a\\x1bb'" ],
        [ messages_name_trimmed       => name => "' Bo'" ],               [ messages_name_trimmed       => name => "E'Bo\\u3000'" ],
        [ messages_client_id_check    => client_id => "''" ],             [ messages_client_id_check    => client_id => "repeat('x', 65)" ],
        [ messages_client_id_check    => client_id => "'a b'" ],          [ messages_client_id_check    => client_id => "E'a\\n'" ],
        [ messages_guest_check        => guest => "'short'" ],            [ messages_guest_check        => guest => "repeat('!', 16)" ],
        [ messages_room_id_fkey       => room_id => 999999, seq => 1, rev => 1 ], [ messages_user_id_fkey => user_id => 999999 ],
        [ messages_numbers_check      => seq => 0, rev => 1 ],            [ messages_numbers_check      => seq => 5000, rev => 4999 ],
        [ messages_room_seq_key       => seq => 1, rev => 5000 ],         [ messages_message_present    => deleted => 'true' ],
    );
    my @refused = refusals(map { my (undef, %columns) = @$_; $ok->(%columns) } @bad);
    for my $case (@bad) {
        my ($constraint, %columns) = @$case;
        is shift @refused, $constraint, "$constraint refuses " . join ', ', %columns;
    }
    psql("insert into users (userid, name) values ('ann', 'Ann')");
    my $ann = psql("select id from users where userid = 'ann'");
    is refusal($ok->(user_id => $ann, guest => "repeat('A', 16)")), 'messages_author_check', 'a message has one author';
    is refusal($ok->(user_id => $ann, client_id => "'c1'")), '', "a member's message";
    is refusal($ok->(user_id => $ann, client_id => "'c1'")), 'messages_user_client_id_key', 'its client_id only once';
    is refusal($ok->(guest => "repeat('B', 16)", client_id => "'c1'")), '', "a guest's may be the same";
    is refusal($ok->(guest => "repeat('B', 16)", client_id => "'c1'")), 'messages_guest_client_id_key', 'once as well';
    is refusal($ok->(guest => "repeat('C', 16)", client_id => "'c1'")), '', "and another guest's";
    is refusal($ok->(client_id => "'c1'")), '', "the operator's may repeat" for 1 .. 2;
    psql("delete from users where userid = 'ann'");
    is psql("select count(*) from messages where room_id = $room and client_id = 'c1' and user_id is null and guest is null"), 3, 'a message outlives its author';
    is refusal("insert into rooms (slug, name) values ('$_', 'x')"), 'rooms_slug_check', "no slug: '$_'" for '', '-a', 'A', 'a b', 'a/b', 'ä', 'x' x 61, 'a.b';
    is refusal("insert into rooms (slug, name) values ('lobby', 'x')"), 'rooms_slug_key', 'a slug once';
    is refusal("insert into rooms (slug, name) values ('n1', '')"), 'rooms_name_length', 'a room has a name';
    is refusal("insert into rooms (slug, name) values ('n1', E'a\\nb')"), 'rooms_name_characters', 'on one line';
    is refusal("update rooms set rev = -1 where id = $room"), 'rooms_rev_check', 'a counter counts up';
    is refusal("insert into users (userid, name) values ('$_', 'x')"), 'users_userid_check', "no userid: '$_'" for '', 'a b', 'a/b', 'x' x 61;
    is refusal("insert into users (userid, name, picture) values ('u1', 'x', 'javascript:alert(1)')"), 'users_picture_check', 'a picture is an address';
    is psql("select count(*) from pg_constraint where conrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace) and not convalidated"), 0, 'every constraint holds for every row';
};

subtest 'throttles' => sub {
    my $take = sub ($key, $most, $period) { psql("select throttle_take('$key', $most, '$period')") };
    is $take->('t:1', 3, '60 s'), 0, "take $_ of 3" for 1 .. 3;
    my $wait = $take->('t:1', 3, '60 s');
    ok $wait > 15 && $wait <= 20, "then wait a third of the time: $wait";
    ok abs($take->('t:1', 3, '60 s') - $wait) < 2, 'asking does not make it longer';
    is $take->('t:2', 3, '60 s'), 0, 'another has an allowance of its own';
    psql("update throttles set full_at = full_at - interval '20 s' where key = 't:1'");
    is $take->('t:1', 3, '60 s'), 0, 'after the wait there is one more';
    ok $take->('t:1', 3, '60 s') > 0, 'and only one';
    psql("update throttles set full_at = now() - interval '1 day' where key = 't:1'");
    is $take->('t:1', 3, '60 s'), 0, 'after a long time all of them: ' . $_ for 1 .. 3;
    ok $take->('t:1', 3, '60 s') > 0, 'but no more than that';
    is $take->('t:3', 1, '1 s'), 0, 'one in a second';
    ok $take->('t:3', 1, '1 s') > 0, 'is one';
    together(map {"do \$\$ begin for i in 1..20 loop perform throttle_take('t:4', 30, '1 hour'); commit; end loop; end \$\$"} 1 .. 4);
    my $left = psql("select round(extract(epoch from full_at - now()) / 120) from throttles where key = 't:4'");
    is $left, 30, 'many at once take no more than there are';
    is refusal("select throttle_take(repeat('x', 201), 1, '1 s')"), 'throttles_key_check', 'a key has a length';
    psql("update throttles set full_at = now() - interval '2 hours' where key = 't:3'");
    $site->dev('confab', 'sweep');
    is psql("select count(*) filter (where key = 't:3'), count(*) filter (where key = 't:4') from throttles"), '0|1', 'sweep takes away what is over';
};

subtest 'indexes' => sub {
    my $room = room();
    psql("insert into messages (room_id, name, message, guest, client_id) select $room, 'Bo', 'message', lpad((n % 100)::text, 16, 'A'), 'c' || n from generate_series(1, 3000) n; analyze messages");
    my $text = Confab::Site::slurp(($ENV{CONFAB_SOURCE} // '.') . '/sql/queries/message.sql');
    my ($columns) = $text =~ /-- define columns\n(.*?)\n\n/s;
    my %values = (
        message_by_client_id => "null, 'AAAAAAAAAAAAAAA7', 'c7'",
        message_before       => "null, $room, 2000, 50",
        message_room_latest  => "null, 'sql-$rooms', 20, null, null, null",
        message_changed      => "null, $room, 2990, 500",
        message_find         => "null, 'sql-$rooms', 3",
    );
    for my $name (sort keys %values) {
        my ($query) = $text =~ /-- query $name read\n(.*?);/s;
        $query = $query =~ s/^--.*\n//gmr =~ s/\@columns\@/$columns/r;
        my $plan = psql("set plan_cache_mode = force_generic_plan; prepare q as $query; explain execute q($values{$name})");
        unlike $plan, qr/Seq Scan on messages/, "$name finds its rows by an index" or diag $plan;
        unlike $plan, qr/Function Scan/, 'and what is visible is part of the plan';
    }
};

done_testing;
