# Forged tokens, each as a cookie on a page, as a bearer token, and both ways at the live connection: refused everywhere, as
# what it is, and nothing breaks. Then keys that come and go.
use v5.36;
use Confab::Forge;
use Confab::Http;
use Confab::Phoenix;
use Confab::Sessions;
use Confab::Site;
use IO::Select;
use IO::Socket::INET;
use MIME::Base64 qw(decode_base64url);
use Mojo::JSON qw(decode_json);
use Test::More;

my $site     = Confab::Site->new(CONFAB_LIMITS_SIGN_IN => '1000/1s');
my $sessions = Confab::Sessions->new($site);
my $forge    = Confab::Forge->new($sessions);
my $ask      = Confab::Http::asker($site);
my ($browser, $other) = $sessions->sessions(2);
my ($program, $theirs) = $sessions->sessions(2, context => 'api');
my $csrf = $sessions->csrf($browser);
my %counts;

sub cookie ($token) { return $sessions->cookie_of($token) }
sub get ($path, $token) { return $ask->(GET => $path, cookie => cookie($token)) }
sub api ($token) { return $ask->(GET => '/api/sessions', headers => { Authorization => "Bearer $token" }) }
sub socket_by_cookie ($token) {
    return Confab::Phoenix->new($site, query => { _csrf_token => $csrf }, headers => { Cookie => cookie($token), Origin => $site->origin });
}
sub socket_by_token ($token) { return Confab::Phoenix->new($site, query => { token => $token }) }
sub socket_by_protocol ($token) {
    return Confab::Phoenix->new($site, protocols => [ 'phoenix', 'base64url.bearer.phx.' . Confab::Forge::b64($token) ]);
}

# Is a person on the page, or a guest?
sub signed_in ($answer) { return $answer->{body} =~ m{action="[^"]*/users/log-out"} }

# What is wrong with the answers to a token that does not hold; '' when all are right.
sub cookie_refused ($token) {
    my @wrong;
    my $home = get('/', $token);
    push @wrong, "/: $home->{status}" if $home->{status} != 200;
    push @wrong, 'signed in' if signed_in($home);
    push @wrong, 'the cookie stays' unless ($home->{headers}{'set-cookie'} // '') =~ /^confab=[\w-]+\.[\w-]+\.[\w-]+;/;
    my $guarded = get('/users/settings/sessions', $token);
    push @wrong, "guarded: $guarded->{status} " . ($guarded->{headers}{location} // '')
        unless $guarded->{status} =~ /^30[23]$/ && ($guarded->{headers}{location} // '') =~ m{^/users/log-in(?:\?|$)};
    my $socket = socket_by_cookie($token)->refused // 'let in';
    push @wrong, "socket: $socket" if $socket ne '403';
    $counts{cookie}++;
    return join ', ', @wrong;
}

sub token_refused ($token) {
    my @wrong;
    my $api = api($token);
    push @wrong, "api: $api->{status}" if $api->{status} != 401 || (eval { decode_json($api->{body})->{detail} } // '') ne "Token didn't match";
    my $socket = socket_by_token($token)->refused // 'let in';
    push @wrong, "socket: $socket" if $socket ne '403';
    $socket = socket_by_protocol($token)->refused // 'let in';
    push @wrong, "subprotocol: $socket" if $socket ne '403';
    $counts{token}++;
    return join ', ', @wrong;
}

# Does a good one still hold, everywhere?
sub good_ones ($what, $session = $browser, $api = $program) {
    my ($one, $two) = ($session->{jwt}, $api->{jwt});
    ok signed_in(get('/', $one)), "$what: the cookie is somebody's";
    is get('/users/settings/sessions', $one)->{status}, 200, "$what: and opens a guarded page";
    is api($two)->{status}, 200, "$what: the bearer token is let in";
    is socket_by_cookie($one)->refused, undef, "$what: the socket opens to the cookie";
    is $_->($two)->refused, undef, "$what: and to the token" for \&socket_by_token, \&socket_by_protocol;
}

good_ones('before');
ok signed_in(get('/', $forge->token($browser, more => '[1,{"a":null}]'))), 'claims that mean nothing to us do no harm';
ok signed_in(get('/', $forge->raw($forge->header(jku => '"https://evil.example"', jwk => '{"k":"AA"}'), $forge->payload($browser)))),
    'keys that a token of ours brings are not looked at';

subtest 'as a cookie' => sub {
    is cookie_refused($_->[1]), '', $_->[0] for $forge->battery($browser, $other);
};

subtest 'as a bearer token' => sub {
    is token_refused($_->[1]), '', $_->[0] for $forge->battery($program, $theirs);
};

subtest 'for another purpose' => sub {
    my ($guest) = $ask->(GET => '/')->{headers}{'set-cookie'} =~ /^confab=([^;]+)/;
    is token_refused($guest), '', 'a guest is no program';
    is token_refused($browser->{jwt}), '', 'nor is a browser';
    is cookie_refused($program->{jwt}), '', 'a program is no browser';
    is token_refused($forge->token($browser, typ => '"api"')), '', 'also when it says so: its row is a browser\'s';
    is cookie_refused($forge->token($program, typ => '"session"')), '', 'and the other way round';
    my $posing = $forge->token($browser, typ => '"guest"');
    ok !signed_in(get('/', $posing)), 'a guest who has a session\'s jti is a guest';
    like get('/users/settings/sessions', $posing)->{headers}{location}, qr{^/users/log-in}, 'who must sign in';
    is token_refused($sessions->csrf($browser)), '', 'a token against cross-site requests is none of these';
    is cookie_refused($sessions->csrf($browser)), '', 'not as a cookie either';
    is cookie_refused("$browser->{jwt}; " . cookie($browser->{jwt})), '', 'a good one that comes twice';
    is cookie_refused("$browser->{jwt}; " . cookie($other->{jwt})), '', 'or with another one';
};

subtest 'whose row does not hold' => sub {
    my %ends = (ended => "update tokens set ended_as = 'signed_out' where id = :id", expired => "update tokens set expires_at = now() - interval '1 s' where id = :id",
        deleted => 'delete from tokens where id = :id', banned => 'update users set banned_at = now() where id = :user', gone => 'delete from users where id = :user');
    for my $what (sort keys %ends) {
        my ($session) = $sessions->sessions(1);
        my ($api) = $sessions->sessions(1, of => $session, context => 'api');
        for my $one ($session, $api) {
            $site->psql($ends{$what} =~ s/:id/$one->{id}/r =~ s/:user/$one->{user_id}/r);
        }
        is cookie_refused($session->{jwt}), '', "a session: $what";
        is token_refused($api->{jwt}), '', "a program: $what";
    }
    my ($short) = $sessions->sessions(1, seconds => 3600, jwt_seconds => -1);
    is cookie_refused($short->{jwt}), '', 'a token that has expired before its row';
};

# As many bytes as the server will read; what it answered.
sub pour ($head, $bytes) {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $site->port) or return 'no connection';
    local $SIG{PIPE} = 'IGNORE';
    my $whole = $head =~ s/TOKEN/$bytes/r;
    my $ready = IO::Select->new($socket);
    for (my $at = 0; $at < length $whole && !$ready->can_read(0); $at += 4096) {
        last unless defined syswrite $socket, $whole, 4096, $at;
    }
    sysread $socket, my $said, 4096 if $ready->can_read(10);
    return ($said // '') =~ m{^HTTP/1\.1 (\d+)} ? $1 : 'no answer';
}

subtest 'too long' => sub {
    my %ways = (
        cookie  => "GET / HTTP/1.1\r\nHost: x\r\nCookie: confab=TOKEN\r\n\r\n",
        bearer  => "GET /api/sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\n\r\n",
        query   => "GET /live/websocket?vsn=2.0.0&token=TOKEN HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        upgrade => "GET /live/websocket HTTP/1.1\r\nHost: x\r\nCookie: confab=TOKEN\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    );
    for my $size (9 * 1024, 64 * 1024, 4 * 1024 * 1024) {
        my $token = $forge->token($browser, more => '"' . 'x' x ($size * 3 / 4) . '"');
        like pour($ways{$_}, $token), qr/^4(?:00|14|31)$/, length($token) . " bytes as $_: nginx has no room for it" for sort keys %ways;
    }
};

good_ones('after all that');
is $site->psql('select count(*) from revocations where hash in (' . join(',', map {"'$_->{hash}'"} $browser, $other, $program, $theirs) . ')'), 0, 'nobody was signed out by it';
unlike $site->log('handlers') . $site->log('relay'), qr/"level":"error"/, 'nothing broke on the way';

subtest 'keys' => sub {
    my ($old) = Confab::Site::slurp($site->state . '/confab.conf') =~ /^keys\s*=\s*(\S+)/m;
    my $new = 'new:' . Confab::Forge::b64('n' x 32);
    my $with_keys = sub ($keys) {
        $site->{env}{CONFAB_SESSION_KEYS} = $keys;
        $site->down;
        $site->start;
    };
    my $kid = sub ($token) { decode_json(decode_base64url((split /\./, $token)[0]))->{kid} };
    my $by_new = sub ($session) { return { %$session, jwt => $forge->raw('{"alg":"HS256","kid":"new"}', $forge->payload($session), 'n' x 32) } };
    my @signed = map { $by_new->($_) } $browser, $program;
    is cookie_refused($signed[0]{jwt}), '', 'a key that is not known yet signs nothing';

    $with_keys->("$new $old");
    good_ones('two keys: what the old one signed');
    good_ones('two keys: what the new one signed', @signed);
    is $kid->($ask->(GET => '/')->{headers}{'set-cookie'} =~ /^confab=([^;]+)/), 'new', 'the first one signs';
    is cookie_refused($forge->raw('{"alg":"HS256","kid":"new"}', $forge->payload($browser))), '', 'the old key under the new kid';

    $with_keys->($new);
    is cookie_refused($browser->{jwt}), '', 'the old key is gone, and what it signed';
    is token_refused($program->{jwt}), '', 'for programs too';
    $csrf = do { local $sessions->{key} = 'n' x 32; $sessions->csrf($browser) };
    good_ones('the new key alone', @signed);
};

note "$counts{cookie} cookies and $counts{token} tokens were refused";
done_testing;
