# A browser without JavaScript, as far as the tests need one: keeps our cookies, sends what a browser sends along, and
# submits the form of the page it is on.
#
#     my $browser = Confab::Browser->new($ask, $site);   # $ask->(METHOD => path, %with), see Confab::Suite::Pages
#     $browser->get('/rooms/lobby');
#     my $answer = $browser->submit(name => 'Bo', message => 'hi');
#     is $browser->dom->at('#msg')->text, '';
package Confab::Browser;
use v5.36;
use Encode qw(decode);
use Mojo::DOM;

sub new ($class, $ask, $origin) { return bless { ask => $ask, origin => $origin, cookie => undef, page => undef }, $class }

sub cookie ($self, @new) {
    $self->{cookie} = $new[0] if @new;
    return $self->{cookie};
}

# Ask for something; the answer becomes the page one is on.
sub ask ($self, $method, $path, %with) {
    my $cookies = join '; ', grep {defined} $self->@{qw(cookie flash)};
    my $answer = $self->{ask}->($method, $path, cookie => length $cookies ? $cookies : undef, %with);
    for my $set (split /\n/, $answer->{headers}{'set-cookie'} // '') {
        my ($pair) = split /;/, $set;
        $self->{ $pair =~ /-flash=/ ? 'flash' : 'cookie' } = $set =~ /Max-Age=0(?:;|$)/ ? undef : $pair;
    }
    delete $self->{dom};
    return $self->{page} = $answer;
}

sub get ($self, $path, %with) { return $self->ask(GET => $path, %with) }

# A form sent from one of our own pages.
sub post ($self, $path, $form, %with) {
    my %headers = (Origin => $self->{origin}, 'Sec-Fetch-Site' => 'same-origin', (delete $with{headers} // {})->%*);
    delete @headers{ grep { !defined $headers{$_} } keys %headers };
    return $self->ask(POST => $path, form => $form, headers => \%headers, %with);
}

sub page ($self) { return $self->{page} }
sub dom  ($self) { return $self->{dom} //= Mojo::DOM->new(decode('UTF-8', $self->{page}{body})) }
sub csrf ($self) { return $self->dom->at('meta[name=csrf-token]')->{content} }

# What the last answer asked to be said on the next page: the cookie's word.
sub flash ($self) { return ($self->{flash} // '') =~ s/^[^=]*=//r }

# The form with a message field of the page: its action (below the base path) and what its fields hold.
sub form ($self) {
    return fields($self->dom->find('form')->grep(sub { $_->at('[name=message]') })->first // return);
}

sub fields ($form) {
    my %fields;
    $fields{ $_->{name} } = $_->tag eq 'textarea' ? $_->text =~ s/^\n//r : $_->{value} // ''
        for $form->find('input[name]:not([type=checkbox]), input[name][checked], textarea[name]')->each;
    return ($form->{action}, %fields);
}

sub field ($self, $name) {
    my ($action, %fields) = $self->form;
    return $fields{$name};
}

# Send it with some fields changed (undef: left out).
sub submit ($self, %changes) {
    my ($action, %fields) = $self->form or die "no form on the page\n";
    return $self->send($action, \%fields, %changes);
}

# The same for the first form that a selector finds.
sub submit_at ($self, $selector, %changes) {
    my ($action, %fields) = fields($self->dom->at($selector) // die "no $selector on the page\n");
    return $self->send($action, \%fields, %changes);
}

sub send ($self, $action, $form, %changes) {
    my %fields = %$form;
    my $with = delete $changes{with} // {};
    %fields = (%fields, %changes);
    delete @fields{ grep { !defined $fields{$_} } keys %fields };
    return $self->post($action, \%fields, whole => 1, %$with);
}

1;
