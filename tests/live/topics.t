#!/usr/bin/env perl
# The table of topics, walked: every event asked by every kind of asker. What a row needs is read from the table itself, and
# judged here anew; a row of a kind that this file does not know is an error.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Test::More;
use Confab::Phoenix;
use Confab::Sessions;
use Confab::Site;

my $source = Confab::Site::slurp(($ENV{CONFAB_SOURCE} // "$Bin/../..") . '/lib/live/channel.c');
my @rows = map { [ /^\s*\{ "(\w+)", ([A-Z_| ]+), / ] } grep { /^\s*\{ "\w+", NEEDS_/ } split /\n/, $source;
cmp_ok scalar(@rows), '>=', 3, 'the table has rows';

my %payload = (
    phx_join    => sub { {} },
    new_message => sub { { message => 'hello there', name => 'Guest' } },
    typing      => sub { {} },
);
my @kinds = (
    { name => 'a guest' },
    { name => 'a guest where guests may not write', closed => 1 },
    { name => 'a member', member => 1 },
    { name => 'a program of a member', member => 1, context => 'api' },
    { name => 'a member where guests may not write', member => 1, closed => 1 },
    { name => 'an unconfirmed member', member => 1, unconfirmed => 1, sql => 'update users set confirmed_at = null where id = %2$d' },
    { name => 'a member of eleven minutes ago', member => 1, minutes => 11, sql => q(update tokens set authenticated_at = now() - interval '11 minutes' where id = %1$d) },
    { name => 'a member of twenty-one minutes ago', member => 1, minutes => 21, sql => q(update tokens set authenticated_at = now() - interval '21 minutes' where id = %1$d) },
    { name => 'a moderator', member => 1, rank => 1, role => 'moderator' },
    { name => 'an admin', member => 1, rank => 2, role => 'admin' },
);
my %judge = (
    NEEDS_NOTHING   => sub ($who) { 1 },
    NEEDS_WRITER    => sub ($who) { $who->{member} || !$who->{closed} },
    NEEDS_SESSION   => sub ($who) { $who->{member} },
    NEEDS_CONFIRMED => sub ($who) { $who->{member} && !$who->{unconfirmed} },
    NEEDS_RECENT    => sub ($who) { $who->{member} && ($who->{minutes} // 0) <= 10 },
    NEEDS_ACTION    => sub ($who) { $who->{member} && ($who->{minutes} // 0) <= 20 },
    NEEDS_MODERATOR => sub ($who) { ($who->{rank} // 0) >= 1 },
    NEEDS_ADMIN     => sub ($who) { ($who->{rank} // 0) >= 2 },
);
sub may ($who, $needs) {
    for my $need (split /\s*\|\s*/, $needs) {
        die "$need is not known here" if !$judge{$need};
        return 0 if !$judge{$need}->($who);
    }
    return 1;
}

my @sites = map { Confab::Site->new(CONFAB_LIMITS_RATE => '1000/1s', @$_) } [], [ CONFAB_SITE_GUESTS => 'off' ];
my @sessions = map { Confab::Sessions->new($_) } @sites;
my $lobby = 'room:lobby';

# Somebody of a kind, connected; the session is the second, if there is one.
sub asker ($who) {
    my $at = $who->{closed} ? 1 : 0;
    return Confab::Phoenix->new($sites[$at]) if !$who->{member};
    my ($session) = $sessions[$at]->sessions(1, (map { $who->{$_} ? ($_ => $who->{$_}) : () } qw(role context)));
    $sites[$at]->psql(sprintf $who->{sql}, $session->{id}, $session->{user_id}) if $who->{sql};
    return ($sessions[$at]->phoenix($session), $session);
}
sub stored { return join '/', map { $_->psql('select count(*) from messages') } @sites }

# Ask; ok, or the reason of the error.
sub ask ($peer, $event) {
    my $reply = $event eq 'phx_join' ? $peer->join($lobby) : $peer->push($lobby, $event => $payload{$event}->());
    return 'no answer' if !$reply;
    return $reply->{status} eq 'ok' ? 'ok' : $reply->{response}{reason} // 'other';
}

for my $who (@kinds) {
    subtest $who->{name} => sub {
        my ($peer) = asker($who);
        ok !$peer->refused, 'is let in';
        for my $row (@rows) {
            my ($event, $needs) = @$row;
            BAIL_OUT("no payload for $event") if !$payload{$event};
            my $before = stored();
            is ask($peer, $event), may($who, $needs) ? 'ok' : 'unauthorized', "$event ($needs)";
            is stored(), $before, 'and a refused one changes nothing' if !may($who, $needs);
        }
        $peer->finish;
    };
}

# Whoever stops being somebody, with an open page: nothing is taken any more, and there is no way back in.
for my $end (
    [ 'expired' => q(update tokens set expires_at = now() where id = %1$d) ],
    [ 'signed out' => q(update tokens set ended_as = 'signed_out', expires_at = now() where id = %1$d) ],
    [ 'banned' => q(update users set banned_at = now() where id = %2$d) ],
    [ 'deleted' => q(delete from users where id = %2$d) ],
    )
{
    my ($name, $sql) = @$end;
    subtest $name => sub {
        my ($peer, $session) = asker({ member => 1 });
        is ask($peer, 'phx_join'), 'ok', 'a member is here';
        $sites[0]->psql(sprintf $sql, $session->{id}, $session->{user_id});
        my $before = stored();
        isnt ask($peer, $_->[0]), 'ok', "$_->[0]: not any more" for grep { $_->[0] ne 'phx_join' } @rows;
        isnt ask($peer, 'phx_join'), 'ok', 'phx_join: not any more';
        is stored(), $before, 'nothing was stored';
        ok $peer->wait(sub { defined $peer->closed }), 'the connection is closed';
        is $peer->closed, 1001, 'with 1001';
        is $sessions[0]->phoenix($session)->refused, 403, 'and no other is let in';
    };
}

$_->end for @sites;
done_testing;
