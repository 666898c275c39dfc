# The API as it is served: nginx, FastCGI, several workers.
use v5.36;
use Confab::Http;
use Confab::Site;
use Confab::Suite::Sessions;
use Test::More;

my %settings = (CONFAB_LIMITS_RATE => '1000/1s', CONFAB_LIMITS_SIGN_IN => '1000/1s', CONFAB_HANDLER_WORKERS => 3);
my $site  = Confab::Site->new(%settings);
my @sites = ($site);

Confab::Suite::Sessions::run($site, Confab::Http::asker($site), sub (%env) {
    push @sites, my $other = Confab::Site->new(%settings, %env);
    return ($other, Confab::Http::asker($other));
}, sub { join '', map { my $where = $_; map { $where->log($_) } qw(handlers access nginx) } @sites });

is_deeply [ map { $_->asan_logs } @sites ], [], 'no sanitizer found anything';
done_testing;
