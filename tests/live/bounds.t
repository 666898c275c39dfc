#!/usr/bin/env perl
# Every bound of the live connection: what is within it works, what is beyond it is refused in the way that is written
# down, and nobody else notices. Each relay here has settings of its own.
use v5.36;
use utf8;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Mojo::JSON qw(to_json);
use Mojo::Util qw(url_escape);
use Test::More;
use Time::HiRes qw(sleep time);
use Confab::Phoenix;
use Confab::Relay;
use Confab::Site;
use Confab::Wire qw(CONTINUED TEXT PING frame heartbeat_message);

my $site  = Confab::Site->new;
my $relay = Confab::Relay->new($site, CONFAB_LIMITS_RATE => '1000/1s');
my $lobby = 'room:lobby';

sub wire ($on = $relay, %with) { Confab::Wire->new(port => $on->port, %with) }

sub guest ($on = $relay, %with) {
    my $at = $on->path ? 'ws+unix://' . url_escape($on->path) : 'ws://127.0.0.1:' . $on->port;
    return Confab::Phoenix->new($site, url => "$at/live/websocket", %with);
}

# Those that take time begin now and are looked at in the end.
my $began = time;
my $late  = Confab::Wire->connected(port => $relay->port);
$late->send("GET /live/websocket?vsn=2.0.0 HTTP/1.1\r\nHost: a\r\n");
my $silent = Confab::Wire->connected(port => $relay->port);
my $patient = Confab::Relay->new($site, CONFAB_RELAY_PEER_QUEUE => '64 MiB');
my $sleeper = wire($patient);
$sleeper->send(frame(1, TEXT, to_json(['1', '1', $lobby, 'phx_join', {}])));
my (undef, $joined) = $sleeper->read;
my $reader = guest($patient);
$reader->join($lobby);
$site->psql("insert into messages (room_id, name, message) select 1, 'Op', repeat('\x{1F600}', 3990) || n from generate_series(1, 400) n");

subtest 'requests' => sub {
    my $line  = 'GET /live/websocket?vsn=2.0.0 HTTP/1.1';
    my $key   = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    my $shake = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n$key";
    my $good  = "$line\r\nHost: a\r\n$shake";
    my $ask   = sub ($bytes, $piece = length $bytes) {
        my $wire = Confab::Wire->connected(port => $relay->port);
        $wire->send($bytes, $piece);
        my $head = $wire->head;
        return $head =~ m{^HTTP/1\.1 101 } ? $head : $head . $wire->rest;
    };
    my @bad = (
        ['a GET with a body',            "${good}Content-Length: 2\r\n\r\n{}"],
        ['a length and an upgrade',      "${good}Content-Length: 0\r\n\r\n"],
        ['the health page with a body',  "GET /live/healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"],
        ['two hosts',                    "$line\r\nHost: a\r\nHost: b\r\n$shake\r\n"],
        ['the same host twice',          "$line\r\nHost: a\r\nhost: a\r\n$shake\r\n"],
        ['no host',                      "$line\r\n$shake\r\n"],
        ['bare line feeds',              $good =~ s/\r//gr . "\n"],
        ['one bare line feed',           "$line\r\nHost: a\n$shake\r\n"],
        ['a bare carriage return',       "$line\r\nHost: a\rb\r\n$shake\r\n"],
        ['a folded line',                "$line\r\nHost: a\r\n b\r\n$shake\r\n"],
        ['a folded line by a tab',       "$line\r\nHost: a\r\n\tb\r\n$shake\r\n"],
        ['a space before a colon',       "$line\r\nHost : a\r\n$shake\r\n"],
        ['a field without a name',       "$line\r\nHost: a\r\n: b\r\n$shake\r\n"],
        ['a line without a colon',       "$line\r\nHost: a\r\nnothing\r\n$shake\r\n"],
        ['two lengths',                  "GET /live/healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n"],
        ['two lengths in one',           "GET /live/healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 0\r\n\r\n"],
        ['a length that is none',        "GET /live/healthz HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n"],
        ['a coding',                     "${good}Transfer-Encoding: chunked\r\n\r\n"],
        ['a coding of a plain GET',      "GET /live/healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
        ['a coding and a length',        "POST /live/healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"],
        ['a whole address',              "GET http://a/live/websocket?vsn=2.0.0 HTTP/1.1\r\nHost: a\r\n$shake\r\n"],
        ['a star',                       "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"],
        ['a fragment of a page',         "GET /live/healthz#x HTTP/1.1\r\nHost: a\r\n\r\n"],
        ['a control character',          "$line\r\nHost: a\r\nX: a\x01b\r\n$shake\r\n"],
        ['a NUL',                        "$line\r\nHost: a\r\nX: a\0b\r\n$shake\r\n"],
        ['a NUL in the path',            "GET /live/\0healthz HTTP/1.1\r\nHost: a\r\n\r\n"],
        ['a delete character',           "$line\r\nHost: a\r\nX: \x7F\r\n$shake\r\n"],
        ['bytes above ASCII in a path',  "GET /live/\xC3\xA9 HTTP/1.1\r\nHost: a\r\n\r\n"],
        ['HTTP/2.0',                     "GET /live/healthz HTTP/2.0\r\nHost: a\r\n\r\n"],
        ['HTTP/0.9',                     "GET /live/healthz\r\n\r\n"],
        ['a TLS greeting',               "\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03\r\n\r\n"],
        ['an empty line first',          "\r\n$good\r\n"],
        ['a head of 9 KiB',              "${good}X: " . 'x' x 9000 . "\r\n\r\n"],
        ['one that never ends',          "${good}X: " . 'x' x 8192],
        ['65 fields',                    $good . join('', map { "X-$_: a\r\n" } 1 .. 60) . "\r\n"],
        ['a frame behind the head',      "$good\r\n" . frame(1, TEXT, heartbeat_message('a'))],
        ['another request behind it',    "$good\r\nGET /live/healthz HTTP/1.1\r\nHost: a\r\n\r\n"],
        ['an upgrade to something else', $good =~ s/websocket\r/h2c\r/r . "\r\n"],
        ['another version',              $good =~ s/: 13/: 8/r . "\r\n"],
        ['a key that is too short',      $good =~ s/dGhl/dGh/r . "\r\n"],
        ['two keys',                     "$good$key\r\n"],
    );
    for (@bad) {
        my ($name, $bytes) = @$_;
        like $ask->($bytes), qr{^HTTP/1\.1 400 Bad Request\r\n.*Connection: close\r\n\r\nBad Request\n\z}s, "$name: 400, and closed";
    }
    like $ask->("$good\r\n"), qr{^HTTP/1\.1 101 }, 'one that is good';
    like $ask->("$good\r\n", 1), qr{^HTTP/1\.1 101 }, 'each octet alone';
    my $most = 8192 - length("${good}X: \r\n\r\n");
    like $ask->("${good}X: " . 'x' x $most . "\r\n\r\n"), qr{^HTTP/1\.1 101 }, 'a head of 8 KiB';
    like $ask->("${good}X: " . 'x' x ($most + 1) . "\r\n\r\n"), qr{^HTTP/1\.1 400 }, 'and a byte more';
    like $ask->($good . join('', map { "X-$_: a\r\n" } 1 .. 59) . "\r\n"), qr{^HTTP/1\.1 101 }, '64 fields';
    my $early = 0;    # sent as soon as the request is, so that it may arrive before or behind the answer
    for (1 .. 20) {
        my $wire = Confab::Wire->connected(port => $relay->port);
        $wire->send("$good\r\n");
        $wire->send(frame(1, TEXT, heartbeat_message('early')));
        $early += $wire->head =~ m{^HTTP/1\.1 400 };
    }
    ok $early > 0, "frames before the answer, in a packet of their own, are refused ($early of 20)";
};

subtest 'messages' => sub {
    my $empty = length heartbeat_message('');
    my $heard = sub (@frames) {
        my $wire = wire();
        $wire->send(join '', @frames);
        return $wire->heard;
    };
    like $heard->(frame(1, TEXT, heartbeat_message('x' x (65536 - $empty)))), qr/^text x/, 'limits.body in one frame';
    is $heard->(frame(1, TEXT, heartbeat_message('x' x (65537 - $empty)))), 'close 1009', 'and a byte more: 1009';
    is $heard->(substr frame(1, TEXT, 'x' x 65537), 0, 10), 'close 1009', 'as soon as it is announced';
    is $heard->(frame(0, TEXT, 'x' x 65536), frame(0, CONTINUED, 'x')), 'close 1009', 'in fragments';
    my $fragments = sub ($count) {
        my $message = heartbeat_message('small');
        return frame(0, TEXT, ''), (frame(0, CONTINUED, '')) x ($count - 2), frame(1, CONTINUED, $message);
    };
    is $heard->($fragments->(1024)), 'text small',  '1024 fragments';
    is $heard->($fragments->(1025)), 'close 1008', 'and one more: 1008';
};

subtest 'pings' => sub {
    my $wire = wire();
    $wire->send(frame(1, PING, $_)) for 1 .. 100;
    is_deeply [map { $wire->heard } 1 .. 100], [map { "pong $_" } 1 .. 100], 'a hundred at once';
    sleep 0.6;
    $wire->send(frame(1, PING, $_)) for 1 .. 10;
    is_deeply [map { $wire->heard } 1 .. 10], [map { "pong $_" } 1 .. 10], 'twenty a second';
    $wire->send(join '', map { frame(1, PING, $_) } 1 .. 200);
    my $heard;
    1 while ($heard = $wire->heard) =~ /^pong/;
    is $heard, 'close 1008', 'more: 1008';
    ok $site->wait_until(sub { $relay->log =~ /"code":1008,"reason":"too many pings"/ }), 'and the log says why';
};

subtest 'JSON' => sub {
    my $told = sub ($payload) {
        my $wire = wire();
        $wire->send(frame(1, TEXT, '[null,"r","phoenix","heartbeat",' . $payload . ']'));
        return $wire->heard;
    };
    my $deep = sub ($levels) { '{"a":' . '[' x ($levels - 2) . ']' x ($levels - 2) . '}' };
    my $keys = sub ($count) { '{' . join(',', map { qq("k$_":1) } 1 .. $count) . '}' };
    is $told->($deep->(32)), 'text r',     '32 levels with the message itself';
    is $told->($deep->(33)), 'close 1008', 'one more: 1008';
    is $told->($deep->(20_000)), 'close 1008', 'thousands';
    is $told->('[' x 30_000), 'close 1008', 'that are never closed';
    is $told->($keys->(256)), 'text r',     '256 keys';
    is $told->($keys->(257)), 'close 1008', 'one more: 1008';
    is $told->('{"' . 'k' x 256 . '":1}'), 'text r',     'a key of 256 bytes';
    is $told->('{"' . 'k' x 257 . '":1}'), 'close 1008', 'one more: 1008';
    is $told->('{"a":[' . join(',', (1) x 900) . ']}'),   'text r',     '900 items';
    is $told->('{"a":[' . join(',', (1) x 20_000) . ']}'), 'close 1008', 'thousands of items';
    is $told->('{"a":1,"a":2}'), 'close 1008', 'a key twice';
    is $told->('{"a":1e999}'), 'close 1008', 'a number that is none';
    is $told->('[]'), 'close 1008', 'a payload that is no object';
    is $told->('{}') , 'text r', 'others do not notice';
};

subtest 'joins of one connection' => sub {
    $site->psql(q(insert into rooms (slug, name) select 'r' || n, 'Room ' || n from generate_series(1, 101) n));
    my $bob = guest();
    is_deeply [map { $bob->join("room:r$_")->{status} } 1 .. 100], [('ok') x 100], 'a hundred rooms';
    is_deeply $bob->join('room:r101')->{response}, { reason => 'too many channels joined' }, 'one more is refused';
    is $bob->join('room:r100')->{status}, 'ok', 'one of them may be joined anew';
    is $bob->push('room:r1', phx_leave => {})->{status}, 'ok', 'when one is left';
    is $bob->join('room:r101')->{status}, 'ok', 'another fits';
};

subtest 'rates' => sub {
    my $strict = Confab::Relay->new($site, listen => 'unix', CONFAB_LIMITS_RATE => '2/1h');
    my $post = sub ($address) {
        my $bob = guest($strict, headers => { 'X-Forwarded-For' => $address });
        $bob->join($lobby);
        return map { $bob->post($lobby, "message $_") } 1 .. 2;
    };
    my $bob = guest($strict, headers => { 'X-Forwarded-For' => '192.0.2.1' });
    $bob->join($lobby);
    my @replies = map { $bob->post($lobby, "message $_") } 1 .. 3;
    is_deeply [map { $_->{status} } @replies], [qw(ok ok error)], 'so many of one session';
    is $replies[2]{response}{reason}, 'rate_limited', 'then rate_limited';
    my $after = $replies[2]{response}{retry_after};
    ok $after > 1700 && $after <= 1800, "with the seconds to wait ($after)";
    is $bob->heartbeat->{status}, 'ok', 'and the connection stays';
    @replies = map { $post->('192.0.2.2') } 1 .. 11;
    is scalar(grep { $_->{status} eq 'ok' } @replies), 20, 'ten times as many of one address';
    is_deeply [map { $_->{response}{reason} } @replies[20, 21]], [('rate_limited') x 2], 'then rate_limited';
    is +($post->('192.0.2.3'))[0]{status}, 'ok', 'others do not notice';
};

subtest 'peers in all' => sub {
    my $small = Confab::Relay->new($site, CONFAB_RELAY_MAX_PEERS => 5);
    my @five  = map { wire($small) } 1 .. 5;
    is_deeply [map { $_->status } @five], [(101) x 5], 'max_peers are let in';
    my $sixth = wire($small);
    is $sixth->status, 503, 'one more: 503';
    like $sixth->answer, qr/\r\nRetry-After: \d+\r\n/, 'with Retry-After';
    ok $five[0]->heartbeat, 'the others stay';
    pop(@five)->socket->close;
    ok $site->wait_until(sub { $sixth = wire($small); $sixth->status == 101 }), 'when one leaves, another fits';
};

subtest 'peers of one address' => sub {
    my $small = Confab::Relay->new($site, listen => 'unix', CONFAB_RELAY_MAX_PER_ADDRESS => 2);
    my $from  = sub ($address) { Confab::Wire->new(path => $small->path, headers => "X-Forwarded-For: $address\r\n") };
    my @two   = map { $from->('2001:db8::' . $_) } 1 .. 2;
    is_deeply [map { $_->status } @two], [101, 101], 'max_per_address are let in';
    my $third = $from->('2001:db8::ffff:3');
    is $third->status, 429, 'one more of the same /64: 429';
    like $third->answer, qr/\r\nRetry-After: \d+\r\n/, 'with Retry-After';
    my $neighbour = $from->('2001:db8:0:1::1');
    is $neighbour->status, 101, 'the next /64 is another';
    my @four = map { $from->('198.51.100.9, 192.0.2.4') } 1 .. 3;
    is_deeply [map { $_->status } @four], [101, 101, 429], 'IPv4 counts by address, the one that our front end saw';
    my $failed = Confab::Wire->new(path => $small->path, headers => "X-Forwarded-For: 192.0.2.5\r\nOrigin: http://evil.example\r\n");
    is $failed->status, 403, 'who is refused';
    is_deeply [map { $_->status } my @more = map { $from->('192.0.2.5') } 1 .. 2], [101, 101], 'does not count';
    is_deeply [map { $_->status } my @ours = map { Confab::Wire->new(path => $small->path) } 1 .. 3], [(101) x 3], 'nor does our own machine';
    shift(@two)->socket->close;
    ok $site->wait_until(sub { $third = $from->('2001:db8::3'); $third->status == 101 }), 'when one leaves, another fits';
};

subtest 'descriptors' => sub {
    my $poor = Confab::Relay->new($site, descriptors => 150, CONFAB_LIMITS_RATE => '1000/1s');
    like $poor->log, qr/"max_peers lowered".*"peers":86/, 'max_peers is what they allow';
    my $bob  = guest($poor);
    $bob->join($lobby);
    my @in = map { wire($poor) } 2 .. 86;
    is scalar(grep { $_->status == 101 } @in), 85, 'so many are let in';
    my @idle  = map { Confab::Wire->connected(port => $poor->port) } 1 .. 16;
    my @above = map { Confab::Wire->connected(port => $poor->port) } 1 .. 40;
    is_deeply [map { eval { $_->rest } // $@ } @above], [('') x 40], 'those for which there is no place are dropped';
    ok $site->wait_until(sub { $poor->log =~ /"connections dropped","dropped":\d+/ }), 'and the log says so';
    my $used = $poor->used;
    sleep 1;
    ok $poor->used - $used < 0.3, 'the relay does not spin';
    $site->psql(q(select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'confab-relay%'));
    ok $site->wait_until(sub { ($bob->post($lobby, 'still here')->{status} // '') eq 'ok' }), 'the database finds a descriptor again';
    ok $bob->wait(sub { grep { $_->{message} eq 'still here' } $bob->heard($lobby, 'new_message') }), 'and what is posted is heard';
    is scalar(grep { $_->heartbeat } @in[0 .. 9]), 10, 'those who are in stay';
};

subtest 'no descriptor at all' => sub {
    my $poor = Confab::Relay->new($site);
    my $bob  = wire($poor);
    my %used = map { $_ => 1 } map { m{/(\d+)$} } glob '/proc/' . $poor->pid . '/fd/*';
    my ($free) = grep { !$used{$_} } 0 .. 1000;
    my $before = qx(prlimit --pid @{[ $poor->pid ]} --nofile --output SOFT --noheadings);
    system 'prlimit', '--pid', $poor->pid, "--nofile=$free:";
    my @more = map { Confab::Wire->connected(port => $poor->port) } 1 .. 20;
    is_deeply [map { eval { $_->rest } // $@ } @more], [('') x 20], 'who comes is dropped';
    ok $site->wait_until(sub { $poor->log =~ /"connections dropped","dropped":\d+/ }), 'and the log says so';
    my $used = $poor->used;
    sleep 1;
    ok $poor->used - $used < 0.3, 'the relay does not spin';
    ok $bob->heartbeat, 'who is in stays';
    system 'prlimit', '--pid', $poor->pid, '--nofile=' . $before =~ s/\s//gr . ':';
    is wire($poor)->status, 101, 'and afterwards others are let in';
};

subtest 'time' => sub {
    like $late->head, qr{^HTTP/1\.1 408 }, 'a request that is not complete is answered 408';
    my $took = time - $began;
    ok $took >= 9.9, 'not before ten seconds';
    is $late->rest, "Request Timeout\n", 'and closed';
    like $silent->rest, qr{^HTTP/1\.1 408 }, 'and so is one that never began';
    ok $site->wait_until(sub { $patient->log =~ /"code":1008,"reason":"reads too slowly"/ }, 20), 'who takes nothing for 15 seconds is closed with 1008';
    ok $reader->wait(sub { $reader->heard($lobby, 'new_message') >= 400 }), 'who reads hears everything';
    is $reader->closed, undef, 'and stays';
    my $rev = $joined =~ /"rev":(\d+)/ ? $1 : undef;
    while (my ($opcode, $payload) = eval { $sleeper->read }) {
        $rev = $1 if $opcode == TEXT && $payload =~ /"rev":(\d+)/;
    }
    my $reply = guest($patient)->join($lobby, { last_rev => 0 + $rev })->{response};
    my $now = $site->psql('select rev from rooms where id = 1');
    is_deeply [map { $_->{rev} } $reply->{messages}->@*], [$rev + 1 .. $now], 'who slept goes on after what it has';
    ok !$reply->{reset}, 'without beginning anew';
};

is(Confab::Relay->end_all, 0, 'all relays end in order');
$site->end;
done_testing;
