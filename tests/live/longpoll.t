#!/usr/bin/env perl
# The long poll at the relay, in bytes: each status and header, what a token is worth, and what wakes a held poll.
use v5.36;
use utf8;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Test::More;
use Time::HiRes qw(sleep);
use Confab::Clock qw(running_time);
use Confab::LongPoll;
use Confab::Phoenix;
use Confab::Relay;
use Confab::Sessions;
use Confab::Site;

my $site     = Confab::Site->new;
my $relay    = Confab::Relay->new($site, CONFAB_RELAY_POLL_WINDOW => '2 s', CONFAB_LIMITS_RATE => '1000/1s');
my $sessions = Confab::Sessions->new($site);
my $lobby    = 'room:lobby';

sub poll (%with) { Confab::LongPoll->new($site, port => $relay->port, %with) }
sub joined ($topic = $lobby, %with) {
    my $poll = poll(%with);
    $poll->joined($topic) or die "no join\n";
    return $poll;
}
sub say_by_hand ($text) { $site->psql("insert into messages (room_id, name, message) values (1, 'Op', '$text')") }

# How a session's browser polls.
sub cookie_of ($session, %with) {
    my %came = $sessions->credentials($session);
    return (query => $came{query}, headers => { Cookie => $came{headers}{Cookie}, ($with{fields} // { 'Sec-Fetch-Site' => 'same-origin' })->%* },
        posts => { Origin => $site->origin });
}

subtest 'the first GET and its head' => sub {
    my $bob = poll;
    my $answer = $bob->get;
    is $answer->{status}, 410, 'opens with 410';
    ok $answer->{token}, 'and a token';
    is_deeply $answer->{messages}, [], 'and no messages';
    is $answer->{http}, 200, 'in an answer of 200';
    like $answer->{head}, qr{^Content-Type: application/json; charset=utf-8\r$}mi, 'of JSON';
    like $answer->{head}, qr{^Cache-Control: no-store\r$}mi, 'that nobody keeps';
    like $answer->{head}, qr{^Connection: close\r?$}mi, 'alone on its connection';
    is poll(query => { vsn => '1.0.0' })->get->{status}, 403, 'another version is refused';
    is poll(query => { vsn => undef })->get->{status}, 403, 'and so is none';
};

subtest 'methods' => sub {
    for my $method (qw(PUT DELETE PATCH HEAD)) {
        my $answer = poll->request($method)->answer;
        is $answer->{http}, 405, "$method is refused";
        like $answer->{head}, qr/^Allow: GET, POST, OPTIONS\r?$/m, 'and which are allowed is told';
    }
    my %asked = ('Access-Control-Request-Method' => 'POST', 'Access-Control-Request-Headers' => 'content-type,x-phoenix-authtoken');
    my $ours = poll->request('OPTIONS', headers => { Origin => $site->origin, %asked })->answer;
    is $ours->{http}, 200, 'OPTIONS from our own origin';
    like $ours->{head}, qr/^Access-Control-Allow-Origin: \Q@{[ $site->origin ]}\E\r?$/m, 'is allowed';
    like $ours->{head}, qr/^Access-Control-Allow-Headers: content-type,x-phoenix-authtoken\r?$/m, 'with the headers that it asked for';
    like $ours->{head}, qr/^Access-Control-Max-Age: 3600\r?$/m, 'for an hour';
    my $other = poll->request('OPTIONS', headers => { Origin => 'https://evil.example', %asked })->answer;
    unlike $other->{head}, qr/Access-Control/, 'to another it says nothing';
    is poll->get(headers => { Origin => 'https://evil.example' })->{status}, 403, 'nor does a GET';
};

subtest 'joining, posting, hearing' => sub {
    my $bob = joined();
    my $post = $bob->line($lobby, new_message => { name => 'Bob', message => 'Grüße, 🙂', client_id => 'p1' });
    is $bob->post($post), 200, 'a POST is accepted';
    my (@replies, @heard);
    for (1 .. 4) {
        last if @replies && @heard;
        for my $m ($bob->get->{messages}->@*) {
            push @replies, $m if $m->[3] eq 'phx_reply';
            push @heard, $m if $m->[3] eq 'new_message';
        }
    }
    is $replies[0][4]{status}, 'ok', 'its reply comes by GET';
    is $heard[0][4]{message}, 'Grüße, 🙂', 'and so does the message';
    is_deeply [ $heard[0]->@[ 0, 1 ] ], [ undef, undef ], 'as a broadcast';
    is $bob->post($post), 200, 'the same POST again is accepted';
    is $bob->get->{status}, 204, 'and does nothing';
    is $site->psql("select count(*) from messages where client_id = 'p1'"), 1, 'twice';
};

subtest 'the window' => sub {
    my $bob = joined();
    my $answer = $bob->get;
    is $answer->{status}, 204, 'where nothing happens it ends with 204';
    cmp_ok $answer->{took}, '>=', 2, 'not before its time';
    cmp_ok $answer->{ran}, '<', 4, 'nor long after';
    ok $answer->{token}, 'and with a token';
};

subtest 'a held poll is woken' => sub {
    my $bob = joined();
    my $held = $bob->ask;
    sleep 0.4;
    say_by_hand('by hand');
    my $answer = $bob->take($held->answer);
    is $answer->{messages}[0][4]{message}, 'by hand', 'by a message written by hand';
    $held = $bob->ask;
    sleep 0.4;
    my $ann = Confab::Phoenix->new($site, url => 'ws://127.0.0.1:' . $relay->port . '/live/websocket');
    $ann->join($lobby);
    my $began = running_time;
    $ann->post($lobby, 'by socket');
    $answer = $bob->take($held->answer);
    is $answer->{messages}[0][4]{message}, 'by socket', 'by a message of a websocket';
    cmp_ok running_time - $began, '<', 1, 'at once';
    $held = $bob->ask;
    sleep 0.4;
    $began = running_time;
    $bob->post($bob->line($lobby, nonsense => {}));
    $answer = $bob->take($held->answer);
    $answer = $bob->get until grep { $_->[3] !~ /^presence/ } $answer->{messages}->@*;    # Ann's coming can be first
    my ($reply) = grep { $_->[3] eq 'phx_reply' } $answer->{messages}->@*;
    is_deeply $reply->[4]{response}, { reason => 'unknown event' }, 'by a reply';
    cmp_ok running_time - $began, '<', 1, 'at once';
    my $eve = poll;
    $eve->get;
    $held = $eve->ask;
    sleep 0.3;
    $eve->post($eve->line($lobby, phx_join => {}, '1'));
    $answer = $eve->take($held->answer);
    is $answer->{messages}[0][4]{status}, 'ok', 'by a join';
    cmp_ok $answer->{ran}, '<', 1.5, 'at once';
};

subtest 'tokens' => sub {
    my $bob = joined();
    my $old = $bob->token;
    say_by_hand('again and again');
    my $first = $bob->get;
    my $second = poll(token => $old)->get;
    is_deeply $second->{messages}, $first->{messages}, 'the same GET has the same answer';
    my $older = poll(token => $old);
    $older->{ref} = 50;
    is $older->post($older->line($lobby, new_message => { name => 'Bob', message => 'from an older token' }, '1')), 200,
        'a POST may carry an older token';
    ok $bob->poll_until(sub { grep { $_->{message} eq 'from an older token' } $bob->heard($lobby, 'new_message') }), 'and is heard';
    my $header = poll(headers => { 'X-Phoenix-Longpoll-Token' => $bob->token });
    is $header->get->{status}, 204, 'a token may stand in a header';
    my $forged = $bob->token;
    substr($forged, 60, 1) = substr($forged, 60, 1) eq 'A' ? 'B' : 'A';
    is poll(token => $forged)->get->{status}, 500, 'a forged one is told to come back';
    is poll(token => 'x')->get->{status}, 500, 'and so is nonsense';
    is poll(token => $forged)->post('[]'), 410, 'a POST with it is told that it is unknown';
};

subtest 'bodies' => sub {
    my $bob = joined();
    my @lines = map { $bob->line(phoenix => heartbeat => {}) } 1 .. 100;
    is $bob->post(@lines), 200, 'a hundred lines are taken';
    my $count = 0;
    while ($count < 100) { $count += grep { $_->[3] eq 'phx_reply' } $bob->get->{messages}->@* or last }
    is $count, 100, 'and each is answered';
    is $bob->post(map { $bob->line(phoenix => heartbeat => {}) } 1 .. 101), 500, 'a hundred and one are not';
    is $bob->post('AAECAw=='), 500, 'nor is a line of base64';
    is $bob->post(''), 200, 'nothing at all is no harm';
    is $bob->post('x' x (1024 * 1024 + 1)), 500, 'a long body is refused';
    is $bob->request(POST => headers => { 'Content-Length' => undef, 'Transfer-Encoding' => 'chunked' })->answer->{http}, 411, 'its length must be known';
    is $bob->request(POST => headers => { 'Content-Length' => undef })->answer->{http}, 411, 'in any case';
    my $big = $bob->line($lobby, new_message => { name => 'Bob', message => 'x' x 60000 });
    my $post = $bob->request(POST => headers => { 'Content-Length' => length $big })->send($big, 7000, 0.01);
    is $post->answer->{status}, 200, 'a body may come in pieces';
    like $bob->reply->{response}{errors}{message}[0], qr/should be at most 4000/, 'and is read whole';
    isnt $bob->request(POST => body => '[]', headers => { 'Content-Length' => 1 })->answer->{status} // 0, 200, 'more than its length is refused';
};

subtest 'cookies' => sub {
    my ($ada, $eve) = $sessions->sessions(2);
    my $tab = poll(cookie_of($ada));
    is $tab->get->{status}, 410, 'a session polls with its cookie and a CSRF token';
    ok $tab->enter($lobby), 'joins';
    is $tab->post($tab->line($lobby, new_message => { message => 'by Ada' })), 200, 'posts';
    is poll(cookie_of($ada), token => $tab->token, posts => {})->post('[]'), 403, 'but not where the browser tells no origin';
    is $tab->hear($lobby, 'new_message')->{user}{userID}, $ada->{userid}, 'as who it is';
    my %ada = cookie_of($ada);
    is poll(query => {}, headers => $ada{headers})->get->{status}, 403, 'without CSRF token it is refused';
    is poll(query => { _csrf_token => $sessions->csrf($eve) }, headers => $ada{headers})->get->{status}, 403, 'and with that of another';
    is poll(cookie_of($ada, fields => { 'Sec-Fetch-Site' => 'cross-site' }))->get->{status}, 403, 'and from another site';
    is poll(cookie_of($ada, fields => { Origin => 'https://evil.example' }))->get->{status}, 403, 'and from another origin';
    is poll(cookie_of($ada, fields => { Origin => $site->origin }))->get->{status}, 410, 'but not from ours';
    is poll(cookie_of($ada, fields => {}))->get->{status}, 410, 'nor from a browser that says nothing';
    is poll(token => $tab->token)->get->{status}, 403, 'the token without the cookie is worth nothing';
    is poll(token => $tab->token)->post('[]'), 403, 'for a POST either';
    is poll(token => $tab->token, cookie_of($eve))->get->{status}, 403, 'nor with the cookie of another';
    is poll(headers => { Cookie => 'confab=not.a.token' })->get->{status}, 403, 'a cookie that does not hold is refused';
};

subtest 'bearers' => sub {
    my ($bot) = $sessions->sessions(1, context => 'api');
    my $program = poll(headers => { 'X-Phoenix-AuthToken' => $bot->{jwt} });
    is $program->get->{status}, 410, 'a program polls with its token in a header';
    $program->{headers} = {};
    ok $program->enter($lobby), 'and then with that of the poll alone';
    is poll(headers => { 'X-Phoenix-AuthToken' => 'no' })->get->{status}, 403, 'one that does not hold is refused';
    my $held = $program->ask;
    sleep 0.4;
    $sessions->sign_out($bot, 'revoked');
    my $answer = $program->take($held->answer);
    is_deeply [ $answer->{messages}[0]->@[ 2 .. 4 ] ], [ $lobby, 'session_ended', { reason => 'revoked' } ], 'when it ends the held poll says so';
    is $program->get->{status}, 403, 'and the token is worth nothing';
};

subtest 'the end of a session' => sub {
    my ($ada) = $sessions->sessions(1);
    my $tab = joined($lobby, cookie_of($ada));
    my $early = $tab->token;
    my $held = $tab->ask;
    sleep 0.4;
    my $began = running_time;
    $sessions->sign_out($ada);
    my $answer = $tab->take($held->answer);
    cmp_ok running_time - $began, '<', 0.5, 'is told at once';
    is $answer->{status}, 200, 'by an answer';
    is_deeply [ $answer->{messages}[0]->@[ 2 .. 4 ] ], [ $lobby, 'session_ended', { reason => 'signed_out' } ], 'which says why';
    is $tab->get->{status}, 403, 'the next GET is refused';
    is poll(cookie_of($ada), token => $early)->post(poll->line($lobby, new_message => { message => 'too late' }, '1')), 403,
        'and so is a POST';
    my $late = poll(cookie_of($ada), token => $early)->get;
    is $late->{messages}[0][3], 'session_ended', 'an older token hears that it has ended';
    is scalar $late->{messages}->@*, 1, 'and nothing else';
    is $site->psql("select count(*) from messages where message = 'too late'"), 0, 'nothing was stored';
};

subtest 'a room that ends, and another database' => sub {
    $site->psql("insert into rooms (slug, name) values ('attic', 'Attic')");
    my $bob = joined('room:attic');
    my $held = $bob->ask;
    sleep 0.3;
    $site->psql("delete from rooms where slug = 'attic'");
    my $answer = $bob->take($held->answer);
    is $answer->{messages}[0][3], 'phx_close', 'a poll of a room that goes hears that it is closed';
    cmp_ok $answer->{ran}, '<', 2, 'at once';
};

subtest 'a client that goes away' => sub {
    my $bob = joined();
    my $held = $bob->ask;
    sleep 0.3;
    $held->leave;
    sleep 0.3;
    say_by_hand('to nobody');
    is $bob->get->{messages}[0][4]{message}, 'to nobody', 'misses nothing';
};

subtest 'many at once' => sub {
    my @polls = map { joined() } 1 .. 20;
    my @held = map { $_->ask } @polls;
    sleep 0.5;
    $site->psql("insert into messages (room_id, name, message) select 1, 'Op', 'number ' || n from generate_series(1, 30) n");
    my (@revs, @wanted);
    for my $i (0 .. $#polls) {
        my $revs = sub ($answer) { map { $_->[4]{rev} } grep { $_->[3] eq 'new_message' } $answer->{messages}->@* };    # not who came
        my @got = $revs->($polls[$i]->take($held[$i]->answer));
        push @got, $revs->($polls[$i]->get) while @got < 30;
        push @revs, "@got";
        push @wanted, join ' ', map { $got[0] + $_ } 0 .. 29;
    }
    is_deeply \@revs, \@wanted, 'each hears all thirty, in order, once';
};

subtest 'a burst that is longer than a queue' => sub {
    my $small = Confab::Relay->new($site, CONFAB_RELAY_PEER_QUEUE => '16 KiB');
    my $bob = joined($lobby, port => $small->port);
    my $held = $bob->ask;
    sleep 0.4;
    $site->psql("insert into messages (room_id, name, message) select 1, 'Op', repeat('x', 3000) || n from generate_series(1, 50) n");
    my @got = map { $_->[4]{rev} } $bob->take($held->answer)->{messages}->@*;
    for (1 .. 5) { last if @got >= 50; push @got, map { $_->[4]{rev} } $bob->get->{messages}->@* }
    is_deeply \@got, [ map { $got[0] + $_ } 0 .. 49 ], 'is heard whole';
    $small->end;
};

subtest 'a relay that goes' => sub {
    my $second = Confab::Relay->new($site);
    my $bob = joined($lobby, port => $second->port);
    my $held = $bob->ask;
    sleep 0.4;
    is $second->end, 0, 'ends in order';
    my $answer = $held->answer;
    is $answer->{http}, 503, 'and answers what it holds with HTTP 503';
    say_by_hand('in between');
    $bob->{port} = $relay->port;
    is $bob->get->{messages}[0][4]{message}, 'in between', 'another goes on from there';
};

subtest 'bounds' => sub {
    my $tight = Confab::Relay->new($site, CONFAB_RELAY_MAX_PEERS => 3);
    my @polls = map { joined($lobby, port => $tight->port) } 1 .. 3;
    my @held = map { $_->ask } @polls;
    sleep 0.4;
    is poll(port => $tight->port)->get->{http}, 503, 'beyond relay.max_peers there is no place';
    $tight->end;
};

done_testing;
