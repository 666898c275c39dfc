# A real site for one test: nginx, handlers, relay and Postgres, started by `./dev up -d` in a state folder and on a port
# of its own, from the build under test; stopped when the test ends, which fails if a sanitizer found anything.
#
#     use Confab::Site;
#     my $site = Confab::Site->new(CONFAB_LIMITS_RATE => '1000/1s');
#     $t->get_ok($site->url('/rooms/lobby'))->status_is(200);
#     is $site->psql('select count(*) from messages'), 0;
#     $site->kill('relay');
#     my $answer = $site->cgi(GET => '/');          # the same handler, as plain CGI
#
# Not here: what a page says; tests ask with Mojo::UserAgent or a browser.
package Confab::Site;
use v5.36;
use Carp qw(croak);
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Spec;
use File::Path qw(remove_tree);
use File::Temp qw(tempdir tempfile);
use IO::Socket::INET;
use POSIX ();
use Test::More ();
use Time::HiRes qw(sleep);
use Confab::Clock qw(countdown);

my $source = $ENV{CONFAB_SOURCE} // abs_path(dirname(__FILE__) . '/../../..');
my $build  = $ENV{CONFAB_BUILD}  // "$source/build/test";
my %running;    # state folder => site
my $tester = $$;
my $findings = 0;    # of sanitizers; any fails the test, whoever ended the site

# Ended by a signal, a test still stops what it started.
$SIG{$_} //= sub { exit 1 } for qw(INT TERM HUP);

# What a site takes from the environment of the test: nothing of another confab.
sub environment (%env) {
    my %clean = map { $_ => $ENV{$_} } grep { !/^CONFAB_/ || /^CONFAB_(TESTS|PGBIN)$/ } keys %ENV;
    return (%clean, %env);
}

# A port that was free a moment ago.
sub free_port {
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1) or croak "no port: $!";
    return $socket->sockport;
}

# new(CONFAB_SECTION_KEY => value...): a started site. `base => '/chat/'` puts it below that path.
sub new ($class, %env) {
    my $base  = delete $env{base} // '/';
    my $state = tempdir('siteXXXXXX', DIR => $ENV{CONFAB_TESTS} // File::Spec->tmpdir);
    chmod 0711, $state;    # Postgres may have another account
    my $self = bless { state => $state, base => $base, port => free_port(), env => {%env} }, $class;
    $self->start;
    return $self;
}

sub start ($self) {
    $running{ $self->{state} } = $self;
    my $said = $self->dev('up', '-d');
    croak "./dev up -d failed: $said" if $?;
    return $self;
}

# ./dev with the site's own environment; what it said.
sub dev ($self, @arguments) {
    local %ENV = environment(
        CONFAB_STATE    => $self->{state},
        CONFAB_PORT     => $self->{port},
        CONFAB_BUILD    => $build,
        CONFAB_FSYNC    => 'off',
        CONFAB_SITE_URL => $self->url('/'),
        $self->{env}->%*,
    );
    my $pid = open(my $out, '-|') // croak "fork: $!";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        open STDIN,  '<',  '/dev/null';
        exec "$source/dev", @arguments or POSIX::_exit(127);
    }
    my $said = do { local $/; <$out> };
    close $out;
    return $said // '';
}

sub down ($self) {
    $self->dev('down');
    delete $running{ $self->{state} };
}

# The address of a path below the base path: url('/rooms/lobby').
sub url ($self, $path = '/') {
    return "http://127.0.0.1:$self->{port}" . $self->{base} . $path =~ s|^/||r;
}
sub ws_url ($self, $path) { return $self->url($path) =~ s/^http/ws/r }
sub origin ($self)        { return "http://127.0.0.1:$self->{port}" }
sub base   ($self)        { return $self->{base} }
sub port   ($self)        { return $self->{port} }
sub state  ($self)        { return $self->{state} }

# The answer of psql to a statement: rows by newline, columns by `|`. As the owner; dies on an error.
sub psql ($self, $sql) {
    my $said = $self->dev('psql', qw(-XqAt -v ON_ERROR_STOP=1 -c), $sql);
    croak "psql: $said" if $?;
    chomp $said;
    return $said;
}

# postgres, handlers, relay, nginx: the pid, or undef while it is down.
sub pid ($self, $part) {
    my $pid = slurp("$self->{state}/run/$part.pid") =~ s/\s//gr;
    return $pid && CORE::kill(0, $pid) ? $pid : undef;
}
# The handlers' workers that may hold a poll: of all processes (proc(5), stat: pid, (name), state, parent).
sub poll_workers ($self) {
    my $master = $self->pid('handlers') // return;
    return map { slurp($_) =~ /^(\d+) \(confab\.polls\) \S \Q$master\E / ? $1 : () } glob '/proc/[0-9]*/stat';
}
sub kill ($self, $part, $signal = 'KILL') { CORE::kill($signal, $self->pid($part) // croak "$part is not there") }
# End a part, and let nobody start it again before bring_back.
sub take_away ($self, $part, $signal = 'KILL') {
    open my $file, '>', "$self->{state}/run/$part.off" or croak "$part: $!";
    close $file;
    $self->kill($part, $signal);
    $self->wait_until(sub { !$self->pid($part) }) or croak "$part stays";
}
sub bring_back ($self, $part) { unlink "$self->{state}/run/$part.off" }

sub stop ($self, $part) { $self->kill($part, 'STOP') }
sub cont ($self, $part) { $self->kill($part, 'CONT') }

# What a part has logged: the four, and `access`, `dev`.
sub log ($self, $part) { return slurp("$self->{state}/log/$part.log") }

sub asan_logs ($self) { return glob "$self->{state}/log/asan.*" }

# Ask until it is true, for that many seconds at most; whether it became true.
sub wait_until ($self, $question, $seconds = 10) {
    my $left = countdown($seconds);
    until ($question->()) {
        return 0 unless $left->();
        sleep 0.02;
    }
    return 1;
}

# cgi(METHOD => path, form => {...}, body => bytes, cookie => text, headers => {...}, env => {...}): confab.fcgi as plain
# CGI on this site's database. { status, headers => { name in lower case => value, several by newline }, body }
sub cgi ($self, $method, $path, %with) {
    my $uri = $self->{base} . $path =~ s|^/||r;
    my ($query) = $uri =~ /\?(.*)/s;
    my $body = $with{body} // form_encode($with{form} // {});
    my %http = map { 'HTTP_' . uc($_ =~ tr/-/_/r) => $with{headers}{$_} } keys(($with{headers} // {})->%*);
    my ($in,  $in_name)  = tempfile(DIR => $self->{state});
    my ($out, $out_name) = tempfile(DIR => $self->{state});
    print {$in} $body;
    close $in;
    my %env = environment(
        GATEWAY_INTERFACE => 'CGI/1.1',
        SERVER_PROTOCOL   => 'HTTP/1.1',
        SERVER_NAME       => '127.0.0.1',
        SERVER_PORT       => $self->{port},
        REQUEST_METHOD    => $method,
        REQUEST_URI       => $uri,
        QUERY_STRING      => $query // '',
        SCRIPT_NAME       => '',
        REMOTE_ADDR       => '127.0.0.1',
        HTTP_HOST         => "127.0.0.1:$self->{port}",
        ($with{form} || length $body
            ? (CONTENT_TYPE => 'application/x-www-form-urlencoded', CONTENT_LENGTH => length $body) : ()),
        (defined $with{cookie} ? (HTTP_COOKIE => $with{cookie}) : ()),
        %http,
        CONFAB_CONF  => "$self->{state}/confab.conf",
        ASAN_OPTIONS => "log_path=$self->{state}/log/asan:exitcode=99:detect_stack_use_after_return=1",
        $self->{env}->%*,
        ($with{env} // {})->%*,
    );
    my $pid = fork // croak "fork: $!";
    if (!$pid) {
        open STDIN,  '<',  $in_name;
        open STDOUT, '>',  $out_name;
        open STDERR, '>>', "$self->{state}/log/cgi.log";
        %ENV = map { $_ => $env{$_} } grep { defined $env{$_} } keys %env;
        exec "$build/confab.fcgi" or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    my $exit = $?;
    my $answer = answer_parse(slurp($out_name));
    $answer->{exit} = $exit;
    unlink $in_name, $out_name;
    return $answer;
}

sub form_encode ($form) {
    my $escape = sub ($text) { utf8::encode(my $bytes = $text); $bytes =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ger };
    return join '&', map { $escape->($_) . '=' . $escape->($form->{$_}) } sort keys %$form;
}

sub answer_parse ($bytes) {
    my ($head, $body) = split /\r?\n\r?\n/, $bytes, 2;
    my %headers;
    for my $line (split /\r?\n/, $head // '') {
        my ($name, $value) = split /:\s*/, $line, 2;
        $name = lc $name;
        $headers{$name} = defined $headers{$name} ? "$headers{$name}\n$value" : $value;
    }
    my ($status) = ($headers{status} // '200') =~ /^(\d+)/;
    return { status => $status, headers => \%headers, body => $body // '' };
}

sub slurp ($path) {
    open my $file, '<:raw', $path or return '';
    local $/;
    return scalar <$file> // '';
}

# Stop and clean up; a finding of a sanitizer is shown and fails the test, whatever it said.
sub end ($self) {
    $self->down if $running{ $self->{state} };
    my @found = $self->asan_logs;
    Test::More::diag(slurp($_)) for @found;
    $findings += @found;
    remove_tree($self->{state}) unless $ENV{CONFAB_KEEP};
    return !@found;
}

END {
    my $status = $?;
    if ($$ == $tester) {
        $_->end for values %running;
        $status ||= 99 if $findings;
    }
    $? = $status;
}

1;
