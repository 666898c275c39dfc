#!/usr/bin/env perl
# A room's stream: a page without JavaScript that goes on for ever, each line once and in order, and how it ends.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Mojo::JSON qw(to_json);
use Test::More;
use Time::HiRes qw(sleep);
use Confab::Clock qw(countdown running_time);
use Confab::Relay;
use Confab::Sessions;
use Confab::Site;
use Confab::Wire;

my $site     = Confab::Site->new;
my $relay    = Confab::Relay->new($site);
my $sessions = Confab::Sessions->new($site);

sub say_by_hand ($text) { $site->psql("insert into messages (room_id, name, message) values (1, 'Op', '$text')") }
sub rev () { $site->psql('select rev from rooms where id = 1') }

sub stream ($path, $headers = '', @where) {
    my $wire = Confab::Wire->connected(@where ? @where : (port => $relay->port));
    $wire->send("GET $path HTTP/1.1\r\nHost: localhost\r\n$headers\r\n");
    return $wire;
}

# Read until it matches; all that came so far.
sub read_until ($wire, $pattern, $seconds = 5) {
    my $left = countdown($seconds);
    while ($wire->{came} !~ $pattern && $left->()) {
        last unless eval { $wire->need(1 + length $wire->{came}, $left->()) };
    }
    return $wire->{came};
}

sub lines ($html) { return map { 0 + $_ } $html =~ /<li id="msg-\d+" [^>]*data-rev="(\d+)"/g }

subtest 'a stream begins' => sub {
    say_by_hand("before $_") for 1 .. 3;
    my $wire = stream('/rooms/lobby/stream?after=1');
    my $came = read_until($wire, qr/before 3/);
    like $came, qr{^HTTP/1\.1 200 }, 'as a page';
    like $came, qr{^Content-Type: text/html; charset=utf-8\r?$}m, 'of HTML';
    like $came, qr{^Content-Security-Policy: default-src 'none'; .*frame-ancestors 'self'\r?$}m, 'that we alone may show in a frame';
    like $came, qr{^X-Content-Type-Options: nosniff\r?$}m, 'which is what it says';
    like $came, qr{^Cache-Control: no-store\r?$}m, 'and is kept by nobody';
    unlike $came, qr{Content-Length|Set-Cookie}, 'without an end';
    is_deeply [ lines($came) ], [ 2, 3 ], 'with what is newer';
    say_by_hand('later & <b>bold</b>');
    $came = read_until($wire, qr/later/);
    is_deeply [ lines($came) ], [ 2, 3, 4 ], 'and goes on with each message';
    like $came, qr{later &amp; &lt;b&gt;}, 'as it stands in every page';
    like $came, qr{<meta http-equiv="refresh" content="10; url=/rooms/lobby/stream\?after=1">}, 'and would begin again where its connection breaks';
    my $fresh = stream('/rooms/lobby/stream');
    is_deeply [ lines(read_until($fresh, qr/later/)) ], [ 1 .. 4 ], 'without `after` it begins with the latest';
    is_deeply [ lines(read_until(stream('/rooms/lobby/stream?after=99'), qr/later/)) ], [ 1 .. 4 ], 'and with one that is not true';
};

subtest 'the page before it' => sub {
    my $came = stream('/rooms/lobby/stream?after=1&begin')->rest;
    like $came, qr{^HTTP/1\.1 200 }, 'a frame is filled first';
    like $came, qr{<meta http-equiv="refresh" content="1; url=/rooms/lobby/stream\?after=1">.*</html>}s, 'by a page that asks for the stream';
};

subtest 'what is refused' => sub {
    is + (stream('/rooms/nowhere/stream?after=0')->rest =~ m{ (\d+) })[0], 404, 'a room that is not there';
    is + (stream('/rooms/lobby/stream?after=x')->rest =~ m{ (\d+) })[0], 400, 'a place that is none';
    is + (stream('/rooms/lobby/stream?after=0', "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n")->rest =~ m{ (\d+) })[0],
        403, 'a frame of another site';
    my $post = Confab::Wire->connected(port => $relay->port);
    $post->send("POST /rooms/lobby/stream HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    like $post->rest, qr{^HTTP/1\.1 405 .*^Allow: GET\r$}ms, 'another method';
};

subtest 'a burst' => sub {
    my $from = rev();
    my $wire = stream("/rooms/lobby/stream?after=$from");
    read_until($wire, qr/<ul/);
    $site->psql("insert into messages (room_id, name, message) select 1, 'Op', 'burst ' || n from generate_series(1, 300) n");
    is_deeply [ lines(read_until($wire, qr/burst 300</)) ], [ $from + 1 .. $from + 300 ], 'comes whole, in order, once';
};

subtest 'what is too much to begin with' => sub {
    my $from = rev();
    $site->psql("insert into messages (room_id, name, message) select 1, 'Op', 'many ' || n from generate_series(1, 1100) n");
    my ($after, @all) = ($from);
    for (1 .. 4) {
        my $came = read_until(stream("/rooms/lobby/stream?after=$after"), qr/class="end"|many 1100</);
        push @all, lines($came);
        ($after) = $came =~ /class="end".*url=[^"]*after=(\d+)"/s or last;
    }
    is_deeply \@all, [ $from + 1 .. $from + 1100 ], 'is told in parts, each of which asks for the next';
};

subtest 'signs of life' => sub {
    like read_until(stream('/rooms/lobby/stream?after=' . rev()), qr/<!--/, 13), qr/<!-- still here -->/, 'come where nothing is said';
};

subtest 'the end of a session' => sub {
    my ($ada, $bob) = $sessions->sessions(2);
    my ($one, $two) = map { stream('/rooms/lobby/stream?after=' . rev(), "Cookie: $_->{cookie}\r\n") } $ada, $bob;
    read_until($_, qr/<ul/) for $one, $two;
    sleep 0.3;
    my $began = running_time;
    $sessions->sign_out($ada);
    my $came = $one->rest;
    cmp_ok running_time - $began, '<', 0.5, 'ends its stream at once';
    like $came, qr/not signed in any more: signed_out/, 'which says why';
    like $came, qr{href="/login\?return_to=/rooms/lobby"}, 'and where to sign in';
    like $came, qr/<base target="_top">/, 'in the whole window';
    unlike $came, qr/http-equiv="refresh"/, 'and does not come back by itself';
    say_by_hand('for the others');
    like read_until($two, qr/for the others/), qr/for the others/, 'another one goes on';
    my $late = stream('/rooms/lobby/stream?after=' . (rev() - 1), "Cookie: $ada->{cookie}\r\n");
    like read_until($late, qr/for the others/), qr/for the others/, 'a cookie that does not hold is dropped, as for every page';
};

subtest 'a relay that goes' => sub {
    my $second = Confab::Relay->new($site);
    my $from = rev();
    my $wire = stream("/rooms/lobby/stream?after=$from", '', port => $second->port);
    read_until($wire, qr/<ul/);
    say_by_hand('the last here');
    read_until($wire, qr/the last here/);
    is $second->end, 0, 'ends in order';
    my $came = $wire->rest;
    my ($url) = $came =~ /class="end".*?<meta http-equiv="refresh" content="\d+; url=([^"]+)">/s;
    ok $url, 'and its streams ask for the rest anew';
    say_by_hand('in between');
    is_deeply [ lines($came), lines(read_until(stream($url), qr/in between/)) ], [ $from + 1, $from + 2 ], 'without a gap, and nothing twice';
};

subtest 'a slow reader' => sub {
    my $small = Confab::Relay->new($site, CONFAB_RELAY_PEER_QUEUE => '64 KiB', listen => 'unix');    # TCP would take megabytes
    my $from = rev();
    my $wire = stream("/rooms/lobby/stream?after=$from", '', path => $small->path);
    read_until($wire, qr/<ul/);
    $site->psql("insert into messages (room_id, name, message) select 1, 'Op', repeat('x', 3900) || n from generate_series(1, 3000) n");
    sleep 3;
    my $came = $wire->rest;
    my @lines = lines($came);
    my ($after) = $came =~ /class="end".*?url=[^"]*after=(\d+)"/s;
    cmp_ok scalar @lines, '<', 3000, 'is not waited for';
    is_deeply \@lines, [ $from + 1 .. $from + @lines ], 'has what it was sent';
    is $after, $lines[-1], 'and is told to go on from there';
    $small->end;
};

subtest 'a room that goes' => sub {
    $site->psql("insert into rooms (slug, name) values ('attic', 'Attic')");
    my $wire = stream('/rooms/attic/stream?after=0');
    read_until($wire, qr/<ul/);
    $site->psql("delete from rooms where slug = 'attic'");
    like $wire->rest, qr/not there any more/, 'says so';
};

subtest 'behind nginx' => sub {
    my $wire = stream('/rooms/lobby/stream?after=' . rev(), "Connection: close\r\n", port => $site->port);
    like read_until($wire, qr/<ul/), qr{^HTTP/1\.1 200 }, 'it is the same';
    my $began = running_time;
    say_by_hand('through nginx');
    read_until($wire, qr/through nginx/);
    cmp_ok running_time - $began, '<', 1, 'and passed on as it comes';
    $site->kill('relay');
    ok defined eval { $wire->rest }, 'a relay that is killed ends it';
};

done_testing;
