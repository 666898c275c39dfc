# The pages and posts of the site with the handler run as plain CGI, one process a request, without nginx.
use v5.36;
use Confab::Site;
use Confab::Suite::Pages;
use Test::More;

my $site = Confab::Site->new(CONFAB_LIMITS_RATE => '1000/1s');

my $askers = 0;

# Each from an address of its own, since the throttles are one site's.
sub asker (%env) {
    my $base = delete $env{base};
    $env{REMOTE_ADDR} = '127.0.0.' . ++$askers;
    return sub ($method, $path, %with) {
        local $site->{base} = $base // '/';
        my %own = (%env, defined $base ? (CONFAB_SITE_URL => $site->url('/')) : ());
        $path =~ s|^\Q$site->{base}\E|/| if $with{whole} || index($path, $site->{base}) == 0;
        $own{CONTENT_TYPE} = $with{type} if $with{type};
        return $site->cgi($method, $path, (map { $_ => $with{$_} } grep { defined $with{$_} } qw(form body cookie headers)), env => \%own);
    };
}

my $logs = sub { $site->log('cgi') };

Confab::Suite::Pages::run($site, asker(), sub (%env) { ($site, asker(%env)) }, $logs);

subtest 'the database is away' => sub {
    my $away = asker(CONFAB_DATABASE_URL => 'host=/nonexistent dbname=confab');
    my $browser = Confab::Browser->new($away, $site->origin);
    for my $path ('/', '/rooms/lobby', '/rooms/lobby/messages', '/rooms/lobby/messages/1', '/healthz') {
        my $answer = $browser->get($path);
        is $answer->{status}, 503, "$path: 503";
        is $answer->{headers}{'retry-after'}, 5, 'with Retry-After';
        is $answer->{exit}, 0, 'in order';
    }
    is $away->(GET => '/nothing')->{status}, 404, 'what needs no database needs none';
};

subtest 'a full room' => sub {
    my $room = $site->psql("insert into rooms (slug, name) values ('full', 'Full') returning id");
    $site->psql("insert into presence_leases values ('full', now() + interval '1 hour');
        insert into users (userid, name) select 'full-' || i, case when i % 2 = 0 then 'person ' else 'Person ' end || lpad(i::text, 2, '0')
            from generate_series(1, 60) i;
        insert into presences (room_id, ref, owner, user_id) select $room, tab || id, 'full', id from users, unnest(array['a', 'b']) tab
            where userid like 'full-%';
        insert into presences (room_id, ref, owner) select $room, 'g' || i, 'full' from generate_series(1, 3) i");
    my $browser = Confab::Browser->new(asker(), $site->origin);
    my $list    = sub { return map {s/<[^>]+>//gr} $browser->get('/rooms/full')->{body} =~ m{<li class="(?:guests|person|more)".*?</li>}g };
    my @shown   = $list->();
    is scalar @shown, 52, 'guests, fifty people, and how many more';
    is $shown[0], '3 guests', 'guests are counted by page';
    is_deeply [ map { lc s/^.*(?=person)//ir } @shown[ 1 .. 50 ] ], [ map { sprintf 'person %02d', $_ } 1 .. 50 ],
        'people once each, by name, whatever its case';
    is $shown[51], 'and 10 more', 'the rest is counted';
    $site->psql("delete from presences where room_id = $room and (user_id is null or user_id in (select id from users where name ~* 'person (5[1-9]|60)'))");
    @shown = $list->();
    is scalar @shown, 50, 'fifty people are all named';
    unlike $shown[-1], qr/more/, 'and nobody more';
    $site->psql("delete from presences where room_id = $room");
    is scalar(() = $list->()), 0, 'nobody is nobody';
};

subtest 'as a program' => sub {
    my $answer = $site->cgi(GET => '/', env => { REQUEST_METHOD => '' });
    is $answer->{exit} >> 8, 2, 'without a request it explains itself, with status 2';
    is $site->cgi(GET => '/', env => { CONFAB_SESSION_KEYS => 'x' })->{exit} >> 8, 1, 'a bad key is an error at the start';
    is $site->cgi(GET => '/', env => { CONFAB_SITE_DATA => '/nonexistent' })->{exit} >> 8, 1, 'so are views that are not there';
    is $site->cgi(GET => '/', env => { SCRIPT_NAME => '/cgi-bin/x', PATH_INFO => '/rooms/nowhere' })->{status}, 200, 'only REQUEST_URI counts';
    is $site->cgi(POST => '/rooms/lobby/messages', body => 'a=b', env => { CONTENT_LENGTH => $_ })->{status}, 400, "CONTENT_LENGTH '$_'"
        for '4', '-1', '3x', '99999999999999999999', ' 3';
    is $site->cgi(POST => '/rooms/lobby/messages', body => 'a=b', env => { CONTENT_LENGTH => '9' x 18 })->{status}, 413, 'CONTENT_LENGTH is judged before anything is read';
    is $site->cgi(POST => '/rooms/lobby/messages', body => 'a=b', env => { CONTENT_LENGTH => undef })->{status}, 403, 'without one the body is what comes';
    is $site->cgi(POST => '/rooms/lobby/messages', body => 'x' x 70000, env => { CONTENT_LENGTH => undef, CONTENT_TYPE => 'application/x-www-form-urlencoded' })->{status}, 413, 'up to the same limit';
    is $site->cgi(GET => '/', env => { HTTP_PROXY => 'http://evil.example:1/', REMOTE_ADDR => "'; drop table rooms --" })->{status}, 200, 'what a client claims is never believed';
    is $site->cgi(GET => '/', env => { REQUEST_URI => $_ })->{status}, 400, "REQUEST_URI '$_'" for '', 'http://x/', '*', '/%', '/%zz', '/%00', '/?%4';
};

done_testing;
