# The API as it is served: nginx, FastCGI, several workers.
use v5.36;
use Confab::Http;
use Confab::Phoenix;
use Confab::Site;
use Confab::Suite::Sessions;
use Mojo::JSON qw(decode_json encode_json);
use Test::More;

my %settings = (CONFAB_LIMITS_RATE => '1000/1s', CONFAB_LIMITS_SIGN_IN => '1000/1s', CONFAB_HANDLER_WORKERS => 3);
my $site  = Confab::Site->new(%settings);
my @sites = ($site);

Confab::Suite::Sessions::run($site, Confab::Http::asker($site), sub (%env) {
    push @sites, my $other = Confab::Site->new(%settings, %env);
    return ($other, Confab::Http::asker($other));
}, sub { join '', map { my $where = $_; map { $where->log($_) } qw(handlers access nginx) } @sites });

subtest 'the live connection' => sub {
    my $ask = Confab::Http::asker($site);
    my ($email, $password) = ('live@example.org', $Confab::Suite::Sessions::password);
    $site->dev('confab', qw(user add --email), $email, '--name', 'Live', '--password', $password);
    my $token = decode_json($ask->(POST => '/api/sessions', type => 'application/json', body => encode_json({ email => $email, password => $password }))->{body})->{token};
    my $peer = Confab::Phoenix->new($site, query => { token => $token });
    is $peer->join('room:lobby')->{status}, 'ok', 'S76 the token opens it';
    is $peer->post('room:lobby', 'from a program')->{response}{message}{name}, 'Live', 'as the person';
    is $ask->(DELETE => '/api/sessions/current', headers => { Authorization => "Bearer $token" })->{status}, 204, 'ending it';
    ok $peer->wait(sub { defined $peer->closed }), 'S92 closes it';
    is $peer->closed, 1001, 'with 1001';
    is_deeply [ map { $_->{reason} } $peer->heard('room:lobby', 'session_ended') ], ['signed_out'], 'S51 and the reason';
    is Confab::Phoenix->new($site, query => { token => $token })->refused, 403, 'nor is it opened again';
};

is_deeply [ map { $_->asan_logs } @sites ], [], 'no sanitizer found anything';
done_testing;
