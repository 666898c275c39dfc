#!/usr/bin/env perl
# `make install` puts everything into its place, and what it installs names those places. `make uninstall` takes it away.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use File::Find ();
use File::Temp qw(tempdir);
use Test::More;
use Confab::Source qw(source);

my $build = $ENV{CONFAB_BUILD} // source() . '/build/test';
plan skip_all => 'nothing is built' unless -f "$build/Makefile";
my $root = tempdir(CLEANUP => 1);

sub make (@what) {
    my $said = qx{make -C \Q$build\E @what DESTDIR=\Q$root\E prefix=/usr sysconfdir=/etc 2>&1};
    ok $? == 0, "make @what" or diag $said;
}

sub installed {
    my @found;
    File::Find::find({ no_chdir => 1, wanted => sub { push @found, s/^\Q$root\E//r if -f } }, $root);
    return sort @found;
}

sub text ($path) {
    open my $file, '<', "$root$path" or return '';
    local $/;
    return scalar <$file>;
}

# What was made for another prefix before is made again.
my @made = map { "$build/$_" } qw(confab.conf.example confab.nginx.conf confab.service confab.socket
    confab-polls.service confab-polls.socket confab-relay.service confab-relay.socket);
unlink @made;
make('install');
my %there = map { $_ => 1 } installed();
ok $there{$_}, $_ for qw(/usr/bin/confab /usr/libexec/confab/confab.fcgi /usr/libexec/confab/confab-relay /etc/confab.conf.example
    /usr/share/confab/confab.nginx.conf /usr/lib/systemd/system/confab.service /usr/lib/systemd/system/confab.socket
    /usr/lib/systemd/system/confab-polls.service /usr/lib/systemd/system/confab-polls.socket
    /usr/lib/systemd/system/confab-relay.service /usr/lib/systemd/system/confab-relay.socket);
ok((grep { m{^/usr/share/confab/static/[0-9a-f]{12}/vendor/phoenix\.mjs$} } keys %there), 'the phoenix client');
ok((grep { m{^/usr/share/confab/views/} } keys %there), 'the templates');
like text('/usr/lib/systemd/system/confab.service'), qr{^ExecStart=/usr/libexec/confab/confab\.fcgi$}m, 'a unit names the program';
like text('/usr/share/confab/confab.nginx.conf'), qr{alias /usr/share/confab/static/;}, 'nginx finds the static files';
is_deeply [ grep { text($_) =~ /\Q$build\E/ } grep { m{\.(?:conf|example|service|socket)$} } keys %there ], [],
    'nothing installed names the build folder';
make('uninstall');
is_deeply [ installed() ], [], 'nothing is left after make uninstall';
unlink @made;
make('all');    # as the build folder's own prefix has it

done_testing;
