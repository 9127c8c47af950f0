# Port and folder are the test's.
use utf8;
Set($rtname, 'acme');
Set($Organization, 'acme.example');
Set($Timezone, 'UTC');
Set($WebDomain, '127.0.0.1');
Set($WebPort, $ENV{RT_TEST_PORT});
Set($WebPath, '');
Set($DatabaseType, 'SQLite');
Set($DatabaseName, "$ENV{RT_TEST_FOLDER}/rt.sqlite");
Set($DatabaseUser, '');
Set($DatabasePassword, '');
Set($DatabaseHost, '');
Set($DatabasePort, '');
Set($MailCommand, 'testfile');
Set($LogToSyslog, undef);
Set($LogToSTDERR, 'warning');
Set($LogToFile, undef);
Set($LogDir, $ENV{RT_TEST_FOLDER});
Set($WebSessionClass, 'Apache::Session::File');
Set($MasonDataDir, "$ENV{RT_TEST_FOLDER}/mason");
Set($MasonSessionDir, "$ENV{RT_TEST_FOLDER}/sessions");
# Every call hashes its token, at the default cost for a quarter of a second.
Set($BcryptCost, 4);
1;
