# A second relay on a site's database, on a port of its own and with settings of its own; for tests of what one relay does.
# It ends with the test. listen => 'unix' gives it a socket instead, where it believes X-Forwarded-For;
# port => N takes that port, also that of one that was crashed. It has a bell of its own, as on another host, at bell; with
# CONFAB_RELAY_BELL it has that one.
#
#     my $relay = Confab::Relay->new($site, CONFAB_LIMITS_BODY => '16 MiB');      # descriptors => 100 lowers RLIMIT_NOFILE
#     my $wire  = Confab::Wire->new(port => $relay->port);
package Confab::Relay;
use v5.36;
use Carp qw(croak);
use POSIX ();
use Time::HiRes qw(sleep);
use Confab::Site;
use Confab::Wire;

my $build = $ENV{CONFAB_BUILD} // croak 'CONFAB_BUILD is not set';
my ($tester, $serial, %running) = ($$, 0);

sub new ($class, $site, %env) {
    my ($descriptors, $listen, $port) = delete @env{qw(descriptors listen port)};
    my $self = bless { log => $site->state . '/log/relay-' . ++$serial . '.log' }, $class;
    $self->{bell} = $site->state . "/run/bell-$serial.sock";
    if ($listen) { $self->{path} = $site->state . "/run/relay-$serial.sock" }
    else         { $self->{port} = $port // Confab::Site::free_port() }
    my $pid = fork // croak "fork: $!";
    if (!$pid) {
        open STDIN,  '<',  '/dev/null';
        open STDOUT, '>>', $self->{log};
        open STDERR, '>&', \*STDOUT;
        my $state = $site->state;
        %ENV = Confab::Site::environment(
            CONFAB_CONF         => "$state/confab.conf",
            CONFAB_RELAY_BELL   => "unix:$self->{bell}",
            CONFAB_RELAY_LISTEN => $listen ? "unix:$self->{path}" : "127.0.0.1:$self->{port}",
            ASAN_OPTIONS        => "log_path=$state/log/asan:exitcode=99:detect_stack_use_after_return=1",
            UBSAN_OPTIONS       => "log_path=$state/log/asan:exitcode=99:print_stacktrace=1",
            %env,
        );
        exec(($descriptors ? ('prlimit', "--nofile=$descriptors") : ()), "$build/confab-relay") or POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    $running{$pid} = $self;
    $site->wait_until(sub { (eval { $self->ask('/live/healthz') } // '') =~ / 200 / }) or croak 'the relay does not start: ' . $self->log;
    return $self;
}

sub port ($self) { $self->{port} }
sub path ($self) { $self->{path} }
sub bell ($self) { $self->{bell} }
sub pid  ($self) { $self->{pid} }
sub log  ($self) { return Confab::Site::slurp($self->{log}) }

# The answer to a GET.
sub ask ($self, $path) {
    my $wire = Confab::Wire->connected(port => $self->{port}, path => $self->{path});
    $wire->send("GET $path HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return $wire->rest;
}

# Seconds of processor time that it has used.
sub used ($self) {
    my @stat = split ' ', Confab::Site::slurp("/proc/$self->{pid}/stat") =~ s/^.*\) //r;
    return ($stat[11] + $stat[12]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# Killed, as a crash would.
sub crash ($self) {
    my $pid = delete $running{ $self->{pid} } && $self->{pid} or return;
    kill KILL => $pid;
    waitpid $pid, 0;
}

# Ended in order, with its exit status.
sub end ($self) {
    my $pid = delete $running{ $self->{pid} } && $self->{pid} or return 0;
    kill $_ => $pid for qw(TERM CONT);    # it may be stopped
    waitpid $pid, 0;
    return $? >> 8;
}

# How many of those that still run do not end in order, or had something that a sanitizer found.
sub end_all ($class) { return scalar grep { $_ } map { $_->end } values %running }

END {
    my $status = $?;
    if ($$ == $tester) { $status ||= 99 if Confab::Relay->end_all }
    $? = $status;
}

1;
