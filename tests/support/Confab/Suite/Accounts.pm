# Signing in and out, and what stands around it, whatever carries the pages: as Confab::Suite::Pages. The sessions page
# and the walk through the table of routes: Confab::Suite::Guards.
package Confab::Suite::Accounts;
use v5.36;
use utf8;
use Confab::People;
use Confab::Suite::Tools;
use List::Util qw(min);
use Mojo::JSON qw(decode_json);
use Test::More;
use Time::HiRes qw(time);

my %foreign = (headers => { Origin => 'https://evil.example', 'Sec-Fetch-Site' => 'cross-site' });

sub flash ($browser) { my $at = $browser->dom->at('.flash'); return $at && $at->all_text =~ s/^\s+|\s+$//gr }
sub me ($browser)    { $browser->get('/'); return $browser->dom->at('#chat')->{'data-me'} }
sub to ($answer)     { return $answer->{headers}{location} }

sub test_page () {
    my $browser = browser();
    is_page $browser->get('/users/log-in'), 200, 'the sign-in page';
    my $form = $browser->dom->at('main form');
    is_deeply [ map { $_->{name} } $form->find('input')->each ], [qw(_csrf email password remember_me)], 'INTERFACE its fields';
    my ($email, $password) = map { $form->at("#$_") } qw(email password);
    is_deeply [ $email->@{qw(type autocomplete)} ],    [qw(email username)],            'V6 6.2.7 password managers know the e-mail';
    is_deeply [ $password->@{qw(type autocomplete)} ], [qw(password current-password)], 'V6 6.2.6 and the password, which is not shown';
    ok $form->at('label[for=email]') && $form->at('label[for=password]') && $form->at('label[for=remember_me]'), 'with labels';
    ok exists $email->{autofocus} && !exists $password->{autofocus}, 'the focus is where one begins';
    ok !exists $form->at('#remember_me')->{checked}, 'nobody is remembered who did not ask';
    ok !$browser->dom->at('.invalid-feedback'), 'S20 an untouched form shows no errors';
    is $browser->get('/login')->{status}, 302, 'S26 /login';
    is to($browser->page), '/users/log-in', 'S26 leads there while there is no external service';
    $browser->get('/');
    is $browser->dom->at('header .in a')->text, 'Log in', 'S30 the menu of a guest';
    is $browser->dom->at('header form'), undef, 'has no "Log out"';
}

sub test_sign_in () {
    my $ada = person($site, name => 'Ada <b>');
    my $browser = browser();
    my $answer = sign_in($browser, $ada);
    is $answer->{status}, 303, 'signing in';
    is to($answer), '/', 'leads home';
    like $answer->{headers}{'set-cookie'}, qr{^confab=[\w-]+\.[\w-]+\.[\w-]+; Path=/; HttpOnly; SameSite=Lax$}m, 'the cookie ends with the browser';
    like $answer->{headers}{'set-cookie'}, qr{^confab-flash=welcome; Path=/; HttpOnly; SameSite=Lax; Max-Age=60$}m, 'the word for the next page';
    $browser->get('/', headers => { 'Sec-Fetch-Mode' => 'cors' });
    is flash($browser), undef, 'which is not a page that a script fetches';
    is_page $browser->get('/'), 200, 'the page of a member';
    is flash($browser), 'Welcome back!', 'says so';
    my $dom = $browser->dom;
    is $dom->at('header .me .name')->text, 'Ada <b>', 'S30 the name is in the header';
    is $dom->at('header .me .avatar')->text, 'A', 'S30 with initials where no picture is';
    is $dom->at('header form')->{action}, '/users/log-out', 'S71 "Log out" is a form';
    ok $dom->find('header a')->grep(sub { $_->text eq 'Settings' })->size, 'S71 "Settings"';
    is $dom->at('#chat')->{'data-me'}, "user:$ada->{userid}", 'the live page knows who it is';
    is $dom->at('input[name=name]'), undef, 'S32 a member needs no name field';
    $browser->get('/');
    is flash($browser), undef, 'it is said once';
    is $browser->page->{headers}{'set-cookie'}, undef, 'no other cookie comes';
    is_page $browser->get($_), $_ eq '/nothing' ? 404 : 200, "a member is shown $_" for '/nothing', '/rooms/lobby/messages', '/users/settings/sessions', '/logout';
    $browser->get('/nothing');
    ok $browser->dom->at('header form[action$="/users/log-out"]'), '7.4.4 also on a page that is not there';
    my $slug = room();
    $browser->get("/rooms/$slug");
    is $browser->submit(message => 'as a member', name => 'Somebody Else')->{status}, 303, 'S32 posting';
    is rows($slug, 'name, user_id, guest is null'), "Ada <b>|$ada->{id}|t", 'S32 under the name of the account';
    $browser->get("/rooms/$slug");
    is $browser->dom->at('#msg-list > li')->{'data-author'}, "user:$ada->{userid}", 'marked as hers';
    is $browser->dom->at('#msg-list .guest'), undef, 'and not as a guest';
    $browser->get('/users/log-in');
    is to($browser->page), '/', 'S71 who is signed in has nothing to do on the sign-in page';
    $answer = sign_in(browser(), $ada, email => "  \U$ada->{email} ", remember_me => 'on');
    like $answer->{headers}{'set-cookie'}, qr{^confab=[^;]+; Path=/; HttpOnly; SameSite=Lax; Max-Age=1209600$}m, 'remember_me: 14 days; case and blanks of the e-mail do not matter';
    is session_of($site, $ada, 'remembered'), 't', 'the session knows it';
    $answer = sign_in(browser(), $ada, remember_me => 'off');
    unlike $answer->{headers}{'set-cookie'}, qr/^confab=.*Max-Age/m, 'anything but "on" is no';
}

sub test_picture () {
    my $ada = person($site, name => 'Ada');
    my ($browser, $slug, $ours) = (browser(), room(), $site->origin . '/pictures/x.png');
    my $show = sub ($url) {
        $site->psql("update users set picture = '$url' where id = $ada->{id}");
        $browser->get("/rooms/$slug");
        return map { $browser->dom->at($_) } 'header img', '#msg-list img';
    };
    sign_in($browser, $ada);
    $browser->get("/rooms/$slug");
    $browser->submit(message => 'with a picture');
    my ($head, $line) = $show->($ours);
    is_deeply [ $head->@{qw(src width height)} ], [ $ours, 40, 40 ], 'S30 a picture of 40 px';
    is $line->{src}, $ours, 'and with what one wrote';
    for my $url ('https://example.org/x.png', $site->origin . '.evil.example/x.png', $site->origin . '@evil.example/x.png') {
        is_deeply [ $show->($url) ], [ undef, undef ], "3.6.1 no page asks another site for one: $url";
        is $browser->dom->at($_)->text, 'A', 'initials stand there' for 'header .me .avatar', '#msg-list .avatar';
    }
}

sub test_refused () {
    my $ada = person($site);
    my $browser = browser();
    my %bodies;
    my @cases = (
        [ 'a wrong password', password => 'wrong password!' ], [ 'an unknown address', email => 'nobody@example.org', password => 'wrong password!' ],
        [ 'no password', password => '' ], [ 'nothing at all', email => '', password => '' ],
        [ 'a NUL behind the password', password => "$PASSWORD\0" ], [ 'a blank behind it', password => "$PASSWORD " ],
        [ 'a NUL in the address', email => "$ada->{email}\0x" ], [ 'a password of 2000 bytes', password => 'x' x 2000 ],
        [ 'the userid', email => $ada->{userid} ],
    );
    for my $case (@cases) {
        my ($what, %fields) = @$case;
        is_page sign_in($browser, $ada, %fields), 422, $what;
        is error($browser->dom, 'form-error'), 'Invalid email or password', 'the sentence';
        is $browser->dom->at('#password')->{value}, undef, 'the password is never shown again';
        is $browser->dom->at('#password')->{'aria-describedby'}, 'form-error', 'S15 tied to the field';
        $bodies{$what} = $browser->page->{body} =~ s/content="[\w-]{50,}"|value="[\w-]{50,}"|value="[^"]*\@[^"]*"//gr;
    }
    is $bodies{'an unknown address'}, $bodies{'a wrong password'}, '6.3.8 the answer does not tell who has an account';
    sign_in($browser, $ada, email => 'ë' x 200, password => 'x');
    is $browser->dom->at('#email')->{value}, 'ë' x 160, 'the e-mail is shown again, cut to 160 characters';
    is_problem sign_in($browser, $ada, password => 'wrong', with => { headers => { Accept => 'application/json' } }), 422, 'for a program';
    $site->psql("update users set banned_at = now() where id = $ada->{id}");
    is_page sign_in($browser, $ada), 422, 'who is banned';
    is error($browser->dom, 'form-error'), 'Invalid email or password', 'hears nothing else';
    is me($browser) =~ s/:.*//r, 'guest', 'nobody is signed in';
    is $site->psql("select count(*) from tokens where user_id = $ada->{id}"), 0, 'and no session was made';
}

sub test_time () {
    my ($ada, @known, @unknown) = person($site);
    my $browser = browser();
    for (1 .. 7) {
        for my $case ([ \@known, $ada->{email} ], [ \@unknown, "nobody-$_\@example.org" ]) {
            $browser->get('/users/log-in');
            my $began = time;
            $browser->submit_at('main form', email => $case->[1], password => 'wrong password!');
            push $case->[0]->@*, time - $began;
        }
    }
    my $ratio = min(@known) / min(@unknown);    # what a busy machine adds is not the question
    ok $ratio > 0.5 && $ratio < 2, sprintf '6.3.8 nor does its time (%.2f)', $ratio;
}

sub test_fixation () {
    my ($ada, $mallory) = (person($site), person($site));
    my ($browser, $attacker) = (browser(), browser());
    $browser->get('/');
    my $guest = $browser->cookie;
    sign_in($browser, $ada);
    isnt $browser->cookie, $guest, 'V7 7.2.4 signing in makes a new session';
    my $other = browser();
    $other->cookie($guest);
    like me($other), qr/^guest:/, "the guest's cookie stays a guest's";
    sign_in($attacker, $mallory);
    my $planted = $attacker->cookie;
    my $victim = browser();
    $victim->cookie($planted);
    session($site, $mallory, authenticated_at => "now() - interval '11 minutes'");
    $victim->get('/users/log-in');
    my $csrf = $victim->csrf;
    $victim->submit_at('main form', email => $ada->{email}, password => $PASSWORD);
    is me($victim), "user:$ada->{userid}", 'who signs in over a planted session is who they are';
    like me($attacker), qr/^guest:/, 'and the planted one is over';
    is session_of($site, $mallory, 'ended_as'), 'signed_out', 'as signed out';
    is_page $victim->post('/users/settings/sessions', { _method => 'delete', which => 'all', _csrf => $csrf }), 403, 'its token does not hold for the new one';
}

sub test_csrf () {
    my $ada = person($site);
    my $browser = browser();
    is_page sign_in($browser, $ada, with => \%foreign), 403, 'CSRF signing in from another site';
    is_page sign_in($browser, $ada, _csrf => ''), 403, 'CSRF signing in without a token';
    is error($browser->dom, 'form-error'), 'This page was too old to log in from. Please try again.', 'a page of ours says so';
    is $browser->dom->at('#email')->{value}, $ada->{email}, 'and keeps the e-mail';
    is_page $browser->post('/users/log-in', { email => $ada->{email}, password => $PASSWORD }, cookie => undef), 403, 'CSRF nor without a cookie';
    like me($browser), qr/^guest:/, 'nobody was signed in';
    is $site->psql("select count(*) from tokens where user_id = $ada->{id}"), 0, 'nowhere';
    sign_in($browser, $ada);
    $browser->get('/');
    is_page $browser->submit_at('header form', with => \%foreign), 403, 'CSRF signing out from another site';
    $browser->get('/');
    is_page $browser->submit_at('header form', _csrf => 'x', with => { headers => { 'Sec-Fetch-Site' => undef, Origin => undef } }), 403, 'CSRF nor without a token';
    is_page $browser->post('/users/log-out', { _method => 'delete', _csrf => 'x' }), 403, 'CSRF a page of ours with an old token';
    is $browser->dom->at('main form button')->text, 'Log out', 'is asked once more';
    is me($browser), "user:$ada->{userid}", 'still signed in';
    $browser->post('/users/log-out', { _method => 'delete', _csrf => 'x' });
    is $browser->submit_at('main form')->{status}, 303, 'that form works';
}

sub test_return () {
    my $ada = person($site);
    my $browser = browser();
    my @evil = ('//evil.example', '/\\evil.example', '\\\\evil.example', 'https://evil.example/', '/%5cevil.example', "/\tevil", "/ /evil", '/%0d%0aSet-Cookie:x=1',
        "/\r\nX: y", '/%00', 'javascript:alert(1)', 'evil.example', '', '/..//evil.example', '/./evil', '/%2e%2e/x', '///evil.example', '/x//evil.example', '/%2fevil.example',
        '/ë', '/"onclick=', 'http:/evil.example', '/' . 'x' x 600, '/%', '/%zz');
    for my $to (@evil) {
        $browser->get('/users/log-in?' . Confab::Site::form_encode({ return_to => $to }));
        is $browser->dom->at('[name=return_to]'), undef, '3.7.2 not to ' . substr $to =~ s/[^ -~]/?/gr, 0, 40;
    }
    for my $to (@evil[ 0, 1, 3, 7, 8, 9, 13, 18 ]) {
        is to(sign_in(browser(), $ada, return_to => $to)), '/', '3.7.2 nor by the form, to ' . $to =~ s/[^ -~]/?/gr;
    }
    for my $to ('/rooms/lobby', '/rooms/lobby/messages?before=3&a=//x', '/users/settings/sessions') {
        is to(sign_in(browser(), $ada, path => '/users/log-in?' . Confab::Site::form_encode({ return_to => $to }))), $to, "back to $to";
    }
    my $fresh = browser();
    is $fresh->get('/users/settings/sessions?a=b')->{status}, 302, 'a page that wants a sign-in';
    is to($fresh->page), '/users/log-in?return_to=%2Fusers%2Fsettings%2Fsessions%3Fa%3Db', 'leads to the sign-in page';
    $fresh->get(to($fresh->page));
    is flash($fresh), 'You must log in to access this page.', 'which says why';
    is $fresh->dom->at('.flash')->{role}, 'alert', 'at once';
    $fresh->submit_at('main form', email => $ada->{email}, password => 'wrong');
    is to($fresh->submit_at('main form', password => $PASSWORD)), '/users/settings/sessions?a=b', 'and back, also after a mistake';
    my $poster = browser();
    $poster->get('/');
    is $poster->post('/users/settings/sessions', { _method => 'delete', which => 'all', _csrf => $poster->csrf })->{status}, 303, 'an action that wants one';
    is to($poster->page), '/users/log-in', 'is not repeated by itself';
    is_problem $poster->get('/users/settings', headers => { Accept => 'application/json' }), 401, 'a program is told';
}

sub test_again () {
    my ($ada, $bob) = (person($site), person($site));
    my $browser = browser();
    sign_in($browser, $ada, remember_me => 'on');
    session($site, $ada, authenticated_at => "now() - interval '11 minutes'");
    $browser->get('/');
    my $csrf = $browser->csrf;
    is $browser->get('/users/settings/sessions')->{status}, 302, 'after 11 minutes the settings want a new sign-in';
    $browser->get(to($browser->page));
    is flash($browser), 'You must re-authenticate to access this page.', 'and say so';
    is $browser->dom->at('main .why')->text, 'You need to re-authenticate to perform sensitive actions on your account.', 'on a page of its own';
    my $email = $browser->dom->at('#email');
    is $email->{value}, $ada->{email}, 'the e-mail is filled in';
    ok exists $email->{readonly} && exists $browser->dom->at('#password')->{autofocus}, 'and stays';
    is_page $browser->submit_at('main form', password => 'wrong'), 422, 'with a wrong password';
    is me($browser), "user:$ada->{userid}", 'one stays who one is';
    $browser->get('/users/log-in?return_to=%2Fusers%2Fsettings%2Fsessions');
    my $answer = $browser->submit_at('main form', password => $PASSWORD);
    is to($answer), '/users/settings/sessions', 'with the right one one is there';
    like $answer->{headers}{'set-cookie'}, qr/^confab=[^;]+;.*Max-Age=1209600/m, 'remembered as before';
    is_page $browser->get('/users/settings/sessions'), 200, 'the page';
    is $site->psql("select string_agg(coalesce(ended_as, 'live'), ',' order by id) from tokens where user_id = $ada->{id}"), 'replaced,live', 'the old session was replaced';
    my $slug = room();
    is $browser->post("/rooms/$slug/messages", { message => 'from the other tab', _csrf => $csrf })->{status}, 303, "the other tabs' forms still hold";
    session($site, $ada, authenticated_at => "now() - interval '21 minutes'");
    is $browser->post('/users/settings/sessions', { _method => 'delete', which => 'all', _csrf => $csrf })->{status}, 303, 'after 21 minutes the actions want one as well';
    is $browser->flash, 'again', 'with the sentence';
    $browser->get('/users/log-in');
    is $browser->submit_at('main form', email => $bob->{email}, password => $PASSWORD)->{status}, 303, 'somebody else signs in there';
    is me($browser), "user:$bob->{userid}", 'and is somebody else';
    is_page $browser->post("/rooms/$slug/messages", { message => 'whose?', _csrf => $csrf }), 403, "whose session the other tabs' forms are not of";
}

sub test_sign_out () {
    my $ada = person($site);
    my $browser = browser();
    sign_in($browser, $ada);
    my $cookie = $browser->cookie;
    $browser->get('/');
    my $csrf   = $browser->csrf;
    my $answer = $browser->submit_at('header form');
    is $answer->{status}, 303, 'S71 signing out';
    is to($answer), '/', 'leads home';
    like $answer->{headers}{'set-cookie'}, qr/^confab=; Path=\/; HttpOnly; SameSite=Lax; Max-Age=0$/m, 'the cookie is taken away';
    is $answer->{headers}{'clear-site-data'}, '"storage"', '14.3.1 and what the pages kept';
    $browser->get('/');
    is flash($browser), 'Logged out successfully.', 'S71 it is said';
    like $browser->dom->at('#chat')->{'data-me'}, qr/^guest:/, 'one is a guest';
    is session_of($site, $ada, 'ended_as'), 'signed_out', 'the session has ended';
    $browser->cookie($cookie);
    like me($browser), qr/^guest:/, 'V7 7.4.1 its cookie is worth nothing';
    $browser->cookie($cookie);
    is $browser->get('/users/settings/sessions')->{status}, 302, 'V7 7.4.1 anywhere';
    is_page $browser->post('/rooms/lobby/messages', { message => 'replayed', name => 'x', _csrf => $csrf }, cookie => $cookie), 403, 'V7 7.4.1 nor are its forms';
    is to($browser->post('/users/log-out', { _method => 'delete', _csrf => $csrf }, cookie => $cookie)), '/', 'signing out once more is fine';
    is $browser->flash, 'signed-out', 'with the same word';
    my $guest = browser();
    $guest->get('/');
    my $known = $guest->cookie;
    is $guest->post('/users/log-out', { _method => 'DELETE', _csrf => $guest->csrf })->{status}, 303, 'also for a guest';
    is $guest->cookie, $known, 'who stays the same';
    is browser()->post('/users/log-out', { _method => 'delete' })->{status}, 303, 'and a stranger';
    is_page $browser->ask($_->[0], '/users/log-out', %{ $_->[1] }), 405, "$_->[0] is another thing" for [ GET => {} ], [ DELETE => {} ], [ POST => { form => { _csrf => 'x' } } ];
    is $browser->page->{headers}{allow}, 'POST', 'with Allow';
}

sub test_logout () {
    my $ada = person($site);
    my $browser = browser();
    sign_in($browser, $ada);
    for my $case ([ 'from another site', 'cross-site' ], [ 'from a sister site', 'same-site' ], [ 'by hand', 'none' ], [ 'an old browser', undef ]) {
        my ($what, $site) = @$case;
        is_page $browser->get('/logout', headers => { defined $site ? ('Sec-Fetch-Site' => $site) : () }), 200, "S31 /logout $what";
        is $browser->dom->at('main form button')->text, 'Log out', 'asks with a button';
    }
    $browser->ask(HEAD => '/logout', headers => { 'Sec-Fetch-Site' => 'same-origin' });
    $browser->get('/logout', headers => { 'Sec-Fetch-Site' => 'same-origin', 'Sec-Purpose' => 'prefetch' });
    $browser->get('/logout', headers => { 'Sec-Fetch-Site' => 'same-origin', 'Sec-Fetch-Mode' => 'no-cors', 'Sec-Fetch-Dest' => 'image' });
    is me($browser), "user:$ada->{userid}", 'S31 nothing has ended, nor by HEAD, by fetching ahead or by a picture of that address';
    my $answer = $browser->get('/logout', headers => { 'Sec-Fetch-Site' => 'same-origin' });
    is_deeply [ $answer->{status}, to($answer) ], [ 302, '/' ], 'S31 a link of our own page ends it';
    is session_of($site, $ada, 'ended_as'), 'signed_out', 'it has ended';
    like me($browser), qr/^guest:/, 'one is a guest';
    sign_in($browser, $ada);
    $browser->get('/logout');
    is $browser->submit_at('main form')->{status}, 303, 'S31 the button';
    like me($browser), qr/^guest:/, 'S31 ends it as well';
}

sub test_renewal () {
    my $ada = person($site);
    my $browser = browser();
    sign_in($browser, $ada, remember_me => 'on');
    session($site, $ada, issued_at => "now() - interval '8 days'", expires_at => "now() + interval '6 days'", authenticated_at => "now() - interval '8 days'", last_seen_at => "now() - interval '8 days'");
    is me($browser), "user:$ada->{userid}", 'after a week';
    like $browser->page->{headers}{'set-cookie'}, qr/^confab=[^;]+;.*Max-Age=1209600/m, 'the session is issued anew, for two weeks';
    is session_of($site, $ada, "expires_at > now() + interval '13 days', authenticated_at < now() - interval '7 days', last_seen_at > now() - interval '1 minute'"), 't|t|t', 'the sign-in is as old as it was';
    is $site->psql("select count(*) from tokens where user_id = $ada->{id}"), 1, 'it is the same session';
    is me($browser), "user:$ada->{userid}", 'the new cookie holds';
    is $browser->page->{headers}{'set-cookie'}, undef, 'and is not made anew each time';
    session($site, $ada, expires_at => "now() + interval '20 days'");
    is me($browser), "user:$ada->{userid}", 'where the answer with the new cookie was lost';
    like $browser->page->{headers}{'set-cookie'}, qr/^confab=[^;]+;.*Max-Age=1209600/m, 'it comes again';
    is session_of($site, $ada, "expires_at > now() + interval '19 days'"), 't', 'the end of the session stays';
    $browser->get('/');
    is $browser->page->{headers}{'set-cookie'}, undef, 'then no more';
    session($site, $ada, expires_at => 'now()');
    like me($browser), qr/^guest:/, 'what psql ends has ended';
}

sub test_cookies () {
    my $ada = person($site);
    my $browser = browser();
    sign_in($browser, $ada);
    my $good = $browser->cookie;
    my ($head, $claims, $mac) = split /\./, $good;
    for my $bad ("$head.$claims." . reverse($mac), "$head.$claims.", "$good; $good", $good . 'x', 'confab=' . 'x' x 4000) {
        $browser->cookie($bad);
        is $browser->get('/users/settings')->{status}, 302, 'a cookie that does not hold opens nothing';
        like me($browser), qr/^guest:/, 'and is dropped';
        isnt $browser->cookie, $bad, 'for another';
    }
    $browser->{flash} = 'confab-flash=<script>alert(1)</script>';
    $browser->get('/');
    is flash($browser), undef, 'a word for the next page that is not ours says nothing';
    my $answer = $ask->(GET => '/users/current', cookie => $good);
    is_deeply decode_json($answer->{body}), { user => $ada->{userid} }, 'a page can ask who it is';
    is_deeply decode_json($ask->(GET => '/users/current', cookie => $_)->{body}), { user => undef }, 'a guest is nobody' for 'confab=x', undef;
    is $ask->(GET => '/users/current', cookie => 'confab=x')->{headers}{'set-cookie'}, undef, 'and gets no cookie by that';
}

# A request that left with the old cookie while another tab signed in again: its answer may come last.
sub test_replaced () {
    my $ada = person($site);
    my $browser = browser();
    sign_in($browser, $ada);
    my $old = $browser->cookie;
    session($site, $ada, authenticated_at => "now() - interval '11 minutes'");
    $browser->get('/users/log-in');
    $browser->submit_at('main form', password => $PASSWORD);
    my $new = $browser->cookie;
    for my $path ('/', '/users/log-in', '/logout') {
        $browser->cookie($old);
        is_page $browser->get($path), 200, "the cookie that was just replaced, at $path";
        unlike $browser->page->{headers}{'set-cookie'} // '', qr/^confab=/m, 'its answer sets none that could come over the new one';
    }
    is $browser->get('/users/settings')->{status}, 302, 'V7 7.2.4 it opens nothing';
    is $ask->(GET => '/users/current', cookie => $old)->{status}, 409, 'nor is it said that nobody is signed in: an open page would take that for its end';
    $browser->cookie($old);
    is to($browser->post('/users/log-out', { _method => 'delete', _csrf => 'x' })), '/logout', 'signing out with it leads to where the new one ends';
    my %link = (headers => { 'Sec-Fetch-Site' => 'same-origin' });
    is_page $browser->get('/logout', %link), 200, 'which asks, should the old one come there as well';
    is $browser->cookie, $old, 'the new one is not taken away';
    $browser->cookie($new);
    is me($browser), "user:$ada->{userid}", 'the new one holds';
    $site->psql("update tokens set expires_at = now() - interval '11 seconds' where user_id = $ada->{id} and ended_as = 'replaced'");
    $browser->cookie($old);
    like me($browser), qr/^guest:/, 'a little later it is dropped';
    isnt $browser->cookie, $old, 'for a guest\'s';
    $browser->cookie($new);
    is $browser->get('/logout', %link)->{status}, 302, 'the new one ends there';
    is session_of($site, $ada, 'ended_as'), 'signed_out', 'as signed out';
}

sub test_throttle () {
    my @world = $with->(CONFAB_LIMITS_SIGN_IN => '2/60s');
    my ($ada, $bob) = map { person($world[0]) } 1 .. 2;
    my $browser = browser(@world);
    is sign_in($browser, $ada, password => 'wrong')->{status}, 422, "try $_ of 2" for 1 .. 2;
    is_page sign_in($browser, $ada), 429, 'limits.sign_in: the third, though it would be right';
    my $wait = $browser->page->{headers}{'retry-after'};
    ok $wait =~ /^\d+$/ && $wait >= 1 && $wait <= 60, "Retry-After: $wait";
    like error($browser->dom, 'form-error'), qr/\b$wait second/, 'with a sentence';
    is $browser->dom->at('#email')->{value}, $ada->{email}, 'the e-mail is kept';
    is sign_in($browser, $ada, email => uc $ada->{email})->{status}, 429, 'in capitals it is the same account';
    is sign_in($browser, $bob)->{status}, 303, 'another is not held up by it';
}

sub test_base () {
    my @world = $with->(base => '/chat/');
    my $ada = person($world[0]);
    my $browser = browser(@world);
    $browser->get('/users/settings');
    like to($browser->page), qr{^/chat/users/log-in\?return_to=%2Fchat%2Fusers%2Fsettings$}, 'below a base path: the way to the sign-in page';
    for my $case ([ '/rooms/lobby' => '/chat/' ], [ '/chatter' => '/chat/' ], [ '/chat/../x' => '/chat/' ], [ '/chat' => '/chat' ], [ '/chat/rooms/lobby' => '/chat/rooms/lobby' ]) {
        is to(sign_in(browser(@world), $ada, path => '/users/log-in?' . Confab::Site::form_encode({ return_to => $case->[0] }))), $case->[1], "return_to=$case->[0]";
    }
    sign_in($browser, $ada);
    is_page $browser->get('/users/settings/sessions'), 200, 'the sessions';
    my @out = grep { $_ !~ m{^(?:/chat/|#)} } map { $_->{href} // $_->{src} // $_->{action} } $browser->dom->find('[href], [src], [action]')->each;
    is_deeply \@out, [], 'link to nothing outside';
    is to($browser->submit_at('header form')), '/chat/', 'signing out leads home';
}

sub run ($the_site, $raw, $how) {
    begin($the_site, $raw, $how);
    subtest 'the sign-in page'         => \&test_page;
    subtest 'signing in'               => \&test_sign_in;
    subtest 'pictures'                 => \&test_picture;
    subtest 'who is not signed in'     => \&test_refused;
    subtest 'the time it takes'        => \&test_time;
    subtest 'session fixation'         => \&test_fixation;
    subtest 'cross-site requests'      => \&test_csrf;
    subtest 'back to where one was'    => \&test_return;
    subtest 'signing in again'         => \&test_again;
    subtest 'signing out'              => \&test_sign_out;
    subtest '/logout'                  => \&test_logout;
    subtest 'renewal'                  => \&test_renewal;
    subtest 'cookies'                  => \&test_cookies;
    subtest 'a replaced cookie'        => \&test_replaced;
    subtest 'too many tries'           => \&test_throttle;
    subtest 'below a base path'        => \&test_base;
    is_deeply \@unguarded, [], 'V3 every answer has the security headers and a charset';
}

1;
