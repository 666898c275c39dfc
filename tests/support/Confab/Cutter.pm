# A relay of bytes between a handler and Postgres, in a process of its own, which cuts the connection where it is told to.
#
#     my $cutter = Confab::Cutter->new($folder_of_postgres, $folder_of_its_own);
#     $cutter->start(message_insert => 'after', 1);    # cut the first time that is run; again with others as often as wanted
#     ... $cutter->conninfo ...
#     $cutter->trips;                                  # how often a statement, or several, were sent since the start
#     $cutter->cuts;                                   # how often it has cut
#     $cutter->stop;
#
# When: `before` it reaches Postgres, `after` Postgres has answered, `within` the answer, of which the first half gets through.
# `skip` times it is let through first.
package Confab::Cutter;
use v5.36;
use Carp qw(croak);
use IO::Select;
use IO::Socket::UNIX;
use POSIX ();

sub new ($class, $postgres, $folder) {
    mkdir $folder or croak "$folder: $!" unless -d $folder;
    return bless { postgres => $postgres, folder => $folder, pid => undef }, $class;
}

sub conninfo ($self, $user = 'confab_handler') { return "host=$self->{folder} port=5432 dbname=confab user=$user" }
sub trips ($self) { return -s "$self->{folder}/trips" // 0 }
sub cuts  ($self) { return -s "$self->{folder}/cuts" // 0 }

sub start ($self, $what = '', $when = '', $cuts = 0, %with) {
    $self->stop;
    unlink "$self->{folder}/.s.PGSQL.5432";
    my $listener = IO::Socket::UNIX->new(Local => "$self->{folder}/.s.PGSQL.5432", Listen => 5) or croak "listen: $!";
    open my $trips, '>', "$self->{folder}/trips" or croak "trips: $!";
    open my $cut, '>', "$self->{folder}/cuts" or croak "cuts: $!";
    $self->{pid} = fork // croak "fork: $!";
    return $self if $self->{pid};
    local $SIG{TERM} = 'DEFAULT';
    my $skip = $with{skip} // 0;
    while (my $client = $listener->accept) {
        my $server = IO::Socket::UNIX->new(Peer => "$self->{postgres}/.s.PGSQL.5432") or POSIX::_exit(1);
        my ($select, $answering) = (IO::Select->new($client, $server), 0);
        CONNECTION: while (my @ready = $select->can_read) {
            for my $from (@ready) {
                sysread $from, my $bytes, 65536 or last CONNECTION;
                if ($from == $client && $bytes =~ /\AB...../s) {    # Bind
                    syswrite $trips, '.';
                }
                if ($from == $client && $cuts > 0 && $bytes =~ /B....\0\Q$what\E\0/s && $skip-- <= 0) {
                    $cuts--;
                    syswrite $cut, '.';
                    last CONNECTION if $when eq 'before';
                    $answering = 1;
                }
                if ($from == $server && $answering) {
                    syswrite $client, substr $bytes, 0, length($bytes) / 2 if $when eq 'within';
                    last CONNECTION if $when eq 'within' || $bytes =~ /Z\0\0\0\x05.\z/s;    # ReadyForQuery
                    next;
                }
                syswrite $from == $client ? $server : $client, $bytes;
            }
        }
        close $_ for $client, $server;
    }
    POSIX::_exit(0);
}

sub stop ($self) {
    my $pid = $self->{pid} // return;
    kill TERM => $pid;
    waitpid $pid, 0;
    $self->{pid} = undef;
}

sub DESTROY ($self) {
    local $?;
    $self->stop;
}

1;
