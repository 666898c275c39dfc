# A client of the long poll that says what it is told to, in bytes of its own: a request a connection. Blocking, but for
# `hold`, which only sends a GET.
#
#     my $poll = Confab::Poll->new(port => $relay->port);            # query => {...}, headers => "X: y\r\n", base => '/',
#     (posts => header lines of POSTs alone)
#     my $answer = $poll->get;                                       # { http, head, status, token, messages => [[...]], seconds }
#     $poll->join('room:lobby');                                     # its reply's payload
#     my $held = $poll->hold; ...; $answer = $poll->answer($held);
#     $poll->post($frame, ...)->{status};
#
# Not here: what a client makes of an answer; `get` and `answer` keep the token, no more.
package Confab::Poll;
use v5.36;
use Mojo::JSON qw(decode_json from_json to_json);
use Mojo::Util qw(encode url_escape);
use Time::HiRes qw(time);
use Confab::Wire;

sub new ($class, %with) { return bless { ref => 0, query => {}, headers => '', base => '/', %with }, $class }

sub token ($self, @token) { $self->{token} = $token[0] if @token; return $self->{token} }

sub path ($self, %more) {
    my %query = (vsn => '2.0.0', $self->{query}->%*, (defined $self->{token} ? (token => $self->{token}) : ()), %more);
    return "$self->{base}live/longpoll?" . join '&', map { "$_=" . url_escape $query{$_} } grep { defined $query{$_} } sort keys %query;
}

# Send a request of any kind; the connection.
sub request ($self, $method, %with) {
    my $wire = Confab::Wire->connected(port => $self->{port}, path => $self->{path});
    my $body = $with{body};
    my $head = "$method " . ($with{path} // $self->path($with{query} ? $with{query}->%* : ())) . " HTTP/1.1\r\nHost: localhost\r\n"
        . $self->{headers} . ($with{headers} // '');
    $head .= 'Content-Length: ' . length($body) . "\r\n" if defined $body && !$with{no_length};
    $wire->{asked} = time;
    $wire->send("$head\r\n" . ($body // ''));
    return $wire;
}

sub answer ($self, $wire) {
    my $all = $wire->rest;
    my ($head, $body) = split /\r\n\r\n/, $all, 2;
    my ($http) = ($head // '') =~ m{^HTTP/1\.1 (\d+)};
    my $json = eval { decode_json($body) } // {};
    $self->{token} = $json->{token} if defined $json->{token};
    return {
        http => $http // 0, head => $head, body => $body, seconds => time - $wire->{asked}, $json->%*,
        messages => [ map { from_json($_) } ($json->{messages} // [])->@* ],
    };
}

sub hold ($self, %with) { return $self->request(GET => %with) }
sub get ($self, %with) { return $self->answer($self->hold(%with)) }
sub ask ($self, $method, %with) { return $self->answer($self->request($method, %with)) }

sub frame ($self, $topic, $event, $payload, $join_ref = $self->{joined}{$topic}) {
    $self->{last} = '' . ++$self->{ref};
    return to_json([$join_ref, $self->{last}, $topic, $event, $payload]);
}

# Each a message as text.
sub post ($self, @frames) {
    my $body = encode 'UTF-8', join "\n", @frames;
    return $self->ask(POST => body => $body, headers => "Content-Type: application/x-ndjson\r\n" . ($self->{posts} // ''));
}

# GETs until one brings a message for which it is true; that, or nothing.
sub until ($self, $question, $gets = 5) {
    for (1 .. $gets) {
        my $answer = $self->get;
        for my $message ($answer->{messages}->@*) { return $message if $question->($message) }
    }
    return;
}

sub join ($self, $topic, $payload = {}) {
    my $ref = $self->{joined}{$topic} = '' . ($self->{ref} + 1);
    $self->post($self->frame($topic, phx_join => $payload, $ref));
    my $reply = $self->until(sub ($m) { ($m->[1] // '') eq $ref });
    return $reply && $reply->[4];
}

# A new one that is joined.
sub joined ($class, %with) {
    my $topic = delete $with{topic} // 'room:lobby';
    my $self = $class->new(%with);
    $self->get;
    $self->join($topic);
    return $self;
}

1;
