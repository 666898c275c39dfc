#!/usr/bin/env perl
# 5,000 messages by ten clients at once, half by form and half by socket: numbers 1..n without a gap, and every subscriber
# hears each once, in order.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Mojo::IOLoop;
use Mojo::Promise;
use Mojo::UserAgent;
use Test::More;
use Time::HiRes qw(time);
use Confab::Phoenix;
use Confab::Site;

my $total = $ENV{CONFAB_FLOOD} // 5000;
my $site  = Confab::Site->new(CONFAB_LIMITS_RATE => '1000000/1s');
my $lobby = 'room:lobby';

my @readers = map { Confab::Phoenix->new($site) } 1 .. 4;
$_->join($lobby) for @readers;
my @sockets = map { Confab::Phoenix->new($site) } 1 .. 5;
$_->join($lobby) for @sockets;

my ($asked, $posted, @failed) = (0, 0);

# Four messages of each socket are under way.
sub by_socket ($peer) {
    my @waiting;
    my $fill = sub {
        while (@waiting < 4 && $asked < $total) {
            my $number = ++$asked;
            push @waiting, $peer->say($lobby, new_message => { name => 'Bob', message => "socket $number", client_id => "s$number" });
        }
    };
    return sub {
        while (@waiting && (my $reply = delete $peer->{replies}{ $waiting[0] })) {
            shift @waiting;
            $reply->[4]{status} eq 'ok' ? $posted++ : push @failed, $reply->[4];
        }
        $fill->();
        return @waiting;
    };
}

# One form at a time by each browser.
sub by_form {
    my $ua   = Mojo::UserAgent->new(max_redirects => 0);
    my $page = $ua->get($site->url('/rooms/lobby'))->result->dom;
    my $csrf = ($page->at('input[name=_csrf]') // $page->at('meta[name=csrf-token]'));
    $csrf = $csrf->{value} // $csrf->{content};
    my $busy = 0;
    my $next;
    $next = sub {
        if ($asked >= $total) { $busy = 0; return }
        my $number = ++$asked;
        $busy = 1;
        my %form = (name => 'Eve', message => "form $number", client_id => "f$number", _csrf => $csrf);
        $ua->post_p($site->url('/rooms/lobby/messages') => form => \%form)->then(
            sub ($tx) {
                $tx->res->code == 303 ? $posted++ : push @failed, $tx->res->code;
                $next->();
            },
            sub ($error) { push @failed, $error; $next->() });
    };
    $next->();
    return sub {$busy};
}

my $start   = time;
my @writers = ((map { by_form() } 1 .. 5), map { by_socket($_) } @sockets);
my $done    = sub { !grep { $_ } map { $_->() } @writers };
ok $readers[0]->wait(sub { $done->() && $asked >= $total }, 240), 'all were sent';
note sprintf '%d messages in %.1f s', $posted, time - $start;
is_deeply \@failed, [], 'none failed';
is $posted, $total, 'all were acknowledged';

is $site->psql('select count(*) || \' \' || min(seq) || \' \' || max(seq) || \' \' || count(distinct message) from messages'),
    "$total 1 $total $total", 'numbers without a gap, each message once';
for my $reader (@readers, @sockets) {
    $reader->wait(sub { $reader->heard($lobby, 'new_message') >= $total || defined $reader->closed }, 20);
    my @heard = map { $_->{seq} } $reader->heard($lobby, 'new_message');
    my $wrong = grep { $heard[$_] != $_ + 1 } 0 .. $#heard;
    is scalar(@heard) . " heard, $wrong out of place", "$total heard, 0 out of place", 'each once, in order';
    is $reader->closed, undef, 'and the connection holds';
}

$site->end;
done_testing;
