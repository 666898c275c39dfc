# Forged tokens: everything that SECURITY 3 names, made of a session that is good. Most are signed with the site's own key, so
# that only what is wrong with them can be why they are refused.
#
#     my $forge = Confab::Forge->new($sessions);                    # Confab::Sessions
#     for my $case ($forge->battery($session, $other)) {            # $other: a good session of somebody else
#         my ($why, $token) = @$case;
#         ...
#     }
#     $forge->token($session, name => 'x');                         # a good one with a claim more
#
# All of them fit into a header line that nginx takes, and hold no character that ends a cookie or a query's value. Not
# here: what is longer than that; whether they are refused.
package Confab::Forge;
use v5.36;
use Digest::SHA qw(hmac_sha256 hmac_sha384 hmac_sha512);
use MIME::Base64 qw(decode_base64url encode_base64url);
use Mojo::JSON qw(encode_json);

# A public key that anybody may know: what an HS256 is keyed with by those who hope that the verifier takes it for RS256.
my $public = <<'PEM';
-----BEGIN PUBLIC KEY-----
MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAMXk1Dk7f0Yh0fOq1mJ9oL0z1g6f6k8y
Yh1kJm4jPpXy1w0uO3H2cQq5rWm9r0m5C3t4b7v3oXn0hYvO9XcCAwEAAQ==
-----END PUBLIC KEY-----
PEM

sub new ($class, $sessions) {
    return bless { sessions => $sessions, key => $sessions->key, kid => $sessions->kid }, $class;
}

sub b64 ($bytes) { return encode_base64url($bytes) }

# Any two texts, signed.
sub raw ($self, $header, $payload, $key = $self->{key}, $mac = \&hmac_sha256) {
    my $signed = b64($header) . '.' . b64($payload);
    return $signed . '.' . b64($mac->($signed, $key));
}

# JSON of a list of names and JSON values, in that order, names as often as they come.
sub object (@pairs) {
    my @parts;
    while (my ($name, $value) = splice @pairs, 0, 2) { push @parts, "\"$name\":$value" }
    return '{' . join(',', @parts) . '}';
}

sub header ($self, %other) {
    my %header = (alg => '"HS256"', typ => '"JWT"', kid => "\"$self->{kid}\"", %other);
    return object(map { $_ => $header{$_} } grep { defined $header{$_} } sort keys %header);
}

# The claims of a good token as a hash of JSON values.
sub claims ($self, $session) {
    my $claims = $self->{sessions}->claims($session, 3600);
    return map { $_ => encode_json($claims->{$_}) =~ s{\\/}{/}gr } keys %$claims;
}

sub payload ($self, $session, %other) {
    my %claims = ($self->claims($session), %other);
    return object(map { $_ => $claims{$_} } grep { defined $claims{$_} } sort keys %claims);
}

# A token that differs from the good one by these claims, as JSON; undef leaves one out.
sub token ($self, $session, %other) { return $self->raw($self->header, $self->payload($session, %other)) }

sub algorithms ($self, $good, $payload) {
    my @cases;
    my ($body) = $good =~ /\A[^.]*(\..*\.)/s;
    for my $alg ('none', 'None', 'NONE', 'nOnE', 'none ', ' none', 'no\u006ee', '', 'HS256 ', 'hs256', 'HS384', 'HS512', 'RS256', 'ES256', 'PS256', 'EdDSA', 'A128KW') {
        my $header = $self->header(alg => "\"$alg\"");
        push @cases, [ "alg '$alg', signed by HS256", $self->raw($header, $payload) ],
            [ "alg '$alg' without signature", b64($header) . '.' . b64($payload) . '.' ],
            [ "alg '$alg' without a last segment", b64($header) . '.' . b64($payload) ];
    }
    my %macs = (HS384 => \&hmac_sha384, HS512 => \&hmac_sha512);
    push @cases, [ "$_ under our key", $self->raw($self->header(alg => "\"$_\""), $payload, $self->{key}, $macs{$_}) ],
        [ "$_ that says HS256", $self->raw($self->header, $payload, $self->{key}, $macs{$_}) ],
        [ "$_ that says HS256, cut", $self->raw($self->header, $payload, $self->{key}, sub { substr $macs{$_}->(@_), 0, 32 }) ] for sort keys %macs;
    push @cases, [ "alg $_", $self->raw($self->header(alg => $_), $payload) ] for 'null', '["HS256"]', '{"HS256":1}', '256', 'true';
    push @cases, [ 'no alg', $self->raw($self->header(alg => undef), $payload) ],
        [ 'alg twice', $self->raw(object(alg => '"none"', alg => '"HS256"', kid => "\"$self->{kid}\""), $payload) ],
        [ 'alg twice, once in escapes', $self->raw(object(alg => '"HS256"', '\u0061lg' => '"HS256"', kid => "\"$self->{kid}\""), $payload) ];
    return @cases;
}

sub keys_and_kids ($self, $payload) {
    my $text = b64($self->{key});
    my %keys = ('a public key' => $public, 'a public key in a line' => $public =~ tr/\n//dr, 'nothing' => '', 'zeros' => "\0" x 32, 'our key as it is written' => $text,
        'the kid' => $self->{kid}, 'half of our key' => substr($self->{key}, 0, 16), 'another key' => 'k' x 32);
    my @cases = map { [ "signed with $_", $self->raw($self->header, $payload, $keys{$_}) ] } sort keys %keys;
    push @cases, [ "a public key, said to be $_", $self->raw($self->header(alg => "\"$_\""), $payload, $public) ] for qw(RS256 ES256);
    for my $kid ('', 'other', uc "$self->{kid}X", "$self->{kid} ", "../$self->{kid}", '../../../../dev/null', '/dev/null', "' or 1=1 --", "x' union select 'AAAA' --",
        "$self->{kid}\\u0000", '\ud83d\ude00', 'k' x 33, 'k' x 2000) {
        push @cases, [ "kid '" . substr($kid, 0, 40) . "', signed with $_->[0]", $self->raw($self->header(kid => "\"$kid\""), $payload, $_->[1]) ]
            for [ 'our key' => $self->{key} ], [ 'nothing' => '' ];
    }
    push @cases, [ "kid $_", $self->raw($self->header(kid => $_), $payload) ] for 'null', '0', "[\"$self->{kid}\"]", 'true', '{}';
    push @cases, [ 'no kid', $self->raw($self->header(kid => undef), $payload) ],
        [ 'kid twice', $self->raw(object(alg => '"HS256"', kid => '"x"', kid => "\"$self->{kid}\""), $payload) ],
        [ "another site's kid and key", $self->raw($self->header(kid => '"theirs"'), $payload, 't' x 32) ];
    my $own = 'a key of the attacker, 32 bytes.';
    my $jwk = sprintf '{"kty":"oct","k":"%s","alg":"HS256","kid":"%s"}', b64($own), $self->{kid};
    my %brought = (jwk => $jwk, jku => '"https://evil.example/keys"', x5u => '"https://evil.example/cert"', x5c => '["MIIB"]');
    push @cases, [ "with its own $_", $self->raw($self->header($_ => $brought{$_}), $payload, $own) ] for sort keys %brought;
    push @cases, [ "crit $_", $self->raw($self->header(crit => $_), $payload) ] for '["exp"]', '["b64"]', '[]', 'null';
    return @cases;
}

my @wrong = ('null', 'true', '[]', '{}', '""', '7.5', '-1', '0', '1e300', '99999999999999999999', '"x"');

sub claims_one_by_one ($self, $session) {
    my %claims = $self->claims($session);
    my @cases;
    for my $name (sort keys %claims) {
        my @others = map { $_ => $claims{$_} } grep { $_ ne $name } sort keys %claims;
        push @cases, [ "without $name", $self->token($session, $name => undef) ];
        push @cases, [ "$name $_", $self->token($session, $name => $_) ] for @wrong, "[$claims{$name}]", $claims{$name} =~ /^"/ ? '7' : "\"$claims{$name}\"";
        push @cases, [ "$name twice", $self->raw($self->header, object(@others, $name => $claims{$name}, $name => $claims{$name})) ],
            [ "$name twice, first another", $self->raw($self->header, object(@others, $name => $name =~ /^(exp|nbf|iat)$/ ? 1 : '"x"', $name => $claims{$name})) ],
            [ "$name twice, once in escapes", $self->raw($self->header, object(@others, $name => $claims{$name}, sprintf('\\u%04x', ord $name) . substr($name, 1) => $claims{$name})) ];
        push @cases, [ "$name with a NUL behind", $self->token($session, $name => $claims{$name} =~ s/"\z/\\u0000"/r) ],
            [ "$name with a space behind", $self->token($session, $name => $claims{$name} =~ s/"\z/ "/r) ],
            [ "$name in capitals", $self->token($session, $name => undef, uc $name => $claims{$name}) ] if $claims{$name} =~ /^"/;
    }
    my $url = $self->{sessions}{url};
    push @cases, map { ([ "iss $_", $self->token($session, iss => "\"$_\"") ], [ "aud $_", $self->token($session, aud => "\"$_\"") ]) }
        'https://evil.example/', $url =~ s{/$}{}r, "${url}x", uc $url, "$url/";
    push @cases, [ "typ $_", $self->token($session, typ => "\"$_\"") ] for grep { $_ ne $session->{context} } qw(session api login mail csrf poll Session JWT);
    return @cases;
}

sub times_and_people ($self, $session, $other) {
    my $now = time;
    return (
        [ 'expired a second ago', $self->token($session, exp => $now - 1) ],
        [ 'expired long ago',     $self->token($session, exp => $now - 86400 * 365) ],
        [ 'nbf in the future',    $self->token($session, nbf => $now + 3600) ],
        [ 'iat in the future',    $self->token($session, iat => $now + 3600) ],
        [ 'the sub of another',   $self->token($session, sub => "\"$other->{userid}\"") ],
        [ 'the jti of another',   $self->token($session, jti => "\"$other->{jti}\"") ],
        [ 'the hash for the jti', $self->token($session, jti => "\"$session->{hash}\"") ],
        [ 'a jti of nobody',      $self->token($session, jti => '"' . 'n' x 43 . '"') ],
        [ 'a long jti',           $self->token($session, jti => '"' . 'n' x 65 . '"') ],
        [ 'the jti in capitals',  $self->token($session, jti => '"' . uc($session->{jti}) . '"') ],
        [ "SQL for a sub",        $self->token($session, sub => '"x\' or true --"') ],
    );
}

sub shapes ($self, $session, $good) {
    my $payload = $self->payload($session);
    my ($head, $body, $signature) = split /\./, $good;
    my @cases = map { [ "a payload that is $_", $self->raw($self->header, $_) ] } '', '[]', "[$payload]", 'null', '"x"', '7', '{', '{}', "$payload$payload", "$payload x";
    push @cases, [ 'a header that is a list', $self->raw('[' . $self->header . ']', $payload) ], [ 'a header of no JSON', $self->raw('x', $payload) ],
        [ 'deep nesting', $self->raw($self->header, substr($payload, 0, -1) . ',"a":' . '[' x 1000 . ']' x 1000 . '}') ],
        [ 'nesting that is too deep', $self->raw($self->header, substr($payload, 0, -1) . ',"a":' . '[' x 32 . ']' x 32 . '}') ],
        [ 'deep nesting in the header', $self->raw(substr($self->header, 0, -1) . ',"a":' . '{"a":' x 300 . '1' . '}' x 301, $payload) ],
        [ 'bad UTF-8', $self->raw($self->header, substr($payload, 0, -1) . ",\"name\":\"\xff\"}") ],
        [ 'a lone surrogate', $self->raw($self->header, substr($payload, 0, -1) . ',"name":"\ud800"}') ],
        [ 'overlong UTF-8', $self->raw($self->header, substr($payload, 0, -1) . ",\"name\":\"\xc0\xaf\"}") ],
        [ 'UTF-16', $self->raw($self->header, join '', map {"$_\0"} split //, $payload) ],
        [ 'a byte order mark', $self->raw($self->header, "\xef\xbb\xbf$payload") ],
        [ 'a name twice further down', $self->raw($self->header, substr($payload, 0, -1) . ',"a":{"b":1,"b":2}}') ],
        [ 'a payload longer than any of ours', $self->raw($self->header, substr($payload, 0, -1) . ',"a":"' . 'x' x 3500 . '"}') ],
        [ 'a header longer than any of ours', $self->raw(substr($self->header, 0, -1) . ',"a":"' . 'x' x 3500 . '"}', $payload) ];
    my %shapes = ('a trailing segment' => "$good.x", 'a trailing dot' => "$good.", 'a leading dot' => ".$good", 'twice' => "$good.$good", 'padding' => "$good=",
        'padding inside' => "$head=.$body.$signature", 'no signature' => "$head.$body.", 'two segments' => "$head.$body", 'no header' => ".$body.$signature",
        'no payload' => "$head..$signature", 'dots' => '..', 'a dot' => '.', 'five segments' => "$head.$body.$signature.x.x", 'a letter more' => "${good}A",
        'a letter less' => substr($good, 0, -1), 'another last letter' => substr($good, 0, -1) . chr(ord(substr $good, -1) ^ 1), 'plus and slash' => "$head.$body." . ('+/' x 21) . 'A',
        'a quoted one' => "%22$good%22", 'nonsense' => 'x', 'halves exchanged' => "$body.$head.$signature");
    push @cases, map { [ $_, $shapes{$_} ] } sort keys %shapes;
    for (my $at = 0; $at < length $good; $at += int(length($good) / 40)) {
        my $bytes = decode_base64url($good =~ tr/.//dr);
        push @cases, [ "cut at $at", substr $good, 0, $at ] if $at;
        my $letter = substr $good, $at, 1;
        push @cases, [ "another letter at $at", substr($good, 0, $at) . ($letter eq 'A' ? 'B' : 'A') . substr($good, $at + 1) ];
    }
    for my $part (0 .. 2) {    # a flipped bit of what is written in each
        my @parts = split /\./, $good;
        my $bytes = decode_base64url($parts[$part]);
        for my $place (map { int($_ * length($bytes) / 12) } 0 .. 11) {
            substr(my $flipped = $bytes, $place, 1) ^.= chr(1 << $place % 8);
            $parts[$part] = b64($flipped);
            push @cases, [ "a bit flipped in segment $part at $place", join '.', @parts ];
        }
    }
    return @cases;
}

# [why, token], each to be refused.
sub battery ($self, $session, $other) {
    my $good    = $self->token($session);
    my $payload = $self->payload($session);
    my %seen = ($good => 1);
    return grep { !$seen{ $_->[1] }++ } $self->algorithms($good, $payload), $self->keys_and_kids($payload), $self->claims_one_by_one($session),
        $self->times_and_people($session, $other), $self->shapes($session, $good);
}

1;
