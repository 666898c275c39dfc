# The source tree, for the tests of tests/checks: which files there are, and what C looks like without its comments.
package Confab::Source;
use v5.36;
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Find ();
our @EXPORT_OK = qw(source files c_files slurp without_comments strings each_line);

my $root = $ENV{CONFAB_SOURCE} // abs_path(dirname(__FILE__) . '/../../..');
sub source { return $root }

sub slurp ($path) {
    open my $file, '<:raw', "$root/$path" or die "$path: $!";
    local $/;
    return scalar <$file> // '';
}

# Paths below the source folder that match, of what is ours: no build, no npm.
sub files ($pattern = qr/./) {
    my @found;
    my @top = grep { -e "$root/$_" } qw(.ci cgi-bin cli conf lib relay sql static tests views);
    File::Find::find({ no_chdir => 1, wanted => sub {
        my $path = s|^\Q$root\E/||r;
        push @found, $path if -f && $path =~ $pattern && $path !~ m{^static/vendor/|/corpus/};
    } }, map { "$root/$_" } @top);
    push @found, grep { -f "$root/$_" && $_ =~ $pattern }
        qw(dev configure.ac Makefile.am package.json package-lock.json README.md .npmrc .clang-format .gitignore);
    return sort @found;
}

# C of the programs (not of their tests).
sub c_files { return grep { m{^(lib|cgi-bin|relay|cli)/} } files(qr/\.[ch]$/) }

# Comments become blanks; lines keep their numbers, strings stay whole.
sub without_comments ($c) {
    $c =~ s{("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(/\*.*?\*/|//[^\n]*)}{ $1 // ($2 =~ s/[^\n]/ /gr) }gse;
    return $c;
}

# The string literals of a C file, each with the number of its line: ([12, 'text'], ...)
sub strings ($path) {
    my @found;
    each_line(without_comments(slurp($path)), sub ($number, $line) {
        return if $line =~ /^\s*#\s*include/;
        push @found, [ $number, $1 ] while $line =~ /"((?:\\.|[^"\\])*)"/g;
    });
    return @found;
}

sub each_line ($text, $look) {
    my $number = 0;
    $look->(++$number, $_) for split /\n/, $text, -1;
    return;
}

1;
