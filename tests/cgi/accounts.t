# Signing in and out and the guards, with the handler run as plain CGI.
use v5.36;
use Confab::People;
use Confab::Site;
use Confab::Suite::Accounts;
use Confab::Suite::Guards;
use Test::More;

my $site = Confab::Site->new(CONFAB_LIMITS_RATE => '1000/1s', CONFAB_LIMITS_SIGN_IN => '1000/1s');
my $askers = 0;

# Each from an address of its own, since the throttles are one site's.
sub asker (%env) {
    my $base = delete $env{base};
    $env{REMOTE_ADDR} = '127.0.1.' . ++$askers;
    return sub ($method, $path, %with) {
        local $site->{base} = $base // '/';
        my %own = (%env, defined $base ? (CONFAB_SITE_URL => $site->url('/')) : ());
        $path =~ s|^\Q$site->{base}\E|/| if $with{whole} || index($path, $site->{base}) == 0;
        $own{CONTENT_TYPE} = $with{type} if $with{type};
        return $site->cgi($method, $path, (map { $_ => $with{$_} } grep { defined $with{$_} } qw(form body cookie headers)), env => \%own);
    };
}

my $with = sub (%env) { ($site, asker(%env)) };
Confab::Suite::Accounts::run($site, asker(), $with);
Confab::Suite::Guards::run($site, asker(), $with);

subtest 'the database is away' => sub {
    my $ada  = person($site);
    my $here = Confab::Browser->new(asker(), $site->origin);
    my $away = Confab::Browser->new(asker(CONFAB_DATABASE_URL => 'host=/nonexistent dbname=confab'), $site->origin);
    sign_in($here, $ada);
    $here->get('/');
    my ($cookie, $csrf) = ($here->cookie, $here->csrf);
    $away->cookie($cookie);
    is $away->post('/users/log-out', { _method => 'delete', _csrf => $csrf })->{status}, 503, 'signing out: 503';
    is $away->page->{headers}{'retry-after'}, 5, 'with Retry-After';
    is $away->cookie, $cookie, 'and the cookie stays: nobody is half signed out';
    is $away->get('/logout', headers => { 'Sec-Fetch-Site' => 'same-origin' })->{status}, 503, '/logout: 503';
    is $away->get('/users/settings')->{status}, 503, 'a guarded page: 503, and not the sign-in page';
    is $away->get('/users/current')->{status}, 503, 'who it is: 503';
    is $away->get('/nothing')->{status}, 404, 'a page that is not there is not there';
    is $away->cookie, $cookie, 'the cookie stays all the time';
    $away->cookie(undef);
    is $away->get('/users/log-in')->{status}, 200, 'the sign-in page needs no database';
    is $away->submit_at('main form', email => $ada->{email}, password => $PASSWORD)->{status}, 503, 'signing in: 503';
    $here->get('/');
    is $here->dom->at('#chat')->{'data-me'}, "user:$ada->{userid}", 'still signed in';
};

subtest 'over TLS' => sub {
    my $ada = person($site);
    my $browser = Confab::Browser->new(asker(CONFAB_SITE_URL => 'https://chat.example.org/'), 'https://chat.example.org');
    my $answer = $browser->get('/users/log-in');
    my $cookie = qr{[\w-]+\.[\w-]+\.[\w-]+; Path=/; HttpOnly; SameSite=Lax; Secure};
    like $answer->{headers}{'set-cookie'}, qr/^__Host-confab=$cookie; Max-Age=\d+$/m, "3.3.1 a guest's cookie is Secure, and of this host alone";
    is $answer->{headers}{'strict-transport-security'}, 'max-age=31536000', '3.4.1 HSTS';
    $answer = $browser->submit_at('main form', email => $ada->{email}, password => $PASSWORD);
    is $answer->{status}, 303, 'signing in';
    like $answer->{headers}{'set-cookie'}, qr/^__Host-confab=$cookie$/m, "a member's cookie as well";
    like $answer->{headers}{'set-cookie'}, qr{^__Host-confab-flash=welcome; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60$}m, 'and the word for the next page';
    my $good = $browser->cookie;
    is $browser->get('/users/settings/sessions')->{status}, 200, 'it holds';
    $browser->cookie($good =~ s/^__Host-//r);
    is $browser->get('/users/settings/sessions')->{status}, 302, 'under the name of a site without TLS it does not';
    $browser->cookie($good);
    $browser->get('/');
    like $browser->submit_at('header form')->{headers}{'set-cookie'}, qr{^__Host-confab=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0$}m, 'signing out takes that one away';
};

my $said = $site->log('cgi');
unlike $said, qr/\Q$PASSWORD\E|wrong password|person-\d/, 'S81 no log holds a password or an address';
like $said, qr/"event":"signed in"/, '16.3.1 sign-ins are logged';
like $said, qr/"event":"sign-in refused"/, '16.3.1 refused ones as well';
done_testing;
