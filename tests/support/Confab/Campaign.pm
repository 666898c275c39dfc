# A fault campaign: a site whose relay reaches Postgres through a proxy of ours, the load (tests/support/load), and the
# faults, each by its name. Everybody's part of what was said is compared in the end.
#
#     my $campaign = Confab::Campaign->new(readers => 6, rate => 100);
#     my $recovery = $campaign->fault('relay-kill');    # { name, outage, first, all } in milliseconds
#     my $verdict  = $campaign->finish;                  # { good, acknowledged, lost, twice, reordered, ... }
package Confab::Campaign;
use v5.36;
use Carp qw(croak);
use IO::Handle;
use IO::Select;
use IPC::Open2 qw(open2);
use List::Util qw(max);
use Time::HiRes qw(sleep time);
use Confab::Clock qw(countdown);
use Confab::Site;

my $build = $ENV{CONFAB_BUILD} // croak 'CONFAB_BUILD is not set';

# name => what breaks it, and makes it whole again. "lasts" is in seconds, for those that can last.
my %faults = (
    'relay-kill' => sub ($self, $lasts) {
        $self->kill_part('relay');
    },
    'handler-kill' => sub ($self, $lasts) {    # before, in, and after a COMMIT, as it happens: the others go on
        my @workers = children($self->{site}->pid('handlers') // return);
        kill KILL => $workers[ rand @workers ] if @workers;
    },
    'handlers-kill' => sub ($self, $lasts) {
        $self->kill_part('handlers');
    },
    'listen-cut' => sub ($self, $lasts) {
        for my $round (1 .. 4) {
            my $start = time;
            $self->sql(q(select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'confab-relay listen'));
            sleep max(0, 0.7 - (time - $start)) if $round < 4;
        }
    },
    'connections-cut' => sub ($self, $lasts) {
        $self->sql(q(select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'confab%'));
    },
    'postgres-immediate' => sub ($self, $lasts) {    # as pg_ctl -m immediate does
        my $site = $self->{site};
        my $before = $site->pid('postgres');
        kill QUIT => $before;
        $site->wait_until(sub { my $now = $site->pid('postgres'); $now && $now != $before }, 30);
        $site->wait_until(sub { $self->postgres_answers }, 30) or croak 'Postgres does not come back';
    },
    'relay-stop' => sub ($self, $lasts) {
        $self->{site}->stop('relay');
        sleep $lasts;
        $self->{site}->cont('relay');
    },
    'partition-hole' => sub ($self, $lasts) { $self->partition('hole', $lasts) },
    'partition-lose' => sub ($self, $lasts) { $self->partition('lose', $lasts) },
    'partition-cut'  => sub ($self, $lasts) { $self->partition('cut',  $lasts) },
    'readers-stall'  => sub ($self, $lasts) {
        $self->order('stall ' . ($self->{load_with}{directs} || 1));
        sleep $lasts;
        $self->order('go');
    },
    'row-lock' => sub ($self, $lasts) {
        $self->sql("begin; select id from rooms for update; select pg_sleep($lasts); commit");
    },
);
sub names { return sort keys %faults }

sub new ($class, %with) {
    my %env = (CONFAB_LIMITS_RATE => '1000000/1s', (delete $with{env} // {})->%*);
    my $partition = delete $with{partition} // 1;
    my $site = delete $with{site} // Confab::Site->new(%env);
    my $self = bless { site => $site, recoveries => [] }, $class;
    $self->start_proxy if $partition;
    my ($sockets) = Confab::Site::slurp($site->state . '/confab.conf') =~ /^listen = (unix:\S*relay\.sock)$/m;
    $self->{load_with} = {
        front  => '127.0.0.1:' . $site->port,
        direct => $sockets,
        origin => $site->origin,
        base   => $site->base,
        run    => "r$$-" . time,
        %with,
    };
    $self->start_load;
    return $self;
}

sub site ($self) { return $self->{site} }

# The site starts anew, with its relay behind the proxy.
sub start_proxy ($self) {
    my $site = $self->{site};
    my ($host) = Confab::Site::slurp($site->state . '/confab.conf') =~ /^relay_url = .*?host=(\S+)/m;
    $self->{psql_host} = $host;
    $self->{proxy_pid} = open2($self->{proxy_said}, $self->{proxy}, "$build/tests/support/proxy", "$host/.s.PGSQL.5432");
    my ($port) = readline($self->{proxy_said}) =~ /^port (\d+)/;
    $site->down;
    $site->{env}{"CONFAB_DATABASE_${_}_URL"} = "host=127.0.0.1 port=$port dbname=confab user=confab_relay" for qw(RELAY LISTEN);
    $site->start;
}

sub start_load ($self) {
    my %with = $self->{load_with}->%*;
    $self->{heard} = '';
    $self->{load_pid} = open2($self->{said}, $self->{orders}, "$build/tests/support/load/load", map { "$_=$with{$_}" } sort keys %with);
    $self->{orders}->autoflush;
    $self->await('ready', 30);
}

sub order ($self, $line) { print { $self->{orders} } "$line\n" }

# The rest of the load's next line that begins with one of these words.
sub await ($self, $word, $seconds) {
    my $left = countdown($seconds);
    while (my $wait = $left->()) {
        if ($self->{heard} =~ s/^(.*)\n//) {
            my $line = $1;
            return $line if $line =~ /^(?:$word)\b/;
            next;
        }
        next unless IO::Select->new($self->{said})->can_read($wait);
        sysread($self->{said}, $self->{heard}, 65536, length $self->{heard}) or croak 'the load has ended';
    }
    croak "the load does not say: $word";
}

sub sql ($self, $sql) { return $self->{site}->psql($sql) }

sub postgres_answers ($self) {
    my $answer = eval { $self->sql('select 1') } // '';
    return $answer eq '1';
}

sub children ($pid) {
    return split ' ', Confab::Site::slurp("/proc/$pid/task/$pid/children");
}

sub kill_part ($self, $part) {
    my $site   = $self->{site};
    my $before = $site->pid($part) // croak "$part is not there";
    kill KILL => $before;
    $site->wait_until(sub { my $now = $site->pid($part); $now && $now != $before }, 30) or croak "$part does not come back";
}

sub proxy ($self, $mode) {
    $self->{proxy}->autoflush;
    print { $self->{proxy} } "$mode\n";
    readline $self->{proxy_said};
}

sub partition ($self, $mode, $lasts) {
    $self->proxy($mode);
    sleep $lasts;
    $self->proxy('pass');
}

# Let something break, and wait until everybody is well again.
sub fault ($self, $name, $lasts = 1) {
    my $break = $faults{$name} // croak "no fault $name";
    $self->order("fault $name");
    $break->($self, $lasts);
    $self->order('back');
    my %said = ($self->await('recovered', 60) =~ /(\w+)=(-?\d+)/g, name => $name, lasts => $lasts);
    push $self->{recoveries}->@*, \%said;
    return \%said;
}
sub recoveries ($self) { return $self->{recoveries}->@* }

sub stats ($self) {
    $self->order('stats');
    return { $self->await('stats', 10) =~ /(\w+)=([\d.-]+)/g };
}

# Without a judgement.
sub leave ($self) {
    close $self->{orders};
    waitpid $self->{load_pid}, 0;
}

# What the database holds, as the load is to read it; change sees the lines first.
sub end_load ($self, $change) {
    my $site = $self->{site};
    $self->order('stop');
    $self->await('quiet', 60);
    $self->order('drain ' . $site->psql(q(select rev from rooms where slug = 'lobby')));
    ($self->{undrained}) = $self->await('drained|undrained', 30) =~ /(\d+)/;    # readers who are not there in the end
    my $rows = $site->state . '/rows';
    my $sql = q(select m.seq, replace(m.message, E'\n', ' ') from messages m join rooms r on r.id = m.room_id where r.slug = 'lobby' order by m.id);
    my @lines = split /\n/, $site->psql($sql);
    $change->(\@lines);
    open my $file, '>:raw', $rows or croak $!;
    print {$file} "$_\n" for @lines;
    close $file;
    return $rows;
}

# Stop posting, let everybody catch up, and judge.
sub finish ($self, $change = sub { }) {
    my $rows = $self->end_load($change);
    $self->order("judge $rows");
    my %verdict = $self->await('verdict', 60) =~ /(\w+)=(\d+)/g;
    waitpid $self->{load_pid}, 0;
    $verdict{undrained} = $self->{undrained} // 0;
    $verdict{good} = $? == 0 && !$verdict{undrained};
    if ($self->{proxy_pid}) {
        close $self->{proxy};
        waitpid $self->{proxy_pid}, 0;
    }
    return \%verdict;
}

1;
