# What the benchmarks of tests/bench share: a site on one CPU and the client on another, runs in turn, medians, tables.
#
# 1. The machine is never quiet, so nothing is compared with a number of another day: every round runs each variant
#    once, one after the other, and what is printed are medians over the rounds and their ratios to a variant.
# 2. Servers (ours and the peers', nginx and Postgres included) are pinned to CPU 0, load generators to CPU 1. CPU time
#    is read from the scheduler for each process, so a neighbour costs us wall time and caches, but is not counted.
# 3. Every run becomes a row of build/bench/NAME.tsv, with all that was measured, before anything is summed up.
package Confab::Bench;
use v5.36;
use Carp qw(croak);
use Exporter qw(import);
use IO::Socket::INET;
use Mojo::JSON qw(decode_json);
use Time::HiRes qw(sleep);
use Confab::Site;
our @EXPORT_OK = qw(setting rounds site program client server server_stop keep median medians table say_row
    free_port limit bell_of conninfo room_new rss_of spread source_folder build_folder);

my $source = $ENV{CONFAB_SOURCE} // croak 'run it by ./dev bench';
my $build  = $ENV{CONFAB_BUILD}  // croak 'run it by ./dev bench';
my ($name) = $0 =~ m{([^/]+)$};
my %settings = map { /^(\w+)=(.*)$/ ? ($1 => $2) : (rounds => $_) } @ARGV;
my $folder   = "$source/build/bench";
my (%servers, %columns, $rows);

system 'mkdir', '-p', $folder;
$| = 1;

sub source_folder { return $source }
sub build_folder  { return $folder }

# name=value of the command line; a bare number is `rounds`.
sub setting ($key, $fallback) { return $settings{$key} // $fallback }
sub rounds ($fallback) { return 1 .. setting(rounds => $fallback) }

# All that we start runs on CPU 0, unless it says otherwise.
sub pin ($cpu, $pid = $$) { system "taskset -cp $cpu $pid >/dev/null" }
pin(0);

# From now on these processes, and all that they have started, run on those CPUs ("0,1").
sub spread ($cpus, @pids) {
    while (defined(my $pid = shift @pids)) {
        system "taskset -acp $cpus $pid >/dev/null";
        push @pids, split ' ', `cat /proc/$pid/task/*/children`;
    }
}

# A site without limits of rate, as durable as a real one.
sub site (%env) {
    return Confab::Site->new(CONFAB_LIMITS_RATE => '1000000000/1s', CONFAB_FSYNC => 'on', %env);
}

sub program ($program) { return "$build/tests/bench/$program" }
sub free_port { return Confab::Site::free_port() }
sub conninfo ($site) {
    my ($url) = Confab::Site::slurp($site->state . '/confab.conf') =~ /^migrate_url = (.*)$/m;
    return $url;
}

# Where the site's relay has its bell, or, with a name, where another one can have its own. Nothing with bell=no: then all
# doorbells are NOTIFY.
sub bell_of ($site, $name = undef) {
    my ($bell) = Confab::Site::slurp($site->state . '/confab.conf') =~ /^bell = (.*)$/m;
    $bell =~ s/bell\.sock$/$name.sock/ if $name;
    return setting(bell => 'yes') eq 'no' ? '' : $bell;
}

# Descriptors that a process may have.
sub limit { return 0 + `bash -c 'ulimit -Hn'` }

# An empty room of that name: [id, slug].
my $serial = 0;
sub room_new ($site) {
    my $slug = 'bench-' . ++$serial;
    return [ $site->psql("insert into rooms (slug, name) values ('$slug', '$slug') returning id"), $slug ];
}

# Run a load generator on CPU 1; what its line of JSON says.
sub client ($program, %arguments) {
    my @command = ('taskset', '-c', 1, program($program), map { "$_=$arguments{$_}" } sort keys %arguments);
    open(my $out, '-|', @command) or croak "$program: $!";
    my $said = do { local $/; <$out> } // '';
    close $out;
    my $status = $? >> 8;
    croak "$program failed ($status): @command" unless $said =~ /\A\{.*\}\s*\z/s;
    return { decode_json($said)->%*, status => $status };
}

# Start a server of this bench; its words go to build/bench/LABEL.log. Ready when the port takes connections.
sub server ($label, $port, $env, @command) {
    my $pid = fork // croak "fork: $!";
    if (!$pid) {
        open STDIN,  '<', '/dev/null';
        open STDOUT, '>', "$folder/$label.log";
        open STDERR, '>&', \*STDOUT;
        %ENV = (Confab::Site::environment(), %$env);
        exec 'setpriv', '--pdeathsig', 'KILL', @command or POSIX::_exit(127);
    }
    $servers{$pid} = $label;
    for (1 .. 400) {
        return $pid if !$port || IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
        croak "$label ended: " . Confab::Site::slurp("$folder/$label.log") if waitpid($pid, 1) == $pid;
        sleep 0.05;
    }
    croak "$label does not listen on $port";
}

sub server_stop (@pids) {
    for my $pid (grep { $servers{$_} } @pids) {
        kill TERM => $pid;
        for (1 .. 100) { last if waitpid($pid, 1) == $pid; sleep 0.05; }
        kill KILL => $pid;
        waitpid $pid, 0;
        delete $servers{$pid};
    }
}

# Keep a run: a row of the file, and in memory for the medians.
my %runs;
sub keep ($variant, %row) {
    if (!$rows) {
        open $rows, '>', "$folder/$name.tsv" or croak "$folder/$name.tsv: $!";
        $rows->autoflush(1);
    }
    print {$rows} join("\t", $variant, map { "$_=" . ($row{$_} // '') } sort keys %row), "\n";
    push $runs{$variant}->@*, {%row};
    return;
}

sub median (@values) {
    my @sorted = sort { $a <=> $b } grep { defined } @values;
    return unless @sorted;
    return @sorted % 2 ? $sorted[ @sorted / 2 ] : ($sorted[ @sorted / 2 - 1 ] + $sorted[ @sorted / 2 ]) / 2;
}

# The median of a column over a variant's runs; all values in list context are not wanted, so (median, least, most).
sub medians ($variant, $column) {
    my @values = sort { $a <=> $b } grep { defined } map { $_->{$column} } ($runs{$variant} // [])->@*;
    return unless @values;
    return wantarray ? (median(@values), $values[0], $values[-1]) : median(@values);
}

# Rows of texts, the first is the head.
sub table ($title, @rows) {
    my @width;
    for my $row (@rows) {
        for my $i (0 .. $#$row) {
            $row->[$i] //= '-';
            $width[$i] = length $row->[$i] if length $row->[$i] > ($width[$i] // 0);
        }
    }
    say "\n$title";
    for my $row (@rows) {
        say join '  ', map { sprintf $_ ? "%$width[$_]s" : "%-$width[0]s", $row->[$_] } 0 .. $#$row;
    }
    return;
}

sub say_row ($text) { print STDERR "  $text\n" }

END {
    my $status = $?;
    server_stop(keys %servers);
    $? = $status;
}

1;
