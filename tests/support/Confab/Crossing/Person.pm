# One of the people of Confab::Crossing: reads and posts over one transport, changes to another when told, and comes back when the
# connection is lost.
package Confab::Crossing::Person;
use v5.36;
use Mojo::IOLoop;
use Mojo::JSON qw(to_json);
use Time::HiRes qw(sleep time);
use Confab::LongPoll;
use Confab::Phoenix;

sub new ($class, $crossing, $number, $sessions, $session) {
    return bless {
        sessions => $sessions, session => $session, crossing => $crossing, number => $number, polling => $number % 2, cursor => {}, seen => {}, last => 0, outbox => {},
        map { $_ => 0 } qw(twice reordered reconnects polls frames late ref),
    }, $class;
}

sub count ($self)   { return scalar keys $self->{seen}->%* }
sub waiting ($self) { return scalar keys $self->{outbox}->%* }

sub change ($self) {
    $self->lose;
    $self->{polling} = !$self->{polling};
}

# A message as it is shown: twice, if it was shown; out of order, if one behind it was.
sub show ($self, $message) {
    $self->{twice}++ if $self->{seen}{ $message->{seq} }++;
    $self->{reordered}++ if $message->{seq} < $self->{last};
    $self->{last} = $message->{seq} if $message->{seq} > $self->{last};
    delete $self->{outbox}{ $message->{client_id} // '' };
}

sub frame ($self, $frame) {
    my ($join_ref, $ref, $topic, $event, $payload) = @$frame;
    return if defined $join_ref && $join_ref ne ($self->{join_ref} // '');
    $self->{frames}++;
    if ($event eq 'new_message') {
        $self->show($payload);
        $self->{cursor}{last_rev} = $payload->{rev} if $payload->{rev} > ($self->{cursor}{last_rev} // 0);
    } elsif ($event eq 'phx_error' || $event eq 'phx_close') {
        $self->lose;
    } elsif ($event eq 'phx_reply' && $ref eq $self->{join_ref}) {
        return $self->lose if $payload->{status} ne 'ok';
        my $response = $payload->{response};
        die 'the server says reset' if $response->{reset};
        if (defined $self->{cursor}{last_rev} || $response->{rev} <= 20) { $self->show($_) for $response->{messages}->@* }
        $self->{cursor} = { last_rev => $response->{rev}, epoch => $response->{epoch} };
        $self->{joined} = 1;
        $_->{sent} = 0 for values $self->{outbox}->%*;
    } elsif ($event eq 'phx_reply' && $self->{asked}{$ref}) {
        my $id = delete $self->{asked}{$ref};
        if ($payload->{status} eq 'ok') { delete $self->{outbox}{$id} }
        elsif ($self->{outbox}{$id}) { $self->{outbox}{$id}{sent} = 0 }
    }
}

sub post ($self, $text) {
    my $id = sprintf '%08x-%04x-4000-8000-%012x', $$, $self->{number}, ++$self->{serial};
    $self->{outbox}{$id} = { text => $text, sent => 0, place => $self->{serial} };
}

sub line ($self, $event, $payload) {
    my $ref = '' . ++$self->{ref};
    $self->{join_ref} = $ref if $event eq 'phx_join';
    return ($ref, Mojo::Util::encode('UTF-8', to_json([ $self->{join_ref}, $ref, 'room:lobby', $event, $payload ])));
}

# What has to be sent: at most twenty at once.
sub lines_due ($self) {
    my @lines;
    for my $id (sort { $self->{outbox}{$a}{place} <=> $self->{outbox}{$b}{place} } grep { !$self->{outbox}{$_}{sent} } keys $self->{outbox}->%*) {
        last if @lines == 20;
        my ($ref, $line) = $self->line(new_message => { message => $self->{outbox}{$id}{text}, client_id => $id });
        $self->{outbox}{$id}{sent} = 1;
        $self->{asked}{$ref} = $id;
        push @lines, $line;
    }
    return @lines;
}

sub lose ($self) {
    $self->{socket}->finish if $self->{socket} && $self->{socket}->tx;
    $_->leave for grep { $_ } delete @$self{qw(held posted)};
    delete @$self{qw(socket poll joined asked join_ref)};
    $self->{reconnects}++;
}

sub step ($self) {
    return $self->{polling} ? $self->step_poll : $self->step_socket;
}

# ---- websocket

sub step_socket ($self) {
    my $port = $self->{crossing}{port};
    if (!$self->{socket}) {
        my $socket = $self->{sessions}->phoenix($self->{session}, url => "ws://127.0.0.1:$port/live/websocket");
        if (!$socket->tx) { sleep 0.05; return $self->{reconnects}++ }
        $self->{socket} = $socket;
        my (undef, $join) = $self->line(phx_join => $self->{cursor});
        $socket->raw($join);
    }
    $self->{socket}->raw($_) for $self->{joined} ? $self->lines_due : ();
    my $timer = Mojo::IOLoop->timer(0.005 => sub { });
    Mojo::IOLoop->one_tick;
    Mojo::IOLoop->remove($timer);
    my $socket = $self->{socket};
    while ($self->{socket} && $socket->{frames}->@*) { $self->frame(shift $socket->{frames}->@*) }
    $self->lose if $self->{socket} && defined $socket->closed;
}

# ---- long poll

sub open_poll ($self) {
    my $poll = Confab::LongPoll->for($self->{crossing}{site}, $self->{sessions}, $self->{session}, port => $self->{crossing}{port});
    if (($poll->open // 0) != 410) { sleep 0.05; return $self->{reconnects}++ }
    $self->{poll} = $poll;
    my (undef, $join) = $self->line(phx_join => $self->{cursor});
    $self->{posted} = $poll->request(POST => body => $join);
}

sub step_poll ($self) {
    $self->{poll} || $self->open_poll;
    my $poll = $self->{poll} // return;
    if (!$self->{held}) { $self->{held} = $poll->ask; $self->{polls}++ }
    if ($self->{posted} && $self->{posted}->done) {
        return $self->lose if ((delete $self->{posted})->answer->{status} // 0) != 200;
    } elsif (!$self->{posted} && $self->{joined}) {
        my @lines = $self->lines_due;
        $self->{posted} = $poll->request(POST => body => join "\n", @lines) if @lines;
    }
    return unless $self->{held}->done(0.003);
    my $answer = (delete $self->{held})->answer;
    return $self->lose unless ($answer->{status} // 0) =~ /^20[04]$/;
    $poll->{token} = $answer->{token};
    for my $frame ($answer->{messages}->@*) { $self->frame($frame) if $self->{poll} }
}

1;
