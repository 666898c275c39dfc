# Everything that pages and posts must do, whatever carries them: run over plain CGI by tests/cgi/pages.t and over nginx
# and FastCGI by tests/live/pages.t.
#
#     Confab::Suite::Pages::run($site, $ask, $with, $logs);
#
# $ask->(METHOD => path, %with): { status, headers => {lower case => value, several by newline}, body => bytes }. %with:
# form, body, type (of the body), cookie, headers, whole (the path has the base path already).
# $with->(%environment): ($site, $ask) for other settings; base => '/chat/' as in Confab::Site. $logs->(): all that was logged.
#
# Not here: what only a server can do (tests/live), what needs JavaScript (tests/browser).
package Confab::Suite::Pages;
use v5.36;
use utf8;
use Confab::Suite::Tools;
use Mojo::JSON qw(decode_json);
use Test::More;

sub test_page () {
    my $slug = 'lobby';
    my $browser = browser();
    is_page $browser->get('/'), 200, 'S1 / for a stranger';
    my $dom = $browser->dom;
    like $browser->page->{body}, qr{^<!doctype html>.*</html>\s*$}is, 'S1 it is complete';
    ok $dom->at('header > section.container > nav > ul h1'), 'S3 header, container, nav, list, heading';
    ok $dom->at('#form.composer') && $dom->at('form#form[method=post]'), 'S14 the form';
    my $name = $dom->at('form#form input#name');
    is $name->{placeholder}, 'Your name', 'S14 a field for the name';
    ok exists $name->{autofocus}, 'S14 with the focus, because it is empty';
    is $dom->at('form#form #msg')->{placeholder}, 'Your message', 'S14 a field for the message';
    is $dom->at('form#form [type=submit]')->text, 'Send', 'S14 a button';
    ok !$dom->at('.invalid-feedback') && !$dom->at('[aria-invalid]'), 'S20 an untouched form shows no errors';
    ok length $browser->csrf && $dom->at('form#form input[name=_csrf]')->{value}, 'S16 a CSRF token for form and socket';
    ok !$dom->find('script')->grep(sub { !$_->{src} })->size && !$dom->at('[style], [onclick], style'), 'V3 nothing inline';
    ok !$dom->find('[src], link[href]')->grep(sub { ($_->{src} // $_->{href}) !~ m{^/(?!/)} })->size, 'V3 nothing of other sites';
    like $browser->page->{headers}{'set-cookie'}, qr{^confab=[\w.-]+; Path=/; HttpOnly; SameSite=Lax; Max-Age=\d+$}, 'a stranger gets a cookie';
    is $browser->get('/')->{headers}{'set-cookie'}, undef, 'once';
    my $room = browser();
    is_page $room->get('/rooms/lobby'), 200, 'S1 /rooms/lobby';
    is $room->dom->at('#chat')->{'data-topic'}, 'room:lobby', 'it is the same room';
    like $room->dom->at('#chat')->{'data-epoch'}, qr/^[0-9a-f]{16}$/, 'of the same database';
}

sub test_post () {
    my $slug = room();
    my $browser = visitor($slug);
    my $answer = $browser->submit(name => ' Zoë ', message => "  first\r\nsecond secret-words  ");
    $secret{'secret-words'} = 'a message';
    is $answer->{status}, 303, 'S18 a post is answered by a redirect';
    is $answer->{headers}{location}, "/rooms/$slug", 'back to the room';
    is $answer->{body}, '', 'with nothing else';
    $browser->get("/rooms/$slug");
    my $line = $browser->dom->at('#msg-list > li');
    like $line->{id}, qr/^msg-\d+$/, 'S11 a line has a stable id';
    is $line->at('b')->text, 'Zoë:', 'S11 the name';
    like $line->at('.text')->all_text, qr/^Zoë: first\nsecond secret-words/, 'S9, S12 the text, trimmed, its line break kept';
    like $line->at('time')->{datetime}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'S11 the time';
    is $line->at('.guest')->text, 'guest', 'S32 a guest is marked as one';
    my ($action, %fields) = $browser->form;
    is $fields{message}, '', 'S18 the message field is empty again';
    is $fields{name}, 'Zoë', 'S18 the name is kept';
    ok !exists $browser->dom->at('#name')->{autofocus}, 'S14 and has no focus any more';
    my $again = browser();
    $again->cookie($browser->cookie);
    $again->get('/');
    is $again->field("name"), 'Zoë', 'S18 on the next visit too, in every room';
    is rows($slug, "seq, rev, name, message, length(guest), user_id is null, client_id is not null"), "1|1|Zoë|first\nsecond secret-words|16|t|t", 'S5 it is stored with all it has';
}

sub test_order () {
    my $slug = room();
    fill($slug, 25);
    my $browser = visitor($slug);
    is_deeply texts($browser->dom), [ map {"message $_"} 6 .. 25 ], 'S10 the latest twenty, oldest first';
    $browser->submit(name => 'Bo', message => 'the newest');
    $browser->get("/rooms/$slug");
    is texts($browser->dom)->[-1], 'the newest', 'S13 a new message goes to the end';
    is $browser->dom->at('#chat')->{'data-rev'}, 26, 'the page knows how far it is';
}

sub test_escaping () {
    my $slug = room();
    my $nasty = q{<script>alert(1)</script> "quoted" 'single' & &amp; {{name}} {{{name}}} </textarea> https://x.org/?a=1&b="2 };
    my $browser = visitor($slug);
    is $browser->submit(name => '<b>"Mallory\'', message => $nasty)->{status}, 303, 'S12 anything can be said';
    $browser->get("/rooms/$slug");
    my $line = $browser->dom->at('#msg-list > li');
    is $line->at('b')->text, '<b>"Mallory\':', 'S12 the name is escaped';
    is $line->at('.text')->all_text =~ s/\s+$//r, '<b>"Mallory\': ' . $nasty =~ s/\s+$//r, 'S12 the text as well, templates in it are text';
    is $line->at('.text a')->{href}, 'https://x.org/?a=1&b=', 'S12 an address is a link';
    is $line->at('.text a')->{rel}, 'nofollow ugc noopener', 'S12 with nothing given to it';
    is_deeply [ $browser->form ]->[0], "/rooms/$slug/messages", 'and the page is whole';
    is $browser->dom->at('#name')->{value}, '<b>"Mallory\'', 'S12 also in the field';
    $browser->submit(message => q{<b>}, name => q{"></textarea><script>} . 'x' x 60);
    is $browser->dom->at('#name')->{value}, q{"></textarea><script>} . 'x' x 60, 'S12 and when it is shown again';
    is $browser->dom->find('script')->size, 1, 'S12 as no script';
}

sub test_refused () {
    my $slug = room();
    my $browser = visitor($slug);
    my @cases = (
        [ 'S7 no name',            { name => '', message => 'hello' },        'name-error', "can't be blank" ],
        [ 'S7 a name of spaces',   { name => "  \t", message => 'hello' },    'name-error', "can't be blank" ],
        [ 'S7 an invisible name',  { name => "\x{200b}", message => 'hello' }, 'name-error', "can't be blank" ],
        [ 'S9 a long name',        { name => 'ë' x 61, message => 'hello' },  'name-error', 'should be at most 60 character(s)' ],
        [ 'S9 a name of two lines', { name => "a\nb", message => 'hello' },   'name-error', 'must be on one line' ],
        [ 'S8 no message',         { name => 'Bo', message => '' },           'msg-error',  "can't be blank" ],
        [ 'S9 one character',      { name => 'Bo', message => 'ë' },          'msg-error',  'should be at least 2 character(s)' ],
        [ 'S9 4001 characters',    { name => 'Bo', message => 'ë' x 4001 },   'msg-error',  'should be at most 4000 character(s)' ],
        [ 'S9 a control character', { name => 'Bo', message => "a\x01b" },    'msg-error',  'must not contain control characters' ],
        [ 'S9 a NUL',              { name => 'Bo', message => "a\0b" },       'msg-error',  'must not contain control characters' ],
        [ 'S9 a name with ESC',    { name => "\e[31m", message => 'hello' },  'name-error', 'must not contain control characters' ],
    );
    for my $case (@cases) {
        my ($what, $fields, $id, $sentence) = @$case;
        is_page $browser->submit(%$fields), 422, $what;
        my $dom = $browser->dom;
        is error($dom, $id), $sentence, "$what: the sentence is beside its field";
        my ($field) = $id eq 'name-error' ? '#name' : '#msg';
        ok $dom->at($field)->{'aria-describedby'} eq $id && $dom->at($field)->{'aria-invalid'} eq 'true', 'S15 tied to it';
        is $dom->find('.invalid-feedback')->size, 1, 'S15 and only there';
        my ($action, %kept) = $browser->form;
        my %shown = map { $_ => $fields->{$_} =~ s/[\x00-\x08\x0b-\x1f]/\x{fffd}/gr } keys %$fields;
        is_deeply { %kept{qw(name message)} }, \%shown, 'S17 what was typed is kept';
    }
    $browser->submit(name => '', message => '');
    ok error($browser->dom, 'name-error') && error($browser->dom, 'msg-error'), 'S15 two fields, two sentences';
    my %bytes = (name => 'Bo', message => 'x', client_id => 'c');
    my $body = join('&', 'name=Bo', 'message=ab%FF%C3', 'client_id=c', '_csrf=' . $browser->csrf);
    is_page $browser->post("/rooms/$slug/messages", undef, body => $body), 422, 'S9 what is no UTF-8';
    is error($browser->dom, 'msg-error'), 'must be UTF-8 text', 'S9 with a sentence';
    is stored($slug), 0, 'S17 nothing was stored';
    is $browser->submit(name => 'ë' x 60, message => 'ë' x 4000)->{status}, 303, 'S9 the longest name and message are good';
    is rows($slug, "length(name), length(message)"), '60|4000', 'and whole';
}

sub test_fields () {
    my $slug = room();
    my $browser = visitor($slug);
    is $browser->submit(name => 'Bo', message => 'only this', id => 7, seq => 99, rev => 99, user_id => 1, guest => 'A' x 16,
        room_id => 1, deleted => 't', inserted_at => '2000-01-01', role => 'admin', _method => 'delete')->{status}, 303, 'S6 fields that nobody asked for';
    is rows($slug, "seq, rev, user_id is null, guest <> repeat('A', 16), deleted, inserted_at > now() - interval '1 minute'"), "1|1|t|t|f|t", 'S6 are ignored';
    $browser->get("/rooms/$slug");
    my $csrf = $browser->csrf;
    for my $body ("name=Bo&message=hi&message=ho&_csrf=$csrf", "name=Bo&message=hi&n%61me=Al&_csrf=$csrf", "name=Bo&message=hi&_csrf=$csrf&_csrf=$csrf",
        "name=Bo&message=%zz&_csrf=$csrf", "name=Bo&message=%4&_csrf=$csrf", "_csrf=$csrf&message=hi&name=" . join('', map {"&f$_="} 1 .. 40), "_csrf=$csrf&" . 'n' x 200 . '=1')
    {
        is_page $browser->post("/rooms/$slug/messages", undef, body => $body), 400, 'a body ' . substr($body =~ s/\Q$csrf\E/.../gr, 0, 60);
    }
    is_page $browser->get("/rooms/$slug?a=1&a=2"), 400, 'a query with a name twice';
    is_page $browser->get("/rooms/$slug?a=%zz"), 400, 'a query with a broken escape';
    is_page $browser->post("/rooms/$slug/messages?message=query&name=Q&_csrf=$csrf", { name => 'Bo', message => 'from the body' }), 403, 'the query never stands in for the body';
    delete $secret{$csrf};    # the test itself put it into an address, which servers log
    is stored($slug), 1, 'nothing of that was stored';
}

sub test_csrf () {
    my $slug = room();
    my $path = "/rooms/$slug/messages";
    my ($browser, $other) = (visitor($slug), visitor($slug));
    my %good = (name => 'Bo', message => 'typed with care', client_id => 'c-1', _csrf => $browser->csrf);
    my @cases = (
        [ 'no token',                       { %good, _csrf => undef } ],
        [ 'an empty token',                 { %good, _csrf => '' } ],
        [ 'a token changed',                { %good, _csrf => scalar reverse($good{_csrf}) } ],
        [ 'a token cut',                    { %good, _csrf => substr $good{_csrf}, 0, -4 } ],
        [ "another guest's token",          { %good, _csrf => $other->csrf } ],
        [ 'from another site',              \%good, 'Sec-Fetch-Site' => 'cross-site', Origin => 'https://evil.example' ],
        [ 'from another site, says one',    \%good, 'Sec-Fetch-Site' => 'cross-site', Origin => undef ],
        [ 'from a sister site',             \%good, 'Sec-Fetch-Site' => 'same-site', Origin => undef ],
        [ 'from another origin',            \%good, 'Sec-Fetch-Site' => undef, Origin => 'https://evil.example' ],
        [ 'from an origin that looks like ours', \%good, 'Sec-Fetch-Site' => undef, Origin => $site->origin . '.evil.example' ],
        [ 'from an opaque origin',          \%good, 'Sec-Fetch-Site' => undef, Origin => 'null' ],
        [ 'without a token or a word',      { %good, _csrf => undef }, 'Sec-Fetch-Site' => undef, Origin => undef ],
    );
    for my $case (@cases) {
        my ($what, $form, %headers) = @$case;
        my %form = map { $_ => $form->{$_} } grep { defined $form->{$_} } keys %$form;
        is_page $browser->post($path, \%form, headers => \%headers), 403, "CSRF $what";
        next if %headers;
        my ($action, %kept) = $browser->form;
        is $kept{message}, $good{message}, 'what was typed is kept';
        is $browser->dom->at('#form-error')->{role}, 'alert', 'with a sentence';
    }
    is stored($slug), 0, 'CSRF nothing was stored';
    is $browser->post($path, \%good, headers => { 'Sec-Fetch-Site' => undef, Origin => undef })->{status}, 303, 'an old browser that says nothing, with a token';
    my $fresh = browser();
    is_page $fresh->post($path, { %good, client_id => 'c-2' }), 403, 'CSRF without a cookie no token holds';
    is $fresh->submit->{status}, 303, 'but the form that comes with the refusal can be sent as it is';
    is rows($slug, "string_agg(message, ',')"),
        'typed with care,typed with care', 'and its text was kept';
    is_page $fresh->get($path), 200, 'reading needs none';
}

sub test_cookies () {
    my $slug = room();
    my $browser = visitor($slug);
    $browser->submit(name => 'Bo', message => 'hello');
    my $good = $browser->cookie;
    my $none = 'eyJhbGciOiJub25lIiwia2lkIjoiZGV2In0.' . ((split /\./, $good)[1]) . '.';
    for my $bad ('confab=x', "confab=$none", $good =~ s/.$/_/r . 'A', "$good; $good", "$good, $good", 'confab=' . 'x' x 3000, "confab=\xff\xfe", 'confab') {
        my $answer = $browser->ask(GET => "/rooms/$slug", cookie => $bad);
        is_page $answer, 200, 'a cookie that does not hold (' . (substr $bad, 0, 20) =~ s/[^ -~]/?/gr . ')';
        like $answer->{headers}{'set-cookie'}, qr/^confab=/, 'makes a new guest';
        isnt $browser->dom->at('#name')->{value} // '', 'Bo', 'who has no name';
        $browser->cookie($good);
    }
    is_page $browser->post("/rooms/$slug/messages", { name => 'Bo', message => 'typed', _csrf => 'x' }, cookie => 'confab=x'), 403, 'such a one must send again';
    is $browser->field("message"), 'typed', 'with what was typed';
    is $browser->submit->{status}, 303, 'and can';
    my $answer = $ask->(GET => "/rooms/$slug", cookie => "a=b; $good; c=\"d\"");
    is $answer->{headers}{'set-cookie'}, undef, 'other cookies do not matter';
}

sub test_repeats () {
    my $slug = room();
    my $browser = visitor($slug);
    my (undef, %form) = $browser->form;
    %form = (%form, name => 'Bo', message => 'once');
    is $browser->post("/rooms/$slug/messages", \%form)->{status}, 303, 'a message' for 1 .. 3;
    is stored($slug), 1, 'sent again with the same client_id is stored once';
    is $browser->post("/rooms/$slug/messages", { %form, message => " once\r\n", name => 'Bob' })->{status}, 303, 'also where only the ends differ';
    is stored($slug), 1, 'once';
    is $browser->post("/rooms/$slug/messages", { %form, message => 'another text' })->{status}, 303, 'with another text';
    is stored($slug), 2, 'both are stored';
    my $other = room();
    is $browser->post("/rooms/$other/messages", \%form)->{status}, 303, 'and in another room';
    is stored($other), 1, 'too';
    my $second = visitor($slug);
    is $second->submit(%form, _csrf => $second->csrf)->{status}, 303, "another's client_id is another's";
    is stored($slug), 3, 'stored';
    is $browser->post("/rooms/$slug/messages", { %form, message => 'no id at all', client_id => '' })->{status}, 303, 'no client_id';
    is $browser->post("/rooms/$slug/messages", { %form, message => 'a made-up id', client_id => "not an id\x01" })->{status}, 303,
        'a client_id that somebody made up wrongly, a field that nobody sees';
    is stored($slug), 5, 'are no reason to refuse a message';
    is_page $browser->post("/rooms/$slug/messages", { %form, message => 'x', client_id => '!' }), 422, 'but a message that is wrong';
    is error($browser->dom, 'msg-error'), 'should be at least 2 character(s)', 'is told so';
    $browser->get("/rooms/$slug");
    my (undef, %first)  = $browser->form;
    $browser->get("/rooms/$slug");
    my (undef, %second) = $browser->form;
    isnt $first{client_id}, $second{client_id}, 'each page has a client_id of its own';
    like $first{client_id}, qr/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, 'a random UUID';
    isnt $first{_csrf}, $second{_csrf}, 'and a CSRF token masked anew';
}

sub test_paging () {
    my $slug = room();
    fill($slug, 120);
    my $browser = visitor($slug);
    my $older = $browser->dom->at('a#older');
    is $older->text, 'Older messages', 'S10 a link to older messages';
    is $older->{href}, "/rooms/$slug/messages?before=101", 'S10 before the first one shown';
    is_page $browser->get($older->{href}), 200, 'S10 older messages';
    is_deeply texts($browser->dom), [ map {"message $_"} 51 .. 100 ], 'S10 fifty, oldest first';
    $browser->get($browser->dom->at('a#older')->{href});
    is_deeply texts($browser->dom), [ map {"message $_"} 1 .. 50 ], 'S10 and the rest';
    ok !$browser->dom->at('a#older'), 'S10 then there are no older ones';
    $browser->get($browser->dom->at('a[rel=next]')->{href});
    is_deeply texts($browser->dom), [ map {"message $_"} 51 .. 100 ], 'and back';
    $browser->get("/rooms/$slug/messages");
    is_deeply texts($browser->dom), [ map {"message $_"} 71 .. 120 ], 'without a place: the latest fifty';
    $browser->get("/rooms/$slug/messages?before=1");
    ok !@{ texts($browser->dom) } && !$browser->dom->at('a#older'), 'before the first there is nothing';
    $browser->get("/rooms/$slug/messages?before=9223372036854775807");
    is scalar @{ texts($browser->dom) }, 50, 'the largest number is a number';
    is_page $browser->get("/rooms/$slug/messages?before=$_"), 400, "before=$_" for 'abc', '-1', '9223372036854775808', '1%00', '01', '';
    my $empty = room();
    $browser->get("/rooms/$empty");
    ok !$browser->dom->at('a#older') && !@{ texts($browser->dom) }, 'an empty room has nothing older';
    fill($empty, 20);
    ok !visitor($empty)->dom->at('a#older'), 'nor has one of twenty messages';
}

sub test_message () {
    my ($slug, $other) = (room(), room());
    fill($slug, 90);
    my $id = rows($slug, 'id', "seq = 40");
    my $browser = browser();
    is_page $browser->get("/rooms/$slug/messages/$id"), 200, 'one message';
    is_deeply texts($browser->dom), ['message 40'], 'is shown alone';
    is $browser->dom->at("#msg-$id time")->parent->{href}, "/rooms/$slug/messages/$id", 'its time links to it';
    my ($context) = grep {/#msg-/} $browser->dom->find('a')->map(attr => 'href')->each;
    $browser->get($context =~ s/#.*//r);
    ok $browser->dom->at("#msg-$id"), 'a link shows it among the others';
    is_page $browser->get("/rooms/$other/messages/$id"), 404, 'in another room it is not';
    is_page $browser->get("/rooms/$slug/messages/$_"), 404, "no message $_" for 999999, 'abc', '9223372036854775808', '-1';
    $site->psql("update messages set message = 'put right' where id = $id");
    $browser->get("/rooms/$slug/messages/$id");
    is_deeply texts($browser->dom), ['put right'], 'changed by hand';
    ok $browser->dom->at("#msg-$id .edited"), 'it says so';
    $site->psql("update messages set deleted = true where id = $id");
    is_page $browser->get("/rooms/$slug/messages/$id"), 200, 'deleted';
    ok $browser->dom->at("#msg-$id .gone") && $browser->page->{body} !~ /put right/, 'its place is left, its text is not';
    $site->psql("insert into messages (room_id, name, message) select id, 'psql', 'typed by hand' from rooms where slug = '$other'");
    $browser->get("/rooms/$other");
    is_deeply texts($browser->dom), ['typed by hand'], 'S23 what psql inserts is shown';
    ok !$browser->dom->at('.message .guest'), "as nobody's";
}

sub test_errors () {
    my $slug = room();
    my $browser = visitor($slug);
    my $long = '/' . 'x' x 2100;
    my @cases = (
        [ 400, GET => '/rooms/%C3%28' ], [ 400, GET => '/rooms/a%01b' ], [ 400, GET => $long ],
        [ 404, GET => '/nothing' ],   [ 404, GET => '/rooms' ], [ 404, GET => '/rooms/' ], [ 404, GET => '/rooms/nowhere' ],
        [ 404, GET => "/rooms/$slug/" ], [ 404, GET => "/rooms/$slug/messages/" ], [ 404, GET => "/rooms/$slug/messages/1/2" ],
        [ 404, GET => '/rooms/:slug' ], [ 404, GET => '/rooms/:slug/messages/:id' ], [ 404, GET => '/rooms/' . 'x' x 70 ], [ 404, GET => '/rooms/%27%3B--' ],
        [ 404, GET => '/index.html' ], [ 404, DELETE => '/nothing' ], [ 404, GET => '/' . 'a/' x 500 ], [ 404, GET => '/Rooms/lobby' ],
        [ 405, POST => '/', 'GET, HEAD' ], [ 405, DELETE => "/rooms/$slug", 'GET, HEAD' ], [ 405, PUT => "/rooms/$slug/messages", 'GET, HEAD, POST' ],
        [ 405, OPTIONS => '/healthz', 'GET, HEAD' ], [ 405, PATCH => "/rooms/$slug/messages/1", 'GET, HEAD' ],
    );
    for my $case (@cases) {
        my ($status, $method, $path, $allow) = @$case;
        my $what = "$method " . substr $path, 0, 40;
        is_page $browser->ask($method, $path), $status, $what;
        is $browser->page->{headers}{allow}, $allow, "$what: Allow" if $allow;
        is_problem $browser->ask($method, $path, headers => { Accept => 'application/json' }), $status, $what;
        is $browser->page->{headers}{allow}, $allow, "$what: Allow" if $allow;
    }
    my %form = (name => 'Bo', message => 'hello', _csrf => visitor($slug)->csrf);
    my $path = "/rooms/$slug/messages";
    $browser->get("/rooms/$slug");
    my $csrf = $browser->csrf;
    for my $json (0, 1) {
        my $check = $json ? \&is_problem : \&is_page;
        my %accept = $json ? (Accept => 'application/json') : ();
        my $post = sub (%with) { $browser->post($path, undef, headers => \%accept, %with) };
        $check->($post->(body => 'name=Bo&_csrf=' . $csrf . '&message=' . 'x' x 65536), 413, 'more than limits.body');
        $check->($post->(body => '{}', type => 'application/json'), 415, 'JSON in a form\'s place');
        $check->($post->(body => "name=Bo&message=hi&_csrf=$csrf", type => 'text/plain'), 415, 'a form as plain text');
        $check->($post->(body => "--x\r\n\r\n--x--\r\n", type => 'multipart/form-data; boundary=x'), 415, 'a multipart form');
        $check->($browser->ask(POST => '/rooms/nowhere/messages', form => { %form, _csrf => $csrf }, headers => \%accept), 404, 'a room that is not there');
    }
    is $browser->post($path, undef, body => "name=Bo&message=hi&_csrf=$csrf", type => 'application/x-www-form-urlencoded; charset=UTF-8')->{status}, 303, 'a charset is fine';
    is stored($slug), 1, 'and nothing else was stored';
    my $error = $browser->get('/nothing');
    like $browser->dom->at('.request code')->text, qr/^$error->{headers}{'x-request-id'}$/, 'an error page says which request it was';
    is $error->{headers}{'set-cookie'}, undef, 'and makes no guest';
}

# An API client is told in its own language what a browser sees beside the form.
sub test_problems () {
    my $slug = room();
    my $browser = visitor($slug);
    my $csrf = $browser->csrf;
    my %json = (headers => { Accept => 'application/json' });
    is_problem $browser->post("/rooms/$slug/messages", { name => '', message => 'x', _csrf => $csrf }, %json), 422, 'a message that is wrong';
    is_deeply decode_json($browser->page->{body})->{errors}, { name => ["can't be blank"], message => ['should be at least 2 character(s)'] }, 'with the sentences';
    is_problem $browser->post("/rooms/$slug/messages", { name => 'Bo', message => 'hello', _csrf => 'x' }, %json), 403, 'a wrong token';
    is stored($slug), 0, 'nothing was stored';
}

sub test_head () {
    my $slug = room();
    fill($slug, 3);
    my $browser = visitor($slug);
    for my $path ('/', "/rooms/$slug", "/rooms/$slug/messages", '/healthz', '/nothing') {
        my ($get, $head) = map { $browser->ask($_, $path, headers => { 'Accept-Encoding' => 'identity' }) } qw(GET HEAD);
        is $head->{status}, $get->{status}, "HEAD $path has the status of GET";
        is $head->{headers}{'content-type'}, $get->{headers}{'content-type'}, 'and its type';
        is $head->{headers}{'content-length'}, $get->{headers}{'content-length'}, 'and its length';
        is $head->{body}, '', 'and no body';
    }
}

sub test_health () {
    my $answer = $ask->(GET => '/healthz');
    is $answer->{status}, 200, 'healthz';
    is $answer->{body}, "ok\n", 'says ok and nothing else';
    is $answer->{headers}{'set-cookie'}, undef, 'to nobody in particular';
    is $ask->(GET => '/healthz', cookie => 'confab=x')->{status}, 200, 'whatever they bring';
}

sub test_rate () {
    my @world = $with->(CONFAB_LIMITS_RATE => '3/60s', CONFAB_LIMITS_MESSAGE => 50);
    my $slug = room($world[0]);
    my $browser = visitor($slug, @world);
    is $browser->dom->at('#chat')->{'data-limit'}, 50, 'limits.message is known to the page';
    is_page $browser->submit(name => 'Bo', message => 'x' x 51), 422, 'limits.message';
    is error($browser->dom, 'msg-error'), 'should be at most 50 character(s)', 'with its number';
    for my $n (1 .. 3) {
        is $browser->submit(name => 'Bo', message => "message $n")->{status}, 303, "limits.rate: $n of 3";
        $browser->get("/rooms/$slug");
    }
    is_page $browser->submit(name => 'Bo', message => 'too much'), 429, 'limits.rate: the fourth';
    my $wait = $browser->page->{headers}{'retry-after'};
    ok $wait =~ /^\d+$/ && $wait >= 1 && $wait <= 20, "Retry-After: $wait";
    is $browser->field("message"), 'too much', 'what was typed is kept';
    like error($browser->dom, 'form-error'), qr/\b$wait second/, 'with a sentence';
    is_problem $browser->submit(with => { headers => { Accept => 'application/json' } }), 429, 'limits.rate for an API client';
    ok $browser->page->{headers}{'retry-after'}, 'with Retry-After';
    is visitor($slug, @world)->submit(name => 'Al', message => 'not me')->{status}, 303, 'another is not held up by it';
    is stored($slug, $world[0]), 4, 'nothing else was stored';
}

sub test_no_guests () {
    my @world = $with->(CONFAB_SITE_GUESTS => 'off');
    my $slug = room($world[0]);
    my $browser = visitor($slug, @world);
    is_page $browser->page, 200, 'site.guests = off: reading';
    is_page $browser->post("/rooms/$slug/messages", { name => 'Bo', message => 'hello', _csrf => $browser->csrf }), 403, 'site.guests = off: writing';
    is_problem $browser->ask(POST => "/rooms/$slug/messages", form => { name => 'Bo', message => 'hello', _csrf => 'x' },
        headers => { Accept => 'application/json' }), 403, 'site.guests = off: an API client';
    is stored($slug, $world[0]), 0, 'nothing was stored';
}

sub test_base () {
    my @world = $with->(base => '/chat/');
    my $slug = room($world[0]);
    my $browser = browser(@world);
    is_page $browser->get('/'), 200, 'below a base path';
    for my $path ('/', "/rooms/$slug", "/rooms/$slug/messages", '/nothing') {
        my $dom = do { $browser->get($path); $browser->dom };
        my @out = grep { $_ !~ m{^(?:/chat/|#)} } map { $_->{href} // $_->{src} // $_->{action} } $dom->find('[href], [src], [action]')->each;
        is_deeply \@out, [], "$path links to nothing outside";
    }
    $browser->get("/rooms/$slug");
    is $browser->dom->at('#chat')->{'data-live'}, '/chat/live', 'nor does its socket';
    my $answer = $browser->submit(name => 'Bo', message => 'hello');
    is $answer->{status}, 303, 'posting';
    is $answer->{headers}{location}, "/chat/rooms/$slug", 'leads back below it';
    $browser->get("/rooms/$slug");
    is $browser->dom->at('.when')->{href} =~ s/\d+$//r, "/chat/rooms/$slug/messages/", 'messages link below it';
    like $answer->{headers}{'set-cookie'}, qr{; Path=/;}, 'the cookie is for the whole host';
    is stored($slug, $world[0]), 1, 'it is stored';
}

sub test_logs ($logs) {
    my $said = $logs->();
    ok length $said, 'something was logged';
    my @found = grep { index($said, $_) >= 0 } grep { length > 8 } keys %secret;
    is_deeply [ map { $secret{$_} } @found ], [], 'S81 no log holds a cookie, a token, or what somebody wrote';
    my @lines = grep {/^\{/} split /\n/, $said;
    my @requests = grep { $_ && $_->{event} eq 'request' } map { eval { decode_json($_) } } @lines;
    ok @requests > 50, 'each request is a line of JSON';
    is scalar(grep { !eval { decode_json($_) } } @lines), 0, 'and no other kind of line';
    is scalar(grep { !($_->{id} && $_->{method} && $_->{status} && exists $_->{asker}) } @requests), 0, 'with what is needed';
    unlike $said, qr/[^\n\x20-\x7e\x80-\xff]/, 'without control bytes';
}

sub run ($the_site, $raw, $how, $logs) {
    begin($the_site, $raw, $how);
    subtest 'the page'             => \&test_page;
    subtest 'posting'              => \&test_post;
    subtest 'order'                => \&test_order;
    subtest 'escaping'             => \&test_escaping;
    subtest 'what is refused'      => \&test_refused;
    subtest 'fields'               => \&test_fields;
    subtest 'cross-site requests'  => \&test_csrf;
    subtest 'cookies'              => \&test_cookies;
    subtest 'sending again'        => \&test_repeats;
    subtest 'older messages'       => \&test_paging;
    subtest 'one message'          => \&test_message;
    subtest 'errors'               => \&test_errors;
    subtest 'problems'             => \&test_problems;
    subtest 'HEAD'                 => \&test_head;
    subtest 'health'               => \&test_health;
    subtest 'limits'               => \&test_rate;
    subtest 'guests off'           => \&test_no_guests;
    subtest 'base path'            => \&test_base;
    subtest 'logs'                 => sub { test_logs($logs) };
    is_deeply \@unguarded, [], 'V3 every answer has the security headers and a charset';
}

1;
