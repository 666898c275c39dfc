# Who is here, as rows: owners with leases, pages that come and go, the list that is read of them. The statements are those of
# sql/queries/presence.sql, prepared as the programs prepare them.
use v5.36;
use Confab::Site;
use Test::More;

my $site = Confab::Site->new;
$site->take_away('relay'); # which sweeps too
sub psql ($sql) { return $site->psql($sql) }

# The text of a query, with its values in place.
my $queries = do { local (@ARGV, $/) = (($ENV{CONFAB_SOURCE} // '.') . '/sql/queries/presence.sql'); <> };
sub query ($name, @values) {
    my ($sql) = $queries =~ /^-- query \Q$name\E\b[^\n]*\n(.*?;)$/ms or die "no query $name";
    $sql =~ s/^--.*\n//mg;
    $sql =~ s/\$(\d+)/$values[$1 - 1]/g;
    return psql($sql);
}
sub list (@items) { return "'{" . join(',', @items) . "}'" }
sub lease ($owner, $seconds = 15) { return query('presence_lease', "'$owner'", $seconds) }

# Pages are [room, ref, user or 0, name or 'null'].
sub came ($owner, @pages) {
    my @columns = map { my $i = $_; list(map { $_->[$i] // 'null' } @pages) } 0 .. 3;
    return query('presence_change', "'$owner'", @columns, "'{}'", "'{}'");
}
sub went ($owner, @pages) {
    my @columns = map { my $i = $_; list(map { $_->[$i] } @pages) } 0 .. 1;
    return query('presence_change', "'$owner'", ("'{}'") x 4, @columns);
}
sub here ($room = 1) { return [ map { [ split /\|/, $_, -1 ] } split /\n/, query('presence_read', 'null', $room) ] }
sub counts ($room = 1) { return join '/', here($room)->[0]->@[ 0, 1 ] }

psql("insert into users (userid, name) values ('ann', 'Ann'), ('bo', 'Bo')");
my ($ann, $bo) = map { psql("select id from users where userid = '$_'") } qw(ann bo);

is counts(), '0/0', 'nobody is here at first';
is lease('relay-a'), 't', 'a lease is new once';
is lease('relay-a'), 'f', 'and renewed then';
lease('relay-b');

came('relay-a', [ 1, 'a-1', $ann ], [ 1, 'a-2', 0, 'Zoe' ], [ 1, 'a-3', 0 ]);
came('relay-b', [ 1, 'b-1', $ann ], [ 1, 'b-2', $bo ]);
is counts(), '2/2', 'S36 a person on two relays counts once, each page of a guest for itself';
is_deeply [ map { "$_->[3] $_->[6]" } here()->@* ], [ "user:$ann Ann", "user:$ann Ann", "user:$bo Bo", 'guest:a-2 Zoe', 'guest:a-3 ' ],
    'S35 people by name, then guests; S33 keys are ids that nobody chose';

came('relay-a', [ 1, 'a-1', $ann ]);
is counts(), '2/2', 'a page that is here already does not come twice';
went('relay-b', [ 1, 'a-1' ]);
is counts(), '2/2', 'nobody takes away another one\'s page';
went('relay-a', [ 1, 'a-1' ]);
is counts(), '2/2', 'S36 whoever closes one of two tabs is still here';
went('relay-b', [ 1, 'b-1' ]);
is counts(), '1/2', 'and leaves with the last';

psql("update users set name = 'Bob' where id = $bo");
is here()->[0][6], 'Bob', 'the name is the one of now';
psql("delete from users where id = $bo");
is counts(), '0/2', 'who is deleted is not here any more';

lease('relay-c', -1);
ok !eval { local *STDERR; open STDERR, '>', '/dev/null'; came('nobody', [ 1, 'n-1', 0 ]); 1 }, 'without a lease nothing is put in';
came('relay-c', [ 1, 'c-1', 0 ], [ 1, 'c-2', 0 ]);
is counts(), '0/4', 'until it is swept';
query('presence_sweep');
is counts(), '0/2', 'the pages of one whose lease ran out are swept, the others stay';
is psql("select string_agg(owner, ' ' order by owner) from presence_leases where owner like 'relay-%'"), 'relay-a relay-b', 'and so is the lease';
query('presence_leave', "'relay-a'");
is counts(), '0/0', 'an owner that ends takes its pages along';

lease('relay-a');
my @crowd = map { [ 1, "p-$_", 0, sprintf 'Name%03d', $_ ] } 1 .. 200;
came('relay-a', @crowd);
is scalar here()->@*, 200, 'up to 200 keys are all named';
came('relay-a', [ 1, 'p-201', 0, 'Aaa' ]);
is scalar here()->@*, 50, 'of more, the first 50';
is here()->[0][6], 'Aaa', 'by name';
is counts(), '0/201', 'and all are counted';

psql("insert into rooms (slug, name) values ('other', 'Other')");
came('relay-a', [ 2, 'o-1', $ann ]);
is counts(2), '1/0', 'rooms are apart';
psql('delete from rooms where id = 2');
is psql('select count(*) from presences where room_id = 2'), 0, 'and go with their pages';
is psql("select count(*) from presences where ref = 'o-1'"), 0, 'all of them';

done_testing;
