# A WebSocket client that can break every rule of RFC 6455: it sends bytes and reads frames, and judges the frames of the
# server strictly. Blocking, one connection each.
#
#     my $wire = Confab::Wire->new(port => $port);              # or path => unix socket, url => ..., headers => "X: y\r\n"
#     $wire->send(frame(1, TEXT, 'hello'));                     # FIN, opcode, payload; masked
#     my ($opcode, $payload) = $wire->read;                     # () at the end of the connection
#     $wire->heartbeat;                                         # whether it is answered
#
# Not here: a relay (Confab::Relay), or what Phoenix clients do (Confab::Phoenix).
package Confab::Wire;
use v5.36;
use Exporter qw(import);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(sleep);
use Confab::Clock qw(countdown);

use constant { CONTINUED => 0, TEXT => 1, BINARY => 2, CLOSE => 8, PING => 9, PONG => 10 };
our @EXPORT_OK = qw(CONTINUED TEXT BINARY CLOSE PING PONG frame heartbeat_message quoted);

our $patience = 10;    # seconds to wait for anything

# A frame of a client. rsv: the reserved bits, 1 to 7; size: bytes that its length is written in (0, 2 or 8), instead of
# the fewest; mask: four bytes, or '' for none.
sub frame ($fin, $opcode, $payload, %with) {
    my $len  = $with{claims} // length $payload;
    my $size = $with{size} // ($len < 126 ? 0 : $len <= 0xFFFF ? 2 : 8);
    my $mask = $with{mask} // pack 'N', 1 + int rand 0xFFFFFFFE;
    my $flag = length $mask ? 0x80 : 0;
    my $head = chr(($fin ? 0x80 : 0) | ($with{rsv} // 0) << 4 | $opcode);
    $head .= $size == 0 ? chr($flag | $len) : $size == 2 ? chr($flag | 126) . pack('n', $len) : chr($flag | 127) . pack('Q>', $len);
    return $head . $payload unless length $mask;
    return $head . $mask . ($payload ^. substr $mask x (length($payload) / 4 + 1), 0, length $payload);
}

# Bytes as the inside of a JSON string.
sub quoted ($bytes) {
    return $bytes =~ s/(["\\])/\\$1/gr =~ s/([\x00-\x1F])/sprintf '\\u%04X', ord $1/ger;
}

sub heartbeat_message ($ref) { return '[null,"' . quoted($ref) . '","phoenix","heartbeat",{}]' }

my %escapes = (b => "\b", f => "\f", n => "\n", r => "\r", t => "\t");
sub unquoted ($text) {
    return $text =~ s/\\(?:u00([0-9a-fA-F]{2})|(.))/defined $1 ? chr hex $1 : $escapes{$2} \/\/ $2/ger;
}

# The ref of a heartbeat's reply, or nothing if it is none.
sub reply_ref ($text) {
    my ($ref) = $text =~ /^\[null,"((?:[^"\\]++|\\.)*+)","phoenix","phx_reply",\{"status":"ok","response":\{\}\}\]\z/s or return;
    return unquoted($ref);
}

sub request ($with) {
    my $path = $with->{url} // '/live/websocket?vsn=2.0.0';
    return "GET $path HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        . "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" . ($with->{headers} // '') . "\r\n";
}

# Only a connection: for requests that are none.
sub connected ($class, %with) {
    my $socket = $with{path} ? IO::Socket::UNIX->new(Peer => $with{path}) : IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $with{port});
    my $self = bless { socket => $socket // die("no connection: $!\n"), came => '' }, $class;
    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1 unless $with{path};
    $self->{select} = IO::Select->new($socket);
    return $self;
}

sub new ($class, %with) {
    my $self = $class->connected(%with);
    $self->send(request(\%with));
    $self->{answer} = $self->head;
    ($self->{status}) = $self->{answer} =~ m{^HTTP/1\.1 (\d+)};
    return $self;
}

sub status ($self) { $self->{status} // 0 }    # 101, or what it was refused with
sub answer ($self) { $self->{answer} }
sub socket ($self) { $self->{socket} }

# Send it whole, or in pieces of so many bytes, each in a packet of its own as far as that can be had.
sub send ($self, $bytes, $piece = length $bytes, $pause = 0.0003) {
    local $SIG{PIPE} = 'IGNORE';
    for (my $at = 0; $at < length $bytes; $at += $piece) {
        sleep $pause if $at;
        my $left = length($bytes) - $at;
        my $end = $at + ($left < $piece ? $left : $piece);
        for (my $from = $at; $from < $end;) {
            my $wrote = syswrite $self->{socket}, $bytes, $end - $from, $from;
            return 0 unless $wrote;    # the other side has closed
            $from += $wrote;
        }
    }
    return 1;
}

# Is there something to read, or the end? `more` reads it; false at the end.
sub ready ($self, $seconds = 0) { return scalar $self->{select}->can_read($seconds) }
sub more ($self) { return sysread $self->{socket}, $self->{came}, 1 << 18, length $self->{came} }

# Wait for it as long as a countdown says.
sub ready_within ($self, $left) {
    my $wait;
    do {
        $wait = $left->();
        return 1 if $self->ready($wait);
    } while $wait;
    return 0;
}

# Wait until so many bytes are there. False: the connection has ended; dies when nothing comes.
sub need ($self, $count, $seconds = $patience) {
    my $left = countdown($seconds);
    while (length $self->{came} < $count) {
        $self->ready_within($left) or die "nothing came\n";
        return 0 unless $self->more;
    }
    return 1;
}

sub take ($self, $count) { return substr $self->{came}, 0, $count, '' }

# Everything up to the end of the connection.
sub rest ($self) {
    while ($self->need(1 + length $self->{came})) { }
    return $self->take(length $self->{came});
}

# The head of an HTTP answer; what follows it stays to be read.
sub head ($self) {
    until ($self->{came} =~ /\r\n\r\n/) {
        $self->need(1 + length $self->{came}) or last;
    }
    return $self->{came} =~ s/^(.*?\r\n\r\n)//s ? $1 : $self->take(length $self->{came});
}

# The next frame: opcode and payload; () at the end. Dies if the server breaks a rule.
sub read ($self, $seconds = $patience) {
    $self->need(2, $seconds) or return length $self->{came} ? die("half a frame\n") : ();
    my ($first, $second) = unpack 'CC', $self->{came};
    die sprintf "a frame that begins with %02X %02X\n", $first, $second if $first & 0x70 || !($first & 0x80) || $second & 0x80;
    my ($bytes, $len) = (0, $second);
    ($bytes, $len) = (2, unpack 'x2 n',  $self->{came}) if $second == 126 && $self->need(4, $seconds);
    ($bytes, $len) = (8, unpack 'x2 Q>', $self->{came}) if $second == 127 && $self->need(10, $seconds);
    die "a length that is longer than needed\n" if $bytes == 2 && $len < 126 || $bytes == 8 && $len <= 0xFFFF;
    $self->need(2 + $bytes + $len, $seconds) or die "half a frame\n";
    $self->take(2 + $bytes);
    return ($first & 0x0F, $self->take($len));
}

# The next frame in words: "text REF" for a heartbeat's reply, "pong PAYLOAD", "close CODE", "end".
sub heard ($self, $seconds = $patience) {
    my ($opcode, $payload) = eval { $self->read($seconds) };
    if ($@) { return $@ =~ s/\n\z//r }
    return 'end' unless defined $opcode;
    return 'pong ' . $payload if $opcode == PONG;
    return 'ping ' . $payload if $opcode == PING;
    return 'close ' . (length $payload >= 2 ? unpack 'n', $payload : 'without code') if $opcode == CLOSE;
    my $ref = $opcode == TEXT ? reply_ref($payload) : undef;
    return defined $ref ? "text $ref" : "opcode $opcode: $payload";
}

sub heartbeat ($self, $ref = 'beat') {
    return $self->send(frame(1, TEXT, heartbeat_message($ref))) && $self->heard eq "text $ref";
}

1;
