# A client of HTTP that sends what it is given, byte for byte: no cookies of its own, no redirects, nothing put right. One
# connection a request.
#
#     my $ask = Confab::Http::asker($site);
#     my $answer = $ask->(GET => '/', headers => { Cookie => 'x' });    # { status, headers => {lower case => value}, body }
#     $answer = Confab::Http::talk($site, $bytes);
package Confab::Http;
use v5.36;
use IO::Socket::INET;
use Confab::Site;

# %always are headers that each request has. form, body, type (of the body), cookie, headers, whole (the path is sent as it is;
# one that begins with a base path is so anyway).
sub asker ($where, %always) {
    return sub ($method, $path, %with) {
        my $body = $with{body} // ($with{form} ? Confab::Site::form_encode($with{form}) : '');
        my %headers = (Host => '127.0.0.1:' . $where->port, Connection => 'close', %always, ($with{headers} // {})->%*);
        $headers{Cookie} = $with{cookie} if defined $with{cookie};
        $headers{'Content-Type'} = $with{type} // 'application/x-www-form-urlencoded' if $with{form} || length $body;
        $headers{'Content-Length'} = length $body if length $body || $method eq 'POST';
        $path = $where->base . $path =~ s|^/||r unless $with{whole} || ($where->base ne '/' && index($path, $where->base) == 0);
        my $head = join '', "$method $path HTTP/1.1\r\n", map {"$_: $headers{$_}\r\n"} grep { defined $headers{$_} } sort keys %headers;
        return talk($where, "$head\r\n$body");
    };
}

sub talk ($where, $bytes) {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $where->port, Timeout => 20) or return { status => 0, headers => {}, body => '' };
    local $SIG{ALRM} = sub { die "no answer\n" };
    local $SIG{PIPE} = 'IGNORE';
    alarm 30;
    print {$socket} $bytes;
    my $said = do { local $/; <$socket> } // '';
    alarm 0;
    my ($status) = $said =~ s{\AHTTP/1\.1 (\d+)[^\n]*\n}{} ? $1 : 0;
    return { Confab::Site::answer_parse($said)->%*, status => $status };
}

1;
