# The operator's tool on a real site: people and their sessions, what it prints, what it refuses, and its exit status.
use v5.36;
use utf8;
use Confab::Sessions;
use Confab::Site;
use Encode qw(decode encode);
use File::Temp qw(tempfile);
use POSIX ();
use Test::More;

my $site  = Confab::Site->new;
my $build = $ENV{CONFAB_BUILD} // ($ENV{CONFAB_SOURCE} // '.') . '/build/test';
my $sessions = Confab::Sessions->new($site);
our %more;    # environment of the tool

# confab with these arguments; `\ 'text'` as the first is standard input. { out, err, exit }
sub confab (@arguments) {
    my $input = ref $arguments[0] ? ${ shift @arguments } : '';
    my ($in, $in_name) = tempfile(DIR => $site->state);
    print {$in} $input;
    close $in;
    my %said = map { $_ => (tempfile(DIR => $site->state))[1] } qw(out err);
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDIN,  '<', $in_name;
        open STDOUT, '>', $said{out};
        open STDERR, '>', $said{err};
        %ENV = Confab::Site::environment(CONFAB_CONF => $site->state . '/confab.conf',
            (map { $_ => $ENV{$_} } grep { /^[AU]\w*SAN_OPTIONS$/ } keys %ENV), %more);
        exec "$build/confab", map { encode('UTF-8', $_) } @arguments or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    return { exit => $? >> 8, map { $_ => decode('UTF-8', Confab::Site::slurp($said{$_})) } keys %said };
}

sub good ($what, $out, @arguments) {
    my $said = confab(@arguments);
    is $said->{exit}, 0, "$what: done" or diag $said->{err};
    is $said->{err}, '', 'without a word of trouble';
    like $said->{out}, $out, 'with the right answer' if defined $out;
    return $said->{out};
}

sub bad ($what, $err, @arguments) {
    my $said = confab(@arguments);
    is $said->{exit}, 1, "$what: 1";
    is $said->{err}, "confab $err\n", 'one sentence';
    is $said->{out}, '', 'and nothing else';
}

sub column ($email, $what) { return decode('UTF-8', $site->psql("select $what from users where email = '$email'")) }
sub live ($email) { return $site->psql("select count(*) from tokens t join users u on u.id = t.user_id where email = '$email' and ended_as is null and expires_at > now()") }

my $password = 'a horse of 7 colours';
my $time     = qr/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/;

subtest 'usage' => sub {
    for my $words ([], ['user'], [qw(user nonsense)], [qw(user add)], [qw(user add --email)], [qw(user add --email a@b.org --email a@b.org)],
        [qw(user add --email a@b.org extra)], [qw(user add --email a@b.org --lift)], [qw(user add --name x)], [qw(user list extra)],
        [qw(user role --email a@b.org)], [qw(user role --role admin)], [qw(user password --email a@b.org)], [qw(user ban)], [qw(user ban a@b.org)],
        [qw(session)], [qw(session nonsense)], [qw(session list)], [qw(session list a@b.org)], [qw(session revoke)], [qw(session revoke a b)],
        [qw(session revoke --email a@b.org)], [qw(nonsense)]) {
        my $said = confab(@$words);
        is $said->{exit}, 2, "confab @$words: 2";
        like $said->{err}, qr/^usage: confab/, 'with the usage';
        is $said->{out}, '', 'on standard error';
    }
    good('help', qr/confab user add.*\n|confab session list/, 'help');
};

subtest 'add' => sub {
    good('the least', qr/^ann\@example\.org  member  confirmed  $time  u\w{12}  member-\w{5}\n$/, qw(user add --email ann@example.org));
    is column('ann@example.org', 'password_hash is null, confirmed_at is not null'), 't|t', 'no password, and confirmed';
    good('all', qr/^Bob\@example\.org  admin  confirmed  $time  u\w{12}  Bob é\n$/,
        qw(user add --email), ' Bob@example.org ', '--name', ' Bob é ', '--password', $password, qw(--role admin));
    like column('Bob@example.org', 'password_hash'), qr/^\$argon2id\$v=19\$m=65536,t=2,p=1\$/, 'the password is hashed';
    good('from standard input', undef, \"$password\nwhat follows\n", qw(user add --email cy@example.org --password -));
    good('without an end of the line', undef, \" spaces are kept ", qw(user add --email di@example.org --password -));
    bad('taken', 'user: email has already been taken', qw(user add --email BOB@EXAMPLE.ORG));
    bad('no address', 'user: email must have the @ sign and no spaces', qw(user add --email nonsense));
    bad('an empty one', "user: email can't be blank", qw(user add --email), ' ');
    bad('a long one', 'user: email should be at most 160 character(s)', qw(user add --email), 'a' x 160 . '@b');
    bad('a long name', 'user: name should be at most 60 character(s)', qw(user add --email x@example.org --name), 'x' x 61);
    bad('a name of two lines', 'user: name must be on one line, without control characters', qw(user add --email x@example.org --name), "a\nb");
    bad('a short password', 'user: password should be at least 12 character(s)', qw(user add --email x@example.org --password short));
    bad('no password', "user: password can't be blank", qw(user add --email x@example.org --password), '');
    bad('none on standard input', "user: password can't be blank", \"\n", qw(user add --email x@example.org --password -));
    bad('a long one there', 'user: password should be at most 72 character(s)', \('x' x 100_000), qw(user add --email x@example.org --password -));
    bad('a common one', 'user: password is too easily guessed', qw(user add --email x@example.org --password passwordpassword));
    bad('an unknown role', 'user: role must be member, moderator or admin', qw(user add --email x@example.org --role king));
    bad('several things', 'user: email must have the @ sign and no spaces, role must be member, moderator or admin', qw(user add --email x --role king));
    is $site->psql('select count(*) from users'), 4, 'what was refused is not there';
    is $site->psql("select count(distinct userid) from users where userid ~ '^u[a-z0-9]{12}\$'"), 4, 'each has a name of the row of its own';
};

subtest 'list' => sub {
    my $out = good('all', undef, qw(user list));
    my @lines = split /\n/, $out;
    is @lines, 4, 'a line each';
    my %at = map { /^(\S+ +)\S/ ? (length $1 => 1) : () } @lines;
    is keys %at, 1, 'aligned';
    is_deeply [ sort map { (split ' ')[0] } @lines ], [qw(Bob@example.org ann@example.org cy@example.org di@example.org)], 'with the address first';
    good('one', qr/^ann\@example\.org  member  confirmed .*\n$/, qw(user list --email ANN@example.org));
    bad('nobody', 'user: nobody here has that e-mail address', qw(user list --email x@example.org));
    $site->psql("insert into users (userid, name) select 'many-' || n, 'By hand' from generate_series(1, 1200) n");
    is scalar(() = confab(qw(user list))->{out} =~ /\n/g), 1204, 'however many there are';
    like confab(qw(user list))->{out}, qr/^- +member +unconfirmed +$time +many-1 +By hand$/m, 'one without address as well';
};

subtest 'role' => sub {
    good($_, qr/^$/, qw(user role --email ann@example.org --role), $_), is column('ann@example.org', 'role'), $_, 'it is so' for qw(moderator admin member);
    bad('an unknown one', 'user: role must be member, moderator or admin', qw(user role --email ann@example.org --role king));
    bad('nobody', 'user: nobody here has that e-mail address', qw(user role --email x@example.org --role admin));
};

# A session and a program of somebody.
sub sign_in ($email) {
    my %somebody = (user_id => column($email, 'id'));
    return map { $sessions->sessions(1, of => \%somebody, context => $_) } qw(session api);
}
sub reasons (@signed) {
    my $hashes = join ',', map {"'$_->{hash}'"} @signed;
    return $site->psql("select string_agg(distinct reason, ' ') || ' ' || count(*) from revocations where hash in ($hashes)");
}

subtest 'password' => sub {
    my @signed = sign_in('cy@example.org');
    my $before = column('cy@example.org', 'password_hash');
    bad('a short one', 'user: password should be at least 12 character(s)', qw(user password --email cy@example.org --password short));
    bad('an own word', 'user: password is too easily guessed', qw(user password --email cy@example.org --password cy@example.org));
    bad('none', "user: password can't be blank", \'', qw(user password --email cy@example.org --password -));
    bad('nobody', 'user: nobody here has that e-mail address', qw(user password --email x@example.org --password), $password);
    is live('cy@example.org') . column('cy@example.org', 'password_hash'), "2$before", 'nothing happened';
    good('a new one', qr/^$/, \"quite another one\n", qw(user password --email CY@example.org --password -));
    isnt column('cy@example.org', 'password_hash'), $before, 'it is new';
    is live('cy@example.org'), 0, 'sessions and programs are out';
    is reasons(@signed), 'revoked 2', 'and were told why';
};

subtest 'ban' => sub {
    my @signed = sign_in('cy@example.org');
    good('ban', qr/^$/, qw(user ban --email cy@example.org));
    is live('cy@example.org'), 0, 'sessions and programs are out';
    is reasons(@signed), 'banned 2', 'and were told why';
    like confab(qw(user list --email cy@example.org))->{out}, qr/^\S+ +member +banned /, 'the list says it';
    my $since = column('cy@example.org', 'banned_at');
    good('again', qr/^$/, qw(user ban --email cy@example.org));
    is column('cy@example.org', 'banned_at'), $since, 'changes nothing';
    good('lift', qr/^$/, qw(user ban --email cy@example.org --lift));
    like confab(qw(user list --email cy@example.org))->{out}, qr/^\S+ +member +confirmed /, 'and is back';
    is live('cy@example.org'), 0, 'but not signed in';
    good('lift again', qr/^$/, qw(user ban --lift --email cy@example.org));
    bad('nobody', 'user: nobody here has that e-mail address', qw(user ban --email x@example.org));
};

subtest 'sessions' => sub {
    my ($session, $api) = sign_in('di@example.org');
    $site->psql("update tokens set user_agent = E'Agent\\tof \\u001b[31m some kind', address = '192.0.2.7', last_seen_at = now() - interval '1 min' where hash = '$session->{hash}'");
    my $out = good('list', undef, qw(session list --email DI@example.org));
    my @lines = split /\n/, $out;
    like $lines[0], qr/^$api->{hash}  api      $time  $time  $time  -          -$/, 'a program';
    like $lines[1], qr/^$session->{hash}  session  $time  $time  $time  192\.0\.2\.7  Agent of  \[31m some kind$/, 'a browser, with nothing that moves the cursor';
    is @lines, 2, 'the latest seen first';
    bad('nobody', 'session: nobody here has that e-mail address', qw(session list --email x@example.org));
    good('nothing', qr/^$/, qw(session list --email ann@example.org));
    good('revoke', qr/^$/, qw(session revoke), $session->{hash});
    is live('di@example.org'), 1, 'the other one lives';
    is reasons($session), 'revoked 1', 'it was told why';
    unlike confab(qw(session list --email di@example.org))->{out}, qr/$session->{hash}/, 'it is not listed any more';
    bad("revoking $_", 'session: there is no live session with that hash', qw(session revoke), $_)
        for $session->{hash}, 'x' x 43, '-' x 43, 'nonsense', '', "' or true --", 'x' x 5000;
    is live('di@example.org'), 1, 'and that did nothing';
    my $id = column('di@example.org', 'id');
    $site->psql("update tokens set hash = '-' || repeat('a', 41) || 'A' where hash = '$api->{hash}'");
    good('one whose hash begins with a hyphen', qr/^$/, qw(session revoke), '-' . 'a' x 41 . 'A');
    is live('di@example.org'), 0, 'is ended too';
};

subtest 'trouble' => sub {
    my @commands = ([qw(user list)], [qw(user add --email y@example.org)], [qw(user role --email ann@example.org --role admin)],
        [qw(user password --email ann@example.org --password), $password], [qw(user ban --email ann@example.org)],
        [qw(session list --email ann@example.org)], [ qw(session revoke), 'A' x 43 ], [qw(sweep)]);
    for my $trouble ([ CONFAB_DATABASE_URL => 'host=/nonexistent dbname=confab' ], [ CONFAB_DATABASE_URL => 'nonsense' ], [ CONFAB_LIMITS_RATE => 'nonsense' ]) {
        local %more = @$trouble;
        for my $words (@commands) {
            my $said = confab(@$words);
            is $said->{exit}, 1, "@$trouble, confab @$words: 1";
            like $said->{err}, qr/^confab $words->[0]: .+\n/, 'with a sentence';
            is $said->{out}, '', 'and nothing else';
        }
    }
};

is_deeply [ $site->asan_logs ], [], 'no sanitizer found anything';
done_testing;
