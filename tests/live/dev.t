#!/usr/bin/env perl
# ./dev: a site comes up once, its parts come back, and it leaves no process behind.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Mojo::UserAgent;
use Test::More;
use Confab::Site;

# Processes whose command line or environment names the site's folder.
sub processes ($site) {
    my $state = $site->state;
    my @found;
    for my $folder (glob '/proc/[0-9]*') {
        my ($pid) = $folder =~ /(\d+)/;
        my $words = Confab::Site::slurp("$folder/cmdline") . Confab::Site::slurp("$folder/environ");
        push @found, "$pid " . Confab::Site::slurp("$folder/cmdline") =~ tr/\0/ /r if $words =~ /\Q$state\E/;
    }
    return @found;
}

my $ua   = Mojo::UserAgent->new;
my $site = Confab::Site->new;
my $ok   = sub { ($ua->get($site->url('/healthz'))->result->code // 0) == 200 };

ok $ok->(), 'a site is up when ./dev up -d returns';
like $site->dev('up', '-d'), qr/already running at \Q${\ $site->url }\E/, 'a second up says so';
is $? >> 8, 0, 'and is content';
is $site->psql('show synchronous_commit'), 'on', 'Postgres confirms what is on disk only';
is $site->psql('show listen_addresses'), '', 'and listens on no network';
is((stat $site->state . '/confab.conf')[2] & 0777, 0600, 'the keys are for nobody else');

my @parts  = qw(nginx handlers relay postgres);
my %before = map { $_ => $site->pid($_) } @parts;
$site->kill($_) for @parts;
for my $part (@parts) {
    ok $site->wait_until(sub { my $now = $site->pid($part); $now && $now != $before{$part} }, 15), "$part comes back";
}
ok $site->wait_until(sub { eval { $ok->() } }, 15), 'and the site answers again';
like $site->log('dev'), qr/nginx ended \(status 137\) and starts again/, 'the log says so';

my $keys = Confab::Site::slurp($site->state . '/confab.conf');
$site->psql("create table kept (n int)");
$site->down;
is_deeply [ processes($site) ], [], 'no process stays after ./dev down';
like $site->dev('down'), qr/not running/, 'a second down says so';
$site->start;
is $site->psql('select count(*) from kept'), 0, 'the data are kept';
is Confab::Site::slurp($site->state . '/confab.conf'), $keys, 'and so are the keys';

kill KILL => Confab::Site::slurp($site->state . '/run/dev.pid');
ok $site->wait_until(sub { !processes($site) }, 15), 'even killed, ./dev leaves no process behind'
    or diag join "\n", processes($site);
$site->start;
ok $ok->(), 'and comes up again';

my $other = Confab::Site->new(base => '/chat/');
is $ua->get($other->url('/healthz'))->result->code, 200, 'a site of its own beside it, below /chat/';
is $ua->get($other->origin . '/healthz')->result->code, 404, 'and nowhere else';
is $ua->get($other->origin . '/chat')->result->headers->location, $other->url('/'), '/chat leads to /chat/';
ok $ok->(), 'while the first goes on';

done_testing;
