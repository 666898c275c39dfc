#!/usr/bin/env perl
# What nginx adds or keeps away, with the drop-in that a site owner includes.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Mojo::UserAgent;
use Test::More;
use Confab::Site;

my $ua = Mojo::UserAgent->new;

for my $base ('/', '/chat/') {
    my $site = Confab::Site->new(base => $base);
    subtest "below $base" => sub {
        my $page = $ua->get($site->url('/'))->result;
        is $page->code, 200, 'the page';
        my @assets = map { $_->{src} // $_->{href} } $page->dom->find('script[src], link[rel=stylesheet]')->each;
        push @assets, $page->body =~ m{(\Q$base\Estatic/[0-9a-f]{12}/)} ? "$1vendor/phoenix.mjs" : ();
        ok @assets > 2, 'names scripts and styles';
        for my $path (@assets) {
            my $file = $ua->get($site->origin . $path => { 'Accept-Encoding' => 'gzip' })->result;
            is $file->code, 200, $path;
            like $path, qr/^\Q$base\Estatic\//, 'below the base path';
            like $file->headers->content_type, qr{^text/(?:javascript|css); charset=utf-8$}, 'its type';
            is $file->headers->cache_control, 'public, max-age=31536000, immutable', 'kept for ever';
            is $file->headers->header('X-Content-Type-Options'), 'nosniff', 'taken for nothing else';
            is $file->headers->header('Cross-Origin-Resource-Policy'), 'same-origin', 'and for nobody else';
        }
        my $none = $ua->get($site->url('/static/none.css'))->result;
        is $none->code, 404, 'what is not there';
        is $none->headers->cache_control, undef, 'is not missing for ever';
        is $none->headers->header('X-Content-Type-Options'), 'nosniff', 'nosniff there too';
        is $ua->get($site->url('/static/'))->result->code, 403, 'folders are not listed';
        is $ua->get($site->url('/static../confab.conf'))->result->code, 404, 'and not left';

        my $long = $ua->post($site->url('/rooms/lobby/messages') => form => { message => 'x' x 100_000 })->result;
        is $long->code, 413, 'a body above limits.body';
        ok $long->dom->at('h1'), 'is answered with a page of the site';
        is $ua->post($site->url('/rooms/lobby/messages') => form => { message => 'x' x 1_200_000 })->result->code, 413,
            'one far above it by nginx';

        $ua->get($site->url('/live/longpoll?token=secret'));
        $ua->get($site->url('/healthz'));
        ok $site->wait_until(sub { $site->log('access') =~ /healthz/ }), 'requests are logged';
        unlike $site->log('access'), qr/secret/, 'but none that may hold a token';
        $site->take_away('relay');
        my %upgrade = (Upgrade => 'websocket', Connection => 'Upgrade');
        ok $site->wait_until(sub { $ua->get($site->url('/live/healthz?token=secret'))->result->code == 502 }), 'without a relay: 502';
        is $ua->get($site->url('/live/websocket?token=secret&_csrf_token=secret'), \%upgrade)->result->code, 502, 'for a WebSocket as well';
        unlike $site->log('nginx'), qr/secret/, 'and no token stands in the log of errors';
        $site->bring_back('relay');
    };
    $site->down;
}
done_testing;
