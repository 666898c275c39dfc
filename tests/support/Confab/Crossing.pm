# A campaign of people who go from the websocket to long poll and back, while relays and poll workers are killed: two relays and
# the handlers' poll pool behind one nginx, in turn.
#
#     my $crossing = Confab::Crossing->new(messages => 2000, changes => 20, kills => 20);
#     my $found = $crossing->run;     # { messages, lost, twice, reordered, changes, kills, reconnects, polls, seconds, ... }
#
# Half of the messages are posted by the people themselves, over whatever transport they are on, with client_ids, until they are
# known to be stored; the others by psql. They are signed in: a client_id is its author's, and a guest without a cookie is another
# one with each connection. Who reads remembers (rev, epoch) and says it when joining, as the page does.
package Confab::Crossing;
use v5.36;
use Carp qw(croak);
use Mojo::IOLoop;
use Mojo::JSON qw(to_json);
use POSIX ();
use Time::HiRes qw(sleep time);
use Confab::Psql;
use Confab::Relay;
use Confab::Sessions;
use Confab::Site;
use Confab::Crossing::Person;

my ($tester, @started) = ($$);

sub new ($class, %with) {
    my $self = bless { messages => 2000, changes => 20, kills => 20, people => 2, rate => 100, %with }, $class;
    $self->{site} = Confab::Site->new(CONFAB_LIMITS_RATE => '100000/1s', CONFAB_RELAY_POLL_WINDOW => '2 s', CONFAB_HANDLER_POLLS => 8);
    $self->{site}->take_away('relay');
    $self->{relays} = [ map { $self->start_relay } 1, 2 ];
    $self->start_nginx;
    return $self;
}

sub start_relay ($self, @port) {
    return Confab::Relay->new($self->{site}, CONFAB_LIMITS_RATE => '100000/1s', CONFAB_RELAY_POLL_WINDOW => '2 s', @port ? (port => $port[0]) : ());
}

# Does a relay answer the long poll?
sub relay_polls ($self) { return $self->{relays}[0]->ask('/live/longpoll?vsn=2.0.0&') =~ /"status":410/ }

sub start_nginx ($self) {
    my $folder = $self->{site}->state . '/crossing';
    mkdir $folder or croak $!;
    my ($front, $stand_in) = map { Confab::Site::free_port() } 1, 2;
    my ($one, $two) = map { $_->port } $self->{relays}->@*;
    my $relays = "server 127.0.0.1:$one max_fails=0; server 127.0.0.1:$two max_fails=0;";
    my $polls  = ($self->relay_polls ? $relays : '') . " server 127.0.0.1:$stand_in max_fails=0;";
    my $params = join "\n", Confab::Site::slurp($self->{site}->state . '/nginx/confab.conf') =~ /location "\@polls.*?\n(.*?)^\}/ms;
    my $next = 'proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_next_upstream error timeout http_502 http_503 non_idempotent;';
    open my $conf, '>', "$folder/nginx.conf" or croak $!;
    print {$conf} <<~TEXT;
        daemon off; worker_processes 1; pid $folder/pid; error_log $folder/error.log crit;
        @{[ $< == 0 ? 'user root root;' : '' ]}
        events { worker_connections 1024; }
        http {
            access_log off;
            @{[ join ' ', map { "${_}_temp_path $folder/$_;" } qw(client_body proxy fastcgi uwsgi scgi) ]}
            upstream relays { $relays }
            upstream polls { $polls }
            server {
                listen 127.0.0.1:$front;
                location /live/websocket { proxy_pass http://relays; $next proxy_set_header Upgrade \$http_upgrade; proxy_set_header Connection upgrade; }
                location /live/longpoll { proxy_pass http://polls; $next proxy_set_header Connection ""; proxy_read_timeout 17s; }
            }
            server {
                listen 127.0.0.1:$stand_in;
                location / { $params }
            }
        }
        TEXT
    close $conf;
    my $pid = fork // croak "fork: $!";
    if (!$pid) { exec 'nginx', '-p', $folder, '-c', 'nginx.conf', '-e', "$folder/error.log" or POSIX::_exit(127) }
    push @started, $pid;
    $self->{port} = $front;
    $self->{site}->wait_until(sub { eval { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $front) } }) or croak 'nginx does not start';
}

# Somebody at psql: so many messages, so many a second, each with its bell.
sub start_writer ($self, $count) {
    my $pid = fork // croak "fork: $!";
    if ($pid) { push @started, $pid; return }
    my $psql = Confab::Psql->new($self->{site});
    my $began = time;
    for my $n (1 .. $count) {
        $psql->run("insert into messages (room_id, name, message) values (1, 'Op', 'written $n')");
        $psql->run(q(select pg_notify('confab_room', '1')));
        my $ahead = $began + $n / $self->{rate} * 2 - time;
        sleep $ahead if $ahead > 0;
    }
    POSIX::_exit(0);
}

# In turn: a relay, all workers that may hold a poll, the other relay.
sub kill_something ($self) {
    my $which = $self->{killed}++ % 3;
    if ($which == 1) { return kill KILL => $self->{site}->poll_workers }
    my $old = $self->{relays}[ $which ? 1 : 0 ];
    $old->crash;
    $self->{relays}[ $which ? 1 : 0 ] = $self->start_relay($old->port);
}

sub run ($self) {
    my ($half, $began) = (int($self->{messages} / 2), time);
    my $sessions = Confab::Sessions->new($self->{site});
    my @sessions = $sessions->sessions($self->{people});
    my @people = map { Confab::Crossing::Person->new($self, $_, $sessions, $sessions[$_ - 1]) } 1 .. $self->{people};
    $_->step for @people;
    $self->start_writer($self->{messages} - $half);
    my ($posted, $kills, $changes, $moved) = (0, 0, 0, time);
    my ($seen, $end) = (0, 0);
    until ($end) {
        my $due = (time - $began) * $self->{rate} / 2;
        while ($posted < $half && $posted < $due) { $people[ $posted % @people ]->post('posted ' . ++$posted) }
        $_->step for @people;
        my $now = $people[0]->count;
        ($seen, $moved) = ($now, time) if $now > $seen;
        if ($kills < $self->{kills} && $seen >= ($kills + 0.5) * $self->{messages} / $self->{kills}) { $kills++; $self->kill_something }
        if ($changes < $self->{changes} && $seen >= ($changes + 0.2) * $self->{messages} / $self->{changes}) { $changes++; $_->change for @people }
        $end = 1 if time - $moved > 30 || !grep { $_->count < $self->{messages} || $_->waiting } @people;
    }
    my %found = (messages => $self->{site}->psql('select count(*) from messages'), kills => $kills, changes => $changes, seconds => time - $began);
    for my $person (@people) {
        $found{lost} += $found{messages} - $person->count;
        $found{$_} += $person->{$_} for qw(twice reordered reconnects polls frames late);
    }
    return \%found;
}

END {
    my $status = $?;
    if ($$ == $tester) { for (@started) { kill TERM => $_; waitpid $_, 0 } }
    $? = $status;
}

1;
