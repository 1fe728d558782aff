#!/usr/bin/perl -w
# This is not Garoon. It stands for Garoon's CGI program, to rehearse without one: memos in MySQL, their attachments and the
# sessions on NFS, both through the virtual IP.
#
#   GET  grn.cgi            a sign-in page when the database and the session directory work, else 503 (the health check)
#   PUT  grn.cgi?memo=ID    stores a memo (its digest in the database) and its attachment (on NFS)
#   GET  grn.cgi?memo=ID    the attachment, if it is what the memo says
#
# Loads no modules, speaks MySQL's protocol by hand and lets MySQL compute the digests: on an emulated processor, loading
# DBI, or only Socket and Digest::SHA, costs more than everything else together.
use strict;

my $FILES    = '/usr/local/cybozu/mysql-5.0/files';
my $SESSIONS = '/var/www/cgi-bin/cbgrn/sessiondata';
my $LWC      = '/var/www/cgi-bin/cbgrn/lwc.ini';
# The stand-in gives up sooner than Garoon's 60 s, so that the outage's end is seen when it comes.
my $DATABASE_SECONDS = 5;

my ($PF_INET, $SOCK_STREAM) = (2, 1);

my $database;

my $SIGN_IN = <<'PAGE';
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Stand-in for Garoon</title></head>
<body><h1>Stand-in for Garoon</h1>
<p>This is not Cybozu Garoon. It is a small program that stands for it in rehearsals of a failover. Nobody can sign in, and no
data of anybody's is here. Database and files answer.</p>
<form><label>Login name <input disabled></label> <label>Password <input type="password" disabled></label>
<button disabled>Log in</button></form></body></html>
PAGE

sub answer {
    my ($status, $body, $type) = @_;
    $type ||= 'application/octet-stream';
    printf "Status: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", $status, $type, length $body, $body;
    exit 0;
}

sub give_up { answer('503 Service Unavailable', "$_[0]\n") }

sub read_exactly {
    my ($count) = @_;
    my $data = '';
    while (length $data < $count) {
        sysread($database, $data, $count - length $data, length $data) or give_up('The database closed the connection.');
    }
    return $data;
}

sub read_packet {
    my $header = read_exactly(4);
    my $packet = read_exactly(unpack 'V', substr($header, 0, 3) . "\0");
    give_up('The database refused: ' . substr $packet, 9) if ord($packet) == 0xff;
    return $packet;
}

sub send_packet {
    my ($sequence, $content) = @_;
    syswrite($database, substr(pack('V', length $content), 0, 3) . chr($sequence) . $content) or give_up('The database is gone.');
}

# prop:_host = "val:10.1.0.10:3770"
sub database_address {
    open my $file, '<', $LWC or give_up("$LWC: $!");
    my ($address, $port) = join('', <$file>) =~ /_host\s*=\s*"val:([0-9.]+):(\d+)"/ or give_up("$LWC names no host.");
    return pack 'S n C4 x8', $PF_INET, $port, split /\./, $address;
}

sub connect_database {
    # What comes too late is no answer; also ends a connection attempt to a host that is gone.
    $SIG{ALRM} = sub { give_up('The database does not answer.') };
    alarm $DATABASE_SECONDS;
    socket($database, $PF_INET, $SOCK_STREAM, 0) or give_up("socket: $!");
    connect($database, database_address()) or give_up("The database can't be reached: $!");
    read_packet();
    # Protocol 4.1, secure connection, with a database: 0x200 | 0x8000 | 8. The account has no password.
    send_packet(1, pack('VVCx23', 0x8208, 1 << 24, 33) . "cbgrn\0\0cb_cbgrn\0");
    read_packet();
}

# The first column of the first row; undef when there is none. A statement without a result returns undef, too.
sub query {
    my ($statement) = @_;
    send_packet(0, "\x03$statement");
    my $columns = ord read_packet();
    return undef if $columns == 0;
    read_packet() for 1 .. $columns + 1;
    my $value;
    while (1) {
        my $row = read_packet();
        last if ord($row) == 0xfe && length($row) < 9;
        $value = substr $row, 1, ord $row;
    }
    return $value;
}

sub write_file {
    my ($path, $content) = @_;
    open my $file, '>', "$path.$$" or give_up("$path: $!");
    syswrite $file, $content;
    # On NFS, what could not be written shows at the latest here.
    close $file or give_up("$path: $!");
    rename "$path.$$", $path or give_up("$path: $!");
}

sub read_file {
    my ($path) = @_;
    open my $file, '<', $path or give_up("$path: $!");
    local $/;
    return scalar <$file>;
}

my ($memo) = ($ENV{QUERY_STRING} // '') =~ /^memo=([A-Za-z0-9.-]{1,100})$/;
connect_database();
if (!defined $memo) {
    query('SELECT COUNT(*) FROM memo');
    alarm 0;
    write_file("$SESSIONS/session-$ENV{SERVER_ADDR}", time);
    answer('200 OK', $SIGN_IN, 'text/html; charset=utf-8');
}
if ($ENV{REQUEST_METHOD} eq 'PUT') {
    alarm 0;
    read STDIN, my $attachment, $ENV{CONTENT_LENGTH} // 0;
    write_file("$FILES/$memo", $attachment);
    alarm $DATABASE_SECONDS;
    query(sprintf q{REPLACE INTO memo (name, digest) VALUES ('%s', SHA2(x'%s', 256))}, $memo, unpack 'H*', $attachment);
    answer('200 OK', "stored\n");
}
alarm 0;
my $attachment = read_file("$FILES/$memo");
alarm $DATABASE_SECONDS;
my $is_same = query(sprintf q{SELECT digest = SHA2(x'%s', 256) FROM memo WHERE name = '%s'}, unpack('H*', $attachment), $memo);
give_up("Memo $memo is missing.") if !defined $is_same;
give_up("The attachment of memo $memo is not the one that was stored.") if !$is_same;
answer('200 OK', $attachment);
