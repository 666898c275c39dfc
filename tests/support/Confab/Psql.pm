# A psql that stays: statements of one connection, one after the other, so that a test can lay two transactions across each
# other and see who waits for whom.
#
#     my $ada = Confab::Psql->new($site);             # as the owner; role => 'confab_handler'
#     $ada->run('begin');                             # what it answered; dies on an error
#     $ada->send("update users set name = 'x'");      # not waited for
#     ok $ada->waits;                                 # for a lock
#     is $ada->answer, '';                            # of what was sent
#     is $ada->rings('confab_session'), 1;            # notifications heard since the last time; payloads: what they said
package Confab::Psql;
use v5.36;
use Carp qw(croak);
use IPC::Open2;
use Time::HiRes qw(sleep time);

sub new ($class, $site, %with) {
    my $socket = $site->psql('show unix_socket_directories');
    my @command = (($ENV{CONFAB_PGBIN} ? "$ENV{CONFAB_PGBIN}/psql" : 'psql'), qw(-XqAt -p 5432 -d confab -h), $socket, '-U', $with{role} // 'confab');
    my $self = bless { site => $site, rings => {} }, $class;
    $self->{child} = open2($self->{out}, $self->{in}, "exec @{[ map { quotemeta } @command ]} 2>&1");
    $self->{in}->autoflush;
    $self->{pid} = $self->run('select pg_backend_pid()');
    return $self;
}

sub send ($self, $sql) {
    print { $self->{in} } "$sql\n;\n\\echo <done>\n";
    return $self;
}

sub answer ($self) {
    my @lines;
    while (defined(my $line = readline $self->{out})) {
        chomp $line;
        last if $line eq '<done>';
        if ($line =~ /^Asynchronous notification "(\w+)"(?: with payload "(.*?)")? received/) { push $self->{rings}{$1}->@*, $2 // '' }
        elsif (length $line) { push @lines, $line }
    }
    my $said = join "\n", @lines;
    croak $said if $said =~ /^ERROR:/m;
    return $said;
}

sub run ($self, $sql) { return $self->send($sql)->answer }

# Does what was sent wait for another transaction?
sub waits ($self, $seconds = 5) {
    return $self->{site}->wait_until(sub {
        $self->{site}->psql("select count(*) from pg_stat_activity where pid = $self->{pid} and wait_event_type = 'Lock'")
    }, $seconds);
}

sub rings ($self, $channel) { return scalar $self->payloads($channel) }

# What they said.
sub payloads ($self, $channel) {
    $self->run('select');
    my $rings = delete $self->{rings}{$channel} // [];
    return @$rings;
}

sub DESTROY ($self) {
    local ($?, $!, $@);
    close $self->{in} if $self->{in};
    waitpid $self->{child}, 0 if $self->{child};
}

1;
