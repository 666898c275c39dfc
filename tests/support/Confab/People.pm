# People with an account, made without waiting for a password to be hashed: all of them have the same one.
#
#     my $ada = person($site, name => 'Ada');         # { id, userid, name, email }
#     sign_in($browser, $ada, remember_me => 'on');   # by the form; the answer
#     session($site, $ada, authenticated_at => "now() - interval '11 minutes'");   # columns of the latest session
package Confab::People;
use v5.36;
use File::Basename qw(dirname);
use Exporter qw(import);

our @EXPORT = qw($PASSWORD person sign_in session session_of again);
our $PASSWORD = 'correct horse battery';

my $count = 0;

sub kept () {
    open my $file, '<', dirname(__FILE__) . '/../kept-password' or die "kept-password: $!";
    chomp(my $kept = <$file>);
    return $kept;
}

# %with: name, email, role; confirmed => 0.
sub person ($site, %with) {
    my $n      = $$ . '-' . ++$count;
    my %person = (userid => "u$n", name => "Person $n", email => "person-$n\@example.org", role => 'member', confirmed => 1, %with);
    my $confirmed = delete $person{confirmed} ? 'now()' : 'null';
    $person{id} = $site->psql("insert into users (userid, name, email, role, password_hash, confirmed_at)
        values ('$person{userid}', '$person{name}', '$person{email}', '$person{role}', '" . kept() . "', $confirmed) returning id");
    return \%person;
}

# Through the page, which also gives the browser its token.
sub sign_in ($browser, $person, %fields) {
    my $path = delete $fields{path} // '/users/log-in';
    my $with = delete $fields{with} // {};
    $browser->get($path);
    return $browser->submit_at('main form', email => $person->{email}, password => $PASSWORD, %fields, with => $with);
}

# A column of the person's latest session.
sub session_of ($site, $person, $column) {
    return $site->psql("select $column from tokens where user_id = $person->{id} order by id desc limit 1");
}

# Change columns of it (SQL).
sub session ($site, $person, %columns) {
    my $set = join ', ', map {"$_ = $columns{$_}"} sort keys %columns;
    $site->psql("update tokens set $set where id = (select max(id) from tokens where user_id = $person->{id})");
}

# The latest session once more, as if it had just begun, however it has ended: the cookie holds again.
sub again ($site, $person, %columns) {
    my %column = (authenticated_at => 'now()', %columns);
    $site->psql("with old as (delete from tokens where id = (select max(id) from tokens where user_id = $person->{id}) returning *)
        insert into tokens (user_id, context, hash, csrf_secret, expires_at, authenticated_at)
        select user_id, context, hash, csrf_secret, now() + interval '14 days', $column{authenticated_at} from old");
}

1;
