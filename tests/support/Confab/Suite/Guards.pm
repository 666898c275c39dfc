# Every row of the table of routes, asked by everybody; and the page of one's own sessions. As Confab::Suite::Accounts.
package Confab::Suite::Guards;
use v5.36;
use Confab::People;
use Confab::Source qw(slurp);
use Confab::Suite::Tools;
use Test::More;

sub to ($answer) { return $answer->{headers}{location} }

# The rows as they stand in the source: [method, pattern, needs, takes].
sub table () {
    my @rows = slurp('cgi-bin/routes.c') =~ m{^\s*\{\s*METHOD_(\w+),\s*"([^"]+)",\s*([A-Z_| ]+?),\s*TAKES_(\w+),}mg;
    return map { [ splice @rows, 0, 4 ] } 1 .. @rows / 4;
}

# What a row's needs mean for somebody, said once more and in other words than the code: in, sign-in, again or no.
sub verdict ($needs, $who) {
    my %needs = map { $_ => 1 } $needs =~ /NEEDS_(\w+)/g;
    delete $needs{NOTHING};
    return 'in' if $needs eq 'PUBLIC' || !%needs;
    my $members = grep { $_ ne 'WRITER' } keys %needs;
    return $members ? 'sign-in' : 'in' if !$who->{member};
    return 'no' if $needs{MODERATOR} && $who->{role} eq 'member' || $needs{ADMIN} && $who->{role} ne 'admin';
    return 'no' if $needs{CONFIRMED} && !$who->{confirmed};
    return 'again' if $needs{RECENT} && $who->{minutes} > 10 || $needs{ACTION} && $who->{minutes} > 20;
    return 'in';
}

# How an answer took it.
sub seen ($browser, $answer) {
    my $flash = $answer->{headers}{'set-cookie'} // '';
    return 'sign-in' if $flash =~ /-flash=sign-in;/ && to($answer) =~ m{^/users/log-in};
    return 'again'   if $flash =~ /-flash=again;/   && to($answer) =~ m{^/users/log-in};
    return 'no'      if $answer->{status} == 403;
    return $answer->{status} < 500 ? 'in' : "broken: $answer->{status}";
}

sub everybody () {
    my %everybody = (
        guest        => { member => 0 },
        user         => { member => 1, role => 'member', confirmed => 1, minutes => 0 },
        unconfirmed  => { member => 1, role => 'member', confirmed => 0, minutes => 0 },
        stale        => { member => 1, role => 'member', confirmed => 1, minutes => 11 },
        'very stale' => { member => 1, role => 'admin', confirmed => 1, minutes => 21 },
        moderator    => { member => 1, role => 'moderator', confirmed => 1, minutes => 0 },
        admin        => { member => 1, role => 'admin', confirmed => 1, minutes => 0 },
        expired      => { member => 0, was => 1 },
        banned       => { member => 0, was => 1 },
    );
    for my $name (sort keys %everybody) {
        my $who = $everybody{$name};
        my $browser = $who->{browser} = browser();
        if ($name ne 'guest') {
            $who->{person} = person($site, role => $who->{role} // 'member', confirmed => $who->{confirmed} // 1);
            sign_in($browser, $who->{person});
        }
        $browser->get('/');
        $who->{cookie} = $browser->cookie;
        $who->{csrf}   = $browser->csrf;
        session($site, $who->{person}, expires_at => 'now()') if $name eq 'expired';
        $site->psql("update users set banned_at = now() where id = $who->{person}{id}") if $name eq 'banned';
    }
    return \%everybody;
}

sub probe ($row, $who) {
    my ($method, $pattern, $needs, $takes) = @$row;
    my $path = $pattern =~ s/:slug/lobby/r =~ s/:id/1/r =~ s/:hash/'x' x 43/er;
    my $browser = $who->{browser};
    again($site, $who->{person}, authenticated_at => "now() - interval '$who->{minutes} minutes'") if $who->{member};
    $browser->cookie($who->{cookie});
    return $browser->get($path) if $method eq 'GET';
    my %form = (_csrf => $who->{csrf}, $method eq 'POST' ? () : (_method => lc $method), which => 'others', message => 'hello', name => 'x');
    return $browser->post($path, \%form);
}

# A path under /api/ takes no cookie, whosever it is, and no token that does not hold.
sub probe_api ($row, $who, $what) {
    my ($method, $pattern, $needs, $takes) = @$row;
    my $path = $pattern =~ s/:slug/lobby/r =~ s/:\w+/x/gr;
    my %json = $takes eq 'JSON' ? (body => '{}', type => 'application/json') : ();
    is_problem $ask->($method, $path, cookie => $who->{cookie}, %json), 401, "$what with a cookie only" if $needs ne 'PUBLIC' && verdict($needs, { member => 0 }) eq 'sign-in';
    return if $needs eq 'PUBLIC';
    for my $bearer ('Bearer x', 'Bearer ' . $who->{cookie} =~ s/^confab=//r, 'Basic eDp5', 'Bearer') {
        is_problem $ask->($method, $path, headers => { Authorization => $bearer }, %json), 401, "$what with " . substr $bearer, 0, 12;
    }
}

sub test_table () {
    my @rows = table();
    cmp_ok scalar @rows, '>', 10, scalar @rows . ' rows';
    my $everybody = everybody();
    for my $row (grep { $_->[1] !~ m{^/live/|/stream$} } @rows) {    # long poll and stream do not end: tests/live ask for them
        my ($method, $pattern, $needs, $takes) = @$row;
        if ($pattern =~ m{^/api/}) {
            probe_api($row, $everybody->{user}, "$method $pattern");
            next;
        }
        my (@wrong, $expected);
        for my $name (sort keys %$everybody) {
            my $who = $everybody->{$name};
            $expected = verdict($needs, $who);
            my $answer = probe($row, $who);
            my $seen = seen($who->{browser}, $answer);
            $expected = 'no' if $expected eq 'in' && $who->{was} && $takes eq 'FORM' && $pattern ne '/users/log-out';    # its token ended with it
            push @wrong, "$name: $seen, not $expected ($answer->{status})" if $seen ne $expected;
            push @wrong, "$name: something else than a sign-in was answered" if $answer->{status} =~ /^30/ && $seen =~ /sign-in|again/ && length $answer->{body};
        }
        is_deeply \@wrong, [], "$method $pattern, which needs $needs";
    }
}

# A form that is ours in all but its token changes nothing, whoever sends it.
sub test_tokens () {
    my $everybody = everybody();
    for my $row (grep { $_->[3] eq 'FORM' } table()) {
        my ($method, $pattern, $needs) = @$row;
        my $who = $everybody->{admin};
        my $before = $site->psql('select count(*) from tokens where ended_as is not null') . '/' . $site->psql('select count(*) from messages');
        for my $case ([ 'no token', { _csrf => '' }, {} ], [ "another's token", { _csrf => $everybody->{user}{csrf} }, {} ],
            [ 'from another site', {}, { 'Sec-Fetch-Site' => 'cross-site', Origin => 'https://evil.example' } ])
        {
            my ($what, $form, $headers) = @$case;
            my $path = $pattern =~ s/:slug/lobby/r =~ s/:hash/session_of($site, $who->{person}, 'hash')/er;
            my %form = (_csrf => $who->{csrf}, $method eq 'POST' ? () : (_method => lc $method), which => 'all', message => 'hello', name => 'x',
                email => $who->{person}{email}, password => $PASSWORD, %$form);
            $who->{browser}->cookie($who->{cookie});
            is $who->{browser}->post($path, \%form, headers => $headers)->{status}, 403, "$method $pattern: $what";
        }
        is $site->psql('select count(*) from tokens where ended_as is not null') . '/' . $site->psql('select count(*) from messages'), $before, 'and nothing happened';
    }
}

sub test_sessions () {
    my ($ada, $bob) = (person($site), person($site));
    my %agents = (
        laptop => 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
        phone  => 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
        script => '<script>alert(1)</script>',
    );
    my %hash;
    my %at = map {
        my $browser = browser();
        sign_in($browser, $ada, with => { headers => { 'User-Agent' => $agents{$_}, Origin => $site->origin } });
        $hash{$_} = session_of($site, $ada, 'hash');
        $_ => $browser;
    } qw(laptop phone script);
    my $stranger = browser();
    sign_in($stranger, $bob);
    $site->psql("insert into tokens (user_id, context, hash, expires_at, user_agent, address) values ($ada->{id}, 'api', repeat('p', 43), now() + interval '1 hour', 'curl/8.5.0', '192.0.2.7')");
    my $laptop = $at{laptop};
    is_page $laptop->get('/users/settings/sessions'), 200, 'the sessions';
    my @devices = $laptop->dom->find('.devices > li')->each;
    is_deeply [ sort map { $_->at('h3')->text =~ s/\s+$//r } @devices ], [ sort 'Firefox on Linux', 'Safari on iPhone', 'An unknown device', 'A program (curl)' ], 'each with its device';
    is_deeply [ map { $_->at('h3')->text =~ s/\s+$//r } grep { $_->at('.badge') } @devices ], ['Firefox on Linux'], 'this one is marked';
    is $devices[0]->at('.badge')->text, 'This device', 'and the first';
    my ($program) = grep { $_->at('h3')->text =~ /curl/ } @devices;
    is $program->at('.address')->text, '192.0.2.7', 'with the address';
    like $program->at('time')->{datetime}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'and the time';
    is scalar(grep { $_->at('form [type=submit]')->all_text =~ /^Sign out/ } @devices), 4, 'and a button';
    is_deeply [ map { $_->all_text } $laptop->dom->find('.everywhere button')->each ], [ 'Sign out everywhere else', 'Sign out everywhere' ], 'and two for many';
    is $laptop->get('/users/settings')->{headers}{location}, '/users/settings/sessions', 'settings lead here for now';

    my $end = sub ($browser, $path, %form) { $browser->get('/'); $browser->post($path, { _method => 'delete', _csrf => $browser->csrf, %form }) };
    my $here = sub ($browser) { $browser->get('/'); $browser->dom->at('#chat')->{'data-me'} =~ /^user:/ ? 'in' : 'out' };
    my $all = sub { join ',', map { $here->($at{$_}) } qw(laptop phone script) };

    is to($end->($stranger, "/users/settings/sessions/$hash{phone}")), '/users/settings/sessions', 'S46 whoever names the session of another';
    is $stranger->flash, 'gone', 'S46 is told that there is none';
    is $all->(), 'in,in,in', 'S46 and ends nothing';
    is to($end->($laptop, "/users/settings/sessions/$hash{phone}")), '/users/settings/sessions', 'ending one';
    is $laptop->flash, 'ended', 'says so';
    is $all->(), 'in,out,in', 'S97 and ends that one only';
    is $site->psql("select reason from revocations where hash = '$hash{phone}'"), 'revoked', 'S92 as revoked';
    $end->($laptop, "/users/settings/sessions/$hash{phone}");
    is $laptop->flash, 'gone', 'it is gone';
    is_page $end->($laptop, '/users/settings/sessions', which => $_), 400, "which=$_" for '', 'everything';
    is to($end->($laptop, '/users/settings/sessions', which => 'others')), '/users/settings/sessions', 'all others';
    is $all->(), 'in,out,out', 'exactly the others have ended';
    is $site->psql("select count(*) from tokens where user_id = $ada->{id} and ended_as is null"), 1, 'the program as well';
    is $here->($stranger), 'in', 'S97 other people have nothing to do with it';
    $laptop->get('/users/settings/sessions');
    is $laptop->dom->find('.everywhere form')->size, 1, 'where there are no others there is no button for them';
    sign_in($at{phone}, $ada);
    is to($end->($at{phone}, '/users/settings/sessions', which => 'all')), '/', 'everywhere';
    is $at{phone}->flash, 'signed-out', 'is a sign-out as well';
    is $all->(), 'out,out,out', 'everywhere';
    sign_in($laptop, $ada);
    my $own = session_of($site, $ada, 'hash');
    my $answer = $end->($laptop, "/users/settings/sessions/$own");
    is to($answer), '/', 'ending the own one';
    like $answer->{headers}{'set-cookie'}, qr/^confab=;/m, 'takes the cookie';
    is $laptop->flash, 'signed-out', 'and is a sign-out';
    is session_of($site, $ada, 'ended_as'), 'signed_out', 'and called so';
}

sub run ($the_site, $raw, $how) {
    begin($the_site, $raw, $how);
    subtest 'the table of routes'  => \&test_table;
    subtest 'forms without token'  => \&test_tokens;
    subtest 'the own sessions'     => \&test_sessions;
    is_deeply \@unguarded, [], 'V3 every answer has the security headers and a charset';
}

1;
