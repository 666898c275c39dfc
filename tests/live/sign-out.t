#!/usr/bin/env perl
# The end of a session reaches its open pages at once, in all tabs and on all relays, and nothing works with it afterwards.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Mojo::UserAgent;
use Test::More;
use Confab::Clock qw(running_time);
use Confab::Phoenix;
use Confab::Relay;
use Confab::Sessions;
use Confab::Site;
use Confab::Wire qw(frame TEXT CLOSE);

my $site     = Confab::Site->new(CONFAB_LIMITS_RATE => '1000/1s');
my $sessions = Confab::Sessions->new($site);
my $second   = Confab::Relay->new($site);
my $ua       = Mojo::UserAgent->new;
my $lobby    = 'room:lobby';
my $password = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b27nA';

# An open page that has joined the lobby.
sub page ($session, %with) {
    my $peer = $sessions->phoenix($session, %with);
    is $peer->join($lobby)->{status}, 'ok', 'a page is open' unless $peer->refused;
    return $peer;
}
sub on_second { return (url => 'ws://127.0.0.1:' . $second->port . '/live/websocket') }

# The page is told why, once, and closed.
sub ended ($name, $peer, $reason, $seconds = 5) {
    ok $peer->wait(sub { defined $peer->closed }, $seconds), "$name: is closed";
    is $peer->closed, 1001, "$name: with 1001";
    is_deeply [ $peer->heard($lobby, 'session_ended') ], [ { reason => $reason } ], "$name: and was told $reason";
    my ($said) = grep { $_->[2] eq $lobby && $_->[3] eq 'session_ended' } $peer->frames;
    is_deeply [ @{$said}[ 0, 1 ] ], [ '1', undef ], "$name: as a push to that join";
}

sub goes_on ($name, @peers) {
    ok !defined $_->closed && $_->post($lobby, "still here $name")->{status} eq 'ok', "$name: goes on" for @peers;
}

sub refused ($name, $session) {
    is $sessions->phoenix($session)->refused, 403, "$name: nobody comes in with it any more";
}

# A form of the site, sent by the browser of that session.
sub form ($session, $path, %fields) {
    my %from = (Cookie => $session->{cookie}, Origin => $site->origin, 'Sec-Fetch-Site' => 'same-origin');
    return $ua->post($site->url($path) => \%from => form => { _method => 'delete', _csrf => $sessions->csrf($session), %fields })->result;
}

# By another device of the same person.
sub by_another ($session, @form) {
    my ($device) = $sessions->sessions(1, of => $session);
    is form($device, @form)->code, 303, 'by another device';
}
sub email ($session) { return $site->psql("select email from users where id = $session->{user_id}") }
sub tool (@arguments) { is $site->dev('confab', @arguments), '', "confab @arguments[0, 1]" }

# Each way: what it does to a session, and what the page is told.
my @ways = (
    [ 'the form to log out', 'signed_out', sub ($s) { is form($s, '/users/log-out')->code, 303, 'it is answered' } ],
    [ '"Sign out" in the list', 'revoked', sub ($s) { by_another($s, "/users/settings/sessions/$s->{hash}") } ],
    [ '"Sign out everywhere else"', 'revoked', sub ($s) { by_another($s, '/users/settings/sessions', which => 'others') } ],
    [ '"Sign out everywhere"', 'signed_out', sub ($s) { by_another($s, '/users/settings/sessions', which => 'all') } ],
    [ 'confab session revoke', 'revoked', sub ($s) { tool(qw(session revoke), $s->{hash}) } ],
    [ 'confab user ban', 'banned', sub ($s) { tool(qw(user ban --email), email($s)) } ],
    [ 'confab user password', 'revoked', sub ($s) { tool(qw(user password --email), email($s), qw(--password), 'a horse of 7 colours') } ],
    [ 'signing out', 'signed_out', sub ($s) { $sessions->sign_out($s) } ],
    [ 'ending it by its time (psql)', 'revoked', sub ($s) { $site->psql("update tokens set expires_at = now() where id = $s->{id}") } ],
    [ 'deleting it (psql)', 'revoked', sub ($s) { $site->psql("delete from tokens where id = $s->{id}") } ],
    [ 'a replacement', 'replaced', sub ($s) { $sessions->sign_out($s, 'replaced') } ],
    [ 'a ban', 'banned', sub ($s) { $site->psql("update users set banned_at = now() where id = $s->{user_id}") } ],
    [ 'a new password', 'revoked', sub ($s) { $site->psql("select user_set_password($s->{user_id}, '$password', null)") } ],
    [ 'deleting the user', 'revoked', sub ($s) { $site->psql("delete from users where id = $s->{user_id}") } ],
);
for my $way (@ways) {
    my ($name, $reason, $do) = @$way;
    subtest "S49/S91 $name" => sub {
        my ($gone, $other) = $sessions->sessions(2);
        my @tabs   = (page($gone), page($gone), page($gone, on_second()));
        my @others = (page($other), page($other, on_second()));
        $do->($gone);
        my $start = running_time; # from the answer on: a password takes its time to be made
        ended("tab $_", $tabs[ $_ - 1 ], $reason) for 1 .. @tabs;
        cmp_ok running_time - $start, '<', 1, 'at once';
        goes_on('another session', @others);
        refused('replayed', $gone);
    };
}

subtest 'the end of very many at once' => sub {
    my ($gone, $other) = $sessions->sessions(2);
    my ($tab, $stays)  = (page($gone), page($other));
    my $most = sub { Confab::Site::slurp('/proc/' . $site->pid('relay') . '/status') =~ /^VmHWM:\s*(\d+) kB/m; return $1 };
    $site->psql("insert into tokens (user_id, context, hash, csrf_secret, expires_at)
        select $gone->{user_id}, 'session', lpad(n::text, 43, 'm'), lpad('x', 43, 'x'), now() + interval '1 day' from generate_series(1, 60000) n");
    my $before = $most->();
    $site->psql("update tokens set ended_as = 'revoked', expires_at = now() where user_id = $gone->{user_id}");
    ended('one of them', $tab, 'revoked');
    goes_on('who is not among them', $stays);
    cmp_ok $most->() - $before, '<', 80 * 1024, 'and the relay takes no more memory than the list needs';
};

subtest 'S97 one of two devices' => sub {
    my ($laptop) = $sessions->sessions(1);
    my ($phone, $bot) = ($sessions->sessions(1, of => $laptop), $sessions->sessions(1, of => $laptop, context => 'api'));
    my ($tab, $mobile, $program) = map { page($_) } $laptop, $phone, $bot;
    $sessions->sign_out($phone);
    ended('the phone', $mobile, 'signed_out');
    goes_on('the laptop', $tab);
    goes_on('the program', $program);
    $sessions->sign_out($bot, 'revoked');
    ended('the program', $program, 'revoked');
    goes_on('the laptop', $tab);
    refused('of a program', $bot);
};

subtest 'who is not joined' => sub {
    my ($gone, $late) = $sessions->sessions(2);
    my $idle = $sessions->phoenix($gone);
    $sessions->sign_out($gone);
    ok $idle->wait(sub { defined $idle->closed }, 5), 'a connection without topics is closed too';
    is $idle->closed, 1001, 'with 1001';
    $site->psql(q(insert into rooms (slug, name) values ('two', 'Two')));
    my $both = page($late);
    $both->join('room:two');
    $sessions->sign_out($late);
    ended('one of two topics', $both, 'signed_out');
    is_deeply [ $both->heard('room:two', 'session_ended') ], [ { reason => 'signed_out' } ], 'and the other topic is told as well';
};

# The relay hears nothing of it, so that only the rows say so: the trigger is what rings.
subtest 'S40 each frame is checked by itself' => sub {
    my ($gone, $joiner) = $sessions->sessions(2);
    my @pages = (page($gone), page($gone));
    my $open  = $sessions->phoenix($joiner);
    my $rows  = $site->psql('select count(*) from messages');
    my $silent = sub ($sql) { $site->psql("begin; set local session_replication_role = replica; $sql; commit") };
    $silent->("update tokens set ended_as = 'banned', expires_at = now() where id = $gone->{id}");
    my $reply = $pages[0]->post($lobby, 'too late');
    is_deeply $reply->{response}, { reason => 'unauthorized' }, 'a push is refused';
    ended('who pushed', $pages[0], 'banned');
    ended('the other tab', $pages[1], 'banned');
    $silent->("delete from tokens where id = $joiner->{id}");
    is_deeply $open->join($lobby)->{response}, { reason => 'unauthorized' }, 'a join is refused';
    ok $open->wait(sub { defined $open->closed }, 5), 'and that is the end of it';
    is $site->psql('select count(*) from messages'), $rows, 'nothing was stored';
};

subtest 'a name, a role or a ban counts from the next frame on' => sub {
    my ($ada) = $sessions->sessions(1);
    my $page = page($ada);
    $site->psql("update users set name = 'Countess' where id = $ada->{user_id}");
    is $page->post($lobby, 'what is my name?')->{response}{message}{name}, 'Countess', 'the name of now';
};

# While a room's row is locked, posts wait; what is stored then is nobody's any more.
subtest 'what is on its way' => sub {
    my ($gone, $writer) = $sessions->sessions(2);
    my ($page, $other) = (page($gone), page($writer));
    my $child = fork // die "fork: $!";
    if (!$child) {
        $site->psql("begin; select from rooms where slug = 'lobby' for update; select pg_sleep(1); commit");
        POSIX::_exit(0);
    }
    $other->wait(sub { $site->psql("select count(*) from pg_stat_activity where query ~ 'pg_sleep' and wait_event = 'PgSleep'") > 0 });
    $page->say($lobby, new_message => { message => 'begun before', client_id => 'before' });
    $page->rest(0.1);
    my @late = map { $page->say($lobby, new_message => { message => "begun later $_", client_id => "later-$_" }) } 1 .. 3;
    my $join = $page->say('room:two', phx_join => {}, '77');
    $sessions->sign_out($gone);
    ended('whoever waits', $page, 'signed_out');
    is scalar(grep { $page->{replies}{$_} } @late, $join), 0, 'is not answered any more';
    waitpid $child, 0;
    is $other->post($lobby, 'after that')->{status}, 'ok', 'others go on';
    is $site->psql("select count(*) from messages where client_id like 'later-%'"), 0, 'what waited behind is not stored';
};

subtest 'a slow reader' => sub {
    my ($gone) = $sessions->sessions(1);
    my %came   = $sessions->credentials($gone);
    my $wire   = Confab::Wire->new(path => $site->state . '/run/relay.sock',
        url     => "/live/websocket?vsn=2.0.0&_csrf_token=$came{query}{_csrf_token}",
        headers => join '', map { "$_: $came{headers}{$_}\r\n" } keys $came{headers}->%*);
    is $wire->status, 101, 'is let in';
    $wire->send(frame(1, TEXT, '["1","1","room:lobby","phx_join",{}]'));
    $wire->read;
    my $large = 'x' x 3000;
    $site->psql("insert into messages (room_id, name, message) select 1, 'Op', '$large' || n from generate_series(1, 45) n");
    my $witness = page(($sessions->sessions(1))[0]);
    $witness->rest(1.2);
    $sessions->sign_out($gone);
    $site->psql("insert into messages (room_id, name, message) values (1, 'Op', 'a secret')");
    $witness->wait(sub { $site->log('relay') =~ /"user":"$gone->{userid}"/ });
    my ($heard, $secret, @last) = (0, 0);
    while (my ($opcode, $payload) = $wire->read) {
        $heard++  if $payload =~ /x{3000}/;
        $secret++ if $payload =~ /a secret/;
        push @last, $payload =~ /"(session_ended)"/ ? $1 : $opcode == CLOSE ? 'close ' . unpack('n', $payload) : 'other' if $payload !~ /x{3000}/;
    }
    cmp_ok $heard, '<', 45, "does not get what was queued for it ($heard of 45)";
    is_deeply [ grep { $_ ne 'other' } @last ], [ 'session_ended', 'close 1001' ], 'but why, and the close';
    ok !$secret, 'and nothing that was sent later';
};

subtest 'expiry and renewal, by the clock of the database' => sub {
    my ($short, $moved, $renewed) = $sessions->sessions(3, seconds => 9, jwt_seconds => 3600);
    my @pages = map { page($_) } $short, $moved, $renewed;
    $site->psql("update tokens set expires_at = now() + interval '14 days' where id = $renewed->{id}");
    my ($long) = $sessions->sessions(1);
    my $page = page($long);
    $site->psql("update tokens set expires_at = now() + interval '6 seconds' where id = $long->{id}");
    $page->rest(0.7);
    goes_on('whose end was moved to a time to come', $page);
    my $over = sub ($s) { $site->psql("select clock_timestamp() >= expires_at from tokens where id = $s->{id}") };
    ended('one whose end was moved', $page, 'expired', 12);
    is $over->($long), 't', 'not before its time';
    ended('a session at its end', $pages[0], 'expired', 12);
    is $over->($short), 't', 'not before its time';
    $pages[2]->rest(2);
    goes_on('one that was renewed meanwhile', $pages[2]);
    refused('expired', $short);
    ok $sessions->phoenix($renewed)->heartbeat, 'the renewed one comes in again';
};

subtest 'what does not hold is not let in' => sub {
    my ($ada, $eve) = $sessions->sessions(2);
    my ($bot) = $sessions->sessions(1, context => 'api');
    my $claims = $sessions->claims($bot, 600);
    my $bearer = sub ($jwt) { Confab::Phoenix->new($site, query => { token => $jwt }) };
    ok !$bearer->($bot->{jwt})->refused, 'a program by token=';
    my $coded = MIME::Base64::encode_base64($bot->{jwt}, '') =~ s/=+\z//r;
    ok !Confab::Phoenix->new($site, protocols => [ 'phoenix', "base64url.bearer.phx.$coded" ])->refused, 'and by authToken';
    is $bearer->($ada->{jwt})->refused, 403, "a browser's token as bearer";
    is $bearer->($sessions->jwt({ %$claims, typ => 'session' }))->refused, 403, 'a program as a browser';
    is $bearer->($sessions->jwt({ %$claims, sub => $eve->{userid} }))->refused, 403, "somebody else's jti";
    is $bearer->($sessions->jwt({ %$claims, jti => 'x' x 43 }))->refused, 403, 'one that no row knows';
    is $bearer->($sessions->jwt({ %$claims, exp => time - 1 }))->refused, 403, 'an expired one whose row holds';
    is $bearer->($bot->{jwt} =~ s/.\z//r)->refused, 403, 'a broken signature';
    my $as_browser = sub ($jwt, $csrf) { Confab::Phoenix->new($site, query => { _csrf_token => $csrf },
        headers => { Origin => $site->origin, Cookie => $sessions->cookie_of($jwt) }) };
    is $as_browser->($bot->{jwt}, $sessions->csrf($ada))->refused, 403, "a program's token as a cookie";
    is $as_browser->($ada->{jwt}, $sessions->csrf($eve))->refused, 403, "another session's CSRF token";
    ok !$as_browser->($ada->{jwt}, $sessions->csrf($ada))->refused, 'its own';
    my $page = page($ada);
    is $as_browser->($sessions->jwt({ $sessions->claims($ada, 600)->%*, sub => $eve->{userid} }), $sessions->csrf($ada))->refused, 403, 'a claim for another';
    goes_on('who is claimed', $page);
};

# Members are sent away to come back and be looked at anew; guests have nothing that could have ended.
subtest 'the log can not be followed' => sub {
    my ($gone, $stays) = $sessions->sessions(2);
    for my $way (
        [ 'it went back', sub { $site->psql('delete from revocations where id = (select last from revocation_counter); update revocation_counter set last = last - 1') } ],
        [ 'what was not read is swept', sub {
            $site->stop('relay');
            $sessions->sign_out($gone);
            $site->psql('begin; delete from revocations; update revocation_counter set swept = last; commit');
            $site->cont('relay');
        } ],
    ) {
        my ($name, $break) = @$way;
        my ($page, $other, $guest) = (page($gone), page($stays), Confab::Phoenix->new($site));
        $guest->join($lobby);
        $break->();
        ok $_->wait(sub { defined $_->closed }, 5), "$name: a member is sent away" for $page, $other;
        is $_->closed, 1013, "$name: to come back" for $page, $other;
        is scalar($page->heard($lobby, 'session_ended')), 0, "$name: and is not told that it has ended";
        is $guest->post($lobby, 'nothing happened')->{status}, 'ok', "$name: a guest stays";
        $site->psql("insert into messages (room_id, name, message) values (1, 'Op', 'after that')");
        ok $guest->wait(sub { grep { $_->{message} eq 'after that' } $guest->heard($lobby, 'new_message') }, 5), "$name: and hears";
        goes_on("$name: who comes back", page($stays));
    }
    refused('who had signed out', $gone);
};

subtest 'the relay is stopped, or away from the database' => sub {
    my ($gone, $ada) = $sessions->sessions(2);
    my ($page, $other) = (page($gone), page($ada));
    $site->stop('relay');
    $sessions->sign_out($gone);
    $site->psql("insert into messages (room_id, name, message) values (1, 'Op', 'a secret of the night')");
    my $push = $page->say($lobby, new_message => { message => 'while it was stopped', client_id => 'stopped' });
    $site->cont('relay');
    ended('who signed out meanwhile', $page, 'signed_out');
    ok $other->wait(sub { grep { $_->{message} =~ /secret/ } $other->heard($lobby, 'new_message') }, 5), 'others hear what was said';
    ok !grep({ $_->{message} =~ /secret/ } $page->heard($lobby, 'new_message')), 'but not who was gone by then';
    is $site->psql(q(select count(*) from messages where client_id = 'stopped')), 0, 'and what it sent is not stored';

    my ($leaver) = $sessions->sessions(1);
    my $last = page($leaver);
    $site->psql('alter role confab_relay nologin');
    $site->psql(q(select pg_terminate_backend(pid) from pg_stat_activity where usename = 'confab_relay'));
    $sessions->sign_out($leaver);
    $site->psql("insert into messages (room_id, name, message) values (1, 'Op', 'a secret of the day')");
    is_deeply $last->post($lobby, 'anybody?')->{response}, { reason => 'unavailable' }, 'without the database nothing is stored';
    $last->rest(1);
    is $last->closed, undef, 'and nobody is sent away yet';
    $site->psql('alter role confab_relay login');
    ended('who signed out meanwhile', $last, 'signed_out');
    ok !grep({ $_->{message} =~ /secret of the day/ } $last->heard($lobby, 'new_message')), 'having heard nothing';
    ok $other->wait(sub { grep { $_->{message} =~ /secret of the day/ } $other->heard($lobby, 'new_message') }, 5), 'others have';
};

subtest 'an open page counts as seen' => sub {
    my ($ada) = $sessions->sessions(1);
    $site->psql("update tokens set last_seen_at = now() - interval '6 minutes' where id = $ada->{id}");
    page($ada);
    is $site->psql("select last_seen_at > now() - interval '1 minute' from tokens where id = $ada->{id}"), 't', 'when it is opened';
};

$second->end;
$site->end;
done_testing;
