# /api/sessions, whatever carries it: run over plain CGI by tests/cgi/api.t and over nginx and FastCGI by tests/live/api.t.
# Arguments as in Confab::Suite::Pages.
package Confab::Suite::Sessions;
use v5.36;
use utf8;
use Confab::Suite::Tools;
use Confab::Sessions;
use Encode qw(encode);
use List::Util qw(min);
use Mojo::JSON qw(decode_json encode_json);
use POSIX ();
use Test::More;
use Time::HiRes qw(time);

my ($sessions, %id);
my $serial = 0;
our $password = 'a horse of 7 colours';

# A new person with that password; the e-mail.
sub person (@more) {
    my $email = 'person-' . ++$serial . '@example.org';
    my $said = $site->dev('confab', qw(user add --email), $email, '--name', "Person $serial", '--password', $password, @more);
    die $said if $?;
    $id{$email} = $site->psql("select id from users where email = '$email'");
    return $email;
}

sub post ($data, %with) {
    return ($with{ask} // $ask)->(POST => '/api/sessions', type => 'application/json', body => ref $data ? encode_json($data) : $data,
        headers => $with{headers} // {});
}
sub as ($token, $method, $path) { return $ask->($method => $path, headers => { Authorization => "Bearer $token" }) }
sub json ($answer) { return eval { decode_json($answer->{body}) } // {} }
sub sign_in ($email) { return json(post({ email => $email, password => $password })) }
sub listed ($token) { return json(as($token, GET => '/api/sessions'))->{sessions} }
sub reasons ($email) {
    return $site->psql("select coalesce(string_agg(r.reason, ' ' order by r.id), '') from revocations r join tokens t on t.hash = r.hash where t.user_id = $id{$email}");
}

sub test_create () {
    my $email  = person(qw(--role moderator));
    my $userid = $site->psql("select userid from users where email = '$email'");
    my $answer = post({ email => uc $email, password => $password }, headers => { 'User-Agent' => 'A program/1.0' });
    is $answer->{status}, 201, 'S76 credentials become a token';
    is $answer->{headers}{'content-type'}, 'application/json', 'as JSON';
    ok !$answer->{headers}{'set-cookie'}, 'and no cookie';
    my $said = json($answer);
    $secret{ $said->{token} } = 'a token';
    is_deeply [ sort keys %$said ], [qw(expires_in token user)], 'S76 token, expires_in, user';
    is $said->{expires_in}, 3600, 'S76 good for an hour';
    my $user = $said->{user};
    is_deeply [ sort keys %$user ], [qw(confirmed_at email inserted_at name phone picture role userID)], 'all of oneself, and no hash';
    is_deeply [ $user->@{qw(userID email role phone picture)} ], [ $userid, $email, 'moderator', undef, undef ], 'rightly';
    like $user->{$_}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, "$_ is a time" for qw(inserted_at confirmed_at);
    unlike $answer->{body}, qr/argon/, 'S74 never a hash';
    is $site->psql("select context, csrf_secret is null, user_agent, round(extract(epoch from expires_at - now()) / 60) from tokens where user_id = $id{$email}"),
        'api|t|A program/1.0|60', 'its row is what it should be';
    my ($hash) = map { $_->{jti} } listed($said->{token})->@*;
    is $answer->{headers}{location}, "/api/sessions/$hash", 'Location names it';
    is post({ userID => $userid, password => $password })->{status}, 201, 'S76 by userID as well';
    is post({ email => " $email ", password => $password, role => 'admin', user_id => 1, context => 'session' })->{status}, 201, 'what nobody asked for is passed over';
    is $site->psql("select role from users where id = $id{$email}") . $site->psql("select count(*) from tokens where context = 'session' and user_id = $id{$email}"), 'moderator0', 'and changes nothing';
}

sub test_refused () {
    my $email = person();
    my $userid = $site->psql("select userid from users where email = '$email'");
    my @same;
    for my $case ([ 'another password', { email => $email, password => 'another one entirely' } ], [ 'nobody', { email => 'nobody@example.org', password => $password } ],
        [ 'no such userID', { userID => 'nobody', password => $password } ], [ 'an e-mail as userID', { userID => $email, password => $password } ],
        [ 'a userID as e-mail', { email => $userid, password => $password } ], [ 'a space behind', { email => $email, password => "$password " } ],
        [ 'other case', { email => $email, password => uc $password } ], [ 'a long one', { email => $email, password => 'x' x 5000 } ],
        [ 'a long address', { email => 'x' x 5000 . '@x', password => $password } ], [ 'odd letters', { email => "\x{1F600}\x{202e}'; --", password => $password } ]) {
        my $answer = post($case->[1]);
        is_problem $answer, 401, "S76 $case->[0]";
        is $answer->{headers}{'www-authenticate'}, 'Bearer', 'with the way to do it';
        push @same, json($answer)->{detail};
    }
    is_deeply [ grep { $_ ne 'Invalid email or password' } @same ], [], 'in the same words';
    my %took;
    for my $who (($email, 'nobody@example.org') x 7) {
        my $began = time;
        post({ email => $who, password => 'another one entirely' });
        push $took{$who}->@*, time - $began;
    }
    my ($known, $unknown) = map { min($took{$_}->@*) } $email, 'nobody@example.org';
    ok $known < 2 * $unknown && $unknown < 2 * $known, sprintf 'in the same time, %.0f and %.0f ms', 1000 * $known, 1000 * $unknown;
    $site->psql("update users set banned_at = now() where id = $id{$email}");
    is_problem post({ email => $email, password => $password }), 401, 'a banned one';
    $site->psql("insert into users (userid, name, email) values ('nopass$serial', 'No', 'nopass$serial\@example.org')");
    is_problem post({ email => "nopass$serial\@example.org", password => $password }), 401, 'one without a password';
    my %fields = (
        '{}' => { email => ["can't be blank"], password => ["can't be blank"] },
        '{"email":"a@b.org"}'                              => { password => ["can't be blank"] },
        '{"password":"x"}'                                 => { email => ["can't be blank"] },
        '{"email":"","password":""}'                       => { email => ["can't be blank"], password => ["can't be blank"] },
        '{"email":7,"password":"x"}'                       => { email => ['must be text'] },
        '{"email":["a@b.org"],"password":"x"}'             => { email => ['must be text'] },
        '{"userID":true,"password":"x"}'                   => { userID => ['must be text'] },
        '{"email":"a@b.org","password":null}'              => { password => ['must be text'] },
        '{"email":"a@b.org","userID":"a","password":"x"}'  => { email => ["can't be given together with userID"] },
    );
    for my $body (sort keys %fields) {
        my $answer = post($body);
        is_problem $answer, 422, $body;
        is_deeply json($answer)->{errors}, $fields{$body}, 'with its sentences';
    }
    is_problem post($_), 400, substr "no JSON object: $_", 0, 60 for '[]', '"x"', '1', 'null', '{', '{"email":"a",}', "{'email':1}", '{"email":"a","email":"b","password":"x"}',
        '{"email":"a","\u0065mail":"b","password":"x"}', '{"email":"a\u0000b","password":"x"}', "{\"email\":\"\xff\",\"password\":\"x\"}", '{}{}', '[' x 60000,
        '{"a":' . '[' x 32 . ']' x 32 . '}', '{"a":' x 33 . '1' . '}' x 33;
    is post('{"a":' . '[' x 31 . ']' x 31 . '}')->{status}, 422, 'thirty-two deep is not too deep';
    is post('{"a":"' . '[\"[' x 100 . '"}')->{status}, 422, 'brackets in text are none';
    is_problem post('{"x":"' . 'x' x (64 * 1024) . '"}'), 413, 'more than limits.body';
    is_problem $ask->(POST => '/api/sessions', type => $_, body => '{}'), 415, "as $_" for 'application/x-www-form-urlencoded', 'text/plain', 'application/jsonx', 'text/json';
    is $ask->(POST => '/api/sessions', type => 'Application/JSON; charset=utf-8', body => '{}')->{status}, 422, 'with a charset it is JSON';
    is_problem post({ email => $email, password => $password }, headers => { Authorization => 'Bearer x.y.z' }), 401, 'with a token that does not hold';
}

sub test_list () {
    my ($email, $other) = (person(), person());
    my ($one, $two) = map { $_->{token} } sign_in($email), sign_in($email);
    my ($browser) = $sessions->sessions(1, of => { user_id => $id{$email} });
    sign_in($other);
    $site->psql("update tokens set address = '192.0.2.9', user_agent = 'Agent' where hash = '$browser->{hash}'");
    my $list = listed($one);
    is @$list, 3, 'one sees one\'s own sessions and programs, and nobody else\'s';
    is scalar(grep { $_->{current} } @$list), 1, 'and which one is this';
    my ($seen) = grep { $_->{jti} eq $browser->{hash} } @$list;
    is_deeply [ $seen->@{qw(context address user_agent)} ], [qw(session 192.0.2.9 Agent)], 'with device and address';
    is_deeply [ sort keys %$seen ], [qw(address context current expires_at inserted_at jti last_seen_at user_agent)], 'and nothing else';
    like $seen->{$_}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/, "$_ is a time" for qw(expires_at inserted_at last_seen_at);
    $site->psql("update tokens set expires_at = now() where hash = '$browser->{hash}'");
    is listed($one)->@*, 2, 'what has ended is not there';
    $site->psql("update tokens set last_seen_at = now() - interval '6 min' where user_id = $id{$email}");
    listed($one);
    is $site->psql("select count(*) from tokens where user_id = $id{$email} and last_seen_at > now() - interval '1 min'"), 1, 'whoever asks was seen';
    is $ask->(HEAD => '/api/sessions', headers => { Authorization => "bearer $one" })->{body}, '', 'HEAD';
    is_problem $ask->(GET => '/api/sessions'), 401, 'without a token';
    is_problem $ask->(GET => '/api/sessions', cookie => $browser->{cookie}), 401, 'a cookie counts for nothing here';
    for my $header ('Bearer', 'Bearer ', "Basic $one", "Token $one", $one, "Bearer $one x", "Bearer $one,$two", 'Bearer ' . $browser->{jwt}, "Bearer ${one}x") {
        my $answer = $ask->(GET => '/api/sessions', headers => { Authorization => $header });
        is_problem $answer, 401, 'S80 ' . substr $header, 0, 12;
        is json($answer)->{detail}, "Token didn't match", 'S80 in those words';
    }
}

sub test_destroy () {
    my ($email, $other) = (person(), person());
    my ($one, $two, $three, $foreign) = map { $_->{token} } (map { sign_in($email) } 1 .. 3), sign_in($other);
    my ($browser) = $sessions->sessions(1, of => { user_id => $id{$email} });
    my ($theirs) = map { $_->{jti} } listed($foreign)->@*;
    is_problem as($one, DELETE => "/api/sessions/$_"), 404, "ending $_" for $theirs, 'x' x 43, 'nothing', 'Current', '%27%20or%20true--', 'x' x 1000;
    is listed($foreign)->@*, 1, 'S75 nobody ends what is somebody else\'s';
    my $answer = as($one, DELETE => "/api/sessions/$browser->{hash}");
    is $answer->{status}, 204, 'ending one by its hash';
    is $answer->{body} . ($answer->{headers}{'content-length'} // ''), '', 'with nothing to say';
    is_problem as($one, DELETE => "/api/sessions/$browser->{hash}"), 404, 'it ends once';
    is as($one, DELETE => '/api/sessions/current')->{status}, 204, 'ending the one that asks';
    is_problem as($one, $_ => '/api/sessions/current'), 401, "S80 $_ with it afterwards" for qw(DELETE);
    is_problem as($one, GET => '/api/sessions'), 401, 'S80 nothing works with it any more';
    my ($own) = map { $_->{jti} } grep { $_->{current} } listed($two)->@*;
    is as($two, DELETE => "/api/sessions/$own")->{status}, 204, 'or by its hash';
    is reasons($email), 'revoked signed_out signed_out', 'S92 each with its reason';
    my ($tab) = $sessions->sessions(1, of => { user_id => $id{$email} });
    is as($three, DELETE => '/api/sessions')->{status}, 204, 'S92 ending all';
    is $site->psql("select count(*) from tokens where user_id = $id{$email} and ended_as is null"), 0, 'browsers and programs';
    is_problem as($three, DELETE => '/api/sessions'), 401, 'the asker too';
    is listed($foreign)->@*, 1, 'S97 and nobody else';
    is_problem $ask->(DELETE => $_), 401, "DELETE $_ without a token" for '/api/sessions', '/api/sessions/current';
}

sub test_methods () {
    my $token = sign_in(person())->{token};
    for my $case ([ PUT => '/api/sessions', 'GET, HEAD, POST, DELETE' ], [ POST => '/api/sessions/current', 'DELETE' ], [ GET => '/api/sessions/current', 'DELETE' ],
        [ PATCH => '/api/sessions', 'GET, HEAD, POST, DELETE' ]) {
        my ($method, $path, $allow) = @$case;
        my $answer = as($token, $method => $path);
        is_problem $answer, 405, "$method $path";
        is $answer->{headers}{allow}, $allow, 'with what is allowed';
    }
    is_problem as($token, GET => '/api/nothing'), 404, 'an unknown path';
    is_problem $ask->(GET => '/api/sessions', headers => { Accept => 'text/html' }), 401, 'whatever is accepted';
}

sub test_ends () {
    my %ways = (
        'a ban'              => sub ($email) { $site->dev('confab', qw(user ban --email), $email) },
        'a new password'     => sub ($email) { $site->dev('confab', qw(user password --email), $email, '--password', 'another good one, 8 km') },
        'a deletion'         => sub ($email) { $site->psql("delete from users where id = $id{$email}") },
        'an UPDATE by hand'  => sub ($email) { $site->psql("update tokens set expires_at = now() where user_id = $id{$email}") },
        'a DELETE by hand'   => sub ($email) { $site->psql("delete from tokens where user_id = $id{$email}") },
        'confab session revoke' => sub ($email) { $site->dev('confab', qw(session revoke), $site->psql("select hash from tokens where user_id = $id{$email}")) },
    );
    for my $what (sort keys %ways) {
        my $email = person();
        my $token = sign_in($email)->{token};
        is as($token, GET => '/api/sessions')->{status}, 200, 'it holds';
        $ways{$what}->($email);
        is_problem as($token, GET => '/api/sessions'), 401, "S92 after $what it does not";
        my $again = post({ email => $email, password => $password })->{status};
        is $again, $what =~ /hand|revoke/ ? 201 : 401, 'and who may come back does';
    }
}

sub test_rehash () {
    my $email = person();
    my $weak = '$argon2id$v=19$m=8192,t=1,p=1$M+wc6IQzukYUeGqtxGFAnw$/C2qj2fE1bYaH2OtFokvwKFH/jsuSP60jR8i6aXLW88';    # of $password
    my $strong = $site->psql("select password_hash from users where id = $id{$email}");
    is post({ email => $email, password => $password })->{status}, 201, 'signing in';
    is $site->psql("select password_hash from users where id = $id{$email}"), $strong, 'keeps a hash that is good enough';
    my $keep_weak = sub () { $site->psql("update users set password_hash = '$weak' where id = $id{$email}") };
    $keep_weak->();
    is post({ email => $email, password => 'another password' })->{status}, 401, 'a wrong password';
    is $site->psql("select password_hash from users where id = $id{$email}"), $weak, 'makes nothing new';
    is post({ email => $email, password => $password })->{status}, 201, 'the right one';
    like $site->psql("select password_hash from users where id = $id{$email}"), qr/^\$argon2id\$v=19\$m=65536,t=2,p=1\$/, 'is kept with today\'s parameters';
    is post({ email => $email, password => $password })->{status}, 201, 'and is still right';
    $keep_weak->();
    my @at_once = map {
        open(my $out, '-|') // die "fork: $!" or do { print post({ email => $email, password => $password })->{status}; close STDOUT; POSIX::_exit(0) };
        $out;
    } 1 .. 4;
    is_deeply [ map { scalar readline $_ } @at_once ], [ (201) x 4 ], 'four at once that all find the old one are let in';
}

sub test_limit () {
    my $email = person();
    my ($where, $limited) = $with->(CONFAB_LIMITS_SIGN_IN => '3/600s');
    local $site = $where;
    my $said = $where->dev('confab', qw(user add --email), $email, '--password', $password);
    my $try = sub ($who, $what) { post({ email => $who, password => $what }, ask => $limited) };
    is $try->($email, 'not this password')->{status}, 401, 'a wrong one' for 1 .. 2;
    is $try->($email, $password)->{status}, 201, 'then the right one';
    is $try->(uc $email, 'not this password')->{status}, 401, 'and what was before is forgotten' for 1 .. 3;
    my $answer = $try->($email, $password);
    is_problem $answer, 429, 'after three of them even the right one';
    my $wait = $answer->{headers}{'retry-after'};
    ok $wait > 150 && $wait <= 201, "comes later: $wait";
    $try->($email, 'not this password') for 1 .. 40;
    is $where->psql("select count(*) from throttles where key like 'sign-in:account:%' and full_at > now() + interval '11 min'"), 0,
        'what one address is refused is not held against the account';
    is $try->('nobody@example.org', 'not this password')->{status}, 401, 'nobody is' for 1 .. 3;
    is $try->('nobody@example.org', 'not this password')->{status}, 429, 'the same';
    is $try->("many-$_\@example.org", 'not this password')->{status}, 401, 'others from here' for 1 .. 3;
    $where->psql("update throttles set full_at = now() + interval '1 hour' where key like 'sign-in:address:%'");
    is $try->('other@example.org', $password)->{status}, 429, 'until the address has had enough';
}

sub test_logs ($logs) {
    my $said = $logs->();
    my @found = grep { index($said, $_) >= 0 } grep { length > 8 } keys %secret, $password, 'not this password';
    is_deeply \@found, [], 'no log holds a token or a password';
    like $said, qr/"event":"signed in".*"for":"a program"/, 'but who signed in';
    like $said, qr/"event":"sign-in refused"/, 'who could not';
    like $said, qr/"event":"sessions ended".*"by":"a program"/, 'and who left';
}

sub run ($the_site, $raw, $how, $logs) {
    ($site, $ask) = ($the_site, watched($raw));
    $with = sub (%env) { my ($other, $other_raw) = $how->(%env); return ($other, watched($other_raw)) };
    $sessions = Confab::Sessions->new($site);
    subtest 'a token'          => \&test_create;
    subtest 'what is refused'  => \&test_refused;
    subtest 'the list'         => \&test_list;
    subtest 'ending'           => \&test_destroy;
    subtest 'methods'          => \&test_methods;
    subtest 'ended elsewhere'  => \&test_ends;
    subtest 'hashing anew'     => \&test_rehash;
    subtest 'limits'           => \&test_limit;
    subtest 'logs'             => sub { test_logs($logs) };
    is_deeply \@unguarded, [], 'every answer has the security headers';
}

1;
