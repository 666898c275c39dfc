#!/usr/bin/env perl
# A room over the live connection: joins, posts, errors, and what the protocol asks of a server (WIRE-PROTOCOL 10, 1 to 5).
use v5.36;
use utf8;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Mojo::JSON;
use POSIX ();
use Test::More;
use Confab::Clock qw(running_time);
use Confab::Phoenix;
use Confab::Site;

my $site = Confab::Site->new;
my ($bob, $eve) = map { Confab::Phoenix->new($site) } 1 .. 2;
my $lobby = 'room:lobby';

subtest 'heartbeats and refs' => sub {
    is $bob->heartbeat->{status}, 'ok', 'a heartbeat is answered';
    $bob->forget->raw('[null,"\u0000 \"\u20ac","phoenix","heartbeat",{}]');
    ok $bob->wait(sub { $bob->frames }), 'a ref may be any text';
    is_deeply [$bob->frames], [[undef, "\0 \"\x{20ac}", 'phoenix', 'phx_reply', { status => 'ok', response => {} }]],
        'and comes back equal';
    my $long = 'x' x 60_000;
    $bob->forget->raw(qq([null,"$long","phoenix","heartbeat",{}]));
    ok $bob->wait(sub { $bob->frames }) && ($bob->frames)[0][1] eq $long, 'also one that is as long as a message may be';
};

subtest 'joining' => sub {
    my $reply = $bob->join($lobby);
    is $reply->{status}, 'ok', 'an open room is joined';
    my $response = $reply->{response};
    is_deeply [sort keys %$response], [qw(epoch messages reset rev)], 'the reply has a cursor and messages';
    is $response->{rev}, 0, 'an empty room is at 0';
    like $response->{epoch}, qr/^[0-9a-f]{16}$/, 'epoch';
    is_deeply $response->{messages}, [], 'no messages';
    $eve->join($lobby);
    is_deeply [$bob->join('room:nowhere')->@{qw(status response join_ref)}],
        ['error', { reason => 'unmatched topic' }, undef], 'a room that is not there';
    is_deeply [$bob->join('kitchen')->@{qw(status response join_ref)}],
        ['error', { reason => 'unmatched topic' }, undef], 'a topic that no room has';
    for my $bad (-1, 'x', 1.5, {}) {
        is_deeply $bob->push($lobby, phx_join => { last_rev => $bad })->{response},
            { errors => { last_rev => ['is invalid'] } }, 'a cursor that is none';
    }
    $bob->join($lobby);
};

subtest 'posting' => sub {
    $_->forget for $bob, $eve;
    my $reply = $bob->post($lobby, " <b>hi</b>\r\nthére 😀 ", client_id => 'one');
    is $reply->{status}, 'ok', 'a post is answered';
    my $message = $reply->{response}{message};
    is $message->{message}, "<b>hi</b>\nthére 😀", 'tidied, and nothing else';
    like $message->{html}, qr{^<li [^>]*id="msg-$message->{id}"}, 'with its html';
    like $message->{html}, qr{&lt;b&gt;hi&lt;/b&gt;}, 'which is escaped';
    is_deeply [$message->@{qw(seq rev room name user client_id edited_at deleted)}],
        [1, 1, 'lobby', 'Bob', undef, 'one', undef, Mojo::JSON->false], 'and all of INTERFACE';
    like $message->{inserted_at}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'time in milliseconds';
    for my $who ($bob, $eve) {
        ok $who->wait(sub { $who->heard($lobby, 'new_message') }), 'everybody hears it';
        is_deeply [$who->heard($lobby, 'new_message')], [$message], 'once, and the same';
    }
    my ($frame) = grep { $_->[3] eq 'new_message' } $eve->frames;
    is_deeply [$frame->@[0, 1]], [undef, undef], 'a broadcast has no refs';
    is_deeply $bob->post($lobby, "<b>hi</b>\nthére 😀", client_id => 'one')->{response}{message}, $message,
        'the same again answers with the first';
    is_deeply $bob->post($lobby, 'another', client_id => 'one')->{response}, { reason => 'client_id already used' },
        'the same client_id with another text';
    is $eve->post($lobby, 'from eve', client_id => 'one')->{status}, 'ok', 'client_ids are each author\'s own';
};

subtest 'errors' => sub {
    is_deeply $bob->post($lobby, '', name => '')->{response},
        { errors => { name => ["can't be blank"], message => ["can't be blank"] } }, 'blank';
    is_deeply $bob->post($lobby, 'x')->{response}, { errors => { message => ['should be at least 2 character(s)'] } }, 'short';
    is_deeply $bob->post($lobby, 'x' x 4001)->{response},
        { errors => { message => ['should be at most 4000 character(s)'] } }, 'long';
    is_deeply $bob->post($lobby, 'hello', name => 7)->{response}, { errors => { name => ['is invalid'] } }, 'no text';
    is_deeply $bob->push($lobby, foo => {})->{response}, { reason => 'unknown event' }, 'an unknown event';
    is_deeply $bob->push($lobby, phx_close => {})->{response}, { reason => 'unknown event' }, 'nor may clients say phx_close';
    $bob->forget;
    my $ref = $bob->say('room:other', new_message => { message => 'hello', name => 'Bob' }, '77');
    is_deeply [$bob->reply_to($ref)->@{qw(status response join_ref)}], ['error', { reason => 'unmatched topic' }, undef],
        'a push on a topic that was not joined';
    ok $bob->wait(sub { $bob->heard('room:other', 'phx_error') }), 'and the client is told to join anew';
    is_deeply [(grep { $_->[3] eq 'phx_error' } $bob->frames)[0]->@[0, 1]], ['77', '77'], 'with its own join_ref';
    $ref = $bob->say($lobby, new_message => { message => 'stale one', name => 'Bob' }, 'stale');
    ok !$bob->reply_to($ref, 0.3), 'a join that is over is not answered';
    is $site->psql(q(select count(*) from messages where message = 'stale one')), 0, 'nor is it done';
};

subtest 'order' => sub {
    my @refs = map { $bob->say($lobby, phx_leave => {}, undef), $bob->say($lobby, phx_join => {}, "again$_") } 1 .. 5;
    $bob->reply_to($refs[-1]);
    my @replies = map { $_->[1] } grep { $_->[3] eq 'phx_reply' } $bob->frames;
    is_deeply [@replies[-@refs .. -1]], \@refs, 'messages of one client are answered in order';
};

subtest 'leaving and joining twice' => sub {
    my $mia = Confab::Phoenix->new($site);
    $mia->join($lobby);
    my $first = $mia->{joined}{$lobby};
    my $again = $mia->join($lobby);
    is $again->{status}, 'ok', 'a second join';
    ok $mia->wait(sub { $mia->heard($lobby, 'phx_close') }), 'ends the first';
    my @order = map { [$_->@[0, 3]] } $mia->frames;
    is_deeply [@order[-2, -1]], [[$mia->{joined}{$lobby}, 'phx_reply'], [$first, 'phx_close']], 'after its own reply';
    $mia->forget;
    ok !$mia->reply_to($mia->say($lobby, phx_leave => {}, $first), 0.3), 'leaving the first is not answered';
    $eve->post($lobby, 'are you here?');
    ok $mia->wait(sub { $mia->heard($lobby, 'new_message') }), 'the second one stays';
    is scalar($mia->heard($lobby, 'new_message')), 1, 'and hears once';
    $mia->forget;
    is $mia->push($lobby, phx_leave => {})->{status}, 'ok', 'leaving is answered';
    ok $mia->wait(sub { $mia->heard($lobby, 'phx_close') }), 'then closed';
    is $mia->push($lobby, phx_leave => {})->{status}, 'ok', 'leaving what was not joined is answered too';
    my $count = grep { $_->{status} eq 'ok' } map { $mia->join("room:lobby") } 1;
    is $count, 1, 'and it may be joined again';
};

subtest 'frames to the letter' => sub {
    my $room = Mojo::JSON::to_json($lobby);
    my $mia = Confab::Phoenix->new($site);
    my $frames = sub ($count, @said) {
        $mia->forget->raw($_) for @said;
        $mia->wait(sub { $mia->frames >= $count });
        $mia->rest(0.2);
        return [$mia->frames];
    };
    my $ok = sub (@refs) { [@refs, $lobby, 'phx_reply', { status => 'ok', response => {} }] };
    is_deeply $frames->(1, qq([null,"l1",$room,"phx_leave",{}])), [$ok->(undef, 'l1')], 'leaving what was not joined: a reply only';
    is_deeply $frames->(1, qq(["x","l2",$room,"phx_leave",{}])), [$ok->('x', 'l2')], 'with the join_ref that came';
    my $joined = $frames->(1, qq(["\\u0000 é","\\u0000 é",$room,"phx_join",{},"and","more"]));
    is_deeply [$joined->[0]->@[0 .. 3]], ["\0 é", "\0 é", $lobby, 'phx_reply'], 'a join_ref may be any text too; what stands behind the payload is passed over';
    is_deeply $frames->(1, qq([null,"n",$room,"nothing",{}]))->[0][0], "\0 é", 'a push without join_ref is answered with the one of its join';
    is_deeply $frames->(2, qq(["\\u0000 é","l3",$room,"phx_leave",{}])),
        [$ok->("\0 é", 'l3'), ["\0 é", "\0 é", $lobby, 'phx_close', {}]], 'leaving: the reply, then phx_close';
    is_deeply $frames->(1, qq([null,null,"phoenix","heartbeat",{}])), [[undef, undef, 'phoenix', 'phx_reply', { status => 'ok', response => {} }]],
        'a ref may be null';
    is_deeply $frames->(1, qq(["a","b","phoenix","heartbeat",{"x":[1]}]))->[0][1], 'b', 'a heartbeat may carry anything';
    for my $bad (qq([null,1,"phoenix","heartbeat",{}]), qq([1,"1",$room,"phx_join",{}]), qq([null,{},"phoenix","heartbeat",{}]),
        qq([null,"1",null,"heartbeat",{}]), qq([null,"1","phoenix",7,{}]), qq([null,"1","phoenix","heartbeat",[]]),
        qq([null,"1","phoenix","heartbeat"]), qq("phoenix"), qq([null,"1","phoenix","heartbeat",{}] x), '')
    {
        my $mallory = Confab::Phoenix->new($site)->raw($bad);
        $mallory->wait(sub { defined $mallory->closed });
        is $mallory->closed, 1008, "no message: $bad";
    }
};

subtest 'what waits for the database' => sub {
    my $mia = Confab::Phoenix->new($site);
    $mia->join($lobby);
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        $site->psql('begin; select 1 from rooms where id = 1 for update; select pg_sleep(2); commit');
        POSIX::_exit(0);
    }
    $site->wait_until(sub { $site->psql(q(select count(*) from pg_stat_activity where wait_event = 'PgSleep')) == 1 });
    my $post = $mia->say($lobby, new_message => { message => 'patience', name => 'Mia' });
    my $later = $mia->say($lobby, nothing => {});
    my $start = running_time;
    is $mia->heartbeat->{status}, 'ok', 'a heartbeat does not wait for it';
    ok running_time - $start < 1, 'but is answered at once';
    ok !$mia->{replies}{$post} && !$mia->{replies}{$later}, 'the post waits, and what was said after it';
    is $mia->reply_to($post)->{status}, 'ok', 'then it is answered';
    is $mia->reply_to($later)->{status}, 'error', 'and so is the other, in order';
    waitpid $pid, 0;
};

subtest 'catching up' => sub {
    my $rev = $site->psql('select rev from rooms where id = 1');
    my $epoch = $bob->join($lobby)->{response}{epoch};
    my $mia = Confab::Phoenix->new($site);
    my $reply = $mia->join($lobby, { last_rev => 1, epoch => $epoch })->{response};
    is_deeply [map { $_->{rev} } $reply->{messages}->@*], [2 .. $rev], 'all after the cursor, in order of rev';
    ok !$reply->{reset} && $reply->{rev} == $rev, 'no reset';
    $reply = $mia->join($lobby, { last_rev => 1, epoch => '0123456789abcdef' })->{response};
    ok $reply->{reset}, 'another epoch is a reset';
    is scalar($reply->{messages}->@*), $rev, 'with the latest';
    ok $mia->join($lobby, { last_rev => $rev + 5, epoch => $epoch })->{response}{reset}, 'so is a cursor from the future';
    $site->psql(q(insert into messages (room_id, name, message) select 1, 'op', 'number ' || n from generate_series(1, 501) n));
    $reply = $mia->join($lobby, { last_rev => $rev, epoch => $epoch })->{response};
    ok $reply->{reset}, 'more than 500 is a reset';
    is_deeply [map { $_->{seq} } $reply->{messages}->@*], [$rev + 482 .. $rev + 501], 'with the latest 20';
    $reply = $mia->join($lobby, { last_rev => $rev + 1, epoch => $epoch })->{response};
    ok !$reply->{reset}, '500 is none';
    is_deeply [map { $_->{rev} } $reply->{messages}->@*], [$rev + 2 .. $rev + 501], 'they all come';
    $site->psql(q(update messages set message = 'changed' where seq = 1));
    $reply = $mia->join($lobby, { last_rev => $rev + 501, epoch => $epoch })->{response};
    is_deeply [map { [$_->@{qw(seq rev message)}] } $reply->{messages}->@*], [[1, $rev + 502, 'changed']], 'a change is caught up with';
};

subtest 'changes by hand' => sub {
    ok $eve->wait(sub { $eve->heard($lobby, 'message_edited') }), 'an edit is heard';
    is +($eve->heard($lobby, 'message_edited'))[-1]{message}, 'changed', 'as message_edited';
    $site->psql(q(update messages set deleted = true where seq = 2));
    ok $eve->wait(sub { $eve->heard($lobby, 'message_deleted') }, 2), 'and a deletion';
    my ($deleted) = $eve->heard($lobby, 'message_deleted');
    is_deeply [$deleted->@{qw(seq deleted message name guest)}], [2, Mojo::JSON->true, undef, undef, undef], 'without text and author';
    my $start = running_time;
    $site->psql(q(insert into messages (room_id, name, message) values (1, 'Operator', 'typed by hand')));
    ok $eve->wait(sub { grep { $_->{message} && $_->{message} eq 'typed by hand' } $eve->heard($lobby, 'new_message') }, 2),
        'an insert is heard';
    ok running_time - $start <= 2, 'within a second or so';
};

subtest 'too many' => sub {
    my $zoe = Confab::Phoenix->new($site);
    $zoe->join($lobby);
    my @replies = map { $zoe->post($lobby, "number $_") } 1 .. 11;
    is scalar(grep { $_->{status} eq 'ok' } @replies), 10, 'ten in ten seconds';
    is $replies[-1]{response}{reason}, 'rate_limited', 'then rate_limited';
};

subtest 'broken rules' => sub {
    my @bad = (
        [1008, 'no JSON',     '{'],
        [1008, 'no array',    '{"topic":"x"}'],
        [1008, 'too deep',    '[null,"1","phoenix","heartbeat",{"a":' . '[' x 40 . ']' x 40 . '}]'],
        [1008, 'twice a key', '[null,"1","phoenix","heartbeat",{"a":1,"a":2}]'],
        [1009, 'too long',    '[null,"' . 'x' x 70_000 . '","phoenix","heartbeat",{}]'],
    );
    for (@bad) {
        my ($code, $name, $text) = @$_;
        my $mallory = Confab::Phoenix->new($site)->raw($text);
        $mallory->wait(sub { defined $mallory->closed });
        is $mallory->closed, $code, "$name: $code";
    }
    my $binary = Confab::Phoenix->new($site)->raw({ binary => 'abc' });
    $binary->wait(sub { defined $binary->closed });
    is $binary->closed, 1003, 'binary: 1003';
    for my $code (1000, 1001, 4000) {
        my $polite = Confab::Phoenix->new($site)->finish($code);
        $polite->wait(sub { defined $polite->closed });
        is $polite->closed, $code, "a client's $code is echoed";
    }
    my $many = Confab::Phoenix->new($site);
    my @joins = map { $many->say("room:r$_", phx_join => {}, "j$_") } 1 .. 3;
    is $many->reply_to($joins[-1])->{status}, 'error', 'refused joins do not count';
    is $many->heartbeat->{status}, 'ok', 'and the connection stays';
};

$site->end;
done_testing;
