# What the suite of pages works with: asking with every answer looked at, rooms and their messages, and what an answer is.
package Confab::Suite::Tools;
use v5.36;
use Confab::Browser;
use Encode qw(decode);
use Exporter qw(import);
use Mojo::DOM;
use Mojo::JSON qw(decode_json);
use Test::More;

our @EXPORT = qw(begin $site $ask $with %secret @unguarded watched browser room stored rows fill texts error visitor is_page is_problem);

our ($site, $ask, $with);    # of the suite that runs, as given to Confab::Suite::Pages::run
our %secret;                 # what no log may hold => what it is
our @unguarded;              # answers without a security header
my $rooms = 0;

my %guards = (
    'x-content-type-options'       => qr/^nosniff$/,
    'x-frame-options'              => qr/^DENY$/,
    'referrer-policy'              => qr/^same-origin$/,
    'cross-origin-opener-policy'   => qr/^same-origin$/,
    'cross-origin-resource-policy' => qr/^same-origin$/,
    'permissions-policy'           => qr/./,
    'cache-control'                => qr/^no-store$/,
    'x-request-id'                 => qr/^[0-9a-f]{16}$/,
    'content-security-policy'      => qr/^(?=.*default-src 'none')(?=.*object-src 'none')(?=.*base-uri 'none')(?=.*frame-ancestors 'none')(?!.*unsafe)/,
);

# Each answer is looked at, whatever it was asked for.
sub watched ($raw) {
    return sub ($method, $path, %with) {
        my $answer = $raw->($method, $path, %with);
        my $headers = $answer->{headers};
        # The one page that may stand in a frame: of our own pages.
        my $framed = $answer->{status} == 200 && $path =~ m{^/rooms/[^/]+/stream(?:\?|$)};
        for my $name (sort keys %guards) {
            my $came = $headers->{$name} // '';
            $came =~ s/SAMEORIGIN|(?<=frame-ancestors ')self/$name eq 'x-frame-options' ? 'DENY' : 'none'/e if $framed;
            push @unguarded, "$method $path ($answer->{status}): $name" unless $came =~ $guards{$name};
        }
        push @unguarded, "$method $path ($answer->{status}): charset"
            if length $answer->{body} && ($headers->{'content-type'} // '') !~ m{; charset=utf-8$|^application/(problem\+)?json$};
        push @unguarded, "$method $path: allows another origin" if $headers->{'access-control-allow-origin'};
        $secret{$1} = 'a cookie' while ($headers->{'set-cookie'} // '') =~ /^(?![\w-]+-flash=)[\w-]+=([^;]+)/mg;
        $secret{$1} = 'a CSRF token' if $answer->{body} =~ /name="csrf-token" content="([^"]+)"/;
        return $answer;
    };
}

# What a suite begins with; see Confab::Suite::Pages.
sub begin ($the_site, $raw, $how) {
    ($site, $ask) = ($the_site, watched($raw));
    $with = sub (%env) { my ($other, $other_raw) = $how->(%env); return ($other, watched($other_raw)) };
}

sub browser (@world) {
    my ($where, $how) = @world ? @world : ($site, $ask);
    return Confab::Browser->new($how, $where->origin);
}

# A room of its own for a test; its slug.
sub room ($where = $site) {
    my $slug = 'room-' . ++$rooms;
    $where->psql("insert into rooms (slug, name) values ('$slug', 'Room $rooms') on conflict do nothing");
    return $slug;
}

sub stored ($slug, $where = $site) {
    return $where->psql("select count(*) from messages m join rooms r on r.id = m.room_id where slug = '$slug'");
}

# Columns of its messages, as psql shows them.
sub rows ($slug, $columns, $where = 'true') {
    return decode('UTF-8', $site->psql("select $columns from messages where room_id = (select id from rooms where slug = '$slug') and $where"));
}

# $count messages, numbered, in one statement.
sub fill ($slug, $count) {
    $site->psql("insert into messages (room_id, name, message) select r.id, 'Bo', 'message ' || n
        from rooms r, generate_series(1, $count) n where slug = '$slug' order by n");
}

sub texts ($dom)   { return $dom->find('#msg-list > li .text')->map(sub { $_->all_text =~ s/^\s*.*?:\s//sr =~ s/\s+$//r })->to_array }
sub error ($dom, $id) { my $at = $dom->at("#$id.invalid-feedback"); return $at ? $at->text : undef }

# Somebody on the page of a room.
sub visitor ($slug, @world) {
    my $browser = browser(@world);
    $browser->get("/rooms/$slug");
    return $browser;
}

sub is_page ($answer, $status, $what) {
    my $dom = Mojo::DOM->new($answer->{body});
    ok $answer->{status} == $status && $answer->{headers}{'content-type'} eq 'text/html; charset=utf-8'
        && $dom->at('header > section.container > nav h1'), "$what: $status, as a page of the site"
        or diag "$answer->{status} ", explain($answer->{headers}), substr $answer->{body}, 0, 400;
}

sub is_problem ($answer, $status, $what) {
    my $problem = eval { decode_json($answer->{body}) } // {};
    ok $answer->{status} == $status && $answer->{headers}{'content-type'} =~ m{^application/problem\+json}
        && ($problem->{status} // 0) == $status && $problem->{title} && $problem->{detail}, "$what: $status, as problem+json"
        or diag "$answer->{status} ", explain($answer->{headers}), substr $answer->{body}, 0, 400;
}

1;
