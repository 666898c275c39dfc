#!/usr/bin/env perl
# RFC 6455, case by case: what a WebSocket server has to answer, and what it has to refuse, spoken byte by byte straight to
# a relay, and a sample of it through nginx. Our own cases, in the order that public suites have, whose numbers they carry:
# 1 framing, 2 pings and pongs, 3 reserved bits, 4 opcodes, 5 fragments, 6 UTF-8, 7 closing, 9 limits, 10 long messages.
#
# An echo is a heartbeat: its ref may be any text, and comes back equal. Nothing is forgiven: where a rule is broken the
# server says so with the right code, at the first byte that breaks it, and ends the connection.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Test::More;
use Time::HiRes qw(time);
use Confab::Relay;
use Confab::Site;
use Confab::Wire qw(CONTINUED TEXT BINARY CLOSE PING PONG frame heartbeat_message);

my $site  = Confab::Site->new(CONFAB_LIMITS_BODY => '16 MiB');
my $relay = Confab::Relay->new($site, CONFAB_LIMITS_BODY => '16 MiB');
my @cases;

# case NUMBER => NAME, STEP...: a step is bytes to send, [bytes, size of the pieces], or what is to be heard, in words
# (Confab::Wire::heard), as a reference. Where no close is heard the connection must be good to the end: it is closed by us.
sub case ($number, $name, @steps) { push @cases, [$number, $name, @steps] }

sub beat  ($ref) { return frame(1, TEXT, heartbeat_message($ref)) }
sub echo  ($ref) { return \"text $ref" }
sub pong  ($payload) { return \"pong $payload" }
sub ended ($code) { return \"close $code" }
sub close_frame ($code, $reason = '') { return frame(1, CLOSE, pack('n', $code) . $reason) }

# A text message in frames, cut at these places.
sub fragments ($text, @cuts) {
    my ($from, @frames) = (0);
    for my $to (@cuts, length $text) {
        push @frames, frame($to == length $text && @frames == @cuts, @frames ? CONTINUED : TEXT, substr $text, $from, $to - $from);
        $from = $to;
    }
    return @frames;
}

# A text message in frames of that many bytes.
sub sliced ($text, $size) { return fragments($text, map { $_ * $size } 1 .. (length($text) - 1) / $size) }

# A ref with which the whole message has that many bytes.
sub padded ($len, $with = '*') {
    my $rest = $len - length heartbeat_message('');
    return substr $with x ($rest / length($with) + 1), 0, $rest;
}

# --- 1 framing ---

my $number = 0;
for my $len (0, 60, 125 .. 128, 65535, 65536, 65537) {
    my $ref = $len ? padded($len) : '';
    $number++;
    case "1.1.$number", $len ? "a message of $len bytes" : 'an empty ref', beat($ref), echo($ref);
}
case '1.1.10', '65536 bytes in pieces of 997', [beat(padded(65536)), 997], echo(padded(65536));
case '1.1.11', 'an empty message is no Phoenix message', frame(1, TEXT, ''), ended(1008);
$number = 0;
case '1.2.' . ++$number, "a binary message of $_ bytes", frame(1, BINARY, "\xFE" x $_), ended(1003) for 0, 1, 125, 126, 127, 128, 65535, 65536;
case '1.2.9', 'a binary message is refused when it begins', substr(frame(1, BINARY, 'x' x 65536), 0, 14), ended(1003);
case '1.3.1', 'a length in two bytes that fits in one', frame(1, TEXT, 'x' x 125, size => 2), ended(1002);
case '1.3.2', 'a length in eight bytes that fits in one', frame(1, TEXT, 'x' x 125, size => 8), ended(1002);
case '1.3.3', 'a length in eight bytes that fits in two', frame(1, TEXT, 'x' x 65535, size => 8), ended(1002);
case '1.3.4', 'a length above 63 bits', "\x81\xFF\x80\0\0\0\0\0\0\0\1\2\3\4", ended(1002);
case '1.3.5', 'a length of 63 bits', "\x81\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\1\2\3\4", ended(1009);
case '1.4.1', 'a text that is not masked', frame(1, TEXT, heartbeat_message('a'), mask => ''), ended(1002);
case '1.4.2', 'an empty text that is not masked', frame(1, TEXT, '', mask => ''), ended(1002);
case '1.4.3', 'a ping that is not masked', frame(1, PING, '', mask => ''), ended(1002);
case '1.4.4', 'a close that is not masked', frame(1, CLOSE, pack('n', 1000), mask => ''), ended(1002);
case '1.4.5', 'a continuation that is not masked', frame(0, TEXT, 'a'), frame(1, CONTINUED, 'b', mask => ''), ended(1002);
case '1.4.6', 'a mask of zeros', frame(1, TEXT, heartbeat_message('plain'), mask => "\0\0\0\0"), echo('plain');
case '1.4.7', 'each octet alone', [beat('slow'), 1], echo('slow');
case '1.4.8', 'five messages in one packet', join('', map { beat($_) } 1 .. 5), map { echo($_) } 1 .. 5;

# --- 2 pings and pongs ---

case '2.1', 'a ping without payload', frame(1, PING, ''), pong('');
case '2.2', 'a ping with a payload', frame(1, PING, 'Hello, world!'), pong('Hello, world!');
case '2.3', 'a ping with bytes that are no text', frame(1, PING, "\0\xFF\xFE\xFD\xFC\xFB\0\xFF"), pong("\0\xFF\xFE\xFD\xFC\xFB\0\xFF");
case '2.4', 'a ping of 125 bytes', frame(1, PING, "\xFE" x 125), pong("\xFE" x 125);
case '2.5', 'a ping of 126 bytes', frame(1, PING, "\xFE" x 126), ended(1002);
case '2.6', 'a ping of 125 bytes, each octet alone', [frame(1, PING, "\xFE" x 125), 1], pong("\xFE" x 125);
case '2.7', 'a pong that nobody asked for', frame(1, PONG, ''), beat('a'), echo('a');
case '2.8', 'one with a payload', frame(1, PONG, 'unsolicited'), beat('a'), echo('a');
case '2.9', 'one, then a ping', frame(1, PONG, 'unsolicited'), frame(1, PING, 'ping'), pong('ping');
case '2.10', 'ten pings', join('', map { frame(1, PING, "payload-$_") } 1 .. 10), map { pong("payload-$_") } 1 .. 10;
case '2.11', 'ten pings, each octet alone', [join('', map { frame(1, PING, "payload-$_") } 1 .. 10), 1], map { pong("payload-$_") } 1 .. 10;
case '2.12', 'a ping of 65536 bytes', frame(1, PING, 'x' x 65536), ended(1002);
case '2.13', 'a pong of 126 bytes', frame(1, PONG, 'x' x 126), ended(1002);

# --- 3 reserved bits ---

case '3.1', 'RSV 1 on a text', frame(1, TEXT, heartbeat_message('a'), rsv => 1), ended(1002);
case '3.2', 'RSV 2 behind a good text, a ping behind it', beat('a') . frame(1, TEXT, heartbeat_message('b'), rsv => 2) . frame(1, PING, ''), echo('a'), ended(1002);
case '3.3', 'the same, frame by frame', beat('a'), frame(1, TEXT, heartbeat_message('b'), rsv => 3), frame(1, PING, ''), echo('a'), ended(1002);
case '3.4', 'RSV 4, each octet alone', [beat('a') . frame(1, TEXT, heartbeat_message('b'), rsv => 4) . frame(1, PING, ''), 1], echo('a'), ended(1002);
case '3.5', 'RSV 5 on a binary', frame(1, BINARY, "\0" x 8, rsv => 5), ended(1002);
case '3.6', 'RSV 6 on a ping', frame(1, PING, 'Hello', rsv => 6), ended(1002);
case '3.7', 'RSV 7 on a close', frame(1, CLOSE, pack('n', 1000), rsv => 7), ended(1002);
case '3.8', 'RSV 4 on a continuation', frame(0, TEXT, 'a'), frame(1, CONTINUED, 'b', rsv => 4), ended(1002);
case '3.9', 'RSV is seen in the first octet', chr(0xC1), chr(0x80), ended(1002);

# --- 4 opcodes ---

for my $group ([1, 3 .. 7], [2, 11 .. 15]) {
    my ($kind, @opcodes) = @$group;
    my $case = 0;
    for my $opcode (@opcodes) {
        case "4.$kind." . ++$case, "reserved opcode $opcode", frame(1, $opcode, ''), ended(1002);
        case "4.$kind." . ++$case, "reserved opcode $opcode with a payload", frame(1, $opcode, 'reserved'), ended(1002);
        case "4.$kind." . ++$case, "reserved opcode $opcode behind a text", beat('a') . frame(1, $opcode, '') . frame(1, PING, ''), echo('a'), ended(1002);
        case "4.$kind." . ++$case, "the same, each octet alone", [beat('a') . frame(1, $opcode, 'x') . frame(1, PING, ''), 1], echo('a'), ended(1002);
        case "4.$kind." . ++$case, "reserved opcode $opcode between fragments", frame(0, TEXT, '[null,'), frame(1, $opcode, ''), ended(1002);
    }
}

# --- 5 fragments ---

my $parts  = heartbeat_message('fragment1fragment2');
my $middle = 18;
my ($first, $second) = fragments($parts, $middle);
case '5.1', 'a ping in two fragments', frame(0, PING, 'a'), frame(1, CONTINUED, 'b'), ended(1002);
case '5.2', 'a pong in two fragments', frame(0, PONG, 'a'), frame(1, CONTINUED, 'b'), ended(1002);
case '5.3', 'a text in two fragments', $first, $second, echo('fragment1fragment2');
case '5.4', 'in one packet', $first . $second, echo('fragment1fragment2');
case '5.5', 'each octet alone', [$first . $second, 1], echo('fragment1fragment2');
case '5.6', 'a ping between them', $first, frame(1, PING, 'ping'), $second, pong('ping'), echo('fragment1fragment2');
case '5.7', 'which is answered before the text ends', $first, frame(1, PING, 'ping'), pong('ping'), $second, echo('fragment1fragment2');
case '5.8', 'each octet alone', [$first . frame(1, PING, 'ping') . $second, 1], pong('ping'), echo('fragment1fragment2');
case '5.9', 'a last continuation of nothing, then a text', frame(1, CONTINUED, 'non-continuation') . beat('a'), ended(1002);
case '5.10', 'frame by frame', frame(1, CONTINUED, 'non-continuation'), beat('a'), ended(1002);
case '5.11', 'each octet alone', [frame(1, CONTINUED, 'non-continuation') . beat('a'), 1], ended(1002);
case '5.12', 'a continuation of nothing that goes on', frame(0, CONTINUED, 'non-continuation') . beat('a'), ended(1002);
case '5.13', 'frame by frame', frame(0, CONTINUED, 'non-continuation'), beat('a'), ended(1002);
case '5.14', 'each octet alone', [frame(0, CONTINUED, 'non-continuation') . beat('a'), 1], ended(1002);
case '5.15', 'a text in fragments, then a continuation of nothing', $first . $second . frame(0, CONTINUED, 'fragment3') . frame(1, TEXT, 'fragment4'), echo('fragment1fragment2'), ended(1002);
case '5.16', 'continuations before each text', frame(0, CONTINUED, 'fragment1'), frame(0, TEXT, 'fragment2'), frame(1, CONTINUED, 'fragment3'), ended(1002);
case '5.17', 'last ones', frame(1, CONTINUED, 'fragment1'), frame(0, TEXT, 'fragment2'), frame(1, CONTINUED, 'fragment3'), ended(1002);
case '5.18', 'a text within a text', frame(0, TEXT, 'fragment1'), frame(1, TEXT, 'fragment2'), ended(1002);
case '5.18.2', 'a binary within a text', frame(0, TEXT, 'fragment1'), frame(1, BINARY, 'fragment2'), ended(1002);
my $five = heartbeat_message(join '', map { "fragment$_" } 1 .. 5);
my @five = fragments($five, 16, 25, 34, 43);
my $all  = join '', map { "fragment$_" } 1 .. 5;
case '5.19', 'five fragments with pings between them', @five[0, 1], frame(1, PING, 'pongme 1!'), pong('pongme 1!'), @five[2, 3], frame(1, PING, 'pongme 2!'), pong('pongme 2!'), $five[4], echo($all);
case '5.20', 'at once', join('', @five[0, 1], frame(1, PING, 'pongme 1!'), @five[2, 3], frame(1, PING, 'pongme 2!'), $five[4]), pong('pongme 1!'), pong('pongme 2!'), echo($all);
case '5.21', 'empty fragments', frame(0, TEXT, ''), frame(0, CONTINUED, ''), frame(0, CONTINUED, heartbeat_message('a')), frame(0, CONTINUED, ''), frame(1, CONTINUED, ''), echo('a');
case '5.22', 'a fragment for each octet', join('', sliced(heartbeat_message('small'), 1)), echo('small');
case '5.23', 'a binary in fragments', frame(0, BINARY, 'a'), ended(1003);

# --- 6 UTF-8 ---

my $smile = "\xE2\x98\xBA";
my $kosme = "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5";
my @octets = sliced(heartbeat_message($kosme), 1);
case '6.1.1', 'an empty ref', beat(''), echo('');
case '6.1.2', 'three empty fragments', frame(0, TEXT, ''), frame(0, CONTINUED, ''), frame(1, CONTINUED, ''), ended(1008);
case '6.1.3', 'empty fragments around it', frame(0, TEXT, ''), frame(0, CONTINUED, heartbeat_message($smile)), frame(1, CONTINUED, ''), echo($smile);
case '6.2.1', 'in one frame', beat("Hello-\xC2\xB5\@\xC3\x9F\xC3\xB6\xC3\xA4\xC3\xBC\xC3\xA0\xC3\xA1-UTF-8!!"), echo("Hello-\xC2\xB5\@\xC3\x9F\xC3\xB6\xC3\xA4\xC3\xBC\xC3\xA0\xC3\xA1-UTF-8!!");
case '6.2.2', 'in two fragments, on a boundary', fragments(heartbeat_message($kosme), 9), echo($kosme);
case '6.2.3', 'a fragment for each octet', @octets, echo($kosme);
case '6.2.4', 'the same in one packet', join('', @octets), echo($kosme);
for my $cut (7 .. 7 + length $kosme) {
    case "6.2.5.$cut", "cut at octet $cut", fragments(heartbeat_message($kosme), $cut), echo($kosme);
}

# Bytes that begin like UTF-8 are bad from one octet on: `bad` is how many it takes to know. A text may also end too early.
my $before = '[null,"';
sub invalid ($group, $name, $bytes, $bad = length $bytes) {
    state %count;
    my $case = "$group." . ++$count{$group};
    my $text = $before . $bytes . '","phoenix","heartbeat",{}]';
    my $known = length($before) + $bad;
    case $case, "$name", frame(1, TEXT, $text), ended(1007);
    case "$case.raw", "$name, alone", frame(1, TEXT, $bytes), ended(1007);
    case "$case.fragment", "$name, before the message ends", frame(0, TEXT, substr $text, 0, $known), ended(1007);
    case "$case.split", "$name, in the second fragment", frame(0, TEXT, substr $text, 0, $known - 1), frame(1, PING, 'so far so good'), pong('so far so good'),
        frame(0, CONTINUED, substr $text, $known - 1, 1), ended(1007);
    case "$case.chop", "$name, in a frame that is not complete", substr(frame(1, TEXT, $text), 0, 6 + $known), ended(1007);
}
sub valid ($group, $name, $bytes) {
    state %count;
    my $case = "$group." . ++$count{$group};
    case $case, $name, beat($bytes), echo($bytes);
    case "$case.octets", "$name, a fragment for each octet", join('', sliced(heartbeat_message($bytes), 1)), echo($bytes);
}

invalid '6.3', 'a surrogate within a text', "$kosme\xED\xA0\x80edited", length($kosme) + 2;
invalid '6.3', 'a lone continuation behind Greek', "$kosme\x80", length($kosme) + 1;

# Fail fast: nothing behind the bad octet has been sent when the close comes; and what lies before it does no harm.
my $good = $before . $kosme;
case '6.4.1', 'the second of three fragments is bad', frame(0, TEXT, $good), frame(1, PING, ''), pong(''), frame(0, CONTINUED, "\xF4\x90\x80\x80"), ended(1007);
case '6.4.2', 'at its second octet', frame(0, TEXT, $good), frame(0, CONTINUED, "\xF4"), frame(1, PING, ''), pong(''), frame(0, CONTINUED, "\x90"), ended(1007);
my $whole = frame(1, TEXT, "$good\xF4\x90\x80\x80edited\",\"phoenix\",\"heartbeat\",{}]");
my $at = 6 + length $good;
case '6.4.3', 'in one frame, three packets', substr($whole, 0, $at), substr($whole, $at, 4), ended(1007);
case '6.4.4', 'at its second octet', substr($whole, 0, $at + 1), substr($whole, $at + 1, 1), ended(1007);
for my $chop (1 .. 9) {
    case "6.4.5.$chop", "in pieces of $chop", [substr($whole, 0, $at + 2), $chop], ended(1007);
}

valid '6.5', 'Greek', $kosme;
for my $cut (1 .. length($kosme)) {    # all beginnings of it: whole characters are fine, others are not
    my $start = substr $kosme, 0, $cut;
    utf8::decode(my $copy = $start) ? valid('6.6', "$cut octets of it", $start) : invalid('6.6', "$cut octets of it", $start, $cut + 1);
}
valid '6.7', 'the first of its length', $_ for "\x00", "\xC2\x80", "\xE0\xA0\x80", "\xF0\x90\x80\x80";
invalid '6.8', 'five and six octets', $_, 1 for "\xF8\x88\x80\x80\x80", "\xFC\x84\x80\x80\x80\x80";
valid '6.9', 'the last of its length', $_ for "\x7F", "\xDF\xBF", "\xEF\xBF\xBF", "\xF4\x8F\xBF\xBF";
invalid '6.10', 'the last of four, five and six octets', $_, 1 for "\xF7\xBF\xBF\xBF", "\xFB\xBF\xBF\xBF\xBF", "\xFD\xBF\xBF\xBF\xBF\xBF";
valid '6.11', 'at a boundary', $_ for "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBD", "\xF4\x8F\xBF\xBF";
invalid '6.11', 'above the last', "\xF4\x90\x80\x80", 2;
invalid '6.12', length($_) . ' continuations', $_, 1 for "\x80", "\xBF", map { "\x80\xBF" x 3 . "\x80" x $_ } 0 .. 1;
invalid '6.12', 'all continuations', join('', map { chr } 0x80 .. 0xBF), 1;
invalid '6.13', 'a beginning and a space: ' . sprintf('%02X', $_), chr($_) . ' ', ($_ < 0xC2 || $_ > 0xF4) ? 1 : 2
    for 0xC0, 0xC2, 0xDF, 0xE0, 0xEF, 0xF0, 0xF4, 0xF5, 0xF8, 0xFC;
invalid '6.14', 'without its last octet', $_, length($_) + 1 for "\xDF", "\xE0\xA0", "\xEF\xBF", "\xF0\x90\x80", "\xF4\x8F\xBF";
invalid '6.15', 'several without their last', "\xDF\xE0\xA0\xEF\xBF\xF0\x90\x80", 2;
invalid '6.16', sprintf('%02X, which is never used', $_), chr, 1 for 0xC0, 0xC1, 0xF5 .. 0xFF;
invalid '6.17', 'a slash that is too long', $_, $_ =~ /^[\xC0\xF8\xFC]/ ? 1 : 2
    for "\xC0\xAF", "\xE0\x80\xAF", "\xF0\x80\x80\xAF", "\xF8\x80\x80\x80\xAF", "\xFC\x80\x80\x80\x80\xAF";
invalid '6.18', 'the last that is too long', $_, $_ =~ /^[\xC1\xF8\xFC]/ ? 1 : 2
    for "\xC1\xBF", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF", "\xF8\x87\xBF\xBF\xBF", "\xFC\x83\xBF\xBF\xBF\xBF";
invalid '6.19', 'a NUL that is too long', $_, $_ =~ /^[\xC0\xF8\xFC]/ ? 1 : 2
    for "\xC0\x80", "\xE0\x80\x80", "\xF0\x80\x80\x80", "\xF8\x80\x80\x80\x80", "\xFC\x80\x80\x80\x80\x80";
invalid '6.20', 'a surrogate', $_, 2 for "\xED\xA0\x80", "\xED\xAD\xBF", "\xED\xAE\x80", "\xED\xAF\xBF", "\xED\xB0\x80", "\xED\xBE\x80", "\xED\xBF\xBF";
for my $high ("\xED\xA0\x80", "\xED\xAD\xBF", "\xED\xAE\x80", "\xED\xAF\xBF") {
    invalid '6.21', 'a pair of surrogates', $high . $_, 2 for "\xED\xB0\x80", "\xED\xBF\xBF";
}
for my $plane (0 .. 16) {
    for my $last (0xFFFE, 0xFFFF) {
        utf8::encode(my $bytes = chr($plane * 0x10000 + $last));
        valid '6.22', sprintf('U+%X, which is no character', $plane * 0x10000 + $last), $bytes;
    }
}
for my $point (0xFDD0, 0xFDEF, 0xFFF9, 0xFFFC, 0xFFFD, 0xFEFF, 0x2028, 0xE000, 0xF8FF, 0x10FFFD) {
    utf8::encode(my $bytes = chr $point);
    valid '6.23', sprintf('U+%X', $point), $bytes;
}
invalid '6.24', 'a lone beginning at the end of the text', "\xE2", 2;

# --- 7 closing ---

my $long = padded(256 * 1024, 'BAsd7&jh23');
case '7.1.1', 'a text, then a close', beat('Hello World!') . close_frame(1000), echo('Hello World!'), ended(1000);
case '7.1.2', 'two closes', close_frame(1000) . close_frame(1000), ended(1000);
case '7.1.3', 'a ping behind the close', close_frame(1000) . frame(1, PING, ''), ended(1000);
case '7.1.4', 'a text behind the close', close_frame(1000) . beat('Hello World!'), ended(1000);
case '7.1.5', 'a close within a fragmented text', frame(0, TEXT, '[null,"frag') . close_frame(1000) . frame(1, CONTINUED, 'ment"'), ended(1000);
case '7.1.6', 'a long text, a close, another text', beat($long) . close_frame(1000) . beat('a') . frame(1, PING, ''), echo($long), ended(1000);
case '7.1.7', 'nonsense behind the close', close_frame(1000) . "\xFF" x 100, ended(1000);
case '7.1.8', 'a close, each octet alone', [close_frame(1000, 'bye'), 1], ended(1000);
case '7.3.1', 'a close without code', frame(1, CLOSE, ''), ended(1000);
case '7.3.2', 'half a code', frame(1, CLOSE, "\x03"), ended(1002);
case '7.3.3', 'a code', close_frame(1000), ended(1000);
case '7.3.4', 'a code and a reason', close_frame(1000, 'Hello World!'), ended(1000);
case '7.3.5', 'a reason of 123 bytes', close_frame(1000, '*' x 123), ended(1000);
case '7.3.6', 'a reason of 124 bytes', close_frame(1000, '*' x 124), ended(1002);
case '7.3.7', 'a reason with a character at its end', close_frame(1000, '*' x 120 . $smile), ended(1000);
case '7.3.8', 'a reason of three octets, each octet alone', [close_frame(1000, $smile), 1], ended(1000);
case '7.3.9', 'a good reason in any two packets, ' . $_, substr(frame(1, CLOSE, "\x03\xE8$kosme", mask => "\1\2\3\4"), 0, $_), 0.005,
    substr(frame(1, CLOSE, "\x03\xE8$kosme", mask => "\1\2\3\4"), $_), ended(1000) for 1 .. 18;
case '7.3.10', 'a close in fragments', frame(0, CLOSE, pack 'n', 1000), ended(1002);
$number = 0;
case '7.5.' . ++$number, 'a reason that is not UTF-8', close_frame(1000, $_), ended(1007)
    for "$kosme\xED\xA0\x80edited", "\xFF", "\xE2\x98", "\xC0\x80", "\xF4\x90\x80\x80";
case '7.5.20', 'the same in two packets, ' . $_, substr(frame(1, CLOSE, "\x03\xE8\xE2\x98", mask => "\1\2\3\4"), 0, $_), 0.005,
    substr(frame(1, CLOSE, "\x03\xE8\xE2\x98", mask => "\1\2\3\4"), $_), ended(1007) for 6 .. 9;
case "7.7.$_", "code $_", close_frame($_), ended($_) for 1000 .. 1003, 1007 .. 1014, 3000, 3999, 4000, 4999;
case "7.7.$_.2", "code $_ with a reason", close_frame($_, 'good bye'), ended($_) for 1000, 1001, 1011, 3000, 4999;
case "7.9.$_", "code $_", close_frame($_), ended(1002) for 0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535;
case "7.9.$_.2", "code $_ with a reason", close_frame($_, 'good bye'), ended(1002) for 0, 999, 1005, 1006, 1016, 2999, 5000;

# --- 9 and 10: long messages, many messages ---

my $mega = 1 << 20;
$number = 0;
for my $size (1 / 16, 1 / 4, 1, 4, 8, 16) {
    my $ref = padded($size * $mega, 'BAsd7&jh23');
    case '9.1.' . ++$number, 'a message of ' . $size * 1024 . ' KiB', beat($ref), echo($ref);
}
case '9.1.7', 'one byte more than the limit', substr(frame(1, TEXT, padded(16 * $mega) . 'x' x 100), 0, 1000), ended(1009);
case '9.1.8', 'one byte more in fragments', frame(0, TEXT, '[null,"' . 'x' x (16 * $mega - 7)), frame(1, CONTINUED, 'x'), ended(1009);
case '9.2.1', 'a binary message of 1 MiB', frame(1, BINARY, "\0" x $mega), ended(1003);
my $four = padded(4 * $mega, 'BAsd7&jh23');
$number = 0;
for my $size (64, 256, 1024, 4096, 16384, 65536, 262144, $mega, 4 * $mega) {
    case '9.3.' . ++$number, "4 MiB in fragments of $size", sub { join '', sliced(heartbeat_message($four), $size) }, echo($four);
}
my $one = padded($mega, 'BAsd7&jh23');
$number = 0;
case '9.5.' . ++$number, "1 MiB in pieces of $_", [beat($one), $_, 0], echo($one) for 64, 128, 256, 512, 1024, 2048;
$number = 0;
for my $size (0, 16, 64, 256, 1024, 4096, 16384) {
    my $ref = 'x' x $size;
    case '9.7.' . ++$number, "200 messages of $size bytes, one after the other", (beat($ref), echo($ref)) x 200;
}
case '9.7.8', '1000 messages at once', join('', map { beat("m$_") } 1 .. 1000), map { echo("m$_") } 1 .. 1000;
case '10.1.1', '64 KiB in fragments of 1300', sub { join '', sliced(heartbeat_message(padded(65536)), 1300) }, echo(padded(65536));
case '10.1.2', 'frame by frame, with pings', (map { (frame(1, PING, 'x'), pong('x'), $_) } sliced(heartbeat_message(padded(65536)), 4096)), echo(padded(65536));

# --- running them ---

# undef if all went well, else what did not.
sub trouble ($wire, @steps) {
    my $last = '';
    for my $step (@steps) {
        $step = $step->() if ref $step eq 'CODE';
        if (ref $step eq 'ARRAY') { $wire->send(@$step) }
        elsif (!ref $step)        { $step =~ /^0\.\d+\z/ ? Time::HiRes::sleep($step) : $wire->send($step) }
        else {
            my $heard = $wire->heard;
            $last = $$step;
            return 'heard ' . shown($heard) . ' instead of ' . shown($last) if $heard ne $last;
        }
    }
    if ($last !~ /^close/) {
        $wire->send(close_frame(1000));
        my $heard = $wire->heard;
        return 'at the end heard ' . shown($heard) if $heard ne 'close 1000';
    }
    else {
        $wire->send(close_frame(1000));    # our part; the other side may be gone already
    }
    my $heard = eval { $wire->heard };
    return $heard eq 'end' ? undef : 'after the close heard ' . shown($heard);
}

sub shown ($words) {
    $words = substr($words, 0, 60) . '... (' . length($words) . ')' if length $words > 60;
    return $words =~ s/([^ -~])/sprintf '<%02X>', ord $1/ger;
}

sub run ($via, $open, @chosen) {
    my $start = time;
    for my $case (@chosen) {
        my ($number, $name, @steps) = @$case;
        my $wire = $open->();
        my $trouble = eval { trouble($wire, @steps) } // ($@ ? "died: $@" : undef);
        ok !defined $trouble, "$via $number: $name" or diag $trouble;
    }
    note sprintf '%s: %d cases in %.1f s', $via, scalar @chosen, time - $start;
}

my $wanted = @ARGV ? qr/$ARGV[0]/ : qr/^/;
run('relay', sub { Confab::Wire->new(port => $relay->port) }, grep { $_->[0] =~ $wanted } @cases);
# nginx hands bytes on as they come: a case of each kind, and all of closing.
my $sample = qr/^(?:1\.1\.|1\.4\.|2\.|3\.|4\.[12]\.[1-5]$|5\.|6\.[24]|7\.|9\.1\.[1-4]|9\.3\.3|10)/;
run('nginx', sub { Confab::Wire->new(port => $site->port) }, grep { $_->[0] =~ $wanted && $_->[0] =~ $sample } @cases);

is(Confab::Relay->end_all, 0, 'the relay ends in order');
unlike $relay->log, qr/fragment1|Hello|BAsd7/, 'and has noted no contents';
$site->end;
done_testing;
