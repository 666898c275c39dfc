#!/usr/bin/env perl
# The long poll where no relay runs: answered by the handlers, in a pool of their own.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Mojo::JSON;
use Mojo::UserAgent;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use Confab::Clock qw(running_time);
use Confab::LongPoll;
use Confab::Psql;
use Confab::Sessions;
use Confab::Site;

my $site = Confab::Site->new(CONFAB_LIMITS_RATE => '1000/1s', CONFAB_HANDLER_POLLS => 4, CONFAB_RELAY_POLL_WINDOW => '3 s');
$site->take_away('relay');
my $sessions = Confab::Sessions->new($site);
my $operator = Confab::Psql->new($site);
my ($serial, $ua) = (0, Mojo::UserAgent->new);
sub new_client (%with) { return Confab::LongPoll->new($site, %with) }
sub signed_in ($session) { return Confab::LongPoll->for($site, $sessions, $session) }
sub fresh { return 'message ' . ++$serial }

# Somebody posts, by an ordinary form; what was posted.
sub say_so {
    my $text = fresh();
    my $bob = new_client();
    $bob->joined;
    is $bob->say('room:lobby', new_message => { name => 'Bob', message => $text }), 200, 'posted';
    return $text;
}

subtest 'S88 a guest without a cookie joins, posts and hears' => sub {
    my $bob = new_client();
    my $first = $bob->ask->answer;
    is $first->{http}, 200, 'HTTP says 200';
    is $first->{status}, 410, 'the first answer says that it has begun';
    is_deeply $first->{messages}, [], 'with no messages';
    like $first->{token}, qr/^[\w-]+$/, 'and a token';
    like $first->{head}, qr/^Content-Type: application\/json/mi, 'as JSON';
    like $first->{head}, qr/^Cache-Control: no-store/mi, 'that is not kept';
    $bob->take($first);
    my $held = $bob->ask;
    is $bob->say('room:lobby', phx_join => {}), 200, 'a join is accepted';
    my $answer = $held->answer;
    is $answer->{status}, 200, 'the GET that waited with an older token';
    is $answer->{messages}[0][3], 'phx_reply', 'brings the reply';
    like $answer->{messages}[0][4]{response}{epoch}, qr/^[0-9a-f]{16}$/, 'of the join';
    $bob->take($answer);
    $held = $bob->ask;
    is $bob->say('room:lobby', new_message => { name => 'Bob', message => 'hello' }), 200, 'a message is accepted';
    is $bob->reply($bob->last)->{status}, 'ok', 'and its reply comes' if $bob->take($held->answer);
    ok $bob->poll_until(sub { $bob->heard('room:lobby', 'new_message') }), 'and so does the message';
    is +($bob->heard('room:lobby', 'new_message'))[0]{message}, 'hello', 'as everybody hears it';
    $bob->say(phoenix => heartbeat => {});
    is $bob->reply->{status}, 'ok', 'a heartbeat is answered';
};

subtest 'a repeated GET gives the same answer, and an older token posts' => sub {
    my $bob = new_client();
    $bob->joined;
    my $token = $bob->token;
    say_so();
    my ($once, $twice) = map { $bob->ask(query => { token => $token })->answer } 1, 2;
    is_deeply $once->{messages}, $twice->{messages}, 'the same messages';
    $bob->take($once);
    my $line = $bob->line('room:lobby', new_message => { name => 'Bob', message => 'posted twice' });
    is $bob->request(POST => body => $line, query => { token => $token })->answer->{status}, 200, 'accepted' for 1, 2;
    is $site->psql("select count(*) from messages where message = 'posted twice'"), 1, 'a repeated POST does nothing twice';
};

subtest 'an empty poll is held for the whole window' => sub {
    my $bob = new_client();
    $bob->joined;
    my $answer = $bob->ask->answer;
    is $answer->{status}, 204, 'nothing came';
    cmp_ok $answer->{took}, '>=', 3, 'not before the window is over';
    cmp_ok $answer->{ran}, '<', 3.8, 'nor much later';
    ok $answer->{token}, 'and there is a token';
    is $bob->ask(query => { token => undef }, headers => { 'X-Phoenix-Longpoll-Token' => $bob->token })->answer->{status}, 204,
        'the token may come in a header';
};

subtest 'a held poll costs no query while nothing happens' => sub {
    my $bob = new_client();
    $bob->joined;
    my $last = sub ($what) {
        $operator->run("select $what from pg_stat_activity where application_name in ('confab handler', 'confab poll')");
    };
    my ($held, $before, $after);
    for (1 .. 5) {
        $held = $bob->ask;
        sleep 0.3;
        $site->wait_until(sub { $last->(q(max(state_change) < clock_timestamp() - interval '0.3 s')) eq 't' }, 2);
        $before = $last->('max(state_change)');
        sleep 1.8;
        $after = $last->('max(state_change)');
        last unless $held->done;
        $bob->take($held->answer);    # it ended meanwhile, which is a statement
    }
    is $after, $before, 'no statement of a handler for 1.8 seconds';
    cmp_ok $operator->run(q(select count(*) from pg_stat_activity where application_name = 'confab poll')), '>=', 1, 'it listens';
    is $held->answer->{status}, 204, 'and ends with its window';
};

subtest 'a held poll is woken at once' => sub {
    my $ada = new_client();
    $ada->joined;
    my $held = $ada->ask;
    sleep 0.3;
    my $began = running_time;
    my $text = say_so();
    my $answer = $held->answer;
    is $answer->{status}, 200, 'by a message';
    cmp_ok running_time - $began, '<', 1, 'without waiting for anything';
    is $answer->{messages}[-1][4]{message}, $text, 'which it brings';
    $ada->take($answer);
    $held = $ada->ask;
    sleep 0.3;
    $ada->say('room:lobby', new_message => { name => 'Ada', message => '' });
    my $reply = $held->answer;
    is $reply->{messages}[0][4]{status}, 'error', 'by a reply';
    cmp_ok $reply->{ran}, '<', 1.5, 'at once as well';
    $ada->take($reply);
    my $other = $ada->ask;
    sleep 0.2;
    $operator->run(q(insert into rooms (slug, name) values ('elsewhere', 'Elsewhere') on conflict do nothing));
    $operator->run(q(select pg_notify('confab_room', (select id::text from rooms where slug = 'elsewhere'))));
    is $other->answer->{status}, 204, 'but not by another room';
};

subtest 'what is written by hand shows within the window' => sub {
    my $ada = new_client();
    $ada->joined;
    my $held = $ada->ask;
    sleep 0.3;
    $operator->run(q(insert into messages (room_id, name, message) values (1, 'Op', 'by hand')));
    is $held->answer->{messages}[0][4]{message}, 'by hand', 'at its end';
};

subtest 'the end of a session' => sub {
    my ($session) = $sessions->sessions(1);
    my $ada = signed_in($session);
    ok $ada->joined, 'joined by cookie';
    my $held = $ada->ask;
    sleep 0.3;
    my $began = running_time;
    $sessions->sign_out($session);
    my $answer = $held->answer;
    cmp_ok running_time - $began, '<', 1, 'is told to a held poll at once';
    is $answer->{status}, 200, 'as a message';
    is_deeply [ $answer->{messages}[0]->@[2 .. 4] ], [ 'room:lobby', 'session_ended', { reason => 'signed_out' } ], 'with its reason';
    is $ada->ask->answer->{messages}[0][3], 'session_ended', 'the same token says the same';
    $ada->take($answer);
    is $ada->ask->answer->{status}, 403, 'the next one is worth nothing';
    is $ada->say('room:lobby', new_message => { message => 'after the end' }), 403, 'nor can anything be posted';
    is $site->psql(q(select count(*) from messages where message = 'after the end')), 0, 'and nothing was';
    $ada->token('');
    is $ada->open, 403, 'nor begun';
};

subtest 'whose poll it is' => sub {
    my ($one, $two) = $sessions->sessions(2);
    my $ada = signed_in($one);
    is $ada->open, 410, 'a session';
    my %no = (no_cookie => { headers => { Cookie => undef } }, another => { headers => { Cookie => $two->{cookie} } },
        no_csrf => { query => { _csrf_token => undef } }, origin => { headers => { Origin => 'http://evil.example' } },
        site => { headers => { 'Sec-Fetch-Site' => 'cross-site' } }, vsn => { query => { vsn => '1.0.0' } });
    for my $why (sort keys %no) {
        my $answer = $ada->ask($no{$why}->%*)->answer;
        is $answer->{status}, 403, "GET refused: $why";
        is $answer->{http}, 200, 'by JSON';
        is $ada->request(POST => $no{$why}->%*, body => '')->answer->{status}, 403, "POST refused: $why";
    }
    is $ada->request(POST => body => '', headers => { Origin => undef })->answer->{status}, 403, 'a POST with a cookie says its origin';
    is $ada->ask(query => { token => 'x' . $ada->token })->answer->{status}, 500, 'a token that is none of ours';
    is $ada->request(POST => query => { token => 'x' }, body => '')->answer->{status}, 410, 'posts nothing';
    is new_client(headers => { Cookie => 'confab=nonsense', 'Sec-Fetch-Site' => 'same-origin' })->open, 403, 'a bad cookie is no guest';
    my ($bot) = $sessions->sessions(1, context => 'api');
    my $program = new_client(headers => { 'X-Phoenix-AuthToken' => $bot->{jwt} });
    ok $program->joined, 'a program comes with its token';
    $program->{headers} = {};
    is $program->say('room:lobby', new_message => { message => 'by a program' }), 200, 'and needs it no more';
    is $program->reply->{status}, 'ok', 'for posting';
    is new_client(headers => { 'X-Phoenix-AuthToken' => 'a.b.c' })->open, 403, 'one that does not hold is refused';
    $sessions->sign_out($bot, 'revoked');
    my $told = $program->ask->answer;
    is $told->{messages}[0][4]{reason}, 'revoked', 'when it is revoked, it is told so';
};

subtest 'other methods, and what is no body' => sub {
    my $preflight = $ua->options($site->url('/live/longpoll') => { Origin => $site->origin, 'Access-Control-Request-Headers' => 'content-type' })->result;
    is $preflight->code, 200, 'OPTIONS';
    is $preflight->headers->header('Access-Control-Allow-Origin'), $site->origin, 'for our own pages';
    is $preflight->headers->header('Access-Control-Allow-Headers'), 'content-type', 'any header';
    is $ua->options($site->url('/live/longpoll') => { Origin => 'http://evil.example' })->result->headers->header('Access-Control-Allow-Origin'),
        undef, 'for no others';
    for my $method (qw(put delete patch head)) {
        my $answer = $ua->$method($site->url('/live/longpoll'))->result;
        is $answer->code, 405, "$method is refused";
        like $answer->headers->header('Allow'), qr/GET.*POST, OPTIONS/, 'with what may be';
    }
    my $bob = new_client();
    $bob->joined;
    is $bob->post('no message'), 500, 'what is no message';
    is $bob->post(map { $bob->line(phoenix => heartbeat => {}) } 1 .. 101), 500, 'more than a hundred';
    is $bob->post(map { $bob->line(phoenix => heartbeat => {}) } 1 .. 100), 200, 'a hundred';
    is $bob->post(''), 200, 'nothing at all';
};

subtest 'the bound' => sub {
    my @clients = map { my $each = new_client(); $each->joined; $each } 1 .. 6;
    my @held = map { $_->ask } @clients[ 0 .. 3 ];
    sleep 0.5;
    my $beyond = $clients[4]->ask->answer;
    is $beyond->{status}, 500, 'one more than may be held is refused';
    cmp_ok $beyond->{ran}, '<', 1, 'at once';
    is new_client()->open, 500, 'and nobody begins';
    is $clients[5]->say('room:lobby', phx_leave => {}), 200, 'what is posted is taken';
    is $clients[5]->ask->answer->{status}, 200, 'what need not wait is answered';
    my $began = running_time;
    is $ua->get($site->url('/'))->result->code, 200, 'and pages';
    cmp_ok running_time - $began, '<', 1, 'stay quick';
    like $_->answer->{status}, qr/^20[04]$/, 'those that are held end with their window' for @held;
    like $clients[4]->ask->answer->{status}, qr/^20[04]$/, 'and then there are places again';
};

subtest 'whoever goes away leaves a place' => sub {
    my @clients = map { my $each = new_client(); $each->joined; $each } 1 .. 5;
    my @held = map { $_->ask } @clients[ 0 .. 3 ];
    sleep 0.4;
    $_->leave for @held;
    sleep 0.2;
    is $clients[4]->ask->answer->{status}, 204, 'at once';
};

subtest 'a worker that is killed while it holds' => sub {
    my @clients = map { my $each = new_client(); $each->joined; $each } 1 .. 4;
    my @held = map { $_->ask } @clients;
    sleep 0.4;
    kill KILL => $site->poll_workers;
    $_->answer for @held;
    my $text = say_so();
    $_->take($_->ask->answer) for @clients;
    is +($_->heard('room:lobby', 'new_message'))[-1]{message}, $text, 'takes nothing with it' for @clients;
};

subtest 'a room without JavaScript' => sub {
    my $rev = $site->psql(q(select rev from rooms where slug = 'lobby'));
    my $text = say_so();
    my $frame = $ua->get($site->url("/rooms/lobby/stream?after=$rev"))->result;
    is $frame->code, 200, 'has a page for its frame';
    is $frame->dom->find('#msg-list > li.message')->size, 1, 'with what came since';
    like $frame->dom->at('#msg-list')->all_text, qr/\Q$text\E/, 'in the same lines';
    like $frame->dom->at('meta[http-equiv=refresh]')->{content}, qr{^\d+; url=\S*/rooms/lobby/stream\?after=$rev$}, 'it loads itself again';
    is $frame->dom->at('p.refresh a')->{target}, '_self', 'or when asked';
    like $frame->headers->header('Content-Security-Policy'), qr/frame-ancestors 'self'/, 'our own pages may frame it';
    is $frame->headers->header('X-Frame-Options'), 'SAMEORIGIN', 'in old browsers too';
    is $ua->get($site->url('/rooms/lobby'))->result->headers->header('X-Frame-Options'), 'DENY', 'but nothing else';
    is $ua->get($site->url('/rooms/lobby/stream?after=x'))->result->code, 400, 'a place that is none';
    is $ua->get($site->url('/rooms/nowhere/stream'))->result->code, 404, 'a room that is none';
};

subtest 'as plain CGI' => sub {
    my $ask = sub ($method, $query, %with) {
        my $answer = $site->cgi($method => "/live/longpoll?vsn=2.0.0&$query", env => { CONFAB_RELAY_POLL_WINDOW => '1 s' }, %with);
        return { Mojo::JSON::decode_json($answer->{body})->%*, http => $answer->{status} };
    };
    my $first = $ask->(GET => '');
    is $first->{status}, 410, 'it begins';
    my $joined = $ask->(POST => "token=$first->{token}", body => '["1","1","room:lobby","phx_join",{}]');
    is $joined->{status}, 200, 'takes a join';
    my $next = $ask->(GET => "token=$first->{token}");
    like $next->{messages}[0], qr/phx_reply/, 'answers it';
    my $began = time;
    is $ask->(GET => "token=$next->{token}")->{status}, 204, 'and holds a poll';
    cmp_ok time - $began, '>=', 1, 'for its window';
};

# A poll by plain CGI that listens elsewhere, and what is written by hand in the meantime.
sub deaf_poll ($listen) {
    my $bob = new_client();
    $bob->joined;
    my $pid = fork // die;
    if (!$pid) { sleep 0.6; $site->psql(q(insert into messages (room_id, name, message) values (1, 'Op', 'unheard'))); POSIX::_exit(0) }
    my ($began, $running) = (time, running_time);
    my $answer = $site->cgi(GET => '/live/longpoll?vsn=2.0.0&token=' . $bob->token, env => { CONFAB_DATABASE_LISTEN_URL => $listen });
    waitpid $pid, 0;
    return (Mojo::JSON::decode_json($answer->{body})->{status}, time - $began, running_time - $running);
}

subtest 'where bells are not heard' => sub {
    my $socket = $site->psql('show unix_socket_directories');
    for my $listen ('host=/nowhere', "host=$socket port=5432 dbname=postgres user=confab_handler") {
        my ($status, $took, $ran) = deaf_poll($listen);
        is $status, 200, 'a message comes all the same';
        cmp_ok $ran, '<', 2.5, 'within a second or so';
        cmp_ok $took, '>', 0.6, 'when it is there';
    }
};

unlike $site->log('access') . $site->log('nginx') . $site->log('handlers'), qr/token=/, 'no token is in a log';
done_testing;
