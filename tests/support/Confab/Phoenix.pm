# A client of Phoenix Channels V2 for tests, independent of the npm one: it says what it is told to, and notes what it hears.
#
#     my $bob = Confab::Phoenix->new($site);                          # a guest without a cookie
#     my $reply = $bob->join('room:lobby', { last_rev => 4 });        # { status, response }
#     $reply = $bob->push('room:lobby', new_message => { ... });
#     ok $bob->wait(sub { $bob->heard('room:lobby', 'new_message') == 3 });
#     is $bob->closed, 1012;
#
# Not here: joining anew. A test that loses its connection makes a new client.
package Confab::Phoenix;
use v5.36;
use Mojo::IOLoop;
use Mojo::JSON qw(from_json to_json);
use Mojo::UserAgent;
use Mojo::Util qw(url_escape);
use Time::HiRes qw(time);
use Confab::Clock qw(countdown);

# new($site, query => {...}, headers => {...}, protocols => [...], url => ...)
sub new ($class, $site, %with) {
    my %query = (vsn => '2.0.0', ($with{query} // {})->%*);
    my $url = $with{url} // $site->ws_url('/live/websocket');
    $url .= '?' . join '&', map { "$_=" . url_escape $query{$_} } grep { defined $query{$_} } sort keys %query;
    my $self = bless { ref => 0, frames => [], ua => Mojo::UserAgent->new(max_connections => 0) }, $class;
    $self->{ua}->inactivity_timeout(0);
    $self->{ua}->websocket($url => $with{headers} // {} => $with{protocols} // [] => sub ($ua, $tx) { $self->opened($tx) });
    $self->wait(sub { $self->{tx} || $self->{refused} });
    return $self;
}

sub opened ($self, $tx) {
    if (!$tx->is_websocket) {
        $self->{refused} = $tx->res->code // -1;
        $self->{answer}  = $tx->res;
        return;
    }
    $self->{tx} = $tx;
    $tx->max_websocket_size(64 * 1024 * 1024);
    $tx->on(text => sub ($tx, $bytes) {
        my $frame = from_json(Mojo::Util::decode('UTF-8', $bytes));
        push $self->{frames}->@*, $frame;
        $self->{replies}{ $frame->[1] } = $frame if $frame->[3] eq 'phx_reply' && defined $frame->[1];
        push $self->{heard}{ $frame->[2] }{ $frame->[3] }->@*, $frame->[4];
    });
    $tx->on(finish => sub ($tx, $code, $reason) { ($self->{closed}, $self->{reason}) = ($code, $reason // '') });
}

# Run the loop until it is true, for that many seconds at most.
sub wait ($self, $question, $seconds = 10) {
    my $left = countdown($seconds);
    until ($question->()) {
        return 0 unless $left->();
        $self->hear;
    }
    return 1;
}

# Let time pass, and hear what comes.
sub rest ($self, $seconds) {
    my $end = time + $seconds;
    $self->hear while time <= $end;
    return $self;
}

# A turn of the loop.
sub hear ($self) {
    my $timer = Mojo::IOLoop->timer(0.05 => sub { });
    Mojo::IOLoop->one_tick;
    Mojo::IOLoop->remove($timer);
}

sub refused ($self) { $self->{refused} }    # the status, if it was not let in
sub answer  ($self) { $self->{answer} }
sub closed  ($self) { $self->{closed} }     # the close code
sub reason  ($self) { $self->{reason} }
sub frames  ($self) { grep { $_->[3] !~ /^presence_/ } $self->{frames}->@* } # who is here comes between anything else
sub all_frames ($self) { $self->{frames}->@* }
sub tx      ($self) { $self->{tx} }

# The payloads of an event on a topic.
sub heard ($self, $topic, $event) { ($self->{heard}{$topic}{$event} // [])->@* }
sub forget ($self) { $self->{heard} = {}; $self->{frames} = []; return $self }

# Bytes of a message, as they are.
sub raw ($self, $text) { $self->{tx}->send($text); return $self }

# Send a message without waiting; its ref.
sub say ($self, $topic, $event, $payload, $join_ref = $self->{joined}{$topic}) {
    my $ref = '' . ++$self->{ref};
    $self->raw(to_json([$join_ref, $ref, $topic, $event, $payload]));
    return $ref;
}

sub reply_to ($self, $ref, $seconds = 10) {
    $self->wait(sub { $self->{replies}{$ref} || defined $self->{closed} }, $seconds);
    my $frame = $self->{replies}{$ref} // return;
    return { join_ref => $frame->[0], $frame->[4]->%* };
}

# Send and wait for the reply: { join_ref, status, response }
sub push ($self, $topic, $event, $payload) { return $self->reply_to($self->say($topic, $event, $payload)) }

sub join ($self, $topic, $payload = {}) {
    my $ref = $self->{joined}{$topic} = '' . ($self->{ref} + 1);
    return $self->reply_to($self->say($topic, phx_join => $payload, $ref));
}

sub post ($self, $topic, $message, %more) {
    return $self->push($topic, new_message => { message => $message, name => 'Bob', %more });
}

sub heartbeat ($self) { return $self->reply_to($self->say(phoenix => heartbeat => {}, undef)) }

sub finish ($self, @code) { $self->{tx}->finish(@code) if $self->{tx} && !defined $self->{closed}; return $self }

1;
