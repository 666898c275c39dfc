# A client of the long poll that says what it is told to: a request a connection, so that many can wait at the same time.
#
#     my $bob = Confab::LongPoll->new($site);                 # a guest without a cookie; port => of a relay, token => ...,
#                                                             # query => {}, headers => {}, posts => {} (headers of POSTs alone)
#     is $bob->open, 410;                                     # the first GET; it has a token now
#     is $bob->say('room:lobby', phx_join => {}), 200;        # a POST
#     my $held = $bob->ask;                                   # a GET that may be held; not waited for
#     my $answer = $held->answer;                             # { status, token, messages => [frame, ...], http, head, took, ran }
#                                                             # (seconds, and those without what the machine stood still)
#     $bob->take($answer);                                    # go on with its token, note what it heard
#     $answer = $bob->get;                                    # all three
#     $bob->get until $bob->heard('room:lobby', 'new_message');
#
# Not here: what the stock client does with it.
package Confab::LongPoll;
use v5.36;
use Mojo::JSON qw(decode_json from_json to_json);
use Mojo::Util qw(encode url_escape);
use Time::HiRes qw(time);
use Confab::Clock qw(countdown running_time);
use Confab::Wire;

our $patience = 25;

# for($site, $session, Confab::Sessions): as the open page of somebody who is signed in.
sub for ($class, $site, $sessions, $session, %with) {
    return $class->new($site, %with,
        query   => { _csrf_token => $sessions->csrf($session) },
        headers => { Cookie => $session->{cookie}, Origin => $site->origin, 'Sec-Fetch-Site' => 'same-origin' });
}

sub new ($class, $site, %with) {
    return bless { site => $site, port => $with{port} // $site->port, base => $site->base, query => { vsn => '2.0.0', ($with{query} // {})->%* },
        headers => $with{headers} // {}, posts => $with{posts} // {}, ref => 0, token => $with{token} // '', heard => {} }, $class;
}

sub token ($self, @token) { $self->{token} = $token[0] if @token; return $self->{token} }

sub headers ($self, $method, $with) {
    my %post = ('Content-Type' => 'application/x-ndjson', 'Content-Length' => length($with->{body} // ''), $self->{posts}->%*);
    my %all = (Host => "127.0.0.1:$self->{port}", Connection => 'close', $self->{headers}->%*, ($method eq 'POST' ? %post : ()), ($with->{headers} // {})->%*);
    return map { "$_: $all{$_}\r\n" } grep { defined $all{$_} } sort keys %all;
}

# Send a request, and do not wait: query and headers are added to what there is, undef takes away.
sub request ($self, $method, %with) {
    my %query = ($self->{query}->%*, ($self->{token} ne '' ? (token => $self->{token}) : ()), ($with{query} // {})->%*);
    my $path = $self->{base} . 'live/longpoll?' . join '&', map { "$_=" . url_escape $query{$_} } grep { defined $query{$_} } sort keys %query;
    my $wire = Confab::Wire->connected(port => $self->{port});
    $wire->send(join '', "$method $path HTTP/1.1\r\n", $self->headers($method, \%with), "\r\n", $with{body} // '');
    return bless { wire => $wire, began => time, running => running_time }, 'Confab::LongPoll::Request';
}

sub ask ($self, %with) { return $self->request(GET => %with) }
sub get ($self, %with) { return $self->take($self->ask(%with)->answer) }

# The first GET; its status.
sub open ($self) {
    $self->{token} = '';
    my $answer = $self->ask->answer;
    $self->{token} = $answer->{token} // '';
    return $answer->{status};
}

# The line of a message; phx_join makes a new join_ref.
sub line ($self, $topic, $event, $payload, $join_ref = undef) {
    my $ref = '' . ++$self->{ref};
    $self->{joined}{$topic} = $join_ref // $ref if $event eq 'phx_join';
    $self->{last} = $ref;
    return encode('UTF-8', to_json([$topic eq 'phoenix' ? undef : $join_ref // $self->{joined}{$topic}, $ref, $topic, $event, $payload]));
}

# POST a message; the status. Its ref is `last`.
sub say ($self, $topic, $event, $payload = {}) { return $self->post($self->line($topic, $event, $payload)) }
sub post ($self, @lines) { return $self->request(POST => body => join "\n", @lines)->answer->{status} }
sub last ($self) { $self->{last} }

# Go on from an answer.
sub take ($self, $answer) {
    $self->{token} = $answer->{token} // '';
    for my $frame ($answer->{messages}->@*) {
        $self->{replies}{ $frame->[1] } = $frame->[4] if $frame->[3] eq 'phx_reply' && defined $frame->[1];
        push $self->{heard}{ $frame->[2] }{ $frame->[3] }->@*, $frame->[4];
    }
    return $answer;
}

# Poll until it is true; whether it became.
sub poll_until ($self, $question, $seconds = 10) {
    my $left = countdown($seconds);
    until ($question->()) {
        return 0 unless $left->();
        return 0 unless ($self->get->{status} // 0) =~ /^20[04]$/;
    }
    return 1;
}

# The reply to a message: { status, response }.
sub reply ($self, $ref = $self->{last}) {
    $self->poll_until(sub { $self->{replies}{$ref} });
    return $self->{replies}{$ref};
}

# Join, and take the reply: the response, or nothing.
sub enter ($self, $topic, $payload = {}) {
    $self->say($topic, phx_join => $payload) == 200 or return;
    my $reply = $self->reply // return;
    return $reply->{response};
}

# The same after the first GET.
sub joined ($self, $topic = 'room:lobby', $payload = {}) {
    return $self->open == 410 ? $self->enter($topic, $payload) : ();
}

# The payloads of an event on a topic.
sub heard ($self, $topic, $event) { return ($self->{heard}{$topic}{$event} // [])->@* }

# Poll for an event on a topic; the payload of the latest, or nothing.
sub hear ($self, $topic, $event) {
    $self->poll_until(sub { $self->heard($topic, $event) });
    return ($self->heard($topic, $event))[-1];
}

package Confab::LongPoll::Request;
use v5.36;
use Time::HiRes qw(time);
use Confab::Clock qw(countdown running_time);

sub socket ($self) { $self->{wire}->socket }

# Send more of the body, as Confab::Wire does.
sub send ($self, @bytes) { $self->{wire}->send(@bytes); return $self }

# Read what is there; true when the answer is whole.
sub done ($self, $seconds = 0) {
    my $left = countdown($seconds);
    until ($self->{whole}) {
        return 0 unless $self->{wire}->ready_within($left);
        next if $self->{wire}->more;
        $self->{took}  = time - $self->{began};
        $self->{ran}   = running_time - $self->{running};
        $self->{whole} = 1;
    }
    return 1;
}

sub answer ($self, $seconds = $Confab::LongPoll::patience) {
    $self->done($seconds) or return { status => undef, messages => [] };
    my ($head, $body) = split /\r\n\r\n/, $self->{wire}{came}, 2;
    my ($http) = ($head // '') =~ m{^HTTP/1\.1 (\d+)};
    my $json = eval { Mojo::JSON::decode_json($body) } // {};
    return { %$json, http => $http, head => $head, took => $self->{took}, ran => $self->{ran}, messages => [ map { Mojo::JSON::from_json($_) } ($json->{messages} // [])->@* ] };
}

# Go away without the answer.
sub leave ($self) { close $self->socket }

1;
