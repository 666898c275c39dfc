#!/usr/bin/env perl
# Who is let in to the live connection: methods, versions, origins, cookies, tokens; and requests that are none.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use IO::Socket::UNIX;
use Mojo::JSON qw(decode_json);
use Mojo::UserAgent;
use Test::More;
use Confab::Phoenix;
use Confab::Site;

my $site = Confab::Site->new;
my $ua   = Mojo::UserAgent->new;

sub refused ($name, $status, %with) {
    my $peer = Confab::Phoenix->new($site, %with);
    is $peer->refused, $status, "$name: $status";
    return $peer;
}

sub welcome ($name, %with) {
    my $peer = Confab::Phoenix->new($site, %with);
    ok !$peer->refused && $peer->heartbeat->{status} eq 'ok', "$name: let in";
    return $peer;
}

# A browser's cookie and CSRF token, from the page; posting makes it a guest that lasts.
my $page  = $ua->get($site->url('/rooms/lobby'))->result;
my $csrf  = $page->dom->at('meta[name=csrf-token]')->{content};
my ($cookie) = map { $_->name . '=' . $_->value } grep { $_->name =~ /confab/ } $ua->cookie_jar->all->@*;

subtest 'guests' => sub {
    welcome('nothing at all');
    welcome('our own origin',   headers => { Origin => $site->origin });
    welcome('another cookie',   headers => { Cookie => 'theme=dark' });
    my $peer = welcome('the subprotocol', protocols => ['phoenix']);
    is $peer->tx->protocol, 'phoenix', 'which is answered';
};

subtest 'origins' => sub {
    my $origin = $site->origin;
    refused("origin $_", 403, headers => { Origin => $_ })
        for 'null', 'https' . substr($origin, 4), "$origin.evil.example", "${origin}1", "$origin/", 'http://127.0.0.1',
        $origin =~ s|//|//user@|r, 'http://localhost:' . $site->port, 'http://evil.example';
};

subtest 'cookies' => sub {
    plan skip_all => 'pages give no cookie' unless $cookie;
    my %with = (headers => { Origin => $site->origin, Cookie => $cookie });
    my $peer = welcome('with its CSRF token', %with, query => { _csrf_token => $csrf });
    is $peer->join('room:lobby')->{status}, 'ok', 'and may join';
    my $first = $peer->post('room:lobby', 'with a cookie')->{response}{message}{guest};
    my $again = welcome('again', %with, query => { _csrf_token => $csrf });
    $again->join('room:lobby');
    is $again->post('room:lobby', 'and again')->{response}{message}{guest}, $first, 'is the same guest';
    refused('without token', 403, %with);
    refused('with another', 403, %with, query => { _csrf_token => 'x' x length $csrf });
    refused('with half of it', 403, %with, query => { _csrf_token => substr $csrf, 0, -1 });
    refused('without origin', 403, headers => { Cookie => $cookie }, query => { _csrf_token => $csrf });
    refused('another origin', 403, headers => { Cookie => $cookie, Origin => 'http://evil.example' }, query => { _csrf_token => $csrf });
    refused('a cookie that was changed', 403, headers => { Cookie => "${cookie}x", Origin => $site->origin }, query => { _csrf_token => $csrf });
    refused('a cookie twice', 403, headers => { Cookie => "$cookie; $cookie", Origin => $site->origin }, query => { _csrf_token => $csrf });
};

subtest 'tokens' => sub {
    refused('a token that is none', 403, query => { token => 'x.y.z' });
    refused('a bearer that is none', 403, protocols => ['phoenix', 'base64url.bearer.phx.czNjcit0Lw']);
    refused('a bearer that is no base64', 403, protocols => ['phoenix', 'base64url.bearer.phx.*']);
    refused('another subprotocol', 403, protocols => ['graphql-ws']);
};

subtest 'versions and methods' => sub {
    refused('version 1', 403, query => { vsn => '1.0.0' });
    refused('no version', 403, query => { vsn => undef });
    my $answer = $ua->get($site->url('/live/websocket?vsn=2.0.0'))->result;
    is $answer->code, 400, 'no handshake: 400';
    is $answer->headers->header('X-Content-Type-Options'), 'nosniff', 'nosniff';
    like $answer->headers->content_type, qr{^text/plain}, 'in plain text';
    $answer = $ua->post($site->url('/live/websocket?vsn=2.0.0'))->result;
    is $answer->code, 405, 'POST: 405';
    is $answer->headers->header('Allow'), 'GET', 'with Allow';
    is $ua->get($site->url('/live/nothing'))->result->code, 404, 'another path: 404';
};

subtest 'health' => sub {
    my $answer = $ua->get($site->url('/live/healthz'))->result;
    is $answer->code, 200, 'well';
    is decode_json($answer->body)->{database}, 'connected', 'connected';
    like decode_json($answer->body)->{since}, qr/^\d{4}-\d\d-\d\dT/, 'since when';
};

# Straight to the relay's socket, as nginx would let none of these through.
subtest 'requests that are none' => sub {
    my $ask = sub ($bytes) {
        my $socket = IO::Socket::UNIX->new(Peer => $site->state . '/run/relay.sock') or return "no socket: $!";
        $socket->print($bytes);
        $socket->shutdown(1) if $bytes eq '';
        local $SIG{ALRM} = sub { die "no answer\n" };
        alarm 5;
        my $answer = eval { join '', $socket->getlines } // $@;
        alarm 0;
        return $answer;
    };
    my $shake = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        . "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    my $get = 'GET ' . $site->base . 'live/websocket?vsn=2.0.0 HTTP/1.1';
    my %bad = (
        'bare line feeds'          => "$get\nHost: a\n\n",
        'two hosts'                => "$get\r\nHost: a\r\nHost: a\r\n$shake\r\n",
        'no host'                  => "$get\r\n$shake\r\n",
        'a folded line'            => "$get\r\nHost: a\r\n b\r\n$shake\r\n",
        'an upgrade with a length' => "$get\r\nHost: a\r\nContent-Length: 0\r\n$shake\r\n",
        'frames before the answer' => "$get\r\nHost: a\r\n$shake\r\n\x81\x80\0\0\0\0",
        'a head that is too long'  => "$get\r\nHost: a\r\nX: " . 'x' x 9000,
        'a body of a GET'          => "$get\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
    );
    like $ask->($bad{$_}), qr{^HTTP/1\.1 400 Bad Request\r\n.*Connection: close\r\n}s, "$_: 400 and closed" for sort keys %bad;
    is $ask->(''), '', 'nothing: closed';
};

subtest 'below a base path' => sub {
    my $below = Confab::Site->new(base => '/chat/');
    my $peer  = Confab::Phoenix->new($below, headers => { Origin => $below->origin });
    is $peer->join('room:lobby')->{status}, 'ok', 'let in and joined';
    like $peer->post('room:lobby', 'hello')->{response}{message}{html}, qr{href="/chat/rooms/lobby/messages/}, 'links are below it';
    is(Confab::Phoenix->new($below, url => $below->origin =~ s/^http/ws/r . '/live/websocket')->refused, 404, 'nothing at the root');
    $below->end;
};

unlike $site->log('relay'), qr/\Q$csrf\E|czNjcit0Lw|with a cookie/, 'the log has neither tokens nor contents';
$site->end;
done_testing;
