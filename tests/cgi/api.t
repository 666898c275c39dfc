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
is_deeply [ $site->asan_logs ], [], 'no sanitizer found anything';
done_testing;
