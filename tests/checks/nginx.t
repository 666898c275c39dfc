#!/usr/bin/env perl
# The drop-in is valid inside any `server` block, more than once, below any base path, and stays in its own locations.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use File::Temp qw(tempdir);
use Test::More;
use Confab::Source qw(source slurp);

$ENV{PATH} .= ':/usr/sbin:/sbin';
my $folder = tempdir(CLEANUP => 1);
my $drop   = source() . '/conf/confab.nginx.conf';

sub write_file ($name, $text) {
    open my $file, '>', "$folder/$name" or die $!;
    print {$file} $text;
    close $file;
}

# nginx's opinion of a server block with these lines.
sub opinion ($lines) {
    write_file('nginx.conf', <<~TEXT);
        pid $folder/pid;
        error_log stderr;
        events { }
        http {
            access_log off;
            @{[ join "\n", map { "${_}_temp_path $folder/$_;" } qw(client_body proxy fastcgi uwsgi scgi) ]}
            server {
                listen 127.0.0.1:1;
                $lines
            }
        }
        TEXT
    my $said = qx{nginx -t -p \Q$folder\E -c nginx.conf -e stderr 2>&1};
    return $? == 0 ? 'good' : $said;
}

(my $chat = slurp('conf/confab.nginx.conf')) =~ s{location /}{location /chat/}g;
write_file('chat.conf', $chat);
is opinion("include $drop;"), 'good', 'it is valid inside a server block';
is opinion("include $drop;\ninclude $folder/chat.conf;"), 'good', 'and a second time below another path';
is opinion("location / { return 204; }\nlocation /live/ { return 204; }\ninclude $folder/chat.conf;"), 'good',
    'which leaves the other locations of the site alone';

my $bare = slurp('conf/confab.nginx.conf') =~ s/^\s*#.*\n//gmr;
unlike $bare =~ s/^location [^{]+\{\n(?:[ ].*\n|\n)*\}\n//gmr, qr/\S/, 'every directive stands in one of its locations';
unlike $bare, qr/\b(?:rewrite|set|if|map|include|upstream|ssi|limit_\w+_zone)\s/, 'no rewriting, no sets, nothing of other files';
is scalar(() = $bare =~ m{unix:/run/confab/(?:handler|polls|relay)\.sock}g), 6, 'the places are named by their defaults';

done_testing;
