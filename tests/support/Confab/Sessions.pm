# Sessions made straight in a site's database, many at once, with what their browsers and programs would hold: cookies,
# CSRF tokens and bearer tokens, made here from the site's key by an implementation of their own.
#
#     my $sessions = Confab::Sessions->new($site);
#     my ($ada, $bob) = $sessions->sessions(2);                 # of two new people
#     my ($phone) = $sessions->sessions(1, of => $ada);         # another one of Ada's
#     my ($bot)   = $sessions->sessions(1, context => 'api');
#     my $tab     = $sessions->phoenix($ada);                   # an open page of Ada's (Confab::Phoenix)
#     $sessions->sign_out($ada);                                # or any other reason
#
# A session: { id, hash, jti, user_id, userid, name, context, jwt, and for browsers cookie, csrf_secret }.
# Not here: signing in (tests of pages do that), or forging beyond what `jwt` can sign.
package Confab::Sessions;
use v5.36;
use Carp qw(croak);
use Digest::SHA qw(hmac_sha256 sha256);
use MIME::Base64 qw(decode_base64url encode_base64url);
use Mojo::JSON qw(encode_json);
use Confab::Phoenix;
use Confab::Site;

my $serial = 0;

sub new ($class, $site) {
    my ($keys) = Confab::Site::slurp($site->state . '/confab.conf') =~ /^keys\s*=\s*(\S+)/m or croak 'the site has no keys';
    my ($kid, $key) = split /:/, $keys;
    return bless { site => $site, kid => $kid, key => decode_base64url($key), url => $site->url('/') }, $class;
}

sub kid ($self) { $self->{kid} }
sub key ($self) { $self->{key} }

# Any claims under any header, signed as the site does.
sub jwt ($self, $claims, %header) {
    my %head = (alg => 'HS256', typ => 'JWT', kid => $self->{kid}, %header);
    my $signed = encode_base64url(encode_json(\%head)) . '.' . encode_base64url(encode_json($claims));
    return "$signed." . encode_base64url(hmac_sha256($signed, $self->{key}));
}

# The claims of a session's token; `seconds` from now it ends.
sub claims ($self, $session, $seconds) {
    my $now = time;
    return { iss => $self->{url}, aud => $self->{url}, typ => $session->{context}, jti => $session->{jti}, sub => $session->{userid},
        iat => $now, nbf => $now, exp => $now + $seconds };
}

sub cookie_of ($self, $jwt) { return ($self->{url} =~ /^https/ ? '__Host-confab' : 'confab') . "=$jwt" }

# A token against cross-site requests, as a page of that session has it in its head.
sub csrf ($self, $session) {
    my $nonce = pack 'N4', map { int rand 2**32 } 1 .. 4;
    my $derived = hmac_sha256('csrf', $self->{key});
    return encode_base64url($nonce . hmac_sha256($nonce . $session->{csrf_secret}, $derived));
}

# What an argument of psql can hold.
use constant PORTION => 1500;

# So many sessions, each of a new person, or all `of` the person of a session. context: session or api; seconds: until the
# row ends (two weeks; an hour); jwt_seconds: until the token does, if that is another time; role.
sub sessions ($self, $count, %with) {
    my $context = $with{context} // 'session';
    my $seconds = $with{seconds} // ($context eq 'api' ? 3600 : 14 * 86400);
    my @made;
    while (@made < $count) {
        my @jtis = map { encode_base64url(sha256(join '-', $$, ++$serial, rand, time)) } 1 .. ($count - @made < PORTION ? $count - @made : PORTION);
        my %by_hash = map { encode_base64url(sha256($_)) => $_ } @jtis;
        for my $line (split /\n/, $self->{site}->psql($self->insert([ keys %by_hash ], $context, $seconds, %with))) {
            my %session = (context => $context);
            @session{qw(id hash user_id userid name)} = split /\|/, $line;
            $session{jti} = $by_hash{ $session{hash} };
            $session{jwt} = $self->jwt($self->claims(\%session, $with{jwt_seconds} // $seconds));
            if ($context eq 'session') {
                $session{csrf_secret} = reverse $session{hash};
                $session{cookie}      = $self->cookie_of($session{jwt});
            }
            push @made, \%session;
        }
    }
    return @made;
}

sub insert ($self, $hashes, $context, $seconds, %with) {
    my ($all, $name, $role) = (join(' ', @$hashes), "s$$-$serial", $with{role} // 'member');
    my $people = $with{of}
        ? "select n.place, u.id, u.userid, u.name from n, users u where u.id = $with{of}{user_id}"
        : "select n.place, u.id, u.userid, u.name from n join u on u.userid = '$name-' || n.place";
    my $new = $with{of} ? '' : qq(u as (insert into users (userid, name, email, confirmed_at, role)
        select '$name-' || place, 'Person ' || place, '$name-' || place || '\@example.org', now(), '$role' from n
        returning id, userid, name), );
    return qq(with n as (select hash, place from string_to_table('$all', ' ') with ordinality as h(hash, place)),
        $new p as ($people),
        t as (insert into tokens (user_id, context, hash, csrf_secret, expires_at)
            select p.id, '$context', n.hash, case when '$context' = 'session' then reverse(n.hash) end, now() + $seconds * interval '1 second'
            from n join p on p.place = n.place
            returning id, hash, user_id)
        select t.id, t.hash, p.id, p.userid, p.name from t join n on n.hash = t.hash join p on p.place = n.place order by n.place);
}

# What a client of the live connection comes with: options of Confab::Phoenix->new.
sub credentials ($self, $session) {
    return (query => { token => $session->{jwt} }) if $session->{context} eq 'api';
    return (query => { _csrf_token => $self->csrf($session) }, headers => { Cookie => $session->{cookie}, Origin => $self->{site}->origin });
}

sub phoenix ($self, $session, %with) {
    my %came = $self->credentials($session);
    $came{query} = { $came{query}->%*, (delete $with{query} // {})->%* };
    return Confab::Phoenix->new($self->{site}, %came, %with);
}

# End it by SQL; returns when that is committed.
sub sign_out ($self, $session, $reason = 'signed_out') {
    $self->{site}->psql("update tokens set ended_as = '$reason', expires_at = now() where id = $session->{id}");
    return;
}

1;
