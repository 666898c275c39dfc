#!/usr/bin/env perl
# Posts to a room that arrive together are committed together, and nobody shares another's error.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use POSIX ();
use Test::More;
use Confab::Phoenix;
use Confab::Site;

my $site  = Confab::Site->new(CONFAB_LIMITS_RATE => '8/60s');
my $lobby = 'room:lobby';
my @peers = map { Confab::Phoenix->new($site) } 1 .. 12;
$_->join($lobby) for @peers;

# While the room's row is locked the first post waits for it, and the others wait for the first.
sub while_locked ($question) {
    my $child = fork // die "fork: $!";
    if (!$child) {
        $site->psql("begin; select from rooms where slug = 'lobby' for update; select pg_sleep(1.5); commit");
        POSIX::_exit(0);
    }
    $peers[0]->wait(sub {
        $site->psql("select count(*) from pg_stat_activity where query ~ 'pg_sleep' and wait_event = 'PgSleep'") > 0;
    });
    $question->();
    waitpid $child, 0;
}

# Push without waiting, then collect every reply.
sub push_all (@posts) {
    my @refs;
    while_locked(sub {
        for my $i (0 .. $#posts) {
            push @refs, $peers[$i]->say($lobby, new_message => $posts[$i]);
            $peers[$i]->rest(0.05) if $i == 0;    # this one goes ahead
        }
        $_->rest(0.1) for @peers[0 .. $#posts];
    });
    return map { my $i = $_; $peers[$i]->wait(sub { $peers[$i]{replies}{ $refs[$i] } }); $peers[$i]{replies}{ $refs[$i] }[4] } 0 .. $#posts;
}

my @replies = push_all(map { { name => "P$_", message => "message $_", client_id => "c$_" } } 0 .. 9);
is_deeply [ map { $_->{status} } @replies ], [ ('ok') x 10 ], 'ten posts that met a locked room are all stored';
is_deeply [ sort { $a <=> $b } map { $_->{response}{message}{seq} } @replies ], [ 1 .. 10 ], 'their numbers have no gap';
is $site->psql('select count(distinct xmin::text) from messages'), 2, 'the nine that waited for the first were one transaction';
is_deeply [ map { $_->{response}{message}{message} } @replies ], [ map { "message $_" } 0 .. 9 ], 'each is answered with its own';

@replies = push_all(
    { name => 'P0', message => 'goes ahead',  client_id => 'd0' },
    { name => 'P1', message => 'another text', client_id => 'c1' },
    { name => 'P2', message => 'message 2',   client_id => 'c2' },
    { name => 'P3', message => 'x',           client_id => 'd3' },
    { name => '',   message => 'no name',     client_id => 'd4' },
    { name => 'P5', message => [],            client_id => 'd5' },
    { name => 'P6', message => "quo\"te \\ {brace},null", client_id => 'd6' },
    { name => 'P7', message => 'null',        client_id => 'd7' },
);
is_deeply $replies[1], { status => 'error', response => { reason => 'client_id already used' } }, 'an id with another text is refused';
is $replies[2]{response}{message}{seq}, (grep { $_->{client_id} eq 'c2' } map { $_->{message} } map { $_->[4]{response} }
        grep { $_->[3] eq 'phx_reply' && ref $_->[4]{response}{message} eq 'HASH' } $peers[2]->frames)[0]{seq},
    'the same text with its id is answered with the first message';
is_deeply $replies[3]{response}, { errors => { message => ['should be at least 2 character(s)'] } }, 'a short one has its own error';
is_deeply $replies[4]{response}, { errors => { name => ["can't be blank"] } }, 'and one without a name';
is_deeply $replies[5]{response}, { errors => { message => ['is invalid'] } }, 'and one that is no text';
is_deeply [ map { $replies[$_]{status} } 0, 6, 7 ], [ ('ok') x 3 ], 'the others in the batch are stored';
is $replies[6]{response}{message}{message}, "quo\"te \\ {brace},null", 'with quotes, backslashes and braces as they were';
is $replies[7]{response}{message}{message}, 'null', 'and a text that says null';
is $site->psql('select count(*) || $$ $$ || max(seq) || $$ $$ || (select rev from rooms where slug = $$lobby$$) from messages'),
    '13 13 13', 'refused posts took no numbers';

my $limited = 0;
for my $i (1 .. 8) {
    my $reply = $peers[11]->push($lobby, new_message => { name => 'Fast', message => "number $i" });
    $limited++ if $reply->{status} ne 'ok';
}
is $limited, 0, 'limits.rate allows as many as it says';
@replies = push_all((map { { name => "P$_", message => "again $_" } } 0 .. 10), { name => 'Fast', message => 'one too many' });
is_deeply [ map { $_->{status} } @replies[ 0 .. 10 ] ], [ ('ok') x 11 ], 'in a batch others are not held up';
is $replies[11]{response}{reason}, 'rate_limited', 'by the one who may not';
ok $replies[11]{response}{retry_after} > 0, 'who is told how long to wait';

done_testing;
