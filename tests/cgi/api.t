# The API with the handler run as plain CGI, one process a request, without nginx.
use v5.36;
use Confab::Site;
use Confab::Suite::Sessions;
use Test::More;

my $site   = Confab::Site->new(CONFAB_LIMITS_RATE => '1000/1s');
my $askers = 0;

# Each from an address of its own, since the throttles are one site's.
sub asker (%env) {
    $env{REMOTE_ADDR} = '127.0.1.' . ++$askers;
    return sub ($method, $path, %with) {
        my %own = (CONFAB_LIMITS_SIGN_IN => '1000/1s', %env);
        $own{CONTENT_TYPE} = $with{type} if $with{type};
        return $site->cgi($method, $path, (map { $_ => $with{$_} } grep { defined $with{$_} } qw(form body cookie headers)), env => \%own);
    };
}

Confab::Suite::Sessions::run($site, asker(), sub (%env) { ($site, asker(%env)) }, sub { $site->log('cgi') });
subtest 'addresses' => sub {
    my $from = sub ($address) {
        $site->psql('truncate throttles');
        my $answer = $site->cgi(POST => '/api/sessions', body => '{"email":"a@b.org","password":"not this one"}',
            env => { REMOTE_ADDR => $address, CONTENT_TYPE => 'application/json' });
        is $answer->{status}, 401, 'from ' . substr $address, 0, 60;
        return $site->psql("select substr(key, 17) from throttles where key like 'sign-in:address:%'");
    };
    is $from->('192.0.2.1'), '192.0.2.1', 'is one';
    is $from->('::ffff:192.0.2.1'), '192.0.2.1', 'is the same in other clothes';
    is $from->('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::', 'is a network';
    is $from->("\xff'; --" . 'x' x 300), 'unknown', 'is none';
    my ($email, $password) = ('odd@example.org', $Confab::Suite::Sessions::password);
    $site->dev('confab', qw(user add --email), $email, '--password', $password);
    is $site->cgi(POST => '/api/sessions', body => qq({"email":"$email","password":"$password"}),
        env => { REMOTE_ADDR => "\xff" x 300, CONTENT_TYPE => 'application/json', HTTP_USER_AGENT => "\xff\x01" x 300 })->{status}, 201, 'nobody is kept out by it';
};

is_deeply [ $site->asan_logs ], [], 'no sanitizer found anything';
done_testing;
