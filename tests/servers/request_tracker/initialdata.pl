# Two agents, who may do everything, and the reader with the rights that the docs page names. Customers come by mail.
use utf8;

our @Users = (
    map {
        +{
            Name         => $_,
            RealName     => ucfirst $_,
            EmailAddress => "$_\@acme.example",
            Password     => "$_-password",
            Privileged   => 1,
        }
    } qw(ann bob reader)
);

our @ACL = (
    (map { +{ UserId => $_, Right => 'SuperUser' } } qw(ann bob)),
    (map { +{ UserId => 'reader', Right => $_ } } qw(SeeQueue ShowTicket ShowTicketComments SeeGroup)),
    (map { +{ GroupDomain => 'SystemInternal', GroupType => 'Unprivileged', Right => $_ } } qw(SeeQueue CreateTicket ReplyToTicket)),
);

our @Final = (
    sub {
        my $reader = RT::User->new(RT->SystemUser);
        $reader->Load('reader');
        my ($ok, $message, $token) = RT::AuthToken->new(RT->SystemUser)->Create(Owner => $reader->id, Description => 'tests');
        die $message unless $ok;
        open my $file, '>', "$ENV{RT_TEST_FOLDER}/token" or die $!;
        print $file $token;
        close $file;
    },
);
1;
