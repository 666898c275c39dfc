#!/usr/bin/env perl
# The doorbell of a host: whoever writes rings the relay by a datagram, the relay tells the others, and nothing depends on it.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use IO::Socket::UNIX;
use Socket qw(SOCK_DGRAM);
use Test::More;
use Time::HiRes qw(sleep);
use Confab::Browser;
use Confab::Clock qw(running_time);
use Confab::Http;
use Confab::Phoenix;
use Confab::Psql;
use Confab::Relay;
use Confab::Site;

my $site  = Confab::Site->new(CONFAB_LIMITS_RATE => '100000/1s');
my $lobby = 'room:lobby';
my ($path) = Confab::Site::slurp($site->state . '/confab.conf') =~ /^bell = unix:(.*)$/m;
my ($base) = Confab::Site::slurp($site->state . '/confab.conf') =~ /^relay_url = (.*)$/m;
my $psql    = Confab::Psql->new($site);
my $browser = Confab::Browser->new(Confab::Http::asker($site), $site->origin);
my $posted  = 0;
$psql->run('listen confab_room');
$browser->get('/rooms/lobby');

# A post by a handler.
sub write_one {
    $browser->get('/rooms/lobby') if $browser->page->{status} != 200;
    my $answer = $browser->submit(name => 'Ann', message => 'message ' . ++$posted);
    $browser->get('/rooms/lobby');
    return $answer->{status};
}

# A member of a relay. One that reads no notifications hears them of another database.
sub member ($relay = undef) {
    my $member = Confab::Phoenix->new($site, $relay ? (url => 'ws://127.0.0.1:' . $relay->port . '/live/websocket') : ());
    $member->join($lobby);
    return $member;
}
sub texts ($member) { return map { $_->{message} } $member->heard($lobby, 'new_message') }
sub last_of ($member) { return (texts($member))[-1] // '' }
sub deaf_relay (%env) {
    return Confab::Relay->new($site, CONFAB_LIMITS_RATE => '100000/1s', CONFAB_RELAY_BELL => "unix:$path",
        CONFAB_DATABASE_LISTEN_URL => $base =~ s/dbname=\w+/dbname=postgres/r, %env);
}

# Seconds from the answer to a post until the members have heard of it.
sub seconds_to (@members) {
    write_one();
    my $began = running_time;
    $members[0]->wait(sub { !grep { last_of($_) ne "message $posted" } @members }, 5);
    return running_time - $began;
}

# Was psql told of the room, or of all? It takes a moment.
sub told ($what, $seconds = 3) {
    my @told;
    return $site->wait_until(sub { push @told, $psql->payloads('confab_room'); grep { $_ eq $what } @told }, $seconds);
}
sub forget { $psql->payloads('confab_room') }

sub away { return $site->wait_until(sub { !-S $path }, 5) }
sub hung { return $site->wait_until(sub { -S $path }, 15) }

subtest 'a relay hears by its bell, and tells the others' => sub {
    ok hung(), 'the bell hangs';
    my $near = member();
    my $began = running_time;
    is write_one(), 303, 'a form';
    ok told('1'), 'whoever listens is told of the room';
    cmp_ok running_time - $began, '<', 2, 'soon';
    ok $near->wait(sub { last_of($near) eq "message $posted" }, 2), 'and its members have it';
    is $near->post($lobby, 'by socket')->{status}, 'ok', 'a post through the relay';
    ok told('1'), 'is told in the same way';
};

# How often the relay has asked for what is new in a room, as Postgres logs it.
sub looks { return scalar(() = $site->log('postgres') =~ /execute message_changed:/g) }

subtest 'its own NOTIFY is none of its business' => sub {
    my $near = member();
    my $run = sub ($sql) { $site->psql($sql); $site->psql('select pg_reload_conf()'); sleep 0.5 };
    $run->("alter system set log_statement = 'all'");
    write_one() && $near->rest(1) for 1 .. 2;    # now it knows its connection
    my $before = looks();
    write_one() && $near->rest(1) for 1 .. 5;
    is looks() - $before, 5, 'what was rung is looked at once';
    $run->('alter system reset log_statement');
};

subtest 'where NOTIFY is not heard' => sub {
    my $relay = deaf_relay();
    my ($near, $far) = (member($relay), member());
    $near->rest(1.2);    # the one that the path was taken from notices within a second
    my $late = 0;
    for my $round (1 .. 8) {
        my $took = seconds_to($near, $far);
        $late++ if $took > 0.3;
    }
    cmp_ok $late, '<=', 1, 'the bell alone is enough: nobody waits for a sweep';
    is_deeply [ texts($near) ], [ map {"message $_"} $posted - 7 .. $posted ], 'members of the relay that took the bell over hear it';
    is_deeply [ texts($far) ], [ texts($near) ], 'and those of the other, whom it tells';
    is $near->post($lobby, 'its own')->{status}, 'ok', 'what is posted there';
    ok $far->wait(sub { last_of($far) eq 'its own' }, 0.7), 'is told to the other as well';
    ok $near->wait(sub { last_of($near) eq 'its own' }, 0.7), 'and heard there';
    is $relay->end, 0, 'the one that took over ends';
    ok hung(), 'and the other hangs its bell again';
};

subtest 'without a bell' => sub {
    my $mute = Confab::Relay->new($site, CONFAB_LIMITS_RATE => '100000/1s', CONFAB_RELAY_BELL => '');
    my $member = member($mute);
    forget();
    is $member->post($lobby, 'told by NOTIFY')->{status}, 'ok', 'a relay that has none';
    ok told('1'), 'NOTIFYs';
    is $mute->end, 0, 'and ends';
    my $lost = Confab::Relay->new($site, CONFAB_LIMITS_RATE => '100000/1s', CONFAB_RELAY_BELL => 'unix:/nowhere/bell.sock');
    $member = member($lost);
    forget();
    is $member->post($lobby, 'told as well')->{status}, 'ok', 'so does one that can not hang it';
    ok told('1'), 'NOTIFY';
    like $lost->log, qr/"event":"no bell"/, 'which is logged';
    is $lost->end, 0, 'and ends';
};

subtest 'the relay is killed' => sub {
    $site->take_away('relay');
    forget();
    write_one() for 1 .. 3;
    ok told('1'), 'handlers NOTIFY themselves';
    is scalar(grep { $_ eq '' } $psql->payloads('confab_room')), 0, 'of their room';
    $site->bring_back('relay');
    ok told('', 15), 'the next relay tells everybody to look';
    my $member = member();
    write_one() for 1 .. 2;
    sleep 1.1;    # a handler looks for the bell once a second
    forget();
    write_one();
    ok told('1'), 'and the bell is rung again';
    ok $member->wait(sub { last_of($member) eq "message $posted" }, 2), 'which members hear';
};

subtest 'the relay is stopped' => sub {
    my $other  = Confab::Relay->new($site);
    my ($here, $there) = (member(), member($other));
    $site->stop('relay');
    my $first = $posted + 1;
    write_one() for 1 .. 30;
    ok $there->wait(sub { texts($there) == 30 }, 5), 'members of another relay hear all the same';
    is scalar(texts($here)), 0, 'those of the one that is stopped do not';
    $site->cont('relay');
    ok $here->wait(sub { texts($here) == 30 }, 5), 'until it goes on';
    $_->rest(0.5) for $here, $there;
    is_deeply [ texts($_) ], [ map {"message $_"} $first .. $posted ], 'each once, in order' for $here, $there;
    is $other->end, 0, 'the other ends';
};

subtest 'the relay is cut off' => sub {
    my $member = member();
    $site->psql('alter role confab_relay nologin');
    $site->psql(q(select pg_terminate_backend(pid) from pg_stat_activity where usename = 'confab_relay'));
    ok away(), 'it takes the bell down';
    forget();
    write_one();
    ok told('1'), 'handlers NOTIFY themselves';
    $site->psql('alter role confab_relay login');
    ok hung(), 'it hangs again when the database is back';
    ok told(''), 'and everybody is told to look';
    ok $member->wait(sub { last_of($member) eq "message $posted" }, 5), 'members have what was written';
};

subtest 'the relay is ended' => sub {
    for my $round (1 .. 5) {
        hung();
        $site->wait_until(sub { 0 }, 1.1);
        write_one();
        $site->wait_until(sub { told('1', 0.1) }, 2);
        forget();
        write_one();
        my $old = $site->pid('relay');
        $site->kill('relay', 'TERM');
        ok told('1'), "what rang just before is told: round $round";
        $site->wait_until(sub { ($site->pid('relay') // $old) != $old });
    }
    ok hung(), 'it comes back';
};

subtest 'a flood' => sub {
    my $member;
    $site->wait_until(sub { $member = member(); !$member->refused }, 15);
    my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Peer => $path) or die "$path: $!";
    $socket->send($_) for '', 'x', 'x' x 7, "\0" x 8, "\xff" x 8, "\0" x 9, 'x' x 4096;
    for my $n (1 .. 50_000) {
        my $room = $n % 3 ? int rand 1 << 62 : 1;
        $socket->send(pack $n % 2 ? 'Q>' : 'Q>C', $room);
    }
    is $member->heartbeat->{status}, 'ok', 'it answers';
    my $took = seconds_to($member);
    cmp_ok $took, '<', 2, 'and tells what is written';
    ok $site->wait_until(sub { $site->log('relay') =~ /"event":"nonsense at the bell"/ }, 3), 'nonsense is logged';
    my @lines = $site->log('relay') =~ /"event":"nonsense at the bell"/g;
    cmp_ok scalar(@lines), '<', 30, 'with restraint';
    is $member->closed, undef, 'nobody is thrown out';
};

is $site->psql(q(select rev = (select count(*) from messages where room_id = 1) from rooms where id = 1)), 't', 'nothing was stored twice';
$site->end;
done_testing;
